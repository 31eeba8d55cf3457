//! A file written anew, with everything that did not change as it was.

use std::collections::HashMap;

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::cipher;
use crate::document::{Document, Leaf, edited};
use crate::edit;
use crate::encrypt::{Sealing, check_names, wrap_all};
use crate::encrypted_file::{EncryptedFile, Opened, plain_document, plain_str};
use crate::entropy::Entropy;
use crate::error::SopsError;
use crate::keys::data_key::DataKey;
use crate::keys::recipient::Recipient;
use crate::keys::unlock::Unlock;
use crate::metadata::{AgeEntry, ForeignKey, with_age};
use crate::path::KeyPath;
use crate::tree::Tree;
use crate::value::Value;
use crate::walk::Visit;

/// Ciphertexts of a file, to be used again for values that did not change.
#[derive(Default)]
pub(crate) struct Pool(HashMap<String, Vec<Kept>>);

/// A ciphertext and what it is of.
pub(crate) struct Kept {
    pub(crate) value: Value,
    /// The ciphertext, as it is written in the file.
    pub(crate) raw: Zeroizing<String>,
    is_comment: bool,
    /// The value in the clear, as it is written in the file.
    written: Option<Zeroizing<String>>,
}

impl Pool {
    /// Returns the ciphertexts of `file`.
    pub(crate) fn of(file: &EncryptedFile, opened: &Opened) -> Self {
        let mut pool = Self::default();
        pool.add(file, opened);
        pool
    }

    /// Adds the ciphertexts of `file`, which has to have the same data key.
    pub(crate) fn add(&mut self, file: &EncryptedFile, opened: &Opened) {
        for visit in opened.visits.iter().filter(|visit| visit.encrypted) {
            let leaf = &file.document.leaves[visit.id];
            let value = opened.values[visit.id].clone();
            if !cipher::is_ciphertext(leaf.value.as_bytes()) || value == leaf.value {
                continue;
            }
            let raw = Zeroizing::new(file.document.raw(leaf).to_owned());
            let written = opened.written[visit.id].clone();
            let kept = Kept { value, raw, is_comment: leaf.is_comment, written };
            self.0.entry(visit.data.clone()).or_default().push(kept);
        }
        for kept in self.0.values_mut() {
            kept.reverse();
        }
    }

    /// Takes a ciphertext out for a leaf of a plain document: of a value that is written as this one, or
    /// of an equal one. None is used twice, so that equal values of a list do not show as equal.
    pub(crate) fn take(&mut self, document: &Document, leaf: &Leaf, visit: &Visit) -> Option<Kept> {
        let kept = self.0.get_mut(&visit.data).filter(|_| visit.encrypted)?;
        let source = document.source(leaf);
        let same_text = |kept: &Kept| {
            kept.written.as_ref().is_some_and(|written| written.trim_start() == source.trim_start())
        };
        let fits = |kept: &Kept| kept.is_comment == leaf.is_comment;
        let at = kept
            .iter()
            .rposition(|kept| fits(kept) && same_text(kept))
            .or_else(|| kept.iter().rposition(|kept| fits(kept) && kept.value == leaf.value))?;
        Some(kept.remove(at))
    }
}

