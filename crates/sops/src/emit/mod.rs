//! How values are written, in place and in the style of a format.

mod ini;
pub(crate) mod json;
pub(crate) mod yaml;

use zeroize::Zeroizing;

use crate::document::{Document, Leaf};
use crate::error::Problem;
use crate::format::Format;
use crate::value::{Kind, Value};

/// Returns the text that gives `leaf` the value `value`, in the clear.
pub(crate) fn plain(
    document: &Document,
    leaf: &Leaf,
    value: &Value,
) -> Result<Zeroizing<String>, Problem> {
    match document.format {
        Format::Yaml if leaf.is_comment => Ok(yaml::comment(text_of(value, "YAML")?, leaf.column)),
        Format::Yaml if leaf.flow => yaml::flow(value),
        Format::Yaml => {
            let alone = is_alone(&document.text, leaf);
            yaml::block(value, leaf.column, alone).map(|text| apart(leaf, text))
        }
        Format::Json | Format::Binary => json::value(value),
        Format::Dotenv => dotenv(value),
        Format::Ini if leaf.is_comment => Ok(Zeroizing::new(text_of(value, "INI")?.to_owned())),
        Format::Ini => ini::value(value).map(|text| apart(leaf, text)),
    }
}

/// Returns the text that puts the ciphertext `text` into `leaf`.
pub(crate) fn ciphertext(format: Format, leaf: &Leaf, text: String) -> Zeroizing<String> {
    let quoted = match format {
        Format::Json | Format::Binary => true,
        Format::Yaml => leaf.flow && !leaf.is_comment,
        Format::Dotenv | Format::Ini => false,
    };
    if quoted { json::quoted(&text) } else { apart(leaf, Zeroizing::new(text)) }
}

/// Returns `text` with a space before it if it is put where no value was.
fn apart(leaf: &Leaf, text: Zeroizing<String>) -> Zeroizing<String> {
    if leaf.range.is_empty() && !leaf.is_comment {
        Zeroizing::new(format!(" {}", *text))
    } else {
        text
    }
}

/// Returns whether nothing follows `leaf` that the lines of a block would take in: neither a comment nor
/// spaces, on its line or as a line of their own.
fn is_alone(text: &str, leaf: &Leaf) -> bool {
    let end = leaf.tail.as_ref().map_or(leaf.range.end, |tail| tail.end);
    let between = leaf.tail.as_ref().map_or("", |tail| &text[leaf.range.end..tail.start]);
    let mut lines = text[end..].split('\n').map(|line| line.trim_end_matches('\r'));
    let rest_is_empty = between.is_empty() && lines.next().is_none_or(str::is_empty);
    let is_blank = |line: &str| !line.is_empty() && line.trim().is_empty();
    rest_is_empty && !lines.next().is_some_and(is_blank)
}

fn text_of<'v>(value: &'v Value, format: &'static str) -> Result<&'v str, Problem> {
    value.as_str().ok_or(Problem::BinaryInText(format))
}

/// Returns a value for formats that hold text alone.
fn loose(value: &Value, format: &'static str) -> Result<Zeroizing<String>, Problem> {
    let text = text_of(value, format)?;
    Ok(Zeroizing::new(match value.kind() {
        Kind::Boolean => text.to_ascii_lowercase(),
        _ => text.to_owned(),
    }))
}

fn dotenv(value: &Value) -> Result<Zeroizing<String>, Problem> {
    let text = loose(value, "dotenv")?;
    Ok(Zeroizing::new(text.replace('\n', "\\n")))
}

/// Returns a value as a dotenv file has it.
pub(crate) fn loose_dotenv(value: &Value) -> Result<Zeroizing<String>, Problem> {
    dotenv(value)
}

/// Returns a value as an INI file has it.
pub(crate) fn ini_value(value: &Value) -> Result<Zeroizing<String>, Problem> {
    ini::value(value)
}
