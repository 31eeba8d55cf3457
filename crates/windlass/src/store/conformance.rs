//! What every [`StateStore`] must do, whatever it keeps its state in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;
use windlass_core::budget::Budget;
use windlass_core::change::{ChangeSet, SettingChange};
use windlass_core::environment::{Environment, EnvironmentType};
use windlass_core::name::EnvironmentName;
use windlass_core::record::{ConfigDeployment, DeploymentId, DeploymentStatus, SCHEMA};
use windlass_core::rollout::{Input, Rollout, Setup};
use windlass_core::strategy::{Member, RollingDeployment, StrategySpec};
use windlass_core::target::TargetId;

use super::{Holder, SavedRollout, StateStore, StoreError};

/// Two handles on one new state, as two processes have them.
pub(super) type Pair = [Arc<dyn StateStore>; 2];

/// Checks everything, each on a new state.
pub(super) async fn all(fresh: impl Fn() -> Pair) {
    environments_are_kept_by_name(fresh()).await;
    records_are_created_once_and_updated(fresh()).await;
    records_are_listed_newest_first(fresh()).await;
    rollouts_are_kept_until_they_are_forgotten(fresh()).await;
    numbers_are_given_once(fresh(), 4, 50).await;
    numbering_ends_where_ids_do_not_differ(fresh()).await;
    one_holds_the_lock_and_the_other_names_it(fresh()).await;
    environments_are_locked_apart(fresh()).await;
    who_waits_gets_the_lock_when_it_is_free(fresh()).await;
    many_take_turns(fresh()).await;
}

async fn rollouts_are_kept_until_they_are_forgotten([one, other]: Pair) {
    let members = ["a", "b"].map(|name| Member::new(TargetId::new(name))).to_vec();
    let rollout = Rollout::new(Setup::of(&RollingDeployment::default(), members)).expect("sound");
    let mut saved = SavedRollout {
        schema: SavedRollout::SCHEMA,
        deployment_id: id("deploy_a_1"),
        min_healthy_ms: 10_000,
        tolerates_none: true,
        rollout,
    };
    assert_eq!(other.rollout(&saved.deployment_id).await.expect("read"), None);
    one.save_rollout(&saved).await.expect("saved");
    let _ = saved.rollout.step(1_000, Input::Tick);
    one.save_rollout(&saved).await.expect("saved again");
    assert_eq!(other.rollout(&saved.deployment_id).await.expect("read"), Some(saved.clone()));
    assert_eq!(other.rollout(&id("deploy_a_2")).await.expect("read"), None);
    for store in [&other, &one] {
        store.forget_rollout(&saved.deployment_id).await.expect("forgotten");
        assert_eq!(one.rollout(&saved.deployment_id).await.expect("read"), None);
    }
}

pub(super) fn name(text: &str) -> EnvironmentName {
    EnvironmentName::new(text).expect("a name")
}

