//! The sources that a project can name: Prometheus, a URL, a command.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_agent::run;
use windlass_core::command::{self, Command};
use windlass_core::prometheus::{self, Series};

use super::{Group, MetricSource, MetricSpec, ReadMetric, Reading, SourceError, Window, fetch};

impl ReadMetric for MetricSpec {
    fn read(&self, group: &Group, window: &Window) -> Result<Reading, SourceError> {
        let variables = group.variables(window);
        let expand = |text: &String| command::expand(text, &variables);
        match &self.source {
            MetricSource::PrometheusValues { url, query, step_s } => {
                let asked = range_url(&expand(url), &expand(query), window, *step_s);
                Ok(Reading::of_series(&series(&asked, self.timeout)?)?)
            }
            MetricSource::PrometheusCounts { url, bad, total } => {
                let ask = |query| {
                    let asked = instant_url(&expand(url), &expand(query), window);
                    series(&asked, self.timeout)
                };
                Ok(Reading::of_sums(&ask(bad)?, &ask(total)?)?)
            }
            MetricSource::Http(url) => {
                Ok(Reading::parse(&fetch::get(&expand(url), self.timeout, false)?)?)
            }
            MetricSource::Command(command) => run_command(command, &variables, self.timeout),
        }
    }
}

fn range_url(server: &str, query: &str, window: &Window, step_s: u32) -> String {
    let (start, end) = (window.start.as_second().to_string(), window.end.as_second().to_string());
    let step = step_s.max(1).to_string();
    let parameters = [("query", query), ("start", &start), ("end", &end), ("step", &step)];
    prometheus::query_url(server, "query_range", &parameters)
}

fn instant_url(server: &str, query: &str, window: &Window) -> String {
    let end = window.end.as_second().to_string();
    prometheus::query_url(server, "query", &[("query", query), ("time", &end)])
}

fn series(url: &str, timeout: Duration) -> Result<Vec<Series>, SourceError> {
    Ok(prometheus::parse(&fetch::get(url, timeout, true)?)?)
}

fn run_command(
    command: &Command,
    variables: &BTreeMap<String, String>,
    timeout: Duration,
) -> Result<Reading, SourceError> {
    let context = run::Context { directory: None, variables, timeout, interrupt: None };
    let finished = run::run(command, &context)?;
    let last = finished.output.lines().rev().find(|line| !line.trim().is_empty());
    if !finished.exit.is_success() {
        let said = last.map(|line| format!(": {}", line.trim())).unwrap_or_default();
        return Err(SourceError::Command { exit: finished.exit, said });
    }
    Ok(Reading::parse(last.unwrap_or_default().as_bytes())?)
}
