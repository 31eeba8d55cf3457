//! `[secrets]`, and the file of an environment's secrets.

use std::time::Duration;

use super::fields::Item;
use super::shape::{DURATION, Field, Kind, List, Shape, TEXT};
use super::source;

pub(super) static SECRETS: Shape = Shape {
    fields: &[
        Field::new(
            "max_age",
            Kind::Text(&DURATION),
            "\"90d\"",
            "How long after it was set a secret has to be rotated; a secret can have a bound of its own. \
             `windlass secrets check` tells which are overdue.",
        )
        .or_else("as old as they get"),
        Field::new(
            "key_command",
            Kind::List(&List::some(Kind::Text(&TEXT))),
            "[\"pass\", \"show\", \"age\"]",
            "A program and its arguments, run without a shell, that prints the age key. It is asked \
             when no key that is at hand opens a file.",
        ),
        Field::new(
            "allow",
            Kind::List(&List::of(Kind::Text(&TEXT))),
            "[\"testdata/\"]",
            "Files in which `windlass secrets check` does not look for secrets in plain text, as \
             `.gitignore` names them.",
        ),
    ],
    ..Shape::header("secrets", "`[secrets]`", "What holds for the secrets of all environments.")
};

/// What `[secrets]` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecretsSpec {
    /// How old a secret may get before it has to be rotated, if there is a bound.
    pub max_age: Option<Duration>,
    /// The program that prints the age key, with its arguments; at least the program, if it is there.
    pub key_command: Option<Vec<String>>,
    /// Patterns, as in `.gitignore`, of files that are not searched for secrets in plain text.
    pub allow: Vec<String>,
}

/// Reads `[secrets]`.
pub(super) fn read(item: &Item<'_>) -> SecretsSpec {
    let Some(fields) = item.fields("[secrets]", &SECRETS) else { return SecretsSpec::default() };
    let words = |items: Vec<Item<'_>>| items.iter().filter_map(Item::text).collect::<Vec<_>>();
    let max_age = fields.get("max_age").and_then(|age| age.milliseconds());
    let command = fields.get("key_command");
    let command = command.and_then(|command| command.nonempty_list("words", "name a program"));
    let allow = fields.get("allow").and_then(|allow| allow.list("patterns"));
    SecretsSpec {
        max_age: max_age.map(Duration::from_millis),
        key_command: command.map(words),
        allow: allow.map(words).unwrap_or_default(),
    }
}

/// Reads `secrets` of an environment: a path in the project, without variables.
pub(super) fn read_file(item: &Item<'_>) -> Option<String> {
    let path = source::read(item)?.value;
    if path.contains("${") {
        let problem =
            format!("{} contains a variable, which is not substituted here", item.label());
        item.report(problem, Some("write the name of the file".to_owned()));
        return None;
    }
    Some(path)
}