pub(super) fn id(text: &str) -> DeploymentId {
    DeploymentId::new(text).expect("an id")
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

pub(super) fn environment(text: &str) -> Environment {
    Environment {
        name: name(text),
        environment_type: EnvironmentType::Staging,
        config_path: "/etc/shop".to_owned(),
        variables: BTreeMap::from([("DB_HOST".to_owned(), "db \"x\"\n".to_owned())]),
        secrets: None,
        targets: Vec::new(),
        services: None,
        strategy: StrategySpec::default(),
        budget: Budget::default(),
        protect: true,
        confirm_ms: None,
        created_at: Some(second(1_700_000_000)),
    }
}

pub(super) fn record(deployment: &str, environment: &str, at: i64) -> ConfigDeployment {
    let change = SettingChange::shown(None, Some(serde_json::json!([0.1, {"a": 1e300}])));
    let settings = BTreeMap::from([("limits".to_owned(), change)]);
    let changes = ChangeSet {
        settings_changed: BTreeMap::from([("app.yaml".to_owned(), settings)]),
        ..ChangeSet::default()
    };
    ConfigDeployment {
        schema: SCHEMA,
        deployment_id: id(deployment),
        environment: name(environment),
        config_path: "/etc/shop".to_owned(),
        status: DeploymentStatus::Pending,
        config_version: String::new(),
        release: None,
        deployed_at: second(at),
        deployed_by: "alice".to_owned(),
        config_files: vec!["app.yaml".to_owned()],
        changes,
        targets: Vec::new(),
        rollback_info: None,
        duration_ms: 0,
        error: None,
        pinned: None,
    }
}

pub(super) fn holder(who: &str) -> Holder {
    Holder::here(who, "deploy", second(1_700_000_000))
}

async fn environments_are_kept_by_name([store, other]: Pair) {
    assert_eq!(store.environment(&name("b")).await.expect("answers"), None);
    store.save_environment(&environment("b")).await.expect("saved");
    store.save_environment(&environment("a")).await.expect("saved");
    let changed = Environment { protect: false, ..environment("b") };
    other.save_environment(&changed).await.expect("saved");
    assert_eq!(store.environment(&name("b")).await.expect("answers"), Some(changed.clone()));
    let listing = other.environments().await.expect("lists");
    assert_eq!(listing.complete().expect("all good"), [environment("a"), changed]);
}

async fn records_are_created_once_and_updated([store, other]: Pair) {
    let first = record("deploy_a_1", "a", 1);
    let unknown = store.update_record(&first).await.expect_err("not there yet");
    assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
    assert_eq!(store.record(&first.deployment_id).await.expect("answers"), None);
    assert!(!store.has_record(&first.deployment_id).await.expect("answers"));

    store.create_record(&first).await.expect("created");
    let usurper = ConfigDeployment { deployed_by: "eve".to_owned(), ..first.clone() };
    let exists = other.create_record(&usurper).await.expect_err("taken");
    assert!(matches!(exists, StoreError::Exists { .. }), "{exists}");
    assert!(other.has_record(&first.deployment_id).await.expect("answers"));
    assert_eq!(other.record(&first.deployment_id).await.expect("answers"), Some(first.clone()));

    let done = ConfigDeployment { status: DeploymentStatus::Success, ..first };
    other.update_record(&done).await.expect("updated");
    assert_eq!(store.record(&done.deployment_id).await.expect("answers"), Some(done));
}

async fn records_are_listed_newest_first([store, other]: Pair) {
    let ids = ["deploy_a_5_10", "deploy_a_5", "deploy_b_6", "deploy_a_5_2", "deploy_a_4"];
    let seconds = [5, 5, 6, 5, 4];
    for (deployment, at) in ids.into_iter().zip(seconds) {
        let environment = if deployment.contains("_b_") { "b" } else { "a" };
        store.create_record(&record(deployment, environment, at)).await.expect("created");
    }
    let listed = async |environment: Option<&EnvironmentName>| {
        let listing = other.records(environment).await.expect("lists");
        let records = listing.complete().expect("all good");
        records.iter().map(|r| r.deployment_id.to_string()).collect::<Vec<_>>()
    };
    let newest = ["deploy_b_6", "deploy_a_5_10", "deploy_a_5_2", "deploy_a_5", "deploy_a_4"];
    assert_eq!(listed(None).await, newest);
    assert_eq!(listed(Some(&name("a"))).await, newest[1..]);
    assert_eq!(listed(Some(&name("c"))).await, Vec::<String>::new());
}

/// Has `writers` create `each` records in one second, all at once.
pub(super) async fn numbers_are_given_once(pair: Pair, writers: usize, each: usize) {
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let store = Arc::clone(&pair[writer % 2]);
        tasks.spawn(async move {
            let now = second(1_700_000_000);
            let make = |nth| DeploymentId::deploy(&name("a"), now, nth);
            let mut given = Vec::new();
            for _ in 0..each {
                let draft = record("deploy_draft", "a", 1_700_000_000);
                given.push(store.create_numbered(&make, draft).await.expect("created"));
            }
            given
        });
    }
    let given = tasks.join_all().await.concat();
    let ids: BTreeSet<_> = given.iter().map(|record| record.deployment_id.to_string()).collect();
    let expected = |nth: usize| match nth {
        1 => "deploy_a_1700000000".to_owned(),
        nth => format!("deploy_a_1700000000_{nth}"),
    };
    assert_eq!(ids, (1..=writers * each).map(expected).collect());
    let listing = pair[0].records(None).await.expect("lists").complete().expect("all good");
    assert_eq!(listing.len(), writers * each);
    assert_eq!(listing[0].deployment_id.as_str(), expected(writers * each));
}

async fn numbering_ends_where_ids_do_not_differ([store, _]: Pair) {
    let make = |_| id("deploy_a_1");
    store.create_numbered(&make, record("deploy_a_1", "a", 1)).await.expect("created");
    let error = store.create_numbered(&make, record("deploy_a_1", "a", 1)).await;
    assert!(matches!(error, Err(StoreError::Exists { .. })));
}

async fn one_holds_the_lock_and_the_other_names_it([store, other]: Pair) {
    let held = store.lock(&name("a"), &holder("alice"), None).await.expect("free");
    for (store, wait) in [(&store, None), (&other, None), (&other, Some(Duration::ZERO))] {
        let error = store.lock(&name("a"), &holder("bob"), wait).await.expect_err("held");
        let StoreError::Held { environment, holder: found } = &error else { panic!("{error}") };
        assert_eq!((environment, found.as_deref()), (&name("a"), Some(&holder("alice"))));
        assert!(error.to_string().starts_with("environment `a` is locked by alice on "), "{error}");
    }
    drop(held);
    let held = other.lock(&name("a"), &holder("bob"), None).await.expect("free again");
    let error = store.lock(&name("a"), &holder("alice"), None).await.expect_err("held");
    assert!(error.to_string().contains("locked by bob on "), "{error}");
    drop(held);
}

async fn environments_are_locked_apart([store, _]: Pair) {
    let _a = store.lock(&name("a"), &holder("alice"), None).await.expect("free");
    let _b = store.lock(&name("b"), &holder("bob"), None).await.expect("free");
}

async fn who_waits_gets_the_lock_when_it_is_free([store, other]: Pair) {
    let held = store.lock(&name("a"), &holder("alice"), None).await.expect("free");
    let waiting = tokio::spawn(async move {
        let wait = Some(Duration::from_secs(60));
        other.lock(&name("a"), &holder("bob"), wait).await.map(drop)
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop(held);
    waiting.await.expect("no panic").expect("locked");
}

async fn many_take_turns(pair: Pair) {
    let inside = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for turn in 0..8 {
        let (store, inside) = (Arc::clone(&pair[turn % 2]), Arc::clone(&inside));
        tasks.spawn(async move {
            let wait = Some(Duration::from_secs(60));
            let lock = store.lock(&name("a"), &holder("alice"), wait).await.expect("its turn");
            assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
            tokio::task::yield_now().await;
            inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
            drop(lock);
        });
    }
    tasks.join_all().await;
}
