//! The kinds of files that SOPS writes.

/// How a file is written; SOPS tells by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML, also with several documents.
    Yaml,
    /// JSON, one object.
    Json,
    /// `KEY=value` lines; `\n` in a value is a line break.
    Dotenv,
    /// `[section]` and `key = value`, as `go-ini` reads them.
    Ini,
    /// Any bytes, encrypted as one value inside a JSON object.
    Binary,
}

impl Format {
    /// Returns the format of a file called `name`: by the end of the name, as SOPS decides it, and
    /// [`Format::Binary`] for whatever has no end that is known.
    pub fn of_name(name: &str) -> Self {
        let ends = |end: &str| name.ends_with(end);
        match () {
            () if ends(".yaml") || ends(".yml") => Self::Yaml,
            () if ends(".json") => Self::Json,
            () if ends(".env") => Self::Dotenv,
            () if ends(".ini") => Self::Ini,
            () => Self::Binary,
        }
    }

    /// Returns the word for the format that SOPS takes on its command line, such as `dotenv`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Dotenv => "dotenv",
            Self::Ini => "ini",
            Self::Binary => "binary",
        }
    }

    /// Returns the format that [`Format::name`] calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Yaml, Self::Json, Self::Dotenv, Self::Ini, Self::Binary]
            .into_iter()
            .find(|format| format.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_decides() {
        let cases = [
            ("secrets.yaml", Format::Yaml),
            ("a.enc.yml", Format::Yaml),
            ("a.json", Format::Json),
            (".env", Format::Dotenv),
            ("prod.env", Format::Dotenv),
            (".env.prod", Format::Binary),
            ("php.ini", Format::Ini),
            ("id_ed25519", Format::Binary),
            ("A.YAML", Format::Binary),
        ];
        for (name, format) in cases {
            assert_eq!(Format::of_name(name), format, "{name}");
        }
    }

    #[test]
    fn every_name_leads_back_to_its_format() {
        for name in ["yaml", "json", "dotenv", "ini", "binary"] {
            assert_eq!(Format::from_name(name).map(Format::name), Some(name));
        }
        assert_eq!(Format::from_name("toml"), None);
    }
}
