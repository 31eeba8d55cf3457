//! Reading tables field by field: every mistake is reported with its place, and reading goes on.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::Located;
use super::input::{Input, Problem, Span, shown};
use super::shape::Shape;
use crate::duration::parse_duration;

/// A value, and how messages call it.
pub(super) struct Item<'t> {
    pub(super) input: &'t Input<'t>,
    value: &'t Spanned<DeValue<'t>>,
    label: String,
}

/// A table of a known shape.
pub(super) struct Fields<'t> {
    input: &'t Input<'t>,
    table: &'t DeTable<'t>,
    shape: &'static Shape,
    span: Span,
    place: String,
}

/// An entry of a table whose keys people choose.
pub(super) struct Entry<'t> {
    /// The key.
    pub(super) key: &'t str,
    /// Where the key is.
    pub(super) key_span: Span,
    /// The value.
    pub(super) item: Item<'t>,
}

impl<'t> Fields<'t> {
    /// Returns the table at the top of the file.
    pub(super) fn root(
        input: &'t Input<'t>,
        table: &'t DeTable<'t>,
        shape: &'static Shape,
    ) -> Self {
        let fields = Self { input, table, shape, span: 0..0, place: input.file().to_owned() };
        fields.check();
        fields
    }

    fn check(&self) {
        for key in self.table.keys() {
            let (name, span) = (key.get_ref().as_ref(), key.span());
            if self.shape.later.contains(&name) {
                self.input.report(unsupported(span, name));
            } else if self.shape.field(name).is_none() {
                let known = self.shape.names();
                let hint = self.input.did_you_mean(name, known.clone());
                let message = format!("unknown field `{}` in {}", shown(name), self.place);
                let hint = hint.unwrap_or_else(|| format!("known are {}", names(known)));
                self.input.report(Problem::at(span, message).hint(hint));
            }
        }
    }

