//! YAML: a parser says what there is, and the text says where.

mod comments;
mod extent;
mod reader;
pub(crate) mod scalar;

use zeroize::Zeroizing;

use super::{Document, Findings};
use crate::error::SopsError;
use crate::format::Format;

/// Reads one or several documents, each a map.
pub(super) fn parse(text: Zeroizing<String>) -> Result<Document, SopsError> {
    let (roots, leaves) = read(&text)?;
    Ok(Document { format: Format::Yaml, text, roots, leaves })
}

fn read(text: &str) -> Result<(Vec<super::Root>, Vec<super::Leaf>), SopsError> {
    let mut reader = reader::Reader::new(text);
    reader.documents();
    let reader::Reader { mut roots, mut leaves, tokens, findings, .. } = reader;
    let result: Result<(), SopsError> = Findings::finish(findings, ());
    result?;
    comments::attach(text, &tokens, &mut roots, &mut leaves);
    Ok((roots, leaves))
}
