//! What the engine makes of hosts that fail: records tell the truth, and what can go back does. The
//! hosts are in process here, and once more, in `failing_hosts_through_agent`, behind agents in
//! processes of their own.

#[path = "../agent_process/mod.rs"]
mod agent_process;
mod fixture;

use std::fs;
use std::sync::Arc;

use fixture::{Call, Fault, Shop, failed, target};
use windlass::{DeploymentStatus, Error, Input, Subject};
use windlass_core::record::{Outcome, TargetState};

const A: &str = "local:a";
const B: &str = "local:b";

#[tokio::test]
async fn a_target_that_cannot_be_prepared_stops_the_deployment_before_it_begins() {
    let shop = Shop::new();
    shop.deploy("1\n").await.expect("deployed");
    shop.faults.add(B, Call::Prepare, 1, Fault::Refused);
    let record = failed(shop.deploy("2\n").await);
    assert_eq!(record.outcome(), Outcome::NothingChanged);
    assert_eq!(target(&record, A).release, target(&record, A).from);
    assert_eq!(target(&record, B).state, TargetState::Failed);
    assert_eq!(shop.live(), ["1\n", "1\n"]);
    assert_eq!(shop.record(&record.deployment_id).await, record);
}

#[tokio::test]
async fn an_unhealthy_target_takes_the_others_back() {
    let shop = Shop::new();
    shop.deploy("1\n").await.expect("deployed");
    shop.faults.add(B, Call::Activate, 1, Fault::Unhealthy);
    let record = failed(shop.deploy("2\n").await);
    assert_eq!(record.outcome(), Outcome::RolledBack);
    assert!(record.targets.iter().all(|target| target.state == TargetState::RolledBack));
    assert!(record.targets.iter().all(|target| target.release == target.from));
    assert_eq!(shop.live(), ["1\n", "1\n"]);
}

#[tokio::test]
async fn a_target_that_went_back_and_is_unhealthy_there_holds_the_old_release() {
    let shop = Shop::new();
    shop.deploy("1\n").await.expect("deployed");
    shop.faults.add(B, Call::Activate, 1, Fault::Unhealthy);
    shop.faults.add(B, Call::Activate, 2, Fault::Unhealthy);
    let record = failed(shop.deploy("2\n").await);
    assert_eq!(record.outcome(), Outcome::NotWhollyRolledBack);
    assert_eq!(target(&record, B).state, TargetState::RollbackFailed);
    assert_eq!(target(&record, B).release, target(&record, B).from);
    assert_eq!(shop.live(), ["1\n", "1\n"]);
}

#[tokio::test]
async fn rolling_back_after_a_failure_undoes_the_failure_and_not_the_deployment_before() {
    let shop = Shop::new();
    shop.deploy("1\n").await.expect("deployed");
    shop.faults.add(B, Call::Activate, 1, Fault::Unhealthy);
    shop.faults.add(B, Call::Activate, 2, Fault::Refused);
    let record = failed(shop.deploy("2\n").await);
    assert_eq!(record.outcome(), Outcome::NotWhollyRolledBack);
    assert_eq!(target(&record, B).release, target(&record, B).to);
    assert_eq!(shop.live(), ["1\n", "2\n"]);

    let back = shop.roll_back().await.expect("rolled back");
    assert_eq!(shop.live(), ["1\n", "1\n"]);
    let undone = shop.record(&record.deployment_id).await;
    assert_eq!(undone.status, DeploymentStatus::RolledBack);
    let info = undone.rollback_info.expect("it belongs to a rollback");
    assert_eq!(info.rolled_back_by, Some(back.deployment_id));
}

#[tokio::test]
async fn a_rollback_goes_on_without_the_target_that_fails_and_can_be_tried_again() {
    for call in [Call::Prepare, Call::Activate] {
        let shop = Shop::new();
        shop.deploy("1\n").await.expect("deployed");
        shop.deploy("2\n").await.expect("deployed");
        shop.faults.add(A, call, 1, Fault::Refused);
        let record = failed(shop.roll_back().await);
        assert_eq!(record.outcome(), Outcome::NotWhollyRolledBack, "{call:?}");
        assert_eq!(target(&record, A).release, target(&record, A).from, "{call:?}");
        assert_eq!(shop.live(), ["2\n", "1\n"], "{call:?}");

        shop.roll_back().await.expect("rolled back");
        assert_eq!(shop.live(), ["1\n", "1\n"], "{call:?}");
    }
}

