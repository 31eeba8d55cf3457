//! A schema from configurations, and a configuration from a schema.

use serde_json::Value;
use windlass_core::config::{Configuration, Format, Node, infer, skeleton};
use windlass_core::diagnostic::Diagnostic;

use super::{Loader, choose_one};
use crate::engine::Engine;
use crate::error::Error;
use crate::project::PROJECT_FILE;

impl Engine {
    /// Returns a JSON Schema that the configuration satisfies as it is in each of `environments`: a
    /// first one, to be narrowed by hand.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a configuration cannot be loaded, or several could be meant.
    pub async fn infer_schema(
        &self,
        environments: &[String],
        config: Option<&str>,
    ) -> Result<Value, Error> {
        let project = self.loaded_project()?;
        let (sources, remote) = (self.project_sources()?, self.remote());
        let (_, spec) = choose_one(project, config)?;
        let (mut samples, mut problems) = (Vec::new(), Vec::new());
        for name in environments {
            let environment = self.environment(name).await?;
            let unlocked = self.unlock(&environment)?;
            let loader = Loader::new(project, &environment, &unlocked, &sources, &remote)?;
            match loader.load(spec) {
                Ok(loaded) => samples.push(loaded.configuration),
                Err(found) => super::add(&mut problems, found),
            }
        }
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        let roots: Vec<&Node> = samples.iter().map(Configuration::root).collect();
        Ok(infer(roots))
    }

    /// Returns a commented configuration to start from, made from the schema that it must satisfy in
    /// `environment`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no schema, or it cannot be used.
    pub async fn configuration_template(
        &self,
        environment: &str,
        config: Option<&str>,
        format: Format,
    ) -> Result<String, Error> {
        let project = self.loaded_project()?;
        let (sources, remote) = (self.project_sources()?, self.remote());
        let (name, spec) = choose_one(project, config)?;
        let environment = self.environment(environment).await?;
        let unlocked = self.unlock(&environment)?;
        let loader = Loader::new(project, &environment, &unlocked, &sources, &remote)?;
        let schema = loader.schema(spec).map_err(Error::Invalid)?;
        let schema = schema.ok_or_else(|| {
            let problem = Diagnostic::error(format!("configuration `{name}` has no schema"));
            let hint = format!("name it in [config.{name}]: `schema = \"schemas/{name}.json\"`");
            Error::invalid(problem.in_file(PROJECT_FILE).hint(hint))
        })?;
        skeleton(schema.root(), format).map_err(Error::Invalid)
    }
}
