//! A configuration with some of its fields encrypted.

use jiff::Timestamp;
use serde_json::Value;
use windlass_core::config::key;
use windlass_sops::{Format, Pattern, Recipient, Rules, Selection, SystemEntropy, encrypt};

use super::error::SecretsError;
use crate::clock::{Clock, SystemClock};
use crate::manager::Configuration;

/// The comment above a field that is encrypted where its key alone does not tell it from others.
const MARK: &str = "encrypted";

/// Returns `configuration` as a SOPS file in YAML, for `recipients`, in which the values of `fields` are encrypted
/// and all others can be read.
///
/// Which fields these are stands in the file: by their keys (`encrypted_regex`), or, where other fields
/// have the same keys, by a comment above each of them (`encrypted_comment_regex`). Programs that edit the file
/// go by that.
///
/// ```
/// use windlass::secrets::encrypt_configuration;
/// use windlass::sops::KeyPair;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// std::fs::write(dir.path().join("app.yaml"), "db: {host: localhost, password: hunter2}\n")?;
/// let configuration = windlass::load_configuration(dir.path(), "app", None)?;
/// let text = encrypt_configuration(&configuration, &["db.password"], &[KeyPair::generate().recipient().clone()])?;
/// assert!(text.contains("localhost") && text.contains("password: ENC[AES256_GCM,"));
/// assert!(!text.contains("hunter2"));
/// # Ok(()) }
/// ```
///
/// # Errors
/// When a field is not there, nobody could read the file, or a value has no place in a SOPS file.
pub fn encrypt_configuration(
    configuration: &Configuration,
    fields: &[&str],
    recipients: &[Recipient],
) -> Result<String, SecretsError> {
    encrypt_fields(&configuration.to_json(), fields, recipients, SystemClock.now())
}

fn encrypt_fields(
    root: &Value,
    fields: &[&str],
    recipients: &[Recipient],
    now: Timestamp,
) -> Result<String, SecretsError> {
    let fields: Vec<Path> =
        fields.iter().map(|field| path_of(root, field)).collect::<Result<_, _>>()?;
    let selection = by_key(root, &fields)?;
    let marked = if selection.is_some() { &[][..] } else { &fields };
    let mut text = String::new();
    emit(root, &mut Vec::new(), marked, &mut text);
    let selection = match selection {
        Some(selection) => selection,
        None => Selection::EncryptedCommentRegex(pattern(&format!("^ ?{MARK}$"))?),
    };
    let rules = Rules { selection, ..Rules::for_recipients(recipients.to_vec()) };
    encrypt(text.as_bytes(), Format::Yaml, &rules, now, &mut SystemEntropy)
        .map_err(|error| SecretsError::Configuration(crate::error::describe(&error)))
}

type Path = Vec<String>;

/// Returns the way to the field called `name`, which has to be there.
fn path_of(root: &Value, name: &str) -> Result<Path, SecretsError> {
    let missing =
        || SecretsError::Configuration(format!("the configuration has no field `{name}`"));
    let path: Path =
        key::split(name).ok_or_else(missing)?.iter().map(ToString::to_string).collect();
    let found = path.iter().try_fold(root, |at, segment| match at {
        Value::Array(list) => list.get(segment.parse::<usize>().ok()?),
        Value::Object(map) => map.get(segment),
        _ => None,
    });
    found.map(|_| path).ok_or_else(missing)
}

fn pattern(text: &str) -> Result<Pattern, SecretsError> {
    Pattern::new(text).map_err(|error| SecretsError::Configuration(error.to_string()))
}

/// Returns the rule that names `fields` by their keys; nothing where it would name others too.
fn by_key(root: &Value, fields: &[Path]) -> Result<Option<Selection>, SecretsError> {
    let names: Vec<&String> = fields.iter().filter_map(|path| path.last()).collect();
    let mut exact =
        fields.iter().all(|path| path.last().is_some_and(|key| key.parse::<usize>().is_err()));
    each_key(root, &mut Vec::new(), &mut |path| {
        let inside = fields.iter().any(|field| path.starts_with(field));
        let named = path.last().is_some_and(|key| names.contains(&key));
        exact &= inside || !named;
    });
    let words: Vec<String> = names.iter().map(|name| escaped(name)).collect();
    let text = format!("^({})$", words.join("|"));
    exact.then(|| Ok(Selection::EncryptedRegex(pattern(&text)?))).transpose()
}

/// Returns `text` as a regular expression that matches it alone.
fn escaped(text: &str) -> String {
    let letter = |c: char| {
        let plain = c.is_alphanumeric() || c == '_';
        if plain { c.to_string() } else { format!("\\x{{{:x}}}", u32::from(c)) }
    };
    text.chars().map(letter).collect()
}

