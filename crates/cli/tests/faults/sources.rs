//! Sources that are missing, are no files, or say nothing; and files that two want.

use crate::site::Site;

#[test]
fn source_that_is_missing_a_directory_or_a_fifo() {
    let site = Site::deployed();
    site.remove("templates/a.conf");
    site.refused(&[
        "templates/a.conf does not exist",
        "windlass.toml:9:14",
        "relative to the project",
    ]);
    site.directory("templates/a.conf");
    site.refused(&["templates/a.conf is a directory", "directory = \"templates/a.conf\""]);
    site.remove("templates/a.conf").fifo("templates/a.conf");
    site.refused(&["templates/a.conf is a FIFO", "windlass.toml:9:14"]);
}

#[test]
fn layer_that_is_missing_a_directory_or_a_fifo() {
    let site = Site::deployed();
    site.remove("config/app.yaml");
    site.refused(&["config/app.yaml does not exist", "windlass.toml:5:11"]);
    site.directory("config/app.yaml");
    site.refused(&["config/app.yaml is a directory"]);
    site.remove("config/app.yaml").fifo("config/app.yaml");
    site.refused(&["config/app.yaml is a FIFO"]);
}

#[test]
fn every_missing_source_is_named_at_once() {
    let site = Site::deployed();
    site.remove("templates/a.conf").remove("templates/b.env.j2");
    site.refused(&["does not exist", "templates/a.conf", "templates/b.env.j2"]);
}

#[test]
fn directory_of_files_with_a_fifo_in_it() {
    let site = Site::deployed();
    site.write("conf.d/one", "1").fifo("conf.d/two");
    site.edit(
        "windlass.toml",
        "files = [",
        "files = [\n  { directory = \"conf.d\", path = \"conf.d\" },",
    );
    site.refused(&["conf.d/two"]);
}

#[test]
fn template_that_renders_to_nothing() {
    let site = Site::deployed();
    site.write("templates/b.env.j2", "{% if false %}x{% endif %}");
    site.refused(&["templates/b.env.j2: the template renders to nothing", "allow_empty = true"]);
    site.edit("windlass.toml", "path = \"b.env\"", "path = \"b.env\", allow_empty = true");
    let _ = site.deploy().success();
    assert_eq!(site.tree().text("etc/demo/b.env"), Some(""));
}

#[test]
fn file_claimed_by_two_services() {
    let site = Site::deployed();
    let second = |path: &str| {
        format!(
            "[services.two]\nfiles = [{{ source = \"templates/a.conf\", path = \"{path}\" }}]\n\n[environments.dev]"
        )
    };
    for (path, says) in [
        ("a.conf", "a.conf is claimed by service `two` and by service `web`"),
        ("a.conf/below", "a.conf of service `web` is a file"),
    ] {
        site.edit("windlass.toml", "[environments.dev]", &second(path));
        site.refused(&[says, "give one of them another `path`"]);
        site.edit("windlass.toml", &second(path), "[environments.dev]");
    }
}

#[test]
fn errors_in_json_are_one_object_with_a_place() {
    let site = Site::deployed();
    site.write("templates/a.conf", "x\n  ${HOTS}\n");
    let output = site.run(&["deploy", "dev", "--output", "json"]).code(1);
    let object = output.json();
    assert_eq!(object["exit_code"], 1);
    let error = &object["error"];
    assert_eq!(error["kind"], "invalid");
    assert_eq!(error["message"], "variable `HOTS` is not set");
    assert_eq!(
        (&error["file"], &error["line"], &error["column"]),
        (&"templates/a.conf".into(), &2.into(), &3.into())
    );
    assert_eq!(error["hint"], "did you mean `HOST`?");
}
