//! Values that the tests of this module share.

use jiff::Timestamp;
use windlass_core::budget::Budget;
use windlass_core::change::{ChangeSet, SettingChange};
use windlass_core::digest::Digest;
use windlass_core::name::EnvironmentName;
use windlass_core::plan::{self, FileDiff, Intent, Plan, TargetPlan};
use windlass_core::record::{self, ConfigDeployment, DeploymentId, DeploymentStatus};
use windlass_core::record::{TargetRecord, TargetState};
use windlass_core::release::ReleaseId;
use windlass_core::strategy::{Cutover, Pace, Stage};
use windlass_core::target::{Address, TargetId};

use super::style::Style;

/// Checks that `render` colours its text and changes nothing else.
pub(crate) fn assert_same_in_colour(render: impl Fn(Style) -> String) {
    let colored = render(Style::COLORED);
    assert!(colored.contains("\u{1b}["), "no colour in {colored}");
    assert_eq!(anstream::adapter::strip_str(&colored).to_string(), render(Style::PLAIN));
}

/// Returns the release whose digest is that of `text`.
pub(crate) fn release(text: &str) -> ReleaseId {
    ReleaseId(Digest::of(text.as_bytes()))
}

/// Returns the first digits of [`release`].
pub(crate) fn short(text: &str) -> String {
    release(text).short()
}

/// Returns `staging`.
pub(crate) fn staging() -> EnvironmentName {
    EnvironmentName::new("staging").expect("a name")
}

/// Returns 2023-11-14 22:13:20 UTC.
pub(crate) fn when() -> Timestamp {
    Timestamp::from_second(1_700_000_000).expect("in range")
}

/// Returns an id.
pub(crate) fn deployment(id: &str) -> DeploymentId {
    DeploymentId::new(id).expect("an id")
}

/// Returns a target that moves from `from` to `to`.
pub(crate) fn target(id: &str, from: Option<&str>, to: Option<&str>) -> TargetPlan {
    TargetPlan {
        id: TargetId::new(id),
        address: Address::parse("local:./state").expect("an address"),
        from: from.map(release),
        to: to.map(release),
        fingerprint: Digest::of(b""),
        drift: Vec::new(),
        interrupted: false,
    }
}

/// Returns a change of a setting.
pub(crate) fn setting(
    old: Option<serde_json::Value>,
    new: Option<serde_json::Value>,
) -> SettingChange {
    SettingChange::shown(old, new)
}

/// Returns what changes in [`plan`].
pub(crate) fn changes() -> ChangeSet {
    let settings = [
        ("database.host", setting(Some("db.old".into()), Some("db.internal".into()))),
        ("database.port", setting(None, Some(5432.into()))),
        ("debug", setting(Some(true.into()), None)),
    ];
    let settings = settings.map(|(key, change)| (key.to_owned(), change));
    ChangeSet {
        files_added: ["nginx.conf".to_owned()].into(),
        files_removed: ["old.conf".to_owned()].into(),
        files_modified: ["app.yaml".to_owned()].into(),
        settings_changed: [("app.yaml".to_owned(), settings.into())].into(),
        ..ChangeSet::default()
    }
}

/// Returns a plan with a bit of everything.
pub(crate) fn plan() -> Plan {
    let unified = "--- a/app.yaml\n+++ b/app.yaml\n@@ -1,2 +1,2 @@\n database:\n-  host: db.old\n+  host: db.internal\n";
    let targets = vec![
        target("local:./state", Some("one"), Some("two")),
        target("web2", None, Some("two")),
        target("web3", Some("two"), Some("two")),
    ];
    let stage = |ids: &[&str]| Stage::new(ids.iter().copied().map(TargetId::new).collect());
    Plan {
        schema: plan::SCHEMA,
        plan_id: "0123456789ab".to_owned(),
        environment: staging(),
        config_path: "/etc/shop".to_owned(),
        intent: Intent::Deploy,
        release: Some(release("two")),
        config_files: vec!["config/app.yaml".to_owned(), "templates/nginx.conf".to_owned()],
        changes: changes(),
        diffs: vec![FileDiff { path: "app.yaml".to_owned(), unified: unified.to_owned() }],
        targets,
        stages: vec![stage(&["local:./state"]), stage(&["web2", "web3"])],
        pace: Pace::default(),
        budget: Budget::default(),
        cutover: Cutover::EachTarget,
        warnings: vec!["`nginx.conf` has no check".to_owned()],
    }
}

/// Returns what became of a target.
pub(crate) fn outcome(id: &str, state: TargetState, error: Option<&str>) -> TargetRecord {
    TargetRecord {
        id: TargetId::new(id),
        address: Address::parse("local:./state").expect("an address"),
        state,
        from: Some(release("one")),
        to: Some(release("two")),
        release: Some(release("two")),
        error: error.map(str::to_owned),
    }
}

/// Returns a successful deployment.
pub(crate) fn record() -> ConfigDeployment {
    ConfigDeployment {
        schema: record::SCHEMA,
        deployment_id: deployment("deploy_staging_1700000000"),
        environment: staging(),
        config_path: "/etc/shop".to_owned(),
        status: DeploymentStatus::Success,
        config_version: short("two"),
        release: Some(release("two")),
        deployed_at: when(),
        deployed_by: "alice".to_owned(),
        config_files: vec!["config/app.yaml".to_owned()],
        changes: changes(),
        targets: vec![
            outcome("local:./state", TargetState::Healthy, None),
            outcome("web2", TargetState::NotChecked, None),
        ],
        rollback_info: None,
        duration_ms: 12_345,
        error: None,
        pinned: None,
    }
}
