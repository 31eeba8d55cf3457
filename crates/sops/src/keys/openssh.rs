//! OpenSSH's private key files, as far as an unencrypted Ed25519 key needs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::identities::IdentityError;
use super::ssh_ed25519::{SshIdentity, SshRecipient};

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// Returns whether `text` is meant as a private key file of SSH.
pub(super) fn is_private_key(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("-----BEGIN ")
        && text.lines().next().is_some_and(|line| line.contains("PRIVATE KEY"))
}

/// Returns the identity in the private key file `text`, which comes from `source`.
pub(super) fn identity(text: &str, source: &str) -> Result<SshIdentity, IdentityError> {
    let error = |problem| IdentityError::SshKey { source_name: source.to_owned(), problem };
    let inner =
        text.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).ok_or_else(
            || error("is not in OpenSSH's format; `ssh-keygen -p -f FILE` rewrites it so"),
        )?;
    let letters = Zeroizing::new(inner.split_ascii_whitespace().collect::<String>());
    let bytes = STANDARD.decode(&*letters).map_err(|_| error("is damaged"))?;
    parse(&Zeroizing::new(bytes)).map_err(error)
}

fn parse(bytes: &[u8]) -> Result<SshIdentity, &'static str> {
    const DAMAGED: &str = "is damaged";
    let rest = bytes.strip_prefix(MAGIC).ok_or(DAMAGED)?;
    let (cipher, rest) = string(rest).ok_or(DAMAGED)?;
    let (_kdf, rest) = string(rest).ok_or(DAMAGED)?;
    let (_options, rest) = string(rest).ok_or(DAMAGED)?;
    let (count, rest) = number(rest).ok_or(DAMAGED)?;
    if count != 1 {
        return Err("holds several keys");
    }
    let (public, rest) = string(rest).ok_or(DAMAGED)?;
    if cipher != b"none" {
        return Err("is protected by a passphrase");
    }
    let public = SshRecipient::from_wire(public.to_vec()).ok_or("is not an Ed25519 key")?;
    let (private, _) = string(rest).ok_or(DAMAGED)?;
    let seed = seed(private).ok_or(DAMAGED)?;
    SshIdentity::new(public, &seed).ok_or("has a private part that is not that of its public part")
}

/// Returns the seed in the private part of a key file.
fn seed(private: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let (first, rest) = number(private)?;
    let (second, rest) = number(rest)?;
    let (name, rest) = string(rest)?;
    let (_public, rest) = string(rest)?;
    let (key, _comment) = string(rest)?;
    let fits = first == second && name == b"ssh-ed25519" && key.len() == 64;
    let seed = fits.then(|| key[..32].try_into().ok()).flatten()?;
    Some(Zeroizing::new(seed))
}

/// Returns the string that SSH's wire format starts with, and what follows.
pub(super) fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = number(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*number), rest))
}
