//! `windlass config explain ENV --file PATH`: which key filled which line.

mod mini;

use mini::{project, run};
use serde_json::{Value, json};
use windlass_testing::TestProject;

const BINARY: &str = env!("CARGO_BIN_EXE_windlass");

fn explained(project: &TestProject, words: &[&str]) -> Value {
    let words = [&["config", "explain"], words, &["--output", "json"]].concat();
    let said = project.windlass(BINARY).run(&words).success().json();
    assert_eq!(said["schema"], 1);
    said
}

/// Returns the line with this text.
#[track_caller]
fn line<'v>(file: &'v Value, text: &str) -> &'v Value {
    let lines = file["lines"].as_array().expect("lines");
    lines.iter().find(|line| line["text"] == text).unwrap_or_else(|| panic!("{text}: {file:#}"))
}

/// Returns what filled a line: key, kind, whether exactly, and the place in force.
fn fillers(line: &Value) -> Vec<(String, String, bool, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let place = |origin: &Value| format!("{}:{}", text(&origin["file"]), origin["line"]);
    let filler = |filler: &Value| {
        let origins = filler["origins"].as_array().expect("origins");
        let place = origins.last().map(place).unwrap_or_default();
        (text(&filler["key"]), text(&filler["kind"]), filler["exact"] == true, place)
    };
    line["filled_by"].as_array().expect("a list").iter().map(filler).collect()
}

fn filler(key: &str, kind: &str, exact: bool, place: &str) -> (String, String, bool, String) {
    (key.to_owned(), kind.to_owned(), exact, place.to_owned())
}

/// Returns where in the file a line begins that starts with `start`, as `file:line`.
fn place(shop: &TestProject, file: &str, start: &str) -> String {
    let text = shop.read(file);
    let at = text.lines().position(|line| line.trim_start().starts_with(start));
    format!("{file}:{}", at.unwrap_or_else(|| panic!("{file} has no {start}")) + 1)
}

/// Renders the file as it would be deployed.
fn rendered(shop: &TestProject, environment: &str, file: &str) -> String {
    shop.windlass(BINARY).run(&["render", environment, "--file", file]).success().stdout
}

#[test]
fn every_text_of_the_shop_is_shown_as_it_is_rendered() {
    let shop = TestProject::copy_example("shop");
    for file in [
        "nginx.conf",
        "app.env",
        "app.yaml",
        "systemd/shop-web.service",
        "worker/worker.ini",
        "worker/queues.toml",
        "app/bin/start",
    ] {
        let explained = explained(&shop, &["staging", "--file", file]);
        let lines = explained["lines"].as_array().expect("lines").iter();
        let text: String =
            lines.map(|line| format!("{}\n", line["text"].as_str().expect("text"))).collect();
        assert_eq!(text, rendered(&shop, "staging", file), "{file}");
        assert_eq!(explained["file"], file);
        assert_eq!(explained["target"], Value::Null);
    }
}

#[test]
fn variables_fill_lines() {
    let shop = TestProject::copy_example("shop");
    let file = explained(&shop, &["staging", "--file", "nginx.conf"]);
    let template = "templates/nginx.conf";
    assert_eq!(file["source"], json!({ "kind": "template", "name": template }));
    let server = line(&file, "    server 127.0.0.1:8080;");
    let at = place(&shop, template, "server ${UPSTREAM_HOST");
    assert_eq!(format!("{template}:{}", server["template"]["line"]), at);
    let port = place(&shop, "windlass.toml", "SHOP_PORT =");
    let expected = [
        filler("UPSTREAM_HOST", "default", false, &at),
        filler("SHOP_PORT", "variable", true, &port),
    ];
    assert_eq!(fillers(server), expected);
    assert_eq!(server["filled_by"][0]["value"], "127.0.0.1");
    let head = fillers(line(&file, "# shop/web 1.4.2, staging"));
    let version = place(&shop, "windlass.toml", "version = \"1.4.2\"");
    assert_eq!(head[2], filler("VERSION", "variable", true, &version));
    assert_eq!(head[3], filler("ENVIRONMENT", "built_in", true, "built-in:null"));
    assert_eq!(line(&file, "    keepalive 32;")["filled_by"], json!([]));
}

#[test]
fn an_environments_variable_overrides_the_projects() {
    let shop = TestProject::copy_example("shop");
    shop.write("templates/nginx.conf", "db=$DB_NAME\n");
    let file = explained(&shop, &["testing", "--file", "nginx.conf"]);
    let origins = file["lines"][0]["filled_by"][0]["origins"].clone();
    let brief = |at: usize| (origins[at]["value"].clone(), origins[at]["overridden"].clone());
    assert_eq!(brief(0), (json!("shop"), json!(true)), "{origins:#}");
    assert_eq!(brief(1), (json!("shop_test"), json!(false)));
}

