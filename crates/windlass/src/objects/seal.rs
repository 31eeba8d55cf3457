//! Objects with secrets: encrypted at rest, under names that give nothing away.
//!
//! ```text
//! "WLsealed" · key id, 8 bytes · AES-256-GCM of the content · tag, 16 bytes
//! ```
//!
//! Each object is encrypted with a key and a nonce of its own, derived from the [`ObjectKey`] and the
//! object's name. The name is a keyed digest of the content (or the digest of a text that holds such a
//! key), so that one key and nonce never meet two contents, whatever the clock and the random source
//! do; and whoever puts the same content again puts the same bytes. The name is authenticated: an
//! object under another's name does not open. The content is not compressed: its length would tell
//! something of what is in it.

use std::fmt;
use std::io;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use windlass_core::digest::Digest;
use zeroize::{Zeroize, Zeroizing};

/// What a sealed object begins with; no zstd frame does.
const MAGIC: &[u8; 8] = b"WLsealed";
/// The length of what stands before the ciphertext.
pub(super) const HEADER: usize = MAGIC.len() + 8;

const OBJECT_KEYS: &str = "windlass 2026-11 sealed objects";

/// What the objects of an environment that hold secrets are encrypted with.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectKey(Zeroizing<[u8; 32]>);

/// Which key an object was sealed with: it says nothing of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyId([u8; 8]);

/// An object was sealed with a key that is not there.
#[derive(Debug, thiserror::Error)]
#[error(
    "object {object} holds secrets and is sealed with the key {id}, which is not there: unlock the secrets of its environment"
)]
pub struct Locked {
    /// The object.
    pub object: Digest,
    /// The digits of the key's id.
    pub id: String,
}

impl ObjectKey {
    /// Returns the key that `material` gives, which must hold 256 bits of chance.
    #[must_use]
    pub fn derive(material: &[u8]) -> Self {
        Self(Zeroizing::new(blake3::derive_key(OBJECT_KEYS, material)))
    }

    pub(super) fn id(&self) -> KeyId {
        let mut id = [0; 8];
        id.copy_from_slice(&blake3::keyed_hash(&self.0, b"id").as_bytes()[..8]);
        KeyId(id)
    }

    /// Returns the cipher and the nonce of the object `name`.
    fn cipher(&self, name: &Digest) -> (Aes256Gcm, [u8; 12]) {
        let mut derived = Zeroizing::new([0; 44]);
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(b"object").update(name.as_bytes());
        hasher.finalize_xof().fill(&mut *derived);
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&derived[32..]);
        let cipher = Aes256Gcm::new_from_slice(&derived[..32]).expect("the key has 32 bytes");
        (cipher, nonce)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Returns `content` sealed as the object `name`.
pub(super) fn seal(key: &ObjectKey, name: &Digest, content: &[u8]) -> io::Result<Vec<u8>> {
    let (cipher, nonce) = key.cipher(name);
    let payload = Payload { msg: content, aad: name.as_bytes() };
    let sealed = cipher
        .encrypt(&nonce.into(), payload)
        .map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "too long to be sealed"))?;
    let mut bytes = Vec::with_capacity(HEADER + sealed.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&key.id().0);
    bytes.extend_from_slice(&sealed);
    Ok(bytes)
}

/// Returns the id of the key that an object beginning with `head` is sealed with; nothing where it is
/// not sealed.
pub(super) fn sealed_with(head: &[u8]) -> Option<KeyId> {
    let id = head.strip_prefix(MAGIC)?.get(..8)?;
    Some(KeyId(id.try_into().expect("eight bytes were taken")))
}

/// Returns the content of the object `name`, stored as `bytes`.
///
/// # Errors
/// `PermissionDenied`, with [`Locked`] in it, when the key is none of `keys`; `InvalidData` when
/// anything about it was changed, and then not one byte of the content.
pub(super) fn open(keys: &[ObjectKey], name: &Digest, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let invalid = || {
        let message = format!("object {name} is corrupt: it was changed after it was sealed");
        io::Error::new(io::ErrorKind::InvalidData, message)
    };
    let id = sealed_with(bytes).ok_or_else(invalid)?;
    let Some(key) = keys.iter().find(|key| key.id() == id) else {
        let locked = Locked { object: *name, id: id.to_string() };
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, locked));
    };
    let (cipher, nonce) = key.cipher(name);
    let payload = Payload { msg: &bytes[HEADER..], aad: name.as_bytes() };
    cipher.decrypt(&nonce.into(), payload).map_err(|_| invalid())
}

/// Tells whether `error` is that of an object whose key is not there.
#[must_use]
pub fn is_locked(error: &io::Error) -> bool {
    let locked = error.get_ref().and_then(|inner| inner.downcast_ref::<Locked>());
    locked.is_some()
}

/// Content in the clear, wiped when it is dropped.
pub(super) struct Cleared {
    content: Vec<u8>,
    read: usize,
}

impl Cleared {
    pub(super) const fn new(content: Vec<u8>) -> Self {
        Self { content, read: 0 }
    }
}

impl io::Read for Cleared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&self.content[self.read..]).read(buffer)?;
        self.read += count;
        Ok(count)
    }
}

impl Drop for Cleared {
    fn drop(&mut self) {
        self.content.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> ObjectKey {
        ObjectKey::derive(&[seed; 32])
    }

    #[test]
    fn what_was_sealed_opens_with_its_key_and_under_its_name_only() {
        let name = Digest::of(b"name");
        let sealed = seal(&key(1), &name, b"hunter2").expect("sealed");
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        assert_eq!(sealed, seal(&key(1), &name, b"hunter2").expect("sealed"));
        assert_eq!(open(&[key(2), key(1)], &name, &sealed).expect("opens"), b"hunter2");
        let locked = open(&[key(2)], &name, &sealed).expect_err("another key");
        assert!(is_locked(&locked) && !locked.to_string().contains("hunter2"));
        let moved = open(&[key(1)], &Digest::of(b"other"), &sealed).expect_err("another name");
        assert_eq!(moved.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn one_changed_bit_or_missing_byte_gives_nothing() {
        let name = Digest::of(b"name");
        let sealed = seal(&key(1), &name, b"hunter2").expect("sealed");
        for at in 0..sealed.len() {
            assert!(open(&[key(1)], &name, &sealed[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert!(open(&[key(1)], &name, &changed).is_err(), "bit {bit} of {at}");
            }
        }
    }

    #[test]
    fn two_names_share_no_keystream() {
        let one = seal(&key(1), &Digest::of(b"1"), &[0; 64]).expect("sealed");
        let two = seal(&key(1), &Digest::of(b"2"), &[0; 64]).expect("sealed");
        assert_ne!(one[HEADER..], two[HEADER..]);
    }
}
