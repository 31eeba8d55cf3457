//! Whole project files: good ones, wrong ones, hostile ones.

mod editor;
mod hostile;
mod refused;
mod tables;
mod whole;

use super::Project;
use crate::diagnostic::Diagnostic;

const FILE: &str = "windlass.toml";

/// A project with an environment, to which a test adds.
const HEAD: &str = r#"
[project]
name = "shop"
[environments.staging]
type = "staging"
config_path = "/etc/shop"
targets = ["local:./state/staging"]
"#;

/// Returns the project; an editor has nothing against it either.
fn accepted(text: &str) -> Project {
    let project = Project::parse(FILE, text);
    editor::agrees(text, project.as_ref().err());
    project.unwrap_or_else(|errors| panic!("{text}\n{}", told(&errors).join("\n")))
}

/// Returns what is wrong; of what an editor can see it sees that something is wrong there.
fn refused(text: &str) -> Vec<Diagnostic> {
    let errors = Project::parse(FILE, text).expect_err(text);
    editor::agrees(text, Some(&errors));
    errors
}

/// Returns the only error of `HEAD` with `more`: message and hint.
fn only_error(more: &str) -> String {
    let errors = refused(&format!("{HEAD}{more}"));
    assert_eq!(errors.len(), 1, "{more}: {}", told(&errors).join("\n"));
    let hint = errors[0].hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{}{hint}", errors[0].message)
}

fn told(errors: &[Diagnostic]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

/// Returns what the carets underline.
fn underlined(text: &str, errors: &[Diagnostic]) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let caret = |error: &Diagnostic| {
        let at = error.position.expect("a place");
        let line = lines.get(at.line as usize - 1).copied().unwrap_or_default();
        line.chars().skip(at.column as usize - 1).take(error.width as usize).collect()
    };
    errors.iter().map(caret).collect()
}
