//! Two histories of one file in one; there is always an answer, as the values decide what is true.

use std::collections::BTreeSet;

use super::{Metadata, Record, Rotation, SecretId};

impl Metadata {
    /// Returns what `self` and `theirs` made of `base`: the rotations of both, and of what is said about a
    /// secret that which is not as in `base`. Fingerprints that may be of another value, or made with
    /// another key, are left out: whoever next writes the file makes them.
    pub(in crate::secrets) fn merged(&self, base: Option<&Self>, theirs: &Self) -> Self {
        let same_key = self.fingerprint_key == theirs.fingerprint_key;
        let ids: BTreeSet<&SecretId> = self.secrets.keys().chain(theirs.secrets.keys()).collect();
        let mut merged = Self { secrets: std::collections::BTreeMap::new(), ..self.clone() };
        for id in ids {
            let base = base.and_then(|base| base.secrets.get(id));
            let record = match (self.secrets.get(id), theirs.secrets.get(id)) {
                (Some(ours), Some(theirs)) => Some(both(base, ours, theirs)),
                (Some(ours), None) => (base != Some(ours)).then(|| ours.clone()),
                (None, Some(theirs)) => (base != Some(theirs)).then(|| foreign(theirs, same_key)),
                (None, None) => None,
            };
            merged.secrets.extend(record.map(|record| (id.clone(), record)));
        }
        merged
    }
}

fn foreign(theirs: &Record, same_key: bool) -> Record {
    let fingerprint = theirs.fingerprint.clone().filter(|_| same_key);
    Record { fingerprint, ..theirs.clone() }
}

fn both(base: Option<&Record>, ours: &Record, theirs: &Record) -> Record {
    let mut rotations: Vec<Rotation> = ours.rotations.clone();
    let new = theirs.rotations.iter().filter(|one| !ours.rotations.contains(one));
    rotations.extend(new.cloned());
    rotations.sort_by_key(|rotation| rotation.at);
    let mut labels = theirs.labels.clone();
    labels.extend(ours.labels.clone());
    Record {
        max_age: changed(base.map(|base| &base.max_age), &ours.max_age, &theirs.max_age),
        note: changed(base.map(|base| &base.note), &ours.note, &theirs.note),
        fingerprint: fingerprint(base, ours, theirs),
        labels,
        rotations,
        ..ours.clone()
    }
}

/// Returns the one of `ours` and `theirs` that is not as it was; ours, if both are not.
fn changed<T: PartialEq + Clone>(base: Option<&T>, ours: &T, theirs: &T) -> T {
    if base == Some(ours) { theirs.clone() } else { ours.clone() }
}

/// Returns the fingerprint of the value that the merged file has, as far as that can be told.
fn fingerprint(
    base: Option<&Record>,
    ours: &Record,
    theirs: &Record,
) -> Option<windlass_core::fingerprint::Fingerprint> {
    let base = base.map(|base| &base.fingerprint);
    match (ours.fingerprint == theirs.fingerprint, base) {
        (true, _) => ours.fingerprint.clone(),
        (false, Some(base)) if *base == ours.fingerprint => theirs.fingerprint.clone(),
        (false, Some(base)) if *base == theirs.fingerprint => ours.fingerprint.clone(),
        (false, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use windlass_core::secret::SecretName;

    use super::super::Act;
    use super::*;

    fn name(text: &str) -> SecretName {
        SecretName::new(text).expect("a name")
    }

    fn set(metadata: &mut Metadata, secret: &str, value: &str, day: u8) {
        let at = format!("2026-01-{day:02}T00:00:00Z").parse().expect("a time");
        let act = Act { at, by: Some(format!("day {day}")) };
        metadata.set(&name(secret), value.as_bytes(), None, &act).expect("set");
    }

    fn rotations(metadata: &Metadata, secret: &str) -> Vec<String> {
        let record = metadata.by_name(&name(secret)).expect("known").1;
        record.rotations.iter().filter_map(|rotation| rotation.by.clone()).collect()
    }

    #[test]
    fn rotations_of_both_are_kept_in_order() {
        let mut base = Metadata::new().expect("random bytes");
        set(&mut base, "A", "1", 1);
        set(&mut base, "B", "1", 1);
        let (mut ours, mut theirs) = (base.clone(), base.clone());
        set(&mut ours, "A", "2", 3);
        set(&mut theirs, "A", "3", 2);
        set(&mut theirs, "B", "2", 4);
        set(&mut theirs, "C", "1", 4);
        let mut merged = ours.merged(Some(&base), &theirs);
        assert_eq!(rotations(&merged, "A"), ["day 2", "day 3"]);
        assert_eq!(rotations(&merged, "B"), ["day 4"]);
        // The file has one of the two values, which nobody has to tell anew.
        set(&mut merged, "A", "2", 5);
        set(&mut merged, "B", "2", 5);
        set(&mut merged, "C", "1", 5);
        assert_eq!(rotations(&merged, "A").len() + rotations(&merged, "B").len(), 3);
        assert_eq!(rotations(&merged, "C"), Vec::<String>::new());
    }

    #[test]
    fn histories_that_were_started_twice_become_one() {
        let (mut ours, mut theirs) =
            (Metadata::new().expect("random bytes"), Metadata::new().expect("random bytes"));
        set(&mut ours, "A", "1", 1);
        set(&mut theirs, "B", "1", 2);
        let mut merged = ours.merged(None, &theirs);
        set(&mut merged, "A", "1", 3);
        set(&mut merged, "B", "1", 3);
        assert_eq!(rotations(&merged, "A").len() + rotations(&merged, "B").len(), 0);
        assert_eq!(
            merged.by_name(&name("B")).expect("known").1.created_by.as_deref(),
            Some("day 2")
        );
    }

    #[test]
    fn what_one_deleted_is_gone_unless_the_other_changed_it() {
        let mut base = Metadata::new().expect("random bytes");
        set(&mut base, "A", "1", 1);
        set(&mut base, "B", "1", 1);
        let (mut ours, mut theirs) = (base.clone(), base.clone());
        ours.forget(&name("A"));
        ours.forget(&name("B"));
        set(&mut theirs, "B", "2", 2);
        let merged = ours.merged(Some(&base), &theirs);
        assert!(merged.by_name(&name("A")).is_none() && merged.by_name(&name("B")).is_some());
    }
}
