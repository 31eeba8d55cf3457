//! One key of a text in the clear, set or taken away in place.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::document::{
    Collection, DEFAULT_SECTION, Document, Edit, Item, Node, edited, line_start, next_line,
};
use crate::emit::{self, json, yaml};
use crate::error::{Finding, Problem, SopsError};
use crate::format::Format;
use crate::metadata::flow_cut;
use crate::path::{KeyPath, Step};
use crate::tree::Tree;

/// Returns `text`, which is in the clear, with `value` at `path` of its first document. A key that is not
/// there is added behind its siblings, with the maps on the way; all else stays as it is.
///
/// # Errors
///
/// With [`SopsError::CannotSet`] if nothing can be at `path`, and with [`SopsError::Content`] if `text` is not
/// of its format, or the format has no way to write `value`.
pub fn set(
    text: &str,
    format: Format,
    path: &KeyPath,
    value: &Tree,
) -> Result<Zeroizing<String>, SopsError> {
    let refuse = |problem| SopsError::CannotSet { path: path.clone(), problem };
    check_shape(format, path, value).map_err(refuse)?;
    if format == Format::Binary {
        let value = value.value().and_then(|value| value.as_str()).unwrap_or_default();
        return Ok(Zeroizing::new(value.to_owned()));
    }
    let document = Document::parse(text.as_bytes(), format)?;
    let edits = match document.item(path) {
        Some(item) => replacement(&document, path, item, value),
        None => addition(&document, path, value).map_err(refuse)?,
    };
    let edits = edits.map_err(|problem| {
        SopsError::Content(vec![Finding { place: None, key: path.clone(), problem }])
    })?;
    let result = edited(text, edits);
    read_back(&result, format, path, value)?;
    Ok(result)
}

/// Refuses a text in which `path` does not lead to `value`: whatever a format cannot hold is never
/// written as something else.
fn read_back(text: &str, format: Format, path: &KeyPath, value: &Tree) -> Result<(), SopsError> {
    let document = Document::parse(text.as_bytes(), format)?;
    let values = document.values();
    let holds = document
        .item(path)
        .is_some_and(|item| same(&Document::tree_of(&item.node, &values), value, format));
    let problem = Problem::NotRepresentable(format.name());
    let finding = Finding { place: None, key: path.clone(), problem };
    if holds { Ok(()) } else { Err(SopsError::Content(vec![finding])) }
}

/// Returns whether what was read is what was to be written; in formats of text alone, as text.
fn same(read: &Tree, wanted: &Tree, format: Format) -> bool {
    match (read, wanted, format) {
        (Tree::Value(read), Tree::Value(wanted), Format::Dotenv | Format::Ini) => {
            let flag = wanted.as_bool().is_some();
            let (read, wanted) = (read.as_bytes(), wanted.as_bytes());
            read == wanted || flag && read.eq_ignore_ascii_case(wanted)
        }
        _ => read.is_same(wanted),
    }
}

fn check_shape(format: Format, path: &KeyPath, value: &Tree) -> Result<(), &'static str> {
    let keys = path.steps().iter().all(|step| matches!(step, Step::Key(_)));
    let single = value.value().is_some();
    match format {
        Format::Dotenv if path.steps().len() != 1 || !keys => {
            Err("a dotenv file has keys at the top only")
        }
        Format::Ini if path.steps().len() != 2 || !keys => {
            Err("an INI file has keys in sections: section.key")
        }
        Format::Binary if *path != KeyPath::key("data") => {
            Err("a binary file has one value, `data`")
        }
        Format::Dotenv | Format::Ini | Format::Binary if !single => {
            Err("the format holds single values only")
        }
        _ if path.steps().is_empty() => Err("the path is empty"),
        _ if matches!(path.steps()[0], Step::Index(_)) => Err("a file is a map, not a list"),
        _ => Ok(()),
    }
}

type Edits = Result<Vec<Edit>, Problem>;

/// Returns the edits that put `value` where `item` holds another.
fn replacement(document: &Document, path: &KeyPath, item: &Item, value: &Tree) -> Edits {
    if let (Node::Leaf(id), Tree::Value(value)) = (&item.node, value) {
        let leaf = &document.leaves[*id];
        return Ok(Document::replace(leaf, emit::plain(document, leaf, value)?).collect());
    }
    let (_, above) = path.steps().split_last().ok_or(Problem::RootNotMap)?;
    let map = document.collection(above).ok_or(Problem::RootNotMap)?;
    if map.flow {
        let start = match &item.node {
            Node::Leaf(id) => document.leaves[*id].range.start,
            Node::Collection(inner) => inner.range.start,
        };
        return Ok(vec![(start..item.range.end, in_brackets(document, map, value)?)]);
    }
    let text = in_lines(map, &item.key, value)?;
    let end = line_end(&document.text, item.range.end);
    Ok(vec![(item.range.start..end, text)])
}

