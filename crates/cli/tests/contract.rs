//! What `--output json` prints, command by command: one object on stdout, its fields and their
//! types, and the exit code.

mod mini;

use mini::{project, run};
use serde_json::{Value, json};
use windlass_testing::{Output, TestProject};

/// Runs a command for JSON and returns the object, which carries the version of the contract.
#[track_caller]
fn object(project: &TestProject, arguments: &[&str], code: i32) -> Value {
    let arguments = [arguments, &["--output", "json"]].concat();
    let value = run(project, &arguments).code(code).json();
    assert_eq!(value["schema"], 1, "{value:#}");
    value
}

/// Fails unless `value` has each of `fields`, written `name: type`; a type may end in `?` for null.
#[track_caller]
fn assert_fields(value: &Value, fields: &[&str]) {
    for field in fields {
        let (name, kind) = field.split_once(": ").expect("name: type");
        let (kind, nullable) = (kind.trim_end_matches('?'), kind.ends_with('?'));
        let found = value.get(name).unwrap_or_else(|| panic!("no field {name} in {value:#}"));
        let fits = match kind {
            "text" => found.is_string(),
            "number" => found.is_u64(),
            "boolean" => found.is_boolean(),
            "list" => found.is_array(),
            "map" => found.is_object(),
            "any" => true,
            other => panic!("{other} is no type of this test"),
        };
        assert!(fits || (nullable && found.is_null()), "{name} is no {kind}: {value:#}");
    }
}

const RECORD: [&str; 11] = [
    "deployment_id: text",
    "environment: text",
    "status: text",
    "config_version: text",
    "release: text?",
    "deployed_at: text",
    "deployed_by: text",
    "config_files: list",
    "changes: map",
    "targets: list",
    "duration_ms: number",
];
const CHANGES: [&str; 4] =
    ["files_added: list", "files_removed: list", "files_modified: list", "settings_changed: map"];
const ERROR: [&str; 6] = [
    "kind: text",
    "message: text",
    "file: text?",
    "line: number?",
    "column: number?",
    "hint: text?",
];

#[track_caller]
fn assert_record(record: &Value, status: &str) {
    assert_fields(record, &RECORD);
    assert_fields(record, &["rollback_info: map?"]);
    assert_fields(&record["changes"], &CHANGES);
    let target = &record["targets"][0];
    assert_fields(target, &["id: text", "state: text", "release: text?", "error: text?"]);
    assert_eq!(record["status"], status, "{record:#}");
}

#[test]
fn a_plan_is_an_object_and_tells_by_its_exit_code_whether_there_are_changes() {
    let project = project();
    let plan = object(&project, &["plan", "staging"], 0);
    assert_fields(&plan, &["plan_id: text", "environment: text", "release: text?"]);
    assert_fields(&plan["changes"], &CHANGES);
    assert_fields(&plan["targets"][0], &["id: text", "from: text?", "to: text?"]);
    assert_eq!(plan["changes"]["files_added"], json!(["app.yaml", "motd"]));
    object(&project, &["plan", "staging", "--exit-code"], 3);
    object(&project, &["deploy", "staging"], 0);
    object(&project, &["plan", "staging", "--exit-code"], 0);
    project.write("staging.yaml", "port: 8081\n");
    let plan = object(&project, &["plan", "staging", "--exit-code"], 3);
    let settings = &plan["changes"]["settings_changed"];
    assert_eq!(*settings, json!({ "app.yaml": { "port": { "old": 8080, "new": 8081 } } }));
}

#[test]
fn deploy_apply_show_and_rollback_print_the_record() {
    let project = project();
    let first = object(&project, &["deploy", "staging", "--by", "alice"], 0);
    assert_record(&first, "success");
    assert_eq!(
        (&first["deployed_by"], &first["targets"][0]["state"]),
        (&json!("alice"), &json!("healthy"))
    );
    project.write("motd", "changed\n");
    object(&project, &["plan", "staging", "--out", "saved.plan"], 0);
    let second = object(&project, &["apply", "saved.plan"], 0);
    assert_record(&second, "success");
    let id = second["deployment_id"].as_str().expect("checked above");
    assert_eq!(object(&project, &["show", id], 0), second);
    let back = object(&project, &["rollback", "staging"], 0);
    assert_record(&back, "success");
    assert_eq!(back["rollback_info"]["deployment"], id);
    assert_eq!(back["release"], first["release"]);
    let undone = object(&project, &["show", id], 0);
    assert_record(&undone, "rolled_back");
    assert_eq!(undone["rollback_info"]["rolled_back_by"], back["deployment_id"]);
}

