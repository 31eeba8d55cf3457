//! `windlass config` and what follows it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use windlass_core::config::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print the merged configuration, or the layers that it is made of
    #[command(
        after_help = "Example:\n  windlass config show staging --format json\n  windlass config show staging --layers"
    )]
    Show(ConfigShow),
    /// Print one value
    #[command(after_help = "Example:\n  windlass config get staging database.host")]
    Get(ConfigKey),
    /// Show which layer set each value, or what filled which line of a file
    #[command(
        after_help = "Example:\n  windlass config explain staging database.host\n  windlass config explain staging --file nginx.conf"
    )]
    Explain(ConfigExplain),
    /// Check configuration against its schema; all environments unless one is named
    #[command(
        after_help = "Example:\n  windlass config validate staging\n  windlass config validate --format sarif > windlass.sarif"
    )]
    Validate(ConfigValidate),
    /// Check plain files against a schema, outside of any project
    #[command(
        after_help = "Example:\n  windlass config show staging --config app > staging.yaml\n  windlass config check --schema schemas/app.schema.json staging.yaml"
    )]
    Check(ConfigCheck),
    /// Change one value in the file of a layer; comments and all else stay
    #[command(
        after_help = "Example:\n  windlass config set staging server.workers 8 --dry-run\n  windlass config set staging server.workers 8"
    )]
    Set(ConfigSet),
    /// Bring the files of a configuration to another version; comments and all else stay
    #[command(
        after_help = "Example:\n  windlass config migrate staging --config worker --from 1 --to 2 --dry-run"
    )]
    Migrate(ConfigMigrate),
    /// Print a first JSON Schema, made from configuration as it is
    #[command(after_help = "Example:\n  windlass config schema --config worker > worker.json")]
    Schema(ConfigSchema),
    /// Print a commented configuration to start from, made from the schema
    #[command(after_help = "Example:\n  windlass config template staging --config app")]
    Template(ConfigTemplate),
}

#[derive(Debug, Args)]
pub(crate) struct ConfigShow {
    /// The environment
    pub(crate) environment: String,
    /// As this target sees it, where targets have variables of their own
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Which configuration, where the project has several
    #[arg(long, value_name = "NAME")]
    pub(crate) config: Option<String>,
    /// In which format
    #[arg(long, default_value = "yaml", value_name = "FORMAT")]
    pub(crate) format: Format,
    /// The layers instead, lowest first: a later one wins
    #[arg(long, conflicts_with = "format")]
    pub(crate) layers: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigKey {
    /// The environment
    pub(crate) environment: String,
    /// The key, with dots: database.host
    pub(crate) key: String,
    /// As this target sees it, where targets have variables of their own
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Which configuration, where the project has several
    #[arg(long, value_name = "NAME")]
    pub(crate) config: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigExplain {
    /// The environment
    pub(crate) environment: String,
    /// The key, with dots; all of them unless one is named
    pub(crate) key: Option<String>,
    /// A rendered file instead, line by line, with what filled each; by its path below `config_path`
    #[arg(long, value_name = "PATH", conflicts_with_all = ["key", "config"])]
    pub(crate) file: Option<String>,
    /// As this target sees it, where targets have variables of their own
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Which configuration, where the project has several
    #[arg(long, value_name = "NAME")]
    pub(crate) config: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigValidate {
    /// The environment
    pub(crate) environment: Option<String>,
    /// How it is said; `--output json` is the same as `--format json`
    #[arg(long, value_enum, default_value_t = Report::Text, value_name = "FORMAT")]
    pub(crate) format: Report,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigCheck {
    /// The JSON Schema, in JSON, YAML or TOML
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: PathBuf,
    /// How it is said; `--output json` is the same as `--format json`
    #[arg(long, value_enum, default_value_t = Report::Text, value_name = "FORMAT")]
    pub(crate) format: Report,
    /// Files, or directories with .yaml, .yml, .toml and .json files
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}

/// How it is said what is wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Report {
    /// For people, with the lines that are meant
    #[default]
    Text,
    /// One JSON object
    Json,
    /// SARIF 2.1.0, for code scanning and editors
    Sarif,
    /// Annotations in GitHub's logs and pull requests
    Github,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigSet {
    /// The environment
    pub(crate) environment: String,
    /// The key, with dots: database.host
    pub(crate) key: String,
    /// The value: JSON where the schema allows other than text, text otherwise
    #[arg(allow_hyphen_values = true)]
    pub(crate) value: String,
    /// Which configuration, where the project has several
    #[arg(long, value_name = "NAME")]
    pub(crate) config: Option<String>,
    /// The file of the layer [default: that which sets the key now, else the last one]
    #[arg(long, value_name = "FILE")]
    pub(crate) layer: Option<String>,
    /// Only show what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigMigrate {
    /// The environment
    pub(crate) environment: String,
    /// The version that the configuration is to have
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: String,
    /// The version that it has [default: what it says]
    #[arg(long, value_name = "VERSION")]
    pub(crate) from: Option<String>,
    /// Which configuration, where the project has several
    #[arg(long, value_name = "NAME")]
    pub(crate) config: Option<String>,
    /// Only show what would change; commands of rules run all the same
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigSchema {
    /// The environments to learn from [default: all]
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) environments: Vec<String>,
    /// Which configuration, where the project has several
    #[arg(long, value_name = "NAME")]
    pub(crate) config: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigTemplate {
    /// The environment whose schema it is [default: the first]
    pub(crate) environment: Option<String>,
    /// Which configuration, where the project has several
    #[arg(long, value_name = "NAME")]
    pub(crate) config: Option<String>,
    /// In which format; only required keys are written in JSON, which knows no comments
    #[arg(long, default_value = "yaml", value_name = "FORMAT")]
    pub(crate) format: Format,
}
