//! `${VAR}` inside values: where they stand, not what they mean.

use super::node::{Data, Node, Origin, Span};
use super::scalar;
use crate::diagnostic::{Diagnostic, Position};

/// What a string becomes.
#[derive(Clone, PartialEq, Eq)]
pub struct Substitution {
    /// The text with its variables replaced.
    pub text: String,
    /// Whether a secret went into it, so that the value may not be shown.
    pub secret: bool,
}

impl From<String> for Substitution {
    fn from(text: String) -> Self {
        Self { text, secret: false }
    }
}

/// Why a string cannot be substituted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubstitutionError {
    /// A lowercase fragment.
    pub message: String,
    /// Where in the string it is, in bytes.
    pub offset: usize,
    /// How many characters are wrong, at least 1.
    pub width: usize,
    /// What to do next.
    pub hint: Option<String>,
}

type Resolve<'r> = dyn FnMut(&str) -> Result<Option<Substitution>, SubstitutionError> + 'r;

/// Replaces each string below `root` by what `resolve` makes of it.
pub(super) fn substitute(
    root: &mut Node,
    resolve: &mut Resolve<'_>,
) -> Result<(), Vec<Diagnostic>> {
    let mut problems = Vec::new();
    visit(root, resolve, &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn visit(node: &mut Node, resolve: &mut Resolve<'_>, problems: &mut Vec<Diagnostic>) {
    match &mut node.data {
        Data::List(list) => list.iter_mut().for_each(|node| visit(node, resolve, problems)),
        Data::Map(map) => map.values_mut().for_each(|node| visit(node, resolve, problems)),
        Data::String(_) if node.substituted => {}
        Data::String(text) => match resolve(text) {
            Ok(None) => {}
            Ok(Some(new)) => replace(node, new, problems),
            Err(error) => problems.push(place(&error, text, &node.origin)),
        },
        Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Float(_) => {}
    }
}

fn replace(node: &mut Node, new: Substitution, problems: &mut Vec<Diagnostic>) {
    if let Err(error) = scalar::string(&new.text) {
        problems.push(node.origin.error(error.to_string()));
        return;
    }
    node.data = Data::String(new.text);
    node.substituted = true;
    node.secret |= new.secret;
}

/// Returns the error at its offset in the string, where the file shows the string character for
/// character, plain or quoted; or else at the whole string.
fn place(error: &SubstitutionError, text: &str, origin: &Origin) -> Diagnostic {
    let before = text.get(..error.offset).unwrap_or(text).chars().count();
    let written = text.chars().count();
    let opening = match origin.span {
        Some(span) if span.width as usize == written => Some(0),
        Some(span) if span.width as usize == written + 2 => Some(1),
        _ => None,
    };
    let diagnostic = origin.error(&error.message);
    let diagnostic = match (origin.span, opening) {
        (Some(Span { position, .. }), Some(opening)) => {
            let column =
                position.column.saturating_add(u32::try_from(before + opening).unwrap_or(0));
            diagnostic.at(Position { column, ..position }).wide(error.width)
        }
        _ => diagnostic,
    };
    Diagnostic { hint: error.hint.clone(), ..diagnostic }
}

#[cfg(test)]
mod tests {
    use super::super::{Configuration, Format, Layer, MergeRules};
    use super::*;

    fn configuration(text: &str) -> Configuration {
        let layer = Layer { file: "a.yaml", format: Format::Yaml, text };
        Configuration::from_layers(&[layer], &MergeRules::default()).expect(text)
    }

    /// Stands in for the grammar: `$x` is replaced once, `$?` is an error.
    fn resolve(text: &str) -> Result<Option<Substitution>, SubstitutionError> {
        if let Some(offset) = text.find("$?") {
            let message = "unset variable `?`".to_owned();
            return Err(SubstitutionError {
                message,
                offset,
                width: 2,
                hint: Some("set it".into()),
            });
        }
        let replaced = text.replace("$x", "$x${y}").replace("$n", "\0");
        Ok((replaced != text).then(|| replaced.into()))
    }

    #[test]
    fn strings_are_replaced_once_and_marked() {
        let mut c = configuration("a: [1, '<$x>', {b: $x}]\n$x: plain\n");
        c.substitute(&mut resolve).expect("no error");
        assert_eq!(
            c.to_json(),
            serde_json::json!({"a": [1, "<$x${y}>", {"b": "$x${y}"}], "$x": "plain"})
        );
        let marked = |key: &str| c.get(key).expect(key).is_substituted();
        assert_eq!(
            [marked("a.0"), marked("a.1"), marked("a.2.b"), marked("$x")],
            [false, true, true, false]
        );
    }

    #[test]
    fn errors_are_placed_inside_the_string() {
        let mut c = configuration("a: üü $?\nb: '  $?'\nc: \"\\t$?\"\nd: |\n  x\n  $?\ne: $n\n");
        let errors = c.substitute(&mut resolve).expect_err("four unset, one NUL");
        let places: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(places[0], "a.yaml:1:7: unset variable `?`");
        assert_eq!(places[1], "a.yaml:2:7: unset variable `?`");
        assert_eq!(places[2], "a.yaml:3:4: unset variable `?`");
        assert!(places[3].starts_with("a.yaml:5:3: "), "{}", places[3]);
        assert_eq!(places[4], "a.yaml:7:4: string holds a NUL character");
        assert_eq!(errors[0].hint.as_deref(), Some("set it"));
    }

    #[test]
    fn a_secret_is_never_shown() {
        let mut c = configuration("password: $p\n");
        c.substitute(&mut |_| Ok(Some(Substitution { text: "hunter2".into(), secret: true })))
            .expect("no error");
        assert_eq!(c.get("password").and_then(Node::as_str), Some("hunter2"));
        assert!(!format!("{c:?}").contains("hunter2"));
        assert_eq!(c.to_masked_json(), serde_json::json!({"password": "<secret>"}));
        assert_eq!(c.origins("password")[0].value, "<secret>");
        assert_eq!(c.emit(Format::Yaml).as_deref(), Ok("password: hunter2\n"));
    }
}