#[tokio::test]
async fn an_interrupted_deployment_is_taken_back_first() {
    let shop = Shop::new();
    shop.deploy("1\n").await.expect("deployed");
    let second = shop.deploy("2\n").await.expect("deployed");
    shop.interrupt(&second).await;
    let third = shop.deploy("3\n").await.expect("deployed");
    let ended = shop.record(&second.deployment_id).await;
    assert_eq!(ended.status, DeploymentStatus::RolledBack);
    assert!(ended.targets.iter().all(|target| target.release == target.from));
    assert_eq!(target(&third, A).from, target(&second, A).from);
}

#[tokio::test]
async fn recovery_needs_only_what_the_target_itself_keeps() {
    let shop = Shop::new();
    shop.write("1\n");
    let theirs = shop.elsewhere();
    theirs.deploy("staging", &Input::Project, "somebody else").await.expect("deployed");
    let second = shop.deploy("2\n").await.expect("deployed");
    shop.interrupt(&second).await;
    let third = shop.deploy("3\n").await.expect("deployed");
    assert_eq!(target(&third, A).from, target(&second, A).from);
}

#[tokio::test]
async fn what_somebody_else_deployed_can_be_rolled_back_to() {
    let shop = Shop::new();
    shop.write("1\n");
    let theirs = shop.elsewhere();
    theirs.deploy("staging", &Input::Project, "somebody else").await.expect("deployed");
    shop.deploy("2\n").await.expect("deployed");
    shop.roll_back().await.expect("rolled back");
    assert_eq!(shop.live(), ["1\n", "1\n"]);
}

#[tokio::test]
async fn recovery_leaves_alone_what_somebody_else_deployed_since() {
    let shop = Shop::new();
    shop.deploy("1\n").await.expect("deployed");
    let second = shop.deploy("2\n").await.expect("deployed");
    shop.interrupt(&second).await;
    shop.write("3\n");
    let theirs = shop.elsewhere();
    let third = theirs.deploy("staging", &Input::Project, "somebody else").await.expect("deployed");

    let fourth = shop.deploy("4\n").await.expect("deployed");
    assert_eq!(target(&fourth, A).from, third.release);
    let ended = shop.record(&second.deployment_id).await;
    assert_eq!(ended.status, DeploymentStatus::Failed);
    assert_eq!(target(&ended, A).release, third.release);
}

#[tokio::test]
async fn recovery_that_cannot_reach_a_target_is_tried_again_and_says_what_it_waits_for() {
    let shop = Shop::new();
    shop.deploy("1\n").await.expect("deployed");
    let second = shop.deploy("2\n").await.expect("deployed");
    shop.interrupt(&second).await;
    shop.faults.add(B, Call::Activate, 1, Fault::Refused);
    match shop.deploy("3\n").await {
        Err(Error::Interrupted { deployment, failures }) => {
            assert_eq!(deployment, second.deployment_id);
            assert_eq!(failures.len(), 1);
        }
        other => panic!("went on: {other:?}"),
    }
    let waiting = shop.record(&second.deployment_id).await;
    assert_eq!(waiting.status, DeploymentStatus::InProgress);
    assert_eq!(target(&waiting, B).state, TargetState::RollbackFailed);
    assert_eq!(target(&waiting, B).release, second.release);
    assert_eq!(shop.live(), ["1\n", "2\n"]);

    shop.deploy("3\n").await.expect("deployed");
    assert_eq!(shop.record(&second.deployment_id).await.status, DeploymentStatus::RolledBack);
}