#[test]
fn keys_fill_lines_of_a_template() {
    let shop = TestProject::copy_example("shop");
    let file = explained(&shop, &["staging", "--file", "app.env"]);
    let workers = line(&file, "SHOP_WORKERS=4");
    let staging = place(&shop, "environments/staging/app.yaml", "workers:");
    assert_eq!(fillers(workers), [filler("server.workers", "config", true, &staging)]);
    assert_eq!(workers["filled_by"][0]["config"], "app");
    let first = &workers["filled_by"][0]["origins"][0];
    assert_eq!((&first["value"], &first["overridden"]), (&json!(2), &json!(true)));
    let features = &fillers(line(&file, "SHOP_FEATURES=search,wishlist,new_checkout"))[0];
    assert_eq!((features.0.as_str(), features.2), ("features", false));
    let currency = line(&file, "SHOP_CURRENCY_2=USD");
    assert_eq!(fillers(currency)[0].0, "payments.currencies.1");
    let at = place(&shop, "templates/app.env.j2", "SHOP_CURRENCY_");
    assert_eq!(format!("templates/app.env.j2:{}", currency["template"]["line"]), at);
}

#[test]
fn keys_are_on_lines_of_a_configuration() {
    let shop = TestProject::copy_example("shop");
    let file = explained(&shop, &["staging", "--file", "worker/queues.toml"]);
    assert_eq!(file["source"], json!({ "kind": "config", "name": "worker" }));
    let retries = line(&file, "retries = 10");
    let at = place(&shop, "config/worker.yaml", "retries: 10");
    assert_eq!(fillers(retries), [filler("queues.orders.retries", "config", true, &at)]);
    assert_eq!(retries["template"], Value::Null);
    assert_eq!(line(&file, "[queues.mail]")["filled_by"], json!([]));
}

#[test]
fn people_read_it_in_columns() {
    let shop = TestProject::copy_example("shop");
    let words = ["config", "explain", "staging", "--file", "/etc/shop/app.env"];
    let said = shop.windlass(BINARY).run(&words).success().stdout;
    let mut lines = said.lines();
    assert_eq!(lines.next(), Some("app.env of `web` in staging: from templates/app.env.j2"));
    assert_eq!(lines.next(), Some(" 1   1  # shop/web 1.4.2, staging"));
    let port = said.lines().find(|line| line.contains("server.port")).expect("the port");
    assert!(port.starts_with("        ← app: server.port "), "{port}");
    assert!(port.contains(" 8080 ") && port.contains(" config/app.yaml:3:9 "), "{port}");
    assert!(port.ends_with("overrides config/defaults.yaml:4:9"), "{port}");
    let path = said.lines().find(|line| line.contains("database.password_file")).expect("the path");
    assert!(path.contains("shop-web.servi…  "), "a long value is cut: {path}");
}

#[test]
fn an_unknown_file_is_named_with_the_nearest_or_those_there_are() {
    let shop = TestProject::copy_example("shop");
    let explain = |file: &str| {
        shop.windlass(BINARY).run(&["config", "explain", "staging", "--file", file]).code(1)
    };
    explain("nginx.cnf")
        .says("no file is rendered to nginx.cnf")
        .says("did you mean `nginx.conf`?");
    explain("zzz").says("known are app.env, app.yaml, nginx.conf, ");
    let both = ["config", "explain", "staging", "server.port", "--file", "app.env"];
    shop.windlass(BINARY).run(&both).code(2).says("cannot be used with");
}

#[test]
fn an_error_in_the_template_is_shown_at_its_place() {
    let shop = TestProject::copy_example("shop");
    shop.write("templates/app.env.j2", "A=1\nB={{ app.server.prot }}\n");
    let words = ["config", "explain", "staging", "--file", "app.env"];
    let said = shop.windlass(BINARY).run(&words).code(1);
    said.says("`app.server.prot` is not defined").says("templates/app.env.j2:2:6");
}

