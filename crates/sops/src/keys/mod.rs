//! Who may read a file: data keys, and the age keys that they are wrapped for.

pub(crate) mod armor;
pub(crate) mod data_key;
pub(crate) mod identities;
mod openssh;
pub(crate) mod pair;
pub(crate) mod recipient;
mod ssh_ed25519;
pub(crate) mod unlock;
