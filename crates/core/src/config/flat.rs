//! Flat names, `DATABASE__HOST`, to values in each other.

use std::sync::Arc;

use super::node::{Data, Map, Node, Origin, Span};
use super::parse::MAX_DEPTH;

/// Between the segments of a name.
pub(super) const SEPARATOR: &str = "__";

/// A segment of a name, as a key.
pub(super) struct Segment {
    pub(super) key: String,
    /// Where it was written.
    pub(super) span: Option<Span>,
}

/// Why a value cannot be put under a name.
pub(super) enum Taken {
    /// Another name says the same.
    Twice { first: Node },
    /// The value is a map here and something else there.
    Conflict { first: Node },
    /// There are more than [`MAX_DEPTH`] segments.
    TooDeep,
}

/// Puts `value` under `segments`, of which there is at least one, and makes the maps above it.
pub(super) fn put(root: &mut Map, segments: &[Segment], mut value: Node) -> Result<(), Taken> {
    let Some((last, parents)) = segments.split_last() else { return Ok(()) };
    if segments.len() + value.height() > MAX_DEPTH {
        return Err(Taken::TooDeep);
    }
    let mut map = root;
    for segment in parents {
        let origin = place(&value.origin, segment.span);
        let fresh = || {
            let mut node = Node::new(Data::Map(Box::default()), origin);
            node.key = segment.span;
            node
        };
        let node = map.entry(segment.key.clone()).or_insert_with(fresh);
        if node.as_map().is_none() {
            return Err(Taken::Conflict { first: node.clone() });
        }
        let Data::Map(inner) = &mut node.data else { return Ok(()) };
        map = inner;
    }
    match map.get(&last.key) {
        Some(first) if first.as_map().is_some() => Err(Taken::Conflict { first: first.clone() }),
        Some(first) => Err(Taken::Twice { first: first.clone() }),
        None => {
            value.key = last.span;
            map.insert(last.key.clone(), value);
            Ok(())
        }
    }
}

fn place(value: &Origin, span: Option<Span>) -> Origin {
    Origin { file: Arc::clone(&value.file), span }
}
