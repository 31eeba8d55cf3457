//! All values and comments of a document, in the order that the authentication code has.

use crate::document::{Collection, Document, LeafId, Node};
use crate::path::{KeyPath, Step};
use crate::rules::Selection;

/// A value or comment on the way through a document.
pub(crate) struct Visit {
    pub(crate) id: LeafId,
    /// The index of the document that it is in.
    pub(crate) document: usize,
    /// The way to the value; for a comment, to the map or list that it stands in.
    pub(crate) path: KeyPath,
    /// The additional data that it is encrypted with.
    pub(crate) data: String,
    /// Whether the rules say that it is encrypted.
    pub(crate) encrypted: bool,
}

/// Returns every value and comment of `document` in order.
pub(crate) fn visits(document: &Document, selection: &Selection) -> Vec<Visit> {
    let mut walker = Walker {
        document,
        selection,
        index: 0,
        path: KeyPath::default(),
        comments: Vec::new(),
        visits: Vec::with_capacity(document.leaves.len()),
    };
    for (index, root) in document.roots.iter().enumerate() {
        walker.index = index;
        walker.collection(&root.map);
    }
    walker.visits
}

struct Walker<'d> {
    document: &'d Document,
    selection: &'d Selection,
    index: usize,
    path: KeyPath,
    /// The comments above what is being walked, and above what it is in, outermost first.
    comments: Vec<&'d str>,
    visits: Vec<Visit>,
}

impl<'d> Walker<'d> {
    fn collection(&mut self, collection: &'d Collection) {
        let outer = self.comments.len();
        let mut comments = collection.comments.iter().peekable();
        for (at, item) in collection.items.iter().enumerate() {
            while let Some((_, id)) = comments.next_if(|(before, _)| *before <= at) {
                self.comment(*id);
            }
            self.path.push(if collection.is_map {
                Step::Key(item.key.clone())
            } else {
                Step::Index(at)
            });
            match &item.node {
                Node::Collection(inner) => self.collection(inner),
                Node::Leaf(id) => self.visit(*id, false),
            }
            self.path.pop();
            self.comments.truncate(outer);
        }
        for (_, id) in comments {
            self.comment(*id);
        }
        self.comments.truncate(outer);
    }

    fn comment(&mut self, id: LeafId) {
        self.comments.push(self.document.leaves[id].value.as_str().unwrap_or_default());
        self.visit(id, true);
    }

    fn visit(&mut self, id: LeafId, is_comment: bool) {
        let encrypted = self.selection.encrypts(self.path.keys(), &self.comments, is_comment);
        self.visits.push(Visit {
            id,
            document: self.index,
            path: self.path.clone(),
            data: self.path.additional_data(),
            encrypted,
        });
    }
}
