//! Plans: what is seen on the targets and what is wanted there become a [`Plan`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use windlass_agent::site::{Inspection, Owner};
use windlass_core::budget::Budget;
use windlass_core::change::{ChangeSet, FingerprintChange, SettingChange};
use windlass_core::config::MASK;
use windlass_core::diagnostic::Diagnostic;
use windlass_core::diff::settings::{self, SettingsFormat};
use windlass_core::diff::text;
use windlass_core::digest::Digest;
use windlass_core::fingerprint::FingerprintKey;
use windlass_core::name::EnvironmentName;
use windlass_core::plan::{FileDiff, Intent, Plan, SCHEMA, TargetPlan};
use windlass_core::release::{FileEntry, Manifest, ReleaseId};
use windlass_core::strategy::{Member, StrategySpec};
use windlass_core::target::{Target, TargetId};

use crate::error::Error;
use crate::fleet::{self, Fleet};
use crate::objects::Objects;
use crate::project::PROJECT_FILE;
use crate::secrets::Redaction;

/// Texts longer than this are compared, but their difference is not shown.
const SHOWN_TEXT: u64 = 1 << 20;

/// What a target should hold: a release and its files there.
pub(crate) type Wanted = Option<(ReleaseId, Arc<Manifest>)>;

/// What a plan is made from, before the targets were looked at.
pub(crate) struct Draft {
    pub(crate) environment: EnvironmentName,
    pub(crate) config_path: String,
    /// The project whose release it is, where that is known.
    pub(crate) project: Option<String>,
    pub(crate) intent: Intent,
    pub(crate) config_files: Vec<String>,
    pub(crate) strategy: StrategySpec,
    pub(crate) budget: Budget,
    pub(crate) targets: Vec<(Target, Wanted)>,
    pub(crate) warnings: Vec<String>,
    /// What fingerprints of secrets depend on, where the secrets are unlocked.
    pub(crate) fingerprints: Option<FingerprintKey>,
}

impl Draft {
    /// Looks at every target and returns the plan. Changes nothing.
    pub(crate) async fn plan(
        self,
        fleet: &Fleet,
        objects: &Objects,
        redaction: &Redaction,
    ) -> Result<(Plan, BTreeMap<TargetId, Inspection>), Error> {
        let wanted: BTreeMap<_, _> = self
            .targets
            .iter()
            .map(|(target, wanted)| (target.id.clone(), wanted.as_ref().map(|w| Arc::clone(&w.1))))
            .collect();
        let answers = fleet
            .ask_all(|id, host| {
                let manifest = wanted.get(&id).cloned().flatten();
                async move { host.inspect(manifest).await }
            })
            .await;
        let seen = fleet::all_or_failures(answers)?;
        self.refuse_one_place_twice(&seen)?;
        self.refuse_obstacles(&seen)?;
        let show = Show { objects, fingerprints: self.fingerprints.as_ref() };
        let (mut changes, mut diffs) = differences(&self.targets, &seen, &show);
        redaction.clean_changes(&mut changes, &mut diffs);
        Ok((self.decide(&seen, changes, diffs), seen))
    }

