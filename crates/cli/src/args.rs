//! What can be typed.

mod config;
mod secrets;
mod state;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};
use windlass_core::duration::parse_duration;
use windlass_core::environment::EnvironmentType;
use windlass_core::name::EnvironmentName;
use windlass_core::rehearsal::{Fault, InvalidFault};
use windlass_core::select::Selection;

pub(crate) use self::config::{
    Config, ConfigCheck, ConfigExplain, ConfigKey, ConfigMigrate, ConfigSchema, ConfigSet,
    ConfigShow, ConfigTemplate, ConfigValidate, Report,
};

pub(crate) use self::secrets::{
    Secrets, SecretsDecrypt, SecretsEncrypt, SecretsFile, SecretsFiles, SecretsInit, SecretsList,
    SecretsMerge, SecretsName, SecretsRecipient, SecretsRecipients, SecretsRotate, SecretsSet,
    ValueFrom,
};

pub(crate) use self::state::{Doctor, Gc, Pin};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Rolls configuration and services out to a fleet of Linux hosts, and winds them back.
#[derive(Debug, Parser)]
#[command(name = "windlass", version, styles = STYLES, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done · 1 failed, nothing changed · 2 wrong command line · \
3 changes, drift or findings · 4 failed and rolled back · 5 failed and not wholly rolled back · \
6 paused · 7 locked by someone else")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Options of every command.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The project file, or a directory in the project
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "WINDLASS_PROJECT",
        hide_env_values = true
    )]
    pub(crate) project: Option<PathBuf>,
    /// Where state is kept [default: .windlass beside the project file]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "WINDLASS_WORKSPACE",
        hide_env_values = true
    )]
    pub(crate) workspace: Option<PathBuf>,
    /// What is printed on stdout
    #[arg(long, global = true, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub(crate) output: Output,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
    /// Write the engine's events as JSON lines to this file, or to stderr with `-`
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    /// No progress, no messages but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Log more: -v what is done, -vv how
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// What is printed on stdout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    #[default]
    Text,
    /// One JSON object, whose fields are only ever added to
    Json,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What is asked.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Write a project that deploys as it is
    #[command(after_help = "Example:\n  windlass init\n  windlass deploy development")]
    Init(Init),
    /// List, show or create environments
    #[command(subcommand, after_help = "Example:\n  windlass env list")]
    Env(Env),
    /// Look into configuration, check it, change it
    #[command(subcommand, after_help = "Example:\n  windlass config explain staging database.host")]
    Config(Config),
    /// Render the files of an environment
    #[command(after_help = "Example:\n  windlass render staging --out rendered")]
    Render(Render),
    /// Show what a deployment would change
    #[command(
        after_help = "Example:\n  windlass plan staging\n  windlass plan staging --out staging.plan\n  windlass apply staging.plan"
    )]
    Plan(Plan),
    /// Deploy to every target of an environment
    #[command(
        after_help = "Example:\n  windlass deploy staging\n  windlass deploy staging --file config/app.yaml\n  windlass deploy staging --target 'local:*'\n  windlass deploy staging --rehearse\n  windlass deploy staging --rehearse --hosts 40 --fault 'host 7 flaps'"
    )]
    Deploy(Deploy),
    /// Carry out a saved plan, if the targets are still as they were
    #[command(
        after_help = "Example:\n  windlass plan production --out production.plan\n  windlass apply production.plan"
    )]
    Apply(Apply),
    /// Ask the targets what is live on them
    #[command(after_help = "Example:\n  windlass status staging")]
    Status(Status),
    /// List targets, try to reach them, remove what is kept on them
    #[command(subcommand, after_help = "Example:\n  windlass targets check staging")]
    Targets(Targets),
    /// List deployments, newest first
    #[command(after_help = "Example:\n  windlass history staging --limit 5")]
    History(History),
    /// Show the record of one deployment
    #[command(after_help = "Example:\n  windlass show deploy_staging_1700000000")]
    Show(Show),
    /// Undo a deployment, or return to an earlier one
    #[command(
        after_help = "Example:\n  windlass rollback staging\n  windlass rollback deploy_staging_1700000000\n  windlass rollback staging --to deploy_staging_1700000000"
    )]
    Rollback(Rollback),
    /// Let no further target of a running deployment go down
    #[command(after_help = "Example:\n  windlass pause staging")]
    Pause(Steer),
    /// Go on with a deployment that is paused, or whose process died
    #[command(after_help = "Example:\n  windlass resume deploy_staging_1700000000")]
    Resume(Resume),
    /// Go on without what the stage still waits for
    #[command(after_help = "Example:\n  windlass promote staging")]
    Promote(Steer),
    /// Approve a stage that waits for it
    #[command(after_help = "Example:\n  windlass approve staging")]
    Approve(Steer),
    /// Take back all that a running deployment moved
    #[command(after_help = "Example:\n  windlass abort staging")]
    Abort(Steer),
    /// Keep secrets in git: SOPS files, read and written, rotated and checked
    #[command(
        subcommand,
        after_help = "Example:\n  windlass secrets init\n  windlass secrets list staging"
    )]
    Secrets(Secrets),
    /// Check everything in the workspace and on the targets, and mend what can be
    #[command(after_help = "Example:\n  windlass doctor --offline\n  windlass doctor --fix")]
    Doctor(Doctor),
    /// Remove from the workspace what nothing can return to any more
    #[command(after_help = "Example:\n  windlass gc --dry-run\n  windlass gc --max-size 2GiB")]
    Gc(Gc),
    /// Keep the release of a deployment, however old it gets
    #[command(
        after_help = "Example:\n  windlass pin deploy_staging_1700000000 --why 'last good before the move'\n  windlass pin deploy_staging_1700000000 --remove"
    )]
    Pin(Pin),
    /// Print the JSON Schema of windlass.toml, for editors
    #[command(after_help = "Example:\n  windlass schema > windlass.schema.json")]
    Schema,
    /// Print the completions of a shell
    #[command(after_help = "Example:\n  windlass completions bash >> ~/.bash_completion")]
    Completions(Completions),
    /// Write the manual pages
    #[command(after_help = "Example:\n  windlass man ~/.local/share/man/man1")]
    Man(Man),
}

