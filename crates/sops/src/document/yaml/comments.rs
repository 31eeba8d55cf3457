//! Whose a comment is: SOPS encrypts it with the keys of the map or list that it stands in.

use std::ops::Range;

use crate::document::{Collection, Leaf, LeafId, Node, Root, line_start};
use crate::value::Value;

/// Finds the comments between `tokens`, and puts each into the map or list that it belongs to.
pub(super) fn attach(
    text: &str,
    tokens: &[Range<usize>],
    roots: &mut [Root],
    leaves: &mut Vec<Leaf>,
) {
    if roots.is_empty() || !text.contains('#') {
        return;
    }
    let ends: Vec<_> = roots.iter().map(|root| root.end).collect();
    let mut attached = Vec::new();
    for comment in comments(text, tokens) {
        let document = ends.partition_point(|end| *end <= comment.start).min(roots.len() - 1);
        let place = place(text, &roots[document].map, comment.start);
        leaves.push(leaf(text, &comment, column_of(&roots[document].map, &place.way)));
        attached.push((document, place, leaves.len() - 1));
    }
    for (document, place, id) in attached {
        add(&mut roots[document].map, &place, id);
    }
}

fn leaf(text: &str, comment: &Range<usize>, column: usize) -> Leaf {
    let range = comment.start + 1..comment.end;
    let value = Value::text(&text[range.clone()]);
    Leaf { range, tail: None, value, is_comment: true, flow: false, column }
}

/// Returns where comments are, with their sign: whatever follows a `#` after a space, to its line's end.
fn comments(text: &str, tokens: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    for token in tokens.iter().chain([&(text.len()..text.len())]) {
        while at < token.start {
            let Some(offset) = text[at..token.start].find('#') else { break };
            let start = at + offset;
            let apart = text[..start]
                .chars()
                .next_back()
                .is_none_or(|c| c.is_whitespace() || c == '\u{feff}');
            if apart {
                let line = text[start..].find('\n').map_or(text.len(), |end| start + end);
                let end = start + text[start..line].trim_end_matches('\r').len();
                found.push(start..end);
                at = line;
            } else {
                at = start + 1;
            }
        }
        at = at.max(token.end);
    }
    found
}

/// Where a comment goes: the items on the way to its map or list, and the item that it stands before.
struct Place {
    way: Vec<usize>,
    before: usize,
}

fn place(text: &str, root: &Collection, at: usize) -> Place {
    let line = line_start(text, at);
    let alone = text[line..at].trim_start_matches('\u{feff}').trim().is_empty();
    if alone { own_line(root, at, text[line..at].chars().count()) } else { beside(root, at) }
}

/// Returns the place of a comment that follows something on its line: before the innermost item there.
fn beside(root: &Collection, at: usize) -> Place {
    let mut way = Vec::new();
    let mut collection = root;
    loop {
        let Some(last) = last_before(collection, at) else { return Place { way, before: 0 } };
        match &collection.items[last].node {
            Node::Collection(inner) if !inner.flow && last_before(inner, at).is_some() => {
                way.push(last);
                collection = inner;
            }
            _ => return Place { way, before: last },
        }
    }
}

/// Returns the place of a comment on a line of its own: in the map or list of what follows if that is
/// in the same column, else in the innermost one that is not further to the right.
fn own_line(root: &Collection, at: usize, column: usize) -> Place {
    let mut open = vec![root];
    let mut way = Vec::new();
    while let Some(last) = last_before(open[open.len() - 1], at) {
        let Node::Collection(inner) = &open[open.len() - 1].items[last].node else { break };
        if inner.flow {
            break;
        }
        way.push(last);
        open.push(inner);
        if last_before(inner, at).is_none() {
            break;
        }
    }
    let next = |collection: &Collection| {
        collection.items.iter().map(|item| item.range.start).find(|start| *start > at)
    };
    let first = open.iter().filter_map(|collection| next(collection)).min();
    let follows =
        |collection: &&Collection| collection.column == column && next(collection) == first;
    let level = open
        .iter()
        .position(|collection| first.is_some() && follows(collection))
        .or_else(|| open.iter().rposition(|collection| collection.column <= column))
        .unwrap_or(0);
    way.truncate(level);
    Place { way, before: last_before(open[level], at).map_or(0, |last| last + 1) }
}

/// Returns the last item that starts before byte `at`.
fn last_before(collection: &Collection, at: usize) -> Option<usize> {
    collection.items.partition_point(|item| item.range.start < at).checked_sub(1)
}

fn column_of(root: &Collection, way: &[usize]) -> usize {
    let inner =
        way.iter().try_fold(root, |collection, index| match &collection.items[*index].node {
            Node::Collection(inner) => Some(inner),
            Node::Leaf(_) => None,
        });
    inner.map_or(0, |collection| collection.column)
}

fn add(root: &mut Collection, place: &Place, id: LeafId) {
    let mut collection = root;
    for index in &place.way {
        match &mut collection.items[*index].node {
            Node::Collection(inner) => collection = inner,
            Node::Leaf(_) => return,
        }
    }
    collection.comments.push((place.before, id));
}
