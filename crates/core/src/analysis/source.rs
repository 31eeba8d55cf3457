//! Where the numbers of a metric come from, as values.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Metric;
use crate::command::Command;

/// A metric and where its numbers come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricSpec {
    /// The metric.
    pub metric: Metric,
    /// Where its numbers come from.
    pub source: MetricSource,
    /// How long one question may take.
    pub timeout: Duration,
}

/// Where numbers come from. `${NAME}` in texts is replaced by what [`Group::variables`] gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricSource {
    /// Values over time, from Prometheus (`/api/v1/query_range`).
    PrometheusValues {
        /// The server, without `/api`.
        url: String,
        /// A query of which every sample is a value.
        query: String,
        /// The time between two samples, in seconds: not less than the window of rates in the query.
        step_s: u32,
    },
    /// Counts, from Prometheus (`/api/v1/query`) at the end of the window; results are added up.
    PrometheusCounts {
        /// The server, without `/api`.
        url: String,
        /// A query for how many bad events there were.
        bad: String,
        /// A query for how many events there were.
        total: String,
    },
    /// A URL that answers to `GET` with JSON: `{"values": [1.5, …]}`, or `{"bad": 3, "total": 600}`.
    Http(String),
    /// A command that prints the same JSON on its last line; it sees the variables in its environment.
    Command(Command),
}

/// One target of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its identity.
    pub id: String,
    /// Its host name or IP address.
    pub address: String,
}

/// Canary or baseline: the targets whose numbers are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// `canary` or `baseline`.
    pub name: String,
    /// Its targets.
    pub members: Vec<Member>,
}

/// The time that is looked at: the same one for canary and baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its start.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
}

impl Window {
    /// Returns how long it is, in whole seconds, one at least.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        (self.end.as_second() - self.start.as_second()).max(1)
    }
}

impl Group {
    /// Returns what is replaced in queries:
    ///
    /// | name | is |
    /// |---|---|
    /// | `GROUP` | `canary` or `baseline` |
    /// | `TARGETS`, `TARGET_IDS` | addresses and ids as a regular expression: `10[.]0[.]0[.]7\|web2` |
    /// | `START`, `END` | the window, in seconds since 1970 |
    /// | `WINDOW` | its length as Prometheus writes it: `300s` |
    #[must_use]
    pub fn variables(&self, window: &Window) -> BTreeMap<String, String> {
        let pattern = |of: fn(&Member) -> &str| {
            self.members.iter().map(|member| literal(of(member))).collect::<Vec<_>>().join("|")
        };
        let variables = [
            ("GROUP", self.name.clone()),
            ("TARGETS", pattern(|member| &member.address)),
            ("TARGET_IDS", pattern(|member| &member.id)),
            ("START", window.start.as_second().to_string()),
            ("END", window.end.as_second().to_string()),
            ("WINDOW", format!("{}s", window.seconds())),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

/// Returns a regular expression for `text` that may stand between any quotes: nothing is escaped by a
/// backslash, and what cannot be put into brackets is any character.
fn literal(text: &str) -> String {
    let one = |c: char| match c {
        c if c.is_alphanumeric() || "_-:/@%,= ".contains(c) => c.to_string(),
        '"' | '\'' | '`' | '\\' | '^' | ']' | '[' => ".".to_owned(),
        c if c.is_control() => ".".to_owned(),
        c => format!("[{c}]"),
    };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_regular_expressions() {
        let member = |id: &str, address: &str| Member { id: id.into(), address: address.into() };
        let members = vec![member("ssh://a\"b", "10.0.0.7"), member("web2", "web2.internal")];
        let group = Group { name: "canary".to_owned(), members };
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let end: Timestamp = "2026-01-01T00:05:00Z".parse().expect("a time");
        let variables = group.variables(&Window { start, end });
        assert_eq!(variables["TARGETS"], "10[.]0[.]0[.]7|web2[.]internal");
        assert_eq!(variables["TARGET_IDS"], "ssh://a.b|web2");
        assert_eq!((variables["WINDOW"].as_str(), variables["GROUP"].as_str()), ("300s", "canary"));
        let pattern = regex::Regex::new(&variables["TARGETS"]).expect("a pattern");
        assert!(pattern.is_match("10.0.0.7") && !pattern.is_match("10x0.0.7"));
        assert_eq!(Window { start, end: start }.seconds(), 1);
    }
}