    /// Returns the field `key`, if it is there.
    pub(super) fn get(&self, key: &'static str) -> Option<Item<'t>> {
        debug_assert!(
            self.shape.field(key).is_some() || self.shape.later.contains(&key),
            "`{key}` is read and not in the table `{}`",
            self.shape.name
        );
        let value = self.table.get(key)?;
        Some(Item { input: self.input, value, label: format!("`{key}` in {}", self.place) })
    }

    /// Returns the field `key`, and reports it as missing where it is not there.
    pub(super) fn require(&self, key: &'static str) -> Option<Item<'t>> {
        let field = self.get(key);
        if field.is_none() {
            let message = format!("missing `{key}` in {}", self.place);
            let example = self.shape.field(key).map_or("…", |field| field.example);
            self.report(Problem::at(self.span(), message).hint(format!("add `{key} = {example}`")));
        }
        field
    }

    /// Returns the one that is there of the fields of which exactly one is, and reports it where
    /// there is none or another, and each field that means nothing beside it.
    pub(super) fn exactly_one(&self) -> Option<(&'static str, Item<'t>)> {
        let alternatives = self.shape.one_of.iter();
        let mut present = alternatives.clone().filter_map(|one| Some((one, self.get(one.field)?)));
        let Some((first, item)) = present.next() else {
            let keys = names(alternatives.map(|one| one.field));
            self.report(Problem::at(self.span(), format!("{} needs one of {keys}", self.place)));
            return None;
        };
        for (other, item) in present {
            let (first, key) = (first.field, other.field);
            let message = format!("{} has both `{first}` and `{key}`", self.place);
            self.report(Problem::at(item.span(), message).hint("keep one of them"));
        }
        self.refuse(first.refuses, first.field);
        Some((first.field, item))
    }

    /// Reports each of `keys` that is there, because it means nothing beside `with`.
    pub(super) fn refuse(&self, keys: &[&'static str], with: &str) {
        for key in keys.iter().filter(|key| self.table.contains_key(**key)) {
            let message = format!("`{key}` means nothing beside `{with}` in {}", self.place);
            self.report(Problem::at(self.key_span(key), message).hint("remove it"));
        }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    pub(super) fn report(&self, problem: Problem) {
        self.input.report(problem);
    }

    fn key_span(&self, key: &str) -> Span {
        let found = self.table.keys().find(|candidate| candidate.get_ref() == key);
        found.map_or_else(|| self.span(), Spanned::span)
    }
}

impl Entry<'_> {
    /// Returns the key as a name, and reports it where it is none.
    pub(super) fn name<N: FromStr<Err: Display>>(&self) -> Option<N> {
        let name: Result<N, N::Err> = self.key.parse();
        name.map_err(|error| self.report_key(error.to_string(), None)).ok()
    }

    /// Reports `message`, placed at the key.
    pub(super) fn report_key(&self, message: impl Into<String>, hint: Option<&str>) {
        let problem = Problem::at(self.key_span.clone(), message);
        self.item.input.report(problem.maybe_hint(hint.map(str::to_owned)));
    }
}

impl<'t> Item<'t> {
    pub(super) fn span(&self) -> Span {
        self.value.span()
    }

    /// Returns how messages call it, such as `` `targets` in [environments.staging] ``.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Reports `message`, placed at this value.
    pub(super) fn report(&self, message: impl Into<String>, hint: Option<String>) {
        self.input.report(Problem::at(self.span(), message).maybe_hint(hint));
    }

    pub(super) fn is_string(&self) -> bool {
        self.value.get_ref().is_str()
    }

    pub(super) fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    pub(super) fn is_list(&self) -> bool {
        self.value.get_ref().is_array()
    }

    pub(super) fn is_integer(&self) -> bool {
        self.value.get_ref().is_integer()
    }

    /// Reports that the value has another type than `expected`.
    pub(super) fn wrong_type(&self, expected: &str, hint: Option<String>) {
        let found = kind(self.value.get_ref());
        self.report(format!("{} is {found} where {expected} belongs", self.label), hint);
    }

    /// Returns the text, which holds no NUL: nothing that it may become could hold one.
    pub(super) fn string(&self) -> Option<&'t str> {
        let Some(text) = self.value.get_ref().as_str() else {
            self.wrong_type("a string", self.quoted());
            return None;
        };
        if text.contains('\0') {
            self.report(format!("{} contains a NUL character", self.label), None);
            return None;
        }
        Some(text)
    }

    fn quoted(&self) -> Option<String> {
        let written = self.input.written(&self.span());
        let scalar = !self.is_table() && !self.is_list();
        scalar.then(|| format!("write it in quotes: `\"{}\"`", shown(written)))
    }

    /// Returns the text and its place.
    pub(super) fn located(&self) -> Option<Located<String>> {
        let text = self.string()?;
        Some(self.input.locate(&self.span(), text.to_owned()))
    }

    /// Returns the text, which is not blank.
    pub(super) fn text(&self) -> Option<String> {
        let text = self.string()?;
        if text.trim().is_empty() {
            self.report(format!("{} is empty", self.label), None);
            return None;
        }
        Some(text.to_owned())
    }

    /// Returns what the text says.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&self) -> Option<T> {
        let value: Result<T, T::Err> = self.string()?.parse();
        value.map_err(|error| self.report(format!("{}: {error}", self.label), None)).ok()
    }

    /// Returns what is meant by the one of `choices` that the text names; messages call it `what`.
    pub(super) fn choice<T: Copy>(&self, what: &str, choices: &[(&'static str, T)]) -> Option<T> {
        let text = self.string()?;
        let found = choices.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let known: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            let message = format!(
                "unknown {what} `{}`: known are {}",
                shown(text),
                names(known.iter().copied())
            );
            self.report(message, self.input.did_you_mean(text, known.into_iter()));
        }
        found.map(|(_, value)| *value)
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        let value = self.value.get_ref().as_bool();
        if value.is_none() {
            self.wrong_type("`true` or `false`", None);
        }
        value
    }

    /// Returns the whole number, which is within `range`.
    pub(super) fn integer(&self, range: &RangeInclusive<u32>) -> Option<u32> {
        let Some(digits) = self.value.get_ref().as_integer() else {
            self.wrong_type("a whole number", None);
            return None;
        };
        let number = u32::from_str_radix(digits.as_str(), digits.radix()).ok();
        let fitting = number.filter(|number| range.contains(number));
        if fitting.is_none() {
            let (least, most) = (range.start(), range.end());
            self.report(format!("{} must be from {least} to {most}", self.label), None);
        }
        fitting
    }

    /// Returns the text, or the whole number or boolean as it is written.
    pub(super) fn scalar(&self) -> Option<String> {
        match self.value.get_ref() {
            DeValue::Integer(number) => Some(number.to_string()),
            DeValue::Boolean(boolean) => Some(boolean.to_string()),
            _ => self.string().map(str::to_owned),
        }
    }

    /// Returns the digits as they are written and their radix, where it is a whole number.
    pub(super) fn digits(&self) -> Option<(&'t str, u32)> {
        self.value.get_ref().as_integer().map(|digits| (digits.as_str(), digits.radix()))
    }

    /// Returns the duration, which is at least a millisecond, in milliseconds.
    pub(super) fn milliseconds(&self) -> Option<u64> {
        if self.is_integer() {
            let hint = "write it in quotes and with a unit, such as `\"10s\"`";
            self.wrong_type("a duration", Some(hint.to_owned()));
            return None;
        }
        let text = self.string()?;
        match parse_duration(text) {
            Ok(duration) if duration >= Duration::from_millis(1) => {
                u64::try_from(duration.as_millis()).ok()
            }
            Ok(_) => {
                self.report(format!("{} is less than a millisecond", self.label), None);
                None
            }
            Err(error) => {
                self.report(format!("{}: {error}", self.label), Some(error.hint()));
                None
            }
        }
    }

    /// Returns the items of a list of `what`.
    pub(super) fn list(&self, what: &str) -> Option<Vec<Item<'t>>> {
        let Some(list) = self.value.get_ref().as_array() else {
            let one = (self.is_string() || self.is_table())
                .then(|| "put it between `[` and `]`".to_owned());
            self.wrong_type(&format!("a list of {what}"), one);
            return None;
        };
        let item = |value| Item { input: self.input, value, label: self.label.clone() };
        Some(list.iter().map(item).collect())
    }

    /// Returns the items of a list of `what`, of which there is at least one.
    pub(super) fn nonempty_list(&self, what: &str, hint: &str) -> Option<Vec<Item<'t>>> {
        let items = self.list(what)?;
        if items.is_empty() {
            self.report(format!("{} is empty", self.label), Some(hint.to_owned()));
            return None;
        }
        Some(items)
    }

