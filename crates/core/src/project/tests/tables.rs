//! The tables of a project file, held against the decoder: each field, each bound, each default.

use proptest::prelude::*;

use super::{FILE, accepted, editor, refused, underlined};
use crate::project::shape::{Field, Kind, Otherwise, Shape, Style};
use crate::project::{Project, ROOT, json_schema};

/// Where a table stands in a file (at `@`), and the fields that it has there unless told otherwise.
const FRAMES: [(&str, &str, &str); 22] = [
    ("windlass", "@", "project = { name = \"shop\" }"),
    ("project", "[project]\n@", "name = \"shop\""),
    ("config", "[project]\nname = \"shop\"\n[config.app]\n@", "layers = [\"a.yaml\"]"),
    ("layer", "[project]\nname = \"shop\"\n[config.app]\nlayers = [@]", ""),
    (
        "merge_by",
        "[project]\nname = \"shop\"\n[config.app]\nlayers = [\"a\"]\nmerge.services = @",
        "",
    ),
    ("service", "[project]\nname = \"shop\"\n[services.web]\n@", ""),
    (
        "file",
        "[project]\nname = \"shop\"\n[config.app]\nlayers = [\"a\"]\n[services.web]\nfiles = [@]",
        "",
    ),
    ("artifact", "[project]\nname = \"shop\"\n[services.web]\nartifact = @", ""),
    ("health_check", "[project]\nname = \"shop\"\n[services.web]\nhealth = [@]", ""),
    ("memory", "[project]\nname = \"shop\"\n[services.web]\nhealth = [{ memory = @ }]", ""),
    ("disk", "[project]\nname = \"shop\"\n[services.web]\nhealth = [{ disk = @ }]", ""),
    ("prometheus", "[project]\nname = \"shop\"\n[services.web]\nhealth = [{ prometheus = @ }]", ""),
    (
        "environment",
        "[project]\nname = \"shop\"\n[services.web]\n[environments.staging]\n@",
        "type = \"staging\"\nconfig_path = \"/etc/shop\"\ntargets = [\"local:a\"]\n\
         inventory = \"hosts.ini\"",
    ),
    ("group", "@HEAD@groups.eu = @", ""),
    (
        "target",
        "[project]\nname = \"shop\"\n[services.web]\n[environments.staging]\ntype = \"staging\"\n\
         config_path = \"/etc/shop\"\ngroups.eu = {}\ntargets = [@]",
        "",
    ),
    ("secrets", "[project]\nname = \"shop\"\n[secrets]\n@", ""),
    ("strategy", "@HEAD@strategy = @", ""),
    ("rolling", "@HEAD@strategy = { rolling = @ }", ""),
    ("blue_green", "@HEAD@strategy = { blue_green = @ }", ""),
    ("canary", "@HEAD@strategy = { canary = @ }", ""),
    ("budget", "@HEAD@budget = @", ""),
    ("ssh", "[project]\nname = \"shop\"\n[ssh]\n@", ""),
];

/// Values of all types, of which most fields take few.
const VALUES: [&str; 12] = [
    "1.5",
    "true",
    "\"x\"",
    "\"\"",
    "0",
    "8080",
    "-1",
    "[]",
    "{}",
    "[1.5]",
    "{ x = 1.5 }",
    "\"1s\"",
];

type Lines = Vec<(String, String)>;

