//! `ENC[AES256_GCM,…]`: one value, encrypted.

use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{AeadInPlace, KeyInit};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce, Tag};
use base64::engine::general_purpose::STANDARD;
use base64::{DecodeSliceError, Engine};
use zeroize::Zeroizing;

use crate::entropy::{Entropy, EntropyError};
use crate::error::Problem;
use crate::keys::data_key::DataKey;
use crate::value::{Value, of_type};

const START: &str = "ENC[AES256_GCM,";
const NONCE_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
/// Room for a nonce that is longer than it should be.
const NONCE_ROOM: usize = 96;
/// SOPS's word for the type of a comment.
pub(crate) const COMMENT: &str = "comment";

/// Encrypts and decrypts under one data key, whose schedule is computed once.
pub(crate) struct Cipher(AesGcm<Aes256, U32>);

/// A ciphertext and its parts; borrowed from the text that it was found in.
struct Parts<'t> {
    data: &'t str,
    nonce: &'t str,
    tag: &'t str,
    kind: &'t str,
}

/// Returns whether `text` is meant as a ciphertext, well-formed or not.
pub(crate) fn is_ciphertext(text: &[u8]) -> bool {
    text.starts_with(START.as_bytes())
}

/// Returns the type that the ciphertext `text` says it has.
pub(crate) fn type_of(text: &str) -> Option<&str> {
    split(text).map(|parts| parts.kind)
}

impl Cipher {
    pub(crate) fn new(key: &DataKey) -> Self {
        Self(AesGcm::new(key.bytes().into()))
    }

    /// Returns the value that `text` holds for the key with these additional data.
    pub(crate) fn decrypt(&self, text: &str, data: &str) -> Result<Value, Problem> {
        let (bytes, kind) = self.open(text, data)?;
        of_type(kind, bytes).ok_or(Problem::WrongType)
    }

    /// Returns the comment that `text` holds.
    pub(crate) fn decrypt_comment(&self, text: &str, data: &str) -> Result<Value, Problem> {
        let (bytes, kind) = self.open(text, data)?;
        let fits = matches!(kind, COMMENT | "str") && std::str::from_utf8(&bytes).is_ok();
        if fits { of_type("str", bytes).ok_or(Problem::WrongType) } else { Err(Problem::WrongType) }
    }

    fn open<'t>(
        &self,
        text: &'t str,
        data: &str,
    ) -> Result<(Zeroizing<Vec<u8>>, &'t str), Problem> {
        let parts = split(text).ok_or(Problem::MalformedCiphertext("a part of it is missing"))?;
        let (mut nonce, mut tag) = ([0; NONCE_ROOM], [0; NONCE_ROOM]);
        let nonce = decode_short(parts.nonce, &mut nonce, "its nonce is not base64")?;
        let tag = decode_short(parts.tag, &mut tag, "its tag is not base64")?;
        let mut bytes = Zeroizing::new(decode(parts.data, "its data are not base64")?);
        if nonce.len() != NONCE_BYTES {
            return Err(Problem::NonceLength(nonce.len()));
        }
        if tag.len() != TAG_BYTES {
            return Err(Problem::MalformedCiphertext("its tag has not 16 bytes"));
        }
        let (nonce, tag) = (Nonce::from_slice(nonce), Tag::from_slice(tag));
        self.0
            .decrypt_in_place_detached(nonce, data.as_bytes(), &mut bytes, tag)
            .map_err(|_| Problem::NotAuthentic)?;
        Ok((bytes, parts.kind))
    }

    /// Returns `bytes` encrypted for the key with these additional data.
    pub(crate) fn encrypt(
        &self,
        bytes: &[u8],
        kind: &str,
        data: &str,
        entropy: &mut dyn Entropy,
    ) -> Result<String, EntropyError> {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce)?;
        let mut bytes = Zeroizing::new(bytes.to_vec());
        let tag = self
            .0
            .encrypt_in_place_detached(Nonce::from_slice(&nonce), data.as_bytes(), &mut bytes)
            .expect("a value in memory is shorter than the 64 GiB that AES-GCM encrypts");
        let (data, nonce, tag) =
            (STANDARD.encode(&*bytes), STANDARD.encode(nonce), STANDARD.encode(tag));
        Ok(format!("{START}data:{data},iv:{nonce},tag:{tag},type:{kind}]"))
    }
}

