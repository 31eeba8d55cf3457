//! What the executor does of what an environment asks for. A strategy that it does not carry out is
//! refused before anything is planned, never taken for another one.

use windlass_core::diagnostic::Diagnostic;
use windlass_core::environment::Environment;
use windlass_core::strategy::StrategySpec;

use crate::error::Error;
use crate::project::PROJECT_FILE;

/// Refuses to deploy to an environment that asks for what the executor does not do.
///
/// # Errors
/// [`Error::Invalid`] with each thing that it does not do.
pub(crate) fn refuse_what_is_not(environment: &Environment) -> Result<(), Error> {
    let name = &environment.name;
    let problems: Vec<_> = beyond(environment)
        .into_iter()
        .map(|what| {
            let message = format!("{what} of environment {name} is not carried out yet");
            let hint = "write `strategy = \"rolling\"`, with `parallel`, `order` and `by` only, and no \
                        `budget`";
            Diagnostic::error(message).in_file(PROJECT_FILE).hint(hint)
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
}

/// Returns what the environment asks for and the executor does not do, as messages name it.
fn beyond(environment: &Environment) -> Vec<String> {
    let mut beyond = match &environment.strategy {
        StrategySpec::Rolling(rolling) => {
            let bake = rolling.bake_ms.map(|_| "bake");
            let said = rolling.waits.said().into_iter().chain(bake);
            said.map(|field| format!("`{field}` in `strategy`")).collect()
        }
        StrategySpec::Canary(_) => vec!["strategy `canary`".to_owned()],
        StrategySpec::BlueGreen(_) => vec!["strategy `blue_green`".to_owned()],
    };
    if !environment.budget.is_default() {
        beyond.push("`budget`".to_owned());
    }
    beyond
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use windlass_core::budget::{Allowance, Budget};
    use windlass_core::environment::EnvironmentType;
    use windlass_core::name::EnvironmentName;
    use windlass_core::strategy::{RollingDeployment, Waits, create_strategy};

    use super::*;

    fn environment(strategy: StrategySpec) -> Environment {
        Environment {
            name: EnvironmentName::new("staging").expect("a name"),
            environment_type: EnvironmentType::Staging,
            config_path: "/etc/shop".to_owned(),
            variables: BTreeMap::new(),
            secrets: None,
            targets: Vec::new(),
            services: None,
            strategy,
            confirm_ms: None,
            budget: Budget::default(),
            protect: false,
            created_at: None,
        }
    }

    fn refused(strategy: StrategySpec) -> Vec<String> {
        match refuse_what_is_not(&environment(strategy)) {
            Err(Error::Invalid(problems)) => problems.into_iter().map(|p| p.message).collect(),
            Err(other) => panic!("{other}"),
            Ok(()) => Vec::new(),
        }
    }

    #[test]
    fn other_strategies_are_never_taken_for_rolling() {
        assert!(refused(StrategySpec::default()).is_empty());
        for name in ["canary", "blue_green"] {
            let told = refused(create_strategy(name).expect("known"));
            assert_eq!(
                told,
                [format!("strategy `{name}` of environment staging is not carried out yet")]
            );
        }
    }

    #[test]
    fn budgets_are_never_left_out() {
        let mut environment = environment(StrategySpec::default());
        environment.budget.fleet = Allowance::Count(1);
        assert_eq!(beyond(&environment), ["`budget`"]);
    }

    #[test]
    fn waits_are_never_left_out() {
        let waits =
            Waits { min_healthy_ms: Some(1), auto_rollback: Some(true), ..Waits::default() };
        let rolling = RollingDeployment { bake_ms: Some(1), waits, ..RollingDeployment::default() };
        assert_eq!(refused(StrategySpec::Rolling(rolling)).len(), 3);
    }
}
