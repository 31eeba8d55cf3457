//! The values and decisions of Windlass: no clock, no file system, no network, no printing.
//!
//! | read | for |
//! |---|---|
//! | [`config`] | layers of YAML, TOML and JSON, merged, each value knowing where it came from; schemas |
//! | [`template`] | `${KEY}` substitution and `.j2` templates |
//! | [`trace`] | which key filled which line of a text |
//! | [`project`] | the project file, `windlass.toml` |
//! | [`secret`], [`redact`], [`fingerprint`] | values that cannot be shown, and the last filter |
//! | [`inventory`], [`select`] | inventories of Ansible, and which targets are meant |
//! | [`exposure`] | text that looks like a secret in plain text |
//! | [`release`], [`digest`], [`path`] | what is deployed, named by content |
//! | [`diff`], [`change`] | what differs, file by file and key by key |
//! | [`plan`], [`strategy`], [`budget`] | what will be done, in which order, and how much may fail |
//! | [`rollout`] | a deployment under way, as a state machine |
//! | [`rehearsal`] | what would come of one, on a virtual clock with made-up hosts |
//! | [`record`], [`event`] | what was done, and what is being done |
//! | [`retention`] | which releases are kept |
//! | [`environment`], [`target`], [`command`], [`health`], [`name`] | the words that the rest is said in |
//! | [`analysis`] | whether a canary is as good as what runs beside it |
//! | [`decimal`], [`prometheus`] | numbers as they were written, and what Prometheus answers |
//! | [`diagnostic`] | what is wrong, where, and what to do next |

pub mod analysis;
pub mod budget;
pub mod change;
pub mod command;
pub mod config;
pub mod decimal;
pub mod diagnostic;
pub mod diff;
pub mod digest;
pub mod duration;
pub mod environment;
pub mod event;
pub mod exposure;
pub mod fingerprint;
pub mod health;
pub mod inventory;
pub mod name;
pub mod path;
pub mod plan;
pub mod project;
pub mod prometheus;
pub mod record;
pub mod redact;
pub mod rehearsal;
pub mod release;
pub mod retention;
pub mod rollout;
pub mod secret;
pub mod select;
pub mod strategy;
pub mod target;
pub mod template;
mod toml_depth;
pub mod trace;
