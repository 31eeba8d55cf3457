//! The validator's errors, placed and said in our words.

use std::borrow::Cow;

use jsonschema::ValidationError as Error;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::ValidationError;
use super::link::{Homes, Keyword};
use super::walk::Walker;
use crate::config::key;
use crate::config::node::{Map, Node, Origin};
use crate::diagnostic::nearest;

/// How many characters of a value are quoted.
const QUOTED: usize = 60;
/// How many names a hint lists.
const LISTED: usize = 8;

/// What messages may quote of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    /// Scalars that are not secret.
    NoSecrets,
    /// No value.
    Nothing,
}

/// Turns errors of the validator into ours.
pub(super) struct Explainer<'d> {
    document: &'d Node,
    schema: &'d Value,
    homes: Option<&'d Homes>,
    quoting: Quoting,
    errors: Vec<ValidationError>,
}

impl<'d> Explainer<'d> {
    /// Returns one for the errors of `document`; `schema` and `homes` are what it does not satisfy,
    /// linked.
    pub(super) fn new(
        document: &'d Node,
        schema: &'d Value,
        homes: Option<&'d Homes>,
        quoting: Quoting,
    ) -> Self {
        Self { document, schema, homes, quoting, errors: Vec::new() }
    }

    /// Returns the errors by place, each once.
    pub(super) fn finish(mut self) -> Vec<ValidationError> {
        let order = |e: &ValidationError| {
            (e.file.clone(), e.line, e.column, e.path.clone(), e.message.clone())
        };
        self.errors.sort_by_cached_key(order);
        self.errors.dedup_by(|a, b| order(a) == order(b));
        self.errors
    }

    pub(super) fn add(&mut self, error: &Error<'_>) {
        match error.kind() {
            Kind::AdditionalProperties { unexpected }
            | Kind::UnevaluatedProperties { unexpected } => self.unknown(error, unexpected),
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => self.forms(error, context),
            Kind::FalseSchema => self.not_allowed(error),
            Kind::PropertyNames { error: inner } => self.name(error, inner),
            Kind::Required { property } => self.missing(error, property),
            Kind::Enum { options } => {
                let hint = closest(error.instance(), options).filter(|_| !self.hides(error));
                self.plain(error, hint.map(|word| format!("did you mean {word:?}?")));
            }
            _ => self.plain(error, None),
        }
    }

    /// Says it as the validator does, at the value.
    fn plain(&mut self, error: &Error<'_>, hint: Option<String>) {
        let message = self.message(error);
        let place = self.find(error.instance_path().as_str());
        let mut found = place.error(message, self.keyword(error));
        found.hint = hint;
        self.errors.push(found);
    }

    fn message(&self, error: &Error<'_>) -> String {
        let shown = self.shown(error);
        match error.kind() {
            Kind::AdditionalItems { limit } => format!("{shown} has more than {limit} items"),
            Kind::UnevaluatedItems { .. } => format!("{shown} has items that are not allowed"),
            Kind::Contains => format!("{shown} has no item of the required form"),
            Kind::Constant { expected_value } => format!("{shown} is not {expected_value}"),
            Kind::Not { .. } => format!("{shown} has a form that is not allowed"),
            Kind::OneOfMultipleValid { .. } => {
                format!("{shown} has more than one of the forms of which it needs one")
            }
            _ => error.masked_with(shown).to_string(),
        }
    }

    /// Returns the value as a message may show it: never a secret, never a collection, never long.
    fn shown(&self, error: &Error<'_>) -> String {
        match &**error.instance() {
            Value::Object(_) => "map".to_owned(),
            Value::Array(_) => "list".to_owned(),
            _ if self.hides(error) => "value".to_owned(),
            scalar => shortened(&scalar.to_string()),
        }
    }

    fn hides(&self, error: &Error<'_>) -> bool {
        let path = error.instance_path().as_str();
        self.quoting == Quoting::Nothing
            || self.find(path).secret
            || Walker::new(self.schema).is_secret(segments(path).iter().map(AsRef::as_ref))
    }

    fn missing(&mut self, error: &Error<'_>, property: &Value) {
        let place = self.find(error.instance_path().as_str());
        let message = format!("required property {property} is missing");
        let mut found = place.error(message, self.keyword(error));
        let present = place.node.as_map().into_iter().flat_map(Map::keys).map(String::as_str);
        let known = self.known(error);
        let typo = nearest(property.as_str().unwrap_or_default(), present)
            .filter(|name| !known.contains(name));
        found.hint = typo.map(|name| format!("{name:?} is there: is it a typo?"));
        self.errors.push(found);
    }

    fn unknown(&mut self, error: &Error<'_>, unexpected: &[String]) {
        let place = self.find(error.instance_path().as_str());
        let known = self.known(error);
        let map = place.node.as_map();
        let free =
            || known.iter().copied().filter(|name| map.is_none_or(|map| !map.contains_key(*name)));
        let keyword = self.keyword(error);
        for name in unexpected {
            let hint = match nearest(name, free()) {
                Some(word) => Some(format!("did you mean {word:?}?")),
                None => listed(&known),
            };
            let below = place.child(name);
            let message = format!("unknown property {name:?}");
            let place = below.key_place();
            let mut found = ValidationError::at(&place, below.path, message, keyword.clone());
            found.hint = hint;
            self.errors.push(found);
        }
    }

