//! The entries of a configuration's `layers`.

use bytesize::ByteSize;

use super::checksum::Checksum;
use super::fields::{Fields, Item};
use super::shape::{Alternative, DURATION, Field, Kind, PATH, Shape, Text, names};
use super::url::{self, check_url};
use super::{Located, source};
use crate::config::{Format, MAX_TEXT};
use crate::diagnostic::Diagnostic;

/// What an entry of `layers` may be.
pub(super) const LAYER_KIND: Kind = Kind::Any(&[Kind::Text(&SOURCE), Kind::Table(&LAYER)]);

static LAYER: Shape = Shape {
    fields: &[
        Field::new("path", Kind::Text(&PATH), "\"config/app.conf\"", "A file.")
            .beside("format = \"toml\""),
        Field::new(
            "url",
            Kind::Text(&URL),
            "\"https://config.example.com/app.yaml\"",
            "`https://…`, `http://…`, `env://VARIABLE` or `file://PATH`.",
        ),
        Field::new(
            "optional",
            Kind::Boolean,
            "true",
            "Whether it may be missing: a file that does not exist, a variable that is not set, a \
             server that answers 404 or 410. A server that cannot be reached is an error all the same.",
        )
        .or("false")
        .beside("path = \"environments/${ENVIRONMENT}/app.yaml\""),
        Field::new(
            "format",
            Kind::Choice(&FORMAT_NAMES),
            "\"json\"",
            "What it is written in.",
        )
        .or_else("by the extension; YAML for a variable")
        .beside("url = \"env://APP_CONFIG\""),
        Field::new(
            "checksum",
            Kind::Text(&CHECKSUM),
            "\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"",
            "Of what a server answers, `blake3:…` or `sha256:…`. What has it is kept in the workspace \
             and not asked for again, so it works offline.",
        )
        .beside(SERVER),
        Field::new(
            "timeout",
            Kind::Text(&DURATION),
            "\"30s\"",
            "For the whole of an answer, redirects included; `5m` at most.",
        )
        .or("\"10s\"")
        .beside(SERVER),
        Field::new(
            "max_size",
            Kind::Text(&SIZE),
            "\"512KiB\"",
            "How large an answer may be; `16MiB` at most.",
        )
        .or("\"16MiB\"")
        .beside(SERVER),
        Field::new(
            "allow_http",
            Kind::Boolean,
            "true",
            "Whether `http://` of another machine is meant, in redirects too.",
        )
        .or("false")
        .beside("url = \"http://config.internal/app.yaml\""),
    ],
    one_of: &[
        Alternative { field: "path", refuses: &OF_SERVERS },
        Alternative { field: "url", refuses: &[] },
    ],
    ..Shape::inline("layer", "An entry of `layers`", "A layer with what else there is to say.")
};

const SERVER: &str = "url = \"https://config.example.com/app.yaml\"";
const FORMAT_NAMES: [&str; 4] = names(&Format::NAMES);
static SOURCE: Text = Text::matching("path or URL", "^[^/]");
static URL: Text = Text::matching("URL", "^(https?|env|file)://.");
static CHECKSUM: Text = Text::matching("checksum", "^(blake3|sha256):[0-9a-f]{64}$");
static SIZE: Text = Text::matching("size", r"^\+?[0-9.]+\s*[A-Za-z]*$");

/// What only a layer from a server has.
const OF_SERVERS: [&str; 4] = ["checksum", "timeout", "max_size", "allow_http"];

const DEFAULT_TIMEOUT_MS: u64 = 10_000;
const LONGEST_TIMEOUT_MS: u64 = 300_000;

/// An entry of `layers`: `"config/app.yaml"`, `"env://APP_CONFIG"`, `"https://…/app.yaml"`, or a
/// table with `path` or `url` and what else there is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// `path` or `url`: where its text is.
    pub source: LayerSource,
    /// `optional`: whether it may be missing; `false` unless told otherwise. Missing is a file that
    /// does not exist, a variable that is not set, a server that answers 404 or 410; a server that
    /// does not answer is an error all the same.
    pub optional: bool,
    /// `format`: what it is written in, where the name of the file does not tell. From elsewhere
    /// than a file it is always there: what the end of the URL's path stands for unless told
    /// otherwise, and YAML, which JSON is too, for a variable.
    pub format: Option<Format>,
}

/// Where the text of a layer is.
///
/// In paths and URLs, `${ENVIRONMENT}` and the environment's variables are not substituted yet; what
/// they make of them must be checked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerSource {
    /// A file, relative to the project and inside it: `"config/app.yaml"` or
    /// `"file://config/app.yaml"`.
    File(Located<String>),
    /// An environment variable that holds the whole text: `"env://APP_CONFIG"`.
    EnvironmentVariable(Located<String>),
    /// A server.
    Http(HttpSource),
}

/// A layer from a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSource {
    /// `url`: an `https://` URL without credentials, or an `http://` one; see [`check_url`].
    pub url: Located<String>,
    /// `checksum`: what the text must have, if anything. Without one, two builds of the same commit
    /// may differ.
    pub checksum: Option<Checksum>,
    /// `timeout`: how long all of it may take; 10 s unless told otherwise, 5 min at most.
    pub timeout_ms: u64,
    /// `max_size`: how many bytes the text may have; [`MAX_TEXT`] unless told otherwise, which is
    /// also the most.
    pub max_size: usize,
    /// `allow_http`: whether the URL, and one that it redirects to, may be an `http://` one of
    /// another machine.
    pub allow_http: bool,
}

