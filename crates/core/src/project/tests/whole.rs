//! Files that are right, and what they mean.

use super::{FILE, HEAD, accepted};
use crate::budget::{Allowance, Budget};
use crate::command::Command;
use crate::config::{Configuration, Format, ListMerge, MergeRules};
use crate::diagnostic::Severity;
use crate::environment::EnvironmentType;
use crate::health::Probe;
use crate::project::{DEFAULT_RETAIN, FileContent, FileSpec, Layer, LayerSource, Project, Render};
use crate::release::{Layout, Mode};
use crate::strategy::{
    Amount, BlueGreenDeployment, CanaryDeployment, Order, RollingDeployment, Share, StrategySpec,
    Waits,
};

pub(super) const SHOP: &str = r#"
[project]
name = "shop"
retain = 5
layout = "plain"
[project.variables]
REGION = "eu"
DB_HOST = "localhost"

[config.app]
layers = [
  "config/defaults.yaml",
  { path = "environments/${ENVIRONMENT}/app.yaml", optional = true },
]
schema = "schemas/app.schema.json"
append = ["features", "server.plugins"]

[services.web]
files = [
  { source = "templates/nginx.conf", path = "conf.d/nginx.conf", mode = "0600" },
  { source = "templates/app.env.j2", layout = "linked" },
  { config = "app", path = "app.conf", format = "json" },
  { config = "app", path = "app.toml" },
  { config = "app" },
  { directory = "static", render = "copy", allow_empty = true },
]
artifact = "dist/web-${VERSION}.tar.gz"
version = "1.10"
check = "nginx -t -c ${STAGED}/nginx.conf"
on_change = ["systemctl", "reload", "nginx"]
health = [
  { http = "http://${TARGET_ADDRESS}:8080/healthz", timeout = "2s", interval = "250ms", failures = 5, successes = 2 },
  { tcp = 8080 },
  { command = "true" },
]

[services.worker]
artifact = { source = "dist/worker.tar.gz", path = "worker", strip = 1 }

[[services.worker.files]]
source = "worker.toml"
mode = 0o640

[environments.staging]
type = "staging"
config_path = "/etc/shop/"
variables = { DB_HOST = "db.staging.internal", WORKERS = 4, DEBUG = true }
targets = ["local:./state/staging"]

[environments.production]
type = "production"
config_path = "etc/shop"
services = ["worker", "web"]
targets = [
  { address = "local:/srv/one", name = "one" },
  { address = "local:/srv/two", name = "two", services = ["web"] },
]
strategy = { rolling = { parallel = 1 } }
protect = true
"#;

fn file(project: &Project, service: &str, at: usize) -> FileSpec {
    let name = service.parse().expect("a name");
    project.services[&name].files[at].clone()
}

fn path(file: &FileSpec) -> Option<&str> {
    file.path.as_ref().map(crate::path::RelativePath::as_str)
}

#[test]
fn the_project_itself() {
    let project = accepted(SHOP);
    assert_eq!((project.name.as_str(), project.retain), ("shop", 5));
    assert_eq!(accepted(HEAD).retain, DEFAULT_RETAIN);
}

#[test]
fn configurations() {
    let app = &accepted(SHOP).configs["app"];
    assert_eq!(app.layers[0].source.written().value, "config/defaults.yaml");
    assert!(!app.layers[0].optional && app.layers[1].optional);
    let place = app.layers[1].source.written();
    assert_eq!((place.position.line, place.position.column, place.width), (13, 12, 38));
    assert_eq!(app.schema.as_ref().map(|s| s.value.as_str()), Some("schemas/app.schema.json"));
    assert_eq!(app.merge_rules(), MergeRules::appending(["features", "server.plugins"]));
    assert_eq!(app.environment_prefix, None);
    assert!(!app.schema_defaults && app.migrations.is_none());
}

#[test]
fn a_configuration_names_its_migrations_and_wants_the_defaults_of_its_schema() {
    let text = format!(
        "{HEAD}[config.app]\nlayers = [\"a.yaml\"]\nschema = \"s.json\"\n\
         schema_defaults = true\nmigrations = \"migrations.toml\"\n"
    );
    let app = &accepted(&text).configs["app"];
    assert!(app.schema_defaults);
    assert_eq!(app.migrations.as_ref().map(|m| m.value.as_str()), Some("migrations.toml"));
}

fn layers(list: &str) -> Vec<Layer> {
    let text = format!("{HEAD}[config.app]\nlayers = [{list}]");
    accepted(&text).configs["app"].layers.clone()
}