/// Calls `found` with the way to each key of a map.
fn each_key(value: &Value, path: &mut Path, found: &mut impl FnMut(&Path)) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                path.push(key.clone());
                found(path);
                each_key(value, path, found);
                path.pop();
            }
        }
        Value::Array(list) => {
            for (at, value) in list.iter().enumerate() {
                path.push(at.to_string());
                each_key(value, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Writes `value` as YAML, each key and element on a line of its own, with the mark above those of `marked`.
fn emit(value: &Value, path: &mut Path, marked: &[Path], out: &mut String) {
    let indent = "    ".repeat(path.len());
    let members: Vec<(String, String, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), format!("{}:", text_of(key)), value))
            .collect(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(at, value)| (at.to_string(), "-".to_owned(), value))
            .collect(),
        _ => return,
    };
    for (segment, start, value) in members {
        path.push(segment);
        if marked.contains(path) {
            *out += &format!("{indent}# {MARK}\n");
        }
        match value {
            Value::Object(map) if !map.is_empty() => {
                nested(&indent, &start, value, path, marked, out);
            }
            Value::Array(list) if !list.is_empty() => {
                nested(&indent, &start, value, path, marked, out);
            }
            // JSON is YAML.
            scalar => *out += &format!("{indent}{start} {scalar}\n"),
        }
        path.pop();
    }
}

fn nested(
    indent: &str,
    start: &str,
    value: &Value,
    path: &mut Path,
    marked: &[Path],
    out: &mut String,
) {
    *out += &format!("{indent}{start}\n");
    emit(value, path, marked, out);
}

/// Returns a key as YAML has it: in quotes, unless it can only be a key.
fn text_of(key: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    // These are no texts in YAML 1.1.
    let special = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let plain =
        starts && key.chars().all(word) && !special.contains(&key.to_ascii_lowercase().as_str());
    if plain { key.to_owned() } else { Value::from(key).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use windlass_sops::{EncryptedFile, Identities, KeyPair};

    use super::*;

    fn encrypted(root: &Value, fields: &[&str]) -> (String, Vec<(String, bool)>) {
        let pair = KeyPair::generate();
        let recipients = [pair.recipient().clone()];
        let text =
            encrypt_fields(root, fields, &recipients, Timestamp::UNIX_EPOCH).expect("encrypted");
        let keys = Identities::parse(pair.secret(), "a test").expect("a key");
        let file = EncryptedFile::parse(text.as_bytes(), Format::Yaml).expect("a SOPS file");
        let plain = file.decrypt(&keys).expect("decrypted");
        let listed =
            plain.entries().iter().map(|one| (one.path.to_string(), one.encrypted)).collect();
        (text, listed)
    }

    fn hidden(listed: &[(String, bool)]) -> Vec<&str> {
        listed.iter().filter(|(_, encrypted)| *encrypted).map(|(path, _)| path.as_str()).collect()
    }

    #[test]
    fn the_named_fields_are_encrypted_and_no_others() {
        let root = json!({
            "db": {"host": "localhost", "password": "hunter2", "port": 5432},
            "tokens": ["one", "two"],
            "on": "a: b # c",
        });
        let (text, listed) = encrypted(&root, &["db.password", "tokens"]);
        assert_eq!(hidden(&listed), ["db.password", "tokens[0]", "tokens[1]"]);
        assert!(
            text.contains("encrypted_regex:") && text.contains("^(password|tokens)$"),
            "{text}"
        );
        assert!(!text.contains("hunter2") && text.contains("localhost"), "{text}");
    }

    #[test]
    fn fields_whose_keys_others_have_too_are_marked_by_comments() {
        let root = json!({
            "servers": [{"name": "a", "password": "1"}, {"name": "b", "password": "2"}],
            "smtp": {"password": "public"},
        });
        let (text, listed) = encrypted(&root, &["servers.1.password"]);
        assert_eq!(hidden(&listed), ["servers[1].password"]);
        assert!(text.contains("# encrypted\n") && text.contains("public"), "{text}");
        let (_, listed) = encrypted(&root, &["servers.0"]);
        assert_eq!(hidden(&listed), ["servers[0].name", "servers[0].password"]);
    }

    #[test]
    fn a_field_that_is_not_there_is_named() {
        let error = encrypt_fields(&json!({"a": 1}), &["b"], &[], Timestamp::UNIX_EPOCH);
        assert_eq!(error.expect_err("none").to_string(), "the configuration has no field `b`");
    }
}
