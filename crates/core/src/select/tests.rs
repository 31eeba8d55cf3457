use proptest::prelude::*;

use super::*;

fn targets(named: &[(&str, &[&str])]) -> Vec<Target> {
    let target = |(id, groups): &(&str, &[&str])| Target {
        id: TargetId::new(*id),
        groups: groups.iter().map(|name| GroupName::new(name).expect("a name")).collect(),
        ..Target::parse("local:x").expect("an address")
    };
    named.iter().map(target).collect()
}

fn fleet() -> Vec<Target> {
    targets(&[
        ("web1", &["web", "eu"]),
        ("web2", &["web", "us"]),
        ("web3", &["web", "us"]),
        ("db1", &["db", "eu"]),
        ("ssh://u@[::1]:22/", &[]),
        ("local:a,b", &[]),
    ])
}

fn strings(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn choose(targets: &[&str], groups: &[&str]) -> Result<Vec<String>, Vec<String>> {
    let selection = Selection::new(strings(targets), strings(groups));
    let chosen = selection.choose(&fleet());
    chosen.map(|ids| ids.iter().map(ToString::to_string).collect()).map_err(|problems| {
        let told = |problem: Diagnostic| match problem.hint {
            Some(hint) => format!("{} ({hint})", problem.message),
            None => problem.message,
        };
        problems.into_iter().map(told).collect()
    })
}

#[test]
fn nothing_chosen_is_everything() {
    assert!(Selection::default().is_all());
    assert_eq!(choose(&[], &[]).expect("all").len(), 6);
}

#[test]
fn targets_are_chosen_in_their_own_order() {
    for (patterns, expected) in [
        (vec!["web1"], vec!["web1"]),
        (vec!["web*"], vec!["web1", "web2", "web3"]),
        (vec!["web3,web1"], vec!["web1", "web3"]),
        (vec!["web3", "web1"], vec!["web1", "web3"]),
        (vec!["web[1:2]"], vec!["web1", "web2"]),
        (vec!["[a:z]*[1:1]"], vec![]),
        (vec!["web[13]"], vec!["web1", "web3"]),
        (vec!["web[!1]"], vec!["web2", "web3"]),
        (vec!["web*,!web2"], vec!["web1", "web3"]),
        (vec!["web*", "!web[2:3]"], vec!["web1"]),
        (vec!["!web*", "!ssh*", "!local*"], vec!["db1"]),
        (vec!["?b1,web[1:1]"], vec!["web1", "db1"]),
        (vec!["ssh://u@[::1]:22/"], vec!["ssh://u@[::1]:22/"]),
        (vec!["!ssh://u@[::1]:22/", "ssh*", "db1"], vec!["db1"]),
        (vec!["local:a,b"], vec!["local:a,b"]),
        (vec![" web1 , , db1 "], vec!["web1", "db1"]),
    ] {
        if expected.is_empty() {
            assert!(choose(&patterns, &[]).is_err(), "{patterns:?}");
        } else {
            assert_eq!(choose(&patterns, &[]).expect("some"), expected, "{patterns:?}");
        }
    }
}

#[test]
fn groups_are_joined_and_patterns_choose_within_them() {
    assert_eq!(choose(&[], &["eu"]).expect("some"), ["web1", "db1"]);
    assert_eq!(choose(&[], &["eu", "us"]).expect("some"), ["web1", "web2", "web3", "db1"]);
    assert_eq!(choose(&[], &["eu,us"]).expect("some").len(), 4);
    assert_eq!(choose(&[], &["all"]).expect("all").len(), 6);
    assert_eq!(choose(&["web*"], &["eu"]).expect("some"), ["web1"]);
    assert_eq!(choose(&["!web*"], &["eu"]).expect("some"), ["db1"]);
}

#[test]
fn what_means_nothing_is_told_with_what_was_meant() {
    for (patterns, groups, expected) in [
        (vec!["wbe1"], vec![], vec!["no target matches `wbe1` (did you mean `web1`?)"]),
        (vec!["!wbe1"], vec![], vec!["no target matches `wbe1` (did you mean `web1`?)"]),
        (vec!["web1,!web1"], vec![], vec!["no target is left to be chosen"]),
        (
            vec!["db"],
            vec![],
            vec!["no target matches `db` (to mean the group, write `--group db`)"],
        ),
        (
            vec!["db1"],
            vec!["us"],
            vec!["no target matches `db1` (there is one, in none of the chosen groups)"],
        ),
        (
            vec!["web[2:5]"],
            vec![],
            vec!["`web[2:5]` names targets that are not there (missing: web4, web5)"],
        ),
        (
            vec!["web[3:1]"],
            vec![],
            vec!["pattern `web[3:1]` has a range that ends before it begins"],
        ),
        (
            vec!["web[1"],
            vec![],
            vec!["pattern `web[1` has a bracket that is not closed, or with nothing in it"],
        ),
        (
            vec!["w[1:999999999]"],
            vec![],
            vec!["pattern `w[1:999999999]` stands for more than 100000 names"],
        ),
        (
            vec![],
            vec!["ue", "asia"],
            vec![
                "no group is called `asia` (known are db, eu, us, web)",
                "no group is called `ue` (did you mean `eu`?)",
            ],
        ),
        (
            vec!["zzz", "a\u{1b}b"],
            vec![],
            vec![
                "no target matches `zzz` (known are web1, web2, web3, db1, ssh://u@[::1]:22/, local:a,b)",
                "no target matches `a\\u{1b}b` (known are web1, web2, web3, db1, ssh://u@[::1]:22/, local:a,b)",
            ],
        ),
    ] {
        assert_eq!(choose(&patterns, &groups).expect_err("nothing"), expected);
    }
}

#[test]
fn a_range_of_patterns_is_bounded() {
    let many: Vec<Target> = (0..1_000)
        .map(|n| {
            Target::at(
                TargetId::new(format!("web{n}")),
                Target::parse("local:x").expect("valid").address,
            )
        })
        .collect();
    let selection = Selection::new(strings(&["*[1:100000]*"]), Vec::new());
    let problems = selection.choose(&many).expect_err("too many");
    assert!(problems[0].message.contains("means too much"), "{problems:?}");
    let selection = Selection::new(strings(&["web[1:9]?"]), Vec::new());
    assert_eq!(selection.choose(&many).expect("some").len(), 90);
}

proptest! {
    #[test]
    fn nothing_panics_and_what_is_chosen_is_there(
        patterns in prop::collection::vec(r"[!*?\[\]:,1-3webd-]{0,12}", 0..3),
        groups in prop::collection::vec("eu|us|web|x", 0..2),
    ) {
        let fleet = fleet();
        match Selection::new(patterns, groups).choose(&fleet) {
            Ok(chosen) => {
                prop_assert!(!chosen.is_empty());
                prop_assert!(chosen.iter().all(|id| fleet.iter().any(|target| target.id == *id)));
            }
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }
}
