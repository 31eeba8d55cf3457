//! YAML 1.2 from parser events, so that depth, aliases and duplicates are bounded while reading.

mod simple;

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span as Marks, Tag};

use super::{MAX_COPIES, MAX_DEPTH, Report, Stop, fragment};
use crate::config::node::{Data, Map, Node, Span};
use crate::config::scalar::{self, InvalidScalar};
use crate::diagnostic::{Diagnostic, Position};

pub(super) fn parse(file: Arc<str>, text: &str) -> Result<Node, Vec<Diagnostic>> {
    match simple::parse(&file, text) {
        Some(root) => Ok(root),
        None => parse_any(file, text),
    }
}

/// Reads everything that YAML is, from the events of its parser.
fn parse_any(file: Arc<str>, text: &str) -> Result<Node, Vec<Diagnostic>> {
    let mut builder = Builder::new(file, text);
    let outcome = builder.read(text);
    let root = outcome.map(|()| builder.root.take().map_or_else(|| builder.empty(), |b| b.node));
    builder.report.finish(root)
}

/// A finished value, and how large it is with everything in it.
#[derive(Clone)]
struct Built {
    node: Node,
    count: usize,
    height: usize,
}

/// A list or map that is being read.
struct Frame {
    collection: Collection,
    anchor: usize,
    span: Span,
    count: usize,
    height: usize,
}

enum Collection {
    List(Vec<Node>),
    Map { map: Map, key: Option<Key>, merged: Vec<Node> },
}

/// A key that waits for its value.
enum Key {
    Name(String, Span),
    Merge,
    Invalid,
}

struct Builder {
    report: Report,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Built>,
    keep_anchors: bool,
    copies: usize,
    documents: usize,
    root: Option<Built>,
}

impl Builder {
    fn new(file: Arc<str>, text: &str) -> Self {
        Self {
            report: Report::new(file),
            frames: Vec::new(),
            anchors: HashMap::new(),
            keep_anchors: text.contains('*'),
            copies: 0,
            documents: 0,
            root: None,
        }
    }

    fn empty(&self) -> Node {
        let start = Span { position: Position { line: 1, column: 1 }, width: 1 };
        Node::new(Data::Null, self.report.origin(start))
    }

