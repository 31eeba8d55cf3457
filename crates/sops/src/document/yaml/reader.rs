//! Maps, lists and values from the events of a parser.

use std::collections::HashSet;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::{extent, scalar};
use crate::document::{Collection, Findings, Item, Leaf, MAX_DEPTH, Node, Root, line_start};
use crate::error::Problem;
use crate::path::{KeyPath, Step};
use crate::value::Value;

/// Reading cannot go on; what is wrong has been noted.
pub(super) struct Stop;

pub(super) struct Reader<'t> {
    text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
    /// The byte offset of each character, as the parser counts characters; empty for ASCII.
    bytes: Vec<usize>,
    pub(super) roots: Vec<Root>,
    pub(super) leaves: Vec<Leaf>,
    /// What is no comment although it may hold its sign: keys and values, in the order of the text.
    pub(super) tokens: Vec<Range<usize>>,
    pub(super) findings: Findings<'t>,
    path: KeyPath,
    /// Where what was read last ends.
    end: usize,
    flow: usize,
}

/// A scalar event, and what it covers of the text.
struct Scalar<'t> {
    text: std::borrow::Cow<'t, str>,
    style: ScalarStyle,
    tag: Option<Tag>,
    range: Range<usize>,
    tail: Option<Range<usize>>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let offsets = || text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        Self {
            text,
            parser: Parser::new_from_str(text),
            bytes: if text.is_ascii() { Vec::new() } else { offsets() },
            roots: Vec::new(),
            leaves: Vec::new(),
            tokens: Vec::new(),
            findings: Findings::new(text),
            path: KeyPath::default(),
            end: 0,
            flow: 0,
        }
    }

    /// Reads to the end of the text, or to what stops it; a text without documents is one without keys.
    pub(super) fn documents(&mut self) {
        self.all_documents();
        if self.roots.is_empty() {
            self.roots.push(Root { map: empty(0), end: self.text.len(), written: false });
        }
    }

    fn all_documents(&mut self) {
        while let Ok(Some((event, span))) = self.next() {
            match event {
                Event::DocumentStart(explicit) => {
                    self.end = if explicit { self.byte(span.end.index()) } else { self.end };
                    if self.document().is_err() {
                        return;
                    }
                }
                Event::StreamEnd => return,
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<Option<(Event<'t>, Marks)>, Stop> {
        match self.parser.next() {
            None => Ok(None),
            Some(Ok((event, span))) => Ok(Some((event, Marks::of(span)))),
            Some(Err(error)) => {
                let at = self.byte(error.marker().index()).min(self.text.len());
                let problem = syntax(error.info());
                self.findings.add(at..at, &KeyPath::default(), problem);
                Err(Stop)
            }
        }
    }

    fn expect(&mut self) -> Result<(Event<'t>, Marks), Stop> {
        self.next()?.ok_or(Stop)
    }

    fn byte(&self, index: usize) -> usize {
        if self.bytes.is_empty() {
            index.min(self.text.len())
        } else {
            self.bytes.get(index).copied().unwrap_or(self.text.len())
        }
    }

    fn wrong(&mut self, range: Range<usize>, problem: Problem) {
        self.findings.add(range, &self.path, problem);
    }

    fn document(&mut self) -> Result<(), Stop> {
        let start = self.end;
        let (event, span) = self.expect()?;
        let map = self.root(event, &span)?;
        let (_, end) = self.expect()?;
        let at = self.byte(end.start.index());
        let end = if self.text[at..].starts_with("---") || self.text[at..].starts_with("...") {
            at
        } else {
            self.text.len()
        };
        let written = map.is_some();
        let map = map.unwrap_or_else(|| empty(start));
        let end = if map.flow && written { map.range.end - 1 } else { end };
        self.roots.push(Root { map, end, written });
        Ok(())
    }

    fn root(&mut self, event: Event<'t>, span: &Marks) -> Result<Option<Collection>, Stop> {
        let at = self.byte(span.start.index());
        match event {
            Event::MappingStart(_, tag) => {
                self.check_tag(tag.as_deref(), "map", at);
                self.map(span, 0).map(Some)
            }
            Event::SequenceStart(..) => {
                self.wrong(at..at + 1, Problem::RootNotMap);
                Err(Stop)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let scalar =
                    self.scalar(text, style, anchor, tag.map(std::borrow::Cow::into_owned), span);
                if !scalar.range.is_empty() {
                    self.wrong(scalar.range, Problem::RootNotMap);
                }
                Ok(None)
            }
            _ => {
                self.wrong(at..at + 1, Problem::Alias);
                Err(Stop)
            }
        }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, expected: &str, at: usize) {
        if let Some(tag) = tag.filter(|tag| !is_core(tag) || tag.suffix != expected) {
            self.wrong(at..at + 1, Problem::Tag(shown(tag)));
        }
    }

    /// Reads the map that started at `span`.
    fn map(&mut self, span: &Marks, depth: usize) -> Result<Collection, Stop> {
        let (start, flow) = self.open(span, '{', depth)?;
        let mut map = collection(true, flow, self.column(start), start);
        let mut names = HashSet::new();
        loop {
            let (event, span) = self.expect()?;
            if matches!(event, Event::MappingEnd) {
                self.close(&mut map, &span);
                return Ok(map);
            }
            let (key, range) = self.key(event, &span)?;
            self.path.push(Step::Key(key.clone()));
            if !names.insert(key.clone()) {
                self.wrong(range.clone(), Problem::DuplicateKey);
            }
            let (event, span) = self.expect()?;
            let node = self.node(event, &span, map.column, depth)?;
            self.path.pop();
            map.items.push(Item { key, range: range.start..self.end, node });
        }
    }

    /// Reads the list that started at `span`.
    fn list(&mut self, span: &Marks, depth: usize) -> Result<Collection, Stop> {
        let (start, flow) = self.open(span, '[', depth)?;
        let start = if flow { start } else { self.dash(start) };
        let mut list = collection(false, flow, self.column(start), start);
        loop {
            let (event, span) = self.expect()?;
            if matches!(event, Event::SequenceEnd) {
                self.close(&mut list, &span);
                return Ok(list);
            }
            let at = self.byte(span.start.index());
            let start = if flow { at } else { self.dash_of_item(list.column) };
            self.path.push(Step::Index(list.items.len()));
            let node = self.node(event, &span, list.column, depth)?;
            self.path.pop();
            list.items.push(Item { key: String::new(), range: start..self.end, node });
        }
    }

    /// Returns where a collection starts and whether it is in brackets.
    fn open(&mut self, span: &Marks, bracket: char, depth: usize) -> Result<(usize, bool), Stop> {
        let start = self.byte(span.start.index());
        if depth >= MAX_DEPTH {
            self.wrong(start..start + 1, Problem::TooDeep);
            return Err(Stop);
        }
        let flow = span.start != span.end && self.text[start..].starts_with(bracket);
        self.flow += usize::from(flow);
        if flow {
            self.end = start + 1;
        }
        Ok((start, flow))
    }

    fn close(&mut self, collection: &mut Collection, span: &Marks) {
        if collection.flow {
            self.flow -= 1;
            self.end = self.byte(span.end.index());
        }
        collection.range.end = self.end.max(collection.range.start);
    }

    /// Returns where the dash is that precedes the first item at byte `at`, or stands there.
    fn dash(&self, at: usize) -> usize {
        if self.text[at..].starts_with('-') {
            return at;
        }
        let before = self.text[..at].trim_end_matches([' ', '\t', '\n', '\r']);
        if before.ends_with('-') { before.len() - 1 } else { at }
    }

    /// Returns where the dash of the next item is: the first at that column after what was read.
    fn dash_of_item(&self, column: usize) -> usize {
        let mut dashes = self.text[self.end..].match_indices('-').map(|(at, _)| self.end + at);
        let leads = |at: usize| {
            let before = &self.text[line_start(self.text, at)..at];
            before.chars().all(|c| matches!(c, ' ' | '-')) && before.len() == column
        };
        dashes.find(|at| leads(*at)).unwrap_or(self.end)
    }

    fn column(&self, at: usize) -> usize {
        self.text[line_start(self.text, at)..at].chars().count()
    }

    fn key(&mut self, event: Event<'t>, span: &Marks) -> Result<(String, Range<usize>), Stop> {
        let at = self.byte(span.start.index());
        let Event::Scalar(text, style, anchor, tag) = event else {
            let problem =
                if matches!(event, Event::Alias(_)) { Problem::Alias } else { Problem::KeyNotText };
            self.wrong(at..at + 1, problem);
            return Err(Stop);
        };
        let plain = style == ScalarStyle::Plain && tag.is_none();
        let scalar = self.scalar(text, style, anchor, tag.map(std::borrow::Cow::into_owned), span);
        let is_text = match &scalar.tag {
            Some(tag) => is_core(tag) && tag.suffix == "str",
            None => !plain || is_text(&scalar.text),
        };
        if !is_text || scalar.tail.is_some() {
            self.wrong(scalar.range.clone(), Problem::KeyNotText);
        }
        Ok((scalar.text.into_owned(), scalar.range))
    }

    fn node(
        &mut self,
        event: Event<'t>,
        span: &Marks,
        column: usize,
        depth: usize,
    ) -> Result<Node, Stop> {
        let at = self.byte(span.start.index());
        match event {
            Event::MappingStart(_, tag) => {
                self.check_tag(tag.as_deref(), "map", at);
                self.map(span, depth + 1).map(Node::Collection)
            }
            Event::SequenceStart(_, tag) => {
                self.check_tag(tag.as_deref(), "seq", at);
                self.list(span, depth + 1).map(Node::Collection)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let scalar =
                    self.scalar(text, style, anchor, tag.map(std::borrow::Cow::into_owned), span);
                Ok(Node::Leaf(self.leaf(scalar, column)))
            }
            _ => {
                self.wrong(at..self.byte(span.end.index()), Problem::Alias);
                self.end = self.byte(span.end.index());
                Ok(Node::Leaf(self.push_leaf(at..at, None, Value::null(), column)))
            }
        }
    }

    fn leaf(&mut self, scalar: Scalar<'t>, column: usize) -> usize {
        let plain = scalar.style == ScalarStyle::Plain;
        let value = match &scalar.tag {
            Some(tag) if is_core(tag) => scalar::tagged(&tag.suffix, &scalar.text, plain),
            Some(tag) => Err(Problem::Tag(shown(tag))),
            None if plain => scalar::plain(&scalar.text),
            None => Ok(Value::text(&*scalar.text)),
        };
        let value = value.unwrap_or_else(|problem| {
            self.wrong(scalar.range.clone(), problem);
            Value::null()
        });
        self.push_leaf(scalar.range, scalar.tail, value, column)
    }

    fn push_leaf(
        &mut self,
        range: Range<usize>,
        tail: Option<Range<usize>>,
        value: Value,
        column: usize,
    ) -> usize {
        let flow = self.flow > 0;
        self.leaves.push(Leaf { range, tail, value, is_comment: false, flow, column });
        self.leaves.len() - 1
    }

    /// Finds what a scalar covers of the text, and goes behind it.
    fn scalar(
        &mut self,
        text: std::borrow::Cow<'t, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<Tag>,
        span: &Marks,
    ) -> Scalar<'t> {
        let (start, end) = (self.byte(span.start.index()), self.byte(span.end.index()));
        let decorated = anchor > 0 || tag.is_some();
        let (range, tail) = match style {
            ScalarStyle::Literal | ScalarStyle::Folded => {
                extent::block(self.text, self.end, start, end)
            }
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                (start..extent::quoted(self.text, start, decorated), None)
            }
            ScalarStyle::Plain if text.is_empty() && !decorated => {
                (extent::nothing(self.text, self.end, start), None)
            }
            ScalarStyle::Plain => (start..end, None),
        };
        self.tokens.push(range.clone());
        self.tokens.extend(tail.clone());
        self.end = tail.as_ref().map_or(range.end, |tail| tail.end).max(self.end);
        Scalar { text, style, tag, range, tail }
    }
}