impl Verb {
    /// Returns how long to wait for an environment that somebody else works on.
    pub(crate) fn lock_wait(&self) -> Option<Duration> {
        match self {
            Self::Deploy(args) => args.act.lock_wait,
            Self::Rollback(args) => args.act.lock_wait,
            Self::Apply(args) => args.lock_wait,
            Self::Resume(args) => args.lock_wait,
            _ => None,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Where; the directory is made if it is not there
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// The name of the project [default: that of the directory]
    #[arg(long)]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Env {
    /// List environments
    #[command(after_help = "Example:\n  windlass env list --output json")]
    List,
    /// Show one environment
    #[command(after_help = "Example:\n  windlass env show staging")]
    Show {
        /// The environment
        name: String,
    },
    /// Create an environment that is kept in the workspace
    #[command(
        after_help = "Example:\n  windlass env create qa --config-path /etc/shop --target local:./state/qa"
    )]
    Create(EnvCreate),
}

#[derive(Debug, Args)]
pub(crate) struct EnvCreate {
    /// Its name
    pub(crate) name: EnvironmentName,
    /// Its type: development, staging, production or testing
    #[arg(long = "type", default_value = "development", value_name = "TYPE")]
    pub(crate) environment_type: EnvironmentType,
    /// Where its files go, below the root of each target
    #[arg(long, value_name = "PATH")]
    pub(crate) config_path: String,
    /// A target; give it again for more [default: local:/]
    #[arg(long = "target", value_name = "ADDRESS")]
    pub(crate) targets: Vec<String>,
    /// A variable; give it again for more
    #[arg(long = "var", value_name = "KEY=VALUE", value_parser = variable)]
    pub(crate) variables: Vec<(String, String)>,
    /// Ask before each deployment
    #[arg(long)]
    pub(crate) protect: bool,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    let letters = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if key.is_empty() || !letters || key.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("`{key}` is not a variable name: letters, digits and _"));
    }
    Ok((key.to_owned(), value.to_owned()))
}

