//! Events as lines of text.

use windlass_core::event::{CommandRole, Event, Stamped};
use windlass_core::record::TargetState;
use windlass_core::release::ReleaseId;
use windlass_core::target::TargetId;

use crate::ui::escape;
use crate::ui::human::{self, count};
use crate::ui::style::Style;

/// The most targets of a stage that are named.
const NAMED: usize = 10;

/// Returns the lines for an event, with its time of day in UTC; nothing for events that only say
/// how far a step is.
pub(crate) fn stamped(stamped: &Stamped, style: Style) -> Option<String> {
    let said = event(&stamped.event, style)?;
    let time = format!("[{}]", stamped.at.strftime("%H:%M:%S"));
    Some(format!("{} {said}", style.dim(&time)))
}

/// Returns the lines for an event, each ended; nothing for events that only say how far a step is.
pub(crate) fn event(event: &Event, style: Style) -> Option<String> {
    match event {
        Event::StagingProgress { .. } => None,
        Event::Rendering { environment, done, total } => {
            (done == total).then(|| rendered(environment.as_str(), *total))
        }
        Event::TargetChanged { target, state, error } => {
            let error = error.as_deref().filter(|_| is_bad(*state));
            let state = human::state(*state).paint(style);
            Some(failure(&format!("{}: {state}", name(target)), error))
        }
        Event::CommandFinished {
            target,
            service,
            role: CommandRole::Health,
            exit_code: None,
            output,
        } => Some(degraded(&format!("{}: {service}", name(target)), output, style)),
        Event::CommandFinished { target, service, role, exit_code, output } => {
            let who = format!("{}: {service}: {}", name(target), role_name(*role));
            Some(command(&who, *exit_code, output, style))
        }
        Event::StageStarted { stage, stages, targets } => {
            Some(format!("stage {stage} of {stages}: {}\n", human::list(targets, NAMED)))
        }
        Event::Warning { message, .. } => {
            let text = human::indented("         ", message);
            Some(format!("{}: {}", style.warning("warning"), text.trim_start()))
        }
        Event::Recovering { .. }
        | Event::DeploymentStarted { .. }
        | Event::DeploymentFinished { .. } => deployment(event, style),
    }
}

/// Tells whether a target comes into `state` by an error; it keeps the error afterwards, which need
/// not be said again.
const fn is_bad(state: TargetState) -> bool {
    matches!(
        state,
        TargetState::Failed
            | TargetState::Unhealthy
            | TargetState::Unreachable
            | TargetState::RollbackFailed
    )
}

/// Returns the line for the beginning and the end of a deployment.
fn deployment(event: &Event, style: Style) -> Option<String> {
    match event {
        Event::Recovering { deployment_id } => {
            let next = if deployment_id.is_rollback() {
                "it is finished"
            } else {
                "its targets are taken back"
            };
            Some(format!("{deployment_id} was interrupted: {next}\n"))
        }
        Event::DeploymentStarted { deployment_id, environment, release, targets } => {
            let targets = count(to_usize(*targets), "target");
            Some(format!("{deployment_id}: {} {targets} of {environment}\n", intent(*release)))
        }
        Event::DeploymentFinished { deployment_id, status, duration_ms } => {
            let status = human::status(*status).paint(style);
            let duration = human::duration(*duration_ms);
            Some(format!("{deployment_id}: {status} after {duration}\n"))
        }
        _ => None,
    }
}

fn rendered(environment: &str, total: u64) -> String {
    format!("{environment}: {} rendered\n", count(to_usize(total), "file"))
}

fn intent(release: Option<ReleaseId>) -> String {
    match release {
        Some(release) => format!("release {} to", release.short()),
        None => "back to nothing on".to_owned(),
    }
}

fn to_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn name(target: &TargetId) -> String {
    escape::line(target.as_str()).into_owned()
}

/// Returns what a health check said that is not critical.
fn degraded(who: &str, output: &str, style: Style) -> String {
    let text = human::indented("    ", output);
    format!("{who}: {}\n{text}", style.warning("a health check that is not critical failed"))
}

/// Returns what a command did, and where it failed the end of what it printed.
fn command(who: &str, exit_code: Option<i32>, output: &str, style: Style) -> String {
    let failed = match exit_code {
        Some(0) => return format!("{who} {}\n", style.ok("passed")),
        Some(code) => format!("failed with exit code {code}"),
        None => "was ended by a signal or its time limit".to_owned(),
    };
    format!("{who} {}\n{}", style.error(&failed), human::indented("    ", output))
}

const fn role_name(role: CommandRole) -> &'static str {
    match role {
        CommandRole::Check => "check",
        CommandRole::OnChange => "on_change",
        CommandRole::Health => "health command",
    }
}