#[test]
fn a_rollback_that_is_only_planned_prints_the_plan() {
    let project = project();
    object(&project, &["deploy", "staging"], 0);
    let plan = object(&project, &["rollback", "staging", "--dry-run"], 0);
    assert_eq!(plan["changes"]["files_removed"], json!(["app.yaml", "motd"]));
    assert!(project.at("state/etc/mini/motd").exists());
}

#[test]
fn a_failed_deployment_prints_its_record_with_the_error_and_the_exit_code() {
    let project = project();
    object(&project, &["deploy", "staging"], 0);
    project.write("motd", "broken\n");
    let record = object(&project, &["deploy", "staging"], 4);
    assert_record(&record, "rolled_back");
    assert_fields(&record["error"], &ERROR);
    assert_eq!((&record["error"]["kind"], &record["exit_code"]), (&json!("failed"), &json!(4)));
    project.write("motd", "");
    let refused = object(&project, &["deploy", "staging"], 1);
    assert_eq!(refused["exit_code"], 1);
    let id = record["deployment_id"].as_str().expect("checked above");
    assert_eq!(object(&project, &["show", id], 0)["error"]["message"], record["error"]["message"]);
}

#[test]
fn history_has_the_records_newest_first() {
    let project = project();
    let ids: Vec<Value> = ["one\n", "two\n", "three\n"]
        .map(|motd| {
            project.write("motd", motd);
            object(&project, &["deploy", "staging"], 0)["deployment_id"].clone()
        })
        .into();
    let history = object(&project, &["history"], 0);
    let listed = history["deployments"].as_array().expect("a list");
    listed.iter().for_each(|record| assert_record(record, "success"));
    assert!(listed.iter().map(|record| &record["deployment_id"]).eq(ids.iter().rev()));
    let one = object(&project, &["history", "staging", "--limit", "1"], 0);
    assert_eq!(one["deployments"], json!([listed[0]]));
    assert_eq!(object(&project, &["history", "production"], 0)["deployments"], json!([]));
}

#[test]
fn targets_are_listed_tried_and_forgotten() {
    let project = project();
    let listed = object(&project, &["targets", "list", "staging"], 0);
    assert_fields(&listed, &["environment: text", "targets: list"]);
    assert_fields(&listed["targets"][0], &["id: text", "address: text"]);
    let tried = object(&project, &["targets", "check", "staging"], 0);
    assert_fields(&tried, &["environment: text", "targets: list"]);
    let fields = ["id: text", "address: text", "reached: boolean", "release: text?"];
    assert_fields(&tried["targets"][0], &fields);
    assert_fields(&tried["targets"][0], &["took_ms: number", "problems: list"]);
    let forgotten = object(&project, &["targets", "forget", "staging"], 0);
    assert_fields(&forgotten, &["environment: text", "targets: list"]);
    assert_fields(&forgotten["targets"][0], &["id: text", "removed: list", "error: text?"]);
}

#[test]
fn status_says_what_each_target_holds() {
    let project = project();
    let status = |code| object(&project, &["status", "staging"], code);
    let empty = status(0);
    assert_fields(&empty, &["environment: text", "targets: list"]);
    assert_eq!(empty["targets"][0]["state"], "empty");
    let record = object(&project, &["deploy", "staging"], 0);
    let full = status(0);
    let fields = ["id: text", "address: text", "release: text?", "version: text?", "state: text"];
    assert_fields(&full["targets"][0], &fields);
    assert_fields(&full["targets"][0], &["healthy: boolean?", "last_deployment: text?"]);
    let target = &full["targets"][0];
    assert_eq!((&target["state"], &target["healthy"]), (&json!("in_sync"), &json!(true)));
    assert_eq!(target["last_deployment"], record["deployment_id"]);
}

