//! A SOPS file: what it says without a key, and what it holds.

use zeroize::Zeroizing;

use crate::cipher::{self, Cipher};
use crate::document::{Document, Edit, Findings, Leaf, edited, utf8};
use crate::emit;
use crate::error::{Finding, Problem, SopsError};
use crate::format::Format;
use crate::keys::data_key::DataKey;
use crate::keys::unlock::{Unlock, UnlockError};
use crate::mac::Mac;
use crate::metadata::{Block, Metadata};
use crate::path::KeyPath;
use crate::place::{Lines, Place};
use crate::plain::{Entry, Plain};
use crate::time;
use crate::value::{Kind, Value};
use crate::walk::{Visit, visits};

/// A SOPS file, read but not decrypted.
pub struct EncryptedFile {
    pub(crate) format: Format,
    pub(crate) document: Document,
    pub(crate) block: Block,
    pub(crate) metadata: Metadata,
}

/// A value of a file, as far as it can be told without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The YAML document that it is in, from 0; always 0 in other formats.
    pub document: usize,
    /// The way to it.
    pub path: KeyPath,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// What it is, as far as the file says; the word of a ciphertext is not authenticated.
    pub kind: Option<Kind>,
    /// Where it is.
    pub place: Place,
}

impl EncryptedFile {
    /// Returns the SOPS file that `text` is.
    ///
    /// # Errors
    ///
    /// With [`SopsError::NotEncrypted`] if it has no metadata, with [`SopsError::Content`] if it is not
    /// of its format, and with [`SopsError::Metadata`] if the metadata are damaged.
    pub fn parse(text: &[u8], format: Format) -> Result<Self, SopsError> {
        let mut document = Document::parse(text, format)?;
        let (block, metadata) = Block::take(&mut document)?.ok_or(SopsError::NotEncrypted)?;
        Ok(Self { format, document, block, metadata })
    }

    /// Returns whether `text` has SOPS metadata, so that [`EncryptedFile::parse`] would look into it.
    pub fn is_one(text: &[u8], format: Format) -> bool {
        !matches!(Self::parse(text, format), Err(SopsError::NotEncrypted | SopsError::Content(_)))
    }

    /// Returns the format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns the text as it was read.
    pub fn text(&self) -> &str {
        &self.document.text
    }

    /// Returns what the file says about itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Returns every value in the order of the file, without what it is.
    pub fn listings(&self) -> Vec<Listing> {
        let lines = Lines::new(&self.document.text);
        let values = visits(&self.document, &self.metadata.selection);
        values
            .into_iter()
            .map(|visit| (&self.document.leaves[visit.id], visit))
            .filter(|(leaf, _)| !leaf.is_comment)
            .map(|(leaf, visit)| {
                let text = leaf.value.as_str().filter(|_| visit.encrypted).unwrap_or_default();
                let encrypted = cipher::is_ciphertext(text.as_bytes());
                let kind = if encrypted { kind_of(text) } else { Some(leaf.value.kind()) };
                let place = lines.place(&leaf.range);
                Listing { document: visit.document, path: visit.path, encrypted, kind, place }
            })
            .collect()
    }

    /// Returns what the file holds, after every value and the code over all of them were checked.
    ///
    /// # Errors
    ///
    /// With [`SopsError::Unlock`] if the data key cannot be had, with [`SopsError::Content`] naming every
    /// value that is not what was encrypted, and with [`SopsError::MacMismatch`] if each value is
    /// authentic but some are missing, moved, or changed in the clear.
    pub fn decrypt(&self, unlock: &dyn Unlock) -> Result<Plain, SopsError> {
        Ok(self.open(unlock)?.plain)
    }

    /// Returns the data key, for several operations with one unlocking: it is an [`Unlock`] itself.
    ///
    /// # Errors
    ///
    /// As [`EncryptedFile::decrypt`], before any value is looked at.
    pub fn data_key(&self, unlock: &dyn Unlock) -> Result<DataKey, SopsError> {
        if self.metadata.key_groups > 1 {
            return Err(SopsError::KeyGroups(self.metadata.key_groups));
        }
        if self.metadata.age.is_empty() && self.metadata.foreign.is_empty() {
            let nobody = UnlockError::Refused("sops.age: the file has no recipients".to_owned());
            return Err(nobody.into());
        }
        if self.metadata.age.is_empty() {
            let foreign = self.metadata.foreign.iter().map(crate::ForeignKey::shown).collect();
            return Err(SopsError::NoAgeRecipient(foreign));
        }
        Ok(unlock.unlock(&self.metadata.age)?)
    }

