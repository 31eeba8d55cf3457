//! Five layers in three formats and what must be said of each of their keys, from a model that knows
//! nothing of how merging is done.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Configuration, Format, Layer};
use super::{ListMerge, MergeRules};

const FORMATS: [(&str, Format); 5] = [
    ("defaults.yaml", Format::Yaml),
    ("base.toml", Format::Toml),
    ("app.json", Format::Json),
    ("staging.yaml", Format::Yaml),
    ("local.json", Format::Json),
];
const SECTION: usize = 20;

/// Layer, line, column, value, whether it is overridden.
type Said = (usize, u32, u32, Value, bool);
type Place = (u32, u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Scalar,
    Nullable,
    Map,
    NullableMap,
    Replace,
    Append,
    Prepend,
    Unique,
    By,
}

const KINDS: [Kind; 9] = [
    Kind::Scalar,
    Kind::Nullable,
    Kind::Map,
    Kind::NullableMap,
    Kind::Replace,
    Kind::Append,
    Kind::Prepend,
    Kind::Unique,
    Kind::By,
];

/// A generator that repeats itself for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn scalar(&mut self) -> Value {
        match self.below(4) {
            0 => json!(self.below(1000)),
            1 => json!(self.below(2) == 0),
            2 => json!(format!("v{}", self.below(1000))),
            _ => json!("two words: # é"),
        }
    }

    fn value(&mut self, kind: Kind, layer: usize) -> Value {
        let may_be_null = FORMATS[layer].1 != Format::Toml;
        match kind {
            Kind::Nullable | Kind::NullableMap if may_be_null && self.below(3) == 0 => Value::Null,
            Kind::Scalar | Kind::Nullable => self.scalar(),
            Kind::Map | Kind::NullableMap => self.map(),
            Kind::Replace | Kind::Append | Kind::Prepend => {
                (0..self.below(4)).map(|_| self.scalar()).collect()
            }
            Kind::Unique => self.subset().into_iter().map(|n| json!(format!("u{n}"))).collect(),
            Kind::By => {
                let ids = self.subset();
                ids.into_iter().map(|id| self.element(id)).collect()
            }
        }
    }

    fn element(&mut self, id: u64) -> Value {
        let mut element = self.map();
        element["id"] = json!(id);
        element
    }

    fn map(&mut self) -> Value {
        let names =
            ["x", "y", "a.b"].into_iter().filter(|_| self.below(2) == 0).collect::<Vec<_>>();
        let mut map: serde_json::Map<_, _> =
            names.into_iter().map(|name| (name.to_owned(), self.scalar())).collect();
        map.insert("always".to_owned(), self.scalar());
        Value::Object(map)
    }

    fn subset(&mut self) -> Vec<u64> {
        (0..5).filter(|_| self.below(2) == 0).collect()
    }
}

/// The text of a layer, and where it says what.
struct Text {
    format: Format,
    text: String,
    line: u32,
    column: u32,
    places: BTreeMap<String, Place>,
}

impl Text {
    fn new(format: Format) -> Self {
        Self { format, text: String::new(), line: 1, column: 1, places: BTreeMap::new() }
    }

    fn push(&mut self, text: &str) {
        for c in text.chars() {
            if c == '\n' {
                (self.line, self.column) = (self.line + 1, 1);
            } else {
                self.column += 1;
            }
        }
        self.text.push_str(text);
    }

    fn open(&mut self, section: &str, first: bool) {
        match self.format {
            Format::Toml => self.push(&format!("[{section}] # a comment\n")),
            Format::Json if first => self.push(&format!("{{\"{section}\": {{\n")),
            Format::Json => self.push(&format!("\n}}, \"{section}\": {{\n")),
            _ => self.push(&format!("# a comment\n{section}:\n")),
        }
    }

    fn entry(&mut self, section: &str, key: &str, value: &Value, first: bool) {
        match self.format {
            Format::Toml => self.push(&format!("{key} = ")),
            Format::Json if first => self.push(&format!("  \"{key}\": ")),
            Format::Json => self.push(&format!(",\n  \"{key}\": ")),
            _ => self.push(&format!("  {key}: ")),
        }
        self.value(value, &format!("{section}.{key}"));
        if self.format != Format::Json {
            self.push("\n");
        }
    }

