//! The entries of a service's `files`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::fields::{Fields, Item};
use super::input::Problem;
use super::shape::{Alternative, Field, Kind, NAME, PATH, Shape, Text, names};
use super::{Declared, Located, source};
use crate::config::Format;
use crate::diagnostic::Position;
use crate::path::RelativePath;
use crate::release::{Layout, Mode};

pub(super) static FILE: Shape = Shape {
    fields: &[
        Field::new("source", Kind::Text(&PATH), "\"templates/app.env.j2\"", "A file."),
        Field::new(
            "directory",
            Kind::Text(&PATH),
            "\"templates/conf.d\"",
            "A directory: every file below it, under the same names.",
        ),
        Field::new(
            "config",
            Kind::Text(&NAME),
            "\"app\"",
            "The merged configuration of this name.",
        ),
        Field::new(
            "path",
            Kind::Text(&BELOW),
            "\"conf.d/shop.conf\"",
            "Where it goes, below `config_path`. Variables are not substituted in it.",
        )
        .or_else(
            "the name of the source without `.j2`; `NAME.FORMAT` for a `config`; for a `directory` \
             none",
        )
        .beside("source = \"templates/nginx.conf\""),
        Field::new(
            "render",
            Kind::Choice(&RENDER_NAMES),
            "\"copy\"",
            "`substitute`: `${KEY}` and `$KEY` become variables. `jinja`: a Jinja template. `copy`: \
             byte for byte. `auto`: Jinja for `.j2`, else `substitute`.",
        )
        .or("\"auto\"")
        .beside("directory = \"static\""),
        Field::new(
            "format",
            Kind::Choice(&WRITTEN_NAMES),
            "\"json\"",
            "What a `config` is written in.",
        )
        .or_else("by the extension of `path`, else YAML")
        .beside("config = \"app\""),
        Field::new(
            "mode",
            Kind::Any(&[Kind::Text(&MODE), Kind::Integer(&MODES)]),
            "\"0640\"",
            "Permission bits: three or four octal digits in quotes, or a number such as `0o640`.",
        )
        .or_else(
            "`0755` for what is executable, else `0644`; without group and others where the file \
             holds a [secret](secrets.md) or is a `runtime` one",
        )
        .beside("source = \"templates/worker.ini\""),
        Field::new(
            "layout",
            Kind::Choice(&LAYOUT_NAMES),
            "\"plain\"",
            "As in `[project]`.",
        )
        .or_else("that of the service")
        .beside("source = \"templates/worker.ini\""),
        Field::new(
            "runtime",
            Kind::Boolean,
            "true",
            "Whether its content is to be [in memory only](secrets.md#on-no-disk) on targets, below \
             `/run`, with a link in its place. It goes with a restart of the host.",
        )
        .or("false")
        .beside("source = \"templates/app.env.j2\""),
        Field::new(
            "allow_empty",
            Kind::Boolean,
            "true",
            "Whether rendering to nothing, or a directory without files, is meant.",
        )
        .or("false")
        .beside("directory = \"templates/conf.d\""),
    ],
    one_of: &[
        Alternative { field: "source", refuses: &["format"] },
        Alternative { field: "directory", refuses: &["format"] },
        Alternative { field: "config", refuses: &["render"] },
    ],
    ..Shape::inline("file", "An entry of `files`", "One file, or the files of one directory.")
};

static BELOW: Text = Text::matching("path", "^[^/]");
static MODE: Text = Text::matching("octal digits", "^[0-7]{3,4}$");
/// Of modes that are written without quotes, as in `0o640`.
const MODES: RangeInclusive<u32> = 0..=0o7777;
const RENDER_NAMES: [&str; 4] = names(&Render::NAMES);
/// The formats that configurations are written in.
const WRITTEN: [(&str, Format); 3] = [Format::NAMES[0], Format::NAMES[1], Format::NAMES[2]];
const WRITTEN_NAMES: [&str; 3] = names(&WRITTEN);
const LAYOUTS: [(&str, Layout); 2] = [("linked", Layout::Linked), ("plain", Layout::Plain)];
/// What `layout` may be.
pub(super) const LAYOUT_NAMES: [&str; 2] = names(&LAYOUTS);

