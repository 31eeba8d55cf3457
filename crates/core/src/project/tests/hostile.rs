//! Files that somebody wrote to do harm, or that nobody wrote.

use proptest::prelude::*;

use super::{FILE, HEAD, editor, only_error, refused, told};
use crate::project::{LARGEST_FILE, Project};

/// Each place where a path of the project belongs.
const SOURCES: [&str; 7] = [
    "[config.app]\nlayers = [PATH]",
    "[config.app]\nlayers = [{ path = PATH }]",
    "[config.app]\nlayers = [\"a\"]\nschema = PATH",
    "[services.web]\nartifact = PATH",
    "[services.web]\nartifact = { source = PATH }",
    "[services.web]\nfiles = [{ source = PATH, path = \"x\" }]",
    "[services.web]\nfiles = [{ directory = PATH }]",
];

/// Each place where a path on the target belongs.
const DESTINATIONS: [&str; 2] = [
    "[services.web]\nfiles = [{ source = \"a\", path = PATH }]",
    "[services.web]\nartifact = { source = \"a\", path = PATH }",
];

fn error_with(place: &str, value: &str) -> String {
    only_error(&place.replace("PATH", value))
}

#[test]
fn paths_that_leave_are_refused_everywhere() {
    for place in SOURCES.iter().chain(&DESTINATIONS) {
        for path in
            ["\"../../etc/x\"", "\"a/../../x\"", "\"/etc/passwd\"", "\"a\\u0000b\"", "\"a\\nb\""]
        {
            error_with(place, path);
        }
    }
    for path in ["../x", "/etc/../x", "/etc/./x", "a\\u0000", "a\\n"] {
        let text = HEAD.replace("/etc/shop", path);
        assert_eq!(refused(&text).len(), 1, "{path}");
    }
}

#[test]
fn urls_are_refused_and_not_quoted() {
    for place in SOURCES {
        let error = error_with(place, "\"https://user:hunter2@example.com/x\"");
        let refused = error.contains("is a URL") || error.contains("a user name or a password");
        assert!(refused && !error.contains("hunter2"), "{error}");
    }
    let text = HEAD.replace("local:./state/staging", "ssh://user:hunter2@example.com/");
    assert!(!told(&refused(&text)).join("").contains("hunter2"));
    let probe = "[services.web]\nhealth = [{ http = \"http://user:hunter2@example.com/\" }]";
    assert!(!only_error(probe).contains("hunter2"));
}

#[test]
fn durations_that_are_none_are_refused_at_load() {
    for field in ["timeout", "interval"] {
        for duration in [
            "0",
            "-1",
            "1e30",
            "10",
            "\"0\"",
            "\"0s\"",
            "\"-1s\"",
            "\"1e30\"",
            "\"1e30s\"",
            "\"\"",
            "\"1ns\"",
            "\"366d\"",
        ] {
            let error = only_error(&format!(
                "[services.web]\nhealth = [{{ tcp = 80, {field} = {duration} }}]"
            ));
            assert!(error.starts_with(&format!("`{field}` in `health`")), "{error}");
        }
    }
    for count in ["0", "-1", "1e30", "1001", "99999999999999999999"] {
        let error =
            only_error(&format!("[services.web]\nhealth = [{{ tcp = 80, failures = {count} }}]"));
        assert!(error.starts_with("`failures` in `health`"), "{error}");
    }
}

#[test]
fn a_number_without_a_unit_is_told_what_to_write() {
    let error = only_error("[services.web]\nhealth = [{ tcp = 80, timeout = 5 }]");
    assert!(error.ends_with("with a unit, such as `\"10s\"`)"), "{error}");
    let error = only_error("[services.web]\nhealth = [{ tcp = 80, timeout = \"5\" }]");
    assert!(error.ends_with("has no unit (write `5s` for seconds)"), "{error}");
}

#[test]
fn nesting_is_bounded_before_it_is_read() {
    let dotted = format!("{{{} = ", vec!["a"; 79].join("."));
    let product = format!("x = {}1{}", dotted.repeat(79), "}".repeat(79));
    let brackets = format!("x = {}", "[".repeat(100_000));
    let key = format!("{} = 1", vec!["a"; 100_000].join("."));
    let header = format!("[{}]", vec!["a"; 100_000].join("."));
    for text in [product, brackets, key, header] {
        let errors = told(&refused(&text));
        assert_eq!(errors.len(), 1);
        assert!(errors[0].contains("deep in each other"), "{errors:?}");
    }
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let errors = told(&refused(&"#".repeat(LARGEST_FILE + 1)));
    assert_eq!(errors, ["windlass.toml: 4194305 bytes where 4194304 are the most"]);
    let text = format!("{HEAD}#");
    let padding = "x".repeat(LARGEST_FILE - text.len());
    assert!(Project::parse(FILE, &format!("{text}{padding}")).is_ok());
}

#[test]
fn many_errors_on_one_line_are_told_in_part() {
    let text = format!("{HEAD}[config.app]\nlayers = [{}]", "\"é/../x\", ".repeat(100_000));
    let errors = refused(&text);
    assert_eq!(errors.len(), 201);
    assert_eq!(errors[200].message, "99800 more errors");
    let twice = format!("{HEAD}{}", "protect = true\n".repeat(20_000));
    assert_eq!(refused(&twice).len(), 201);
}

#[test]
fn long_words_are_not_quoted_in_full() {
    let word = "x".repeat(1_000_000);
    for more in
        [format!("{word} = 1"), format!("strategy = \"{word}\""), format!("[services.{word}]")]
    {
        assert!(only_error(&more).len() < 1_000);
    }
}

const WORDS: [&str; 40] = [
    "[project]",
    "[project.variables]",
    "[config.app]",
    "[services.web]",
    "[[services.web.files]]",
    "[environments.a]",
    "name",
    "layers",
    "files",
    "source",
    "path",
    "health",
    "tcp",
    "timeout",
    "targets",
    "strategy",
    "rolling",
    "variables",
    "config_path",
    "artifact",
    " = ",
    " = ",
    " = ",
    "\"a\"",
    "\"../x\"",
    "\"local:x\"",
    "\"5s\"",
    "'é'",
    "0",
    "-1",
    "1e30",
    "true",
    "{",
    "}",
    "[",
    "]",
    ", ",
    ".",
    "\n",
    "\"\"\"",
];

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*") {
        drop(Project::parse(FILE, &text));
    }

    #[test]
    fn no_sequence_of_words_panics(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..40)) {
        for text in [words.concat(), format!("{HEAD}{}", words.concat())] {
            editor::agrees(&text, Project::parse(FILE, &text).as_ref().err());
        }
    }

    #[test]
    fn no_damage_panics(at in 0..2_000_usize, word in prop::sample::select(&WORDS[..])) {
        let mut text = super::whole::SHOP.to_owned();
        let at = at % text.len();
        prop_assume!(text.is_char_boundary(at));
        text.insert_str(at, word);
        editor::agrees(&text, Project::parse(FILE, &text).as_ref().err());
        text.truncate(at);
        editor::agrees(&text, Project::parse(FILE, &text).as_ref().err());
    }
}
