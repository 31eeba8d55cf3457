//! age's `ssh-ed25519` recipients: a file key wrapped for an SSH key.
//!
//! As `age` writes it: the Ed25519 key is moved to Curve25519, and tweaked by a number derived from the
//! SSH key so that nothing but age has a use for the exchange. The `age` crate has this too, together
//! with RSA, which is not wanted here (RUSTSEC-2023-0071).

use std::collections::HashSet;

use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::{aead_decrypt, aead_encrypt, hkdf};
use age_core::secrecy::ExposeSecret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use curve25519_dalek::edwards::CompressedEdwardsY;
use sha2::{Digest, Sha256, Sha512};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

const TAG: &str = "ssh-ed25519";
const LABEL: &[u8] = b"age-encryption.org/v1/ssh-ed25519";

/// A public key of `ssh-ed25519`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SshRecipient {
    /// The key in SSH's wire format.
    wire: Vec<u8>,
    montgomery: [u8; 32],
}

impl SshRecipient {
    /// Returns the recipient of a key in SSH's wire format; nothing if it is no Ed25519 key.
    pub(crate) fn from_wire(wire: Vec<u8>) -> Option<Self> {
        let (name, rest) = super::openssh::string(&wire)?;
        let (key, rest) = super::openssh::string(rest)?;
        if name != TAG.as_bytes() || !rest.is_empty() {
            return None;
        }
        let point = CompressedEdwardsY(key.try_into().ok()?).decompress()?;
        if point.is_small_order() {
            return None;
        }
        let montgomery = point.to_montgomery().to_bytes();
        Some(Self { wire, montgomery })
    }

    pub(crate) fn wire(&self) -> &[u8] {
        &self.wire
    }

    fn tag(&self) -> String {
        STANDARD_NO_PAD.encode(&Sha256::digest(&self.wire)[..4])
    }

    fn tweak(&self) -> StaticSecret {
        hkdf(&self.wire, LABEL, &[]).into()
    }

    /// Returns the key that wraps a file key, from both shares and their shared secret.
    fn wrapping_key(&self, share: &PublicKey, shared: &[u8]) -> Zeroizing<[u8; 32]> {
        let salt = [*share.as_bytes(), self.montgomery].concat();
        Zeroizing::new(hkdf(&salt, LABEL, shared))
    }
}

impl age::Recipient for SshRecipient {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(std::io::Error::other)?;
        let secret = StaticSecret::from(*seed);
        let share = PublicKey::from(&secret);
        let exchanged = secret.diffie_hellman(&PublicKey::from(self.montgomery));
        let shared = self.tweak().diffie_hellman(&PublicKey::from(exchanged.to_bytes()));
        let key = self.wrapping_key(&share, shared.as_bytes());
        let stanza = Stanza {
            tag: TAG.to_owned(),
            args: vec![self.tag(), STANDARD_NO_PAD.encode(share.as_bytes())],
            body: aead_encrypt(&key, file_key.expose_secret()),
        };
        Ok((vec![stanza], HashSet::new()))
    }
}

/// A private key of `ssh-ed25519`.
pub(crate) struct SshIdentity {
    public: SshRecipient,
    secret: StaticSecret,
}

impl SshIdentity {
    /// Returns the identity of the SSH key with this seed.
    pub(crate) fn new(public: SshRecipient, seed: &[u8; 32]) -> Option<Self> {
        let digest = Zeroizing::new(<[u8; 64]>::from(Sha512::digest(seed)));
        let mut scalar = Zeroizing::new([0; 32]);
        scalar.copy_from_slice(&digest[..32]);
        let secret = StaticSecret::from(*scalar);
        let matches = *PublicKey::from(&secret).as_bytes() == public.montgomery;
        matches.then_some(Self { public, secret })
    }

    pub(crate) fn public(&self) -> &SshRecipient {
        &self.public
    }

    fn open(&self, stanza: &Stanza, share: &PublicKey) -> Result<FileKey, DecryptError> {
        let exchanged = self.secret.diffie_hellman(share);
        let shared = self.public.tweak().diffie_hellman(&PublicKey::from(exchanged.to_bytes()));
        let key = self.public.wrapping_key(share, shared.as_bytes());
        let opened = aead_decrypt(&key, FILE_KEY_BYTES, &stanza.body);
        let bytes = Zeroizing::new(opened.map_err(|_| DecryptError::DecryptionFailed)?);
        Ok(FileKey::init_with_mut(|file_key| file_key.copy_from_slice(&bytes)))
    }
}

impl age::Identity for SshIdentity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != TAG || stanza.args.first()? != &self.public.tag() {
            return None;
        }
        let [_, share] = &stanza.args[..] else { return Some(Err(DecryptError::InvalidHeader)) };
        let share = STANDARD_NO_PAD.decode(share).ok().and_then(|bytes| bytes.try_into().ok());
        let Some(share) = share.map(|bytes: [u8; 32]| PublicKey::from(bytes)) else {
            return Some(Err(DecryptError::InvalidHeader));
        };
        Some(self.open(stanza, &share))
    }
}
