//! Many hosts, some of which are in trouble: the others are none the worse for it.

use std::fmt::Write as _;

use windlass_testing::{SshdOptions, generate_key};

use super::fixture::Fleet;

/// How many hosts there are, `WINDLASS_TEST_HOSTS` of them where that is set.
fn count() -> usize {
    let wanted = std::env::var("WINDLASS_TEST_HOSTS").ok();
    wanted.and_then(|count| count.parse().ok()).unwrap_or(40)
}

fn fleet(count: usize) -> Fleet {
    let fleet = Fleet::over_with(SshdOptions::new(), 0, "connect_timeout = \"10s\"");
    let mut inventory = String::new();
    for n in 1..=count {
        let (root, high, low) = (fleet.root(n), n / 200, n % 200 + 1);
        let root = root.display();
        writeln!(inventory, "h{n} ansible_host=127.2.{high}.{low} windlass_root={root}")
            .expect("a string takes all");
    }
    fleet.project.edit("windlass.toml", "targets = []", "inventory = \"hosts.ini\"");
    fleet.project.write("hosts.ini", inventory);
    fleet
}

#[test]
fn those_that_can_be_reached_are_told_and_those_that_cannot_are_named() {
    let count = count();
    let fleet = fleet(count);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("bound").port();
    fleet.project.edit("hosts.ini", "h2 ", "h2 ansible_port=1 ");
    let (hangs, known) = (format!("h3 ansible_port={port} "), fleet.server().known_hosts());
    fleet.project.edit(
        "hosts.ini",
        "h3 ansible_host=127.2.0.4 ",
        &format!("{hangs}ansible_host=127.0.0.1 "),
    );
    let other = fleet.project.at("other");
    generate_key(&other, "ed25519");
    let other = std::fs::read_to_string(other.with_extension("pub")).expect("a key");
    let changed = format!("[127.2.0.5]:{} {other}", fleet.server().port());
    let known = known.replace("[127.*]", "![127.2.0.5]:PORT,[127.*]");
    let known = known.replace("PORT", &fleet.server().port().to_string());
    fleet.server().write_known_hosts(&format!("{changed}{known}"));
    let checked = fleet.run(&["targets", "check", "prod", "--output", "json"]).code(3).json();
    let targets = checked["targets"].as_array().expect("targets");
    let bad: Vec<_> = targets.iter().filter(|target| target["reached"] == false).collect();
    let reason = |n: usize| bad[n]["problems"][0].as_str().expect("a reason").to_owned();
    assert_eq!((targets.len(), bad.len()), (count, 3), "{bad:#?}");
    assert!(reason(0).contains("refuses connections"), "{}", reason(0));
    assert!(reason(1).contains("no answer within"), "{}", reason(1));
    assert!(reason(2).contains("somebody is in between"), "{}", reason(2));
    let left_out = ["deploy", "prod", "--target", "!h[2:4]"];
    fleet.run(&left_out).success();
    assert_eq!(fleet.text(1, "motd").as_deref(), Some("hello\n"));
    assert_eq!(fleet.text(count, "motd").as_deref(), Some("hello\n"));
    assert_eq!(fleet.text(3, "motd"), None);
}
