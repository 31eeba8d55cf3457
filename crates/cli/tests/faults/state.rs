//! State that is damaged, gone or newer, and rollbacks that need it.

use std::fs;
use std::path::Path;

use windlass_core::digest::Digest;
use windlass_testing::{Tree, assert_same_tree};

use crate::site::{Site, objects};

/// Returns a site on its second release, the tree of the first, and the id of its deployment.
/// Returns a site with three releases, of which the target keeps the last two, and the id of the
/// deployment of the first.
fn three_releases() -> (Site, String) {
    let (site, _, id) = two_releases();
    site.write("templates/a.conf", "third ${HOST}\n");
    let _ = site.deploy().success();
    (site, id)
}

fn two_releases() -> (Site, Tree, String) {
    let site = Site::deployed();
    let (first, id) = (site.tree(), site.only_id());
    site.write("templates/a.conf", "two ${HOST}\n");
    let _ = site.deploy().success();
    (site, first, id)
}

/// Changes one byte in the middle of a file.
fn damage(file: &Path) {
    let mut bytes = fs::read(file).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(file, bytes).expect("it is written");
}

#[test]
fn fault_48_rollback_to_a_release_whose_objects_are_gone() {
    let (site, id) = three_releases();
    for object in objects(&site) {
        fs::remove_file(object).expect("it is removed");
    }
    site.unchanged_by(
        || site.run(&["rollback", "dev", "--to", &id]),
        &["cannot be restored", "no longer in the object store"],
    );
}

#[test]
fn fault_48_rollback_to_a_release_whose_objects_are_damaged() {
    let (site, id) = three_releases();
    objects(&site).iter().for_each(|object| damage(object));
    site.unchanged_by(
        || site.run(&["rollback", "dev", "--to", &id]),
        &["object ", "is corrupt", ".windlass/objects"],
    );
}

#[test]
fn fault_48_the_release_before_is_on_the_target_whatever_became_of_the_objects() {
    let (site, first, _) = two_releases();
    for object in objects(&site) {
        fs::remove_file(object).expect("it is removed");
    }
    let _ = site.run(&["rollback", "dev"]).success();
    assert_same_tree(&first, &site.tree());
}

#[test]
fn fault_48_damaged_object_is_named_and_healed_by_the_next_deployment() {
    let site = Site::deployed();
    let first = site.tree();
    let digest = Digest::of(b"host h1 $uri\n").to_string();
    damage(&site.at(".windlass/objects").join(&digest));
    site.remove("state");
    let says = format!("a.conf: object {digest} is corrupt");
    site.refused(&[&says]);
    let _ = site.deploy().success();
    assert_same_tree(&first, &site.tree());
}

#[test]
fn fault_53_rollback_of_the_first_deployment_leaves_nothing() {
    let site = Site::deployed();
    let _ = site.run(&["rollback", "dev"]).success();
    assert_same_tree(&Tree::default(), &site.tree());
    site.run(&["rollback", "dev"]).code(1).says("nothing to roll back");
}

#[test]
fn fault_53_rollback_of_a_rollback_is_what_it_undid() {
    let (site, first, _) = two_releases();
    let second = site.tree();
    let rolled_back = site.run(&["rollback", "dev", "--output", "json"]).success().json();
    assert_same_tree(&first, &site.tree());
    let id = rolled_back["deployment_id"].as_str().expect("it has an id");
    let _ = site.run(&["rollback", id]).success();
    assert_same_tree(&second, &site.tree());
}

#[test]
fn fault_53_rollback_of_what_failed_or_is_unknown() {
    let (site, first, _) = two_releases();
    site.write("templates/a.conf", "${NOPE}");
    site.refused(&["`NOPE` is not set"]);
    let history = site.run(&["history", "dev", "--output", "json"]).success().json();
    let failed =
        history["deployments"][0]["deployment_id"].as_str().expect("it has an id").to_owned();
    for arguments in [&["rollback", &failed][..], &["rollback", "dev", "--to", &failed]] {
        site.unchanged_by(|| site.run(arguments), &["cannot roll back", &failed]);
    }
    site.unchanged_by(
        || site.run(&["rollback", "deploy_dev_1"]),
        &["unknown deployment `deploy_dev_1`"],
    );
    // The failed one is not in effect: the latest that is goes.
    let _ = site.run(&["rollback", "dev"]).success();
    assert_same_tree(&first, &site.tree());
}