    /// Decrypts and checks everything.
    pub(crate) fn open(&self, unlock: &dyn Unlock) -> Result<Opened, SopsError> {
        let key = self.data_key(unlock)?;
        let cipher = Cipher::new(&key);
        let visits = visits(&self.document, &self.metadata.selection);
        let values = self.values(&cipher, &visits)?;
        let mut mac = Mac::new(self.metadata.mac_only_encrypted);
        for visit in visits.iter().filter(|visit| !self.document.leaves[visit.id].is_comment) {
            mac.add(&values[visit.id], visit.encrypted);
        }
        self.check_mac(&cipher, &mac.finish())?;
        let written = self.written(&visits, &values)?;
        let text = self.plain_text(&written, &visits, &values)?;
        let plain = Plain {
            format: self.format,
            text,
            documents: self
                .document
                .roots
                .iter()
                .map(|root| Document::tree(&root.map, &values))
                .collect(),
            entries: self.entries(&visits, &values),
        };
        Ok(Opened { key, visits, values, written, plain })
    }

    /// Returns the values of all leaves, decrypted.
    fn values(&self, cipher: &Cipher, visits: &[Visit]) -> Result<Vec<Value>, SopsError> {
        let mut values = self.document.values();
        let mut findings = Findings::new(&self.document.text);
        for visit in visits.iter().filter(|visit| visit.encrypted) {
            let leaf = &self.document.leaves[visit.id];
            match decrypted(cipher, leaf, visit) {
                Ok(Some(value)) => values[visit.id] = value,
                Ok(None) => {}
                Err(problem) => findings.add(leaf.range.clone(), &visit.path, problem),
            }
        }
        findings.finish(values)
    }

    fn check_mac(&self, cipher: &Cipher, computed: &str) -> Result<(), SopsError> {
        let mac = self.metadata.mac.as_deref().ok_or(SopsError::MacMissing)?;
        let data = time::as_additional_data(&self.metadata.last_modified).ok_or_else(|| {
            let problem = "not a time such as 2026-11-20T12:00:00Z".to_owned();
            SopsError::Metadata { field: "lastmodified".to_owned(), problem }
        })?;
        let stored = cipher.decrypt(mac, &data).map_err(SopsError::MacUnreadable)?;
        if stored.as_bytes() == computed.as_bytes() { Ok(()) } else { Err(SopsError::MacMismatch) }
    }

    /// Returns what each decrypted leaf is written as in the clear.
    fn written(&self, visits: &[Visit], values: &[Value]) -> Result<Written, SopsError> {
        let mut written = vec![None; self.document.leaves.len()];
        if self.format == Format::Binary {
            return Ok(written);
        }
        let mut findings = Findings::new(&self.document.text);
        for visit in visits.iter().filter(|visit| visit.encrypted) {
            let leaf = &self.document.leaves[visit.id];
            if !cipher::is_ciphertext(leaf.value.as_bytes()) || values[visit.id] == leaf.value {
                continue;
            }
            match emit::plain(&self.document, leaf, &values[visit.id]) {
                Ok(text) => written[visit.id] = Some(text),
                Err(problem) => findings.add(leaf.range.clone(), &visit.path, problem),
            }
        }
        findings.finish(written)
    }

    fn plain_text(
        &self,
        written: &Written,
        visits: &[Visit],
        values: &[Value],
    ) -> Result<Zeroizing<Vec<u8>>, SopsError> {
        if self.format == Format::Binary {
            return binary(visits, values);
        }
        let mut edits = self.block.cuts.clone();
        for (leaf, text) in self.document.leaves.iter().zip(written) {
            edits.extend(text.iter().flat_map(|text| Document::replace(leaf, text.clone())));
        }
        let mut text = edited(&self.document.text, edits);
        Ok(Zeroizing::new(std::mem::take(&mut *text).into_bytes()))
    }

