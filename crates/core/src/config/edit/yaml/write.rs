//! Values as YAML text.

use super::super::super::emit::emit;
use super::super::super::format::Format;
use super::super::super::node::{Data, Map, Node, Origin};
use super::super::super::scalar;
use super::super::text::{column, indented};
use super::super::tree::{Item, Shape, Tree};
use super::super::{Care, Source};

/// A value, relative to the column of its key or dash.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Body {
    /// Comment lines above the key.
    pub(super) above: Vec<String>,
    /// What stands on the line of the key.
    pub(super) head: String,
    /// What stands below.
    pub(super) lines: Vec<String>,
}

impl Body {
    pub(super) fn from_source(source: &Source) -> Self {
        let Source { above, head, lines } = source.clone();
        Self { above, head, lines }
    }

    fn inline(head: impl Into<String>) -> Self {
        Self { head: head.into(), ..Self::default() }
    }

    fn below(lines: Vec<String>) -> Self {
        Self { lines, ..Self::default() }
    }

    /// Returns it with its lines as far to the left as the first of them allows.
    pub(super) fn dedented(&self) -> Self {
        let first = self.lines.first().map_or("", String::as_str);
        let width = first.len() - first.trim_start_matches(' ').len();
        let line = |line: &String| line.get(width..).unwrap_or_default().to_owned();
        Self { lines: self.lines.iter().map(line).collect(), ..self.clone() }
    }

    pub(super) fn indented(&self, width: usize) -> Self {
        Self { lines: shifted(&self.lines, width), ..self.clone() }
    }

    /// Returns its lines after `indent`.
    pub(super) fn lines_at(&self, indent: &str, newline: &str) -> String {
        indented(&self.lines, indent, newline)
    }
}

impl Source {
    /// Tells whether it can stand in brackets as it is.
    pub(super) fn is_plain(&self) -> bool {
        self.above.is_empty() && self.lines.is_empty() && !self.head.contains('#')
    }
}

fn shifted(lines: &[String], width: usize) -> Vec<String> {
    let indent = " ".repeat(width);
    let line =
        |line: &String| if line.is_empty() { String::new() } else { format!("{indent}{line}") };
    lines.iter().map(line).collect()
}

/// How the document is indented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    /// How much deeper a map is than its key.
    map: usize,
    /// How much deeper a list is than its key.
    list: usize,
}

impl Style {
    /// Returns how the first nested map and list are indented, or would usually be.
    pub(super) fn of(text: &str, root: &Tree) -> Self {
        let map = depth(text, root, Shape::BlockMap).filter(|depth| *depth > 0);
        let list = depth(text, root, Shape::BlockList);
        let map = map.or(list.filter(|depth| *depth > 0)).unwrap_or(2);
        Self { map, list: list.unwrap_or(map) }
    }

    pub(super) fn writer(self, care: Care) -> Writer {
        Writer { style: self, care }
    }
}

fn depth(text: &str, tree: &Tree, shape: Shape) -> Option<usize> {
    let of_item = |item: &Item| {
        let first = item.value.items.first().filter(|_| item.value.shape == shape)?;
        let below = text[item.start..first.start].contains('\n') && !item.keys.is_empty();
        below.then(|| column(text, first.start).saturating_sub(column(text, item.start)))
    };
    tree.items.iter().find_map(|item| of_item(item).or_else(|| depth(text, &item.value, shape)))
}

pub(super) struct Writer {
    style: Style,
    care: Care,
}

impl Writer {
    /// Returns `data` as it stands at a key; `old` is how the value before was written.
    pub(super) fn body(&self, data: &Data, old: &str) -> Body {
        match data {
            Data::Map(map) if !map.is_empty() => {
                Body::below(shifted(&self.map(map), self.style.map))
            }
            Data::List(list) if !list.is_empty() => {
                Body::below(shifted(&self.list(list), self.style.list))
            }
            Data::String(text) if text.contains('\n') && self.care == Care::Styled => {
                self.literal(text).unwrap_or_else(|| Body::inline(self.inline(data, old)))
            }
            data => Body::inline(self.inline(data, old)),
        }
    }

    fn map(&self, map: &Map) -> Vec<String> {
        map.iter().flat_map(|(name, node)| self.entry(name, self.body(&node.data, ""))).collect()
    }

    fn list(&self, list: &[Node]) -> Vec<String> {
        list.iter().flat_map(|node| self.element(self.body(&node.data, ""))).collect()
    }

    /// Returns the lines of `body` under `name`.
    pub(super) fn entry(&self, name: &str, body: Body) -> Vec<String> {
        let key = self.key(name);
        let gap = if body.head.is_empty() { "" } else { " " };
        let line = format!("{key}:{gap}{}", body.head);
        body.above.into_iter().chain([line]).chain(body.lines).collect()
    }

