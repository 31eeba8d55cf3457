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
            let hint = "write `strategy = \"rolling\"` or `\"canary\"`, without what is named here";
            Diagnostic::error(message).in_file(PROJECT_FILE).hint(hint)
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
}

/// Returns what the environment asks for and the executor does not do, as messages name it.
fn beyond(environment: &Environment) -> Vec<String> {
    let field = |name: &str| format!("`{name}` in `strategy`");
    match &environment.strategy {
        StrategySpec::Rolling(_) => Vec::new(),
        StrategySpec::Canary(canary) => {
            canary.analysis.as_ref().map(|_| field("analysis")).into_iter().collect()
        }
        StrategySpec::BlueGreen(_) => vec!["strategy `blue_green`".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use windlass_core::budget::Budget;
    use windlass_core::environment::EnvironmentType;
    use windlass_core::name::EnvironmentName;
    use windlass_core::strategy::{CanaryDeployment, RollingDeployment, Waits, create_strategy};

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
    fn what_is_carried_out_is_not_refused() {
        assert!(refused(StrategySpec::default()).is_empty());
        assert!(refused(create_strategy("canary").expect("known")).is_empty());
        let waits =
            Waits { min_healthy_ms: Some(1), auto_rollback: Some(false), ..Waits::default() };
        let rolling = RollingDeployment { bake_ms: Some(1), waits, ..RollingDeployment::default() };
        assert!(refused(StrategySpec::Rolling(rolling)).is_empty());
    }

    #[test]
    fn other_strategies_are_never_taken_for_rolling() {
        let told = refused(create_strategy("blue_green").expect("known"));
        let expected = "strategy `blue_green` of environment staging is not carried out yet";
        assert_eq!(told, [expected]);
    }

    #[test]
    fn an_analysis_is_never_left_out() {
        let analysis = Some("errors".to_owned());
        let canary = CanaryDeployment { analysis, ..CanaryDeployment::default() };
        let told = refused(StrategySpec::Canary(canary));
        assert_eq!(
            told,
            ["`analysis` in `strategy` of environment staging is not carried out yet"]
        );
    }
}
