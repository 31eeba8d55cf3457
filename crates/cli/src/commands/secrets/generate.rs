//! Random values.

use windlass::secrets::Secret;
use windlass::sops::{Entropy, EntropyError, SystemEntropy};
use zeroize::Zeroizing;

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The bytes below this are as often each of the letters: 4 times 62.
const FAIR: u8 = 248;

/// Returns `length` letters and digits, each as likely as any other: 5.95 bits each.
pub(super) fn letters(length: u16) -> Result<Secret, EntropyError> {
    let mut letters = Zeroizing::new(Vec::with_capacity(length.into()));
    let mut random = Zeroizing::new([0; 64]);
    while letters.len() < length.into() {
        SystemEntropy.fill(&mut *random)?;
        let left = usize::from(length) - letters.len();
        let fair = random.iter().filter(|byte| **byte < FAIR).take(left);
        letters.extend(fair.map(|byte| LETTERS[usize::from(*byte) % LETTERS.len()]));
    }
    Ok(Secret::new(letters.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_length_and_are_all_different() {
        for length in [8, 63, 64, 65, 4096] {
            let (one, other) = (letters(length).expect("made"), letters(length).expect("made"));
            assert_eq!(one.len(), usize::from(length));
            assert!(one.expose().iter().all(u8::is_ascii_alphanumeric));
            assert_ne!(one, other);
        }
    }
}
