//! `windlass config`, as a person uses it: what is shown, what is changed, and what is kept.

mod mini;

use mini::{project, run};
use serde_json::{Value, json};
use windlass_testing::{Output, TestProject};

const SCHEMA: &str = r#"{
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "port": {"type": "integer", "maximum": 65535},
    "name": {"type": "string"},
    "db": {"properties": {"password": {"type": "string", "x-secret": true}, "host": {"type": "string"}}},
    "log": {"properties": {"level": {"default": "info"}, "style": {"default": "plain"}}},
    "old": {"deprecated": true, "description": "Use `name`."}
  }
}"#;

fn json_of(project: &TestProject, arguments: &[&str]) -> Value {
    run(project, &[arguments, &["--output", "json"]].concat()).success().json()
}

fn with_schema() -> TestProject {
    let project = project();
    project.write("app.schema.json", SCHEMA);
    project
}

const TYPES: &str = "\
$defs:
  port: {type: integer, maximum: 65535}
  db:
    $anchor: db
    properties:
      port: {$ref: '#/$defs/port', default: 5432}
      password: {type: string, x-secret: true}
";

/// Returns a project whose schema is two files.
fn with_two_files() -> TestProject {
    let project = with_schema();
    project.write(
        "schemas/app.json",
        r#"{"$id": "app.json", "properties": {
            "port": {"$ref": "net/types.yaml#/$defs/port"}, "db": {"$ref": "net/types.yaml#db"}}}"#,
    );
    let settings = [r#"schema = "schemas/app.json""#, "schema_defaults = true"].join("\n");
    project.edit("windlass.toml", "schema = \"app.schema.json\"", &settings);
    project.edit(
        "windlass.toml",
        "schema_defaults",
        "environment_prefix = \"MINI\"\nschema_defaults",
    );
    project.write("schemas/net/types.yaml", TYPES);
    project.write("staging.yaml", "port: 8080\ndb: {password: hunter2}\n");
    project
}

#[test]
fn all_that_a_schema_does_it_does_from_several_files() {
    let project = with_two_files();
    let windlass = project.windlass(env!("CARGO_BIN_EXE_windlass")).env("MINI_PORT", "99");
    let shown = windlass.run(&["config", "show", "staging", "--format", "json"]).success().json();
    assert_eq!((&shown["port"], &shown["db"]["port"]), (&json!(99), &json!(5432)));
    assert_eq!(shown["db"]["password"], "<secret>");
    let origin = &json_of(&project, &["config", "get", "staging", "db.port"])["origins"][0];
    assert_eq!((&origin["file"], &origin["line"]), (&json!("schemas/net/types.yaml"), &json!(6)));
    let template = run(&project, &["config", "template", "staging"]).success().stdout;
    assert!(template.contains("port: 5432"), "{template}");
    let set = run(&project, &["config", "set", "staging", "db.port", "70000"]).code(1);
    let _ = set.says("the maximum of 65535");
    let windlass = windlass.env("MINI_PORT", "70000");
    let said = windlass.run(&["config", "validate", "staging", "--output", "json"]).code(1).json();
    let error = &said["errors"][0];
    assert_eq!(
        (&error["schema_file"], &error["schema_path"]),
        (&json!("schemas/net/types.yaml"), &json!("/$defs/port/maximum"))
    );
}

#[test]
fn a_record_names_all_files_of_a_schema() {
    let project = with_two_files();
    run(&project, &["deploy", "staging"]).success();
    let history = json_of(&project, &["history"]);
    let id = history["deployments"][0]["deployment_id"].as_str().expect("an id").to_owned();
    let files = json_of(&project, &["show", &id])["config_files"].clone();
    let files: Vec<_> = files.as_array().expect("files").iter().filter_map(Value::as_str).collect();
    assert!(files.contains(&"schemas/app.json"), "{files:?}");
    assert!(files.contains(&"schemas/net/types.yaml"), "{files:?}");
}