/// Returns `value` in the maps and lists that `steps` lead through.
fn within(steps: &[Step], value: &Tree) -> Result<Tree, &'static str> {
    let mut value = value.clone();
    for step in steps.iter().rev() {
        value = match step {
            Step::Key(name) => Tree::Map(vec![(name.clone(), value)]),
            Step::Index(0) => Tree::List(vec![value]),
            Step::Index(_) => return Err("a new list starts at 0"),
        };
    }
    Ok(value)
}

/// Returns the edits that make `value` the first one of a YAML text with no more than comments in it.
fn beginning(document: &Document, steps: &[Step], value: &Tree) -> Result<Edits, &'static str> {
    let [Step::Key(name), below @ ..] = steps else { return Err("a file is a map, not a list") };
    let value = within(below, value)?;
    let line = yaml::member(name, &value, 0);
    Ok(line.and_then(|line| line_at_end(document, &line)))
}

/// Returns the edits that add `value`, with the maps on the way that are missing.
fn addition(document: &Document, path: &KeyPath, value: &Tree) -> Result<Edits, &'static str> {
    let steps = path.steps();
    if document.format == Format::Yaml && document.roots.is_empty() {
        return beginning(document, steps, value);
    }
    let depth =
        (0..steps.len()).rev().find(|depth| document.collection(&steps[..*depth]).is_some());
    let depth = depth.ok_or("the file has no document")?;
    let map = document.collection(&steps[..depth]).ok_or("the file has no document")?;
    if depth + 1 < steps.len() && map.item(&steps[depth]).is_some() {
        return Err("a single value is on the way");
    }
    let name = match (&steps[depth], map.is_map) {
        (Step::Key(name), true) => name.clone(),
        (Step::Index(index), false) if *index == map.items.len() => String::new(),
        (Step::Index(_), false) => return Err("a list grows at its end only"),
        (Step::Key(_), false) => return Err("a list has places, not keys"),
        (Step::Index(_), true) => return Err("a map has keys, not places"),
    };
    let value = within(&steps[depth + 1..], value)?;
    Ok(insertion(document, map, depth, &name, &value))
}

fn insertion(
    document: &Document,
    map: &Collection,
    depth: usize,
    name: &str,
    value: &Tree,
) -> Edits {
    match document.format {
        Format::Dotenv => line_at_end(document, &format!("{name}={}", *dotenv_value(value)?)),
        Format::Ini => ini_insertion(document, map, depth, name, value),
        _ if map.flow => flow_insertion(document, map, name, value),
        _ => block_insertion(document, map, name, value),
    }
}

fn dotenv_value(value: &Tree) -> Result<Zeroizing<String>, Problem> {
    let single = value.value().ok_or(Problem::Nested)?;
    emit::loose_dotenv(single)
}

fn line_at_end(document: &Document, line: &str) -> Edits {
    let end = document.text.len();
    let start = if document.text.is_empty() || document.text.ends_with('\n') { "" } else { "\n" };
    Ok(vec![(end..end, Zeroizing::new(format!("{start}{line}\n")))])
}

fn ini_insertion(
    document: &Document,
    map: &Collection,
    depth: usize,
    name: &str,
    value: &Tree,
) -> Edits {
    if depth == 0 {
        let Tree::Map(members) = value else { return Err(Problem::Nested) };
        let [(key, value)] = &members[..] else { return Err(Problem::Nested) };
        let line = ini_line(key, value)?;
        if name == DEFAULT_SECTION {
            return Ok(vec![(0..0, Zeroizing::new(format!("{}\n", *line)))]);
        }
        let blank = if document.text.trim().is_empty() { "" } else { "\n" };
        return line_at_end(document, &format!("{blank}[{name}]\n{}", *line));
    }
    let end = map.range.end;
    let at = line_end(&document.text, end);
    Ok(vec![(at..at, Zeroizing::new(format!("\n{}", *ini_line(name, value)?)))])
}

fn ini_line(key: &str, value: &Tree) -> Result<Zeroizing<String>, Problem> {
    let value = emit::ini_value(value.value().ok_or(Problem::Nested)?)?;
    Ok(Zeroizing::new(format!("{key} = {}", *value)))
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end)
}

/// Returns a member or place of a map or list on lines of its own, without the spaces before it.
fn in_lines(map: &Collection, name: &str, value: &Tree) -> Result<Zeroizing<String>, Problem> {
    if map.is_map { yaml::member(name, value, map.column) } else { yaml::item(value, map.column) }
}

fn block_insertion(document: &Document, map: &Collection, name: &str, value: &Tree) -> Edits {
    let text = in_lines(map, name, value)?;
    let Some(last) = map.items.last() else {
        let root = &document.roots[0];
        let before = &document.text[..root.end];
        let start = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        return Ok(vec![(root.end..root.end, Zeroizing::new(format!("{start}{}\n", *text)))]);
    };
    let at = line_end(&document.text, last.range.end);
    let spaces = " ".repeat(map.column);
    Ok(vec![(at..at, Zeroizing::new(format!("\n{spaces}{}", *text)))])
}