#[test]
fn layers_are_files_variables_and_servers() {
    let all = layers(
        "\"file://config/a.yaml\", { path = \"b.conf\", format = \"toml\" }, \"env://APP_CONFIG\", \
         { url = \"env://X\", format = \"json\", optional = true }, \
         \"https://config.example.com/shop/${ENVIRONMENT}.yaml?v=1\"",
    );
    let told: Vec<_> = all
        .iter()
        .map(|layer| {
            let kind = match layer.source {
                LayerSource::File(_) => "file",
                LayerSource::EnvironmentVariable(_) => "variable",
                LayerSource::Http(_) => "server",
            };
            (kind, layer.source.written().value.as_str(), layer.format)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("file", "config/a.yaml", None),
            ("file", "b.conf", Some(Format::Toml)),
            ("variable", "APP_CONFIG", Some(Format::Yaml)),
            ("variable", "X", Some(Format::Json)),
            (
                "server",
                "https://config.example.com/shop/${ENVIRONMENT}.yaml?v=1",
                Some(Format::Yaml)
            ),
        ]
    );
    assert!(all[3].optional);
}

#[test]
fn a_server_has_bounds_and_a_pin() {
    let pin = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
    let server = |more: &str| {
        let list = format!("{{ url = \"http://10.0.0.1/x\", format = \"json\"{more} }}");
        match layers(&list).remove(0).source {
            LayerSource::Http(http) => http,
            other => panic!("{other:?}"),
        }
    };
    let plain = server(", allow_http = true");
    assert_eq!((plain.timeout_ms, plain.max_size, plain.checksum), (10_000, 16 << 20, None));
    let more = format!(
        ", allow_http = true, checksum = \"{pin}\", timeout = \"5s\", max_size = \"512KiB\""
    );
    let pinned = server(&more);
    assert_eq!((pinned.timeout_ms, pinned.max_size), (5_000, 512 << 10));
    assert!(pinned.checksum.is_some_and(|checksum| checksum.matches(b"")));
}

#[test]
fn merge_rules_by_dotted_key_quoted_or_not() {
    let text = format!(
        "{HEAD}[config.app]\nlayers = [\"a.yaml\"]\nappend = [\"x\"]\nnull_deletes = true\n\
         environment_prefix = \"APP\"\n[config.app.merge]\nserver.plugins = \"prepend\"\n\
         \"server.tags\" = \"unique\"\n'\"a.b\".c' = \"replace\"\nservices = {{ by = \"name\" }}\n\
         [config.app.merge.hosts.\"*\"]\nports = {{ by = \"port\" }}\n"
    );
    let app = &accepted(&text).configs["app"];
    let rules = app.merge_rules();
    assert!(rules.null_deletes);
    assert_eq!(app.environment_prefix.as_deref(), Some("APP"));
    let told: Vec<_> = rules.lists.iter().map(|(key, rule)| (key.as_str(), rule)).collect();
    assert_eq!(
        told,
        [
            ("\"a.b\".c", &ListMerge::Replace),
            ("hosts.*.ports", &ListMerge::By("port".to_owned())),
            ("server.plugins", &ListMerge::Prepend),
            ("server.tags", &ListMerge::Unique),
            ("services", &ListMerge::By("name".to_owned())),
            ("x", &ListMerge::Append),
        ]
    );
    let layer =
        crate::config::Layer { file: "a", format: Format::Yaml, text: "x: [1]\nservices: []" };
    let merged = Configuration::from_layers(&[layer], &rules).expect("merges");
    let warnings = app.unused_rules(FILE, &merged);
    let lines: Vec<_> = warnings.iter().filter_map(|w| w.position).map(|at| at.line).collect();
    assert_eq!(lines, [16, 19, 14, 15]);
    assert_eq!(warnings[2].severity, Severity::Warning);
    let expected = "no layer has a list `server.plugins`: its merge rule does nothing";
    assert_eq!(warnings[2].message, expected);
}

#[test]
fn files_and_where_they_go() {
    let project = accepted(SHOP);
    let files: Vec<_> = (0..6).map(|at| file(&project, "web", at)).collect();
    let paths: Vec<_> = files.iter().map(|file| path(file).unwrap_or("-")).collect();
    assert_eq!(paths, ["conf.d/nginx.conf", "app.env", "app.conf", "app.toml", "app.yaml", "-"]);
    let modes: Vec<_> = files.iter().filter_map(|file| file.mode).collect();
    assert_eq!(modes, [Mode::from_bits(0o600)]);
    assert_eq!(files[0].layout, Layout::Plain, "what [project] says");
    assert_eq!(files[1].layout, Layout::Linked);
    assert!(files[5].allow_empty && !files[0].allow_empty);
    assert_eq!((files[1].position.line, files[1].position.column, files[1].width), (21, 3, 54));
    assert_eq!(file(&project, "worker", 0).mode, Some(Mode::from_bits(0o640)));
}

