//! The documents: project files in them are valid, links in them lead somewhere, and what is made of
//! the tables of the project file says what these say. `WINDLASS_BLESS=1` makes the latter anew.

use std::fs;
use std::path::{Path, PathBuf};

use windlass_core::project::reference;
use windlass_testing::TestProject;

const REFERENCE: &str = "docs/reference/windlass-toml.md";
const SCHEMA: &str = "docs/reference/windlass.schema.json";
const DOCUMENTS: [&str; 12] = [
    "README.md",
    "docs/cli.md",
    "docs/agent.md",
    "docs/analysis.md",
    "docs/library.md",
    "docs/reference/inventory.md",
    "docs/reference/schemas.md",
    "docs/rollouts.md",
    "docs/secrets.md",
    "docs/ssh.md",
    REFERENCE,
    "examples/shop/README.md",
];

fn document(name: &str) -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    (path, text)
}

/// Returns the `toml` blocks that are whole project files.
fn project_files(text: &str) -> impl Iterator<Item = &str> {
    let blocks = text.split("```toml\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap_or_default());
    blocks.filter(|block| block.starts_with("[project]"))
}

#[test]
fn project_files_are_valid() {
    let mut found = 0;
    for name in DOCUMENTS {
        let (_, text) = document(name);
        for block in project_files(&text) {
            let project = TestProject::new();
            project.write("windlass.toml", block);
            let windlass = project.windlass(env!("CARGO_BIN_EXE_windlass"));
            let listed = windlass.run(&["env", "list"]).success();
            assert!(listed.stdout.contains("staging"), "{name}: {listed}");
            found += 1;
        }
    }
    assert!(found >= 2, "the README and the reference show a project file");
}

#[test]
fn links_lead_somewhere() {
    for name in DOCUMENTS {
        let (path, text) = document(name);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let place = path.parent().expect("a document is in a directory").join(file);
            assert!(place.exists(), "{name} links to {target}");
            let there = if file.is_empty() { text.clone() } else { read(&place) };
            assert!(heading.is_empty() || has_heading(&there, heading), "{name}: {target}");
        }
    }
}

/// Returns the text of a file that is one.
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Tells whether a heading of `text` has the anchor `wanted`, as web pages of Markdown name them.
fn has_heading(text: &str, wanted: &str) -> bool {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let anchor = |line: &str| {
        let title: String = line.trim_start_matches('#').trim().chars().filter(kept).collect();
        title.to_lowercase().replace(' ', "-")
    };
    headings.map(anchor).any(|anchor| anchor == wanted)
}

fn is_blessing() -> bool {
    std::env::var_os("WINDLASS_BLESS").is_some_and(|value| value == "1")
}

/// Checks that the document called `name` is `made`, or makes it so.
fn agrees(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    if is_blessing() {
        fs::write(&path, made).expect("the document can be written");
    }
    let written = read(&path);
    if let Some((old, new)) = written.lines().zip(made.lines()).find(|(old, new)| old != new) {
        panic!("{name} is stale:\n- {old}\n+ {new}\nWINDLASS_BLESS=1 makes it anew");
    }
    assert_eq!(written.len(), made.len(), "{name} is stale: WINDLASS_BLESS=1 makes it anew");
}

#[test]
fn the_reference_lists_the_fields_that_are_read() {
    let (_, mut text) = document(REFERENCE);
    for table in reference() {
        let opening = format!("<!-- fields: {} -->\n", table.name);
        let parts = text.split_once(&opening);
        let (before, rest) = parts.unwrap_or_else(|| panic!("add {opening} to {REFERENCE}"));
        let (_, after) = rest.split_once("<!-- end of fields -->").expect("the table ends");
        let heading = before.lines().rfind(|line| line.starts_with('#')).unwrap_or_default();
        assert_eq!(heading.trim_start_matches('#').trim(), table.title);
        text = format!("{before}{opening}{}<!-- end of fields -->{after}", table.text);
    }
    agrees(REFERENCE, &text);
}

#[test]
fn the_schema_is_the_one_that_the_command_prints() {
    let project = TestProject::new();
    let printed =
        project.windlass(env!("CARGO_BIN_EXE_windlass")).run(&["schema"]).success().stdout;
    agrees(SCHEMA, &printed);
    let json =
        project.windlass(env!("CARGO_BIN_EXE_windlass")).run(&["schema", "--output", "json"]);
    let json = json.success().json();
    assert_eq!(
        (&json["schema"], &json["json_schema"]["title"]),
        (&1.into(), &"windlass.toml".into())
    );
}

#[test]
fn the_projects_of_the_repository_are_valid_for_the_schema() {
    let project = TestProject::copy_example("shop");
    let windlass = project.windlass(env!("CARGO_BIN_EXE_windlass"));
    let (schema, _) = document(SCHEMA);
    let schema = schema.to_str().expect("a path in UTF-8");
    windlass.run(&["config", "check", "--schema", schema, "windlass.toml"]).success();
    windlass.run(&["init", "fresh"]).success();
    windlass.run(&["config", "check", "--schema", schema, "fresh/windlass.toml"]).success();
    project.edit("windlass.toml", "retain = 10", "retian = 10");
    let refused = windlass.run(&["config", "check", "--schema", schema, "windlass.toml"]).code(1);
    refused.says("windlass.toml:6:1").says("retian");
}
