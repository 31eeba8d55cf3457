//! Entries as text.

use super::{Body, Entry};
use crate::config::emit::emit;
use crate::config::format::Format;
use crate::config::node::{Data, Map, Node, Origin};
use crate::diagnostic::Diagnostic;

type Lines = Result<Vec<String>, Vec<Diagnostic>>;

/// Returns the whole file.
pub(super) fn render(
    heading: &[String],
    entries: &[Entry],
    format: Format,
) -> Result<String, Vec<Diagnostic>> {
    let body = match format {
        Format::Json | Format::Env => {
            return emit(&active(entries, &Origin::of_source("schema")), format);
        }
        Format::Yaml => yaml(entries)?,
        Format::Toml => toml(entries, &mut Vec::new())?,
    };
    let heading = heading.iter().map(|line| format!("# {line}")).collect();
    Ok(paragraphs([heading, body]).into_iter().map(|line| line + "\n").collect())
}

/// Returns the entries that are in force, as a value.
pub(super) fn active(entries: &[Entry], origin: &Origin) -> Node {
    let entries = entries.iter().filter(|entry| entry.active);
    let map: Map = entries.map(|entry| (entry.name.clone(), entry.node(origin))).collect();
    Node::new(Data::Map(Box::new(map)), origin.clone())
}

impl Entry {
    fn node(&self, origin: &Origin) -> Node {
        match &self.body {
            Body::Value(node) => node.clone(),
            Body::Table(entries) => active(entries, origin),
        }
    }

    fn prose(&self) -> impl Iterator<Item = String> {
        self.comments.iter().map(|line| format!("# {line}"))
    }

    /// Tells whether TOML writes it under headers of its own.
    fn is_table(&self) -> bool {
        match &self.body {
            Body::Table(_) => true,
            Body::Value(node) => node.as_list().is_some_and(|list| {
                !list.is_empty() && list.iter().all(|node| node.as_map().is_some())
            }),
        }
    }
}

fn yaml(entries: &[Entry]) -> Lines {
    joined(entries, |entry| {
        let mut lines: Vec<String> = entry.prose().collect();
        lines.extend(match &entry.body {
            Body::Value(node) => switched(entry.active, written(&entry.name, node, Format::Yaml)?),
            Body::Table(children) => yaml_table(entry, children)?,
        });
        Ok(lines)
    })
}

fn yaml_table(entry: &Entry, children: &[Entry]) -> Lines {
    let empty = Node::new(Data::Map(Box::default()), Origin::of_source("schema"));
    let empty = written(&entry.name, &empty, Format::Yaml)?;
    let below = yaml(children)?;
    if below.is_empty() {
        return Ok(switched(entry.active, empty));
    }
    let head: String = empty.concat().trim_end().trim_end_matches("{}").trim_end().to_owned();
    let mut block = vec![head];
    block.extend(below.into_iter().map(|line| indented(&line)));
    // A map of which all is commented out would be null.
    let is_null = !children.iter().any(|child| child.active);
    if entry.active && is_null {
        return Ok(empty.into_iter().chain(switched(false, block)).collect());
    }
    Ok(switched(entry.active, block))
}

fn toml(entries: &[Entry], path: &mut Vec<String>) -> Lines {
    let (tables, values): (Vec<&Entry>, Vec<&Entry>) =
        entries.iter().partition(|entry| entry.is_table());
    let values = joined(values, |entry| {
        let Body::Value(node) = &entry.body else { return Ok(Vec::new()) };
        let lines = written(&entry.name, node, Format::Toml)?;
        Ok(entry.prose().chain(switched(entry.active, lines)).collect())
    })?;
    let tables = joined(tables, |entry| {
        path.push(entry.name.clone());
        let lines = toml_table(entry, path);
        path.pop();
        Ok(entry.prose().chain(switched(entry.active, lines?)).collect())
    })?;
    Ok(paragraphs([values, tables]))
}

fn toml_table(entry: &Entry, path: &mut Vec<String>) -> Lines {
    let origin = Origin::of_source("schema");
    match &entry.body {
        Body::Value(node) => toml_at(path, node),
        Body::Table(children) => {
            let mut lines = toml_at(path, &Node::new(Data::Map(Box::default()), origin))?;
            lines.extend(toml(children, path)?);
            Ok(lines)
        }
    }
}

/// Returns `node` under the header for `path`.
fn toml_at(path: &[String], node: &Node) -> Lines {
    let (last, parents) = path.split_last().expect("a table has a name");
    let inner = parents.iter().rev().fold(single(last, node), |node, name| single(name, &node));
    text_lines(&inner, Format::Toml)
}

fn single(name: &str, node: &Node) -> Node {
    let map: Map = [(name.to_owned(), node.clone())].into_iter().collect();
    Node::new(Data::Map(Box::new(map)), node.origin.clone())
}

/// Returns `name` with its value.
fn written(name: &str, node: &Node, format: Format) -> Lines {
    text_lines(&single(name, node), format)
}

fn text_lines(node: &Node, format: Format) -> Lines {
    let text = emit(node, format)?;
    Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Returns `lines`, commented out unless they are `active`.
fn switched(active: bool, lines: Vec<String>) -> Vec<String> {
    let off = |line: String| if line.is_empty() { line } else { format!("#{line}") };
    if active { lines } else { lines.into_iter().map(off).collect() }
}

fn indented(line: &str) -> String {
    if line.is_empty() { String::new() } else { format!("  {line}") }
}

/// Returns the lines of all `entries`, with an empty line between those of several lines.
fn joined<'e>(
    entries: impl IntoIterator<Item = &'e Entry>,
    mut lines_of: impl FnMut(&'e Entry) -> Lines,
) -> Lines {
    let (mut all, mut problems) = (Vec::new(), Vec::new());
    let mut before = 0;
    for entry in entries {
        match lines_of(entry) {
            Ok(lines) => {
                if !all.is_empty() && (lines.len() > 1 || before > 1) {
                    all.push(String::new());
                }
                before = lines.len();
                all.extend(lines);
            }
            Err(errors) => problems.extend(errors),
        }
    }
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

/// Returns both, with an empty line between them if there is something to part.
fn paragraphs([mut first, second]: [Vec<String>; 2]) -> Vec<String> {
    if !first.is_empty() && !second.is_empty() {
        first.push(String::new());
    }
    first.extend(second);
    first
}
