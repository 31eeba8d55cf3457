//! Keys and tokens that have a form of their own.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::{Hit, is_placeholder};

/// What each looks like, by the documentation of whoever issues it.
const FORMS: [(&str, &str); 19] = [
    ("a private key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|\s*$)"),
    ("an age key", r"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{20,}"),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{36,}"),
    ("a GitHub token", r"\bgithub_pat_[A-Za-z0-9_]{40,}"),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("a Slack token", r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
    (
        "a Slack webhook",
        r"hooks\.slack\.com/services/T[A-Za-z0-9_]+/B[A-Za-z0-9_]+/[A-Za-z0-9_]{16,}",
    ),
    ("a Stripe key", r"\b[rs]k_live_[0-9A-Za-z]{16,}"),
    ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}"),
    ("a PyPI token", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    ("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{32,}"),
    ("a Vault token", r"\bhv[sb]\.[A-Za-z0-9_-]{24,}"),
    ("a DigitalOcean token", r"\bdo[opr]_v1_[0-9a-f]{64}"),
    ("an API key", r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}"),
    ("a JSON Web Token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16,}"),
    ("an Azure storage key", r"AccountKey=[A-Za-z0-9+/]{60,}={0,2}"),
    ("a password in a URL", r#"\b[a-z][a-z0-9+.-]*://[^\s:/@"'$<{]*:(?P<value>[^\s/@"'<]{3,})@"#),
];

static SET: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new(FORMS.map(|(_, pattern)| pattern)).expect("they are regular expressions")
});

static EACH: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let each = FORMS.iter().map(|(_, pattern)| Regex::new(pattern));
    each.map(|regex| regex.expect("it is a regular expression")).collect()
});

/// Returns whether `line` starts a private key, wherever that stands.
pub(super) fn starts_private_key(line: &str) -> bool {
    line.contains("PRIVATE KEY") && EACH[0].is_match(line)
}

pub(super) fn find(line: &str) -> Option<Hit> {
    SET.matches(line).iter().find_map(|at| of(at, line))
}

fn of(at: usize, line: &str) -> Option<Hit> {
    let captures = EACH[at].captures(line)?;
    let found = captures.name("value").or_else(|| captures.get(0))?;
    let in_url = captures.name("value").is_some();
    if in_url && is_placeholder(found.as_str()) {
        return None;
    }
    Some(Hit { what: FORMS[at].0, start: found.start(), end: found.end() })
}