#[test]
fn what_is_in_files() {
    let project = accepted(SHOP);
    let format = |at| match file(&project, "web", at).content {
        FileContent::Config { name, format } => (name, format),
        other => panic!("{other:?}"),
    };
    assert_eq!(format(2), ("app".to_owned(), Format::Json));
    assert_eq!(format(3).1, Format::Toml);
    assert_eq!(format(4).1, Format::Yaml);
    let content = file(&project, "web", 5).content;
    let FileContent::Directory { source, render } = content else { panic!("{content:?}") };
    assert_eq!((source.value.as_str(), render), ("static", Render::Copy));
}

#[test]
fn services() {
    let project = accepted(SHOP);
    let [web, worker] = ["web", "worker"].map(|n| &project.services[&n.parse().expect("a name")]);
    assert_eq!(web.position.line, 18);
    assert_eq!(web.version.as_deref(), Some("1.10"));
    assert!(matches!(&web.check, Some(Command::Shell(text)) if text.starts_with("nginx -t")));
    assert!(matches!(&web.on_change, Some(Command::Argv(words)) if words.len() == 3));
    let artifact = |service: &crate::project::ServiceSpec| {
        let artifact = service.artifact.clone().expect("an artifact");
        (artifact.source.value, artifact.path.to_string(), artifact.strip)
    };
    assert_eq!(artifact(web), ("dist/web-${VERSION}.tar.gz".into(), "app".into(), 0));
    assert_eq!(artifact(worker), ("dist/worker.tar.gz".into(), "worker".into(), 1));
}

#[test]
fn health_checks() {
    let project = accepted(SHOP);
    let checks = &project.services[&"web".parse().expect("a name")].health;
    assert_eq!((checks[0].timeout_ms, checks[0].interval_ms), (2_000, 250));
    assert_eq!((checks[0].failures, checks[0].successes), (5, 2));
    assert_eq!(checks[1].probe, Probe::Tcp("8080".to_owned()));
    assert_eq!((checks[1].timeout_ms, checks[1].failures), (5_000, 3));
    assert_eq!(checks[2].probe, Probe::Command(Command::Shell("true".to_owned())));
}

#[test]
fn environments() {
    let project = accepted(SHOP);
    let staging = project.environment("staging").expect("declared");
    assert_eq!(staging.environment_type, EnvironmentType::Staging);
    assert_eq!(staging.config_path, "/etc/shop");
    let variables: Vec<_> = staging.variables.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(variables, ["DB_HOST=db.staging.internal", "DEBUG=true", "REGION=eu", "WORKERS=4"]);
    assert_eq!(staging.targets[0].id.as_str(), "local:./state/staging");
    assert!(!staging.protect && staging.services.is_none());
    assert_eq!(staging.strategy, StrategySpec::default());

    let production = project.environment("production").expect("declared");
    assert_eq!(production.variables["DB_HOST"], "localhost");
    assert_eq!(production.targets[0].id.as_str(), "one");
    assert_eq!(production.targets[1].address.to_string(), "local:/srv/two");
    let StrategySpec::Rolling(rolling) = &production.strategy else { panic!("rolling") };
    assert_eq!(rolling.parallel.of(10), 1);
    assert!(production.protect);
}

