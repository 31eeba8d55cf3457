//! SARIF 2.1.0, the parts of it that a validator has something to say in.

use std::fmt::Write as _;

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Severity};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const RULE: &str = "configuration";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log<'d> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'d>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'d> {
    tool: Tool<'d>,
    column_kind: &'static str,
    results: Vec<Finding>,
}

#[derive(Serialize)]
struct Tool<'d> {
    driver: Driver<'d>,
}

#[derive(Serialize)]
struct Driver<'d> {
    name: &'static str,
    version: &'d str,
    rules: [Rule; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Message,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    rule_id: &'static str,
    rule_index: u32,
    level: &'static str,
    message: Message,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_column: u32,
}

/// Returns `diagnostics` as a SARIF 2.1.0 log of `version` of Windlass, indented.
///
/// Relative files become relative URIs, to be read from the root of the repository.
#[must_use]
pub fn sarif(version: &str, diagnostics: &[Diagnostic]) -> String {
    let description = Message { text: "Configuration that cannot be used as it is".to_owned() };
    let driver = Driver {
        name: "Windlass",
        version,
        rules: [Rule { id: RULE, short_description: description }],
    };
    let run = Run {
        tool: Tool { driver },
        column_kind: "unicodeCodePoints",
        results: diagnostics.iter().map(finding).collect(),
    };
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [run] };
    let text = serde_json::to_string_pretty(&log).expect("structs of text and numbers serialize");
    text + "\n"
}

fn finding(diagnostic: &Diagnostic) -> Finding {
    let hint = diagnostic.hint.as_ref().map(|hint| format!("\nHint: {hint}"));
    Finding {
        rule_id: RULE,
        rule_index: 0,
        level: match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        message: Message { text: format!("{}{}", diagnostic.message, hint.unwrap_or_default()) },
        locations: diagnostic.file.iter().map(|file| location(file, diagnostic)).collect(),
    }
}

fn location(file: &str, diagnostic: &Diagnostic) -> Location {
    let region = diagnostic.position.map(|at| Region {
        start_line: at.line,
        start_column: at.column,
        end_column: at.column.saturating_add(diagnostic.width),
    });
    Location {
        physical_location: PhysicalLocation {
            artifact_location: Artifact { uri: uri(file) },
            region,
        },
    }
}

/// Returns the URI of `file`: what is not unreserved in a path is percent-encoded.
fn uri(file: &str) -> String {
    if file.starts_with("https://") || file.starts_with("http://") {
        return file.to_owned();
    }
    let mut uri = if file.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in file.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::diagnostic::Position;

    fn problems() -> Vec<Diagnostic> {
        vec![
            Diagnostic::error("`port`: too large")
                .in_file("config/app ü.yaml")
                .at(Position { line: 3, column: 7 })
                .wide(5)
                .hint("use 443"),
            Diagnostic::warning("deprecated").in_file("/etc/app.toml"),
            Diagnostic::error("no project"),
        ]
    }

    fn log() -> Value {
        serde_json::from_str(&sarif("1.2.3", &problems())).expect("JSON")
    }

    #[test]
    fn results_have_levels_and_places() {
        let results = &log()["runs"][0]["results"];
        assert_eq!(
            results[0],
            json!({
                "ruleId": "configuration",
                "ruleIndex": 0,
                "level": "error",
                "message": {"text": "`port`: too large\nHint: use 443"},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": "config/app%20%C3%BC.yaml"},
                    "region": {"startLine": 3, "startColumn": 7, "endColumn": 12},
                }}],
            })
        );
        assert_eq!(results[1]["level"], "warning");
        let place = &results[1]["locations"][0]["physicalLocation"];
        assert_eq!(*place, json!({"artifactLocation": {"uri": "file:///etc/app.toml"}}));
        assert_eq!(results[2].get("locations"), None);
    }

    /// What the schema of SARIF 2.1.0 says about the objects that occur here.
    fn sarif_schema() -> Value {
        json!({
            "type": "object",
            "required": ["version", "runs"],
            "properties": {
                "$schema": {"type": "string", "format": "uri"},
                "version": {"enum": ["2.1.0"]},
                "runs": {"type": "array", "items": {"$ref": "#/$defs/run"}},
            },
            "additionalProperties": false,
            "$defs": {
                "run": {
                    "required": ["tool"],
                    "properties": {
                        "tool": {
                            "required": ["driver"],
                            "properties": {"driver": {"$ref": "#/$defs/toolComponent"}},
                            "additionalProperties": false,
                        },
                        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                        "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
                    },
                    "additionalProperties": false,
                },
                "toolComponent": {
                    "required": ["name"],
                    "properties": {
                        "name": {"type": "string"},
                        "version": {"type": "string"},
                        "rules": {"type": "array", "uniqueItems": true, "items": {
                            "required": ["id"],
                            "properties": {"id": {"type": "string"}, "shortDescription": {"$ref": "#/$defs/message"}},
                            "additionalProperties": false,
                        }},
                    },
                    "additionalProperties": false,
                },
                "message": {
                    "required": ["text"],
                    "properties": {"text": {"type": "string"}},
                    "additionalProperties": false,
                },
                "result": {
                    "required": ["message"],
                    "properties": {
                        "ruleId": {"type": "string"},
                        "ruleIndex": {"type": "integer", "minimum": -1},
                        "level": {"enum": ["none", "note", "warning", "error"]},
                        "message": {"$ref": "#/$defs/message"},
                        "locations": {"type": "array", "items": {
                            "properties": {"physicalLocation": {"$ref": "#/$defs/physicalLocation"}},
                            "additionalProperties": false,
                        }},
                    },
                    "additionalProperties": false,
                },
                "physicalLocation": {
                    "required": ["artifactLocation"],
                    "properties": {
                        "artifactLocation": {
                            "properties": {"uri": {"type": "string", "format": "uri-reference"}},
                            "additionalProperties": false,
                        },
                        "region": {
                            "properties": {
                                "startLine": {"type": "integer", "minimum": 1},
                                "startColumn": {"type": "integer", "minimum": 1},
                                "endColumn": {"type": "integer", "minimum": 1},
                            },
                            "additionalProperties": false,
                        },
                    },
                    "additionalProperties": false,
                },
            },
        })
    }

    #[test]
    fn logs_are_what_sarif_asks_for() {
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&sarif_schema())
            .expect("a schema");
        for log in [log(), serde_json::from_str(&sarif("0", &[])).expect("JSON")] {
            let errors: Vec<String> =
                validator.iter_errors(&log).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}");
        }
        assert!(!validator.is_valid(&json!({"version": "2.1.0"})), "the schema is able to refuse");
    }

    #[test]
    fn files_become_uris() {
        assert_eq!(uri("a b/c:d%.yaml"), "a%20b/c%3Ad%25.yaml");
        assert_eq!(uri("https://example.org/a.yaml"), "https://example.org/a.yaml");
    }
}
