//! Project files that are missing, or that say what cannot be meant.

use crate::site::Site;

#[test]
fn no_project_file_here_or_above() {
    let site = Site::fresh();
    let elsewhere = site.home();
    let run = |arguments: &[&str]| site.windlass().current_dir(&elsewhere).run(arguments);
    for verb in [
        &["deploy", "dev"][..],
        &["plan", "dev"],
        &["render", "dev"],
        &["config", "show", "dev"],
        &["history"],
    ] {
        let _ = run(verb).code(1).says("there is no windlass.toml in").says("windlass init");
    }
    let object = run(&["deploy", "dev", "--output", "json"]).code(1).json();
    assert_eq!((&object["error"]["kind"], &object["exit_code"]), (&"no_project".into(), &1.into()));
    assert_eq!(crate::site::names(&elsewhere, ""), [].into());
}

#[test]
fn project_file_that_is_no_file() {
    let site = Site::deployed();
    site.remove("windlass.toml").fifo("windlass.toml");
    site.refused_at_load(&["windlass.toml: not a regular file"]);
    site.remove("windlass.toml").directory("windlass.toml");
    site.refused_at_load(&["windlass.toml: not a regular file"]);
}

#[test]
fn two_environments_of_one_name() {
    let site = Site::deployed();
    let sound = site.read("windlass.toml");
    site.write("windlass.toml", format!("{sound}\n[environments.dev]\ntype = \"testing\"\n"));
    site.refused_at_load(&[
        "`dev` is defined twice, first on line 14",
        "windlass.toml:20:15",
        "keep one of them",
    ]);
}

#[test]
fn two_environments_of_one_name_in_the_project_and_the_workspace() {
    let site = Site::deployed();
    let create = ["env", "create", "dev", "--config-path", "/etc/x", "--target", "local:./other"];
    site.run(&create).code(1).says("environment `dev` exists already");
}

#[test]
fn unknown_fields_with_the_nearest_known_one() {
    let site = Site::deployed();
    for (from, to, says) in [
        ("config_path =", "config_pth =", "did you mean `config_path`?"),
        ("layers =", "layer =", "did you mean `layers`?"),
        ("variables =", "variable =", "did you mean `variables`?"),
        ("[services.web]", "[service.web]", "did you mean `services`?"),
        (
            "{ source = \"templates/a.conf\"",
            "{ sorce = \"templates/a.conf\"",
            "did you mean `source`?",
        ),
    ] {
        site.edit("windlass.toml", from, to);
        site.refused_at_load(&["unknown field", "windlass.toml:", says]);
        site.edit("windlass.toml", to, from);
    }
}

#[test]
fn unknown_environment_with_the_nearest_known_one() {
    let site = Site::deployed();
    site.run(&["deploy", "dve"])
        .code(1)
        .says("unknown environment `dve`")
        .says("did you mean `dev`?");
}

#[test]
fn fault_21_intervals_and_timeouts_that_are_no_durations() {
    let site = Site::deployed();
    for value in [
        "\"0s\"",
        "\"-1s\"",
        "\"1e30s\"",
        "\"9999999999999999999s\"",
        "\"106751991167301d\"",
        "\"\"",
        "\"10\"",
        "0",
        "-1",
        "1e30",
        "nan",
        "true",
    ] {
        for key in ["interval", "timeout"] {
            let health =
                format!("health = [{{ tcp = \"8080\", {key} = {value} }}]\n\n[environments.dev]");
            site.edit("windlass.toml", "[environments.dev]", &health);
            site.refused_at_load(&[
                &format!("`{key}` in `health` in [services.web]"),
                "windlass.toml:14:",
                "help: ",
            ]);
            site.edit("windlass.toml", &health, "[environments.dev]");
        }
    }
}

#[test]
fn fault_21_amounts_of_nothing() {
    let site = Site::deployed();
    let sound = site.read("windlass.toml");
    for amount in ["0", "\"0%\"", "-1", "\"101%\"", "1e30"] {
        site.write(
            "windlass.toml",
            format!("{sound}strategy = {{ rolling = {{ parallel = {amount} }} }}\n"),
        );
        site.refused_at_load(&["`parallel`", "windlass.toml:19:"]);
    }
}