/// An entry of `files`: one file, or the files of one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSpec {
    /// `source`, `directory` or `config`: what is in it.
    pub content: FileContent,
    /// `path`: where it goes, below the environment's `config_path`. Nothing is substituted in it.
    /// A `source` goes to its file name (without `.j2` where that is rendered), a `config` to
    /// `NAME.FORMAT` unless told otherwise; only a `directory` may have none, and its files then go
    /// directly below `config_path`.
    pub path: Option<RelativePath>,
    /// `mode`: the permission bits, such as `"0640"`; where it says nothing, `0755` for what is
    /// executable in the project and `0644` for the rest.
    pub mode: Option<Mode>,
    /// `layout`: how it takes its place; what the service or `[project]` says unless told otherwise,
    /// and [`Layout::Runtime`] where it says `runtime = true`.
    pub layout: Layout,
    /// `allow_empty`: whether a file without content, or a directory without files, is meant;
    /// otherwise it is an error.
    pub allow_empty: bool,
    /// Where the entry starts in the project file.
    pub position: Position,
    /// How many characters of its first line it takes.
    pub width: u32,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileContent {
    /// A file of the project.
    Source {
        /// `source`: its path, relative to the project and inside it; variables in it are not
        /// substituted yet, and what they make of it must be checked again.
        source: Located<String>,
        /// `render`: what becomes of its content.
        render: Render,
    },
    /// Every file below a directory of the project, under the same names.
    Directory {
        /// `directory`: its path, as for a source.
        source: Located<String>,
        /// `render`: what becomes of the content of each file.
        render: Render,
    },
    /// A merged configuration.
    Config {
        /// `config`: the name of a `[config.NAME]`, which exists.
        name: String,
        /// `format`: how it is written; what the extension of `path` stands for unless told
        /// otherwise, and YAML where that stands for nothing.
        format: Format,
    },
}

/// `render`: what becomes of the content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Render {
    /// `auto`: a name that ends with `.j2` is a Jinja template, in others variables are substituted.
    #[default]
    Auto,
    /// `substitute`: `${KEY}` and `$KEY` become the values of the environment's variables.
    Substitute,
    /// `jinja`: it is a Jinja template.
    Jinja,
    /// `copy`: nothing, byte for byte.
    Copy,
}

impl Render {
    /// Every way by the name that the project file uses.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("auto", Self::Auto),
        ("substitute", Self::Substitute),
        ("jinja", Self::Jinja),
        ("copy", Self::Copy),
    ];

    /// Returns the name under which a rendered file goes out, and what is done to its content:
    /// never [`Render::Auto`].
    #[must_use]
    pub fn of(self, name: &str) -> (&str, Self) {
        match (self, name.strip_suffix(".j2").filter(|rest| !rest.is_empty())) {
            (Self::Auto | Self::Jinja, Some(rest)) if !rest.ends_with('/') => (rest, Self::Jinja),
            (Self::Auto, _) => (name, Self::Substitute),
            (render, _) => (name, render),
        }
    }
}

/// Reads `files` of a service; entries without a layout of their own have `layout`.
pub(super) fn read_all(
    fields: &Fields<'_>,
    declared: &Declared<'_>,
    layout: Layout,
) -> Vec<FileSpec> {
    let items = fields.get("files").and_then(|files| files.list("tables")).unwrap_or_default();
    let files: Vec<_> =
        items.iter().filter_map(|item| Some((item, read(item, declared, layout)?))).collect();
    report_twice(&files);
    files.into_iter().map(|(_, file)| file).collect()
}