#[test]
fn a_schema_of_several_files_outside_of_a_project_stays_in_its_directory() {
    let project = with_two_files();
    let windlass = project.windlass(env!("CARGO_BIN_EXE_windlass")).current_dir(project.home());
    let schema = project.at("schemas/app.json").display().to_string();
    let check = || windlass.run(&["config", "check", "--schema", &schema, "x.yaml"]).code(1);
    project.write("../home/x.yaml", "db:\n  port: x\n");
    let _ = check().says("x.yaml:2:9").says("\"x\" is not of type \"integer\"");
    project.write("schemas/app.json", r#"{"$ref": "../app.schema.json"}"#);
    let _ = check().says("is outside of the directory of the schema").says("app.json:1:10");
    // Inside of one, all of its files may be meant.
    run(&project, &["config", "validate", "staging"]).success();
    project.edit("staging.yaml", "port: 8080", "prot: 8080");
    run(&project, &["config", "validate", "staging"]).code(1).says("unknown property \"prot\"");
}

#[test]
fn layers_are_listed_lowest_first_with_what_is_not_there() {
    let project = with_schema();
    project.edit(
        "windlass.toml",
        "schema = \"app.schema.json\"",
        "schema = \"app.schema.json\"\nschema_defaults = true\nenvironment_prefix = \"MINI\"",
    );
    let text = run(&project, &["config", "show", "production", "--layers"]).success().stdout;
    let lines: Vec<Vec<&str>> =
        text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1], ["1", "schema", "defaults", "app.schema.json"]);
    assert_eq!(lines[2], ["2", "file", "defaults.yaml"]);
    assert_eq!(lines[3], ["3", "file", "production.yaml", "not", "there"]);
    assert_eq!(lines[4], ["4", "variables", "MINI_*", "says", "nothing"]);
    let windlass = project.windlass(env!("CARGO_BIN_EXE_windlass")).env("MINI_PORT", "99");
    let show = |words: &[&str]| windlass.run(&[words, &["--output", "json"]].concat()).json();
    let layers = show(&["config", "show", "production", "--layers"])["layers"].clone();
    let numbers: Vec<_> = (0..4).map(|at| layers[at]["layer"].clone()).collect();
    assert_eq!(numbers, [json!(0), json!(1), json!(null), json!(2)], "{layers:#}");
    let port = show(&["config", "get", "production", "port"]);
    assert_eq!((&port["value"], &port["origins"][1]["layer"]), (&json!(99), &json!(2)));
    let style = show(&["config", "get", "production", "log.style"]);
    assert_eq!(
        (&style["value"], &style["origins"][0]["file"]),
        (&json!("plain"), &json!("app.schema.json"))
    );
}

#[test]
fn an_environment_variable_can_hold_a_layer() {
    let project = with_schema();
    project.edit("windlass.toml", "[\"defaults.yaml\",", "[\"defaults.yaml\", \"env://EXTRA\",");
    let missing = run(&project, &["config", "get", "staging", "name"]).code(1);
    missing.says("environment variable EXTRA is not set").says("windlass.toml:6:28");
    let windlass =
        project.windlass(env!("CARGO_BIN_EXE_windlass")).env("EXTRA", "port: 1\nname: x\n");
    let name = windlass.run(&["config", "explain", "staging", "name"]).success();
    assert_eq!(name.stdout, "name = \"x\"\n  env://EXTRA:2:7: \"x\"\n");
}