    fn value(&mut self, value: &Value, path: &str) {
        self.places.insert(path.to_owned(), (self.line, self.column));
        match value {
            Value::Array(list) => {
                self.push("[");
                for (index, value) in list.iter().enumerate() {
                    self.push(if index > 0 { ", " } else { "" });
                    self.value(value, &format!("{path}.{index}"));
                }
                self.push("]");
            }
            Value::Object(map) => {
                self.push("{");
                for (index, (name, value)) in map.iter().enumerate() {
                    let colon = if self.format == Format::Toml { " = " } else { ": " };
                    self.push(if index > 0 { ", " } else { "" });
                    self.push(&format!("\"{name}\"{colon}"));
                    self.value(value, &below(path, name));
                }
                self.push("}");
            }
            scalar => self.push(&scalar.to_string()),
        }
    }

    fn finish(mut self) -> (String, BTreeMap<String, Place>) {
        if self.format == Format::Json {
            self.push(if self.text.is_empty() { "{}" } else { "\n}}\n" });
        }
        (self.text, self.places)
    }
}

fn below(path: &str, name: &str) -> String {
    if name.contains('.') { format!("{path}.\"{name}\"") } else { format!("{path}.{name}") }
}

/// What must come of it.
#[derive(Default)]
struct Answer {
    /// The leaves that there are.
    leaves: BTreeMap<String, Value>,
    /// What is said of each key, also of those that are gone and of whole lists.
    origins: BTreeMap<String, Vec<Said>>,
}

impl Answer {
    fn leaf(&mut self, key: String, mut said: Vec<Said>, is_there: bool) {
        for (index, one) in said.iter_mut().rev().enumerate() {
            one.4 = index > 0;
        }
        let winner = said.last().expect("somebody said it").3.clone();
        if is_there {
            self.leaves.insert(key.clone(), winner);
        }
        self.origins.insert(key, said);
    }
}

/// What the layers say of one key, oldest first, with the places of all in it.
struct Told<'t> {
    key: &'t str,
    values: Vec<(usize, Value)>,
    places: &'t [BTreeMap<String, Place>],
}

