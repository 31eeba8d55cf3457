//! The secrets of environments, as the engine gets them, and what it does so that nobody else does.
//!
//! A [`SecretSource`] unlocks them; rendering takes them from [`Unlocked`]; [`Redaction`] is the last
//! filter before events, records, errors and logs.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windlass_agent::work::Assignment;
use windlass_core::change::ChangeSet;
use windlass_core::config::{Configuration, Data, Node};
use windlass_core::diagnostic::Diagnostic;
use windlass_core::environment::Environment;
use windlass_core::event::Event;
use windlass_core::fingerprint::FingerprintKey;
use windlass_core::name::EnvironmentName;
use windlass_core::plan::FileDiff;
use windlass_core::redact::Redactor;
use windlass_core::secret::{Secret, SecretName, Secrets};

use crate::engine::Engine;
use crate::error::{Error, describe};
use crate::host::HostError;
use crate::objects::ObjectKey;
use crate::project::PROJECT_FILE;

/// Why output is withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withheld {
    /// Nobody can read the secrets of the environment.
    Locked,
    /// A release that was deployed from elsewhere may hold values that nobody here knows.
    Elsewhere,
}

impl Withheld {
    /// Returns what stands in the place of the output.
    const fn note(self) -> &'static str {
        match self {
            Self::Locked => "[withheld: the secrets of the environment are locked]",
            Self::Elsewhere => {
                "[withheld: it may hold secrets of a release that was deployed from elsewhere]"
            }
        }
    }
}

/// Unlocks the secrets of environments.
pub trait SecretSource: Send + Sync {
    /// Returns the secrets of `environment`, which names a secrets file, and the keys that come with
    /// them.
    ///
    /// # Errors
    /// When they cannot be read or decrypted. No error holds a value.
    fn unlock(&self, environment: &Environment) -> Result<Unlocked, Error>;
}

/// What comes with secrets so that traces of them can be kept.
#[derive(Debug, Clone)]
pub struct SealingKeys {
    /// What fingerprints and the digests of files with secrets depend on. It should outlive the data
    /// key of the secrets file: with another one, every file with a secret counts as changed once.
    pub fingerprints: FingerprintKey,
    /// What objects with secrets are sealed with.
    pub objects: ObjectKey,
    /// What they were sealed with earlier, so that a rollback restores a secret as it was.
    pub earlier: Vec<ObjectKey>,
}

/// Secrets in the clear, with their keys; without any where an environment has none.
#[derive(Debug, Clone, Default)]
pub struct Unlocked {
    secrets: Arc<Secrets>,
    before: Vec<Arc<Secrets>>,
    keys: Option<SealingKeys>,
    redaction: Redaction,
}

impl Unlocked {
    /// Returns `secrets` with `keys`.
    #[must_use]
    pub fn new(secrets: Arc<Secrets>, keys: SealingKeys) -> Self {
        Self { secrets, before: Vec::new(), keys: Some(keys), redaction: Redaction::default() }
    }

    /// Returns the same with values that secrets had before: they are filtered too, since files of earlier
    /// releases hold them.
    #[must_use]
    pub fn with_earlier_values(self, before: Vec<Arc<Secrets>>) -> Self {
        Self { before, ..self }
    }

    /// Returns the secrets.
    #[must_use]
    pub const fn secrets(&self) -> &Arc<Secrets> {
        &self.secrets
    }

    /// Returns the keys; nothing only where there are no secrets.
    #[must_use]
    pub const fn keys(&self) -> Option<&SealingKeys> {
        self.keys.as_ref()
    }

    /// Has the values filtered that `configuration` marks as secret: a source line in an error, and
    /// the output of a hook, may quote what stands in a file in the clear.
    pub(crate) fn learn_marked(
        &self,
        environment: &EnvironmentName,
        configuration: &Configuration,
    ) {
        if configuration.root().holds_secret() {
            self.redaction.learn(environment, &Arc::new(marked(configuration)));
        }
    }
}

/// Returns the texts and numbers that are marked as secret, by their dotted keys.
fn marked(configuration: &Configuration) -> Secrets {
    let secret = |(key, node): (String, &Node)| {
        let value = match &node.data {
            Data::String(text) => text.clone(),
            Data::Integer(number) => number.to_string(),
            Data::Float(number) => number.to_string(),
            _ => return None,
        };
        let name = SecretName::new(key).ok().filter(|_| node.is_secret())?;
        Some((name, Secret::new(value)))
    };
    // SealingKeys of one configuration are not the same, and only as variables could they look so.
    Secrets::labelled(configuration.leaves().filter_map(secret))
}

/// Takes the values of all secrets that were unlocked out of texts; clones share what they know.
#[derive(Clone, Default)]
pub struct Redaction(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    is_off: bool,
    withheld: Option<Withheld>,
    secrets: Vec<(EnvironmentName, Arc<Secrets>)>,
    redactor: Redactor,
}