#[test]
fn secrets_are_rendered_and_never_shown() {
    let project = with_schema();
    project.write("staging.yaml", "port: 8080\ndb: {host: a, password: hunter2}\n");
    project.write("motd", "hello\n");
    project.write("app.env.j2", "PASSWORD={{ db.password }}\nHOST={{ db.host }}\n");
    project.edit(
        "windlass.toml",
        "{ source = \"motd\" }",
        "{ source = \"motd\" }, { source = \"app.env.j2\" }",
    );
    let never = |said: &Output| {
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(!all.contains("hunter2") && !all.contains("hunter3"), "{said}");
    };
    for words in [
        &["config", "show", "staging"][..],
        &["config", "show", "staging", "--output", "json"],
        &["config", "get", "staging", "db.password"],
        &["config", "get", "staging", "db"],
        &["config", "explain", "staging"],
        &["deploy", "staging"],
    ] {
        never(&run(&project, words).success());
    }
    assert!(project.read("state/etc/mini/app.yaml").contains("hunter2"));
    assert!(project.read("state/etc/mini/app.env").contains("PASSWORD=hunter2"));
    project.edit("staging.yaml", "hunter2", "hunter3").edit("staging.yaml", "host: a", "host: b");
    let plan = run(&project, &["plan", "staging"]).success();
    never(&plan);
    assert!(
        plan.stdout.contains("db.password: changed") && plan.stdout.contains("<secret>"),
        "{plan}"
    );
    let plan = json_of(&project, &["plan", "staging", "--out", "saved.plan"]);
    let settings = &plan["changes"]["settings_changed"]["app.yaml"];
    assert_eq!(settings["db.host"], json!({"old": "a", "new": "b"}));
    assert_eq!(settings["db.password"], json!({"old": "changed", "new": "changed"}));
    assert!(!project.read("saved.plan").contains("hunter"));
    never(&run(&project, &["apply", "saved.plan"]).success());
    never(&run(&project, &["history"]).success());
    assert!(project.read("state/etc/mini/app.env").contains("PASSWORD=hunter3"));
}

#[test]
fn what_was_deleted_is_explained() {
    let project = project();
    project.edit("windlass.toml", "[services.web]", "null_deletes = true\n[services.web]");
    project.write("staging.yaml", "log: null\n");
    let said = run(&project, &["config", "explain", "staging", "log.level"]).success();
    let expected = "log.level = (deleted)\n  staging.yaml:1:6: null\n  defaults.yaml:2:14: \"info\" (overridden)\n";
    assert_eq!(said.stdout, expected);
    let all = json_of(&project, &["config", "explain", "staging"]);
    let deleted: Vec<_> =
        all["keys"].as_array().expect("keys").iter().filter(|k| k["deleted"] == true).collect();
    assert_eq!(deleted.len(), 1, "{all:#}");
    assert_eq!(deleted[0]["key"], "log");
    run(&project, &["config", "get", "staging", "log.level"])
        .code(1)
        .says("is deleted at staging.yaml:1");
}

#[test]
fn deprecated_keys_are_warnings_wherever_configuration_is_read() {
    let project = with_schema();
    project.write("staging.yaml", "port: 8080\nold: 1\n");
    let said = run(&project, &["config", "validate"]).success();
    assert!(said.stdout.contains("is valid"), "{said}");
    said.says("warning: `old` is deprecated").says("staging.yaml:2:1").says("Use `name`.");
    let json = json_of(&project, &["config", "validate"]);
    assert_eq!(
        (&json["valid"], json["warnings"].as_array().map(Vec::len)),
        (&json!(true), Some(1))
    );
    assert_eq!(json["warnings"][0]["line"], 2);
    run(&project, &["config", "show", "staging"]).success().says("`old` is deprecated");
    let quiet = run(&project, &["config", "show", "staging", "--quiet"]).success();
    assert_eq!(quiet.stderr, "");
    run(&project, &["plan", "staging"]).success();
}

