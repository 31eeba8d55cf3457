//! The part of a text that holds the metadata.

use std::ops::Range;

use zeroize::Zeroizing;

use super::flat::{PREFIX, SECTION, flatten, unflatten};
use super::{Metadata, sealed};
use crate::document::{
    Collection, Document, Edit, Item, Leaf, Node, Root, edited, line_start, next_line,
};
use crate::emit::{self, json, yaml};
use crate::error::{Problem, SopsError};
use crate::format::Format;
use crate::tree::Tree;
use crate::value::{Kind, Value};

/// The metadata's text, taken out of a document, so that it can be put back as it was.
pub(crate) struct Block {
    /// What is cut out of the text to have the document without metadata.
    pub(crate) cuts: Vec<Edit>,
    /// The text of the metadata in the first document.
    text: String,
    /// The column that it starts in.
    column: usize,
    /// Where in it the time and the authentication code are.
    last_modified: Option<Leaf>,
    mac: Option<Leaf>,
}

impl Block {
    /// Takes the metadata out of `document`; nothing if it has none.
    pub(crate) fn take(document: &mut Document) -> Result<Option<(Self, Metadata)>, SopsError> {
        let values = document.values();
        let Some((cuts, items, tree)) = find(document, &values)? else { return Ok(None) };
        let metadata = super::read(tree)?;
        let mut block = Self {
            cuts: cuts.into_iter().map(|cut| (cut, Zeroizing::new(String::new()))).collect(),
            text: String::new(),
            column: document.roots.first().map_or(0, |root| root.map.column),
            last_modified: None,
            mac: None,
        };
        block.copy(document, &items);
        remove(document);
        Ok(Some((block, metadata)))
    }

    /// Copies the text of the metadata of the first document, which is at `ranges`.
    fn copy(&mut self, document: &Document, ranges: &[Range<usize>]) {
        for range in ranges {
            let moved = |leaf: &Leaf| {
                let shift = |at: usize| at - range.start + self.text.len();
                let tail = leaf.tail.clone().map(|tail| shift(tail.start)..shift(tail.end));
                Leaf {
                    range: shift(leaf.range.start)..shift(leaf.range.end),
                    tail,
                    value: Value::null(),
                    ..*leaf
                }
            };
            let find = |name: &str| {
                leaf_of(document, name)
                    .filter(|leaf| range.start <= leaf.range.start && leaf.range.end <= range.end)
                    .map(moved)
            };
            let (last_modified, mac) = (find("lastmodified"), find("mac"));
            self.last_modified = self.last_modified.take().or(last_modified);
            self.mac = self.mac.take().or(mac);
            self.text.push_str(&document.text[range.clone()]);
        }
    }

    /// Returns the metadata's text with another time and authentication code, and nothing else changed;
    /// nothing if it has no place for them.
    fn resealed(&self, format: Format, last_modified: &str, mac: &str) -> Option<String> {
        let (time, code) = (self.last_modified.as_ref()?, self.mac.as_ref()?);
        let time_text = match format {
            Format::Yaml | Format::Json | Format::Binary => json::quoted(last_modified),
            Format::Dotenv | Format::Ini => Zeroizing::new(last_modified.to_owned()),
        };
        let code_text = emit::ciphertext(format, code, mac.to_owned());
        let edits = Document::replace(time, time_text).chain(Document::replace(code, code_text));
        Some(edited(&self.text, edits.collect()).to_string())
    }
}

/// Returns the leaf of the metadata's field `name` in the first document.
fn leaf_of<'d>(document: &'d Document, name: &str) -> Option<&'d Leaf> {
    let root = &document.roots.first()?.map;
    let item = match document.format {
        Format::Dotenv => {
            root.items.iter().find(|item| item.key.strip_prefix(PREFIX) == Some(name))?
        }
        _ => match &root.items.iter().find(|item| item.key == SECTION)?.node {
            Node::Collection(inner) => inner.items.iter().find(|item| item.key == name)?,
            Node::Leaf(_) => return None,
        },
    };
    match item.node {
        Node::Leaf(id) => Some(&document.leaves[id]),
        Node::Collection(_) => None,
    }
}

fn is_metadata(format: Format, item: &Item) -> bool {
    match format {
        Format::Dotenv => item.key.starts_with(PREFIX),
        _ => item.key == SECTION,
    }
}

/// What is cut out, where the metadata of the first document are, and what they say.
type Found = (Vec<Range<usize>>, Vec<Range<usize>>, Tree);

