//! Two edits of one file, put together: what git cannot do line by line, as every edit changes the
//! authentication code.

mod lines;
mod recipients;
mod trees;

use std::fmt;

use jiff::Timestamp;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::document::Document;
use crate::edit;
use crate::encrypted_file::{EncryptedFile, Opened, plain_str};
use crate::entropy::Entropy;
use crate::error::SopsError;
use crate::format::Format;
use crate::keys::unlock::Unlock;
use crate::path::{KeyPath, Step};
use crate::tree::Tree;

/// Two edits of a file in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The SOPS file.
    pub text: String,
    /// The keys whose values come from `theirs`.
    pub taken: Vec<KeyPath>,
}

/// A key that was edited in two ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The YAML document that it is in, from 0; always 0 in other formats.
    pub document: usize,
    /// The key; one that starts with `sops` is of the metadata.
    pub path: KeyPath,
    /// What happened to it.
    pub problem: &'static str,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.document > 0 {
            write!(f, "document {}, ", self.document + 1)?;
        }
        write!(f, "{}: {}", self.path, self.problem)
    }
}

/// Says why two edits could not be put together; nothing of a value.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MergeError {
    /// These keys were edited in two ways: all of them.
    #[error("{}", .0.iter().map(Conflict::to_string).collect::<Vec<_>>().join("\n"))]
    Conflicts(Vec<Conflict>),
    /// One of the files cannot be read, or the result not be written.
    #[error("{side}: {source}")]
    File {
        /// Which: `base`, `ours`, `theirs` or `the result`.
        side: &'static str,
        /// Why.
        #[source]
        source: SopsError,
    },
}

/// Returns what `ours` and `theirs` made of `base`, last modified `now`: the edits of both, as far as they
/// are of different keys. A list is one value. Ciphertexts that nobody changed stay, and layout and order
/// are those of `ours`. Without `base`, both files were added, and have to agree on every common key.
///
/// # Errors
///
/// With [`MergeError::Conflicts`] naming every key that both edited differently.
pub fn merge(
    base: Option<&[u8]>,
    ours: &[u8],
    theirs: &[u8],
    format: Format,
    unlock: &dyn Unlock,
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<Merged, MergeError> {
    let base = base.map(|text| Side::read("base", text, format, unlock)).transpose()?;
    let ours = Side::read("ours", ours, format, unlock)?;
    let theirs = Side::read("theirs", theirs, format, unlock)?;
    if let Some(same) = unchanged(base.as_ref(), &ours, &theirs) {
        return Ok(same);
    }
    let merge = Merge { base: base.as_ref(), ours: &ours, theirs: &theirs };
    let (plain, taken) = merge.plain()?;
    let text = merge.sealed(&plain, now, entropy)?;
    Ok(Merged { text, taken })
}

/// One of the three files.
struct Side {
    file: EncryptedFile,
    opened: Opened,
}

impl Side {
    fn read(
        side: &'static str,
        text: &[u8],
        format: Format,
        unlock: &dyn Unlock,
    ) -> Result<Self, MergeError> {
        let error = |source| MergeError::File { side, source };
        let file = EncryptedFile::parse(text, format).map_err(error)?;
        let opened = file.open(unlock).map_err(error)?;
        Ok(Self { file, opened })
    }
}

/// Returns the result where only one side, or nobody, did anything.
fn unchanged(base: Option<&Side>, ours: &Side, theirs: &Side) -> Option<Merged> {
    let text = |side: &Side| side.file.text().to_owned();
    if ours.file.text() == theirs.file.text()
        || base.is_some_and(|base| base.file.text() == theirs.file.text())
    {
        return Some(Merged { text: text(ours), taken: Vec::new() });
    }
    let base = base.filter(|base| base.file.text() == ours.file.text())?;
    let documents = trees::Documents {
        base: Some(&base.opened.plain.documents),
        ours: &ours.opened.plain.documents,
        theirs: &theirs.opened.plain.documents,
    };
    let taken =
        documents.changes().map(|changes| changes.into_iter().map(|change| change.path).collect());
    Some(Merged { text: text(theirs), taken: taken.unwrap_or_default() })
}

struct Merge<'m> {
    base: Option<&'m Side>,
    ours: &'m Side,
    theirs: &'m Side,
}

