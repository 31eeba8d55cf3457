//! Rehearsing a deployment: nothing is read but the project, and no target is touched.

use windlass_core::diagnostic::Diagnostic;
use windlass_core::environment::Environment;
use windlass_core::rehearsal::{Fault, Timeline, rehearse};
use windlass_core::rollout::Setup;
use windlass_core::select::Selection;
use windlass_core::strategy::Member;
use windlass_core::target::TargetId;

use crate::engine::Engine;
use crate::error::Error;
use crate::targets::choose;

/// The most hosts that can be made up.
pub const MOST_HOSTS: u32 = 100_000;

/// What is rehearsed.
#[derive(Debug, Clone, Default)]
pub struct Rehearsal {
    /// So many made-up hosts in place of the targets, with the variables of these by turns.
    pub hosts: Option<u32>,
    /// What goes wrong, and what people do.
    pub faults: Vec<Fault>,
    /// What the durations are drawn from.
    pub seed: u64,
}

impl Engine {
    /// Returns what a deployment to some targets of an environment would come to, with its strategy and
    /// its budget, if all of them moved. No target is asked for anything.
    ///
    /// # Errors
    /// As [`environment`](Self::environment); when what is chosen means nothing; [`Error::Invalid`] with
    /// each fault of a host or stage that there is not, and with more hosts than [`MOST_HOSTS`].
    pub async fn rehearse(
        &self,
        environment: &str,
        chosen: &Selection,
        rehearsal: &Rehearsal,
    ) -> Result<Timeline, Error> {
        let environment = self.environment(environment).await?;
        let targets: Vec<_> = choose(&environment, chosen)?.iter().map(Member::from).collect();
        let members = match rehearsal.hosts {
            Some(hosts) if hosts > MOST_HOSTS => return Err(too_many(hosts)),
            Some(hosts) => made_up(&targets, hosts as usize),
            None => targets,
        };
        let setup = setup(&environment, members);
        let timeline = rehearse(setup, &rehearsal.faults, rehearsal.seed);
        timeline.map_err(|errors| {
            let problem = |error: &windlass_core::rehearsal::RehearsalError| {
                Diagnostic::error(crate::error::describe(error))
            };
            Error::Invalid(errors.iter().map(problem).collect())
        })
    }
}

fn setup(environment: &Environment, members: Vec<Member>) -> Setup {
    let strategy = environment.strategy.strategy();
    Setup { budget: environment.budget.clone(), ..Setup::of(strategy, members) }
}

fn too_many(hosts: u32) -> Error {
    let message = format!("{hosts} hosts where {MOST_HOSTS} are the most");
    Error::invalid(Diagnostic::error(message).hint("rehearse with fewer"))
}

/// Returns `count` hosts, which are what `targets` are, by turns.
fn made_up(targets: &[Member], count: usize) -> Vec<Member> {
    let labels = targets.iter().map(|target| target.labels.clone()).cycle();
    let labels = labels.chain(std::iter::repeat_with(Default::default));
    let host =
        |(nth, labels)| Member { labels, ..Member::new(TargetId::new(format!("host-{nth}"))) };
    (1..=count).zip(labels).map(host).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_hosts_are_what_the_targets_are_by_turns() {
        let target = |zone: &str| Member::new(TargetId::new(zone)).labelled("zone", zone);
        let hosts = made_up(&[target("eu"), target("us")], 3);
        let told: Vec<_> = hosts.iter().map(|h| (h.id.as_str(), h.domain("zone"))).collect();
        assert_eq!(told, [("host-1", "eu"), ("host-2", "us"), ("host-3", "eu")]);
        assert_eq!(made_up(&[], 2).len(), 2);
    }
}
