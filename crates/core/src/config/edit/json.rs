//! JSON in place.

use std::ops::Range;

use jsonc_parser::ast::Value as Ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::super::node::{Data, Node};
use super::flow::Flow;
use super::text::{Splice, indentation, indented, newline};
use super::tree::{Item, Key, Shape, Tree};
use super::{Care, Content, Editor, Outcome, Refusal, Source};

pub(super) struct Json<'t> {
    text: &'t str,
    root: Tree,
    style: Style<'t>,
}

/// How the document is laid out.
struct Style<'t> {
    newline: &'static str,
    /// What one level is indented by; nothing if the document is on one line.
    unit: Option<&'t str>,
    /// What stands between a key and its value, and between items on one line.
    colon: &'t str,
    separator: &'t str,
}

/// Returns the editor of `text`, which parses.
pub(super) fn open(text: &str) -> Option<Json<'_>> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).ok()?;
    let root = tree(text, &parsed.value?)?;
    let style = Style::of(text, &root);
    Some(Json { text, root, style })
}

fn tree(text: &str, value: &Ast<'_>) -> Option<Tree> {
    let range = value.range();
    let (shape, items) = match value {
        Ast::Object(object) => {
            let items = object.properties.iter().map(|property| {
                let name = property.name.range();
                let key =
                    Key { name: property.name.as_str().to_owned(), range: name.start..name.end };
                let colon = text[name.end..].find(':')? + name.end + 1;
                item(name.start, vec![key], colon, tree(text, &property.value)?)
            });
            (Shape::Map, items.collect::<Option<_>>()?)
        }
        Ast::Array(array) => {
            let items = array.elements.iter().map(|element| {
                let start = element.range().start;
                item(start, Vec::new(), start, tree(text, element)?)
            });
            (Shape::List, items.collect::<Option<_>>()?)
        }
        _ => (Shape::Scalar, Vec::new()),
    };
    Some(Tree { items, ..Tree::leaf(shape, range.start..range.end) })
}

fn item(start: usize, keys: Vec<Key>, indicator: usize, value: Tree) -> Option<Item> {
    Some(Item { start, keys, indicator, value })
}

impl<'t> Style<'t> {
    fn of(text: &'t str, root: &Tree) -> Self {
        let one_line = !root.items.is_empty() && !text[root.range.clone()].contains('\n');
        let colon = colon(text, root).unwrap_or(": ");
        let usual = if colon.ends_with(' ') { ", " } else { "," };
        Self {
            newline: newline(text),
            unit: (!one_line).then(|| unit(text, root).unwrap_or("  ")),
            colon,
            separator: separator(text, root).unwrap_or(usual),
        }
    }

    /// Returns `data` as text: its first line, and further ones after `indent`.
    fn write(&self, data: &Data, indent: &str, lines: bool) -> String {
        match data {
            Data::List(list) if !list.is_empty() => {
                let items = list.iter().map(|node| (String::new(), node));
                self.collection(["[", "]"], items, indent, lines)
            }
            Data::Map(map) if !map.is_empty() => {
                let items = map.iter().map(|(name, node)| (self.key(name), node));
                self.collection(["{", "}"], items, indent, lines)
            }
            scalar => scalar_text(scalar),
        }
    }

    fn collection<'n>(
        &self,
        [open, close]: [&str; 2],
        items: impl Iterator<Item = (String, &'n Node)>,
        indent: &str,
        lines: bool,
    ) -> String {
        let Some(unit) = self.unit.filter(|_| lines) else {
            let items = items.map(|(key, node)| key + &self.write(&node.data, indent, false));
            let items: Vec<_> = items.collect();
            return format!("{open}{}{close}", items.join(self.separator));
        };
        let deeper = format!("{indent}{unit}");
        let line = |(key, node): (String, &Node)| {
            format!("{}{deeper}{key}{}", self.newline, self.write(&node.data, &deeper, true))
        };
        let items: Vec<_> = items.map(line).collect();
        format!("{open}{}{}{indent}{close}", items.join(","), self.newline)
    }

    fn key(&self, name: &str) -> String {
        scalar_text(&Data::String(name.to_owned())) + self.colon
    }
}

/// Returns `data`, which holds nothing, as text.
fn scalar_text(data: &Data) -> String {
    match data {
        Data::Null => "null".to_owned(),
        Data::Bool(flag) => flag.to_string(),
        Data::Integer(number) => number.to_string(),
        Data::Float(number) => serde_json::Value::from(*number).to_string(),
        Data::String(text) => serde_json::Value::from(text.as_str()).to_string(),
        Data::List(_) => "[]".to_owned(),
        Data::Map(_) => "{}".to_owned(),
    }
}

/// Returns how much deeper the first collection on several lines has its items.
fn unit<'t>(text: &'t str, tree: &Tree) -> Option<&'t str> {
    let deeper = |first: &Item| {
        let outer = indentation(text, tree.range.start);
        let inner = indentation(text, first.start);
        let broken = text[tree.range.start..first.start].contains('\n');
        inner.strip_prefix(outer).filter(|unit| broken && !unit.is_empty())
    };
    let own = tree.items.first().and_then(deeper);
    own.or_else(|| tree.items.iter().find_map(|item| unit(text, &item.value)))
}