    fn read(&mut self, text: &str) -> Result<(), Stop> {
        for event in Parser::new_from_str(text) {
            match event {
                Ok((event, marks)) => self.event(event, span_of(marks))?,
                Err(error) => {
                    let at = Span { position: position_of(*error.marker()), width: 1 };
                    return Err(self.report.stop(at, syntax(error.info())));
                }
            }
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(_) => self.document(span),
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style, anchor, tag.as_deref(), span)
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), "seq", span);
                self.open(Collection::List(Vec::new()), anchor, span)
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), "map", span);
                let map = Collection::Map { map: Map::new(), key: None, merged: Vec::new() };
                self.open(map, anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn document(&mut self, span: Span) -> Result<(), Stop> {
        self.documents += 1;
        if self.documents > 1 {
            return Err(self.report.stop(span, "second YAML document: one is expected"));
        }
        Ok(())
    }

    fn check_tag(&mut self, tag: Option<&Tag>, expected: &str, span: Span) {
        if let Some(tag) = tag.filter(|tag| !(tag.is_yaml_core_schema() && tag.suffix == expected))
        {
            self.report.problem(span, unsupported_tag(tag));
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<(), Stop> {
        let plain = style == ScalarStyle::Plain;
        if plain && tag.is_none() && text == "<<" && self.expects_key() {
            self.set_key(Key::Merge);
            return Ok(());
        }
        let data = match tag {
            None if plain => scalar::yaml(text),
            None => scalar::string(text),
            Some(tag) => self.tagged(text, tag, plain, span),
        };
        let node = self.report.scalar(span, data);
        self.finish(Built { node, count: 1, height: 0 }, anchor, span)
    }

    /// Returns the scalar as the type that its tag names.
    fn tagged(
        &mut self,
        text: &str,
        tag: &Tag,
        plain: bool,
        span: Span,
    ) -> Result<Data, InvalidScalar> {
        let kind = if tag.is_yaml_core_schema() { tag.suffix.as_str() } else { "" };
        let data = match kind {
            "str" => return scalar::string(text),
            _ if is_non_specific(tag) => return scalar::string(text),
            "null" | "bool" | "int" | "float" => scalar::yaml(text)?,
            _ => {
                self.report.problem(span, unsupported_tag(tag));
                return Ok(Data::Null);
            }
        };
        match (kind, data) {
            ("float", Data::Integer(_)) => scalar::float(text),
            (_, data) if plain && tag_of(&data) == kind => Ok(data),
            _ => {
                self.report.problem(span, format!("value does not fit its tag `!!{kind}`"));
                Ok(Data::Null)
            }
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Stop> {
        let Some(built) = self.anchors.get(&anchor) else {
            return Err(self.report.stop(span, "alias stands inside the value that it refers to"));
        };
        let (count, height) = (built.count, built.height);
        self.copy(count, span)?;
        self.report.descend(self.frames.len() + height, span)?;
        let mut built = self.anchors[&anchor].clone();
        built.node.origin = self.report.origin(span);
        self.finish(built, 0, span)
    }

    /// Counts `nodes` more copied values.
    fn copy(&mut self, nodes: usize, span: Span) -> Result<(), Stop> {
        self.copies += nodes;
        if self.copies > MAX_COPIES {
            let message = format!("anchors and aliases copy more than {MAX_COPIES} values");
            return Err(self.report.stop(span, message));
        }
        Ok(())
    }

    fn open(&mut self, collection: Collection, anchor: usize, span: Span) -> Result<(), Stop> {
        self.report.descend(self.frames.len() + 1, span)?;
        let span = Span { width: 1, ..span };
        self.frames.push(Frame { collection, anchor, span, count: 1, height: 0 });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Stop> {
        let frame = self.frames.pop().expect("the parser closes what it opened");
        let data = match frame.collection {
            Collection::List(list) => Data::List(list),
            Collection::Map { mut map, merged, .. } => {
                for node in merged {
                    self.merge(&mut map, node);
                }
                Data::Map(Box::new(map))
            }
        };
        let node = Node::new(data, self.report.origin(frame.span));
        let built = Built { node, count: frame.count, height: frame.height + 1 };
        self.finish(built, frame.anchor, frame.span)
    }

    /// Adds what `<<` names below the keys that are there.
    fn merge(&mut self, map: &mut Map, node: Node) {
        let span = node.origin.span;
        match node.data {
            Data::Map(source) => {
                for (key, value) in *source {
                    map.entry(key).or_insert(value);
                }
            }
            Data::List(sources) if sources.iter().all(|source| source.as_map().is_some()) => {
                for source in sources {
                    self.merge(map, source);
                }
            }
            _ => {
                let span = span.expect("parsed nodes have a place");
                self.report.problem(span, "`<<` needs a map or a list of maps");
            }
        }
    }

    /// Puts a finished value where it belongs.
    fn finish(&mut self, built: Built, anchor: usize, span: Span) -> Result<(), Stop> {
        self.report.spend(1, span)?;
        if anchor > 0 && self.keep_anchors {
            self.copy(built.count, span)?;
            self.anchors.insert(anchor, built.clone());
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(built);
            return Ok(());
        };
        frame.count += built.count;
        frame.height = frame.height.max(built.height);
        match &mut frame.collection {
            Collection::List(list) => list.push(built.node),
            Collection::Map { key: None, .. } => self.key(built.node, span),
            Collection::Map { map, key, merged } => match key.take() {
                Some(Key::Name(name, at)) => insert(map, name, at, built.node, &mut self.report),
                Some(Key::Merge) => merged.push(built.node),
                Some(Key::Invalid) | None => {}
            },
        }
        Ok(())
    }

    fn key(&mut self, node: Node, span: Span) {
        let key = match node.data {
            Data::String(name) => Key::Name(name, span),
            other => {
                let problem =
                    self.report.problem(span, format!("key is {}: keys are strings", other.kind()));
                if !other.is_collection() {
                    problem.hint = Some("quote it".to_owned());
                }
                Key::Invalid
            }
        };
        self.set_key(key);
    }

    fn expects_key(&self) -> bool {
        let collection = self.frames.last().map(|frame| &frame.collection);
        matches!(collection, Some(Collection::Map { key: None, .. }))
    }

    fn set_key(&mut self, new: Key) {
        if let Some(Frame { collection: Collection::Map { key, .. }, .. }) = self.frames.last_mut()
        {
            *key = Some(new);
        }
    }
}

/// Returns the scanner's message as ours; it looks ahead, and so meets the depth of flow collections
/// before the builder does.
fn syntax(info: &str) -> String {
    match info {
        "recursion limit exceeded" => format!("nested more than {MAX_DEPTH} levels deep"),
        _ => fragment(info),
    }
}

fn insert(map: &mut Map, name: String, at: Span, mut node: Node, report: &mut Report) {
    node.key = Some(at);
    match map.entry(name) {
        indexmap::map::Entry::Vacant(entry) => {
            entry.insert(node);
        }
        indexmap::map::Entry::Occupied(entry) => {
            report.duplicate(at, entry.key(), entry.get().key);
        }
    }
}

fn unsupported_tag(tag: &Tag) -> String {
    if tag.is_yaml_core_schema() {
        format!("tag `!!{}` is not supported here", tag.suffix)
    } else {
        format!("tag `{}{}` is not supported", tag.handle, tag.suffix)
    }
}

/// Tells whether the tag is a lone `!`, which makes any scalar a string.
fn is_non_specific(tag: &Tag) -> bool {
    tag.suffix.is_empty() && tag.handle == "!" || tag.handle.is_empty() && tag.suffix == "!"
}

fn tag_of(data: &Data) -> &'static str {
    match data {
        Data::Null => "null",
        Data::Bool(_) => "bool",
        Data::Integer(_) => "int",
        Data::Float(_) => "float",
        Data::String(_) => "str",
        Data::List(_) => "seq",
        Data::Map(_) => "map",
    }
}

fn position_of(marker: Marker) -> Position {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: number(marker.line()), column: number(marker.col() + 1) }
}

/// Returns the stretch between the marks, or one character if it goes over several lines.
fn span_of(marks: Marks) -> Span {
    let one_line = marks.start.line() == marks.end.line();
    let width = if one_line { marks.end.index().saturating_sub(marks.start.index()) } else { 1 };
    Span {
        position: position_of(marks.start),
        width: u32::try_from(width.max(1)).unwrap_or(u32::MAX),
    }
}
