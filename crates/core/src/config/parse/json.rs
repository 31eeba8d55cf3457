//! JSON by RFC 8259.

use std::sync::Arc;

use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::reader::{Reader, read};
use super::{MAX_DEPTH, MAX_NODES, Stop, fragment, json_number};
use crate::config::node::{Data, Map, Node, Span};
use crate::config::scalar;
use crate::diagnostic::Diagnostic;

const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

pub(super) fn parse(file: Arc<str>, text: &str) -> Result<Node, Vec<Diagnostic>> {
    read(file, text, Reader::document)
}

impl Reader<'_> {
    fn document(&mut self, text: &str) -> Result<Node, Stop> {
        let scan = scan(text);
        if scan.separators >= MAX_NODES {
            let start = self.lines.span(0..0);
            return Err(self.report.stop(start, format!("more than {MAX_NODES} values")));
        }
        let root = match parse_to_ast(text, &CollectOptions::default(), &STRICT) {
            Ok(parsed) => parsed.value,
            Err(error) => return Err(self.syntax_error(error.range(), error.kind())),
        };
        if let Some(at) = scan.stray {
            let message = "control characters in strings, and spaces other than space, tab and line \
                           break between values, are not allowed";
            return Err(self.report.stop(self.lines.span(at..at + 1), message));
        }
        match root {
            Some(root) => self.json(&root, 0),
            None => {
                Err(self.report.stop(self.lines.span(0..0), "text is empty: a value is expected"))
            }
        }
    }

    fn syntax_error(&mut self, range: Range, kind: &ParseErrorKind) -> Stop {
        let message = match kind {
            ParseErrorKind::NestingDepthExceeded => {
                format!("nested more than {MAX_DEPTH} levels deep")
            }
            kind => fragment(&kind.to_string()),
        };
        self.report.stop(self.lines.span(range.start..range.end), message)
    }

    fn json(&mut self, value: &Value<'_>, depth: usize) -> Result<Node, Stop> {
        let range = value.range();
        let span = self.lines.span(range.start..range.end);
        self.report.spend(1, span)?;
        let data = match value {
            Value::NullKeyword(_) => Ok(Data::Null),
            Value::BooleanLit(flag) => Ok(Data::Bool(flag.value)),
            Value::NumberLit(number) => json_number(number.value),
            Value::StringLit(text) => scalar::string(&text.value),
            Value::Array(array) => {
                self.report.descend(depth + 1, span)?;
                let list = array.elements.iter().map(|element| self.json(element, depth + 1));
                Ok(Data::List(list.collect::<Result<_, _>>()?))
            }
            Value::Object(object) => {
                self.report.descend(depth + 1, span)?;
                Ok(Data::Map(Box::new(self.object(object, depth + 1)?)))
            }
        };
        Ok(self.report.scalar(span, data))
    }

    fn object(&mut self, object: &Object<'_>, depth: usize) -> Result<Map, Stop> {
        let mut map = Map::with_capacity(object.properties.len());
        for property in &object.properties {
            let (name, span) = self.property_name(property);
            let mut node = self.json(&property.value, depth)?;
            node.key = Some(span);
            match map.entry(name) {
                indexmap::map::Entry::Vacant(entry) => {
                    entry.insert(node);
                }
                indexmap::map::Entry::Occupied(entry) => {
                    self.report.duplicate(span, entry.key(), entry.get().key);
                }
            }
        }
        Ok(map)
    }

    fn property_name(&mut self, property: &ObjectProp<'_>) -> (String, Span) {
        let range = property.name.range();
        let span = self.lines.span(range.start..range.end);
        let name = property.name.as_str();
        if let Err(error) = scalar::string(name) {
            self.report.problem(span, error.to_string());
        }
        (name.to_owned(), span)
    }
}

/// What is known of a text before it is parsed.
#[derive(Default)]
struct Scan {
    /// How many commas and opening brackets separate values, which bounds how many values there are
    /// before memory is spent on them.
    separators: usize,
    /// The first byte that JSON does not allow where it stands but the parser lets through.
    stray: Option<usize>,
}

fn scan(text: &str) -> Scan {
    let mut scan = Scan::default();
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' | b'[' | b'{' if !quoted => scan.separators += 1,
            b'\t' | b'\n' | b'\r' if !quoted => {}
            0..=0x1f => scan.stray = scan.stray.or(Some(at)),
            0x80.. if !quoted => scan.stray = scan.stray.or(Some(at)),
            _ => {}
        }
    }
    scan
}