fn report_twice(files: &[(&Item<'_>, FileSpec)]) {
    let mut lines = BTreeMap::new();
    for (item, file) in files {
        let Some(path) = &file.path else { continue };
        if let Some(first) = lines.get(path) {
            let message = format!("two of {} go to `{path}`, first on line {first}", item.label());
            item.report(message, Some("give one of them another `path`".to_owned()));
        } else {
            lines.insert(path, file.position.line);
        }
    }
}

fn read(item: &Item<'_>, declared: &Declared<'_>, layout: Layout) -> Option<FileSpec> {
    if !item.is_table() {
        let hint = item.is_string().then(|| "write `{ source = \"…\" }`".to_owned());
        item.wrong_type("a table", hint);
        return None;
    }
    let fields = item.fields(item.label(), &FILE)?;
    let path = fields.get("path").map(|path| read_path(&path));
    let content = read_content(&fields, declared, path.as_ref().and_then(Option::as_ref));
    let mode = fields.get("mode").and_then(|mode| read_mode(&mode));
    let layout = read_place(&fields, layout);
    let allow_empty = fields.get("allow_empty").and_then(|allow| allow.boolean());
    let content = content?;
    let place = item.input.locate(&item.span(), ());
    Some(FileSpec {
        path: path.unwrap_or_else(|| default_path(&fields, &content)),
        content,
        mode,
        layout,
        allow_empty: allow_empty.unwrap_or_default(),
        position: place.position,
        width: place.width,
    })
}

/// Returns how the file takes its place, `default` unless it says so. Runtime files are links: one
/// that asks to be none is reported.
fn read_place(fields: &Fields<'_>, default: Layout) -> Layout {
    let own = fields.get("layout").and_then(|layout| read_layout(&layout));
    let runtime = fields.get("runtime").and_then(|runtime| runtime.boolean());
    if runtime != Some(true) {
        return own.unwrap_or(default);
    }
    if own == Some(Layout::Plain) {
        let message = format!("{} has `runtime = true` and `layout = \"plain\"`", fields.place());
        let hint = "a file in memory is reached over a link: remove one of them";
        fields.report(Problem::at(fields.span(), message).hint(hint));
    }
    Layout::Runtime
}

fn read_content(
    fields: &Fields<'_>,
    declared: &Declared<'_>,
    path: Option<&RelativePath>,
) -> Option<FileContent> {
    let (kind, item) = fields.exactly_one()?;
    if kind == "config" {
        return read_config(fields, &item, declared, path);
    }
    let render = fields.get("render").and_then(|render| render.choice("render", &Render::NAMES));
    let render = render.unwrap_or_default();
    let source = source::read(&item)?;
    Some(match kind {
        "source" => FileContent::Source { source, render },
        _ => FileContent::Directory { source, render },
    })
}

fn read_config(
    fields: &Fields<'_>,
    item: &Item<'_>,
    declared: &Declared<'_>,
    path: Option<&RelativePath>,
) -> Option<FileContent> {
    let format = fields.get("format").map(|format| read_format(&format));
    let name = item.reference("configuration", &declared.configs)?;
    let format = match format {
        Some(format) => format?,
        None => match path.and_then(|path| Format::from_path(path.as_str())) {
            Some(Format::Env) => return only_read(fields),
            Some(format) => format,
            None => Format::Yaml,
        },
    };
    Some(FileContent::Config { name: name.to_owned(), format })
}

fn read_format(item: &Item<'_>) -> Option<Format> {
    item.choice("format", &WRITTEN)
}

/// Reports a configuration whose path is that of an `.env`.
fn only_read(fields: &Fields<'_>) -> Option<FileContent> {
    let message = format!("{} would write a configuration as .env", fields.place());
    let hint = "make the .env of it with a template (`source = \"app.env.j2\"`), or add a `format`";
    fields.report(Problem::at(fields.span(), message).hint(hint));
    None
}

/// Returns where a file goes that says nothing about it.
fn default_path(fields: &Fields<'_>, content: &FileContent) -> Option<RelativePath> {
    let name = match content {
        FileContent::Directory { .. } => return None,
        FileContent::Config { name, format } => format!("{name}.{format}"),
        FileContent::Source { source, render } => {
            let name = source.value.rsplit('/').next().unwrap_or_default();
            render.of(name).0.to_owned()
        }
    };
    if name.contains('$') {
        let hint = "the file name of the source has a variable in it: add `path = \"…\"`";
        let message = format!("missing `path` in {}", fields.place());
        fields.report(Problem::at(fields.span(), message).hint(hint));
        return None;
    }
    RelativePath::new(name).ok()
}

/// Returns a path below `config_path`, in which nothing will be substituted.
pub(super) fn read_path(item: &Item<'_>) -> Option<RelativePath> {
    let text = item.string()?;
    if text.contains("${") {
        item.report(format!("{}: variables are not substituted here", item.label()), None);
        return None;
    }
    let hint = text.starts_with('/').then(|| "it lies below `config_path`".to_owned());
    match RelativePath::new(text) {
        Ok(path) => Some(path),
        Err(error) => {
            item.report(format!("{}: {error}", item.label()), hint);
            None
        }
    }
}

/// Returns the layout that `linked` or `plain` names.
pub(super) fn read_layout(item: &Item<'_>) -> Option<Layout> {
    item.choice("layout", &LAYOUTS)
}

fn read_mode(item: &Item<'_>) -> Option<Mode> {
    let Some((digits, radix)) = item.digits() else { return item.parsed() };
    let bits = u32::from_str_radix(digits, 8).ok().filter(|bits| MODES.contains(bits));
    if radix == 8 && bits.is_some() {
        return bits.map(Mode::from_bits);
    }
    let hint = "write octal digits in quotes, such as `\"0644\"`";
    item.report(format!("{} is not a file mode", item.label()), Some(hint.to_owned()));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_of_a_template_goes_when_it_is_rendered() {
        assert_eq!(Render::Auto.of("app.env.j2"), ("app.env", Render::Jinja));
        assert_eq!(Render::Auto.of("app.env"), ("app.env", Render::Substitute));
        assert_eq!(Render::Jinja.of("app.env"), ("app.env", Render::Jinja));
        assert_eq!(Render::Copy.of("app.j2"), ("app.j2", Render::Copy));
        assert_eq!(Render::Substitute.of("app.j2"), ("app.j2", Render::Substitute));
        assert_eq!(Render::Auto.of(".j2"), (".j2", Render::Substitute));
        assert_eq!(Render::Auto.of("a/.j2"), ("a/.j2", Render::Substitute));
    }
}