impl Told<'_> {
    fn said(&self, layer: usize, below: &str, value: &Value) -> Said {
        let (line, column) = self.places[layer][&format!("{}{below}", self.key)];
        (layer, line, column, value.clone(), false)
    }

    fn answer(&self, kind: Kind, answer: &mut Answer) {
        match kind {
            Kind::Scalar | Kind::Nullable => self.scalar(answer),
            Kind::Map | Kind::NullableMap => self.map(answer),
            Kind::Replace => self.replaced(answer),
            Kind::Append => self.combined(answer, self.elements()),
            Kind::Prepend => {
                let mut elements = self.elements();
                elements.sort_by_key(|(layer, index, _)| (Reverse(*layer), *index));
                self.combined(answer, elements);
            }
            Kind::Unique => self.unique(answer),
            Kind::By => self.by(answer),
        }
    }

    fn scalar(&self, answer: &mut Answer) {
        let said = self.values.iter().map(|(layer, value)| self.said(*layer, "", value)).collect();
        let (last, value) = self.values.last().expect("somebody said it");
        let is_there = !value.is_null() || *last == 0;
        answer.leaf(self.key.to_owned(), said, is_there);
    }

    fn map(&self, answer: &mut Answer) {
        let mut said: BTreeMap<String, Vec<Said>> = BTreeMap::new();
        let mut live: Vec<String> = Vec::new();
        for (layer, value) in &self.values {
            if value.is_null() {
                live.clear();
                said.values_mut().for_each(|said| said.push(self.said(*layer, "", value)));
            }
            for (name, value) in value.as_object().into_iter().flatten() {
                let path = below("", name);
                said.entry(path.clone()).or_default().push(self.said(*layer, &path, value));
                live.push(path);
            }
        }
        if said.is_empty() {
            return self.scalar(answer);
        }
        for (path, said) in said {
            let is_there = live.contains(&path);
            answer.leaf(format!("{}{path}", self.key), said, is_there);
        }
    }

    fn replaced(&self, answer: &mut Answer) {
        let whole = self.values.iter().map(|(layer, value)| self.said(*layer, "", value)).collect();
        let last = self.values.last().and_then(|(_, last)| last.as_array()).expect("a list");
        answer.leaf(self.key.to_owned(), whole, last.is_empty());
        for index in 0..last.len() {
            let path = format!(".{index}");
            let said = self
                .values
                .iter()
                .filter_map(|(layer, list)| Some(self.said(*layer, &path, list.get(index)?)));
            answer.leaf(format!("{}{path}", self.key), said.collect(), true);
        }
    }

    /// Returns layer, index and value of all elements, layer by layer.
    fn elements(&self) -> Vec<(usize, usize, Value)> {
        let all = self.values.iter().flat_map(|(layer, list)| {
            let list = list.as_array().expect("a list").iter().enumerate();
            list.map(|(index, value)| (*layer, index, value.clone()))
        });
        all.collect()
    }

    fn combined(&self, answer: &mut Answer, elements: Vec<(usize, usize, Value)>) {
        self.whole(answer, elements.is_empty(), |_| false);
        for (index, (layer, own, value)) in elements.into_iter().enumerate() {
            let said = vec![self.said(layer, &format!(".{own}"), &value)];
            answer.leaf(format!("{}.{index}", self.key), said, true);
        }
    }

    /// Answers for the list itself, which all layers are in force in unless `overridden`.
    fn whole(&self, answer: &mut Answer, is_leaf: bool, overridden: impl Fn(usize) -> bool) {
        let said: Vec<Said> = self
            .values
            .iter()
            .map(|(layer, value)| {
                let (layer, line, column, value, _) = self.said(*layer, "", value);
                (layer, line, column, value, overridden(layer))
            })
            .collect();
        if is_leaf {
            answer.leaves.insert(self.key.to_owned(), json!([]));
        }
        answer.origins.insert(self.key.to_owned(), said);
    }

    fn unique(&self, answer: &mut Answer) {
        let mut found: Vec<(Value, Vec<Said>)> = Vec::new();
        for (layer, own, value) in self.elements() {
            let said = self.said(layer, &format!(".{own}"), &value);
            match found.iter_mut().find(|(known, _)| *known == value) {
                Some((_, all)) => all.push(said),
                None => found.push((value, vec![said])),
            }
        }
        let overridden = |layer: usize| {
            let of_layer = |(_, all): &&(Value, Vec<Said>)| all.iter().any(|said| said.0 == layer);
            let own: Vec<_> = found.iter().filter(of_layer).collect();
            let lost = |(_, all): &&(Value, Vec<Said>)| all.last().is_some_and(|s| s.0 != layer);
            !own.is_empty() && own.iter().all(lost)
        };
        self.whole(answer, found.is_empty(), overridden);
        for (index, (_, said)) in found.into_iter().enumerate() {
            answer.leaf(format!("{}.{index}", self.key), said, true);
        }
    }

    fn by(&self, answer: &mut Answer) {
        let mut found: Vec<(Value, BTreeMap<String, Vec<Said>>)> = Vec::new();
        for (layer, own, value) in self.elements() {
            let at = found.iter().position(|(id, _)| *id == value["id"]);
            let at = at.unwrap_or_else(|| {
                found.push((value["id"].clone(), BTreeMap::new()));
                found.len() - 1
            });
            for (name, field) in value.as_object().into_iter().flatten() {
                let said = self.said(layer, &below(&format!(".{own}"), name), field);
                found[at].1.entry(below("", name)).or_default().push(said);
            }
        }
        if found.is_empty() {
            answer.leaves.insert(self.key.to_owned(), json!([]));
        }
        for (index, (_, fields)) in found.into_iter().enumerate() {
            for (path, said) in fields {
                answer.leaf(format!("{}.{index}{path}", self.key), said, true);
            }
        }
    }
}

struct Corpus {
    texts: Vec<String>,
    rules: MergeRules,
    answer: Answer,
}

fn key_of(number: usize) -> (String, String) {
    (format!("section{}", number / SECTION), format!("k{number}"))
}

