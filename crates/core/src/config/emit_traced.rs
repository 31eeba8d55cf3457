//! Nodes to text, with which key is on which line.

use super::emit::emit;
use super::format::Format;
use super::key;
use super::node::{Data, Map, Node};
use super::parse::parse;
use crate::diagnostic::Diagnostic;
use crate::trace::{Places, Source, Span, Traced};

/// Returns what [`emit`] returns, and which dotted keys are on which lines: those of the values that
/// hold no other. A value of several lines is on all of them.
///
/// The text is read again for that, since its writers do not tell where they put what.
///
/// # Errors
/// As [`emit`].
pub fn emit_traced(root: &Node, format: Format) -> Result<Traced, Vec<Diagnostic>> {
    let text = emit(root, format)?;
    let read = parse(format, "the text that was written", &text)?;
    let mut found = Found { places: Places::of(&text), text: &text, ..Found::default() };
    found.visit(&read, &mut String::new());
    let spans = found.spans(format);
    Ok(Traced::new(text, spans))
}

/// A value that holds no other.
struct Leaf {
    key: String,
    /// The first line of its key, or of itself where it has none.
    line: u32,
    /// The first line of itself, and the last where it says so itself.
    value: (u32, Option<u32>),
}

struct Found<'t> {
    text: &'t str,
    places: Places<'t>,
    leaves: Vec<Leaf>,
    /// The lines on which a key or a value begins.
    starts: Vec<u32>,
}

impl Default for Found<'_> {
    fn default() -> Self {
        Self { text: "", places: Places::of(""), leaves: Vec::new(), starts: Vec::new() }
    }
}

