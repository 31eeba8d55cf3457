//! What `ssh -G` prints, one option a line.

use std::collections::HashMap;

/// The options of one host, by their names in lower case; an option may be there several times.
#[derive(Debug, Default)]
pub(super) struct Dump<'a> {
    options: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Dump<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let mut options: HashMap<_, Vec<_>> = HashMap::new();
        for line in text.lines() {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            options.entry(key).or_default().push(value.trim());
        }
        Self { options }
    }

    /// Returns whether an option is there, though it be `none`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.options.contains_key(key)
    }

    /// Returns the first value of an option; `none` is no value.
    pub(super) fn value(&self, key: &str) -> Option<&'a str> {
        let value = self.options.get(key)?.first()?;
        (!value.is_empty() && !value.eq_ignore_ascii_case("none")).then_some(*value)
    }

    /// Returns all values of an option; one `none` is no value.
    pub(super) fn values(&self, key: &str) -> Vec<&'a str> {
        let values = self.options.get(key).map_or(&[][..], Vec::as_slice);
        values.iter().copied().filter(|value| !value.eq_ignore_ascii_case("none")).collect()
    }

    /// Returns the names of a list with commas.
    pub(super) fn names(&self, key: &str) -> Vec<String> {
        let names = self.value(key).unwrap_or_default().split(',');
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// Returns whether an option is on; the words are those of ssh_config(5) and of `ssh -G`.
    pub(super) fn is_on(&self, key: &str) -> bool {
        matches!(self.value(key), Some("yes" | "true"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_one_value_several_or_none() {
        let dump = Dump::parse(
            "port 22\nidentityfile a b\nidentityfile c\nproxyjump none\nmacs x,y\nhashknownhosts yes\npubkeyauthentication true\nempty\n",
        );
        assert_eq!(dump.value("port"), Some("22"));
        assert_eq!(dump.values("identityfile"), ["a b", "c"]);
        assert_eq!(dump.value("proxyjump"), None);
        assert_eq!(dump.value("empty"), None);
        assert_eq!(dump.names("macs"), ["x", "y"]);
        assert!(dump.is_on("hashknownhosts") && dump.is_on("pubkeyauthentication"));
        assert!(!dump.is_on("port") && !dump.is_on("nothing"));
    }
}