impl LayerSource {
    /// Returns what the project file says, with its place.
    #[must_use]
    pub fn written(&self) -> &Located<String> {
        match self {
            Self::File(text) | Self::EnvironmentVariable(text) => text,
            Self::Http(http) => &http.url,
        }
    }

    /// Returns an error with `message`, placed at the source in the project file `file`.
    #[must_use]
    pub fn error(&self, file: &str, message: impl Into<String>) -> Diagnostic {
        self.written().error(file, message)
    }
}

/// Reads an entry of `layers`.
pub(super) fn read(item: &Item<'_>) -> Option<Layer> {
    if !item.is_table() {
        let source = read_source(item, None)?;
        let format = read_format(None, item, &source)?;
        return Some(Layer { source, optional: false, format });
    }
    let fields = item.fields(item.label(), &LAYER)?;
    let optional = fields.get("optional").and_then(|optional| optional.boolean());
    let (kind, place) = fields.exactly_one()?;
    let source = match kind {
        "path" => source::read(&place).map(LayerSource::File),
        _ => read_source(&place, Some(&fields)),
    };
    if matches!(source, Some(LayerSource::File(_) | LayerSource::EnvironmentVariable(_)) if kind == "url")
    {
        fields.refuse(&OF_SERVERS, kind);
    }
    let format = fields.get("format").map(|format| format.choice("format", &Format::NAMES));
    let source = source?;
    let format = match format {
        Some(format) => Some(format?),
        None => read_format(Some(&fields), &place, &source)?,
    };
    Some(Layer { source, optional: optional.unwrap_or_default(), format })
}

/// Reads where the text is; `fields` has what else there is to say about a server.
fn read_source(item: &Item<'_>, fields: Option<&Fields<'_>>) -> Option<LayerSource> {
    let text = item.string()?;
    match text.split_once("://") {
        Some(("env", name)) => read_variable(item, name),
        Some(("http" | "https", _)) => read_http(item, fields).map(LayerSource::Http),
        Some(("file", path)) => source::read_at(item, path).map(LayerSource::File),
        _ if fields.is_some() => {
            let hint = "known are `https://…`, `http://…`, `env://VARIABLE` and `file://PATH`";
            item.report(format!("{} is no URL of a layer", item.label()), Some(hint.to_owned()));
            None
        }
        _ => source::read(item).map(LayerSource::File),
    }
}

fn read_variable(item: &Item<'_>, name: &str) -> Option<LayerSource> {
    if is_variable(name) {
        return Some(LayerSource::EnvironmentVariable(item.located()?.with(name.to_owned())));
    }
    let hint = "write `env://NAME`: letters, digits and `_`, not a digit first";
    let message = format!("{} names no environment variable", item.label());
    item.report(message, Some(hint.to_owned()));
    None
}

/// Tells whether `name` can be the name of an environment variable.
pub(super) fn is_variable(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(is_part) && !name.as_bytes()[0].is_ascii_digit()
}

fn read_http(item: &Item<'_>, fields: Option<&Fields<'_>>) -> Option<HttpSource> {
    let get = |key| fields.and_then(|fields| fields.get(key));
    let checksum = get("checksum").map(|checksum| checksum.parsed());
    let timeout = get("timeout").map(|timeout| read_timeout(&timeout));
    let max_size = get("max_size").map(|size| read_size(&size));
    let allow_http = get("allow_http").map(|allow| allow.boolean());
    let allow_http = allow_http.unwrap_or(Some(false))?;
    if let Err(fault) = check_url(item.string()?, allow_http) {
        item.report(format!("{} {fault}", item.label()), fault.hint().map(str::to_owned));
        return None;
    }
    let checksum = match checksum {
        Some(checksum) => Some(checksum?),
        None => None,
    };
    Some(HttpSource {
        url: item.located()?,
        checksum,
        timeout_ms: timeout.unwrap_or(Some(DEFAULT_TIMEOUT_MS))?,
        max_size: max_size.unwrap_or(Some(MAX_TEXT))?,
        allow_http,
    })
}

fn read_timeout(item: &Item<'_>) -> Option<u64> {
    let timeout = item.milliseconds()?;
    if timeout > LONGEST_TIMEOUT_MS {
        item.report(format!("{} is longer than five minutes", item.label()), None);
        return None;
    }
    Some(timeout)
}

fn read_size(item: &Item<'_>) -> Option<usize> {
    let text = item.string()?;
    let size = text.parse::<ByteSize>().ok().and_then(|size| usize::try_from(size.as_u64()).ok());
    let fitting = size.filter(|size| (1..=MAX_TEXT).contains(size));
    if fitting.is_none() {
        let hint = "write a size from `1B` to `16MiB`, such as `512KiB`";
        item.report(format!("{} is no such size", item.label()), Some(hint.to_owned()));
    }
    fitting
}

/// Returns the format of `source` that no `format` tells; nothing for a file, whose name is only
/// known once variables are substituted.
fn read_format(
    fields: Option<&Fields<'_>>,
    item: &Item<'_>,
    source: &LayerSource,
) -> Option<Option<Format>> {
    match source {
        LayerSource::File(_) => Some(None),
        LayerSource::EnvironmentVariable(_) => Some(Some(Format::Yaml)),
        LayerSource::Http(http) => {
            let format = Format::from_path(url::path(&http.url.value));
            if format.is_none() {
                let hint = match fields {
                    Some(_) => "add `format = \"yaml\"`, or whatever it is",
                    None => "write `{ url = \"…\", format = \"yaml\" }`, or whatever it is",
                };
                let message = format!("{} does not tell its format", item.label());
                item.report(message, Some(hint.to_owned()));
            }
            format.map(Some)
        }
    }
}