impl Redaction {
    /// Returns a filter that lets everything pass, so that a test of what is said can be seen to fail.
    #[doc(hidden)]
    #[must_use]
    pub fn off_for_a_test() -> Self {
        Self(Arc::new(Mutex::new(Known { is_off: true, ..Known::default() })))
    }

    /// Has the secrets of `environment` filtered from now on; those that it had before stay filtered.
    pub fn learn(&self, environment: &EnvironmentName, secrets: &Arc<Secrets>) {
        self.learn_all(environment, [secrets]);
    }

    fn learn_all<'s>(
        &self,
        environment: &EnvironmentName,
        sets: impl IntoIterator<Item = &'s Arc<Secrets>>,
    ) {
        let mut known = self.known();
        if known.is_off {
            return;
        }
        let before = known.secrets.len();
        for secrets in sets.into_iter().filter(|secrets| !secrets.is_empty()) {
            if !known.secrets.iter().any(|(name, all)| name == environment && all == secrets) {
                known.secrets.push((environment.clone(), Arc::clone(secrets)));
            }
        }
        if known.secrets.len() > before {
            known.redactor = Redactor::of(known.secrets.iter().map(|(_, all)| &**all));
        }
    }

    /// Has all withheld that commands print from now on: nobody knows which secrets they may print.
    pub(crate) fn withhold(&self, why: Withheld) {
        let mut known = self.known();
        if !known.is_off {
            known.withheld.get_or_insert(why);
        }
    }

    /// Takes values of secrets out of `event`.
    pub(crate) fn clean_event(&self, event: &mut Event) {
        let withheld = self.known().withheld;
        match (event, withheld) {
            (Event::CommandFinished { output, .. }, Some(why)) if !output.is_empty() => {
                why.note().clone_into(output);
            }
            (other, _) => other.redact(&self.redactor()),
        }
    }

    /// Takes values of secrets out of what went wrong on a host.
    pub(crate) fn clean_error(&self, error: HostError) -> HostError {
        let withheld = self.known().withheld;
        let error = withheld.into_iter().fold(error, |error, why| error.withheld(why.note()));
        error.redacted(&self.redactor())
    }

    /// Returns the filter for what is known now.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        self.known().redactor.clone()
    }

    /// Returns `text` without values of secrets.
    #[must_use]
    pub fn clean(&self, text: String) -> String {
        match self.redactor().redact(&text) {
            std::borrow::Cow::Borrowed(_) => text,
            std::borrow::Cow::Owned(clean) => clean,
        }
    }

    /// Takes values of secrets out of every text in `json`.
    pub fn clean_json(&self, json: &mut serde_json::Value) {
        let redactor = self.redactor();
        if !redactor.is_none() {
            clean_value(json, &redactor);
        }
    }

    /// Returns a writer that filters what each call of `write` is given, as a log gives whole lines.
    pub fn writer<W: Write>(&self, inner: W) -> impl Write + use<W> {
        Filtered { redaction: self.clone(), inner }
    }

    /// Takes values out of what a plan shows: one may stand in a file that is not known to hold it.
    pub(crate) fn clean_changes(&self, changes: &mut ChangeSet, diffs: &mut [FileDiff]) {
        let redactor = self.redactor();
        if redactor.is_none() {
            return;
        }
        for diff in diffs {
            redactor.redact_in(&mut diff.unified);
        }
        let settings = changes.settings_changed.values_mut().flat_map(|all| all.values_mut());
        for value in settings.flat_map(|change| [&mut change.old, &mut change.new]).flatten() {
            clean_value(value, &redactor);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn clean_value(value: &mut serde_json::Value, redactor: &Redactor) {
    match value {
        serde_json::Value::String(text) => redactor.redact_in(text),
        serde_json::Value::Number(number) => {
            let text = number.to_string();
            let clean = redactor.redact(&text);
            if clean != text {
                *value = clean.into_owned().into();
            }
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(|v| clean_value(v, redactor)),
        serde_json::Value::Object(map) => map.values_mut().for_each(|v| clean_value(v, redactor)),
        serde_json::Value::Null | serde_json::Value::Bool(_) => {}
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction").finish_non_exhaustive()
    }
}

struct Filtered<W> {
    redaction: Redaction,
    inner: W,
}

impl<W: Write> Write for Filtered<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write_all(&self.redaction.redactor().redact_bytes(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Engine {
    /// Unlocks the secrets of an environment: from now on they are filtered from all that is said,
    /// and objects that hold them can be read.
    ///
    /// # Errors
    /// When it has a secrets file that cannot be unlocked.
    pub(crate) fn unlock(&self, environment: &Environment) -> Result<Unlocked, Error> {
        let redaction = self.redaction.clone();
        let Some(file) = &environment.secrets else {
            return Ok(Unlocked { redaction, ..Unlocked::default() });
        };
        let source = self.secrets.as_ref().ok_or_else(|| no_source(environment, file))?;
        let unlocked = source.unlock(environment)?;
        let sets = std::iter::once(&unlocked.secrets).chain(&unlocked.before);
        self.redaction.learn_all(&environment.name, sets);
        if let Some(keys) = unlocked.keys() {
            self.objects.unlock([keys.objects.clone()]);
            self.objects.unlock(keys.earlier.iter().cloned());
        }
        Ok(Unlocked { redaction, ..unlocked })
    }

    /// Unlocks the secrets of the environment called `name` as the project has it now, for reading
    /// what was sealed earlier.
    pub(crate) fn unlock_called(&self, name: &EnvironmentName) -> Result<(), Error> {
        let all = self.project.iter().flat_map(|loaded| loaded.project.environments.values());
        let found = all.into_iter().find(|environment| environment.name == *name);
        found.map_or(Ok(()), |environment| self.unlock(environment).map(drop))
    }

    /// Has all filtered that files of the environment called `name` hold, also of earlier releases, or
    /// withholds what commands print. It comes before anything runs on a target.
    pub(crate) async fn know_secrets(&self, name: &EnvironmentName) {
        let Ok(environment) = self.environment(name.as_str()).await else { return };
        if let Err(locked) = self.unlock(&environment) {
            self.redaction.withhold(Withheld::Locked);
            let why = describe(&locked);
            self.warn(name, format!("what commands print is withheld, it may hold secrets: {why}"));
        }
    }

    /// Tells whether a release may hold values of secrets that nobody here knows: it was deployed from
    /// another workspace, and what is in its files was never rendered in this one.
    pub(crate) fn is_strange(&self, assignment: &Assignment) -> bool {
        let rendered_here = |digest| self.objects.contains(digest).unwrap_or(false);
        let mut keyed = assignment.manifest.files().iter().filter(|file| file.key.is_some());
        keyed.any(|file| !rendered_here(&file.digest))
    }

    /// Has withheld what commands print beside the files of a release that was deployed from elsewhere.
    pub(crate) fn withhold_strange(&self, environment: &EnvironmentName) {
        self.redaction.withhold(Withheld::Elsewhere);
        let why =
            "a release that was deployed from elsewhere may hold secrets that nobody here knows";
        self.warn(environment, format!("what commands print is withheld: {why}"));
    }

    /// Returns the filter of everything that is said.
    #[must_use]
    pub const fn redaction(&self) -> &Redaction {
        &self.redaction
    }
}

fn no_source(environment: &Environment, file: &str) -> Error {
    let message = format!(
        "environment `{}` has secrets in {file}, and there is nothing here that can unlock them",
        environment.name
    );
    Error::invalid(Diagnostic::error(message).in_file(PROJECT_FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(name: &str, value: &str) -> Arc<Secrets> {
        let name = SecretName::new(name).expect("a name");
        Arc::new(Secrets::new([(name, Secret::new(value))]).expect("one"))
    }

    fn environment(name: &str) -> EnvironmentName {
        EnvironmentName::new(name).expect("a name")
    }

    #[test]
    fn what_was_learned_is_filtered_by_every_clone_and_not_forgotten() {
        let redaction = Redaction::default();
        let clone = redaction.clone();
        redaction.learn(&environment("staging"), &secrets("A", "first-value"));
        redaction.learn(&environment("production"), &secrets("A", "other-value"));
        redaction.learn(&environment("staging"), &secrets("A", "rotated-value"));
        let said = clone.clean("first-value other-value rotated-value".to_owned());
        assert_eq!(said, "[secret A] [secret A] [secret A]");
    }

    #[test]
    fn a_log_is_filtered_line_by_line() {
        let redaction = Redaction::default();
        let mut lines = Vec::new();
        let mut log = redaction.writer(&mut lines);
        log.write_all(b"before hunter2\n").expect("written");
        redaction.learn(&environment("staging"), &secrets("A", "hunter2"));
        log.write_all(b"after hunter2\n").expect("written");
        drop(log);
        assert_eq!(lines, b"before hunter2\nafter [secret A]\n");
    }

    #[test]
    fn json_stays_json() {
        let redaction = Redaction::default();
        redaction.learn(&environment("staging"), &secrets("tls.\"a.key\"", "12345678"));
        let mut json = serde_json::json!({"a": ["x12345678", 12_345_678, null], "b": 1.5});
        redaction.clean_json(&mut json);
        let label = "[secret tls.\"a.key\"]";
        assert_eq!(json, serde_json::json!({"a": [format!("x{label}"), label, null], "b": 1.5}));
    }

    #[test]
    fn unlocked_secrets_are_not_shown() {
        let keys = SealingKeys {
            fingerprints: FingerprintKey::derive(b"1"),
            objects: ObjectKey::derive(b"2"),
            earlier: Vec::new(),
        };
        let shown = format!("{:?}", Unlocked::new(secrets("A", "hunter2"), keys));
        assert!(!shown.contains("hunter2") && shown.contains("[key]"), "{shown}");
    }
}