/// Returns what is wrong in words that quote nothing of the text.
fn syntax(words: &str) -> Problem {
    if words.contains("recursion limit") {
        return Problem::TooDeep;
    }
    let words = words.split(['\'', '`', '"']).next().unwrap_or_default();
    Problem::Syntax(format!("not YAML: {}", words.trim().trim_end_matches(['.', ':'])))
}

/// Where an event is, by the parser's count.
pub(super) struct Marks {
    start: saphyr_parser::Marker,
    end: saphyr_parser::Marker,
}

impl Marks {
    fn of(span: Span) -> Self {
        Self { start: span.start, end: span.end }
    }
}

fn collection(is_map: bool, flow: bool, column: usize, start: usize) -> Collection {
    Collection {
        is_map,
        flow,
        column,
        range: start..start,
        items: Vec::new(),
        comments: Vec::new(),
    }
}

fn empty(at: usize) -> Collection {
    collection(true, false, 0, at)
}

/// Returns whether a plain key is text, and not a number, nothing or an instruction to merge.
fn is_text(key: &str) -> bool {
    key != "<<" && scalar::plain(key).is_ok_and(|value| value.kind() == crate::Kind::Text)
}

fn is_core(tag: &Tag) -> bool {
    tag.handle == "tag:yaml.org,2002:" || (tag.handle.is_empty() && tag.suffix == "!")
}

fn shown(tag: &Tag) -> String {
    if tag.handle == "tag:yaml.org,2002:" {
        format!("!!{}", tag.suffix)
    } else {
        format!("{}{}", tag.handle, tag.suffix)
    }
}
