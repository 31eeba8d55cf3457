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
    /// `.env`: lines of `KEY=value`. It is only read.
    Env,
}

/// The text names no [`Format`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format {0:?}: use yaml, toml, json or env")]
pub struct UnknownFormat(pub String);

impl Format {
    /// Every format by its name.
    pub const NAMES: [(&'static str, Self); 4] =
        [("yaml", Self::Yaml), ("toml", Self::Toml), ("json", Self::Json), ("env", Self::Env)];

    /// Returns the format that the name of the file at `path` stands for, or nothing: the extension
    /// `yaml`, `yml`, `toml`, `json` or `env`, in any case, and `.env` with anything after it.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next()?.to_ascii_lowercase();
        let (stem, extension) = name.rsplit_once('.')?;
        match extension.parse() {
            Ok(Self::Env) => Some(Self::Env),
            Ok(_) if stem.is_empty() => None,
            Ok(format) => Some(format),
            Err(_) => name.starts_with(".env.").then_some(Self::Env),
        }
    }

    /// Tells whether configuration is written in it, not only read.
    #[must_use]
    pub fn is_written(self) -> bool {
        self != Self::Env
    }

    /// Returns its name, which is also its usual extension.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Toml => "toml",
            Self::Json => "json",
            Self::Env => "env",
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
            "env" => Ok(Self::Env),
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
        for env in [".env", "a/.ENV", "shop.env", ".env.production"] {
            assert_eq!(Format::from_path(env), Some(Format::Env), "{env}");
        }
        assert_eq!(Format::from_path(".env.yaml"), Some(Format::Yaml));
        for none in ["env", "app", "yaml", ".json", "conf.json/app", "app.yaml.j2", ""] {
            assert_eq!(Format::from_path(none), None, "{none}");
        }
    }

    #[test]
    fn names_round_trip() {
        for (_, format) in Format::NAMES {
            assert_eq!(format.to_string().parse(), Ok(format));
            let json = serde_json::to_string(&format).expect("serializes");
            assert_eq!(json, format!("\"{format}\""));
        }
        let error = "ini".parse::<Format>().expect_err("unknown");
        assert_eq!(error.to_string(), "unknown format \"ini\": use yaml, toml, json or env");
    }
}
