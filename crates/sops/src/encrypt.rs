//! From a text in the clear to a SOPS file.

use jiff::Timestamp;

use crate::cipher::{self, Cipher};
use crate::document::{Document, Findings, Leaf, edited};
use crate::emit;
use crate::encrypted_file::{Edits, plain_document};
use crate::entropy::Entropy;
use crate::error::{Problem, SopsError};
use crate::format::Format;
use crate::keys::armor;
use crate::keys::data_key::DataKey;
use crate::keys::recipient::Recipient;
use crate::mac::Mac;
use crate::metadata::{AgeEntry, Block, PREFIX, SECTION, Seal, fresh};
use crate::reencrypt::Pool;
use crate::rules::{Rules, Selection};
use crate::time;
use crate::value::Kind;
use crate::walk::{Visit, visits};

/// How often a comment is encrypted anew, until no rule about comments matches its ciphertext.
const COMMENT_TRIES: usize = 64;

/// Returns `plain` as a SOPS file for the recipients of `rules`, last modified `now`.
///
/// Comments, order and layout stay; how a value was quoted does not.
///
/// # Errors
///
/// With [`SopsError::NoRecipients`] if nobody could read the file, with [`SopsError::AlreadyEncrypted`]
/// if it is one already, and with [`SopsError::Content`] naming everything that the format cannot hold.
pub fn encrypt(
    plain: &[u8],
    format: Format,
    rules: &Rules,
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<String, SopsError> {
    if rules.recipients.is_empty() {
        return Err(SopsError::NoRecipients);
    }
    let document = plain_document(plain, format)?;
    check_names(&document)?;
    let key = DataKey::generate(entropy)?;
    let age = wrap_all(&key, &rules.recipients)?;
    let tree = fresh(&age, &rules.selection, rules.mac_only_encrypted);
    let sealing = Sealing {
        document: &document,
        selection: &rules.selection,
        mac_only_encrypted: rules.mac_only_encrypted,
        key: &key,
    };
    let body = sealing.encrypt(&mut Pool::default(), entropy)?;
    sealing.finish(body, None, &tree, now, entropy)
}

/// Returns the data key wrapped for each of `recipients`.
pub(crate) fn wrap_all(
    key: &DataKey,
    recipients: &[Recipient],
) -> Result<Vec<AgeEntry>, SopsError> {
    let wrap = |recipient: &Recipient| {
        let error = |source| SopsError::Wrap { recipient: recipient.to_string(), source };
        let wrapped_key = armor::wrap(key, recipient).map_err(error)?;
        Ok(AgeEntry { recipient: recipient.to_string(), wrapped_key })
    };
    let mut unique: Vec<&Recipient> = Vec::new();
    for recipient in recipients {
        if !unique.contains(&recipient) {
            unique.push(recipient);
        }
    }
    unique.into_iter().map(wrap).collect()
}

/// Refuses a text with the names that the metadata have.
pub(crate) fn check_names(document: &Document) -> Result<(), SopsError> {
    let mut findings = Findings::new(&document.text);
    for item in document.roots.iter().flat_map(|root| &root.map.items) {
        let reserved = match document.format {
            Format::Dotenv => item.key.starts_with(PREFIX),
            _ => item.key == SECTION,
        };
        if !reserved {
            continue;
        }
        if is_metadata(document, item) {
            return Err(SopsError::AlreadyEncrypted);
        }
        let path = crate::path::KeyPath::key(item.key.clone());
        findings.add(
            item.range.start..item.range.start + item.key.len(),
            &path,
            Problem::ReservedKey,
        );
    }
    findings.finish(())
}

/// Returns whether an item is what SOPS writes under its reserved name, and not somebody's own.
fn is_metadata(document: &Document, item: &crate::document::Item) -> bool {
    match &item.node {
        crate::document::Node::Collection(map) => map.items.iter().any(|item| item.key == "mac"),
        crate::document::Node::Leaf(id) => {
            item.key == format!("{PREFIX}mac")
                && cipher::is_ciphertext(document.leaves[*id].value.as_bytes())
        }
    }
}

/// A plain document on its way to an encrypted text.
pub(crate) struct Sealing<'s> {
    pub(crate) document: &'s Document,
    pub(crate) selection: &'s Selection,
    pub(crate) mac_only_encrypted: bool,
    pub(crate) key: &'s DataKey,
}

