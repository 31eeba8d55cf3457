//! Files that are wrong, and what is said about them.

use super::{HEAD, only_error, refused, told, underlined};
use crate::release::Layout;

/// Each mistake is followed by `# LINE:COLUMN message`, as it must be reported.
const MISTAKES: &str = r#"
[project]
nam = "shop"                          # 3:1 unknown field `nam` in [project]
layout = "links"                      # 4:10 unknown layout `links`: known are `linked`, `plain`
retain = 0                            # 5:10 `retain` in [project] must be from 1 to 10000
[project.variables]
"DB-HOST" = "x"                       # 7:1 `DB-HOST` is not the name of a variable
PI = 3.14                             # 8:6 `PI` of `variables` in [project] is a number where a string belongs

[config.app]
layers = ["/etc/app.yaml", "b.yaml"]  # 11:11 `layers` in [config.app] is absolute
schema = 7                            # 12:10 `schema` in [config.app] is a whole number where a string belongs

[services.web]
check = ""                            # 15:9 `check` in [services.web] is empty
on_change = []                        # 16:13 `on_change` in [services.web] is empty
artifact = "https://user:pw@x/a.tgz"  # 17:12 `artifact` in [services.web] is a URL where a path in the project belongs
health = [
  { tcp = "0" },                      # 19:11 `tcp` in `health` in [services.web] is not a port
  { tcp = 80, timeout = "-5s" },      # 20:25 `timeout` in `health` in [services.web]: duration "-5s" is not more than zero
  { timeout = "1s" },                 # 21:3 `health` in [services.web] needs one of `http`, `tcp`, `command`, `memory`, `disk`, `systemd`, `prometheus`
]
files = [
  { source = "../a", path = "a" },    # 24:14 `source` in `files` in [services.web] leaves the directory with `..`
  { config = "ap" },                  # 25:14 unknown configuration `ap` in `config` in `files` in [services.web]
  { source = "é", cofnig = "app" },   # 26:19 unknown field `cofnig` in `files` in [services.web]
  { source = "b", mode = "888" },     # 27:26 `mode` in `files` in [services.web]: "888" is not a file mode: write three or four octal digits, such as "0644"
  { source = "c", config = "app" },   # 28:28 `files` in [services.web] has both `source` and `config`
]

[environments.staging]
typ = "staging"                       # 32:1 unknown field `typ` in [environments.staging]
config_path = "/etc/../shop"          # 33:15 `config_path` in [environments.staging] contains a `.` or `..` component
services = ["wbe"]                    # 34:13 unknown service `wbe` in `services` in [environments.staging]
confirm = "-30s"                      # 35:11 `confirm` in [environments.staging]: duration "-30s" is not more than zero
protect = "yes"                       # 36:11 `protect` in [environments.staging] is a string where `true` or `false` belongs
strategy = "canry"                    # 37:12 unknown strategy `canry`: known are `rolling`, `blue_green`, `canary`
targets = ["ftp://x"]                 # 38:12 an address in `targets` in [environments.staging] has the scheme `ftp`, which is not supported by this version

[envrionments.production]             # 40:2 unknown field `envrionments` in windlass.toml
"#;

/// What is missing has no line of its own to be written beside.
const MISSING: [&str; 2] = [
    "windlass.toml:2:1: missing `name` in [project]",
    "windlass.toml:31:1: missing `type` in [environments.staging]",
];

#[test]
fn every_mistake_is_reported_at_its_place() {
    let planted = MISTAKES.lines().filter_map(|line| line.split_once("# "));
    let mut expected: Vec<String> = planted
        .filter_map(|(_, mark)| mark.split_once(' '))
        .map(|(place, message)| format!("windlass.toml:{place}: {message}"))
        .chain(MISSING.map(str::to_owned))
        .collect();
    expected.sort();
    let mut reported = told(&refused(MISTAKES));
    reported.sort();
    assert_eq!(reported, expected);
}

#[test]
fn errors_come_in_the_order_of_the_file() {
    let places: Vec<_> = refused(MISTAKES).iter().map(|error| error.position).collect();
    assert!(places.is_sorted());
}

#[test]
fn carets_underline_what_is_wrong() {
    let errors = refused(MISTAKES);
    let underlined = underlined(MISTAKES, &errors);
    for part in
        ["nam", "\"links\"", "\"/etc/app.yaml\"", "cofnig", "[environments.staging]", "\"-5s\""]
    {
        assert!(underlined.iter().any(|under| under == part), "{part}: {underlined:?}");
    }
}

