//! Configuration deployment as a library: environments, deployments, rollbacks, records.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tracing::error;
use windlass_core::budget::Budget;
use windlass_core::diagnostic::Diagnostic;
use windlass_core::environment::{Environment, EnvironmentType};
use windlass_core::name::EnvironmentName;
use windlass_core::record::ConfigDeployment;
use windlass_core::strategy::StrategySpec;
use windlass_core::target::Target;

use crate::deploy::Input;
use crate::engine::{Engine, Options, WORKSPACE};
use crate::error::Error;
use crate::rollback::Subject;

/// Deploys configuration files to environments and takes them back.
///
/// Its state is a workspace directory: `environments/` and `config_deployments/` hold one JSON file
/// each, so that a new process knows what an earlier one did.
///
/// ```
/// use std::collections::BTreeMap;
/// use windlass::{ConfigurationDeployer, DeploymentStatus, EnvironmentType};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let dir = tempfile::tempdir()?;
/// let live = dir.path().join("etc");
/// std::fs::write(dir.path().join("db.yaml"), "host: ${DB_HOST}\n")?;
///
/// let deployer = ConfigurationDeployer::new(Some(&dir.path().join("workspace")))?;
/// let variables = BTreeMap::from([("DB_HOST".to_owned(), "db.internal".to_owned())]);
/// deployer.create_environment("staging", EnvironmentType::Staging, &live, variables).await?;
///
/// let files = [dir.path().join("db.yaml")];
/// let first = deployer.deploy_configuration("staging", &files, "docs").await?;
/// assert_eq!(first.status, DeploymentStatus::Success);
/// assert_eq!(std::fs::read_to_string(live.join("db.yaml"))?, "host: db.internal\n");
///
/// deployer.rollback_deployment(first.deployment_id.as_str()).await?;
/// assert!(!live.join("db.yaml").exists());
/// # Ok(()) })
/// # }
/// ```
#[derive(Debug)]
pub struct ConfigurationDeployer {
    engine: Engine,
}

impl ConfigurationDeployer {
    /// Opens a deployer on `workspace`, or on `.windlass` in the current directory, and makes
    /// `config_deployments/` and `environments/` in it.
    ///
    /// # Errors
    /// When the workspace cannot be made.
    pub fn new(workspace: Option<&Path>) -> Result<Self, Error> {
        let workspace = workspace.map_or_else(|| PathBuf::from(WORKSPACE), Path::to_owned);
        let options = Options { workspace: Some(workspace.clone()), ..Options::default() };
        let opened = Engine::open(options);
        let engine = opened.inspect_err(|failure| {
            error!(workspace = %workspace.display(), error = %failure, "workspace not opened");
        })?;
        Ok(Self { engine })
    }

    /// Returns a deployer that works through `engine`.
    #[must_use]
    pub const fn with_engine(engine: Engine) -> Self {
        Self { engine }
    }

    /// Persists and returns a new environment whose files live in the directory `config_path` of
    /// this machine.
    ///
    /// # Errors
    /// When the name is none or taken, or `config_path` is not UTF-8.
    pub async fn create_environment(
        &self,
        name: &str,
        environment_type: EnvironmentType,
        config_path: &Path,
        variables: BTreeMap<String, String>,
    ) -> Result<Environment, Error> {
        let environment = local_environment(name, environment_type, config_path, variables);
        let created = match environment {
            Ok(environment) => self.engine.create_environment(environment).await,
            Err(invalid) => Err(invalid),
        };
        created.inspect_err(|failure| error!(name, error = %failure, "environment not created"))
    }

    /// Renders `config_files` with the environment's variables, deploys them to its `config_path`
    /// and returns the record. A file that is missing or cannot be rendered fails the whole
    /// deployment before anything changes.
    ///
    /// # Errors
    /// As [`Engine::deploy`]; the failed deployment is recorded.
    pub async fn deploy_configuration(
        &self,
        environment: &str,
        config_files: &[PathBuf],
        deployed_by: &str,
    ) -> Result<ConfigDeployment, Error> {
        let input = Input::Files(config_files.to_vec());
        self.engine.deploy(environment, &input, deployed_by).await
    }

    /// Takes back what a deployment did: what was live before it is live again, byte for byte.
    ///
    /// # Errors
    /// As [`Engine::rollback`].
    pub async fn rollback_deployment(
        &self,
        deployment_id: &str,
    ) -> Result<ConfigDeployment, Error> {
        let found = self.engine.deployment(deployment_id).await;
        let record = found
            .inspect_err(|failure| error!(deployment_id, error = %failure, "rollback failed"))?;
        let subject = Subject::Undo(record.deployment_id);
        self.engine.rollback(&subject, &record.deployed_by).await
    }

    /// Returns the record of a deployment, or nothing.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn get_deployment_status(
        &self,
        deployment_id: &str,
    ) -> Result<Option<ConfigDeployment>, Error> {
        match self.engine.deployment(deployment_id).await {
            Err(Error::UnknownDeployment(_)) => Ok(None),
            found => unread("record", found.map(Some)),
        }
    }

    /// Returns the records of one environment, or of all, newest first.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub async fn list_deployments(
        &self,
        environment: Option<&EnvironmentName>,
    ) -> Result<Vec<ConfigDeployment>, Error> {
        unread("records", self.engine.history(environment).await)
    }

    /// Returns all environments by name.
    ///
    /// # Errors
    /// When an environment cannot be read.
    pub async fn list_environments(&self) -> Result<Vec<Environment>, Error> {
        unread("environments", self.engine.environments().await)
    }

    /// Returns one environment, or nothing.
    ///
    /// # Errors
    /// When the environments cannot be read.
    pub async fn get_environment_config(&self, name: &str) -> Result<Option<Environment>, Error> {
        match self.engine.environment(name).await {
            Err(Error::UnknownEnvironment { .. }) => Ok(None),
            found => unread("environment", found.map(Some)),
        }
    }

    /// Returns the engine behind it.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// Deploys `config_files` to an environment of the workspace `.windlass` in the current directory:
/// [`ConfigurationDeployer::deploy_configuration`] in one call.
///
/// # Errors
/// As that method.
pub async fn deploy_configuration(
    environment: &str,
    config_files: &[PathBuf],
    deployed_by: &str,
) -> Result<ConfigDeployment, Error> {
    let deployer = ConfigurationDeployer::new(None)?;
    deployer.deploy_configuration(environment, config_files, deployed_by).await
}

/// Logs a failure to read `what`.
fn unread<T>(what: &str, outcome: Result<T, Error>) -> Result<T, Error> {
    outcome.inspect_err(|failure| error!(what, error = %failure, "state not read"))
}

fn local_environment(
    name: &str,
    environment_type: EnvironmentType,
    config_path: &Path,
    variables: BTreeMap<String, String>,
) -> Result<Environment, Error> {
    let invalid = |message: String| Error::invalid(Diagnostic::error(message));
    let name = EnvironmentName::new(name).map_err(|error| invalid(error.to_string()))?;
    let absolute = std::path::absolute(config_path).map_err(Error::io("find", config_path))?;
    let config_path = absolute
        .to_str()
        .ok_or_else(|| invalid(format!("config path {} is not UTF-8", config_path.display())))?;
    let target = Target::parse("local:/").map_err(|error| invalid(error.to_string()))?;
    Ok(Environment {
        name,
        environment_type,
        config_path: config_path.to_owned(),
        variables,
        secrets: None,
        targets: vec![target],
        services: None,
        strategy: StrategySpec::default(),
        budget: Budget::default(),
        protect: false,
        confirm_ms: None,
        created_at: None,
    })
}