/// What is changed in the text, and the code over the values.
pub(crate) struct Body {
    pub(crate) edits: Edits,
    mac: String,
}

impl Sealing<'_> {
    /// Returns the edits that encrypt every value that the rules say, with ciphertexts of `pool` for
    /// those that are in it.
    pub(crate) fn encrypt(
        &self,
        pool: &mut Pool,
        entropy: &mut dyn Entropy,
    ) -> Result<Body, SopsError> {
        let cipher = Cipher::new(self.key);
        let mut findings = Findings::new(&self.document.text);
        let mut mac = Mac::new(self.mac_only_encrypted);
        let mut edits = Edits::new();
        for visit in visits(self.document, self.selection) {
            let leaf = &self.document.leaves[visit.id];
            let kept = pool.take(self.document, leaf, &visit);
            let value = kept.as_ref().map_or(&leaf.value, |kept| &kept.value);
            if !leaf.is_comment {
                mac.add(value, visit.encrypted);
            }
            if !visit.encrypted || value.is_empty_text() || value.kind() == Kind::Null {
                continue;
            }
            if cipher::is_ciphertext(value.as_bytes()) {
                if !leaf.is_comment {
                    findings.add(leaf.range.clone(), &visit.path, Problem::CiphertextAmongPlain);
                }
                continue;
            }
            let text = match kept {
                Some(kept) => kept.raw,
                None => self.ciphertext(&cipher, leaf, &visit, entropy)?,
            };
            edits.extend(Document::replace(leaf, text));
        }
        findings.finish(Body { edits, mac: mac.finish() })
    }

    fn ciphertext(
        &self,
        cipher: &Cipher,
        leaf: &Leaf,
        visit: &Visit,
        entropy: &mut dyn Entropy,
    ) -> Result<zeroize::Zeroizing<String>, SopsError> {
        let kind =
            if leaf.is_comment { Some(cipher::COMMENT) } else { leaf.value.kind().sops_type() };
        let kind = kind.expect("null is never encrypted");
        let mut text = cipher.encrypt(leaf.value.as_bytes(), kind, &visit.data, entropy)?;
        for _ in 0..COMMENT_TRIES {
            if !(leaf.is_comment && self.matches_comment(&text)) {
                break;
            }
            text = cipher.encrypt(leaf.value.as_bytes(), kind, &visit.data, entropy)?;
        }
        if leaf.is_comment && self.matches_comment(&text) {
            let problem = "matches the ciphertext of every comment".to_owned();
            return Err(SopsError::Metadata { field: self.selection.field().to_owned(), problem });
        }
        Ok(emit::ciphertext(self.document.format, leaf, text))
    }

    /// Returns whether a rule about comments would take the ciphertext `text` for its own.
    fn matches_comment(&self, text: &str) -> bool {
        match self.selection {
            Selection::UnencryptedCommentRegex(pattern)
            | Selection::EncryptedCommentRegex(pattern) => pattern.is_match(text),
            _ => false,
        }
    }

    /// Returns the text with its metadata.
    pub(crate) fn finish(
        &self,
        body: Body,
        block: Option<&Block>,
        tree: &crate::tree::Tree,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<String, SopsError> {
        let last_modified = time::last_modified(now);
        let cipher = Cipher::new(self.key);
        let mac = cipher.encrypt(body.mac.as_bytes(), "str", &last_modified, entropy)?;
        let seal = Seal { block, tree, last_modified: &last_modified, mac: &mac };
        let mut edits = body.edits;
        let metadata = seal.edits(self.document)?;
        edits.extend(metadata);
        Ok(std::mem::take(&mut *edited(&self.document.text, edits)))
    }
}