#[test]
fn hints_say_what_was_probably_meant() {
    let errors = refused(MISTAKES);
    let hints: Vec<_> = errors.iter().filter_map(|error| error.hint.as_deref()).collect();
    for name in ["name", "app", "config", "type", "web", "environments", "linked"] {
        let hint = format!("did you mean `{name}`?");
        assert!(hints.contains(&hint.as_str()), "{name}: {hints:?}");
    }
}

#[test]
fn a_file_in_memory_is_no_plain_file() {
    let file = |fields: &str| {
        format!(
            "[project]\nname = \"shop\"\n[services.web]\nfiles = [{{ source = \"a\", {fields} }}]"
        )
    };
    assert_eq!(
        told(&refused(&file("layout = \"plain\", runtime = true"))),
        [
            "windlass.toml:4:10: `files` in [services.web] has `runtime = true` and `layout = \"plain\"`"
        ]
    );
    let layout = |fields: &str| {
        super::accepted(&file(fields)).services.values().next().map(|s| s.files[0].layout)
    };
    assert_eq!(layout("layout = \"plain\", runtime = false"), Some(Layout::Plain));
    assert_eq!(layout("layout = \"linked\", runtime = true"), Some(Layout::Runtime));
    assert_eq!(layout("runtime = true"), Some(Layout::Runtime));
}

#[test]
fn keys_and_tables_that_are_there_twice() {
    let twice = |text: &str| told(&refused(text));
    assert_eq!(
        twice(&format!("{HEAD}protect = true\nprotect = false")),
        ["windlass.toml:9:1: key `protect` is defined twice, first on line 8"]
    );
    assert_eq!(
        twice(&format!("{HEAD}[services.web]\n[ environments . staging ]\nprotect = true")),
        ["windlass.toml:9:18: table `staging` is defined twice, first on line 4"]
    );
    assert_eq!(
        twice(&format!("{HEAD}variables = {{ A = \"1\", A = \"2\" }}")),
        ["windlass.toml:8:24: key `A` is defined twice, first on line 8"]
    );
}

#[test]
fn a_key_that_is_there_twice_hides_no_other_error() {
    let errors = told(&refused(&format!("{HEAD}protect = 1\nprotect = 2\nservice = []")));
    assert_eq!(errors.len(), 3, "{errors:?}");
}

#[test]
fn what_is_not_toml() {
    let errors = refused("[project]\nname = shop\nmode = 0644\n[x\n");
    assert_eq!(
        told(&errors),
        [
            "windlass.toml:2:8: string values must be quoted, expected literal string",
            "windlass.toml:3:8: unexpected leading zero, expected nothing",
        ]
    );
    assert_eq!(errors[0].hint.as_deref(), Some("write `\"shop\"`"));
}

#[test]
fn a_list_that_is_not_closed_is_one_error() {
    let errors = refused("[project]\nname = \"shop\"\nx = [\"a\"\ny = 1\n[b]\nz = [1]\n");
    assert_eq!(errors.len(), 1, "{:?}", told(&errors));
    assert!(errors[0].hint.as_deref().is_some_and(|hint| hint.contains("close the list")));
}

#[test]
fn an_empty_file_names_what_is_missing() {
    assert_eq!(told(&refused("")), ["windlass.toml:1:1: missing `project` in windlass.toml"]);
}

#[test]
fn two_files_of_a_service_in_one_place() {
    let error = only_error(
        "[services.web]\nfiles = [\n{ source = \"a/x\" },\n{ source = \"b\", path = \"x\" },\n]",
    );
    assert_eq!(
        error,
        "two of `files` in [services.web] go to `x`, first on line 10 (give one of them another `path`)"
    );
}

#[test]
fn a_path_that_variables_decide_must_be_written() {
    let error = only_error("[services.web]\nfiles = [{ source = \"${ENVIRONMENT}.conf\" }]");
    assert!(error.starts_with("missing `path` in `files` in [services.web]"), "{error}");
    let error = only_error("[services.web]\nfiles = [{ source = \"a\", path = \"${X}\" }]");
    assert!(error.contains("variables are not substituted here"), "{error}");
}

#[test]
fn fields_that_mean_nothing_together() {
    let files = |entry: &str| {
        only_error(&format!("[config.app]\nlayers = [\"a\"]\n[services.web]\nfiles = [{entry}]"))
    };
    assert!(files("{ config = \"app\", render = \"copy\" }").starts_with("`render` means nothing"));
    assert!(files("{ source = \"x\", format = \"json\" }").starts_with("`format` means nothing"));
    assert!(files("\"nginx.conf\"").contains("write `{ source"));
    assert!(files("{ source = \"x\", mode = 644 }").contains("`\"0644\"`"));
}

