//! What a project file may hold, as data.
//!
//! The decoder refuses what is not in these tables, and the JSON Schema and the reference page are
//! made of them: a field that one of the three knows, all of them know.

use std::ops::RangeInclusive;

/// A table of a project file.
pub(super) struct Shape {
    /// What the JSON Schema calls it.
    pub(super) name: &'static str,
    /// What the reference page calls it.
    pub(super) title: &'static str,
    /// What it is, in a sentence of Markdown.
    pub(super) about: &'static str,
    /// How it is usually written.
    pub(super) style: Style,
    /// The fields that are read.
    pub(super) fields: &'static [Field],
    /// The fields of a later version: refused as such, not as unknown.
    pub(super) later: &'static [&'static str],
    /// The fields of which exactly one is there; none where that is not so.
    pub(super) one_of: &'static [Alternative],
}

/// How a table is usually written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// With its fields on lines of their own, below a header.
    Header,
    /// As `{ … }`.
    Inline,
}

/// A field of which either it or another one is there.
pub(super) struct Alternative {
    /// The field.
    pub(super) field: &'static str,
    /// The fields that mean nothing beside it.
    pub(super) refuses: &'static [&'static str],
}

/// A field of a table.
pub(super) struct Field {
    pub(super) name: &'static str,
    /// What its value may be.
    pub(super) kind: Kind,
    /// A value, in TOML.
    pub(super) example: &'static str,
    /// What it means, in Markdown.
    pub(super) about: &'static str,
    /// What holds where it is not there.
    pub(super) otherwise: Otherwise,
    /// The fields that an example of it needs beside it, in TOML; those that the table needs anyway
    /// are left out where it has a header.
    pub(super) beside: &'static str,
}

/// What holds where a field is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// It must be there.
    Required,
    /// Nothing is set.
    Nothing,
    /// This value, in TOML.
    Value(&'static str),
    /// What these words say.
    Words(&'static str),
}

/// What a value may be.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text(&'static Text),
    Boolean,
    /// Any whole number.
    Whole,
    /// A whole number within bounds.
    Integer(&'static RangeInclusive<u32>),
    /// One of these texts.
    Choice(&'static [&'static str]),
    List(&'static List),
    /// A table whose keys people choose.
    Map {
        keys: &'static Text,
        values: &'static Kind,
    },
    /// A table whose keys people choose, with values or tables like itself in it: what dotted keys
    /// make in TOML.
    Tree {
        name: &'static str,
        leaves: &'static Kind,
    },
    Table(&'static Shape),
    /// Any of these.
    Any(&'static [Kind]),
}

/// A text of some form.
pub(super) struct Text {
    /// What the reference page calls it.
    pub(super) name: &'static str,
    /// What every such text matches: a regular expression without look-around. It may let through
    /// what the decoder refuses, never the other way round.
    pub(super) pattern: Option<&'static str>,
    /// Texts that match and are none all the same.
    pub(super) except: &'static [&'static str],
}

/// A list.
pub(super) struct List {
    pub(super) of: Kind,
    /// How many elements there are at least.
    pub(super) least: u32,
    /// Whether no two are the same.
    pub(super) unique: bool,
}

/// Any text.
pub(super) static ANY: Text = Text::any("string");
/// A text that is not blank.
pub(super) static TEXT: Text = Text::matching("string", r"\S");
/// What [`ServiceName`](crate::name::ServiceName) and `EnvironmentName` take.
pub(super) static NAME: Text = Text::matching("name", "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$");
/// A path that a `source` takes.
pub(super) static PATH: Text = Text::matching("path", "^[^/]");
/// What [`parse_duration`](crate::duration::parse_duration) takes.
pub(super) static DURATION: Text = Text::matching("duration", "[0-9][^:]*[A-Za-z]");

impl Shape {
    /// Returns a table without fields that has a header.
    pub(super) const fn header(
        name: &'static str,
        title: &'static str,
        about: &'static str,
    ) -> Self {
        let style = Style::Header;
        Self { name, title, about, style, fields: &[], later: &[], one_of: &[] }
    }

    /// Returns a table without fields that is written as `{ … }`.
    pub(super) const fn inline(
        name: &'static str,
        title: &'static str,
        about: &'static str,
    ) -> Self {
        Self { style: Style::Inline, ..Self::header(name, title, about) }
    }

    /// Returns the field called `name`.
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Returns the table and all those that can be in it, each once, the outer ones first.
    pub(super) fn tables(&'static self) -> Vec<&'static Self> {
        let mut tables = Vec::new();
        self.add_to(&mut tables);
        tables
    }

    fn add_to(&'static self, tables: &mut Vec<&'static Self>) {
        if tables.iter().any(|table| table.name == self.name) {
            return;
        }
        tables.push(self);
        for field in self.fields {
            for table in field.kind.tables() {
                table.add_to(tables);
            }
        }
    }

    /// Returns the names of the fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.fields.iter().map(|field| field.name)
    }
}

impl Field {
    /// Returns a field that nothing stands for where it is not there.
    pub(super) const fn new(
        name: &'static str,
        kind: Kind,
        example: &'static str,
        about: &'static str,
    ) -> Self {
        Self { name, kind, example, about, otherwise: Otherwise::Nothing, beside: "" }
    }

    /// Returns the field, which must be there.
    pub(super) const fn required(self) -> Self {
        Self { otherwise: Otherwise::Required, ..self }
    }

    /// Returns the field, for which `value` stands where it is not there.
    pub(super) const fn or(self, value: &'static str) -> Self {
        Self { otherwise: Otherwise::Value(value), ..self }
    }

    /// Returns the field; `words` say what holds where it is not there.
    pub(super) const fn or_else(self, words: &'static str) -> Self {
        Self { otherwise: Otherwise::Words(words), ..self }
    }

    /// Returns the field, whose example needs `fields` beside it.
    pub(super) const fn beside(self, fields: &'static str) -> Self {
        Self { beside: fields, ..self }
    }
}

impl Kind {
    /// Returns the tables that such a value can be or hold.
    fn tables(&'static self) -> Vec<&'static Shape> {
        match self {
            Self::Table(shape) => vec![*shape],
            Self::List(list) => list.of.tables(),
            Self::Map { values, .. } => values.tables(),
            Self::Tree { leaves, .. } => leaves.tables(),
            Self::Any(kinds) => kinds.iter().flat_map(Self::tables).collect(),
            Self::Text(_) | Self::Boolean | Self::Whole | Self::Integer(_) | Self::Choice(_) => {
                Vec::new()
            }
        }
    }
}

impl Text {
    pub(super) const fn any(name: &'static str) -> Self {
        Self { name, pattern: None, except: &[] }
    }

    pub(super) const fn matching(name: &'static str, pattern: &'static str) -> Self {
        Self { name, pattern: Some(pattern), except: &[] }
    }
}

impl List {
    /// Returns a list of any length.
    pub(super) const fn of(of: Kind) -> Self {
        Self { of, least: 0, unique: false }
    }

    /// Returns a list of one element or more.
    pub(super) const fn some(of: Kind) -> Self {
        Self { of, least: 1, unique: false }
    }

    /// Returns the list, in which no two elements are the same.
    pub(super) const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }
}

/// Returns what can be written for `choices`.
pub(super) const fn names<T: Copy, const N: usize>(
    choices: &[(&'static str, T); N],
) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < N {
        names[at] = choices[at].0;
        at += 1;
    }
    names
}
