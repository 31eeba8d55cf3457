//! The formats that configuration is written in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A format that configuration is read from and written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// YAML 1.2, core schema, one document.
    Yaml,
    /// TOML 1.
    Toml,
    /// JSON (RFC 8259), without comments or trailing commas.
    Json,
}

/// The text names no [`Format`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format {0:?}: use yaml, toml or json")]
pub struct UnknownFormat(pub String);

impl Format {
    /// Every format by its name.
    pub const NAMES: [(&'static str, Self); 3] =
        [("yaml", Self::Yaml), ("toml", Self::Toml), ("json", Self::Json)];

    /// Returns the format that the extension of `path` stands for (`yaml`, `yml`, `toml`, `json`,
    /// in any case), or nothing.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next()?;
        let (stem, extension) = name.rsplit_once('.')?;
        if stem.is_empty() {
            return None;
        }
        extension.to_ascii_lowercase().parse().ok()
    }

    /// Returns its name, which is also its usual extension.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Toml => "toml",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "yaml" | "yml" => Ok(Self::Yaml),
            "toml" => Ok(Self::Toml),
            "json" => Ok(Self::Json),
            _ => Err(UnknownFormat(text.chars().take(40).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_name_formats() {
        assert_eq!(Format::from_path("config/app.yaml"), Some(Format::Yaml));
        assert_eq!(Format::from_path("a.b.YML"), Some(Format::Yaml));
        assert_eq!(Format::from_path("windlass.toml"), Some(Format::Toml));
        assert_eq!(Format::from_path("x/schema.json"), Some(Format::Json));
        for none in ["app", "yaml", ".json", "conf.json/app", "app.yaml.j2", ""] {
            assert_eq!(Format::from_path(none), None, "{none}");
        }
    }

    #[test]
    fn names_round_trip() {
        for format in [Format::Yaml, Format::Toml, Format::Json] {
            assert_eq!(format.to_string().parse(), Ok(format));
            let json = serde_json::to_string(&format).expect("serializes");
            assert_eq!(json, format!("\"{format}\""));
        }
        let error = "ini".parse::<Format>().expect_err("unknown");
        assert_eq!(error.to_string(), "unknown format \"ini\": use yaml, toml or json");
    }
}