    /// Returns the text without metadata, with its values as they stand.
    pub(crate) fn body(&self) -> Zeroizing<String> {
        edited(&self.document.text, self.block.cuts.clone())
    }

    fn entries(&self, visits: &[Visit], values: &[Value]) -> Vec<Entry> {
        let lines = Lines::new(&self.document.text);
        let entry = |visit: &Visit| {
            let leaf = &self.document.leaves[visit.id];
            let encrypted = visit.encrypted && cipher::is_ciphertext(leaf.value.as_bytes());
            (!leaf.is_comment).then(|| Entry {
                document: visit.document,
                path: visit.path.clone(),
                value: values[visit.id].clone(),
                encrypted,
                place: lines.place(&leaf.range),
            })
        };
        visits.iter().filter_map(entry).collect()
    }
}

impl std::fmt::Debug for EncryptedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncryptedFile").field("format", &self.format).finish_non_exhaustive()
    }
}

/// What each leaf is written as, where it is decrypted.
pub(crate) type Written = Vec<Option<Zeroizing<String>>>;

/// A file that was decrypted and checked.
pub(crate) struct Opened {
    pub(crate) key: DataKey,
    pub(crate) visits: Vec<Visit>,
    /// The values of all leaves.
    pub(crate) values: Vec<Value>,
    pub(crate) written: Written,
    pub(crate) plain: Plain,
}

fn kind_of(ciphertext: &str) -> Option<Kind> {
    Some(match cipher::type_of(ciphertext)? {
        "str" | "bytes" => Kind::Text,
        "int" => Kind::Integer,
        "float" => Kind::Float,
        "bool" => Kind::Boolean,
        "time" => Kind::Time,
        _ => return None,
    })
}

/// Returns the value of a leaf that the rules say is encrypted; nothing if it stays as it is.
fn decrypted(cipher: &Cipher, leaf: &Leaf, visit: &Visit) -> Result<Option<Value>, Problem> {
    if leaf.value.kind() == Kind::Null || leaf.value.is_empty_text() {
        return Ok(None);
    }
    let text = leaf.value.as_str().filter(|text| cipher::is_ciphertext(text.as_bytes()));
    match text {
        None if leaf.is_comment => Ok(None),
        None => Err(Problem::PlainAmongCiphertext),
        Some(text) if leaf.is_comment => Ok(comment(cipher, text, visit)),
        Some(text) => cipher.decrypt(text, &visit.data).map(Some),
    }
}

/// Returns a comment, encrypted for the map or list that it stands in or one further out; nothing if it
/// was not: as for other implementations, that is no error.
fn comment(cipher: &Cipher, text: &str, visit: &Visit) -> Option<Value> {
    let mut path = visit.path.clone();
    loop {
        if let Ok(value) = cipher.decrypt_comment(text, &path.additional_data()) {
            return Some(value);
        }
        if path.steps().is_empty() {
            return None;
        }
        path.pop();
    }
}

/// Returns the bytes of a binary file.
fn binary(visits: &[Visit], values: &[Value]) -> Result<Zeroizing<Vec<u8>>, SopsError> {
    let data = KeyPath::key("data");
    match visits {
        [visit] if visit.path == data => Ok(Zeroizing::new(values[visit.id].as_bytes().to_vec())),
        _ => {
            let problem = Problem::Syntax("a binary file holds one value, `data`".to_owned());
            Err(SopsError::Content(vec![Finding { place: None, key: KeyPath::default(), problem }]))
        }
    }
}

/// Returns the document of a plain text; for binary data, that of the JSON object that holds them.
pub(crate) fn plain_document(plain: &[u8], format: Format) -> Result<Document, SopsError> {
    if format != Format::Binary {
        return Document::parse(plain, format);
    }
    let mut document = Document::parse(b"{\n\t\"data\": \"\"\n}\n", Format::Json)?;
    document.leaves[0].value = Value::text(plain);
    Ok(document)
}

/// Returns `plain` as the text that it has to be for its format.
pub(crate) fn plain_str(plain: &Plain) -> Result<&str, SopsError> {
    utf8(plain.text())
}

/// Edits of a text.
pub(crate) type Edits = Vec<Edit>;
