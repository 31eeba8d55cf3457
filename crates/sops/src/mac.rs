//! The authentication code over all values of a file.

use sha2::{Digest, Sha512};

use crate::value::Value;

/// What the digest starts with when it covers encrypted values only (SHA-256 of `sops`), so that
/// switching the rule is noticed.
const ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b,
    0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// Computes the code over values in the order of the file.
pub(crate) struct Mac {
    digest: Sha512,
    only_encrypted: bool,
}

impl Mac {
    pub(crate) fn new(only_encrypted: bool) -> Self {
        let mut digest = Sha512::new();
        if only_encrypted {
            digest.update(ONLY_ENCRYPTED);
        }
        Self { digest, only_encrypted }
    }

    pub(crate) fn add(&mut self, value: &Value, encrypted: bool) {
        if encrypted || !self.only_encrypted {
            self.digest.update(value.as_bytes());
        }
    }

    /// Returns the code in upper-case hexadecimal digits, as it is encrypted.
    pub(crate) fn finish(self) -> String {
        self.digest.finalize().iter().map(|byte| format!("{byte:02X}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::Sha256;

    #[test]
    fn the_start_of_a_partial_code_is_the_digest_of_the_word() {
        assert_eq!(Sha256::digest("sops").as_slice(), ONLY_ENCRYPTED);
    }

    #[test]
    fn the_code_is_the_digest_of_the_values_end_to_end() {
        let mut mac = Mac::new(false);
        mac.add(&Value::text("ab"), true);
        mac.add(&Value::integer(12), false);
        let whole: String = Sha512::digest("ab12").iter().map(|b| format!("{b:02X}")).collect();
        assert_eq!(mac.finish(), whole);
    }
}
