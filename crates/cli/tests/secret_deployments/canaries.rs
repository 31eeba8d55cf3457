//! A thousand secrets go through all that can go well or wrong, and none of them is seen anywhere.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use windlass_testing::{Canaries, Output, Search};

use crate::shop::Shop;

const PLANTED: usize = 1000;

/// Commands print the file in all encodings; `SWITCH` in the root of the target has them fail.
const PROJECT: &str = r#"
[project]
name = "shop"

[config.app]
layers = ["app.yaml"]
schema = "app.schema.json"

[services.web]
files = [
  { source = "all.conf", path = "all.conf" },
  { source = "all.j2", path = "all.txt" },
  { config = "app", path = "app.json", format = "json" },
]
check = "F=$STAGED; PRINT; test ! -e $TARGET_ROOT/refuse"
on_change = "F=$CONFIG_PATH; PRINT; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ > PROBE 2> /dev/null; test ! -e $TARGET_ROOT/broken"
health = [{ command = "F=$CONFIG_PATH; PRINT; test ! -e $TARGET_ROOT/sick", interval = "1ms", failures = 1 }]

[environments.staging]
type = "staging"
config_path = "/etc"
secrets = "secrets/staging.yaml"
targets = ["local:state"]
"#;

/// Whole lines: a value that a command cuts in two is beyond any filter.
const PRINT: &str = "tail -n 400 $F/all.conf; tail -n 200 $F/all.conf >&2; tail -n 100 $F/app.json; \
tail -n 90 $F/all.conf | base64 -w0; echo; (printf x; tail -n 84 $F/all.conf) | base64; \
(printf xy; tail -n 84 $F/all.txt) | base64 -w0; echo; \
tail -n 72 $F/all.conf | od -An -v -tx1 | tr -d ' \\\\n'; echo; \
tail -n 60 $F/all.conf | od -An -v -tx1 | tr -d '\\\\n' | tr ' ' %; echo";

const SCHEMA: &str = r#"{"type": "object", "properties": {"C0001": {"type": "string"}}}"#;

struct Cage {
    shop: Shop,
    planted: Canaries,
    rotated: Canaries,
    search: Search,
}

impl Cage {
    fn new() -> Self {
        let shop = Shop::new("");
        let probe = shop.project.at("probe").display().to_string();
        let toml = PROJECT.replace("PRINT", PRINT).replace("PROBE", &probe);
        shop.project.write("windlass.toml", toml).write("app.schema.json", SCHEMA);
        shop.project.directory("state").write("all.conf", lines("${", "}"));
        shop.project.write("all.j2", lines("{{ ", " }}")).write("app.yaml", layer());
        let (planted, rotated) = (Canaries::new(22, PLANTED), Canaries::new(27, PLANTED));
        let search = planted.search(&[&rotated]);
        shop.keep(&planted.to_yaml());
        Self { shop, planted, rotated, search }
    }

    /// Runs it as loud as it gets, and looks for secrets in all that it says.
    #[track_caller]
    fn run(&self, words: &[&str]) -> Output {
        let loud = [words, &["-vvv", "--events", "events.jsonl"]].concat();
        let json = [&loud[..], &["--output", "json"]].concat();
        let words = if words[0] == "deploy" || words[0] == "rollback" { json } else { loud };
        let output = self.shop.run(&words);
        self.search.assert_none(words.join(" "), output.to_string());
        let events = self.shop.project.at("events.jsonl");
        if events.exists() {
            self.search.assert_none("the events", std::fs::read(events).expect("reads"));
        }
        output
    }

    /// Looks for secrets in every file but those of the target, which nobody but their owner reads.
    #[track_caller]
    fn look_around(&self) {
        for (path, bytes) in self.shop.files() {
            self.search.assert_none(path.display(), path.to_string_lossy().as_bytes());
            self.search.assert_none(path.display(), bytes);
        }
        for (path, bytes) in self.shop.on_target() {
            if !self.search.find(&bytes).is_empty() {
                let mode = path.metadata().expect("there").permissions().mode() & 0o7777;
                assert_eq!(mode, 0o600, "{}", path.display());
            }
        }
    }