#[test]
fn config_get_and_explain_give_the_value_and_its_origins() {
    let project = project();
    let get = object(&project, &["config", "get", "staging", "port"], 0);
    assert_fields(&get, &["config: text", "key: text", "value: any", "origins: list"]);
    assert_eq!(get["value"], 8080);
    let fields = ["layer: number", "file: text", "line: number?", "column: number?"];
    assert_fields(&get["origins"][0], &fields);
    assert_fields(&get["origins"][0], &["value: any", "overridden: boolean"]);
    assert_eq!(object(&project, &["config", "explain", "staging", "port"], 0), get);
    let all = object(&project, &["config", "explain", "staging"], 0);
    let keys = all["keys"].as_array().expect("a list").iter().map(|one| &one["key"]);
    assert!(keys.eq(["port", "log.level"].iter()), "{all:#}");
    let unknown = object(&project, &["config", "get", "staging", "prot"], 1);
    assert_eq!(unknown["error"]["hint"], "did you mean `port`?");
}

#[test]
fn config_explain_of_a_file_gives_its_lines() {
    let project = project();
    let file = object(&project, &["config", "explain", "staging", "--file", "motd"], 0);
    let fields = ["environment: text", "file: text", "target: text?", "service: text"];
    assert_fields(&file, &fields);
    assert_fields(&file, &["source: map", "binary: boolean", "lines: list", "warnings: list"]);
    assert_fields(&file["source"], &["kind: text", "name: text"]);
    let line = &file["lines"][0];
    assert_fields(line, &["line: number", "text: text", "template: map", "filled_by: list"]);
    assert_fields(&line["template"], &["file: text", "line: number"]);
    let fields = ["key: text", "config: text?", "kind: text", "exact: boolean", "value: any"];
    assert_fields(&line["filled_by"][0], &fields);
    let fields = ["layer: number", "file: text", "line: number?", "column: number?"];
    assert_fields(&line["filled_by"][0]["origins"][0], &fields);
}