fn colon<'t>(text: &'t str, tree: &Tree) -> Option<&'t str> {
    let of_item = |item: &Item| {
        let between = &text[item.keys.first()?.range.end..item.value.range.start];
        (!between.contains('\n')).then_some(between)
    };
    tree.items.iter().find_map(|item| of_item(item).or_else(|| colon(text, &item.value)))
}

fn separator<'t>(text: &'t str, tree: &Tree) -> Option<&'t str> {
    let between = |pair: &[Item]| {
        let between = &text[pair[0].end()..pair[1].start];
        (!between.contains('\n')).then_some(between)
    };
    let own = tree.items.windows(2).find_map(between);
    own.or_else(|| tree.items.iter().find_map(|item| separator(text, &item.value)))
}

impl<'t> Json<'t> {
    fn flow<'s>(&'s self, tree: &'s Tree) -> Flow<'s> {
        Flow {
            text: self.text,
            tree,
            comments: false,
            newline: self.style.newline,
            separator: self.style.separator,
        }
    }

    /// Returns `content` within maps for `path`, as it stands after `indent`.
    fn nested(&self, path: &[&str], content: &Content<'_>, indent: &str, lines: bool) -> String {
        let Some((name, rest)) = path.split_first() else {
            return match content {
                Content::Value(node) => self.style.write(&node.data, indent, lines),
                Content::Source(source) => self.restored(source, indent),
            };
        };
        let key = self.style.key(name);
        match self.style.unit.filter(|_| lines) {
            Some(unit) => {
                let newline = self.style.newline;
                let deeper = format!("{indent}{unit}");
                let value = self.nested(rest, content, &deeper, lines);
                format!("{{{newline}{deeper}{key}{value}{newline}{indent}}}")
            }
            None => format!("{{{key}{}}}", self.nested(rest, content, indent, lines)),
        }
    }

    fn restored(&self, source: &Source, indent: &str) -> String {
        if source.lines.is_empty() {
            return source.head.clone();
        }
        let newline = self.style.newline;
        format!("{}{newline}{}", source.head, indented(&source.lines, indent, newline))
    }

    fn replace(&self, tree: &Tree, path: &[&str], content: &Content<'_>) -> Vec<Splice> {
        let one_line = tree.is_flow()
            && !tree.items.is_empty()
            && !self.text[tree.range.clone()].contains('\n');
        let indent = indentation(self.text, tree.range.start);
        let new = self.nested(path, content, indent, !one_line);
        vec![Splice::new(tree.range.clone(), new)]
    }

    fn append(&self, tree: &Tree, path: &[&str], content: &Content<'_>) -> Vec<Splice> {
        let flow = self.flow(tree);
        let Some((name, rest)) = path.split_first().filter(|_| !tree.items.is_empty()) else {
            return self.replace(tree, path, content);
        };
        let indent = flow.lines();
        let value = self.nested(rest, content, indent.unwrap_or_default(), indent.is_some());
        let key = if tree.is_map() { self.style.key(name) } else { String::new() };
        flow.append(&(key + &value))
    }
}

impl Editor for Json<'_> {
    fn put(&self, path: &[&str], content: &Content<'_>, _: Care) -> Outcome {
        let (trail, rest) = self.root.trail(path);
        let tree = self.root.end(&trail);
        Ok(match (tree.shape, rest) {
            (Shape::List, [_, inner @ ..]) if tree.items.is_empty() => {
                let indent = indentation(self.text, tree.range.start);
                let value = self.nested(inner, content, indent, false);
                vec![Splice::new(tree.range.clone(), format!("[{value}]"))]
            }
            (Shape::List | Shape::Map, [_, ..]) => self.append(tree, rest, content),
            _ => self.replace(tree, rest, content),
        })
    }

    fn remove(&self, path: &[&str]) -> Outcome {
        let (trail, _) = self.root.trail(path);
        let (tree, index) = trail.last().ok_or_else(missing)?;
        Ok(self.flow(tree).remove(*index))
    }

    fn rename(&self, path: &[&str], name: &str) -> Outcome {
        let (trail, _) = self.root.trail(path);
        let (tree, index) = trail.last().ok_or_else(missing)?;
        let key = tree.items[*index].keys.last().ok_or_else(missing)?;
        let new = scalar_text(&Data::String(name.to_owned()));
        Ok(vec![Splice::new(key.range.clone(), new)])
    }

    fn source(&self, path: &[&str]) -> Option<Source> {
        let (trail, rest) = self.root.trail(path);
        let tree = self.root.end(&trail);
        if !rest.is_empty() {
            return None;
        }
        Some(as_written(self.text, tree.range.clone()))
    }
}

fn missing() -> Refusal {
    Refusal::new("it is not there")
}

/// Returns the value in `range`, its further lines without the indentation of its first.
fn as_written(text: &str, range: Range<usize>) -> Source {
    let indent = indentation(text, range.start);
    let mut lines = text[range].lines().map(|line| line.strip_prefix(indent).unwrap_or(line));
    let head = lines.next().unwrap_or_default().to_owned();
    Source { above: Vec::new(), head, lines: lines.map(str::to_owned).collect() }
}
