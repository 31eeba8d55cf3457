//! Secrets: values that cannot be printed, by name.
//!
//! A [`Secret`] has no `Display` and no `Serialize`, its `Debug` says `[secret]`, and its bytes are
//! wiped when it goes. The only way to them is [`Secret::expose`] and [`Secret::expose_text`]:
//! searching for `expose` finds every place that can leak.
//!
//! ```compile_fail
//! let token = windlass_core::secret::Secret::new("hunter2");
//! println!("{token}"); // no `Display`
//! ```
//! ```compile_fail
//! let token = windlass_core::secret::Secret::new("hunter2");
//! let text = token.to_string(); // no `Display`
//! ```
//! ```compile_fail
//! let token = windlass_core::secret::Secret::new("hunter2");
//! let json = serde_json::to_string(&token); // no `Serialize`
//! ```
//! ```compile_fail
//! let token = windlass_core::secret::Secret::new("hunter2");
//! let copy = token.clone(); // no `Clone`: each copy is one more to wipe
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::config::key;

/// A value that may not be shown: text or bytes.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Returns `value` as a secret. A `String` or a `Vec` is taken over without a copy.
    #[must_use]
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// Returns the bytes, for what must have them: the target's file, the cipher, the last filter.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Returns the text; `None` where the bytes are not UTF-8.
    #[must_use]
    pub fn expose_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Returns the number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there are no bytes in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Compares in a time that depends on the lengths alone.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq::constant_time_eq(&self.0, &other.0)
    }
}

impl Eq for Secret {}

/// The name of a secret: the dotted key of its value in the secrets file, such as `DB_PASSWORD` or
/// `database.password`. It is no secret itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SecretName(String);

/// The text is no name of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the name of a secret: write a dotted key such as `database.password`, without `/`, `\\` and control characters, of at most 256 bytes"
)]
pub struct InvalidSecretName(String);

impl SecretName {
    /// The most bytes of a name.
    pub const MAX_LEN: usize = 256;

    /// Checks `name` and returns it. A key that holds a dot itself is quoted: `tls."server.key"`.
    ///
    /// # Errors
    /// [`InvalidSecretName`] when it is empty or too long, or could be taken for a path.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidSecretName> {
        let name = name.into();
        let allowed = |c: char| !(c.is_control() || matches!(c, '/' | '\\'));
        let segments = key::split(&name).filter(|_| name.len() <= Self::MAX_LEN);
        match segments {
            Some(segments) if segments.iter().all(|s| !s.is_empty() && s.chars().all(allowed)) => {
                Ok(Self(key::join(segments.iter().map(AsRef::as_ref))))
            }
            _ => Err(InvalidSecretName(name.chars().take(80).collect())),
        }
    }

    /// Returns the name of the value that lies under `segments`, outermost first.
    ///
    /// # Errors
    /// As [`SecretName::new`].
    pub fn of_path<'s>(
        segments: impl IntoIterator<Item = &'s str>,
    ) -> Result<Self, InvalidSecretName> {
        Self::new(key::join(segments))
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the keys that lead to it, outermost first.
    #[must_use]
    pub fn segments(&self) -> Vec<Cow<'_, str>> {
        key::split(&self.0).expect("checked when it was made")
    }

    /// Returns what `${…}` and `.j2` templates call it: its keys joined by `__`, with `_` in place of
    /// what no variable may hold. `database.password` is `database__password`.
    #[must_use]
    pub fn variable(&self) -> String {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let word = |segment: Cow<'_, str>| -> String {
            segment.chars().map(|c| if is_word(c) { c } else { '_' }).collect()
        };
        let name = self.segments().into_iter().map(word).collect::<Vec<_>>().join("__");
        if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl std::str::FromStr for SecretName {
    type Err = InvalidSecretName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

/// Two secrets that cannot be told apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SameName {
    /// The same name twice.
    #[error("secret `{0}` is there twice")]
    Twice(SecretName),
    /// Two names that are one variable.
    #[error("secrets `{first}` and `{second}` are both `${{{variable}}}`: rename one of them")]
    Variable {
        /// One of them.
        first: SecretName,
        /// The other.
        second: SecretName,
        /// What both are called in templates.
        variable: String,
    },
    /// A name that is a value and also has values below it.
    #[error("secret `{inner}` lies below `{outer}`, which is a secret itself: rename one of them")]
    Below {
        /// The name that is a value.
        outer: SecretName,
        /// The name below it.
        inner: SecretName,
    },
}

/// What an environment keeps secret, in order of the names; each has one variable.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    values: BTreeMap<SecretName, Secret>,
    variables: BTreeMap<String, SecretName>,
}

impl Secrets {
    /// Returns `secrets` by name.
    ///
    /// # Errors
    /// Each pair that cannot be told apart.
    pub fn new(
        secrets: impl IntoIterator<Item = (SecretName, Secret)>,
    ) -> Result<Self, Vec<SameName>> {
        let mut all = Self::default();
        let mut problems = Vec::new();
        for (name, secret) in secrets {
            all.add(name, secret, &mut problems);
        }
        problems.extend(all.below());
        if problems.is_empty() { Ok(all) } else { Err(problems) }
    }

    /// Returns `secrets` for a filter, which only says their names: the first of each name, whether or
    /// not templates could tell them apart.
    pub fn labelled(secrets: impl IntoIterator<Item = (SecretName, Secret)>) -> Self {
        let mut all = Self::default();
        for (name, secret) in secrets {
            all.values.entry(name).or_insert(secret);
        }
        all
    }