    /// Refuses to deploy to targets that are one directory, as their hosts say: they would undo each
    /// other's work.
    fn refuse_one_place_twice(&self, seen: &BTreeMap<TargetId, Inspection>) -> Result<(), Error> {
        let mut places: BTreeMap<&str, &TargetId> = BTreeMap::new();
        let mut problems = Vec::new();
        for (target, seen) in seen.iter().filter(|_| self.intent == Intent::Deploy) {
            let Some(place) = seen.place.as_deref() else { continue };
            if let Some(first) = places.insert(place, target) {
                let message = format!(
                    "targets {first} and {target} are the same directory of the same machine"
                );
                let hint = "remove one of them, or give it another root";
                problems.push(Diagnostic::error(message).in_file(PROJECT_FILE).hint(hint));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
    }

    /// Refuses to plan over files that are somebody else's, or over somebody else's release.
    fn refuse_obstacles(&self, seen: &BTreeMap<TargetId, Inspection>) -> Result<(), Error> {
        let mut reasons = Vec::new();
        for (target, seen) in seen {
            reasons.extend(seen.conflicts.iter().map(|conflict| format!("{target}: {conflict}")));
            if let Some(live) = seen.live.as_ref().filter(|live| !self.owns(&live.owner)) {
                let (config, owner) = (&self.config_path, &live.owner);
                reasons.push(format!("{target}: {config} is managed by {owner}"));
            }
        }
        if reasons.is_empty() { Ok(()) } else { Err(Error::Obstructed(reasons)) }
    }

    fn owns(&self, owner: &Owner) -> bool {
        owner.environment == self.environment
            && self.project.as_ref().is_none_or(|project| *project == owner.project)
    }

    fn decide(
        self,
        seen: &BTreeMap<TargetId, Inspection>,
        changes: ChangeSet,
        diffs: Vec<FileDiff>,
    ) -> Plan {
        let targets: Vec<_> = self
            .targets
            .iter()
            .map(|(target, to)| target_plan(target, to, &seen[&target.id]))
            .collect();
        let planned = self.targets.iter().zip(&targets);
        let moving: Vec<Member> = planned
            .filter(|(_, planned)| !planned.is_unchanged())
            .map(|((target, _), _)| Member::from(target))
            .collect();
        let strategy = self.strategy.strategy();
        let pace = strategy.pace();
        Plan {
            schema: SCHEMA,
            plan_id: String::new(),
            environment: self.environment,
            config_path: self.config_path,
            release: common_release(&targets),
            config_files: self.config_files,
            changes,
            diffs,
            stages: strategy.stages(&moving),
            pace: if self.intent == Intent::Deploy { pace } else { pace.of_rollback() },
            budget: self.budget,
            cutover: strategy.cutover(),
            intent: self.intent,
            targets,
            warnings: self.warnings,
        }
        .named()
    }
}

fn target_plan(target: &Target, to: &Wanted, seen: &Inspection) -> TargetPlan {
    TargetPlan {
        id: target.id.clone(),
        address: target.address.clone(),
        from: seen.live.as_ref().map(|live| live.release),
        to: to.as_ref().map(|(release, _)| *release),
        fingerprint: seen.fingerprint,
        drift: seen.drift.clone(),
        interrupted: seen.interrupted.is_some(),
    }
}

fn common_release(targets: &[TargetPlan]) -> Option<ReleaseId> {
    let releases: BTreeSet<_> = targets.iter().map(|target| target.to).collect();
    if releases.len() == 1 { releases.into_iter().next().flatten() } else { None }
}

/// Returns what changes over all targets; targets that go from the same files to the same files are
/// compared once.
fn differences(
    targets: &[(Target, Wanted)],
    seen: &BTreeMap<TargetId, Inspection>,
    show: &Show<'_>,
) -> (ChangeSet, Vec<FileDiff>) {
    let mut compared = BTreeSet::new();
    let mut changes = ChangeSet::default();
    let mut modified = BTreeMap::new();
    for (target, wanted) in targets {
        let old = seen[&target.id].live.as_ref().map(|live| &live.manifest);
        let new = wanted.as_ref().map(|(_, manifest)| manifest.as_ref());
        if !compared.insert((old.map(Manifest::id), new.map(Manifest::id))) {
            continue;
        }
        let between = ChangeSet::between(old, new);
        for (before, after) in modified_files(old, new) {
            let key = (before.path.to_string(), before.digest, after.digest);
            modified.insert(key, (before, after));
        }
        changes.merge(between);
    }
    let mut diffs = Vec::new();
    for ((path, ..), (before, after)) in &modified {
        Modified { path, before, after }.compare(show, &mut changes, &mut diffs);
    }
    (changes, diffs)
}

fn modified_files<'a>(
    old: Option<&'a Manifest>,
    new: Option<&'a Manifest>,
) -> Vec<(&'a FileEntry, &'a FileEntry)> {
    let (Some(old), Some(new)) = (old, new) else { return Vec::new() };
    new.files()
        .iter()
        .filter_map(|after| Some((old.get(&after.path)?, after)))
        .filter(|(before, after)| before.digest != after.digest)
        .collect()
}

/// What it takes to show a difference.
struct Show<'a> {
    objects: &'a Objects,
    fingerprints: Option<&'a FingerprintKey>,
}