#[test]
fn where_there_are_several_configurations_the_one_that_sets_the_key_is_meant() {
    let project = project();
    let several = "[config.app]\nlayers = [\"a.yaml\"]\n[config.jobs]\nlayers = [\"b.yaml\"]\n";
    let project_file = format!(
        "[project]\nname = \"m\"\n{several}[environments.staging]\ntype = \"staging\"\nconfig_path = \"/c\"\ntargets = [\"local:./state\"]\n"
    );
    project.write("windlass.toml", project_file);
    project.write("a.yaml", "port: 1\nboth: 1\n").write("b.yaml", "queue: {name: q}\nboth: 2\n");
    let get = |key| object(&project, &["config", "get", "staging", key], 0);
    assert_eq!((&get("port")["config"], &get("port")["value"]), (&json!("app"), &json!(1)));
    assert_eq!(get("queue.name")["config"], "jobs");
    let both = object(&project, &["config", "explain", "staging", "both"], 1);
    assert_eq!(both["error"]["message"], "several configurations set `both`");
    assert_eq!(both["error"]["hint"], "choose one with `--config`: app, jobs");
    let chosen = object(&project, &["config", "get", "staging", "both", "--config", "jobs"], 0);
    assert_eq!(chosen["value"], 2);
    let near = object(&project, &["config", "get", "staging", "queue.nam"], 1);
    assert_eq!(near["error"]["hint"], "did you mean `queue.name`?");
    let shown = object(&project, &["config", "show", "staging"], 0);
    let expected =
        json!({ "app": { "port": 1, "both": 1 }, "jobs": { "queue": { "name": "q" }, "both": 2 } });
    assert_eq!(shown["configuration"], expected);
    let text = run(&project, &["config", "show", "staging"]).success().stdout;
    assert_eq!(text, "app:\n  port: 1\n  both: 1\njobs:\n  queue:\n    name: q\n  both: 2\n");
    let text = run(&project, &["config", "explain", "staging"]).success().stdout;
    let expected =
        "[config.app]\nport = 1\n  a.yaml:1:7: 1\nboth = 1\n  a.yaml:2:7: 1\n\n[config.jobs]\n";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn config_validate_lists_what_is_wrong_wherever_it_is() {
    let project = project();
    let validate = |code| object(&project, &["config", "validate"], code);
    assert_eq!(validate(0)["valid"], true);
    project.write("staging.yaml", "port: 99999\n").write("production.yaml", "port: [\n");
    let found = validate(1);
    assert_eq!(found["valid"], false);
    let errors = found["errors"].as_array().expect("a list");
    for error in errors {
        assert_fields(error, &["path: text", "message: text", "file: text", "schema_path: text"]);
        assert_fields(error, &["line: number", "column: number"]);
    }
    let places: Vec<_> = errors.iter().map(|e| (&e["file"], &e["line"], &e["path"])).collect();
    assert!(places.contains(&(&json!("staging.yaml"), &json!(1), &json!("port"))), "{found:#}");
    assert!(errors.iter().any(|error| error["file"] == "production.yaml"), "{found:#}");
    project.edit("windlass.toml", "[services.web]", "[services.web");
    let found = validate(1);
    assert_eq!(
        (&found["valid"], &found["errors"][0]["file"]),
        (&json!(false), &json!("windlass.toml"))
    );
}

#[test]
fn config_validate_shows_a_person_the_line() {
    let project = project();
    project.write("staging.yaml", "port: high\n");
    let refused = run(&project, &["config", "validate", "staging"]).code(1);
    assert_eq!(refused.stdout, "");
    refused.says(" --> staging.yaml:1:7\n").says("1 | port: high\n").says("      ^^^^\n");
}

#[test]
fn environments_are_listed_shown_and_created() {
    let project = project();
    let fields =
        ["name: text", "type: text", "config_path: text", "variables: map", "targets: list"];
    let create = ["env", "create", "qa", "--config-path", "/etc/mini", "--target", "local:./qa"];
    let created = object(&project, &[&create[..], &["--var", "A=b=c"]].concat(), 0);
    assert_fields(&created, &fields);
    assert_eq!(created["variables"], json!({ "A": "b=c" }));
    assert_eq!(object(&project, &["env", "show", "qa"], 0), created);
    let list = object(&project, &["env", "list"], 0);
    let names = list["environments"].as_array().expect("a list").iter().map(|one| &one["name"]);
    assert!(names.eq(["production", "qa", "staging"].iter()), "{list:#}");
    assert_eq!(object(&project, &create, 1)["error"]["kind"], "environment_exists");
    for path in ["../etc", "/etc/../..", ""] {
        let refused = object(&project, &["env", "create", "out", "--config-path", path], 1);
        assert_eq!(refused["error"]["kind"], "invalid", "{path}");
    }
}

#[test]
fn rendered_files_are_listed_or_given_whole() {
    let project = project();
    let listed = object(&project, &["render", "staging"], 0);
    let paths = listed["files"].as_array().expect("a list").iter().map(|file| &file["path"]);
    assert!(paths.eq(["app.yaml", "motd"].iter()), "{listed:#}");
    let one = object(&project, &["render", "staging", "--file", "motd"], 0);
    assert_eq!(one["content"], "hello\n");
    let written = object(&project, &["render", "staging", "--out", "rendered"], 0);
    assert_eq!(written["files"].as_array().map(Vec::len), Some(2));
    assert_eq!(project.read("rendered/motd"), "hello\n");
    let unknown = object(&project, &["render", "staging", "--file", "mtod"], 1);
    assert_eq!(unknown["error"]["hint"], "did you mean `motd`?");
}

#[test]
fn the_other_commands_print_an_object_too() {
    let project = TestProject::new();
    let init = object(&project, &["init", "--name", "fresh"], 0);
    assert_fields(&init, &["project: text", "files: list", "next: list"]);
    assert_fields(&object(&project, &["completions", "bash"], 0), &["shell: text", "script: text"]);
    assert_fields(&object(&project, &["man"], 0), &["page: text"]);
    assert_fields(&object(&project, &["man", "pages"], 0), &["directory: text"]);
}

/// Runs a command that fails and returns its error, whose fields are those of the contract.
#[track_caller]
fn error(project: &TestProject, arguments: &[&str], code: i32) -> Value {
    let object = object(project, arguments, code);
    assert_eq!(object["exit_code"], code, "{object:#}");
    assert_fields(&object["error"], &ERROR);
    object["error"].clone()
}

#[test]
fn errors_have_a_kind_and_say_what_to_do() {
    let project = project();
    let kinds: [(&[&str], i32, &str, &str); 8] = [
        (&["deploy", "stagin"], 1, "unknown_environment", "did you mean `staging`?"),
        (&["show", "deploy_staging_1"], 1, "unknown_deployment", "`windlass history`"),
        (&["rollback", "staging"], 1, "nothing_to_roll_back", ""),
        (&["deploy", "production"], 1, "protected", "`--yes`"),
        (&["apply", "motd"], 1, "bad_plan", "windlass plan --out"),
        (&["plan", "staging", "--config"], 2, "usage", ""),
        (&["rollbak", "staging"], 2, "usage", "'rollback'"),
        (
            &["config", "get", "staging", "port", "--config", "ap"],
            1,
            "invalid",
            "did you mean `app`?",
        ),
    ];
    for (arguments, code, kind, hint) in kinds {
        let error = error(&project, arguments, code);
        assert_eq!(error["kind"], kind, "{error:#}");
        let said = error["hint"].as_str().unwrap_or_default();
        assert!(said.contains(hint), "{error:#}");
    }
}

#[test]
fn an_error_in_a_file_has_its_place() {
    let project = project();
    project.write("motd", "one\n  ${MISSING}\n");
    let error = error(&project, &["deploy", "staging"], 1);
    assert_eq!(error["kind"], "invalid");
    assert_eq!(
        (&error["file"], &error["line"], &error["column"]),
        (&json!("motd"), &json!(2), &json!(3))
    );
}

#[test]
fn an_error_in_a_single_file_names_it_as_it_was_given() {
    let project = project();
    project.write("extra/one.conf", "port ${MISSING}\n");
    let plan = ["plan", "staging", "--file", "extra/one.conf"];
    assert_eq!(error(&project, &plan, 1)["file"], "extra/one.conf");
    run(&project, &plan).code(1).says(" --> extra/one.conf:1:6\n").says("1 | port ${MISSING}\n");
}

#[test]
fn without_a_project_every_command_that_needs_one_says_so() {
    let empty = TestProject::new();
    empty.directory(".git");
    for arguments in [&["plan", "staging"][..], &["deploy", "staging"], &["config", "validate"]] {
        let error = error(&empty, arguments, 1);
        assert_eq!(error["kind"], "no_project");
        assert!(error["hint"].as_str().is_some_and(|hint| hint.contains("windlass init")));
    }
}

#[test]
fn a_plan_whose_target_has_changed_is_stale() {
    let project = project();
    object(&project, &["plan", "staging", "--out", "saved.plan"], 0);
    object(&project, &["deploy", "staging"], 0);
    assert_eq!(error(&project, &["apply", "saved.plan"], 1)["kind"], "stale_plan");
}

#[test]
fn for_people_errors_are_on_stderr_and_stdout_is_empty() {
    let project = project();
    let refused: Output = run(&project, &["deploy", "stagin"]).code(1);
    assert_eq!(refused.stdout, "");
    refused.says("error: unknown environment `stagin`\n").says("help: did you mean `staging`?");
    let wrong = run(&project, &["rollbak"]).code(2);
    assert_eq!(wrong.stdout, "");
    wrong.says("a similar subcommand exists: 'rollback'");
}

#[test]
fn a_failure_is_told_once() {
    let project = project();
    project.write("motd", "broken\n");
    let failed = run(&project, &["deploy", "staging", "--quiet"]).code(4);
    assert_eq!(failed.stdout.matches("grep -q broken").count(), 1, "{failed}");
    assert_eq!(failed.stderr.lines().count(), 1, "{failed}");
    failed.says("failed and was rolled back: every target is as it was before");
}

#[test]
fn the_config_commands_print_what_the_contract_says() {
    let project = project();
    let show = object(&project, &["config", "show", "staging"], 0);
    assert_fields(&show, &["environment: text", "configuration: map", "warnings: list"]);
    let layers = object(&project, &["config", "show", "production", "--layers"], 0);
    let fields = ["config: text", "layer: number?", "kind: text", "source: text", "format: text?"];
    for layer in layers["layers"].as_array().expect("a list") {
        assert_fields(layer, &fields);
        assert_fields(layer, &["optional: boolean", "present: boolean"]);
    }
    let explained = object(&project, &["config", "explain", "staging", "port"], 0);
    assert_fields(&explained, &["deleted: boolean", "warnings: list"]);
    let valid = object(&project, &["config", "validate"], 0);
    assert_fields(&valid, &["valid: boolean", "errors: list", "warnings: list"]);
    let set = object(&project, &["config", "set", "staging", "port", "1", "--dry-run"], 0);
    let fields = ["environment: text", "config: text", "key: text", "value: any", "file: text"];
    assert_fields(&set, &fields);
    let fields = ["changed: boolean", "new: boolean", "diff: text?", "dry_run: boolean"];
    assert_fields(&set, &fields);
    let schema = object(&project, &["config", "schema"], 0);
    assert_fields(&schema, &["environments: list", "json_schema: map"]);
    let template = object(&project, &["config", "template"], 0);
    assert_fields(&template, &["format: text", "text: text"]);
}

#[test]
fn a_migration_prints_its_steps_and_files() {
    let project = project();
    project.edit("windlass.toml", "[services.web]", "migrations = \"m.toml\"\n[services.web]");
    let rule = "{ rename = { from = \"port\", to = \"web.port\" } }";
    project.write("m.toml", format!("[[migration]]\nfrom = \"1\"\nto = \"2\"\nrules = [{rule}]\n"));
    let words = ["config", "migrate", "staging", "--from", "1", "--to", "2"];
    let migration = object(&project, &words, 0);
    let fields = ["environment: text", "config: text", "from: text", "to: text", "steps: list"];
    assert_fields(&migration, &fields);
    assert_fields(&migration, &["files: list", "dry_run: boolean", "warnings: list"]);
    assert_fields(&migration["steps"][0], &["from: text", "to: text", "backwards: boolean"]);
    let fields =
        ["file: text", "changed: boolean", "diff: text?", "applied: list", "backup: text?"];
    assert_fields(&migration["files"][0], &fields);
    let fields = ["from: text", "to: text", "rule: text", "places: number", "line: number?"];
    assert_fields(&migration["files"][0]["applied"][0], &fields);
}

#[test]
fn config_check_reports_every_error_of_plain_files() {
    let project = project();
    project.write("plain/a.yaml", "port: 1\n").write("plain/b.json", "{\"port\": \"x\"}");
    let check = ["config", "check", "--schema", "app.schema.json", "plain"];
    let found = object(&project, &check, 1);
    assert_fields(&found, &["valid: boolean", "files: number", "errors: list"]);
    assert_eq!((&found["valid"], &found["files"]), (&json!(false), &json!(2)));
    let error = &found["errors"][0];
    assert_eq!((&error["file"], &error["path"]), (&json!("plain/b.json"), &json!("port")));
    assert_eq!((&error["line"], &error["column"]), (&json!(1), &json!(10)));
    run(&project, &check).code(1).says("plain/b.json:1:10");
    let github = run(&project, &[&check[..], &["--format", "github"]].concat()).code(1).stdout;
    assert!(github.starts_with("::error file=plain/b.json,line=1,col=10"), "{github}");
    let sarif = run(&project, &[&check[..], &["--format", "sarif"]].concat()).code(1).json();
    assert_eq!(sarif["version"], "2.1.0");
    project.write("plain/b.json", "{\"port\": 2}");
    assert_eq!(object(&project, &check, 0)["valid"], true);
    run(&project, &["config", "check", "--schema", "none.json", "plain"]).code(1).says("none.json");
}
