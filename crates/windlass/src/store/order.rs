//! The order of records.

use std::cmp::Ordering;

use windlass_core::record::{ConfigDeployment, DeploymentId};

/// Orders records newest first: by when they began; in the same moment by their ids, whose numbers
/// count as numbers (`…_10` is newer than `…_2`). Records with different ids are never equal.
#[must_use]
pub fn newest_first(a: &ConfigDeployment, b: &ConfigDeployment) -> Ordering {
    let older = a.deployed_at.cmp(&b.deployed_at);
    older.then_with(|| compare(&a.deployment_id, &b.deployment_id)).reverse()
}

fn compare(a: &DeploymentId, b: &DeploymentId) -> Ordering {
    let (a, b) = (a.as_str(), b.as_str());
    pieces(a).cmp(pieces(b)).then_with(|| a.cmp(b))
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece<'a> {
    /// Digits without leading zeros, compared by length and then digit by digit.
    Number(usize, &'a str),
    Text(&'a str),
}

/// Splits `id` where digits begin or end.
fn pieces(id: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = id;
    std::iter::from_fn(move || {
        let numeric = rest.chars().next()?.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != numeric).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after;
        if numeric {
            let digits = piece.trim_start_matches('0');
            Some(Piece::Number(digits.len(), digits))
        } else {
            Some(Piece::Text(piece))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::conformance::record;
    use super::*;

    fn sorted(ids: &[&str]) -> Vec<String> {
        let mut records: Vec<_> = ids.iter().map(|id| record(id, "staging", 7)).collect();
        records.sort_by(newest_first);
        records.iter().map(|record| record.deployment_id.to_string()).collect()
    }

    #[test]
    fn numbers_in_the_same_second_count_as_numbers() {
        let ids = ["deploy_a_7_10", "deploy_a_7", "deploy_a_7_9", "deploy_a_7_2"];
        let newest = ["deploy_a_7_10", "deploy_a_7_9", "deploy_a_7_2", "deploy_a_7"];
        assert_eq!(sorted(&ids), newest);
    }

    #[test]
    fn time_comes_before_ids() {
        let mut records = [record("deploy_a_7_9", "a", 7), record("deploy_a_8", "a", 8)];
        records.sort_by(newest_first);
        assert_eq!(records[0].deployment_id.as_str(), "deploy_a_8");
    }

    #[test]
    fn ids_that_differ_in_any_way_are_never_equal() {
        let (a, b) = (record("deploy_a_7", "a", 7), record("deploy_a_07", "a", 7));
        assert_ne!(newest_first(&a, &b), Ordering::Equal);
        assert_eq!(newest_first(&a, &b), newest_first(&b, &a).reverse());
    }
}
