//! What happens on a host: files are staged, checked, activated, probed and taken back.
//!
//! Nothing here knows projects, configurations or other hosts. The engine calls it in process for
//! `local:` targets, and through [`protocol`] on other hosts, where the binary `windlass-agent` runs
//! [`serve`].
//!
//! | read | for |
//! |---|---|
//! | [`site`] | one `config_path` on one root: inspect, stage, activate, recover |
//! | [`run`] | commands, with a time limit and all their children |
//! | [`probe`] | health checks |
//! | [`work`] | one target's part of a deployment: prepare, then activate |
//! | [`guard`] | the dead man's switch: going back unless somebody confirms |
//! | [`interrupt`] | ending commands and waits that nobody waits for any more |
//! | [`protocol`] | what the operator and an agent say to each other |
//! | [`serve`] | an agent at work for an operator elsewhere |

pub mod guard;
pub mod interrupt;
pub mod probe;
pub mod protocol;
pub mod run;
pub mod serve;
pub mod site;
pub mod work;
