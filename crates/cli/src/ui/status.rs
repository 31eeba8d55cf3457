//! What is live on the targets of an environment.

use windlass::status::{LiveState, Status, TargetStatus};
use windlass_core::plan::{Drift, DriftIssue};

use super::escape;
use super::human::count;
use super::style::{Style, Tint};
use super::table::{Cell, Table};

/// Returns a line for each target, what is wrong with it below, and how many are healthy.
pub(crate) fn render_status(status: &Status, style: Style) -> String {
    if status.targets.is_empty() {
        return format!("{} has no targets.\n", status.environment);
    }
    let mut table =
        Table::headed(["TARGET", "RELEASE", "STATE", "HEALTH", "LAST DEPLOYMENT", "SERVICES"]);
    for target in &status.targets {
        table.row(cells(target));
    }
    let details: String = status.targets.iter().map(details).collect();
    format!("{}{details}\n{}\n", table.render("", style), summary(status))
}

fn cells(target: &TargetStatus) -> [Cell; 6] {
    let none = || Cell::new(Tint::Dim, "none");
    [
        Cell::plain(target.id.as_str()),
        target.version.as_ref().map_or_else(|| Cell::new(Tint::Dim, "nothing"), Cell::plain),
        state(target.state),
        health(target.healthy),
        target.last_deployment.as_ref().map_or_else(none, |id| Cell::plain(id.as_str())),
        Cell::plain(services(target)),
    ]
}

fn state(state: LiveState) -> Cell {
    let tint = match state {
        LiveState::InSync => Tint::Ok,
        LiveState::Empty => Tint::Dim,
        LiveState::Drifted | LiveState::Interrupted => Tint::Warning,
        LiveState::Unreachable => Tint::Error,
    };
    Cell::new(tint, state.as_str().replace('_', " "))
}

fn health(healthy: Option<bool>) -> Cell {
    match healthy {
        Some(true) => Cell::new(Tint::Ok, "healthy"),
        Some(false) => Cell::new(Tint::Error, "unhealthy"),
        None => Cell::new(Tint::Changed, "not checked"),
    }
}

fn services(target: &TargetStatus) -> String {
    let named = |(name, version): (_, &Option<String>)| match version {
        Some(version) => format!("{name} {version}"),
        None => format!("{name}"),
    };
    target.services.iter().map(named).collect::<Vec<_>>().join(", ")
}

fn details(target: &TargetStatus) -> String {
    let drift = target.drift.iter().map(|drift| {
        let issue = format!("{:?}", drift.issue).to_lowercase();
        let why = reason(drift).map(|why| format!(": {}", escape::line(why))).unwrap_or_default();
        format!("  {}: {} is {issue}{why}\n", target.id, escape::line(&drift.path))
    });
    let error =
        target.error.iter().map(|error| format!("  {}: {}\n", target.id, escape::line(error)));
    drift.chain(error).collect()
}

/// Returns why a file is missing, where the target knows it.
fn reason(drift: &Drift) -> Option<&str> {
    (drift.issue == DriftIssue::Missing).then(|| drift.actual.strip_prefix("nothing: "))?
}

fn summary(status: &Status) -> String {
    let number = |health| status.targets.iter().filter(|target| target.healthy == health).count();
    let (good, bad, unknown) = (number(Some(true)), number(Some(false)), number(None));
    let total = count(status.targets.len(), "target");
    let environment = &status.environment;
    format!("{environment}: {total}, {good} healthy, {bad} unhealthy, {unknown} not checked.")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use windlass_core::name::ServiceName;
    use windlass_core::target::{Address, TargetId};

    use super::*;
    use crate::ui::samples::{assert_same_in_colour, deployment, release, short, staging};

    fn status() -> Status {
        let web = ServiceName::new("web").expect("a name");
        let live = TargetStatus {
            id: TargetId::new("web1"),
            address: Address::parse("local:./state").expect("an address"),
            release: Some(release("two")),
            version: Some(short("two")),
            services: BTreeMap::from([(web, Some("1.4.2".to_owned()))]),
            state: LiveState::InSync,
            healthy: Some(true),
            last_deployment: Some(deployment("deploy_staging_1")),
            drift: Vec::new(),
            error: None,
        };
        let sick = TargetStatus {
            id: TargetId::new("web2"),
            state: LiveState::Drifted,
            healthy: Some(false),
            drift: vec![Drift {
                path: "app.yaml".to_owned(),
                issue: DriftIssue::Modified,
                expected: String::new(),
                actual: String::new(),
            }],
            ..live.clone()
        };
        let new = TargetStatus {
            id: TargetId::new("web3"),
            release: None,
            version: None,
            services: BTreeMap::new(),
            state: LiveState::Empty,
            healthy: None,
            last_deployment: None,
            ..live.clone()
        };
        Status { environment: staging(), targets: vec![live, sick, new] }
    }

    #[test]
    fn unknown_is_never_healthy() {
        let two = short("two");
        let expected = format!(
            "\
TARGET  RELEASE       STATE    HEALTH       LAST DEPLOYMENT   SERVICES
web1    {two}  in sync  healthy      deploy_staging_1  web 1.4.2
web2    {two}  drifted  unhealthy    deploy_staging_1  web 1.4.2
web3    nothing       empty    not checked  none
  web2: app.yaml is modified

staging: 3 targets, 1 healthy, 1 unhealthy, 1 not checked.
"
        );
        assert_eq!(render_status(&status(), Style::PLAIN), expected);
    }

    #[test]
    fn an_environment_without_targets_says_so() {
        let none = Status { environment: staging(), targets: Vec::new() };
        assert_eq!(render_status(&none, Style::PLAIN), "staging has no targets.\n");
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        assert_same_in_colour(|style| render_status(&status(), style));
    }
}
