//! Inventories that were made to do harm, or by chance.

use proptest::prelude::*;

use super::*;

fn refused(format: Format, text: &str) -> String {
    let errors = parse(text, format, "hosts").expect_err("refused");
    told(&errors).join("\n")
}

#[test]
fn hosts_are_bounded() {
    let text = "a[1:60000]\nb[1:60000]\n";
    assert!(refused(Format::AnsibleIni, text).contains("more than 100000 hosts"));
    let inventory = ini("a[1:100000]\n[g]\na[1:100000]\n");
    assert_eq!(inventory.hosts().len(), MAX_HOSTS);
}

#[test]
fn memberships_are_bounded() {
    let text: String = (0..11).map(|n| format!("[g{n}]\na[1:100000]\n")).collect();
    assert!(refused(Format::AnsibleIni, &text).contains("more than 1000000 times"));
}

#[test]
fn groups_are_bounded_and_may_be_deep() {
    let text: String = (0..=MAX_GROUPS).map(|n| format!("[g{n}]\n")).collect();
    assert!(refused(Format::AnsibleIni, &text).contains("more than 10000 groups"));
    let chain: String = (0..5_000).map(|n| format!("[g{n}:children]\ng{}\n", n + 1)).collect();
    let inventory = ini(&format!("{chain}[g5000]\nh\n"));
    assert_eq!(inventory.groups_of("h").map(|groups| groups.len()), Some(5_001));
}

#[test]
fn hosts_in_deep_groups_are_bounded() {
    let chain: String = (0..5_000).map(|n| format!("[g{n}:children]\ng{}\n", n + 1)).collect();
    let hosts: String = (0..1_000).map(|n| format!("[s{n}]\nh{n}\n[s{n}:children]\n")).collect();
    let bottom: String = (0..1_000).map(|n| format!("h{n}\n")).collect();
    let text = format!("{chain}[g5000]\n{bottom}{hosts}");
    assert!(refused(Format::AnsibleIni, &text).contains("groups of groups more than"));
}

#[test]
fn what_variables_add_up_to_is_bounded() {
    let line: String = (0..200).map(|n| format!(" v{n}=x")).collect();
    let inventory = ini(&format!("h[1:100000]{line}\n"));
    let errors = told(&inventory.targets().expect_err("too many"));
    assert!(errors[0].contains("hosts see more than 4000000 variables"), "{errors:?}");
    let inventory = ini(&format!("h[1:10000] v={}\n", "x".repeat(100_000)));
    let errors = told(&inventory.targets().expect_err("too large"));
    assert!(errors[0].contains("variables of all hosts"), "{errors:?}");
}

#[test]
fn texts_are_bounded() {
    let text = "#".repeat(crate::config::MAX_TEXT + 1);
    for format in [Format::AnsibleIni, Format::AnsibleYaml, Format::Json] {
        assert!(refused(format, &text).contains("bytes"));
    }
}

#[test]
fn errors_are_bounded() {
    let errors = parse(&"h x\n".repeat(10_000), Format::AnsibleIni, "hosts").expect_err("errors");
    assert_eq!(errors.len(), 201);
    let line = format!("h {}", "ü ".repeat(50_000));
    assert_eq!(parse(&line, Format::AnsibleIni, "hosts").expect_err("errors").len(), 201);
}

fn any_format() -> impl Strategy<Value = Format> {
    prop::sample::select(vec![Format::AnsibleIni, Format::AnsibleYaml, Format::Json])
}

/// A text, with some of its bytes replaced, taken out or doubled.
fn mutated(text: &'static str) -> impl Strategy<Value = String> {
    let change = (any::<prop::sample::Index>(), 0..3_u8, any::<char>());
    prop::collection::vec(change, 1..8).prop_map(move |changes| {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, kind, with) in changes {
            let at = at.index(chars.len());
            match kind {
                0 => chars[at] = with,
                1 => drop(chars.remove(at)),
                _ => chars.insert(at, chars[at]),
            }
        }
        chars.into_iter().collect()
    })
}

/// Reads a text to the end, whatever comes of it.
fn exercise(text: &str, format: Format) {
    let Ok(inventory) = parse(text, format, "hosts") else { return };
    whole(&inventory);
    if let Ok(Targets { targets, .. }) = inventory.targets() {
        for target in targets {
            let address = target.address.to_string();
            assert_eq!(crate::target::Address::parse(&address), Ok(target.address), "{address}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_panics(format in any_format(), text in any::<String>()) {
        exercise(&text, format);
    }

    #[test]
    fn no_text_of_its_letters_panics(text in r"[\[\]:=#;'\\ \nawv1:,{}-]{0,60}") {
        exercise(&text, Format::AnsibleIni);
    }

    #[test]
    fn no_change_of_an_inventory_panics(
        ini in mutated(INI), yaml in mutated(YAML), json in mutated(JSON),
    ) {
        exercise(&ini, Format::AnsibleIni);
        exercise(&yaml, Format::AnsibleYaml);
        exercise(&json, Format::Json);
    }
}
