//! INI, as `go-ini` reads it: the library that SOPS uses decides what a value is.

use std::collections::HashSet;
use std::ops::Range;

use zeroize::Zeroizing;

use super::{Collection, Document, Findings, Item, Leaf, LeafId, Node, Root};
use crate::error::{Problem, SopsError};
use crate::format::Format;
use crate::path::{KeyPath, Step};
use crate::value::Value;

/// The section of keys that stand before the first `[section]`.
pub(crate) const DEFAULT_SECTION: &str = "DEFAULT";

/// Reads sections and keys.
pub(super) fn parse(text: Zeroizing<String>) -> Result<Document, SopsError> {
    let (root, leaves) = read(&text)?;
    Ok(Document { format: Format::Ini, text, roots: vec![root], leaves })
}

fn read(text: &str) -> Result<(Root, Vec<Leaf>), SopsError> {
    let mut reader = Reader {
        text,
        at: usize::from(text.starts_with('\u{feff}')) * '\u{feff}'.len_utf8(),
        leaves: Vec::new(),
        sections: vec![section(DEFAULT_SECTION, 0..0)],
        names: HashSet::new(),
        pending: None,
        findings: Findings::new(text),
    };
    while reader.at < text.len() {
        reader.line();
    }
    if let Some(id) = reader.take_comment() {
        reader.place_comment(id, 0);
    }
    let Reader { leaves, mut sections, findings, .. } = reader;
    if sections[0].range.start == sections[0].range.end {
        sections.remove(0);
    }
    let map = Collection {
        is_map: true,
        flow: false,
        column: 0,
        range: 0..text.len(),
        items: sections,
        comments: Vec::new(),
    };
    findings.finish((Root { map, end: text.len(), written: true }, leaves))
}

fn section(name: &str, range: Range<usize>) -> Item {
    let map = Collection {
        is_map: true,
        flow: false,
        column: 0,
        range: range.clone(),
        items: Vec::new(),
        comments: Vec::new(),
    };
    Item { key: name.to_owned(), range, node: Node::Collection(map) }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    leaves: Vec<Leaf>,
    sections: Vec<Item>,
    /// The keys of the section that is being read.
    names: HashSet<String>,
    /// The lines of comment that belong to what follows: the first, and the end of the last.
    pending: Option<(Range<usize>, usize)>,
    findings: Findings<'t>,
}

impl<'t> Reader<'t> {
    /// Reads a line, or a value that goes on over several.
    fn line(&mut self) {
        let start = self.at;
        let end = self.text[start..].find('\n').map_or(self.text.len(), |end| start + end);
        self.at = (end + 1).min(self.text.len());
        let line = &self.text[start..end];
        let content = line.trim_start();
        let first = start + line.len() - content.len();
        match content.chars().next() {
            None => {}
            Some('#' | ';') => self.comment(first..end),
            Some('[') => self.header(first..end),
            Some(_) => self.assignment(first, end),
        }
    }

    fn comment(&mut self, line: Range<usize>) {
        match &mut self.pending {
            Some((_, end)) => *end = line.end,
            None => self.pending = Some((line.clone(), line.end)),
        }
    }

    /// Makes a leaf of the comment that was read.
    fn take_comment(&mut self) -> Option<LeafId> {
        let (first, end) = self.pending.take()?;
        let sign = self.text[first.clone()].chars().next()?;
        let content = |range: Range<usize>| {
            let text = &self.text[range.clone()];
            let start = text.len() - text.trim_start_matches([sign, ' ']).len();
            range.start + start
        };
        let start = content(first.start..end);
        let whole = self.text[start..end].trim_end();
        let first_end = start.max(first.end.min(start + whole.len()));
        let tail = (start + whole.len() > first_end).then_some(first_end..start + whole.len());
        self.leaves.push(Leaf {
            range: start..first_end,
            tail,
            value: Value::text(whole.replace("\r\n", "\n")),
            is_comment: true,
            flow: false,
            column: 0,
        });
        Some(self.leaves.len() - 1)
    }