impl Merge<'_> {
    /// Returns the merged text in the clear, and which keys come from the other side.
    fn plain(&self) -> Result<(Zeroizing<Vec<u8>>, Vec<KeyPath>), MergeError> {
        let documents = trees::Documents {
            base: self.base.map(|base| &base.opened.plain.documents[..]),
            ours: &self.ours.opened.plain.documents,
            theirs: &self.theirs.opened.plain.documents,
        };
        let changes = documents.changes().map_err(MergeError::Conflicts)?;
        let taken = changes.iter().map(|change| change.path.clone()).collect();
        if self.ours.file.format() == Format::Binary {
            return Ok((self.binary(&changes), taken));
        }
        let error = |source| MergeError::File { side: "the result", source };
        let wanted = documents.merged(&changes);
        if let Some(text) = self.by_lines().map_err(error)?.filter(|text| self.holds(text, &wanted))
        {
            return Ok((Zeroizing::new(text.as_bytes().to_vec()), taken));
        }
        let text = self.by_keys(&changes)?;
        if self.holds(&text, &wanted) {
            return Ok((Zeroizing::new(text.as_bytes().to_vec()), taken));
        }
        let problem = "the edits are right, but cannot be written into the layout of ours";
        Err(MergeError::Conflicts(vec![Conflict {
            document: 0,
            path: KeyPath::default(),
            problem,
        }]))
    }

    fn binary(&self, changes: &[trees::Change]) -> Zeroizing<Vec<u8>> {
        let side = if changes.is_empty() { self.ours } else { self.theirs };
        Zeroizing::new(side.opened.plain.text().to_vec())
    }

    /// Returns the texts merged line by line, with the comments of both; nothing if lines are in the way.
    fn by_lines(&self) -> Result<Option<Zeroizing<String>>, SopsError> {
        let text =
            |side: &Side| plain_str(&side.opened.plain).map(|text| Zeroizing::new(text.to_owned()));
        let Some(base) = self.base else { return Ok(None) };
        let (base, ours, theirs) = (text(base)?, text(self.ours)?, text(self.theirs)?);
        Ok(lines::merge(&base, &ours, &theirs))
    }

    /// Returns the text of ours with the other side's values put in.
    fn by_keys(&self, changes: &[trees::Change]) -> Result<Zeroizing<String>, MergeError> {
        let error = |source| MergeError::File { side: "the result", source };
        let format = self.ours.file.format();
        let text = plain_str(&self.ours.opened.plain).map_err(error)?;
        let mut text = Zeroizing::new(text.to_owned());
        for change in changes {
            if change.document > 0 {
                let problem =
                    "both sides edited lines next to each other: merge this document by hand";
                let conflict =
                    Conflict { document: change.document, path: change.path.clone(), problem };
                return Err(MergeError::Conflicts(vec![conflict]));
            }
            text = match &change.value {
                Some(value) => edit::set(&text, format, &change.path, value),
                None => edit::unset(&text, format, &change.path),
            }
            .map_err(error)?;
        }
        Ok(text)
    }

    /// Returns whether `text` holds what was `wanted`, in whatever order of keys.
    fn holds(&self, text: &str, wanted: &[Tree]) -> bool {
        let Ok(document) = Document::parse(text.as_bytes(), self.ours.file.format()) else {
            return false;
        };
        let values = document.values();
        let trees: Vec<_> =
            document.roots.iter().map(|root| Document::tree(&root.map, &values)).collect();
        trees.len() == wanted.len()
            && trees.iter().zip(wanted).all(|(tree, wanted)| tree.is_same(wanted))
    }

    fn sealed(
        &self,
        plain: &[u8],
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<String, MergeError> {
        let metadata = trees::metadata(
            self.base.map(|base| &base.file.metadata.tree),
            &self.ours.file.metadata.tree,
            &self.theirs.file.metadata.tree,
        )
        .map_err(MergeError::Conflicts)?;
        let error = |source| MergeError::File { side: "the result", source };
        recipients::seal(self, &metadata, plain, now, entropy).map_err(error)
    }
}

/// Returns the path of a field of the metadata.
fn metadata_path(field: &str) -> KeyPath {
    KeyPath::key("sops").join(Step::Key(field.to_owned()))
}
