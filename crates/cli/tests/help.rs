//! Help, completions and manual pages: each command has an example, and each example works as it is
//! written.

use windlass_testing::{Output, TestProject};

const BINARY: &str = env!("CARGO_BIN_EXE_windlass");

/// The deployment of the examples.
const DEPLOYMENT: &str = "deploy_staging_1700000000";

fn help(path: &[String]) -> String {
    let words: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
    TestProject::new().windlass(BINARY).run(&words).success().stdout
}

/// Returns the names below `Commands:`.
fn commands(help: &str) -> Vec<String> {
    let list = help.split_once("Commands:\n").map_or("", |(_, list)| list);
    let names = list.lines().take_while(|line| line.starts_with("  "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Returns every command and subcommand with its help.
fn pages() -> Vec<(Vec<String>, String)> {
    let mut open = vec![Vec::new()];
    let mut pages = Vec::new();
    while let Some(path) = open.pop() {
        let text = help(&path);
        open.extend(commands(&text).into_iter().map(|name| [path.clone(), vec![name]].concat()));
        pages.push((path, text));
    }
    pages
}

fn examples(help: &str) -> Vec<&str> {
    let block = help.split_once("Example:\n").map_or("", |(_, block)| block);
    block.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// Runs `line` in a shell that finds the binary.
fn shell(project: &TestProject, line: &str) -> Output {
    let directory = BINARY.strip_suffix("/windlass").expect("the binary is called windlass");
    let path = format!("{directory}:{}", std::env::var("PATH").unwrap_or_default());
    project.windlass("/bin/sh").env("PATH", path).env("EDITOR", "true").run(&["-c", line])
}

/// Deploys a change to staging, and returns the deployment.
fn deploy(shop: &TestProject, nth: usize) -> String {
    shop.edit(
        "environments/staging/app.yaml",
        "  - new_checkout\n",
        &format!("  - new_checkout\n  - feature_{nth}\n"),
    );
    let deployed = shop.windlass(BINARY).run(&["deploy", "staging", "--output", "json"]).success();
    deployed.json()["deployment_id"].as_str().expect("a record has an id").to_owned()
}

#[test]
fn every_command_has_an_example() {
    let pages = pages();
    assert!(pages.len() > 15, "{pages:?}");
    for (path, help) in &pages {
        let path = path.join(" ");
        if path.is_empty() {
            assert!(help.contains("Exit codes: 0 done"), "{help}");
            continue;
        }
        let examples = examples(help);
        let own = format!("windlass {path}");
        assert!(examples.iter().any(|line| line.starts_with(&own)), "{path}: {examples:?}");
        assert!(examples.iter().all(|line| line.len() <= 78), "{path} is wrapped: {examples:?}");
    }
}

#[test]
fn every_example_works_as_it_is_written() {
    std::thread::scope(|scope| {
        for (path, help) in pages() {
            scope.spawn(move || try_examples(&path, &help));
        }
    });
}

/// Returns the shop with a file of secrets, and what the examples read.
fn shop_with_secrets() -> TestProject {
    let project = TestProject::copy_example("shop");
    project.edit(
        "windlass.toml",
        "[environments.staging]\n",
        "[environments.staging]\nsecrets = \"secrets/staging.yaml\"\n",
    );
    project.write("password.txt", "hunter2\n").write("secrets/new.yaml", "A: b\n");
    project.write("tls.key", "a key\n");
    let other = windlass::sops::KeyPair::generate().recipient().to_string();
    project.write("colleague.txt", other);
    let windlass = project.windlass(BINARY);
    windlass.run(&["secrets", "init"]).success();
    let set = ["secrets", "set", "staging", "DB_PASSWORD", "--file", "password.txt"];
    windlass.run(&set).success();
    for copy in ["base.yaml", "ours.yaml", "theirs.yaml"] {
        project.write(copy, project.read("secrets/staging.yaml"));
    }
    project
}

/// What only means something while a deployment is under way; `concurrency.rs` tries these.
const STEERING: [&str; 4] = ["pause", "promote", "approve", "abort"];

fn try_examples(path: &[String], help: &str) {
    if path.first().is_some_and(|verb| STEERING.contains(&verb.as_str())) {
        return;
    }
    let project = match path.first().map(String::as_str) {
        Some("init") => TestProject::new(),
        Some("secrets") => shop_with_secrets(),
        _ => TestProject::copy_example("shop"),
    };
    if path == ["secrets", "check"] {
        for file in ["secrets/new.yaml", "tls.key", "base.yaml", "ours.yaml", "theirs.yaml"] {
            project.remove(file);
        }
    }
    for (nth, line) in examples(help).into_iter().enumerate() {
        let needs = line.contains("rollback") || line.contains(DEPLOYMENT);
        let id = if needs { deploy(&project, nth) } else { String::new() };
        let said = shell(&project, &line.replace(DEPLOYMENT, &id));
        assert_eq!(said.code, 0, "{line}: {said}");
    }
}

#[test]
fn without_a_command_the_help_is_shown() {
    let said = TestProject::new().windlass(BINARY).run(&[]).code(2);
    said.says("Usage: windlass").says("deploy").says("Exit codes:");
}

#[test]
fn completions_know_the_commands_and_bash_accepts_its_own() {
    let project = TestProject::new();
    for name in ["bash", "zsh", "fish"] {
        let script = project.windlass(BINARY).run(&["completions", name]).success().stdout;
        assert!(script.contains("rollback") && script.contains("validate"), "{name}: {script}");
        project.write(name, script);
    }
    project.windlass("/bin/bash").run(&["-n", "bash"]).success();
    project.windlass(BINARY).run(&["completions", "tcl"]).code(2).says("possible values");
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let project = TestProject::new();
    project.windlass(BINARY).run(&["man", "share/man/man1"]).success();
    for (path, _) in pages() {
        let name = [vec!["windlass".to_owned()], path].concat().join("-");
        let page = project.read(format!("share/man/man1/{name}.1"));
        assert!(page.contains(".TH") && page.contains(".SH NAME"), "{name}: {page}");
    }
    let own = project.windlass(BINARY).run(&["man"]).success().stdout;
    assert!(own.contains(".TH windlass 1"), "{own}");
}