#[derive(Debug, Args)]
pub(crate) struct Render {
    /// The environment
    pub(crate) environment: String,
    /// As this target gets them, where targets have variables of their own
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Write the files below this directory, which must be empty or new
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Only this file, as it is named on the target
    #[arg(long, value_name = "PATH", conflicts_with = "out")]
    pub(crate) file: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The environment
    pub(crate) environment: String,
    #[command(flatten)]
    pub(crate) choose: Choose,
    /// Save the plan for `windlass apply`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Exit with 3 when there are changes
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Plan single files instead of the services of the project
    #[arg(long = "file", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// Which targets are meant.
#[derive(Debug, Default, Args)]
pub(crate) struct Choose {
    /// Only these targets: names, patterns (`web*`), ranges (`web[1:3]`), `!` leaves out
    #[arg(short, long = "target", value_name = "PATTERN")]
    pub(crate) targets: Vec<String>,
    /// Only the targets in this group
    #[arg(short, long = "group", value_name = "NAME")]
    pub(crate) groups: Vec<String>,
}

impl Choose {
    /// Returns what was chosen.
    pub(crate) fn selection(&self) -> Selection {
        Selection::new(self.targets.clone(), self.groups.clone())
    }
}

/// `windlass targets`
#[derive(Debug, Subcommand)]
pub(crate) enum Targets {
    /// List the targets, those of the inventory among them
    #[command(after_help = "Example:\n  windlass targets list staging")]
    List(SomeTargets),
    /// Try to reach the targets, and say what a deployment would not get past
    #[command(after_help = "Example:\n  windlass targets check staging")]
    Check(SomeTargets),
    /// Remove the agent from hosts; what was deployed stays
    #[command(after_help = "Example:\n  windlass targets forget staging")]
    Forget(SomeTargets),
}

#[derive(Debug, Args)]
pub(crate) struct SomeTargets {
    /// The environment
    pub(crate) environment: String,
    #[command(flatten)]
    pub(crate) choose: Choose,
}

#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// The environment
    pub(crate) environment: String,
    #[command(flatten)]
    pub(crate) choose: Choose,
    /// Deploy single files instead of the services of the project
    #[arg(long = "file", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) rehearse: Rehearse,
    #[command(flatten)]
    pub(crate) act: Act,
}

/// A deployment that is only rehearsed.
#[derive(Debug, Args)]
pub(crate) struct Rehearse {
    /// Show what the rollout would come to on a virtual clock; touch no target
    #[arg(long, conflicts_with = "files")]
    pub(crate) rehearse: bool,
    /// Rehearse what goes wrong: `host 7 unhealthy at 25%`, `operator killed at stage 2`,
    /// `abort at 90s`
    #[arg(long = "fault", value_name = "TEXT", requires = "rehearse", value_parser = parse_fault)]
    pub(crate) faults: Vec<Fault>,
    /// Rehearse with so many made-up hosts in place of the targets
    #[arg(long, value_name = "N", requires = "rehearse")]
    pub(crate) hosts: Option<u32>,
    /// Rehearse with other durations
    #[arg(long, value_name = "N", requires = "rehearse")]
    pub(crate) seed: Option<u64>,
}

/// Reads what happens in a rehearsal.
fn parse_fault(text: &str) -> Result<Fault, String> {
    text.parse().map_err(|error: InvalidFault| format!("{error}: {}", error.hint))
}

#[derive(Debug, Args)]
pub(crate) struct Act {
    /// Do not ask, even where the environment is protected
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Who does it, for the record [default: user@host]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Wait so long for an environment that somebody else is working on, such as `5m`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) lock_wait: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The plan
    pub(crate) plan: PathBuf,
    /// Who does it, for the record [default: user@host]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Wait so long for an environment that somebody else is working on, such as `5m`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) lock_wait: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The environment
    pub(crate) environment: String,
    #[command(flatten)]
    pub(crate) choose: Choose,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// Only this environment
    pub(crate) environment: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The deployment
    pub(crate) deployment: String,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// A deployment to undo, or an environment whose latest deployment is undone
    #[arg(value_name = "ID|ENV")]
    pub(crate) subject: String,
    /// Return to what this deployment deployed
    #[arg(long, value_name = "ID")]
    pub(crate) to: Option<String>,
    /// Only show what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) act: Act,
}

#[derive(Debug, Args)]
pub(crate) struct Steer {
    /// A deployment, or an environment that is being deployed to
    #[arg(value_name = "ID|ENV")]
    pub(crate) subject: String,
    /// Who asks [default: user@host]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// A deployment, or an environment that is being deployed to
    #[arg(value_name = "ID|ENV")]
    pub(crate) subject: String,
    /// Who does it, for the lock [default: user@host]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Wait so long for an environment that somebody else is working on, such as `5m`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) lock_wait: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Where; the page of `windlass` itself goes to stdout without it
    pub(crate) directory: Option<PathBuf>,
}
