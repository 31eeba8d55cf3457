//! Plan and deploy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::error;
use windlass_core::diagnostic::Diagnostic;
use windlass_core::environment::Environment;
use windlass_core::plan::{Intent, Plan};
use windlass_core::record::ConfigDeployment;
use windlass_core::select::Selection;
use windlass_core::target::{Address, Target, TargetId};

use crate::build::Built;
use crate::carried_out;
use crate::carry_out::Planned;
use crate::engine::Engine;
use crate::error::Error;
use crate::planner::Draft;
use crate::project::PROJECT_FILE;
use crate::records::{Attempt, Past};
use crate::targets::choose;

/// What is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The services of the project that the environment runs.
    Project,
    /// Single files, each rendered and placed under its own name in the `config_path`.
    Files(Vec<PathBuf>),
}

impl Engine {
    /// Returns what a deployment would do. Nothing on a target changes; what was rendered is kept
    /// in the object store, so that `apply` deploys exactly that.
    ///
    /// # Errors
    /// [`Error::Invalid`] with all that is wrong in the inputs, or what stands in the way.
    pub async fn plan(&self, environment: &str, input: &Input) -> Result<Plan, Error> {
        self.plan_on(environment, input, &Selection::default()).await
    }

    /// Does the same as [`plan`](Self::plan), for some of the targets. What is released is the same as for
    /// all of them, so that what is deployed to the others later is the same release.
    ///
    /// # Errors
    /// As [`plan`](Self::plan), and where what is chosen means nothing.
    pub async fn plan_on(
        &self,
        environment: &str,
        input: &Input,
        chosen: &Selection,
    ) -> Result<Plan, Error> {
        let environment = self.environment(environment).await?;
        let past = self.past(&environment.name).await?;
        let plan = self.plan_deployment(&environment, input, chosen, past).await?.plan;
        if let Some(release) = plan.release {
            let noted = self.objects.note_planned(&release.0);
            noted.map_err(Error::io("write in", self.objects.path()))?;
        }
        Ok(plan)
    }

    async fn plan_deployment(
        &self,
        environment: &Environment,
        input: &Input,
        chosen: &Selection,
        past: Past,
    ) -> Result<Planned, Error> {
        carried_out::refuse_what_is_not(environment)?;
        let targets = choose(environment, chosen)?;
        refuse_shared_directories(&environment.targets, &self.base)?;
        let built = self.build(environment, input)?;
        let draft = draft(environment, &targets, &built, &past);
        let fleet =
            self.fleet_confirmed(&targets, &environment.config_path, environment.confirm())?;
        self.look(draft, fleet, built.hold, past).await
    }

    /// Deploys to an environment and returns the record.
    ///
    /// # Errors
    /// [`Error::Failed`] with the record when targets did not do their part; any other error means
    /// that nothing on a target changed. A failure is recorded and logged before it is returned.
    pub async fn deploy(
        &self,
        environment: &str,
        input: &Input,
        deployed_by: &str,
    ) -> Result<ConfigDeployment, Error> {
        self.deploy_on(environment, input, &Selection::default(), deployed_by).await
    }

    /// Does the same as [`deploy`](Self::deploy), for some of the targets; see [`plan_on`](Self::plan_on).
    ///
    /// # Errors
    /// As [`deploy`](Self::deploy), and where what is chosen means nothing.
    pub async fn deploy_on(
        &self,
        environment: &str,
        input: &Input,
        chosen: &Selection,
        deployed_by: &str,
    ) -> Result<ConfigDeployment, Error> {
        let outcome = self.try_deploy(environment, input, chosen, deployed_by).await;
        outcome.inspect_err(|failure| error!(environment, error = %failure, "deployment failed"))
    }

    async fn try_deploy(
        &self,
        environment: &str,
        input: &Input,
        chosen: &Selection,
        deployed_by: &str,
    ) -> Result<ConfigDeployment, Error> {
        let began = self.clock.monotonic();
        let environment = self.environment(environment).await?;
        let _lock = self.lock(&environment.name, deployed_by, "deploy").await?;
        self.remember(&environment).await?;
        let planned = match self.recover_interrupted(&environment.name).await {
            Ok(past) => self.plan_deployment(&environment, input, chosen, past).await,
            Err(interrupted) => Err(interrupted),
        };
        match planned {
            Ok(planned) => self.carry_out(planned, deployed_by, began).await,
            Err(failure) => {
                let attempt = Attempt::deploy(&environment, input);
                self.record_failure(attempt, deployed_by, &failure).await?;
                Err(failure)
            }
        }
    }
}

/// Returns what is wanted on some targets of an environment.
fn draft(environment: &Environment, targets: &[Target], built: &Built, past: &Past) -> Draft {
    let wanted = |target: &Target| {
        let manifest = Arc::clone(&built.manifests[&built.release.targets[&target.id]]);
        Some((built.id, manifest))
    };
    let targets = targets.iter().map(|target| (target.clone(), wanted(target)));
    let mut warnings = built.warnings.clone();
    warnings.extend(past.last_good.iter().flat_map(|last| left_behind(environment, last)));
    warnings.extend(environment.budget.warnings(environment.targets.len()));
    Draft {
        environment: environment.name.clone(),
        project: Some(built.release.project.clone()),
        config_path: environment.config_path.clone(),
        intent: Intent::Deploy,
        config_files: built.config_files.clone(),
        strategy: environment.strategy.clone(),
        budget: environment.budget.clone(),
        targets: targets.collect(),
        warnings,
        fingerprints: built.fingerprints.clone(),
    }
}

/// Returns warnings where the last deployment put files that this one does not reach: they stay.
fn left_behind(environment: &Environment, last: &ConfigDeployment) -> Vec<String> {
    let mut warnings = Vec::new();
    let id = &last.deployment_id;
    if last.config_path != environment.config_path {
        let (old, new) = (&last.config_path, &environment.config_path);
        warnings
            .push(format!("config_path was {old} and is {new}: the files of {id} stay in {old}"));
    }
    let is_known = |id: &TargetId| environment.targets.iter().any(|target| target.id == *id);
    let left = last.targets.iter().filter(|t| t.release.is_some() && !is_known(&t.id));
    warnings.extend(left.map(|target| {
        format!("{} is no longer a target: the files of {id} stay on it", target.id)
    }));
    warnings
}

/// Refuses targets that are one directory, reached over links.
fn refuse_shared_directories(targets: &[Target], base: &Path) -> Result<(), Error> {
    let mut places: BTreeMap<PathBuf, &TargetId> = BTreeMap::new();
    let mut problems = Vec::new();
    for target in targets {
        let Address::Local { root } = &target.address else { continue };
        let place = base.join(root);
        // What does not exist yet is no link: the project file's own check is enough.
        let Ok(place) = place.canonicalize() else { continue };
        if let Some(first) = places.insert(place, &target.id) {
            let message = format!("targets {first} and {} are the same directory", target.id);
            let problem = Diagnostic::error(message).in_file(PROJECT_FILE);
            problems.push(problem.hint("remove one of them, or give it another root"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
}