#[tokio::test]
async fn a_target_that_is_no_longer_one_does_not_keep_an_environment_waiting() {
    let shop = Shop::new();
    shop.deploy("1\n").await.expect("deployed");
    let second = shop.deploy("2\n").await.expect("deployed");
    shop.interrupt(&second).await;
    shop.edit(r#"["local:a", "local:b"]"#, r#"["local:a"]"#);
    shop.faults.add(B, Call::Activate, 1, Fault::Refused);
    shop.reopened().deploy("staging", &Input::Project, "tester").await.expect("deployed");
    let ended = shop.record(&second.deployment_id).await;
    assert_eq!(ended.status, DeploymentStatus::Failed);
    assert_eq!(ended.outcome(), Outcome::NotWhollyRolledBack);
    assert_eq!(target(&ended, A).state, TargetState::RolledBack);
    assert_eq!(target(&ended, B).state, TargetState::RollbackFailed);
}

#[tokio::test]
async fn a_target_that_moved_after_the_plan_is_left_alone() {
    let shop = Shop::new();
    shop.deploy("1\n").await.expect("deployed");
    shop.edit("type = \"staging\"", "type = \"staging\"\nvariables = { BY = \"them\" }");
    let theirs = Arc::new(shop.elsewhere());
    shop.faults.add(A, Call::Activate, 1, Fault::Overtaken(theirs));
    let record = failed(shop.deploy("2\n").await);
    assert_eq!(record.outcome(), Outcome::NothingChanged);
    assert_eq!(target(&record, A).state, TargetState::Failed);
    assert_ne!(target(&record, A).release, target(&record, A).from);
    assert_ne!(target(&record, A).release, target(&record, A).to);
    let error = target(&record, A).error.as_deref().unwrap_or_default();
    assert!(error.contains("somebody else deployed to it"), "{error}");
}

#[tokio::test]
async fn a_site_of_another_environment_is_neither_taken_nor_emptied() {
    let shop = Shop::new();
    shop.write("1\n");
    let first = shop.engine.deploy("other", &Input::Project, "tester").await.expect("deployed");
    let refused = shop.engine.plan("staging", &Input::Project).await;
    assert!(matches!(refused, Err(Error::Obstructed(_))), "{refused:?}");

    fs::remove_dir_all(shop.path("a/etc")).expect("removed");
    shop.deploy("2\n").await.expect("deployed");
    let undo = Subject::Undo(first.deployment_id);
    let refused = shop.engine.rollback(&undo, "tester").await;
    assert!(matches!(refused, Err(Error::Obstructed(_))), "{refused:?}");
    assert_eq!(shop.live(), ["2\n", "2\n"]);
}

#[tokio::test]
async fn a_reload_that_failed_is_made_up_for() {
    let shop = Shop::new();
    shop.deploy("1\n").await.expect("deployed");
    shop.deploy("2\n").await.expect("deployed");
    fs::write(shop.path("a/broken"), "").expect("written");
    let record = failed(shop.roll_back().await);
    assert_eq!(target(&record, A).state, TargetState::Unhealthy);
    assert_eq!(target(&record, A).release, target(&record, A).to);
    assert_eq!(shop.live(), ["1\n", "1\n"]);

    fs::remove_file(shop.path("a/broken")).expect("removed");
    let plan = shop.plan("1\n").await;
    assert!(plan.targets.iter().map(|target| target.interrupted).eq([true, false]));
    shop.roll_back().await.expect("rolled back");
    assert_eq!(fs::read_to_string(shop.path("a/reloads")).expect("read"), "1\n2\n1\n1\n");
    assert_eq!(fs::read_to_string(shop.path("b/reloads")).expect("read"), "1\n2\n1\n");
    assert!(shop.plan("1\n").await.is_unchanged());
}

#[tokio::test]
async fn a_changed_file_is_put_back_and_its_service_reloaded() {
    let shop = Shop::new();
    shop.deploy("1\n").await.expect("deployed");
    shop.deploy("2\n").await.expect("deployed");
    fs::write(shop.path("a/etc/app.conf"), "by hand\n").expect("written");
    let plan = shop.plan("2\n").await;
    assert!(!plan.is_unchanged());
    assert_eq!(plan.targets[0].drift.len(), 1);
    let record = shop.engine.apply(plan, "tester").await.expect("applied");
    assert_eq!(target(&record, B).state, TargetState::Unchanged);
    assert_eq!(shop.live(), ["2\n", "2\n"]);
    assert_eq!(fs::read_to_string(shop.path("a/reloads")).expect("read"), "1\n2\n2\n");

    shop.roll_back().await.expect("rolled back");
    assert_eq!(shop.live(), ["1\n", "1\n"]);
}

#[tokio::test]
async fn a_repair_that_fails_does_not_say_that_nothing_changed() {
    let shop = Shop::new();
    shop.deploy("1\n").await.expect("deployed");
    fs::write(shop.path("a/etc/app.conf"), "by hand\n").expect("written");
    shop.faults.add(A, Call::Activate, 1, Fault::Unhealthy);
    let record = failed(shop.deploy("1\n").await);
    assert_eq!(target(&record, A).state, TargetState::Unhealthy);
    assert_eq!(record.outcome(), Outcome::NotWhollyRolledBack);
}

#[tokio::test]
async fn a_plan_is_applied_once() {
    let shop = Shop::new();
    let plan = shop.plan("1\n").await;
    shop.engine.apply(plan.clone(), "tester").await.expect("applied");
    let again = shop.engine.apply(plan, "tester").await;
    assert!(matches!(again, Err(Error::Stale(_))), "{again:?}");
}

#[tokio::test]
async fn targets_that_a_deployment_does_not_reach_are_named() {
    let shop = Shop::new();
    let first = shop.deploy("1\n").await.expect("deployed");
    shop.edit(r#"["local:a", "local:b"]"#, r#"["local:a", "local:c"]"#);
    let engine = shop.reopened();
    let plan = engine.plan("staging", &Input::Project).await.expect("planned");
    assert_eq!(plan.warnings.len(), 1);
    assert!(plan.warnings[0].contains("local:b is no longer a target"), "{:?}", plan.warnings);
    let back = Subject::Undo(first.deployment_id);
    let plan = engine.plan_rollback(&back).await.expect("planned");
    assert!(plan.warnings[0].contains("local:c had no part"), "{:?}", plan.warnings);
}

#[tokio::test]
async fn the_same_inputs_are_the_same_release_wherever_they_are() {
    use std::os::unix::fs::PermissionsExt;
    let (one, two) = (Shop::new(), Shop::new());
    let (first, second) = (one.plan("1\n").await, {
        two.write("1\n");
        let source = two.path("app.conf");
        fs::set_permissions(&source, fs::Permissions::from_mode(0o600)).expect("changed");
        two.engine.plan("staging", &Input::Project).await.expect("planned")
    });
    assert_eq!(first.release, second.release);
    assert_eq!(first.plan_id, second.plan_id);
    let source = two.path("app.conf");
    fs::set_permissions(&source, fs::Permissions::from_mode(0o700)).expect("changed");
    let executable = two.engine.plan("staging", &Input::Project).await.expect("planned");
    assert_ne!(executable.release, first.release);
}

#[tokio::test]
async fn a_rollback_that_could_not_begin_is_recorded() {
    let shop = Shop::new();
    let first = shop.deploy("1\n").await.expect("deployed");
    shop.faults.add(B, Call::Inspect, 1, Fault::Refused);
    let failure = shop.roll_back().await;
    assert!(matches!(failure, Err(Error::Targets(_))), "{failure:?}");
    let newest = shop.engine.history(None).await.expect("read").remove(0);
    assert_eq!(newest.status, DeploymentStatus::Failed);
    assert_eq!(newest.outcome(), Outcome::NothingChanged);
    assert!(newest.deployment_id.as_str().starts_with("rollback_deploy_staging_"));
    assert_eq!(
        newest.error.as_deref(),
        Some("local:b: work on the target ended without an answer: injected")
    );

    shop.roll_back().await.expect("rolled back");
    assert_eq!(shop.record(&first.deployment_id).await.status, DeploymentStatus::RolledBack);
    assert_eq!(shop.live(), ["", ""]);
}

#[tokio::test]
async fn one_directory_under_two_names_is_refused() {
    let shop = Shop::new();
    shop.write("1\n");
    fs::create_dir(shop.path("a")).expect("made");
    std::os::unix::fs::symlink("a", shop.path("b")).expect("linked");
    let refused = shop.engine.plan("staging", &Input::Project).await;
    let Err(Error::Invalid(problems)) = refused else { panic!("planned: {refused:?}") };
    assert_eq!(problems[0].message, "targets local:a and local:b are the same directory");
}

#[tokio::test]
async fn rolling_back_twice_walks_back_and_then_says_that_nothing_is_left() {
    let shop = Shop::new();
    let first = shop.deploy("1\n").await.expect("deployed");
    let second = shop.deploy("2\n").await.expect("deployed");
    shop.roll_back().await.expect("rolled back");
    assert_eq!(shop.live(), ["1\n", "1\n"]);
    let again = Subject::Undo(second.deployment_id.clone());
    let refused = shop.engine.rollback(&again, "tester").await;
    assert!(matches!(refused, Err(Error::NotReversible { .. })), "{refused:?}");
    shop.roll_back().await.expect("rolled back");
    assert_eq!(shop.live(), ["", ""]);
    let refused = shop.roll_back().await;
    assert!(matches!(refused, Err(Error::NothingInEffect(_))), "{refused:?}");

    let back = Subject::Return(first.deployment_id);
    let refused = shop.engine.rollback(&back, "tester").await;
    refused.expect("what was deployed once can be returned to");
    assert_eq!(shop.live(), ["1\n", "1\n"]);
}