#[test]
fn what_is_wrong_is_said_as_continuous_integration_reads_it() {
    let project = with_schema();
    project.write("staging.yaml", "port: many\nold: 1\n");
    let github = run(&project, &["config", "validate", "--format", "github"]).code(1);
    assert!(github.stdout.contains("::error file=staging.yaml,line=1,"), "{github}");
    assert!(github.stdout.contains("::warning file=staging.yaml,line=2,"), "{github}");
    let sarif = run(&project, &["config", "validate", "--format", "sarif"]).code(1).json();
    assert_eq!(sarif["version"], "2.1.0");
    let levels: Vec<_> = sarif["runs"][0]["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|r| r["level"].clone())
        .collect();
    assert_eq!(levels, ["error", "warning"]);
    let json = run(&project, &["config", "validate", "--format", "json"]).code(1).json();
    assert_eq!(json["errors"][0]["line"], 1);
}

#[test]
fn set_changes_one_value_and_nothing_else() {
    let project = with_schema();
    project.write("staging.yaml", "# The port.\r\nport:  8080   # keep\r\n\r\nname: \"a\"\r\n");
    let said = run(&project, &["config", "set", "staging", "port", "8081"]).success();
    assert!(said.stdout.contains("-port:  8080"), "{said}");
    said.says("Set `port` in staging.yaml.");
    assert_eq!(
        project.read("staging.yaml"),
        "# The port.\r\nport:  8081   # keep\r\n\r\nname: \"a\"\r\n"
    );
    // Text where the schema wants text, however it looks.
    run(&project, &["config", "set", "staging", "name", "8080"]).success();
    assert!(project.read("staging.yaml").contains("name: \"8080\""));
    run(&project, &["config", "set", "staging", "name", "8080"]).success().says("already");
}

#[test]
fn set_writes_to_the_layer_that_sets_the_key_or_else_the_last_one() {
    let project = with_schema();
    let layer = |words: &[&str]| {
        let words = [&["config", "set", "staging"], words, &["--dry-run"]].concat();
        let before = (project.read("defaults.yaml"), project.read("staging.yaml"));
        let set = json_of(&project, &words);
        assert_eq!(before, (project.read("defaults.yaml"), project.read("staging.yaml")));
        set["file"].as_str().map(str::to_owned).expect("a file")
    };
    assert_eq!(layer(&["log.level", "debug"]), "defaults.yaml");
    assert_eq!(layer(&["port", "1"]), "staging.yaml");
    assert_eq!(layer(&["name", "new"]), "staging.yaml");
    assert_eq!(layer(&["port", "1", "--layer", "defaults.yaml"]), "defaults.yaml");
    let said =
        run(&project, &["config", "set", "staging", "port", "1", "--layer", "defaults.yaml"]);
    said.success().says("`port` has no effect there: staging.yaml:1 overrides it");
    run(&project, &["config", "set", "staging", "port", "1", "--layer", "default.yaml"])
        .code(1)
        .says("did you mean defaults.yaml?");
    // The file of an optional layer is made.
    run(&project, &["config", "set", "production", "name", "x", "--layer", "production.yaml"])
        .success();
    assert_eq!(project.read("production.yaml"), "name: x\n");
}

#[test]
fn set_refuses_what_the_schema_of_any_environment_refuses() {
    let project = with_schema();
    for (key, value, why) in [
        ("port", "many", "is not of type \"integer\""),
        ("port", "70000", "70000 is greater than the maximum"),
        ("prot", "1", "unknown property \"prot\""),
        ("a..b", "1", "is not a dotted key"),
        ("port.x", "1", "`port` is an integer"),
    ] {
        run(&project, &["config", "set", "staging", key, value]).code(1).says(why);
    }
    assert_eq!(project.read("staging.yaml"), "port: 8080\n");
    // What was wrong before does not stand in the way of what makes it better.
    project.write("staging.yaml", "port: many\nname: 1\n");
    run(&project, &["config", "set", "staging", "port", "1"]).success();
    assert_eq!(project.read("staging.yaml"), "port: 1\nname: 1\n");
}

#[test]
fn set_shows_no_secret() {
    let project = with_schema();
    project.write("staging.yaml", "port: 8080\ndb: {password: hunter2}\n");
    let said = run(&project, &["config", "set", "staging", "db.password", "hunter3"]).success();
    assert!(!format!("{said}").replace(&said.arguments, "").contains("hunter"), "{said}");
    assert!(said.stdout.contains("staging.yaml: secret values change"), "{said}");
    let json = json_of(&project, &["config", "set", "staging", "db.password", "hunter4"]);
    assert_eq!((&json["value"], &json["diff"]), (&json!("<secret>"), &json!("")));
    assert!(project.read("staging.yaml").contains("password: hunter4"));
}

const MIGRATIONS: &str = r#"
[[migration]]
from = "1"
to = "2"
rules = [
  { rename = { from = "log.level", to = "logging.level" } },
  { transform = { key = "port", with = "multiply 10" } },
]
[[migration]]
from = "2"
to = "3"
rules = [{ rename = { from = "nothing", to = "something" } }, { custom = { command = ["sh", "convert"] } }]
[[migration]]
from = "9"
to = "10"
rules = [{ add = { key = "x", value = 1 } }]
"#;

fn migrating() -> TestProject {
    let project = project();
    project.edit("windlass.toml", "schema = \"app.schema.json\"", "migrations = \"m.toml\"");
    project.write("m.toml", MIGRATIONS).write("convert", "sed 's/8080/8443/'\n");
    project.write(
        "defaults.yaml",
        "version: 1 # of all\nport: 80\nlog:\n  # How much.\n  level: info\n",
    );
    project.write("staging.yaml", "# Ours.\nport: 808   # here\n");
    project.write("production.yaml", "log: {level: warn} # quiet\n");
    project
}

#[test]
fn migrate_edits_the_files_of_all_environments_that_share_one() {
    let project = migrating();
    let files = ["defaults.yaml", "staging.yaml", "production.yaml"];
    let before = files.map(|file| project.read(file));
    let dry = run(&project, &["config", "migrate", "staging", "--to", "2", "--dry-run"]).success();
    assert!(dry.stdout.contains("rename") && dry.stdout.contains("-port: 808 "), "{dry}");
    dry.says("Nothing was written: 3 files would change.");
    assert_eq!(before, files.map(|file| project.read(file)));
    let said = run(&project, &["config", "migrate", "staging", "--to", "2"]).success();
    said.says("from version 1 to 2 in 3 files");
    assert_eq!(
        project.read("defaults.yaml"),
        "version: 2 # of all\nport: 800\nlogging:\n  # How much.\n  level: info\n"
    );
    assert_eq!(project.read("staging.yaml"), "# Ours.\nport: 8080   # here\n");
    assert!(project.read("production.yaml").contains("logging:"));
    assert_eq!(before, files.map(|file| project.read(format!("{file}.1.bak"))));
    // And back again, byte for byte what is not about the values that moved.
    run(&project, &["config", "migrate", "staging", "--to", "1"]).success();
    assert_eq!(project.read("staging.yaml"), before[1]);
    assert_eq!(project.read("staging.yaml.2.bak"), "# Ours.\nport: 8080   # here\n");
    let json = json_of(&project, &["config", "migrate", "staging", "--to", "1"]);
    assert_eq!((&json["files"], &json["steps"]), (&json!([]), &json!([])));
}

#[test]
fn migrate_runs_commands_and_warns_of_rules_that_find_nothing() {
    let project = migrating();
    run(&project, &["config", "migrate", "staging", "--to", "2"]).success();
    let json = json_of(&project, &["config", "migrate", "staging", "--to", "3"]);
    assert_eq!(project.read("staging.yaml"), "# Ours.\nport: 8443   # here\n");
    let warnings = json["warnings"].as_array().expect("warnings");
    assert!(warnings.iter().any(|w| w["file"] == "m.toml" && w["line"] == 12), "{json:#}");
    project.write("convert", "echo broken >&2; exit 1\n").edit(
        "defaults.yaml",
        "version: 3",
        "version: 2",
    );
    let said = run(&project, &["config", "migrate", "staging", "--to", "3"]).code(1);
    said.says("command failed: `sh` failed (exit status: 1): broken");
}

#[test]
fn migrate_says_which_versions_can_be_reached() {
    let project = migrating();
    let said = run(&project, &["config", "migrate", "staging", "--to", "10"]).code(1);
    said.says("no migration leads from version 1 to 10").says("2, 3");
    run(&project, &["config", "migrate", "staging", "--to", "7"])
        .code(1)
        .says("unknown version \"7\"");
    project.edit("defaults.yaml", "version: 1 # of all\n", "");
    run(&project, &["config", "migrate", "staging", "--to", "2"]).code(1).says("--from");
    run(&project, &["config", "migrate", "staging", "--from", "1", "--to", "2"]).success();
    let none = project.edit("windlass.toml", "migrations = \"m.toml\"", "");
    run(none, &["config", "migrate", "staging", "--to", "2"]).code(1).says("has no migrations");
}

#[test]
fn a_schema_is_made_from_configuration_and_configuration_from_a_schema() {
    let project = project();
    let schema = run(&project, &["config", "schema"]).success().json();
    assert_eq!(schema["properties"]["port"]["type"], "integer");
    project.write("app.schema.json", schema.to_string());
    run(&project, &["config", "validate"]).success();
    project.write("app.schema.json", SCHEMA);
    let yaml = run(&project, &["config", "template"]).success().stdout;
    assert!(yaml.contains("#port:"), "{yaml}");
    let toml =
        run(&project, &["config", "template", "staging", "--format", "toml"]).success().stdout;
    assert!(toml.contains("#port ="), "{toml}");
    let json = json_of(&project, &["config", "template"]);
    assert_eq!(json["text"], yaml);
}

/// Answers each request on this machine with `answer`, and returns the URL of `/app.yaml` there.
fn server(answer: &'static str) -> String {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}/app.yaml")
}

#[test]
fn a_server_can_be_a_layer() {
    let project = with_schema();
    let url = server("HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\nport: 1\nname: far\n\n");
    let layer =
        |url: &str| format!("[\"defaults.yaml\", {{ url = \"{url}?token=t\", optional = true }},");
    project.edit("windlass.toml", "[\"defaults.yaml\",", &layer(&url));
    let said = run(&project, &["config", "explain", "production", "name"]).success();
    assert_eq!(said.stdout, format!("name = \"far\"\n  {url}:2:7: \"far\"\n"));
    let layers = json_of(&project, &["config", "show", "production", "--layers"]);
    assert_eq!(
        (&layers["layers"][1]["kind"], &layers["layers"][1]["source"]),
        (&json!("http"), &json!(url))
    );
    let set = run(&project, &["config", "set", "production", "name", "x"]).code(1);
    set.says("`name` is set by http://127.0.0.1").says("--layer");
    let missing = server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    project.edit("windlass.toml", &url, &missing);
    run(&project, &["config", "get", "production", "name"]).code(1).says("no layer sets `name`");
    project.edit("windlass.toml", ", optional = true }, {", " }, {");
    let said = run(&project, &["config", "get", "production", "port"]).code(1);
    said.says("app.yaml answers with status 404").says("windlass.toml:6:").says("optional = true");
}

#[test]
fn a_source_line_in_an_error_shows_no_secret() {
    let project = with_schema();
    project.write("staging.yaml", "port: many\ndb: {host: 1, password: hunter2-hunter2}\n");
    for words in [
        &["config", "validate", "staging"][..],
        &["config", "validate", "staging", "--output", "json"],
        &["plan", "staging"],
        &["deploy", "staging", "-vv"],
    ] {
        let said = run(&project, words).code(1);
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(!all.contains("hunter2"), "{said}");
        assert!(words.contains(&"json") || all.contains("[secret db.password]"), "{said}");
    }
}
