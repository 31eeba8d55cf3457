//! `KEY=value` lines.

use std::collections::HashSet;
use std::ops::Range;

use zeroize::Zeroizing;

use super::{Collection, Document, Findings, Item, Leaf, Node, Root};
use crate::error::{Problem, SopsError};
use crate::format::Format;
use crate::path::KeyPath;
use crate::value::Value;

/// Reads lines as SOPS does: no quotes, no spaces taken away, and `\n` is a line break in a value.
pub(super) fn parse(text: Zeroizing<String>) -> Result<Document, SopsError> {
    let (map, leaves) = read(&text)?;
    let root = Root { map, end: text.len(), written: true };
    Ok(Document { format: Format::Dotenv, text, roots: vec![root], leaves })
}

fn read(text: &str) -> Result<(Collection, Vec<Leaf>), SopsError> {
    let mut reader = Reader {
        leaves: Vec::new(),
        items: Vec::new(),
        comments: Vec::new(),
        names: HashSet::new(),
        findings: Findings::new(text),
    };
    let mut start = 0;
    for line in text.split('\n') {
        reader.line(line, start..start + line.len());
        start += line.len() + 1;
    }
    let Reader { leaves, items, comments, findings, .. } = reader;
    let map =
        Collection { is_map: true, flow: false, column: 0, range: 0..text.len(), items, comments };
    findings.finish((map, leaves))
}

struct Reader<'t> {
    leaves: Vec<Leaf>,
    items: Vec<Item>,
    comments: Vec<(usize, usize)>,
    names: HashSet<String>,
    findings: Findings<'t>,
}

impl Reader<'_> {
    fn line(&mut self, line: &str, range: Range<usize>) {
        if line.is_empty() {
            return;
        }
        if let Some(comment) = line.strip_prefix('#') {
            self.leaves.push(leaf(range.start + 1..range.end, Value::text(comment), true));
            self.comments.push((self.items.len(), self.leaves.len() - 1));
        } else if let Some((key, value)) = line.split_once('=') {
            self.assignment(key, value, range);
        } else {
            let problem = "no `=`: a line is empty, starts with `#`, or is KEY=value".to_owned();
            self.findings.add(range, &KeyPath::default(), Problem::Syntax(problem));
        }
    }

    fn assignment(&mut self, key: &str, value: &str, range: Range<usize>) {
        if !self.names.insert(key.to_owned()) {
            let name = range.start..range.start + key.len();
            self.findings.add(name, &KeyPath::key(key), Problem::DuplicateKey);
        }
        let start = range.start + key.len() + 1;
        let value = Value::new(crate::Kind::Text, value.replace("\\n", "\n").into_bytes());
        self.leaves.push(leaf(start..range.end, value, false));
        let node = Node::Leaf(self.leaves.len() - 1);
        self.items.push(Item { key: key.to_owned(), range, node });
    }
}

fn leaf(range: Range<usize>, value: Value, is_comment: bool) -> Leaf {
    Leaf { range, tail: None, value, is_comment, flow: false, column: 0 }
}