    /// Returns where the keyword is that was not met.
    fn keyword(&self, error: &Error<'_>) -> Keyword {
        let pointer = || error.schema_path().as_str().to_owned();
        let unknown = || Keyword { file: String::new(), pointer: pointer(), linked: pointer() };
        self.homes.map_or_else(unknown, |homes| homes.keyword(error))
    }

    /// Returns the properties that the schema of the error names.
    fn known(&self, error: &Error<'_>) -> Vec<&'d str> {
        let pointer = self.keyword(error).linked;
        let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        let properties = self.schema.pointer(parent).and_then(|schema| schema.get("properties"));
        let names = properties.and_then(Value::as_object).into_iter().flat_map(|map| map.keys());
        names.map(String::as_str).collect()
    }

    fn not_allowed(&mut self, error: &Error<'_>) {
        let place = self.find(error.instance_path().as_str());
        let message = "nothing is allowed here".to_owned();
        let keyword = self.keyword(error);
        self.errors.push(ValidationError::at(&place.key_place(), place.path, message, keyword));
    }

    fn name(&mut self, error: &Error<'_>, inner: &Error<'_>) {
        let place = self.find(error.instance_path().as_str());
        let place = place.child(inner.instance().as_str().unwrap_or_default());
        let message =
            format!("key {}", inner.masked_with(shortened(&inner.instance().to_string())));
        let keyword = self.keyword(inner);
        self.errors.push(ValidationError::at(&place.key_place(), place.path, message, keyword));
    }

    /// Explains by the one form that the value is meant to have, if that can be told.
    fn forms(&mut self, error: &Error<'_>, forms: &[Vec<Error<'static>>]) {
        if let Some(meant) = meant(error, forms) {
            meant.iter().for_each(|inner| self.add(inner));
            return;
        }
        let message =
            format!("{} has none of the {} allowed forms", self.shown(error), forms.len());
        let firsts = forms.iter().filter_map(|form| form.first()).take(LISTED);
        let reasons: Vec<String> = firsts.map(|inner| self.reason(inner)).collect();
        let place = self.find(error.instance_path().as_str());
        let mut found = place.error(message, self.keyword(error));
        found.hint = (!reasons.is_empty()).then(|| reasons.join("; or "));
        self.errors.push(found);
    }

    fn reason(&self, error: &Error<'_>) -> String {
        match error.kind() {
            Kind::Required { property } => format!("required property {property} is missing"),
            Kind::AdditionalProperties { unexpected }
            | Kind::UnevaluatedProperties { unexpected } => {
                format!("unknown properties {}", unexpected.join(", "))
            }
            Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
                format!("{} has none of the allowed forms", self.shown(error))
            }
            _ => self.message(error),
        }
    }

    fn find(&self, pointer: &str) -> Place<'d> {
        let mut place =
            Place { node: self.document, path: String::new(), secret: self.document.is_secret() };
        for segment in key::split_pointer(pointer) {
            place = place.child(&segment);
        }
        place
    }
}

/// A value of the document with its dotted key.
struct Place<'d> {
    node: &'d Node,
    path: String,
    secret: bool,
}

impl Place<'_> {
    /// Returns the place under `segment`; where there is no value, the one above stands for it.
    fn child(&self, segment: &str) -> Self {
        let node = self.node.child(segment).unwrap_or(self.node);
        let mut path = self.path.clone();
        key::push(&mut path, segment);
        Self { node, path, secret: self.secret || node.is_secret() }
    }

    fn key_place(&self) -> Origin {
        self.node.key_origin().unwrap_or_else(|| self.node.place())
    }

    fn error(&self, message: String, keyword: Keyword) -> ValidationError {
        ValidationError::at(&self.node.place(), self.path.clone(), message, keyword)
    }
}

fn segments(pointer: &str) -> Vec<Cow<'_, str>> {
    key::split_pointer(pointer).collect()
}

/// Returns the errors of the only form that the value can be meant to have: the only one of its
/// type, or of those the only one whose constants it has.
fn meant<'e>(error: &Error<'_>, forms: &'e [Vec<Error<'static>>]) -> Option<&'e [Error<'static>]> {
    let here = error.instance_path().as_str();
    let depth = segments(here).len();
    let of_type = |form: &&Vec<Error<'static>>| {
        !form
            .iter()
            .any(|e| e.instance_path().as_str() == here && matches!(e.kind(), Kind::Type { .. }))
    };
    let has_constants = |form: &&Vec<Error<'static>>| {
        !form.iter().any(|e| {
            let near = segments(e.instance_path().as_str()).len() <= depth + 1;
            near && matches!(e.kind(), Kind::Constant { .. } | Kind::Enum { .. })
        })
    };
    let candidates: Vec<_> = forms.iter().filter(of_type).collect();
    only(&candidates).or_else(|| {
        let candidates: Vec<_> = candidates.into_iter().filter(has_constants).collect();
        only(&candidates)
    })
}

fn only<'e>(forms: &[&'e Vec<Error<'static>>]) -> Option<&'e [Error<'static>]> {
    match forms {
        [one] => Some(one.as_slice()),
        _ => None,
    }
}

fn closest<'o>(value: &Value, options: &'o Value) -> Option<&'o str> {
    let options = options.as_array()?.iter().filter_map(Value::as_str);
    nearest(value.as_str()?, options)
}

fn listed(names: &[&str]) -> Option<String> {
    let fits = (1..=LISTED).contains(&names.len());
    fits.then(|| format!("known properties: {}", names.join(", ")))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}
