//! Text that looks like a secret in plain text.
//!
//! [`exposures`] finds keys and tokens by their form, passwords by what they are assigned to, and long random
//! texts by how random they are. It errs on the side of silence: what is probably a placeholder, a
//! digest or a public key is none. A line with `windlass:allow-secret` in it, and the one after it, are
//! left alone.

mod assignment;
mod entropy;
mod forms;

use crate::diagnostic::Position;

/// What says that a line, or the one after it, is as it should be.
pub const ALLOW: &str = "windlass:allow-secret";

/// Lines of more bytes than this are looked at up to here: minified programs are no configuration.
const LONGEST_LINE: usize = 16 << 10;

/// A place where a secret seems to be. What is there is not repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// What it looks like, such as `a private key`.
    pub what: &'static str,
    /// Where it starts.
    pub position: Position,
    /// How many characters it has on that line.
    pub width: usize,
}

/// Returns every place of `text` that looks like a secret, one a line at most, in order.
#[must_use]
pub fn exposures(text: &str) -> Vec<Exposure> {
    let mut found = Vec::new();
    let mut armored = false;
    let mut allowed = false;
    for (at, line) in text.lines().enumerate() {
        let line = cut(line);
        let allows = line.contains(ALLOW);
        let skip = armored || allowed || allows;
        armored = stays_armored(armored, line);
        allowed = allows;
        if skip && !forms::starts_private_key(line) || allows {
            continue;
        }
        found.extend(of_line(line).map(|hit| hit.at(at, line)));
    }
    found
}

/// A part of a line.
struct Hit {
    what: &'static str,
    start: usize,
    end: usize,
}

impl Hit {
    fn at(&self, line: usize, text: &str) -> Exposure {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let column = text[..self.start].chars().count() + 1;
        Exposure {
            what: self.what,
            position: Position { line: number(line + 1), column: number(column) },
            width: text[self.start..self.end].chars().count().max(1),
        }
    }
}

fn of_line(line: &str) -> Option<Hit> {
    forms::find(line).or_else(|| assignment::find(line)).or_else(|| entropy::find(line))
}

/// Returns whether the next line is inside of an armored block, such as a certificate.
fn stays_armored(armored: bool, line: &str) -> bool {
    match (line.rfind("-----BEGIN "), line.rfind("-----END ")) {
        (Some(begin), Some(end)) => begin > end,
        (Some(_), None) => true,
        (None, Some(_)) => false,
        (None, None) => armored,
    }
}

fn cut(line: &str) -> &str {
    let mut end = line.len().min(LONGEST_LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

/// Returns whether `value` stands for a value that is elsewhere, or for none.
fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    let starts = [
        "$", "{{", "{%", "<", "%(", "ENC[", "!vault", "@@", "***", "...", "/", "./", "~/", "file:",
    ];
    let words = [
        "change",
        "example",
        "placeholder",
        "dummy",
        "your",
        "xxx",
        "todo",
        "redacted",
        "secret",
        "password",
        "insert",
        "replace",
        "sample",
        "foo",
        "none",
        "null",
        "required",
        "optional",
        "string",
        "windlass",
    ];
    let lower = value.to_ascii_lowercase();
    starts.iter().any(|start| value.starts_with(start))
        || value.contains("${")
        || value.contains("{{")
        || words.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests;
