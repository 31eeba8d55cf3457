//! `windlass init`

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use windlass::Error;
use windlass::project::PROJECT_FILE;
use windlass_core::diagnostic::Diagnostic;
use windlass_core::name::ServiceName;

use super::Outcome;
use crate::app::App;
use crate::args;
use crate::error::{CliError, Exit};

/// The files of a new project; `NAME` in them becomes the project's name.
const FILES: [(&str, &str); 6] = [
    (PROJECT_FILE, include_str!("windlass.toml")),
    ("config/defaults.yaml", include_str!("defaults.yaml")),
    ("environments/production/app.yaml", include_str!("production.yaml")),
    ("schemas/app.schema.json", include_str!("app.schema.json")),
    ("templates/app.env.j2", include_str!("app.env.j2")),
    ("templates/motd", include_str!("motd")),
];

/// What git should not keep.
const IGNORED: &str = "/.windlass/\n/state/\n";

pub(crate) fn run(app: &App, args: &args::Init) -> Outcome {
    let directory = &args.directory;
    let name = name(directory, args.name.as_deref())?;
    refuse_to_overwrite(directory)?;
    for (path, text) in FILES {
        write(&directory.join(path), &text.replace("NAME", &name))?;
    }
    ignore(&directory.join(".gitignore"))?;
    let files: Vec<_> = FILES.iter().map(|(path, _)| *path).collect();
    let next = next(directory);
    app.print(
        || format!("Wrote project `{name}`: {}\n\nNext:\n{}", files.join(", "), next_lines(&next)),
        json!({ "project": name, "directory": directory, "files": files, "next": next }),
    )?;
    Ok(Exit::Done)
}

fn next_lines(commands: &[String]) -> String {
    commands.iter().map(|command| format!("  {command}\n")).collect()
}

/// Returns the commands that show what the project does.
fn next(directory: &Path) -> Vec<String> {
    let mut commands = Vec::new();
    if directory != Path::new(".") {
        commands.push(format!("cd {}", shell_word(&directory.display().to_string())));
    }
    let rest =
        ["plan development", "deploy development", "status development", "rollback development"];
    commands.extend(rest.iter().map(|verb| format!("windlass {verb}")));
    commands
}

fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    // A word that starts with a dash would be an option.
    let text = if text.starts_with('-') { format!("./{text}") } else { text.to_owned() };
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Returns the name that was given, or one made of the directory's.
fn name(directory: &Path, given: Option<&str>) -> Result<String, CliError> {
    if let Some(given) = given {
        ServiceName::new(given).map_err(|error| CliError::usage(error.to_string()))?;
        return Ok(given.to_owned());
    }
    let absolute = std::path::absolute(directory).map_err(CliError::Output)?;
    let name = absolute.file_name().unwrap_or_default().to_string_lossy();
    let fit = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    let name: String = name.chars().map(fit).collect();
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric()).chars().take(64).collect();
    Ok(if ServiceName::new(&name as &str).is_ok() { name } else { "app".to_owned() })
}

fn refuse_to_overwrite(directory: &Path) -> Result<(), Error> {
    let there: Vec<_> = FILES
        .iter()
        .map(|(path, _)| directory.join(path))
        .filter(|path| path.symlink_metadata().is_ok())
        .collect();
    match there.first() {
        None => Ok(()),
        Some(first) => {
            let problem = Diagnostic::error(format!("{} exists already", first.display()));
            Err(Error::invalid(problem.hint("`windlass init` writes into an empty directory")))
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let io = |path: PathBuf| |source| Error::Io { action: "write", path, source };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(io(parent.to_owned()))?;
    }
    fs::write(path, text).map_err(io(path.to_owned()))
}

/// Adds what git should not keep, and leaves what is there.
fn ignore(path: &Path) -> Result<(), Error> {
    let before = fs::read_to_string(path).unwrap_or_default();
    if before.contains(IGNORED) {
        return Ok(());
    }
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    write(path, &format!("{before}{gap}{IGNORED}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_the_directory() {
        let of = |directory| name(Path::new(directory), None).expect("there is a name");
        assert_eq!(of("/srv/my shop"), "my-shop");
        assert_eq!(of("/srv/.hidden"), "hidden");
        assert_eq!(of("/"), "app");
        assert!(name(Path::new("/srv/x"), Some("a/b")).is_err());
    }

    #[test]
    fn directories_are_quoted_for_the_shell() {
        assert_eq!(shell_word("a/b"), "a/b");
        assert_eq!(shell_word("-x"), "./-x");
        assert_eq!(shell_word("my shop's"), r"'my shop'\''s'");
    }
}
