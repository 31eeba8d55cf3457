//! Plans, as a person reads them before saying yes.

mod changes;
mod rollout;
mod value;

use std::collections::BTreeSet;

use windlass_core::plan::{Intent, Plan};
use windlass_core::release::ReleaseId;

pub(crate) use changes::render_changes;

use super::escape;
use super::human::{self, count};
use super::style::Style;
use super::table::{Cell, Table};

/// Returns everything that `plan` would do, the summary last.
pub(crate) fn render_plan(plan: &Plan, style: Style) -> String {
    let mut sections = vec![header(plan, style)];
    if !plan.is_unchanged() {
        sections.push(render_changes(&plan.changes, &plan.diffs, style));
        sections.push(rollout::targets(plan, style));
        sections.push(rollout::stages(plan, style));
        sections.push(rollout::drift(plan, style));
    }
    sections.push(warnings(plan, style));
    sections.push(format!("{}\n", style.bold(&summary(plan))));
    sections.retain(|section| !section.is_empty());
    sections.join("\n")
}

/// Returns one line that says how much `plan` would change.
pub(crate) fn summary(plan: &Plan) -> String {
    if plan.is_unchanged() {
        return nothing_to_do(plan);
    }
    let moving = plan.targets.iter().filter(|target| !target.is_unchanged()).count();
    let changes = human::changes(&plan.changes);
    let drifted = plan.targets.iter().filter(|target| !target.drift.is_empty()).count();
    let drift = match drifted {
        0 => String::new(),
        _ => format!(" Drift on {} will be overwritten.", count(drifted, "target")),
    };
    format!("Plan: {changes} on {}.{drift}", count(moving, "target"))
}

fn nothing_to_do(plan: &Plan) -> String {
    let environment = &plan.environment;
    let held: BTreeSet<Option<ReleaseId>> = plan.targets.iter().map(|target| target.to).collect();
    let mut held = held.into_iter();
    match (held.next(), held.next()) {
        (None, _) => format!("No changes: {environment} has no targets."),
        (Some(Some(release)), None) => {
            format!("No changes: {environment} already holds release {}.", release.short())
        }
        (Some(None), None) => format!("No changes: nothing is deployed to {environment}."),
        _ => format!("No changes: each target of {environment} already holds its release."),
    }
}

fn header(plan: &Plan, style: Style) -> String {
    let mut table = Table::new();
    table.entry("release", Cell::plain(releases(plan)));
    table.entry("into", Cell::plain(&plan.config_path));
    if !plan.config_files.is_empty() {
        table.entry("sources", Cell::plain(human::list(&plan.config_files, 3)));
    }
    let id = style.bold(&escape::line(&plan.plan_id));
    format!("Plan {id}: {}\n{}", intent(plan), table.render("  ", style))
}

fn intent(plan: &Plan) -> String {
    let environment = &plan.environment;
    match &plan.intent {
        Intent::Deploy => format!("deploy to {environment}"),
        Intent::Undo { deployment } => format!("undo {deployment} in {environment}"),
        Intent::Return { deployment } => {
            format!("return {environment} to what {deployment} deployed")
        }
    }
}

fn releases(plan: &Plan) -> String {
    let from = common(plan.targets.iter().map(|target| target.from));
    let to = match plan.release {
        Some(release) => release.short(),
        None => common(plan.targets.iter().map(|target| target.to)),
    };
    human::moved(&from, &to)
}

fn common(releases: impl Iterator<Item = Option<ReleaseId>>) -> String {
    let different: BTreeSet<Option<ReleaseId>> = releases.collect();
    match different.len() {
        0 | 1 => human::release(different.into_iter().next().flatten()),
        _ => "several releases".to_owned(),
    }
}

fn warnings(plan: &Plan, style: Style) -> String {
    let label = style.warning("warning");
    let say = |warning: &String| {
        let text = human::indented("         ", warning);
        format!("{label}: {}", text.trim_start())
    };
    plan.warnings.iter().map(say).collect()
}

#[cfg(test)]
mod tests {
    use windlass_core::plan::{Drift, DriftIssue};
    use windlass_core::strategy::Stage;
    use windlass_core::target::TargetId;

    use super::*;
    use crate::ui::samples::{self, assert_same_in_colour, deployment, short, target};

    fn shown(plan: &Plan) -> String {
        render_plan(plan, Style::PLAIN)
    }

