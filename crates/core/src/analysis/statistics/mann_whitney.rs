//! The Mann-Whitney U test and Cliff's delta: is a value of one group larger than one of the other?

use super::Tail;
use super::fisher::as_f64;
use super::normal::upper_tail;

/// Up to so many values in all the distribution of U is counted out, ties included.
const EXACT: usize = 40;

/// Two groups, compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison {
    /// How often a value of the first is larger than one of the second; ties count half.
    pub(crate) u: f64,
    /// Cliff's delta, from -1 (all of the first are smaller) to 1 (Cliff 1993).
    pub(crate) delta: f64,
    /// The deviation that delta is estimated to have.
    pub(crate) deviation: f64,
    first: usize,
    second: usize,
    /// The ranks of the first, of all values, doubled so that those of ties are whole.
    rank_sum: u64,
    /// All ranks, doubled.
    ranks: Vec<u64>,
}

/// Returns how `first` compares with `second`; both hold finite numbers, and one at least.
pub(crate) fn compare(first: &[f64], second: &[f64]) -> Comparison {
    let all: Vec<f64> = first.iter().chain(second).copied().collect();
    let ranks = doubled_ranks(&all);
    let (own_first, own_second) = (doubled_ranks(first), doubled_ranks(second));
    let (in_first, in_second) = ranks.split_at(first.len());
    let rank_sum: u64 = in_first.iter().sum();
    let (n, m) = (count(first.len()), count(second.len()));
    let u = as_f64(rank_sum) / 2.0 - n * (n + 1.0) / 2.0;
    let delta = 2.0 * u / (n * m) - 1.0;
    let spread =
        placements(in_first, &own_first, m) / n + placements(in_second, &own_second, n) / m;
    // Where the groups do not overlap the estimate is 0; Cliff's bound stands in for it.
    let least = (1.0 - delta * delta) / (n * m - 1.0).max(1.0);
    let deviation = (4.0 * spread).max(least).sqrt();
    Comparison { u, delta, deviation, first: first.len(), second: second.len(), rank_sum, ranks }
}

/// Returns the variance of the share of the others that each value exceeds (DeLong, DeLong and
/// Clarke-Pearson 1988): its rank among all, less that among its own.
fn placements(among_all: &[u64], among_own: &[u64], others: f64) -> f64 {
    let placement = |(all, own): (&u64, &u64)| (as_f64(*all) - as_f64(*own)) / 2.0 / others;
    let placed: Vec<f64> = among_all.iter().zip(among_own).map(placement).collect();
    let mean = placed.iter().sum::<f64>() / count(placed.len());
    let squares: f64 = placed.iter().map(|place| (place - mean).powi(2)).sum();
    squares / (count(placed.len()) - 1.0).max(1.0)
}

/// Returns twice the rank of each value, from 2 on; ties share the middle of their ranks.
fn doubled_ranks(values: &[f64]) -> Vec<u64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    let mut start = 0;
    for run in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let doubled = (2 * start + run.len() + 1) as u64;
        run.iter().for_each(|&at| ranks[at] = doubled);
        start += run.len();
    }
    ranks
}

impl Comparison {
    /// Returns the p-value: exact for few values, otherwise by the normal approximation with the
    /// correction for ties and for continuity (Lehmann 1975).
    pub(crate) fn p_value(&self, tail: Tail) -> f64 {
        if self.first + self.second <= EXACT {
            let ways = self.ways();
            return tail.p_value(|tail| self.exact(&ways, tail));
        }
        tail.p_value(|tail| self.approximate(tail))
    }

    /// Returns in how many ways as many of the ranks as the first has add up to each sum.
    fn ways(&self) -> Vec<f64> {
        let most: u64 = self.ranks.iter().sum();
        let width = usize::try_from(most).map_or(usize::MAX, |most| most + 1);
        let mut ways = vec![vec![0.0; width]; self.first + 1];
        ways[0][0] = 1.0;
        let mut reach = 0;
        for (seen, &rank) in self.ranks.iter().enumerate() {
            let rank = usize::try_from(rank).unwrap_or(usize::MAX);
            reach += rank;
            for chosen in (1..=self.first.min(seen + 1)).rev() {
                let (below, from) = ways.split_at_mut(chosen);
                let added = from[0][rank..=reach].iter_mut().zip(&below[chosen - 1]);
                added.for_each(|(ways, fewer)| *ways += fewer);
            }
        }
        ways.pop().unwrap_or_default()
    }

    fn exact(&self, ways: &[f64], tail: Tail) -> f64 {
        let at = usize::try_from(self.rank_sum).unwrap_or(usize::MAX);
        let total: f64 = ways.iter().sum();
        let extreme: f64 = match tail {
            Tail::Less => ways.iter().take(at + 1).sum(),
            Tail::Greater | Tail::Both => ways.iter().skip(at).sum(),
        };
        extreme / total
    }

    fn approximate(&self, tail: Tail) -> f64 {
        let (n, m) = (count(self.first), count(self.second));
        let all = n + m;
        let variance = n * m / 12.0 * ((all + 1.0) - self.ties() / (all * (all - 1.0)));
        let above = match tail {
            Tail::Less => n * m / 2.0 - self.u,
            Tail::Greater | Tail::Both => self.u - n * m / 2.0,
        };
        // All values are the same: nothing is less likely than this.
        if variance <= 0.0 { 1.0 } else { upper_tail((above - 0.5) / variance.sqrt()) }
    }

    /// Returns the sum of t³ - t over all groups of t equal values.
    fn ties(&self) -> f64 {
        let mut ranks = self.ranks.clone();
        ranks.sort_unstable();
        let cubes = ranks.chunk_by(|a, b| a == b).map(|run| count(run.len()));
        cubes.map(|t| t * t * t - t).sum()
    }
}

fn count(length: usize) -> f64 {
    as_f64(length as u64)
}