    fn switch(&self, name: &str, on: bool) {
        let path = Path::new("state").join(name);
        if on {
            self.shop.project.write(path, "");
        } else {
            self.shop.project.remove(path);
        }
    }
}

fn lines(before: &str, after: &str) -> String {
    (0..PLANTED).map(|at| format!("{before}C{at:04}{after}\n")).collect()
}

fn layer() -> String {
    (0..PLANTED).map(|at| format!("C{at:04}: ${{C{at:04}}}\n")).collect()
}

#[test]
fn deployed_planned_rolled_back_and_explained_none_is_seen() {
    let cage = Cage::new();
    let _ = cage.run(&["plan", "staging"]).success();
    let said = cage.run(&["deploy", "staging"]).success();
    let live = cage.shop.live("all.conf");
    assert!(cage.planted.iter().all(|(_, value)| live.contains(value)), "they are deployed");
    let probe = std::fs::read(cage.shop.project.at("probe")).expect("the command looked");
    assert!(probe.windows(8).any(|part| part == b"windlass"), "at the processes of the run");
    let events = cage.shop.project.read("events.jsonl");
    assert!(events.contains("[secret C0"), "the commands printed them: {said}");
    cage.look_around();
    cage.shop.keep(&cage.rotated.to_yaml());
    let _ = cage.run(&["plan", "staging", "--output", "json"]).success();
    let _ = cage.run(&["plan", "staging", "--out", "saved.plan"]).success();
    let _ = cage.run(&["deploy", "staging"]).success();
    let _ = cage.run(&["config", "explain", "staging", "--file", "all.conf"]).success();
    let _ = cage.run(&["config", "explain", "staging", "--file", "app.json", "--output", "json"]);
    let _ = cage.run(&["config", "show", "staging", "--config", "app"]).success();
    let _ = cage.run(&["rollback", "staging"]).success();
    let _ = cage.run(&["history", "staging", "--output", "json"]).success();
    let _ = cage.run(&["status", "staging", "--output", "json"]).success();
    cage.look_around();
}

#[test]
fn failing_in_check_reload_and_probe_none_is_seen() {
    let cage = Cage::new();
    let _ = cage.run(&["deploy", "staging"]).success();
    cage.shop.keep(&cage.rotated.to_yaml());
    for (switch, code) in [("refuse", 1), ("broken", 5), ("sick", 5)] {
        cage.switch(switch, true);
        let said = cage.run(&["deploy", "staging"]).code(code);
        assert!(said.stdout.contains("[secret C"), "{switch}: the output is told");
        cage.look_around();
        cage.switch(switch, false);
    }
    let _ = cage.run(&["deploy", "staging"]).success();
    cage.look_around();
}

#[test]
fn mistakes_in_schemas_templates_and_layers_quote_none() {
    let cage = Cage::new();
    let wrong = SCHEMA.replace("\"string\"", "\"integer\"");
    let pattern = SCHEMA.replace("\"type\": \"string\"", "\"enum\": [\"a\"], \"pattern\": \"^x$\"");
    for (file, text) in [
        ("app.schema.json", wrong),
        ("app.schema.json", pattern),
        ("all.j2", "{{ C0001 + 1 }}".to_owned()),
        ("all.j2", "{{ C0002 | int }} {{ C0003 | no_such_filter }}".to_owned()),
        ("all.j2", "{{ secrets.C0004.x.y }} {{ C00 }}".to_owned()),
        ("all.conf", "${C0005} ${C0005:?C0006} ${NOT_THERE:?${C0007}}".to_owned()),
        ("app.yaml", "a: [${C0008}, ${C0009}".to_owned()),
    ] {
        let before = cage.shop.project.read(file);
        cage.shop.project.write(file, text);
        let _ = cage.run(&["deploy", "staging"]).code(1);
        let _ = cage.run(&["config", "validate", "staging"]);
        cage.shop.project.write(file, before);
    }
    cage.look_around();
}