    /// Returns the lines of `body` behind a dash.
    pub(super) fn element(&self, body: Body) -> Vec<String> {
        if body.head.is_empty() && !body.lines.is_empty() {
            let lines = body.dedented().indented(2).lines;
            let first = format!("- {}", lines[0].trim_start());
            return body
                .above
                .into_iter()
                .chain([first])
                .chain(lines.into_iter().skip(1))
                .collect();
        }
        let line = format!("- {}", body.head);
        let lines = body.above.into_iter().chain([line.trim_end().to_owned()]);
        lines.chain(body.lines).collect()
    }

    /// Returns `body` as the only value of a map, under `name`.
    pub(super) fn map_of(&self, name: &str, body: Body) -> Body {
        Body::below(shifted(&self.entry(name, body), self.style.map))
    }

    /// Returns `body` as the only element of a list.
    pub(super) fn list_of(&self, body: Body) -> Body {
        Body::below(shifted(&self.element(body), self.style.list))
    }

    /// Returns `body` within maps for `path`.
    pub(super) fn nested(&self, path: &[&str], body: Body) -> Body {
        path.iter().rev().fold(body, |body, name| self.map_of(name, body))
    }

    /// Returns `data` on one line.
    pub(super) fn inline(&self, data: &Data, old: &str) -> String {
        match data {
            Data::Map(map) => {
                let entry = |(name, node): (&String, &Node)| {
                    format!("{}: {}", self.key(name), self.inline(&node.data, ""))
                };
                format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
            Data::List(list) => {
                let elements = list.iter().map(|node| self.inline(&node.data, ""));
                format!("[{}]", elements.collect::<Vec<_>>().join(", "))
            }
            Data::String(text) => self.string(text, old),
            scalar => emitted(scalar),
        }
    }

    pub(super) fn key(&self, name: &str) -> String {
        self.string(name, "")
    }

    /// Returns `name` as a key, in the quotes that the key before had.
    pub(super) fn key_like(&self, name: &str, old: &str) -> String {
        self.string(name, old)
    }

    /// Returns `text` as a scalar, in the quotes that `old` has if it has any.
    fn string(&self, text: &str, old: &str) -> String {
        let printable = !text.chars().any(|c| c.is_control() || is_special(c));
        match old.chars().next() {
            _ if self.care == Care::Plain && is_simple(text) => text.to_owned(),
            _ if self.care == Care::Plain => double_quoted(text),
            Some('"') if printable => double_quoted(text),
            Some('\'') if printable => format!("'{}'", text.replace('\'', "''")),
            _ => {
                let plain = emitted(&Data::String(text.to_owned()));
                let broken = plain.contains('\n') || !is_quoted(&plain) && plain.contains(FLOW);
                if broken { double_quoted(text) } else { plain }
            }
        }
    }

    /// Returns `text` line by line under a `|`, if that is how to read it back.
    fn literal(&self, text: &str) -> Option<Body> {
        let stripped = text.strip_suffix('\n');
        let content = stripped.unwrap_or(text);
        let unclear = content.starts_with([' ', '\n', '\t'])
            || content.ends_with(['\n', ' ', '\t'])
            || content.lines().any(|line| line.trim().is_empty() && !line.is_empty())
            || content.chars().any(|c| c.is_control() && c != '\n' && c != '\t' || is_special(c));
        let head = if stripped.is_some() { "|" } else { "|-" };
        let lines: Vec<_> = content.split('\n').map(str::to_owned).collect();
        (!unclear).then(|| Body {
            head: head.to_owned(),
            lines: shifted(&lines, self.style.map),
            ..Body::default()
        })
    }
}

/// What may not be in a plain scalar inside brackets.
const FLOW: [char; 5] = [',', '[', ']', '{', '}'];

/// Tells whether `c` is read as a line break or not at all.
fn is_special(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn is_quoted(written: &str) -> bool {
    written.starts_with(['"', '\''])
}

/// Tells whether nobody could read `text` as anything but itself.
fn is_simple(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && scalar::yaml(text) == Ok(Data::String(text.to_owned()))
        && emitted(&Data::String(text.to_owned())) == text
}

/// Returns the scalar as a whole file of it is written.
fn emitted(data: &Data) -> String {
    let node = Node::new(data.clone(), Origin::of_source("value"));
    let text = emit(&node, Format::Yaml).unwrap_or_default();
    text.strip_suffix('\n').unwrap_or(&text).to_owned()
}

/// Returns `text` in double quotes, all that is not printable escaped.
fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() || is_special(c) => {
                quoted.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
