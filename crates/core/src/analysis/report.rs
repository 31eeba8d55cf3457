//! What was decided, and why: for the record, and as a table.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::sparkline;

/// What becomes of a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It is as good as what runs beside it.
    Promote,
    /// It is worse.
    RollBack,
    /// Nobody knows yet: go on looking, or ask a person. Never a pass.
    Continue,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Promote => "promote",
            Self::RollBack => "roll back",
            Self::Continue => "inconclusive",
        })
    }
}

/// What one metric says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The canary is not worse by more than the tolerance.
    Pass,
    /// The canary is worse.
    Fail,
    /// The data does not tell.
    Inconclusive,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
        })
    }
}

/// A number and how far it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The number that fits best.
    pub value: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end of its interval.
    pub high: f64,
}

/// What was measured of canary or baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupReport {
    /// The share of bad events, or the median.
    pub value: f64,
    /// How many events or samples there are.
    pub n: u64,
    /// Samples in the order of time, thinned to 60 at most; none of counts.
    pub samples: Vec<f64>,
}

/// What one metric says, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricReport {
    /// Its name.
    pub name: String,
    /// How much it counts.
    pub weight: u32,
    /// Of the canary; nothing where the data is missing.
    pub canary: Option<GroupReport>,
    /// Of the baseline; nothing where the data is missing.
    pub baseline: Option<GroupReport>,
    /// How far the canary is from the baseline: a difference of shares, or Cliff's delta.
    pub effect: Option<Estimate>,
    /// The chance of a difference like this where there is none, by this metric alone.
    pub p: Option<f64>,
    /// The same, corrected for the number of metrics.
    pub p_adjusted: Option<f64>,
    /// What it says.
    pub verdict: Verdict,
    /// Why: a lowercase fragment.
    pub reason: String,
}

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnalysisReport {
    /// What becomes of the canary.
    pub decision: Decision,
    /// Why: a lowercase fragment.
    pub reason: String,
    /// The share of weight that passed, in percent, rounded down.
    pub score: u32,
    /// Which look it was, from 1.
    pub look: u32,
    /// Of how many planned.
    pub looks: u32,
    /// What a corrected p-value was compared with.
    pub alpha: f64,
    /// What each metric says, in the order in which they were given.
    pub metrics: Vec<MetricReport>,
}

impl fmt::Display for AnalysisReport {
    /// Writes a table with a line for each metric, and what was decided below it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![HEADINGS.map(str::to_owned)];
        rows.extend(self.metrics.iter().map(MetricReport::cells));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<usize> = (0..HEADINGS.len()).map(|at| width(at).unwrap_or(0)).collect();
        for row in &rows {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            writeln!(f, "{}", line.trim_end())?;
        }
        let (look, looks) = (self.look, self.looks);
        write!(f, "{} (look {look} of {looks}): {}", self.decision, self.reason)
    }
}

const HEADINGS: [&str; 8] =
    ["METRIC", "VERDICT", "CANARY", "BASELINE", "EFFECT", "P", "SAMPLES", "REASON"];

impl MetricReport {
    fn cells(&self) -> [String; 8] {
        let effect = self.effect.map(|effect| {
            let Estimate { value, low, high } = effect;
            format!("{} [{}, {}]", short(value), short(low), short(high))
        });
        let p =
            self.p_adjusted.or(self.p).map(|p| if p < 1e-4 { "<0.0001".into() } else { short(p) });
        let n = |group: &Option<GroupReport>| {
            group.as_ref().map_or_else(|| "-".to_owned(), |group| group.n.to_string())
        };
        [
            one_line(&self.name),
            self.verdict.to_string(),
            shown(self.canary.as_ref()),
            shown(self.baseline.as_ref()),
            effect.unwrap_or_else(|| "-".to_owned()),
            p.unwrap_or_else(|| "-".to_owned()),
            format!("{}/{}", n(&self.canary), n(&self.baseline)),
            one_line(&self.reason),
        ]
    }
}

/// Returns the value of a group and what it did over time.
fn shown(group: Option<&GroupReport>) -> String {
    match group {
        Some(group) if group.samples.is_empty() => short(group.value),
        Some(group) => format!("{} {}", short(group.value), sparkline(&group.samples, 12)),
        None => "-".to_owned(),
    }
}

/// Returns `value` with four digits that count.
fn short(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if (1e-4..1e6).contains(&size) {
        let digits = if size >= 1000.0 {
            0
        } else if size >= 1.0 {
            2
        } else {
            4
        };
        format!("{value:.digits$}")
    } else {
        format!("{value:.2e}")
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
