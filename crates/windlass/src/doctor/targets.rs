//! What targets say of themselves.

use std::collections::BTreeSet;

use windlass_agent::site::Inspection;
use windlass_core::environment::Environment;
use windlass_core::name::EnvironmentName;
use windlass_core::target::TargetId;

use super::{Diagnosis, Finding, Severity};
use crate::engine::Engine;
use crate::error::{Error, describe};

impl Engine {
    /// Asks the targets of all environments; what is open on those `in_use` is being worked on.
    pub(super) async fn examine_targets(
        &self,
        in_use: &BTreeSet<EnvironmentName>,
        diagnosis: &mut Diagnosis,
    ) -> Result<(), Error> {
        for environment in self.environments().await? {
            diagnosis.environments += 1;
            let busy = in_use.contains(&environment.name);
            let name = environment.name.clone();
            let asked = match self.with_inventory(environment).await {
                Ok(environment) => self.ask_targets(&environment, busy, diagnosis).await,
                Err(error) => Err(error),
            };
            if let Err(error) = asked {
                let subject = format!("environment `{name}`");
                diagnosis.findings.push(Finding::new(Severity::Error, subject, describe(&error)));
            }
        }
        Ok(())
    }

    async fn ask_targets(
        &self,
        environment: &Environment,
        busy: bool,
        diagnosis: &mut Diagnosis,
    ) -> Result<(), Error> {
        let fleet = self.fleet(&environment.targets, &environment.config_path)?;
        let answers = fleet.ask_all(|_, host| async move { host.inspect(None).await }).await;
        let redactor = self.redaction.redactor();
        for (target, answer) in answers {
            match answer {
                Ok(seen) => {
                    diagnosis.targets += 1;
                    let open = interrupted(environment, &target, &seen).filter(|_| !busy);
                    diagnosis.findings.extend(open);
                }
                Err(error) => {
                    let problem =
                        format!("it cannot be asked: {}", describe(&error.redacted(&redactor)));
                    let subject = subject(environment, &target);
                    diagnosis.findings.push(Finding::new(Severity::Warning, subject, problem));
                }
            }
        }
        Ok(())
    }
}

fn subject(environment: &Environment, target: &TargetId) -> String {
    format!("{target} of `{}`", environment.name)
}

fn interrupted(environment: &Environment, target: &TargetId, seen: &Inspection) -> Option<Finding> {
    let interrupted = seen.interrupted.as_ref()?;
    let problem = format!("its journal is open: {} was interrupted on it", interrupted.deployment);
    let repair =
        "the next deployment or rollback ends it, from the workspace that began it or any other";
    Some(Finding::new(Severity::Error, subject(environment, target), problem).repair(repair))
}
