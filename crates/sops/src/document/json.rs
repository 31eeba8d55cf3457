//! JSON by RFC 8259.

use std::collections::HashSet;
use std::ops::Range;

use jsonc_parser::ast::{Array, Object, StringLit, Value as Ast};
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use zeroize::Zeroizing;

use super::{Collection, Document, Findings, Item, Leaf, MAX_DEPTH, Node, Root};
use crate::error::{Problem, SopsError};
use crate::format::Format;
use crate::path::{KeyPath, Step};
use crate::value::Value;

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

/// Reads a JSON object.
pub(super) fn parse(text: Zeroizing<String>) -> Result<Document, SopsError> {
    let (root, leaves) = read(&text)?;
    Ok(Document { format: Format::Json, text, roots: vec![root], leaves })
}

fn read(text: &str) -> Result<(Root, Vec<Leaf>), SopsError> {
    let mut reader = Reader {
        text,
        leaves: Vec::new(),
        findings: Findings::new(text),
        path: KeyPath::default(),
    };
    let root = match parse_to_ast(text, &CollectOptions::default(), &STRICT) {
        Ok(parsed) => parsed.value,
        Err(error) => {
            let range = error.range();
            reader.wrong(range.start..range.end, syntax(error.kind()));
            None
        }
    };
    let map = match root {
        Some(Ast::Object(object)) => reader.object(&object, 0),
        Some(other) => {
            reader.wrong(other.range().start..other.range().end, Problem::RootNotMap);
            empty()
        }
        None => {
            if text.trim().is_empty() {
                reader.wrong(
                    0..0,
                    Problem::Syntax("an object is expected: the text is empty".to_owned()),
                );
            }
            empty()
        }
    };
    let Reader { leaves, findings, .. } = reader;
    let end = map.range.end.saturating_sub(1);
    findings.finish((Root { map, end, written: true }, leaves))
}

fn empty() -> Collection {
    Collection {
        is_map: true,
        flow: true,
        column: 0,
        range: 0..0,
        items: Vec::new(),
        comments: Vec::new(),
    }
}

/// Returns what is wrong in words that quote nothing of the text.
fn syntax(kind: &ParseErrorKind) -> Problem {
    match kind {
        ParseErrorKind::NestingDepthExceeded => Problem::TooDeep,
        kind => {
            let words = kind.to_string();
            let words = words.split(['\'', '`', '"']).next().unwrap_or_default().trim();
            Problem::Syntax(format!("not JSON: {}", words.trim_end_matches('.').to_lowercase()))
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    leaves: Vec<Leaf>,
    findings: Findings<'t>,
    path: KeyPath,
}

impl Reader<'_> {
    fn wrong(&mut self, range: Range<usize>, problem: Problem) {
        self.findings.add(range, &self.path, problem);
    }

    fn object(&mut self, object: &Object<'_>, depth: usize) -> Collection {
        let mut names = HashSet::new();
        let mut items = Vec::with_capacity(object.properties.len());
        for property in &object.properties {
            let key = property.name.as_str().to_owned();
            let name = property.name.range();
            self.path.push(Step::Key(key.clone()));
            self.control_characters(name.start..name.end);
            if !names.insert(key.clone()) {
                self.wrong(name.start..name.end, Problem::DuplicateKey);
            }
            let node = self.node(&property.value, depth + 1);
            self.path.pop();
            items.push(Item { key, range: name.start..property.value.range().end, node });
        }
        collection(true, object.range.start..object.range.end, items)
    }

    fn array(&mut self, array: &Array<'_>, depth: usize) -> Collection {
        let mut items = Vec::with_capacity(array.elements.len());
        for (index, element) in array.elements.iter().enumerate() {
            self.path.push(Step::Index(index));
            let node = self.node(element, depth + 1);
            self.path.pop();
            let range = element.range();
            items.push(Item { key: String::new(), range: range.start..range.end, node });
        }
        collection(false, array.range.start..array.range.end, items)
    }

    fn node(&mut self, ast: &Ast<'_>, depth: usize) -> Node {
        let range = ast.range().start..ast.range().end;
        if depth > MAX_DEPTH {
            self.wrong(range, Problem::TooDeep);
            return Node::Collection(empty());
        }
        let value = match ast {
            Ast::Object(object) => return Node::Collection(self.object(object, depth)),
            Ast::Array(array) => return Node::Collection(self.array(array, depth)),
            Ast::StringLit(StringLit { value, .. }) => {
                self.control_characters(range.clone());
                Value::text(value.as_bytes())
            }
            Ast::NumberLit(number) => self.number(number.value, range.clone()),
            Ast::BooleanLit(flag) => Value::boolean(flag.value),
            Ast::NullKeyword(_) => Value::null(),
        };
        self.leaves.push(Leaf {
            range,
            tail: None,
            value,
            is_comment: false,
            flow: true,
            column: 0,
        });
        Node::Leaf(self.leaves.len() - 1)
    }

    fn number(&mut self, text: &str, range: Range<usize>) -> Value {
        if let Ok(number) = text.parse() {
            return Value::integer(number);
        }
        let whole = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        match text.parse::<f64>() {
            Ok(number) if !whole && number.is_finite() => Value::float(number),
            _ => {
                self.wrong(range, Problem::NumberTooLarge);
                Value::null()
            }
        }
    }

    /// Finds control characters in a string, which JSON allows as escapes only.
    fn control_characters(&mut self, range: Range<usize>) {
        if let Some(at) = self.text[range.clone()].find(|c: char| c < ' ') {
            let at = range.start + at;
            self.wrong(
                at..at + 1,
                Problem::Syntax("not JSON: a control character in a string".to_owned()),
            );
        }
    }
}

fn collection(is_map: bool, range: Range<usize>, items: Vec<Item>) -> Collection {
    Collection { is_map, flow: true, column: 0, range, items, comments: Vec::new() }
}
