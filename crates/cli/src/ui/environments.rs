//! Environments: all of them in a table, or one in full.

use windlass_core::environment::{Environment, EnvironmentType};
use windlass_core::strategy::StrategySpec;

use super::escape;
use super::human;
use super::style::{Style, Tint};
use super::table::{Cell, Table};

/// Returns one line for each environment, in the order given.
pub(crate) fn render_environments(environments: &[Environment], style: Style) -> String {
    if environments.is_empty() {
        return "No environments yet.\n".to_owned();
    }
    let headings = ["ENVIRONMENT", "TYPE", "CONFIG PATH", "TARGETS", "STRATEGY", "PROTECTED"];
    let mut table = Table::headed(headings);
    for environment in environments {
        table.row(cells(environment));
    }
    table.render("", style)
}

/// Returns everything about one environment. Its secrets are named by their file only.
pub(crate) fn render_environment(environment: &Environment, style: Style) -> String {
    let variables = environment
        .variables
        .iter()
        .map(|(key, value)| [Cell::plain(key), Cell::plain(value)])
        .collect();
    let targets = environment
        .targets
        .iter()
        .map(|target| {
            let (id, address) = (target.id.as_str(), target.address.to_string());
            [Cell::plain(id), Cell::plain(if id == address { "" } else { &address })]
        })
        .collect();
    [
        facts(environment, style),
        section("Variables", variables, style),
        section("Targets", targets, style),
    ]
    .concat()
}

fn cells(environment: &Environment) -> [Cell; 6] {
    let protected = if environment.protect { "yes" } else { "no" };
    [
        Cell::plain(environment.name.as_str()),
        kind(environment.environment_type),
        Cell::plain(&environment.config_path),
        Cell::plain(environment.targets.len().to_string()),
        Cell::plain(strategy(&environment.strategy)),
        Cell::plain(protected),
    ]
}

fn kind(kind: EnvironmentType) -> Cell {
    let is_production = kind == EnvironmentType::Production;
    Cell::new(if is_production { Tint::Warning } else { Tint::Plain }, kind.as_str())
}

fn strategy(spec: &StrategySpec) -> String {
    let strategy = spec.strategy();
    match spec {
        StrategySpec::Canary(canary) => {
            let stages: Vec<_> = canary.stages.iter().map(ToString::to_string).collect();
            format!("canary: {}", stages.join(", "))
        }
        _ => format!("{}, {} at a time", strategy.name(), strategy.pace().parallel),
    }
}

fn facts(environment: &Environment, style: Style) -> String {
    let mut table = Table::new();
    table.entry("type", kind(environment.environment_type));
    table.entry("config path", Cell::plain(&environment.config_path));
    table.entry("strategy", Cell::plain(strategy(&environment.strategy)));
    if !environment.budget.is_default() {
        table.entry("budget", Cell::plain(environment.budget.to_string()));
    }
    table.entry("services", services(environment));
    let protected = if environment.protect { "yes: needs --yes or a saved plan" } else { "no" };
    table.entry("protected", Cell::plain(protected));
    if let Some(file) = &environment.secrets {
        table.entry("secrets", Cell::plain(file));
    }
    if let Some(at) = environment.created_at {
        table.entry("created", Cell::plain(human::time(at)));
    }
    let name = style.bold(&escape::line(environment.name.as_str()));
    format!("{name}\n{}", table.render("  ", style))
}

fn services(environment: &Environment) -> Cell {
    match environment.services.as_deref() {
        None => Cell::plain("all of the project"),
        Some([]) => Cell::plain("none"),
        Some(services) => Cell::plain(human::list(services, usize::MAX)),
    }
}

fn section(title: &str, rows: Vec<[Cell; 2]>, style: Style) -> String {
    let mut table = Table::new();
    if rows.is_empty() {
        table.row([Cell::new(Tint::Dim, "none")]);
    }
    for row in rows {
        table.row(row);
    }
    format!("\n{}\n{}", style.bold(title), table.render("  ", style))
}

#[cfg(test)]
mod tests {
    use windlass_core::budget::Budget;
    use windlass_core::name::{EnvironmentName, ServiceName};
    use windlass_core::target::Target;

    use super::*;
    use crate::ui::samples::{assert_same_in_colour, staging, when};

    fn environment() -> Environment {
        Environment {
            name: staging(),
            environment_type: EnvironmentType::Staging,
            config_path: "/etc/shop".to_owned(),
            variables: [("DB_HOST".to_owned(), "db\u{1b}[1m".to_owned())].into(),
            secrets: Some("secrets/staging.yaml".to_owned()),
            targets: vec![Target::parse("local:./state").expect("an address")],
            services: Some(vec![ServiceName::new("web").expect("a name")]),
            strategy: StrategySpec::default(),
            budget: Budget::default(),
            protect: false,
            confirm_ms: None,
            created_at: Some(when()),
        }
    }

    fn production() -> Environment {
        Environment {
            name: EnvironmentName::new("production").expect("a name"),
            environment_type: EnvironmentType::Production,
            protect: true,
            variables: std::collections::BTreeMap::new(),
            services: None,
            ..environment()
        }
    }

    #[test]
    fn environments_are_aligned() {
        let expected = "\
ENVIRONMENT  TYPE        CONFIG PATH  TARGETS  STRATEGY                PROTECTED
staging      staging     /etc/shop    1        rolling, 25% at a time  no
production   production  /etc/shop    1        rolling, 25% at a time  yes
";
        assert_eq!(render_environments(&[environment(), production()], Style::PLAIN), expected);
        assert_eq!(render_environments(&[], Style::PLAIN), "No environments yet.\n");
    }

    #[test]
    fn one_environment_is_shown_in_full() {
        let expected = "\
staging
  type         staging
  config path  /etc/shop
  strategy     rolling, 25% at a time
  services     web
  protected    no
  secrets      secrets/staging.yaml
  created      2023-11-14 22:13:20 UTC

Variables
  DB_HOST  db\\u{1b}[1m

Targets
  local:./state
";
        assert_eq!(render_environment(&environment(), Style::PLAIN), expected);
        let shown = render_environment(&production(), Style::PLAIN);
        assert!(shown.contains("\n  services     all of the project\n"), "{shown}");
        assert!(shown.contains("\nVariables\n  none\n\nTargets\n"), "{shown}");
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        assert_same_in_colour(|style| render_environments(&[production()], style));
        assert_same_in_colour(|style| render_environment(&environment(), style));
    }
}