fn find(document: &Document, values: &[Value]) -> Result<Option<Found>, SopsError> {
    let Some(first) = document.roots.first() else { return Ok(None) };
    let items: Vec<_> =
        first.map.items.iter().filter(|item| is_metadata(document.format, item)).collect();
    let wrong = |problem: String| SopsError::Metadata { field: String::new(), problem };
    let tree = match (document.format, &items[..]) {
        (_, []) => return Ok(None),
        (Format::Dotenv, lines) => unflatten(&flat(lines, PREFIX, values, false)).map_err(wrong)?,
        (Format::Ini, [section]) => match &section.node {
            Node::Collection(map) => {
                let lines: Vec<_> = map.items.iter().collect();
                unflatten(&flat(&lines, "", values, true)).map_err(wrong)?
            }
            Node::Leaf(_) => return Ok(None),
        },
        (_, [item, ..]) => Document::tree_of(&item.node, values),
    };
    let ranges = items.iter().map(|item| text_range(document, &first.map, item)).collect();
    let cuts = document.roots.iter().flat_map(|root| cuts(document, root)).collect();
    Ok(Some((cuts, ranges, tree)))
}

/// Returns the lines of metadata as names and values.
fn flat(lines: &[&Item], prefix: &str, values: &[Value], unescape: bool) -> Vec<(String, Value)> {
    let line = |item: &&Item| {
        let Node::Leaf(id) = item.node else { return None };
        let name = item.key.strip_prefix(prefix)?.to_owned();
        let value = match values[id].as_str() {
            Some(text) if unescape => Value::text(text.replace("\\n", "\n")),
            _ => values[id].clone(),
        };
        Some((name, value))
    };
    lines.iter().filter_map(line).collect()
}

/// Returns the text of one item of metadata: whole lines, or a member in brackets.
fn text_range(document: &Document, map: &Collection, item: &Item) -> Range<usize> {
    if map.flow {
        return item.range.clone();
    }
    line_start(&document.text, item.range.start)..next_line(&document.text, end_of(item))
}

/// Returns the last byte of an item, so that a block that ends with its line stays on it.
fn end_of(item: &Item) -> usize {
    item.range.end
}

fn cuts(document: &Document, root: &Root) -> Vec<Range<usize>> {
    let items = root.map.items.iter().enumerate();
    let metadata = items.filter(|(_, item)| is_metadata(document.format, item));
    metadata
        .map(|(at, item)| match (root.map.flow, document.format) {
            (true, _) => flow_cut(&root.map, at),
            (_, Format::Ini) => {
                with_blank_line(&document.text, text_range(document, &root.map, item))
            }
            _ => text_range(document, &root.map, item),
        })
        .collect()
}

/// Returns what has to go so that the item `at` of a map or list in brackets is gone, with its comma.
pub(crate) fn flow_cut(map: &Collection, at: usize) -> Range<usize> {
    let item = &map.items[at].range;
    match (map.items.get(at + 1), at.checked_sub(1).map(|before| &map.items[before])) {
        (Some(next), _) => item.start..next.range.start,
        (None, Some(before)) => before.range.end..item.end,
        (None, None) => map.range.start + 1..map.range.end - 1,
    }
}

/// Returns `range` with the blank line before it, if there is one.
fn with_blank_line(text: &str, range: Range<usize>) -> Range<usize> {
    let before = &text[..range.start];
    let blank = before.ends_with("\n\n") || before == "\n";
    range.start - usize::from(blank)..range.end
}

/// Takes the metadata out of the document's maps, and what stands in them out of its comments.
fn remove(document: &mut Document) {
    let format = document.format;
    for root in &mut document.roots {
        while let Some(at) = root.map.items.iter().position(|item| is_metadata(format, item)) {
            let item = root.map.items.remove(at);
            let inside = |id: usize, leaves: &[Leaf]| item.range.contains(&leaves[id].range.start);
            root.map.comments.retain(|(_, id)| !inside(*id, &document.leaves));
            for (before, _) in &mut root.map.comments {
                *before -= usize::from(*before > at);
            }
            keep_comments_above(root, at, item, &document.leaves);
        }
    }
}

/// Gives comments above the metadata's section to the section before it, where they were written.
fn keep_comments_above(root: &mut Root, at: usize, item: Item, leaves: &[Leaf]) {
    let Node::Collection(section) = item.node else { return };
    let above =
        section.comments.into_iter().filter(|(_, id)| leaves[*id].range.start < item.range.start);
    let before = at.checked_sub(1).map(|before| &mut root.map.items[before].node);
    if let Some(Node::Collection(before)) = before {
        let end = before.items.len();
        before.comments.extend(above.map(|(_, id)| (end, id)));
    }
}

/// What is put into a document as its metadata.
pub(crate) struct Seal<'s> {
    /// The metadata of the file before, if only their time and code change.
    pub(crate) block: Option<&'s Block>,
    /// The metadata.
    pub(crate) tree: &'s Tree,
    /// When the file is modified.
    pub(crate) last_modified: &'s str,
    /// The encrypted authentication code.
    pub(crate) mac: &'s str,
}

