//! Plain files against a schema, outside of any project.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use windlass_core::config::{Format, MAX_TEXT, Schema, ValidationError, decode, parse};
use windlass_core::diagnostic::Diagnostic;

use crate::configuration::unreadable;
use crate::error::Error;

mod schema;

pub use schema::read_schema;

/// What a schema says about files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How many files were checked, at least one.
    pub files: usize,
    /// All that is wrong with them: by file in the order given, then by place.
    pub errors: Vec<ValidationError>,
}

/// Returns what the schema in the file `schema` says about `paths`, each file on its own.
///
/// A path is a file in any [`Format`], or a directory: then all `.yaml`, `.yml`, `.toml` and `.json`
/// files in and below it, by name, except those of the schema itself and what a dot hides. Links to
/// directories are not followed.
///
/// # Errors
/// [`Error::Invalid`] with all that is wrong with the schema, or with the paths that cannot be listed
/// or hold nothing to check. A file that cannot be read is one of [`Checked::errors`].
pub fn check(schema: &Path, paths: &[PathBuf]) -> Result<Checked, Error> {
    let compiled = read_schema(schema)?;
    let files = list(&compiled, paths)?;
    let errors = files.par_iter().flat_map_iter(|file| check_file(&compiled, file)).collect();
    Ok(Checked { files: files.len(), errors })
}

fn check_file(schema: &Schema, file: &Path) -> Vec<ValidationError> {
    let name = file.to_string_lossy();
    let document = read(file, &name).map_err(|problem| vec![problem]).and_then(|text| {
        let format = Format::from_path(&name).ok_or_else(|| vec![unknown_format(&name)])?;
        parse(format, &name, &text)
    });
    match document {
        Ok(document) => schema.validate_document(document),
        Err(problems) => problems.into_iter().map(unreadable).collect(),
    }
}

fn unknown_format(name: &str) -> Diagnostic {
    let hint = "name it .yaml, .yml, .toml, .json or .env";
    Diagnostic::error("unknown format of configuration").in_file(name).hint(hint)
}

/// Returns the text of a file that is not too long.
fn read(path: &Path, name: &str) -> Result<String, Diagnostic> {
    let problem = |message: String| Diagnostic::error(message).in_file(name);
    let bytes = read_at_most(path, MAX_TEXT).map_err(|error| problem(cannot("read", &error)))?;
    if bytes.len() > MAX_TEXT {
        return Err(problem(format!("text has more than {MAX_TEXT} bytes")));
    }
    decode(name, bytes)
}