/// Returns a value as it stands in brackets.
fn in_brackets(
    document: &Document,
    map: &Collection,
    value: &Tree,
) -> Result<Zeroizing<String>, Problem> {
    let step = step_of(document, map);
    let indent = indent_of(document, map).unwrap_or_default();
    json::tree(value, indent, step)
}

/// Returns the spaces before the first item of a map or list in brackets, if it is on a line of its own.
fn indent_of<'d>(document: &'d Document, map: &Collection) -> Option<&'d str> {
    let first = map.items.first()?.range.start;
    let indent = &document.text[line_start(&document.text, first)..first];
    indent.chars().all(char::is_whitespace).then_some(indent)
}

/// Returns how far a level is to the right of the one around it, in a text with lines; nothing in one
/// without.
fn step_of<'d>(document: &'d Document, map: &Collection) -> &'d str {
    let root = &document.roots[0].map;
    match indent_of(document, root) {
        Some(step) if root.flow && !step.is_empty() => step,
        None if !map.items.is_empty() || !root.flow => "",
        _ if document.format == Format::Json => "\t",
        _ => "",
    }
}

fn flow_insertion(document: &Document, map: &Collection, name: &str, value: &Tree) -> Edits {
    let step = step_of(document, map);
    let text = &document.text;
    let Some(last) = map.items.last() else {
        let outer = &text[line_start(text, map.range.start)..map.range.start];
        let outer: String = outer.chars().take_while(|c| c.is_whitespace()).collect();
        let indent = format!("{outer}{step}");
        let member = member(name, map, &json::tree(value, &indent, step)?);
        let inner = if step.is_empty() {
            member.to_string()
        } else {
            format!("\n{indent}{}\n{outer}", *member)
        };
        return Ok(vec![(map.range.start + 1..map.range.end - 1, Zeroizing::new(inner))]);
    };
    let indent = indent_of(document, map);
    let value =
        json::tree(value, indent.unwrap_or_default(), if indent.is_some() { step } else { "" })?;
    let member = member(name, map, &value);
    let separator = indent.map_or_else(|| ", ".to_owned(), |indent| format!(",\n{indent}"));
    let at = last.range.end;
    Ok(vec![(at..at, Zeroizing::new(format!("{separator}{}", *member)))])
}

fn member(name: &str, map: &Collection, value: &str) -> Zeroizing<String> {
    Zeroizing::new(if map.is_map {
        format!("{}: {value}", *json::quoted(name))
    } else {
        value.to_owned()
    })
}

/// Returns `text` without what is at `path`.
pub(crate) fn unset(
    text: &str,
    format: Format,
    path: &KeyPath,
) -> Result<Zeroizing<String>, SopsError> {
    let missing = || SopsError::NoSuchKey(path.clone());
    if format == Format::Binary {
        return Err(SopsError::CannotSet {
            path: path.clone(),
            problem: "a binary file has one value",
        });
    }
    let document = Document::parse(text.as_bytes(), format)?;
    let (last, above) = path.steps().split_last().ok_or_else(missing)?;
    let map = document.collection(above).ok_or_else(missing)?;
    let at = map.items.iter().enumerate().position(|(at, item)| match last {
        Step::Key(key) => map.is_map && item.key == *key,
        Step::Index(index) => !map.is_map && at == *index,
    });
    let at = at.ok_or_else(missing)?;
    let empty = Zeroizing::new(String::new());
    if map.flow {
        return Ok(edited(text, vec![(flow_cut(map, at), empty)]));
    }
    if map.items.len() == 1 && !above.is_empty() && format == Format::Yaml {
        return Ok(edited(text, vec![emptied(&document, above, map)]));
    }
    Ok(edited(text, vec![(lines_of(text, map, at), empty)]))
}

/// Returns the edit that leaves an empty map or list where `map` was.
fn emptied(document: &Document, above: &[Step], map: &Collection) -> Edit {
    let brackets = if map.is_map { " {}" } else { " []" };
    let holder = document.item(&KeyPath::new(above.to_vec()));
    let start = holder.map_or(map.range.start, |item| item.range.start);
    let before =
        document.text[start..map.range.start].trim_end_matches([' ', '\n', '\t', '\r', '-']);
    let from = start + before.len().max(1);
    let comment = document.text[start..map.range.start].contains('#');
    let from = if comment { map.range.start } else { from };
    (from..line_end(&document.text, map.range.end), Zeroizing::new(brackets.to_owned()))
}

/// Returns the lines of the item `at`; from its key to the next one if something else is on its line.
fn lines_of(text: &str, map: &Collection, at: usize) -> Range<usize> {
    let item = &map.items[at];
    let start = line_start(text, item.range.start);
    let alone = text[start..item.range.start].chars().all(char::is_whitespace);
    match map.items.get(at + 1) {
        Some(next) if !alone => item.range.start..next.range.start,
        _ if alone => start..next_line(text, item.range.end),
        _ => item.range.start..line_end(text, item.range.end),
    }
}
