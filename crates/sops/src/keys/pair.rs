//! New keys.

use std::fmt;

use age::secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::recipient::Recipient;

/// A new key and its recipient; the secret is zeroized when dropped and never shown by `Debug`.
pub struct KeyPair {
    secret: Zeroizing<String>,
    recipient: Recipient,
}

impl KeyPair {
    /// Returns a new X25519 key pair, from the random numbers of the operating system.
    pub fn generate() -> Self {
        let identity = age::x25519::Identity::generate();
        let secret = Zeroizing::new(identity.to_string().expose_secret().to_owned());
        Self { secret, recipient: Recipient::of_x25519(identity.to_public()) }
    }

    /// Returns the secret key: `AGE-SECRET-KEY-1…`.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Returns whom to encrypt for, so that the secret key decrypts it.
    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({}, redacted)", self.recipient)
    }
}