fn split(text: &str) -> Option<Parts<'_>> {
    let inner = text.strip_prefix(START)?.strip_suffix(']')?;
    let (data, rest) = inner.strip_prefix("data:")?.split_once(",iv:")?;
    let (nonce, rest) = rest.split_once(",tag:")?;
    let (tag, kind) = rest.split_once(",type:")?;
    Some(Parts { data, nonce, tag, kind })
}

/// Returns bytes without asking for memory, where they are as few as they should be.
fn decode_short<'b>(
    text: &str,
    bytes: &'b mut [u8; NONCE_ROOM],
    problem: &'static str,
) -> Result<&'b [u8], Problem> {
    match STANDARD.decode_slice(text, bytes) {
        Ok(length) => Ok(&bytes[..length]),
        Err(DecodeSliceError::OutputSliceTooSmall) => {
            Err(Problem::NonceLength(decode(text, problem)?.len()))
        }
        Err(DecodeSliceError::DecodeError(_)) => Err(Problem::MalformedCiphertext(problem)),
    }
}

fn decode(text: &str, problem: &'static str) -> Result<Vec<u8>, Problem> {
    STANDARD.decode(text).map_err(|_| Problem::MalformedCiphertext(problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::value::Kind;

    fn cipher() -> Cipher {
        Cipher::new(&DataKey::new([7; 32]))
    }

    fn sealed(bytes: &[u8], kind: &str) -> String {
        cipher().encrypt(bytes, kind, "a:b:", &mut SystemEntropy).expect("random bytes")
    }

    #[test]
    fn what_is_encrypted_is_decrypted_for_its_own_key_only() {
        let text = sealed(b"hunter2", "str");
        assert_eq!(cipher().decrypt(&text, "a:b:"), Ok(Value::text("hunter2")));
        assert_eq!(cipher().decrypt(&text, "a:c:"), Err(Problem::NotAuthentic));
        let other = Cipher::new(&DataKey::new([8; 32]));
        assert_eq!(other.decrypt(&text, "a:b:"), Err(Problem::NotAuthentic));
    }

    #[test]
    fn types_come_back() {
        let value = cipher().decrypt(&sealed(b"17", "int"), "a:b:").expect("it decrypts");
        assert_eq!((value.kind(), value.as_bytes()), (Kind::Integer, &b"17"[..]));
        assert_eq!(cipher().decrypt(&sealed(b"x", "int"), "a:b:"), Err(Problem::WrongType));
        assert_eq!(cipher().decrypt(&sealed(b"x", "what"), "a:b:"), Err(Problem::WrongType));
    }

    #[test]
    fn a_nonce_or_tag_of_another_length_is_refused_by_name() {
        let text = sealed(b"hunter2", "str");
        for length in [0, 1, 7, 12, 16, 31, 33, 64] {
            let (start, rest) = text.split_once("iv:").expect("a nonce");
            let (_, end) = rest.split_once(",tag").expect("a tag");
            let other = format!("{start}iv:{},tag{end}", STANDARD.encode(vec![1; length]));
            assert_eq!(cipher().decrypt(&other, "a:b:"), Err(Problem::NonceLength(length)));
        }
        let (start, _) = text.split_once("tag:").expect("a tag");
        let short = format!("{start}tag:AAAA,type:str]");
        assert!(matches!(cipher().decrypt(&short, "a:b:"), Err(Problem::MalformedCiphertext(_))));
    }

    #[test]
    fn no_flipped_bit_and_no_cut_is_accepted() {
        let text = sealed(b"hunter2", "str");
        for at in 0..text.len() {
            assert!(cipher().decrypt(&text[..at], "a:b:").is_err());
            for bit in 0..7 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let flipped = String::from_utf8(bytes).expect("seven bits are ASCII");
                assert!(cipher().decrypt(&flipped, "a:b:").is_err(), "byte {at}, bit {bit}");
            }
        }
    }
}
