//! The documents: project files in them are valid, and links in them lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};

use windlass_testing::TestProject;

const DOCUMENTS: [&str; 4] =
    ["README.md", "docs/cli.md", "docs/reference/windlass-toml.md", "examples/shop/README.md"];

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
            let file = target.split('#').next().unwrap_or_default();
            let place = path.parent().expect("a document is in a directory").join(file);
            assert!(place.exists(), "{name} links to {target}");
        }
    }
}
