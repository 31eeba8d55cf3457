//! What is live on the targets of an environment.

use serde::Serialize;
use windlass_core::name::EnvironmentName;
use windlass_core::record::{DeploymentId, TargetState};
use windlass_core::release::ReleaseId;
use windlass_core::target::{Address, TargetId};

use super::human::{self, count};
use super::style::{Style, Tint};
use super::table::{Cell, Table};

/// What is known about one target: a row of the table, and of the JSON that `status` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct StatusRow {
    /// The target.
    pub(crate) id: TargetId,
    /// How it is reached.
    pub(crate) address: Address,
    /// What is live; nothing before the first deployment.
    pub(crate) release: Option<ReleaseId>,
    /// The first digits of `release`.
    pub(crate) version: Option<String>,
    /// Where its last deployment left it; nothing before the first one.
    pub(crate) state: Option<TargetState>,
    /// Whether its health checks pass; nothing where none were made. Unknown is never healthy.
    pub(crate) healthy: Option<bool>,
    /// The last deployment that had it.
    pub(crate) last_deployment: Option<DeploymentId>,
}

/// Returns a line for each target of `environment`, and how many are healthy.
pub(crate) fn render_status(
    environment: &EnvironmentName,
    rows: &[StatusRow],
    style: Style,
) -> String {
    if rows.is_empty() {
        return format!("{environment} has no targets.\n");
    }
    let mut table = Table::headed(["TARGET", "RELEASE", "STATE", "HEALTH", "LAST DEPLOYMENT", ""]);
    for row in rows {
        table.row(cells(row));
    }
    format!("{}\n{}\n", table.render("", style), summary(environment, rows))
}

fn cells(row: &StatusRow) -> [Cell; 6] {
    let address = row.address.to_string();
    let known = address == row.id.as_str();
    [
        Cell::plain(row.id.as_str()),
        row.version.as_ref().map_or_else(|| Cell::new(Tint::Dim, "nothing"), Cell::plain),
        row.state.map_or_else(|| Cell::new(Tint::Dim, "never deployed"), human::state),
        health(row.healthy),
        row.last_deployment.as_ref().map_or_else(none, |id| Cell::plain(id.as_str())),
        Cell::new(Tint::Dim, if known { "" } else { &address }),
    ]
}

fn health(healthy: Option<bool>) -> Cell {
    match healthy {
        Some(true) => Cell::new(Tint::Ok, "healthy"),
        Some(false) => Cell::new(Tint::Error, "unhealthy"),
        None => Cell::new(Tint::Changed, "not checked"),
    }
}

fn none() -> Cell {
    Cell::new(Tint::Dim, "none")
}

fn summary(environment: &EnvironmentName, rows: &[StatusRow]) -> String {
    let number = |health| rows.iter().filter(|row| row.healthy == health).count();
    let (good, bad, unknown) = (number(Some(true)), number(Some(false)), number(None));
    let total = count(rows.len(), "target");
    format!("{environment}: {total}, {good} healthy, {bad} unhealthy, {unknown} not checked.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::samples::{assert_same_in_colour, deployment, release, short, staging};

    fn rows() -> Vec<StatusRow> {
        let live = StatusRow {
            id: TargetId::new("local:./state"),
            address: Address::parse("local:./state").expect("an address"),
            release: Some(release("two")),
            version: Some(short("two")),
            state: Some(TargetState::Unchanged),
            healthy: Some(true),
            last_deployment: Some(deployment("deploy_staging_1")),
        };
        let sick = StatusRow { id: TargetId::new("web2"), healthy: Some(false), ..live.clone() };
        let new = StatusRow {
            id: TargetId::new("web3"),
            release: None,
            version: None,
            state: None,
            healthy: None,
            last_deployment: None,
            ..live.clone()
        };
        vec![live, sick, new]
    }

    #[test]
    fn unknown_is_never_healthy() {
        let two = short("two");
        let expected = format!(
            "\
TARGET         RELEASE       STATE           HEALTH       LAST DEPLOYMENT
local:./state  {two}  unchanged       healthy      deploy_staging_1
web2           {two}  unchanged       unhealthy    deploy_staging_1  local:./state
web3           nothing       never deployed  not checked  none              local:./state

staging: 3 targets, 1 healthy, 1 unhealthy, 1 not checked.
"
        );
        assert_eq!(render_status(&staging(), &rows(), Style::PLAIN), expected);
    }

    #[test]
    fn an_environment_without_targets_says_so() {
        assert_eq!(render_status(&staging(), &[], Style::PLAIN), "staging has no targets.\n");
    }

    #[test]
    fn json_names_are_the_contract() {
        let json = serde_json::to_value(&rows()[2]).expect("serializes");
        let expected = serde_json::json!({
            "id": "web3", "address": "local:./state", "release": null, "version": null,
            "state": null, "healthy": null, "last_deployment": null,
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        assert_same_in_colour(|style| render_status(&staging(), &rows(), style));
    }
}