impl Seal<'_> {
    /// Returns the edits that put the metadata at the end of every document.
    pub(crate) fn edits(&self, document: &Document) -> Result<Vec<Edit>, SopsError> {
        let format = document.format;
        let kept =
            self.block.and_then(|block| block.resealed(format, self.last_modified, self.mac));
        let tree = sealed(self.tree, self.last_modified, self.mac);
        if document.roots.is_empty() {
            // A YAML text without a key: a file whose last value was taken out.
            let end = document.text.len();
            return Ok(vec![in_lines(document, end, 0, kept.as_deref(), &tree)?]);
        }
        let column = self.block.map_or(0, |block| block.column);
        let kept_for = |root: &Root| kept.as_deref().filter(|_| column == root.map.column);
        let roots = document.roots.iter();
        roots.map(|root| insertion(document, root, kept_for(root), &tree)).collect()
    }
}

fn insertion(
    document: &Document,
    root: &Root,
    kept: Option<&str>,
    tree: &Tree,
) -> Result<Edit, SopsError> {
    if root.map.flow && root.written {
        return flow_insertion(document, &root.map, kept, tree).map_err(wrong);
    }
    in_lines(document, root.end, root.map.column, kept, tree)
}

fn wrong(problem: Problem) -> SopsError {
    SopsError::Metadata { field: String::new(), problem: problem.to_string() }
}

/// Returns the edit that puts the metadata on lines of their own at `end`.
fn in_lines(
    document: &Document,
    end: usize,
    column: usize,
    kept: Option<&str>,
    tree: &Tree,
) -> Result<Edit, SopsError> {
    let lines = match (kept, document.format) {
        (Some(kept), _) => kept.to_owned(),
        (None, Format::Dotenv) => lines(tree, PREFIX, "=", ""),
        (None, Format::Ini) => lines(tree, "", " = ", "[sops]\n"),
        _ => {
            let member = yaml::member(SECTION, &tree_for_yaml(tree), column).map_err(wrong)?;
            format!("{}{}\n", " ".repeat(column), *member)
        }
    };
    let before = &document.text[..end];
    let start = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let blank = if document.format == Format::Ini && !before.is_empty() { "\n" } else { "" };
    Ok((end..end, Zeroizing::new(format!("{start}{blank}{lines}"))))
}

/// Returns the metadata as lines of names and texts.
fn lines(tree: &Tree, prefix: &str, equals: &str, start: &str) -> String {
    let line = |(name, text): (String, String)| {
        format!("{prefix}{name}{equals}{}\n", text.replace('\n', "\\n"))
    };
    flatten(tree).into_iter().map(line).fold(start.to_owned(), |text, line| text + &line)
}

/// Returns the metadata with what YAML would quote, but SOPS does not.
fn tree_for_yaml(tree: &Tree) -> Tree {
    match tree {
        Tree::Map(members) => Tree::Map(
            members.iter().map(|(key, tree)| (key.clone(), tree_for_yaml(tree))).collect(),
        ),
        Tree::List(items) => Tree::List(items.iter().map(tree_for_yaml).collect()),
        Tree::Value(value) if crate::cipher::is_ciphertext(value.as_bytes()) => {
            Tree::Value(Value::new(Kind::Time, value.as_bytes().to_vec()))
        }
        Tree::Value(value) => Tree::Value(value.clone()),
    }
}

fn flow_insertion(
    document: &Document,
    map: &Collection,
    kept: Option<&str>,
    tree: &Tree,
) -> Result<Edit, Problem> {
    let open = map.range.start + 1;
    let first = map.items.first().map_or(map.range.end - 1, |item| item.range.start);
    let last = map.items.last().map_or(open, |item| item.range.end);
    let gap = &document.text[open..first];
    let indent = gap.rfind('\n').map(|at| &gap[at + 1..]).filter(|indent| indent.trim().is_empty());
    let compact = !map.items.is_empty() && !gap.contains('\n');
    let step = match indent {
        Some(step) if !map.items.is_empty() && !step.is_empty() => step,
        _ if compact => "",
        _ => "\t",
    };
    let member = match kept {
        Some(kept) => kept.to_owned(),
        None => format!("\"{SECTION}\": {}", *json::tree(tree, step, step)?),
    };
    let text = match (map.items.is_empty(), compact) {
        (true, _) => {
            return Ok((open..map.range.end - 1, Zeroizing::new(format!("\n{step}{member}\n"))));
        }
        (false, true) => format!(", {member}"),
        (false, false) => format!(",\n{step}{member}"),
    };
    Ok((last..last, Zeroizing::new(text)))
}
