//! What happens on a host: files are staged, checked, activated, probed and taken back.
//!
//! Nothing here knows projects, configurations or other hosts. The engine calls it in process for
//! `local:` targets.
//!
//! | read | for |
//! |---|---|
//! | [`site`] | one `config_path` on one root: inspect, stage, activate, recover |
//! | [`run`] | commands, with a time limit and all their children |
//! | [`probe`] | health checks |
//! | [`work`] | one target's part of a deployment: prepare, then activate |

pub mod probe;
pub mod run;
pub mod site;
pub mod work;