impl EncryptedFile {
    /// Returns the file with `plain` as its content, last modified `now`: values that did not change keep
    /// their ciphertexts to the byte, so that a diff shows what was edited, the time and the code. If
    /// nothing changed, it is the file's own text.
    ///
    /// # Errors
    ///
    /// As [`EncryptedFile::decrypt`] and [`encrypt`](crate::encrypt()).
    pub fn reencrypt(
        &self,
        plain: &[u8],
        unlock: &dyn Unlock,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<String, SopsError> {
        let opened = self.open(unlock)?;
        self.reencrypt_opened(plain, &opened, now, entropy)
    }

    pub(crate) fn reencrypt_opened(
        &self,
        plain: &[u8],
        opened: &Opened,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<String, SopsError> {
        let mut pool = Pool::of(self, opened);
        self.reencrypt_with(plain, &opened.key, &mut pool, now, entropy)
    }

    /// Returns the file with `plain` as its content, with ciphertexts of `pool`.
    pub(crate) fn reencrypt_with(
        &self,
        plain: &[u8],
        key: &DataKey,
        pool: &mut Pool,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<String, SopsError> {
        let document = plain_document(plain, self.format)?;
        check_names(&document)?;
        let sealing = self.sealing(&document, key);
        let body = sealing.encrypt(pool, entropy)?;
        if *edited(&document.text, body.edits.clone()) == *self.body() {
            return Ok(self.text().to_owned());
        }
        sealing.finish(body, Some(&self.block), &self.metadata.tree, now, entropy)
    }

    fn sealing<'s>(&'s self, document: &'s Document, key: &'s DataKey) -> Sealing<'s> {
        Sealing {
            document,
            selection: &self.metadata.selection,
            mac_only_encrypted: self.metadata.mac_only_encrypted,
            key,
        }
    }

    /// Returns the file with `value` at `path` of its first document, last modified `now`. A key that is
    /// not there is added behind its siblings, with the maps on the way.
    ///
    /// # Errors
    ///
    /// As [`EncryptedFile::reencrypt`], and with [`SopsError::CannotSet`] if nothing can be at `path`.
    pub fn set(
        &self,
        path: &KeyPath,
        value: &Tree,
        unlock: &dyn Unlock,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<String, SopsError> {
        let opened = self.open(unlock)?;
        let plain = edit::set(plain_str(&opened.plain)?, self.format, path, value)?;
        self.reencrypt_opened(plain.as_bytes(), &opened, now, entropy)
    }

    /// Returns the file without what is at `path` of its first document, last modified `now`.
    ///
    /// # Errors
    ///
    /// As [`EncryptedFile::reencrypt`], and with [`SopsError::NoSuchKey`] if nothing is there.
    pub fn unset(
        &self,
        path: &KeyPath,
        unlock: &dyn Unlock,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<String, SopsError> {
        let opened = self.open(unlock)?;
        let plain = edit::unset(plain_str(&opened.plain)?, self.format, path)?;
        self.reencrypt_opened(plain.as_bytes(), &opened, now, entropy)
    }

    /// Returns the file with a new data key for the same recipients: every value is encrypted anew.
    ///
    /// # Errors
    ///
    /// As [`EncryptedFile::decrypt`], and with [`SopsError::ForeignKeys`] if the data key would have to be
    /// wrapped for keys that are not age's.
    pub fn rotate_data_key(
        &self,
        unlock: &dyn Unlock,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<String, SopsError> {
        self.rekeyed(&self.recipients()?, unlock, now, entropy)
    }

    /// Returns the recipients of the file.
    ///
    /// # Errors
    ///
    /// With [`SopsError::Recipient`] if one of them is of a kind that nothing can be encrypted for, such as
    /// a plugin's.
    pub fn recipients(&self) -> Result<Vec<Recipient>, SopsError> {
        Ok(self
            .metadata
            .age
            .iter()
            .map(|entry| entry.recipient.parse())
            .collect::<Result<_, _>>()?)
    }

    /// Returns the file for `recipients` as well, last modified as before: their copies of the data key are
    /// added, and nothing else changes. It is the file's own text if they are recipients already.
    ///
    /// # Errors
    ///
    /// As [`EncryptedFile::decrypt`].
    pub fn add_recipients(
        &self,
        recipients: &[Recipient],
        unlock: &dyn Unlock,
    ) -> Result<String, SopsError> {
        let key = self.open(unlock)?.key;
        let known: Vec<Recipient> =
            self.metadata.age.iter().filter_map(|entry| entry.recipient.parse().ok()).collect();
        let new: Vec<_> = recipients.iter().filter(|new| !known.contains(new)).cloned().collect();
        if new.is_empty() {
            return Ok(self.text().to_owned());
        }
        let age: Vec<AgeEntry> =
            self.metadata.age.iter().cloned().chain(wrap_all(&key, &new)?).collect();
        self.with_metadata(&with_age(&self.metadata.tree, &age))
    }

    /// Returns the file with other metadata but the same time and code.
    fn with_metadata(&self, tree: &Tree) -> Result<String, SopsError> {
        let body = self.body();
        let document = Document::parse(body.as_bytes(), self.format)?;
        let seal = crate::metadata::Seal {
            block: None,
            tree,
            last_modified: &self.metadata.last_modified,
            mac: self.metadata.mac.as_deref().unwrap_or_default(),
        };
        Ok(std::mem::take(&mut *edited(&body, seal.edits(&document)?)))
    }

    /// Returns the file without `recipients`, last modified `now`, with a new data key: those who could
    /// read it until now know the old one.
    ///
    /// # Errors
    ///
    /// As [`EncryptedFile::rotate_data_key`]; with [`SopsError::NotARecipient`] if one of them is none, and
    /// with [`SopsError::NoRecipients`] if nobody were left.
    pub fn remove_recipients(
        &self,
        recipients: &[Recipient],
        unlock: &dyn Unlock,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<String, SopsError> {
        let known = self.recipients()?;
        if let Some(stranger) = recipients.iter().find(|recipient| !known.contains(recipient)) {
            return Err(SopsError::NotARecipient(stranger.to_string()));
        }
        let left: Vec<_> = known.into_iter().filter(|known| !recipients.contains(known)).collect();
        self.rekeyed(&left, unlock, now, entropy)
    }

    /// Returns the file for exactly `recipients`: unchanged if it is for them already, with copies of the
    /// data key added if nobody goes, and with a new data key otherwise.
    ///
    /// # Errors
    ///
    /// As [`EncryptedFile::add_recipients`] and [`EncryptedFile::remove_recipients`].
    pub fn set_recipients(
        &self,
        recipients: &[Recipient],
        unlock: &dyn Unlock,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<String, SopsError> {
        if self.recipients()?.iter().all(|known| recipients.contains(known)) {
            return self.add_recipients(recipients, unlock);
        }
        self.rekeyed(recipients, unlock, now, entropy)
    }

    /// Returns the file under a new data key for `recipients`.
    pub(crate) fn rekeyed(
        &self,
        recipients: &[Recipient],
        unlock: &dyn Unlock,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<String, SopsError> {
        if recipients.is_empty() {
            return Err(SopsError::NoRecipients);
        }
        if !self.metadata.foreign.is_empty() {
            let foreign = self.metadata.foreign.iter().map(ForeignKey::shown).collect();
            return Err(SopsError::ForeignKeys(foreign));
        }
        let opened = self.open(unlock)?;
        let key = DataKey::generate(entropy)?;
        let tree = with_age(&self.metadata.tree, &wrap_all(&key, recipients)?);
        let document = plain_document(opened.plain.text(), self.format)?;
        let sealing = self.sealing(&document, &key);
        let body = sealing.encrypt(&mut Pool::default(), entropy)?;
        sealing.finish(body, None, &tree, now, entropy)
    }
}