#[test]
fn layers_that_are_none() {
    let layer = |layer: &str| only_error(&format!("[config.app]\nlayers = [{layer}]"));
    for (written, start) in [
        ("\"env://1X\"", "`layers` in [config.app] names no environment variable"),
        ("\"file:///etc/x.yaml\"", "`layers` in [config.app] is absolute"),
        ("\"file://../x.yaml\"", "`layers` in [config.app] leaves the directory"),
        ("\"s3://bucket/x.yaml\"", "`layers` in [config.app] is a URL where a path"),
        ("\"http://10.0.0.1/x.yaml\"", "`layers` in [config.app] sends configuration over plain"),
        ("\"https://x/app\"", "`layers` in [config.app] does not tell its format"),
        ("{ url = \"config/a.yaml\" }", "`url` in `layers` in [config.app] is no URL of a layer"),
        ("{ path = \"a\", url = \"env://X\" }", "`layers` in [config.app] has both"),
        ("{ path = \"a\", timeout = \"1s\" }", "`timeout` means nothing beside `path`"),
        ("{ url = \"env://X\", max_size = \"1KiB\" }", "`max_size` means nothing beside `url`"),
        ("{ url = \"https://x/a.yaml\", checksum = \"md5:0\" }", "`checksum` in `layers`"),
        ("{ url = \"https://x/a.yaml\", timeout = \"6m\" }", "`timeout` in `layers`"),
        ("{ url = \"https://x/a.yaml\", max_size = \"1GiB\" }", "`max_size` in `layers`"),
        ("{ url = \"https://x/a.yaml\", max_size = \"0\" }", "`max_size` in `layers`"),
        ("{ url = \"https://x/a\", format = \"ini\" }", "unknown format `ini`"),
    ] {
        let error = layer(written);
        assert!(error.starts_with(start), "{written}: {error}");
    }
}

#[test]
fn merge_rules_that_are_none() {
    let rule = |rule: &str| {
        only_error(&format!("[config.app]\nlayers = [\"a.yaml\"]\nappend = [\"x\"]\n{rule}"))
    };
    for (written, start) in [
        ("merge = { a = \"apend\" }", "unknown merge rule `apend`"),
        ("merge = { a = 1 }", "`a` of `merge` in [config.app] is a whole number where a string"),
        ("merge = { a = { by = 1 } }", "`by` of `a` of `merge`"),
        ("merge = { a = { by = \"name\", x = 1 } }", "unknown field `x` in `a` of `merge`"),
        ("merge = { x = \"unique\" }", "second merge rule for `x`, first on line 10"),
        ("merge = { \"a..b\" = \"unique\" }", "`a..b` of `merge` in [config.app] names no dotted"),
        ("merge = [\"a\"]", "`merge` in [config.app] is a list where a table belongs"),
        ("environment_prefix = \"APP_\"", "`environment_prefix` in [config.app] starts no"),
        ("environment_prefix = \"1\"", "`environment_prefix` in [config.app] starts no"),
        ("schema_defaults = true", "`schema_defaults` in [config.app] needs a `schema`"),
        ("schema_defaults = 1", "`schema_defaults` in [config.app] is a whole number where"),
        ("migrations = \"../m.toml\"", "`migrations` in [config.app]"),
        ("null_deletes = \"yes\"", "`null_deletes` in [config.app] is a string where"),
    ] {
        let error = rule(written);
        assert!(error.starts_with(start), "{written}: {error}");
    }
}

#[test]
fn a_configuration_is_not_written_as_env() {
    let error = |entry: &str| {
        only_error(&format!("[config.app]\nlayers = [\"a\"]\n[services.web]\nfiles = [{entry}]"))
    };
    assert!(error("{ config = \"app\", path = \".env\" }").contains("as .env"));
    assert!(error("{ config = \"app\", format = \"env\" }").starts_with("unknown format `env`"));
}

#[test]
fn targets_that_are_one() {
    let targets = |list: &str| {
        let text = HEAD.replace("[\"local:./state/staging\"]", list);
        told(&refused(&text)).join("\n")
    };
    assert_eq!(
        targets("[\"local:a\", \"local:a\"]"),
        "windlass.toml:7:23: two targets are called `local:a`, first on line 7"
    );
    assert!(
        targets("[\"local:a\", \"local:./a/\"]").contains("has the address of target `local:a`")
    );
    let named =
        "[{ address = \"local:a\", name = \"x\" }, { address = \"local:b\", name = \"x\" }]";
    assert!(targets(named).contains("two targets are called `x`"));
    assert!(targets("[]").contains("is empty"));
    assert!(targets("\"local:a\"").contains("a string where a list of addresses belongs"));
}