    /// Puts a comment into the section that is being read, behind as many keys more as `after` says.
    fn place_comment(&mut self, id: LeafId, after: usize) {
        let Some(Item { node: Node::Collection(map), .. }) = self.sections.last_mut() else {
            return;
        };
        map.comments.push((map.items.len() + after, id));
    }

    fn header(&mut self, line: Range<usize>) {
        let text = &self.text[line.clone()];
        // The last bracket ends the name for SOPS, and a ciphertext behind the name would have one.
        if text.find(']').is_some_and(|close| text[close..].contains(['#', ';'])) {
            let problem = "a comment behind a section's name: put it on a line above";
            self.wrong(line, KeyPath::default(), problem);
            return;
        }
        let Some(close) = text.rfind(']') else {
            self.wrong(line, KeyPath::default(), "the section's bracket is not closed");
            return;
        };
        let name = &text[1..close];
        let comment = self.take_comment();
        if name == DEFAULT_SECTION && self.sections.len() == 1 && self.sections[0].range.is_empty()
        {
            self.sections[0].range = line.clone();
        } else {
            if self.sections.iter().any(|section| section.key == name) {
                self.findings.add(line.clone(), &KeyPath::key(name), Problem::DuplicateKey);
            }
            self.sections.push(section(name, line.clone()));
        }
        self.names.clear();
        if let Some(id) = comment {
            self.place_comment(id, 0);
        }
    }

    /// Makes a leaf of a comment that follows something on its line.
    fn inline_comment(&mut self, rest: Range<usize>) {
        if let Some(at) = self.text[rest.clone()].find(['#', ';']) {
            self.pending = Some((rest.start + at..rest.end, rest.end));
            if let Some(id) = self.take_comment() {
                self.place_comment(id, 0);
            }
        }
    }

    fn assignment(&mut self, start: usize, end: usize) {
        let Some((key, after)) = key(&self.text[start..end]) else {
            self.wrong(
                start..end,
                KeyPath::default(),
                "neither a comment, nor a section, nor key = value",
            );
            return;
        };
        let (section, key) = (self.section_name(), key.to_owned());
        let path = KeyPath::new(vec![Step::Key(section), Step::Key(key.clone())]);
        if key.is_empty() || key == "-" {
            self.wrong(start..end, path, "a key needs a name");
            return;
        }
        if !self.names.insert(key.clone()) {
            self.findings.add(start..end, &path, Problem::DuplicateKey);
        }
        let Some(found) = read_value(&self.text[start + after..]) else {
            self.wrong(start..end, path, "the value's quote is not closed");
            return;
        };
        let offset = start + after;
        self.at = self.at.max((offset + found.lines_end + 1).min(self.text.len()));
        // SOPS keeps the comment above a key behind it, where a rule about comments finds it.
        if let Some(id) = self.take_comment() {
            self.place_comment(id, 1);
        }
        self.add(key, start, offset, &found);
    }

    fn add(&mut self, key: String, start: usize, offset: usize, found: &Found) {
        let range = offset + found.range.start..offset + found.range.end;
        self.leaves.push(Leaf {
            range: range.clone(),
            tail: None,
            value: Value::text(&*found.value),
            is_comment: false,
            flow: false,
            column: 0,
        });
        let item = Item { key, range: start..range.end, node: Node::Leaf(self.leaves.len() - 1) };
        let whole = self.sections.last_mut();
        if let Some(Item { node: Node::Collection(map), range: section, .. }) = whole {
            section.start = if section.start == section.end { start } else { section.start };
            section.end = range.end;
            map.range = section.clone();
            map.items.push(item);
        }
        self.inline_comment(range.end..offset + found.lines_end);
    }

    fn section_name(&self) -> String {
        self.sections.last().map_or_else(String::new, |section| section.key.clone())
    }

    fn wrong(&mut self, range: Range<usize>, key: KeyPath, problem: &str) {
        self.findings.add(range, &key, Problem::Syntax(problem.to_owned()));
    }
}

