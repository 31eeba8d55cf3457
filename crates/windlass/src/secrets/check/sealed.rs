//! Encrypted files: who can read them, and how old what they hold is.

use std::path::Path;

use windlass_sops::{Format, Recipient};

use super::{CheckedFile, Checks, FindingKind, SecretFinding};
use crate::error::describe;
use crate::secrets::error::SecretsError;
use crate::secrets::metadata::{self, AgeState, SecretInfo};
use crate::secrets::rules::CreationRulesFile;
use crate::secrets::state::{History, Stored};
use crate::secrets::{SecretName, names};

/// Returns what an encrypted file says, and what is wrong with it.
pub(super) fn check(
    checks: &Checks<'_>,
    path: &Path,
    rules: Option<&CreationRulesFile>,
) -> (Option<CheckedFile>, Vec<SecretFinding>) {
    let damaged = |error: &SecretsError| {
        let message = match error {
            SecretsError::Sops { source, .. } => describe(source),
            other => describe(other),
        };
        let hint = error.diagnostics().into_iter().find_map(|one| one.hint);
        let finding = checks.finding(path, FindingKind::Damaged, message);
        SecretFinding { hint, ..finding }
    };
    let stored = match Stored::read(path, Format::of_name(&path.to_string_lossy())) {
        Ok(Some(stored)) => stored,
        Ok(None) => return (None, Vec::new()),
        Err(error) => return (None, vec![damaged(&error)]),
    };
    let mut findings = recipients(checks, path, &stored, rules);
    let names = match verify(checks, &stored) {
        Ok(names) => names,
        Err(error) => {
            findings.push(damaged(&error));
            None
        }
    };
    let verified = names.is_some();
    if !metadata::is_one(path) {
        findings.extend(ages(checks, path, &stored, names));
    }
    let entries = &stored.file.metadata().age;
    let recipients = entries.iter().map(|entry| entry.recipient.clone()).collect();
    (Some(CheckedFile { file: checks.shown(path), recipients, verified }), findings)
}

/// Returns the names of the secrets, after all of the file was authenticated; nothing without a key.
fn verify(checks: &Checks<'_>, stored: &Stored) -> Result<Option<Vec<SecretName>>, SecretsError> {
    let key = match checks.keys.open(&stored.file, &stored.path) {
        Ok(key) => key,
        Err(SecretsError::NoKey { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let plain = stored.plain(&key)?;
    if metadata::is_one(&stored.path) {
        return Ok(Some(Vec::new()));
    }
    let named = names::named(&plain, &stored.path)?;
    Ok(Some(named.into_iter().filter(|one| !one.in_the_clear).map(|one| one.name).collect()))
}

fn recipients(
    checks: &Checks<'_>,
    path: &Path,
    stored: &Stored,
    rules: Option<&CreationRulesFile>,
) -> Vec<SecretFinding> {
    let Some(rules) = rules.and_then(|rules| rules.for_file(path)) else {
        let message = "no rule of `.sops.yaml` says who should read the file";
        let hint = "add a rule for its path, or run `windlass secrets init`";
        return vec![checks.finding(path, FindingKind::NoRule, message).hint(hint)];
    };
    let there = stored.recipients();
    let differ = |one: &[Recipient], other: &[Recipient], kind, words: &str, verb: &str| {
        let missing = one.iter().filter(|recipient| !other.contains(recipient));
        let finding = |recipient: &Recipient| {
            let hint = format!("windlass secrets recipients {verb} {recipient}");
            checks.finding(path, kind, format!("{recipient} {words}")).hint(hint)
        };
        missing.map(finding).collect::<Vec<_>>()
    };
    let wanted = &rules.recipients;
    let (missing, extra) = (FindingKind::MissingRecipient, FindingKind::ExtraRecipient);
    let mut all =
        differ(wanted, &there, missing, "should be able to read the file and is not", "add");
    all.extend(differ(&there, wanted, extra, "can read the file and is in no rule", "remove"));
    all
}

fn ages(
    checks: &Checks<'_>,
    path: &Path,
    stored: &Stored,
    names: Option<Vec<SecretName>>,
) -> Vec<SecretFinding> {
    let verified = names.is_some();
    let listed = || {
        let listings = stored.file.listings().into_iter().filter(|one| one.encrypted);
        listings.filter_map(|listing| names::name_of(&listing.path).ok()).collect()
    };
    let history = match verified {
        true => History::read(path, checks.keys).map(|read| read.map(|read| read.metadata)),
        false => History::in_the_clear(path),
    };
    // What is wrong with the history is told of its own file.
    let Ok(history) = history else { return Vec::new() };
    let names: Vec<SecretName> = names.unwrap_or_else(listed);
    let info = |name| SecretInfo::of(name, history.as_ref(), checks.now, checks.max_age);
    names.into_iter().filter_map(|name| age(checks, path, stored, &info(name))).collect()
}

fn age(
    checks: &Checks<'_>,
    path: &Path,
    stored: &Stored,
    info: &SecretInfo,
) -> Option<SecretFinding> {
    let limit = info.max_age_seconds?;
    let days = |seconds: u64| seconds / 86_400;
    // A value is at least as old as the file was last written.
    let since_written = stored.last_modified().map(|at| metadata::age(at, checks.now).as_secs());
    let (kind, message) = match (info.state, info.age_seconds, since_written) {
        (AgeState::Overdue, Some(age), _) => {
            let message = format!("is {} days old, {} at most are allowed", days(age), days(limit));
            (FindingKind::Overdue, message)
        }
        (AgeState::Unknown, _, Some(written)) if written > limit => {
            let message = format!(
                "is {} days old or older, {} at most are allowed",
                days(written),
                days(limit)
            );
            (FindingKind::Overdue, message)
        }
        (AgeState::Unknown, ..) => {
            (FindingKind::UnknownAge, "nobody noted when it was set".to_owned())
        }
        _ => return None,
    };
    let shown = checks.shown(path);
    let finding = checks.finding(path, kind, format!("`{}` {message}", info.name));
    let finding = finding.hint(format!("windlass secrets rotate {shown} {}", info.name));
    Some(SecretFinding { name: Some(info.name.to_string()), ..finding })
}
