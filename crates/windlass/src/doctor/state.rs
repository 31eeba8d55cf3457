//! Records and environments, and deployments that nobody finished.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::name::EnvironmentName;
use windlass_core::record::ConfigDeployment;

use super::{Diagnosis, Examine, Finding, Severity};
use crate::engine::Engine;
use crate::error::{Error, describe};
use crate::store::{Flaw, StoreError};

const RECOVER: &str =
    "end it: a deployment is taken back, a rollback is finished; or go on with `windlass resume`";

impl Engine {
    /// Looks at what the store keeps, and returns the environments that somebody works on.
    pub(super) async fn examine_state(
        &self,
        how: Examine,
        who: &str,
        diagnosis: &mut Diagnosis,
    ) -> Result<BTreeSet<EnvironmentName>, Error> {
        let flaws = self.store.examine(how.fix).await?;
        diagnosis.findings.extend(flaws.into_iter().map(finding));
        let records = self.listing(None).await?.items;
        diagnosis.records = records.len() as u64;
        let mut in_use = BTreeSet::new();
        for (environment, unfinished) in unfinished(&records) {
            match self.lock(environment, who, "doctor").await {
                Ok(_lock) => {
                    let found = self.examine_unfinished(environment, &unfinished, how).await;
                    diagnosis.findings.extend(found);
                }
                Err(held) => {
                    in_use.insert(environment.clone());
                    diagnosis.findings.push(in_progress(environment, &held));
                }
            }
        }
        Ok(in_use)
    }

    /// Says of deployments that nobody works on that they were interrupted, and ends them. The caller holds
    /// the lock.
    async fn examine_unfinished(
        &self,
        environment: &EnvironmentName,
        unfinished: &[&ConfigDeployment],
        how: Examine,
    ) -> Vec<Finding> {
        let (repaired, problem) = match how.fix {
            true => match self.recover_interrupted(environment).await {
                Ok(_) => (true, String::new()),
                Err(error) => (false, format!("; it could not be ended: {}", describe(&error))),
            },
            false => (false, String::new()),
        };
        let finding = |record: &&ConfigDeployment| {
            let problem = format!("it was interrupted, and nobody works on it{problem}");
            let finding = Finding::new(Severity::Error, record.deployment_id.as_str(), problem);
            finding.repair(RECOVER).repaired(repaired)
        };
        unfinished.iter().map(finding).collect()
    }
}

fn in_progress(environment: &EnvironmentName, held: &Error) -> Finding {
    let subject = format!("environment `{environment}`");
    match held {
        Error::Store(StoreError::Held { holder: Some(holder), .. }) => {
            Finding::new(Severity::Note, subject, format!("in use by {holder}"))
        }
        error => Finding::new(Severity::Warning, subject, describe(error)),
    }
}

fn unfinished(records: &[ConfigDeployment]) -> BTreeMap<&EnvironmentName, Vec<&ConfigDeployment>> {
    let mut unfinished: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in records.iter().filter(|record| !record.status.is_terminal()) {
        unfinished.entry(&record.environment).or_default().push(record);
    }
    unfinished
}

fn finding(flaw: Flaw) -> Finding {
    let Flaw { subject, problem, repair, repaired } = flaw;
    let severity = match problem {
        StoreError::Newer { .. } => Severity::Warning,
        _ => Severity::Error,
    };
    let repair = repair.unwrap_or_else(|| match problem {
        StoreError::Newer { .. } => "use the newer version".to_owned(),
        _ => "restore it from a backup, or move it away: then what it says is lost".to_owned(),
    });
    Finding::new(severity, subject, describe(&problem)).repair(repair).repaired(repaired)
}
