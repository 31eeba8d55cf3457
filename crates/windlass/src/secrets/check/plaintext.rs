//! Secrets in plain text.

use std::path::Path;

use windlass_core::exposure::{ALLOW, exposures};

use super::{Checks, FindingKind, SecretFinding};

/// How many bytes tell whether a file is binary: git's rule.
const HEAD: usize = 8_000;

/// Names of files full of digests.
const LOCKS: [&str; 2] = [".lock", "go.sum"];
const LOCK_FILES: [&str; 3] = ["package-lock.json", "pnpm-lock.yaml", "npm-shrinkwrap.json"];

/// Returns the places of a file that look like secrets.
pub(super) fn search(checks: &Checks<'_>, path: &Path, bytes: &[u8]) -> Vec<SecretFinding> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let lock = LOCKS.iter().any(|end| name.ends_with(end)) || LOCK_FILES.contains(&&*name);
    if lock || bytes[..bytes.len().min(HEAD)].contains(&0) {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(bytes);
    let found = exposures(&text).into_iter().map(|exposure| {
        let message = format!("looks like {} in plain text", exposure.what);
        let hint = format!(
            "move it to a secrets file with `windlass secrets set`, or write `{ALLOW}` on that line"
        );
        let finding = checks.finding(path, FindingKind::PlainText, message).hint(hint);
        SecretFinding {
            line: Some(exposure.position.line),
            column: Some(exposure.position.column),
            ..finding
        }
    });
    found.collect()
}