/// Rewrites a state file as a newer version would have.
fn make_newer(site: &Site, file: &str) -> String {
    let text = site.read(file);
    let newer = text.replacen("\"schema\": 1", "\"schema\": 2", 1);
    assert_ne!(text, newer);
    site.write(file, &newer);
    newer
}

#[test]
fn fault_54_record_of_a_newer_version_is_refused_and_not_rewritten() {
    let site = Site::deployed();
    let (file, id) = (site.records().pop_first().expect("one"), site.only_id());
    let newer = make_newer(&site, &file);
    site.write("templates/a.conf", "two\n");
    let says = ["was written by a newer version of windlass", &file];
    site.refused(&says);
    for arguments in
        [&["show", &id][..], &["rollback", "dev"], &["rollback", &id], &["history", "dev"]]
    {
        let output = site.unchanged_by(|| site.run(arguments), &says);
        assert!(!output.stdout.contains("No deployments"), "{output}");
    }
    assert_eq!(site.read(&file), newer);
}

#[test]
fn fault_54_environment_of_a_newer_version_is_refused_and_not_rewritten() {
    let site = Site::deployed();
    let file = ".windlass/environments/dev.json";
    let newer = make_newer(&site, file);
    for arguments in [&["deploy", "dev"][..], &["rollback", "dev"], &["env", "list"]] {
        site.unchanged_by(
            || site.run(arguments),
            &["was written by a newer version of windlass", file],
        );
    }
    assert_eq!(site.read(file), newer);
}

#[test]
fn fault_54_plan_of_a_newer_version_or_an_edited_one_is_refused() {
    let site = Site::deployed();
    site.write("templates/a.conf", "two\n");
    let _ = site.run(&["plan", "dev", "--out", "p.plan"]).success();
    let plan = site.read("p.plan");
    let apply = || site.run(&["apply", "p.plan"]);
    site.write("p.plan", plan.replacen("two", "2.0", 1));
    site.unchanged_by(apply, &["p.plan: it was changed after it was made", "windlass plan --out"]);
    site.write("p.plan", plan.replacen("\"schema\": 1", "\"schema\": 2", 1));
    site.unchanged_by(apply, &["p.plan: it was written by a newer version"]);
    for text in ["", "{", "[]", "{\"schema\": 1}"] {
        site.write("p.plan", text);
        site.unchanged_by(apply, &["p.plan: not a plan"]);
    }
    site.remove("p.plan").fifo("p.plan");
    site.unchanged_by(apply, &["p.plan: not a plan"]);
}

#[test]
fn fault_54_target_of_a_newer_version_is_refused_and_not_rewritten() {
    let site = Site::deployed();
    let manifests = "state/etc/demo/.windlass/manifests";
    let name = crate::site::names(&site.at(manifests), "").pop_first().expect("one");
    let file = format!("{manifests}/{name}");
    let newer = make_newer(&site, &file);
    site.write("templates/a.conf", "two\n");
    site.refused(&["has schema 2, and this version knows 1", "use a newer windlass"]);
    site.unchanged_by(|| site.run(&["rollback", "dev"]), &["has schema 2"]);
    assert_eq!(site.read(&file), newer);
}

#[test]
fn record_that_is_damaged_is_named_and_the_others_are_shown() {
    let (site, _, first) = two_releases();
    let file = format!(".windlass/config_deployments/{first}.json");
    let record = site.read(&file);
    for damaged in
        [record.replace("success", "failed"), record[..record.len() / 2].to_owned(), String::new()]
    {
        site.write(&file, &damaged);
        let output = site.run(&["history", "dev"]).code(1).says(&file).says("is damaged");
        assert_eq!(output.stdout.lines().count(), 2, "{output}");
        site.run(&["show", &first]).code(1).says("is damaged");
        assert_eq!(site.read(&file), damaged);
    }
}
