//! The engine of Windlass: it renders, plans, deploys and rolls back, and emits events about it.
//!
//! [`ConfigurationDeployer`] is the whole of it in a few methods; [`Engine`] is what the command
//! line uses.
//!
//! | read | for |
//! |---|---|
//! | [`engine`], [`deployer`] | what can be asked |
//! | [`manager`] | configuration for a program of your own |
//! | [`project`], [`configuration`], [`render`], [`sources`], [`artifact`] | from a project to files |
//! | [`deploy`], [`rollback`], [`status`], [`executor`] | from files to targets, and back |
//! | [`targets`] | which targets are meant, and whether they can be reached |
//! | [`host`], [`health`] | how a target is reached, and whether it is well |
//! | [`secrets`] | secrets in SOPS files, and who sees to it that they are not shown |
//! | [`analysis`] | whether a canary is as good as what runs beside it |
//! | [`store`], [`objects`] | what is remembered |
//! | [`collection`], [`doctor`] | what is forgotten, and whether all that is remembered is whole |
//! | [`events`], [`clock`], [`error`] | what is said, when, and what goes wrong |

pub mod analysis;
mod apply;
pub mod artifact;
mod build;
mod carried_out;
mod carry_out;
pub mod clock;
pub mod collection;
mod commands;
pub mod configuration;
pub mod deploy;
pub mod deployer;
pub mod doctor;
pub mod documents;
mod durable;
pub mod engine;
pub mod error;
pub mod events;
pub mod executor;
mod filter;
mod fleet;
pub mod health;
pub mod host;
mod inventory;
pub mod manager;
pub mod objects;
mod planner;
pub mod project;
mod records;
mod recovery;
pub mod rehearse;
mod remote;
pub mod render;
mod resume;
pub mod rollback;
pub mod secrets;
pub mod sources;
pub mod status;
pub mod store;
pub mod targets;
mod terms;
mod ways;

pub use analysis::CanaryAnalyzer;
pub use deploy::Input;
pub use deployer::{ConfigurationDeployer, deploy_configuration};
pub use engine::{Engine, Options};
pub use error::Error;
pub use events::EventSink;
pub use health::HealthChecker;
pub use manager::{
    Configuration, ConfigurationManager, load_configuration, validate_configuration,
};
pub use rehearse::Rehearsal;
pub use rollback::Subject;
pub use secrets::{SecretManager, encrypt_configuration, manage_secrets};
pub use windlass_core::config::Schema as ConfigSchema;
pub use windlass_core::config::migrate::ConfigMigrator;
pub use windlass_core::config::{Format, ListMerge, MergeRules};
pub use windlass_core::environment::{Environment, EnvironmentType};
pub use windlass_core::record::{ConfigDeployment, DeploymentStatus};
pub use windlass_core::rehearsal;
pub use windlass_core::select::Selection;
pub use windlass_sops as sops;

/// The examples of `docs/library.md`, which are run with those of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/library.md")]
struct Library;

/// The example of `docs/analysis.md`.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/analysis.md")]
struct Analysis;