/// Returns what each layer says of each key.
fn values(dice: &mut Dice, kinds: &[Kind]) -> Vec<Vec<(usize, Value)>> {
    let of_key = |kind: &Kind| {
        let mut layers: Vec<usize> = (0..FORMATS.len()).filter(|_| dice.below(2) == 0).collect();
        if layers.is_empty() {
            layers.push(1);
        }
        layers.into_iter().map(|layer| (layer, dice.value(*kind, layer))).collect()
    };
    kinds.iter().map(of_key).collect()
}

fn written(values: &[Vec<(usize, Value)>], layer: usize) -> (String, BTreeMap<String, Place>) {
    let mut text = Text::new(FORMATS[layer].1);
    let mut open = None;
    let mut first = true;
    for (number, said) in values.iter().enumerate() {
        let Some((_, value)) = said.iter().find(|(of, _)| *of == layer) else { continue };
        let (section, key) = key_of(number);
        let fresh = open.as_ref() != Some(&section);
        if fresh {
            text.open(&section, first);
            first = false;
            open = Some(section.clone());
        }
        text.entry(&section, &key, value, fresh);
    }
    text.finish()
}

fn corpus(seed: u64, keys: usize) -> Corpus {
    let mut dice = Dice(seed);
    let kinds: Vec<Kind> =
        (0..keys).map(|_| KINDS[dice.below(KINDS.len() as u64) as usize]).collect();
    let values = values(&mut dice, &kinds);
    let (texts, places): (Vec<_>, Vec<_>) =
        (0..FORMATS.len()).map(|layer| written(&values, layer)).unzip();
    let mut answer = Answer::default();
    let mut rules = MergeRules { null_deletes: true, ..MergeRules::default() };
    for (number, (kind, values)) in kinds.iter().zip(values).enumerate() {
        let (section, key) = key_of(number);
        let key = format!("{section}.{key}");
        let rule = match kind {
            Kind::Append => Some(ListMerge::Append),
            Kind::Prepend => Some(ListMerge::Prepend),
            Kind::Unique => Some(ListMerge::Unique),
            Kind::By => Some(ListMerge::By("id".to_owned())),
            _ => None,
        };
        rules.lists.extend(rule.map(|rule| (key.clone(), rule)));
        Told { key: &key, values, places: &places }.answer(*kind, &mut answer);
    }
    Corpus { texts, rules, answer }
}

fn merged(corpus: &Corpus) -> Configuration {
    let layer = |((file, format), text): (&(&'static str, Format), _)| Layer {
        file,
        format: *format,
        text,
    };
    let layers: Vec<_> =
        FORMATS.iter().zip(corpus.texts.iter().map(String::as_str)).map(layer).collect();
    Configuration::from_layers(&layers, &corpus.rules).unwrap_or_else(|e| panic!("{e:#?}"))
}

fn said(c: &Configuration, key: &str) -> Vec<Said> {
    let origins = c.origins(key).into_iter();
    let one = |o: crate::config::KeyOrigin| {
        assert_eq!(o.file, FORMATS[o.layer].0, "{key}");
        let (line, column) = (o.line.expect("a line"), o.column.expect("a column"));
        (o.layer, line, column, o.value, o.overridden)
    };
    origins.map(one).collect()
}

fn check(seed: u64, keys: usize) {
    let corpus = corpus(seed, keys);
    let c = merged(&corpus);
    let leaves: BTreeMap<String, Value> =
        c.leaves().map(|(key, node)| (key, node.to_json())).collect();
    // A section of which all is deleted is an empty map, and a leaf itself.
    let leaves: BTreeMap<_, _> = leaves.into_iter().filter(|(key, _)| key.contains('.')).collect();
    assert_eq!(leaves, corpus.answer.leaves, "seed {seed}");
    for (key, expected) in &corpus.answer.origins {
        assert_eq!(said(&c, key), *expected, "seed {seed}, {key}");
    }
    assert_eq!(c.unused_rules(), [""; 0]);
}

#[test]
fn all_origins_of_two_thousand_keys_in_five_layers_are_right() {
    for seed in 0..4 {
        check(seed, 2_000);
    }
}

proptest! {
    #[test]
    fn all_origins_of_a_few_keys_are_right(seed in any::<u64>(), keys in 1..40_usize) {
        check(seed, keys);
    }
}