/// Returns the name of the key in `line` and where its value starts.
fn key(line: &str) -> Option<(&str, usize)> {
    let quote = ["\"\"\"", "\"", "`"]
        .into_iter()
        .find(|quote| line.starts_with(quote) && (quote.len() < 3 || line.len() > 6));
    if let Some(quote) = quote {
        let inner = &line[quote.len()..];
        let close = inner.find(quote)?;
        let after = quote.len() * 2 + close;
        let delimiter = line[after..].find(['=', ':'])?;
        return Some((inner[..close].trim(), after + delimiter + 1));
    }
    let delimiter = line.find(['=', ':'])?;
    Some((line[..delimiter].trim(), delimiter + 1))
}

/// A value that was read.
pub(crate) struct Found {
    pub(crate) value: Zeroizing<String>,
    /// What wrote it, with its quotes.
    pub(crate) range: Range<usize>,
    /// Where the last line of it ends.
    lines_end: usize,
}

/// Returns the value that follows a key's delimiter in `text`; nothing if a quote is not closed.
pub(crate) fn read_value(text: &str) -> Option<Found> {
    let line_end = text.find('\n').unwrap_or(text.len());
    let line = &text[..line_end];
    let content = line.trim();
    let start = line.len() - line.trim_start().len();
    let found =
        |value: String, range, lines_end| Found { value: Zeroizing::new(value), range, lines_end };
    if content.is_empty() {
        return Some(found(String::new(), line_end..line_end, line_end).beside(line));
    }
    let quote = ["\"\"\"", "`"].into_iter().find(|quote| {
        content.starts_with(quote) && (quote.len() == 1 || line.trim_start().len() > 3)
    });
    if let Some(quote) = quote {
        let inner = start + quote.len();
        return match line[inner..].rfind(quote) {
            Some(close) => {
                let value = line[inner..inner + close].to_owned();
                Some(found(value, start..inner + close + quote.len(), line_end))
            }
            None => over_lines(text, start, inner, line_end, quote),
        };
    }
    if content.ends_with('\\') {
        return Some(continued(text, start, start + content.len(), line_end));
    }
    let content = content.split(['#', ';']).next().unwrap_or_default().trim_end();
    let range = start..start + content.len();
    Some(found(unquoted(content).to_owned(), range, line_end))
}

impl Found {
    /// Returns the empty value, placed right after its delimiter.
    fn beside(self, line: &str) -> Self {
        let at = line.len() - line.trim_start_matches([' ', '\t']).len();
        Self { range: at..at, ..self }
    }
}

/// Returns the value in quotes that end on a later line.
fn over_lines(
    text: &str,
    start: usize,
    inner: usize,
    first_end: usize,
    quote: &str,
) -> Option<Found> {
    let mut at = first_end + 1;
    while at <= text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
        if let Some(close) = text[at..end].rfind(quote) {
            let value = Zeroizing::new(text[inner..at + close].to_owned());
            return Some(Found { value, range: start..at + close + quote.len(), lines_end: end });
        }
        at = end + 1;
    }
    None
}

/// Returns the value whose lines end with a backslash, but the last.
fn continued(text: &str, start: usize, end: usize, line_end: usize) -> Found {
    let mut value = Zeroizing::new(text[start..end - 1].to_owned());
    let (mut range, mut lines_end) = (start..end, line_end);
    while lines_end < text.len() {
        let at = lines_end + 1;
        lines_end = text[at..].find('\n').map_or(text.len(), |end| at + end);
        let line = text[at..lines_end].trim();
        if line.is_empty() {
            break;
        }
        value.push_str(line);
        range.end = at + text[at..lines_end].trim_end().len();
        if !value.ends_with('\\') {
            break;
        }
        value.pop();
    }
    Found { value, range, lines_end }
}

/// Returns `text` without the quotes around it, if it has some.
fn unquoted(text: &str) -> &str {
    ['\'', '"']
        .into_iter()
        .find_map(|quote| {
            let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
            (!inner.contains(quote)).then_some(inner)
        })
        .unwrap_or(text)
}