#[test]
fn secrets_are_masked() {
    let project = project();
    project.write(
        "app.schema.json",
        r#"{"properties": {"db": {"properties": {"password": {"x-secret": true}}}}}"#,
    );
    project.write("staging.yaml", "port: 8080\ndb: {host: a, password: hunter2}\n");
    project.write(
        "app.env.j2",
        "PASSWORD={{ db.password }}\nLOUD={{ db.password | upper }}\nHOST={{ db.host }}\n",
    );
    project.edit(
        "windlass.toml",
        "{ source = \"motd\" }",
        "{ source = \"motd\" }, { source = \"app.env.j2\" }",
    );
    for file in ["app.env", "app.yaml"] {
        for words in
            [&["staging", "--file", file][..], &["staging", "--file", file, "--output", "json"]]
        {
            let said = run(&project, &[&["config", "explain"], words].concat()).success();
            let all = format!("{}{}", said.stdout, said.stderr).to_lowercase();
            assert!(!all.contains("hunter"), "{all}");
            assert!(all.contains("db.password") && all.contains("<secret>"), "{all}");
        }
    }
    let file = explained(&project, &["staging", "--file", "app.env"]);
    let host = fillers(line(&file, "HOST=a"));
    assert_eq!(host, [filler("db.host", "config", true, "staging.yaml:2")]);
}

#[test]
fn a_template_that_masks_do_not_suit_shows_only_its_own_text() {
    let project = project();
    project.write("app.schema.json", r#"{"properties": {"key": {"x-secret": true}}}"#);
    project.write("staging.yaml", "key: [hunter2, hunter3]\n");
    project.write("keys.j2", "# keys\n{% for k in key %}\n{{ k }}\n{% endfor %}\n");
    project.edit(
        "windlass.toml",
        "{ source = \"motd\" }",
        "{ source = \"motd\" }, { source = \"keys.j2\" }",
    );
    let file = explained(&project, &["staging", "--file", "keys"]);
    let texts: Vec<_> =
        file["lines"].as_array().expect("lines").iter().map(|l| &l["text"]).collect();
    assert!(!file.to_string().contains("hunter"), "{file:#}");
    assert_eq!(texts, ["# keys", "<secret>", "<secret>"]);
}

#[test]
fn a_binary_file_has_no_lines_and_a_copy_no_keys() {
    let project = project();
    project.write("motd", b"a\0b").write("raw.conf", "x = ${GREETING}\n");
    project.edit(
        "windlass.toml",
        "{ source = \"motd\" }",
        "{ source = \"motd\" }, { source = \"raw.conf\", render = \"copy\" }",
    );
    let motd = explained(&project, &["staging", "--file", "motd"]);
    assert_eq!((&motd["binary"], &motd["lines"]), (&json!(true), &json!([])));
    let raw = explained(&project, &["staging", "--file", "raw.conf"]);
    assert_eq!(raw["source"]["kind"], "copy");
    let expected = json!([{
        "line": 1, "text": "x = ${GREETING}", "filled_by": [],
        "template": { "file": "raw.conf", "line": 1 },
    }]);
    assert_eq!(raw["lines"], expected);
}

const FLEET: &str = r#"
[project]
name = "fleet"
variables = { ZONE = "none" }

[services.app]
files = [{ source = "app.conf" }]

[environments.prod]
type = "production"
config_path = "/etc/app"
variables = { ZONE = "eu" }
targets = ["local:./a", { name = "b", address = "local:./b", groups = ["west"], variables = { RACK = "b7" } }]
groups.west.variables = { ZONE = "us" }
"#;

#[test]
fn a_target_has_variables_of_its_own() {
    let project = TestProject::new();
    project.write("windlass.toml", FLEET).write("app.conf", "${ZONE} ${RACK:-no}\n");
    let words = ["config", "explain", "prod", "--file", "app.conf"];
    let unclear = project.windlass(BINARY).run(&words).code(1);
    unclear.says("the targets of `prod` have different variables").says("--target");
    let b = explained(&project, &["prod", "--file", "app.conf", "--target", "b"]);
    assert_eq!((&b["target"], &b["lines"][0]["text"]), (&json!("b"), &json!("us b7")));
    let values: Vec<_> = b["lines"][0]["filled_by"][0]["origins"]
        .as_array()
        .expect("origins")
        .iter()
        .map(|origin| (&origin["value"], &origin["line"], origin["overridden"] == true))
        .collect();
    let expected = [
        (&json!("none"), &json!(4), true),
        (&json!("eu"), &json!(12), true),
        (&json!("us"), &json!(14), false),
    ];
    assert_eq!(values, expected);
    let a = explained(&project, &["prod", "--file", "app.conf", "--target", "local:./a"]);
    assert_eq!(a["lines"][0]["filled_by"][1]["kind"], "default");
}
