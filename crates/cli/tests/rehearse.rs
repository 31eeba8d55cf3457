//! `windlass deploy --rehearse`: what would come of a rollout, with no target touched.

use windlass_testing::{Output, TestProject, Tree, assert_same_tree};

const BINARY: &str = env!("CARGO_BIN_EXE_windlass");
const PROJECT: &str = r#"
[project]
name = "shop"
[services.web]
files = [{ source = "app.conf" }]
[environments.staging]
type = "staging"
config_path = "/etc/shop"
targets = [
  { address = "ssh://web1.invalid", name = "web1", variables = { zone = "eu" } },
  { address = "ssh://web2.invalid", name = "web2", variables = { zone = "us" } },
]
strategy = { canary = { stages = [1, "10%", "100%"], bake = "10m" } }
budget = { fleet = "5%", domain = 1, by = "zone" }
"#;

fn project() -> TestProject {
    let project = TestProject::new();
    project.write("windlass.toml", PROJECT);
    project
}

fn rehearse(project: &TestProject, more: &[&str]) -> Output {
    project.windlass(BINARY).run(&[&["deploy", "staging", "--rehearse"], more].concat())
}

#[test]
fn no_target_is_asked_and_nothing_is_recorded() {
    let project = project();
    let before = Tree::read(project.path());
    let said = rehearse(&project, &[]).success();
    assert!(said.stdout.contains("succeeded after 20m"), "{said}");
    assert_same_tree(&before, &Tree::read(project.path()));
}

#[test]
fn a_thousand_hosts_come_out_the_same_each_time() {
    let project = project();
    let fault = ["--hosts", "1000", "--fault", "hosts 3-5 unhealthy at 25%"];
    let first = rehearse(&project, &fault).success();
    assert!(first.stdout.contains("of domain eu are bad, and the budget is 1"), "{first}");
    assert_eq!(first.stdout, rehearse(&project, &fault).success().stdout);
    let seeded = rehearse(&project, &[&fault[..], &["--seed", "7"]].concat()).success();
    assert_ne!(first.stdout, seeded.stdout);
}

#[test]
fn programs_read_the_timeline() {
    let project = project();
    let said = rehearse(&project, &["--fault", "abort at stage 2", "--output", "json"]).success();
    let json = said.json();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["environment"], "staging");
    let rehearsal = &json["rehearsal"];
    assert_eq!(rehearsal["outcome"]["ending"], "rolled_back");
    assert_eq!(rehearsal["entries"][0]["event"], "progress");
    assert_eq!(rehearsal["entries"][1]["hosts"][0], "web1");
}

#[test]
fn faults_that_are_none_are_refused() {
    let project = project();
    let said = rehearse(&project, &["--fault", "hots 7 flaps"]).code(2);
    said.says("`hots` begins no fault: did you mean `host`?");
    let said = rehearse(&project, &["--fault", "host 9 flaps", "--fault", "abort at stage 9"]);
    said.code(1).says("no such host among the 2").says("the rollout has 2 stages");
    rehearse(&project, &["--hosts", "100001"]).code(1).says("100000 are the most");
    let alone = project.windlass(BINARY).run(&["deploy", "staging", "--hosts", "3"]);
    alone.code(2).says("--rehearse");
}