#[test]
fn the_services_of_a_target() {
    let project = accepted(SHOP);
    let names = |environment: &str, at: usize| {
        let environment = project.environment(environment).expect("declared");
        let services = project.services_of(environment, &environment.targets[at]);
        services.map(|(name, _)| name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names("staging", 0), ["web", "worker"]);
    assert_eq!(names("production", 0), ["web", "worker"]);
    assert_eq!(names("production", 1), ["web"]);
}

#[test]
fn an_unknown_environment_is_named_with_a_hint() {
    let project = accepted(SHOP);
    let error = project.environment("stagin").expect_err("unknown");
    assert_eq!(error.to_string(), "unknown environment `stagin`");
    assert_eq!(error.hint(), "did you mean `staging`?");
    let error = project.environment("../x").expect_err("unknown");
    assert_eq!(error.hint(), "known are production, staging");
    let empty = accepted("[project]\nname = \"shop\"");
    assert!(empty.environment("x").expect_err("unknown").hint().contains("add"));
}

#[test]
fn a_byte_order_mark_and_carriage_returns_change_nothing() {
    let windows = format!("\u{feff}{}", SHOP.replace('\n', "\r\n"));
    assert_eq!(Project::parse(FILE, &windows), Ok(accepted(SHOP)));
}

fn staging(more: &str) -> crate::environment::Environment {
    let project = accepted(&format!("{HEAD}{more}"));
    project.environment("staging").expect("declared").clone()
}

#[test]
fn strategies_are_read_with_their_settings() {
    let rolling = "strategy = { rolling = { parallel = 2, order = \"reverse\", by = \"zone\", \
                   min_healthy = \"30s\", healthy_deadline = \"2m\", progress_deadline = \"20m\", \
                   auto_rollback = false, bake = \"1m\" } }";
    let waits = Waits {
        min_healthy_ms: Some(30_000),
        healthy_deadline_ms: Some(120_000),
        progress_deadline_ms: Some(1_200_000),
        auto_rollback: Some(false),
    };
    let expected = RollingDeployment {
        parallel: Amount::Count(2),
        order: Order::Reverse,
        by: Some("zone".to_owned()),
        bake_ms: Some(60_000),
        waits,
    };
    assert_eq!(staging(rolling).strategy, StrategySpec::Rolling(expected));
    let canary = "strategy = { canary = { stages = [1, \"10%\"], bake = \"5m\", success = \"99%\", \
                  approval = true, analysis = \"errors\", min_healthy = \"1s\" } }";
    let expected = CanaryDeployment {
        stages: vec![Amount::Count(1), Amount::Percent(10)],
        bake_ms: 300_000,
        success: Share::percent(99).expect("a share"),
        approval: true,
        analysis: Some("errors".to_owned()),
        waits: Waits { min_healthy_ms: Some(1_000), ..Waits::default() },
        ..CanaryDeployment::default()
    };
    assert_eq!(staging(canary).strategy, StrategySpec::Canary(expected));
    let blue_green = "strategy = { blue_green = { keep = \"5m\", parallel = \"50%\" } }";
    let expected = BlueGreenDeployment {
        parallel: Amount::Percent(50),
        keep_ms: 300_000,
        ..BlueGreenDeployment::default()
    };
    assert_eq!(staging(blue_green).strategy, StrategySpec::BlueGreen(expected));
    for name in StrategySpec::NAMES {
        let named = staging(&format!("strategy = \"{name}\"")).strategy;
        assert_eq!(named, staging(&format!("strategy = {{ {name} = {{}} }}")).strategy);
    }
}

#[test]
fn what_is_said_as_it_would_be_anyway_changes_nothing() {
    let said = "strategy = { rolling = { parallel = \"25%\", order = \"listed\", \
                healthy_deadline = \"300s\", progress_deadline = \"10m\", auto_rollback = true } }";
    assert_eq!(staging(said), staging(""));
}

#[test]
fn budgets_are_read() {
    let fleet = |fleet| Budget { fleet, ..Budget::default() };
    assert_eq!(staging("budget = 2").budget, fleet(Allowance::Count(2)));
    assert_eq!(staging("budget = \"10%\"").budget, fleet(Allowance::Percent(10)));
    let domains = Budget {
        fleet: Allowance::Percent(10),
        domain: Some(Allowance::Count(1)),
        by: Some("zone".to_owned()),
        canary: Allowance::NONE,
    };
    let budget = "budget = { fleet = \"10%\", domain = \"1\", by = \"zone\", canary = 0 }";
    assert_eq!(staging(budget).budget, domains);
    let inherited = "budget = { fleet = \"10%\", domain = 1 }\n\
                     strategy = { rolling = { by = \"zone\" } }";
    assert_eq!(staging(inherited).budget, domains);
    for usual in ["", "budget = 0", "budget = {}", "budget = { fleet = 0 }"] {
        assert!(staging(usual).budget.is_default(), "{usual}");
    }
}

#[test]
fn an_inline_table_may_name_the_strategy() {
    for strategy in ["\"rolling\"", "{ rolling = {} }"] {
        let project = accepted(&format!("{HEAD}strategy = {strategy}"));
        let staging = project.environment("staging").expect("declared");
        assert_eq!(staging.strategy, StrategySpec::default(), "{strategy}");
    }
}
