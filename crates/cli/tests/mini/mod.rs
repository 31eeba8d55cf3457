//! A project as small as a project can be that uses configuration, templates and health checks.

use windlass_testing::{Output, TestProject};

const PROJECT: &str = r#"
[project]
name = "mini"

[config.app]
layers = ["defaults.yaml", { path = "${ENVIRONMENT}.yaml", optional = true }]
schema = "app.schema.json"

[services.web]
version = "1.0"
files = [{ config = "app", path = "app.yaml" }, { source = "motd" }]
check = 'test -s "$STAGED/motd"'
health = [{ command = '! grep -q broken "$CONFIG_PATH/motd"', interval = "1ms" }]

[environments.staging]
type = "staging"
config_path = "/etc/mini"
variables = { GREETING = "hello" }
targets = ["local:./state"]

[environments.production]
type = "production"
config_path = "/etc/mini"
variables = { GREETING = "welcome" }
targets = [{ name = "web1", address = "local:./production" }]
protect = true
"#;

const SCHEMA: &str =
    r#"{"type": "object", "properties": {"port": {"type": "integer", "maximum": 65535}}}"#;

/// Returns the project; `staging` is its environment for most things, `production` is protected.
pub(crate) fn project() -> TestProject {
    let project = TestProject::new();
    project.write("windlass.toml", PROJECT).write("app.schema.json", SCHEMA);
    project.write("defaults.yaml", "port: 80\nlog: {level: info}\n");
    project.write("staging.yaml", "port: 8080\n").write("motd", "${GREETING}\n");
    project
}

/// Runs the binary in `project`.
#[track_caller]
pub(crate) fn run(project: &TestProject, arguments: &[&str]) -> Output {
    project.windlass(env!("CARGO_BIN_EXE_windlass")).run(arguments)
}
