//! Examination: whether everything that is remembered is whole, and what can be mended.
//!
//! | read | for |
//! |---|---|
//! | [`Examine`], [`Diagnosis`], [`Finding`] | what is asked, and what is found |
//! | `workspace` | the directory: whose it is, who can read it, what it lies on |
//! | `state` | records and environments, deployments that nobody finished |
//! | `content` | objects, and the releases that records promise |
//! | `targets` | journals on targets |

mod content;
mod state;
mod targets;
mod workspace;

use serde::Serialize;

use crate::engine::Engine;
use crate::error::Error;

/// How an examination is done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Examine {
    /// Mend what can be.
    pub fix: bool,
    /// Leave the targets alone.
    pub offline: bool,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It may become a problem.
    Warning,
    /// Something is lost, or keeps deployments from working.
    Error,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about: a path, a deployment, a target.
    pub subject: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub problem: String,
    /// What mends it: the examination itself where it is told to, or a person.
    pub repair: Option<String>,
    /// Whether it was mended just now.
    pub repaired: bool,
}

impl Finding {
    fn new(severity: Severity, subject: impl Into<String>, problem: impl Into<String>) -> Self {
        let (subject, problem) = (subject.into(), problem.into());
        Self { subject, severity, problem, repair: None, repaired: false }
    }

    fn repair(self, repair: impl Into<String>) -> Self {
        Self { repair: Some(repair.into()), ..self }
    }

    fn repaired(self, repaired: bool) -> Self {
        Self { repaired, ..self }
    }

    /// Tells whether it still has to be dealt with.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.severity > Severity::Note && !self.repaired
    }
}

/// What an examination looked at, and what it found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Diagnosis {
    /// Records that could be read.
    pub records: u64,
    /// Environments that were looked at.
    pub environments: u64,
    /// Objects that were read and found to be what their names say.
    pub objects: u64,
    /// Objects that are sealed with keys that are not here: nobody can tell.
    pub objects_locked: u64,
    /// Targets that answered.
    pub targets: u64,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Tells whether nothing is left to be dealt with.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.findings.iter().any(Finding::is_open)
    }
}

impl Engine {
    /// Looks at every record, every object and every target's journal, and mends what it is told to.
    ///
    /// What is damaged is set aside, never deleted; what nobody else knows is never made up.
    ///
    /// # Errors
    /// When the workspace cannot be read at all, or what is to be mended cannot be written.
    pub async fn examine(&self, how: Examine, who: &str) -> Result<Diagnosis, Error> {
        let mut diagnosis = Diagnosis::default();
        diagnosis.findings.extend(self.examine_workspace()?);
        let in_use = self.examine_state(how, who, &mut diagnosis).await?;
        self.examine_content(how, &mut diagnosis).await?;
        if !how.offline {
            self.examine_targets(&in_use, &mut diagnosis).await?;
        }
        Ok(diagnosis)
    }
}