    fn add(&mut self, name: SecretName, secret: Secret, problems: &mut Vec<SameName>) {
        let variable = name.variable();
        match self.variables.get(&variable) {
            Some(first) if *first == name => problems.push(SameName::Twice(name)),
            Some(first) => {
                problems.push(SameName::Variable { first: first.clone(), second: name, variable });
            }
            None => {
                self.variables.insert(variable, name.clone());
                self.values.insert(name, secret);
            }
        }
    }

    fn below(&self) -> Vec<SameName> {
        let mut found = Vec::new();
        for inner in self.values.keys() {
            let segments = inner.segments();
            for length in 1..segments.len() {
                let outer = key::join(segments[..length].iter().map(AsRef::as_ref));
                if let Some((outer, _)) = self.values.get_key_value(&SecretName(outer)) {
                    found.push(SameName::Below { outer: outer.clone(), inner: inner.clone() });
                }
            }
        }
        found
    }

    /// Returns the secret called `name`.
    #[must_use]
    pub fn get(&self, name: &SecretName) -> Option<&Secret> {
        self.values.get(name)
    }

    /// Returns the secret that templates call `variable`, with its name.
    #[must_use]
    pub fn by_variable(&self, variable: &str) -> Option<(&SecretName, &Secret)> {
        self.values.get_key_value(self.variables.get(variable)?)
    }

    /// Returns the names that templates use, in order.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &SecretName)> {
        self.variables.iter().map(|(variable, name)| (variable.as_str(), name))
    }

    /// Returns all of them, in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&SecretName, &Secret)> {
        self.values.iter()
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Tells whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> SecretName {
        SecretName::new(text).expect(text)
    }

    fn secrets(pairs: &[(&str, &str)]) -> Result<Secrets, Vec<SameName>> {
        Secrets::new(pairs.iter().map(|(key, value)| (name(key), Secret::new(*value))))
    }

    /// Fails to compile where the type has the trait: then two functions have the name.
    macro_rules! assert_lacks {
        ($type:ty: $($bound:tt)+) => {{
            trait AmbiguousIf<Which> {
                fn found() {}
            }
            struct Has;
            impl<T: ?Sized> AmbiguousIf<()> for T {}
            impl<T: ?Sized + $($bound)+> AmbiguousIf<Has> for T {}
            <$type as AmbiguousIf<_>>::found();
        }};
    }

    #[test]
    fn a_secret_cannot_be_printed_written_or_copied() {
        assert_lacks!(Secret: fmt::Display);
        assert_lacks!(Secret: Serialize);
        assert_lacks!(Secret: Clone);
        assert_lacks!(Secret: AsRef<[u8]>);
        assert_lacks!(Secret: std::ops::Deref);
        assert_lacks!(Secrets: Serialize);
        assert_lacks!(Secrets: fmt::Display);
    }

    #[test]
    fn debug_says_nothing_of_the_value() {
        let secrets = secrets(&[("DB_PASSWORD", "hunter2")]).expect("told apart");
        let shown = format!("{secrets:?} {:#?} {:?}", secrets, Some(Secret::new("hunter2")));
        assert!(!shown.contains("hunter2") && shown.contains("[secret]"), "{shown}");
    }

    #[test]
    fn equality_is_that_of_the_bytes() {
        assert_eq!(Secret::new("a"), Secret::new(b"a".to_vec()));
        assert_ne!(Secret::new("a"), Secret::new("b"));
        assert_ne!(Secret::new("a"), Secret::new("aa"));
        assert_eq!(Secret::new(vec![0xff]).expose_text(), None);
    }

    #[test]
    fn names_are_dotted_keys_and_never_paths() {
        for good in ["DB_PASSWORD", "database.password", "tls.\"server.key\"", "tokens.0", "ключ"]
        {
            assert_eq!(name(good).as_str(), good);
        }
        let long = "x".repeat(257);
        for bad in ["", ".", "..", "a..b", "../../etc/passwd", "/etc", "a/b", "a\\b", "a\nb", &long]
        {
            let error = SecretName::new(bad).expect_err(bad);
            assert!(error.to_string().contains("is not the name of a secret"));
        }
    }

    #[test]
    fn each_name_is_one_variable() {
        for (text, variable) in [
            ("DB_PASSWORD", "DB_PASSWORD"),
            ("database.password", "database__password"),
            ("tls.\"server.key\"", "tls__server_key"),
            ("tokens.0", "tokens__0"),
            ("0day", "_0day"),
        ] {
            assert_eq!(name(text).variable(), variable);
        }
        let secrets = secrets(&[("b.c", "2"), ("a", "1")]).expect("told apart");
        let (found, secret) = secrets.by_variable("b__c").expect("known");
        assert_eq!((found.as_str(), secret.expose()), ("b.c", &b"2"[..]));
        assert!(secrets.by_variable("b.c").is_none());
    }

    #[test]
    fn names_that_cannot_be_told_apart_are_all_named() {
        let errors = secrets(&[("a.b", "1"), ("a__b", "2"), ("c", "3"), ("c.d", "4"), ("c", "5")])
            .expect_err("three are wrong");
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "secrets `a.b` and `a__b` are both `${a__b}`: rename one of them",
                "secret `c` is there twice",
                "secret `c.d` lies below `c`, which is a secret itself: rename one of them",
            ]
        );
    }
}
