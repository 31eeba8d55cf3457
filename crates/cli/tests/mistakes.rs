//! Forty mistakes in five files, all of them told in one run, each where it was made.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use windlass_testing::{SplitMix64, TestProject, Windlass};

/// How many mistakes are planted.
const MISTAKES: usize = 40;
/// The layers, lowest first.
const FILES: [&str; 5] = ["1.yaml", "2.toml", "3.json", "4.yaml", "5.toml"];

/// A schema, a value that it allows, one that it does not, and what is said about that one.
struct Kind {
    schema: Value,
    good: Value,
    bad: Value,
    says: &'static str,
    /// The rest of the path of the error, below the key.
    below: &'static str,
}

fn kind(schema: Value, good: Value, bad: Value, says: &'static str, below: &'static str) -> Kind {
    Kind { schema, good, bad, says, below }
}

/// Returns every keyword that can be violated by a value on one line.
fn kinds() -> Vec<Kind> {
    of_scalars().into_iter().chain(of_collections()).chain(of_forms()).collect()
}

fn of_scalars() -> Vec<Kind> {
    let text = |keyword: &str, value: Value| {
        let mut schema = json!({"type": "string"});
        schema[keyword] = value;
        schema
    };
    vec![
        kind(json!({"type": "integer"}), json!(1), json!("1"), "is not of type \"integer\"", ""),
        kind(json!({"type": "string"}), json!("a"), json!(true), "is not of type \"string\"", ""),
        kind(json!({"type": ["array", "null"]}), json!([]), json!("a"), "is not of types", ""),
        kind(json!({"enum": ["debug", "info"]}), json!("info"), json!("inof"), "is not one of", ""),
        kind(json!({"const": 5}), json!(5), json!(6), "6 is not 5", ""),
        kind(json!({"minimum": 1}), json!(1), json!(0), "0 is less than the minimum of 1", ""),
        kind(json!({"maximum": 9}), json!(9), json!(9.5), "is greater than the maximum of 9", ""),
        kind(json!({"exclusiveMinimum": 1}), json!(2), json!(1), "1 is less than or equal to", ""),
        kind(json!({"exclusiveMaximum": 9}), json!(8), json!(9), "greater than or equal to", ""),
        kind(json!({"multipleOf": 5}), json!(10), json!(12), "12 is not a multiple of 5", ""),
        kind(text("pattern", json!("^[a-z]+$")), json!("ab"), json!("A"), "does not match", ""),
        kind(text("minLength", json!(3)), json!("abc"), json!("ab"), "is shorter than 3", ""),
        kind(text("maxLength", json!(3)), json!("abc"), json!("abcd"), "is longer than 3", ""),
        kind(text("format", json!("email")), json!("a@b.c"), json!("nobody"), "\"email\"", ""),
        kind(text("format", json!("ipv4")), json!("1.2.3.4"), json!("1.2.3.400"), "\"ipv4\"", ""),
        kind(
            text("format", json!("date")),
            json!("2024-02-29"),
            json!("2023-02-29"),
            "\"date\"",
            "",
        ),
        kind(text("format", json!("uri")), json!("https://x/"), json!("x y"), "\"uri\"", ""),
        kind(text("format", json!("hostname")), json!("a.b"), json!("-a.b"), "\"hostname\"", ""),
    ]
}

