//! Layers from servers that are slow, wrong or hostile: each is one clear error at the line of the
//! project that names it, and nothing of what was said is kept.

mod listening;
mod refused;
mod tls;

use windlass_testing::{Output, TestProject, Windlass};

/// Returns a project whose second layer is `layer`.
fn project(layer: &str) -> TestProject {
    let project = TestProject::new();
    let text = format!(
        r#"[project]
name = "far"

[config.app]
layers = [
  "app.yaml",
  {layer},
]

[environments.dev]
type = "development"
config_path = "/etc/far"
targets = ["local:./state"]
"#
    );
    project.write("windlass.toml", text).write("app.yaml", "name: near\n");
    project
}

fn windlass(project: &TestProject) -> Windlass {
    project.windlass(env!("CARGO_BIN_EXE_windlass"))
}

/// Returns the names of the texts that are kept.
fn kept(project: &TestProject) -> usize {
    std::fs::read_dir(project.at(".windlass/cache/http")).map_or(0, Iterator::count)
}

/// Asks for a value, which must fail at the line of the layer with `says`, and keep nothing.
#[track_caller]
fn refused(project: &TestProject, windlass: &Windlass, says: &[&str]) -> Output {
    let mut said = windlass.run(&["config", "get", "dev", "name"]).code(1);
    for text in ["windlass.toml:7:"].iter().chain(says) {
        said = said.says(text);
    }
    assert_eq!(
        said.stderr.lines().filter(|line| line.starts_with("error")).count(),
        1,
        "one error: {said}"
    );
    assert_eq!(kept(project), 0, "something was kept: {said}");
    said
}
