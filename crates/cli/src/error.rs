//! Errors at the edge: the only place that knows exit codes and hints.

use serde_json::{Value, json};
use windlass::error::describe;
use windlass::secrets::SecretsError;
use windlass::store::StoreError;
use windlass::{ConfigDeployment, Error};
use windlass_core::diagnostic::{Diagnostic, nearest};
use windlass_core::record::Outcome;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done, and verified or nothing to verify.
    Done = 0,
    /// Failed; nothing changed.
    Failed = 1,
    /// The command line was wrong.
    Usage = 2,
    /// There are changes, or findings.
    Changes = 3,
    /// Failed and rolled back: everything is as before.
    RolledBack = 4,
    /// Failed and not wholly rolled back.
    NotWhollyRolledBack = 5,
    /// Someone else holds the lock.
    Locked = 7,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum CliError {
    /// The engine says so.
    Engine(Error),
    /// The words do not make sense together.
    Usage { message: String, hint: Option<String> },
    /// Writing the output failed.
    Output(std::io::Error),
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl CliError {
    /// Returns the error for a command line that cannot be meant.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: None }
    }

    /// Returns the exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Engine(Error::Failed(record)) => exit_of(record),
            Self::Engine(Error::Interrupted { .. }) => Exit::NotWhollyRolledBack,
            Self::Engine(Error::Unrecorded { record, .. })
                if record.moved_a_target() || record.outcome() == Outcome::NotWhollyRolledBack =>
            {
                Exit::NotWhollyRolledBack
            }
            Self::Engine(
                Error::Busy
                | Error::Store(StoreError::Held { .. })
                | Error::Secrets(SecretsError::Locked { .. }),
            ) => Exit::Locked,
            Self::Engine(_) | Self::Output(_) => Exit::Failed,
            Self::Usage { .. } => Exit::Usage,
        }
    }

    /// Returns what is wrong, with places where there are any, and what to do next.
    pub(crate) fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Engine(Error::Invalid(diagnostics)) => diagnostics.clone(),
            Self::Engine(Error::Secrets(error)) => error.diagnostics(),
            Self::Engine(error) => vec![with_hint(Diagnostic::error(describe(error)), hint(error))],
            Self::Usage { message, hint } => {
                vec![with_hint(Diagnostic::error(message.clone()), hint.clone())]
            }
            Self::Output(error) => vec![Diagnostic::error(format!("cannot write output: {error}"))],
        }
    }

    /// Returns what a person reads: of a deployment, whose record says the rest, only how it ended.
    pub(crate) fn summary(&self) -> Vec<Diagnostic> {
        match self {
            Self::Engine(Error::Failed(record)) => vec![ending(record)],
            _ => self.diagnostics(),
        }
    }

    /// Returns the stable name of the kind of error.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Engine(error) => error.kind(),
            Self::Usage { .. } => "usage",
            Self::Output(_) => "output",
        }
    }

    /// Returns the JSON contract's object for this error.
    pub(crate) fn to_json(&self) -> Value {
        let diagnostics = self.diagnostics();
        let mut error = diagnostics.first().map_or_else(|| json!({}), diagnostic_json);
        error["kind"] = json!(self.kind());
        let mut object = match self {
            Self::Engine(Error::Failed(record)) => json!(record),
            _ => json!({ "schema": 1 }),
        };
        object["error"] = error;
        object["exit_code"] = json!(self.exit() as u8);
        if diagnostics.len() > 1 {
            object["errors"] = diagnostics.iter().map(diagnostic_json).collect();
        }
        object
    }
}

/// Returns the exit code that tells how a deployment ended.
pub(crate) fn exit_of(record: &ConfigDeployment) -> Exit {
    match record.outcome() {
        Outcome::Done => Exit::Done,
        Outcome::NothingChanged => Exit::Failed,
        Outcome::RolledBack => Exit::RolledBack,
        Outcome::NotWhollyRolledBack => Exit::NotWhollyRolledBack,
    }
}

/// Returns a diagnostic as the JSON contract has it.
pub(crate) fn diagnostic_json(diagnostic: &Diagnostic) -> Value {
    json!({
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": diagnostic.file,
        "line": diagnostic.position.map(|at| at.line),
        "column": diagnostic.position.map(|at| at.column),
        "hint": diagnostic.hint,
    })
}

fn with_hint(diagnostic: Diagnostic, hint: Option<String>) -> Diagnostic {
    match hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

fn hint(error: &Error) -> Option<String> {
    let text = match error {
        Error::NoProject { .. } => {
            "run `windlass init` to write one, or say where it is with `--project`".to_owned()
        }
        Error::UnknownEnvironment { name, known } => unknown_environment(name, known),
        Error::EnvironmentExists(name) => format!("`windlass env show {name}` shows it"),
        Error::UnknownDeployment(_) => "`windlass history` lists the deployments".to_owned(),
        Error::NotReversible { deployment, .. } => {
            format!("`windlass show {deployment}` shows what it did")
        }
        Error::NotUnderWay(deployment) => {
            format!(
                "`windlass show {deployment}` shows it; `windlass resume` goes on with one that was interrupted"
            )
        }
        Error::NothingUnderWay(_) => "`windlass history` lists the deployments".to_owned(),
        Error::NotResumable { deployment, .. } => {
            format!("`windlass show {deployment}` shows it; `windlass rollback` takes back")
        }
        Error::Protected(_) => {
            "add `--yes`, or save a plan with `windlass plan --out` and `windlass apply` it"
                .to_owned()
        }
        Error::Stale(_) | Error::BadPlan { .. } => {
            "make a new plan with `windlass plan --out`".to_owned()
        }
        Error::Obstructed(_) => {
            "windlass replaces only files that it put there: move them away, or choose another path"
                .to_owned()
        }
        Error::Failed(record) => after_failure(record),
        Error::Store(StoreError::Held { .. }) => {
            "wait until it is done (`--lock-wait 5m` does), or look at `windlass history`"
                .to_owned()
        }
        Error::Store(StoreError::Corrupt { .. }) => {
            "see what `windlass doctor` says of it: with `--fix` it mends what it can".to_owned()
        }
        Error::Busy => "try again when it is done".to_owned(),
        Error::LockedRelease(_) => {
            "nothing was removed: collect where the key of the secrets is".to_owned()
        }
        _ => return None,
    };
    Some(text)
}

fn unknown_environment(name: &str, known: &[String]) -> String {
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => {
            "there are none yet: see `windlass env create --help`".to_owned()
        }
        None => format!("known are {}", known.join(", ")),
    }
}

fn ending(record: &ConfigDeployment) -> Diagnostic {
    let id = &record.deployment_id;
    let end = match record.outcome() {
        Outcome::NotWhollyRolledBack => "failed, and some targets are not as before",
        Outcome::RolledBack => "failed and was rolled back: every target is as it was before",
        _ => "failed: nothing on the targets changed",
    };
    Diagnostic::error(format!("{id} {end}"))
}

fn after_failure(record: &ConfigDeployment) -> String {
    let id = &record.deployment_id;
    match record.outcome() {
        Outcome::NotWhollyRolledBack => {
            format!("some targets are not as before: `windlass show {id}` names them")
        }
        Outcome::RolledBack => "every target is as it was before".to_owned(),
        _ => "nothing on the targets changed".to_owned(),
    }
}