#[test]
fn services_that_do_not_run_there() {
    let text = HEAD.replace(
        "[\"local:./state/staging\"]",
        "[{ address = \"local:a\", services = [\"db\"] }]\nservices = [\"web\"]",
    );
    let errors = refused(&format!("{text}[services.web]\n[services.db]"));
    assert_eq!(told(&errors), ["windlass.toml:7:47: the environment does not run service `db`"]);
    assert!(only_error("services = []").contains("leave it out for all services"));
    assert!(only_error("services = [\"web\", \"web\"]\n[services.web]").contains("twice"));
}

#[test]
fn times_to_confirm_that_are_none() {
    assert!(only_error("confirm = 30").contains("write it in quotes and with a unit"));
    assert!(only_error("confirm = \"soon\"").contains("confirm"));
    assert!(only_error("confirm = \"0s\"").contains("confirm"));
}

#[test]
fn strategies_that_are_none() {
    let error = only_error("strategy = \"roling\"");
    let known = "known are `rolling`, `blue_green`, `canary` (did you mean `rolling`?)";
    assert_eq!(error, format!("unknown strategy `roling`: {known}"));
    for parallel in ["0", "-1", "\"0%\"", "\"101%\"", "1.5", "0x10"] {
        let error = only_error(&format!("strategy = {{ rolling = {{ parallel = {parallel} }} }}"));
        assert!(error.contains("`parallel`"), "{error}");
    }
    assert!(only_error("strategy = {}").contains("needs one of `rolling`, `blue_green`, `canary`"));
    let both = only_error("strategy = { rolling = {}, canary = {} }");
    assert!(both.contains("has both `rolling` and `canary`"), "{both}");
    assert!(only_error("strategy = 1").contains("a strategy"));
}

#[test]
fn stages_that_do_not_grow() {
    let fault = |stages: &str| {
        let error = only_error(&format!("strategy = {{ canary = {{ stages = {stages} }} }}"));
        error.split_once(": ").map(|(_, fault)| fault.to_owned()).unwrap_or(error)
    };
    let hint = "each stage says how many targets have moved at its end, all together";
    assert_eq!(
        fault("[\"50%\", \"25%\"]"),
        format!("stage 25% is less than stage 50% before it ({hint})")
    );
    assert_eq!(
        fault("[5, \"10%\", 3]"),
        format!("stage 3 is less than stage 5 before it ({hint})")
    );
    assert_eq!(fault("[2, 2]"), format!("stage 2 is there twice ({hint})"));
    assert_eq!(fault("[\"100%\", 7]"), format!("stage 7 comes after one of all targets ({hint})"));
    assert!(fault("[]").contains("is empty"));
    for amount in ["0", "-1", "\"0%\"", "\"101%\"", "1e30", "\"1e30\""] {
        let error = only_error(&format!("strategy = {{ canary = {{ stages = [{amount}] }} }}"));
        assert!(error.contains("is not an amount") || error.contains("is a number"), "{error}");
    }
    assert!(only_error("strategy = { canary = { success = \"0%\" } }").contains("is not a share"));
}

#[test]
fn waits_that_nothing_meets() {
    let error = only_error(
        "strategy = { rolling = { min_healthy = \"10m\", progress_deadline = \"1h\" } }",
    );
    assert!(error.contains("`healthy_deadline` (5m) after `min_healthy` (10m)"), "{error}");
    let error = only_error("strategy = { canary = { progress_deadline = \"1m\" } }");
    assert!(error.contains("`progress_deadline` (1m) after `healthy_deadline` (5m)"), "{error}");
    let error = only_error("strategy = { blue_green = { keep = \"0s\" } }");
    assert!(error.contains("`keep`") && error.contains("is not more than zero"), "{error}");
}

#[test]
fn budgets_that_are_none() {
    for budget in ["-1", "\"0%\"", "\"101%\"", "\"1e30\"", "\"\"", "\"-5%\""] {
        for text in [format!("budget = {budget}"), format!("budget = {{ fleet = {budget} }}")] {
            let error = only_error(&text);
            assert!(error.contains("is not a number of targets (write a number from 0"), "{error}");
        }
    }
    assert!(only_error("budget = 1e30").contains("is a number where a string belongs"));
    let error = only_error("budget = { domain = 1 }");
    assert!(error.contains("says nothing without `by` (name the variable"), "{error}");
    assert!(only_error("budget = 1\nbudget = 2").contains("twice"));
}

#[test]
fn names_that_are_none() {
    assert!(only_error("[services.\"a/b\"]").contains("\"a/b\" is not a name"));
    assert!(only_error("[config.\"..\"]\nlayers = [\"a\"]").contains("is not a name"));
    assert!(only_error("[environments.\"-x\"]").contains("is not a name"));
    assert!(only_error("[services]\nweb = 1").contains("a whole number where a table belongs"));
}