/// Returns `what` with its error behind it, or below it where the error has several lines.
fn failure(what: &str, error: Option<&str>) -> String {
    match error.map(str::trim_end) {
        None | Some("") => format!("{what}\n"),
        Some(error) if error.contains('\n') => {
            format!("{what}\n{}", human::indented("    ", error))
        }
        Some(error) => format!("{what}: {}\n", escape::line(error)),
    }
}

#[cfg(test)]
mod tests {
    use windlass_core::name::ServiceName;
    use windlass_core::record::DeploymentStatus;

    use super::*;
    use crate::ui::samples::{self, assert_same_in_colour, release, short, staging, when};

    fn said(of: &Event) -> Option<String> {
        event(of, Style::PLAIN)
    }

    fn finished(exit_code: Option<i32>) -> Event {
        Event::CommandFinished {
            target: TargetId::new("web1"),
            service: ServiceName::new("web").expect("a name"),
            role: CommandRole::Check,
            exit_code,
            output: "nginx: [emerg]\nline 2\u{1b}[0m\n".to_owned(),
        }
    }

    fn changed(state: TargetState, error: Option<&str>) -> Event {
        let error = error.map(str::to_owned);
        Event::TargetChanged { target: TargetId::new("web1"), state, error }
    }

    #[test]
    fn each_line_has_the_time_of_its_event() {
        let stamp = Stamped { at: when(), event: changed(TargetState::RollingBack, None) };
        let line = stamped(&stamp, Style::PLAIN);
        assert_eq!(line.as_deref(), Some("[22:13:20] web1: rolling back\n"));
    }

    #[test]
    fn the_course_of_a_deployment_is_told() {
        let deployment_id = samples::deployment("deploy_staging_1");
        let events = [
            Event::Rendering { environment: staging(), done: 1, total: 2 },
            Event::Rendering { environment: staging(), done: 2, total: 2 },
            Event::Recovering { deployment_id: deployment_id.clone() },
            Event::Recovering { deployment_id: samples::deployment("rollback_deploy_staging_1_2") },
            Event::DeploymentStarted {
                deployment_id: deployment_id.clone(),
                environment: staging(),
                release: Some(release("two")),
                targets: 1,
            },
            Event::StageStarted { stage: 1, stages: 2, targets: vec![TargetId::new("web1")] },
            Event::StagingProgress { target: TargetId::new("web1"), done: 1, total: 2 },
            changed(TargetState::Healthy, None),
            Event::DeploymentFinished {
                deployment_id,
                status: DeploymentStatus::Success,
                duration_ms: 12_345,
            },
        ];
        let expected = format!(
            "\
staging: 2 files rendered
deploy_staging_1 was interrupted: its targets are taken back
rollback_deploy_staging_1_2 was interrupted: it is finished
deploy_staging_1: release {} to 1 target of staging
stage 1 of 2: web1
web1: healthy
deploy_staging_1: success after 12.3 s
",
            short("two")
        );
        assert_eq!(events.iter().filter_map(said).collect::<String>(), expected);
    }

    #[test]
    fn a_failure_says_why() {
        let one = changed(TargetState::Unhealthy, Some("tcp 8080: connection refused\u{7}\n"));
        let expected = "web1: unhealthy: tcp 8080: connection refused\\u{7}\n";
        assert_eq!(said(&one).as_deref(), Some(expected));
        let two = changed(TargetState::Failed, Some("check failed\nnginx: [emerg]"));
        let expected = "web1: failed\n    check failed\n    nginx: [emerg]\n";
        assert_eq!(said(&two).as_deref(), Some(expected));
    }

    #[test]
    fn a_reason_is_said_once() {
        let back = changed(TargetState::RolledBack, Some("tcp 8080: connection refused"));
        assert_eq!(said(&back).as_deref(), Some("web1: rolled back\n"));
    }

    #[test]
    fn commands_show_their_output_where_they_fail() {
        assert_eq!(said(&finished(Some(0))).as_deref(), Some("web1: web: check passed\n"));
        let output = "    nginx: [emerg]\n    line 2\\u{1b}[0m\n";
        let expected = format!("web1: web: check failed with exit code 3\n{output}");
        assert_eq!(said(&finished(Some(3))), Some(expected));
        let expected =
            format!("web1: web: check was ended by a signal or its time limit\n{output}");
        assert_eq!(said(&finished(None)), Some(expected));
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        let stamp = Stamped { at: when(), event: finished(Some(1)) };
        assert_same_in_colour(|style| stamped(&stamp, style).unwrap_or_default());
    }
}