    /// Returns the fields of a table that messages call `place`.
    pub(super) fn fields(
        &self,
        place: impl Into<String>,
        shape: &'static Shape,
    ) -> Option<Fields<'t>> {
        let Some(table) = self.value.get_ref().as_table() else {
            self.wrong_type("a table", None);
            return None;
        };
        let (input, span, place) = (self.input, self.span(), place.into());
        let fields = Fields { input, table, shape, span, place };
        fields.check();
        Some(fields)
    }

    /// Returns the entries of a table whose keys people choose.
    pub(super) fn entries(&self) -> Vec<Entry<'t>> {
        let Some(table) = self.value.get_ref().as_table() else {
            self.wrong_type("a table", None);
            return Vec::new();
        };
        let entry = |(key, value): (&'t Spanned<DeString<'t>>, &'t Spanned<DeValue<'t>>)| {
            let label = format!("`{}` of {}", shown(key.get_ref()), self.label);
            let item = Item { input: self.input, value, label };
            Entry { key: key.get_ref(), key_span: key.span(), item }
        };
        table.iter().map(entry).collect()
    }

    /// Returns the one of `declared` that the text names; messages call it `what`.
    pub(super) fn reference(&self, what: &str, declared: &BTreeSet<&str>) -> Option<&'t str> {
        let name = self.string()?;
        if declared.contains(name) {
            return Some(name);
        }
        let hint = self.input.did_you_mean(name, declared.iter().copied());
        let hint = hint.or_else(|| Some(listed(what, declared)));
        self.report(format!("unknown {what} `{}` in {}", shown(name), self.label), hint);
        None
    }
}

fn listed(what: &str, declared: &BTreeSet<&str>) -> String {
    let names: Vec<&str> = declared.iter().copied().take(10).collect();
    match declared.len() {
        0 => format!("the project has no {what}"),
        1..=10 => format!("known are {}", names.join(", ")),
        more => format!("known are {} and {} more", names.join(", "), more - names.len()),
    }
}

/// Returns the problem that `name` belongs to a later version.
pub(super) fn unsupported(span: Span, name: &str) -> Problem {
    Problem::at(span, format!("`{name}` is not supported by this version")).hint("remove it")
}

fn names<'k>(keys: impl Iterator<Item = &'k str>) -> String {
    keys.map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
