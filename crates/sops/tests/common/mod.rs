//! Keys, times and random bytes for tests.
#![allow(dead_code)]

use std::sync::OnceLock;

use windlass_sops::{Entropy, EntropyError, Identities, KeyPair, KeyPath};

/// One key pair for all tests of a file.
pub(crate) fn pair() -> &'static KeyPair {
    static PAIR: OnceLock<KeyPair> = OnceLock::new();
    PAIR.get_or_init(KeyPair::generate)
}

pub(crate) fn keys() -> Identities {
    keys_of(pair())
}

pub(crate) fn keys_of(pair: &KeyPair) -> Identities {
    Identities::parse(pair.secret(), "test").expect("a key")
}

pub(crate) fn at(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_795_000_000 + second).expect("a time")
}

pub(crate) fn path(text: &str) -> KeyPath {
    text.parse().expect("a path")
}

/// Bytes that are different every time and the same in every run.
pub(crate) struct Counter(u64);

pub(crate) fn entropy() -> Counter {
    Counter(1)
}

impl Entropy for Counter {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        for byte in bytes {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        }
        Ok(())
    }
}

/// Other bytes than those of [`entropy`].
pub(crate) fn entropy_from(seed: u64) -> Counter {
    Counter(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}