    #[test]
    fn a_plan_says_what_where_and_in_which_order() {
        let (one, two) = (short("one"), short("two"));
        let expected = format!(
            "\
Plan 0123456789ab: deploy to staging
  release  several releases → {two}
  into     /etc/shop
  sources  config/app.yaml, templates/nginx.conf

Changes
  ~ app.yaml
      database.host: db.old → db.internal
      database.port: (not set) → 5432
      debug: true → (not set)
      @@ -1,2 +1,2 @@
       database:
      -  host: db.old
      +  host: db.internal
  + nginx.conf
  - old.conf

Targets
  local:./state  {one} → {two}
  web2           nothing → {two}       local:./state
  web3           {two}, unchanged      local:./state

Stages
  1. local:./state
  2. web2, web3

warning: `nginx.conf` has no check

Plan: 1 file added, 1 modified, 1 removed; 3 settings changed on 2 targets.
"
        );
        assert_eq!(shown(&samples::plan()), expected);
    }

    #[test]
    fn a_plan_without_changes_says_so_and_little_else() {
        let mut plan = samples::plan();
        plan.targets = vec![target("web1", Some("two"), Some("two"))];
        plan.warnings.clear();
        let two = short("two");
        let expected = format!(
            "\
Plan 0123456789ab: deploy to staging
  release  {two}
  into     /etc/shop
  sources  config/app.yaml, templates/nginx.conf

No changes: staging already holds release {two}.
"
        );
        assert_eq!(shown(&plan), expected);
    }

    #[test]
    fn nothing_to_do_is_never_mistaken_for_something() {
        let mut plan = samples::plan();
        plan.targets.clear();
        assert_eq!(summary(&plan), "No changes: staging has no targets.");
        plan.targets.push(target("web1", None, None));
        assert_eq!(summary(&plan), "No changes: nothing is deployed to staging.");
        plan.targets.push(target("web2", Some("one"), Some("one")));
        assert_eq!(summary(&plan), "No changes: each target of staging already holds its release.");
    }

    #[test]
    fn drift_is_named_and_counted() {
        let mut plan = samples::plan();
        plan.changes = windlass_core::change::ChangeSet::default();
        plan.targets = vec![target("web1", Some("two"), Some("two"))];
        plan.targets[0].drift = vec![Drift {
            path: "app.yaml\u{1b}[1m".to_owned(),
            issue: DriftIssue::Mode,
            expected: "0644".to_owned(),
            actual: "0666".to_owned(),
        }];
        let shown = shown(&plan);
        let drift = "
Drift: changed on the target since its last deployment; it will be overwritten
  web1  app.yaml\\u{1b}[1m  mode  expected 0644, found 0666
";
        assert!(shown.contains(drift), "{shown}");
        assert!(!shown.contains("Changes\n"), "{shown}");
        let end = "Plan: 0 files added, 0 modified, 0 removed; 0 settings changed on 1 target. \
                   Drift on 1 target will be overwritten.\n";
        assert!(shown.ends_with(end), "{shown}");
    }

    #[test]
    fn many_targets_and_stages_are_collapsed_and_counted() {
        let mut plan = samples::plan();
        let ids: Vec<String> = (0..30).map(|n| format!("web{n:02}")).collect();
        plan.targets = ids.iter().map(|id| target(id, Some("one"), Some("two"))).collect();
        plan.stages = (0..12).map(|_| Stage::new(vec![TargetId::new("x")])).collect();
        plan.stages[1].targets = ids.iter().map(TargetId::new).collect();
        let shown = shown(&plan);
        let targets = format!(
            "  30 targets  {} → {}  web00, web01, web02 and 27 more\n",
            short("one"),
            short("two")
        );
        assert!(shown.contains(&targets), "{shown}");
        assert!(shown.contains("   1. x\n   2. web00, web01, "), "{shown}");
        assert!(shown.contains("web09 and 20 more\n"), "{shown}");
        assert!(shown.contains("  10. x\n  … and 2 more stages with 2 targets\n"), "{shown}");
    }

    #[test]
    fn a_rollback_says_what_it_undoes() {
        let mut plan = samples::plan();
        let id = deployment("deploy_staging_1");
        plan.intent = Intent::Undo { deployment: id.clone() };
        assert!(shown(&plan).starts_with("Plan 0123456789ab: undo deploy_staging_1 in staging\n"));
        plan.intent = Intent::Return { deployment: id };
        plan.release = None;
        plan.targets = vec![target("web1", Some("one"), None)];
        let expected = format!(
            "Plan 0123456789ab: return staging to what deploy_staging_1 deployed\n  release  {} → nothing\n",
            short("one")
        );
        assert!(shown(&plan).starts_with(&expected));
    }

    #[test]
    fn warnings_of_several_lines_stay_together() {
        let mut plan = samples::plan();
        plan.warnings = vec!["one\ntwo\u{7}".to_owned()];
        assert!(shown(&plan).contains("\nwarning: one\n         two\\u{7}\n\n"));
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        assert_same_in_colour(|style| render_plan(&samples::plan(), style));
    }
}
