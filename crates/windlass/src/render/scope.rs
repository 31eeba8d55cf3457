//! Variables: what `${KEY}` means, and where.

use std::collections::BTreeMap;

use windlass_core::diagnostic::Diagnostic;
use windlass_core::environment::Environment;
use windlass_core::name::ServiceName;
use windlass_core::project::Located;
use windlass_core::template::substitute;

use crate::project::PROJECT_FILE;

/// Returns what is known in an environment: `PROJECT`, `ENVIRONMENT`, `CONFIG_PATH` and the
/// environment's own variables, which win.
pub(crate) fn of_environment(project: &str, environment: &Environment) -> BTreeMap<String, String> {
    let known = [
        ("PROJECT", project.to_owned()),
        ("ENVIRONMENT", environment.name.to_string()),
        ("CONFIG_PATH", environment.config_path.clone()),
    ];
    let mut variables: BTreeMap<_, _> =
        known.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
    variables.extend(environment.variables.clone());
    variables
}

/// Returns what is known to a service as well: `SERVICE`, and `VERSION` where it has one.
pub(crate) fn of_service(
    environment: &BTreeMap<String, String>,
    name: &ServiceName,
    version: Option<&str>,
) -> BTreeMap<String, String> {
    let mut variables = environment.clone();
    variables.entry("SERVICE".to_owned()).or_insert_with(|| name.to_string());
    if let Some(version) = version {
        variables.entry("VERSION".to_owned()).or_insert_with(|| version.to_owned());
    }
    variables
}

/// Returns a path of the project file with its variables substituted; errors are placed there.
pub(crate) fn resolve(
    path: &Located<String>,
    variables: &BTreeMap<String, String>,
) -> Result<String, Vec<Diagnostic>> {
    let resolved = substitute(&path.value, variables).map(std::borrow::Cow::into_owned);
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