fn lines(text: &str, separator: &str) -> Lines {
    let parts = text.split(separator).filter_map(|part| part.split_once(" = "));
    parts.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Returns a file with `fields` in the table `shape`, over those that it has anyway.
fn file(shape: &Shape, fields: &Lines) -> String {
    let frame = FRAMES.iter().find(|(name, ..)| *name == shape.name);
    let (_, frame, base) = frame.unwrap_or_else(|| panic!("add a frame for `{}`", shape.name));
    let mut all: Lines = Vec::new();
    for (key, value) in lines(base, "\n").iter().chain(fields) {
        all.retain(|(known, _)| known != key);
        all.push((key.clone(), value.clone()));
    }
    let all: Vec<_> = all.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    let text = match shape.style {
        Style::Header => all.join("\n"),
        Style::Inline => format!("{{ {} }}", all.join(", ")),
    };
    // The one example that only its own value makes sound.
    let text = match text.contains("allow_http = true") {
        true => text,
        false => text.replace("http://config.internal", "https://config.internal"),
    };
    frame.replace("@HEAD@", super::HEAD).replace('@', &text)
}

fn beside(field: &Field) -> Lines {
    lines(field.beside, ", ")
}

/// Returns a file in which `field` of `shape` is `value`.
fn with(shape: &Shape, field: &Field, value: &str) -> String {
    let mut fields = beside(field);
    fields.push((field.name.to_owned(), value.to_owned()));
    file(shape, &fields)
}

/// Returns a file that is sound but for `field` of `shape`, which it does not have.
fn without(shape: &Shape, field: &Field) -> String {
    let mut fields = beside(field);
    fields.retain(|(key, _)| key != field.name);
    let text = file(shape, &fields);
    let own = format!("{} = ", field.name);
    let kept = text.lines().filter(|line| shape.style == Style::Inline || !line.starts_with(&own));
    kept.map(|line| format!("{line}\n")).collect()
}

fn all() -> impl Iterator<Item = (&'static Shape, &'static Field)> {
    ROOT.tables().into_iter().flat_map(|shape| shape.fields.iter().map(move |field| (shape, field)))
}

/// Returns the kinds that a value may be of.
fn kinds(kind: &'static Kind) -> Vec<&'static Kind> {
    match kind {
        Kind::Any(kinds) => kinds.iter().flat_map(kinds_of).collect(),
        kind => vec![kind],
    }
}

fn kinds_of(kind: &'static Kind) -> Vec<&'static Kind> {
    kinds(kind)
}

/// Checks that the decoder and the schema both refuse `text`.
fn both_refuse(text: &str) {
    drop(refused(text));
    let seen = editor::errors(text).expect("TOML");
    assert!(!seen.is_empty(), "the schema accepts\n{text}");
}

/// Returns what `text` says, but for where it says it.
fn meaning(text: &str) -> String {
    let mut said = format!("{:?}", accepted(text));
    for place in ["line: ", "column: ", "width: "] {
        let parts: Vec<_> = said.split(place).map(str::to_owned).collect();
        let bare =
            parts.iter().skip(1).map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()));
        said = parts[..1].iter().map(String::as_str).chain(bare).collect();
    }
    said
}

#[test]
fn each_example_is_accepted() {
    for (shape, field) in all() {
        accepted(&with(shape, field, field.example));
    }
}

#[test]
fn each_example_is_in_the_schema() {
    let schema = serde_json::to_value(json_schema()).expect("JSON");
    for (shape, field) in all() {
        let table = if shape.name == "windlass" { &schema } else { &schema["$defs"][shape.name] };
        let property = &table["properties"][field.name];
        assert!(property["examples"][0] != serde_json::Value::Null, "{}: {property}", field.name);
        assert!(property["description"].as_str().is_some_and(|text| text.ends_with('.')));
        let is_value = matches!(field.otherwise, Otherwise::Value(_));
        assert_eq!(property.get("default").is_some(), is_value, "{}", field.name);
    }
}

#[test]
fn what_holds_otherwise_is_what_is_read() {
    for (shape, field) in all() {
        if let Otherwise::Value(value) = field.otherwise {
            let (told, untold) = (with(shape, field, value), without(shape, field));
            assert_eq!(meaning(&told), meaning(&untold), "{told}");
        }
    }
}

#[test]
fn what_is_required_is_and_nothing_else() {
    // A table of `merge` without `by` is one of dotted keys.
    for (shape, field) in all().filter(|(shape, _)| shape.name != "merge_by") {
        let is_one = shape.one_of.iter().any(|one| one.field == field.name);
        let text = without(shape, field);
        if is_one || field.otherwise == Otherwise::Required {
            both_refuse(&text);
        } else {
            accepted(&text);
        }
    }
}

#[test]
fn each_field_refuses_what_it_is_not() {
    for (shape, field) in all() {
        let text = with(shape, field, "1.5");
        both_refuse(&text);
        let errors = refused(&text);
        assert!(underlined(&text, &errors).contains(&"1.5".to_owned()), "{text}\n{errors:#?}");
    }
}

#[test]
fn each_table_refuses_what_it_does_not_have() {
    for (shape, field) in all() {
        let mut fields = beside(field);
        fields.push((field.name.to_owned(), field.example.to_owned()));
        fields.push(("no_such_field".to_owned(), "1".to_owned()));
        let text = file(shape, &fields);
        both_refuse(&text);
        let errors = refused(&text);
        assert_eq!(errors.len(), 1, "{text}\n{errors:#?}");
        assert!(errors[0].message.starts_with("unknown field `no_such_field`"), "{errors:#?}");
    }
    for shape in ROOT.tables() {
        for later in shape.later {
            let (first, own) = (&shape.fields[0], ((*later).to_owned(), "1".to_owned()));
            let example = (first.name.to_owned(), first.example.to_owned());
            both_refuse(&file(shape, &[beside(first), vec![example, own]].concat()));
        }
    }
}

#[test]
fn choices_and_bounds_are_those_of_the_decoder() {
    for (shape, field) in all() {
        for kind in kinds(&field.kind) {
            match kind {
                Kind::Choice(choices) => choices.iter().for_each(|choice| {
                    accepted(&with(shape, field, &format!("\"{choice}\"")));
                }),
                Kind::Integer(bounds) => {
                    if field.name != "mode" {
                        accepted(&with(shape, field, &bounds.start().to_string()));
                        accepted(&with(shape, field, &bounds.end().to_string()));
                    }
                    both_refuse(&with(shape, field, &(i64::from(*bounds.start()) - 1).to_string()));
                    both_refuse(&with(shape, field, &(i64::from(*bounds.end()) + 1).to_string()));
                }
                Kind::List(list) if list.least > 0 => both_refuse(&with(shape, field, "[]")),
                Kind::List(_) => drop(accepted(&with(shape, field, "[]"))),
                Kind::Map { keys, values: Kind::Any(_) } if keys.pattern.is_some() => {
                    both_refuse(&with(shape, field, "{ \"1 2\" = \"x\" }"));
                    for except in keys.except {
                        both_refuse(&with(shape, field, &format!("{{ {except} = \"x\" }}")));
                    }
                }
                _ => {}
            }
        }
    }
}

#[test]
fn modes_are_octal_digits() {
    let (shape, field) = all().find(|(_, field)| field.name == "mode").expect("there is a mode");
    for good in ["0o0", "0o7777", "\"000\"", "\"7777\""] {
        accepted(&with(shape, field, good));
    }
}

#[test]
fn fields_that_exclude_each_other_do_so_for_both() {
    for shape in ROOT.tables() {
        let example = |name: &str| {
            let field = shape.field(name).expect("a field");
            (name.to_owned(), field.example.to_owned())
        };
        for one in shape.one_of {
            for refused in one.refuses {
                both_refuse(&file(shape, &vec![example(one.field), example(refused)]));
            }
            for other in shape.one_of.iter().filter(|other| other.field != one.field) {
                both_refuse(&file(shape, &vec![example(one.field), example(other.field)]));
            }
        }
    }
}

proptest! {
    #[test]
    fn the_schema_never_refuses_what_the_decoder_accepts(
        table in 0..FRAMES.len(),
        chosen in prop::collection::vec((any::<bool>(), 0..VALUES.len() * 2), 16),
    ) {
        let shape = ROOT.tables()[table];
        let mut fields = Lines::new();
        for (field, (is_there, value)) in shape.fields.iter().zip(chosen) {
            if is_there {
                let value = VALUES.get(value).copied().unwrap_or(field.example);
                fields.push((field.name.to_owned(), value.to_owned()));
            }
        }
        let text = file(shape, &fields);
        editor::agrees(&text, Project::parse(FILE, &text).as_ref().err());
    }
}