impl Found<'_> {
    fn visit(&mut self, node: &Node, path: &mut String) {
        let line = node.origin.span.map_or(1, |span| span.position.line);
        let first = node.key.map_or(line, |key| key.position.line.min(line));
        self.starts.push(first);
        match &node.data {
            Data::List(list) if !list.is_empty() => {
                for (index, child) in list.iter().enumerate() {
                    self.below(&index.to_string(), child, path);
                }
            }
            Data::Map(map) if !map.is_empty() => {
                Map::iter(map).for_each(|(name, child)| self.below(name, child, path));
            }
            _ if path.is_empty() => {}
            _ => {
                let value = (line, self.quoted_end(node));
                self.leaves.push(Leaf { key: path.clone(), line: first, value });
            }
        }
    }

    fn below(&mut self, segment: &str, child: &Node, path: &mut String) {
        let before = key::push(path, segment);
        self.visit(child, path);
        path.truncate(before);
    }

    /// Returns the last line of a text between three quotes.
    fn quoted_end(&self, node: &Node) -> Option<u32> {
        let at = node.origin.span?.position;
        let line = self.text.get(self.places.start_of(at.line)..)?;
        let (before, _) = line.char_indices().nth(at.column as usize - 1)?;
        let value = &line[before..];
        let quotes = value.get(..3).filter(|quotes| matches!(*quotes, "\"\"\"" | "'''"))?;
        let inside = value[3..].find(quotes)?;
        let lines = value[..3 + inside].matches('\n').count();
        Some(at.line + u32::try_from(lines).ok()?)
    }

    /// Returns a span for each run of lines with the same keys.
    fn spans(mut self, format: Format) -> Vec<Span> {
        self.starts.sort_unstable();
        self.leaves.sort_by_key(|leaf| leaf.line);
        let mut spans: Vec<Span> = Vec::new();
        for leaf in &self.leaves {
            let output = self.places.start_of(leaf.line)
                ..self.places.start_of(self.last_line(leaf, format).saturating_add(1));
            match spans.last_mut() {
                Some(last) if last.output.end > output.start => {
                    last.output.end = last.output.end.max(output.end);
                    last.sources.push(Source::exact(&leaf.key));
                }
                _ => {
                    let sources = vec![Source::exact(&leaf.key)];
                    spans.push(Span { output, place: None, verbatim: false, sources });
                }
            }
        }
        spans
    }

    /// Returns the last line of a value. In YAML it goes on until something else begins; what else is
    /// between values of the others are brackets, headings and blank lines.
    fn last_line(&self, leaf: &Leaf, format: Format) -> u32 {
        let (line, end) = leaf.value;
        match format {
            Format::Toml => end.unwrap_or(line),
            Format::Json => line,
            Format::Yaml | Format::Env => {
                let next = self.starts.partition_point(|start| *start <= line);
                let last = || u32::try_from(self.text.lines().count()).unwrap_or(u32::MAX);
                self.starts.get(next).map_or_else(last, |next| next - 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Configuration, Layer, MergeRules};
    use super::*;

    fn read(format: Format, text: &str) -> Node {
        let layer = Layer { file: "a", format, text };
        let rules = MergeRules::default();
        Configuration::from_layers(&[layer], &rules).expect(text).root().clone()
    }

    /// Returns each line with the keys that are on it.
    fn lines(root: &Node, format: Format) -> Vec<(String, String)> {
        let traced = emit_traced(root, format).expect("it can be written");
        assert_eq!(Ok(&traced.text), emit(root, format).as_ref());
        let keys = |sources: &[Source]| {
            sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(" ")
        };
        let lines = traced.lines();
        lines.iter().map(|line| (line.text.to_owned(), keys(&line.sources))).collect()
    }

    fn pairs(lines: &[(String, String)]) -> Vec<(&str, &str)> {
        lines.iter().map(|(text, keys)| (text.as_str(), keys.as_str())).collect()
    }

    const TEXT: &str = "a: {b: 1, 'c.d': [x, {y: ~}]}\ne: []\nf: \"one\\ntwo\\n\"\ng: last\n";

    #[test]
    fn yaml_lines_have_their_keys() {
        let all = lines(&read(Format::Yaml, TEXT), Format::Yaml);
        let find = |start: &str| {
            all.iter()
                .find(|(text, _)| text.trim_start().starts_with(start))
                .expect(start)
                .1
                .clone()
        };

        assert_eq!(find("a:"), "", "{all:?}");
        assert_eq!(find("b:"), "a.b");
        assert_eq!(find("- x"), "a.\"c.d\".0");
        assert_eq!(find("- \"y\""), "a.\"c.d\".1.y");
        assert_eq!(find("e:"), "e");
        assert_eq!(find("g:"), "g");
        let of_f: Vec<_> = all.iter().filter(|(_, keys)| keys == "f").collect();
        assert!(
            !of_f.is_empty()
                && all.iter().all(|(text, keys)| text.contains("two") <= (keys == "f"))
        );
    }

    #[test]
    fn json_lines_have_their_keys() {
        let all = lines(&read(Format::Yaml, "a: {b: 1}\nf: \"one\\ntwo\"\nl: [1]\n"), Format::Json);
        let expected = [
            ("{", ""),
            ("  \"a\": {", ""),
            ("    \"b\": 1", "a.b"),
            ("  },", ""),
            ("  \"f\": \"one\\ntwo\",", "f"),
            ("  \"l\": [", ""),
            ("    1", "l.0"),
            ("  ]", ""),
            ("}", ""),
        ];
        assert_eq!(pairs(&all), expected);
    }

    #[test]
    fn toml_lines_have_their_keys() {
        let text = "t: {n: 1}\nf: \"one\\n\\ntwo\\n\"\nl: [1, 2]\ns: [{a: 1}, {a: 2}]\nz: 3\n";
        let all = lines(&read(Format::Yaml, text), Format::Toml);
        let expected = [
            ("f = \"\"\"", "f"),
            ("one", "f"),
            ("", "f"),
            ("two", "f"),
            ("\"\"\"", "f"),
            ("l = [1, 2]", "l.0 l.1"),
            ("z = 3", "z"),
            ("", ""),
            ("[t]", ""),
            ("n = 1", "t.n"),
            ("", ""),
            ("[[s]]", ""),
            ("a = 1", "s.0.a"),
            ("", ""),
            ("[[s]]", ""),
            ("a = 2", "s.1.a"),
        ];
        assert_eq!(pairs(&all), expected);
    }

    #[test]
    fn what_cannot_be_written_is_refused_as_ever() {
        let root = read(Format::Yaml, "a: ~\n");
        assert_eq!(emit_traced(&root, Format::Toml).map(drop), emit(&root, Format::Toml).map(drop));
        assert_eq!(
            emit_traced(&read(Format::Yaml, "{}"), Format::Json).expect("{}").lines().len(),
            1
        );
    }

    fn node() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value;
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-c \\n'\"#:\\u{fc}-]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c. ]{1,3}", inner, 0..4).prop_map(Value::from_iter),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_leaf_is_on_a_line(
            top in prop::collection::btree_map("[a-d]{1,2}", node(), 1..5),
            format in prop::sample::select(vec![Format::Yaml, Format::Toml, Format::Json]),
        ) {
            let json = serde_json::Value::from_iter(top).to_string();
            let root = read(Format::Json, &json);
            let traced = emit_traced(&root, format).expect("there is no null");
            let text: String = traced.spans.iter().map(|s| &traced.text[s.output.clone()]).collect();
            prop_assert_eq!(&text, &emit(&root, format).expect("it can be written"));
            let layer = Layer { file: "a", format: Format::Json, text: &json };
            let whole = Configuration::from_layers(&[layer], &MergeRules::default()).expect("valid");
            let mut keys: Vec<_> = whole.leaves().map(|(key, _)| key).collect();
            let sources = traced.spans.iter().flat_map(|span| &span.sources);
            let mut found: Vec<_> = sources.map(|source| source.name.clone()).collect();
            keys.sort();
            found.sort();
            prop_assert_eq!(found, keys, "{}", text);
        }
    }
}
