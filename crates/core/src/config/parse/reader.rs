//! What a reader of JSON, TOML or `.env` has at hand.

use std::sync::Arc;

use super::{Lines, Report, Stop};
use crate::config::node::Node;
use crate::diagnostic::Diagnostic;

/// A text that is being read: where its bytes are, and what is wrong with it so far.
pub(super) struct Reader<'t> {
    pub(super) report: Report,
    pub(super) lines: Lines<'t>,
}

/// Returns the value that `read` makes of `text`, or all that it reports.
pub(super) fn read<'t>(
    file: Arc<str>,
    text: &'t str,
    read: impl FnOnce(&mut Reader<'t>, &'t str) -> Result<Node, Stop>,
) -> Result<Node, Vec<Diagnostic>> {
    let mut reader = Reader { report: Report::new(file), lines: Lines::new(text) };
    let root = read(&mut reader, text);
    reader.report.finish(root)
}