fn of_collections() -> Vec<Kind> {
    let host = json!({
        "type": "object", "required": ["host"], "additionalProperties": false,
        "properties": {"host": {"type": "string"}, "port": {"type": "integer", "maximum": 65535}},
    });
    vec![
        kind(json!({"minItems": 2}), json!([1, 2]), json!([1]), "has less than 2 items", ""),
        kind(json!({"maxItems": 2}), json!([1, 2]), json!([1, 2, 3]), "has more than 2 items", ""),
        kind(json!({"uniqueItems": true}), json!([1, 2]), json!([1, 2, 1]), "non-unique", ""),
        kind(
            json!({"items": {"type": "integer"}}),
            json!([1]),
            json!([1, "b"]),
            "\"b\" is not",
            ".1",
        ),
        kind(json!({"contains": {"const": 1}}), json!([1]), json!([2]), "no item of the", ""),
        kind(host.clone(), json!({"host": "a"}), json!({"port": 1}), "\"host\" is missing", ""),
        kind(
            host.clone(),
            json!({"host": "a"}),
            json!({"host": "a", "hots": 1}),
            "unknown property",
            ".hots",
        ),
        kind(
            host,
            json!({"host": "a"}),
            json!({"host": "a", "port": 70000}),
            "the maximum of",
            ".port",
        ),
        kind(
            json!({"minProperties": 2}),
            json!({"a": 1, "b": 2}),
            json!({"a": 1}),
            "less than 2 prop",
            "",
        ),
        kind(
            json!({"propertyNames": {"pattern": "^[a-z]$"}}),
            json!({"a": 1}),
            json!({"BB": 1}),
            "key \"BB\"",
            ".BB",
        ),
        kind(
            json!({"dependentRequired": {"a": ["b"]}}),
            json!({"a": 1, "b": 1}),
            json!({"a": 1, "c": 2}),
            "\"b\" is missing",
            "",
        ),
    ]
}

fn of_forms() -> Vec<Kind> {
    vec![
        kind(json!({"not": {"const": 0}}), json!(1), json!(0), "a form that is not allowed", ""),
        kind(
            json!({"anyOf": [{"type": "integer"}, {"type": "null"}]}),
            json!(1),
            json!("x"),
            "none of the 2",
            "",
        ),
        kind(
            json!({"oneOf": [{"minimum": 1}, {"maximum": 5}]}),
            json!(9),
            json!(3),
            "more than one",
            "",
        ),
        kind(
            json!({"if": {"type": "string"}, "then": {"minLength": 2}}),
            json!("ab"),
            json!("a"),
            "shorter than 2",
            "",
        ),
        kind(
            json!({"$ref": "types.json#/$defs/port"}),
            json!(1),
            json!(0),
            "less than the minimum",
            "",
        ),
    ]
}

/// A mistake, and where it was made.
struct Mistake {
    path: String,
    file: usize,
    line: u64,
    says: &'static str,
}

/// The texts of the layers while they are written.
#[derive(Default)]
struct Texts([Vec<String>; FILES.len()]);

impl Texts {
    /// Adds a line that sets `key`, in the format of the file, and returns its number.
    fn put(&mut self, file: usize, key: &str, value: &Value) -> u64 {
        let line = match FILES[file].rsplit_once('.').map(|(_, format)| format) {
            Some("toml") => format!("{key} = {}", toml(value)),
            Some("json") => format!("\"{key}\": {value},"),
            _ => format!("{key}: {value}"),
        };
        self.0[file].push(line);
        self.0[file].len() as u64 + u64::from(FILES[file].ends_with(".json"))
    }

    fn fill(&mut self, file: usize, random: &mut SplitMix64) {
        for _ in 0..random.below(4) {
            let number = self.0[file].len();
            match FILES[file].ends_with(".json") {
                true => drop(self.put(file, &format!("note{file}_{number}"), &json!("fine"))),
                false => self.0[file].push("# A comment.".to_owned()),
            }
        }
    }

    fn write(&self, project: &TestProject) {
        for (name, lines) in FILES.iter().zip(&self.0) {
            let text = lines.join("\n");
            let text = match name.ends_with(".json") {
                true => format!("{{\n{text}\n\"end\": true\n}}\n"),
                false => text + "\n",
            };
            project.write(name, text);
        }
    }
}

fn toml(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let entries: Vec<_> = map.iter().map(|(k, v)| format!("{k} = {}", toml(v))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Null => panic!("TOML has no null"),
        other => other.to_string(),
    }
}

