//! The search for planted secrets finds them where the last filter is turned off, so it would find them
//! anywhere.

use windlass::secrets::Redaction;
use windlass::{Input, Options};
use windlass_testing::{Canaries, Search};

use crate::place::Place;

const PROJECT: &str = r#"
[project]
name = "shop"

[services.web]
files = [{ source = "all.conf", path = "all.conf" }]
check = "tail -n 50 $STAGED/all.conf"
on_change = "tail -n 9 $CONFIG_PATH/all.conf; tail -n 6 $CONFIG_PATH/all.conf | base64 -w0; echo; tail -n 6 $CONFIG_PATH/all.conf | od -An -v -tx1 | tr -d ' \\n'; false"

[environments.staging]
type = "staging"
config_path = "/etc"
secrets = "secrets/staging.yaml"
targets = ["local:state"]
"#;

const PLANTED: usize = 1000;

struct Said {
    events: String,
    error: String,
    records: String,
    debug: String,
}

/// Deploys; the last command prints secrets and fails.
async fn failed(canaries: &Canaries, redaction: Redaction) -> Said {
    let place = Place::new(PROJECT, canaries);
    let engine = place.engine(Options { redaction, ..Options::default() });
    let error = engine.deploy("staging", &Input::Project, "me").await.expect_err("it fails");
    let records = engine.history(None).await.expect("listed");
    Said {
        events: place.said(),
        error: windlass::error::describe(&error),
        records: serde_json::to_string(&records).expect("serializes"),
        debug: format!("{error:?} {engine:?}"),
    }
}

fn forms(search: &Search, text: &str) -> Vec<&'static str> {
    search.find(text.as_bytes()).iter().map(|found| found.form).collect()
}

#[tokio::test]
async fn they_are_found_with_the_filter_off_and_not_with_it() {
    let canaries = Canaries::new(1, PLANTED);
    let search = canaries.search(&[]);
    let said = failed(&canaries, Redaction::default()).await;
    for (what, text) in [
        ("events", &said.events),
        ("error", &said.error),
        ("records", &said.records),
        ("debug", &said.debug),
    ] {
        search.assert_none(what, text);
    }
    assert!(said.error.contains("[secret C0"), "{}", said.error);
    let said = failed(&canaries, Redaction::off_for_a_test()).await;
    for (what, text) in
        [("events", &said.events), ("error", &said.error), ("records", &said.records)]
    {
        assert!(!forms(&search, text).is_empty(), "{what}: {text}");
    }
}
