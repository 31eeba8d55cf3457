//! Keys in an environment variable.

use std::ffi::OsString;

use windlass_sops::Identities;
use zeroize::Zeroizing;

use super::{FoundKeys, KeySource};

/// The keys that a variable holds; not shown by `Debug`.
pub struct VariableKey {
    name: &'static str,
    value: Option<Zeroizing<Vec<u8>>>,
}

impl VariableKey {
    /// Returns the keys in `value`, which the variable `name` has.
    #[must_use]
    pub fn new(name: &'static str, value: Option<OsString>) -> Self {
        Self { name, value: value.map(|value| Zeroizing::new(value.into_encoded_bytes())) }
    }
}

impl KeySource for VariableKey {
    fn place(&self) -> String {
        self.name.to_owned()
    }

    fn keys(&self) -> Result<FoundKeys, String> {
        let value = self.value.as_ref().ok_or("not set")?;
        let text = std::str::from_utf8(value).map_err(|_| "not UTF-8")?;
        let identities = Identities::parse(text, self.name).map_err(|error| error.to_string())?;
        Ok(FoundKeys { identities, warnings: Vec::new() })
    }
}

impl std::fmt::Debug for VariableKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VariableKey({})", self.name)
    }
}