impl Show<'_> {
    /// Returns the change of a setting whose values may not be shown.
    fn secret(&self, change: &SettingChange) -> SettingChange {
        let print = |value: &Option<Value>| {
            // A text has the fingerprint of the secret that it is.
            let text = value.as_ref().map(|value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            Some(self.fingerprints?.fingerprint(text?.as_bytes()))
        };
        SettingChange::secret(FingerprintChange::of(print(&change.old), print(&change.new)))
    }
}

/// A file before and after.
struct Modified<'a> {
    path: &'a str,
    before: &'a FileEntry,
    after: &'a FileEntry,
}

impl Modified<'_> {
    /// Returns what may be shown of both; nothing where only one of them is known to hold secrets,
    /// which the other may hold too.
    fn shown(&self, objects: &Objects) -> Option<(String, String)> {
        let (before, after) = match (self.before.shown, self.after.shown) {
            (None, None) => (self.before.digest, self.after.digest),
            (Some(before), Some(after)) => (before, after),
            _ => return None,
        };
        Some((text_of(&before, objects)?, text_of(&after, objects)?))
    }

    /// Adds the text difference, and the settings that changed. A file that is not text, is long, or
    /// whose old content is not in this workspace is named without them.
    fn compare(&self, show: &Show<'_>, changes: &mut ChangeSet, diffs: &mut Vec<FileDiff>) {
        let path = self.path.to_owned();
        let Some((old, new)) = self.shown(show.objects) else {
            diffs.push(FileDiff { path, unified: String::new() });
            return;
        };
        let settings = self.settings(&old, &new, show);
        if !settings.is_empty() {
            changes.settings_changed.insert(path.clone(), settings);
        }
        // Nothing to show of a file in which only secrets change.
        if old != new || self.after.shown.is_none() {
            let unified = text::unified(&path, Some(&old), Some(&new));
            diffs.push(FileDiff { path, unified });
        }
    }

    /// Returns the settings that changed; of secrets only that they did.
    fn settings(&self, old: &str, new: &str, show: &Show<'_>) -> Settings {
        let Some(format) = SettingsFormat::from_path(self.path) else { return Settings::new() };
        let mut shown = settings::changed(format, old, new);
        if self.after.shown.is_some()
            && let Some(old) = text_of(&self.before.digest, show.objects)
            && let Some(new) = text_of(&self.after.digest, show.objects)
        {
            for (key, change) in settings::changed(format, &old, &new) {
                if shown.get(&key).is_none_or(is_masked) {
                    shown.insert(key, show.secret(&change));
                }
            }
        }
        shown
    }
}

/// Tells whether a mask stands on one side of a change, or within a value.
fn is_masked(change: &SettingChange) -> bool {
    let holds_mask = |value: &Option<Value>| {
        value.as_ref().and_then(Value::as_str).is_some_and(|text| text.contains(MASK))
    };
    holds_mask(&change.old) || holds_mask(&change.new)
}

type Settings = BTreeMap<String, SettingChange>;

/// Returns the text that an object is, unless it is none, or long.
fn text_of(digest: &Digest, objects: &Objects) -> Option<String> {
    let bytes = objects.read(digest, SHOWN_TEXT).ok()?;
    text::is_text(&bytes).then(|| String::from_utf8(bytes).ok()).flatten()
}