/// Returns the content of a file, or so much of it that it is longer than `most`.
fn read_at_most(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(most);
    let mut bytes = Vec::with_capacity(length.min(most) + 1);
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn cannot(action: &str, error: &io::Error) -> String {
    format!("cannot {action} it: {error}")
}

/// Returns the files that `paths` name.
fn list(schema: &Schema, paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let real = |file: &String| fs::canonicalize(file).ok();
    let listing = Listing { schemas: schema.files().iter().filter_map(real).collect() };
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match listing.below(path) {
            Ok(found) => files.extend(found),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(files) } else { Err(Error::Invalid(problems)) }
}

struct Listing {
    /// The files that the schema is made of, without links.
    schemas: Vec<PathBuf>,
}

impl Listing {
    fn below(&self, path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
        if !path.is_dir() {
            return Ok(vec![path.to_owned()]);
        }
        let mut found = Vec::new();
        self.walk(path, &mut found)?;
        if found.is_empty() {
            let problem = Diagnostic::error("directory holds no .yaml, .yml, .toml or .json file");
            return Err(problem.in_file(path.to_string_lossy()));
        }
        Ok(found)
    }

    fn walk(&self, directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), Diagnostic> {
        let entries = fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let problem = |error: &io::Error| {
            Diagnostic::error(cannot("list", error)).in_file(directory.to_string_lossy())
        };
        let mut entries = entries.map_err(|error| problem(&error))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries.iter().filter(|entry| !is_hidden(entry)) {
            let path = entry.path();
            if entry.file_type().map_err(|error| problem(&error))?.is_dir() {
                self.walk(&path, found)?;
            } else if is_configuration(&path) && !self.is_schema(&path) {
                found.push(path);
            }
        }
        Ok(())
    }

    fn is_schema(&self, path: &Path) -> bool {
        let mut alike = self.schemas.iter().filter(|one| one.file_name() == path.file_name());
        alike.any(|schema| fs::canonicalize(path).is_ok_and(|path| path == *schema))
    }
}

fn is_hidden(entry: &fs::DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn is_configuration(path: &Path) -> bool {
    Format::from_path(&path.to_string_lossy()).is_some_and(Format::is_written) && !path.is_dir()
}

#[cfg(test)]
mod tests {
    use windlass_core::diagnostic::Position;

    use super::*;

    const SCHEMA: &str = r#"{"type": "object", "properties": {"port": {"type": "integer"}}}"#;

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        }
        directory
    }

    fn said(directory: &tempfile::TempDir, paths: &[&str]) -> (usize, Vec<String>) {
        let root = directory.path();
        let paths: Vec<PathBuf> = paths.iter().map(|path| root.join(path)).collect();
        let checked = check(&root.join("schema.json"), &paths).expect("they can be listed");
        let show = |error: &ValidationError| {
            let file = Path::new(&error.file).strip_prefix(root).expect("below the root");
            let line = error.line.map(|line| format!(":{line}")).unwrap_or_default();
            format!("{}{line}: {}: {}", file.display(), error.path, error.message)
        };
        (checked.files, checked.errors.iter().map(show).collect())
    }

    #[test]
    fn every_error_of_every_file_is_reported_in_order() {
        let directory = directory(&[
            ("schema.json", SCHEMA),
            ("b.yaml", "port: x\n"),
            ("a/z.toml", "\nport = 'y'\n"),
            ("a/ok.yml", "port: 1\n"),
            ("c.json", "{\"port\": 1,}"),
            ("notes.txt", "port"),
            (".hidden/d.yaml", "port: z\n"),
        ]);
        let (files, errors) = said(&directory, &[""]);
        assert_eq!(files, 4);
        assert_eq!(
            errors,
            [
                r#"a/z.toml:2: port: "y" is not of type "integer""#,
                r#"b.yaml:1: port: "x" is not of type "integer""#,
                "c.json:1: : trailing commas are not allowed",
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_an_error_of_its_file() {
        let directory = directory(&[("schema.json", SCHEMA), ("notes.txt", "port: 1")]);
        fs::write(directory.path().join("latin.yaml"), b"a: 1\nb: \xe9\n").expect("written");
        let (files, errors) = said(&directory, &["gone.yaml", "latin.yaml", "notes.txt"]);
        assert_eq!(files, 3);
        assert!(errors[0].starts_with("gone.yaml: : cannot read it: "), "{errors:?}");
        assert_eq!(
            errors[1..],
            ["latin.yaml:2: : not UTF-8 text", "notes.txt: : unknown format of configuration"]
        );
    }

    #[test]
    fn a_schema_refers_to_files_in_its_directory() {
        let app = r#"{"properties": {"port": {"$ref": "types/net.yaml#/$defs/port"}}}"#;
        let directory = directory(&[
            ("schema.json", app),
            ("types/net.yaml", "$defs: {port: {type: integer}}\n"),
            ("a.yaml", "port: x\n"),
        ]);
        let (files, errors) = said(&directory, &[""]);
        assert_eq!((files, errors.len()), (1, 1), "a file of the schema is none to check");
        assert_eq!(errors[0], r#"a.yaml:1: port: "x" is not of type "integer""#);
    }

    #[test]
    fn a_schema_refers_to_nothing_outside_of_its_directory() {
        let directory = directory(&[("s/schema.json", ""), ("secret.json", "{}"), ("a.yaml", "")]);
        let (root, schema) = (directory.path(), directory.path().join("s/schema.json"));
        std::os::unix::fs::symlink("../secret.json", root.join("s/link.json")).expect("linked");
        for (reference, says) in [
            ("../secret.json", "secret.json is outside of the directory of the schema"),
            ("link.json", "s/link.json is outside of the directory of the schema"),
            ("gone.json", "gone.json does not exist"),
            ("x/../../s/../secret.json", "secret.json is outside of the directory of the schema"),
        ] {
            fs::write(&schema, format!("{{\"$ref\": \"{reference}\"}}")).expect("written");
            let refused = check(&schema, &[root.join("a.yaml")]).expect_err(reference);
            let Error::Invalid(problems) = refused else { panic!("{refused}") };
            assert_eq!(problems.len(), 1);
            assert!(problems[0].message.ends_with(says), "{problems:?}");
            assert_eq!(problems[0].position, Some(Position { line: 1, column: 10 }));
        }
    }

    #[test]
    fn nothing_to_check_is_no_pass() {
        let directory = directory(&[("schema.json", SCHEMA), ("empty/notes.txt", "")]);
        let root = directory.path();
        let refused = check(&root.join("schema.json"), &[root.join("empty")]);
        assert!(matches!(refused, Err(Error::Invalid(problems)) if problems.len() == 1));
        assert!(matches!(check(&root.join("none.json"), &[]), Err(Error::Invalid(_))));
    }
}
