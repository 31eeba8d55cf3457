//! TOML 1.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue, Error};

use super::reader::{Reader, read};
use super::{MAX_DEPTH, Stop, fragment};
use crate::config::node::{Data, Map, Node};
use crate::config::scalar;
use crate::diagnostic::Diagnostic;
use crate::toml_depth::too_deep;

/// How many duplicate keys are looked up again to name their first place.
const MAX_LOOKUPS: usize = 20;

pub(super) fn parse(file: Arc<str>, text: &str) -> Result<Node, Vec<Diagnostic>> {
    read(file, text, Reader::root_table)
}

impl Reader<'_> {
    fn root_table(&mut self, text: &str) -> Result<Node, Stop> {
        if let Some(place) = too_deep(text, MAX_DEPTH) {
            let span = self.lines.span(place);
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            return Err(self.report.stop(span, message));
        }
        let (root, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return self.table(root.get_ref(), 0..0, 0);
        }
        self.syntax_errors(text, &errors);
        Err(Stop)
    }

    fn syntax_errors(&mut self, text: &str, errors: &[Error]) {
        for (number, error) in errors.iter().enumerate() {
            let range = error.span().unwrap_or(0..0);
            let span = self.lines.span(range.clone());
            if error.message() == "duplicate key" {
                let first =
                    if number < MAX_LOOKUPS { first_place(text, range.clone()) } else { None };
                let first = first.map(|first| self.lines.span(first));
                let key = text.get(range).and_then(key_name).unwrap_or_default();
                self.report.duplicate(span, &key, first);
            } else {
                self.report.problem(span, fragment(error.message()));
            }
        }
    }

    fn table(
        &mut self,
        table: &DeTable<'_>,
        range: Range<usize>,
        depth: usize,
    ) -> Result<Node, Stop> {
        let span = self.lines.span(range);
        self.report.descend(depth, span)?;
        self.report.spend(1, span)?;
        let mut entries: Vec<(&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)> =
            table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut map = Map::with_capacity(entries.len());
        for (key, value) in entries {
            let mut node = self.value(value, depth + 1)?;
            let span = self.lines.span(key.span());
            if let Err(error) = scalar::string(key.get_ref()) {
                self.report.problem(span, error.to_string());
            }
            node.key = Some(span);
            map.insert(key.get_ref().clone().into_owned(), node);
        }
        Ok(Node::new(Data::Map(Box::new(map)), self.report.origin(span)))
    }

    fn array(
        &mut self,
        array: &DeArray<'_>,
        range: Range<usize>,
        depth: usize,
    ) -> Result<Node, Stop> {
        let span = self.lines.span(range);
        self.report.descend(depth, span)?;
        self.report.spend(1, span)?;
        let list = array.iter().map(|value| self.value(value, depth + 1));
        let list = list.collect::<Result<_, _>>()?;
        Ok(Node::new(Data::List(list), self.report.origin(span)))
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Node, Stop> {
        let data = match value.get_ref() {
            DeValue::Table(table) => return self.table(table, value.span(), depth),
            DeValue::Array(array) => return self.array(array, value.span(), depth),
            DeValue::Boolean(flag) => Ok(Data::Bool(*flag)),
            DeValue::Integer(number) => scalar::integer(number.as_str(), number.radix()),
            DeValue::Float(number) => scalar::float(number.as_str()),
            DeValue::String(text) => scalar::string(text),
            DeValue::Datetime(time) => Ok(Data::String(time.to_string())),
        };
        let span = self.lines.span(value.span());
        self.report.spend(1, span)?;
        Ok(self.report.scalar(span, data))
    }
}

/// Returns where the key at `duplicate` was first written: the document is read again with the
/// duplicate under another name, which leaves both in the same table.
fn first_place(text: &str, duplicate: Range<usize>) -> Option<Range<usize>> {
    let name = key_name(text.get(duplicate.clone())?)?;
    let other = unused_name(text);
    let renamed = format!("{}{other}{}", &text[..duplicate.start], &text[duplicate.end..]);
    let (root, _) = DeTable::parse_recoverable(&renamed);
    let table = table_with(root.get_ref(), &other)?;
    let (first, _) = table.get_key_value(name.as_str())?;
    (first.span().start < duplicate.start).then(|| first.span())
}

/// Returns the text of a key, unquoted.
fn key_name(written: &str) -> Option<String> {
    let line = format!("{written} = 0");
    let (table, errors) = DeTable::parse_recoverable(&line);
    let (key, _) = table.get_ref().iter().next()?;
    errors.is_empty().then(|| key.get_ref().clone().into_owned())
}

fn unused_name(text: &str) -> String {
    let mut name = "x".to_owned();
    while text.contains(&name) {
        name.push('x');
    }
    name
}

/// Returns the table, at any depth, that has the key `name`.
fn table_with<'d, 'i>(table: &'d DeTable<'i>, name: &str) -> Option<&'d DeTable<'i>> {
    if table.contains_key(name) {
        return Some(table);
    }
    table.values().find_map(|value| value_with(value.get_ref(), name))
}

fn value_with<'d, 'i>(value: &'d DeValue<'i>, name: &str) -> Option<&'d DeTable<'i>> {
    match value {
        DeValue::Table(table) => table_with(table, name),
        DeValue::Array(array) => array.iter().find_map(|value| value_with(value.get_ref(), name)),
        _ => None,
    }
}
