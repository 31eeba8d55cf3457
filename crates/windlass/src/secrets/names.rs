//! Names of secrets, and the way to their values in a file.

use std::path::Path;

use windlass_core::secret::{InvalidSecretName, Secret, SecretName};
use windlass_sops::{Entry, Format, KeyPath, Kind, Plain, Step, Tree, Value};

use super::error::SecretsError;

/// The key of the only value that a binary file has.
pub(super) const BINARY: &str = "data";

/// A value of a file, by the name that it has as a secret.
pub(super) struct Named {
    pub(super) name: SecretName,
    pub(super) secret: Secret,
    /// Whether the rules of the file leave it in the clear.
    pub(super) in_the_clear: bool,
}

/// Returns all values of a file by their names, in its order; nulls are none.
pub(super) fn named(plain: &Plain, path: &Path) -> Result<Vec<Named>, SecretsError> {
    if plain.documents().len() > 1 {
        return Err(SecretsError::Refused {
            message: format!("{}: several YAML documents in one file", path.display()),
            hint: "keep each of them in a file of its own".to_owned(),
        });
    }
    let mut all = Vec::new();
    let mut wrong = Vec::new();
    for entry in plain.entries().iter().filter(|entry| entry.value.kind() != Kind::Null) {
        match name_of(&entry.path) {
            Ok(name) => all.push(Named {
                name,
                secret: Secret::new(bytes(&entry.value)),
                in_the_clear: is_in_the_clear(entry),
            }),
            Err(error) => wrong.push(error),
        }
    }
    if wrong.is_empty() {
        return Ok(all);
    }
    Err(SecretsError::Names { path: path.to_owned(), names: wrong })
}

/// Returns whether the file says that the value is no secret: an empty text is never encrypted.
fn is_in_the_clear(entry: &Entry) -> bool {
    !entry.encrypted && !entry.value.is_empty_text()
}

/// Returns the text that a value has where it is used.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    match value.as_bool() {
        Some(flag) => flag.to_string().into_bytes(),
        None => value.as_bytes().to_vec(),
    }
}

/// Returns the name of the value at `path`.
pub(super) fn name_of(path: &KeyPath) -> Result<SecretName, InvalidSecretName> {
    let segments: Vec<String> = path
        .steps()
        .iter()
        .map(|step| match step {
            Step::Key(key) => key.clone(),
            Step::Index(index) => index.to_string(),
        })
        .collect();
    SecretName::of_path(segments.iter().map(String::as_str))
}

/// Returns the way to the secret `name` in a file that holds `tree`; a segment is a place where it leads
/// into a list.
pub(super) fn path_of(name: &SecretName, tree: Option<&Tree>) -> KeyPath {
    let mut at = tree;
    let mut path = KeyPath::default();
    for segment in name.segments() {
        let index = segment.parse().ok().filter(|_| matches!(at, Some(Tree::List(_))));
        let step = index.map_or_else(|| Step::Key(segment.to_string()), Step::Index);
        let one = KeyPath::new(vec![step.clone()]);
        at = at.and_then(|tree| tree.get(&one));
        path = path.join(step);
    }
    path
}

/// Refuses a name that the format has no place for.
pub(super) fn check(name: &SecretName, format: Format, path: &Path) -> Result<(), SecretsError> {
    if format == Format::Binary && name.as_str() != BINARY {
        return Err(SecretsError::Refused {
            message: format!("{}: a file without a known extension is one secret", path.display()),
            hint: format!(
                "call it `{BINARY}`, or use a file that ends with .yaml, .json, .env or .ini"
            ),
        });
    }
    Ok(())
}
