//! Paths that leave their place, and links that lead somewhere else.

use std::fs;

use crate::site::Site;

#[test]
fn fault_01_source_that_climbs_out_of_the_project() {
    let site = Site::deployed();
    for source in ["../secret", "templates/../../secret", "../../../../etc/passwd"] {
        site.edit(
            "windlass.toml",
            "source = \"templates/a.conf\"",
            &format!("source = \"{source}\""),
        );
        site.refused_at_load(&[
            "windlass.toml:9:14",
            "leaves the directory with `..`",
            "inside it",
        ]);
        site.edit("windlass.toml", source, "templates/a.conf");
    }
}

#[test]
fn fault_01_output_path_that_climbs_out_of_config_path() {
    let site = Site::deployed();
    for path in ["../a.conf", "x/../../a.conf", "./a.conf", "x//a.conf", ""] {
        site.edit("windlass.toml", "path = \"a.conf\"", &format!("path = \"{path}\""));
        site.refused_at_load(&["windlass.toml:9:41"]);
        site.edit("windlass.toml", &format!("path = \"{path}\" }}"), "path = \"a.conf\" }");
    }
}

#[test]
fn fault_01_layer_that_a_variable_leads_out_of_the_project() {
    let site = Site::deployed();
    site.edit("windlass.toml", "config/app.yaml", "config/${HOST}.yaml");
    site.edit("windlass.toml", "HOST = \"h1\"", "HOST = \"../../secret\"");
    site.refused(&["may not contain `.` or `..`", "windlass.toml:5:11"]);
}

#[test]
fn fault_02_absolute_or_url_where_a_relative_path_belongs() {
    let site = Site::deployed();
    let secret = site.at("../secret").canonicalize().expect("it was written");
    for source in [
        secret.to_str().expect("UTF-8"),
        "/etc/shadow",
        "file:///etc/shadow",
        "https://evil.example/x",
    ] {
        site.edit(
            "windlass.toml",
            "source = \"templates/a.conf\"",
            &format!("source = \"{source}\""),
        );
        let output = site.refused_at_load(&["windlass.toml:9:14", "help: "]);
        assert!(output.stderr.contains("absolute") || output.stderr.contains("URL"), "{output}");
        site.edit("windlass.toml", source, "templates/a.conf");
    }
}

#[test]
fn fault_03_link_that_leaves_the_project() {
    let site = Site::deployed();
    site.remove("templates/a.conf").symlink("templates/a.conf", "../../secret");
    site.refused(&[
        "link templates/a.conf leaves the project",
        "windlass.toml:9:14",
        "copy what it points to",
    ]);
    site.remove("templates/a.conf").symlink("templates/a.conf", "/etc/shadow");
    site.refused(&["link templates/a.conf leaves the project"]);
}

#[test]
fn fault_03_directory_link_and_chain_that_leave_the_project() {
    let site = Site::deployed();
    site.remove("templates/a.conf")
        .symlink("templates/a.conf", "b")
        .symlink("templates/b", "../../secret");
    site.refused(&["leaves the project"]);
    site.remove("templates").symlink("templates", "..");
    site.refused(&["link templates leaves the project"]);
}

#[test]
fn fault_03_layer_and_schema_that_are_links_out_of_the_project() {
    let site = Site::deployed();
    site.remove("config/app.yaml").symlink("config/app.yaml", "../../secret");
    site.refused(&["link config/app.yaml leaves the project", "windlass.toml:5:11"]);
    site.remove("config/app.yaml").write("config/app.yaml", "port: 1\n");
    site.symlink("s.json", "../secret");
    site.edit("windlass.toml", "layers", "schema = \"s.json\"\nlayers");
    site.refused(&["link s.json leaves the project"]);
}

#[test]
fn fault_03_link_in_a_circle_is_an_error_and_one_inside_works() {
    let site = Site::deployed();
    site.remove("templates/a.conf").symlink("templates/a.conf", "a.conf");
    site.refused(&["templates/a.conf"]);
    site.remove("templates/a.conf").write("shared/real", "real ${HOST}\n");
    site.symlink("templates/a.conf", "../shared/real");
    let _ = site.deploy().success();
    assert_eq!(site.tree().text("etc/demo/a.conf"), Some("real h1\n"));
}

#[test]
fn fault_04_output_path_that_is_a_link_to_somebodys_file() {
    for layout in ["linked", "plain"] {
        let site = Site::fresh();
        site.edit(
            "windlass.toml",
            "path = \"a.conf\"",
            &format!("path = \"a.conf\", layout = \"{layout}\""),
        );
        site.symlink("state/etc/demo/a.conf", site.at("precious")).write("precious", "mine");
        site.refused(&[
            "a.conf is a link to",
            "help: windlass replaces only files that it put there",
        ]);
        assert_eq!(site.read("precious"), "mine");
        assert!(site.at("state/etc/demo/a.conf").is_symlink());
    }
}

