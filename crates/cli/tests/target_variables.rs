//! Variables of groups and of single targets.

use windlass_testing::{TestProject, Windlass};

const PROJECT: &str = r#"
[project]
name = "fleet"

[services.app]
files = [{ source = "templates/app.conf" }]
on_change = 'echo "$RACK $ZONE" >> "$TARGET_ROOT/log"'

[environments.prod]
type = "production"
config_path = "/etc/app"
variables = { ZONE = "eu" }
targets = [
  "local:./state/a",
  { name = "b", address = "local:./state/b", groups = ["west"], variables = { RACK = "b7" } },
  { name = "c", address = "local:./state/c", groups = ["west", "far"] },
]

[environments.prod.groups.west]
variables = { ZONE = "us-west", RACK = "none" }

[environments.prod.groups.far]
variables = { RACK = "far" }
"#;

fn fleet() -> (TestProject, Windlass) {
    let project = TestProject::new();
    project.write("windlass.toml", PROJECT).write("templates/app.conf", "${ZONE} ${RACK:-no}\n");
    let windlass = project.windlass(env!("CARGO_BIN_EXE_windlass"));
    (project, windlass)
}

#[test]
fn each_target_gets_the_values_of_its_groups_and_its_own_over_the_environments() {
    let (project, windlass) = fleet();
    let _ = windlass.run(&["deploy", "prod"]).success();
    assert_eq!(project.read("state/a/etc/app/app.conf"), "eu no\n");
    assert_eq!(project.read("state/b/etc/app/app.conf"), "us-west b7\n");
    assert_eq!(project.read("state/c/etc/app/app.conf"), "us-west far\n");
    assert_eq!(project.read("state/b/log"), "b7 us-west\n", "commands see them too");
}

#[test]
fn a_changed_value_touches_only_the_targets_that_have_it() {
    let (project, windlass) = fleet();
    let _ = windlass.run(&["deploy", "prod"]).success();
    project.edit("windlass.toml", "RACK = \"b7\"", "RACK = \"b8\"");
    let plan = windlass.run(&["plan", "prod", "--output", "json"]).success().json();
    assert_eq!(plan["changes"]["files_modified"], serde_json::json!(["app.conf"]));
    let _ = windlass.run(&["deploy", "prod"]).success();
    assert_eq!(project.read("state/b/log"), "b7 us-west\nb8 us-west\n");
    assert_eq!(project.read("state/c/log"), "far us-west\n", "nothing changed there");
    let _ = windlass.run(&["rollback", "prod"]).success();
    assert_eq!(project.read("state/b/etc/app/app.conf"), "us-west b7\n");
    assert_eq!(project.read("state/b/log"), "b7 us-west\nb8 us-west\nb7 us-west\n");
}

#[test]
fn rendering_needs_to_know_for_which_target() {
    let (_project, windlass) = fleet();
    let _ = windlass.run(&["render", "prod"]).code(1).says("choose one with `--target`");
    let _ = windlass.run(&["render", "prod", "--target", "bb"]).code(1).says("did you mean `b`?");
    let one = windlass.run(&["render", "prod", "--target", "b", "--file", "app.conf"]).success();
    assert_eq!(one.stdout, "us-west b7\n");
}

#[test]
fn configuration_is_shown_as_a_target_sees_it() {
    let (project, windlass) = fleet();
    project.edit(
        "windlass.toml",
        "[services.app]",
        "[config.app]\nlayers = [\"app.yaml\"]\n\n[services.app]",
    );
    project.write("app.yaml", "zone: ${ZONE}\n");
    assert_eq!(windlass.run(&["config", "get", "prod", "zone"]).success().stdout, "eu\n");
    let west = ["config", "get", "prod", "zone", "--target", "c"];
    assert_eq!(windlass.run(&west).success().stdout, "us-west\n");
}

#[test]
fn unknown_groups_and_versions_by_target_are_refused() {
    let (project, windlass) = fleet();
    project.edit("windlass.toml", "groups = [\"west\"], v", "groups = [\"wset\"], v");
    project.edit(
        "windlass.toml",
        "variables = { RACK = \"far\" }",
        "variables = { VERSION = \"2\" }",
    );
    let _ = windlass
        .run(&["plan", "prod"])
        .code(1)
        .says("unknown group `wset`")
        .says("did you mean `west`?")
        .says("`VERSION` cannot differ from target to target");
}