/// Plants mistakes in random layers: over what a lower layer had right, and under nothing that puts
/// them right again. As many others are put right, and are none.
fn planted(seed: u64) -> (TestProject, Vec<Mistake>) {
    let (kinds, mut random) = (kinds(), SplitMix64::new(seed));
    let (mut texts, mut properties, mut mistakes) = (Texts::default(), Map::new(), Vec::new());
    for number in 0..MISTAKES {
        let Kind { schema, good, bad, says, below } = &kinds[number % kinds.len()];
        let (key, other) = (format!("k{number:02}"), format!("right{number:02}"));
        properties.insert(key.clone(), schema.clone());
        properties.insert(other.clone(), schema.clone());
        let file = random.below(FILES.len());
        (0..FILES.len()).for_each(|file| texts.fill(file, &mut random));
        if file > 0 && !good.is_object() {
            texts.put(random.below(file), &key, good);
        }
        let line = texts.put(file, &key, bad);
        mistakes.push(Mistake { path: format!("{key}{below}"), file, line, says });
        if !good.is_object() {
            texts.put(0, &other, bad);
            texts.put(1 + random.below(FILES.len() - 1), &other, good);
        }
    }
    let project = TestProject::new();
    texts.write(&project);
    project.write("app.schema.json", json!({ "properties": properties }).to_string());
    project.write("types.json", json!({"$defs": {"port": {"minimum": 1}}}).to_string());
    project.write("windlass.toml", project_file());
    (project, mistakes)
}

fn project_file() -> String {
    format!(
        r#"[project]
name = "mistaken"

[config.app]
layers = {FILES:?}
schema = "app.schema.json"

[environments.dev]
type = "development"
config_path = "/etc/mistaken"
targets = ["local:./state"]
"#
    )
}

fn windlass(project: &TestProject) -> Windlass {
    project.windlass(env!("CARGO_BIN_EXE_windlass"))
}

#[test]
fn every_one_of_forty_mistakes_is_told_at_its_line() {
    for seed in 0..3 {
        let (project, mistakes) = planted(seed);
        let said =
            windlass(&project).run(&["config", "validate", "--output", "json"]).code(1).json();
        let errors = said["errors"].as_array().expect("errors");
        let found: BTreeMap<&str, &Value> =
            errors.iter().map(|error| (error["path"].as_str().expect("a path"), error)).collect();
        assert_eq!(errors.len(), MISTAKES, "seed {seed}: {said:#}");
        for Mistake { path, file, line, says } in &mistakes {
            let error = found.get(path.as_str()).unwrap_or_else(|| panic!("{path}: {said:#}"));
            assert_eq!((&error["file"], &error["line"]), (&json!(FILES[*file]), &json!(line)));
            let message = error["message"].as_str().expect("a message");
            assert!(message.contains(says), "{path}: {message:?} lacks {says:?}");
        }
        let referred = format!("k{:02}", kinds().len() - 1);
        assert_eq!(found[referred.as_str()]["schema_file"], "types.json", "{said:#}");
    }
}

#[test]
fn forty_mistakes_are_as_many_in_every_form() {
    let (project, mistakes) = planted(7);
    let human = windlass(&project).run(&["config", "validate"]).code(1);
    assert_eq!(human.stderr.matches("error: ").count(), MISTAKES, "{human}");
    let github = windlass(&project).run(&["config", "validate", "--format", "github"]).code(1);
    assert_eq!(github.stdout.lines().count(), MISTAKES, "{github}");
    let sarif = windlass(&project).run(&["config", "validate", "--format", "sarif"]).code(1).json();
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), MISTAKES);
    for Mistake { path, file, line, .. } in &mistakes {
        let _ =
            human.clone().says(&format!("`{path}`: ")).says(&format!("{}:{line}:", FILES[*file]));
        let annotation = format!("::error file={},line={line},", FILES[*file]);
        assert!(github.stdout.contains(&annotation), "{annotation}: {github}");
        let is_here = |result: &&Value| {
            let place = &result["locations"][0]["physicalLocation"];
            place["artifactLocation"]["uri"] == FILES[*file]
                && place["region"]["startLine"] == *line
        };
        assert_eq!(results.iter().filter(is_here).count(), 1, "{path}");
    }
    // A deployment says the same, and does nothing.
    let deploy = windlass(&project).run(&["deploy", "dev"]).code(1);
    assert_eq!(deploy.stderr.matches("error: ").count(), MISTAKES, "{deploy}");
}
