//! Variables: what `${KEY}` means, and where.

use std::collections::BTreeMap;
use std::sync::Arc;

use windlass_core::diagnostic::Diagnostic;
use windlass_core::environment::Environment;
use windlass_core::name::ServiceName;
use windlass_core::project::Located;
use windlass_core::secret::Secrets;
use windlass_core::template::Values;

use crate::project::PROJECT_FILE;

/// Returns what is known in an environment: `PROJECT`, `ENVIRONMENT`, `CONFIG_PATH`, the
/// environment's own variables, which win over these, and its secrets, which have names of their own.
pub(crate) fn of_environment(
    project: &str,
    environment: &Environment,
    secrets: &Arc<Secrets>,
) -> Result<Values, Vec<Diagnostic>> {
    let known = [
        ("PROJECT", project.to_owned()),
        ("ENVIRONMENT", environment.name.to_string()),
        ("CONFIG_PATH", environment.config_path.clone()),
    ];
    let mut variables: BTreeMap<_, _> =
        known.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
    variables.extend(environment.variables.clone());
    Values::new(variables, Arc::clone(secrets)).map_err(of_project)
}

/// Returns what is known to a service as well: `SERVICE`, and `VERSION` where it has one.
pub(crate) fn of_service(
    environment: &Values,
    name: &ServiceName,
    version: Option<&str>,
) -> Result<Values, Vec<Diagnostic>> {
    let known = [("SERVICE", Some(name.as_str())), ("VERSION", version)];
    let known = known.into_iter().filter_map(|(name, value)| Some((name, value?)));
    environment
        .with(known.map(|(name, value)| (name.to_owned(), value.to_owned())))
        .map_err(of_project)
}

fn of_project(problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    problems.into_iter().map(|problem| problem.in_file(PROJECT_FILE)).collect()
}

/// Returns a path of the project file with its variables substituted; errors are placed there. A
/// secret in it is one: paths are shown.
pub(crate) fn resolve(path: &Located<String>, values: &Values) -> Result<String, Vec<Diagnostic>> {
    let resolved = values.substitute_openly(&path.value).map(std::borrow::Cow::into_owned);
    resolved.map_err(|errors| {
        let placed = |error: windlass_core::template::TemplateError| {
            let diagnostic = Diagnostic::error(error.message);
            let hinted = match error.hint {
                Some(hint) => diagnostic.hint(hint),
                None => diagnostic,
            };
            self::placed(hinted, path)
        };
        errors.into_iter().map(placed).collect()
    })
}

/// Returns `diagnostic` at a place of the project file.
pub(crate) fn placed<T>(diagnostic: Diagnostic, place: &Located<T>) -> Diagnostic {
    diagnostic.in_file(PROJECT_FILE).at(place.position).wide(place.width as usize)
}