#[test]
fn fault_04_file_or_directory_of_somebody_in_the_way() {
    let site = Site::fresh();
    site.write("state/etc/demo/a.conf", "mine").write("state/etc/demo/b.env/x", "mine too");
    site.refused(&["a.conf is a file that windlass did not put there", "b.env is a directory"]);
}

#[test]
fn fault_05_parent_directory_that_is_a_link() {
    let site = Site::fresh();
    site.directory("evil").symlink("state/etc/demo", "../../evil");
    site.refused(&["state/etc/demo is a symbolic link where a directory belongs"]);
    site.remove("state/etc/demo").remove("state/etc").symlink("state/etc", "../evil");
    site.refused(&["state/etc is a symbolic link where a directory belongs"]);
    assert_eq!(fs::read_dir(site.at("evil")).expect("it is there").count(), 0);
}

#[test]
fn fault_05_own_directory_and_directory_of_a_file_that_are_links() {
    let site = Site::fresh();
    site.directory("evil").symlink("state/etc/demo/.windlass", site.at("evil"));
    site.refused(&[".windlass is a symbolic link where a directory belongs"]);
    site.remove("state/etc/demo/.windlass").symlink("state/etc/demo/sub", site.at("evil"));
    for layout in ["linked", "plain"] {
        site.edit(
            "windlass.toml",
            "path = \"a.conf\"",
            &format!("path = \"sub/a.conf\", layout = \"{layout}\""),
        );
        site.refused(&["sub is a link to"]);
        site.edit("windlass.toml", &format!("sub/a.conf\", layout = \"{layout}\""), "a.conf\"");
    }
    assert_eq!(fs::read_dir(site.at("evil")).expect("it is there").count(), 0);
}

#[test]
fn fault_05_directory_exchanged_for_a_link_after_a_deployment() {
    let site = Site::deployed();
    let demo = site.at("state/etc/demo");
    fs::rename(&demo, site.at("moved")).expect("it is moved");
    site.symlink("state/etc/demo", site.at("moved"));
    site.write("templates/a.conf", "two\n");
    site.refused(&["state/etc/demo is a symbolic link"]);
    site.unchanged_by(|| site.run(&["rollback", "dev"]), &["state/etc/demo is a symbolic link"]);
}

#[test]
fn fault_06_names_that_no_file_should_have() {
    let site = Site::deployed();
    let long = "x".repeat(256);
    let deep = format!("{}f", "d/".repeat(600));
    for (path, says) in [
        ("a\\u0000b", "NUL"),
        ("a\\nb", "control character"),
        ("a\\u001b[31m", "control character"),
        (long.as_str(), "256 bytes (255 at most)"),
        (deep.as_str(), "(1024 at most)"),
        (".windlass/current/x", ".windlass"),
        ("/abs", "path"),
    ] {
        site.edit("windlass.toml", "path = \"a.conf\"", &format!("path = \"{path}\""));
        let output = site.refused_at_load(&["windlass.toml:9:41", says]);
        assert!(!output.stderr.contains(['\u{1b}', '\0']), "{output}");
        site.edit("windlass.toml", &format!("path = \"{path}\""), "path = \"a.conf\"");
    }
}

#[test]
fn fault_06_bytes_that_are_not_utf_8_are_refused_or_kept_exactly() {
    let site = Site::deployed();
    let bytes = b"a \xff ${HOST} \x00 {{ port }}\n";
    site.write("templates/b.env.j2", b"1\na \xff {{ port }}\n");
    site.refused(&["templates/b.env.j2:2:3", "not UTF-8 text", "render = \"copy\""]);
    site.edit("windlass.toml", "path = \"b.env\"", "path = \"b.env\", render = \"copy\"");
    site.write("templates/b.env.j2", bytes);
    let _ = site.deploy().success();
    assert_eq!(site.tree().files()["etc/demo/b.env"].1, bytes);
}

#[test]
fn fault_06_name_of_255_bytes_works() {
    let site = Site::deployed();
    let name = "é".repeat(127) + "x";
    site.edit("windlass.toml", "path = \"a.conf\"", &format!("path = \"{name}\""));
    let _ = site.deploy().success();
    let path = format!("etc/demo/{}", name.as_bytes().escape_ascii());
    assert_eq!(site.tree().text(&path), Some("host h1 $uri\n"));
}
