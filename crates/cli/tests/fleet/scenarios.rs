//! What holds for targets of every kind.

use super::fixture::{Fleet, Kind, states};

fn some(text: &str, count: usize) -> Vec<Option<String>> {
    vec![Some(text.to_owned()); count]
}

fn status(fleet: &Fleet) -> serde_json::Value {
    fleet.run(&["status", "prod", "--output", "json"]).success().json()
}

fn a_release_goes_out_and_comes_back(kind: Kind) {
    let fleet = Fleet::new(kind, 3);
    assert_eq!(states(&status(&fleet)), ["empty"; 3]);
    fleet.run(&["deploy", "prod"]).success();
    assert_eq!(fleet.texts("motd"), some("hello\n", 3));
    assert_eq!(fleet.texts("../reloaded"), some("hello\n", 3));
    fleet.project.edit("windlass.toml", "\"hello\"", "\"welcome\"");
    let plan = fleet.run(&["plan", "prod", "--exit-code"]).code(3);
    assert!(plan.stdout.contains("motd"), "{plan}");
    assert_eq!(fleet.texts("motd"), some("hello\n", 3), "a plan changes nothing");
    fleet.run(&["deploy", "prod"]).success();
    assert_eq!(fleet.texts("motd"), some("welcome\n", 3));
    fleet.run(&["rollback", "prod"]).success();
    assert_eq!(fleet.texts("motd"), some("hello\n", 3));
    assert_eq!(fleet.texts("../reloaded"), some("hello\n", 3));
    assert_eq!(states(&status(&fleet)), ["in_sync"; 3]);
    fleet.run(&["rollback", "prod"]).success();
    assert_eq!(fleet.texts("motd"), vec![None; 3]);
}

fn nothing_changes_where_nothing_is_new(kind: Kind) {
    let fleet = Fleet::new(kind, 2);
    fleet.run(&["deploy", "prod"]).success();
    fleet.run(&["plan", "prod", "--exit-code"]).code(0);
    let before = fleet.root(1).join("etc/web/.windlass/current").read_link().expect("live");
    fleet.run(&["deploy", "prod"]).success();
    let after = fleet.root(1).join("etc/web/.windlass/current").read_link().expect("live");
    assert_eq!(before, after);
}

fn what_was_changed_by_hand_is_seen_and_mended(kind: Kind) {
    let fleet = Fleet::new(kind, 2);
    fleet.run(&["deploy", "prod"]).success();
    let file = fleet.root(2).join("etc/web/web.conf").canonicalize().expect("deployed");
    std::fs::write(&file, "by hand\n").expect("written");
    let seen = status(&fleet);
    assert_eq!(states(&seen), ["in_sync", "drifted"]);
    assert_eq!(seen["targets"][1]["drift"][0]["path"], "web.conf");
    fleet.run(&["plan", "prod", "--exit-code"]).code(3);
    fleet.run(&["deploy", "prod"]).success();
    assert_eq!(fleet.texts("web.conf"), some("one\n", 2));
}

fn what_is_unhealthy_is_taken_back_everywhere(kind: Kind) {
    let fleet = Fleet::new(kind, 3);
    fleet.run(&["deploy", "prod"]).success();
    fleet.project.edit("windlass.toml", "\"hello\"", "\"broken\"");
    fleet.run(&["deploy", "prod"]).code(4);
    assert_eq!(fleet.texts("motd"), some("hello\n", 3));
    assert_eq!(fleet.texts("../reloaded"), some("hello\n", 3));
    assert_eq!(states(&status(&fleet)), ["in_sync"; 3]);
}

fn what_a_check_refuses_changes_nothing(kind: Kind) {
    let fleet = Fleet::new(kind, 2);
    fleet.run(&["deploy", "prod"]).success();
    fleet.project.write("motd", "");
    fleet.run(&["deploy", "prod"]).code(1);
    assert_eq!(fleet.texts("motd"), some("hello\n", 2));
}

fn files_of_others_are_in_the_way(kind: Kind) {
    let fleet = Fleet::new(kind, 2);
    std::fs::create_dir_all(fleet.root(2).join("etc/web")).expect("made");
    std::fs::write(fleet.root(2).join("etc/web/motd"), "theirs").expect("written");
    fleet.run(&["deploy", "prod"]).code(1).says("h2").says("motd");
    assert_eq!(fleet.text(1, "motd"), None);
    assert_eq!(fleet.text(2, "motd").as_deref(), Some("theirs"));
}

fn a_saved_plan_is_what_is_carried_out(kind: Kind) {
    let fleet = Fleet::new(kind, 2);
    fleet.run(&["plan", "prod", "--out", "plan.json"]).success();
    fleet.project.write("conf", "two\n");
    fleet.run(&["apply", "plan.json"]).success();
    assert_eq!(fleet.texts("web.conf"), some("one\n", 2));
}

macro_rules! on_every_kind {
    ($($scenario:ident),+ $(,)?) => {
        mod local {
            use super::Kind;
            $(#[test] fn $scenario() { super::$scenario(Kind::Local); })+
        }
        mod ssh {
            use super::Kind;
            $(#[test] fn $scenario() { super::$scenario(Kind::Ssh); })+
        }
    };
}

on_every_kind!(
    a_release_goes_out_and_comes_back,
    nothing_changes_where_nothing_is_new,
    what_was_changed_by_hand_is_seen_and_mended,
    what_is_unhealthy_is_taken_back_everywhere,
    what_a_check_refuses_changes_nothing,
    files_of_others_are_in_the_way,
    a_saved_plan_is_what_is_carried_out,
);
