//! Releases that saved plans refer to: no record knows them, so they are noted here.
//!
//! ```text
//! objects/planned/<digest>   empty; its time is that of the last plan that refers to the release
//! ```

use std::fs::{self, File};
use std::io;
use std::time::{Duration, SystemTime};

use windlass_core::digest::Digest;

use super::{Objects, cannot};
use crate::durable;

/// How long the release of a plan is kept for `windlass apply`.
pub const PLAN_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl Objects {
    /// Notes that a plan refers to the release `digest`, which is kept from now on for
    /// [`PLAN_LIFETIME`].
    ///
    /// # Errors
    /// When the note cannot be written. It is not flushed: a power cut may cost the plan its objects,
    /// and then `apply` says so before anything changes.
    pub fn note_planned(&self, digest: &Digest) -> io::Result<()> {
        let dir = self.path().join("planned");
        durable::create_dir(&dir)?;
        let path = dir.join(digest.to_string());
        // Truncating an empty file does not always renew its time, making a new one does.
        let removed = match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        let note = removed.and_then(|()| File::create(&path).map(drop));
        note.map_err(|error| cannot("write", &path, error))
    }

    /// Returns the releases that plans refer to which are not older than [`PLAN_LIFETIME`] at `now`, and
    /// removes the notes of the others.
    ///
    /// # Errors
    /// When the notes cannot be listed.
    pub fn planned(&self, now: SystemTime) -> io::Result<Vec<Digest>> {
        let dir = self.path().join("planned");
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(cannot("list", &dir, error)),
        };
        let mut planned = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| cannot("list", &dir, error))?;
            let digest = entry.file_name().to_str().and_then(|name| name.parse::<Digest>().ok());
            let Some(digest) = digest else { continue };
            let written = entry.metadata()?.modified()?;
            // A clock that was set back makes notes of the future: they are young.
            match now.duration_since(written) {
                Ok(age) if age > PLAN_LIFETIME => fs::remove_file(entry.path())?,
                _ => planned.push(digest),
            }
        }
        Ok(planned)
    }
}

/// How often a workspace is collected by itself.
const COLLECTION_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

impl Objects {
    /// Tells, once in a day, that it is time for a collection.
    ///
    /// # Errors
    /// When the note of it cannot be written.
    pub(crate) fn collection_is_due(&self, now: SystemTime) -> io::Result<bool> {
        let path = self.path().join("collected");
        let last = fs::metadata(&path).and_then(|note| note.modified());
        let (due, first) = match last {
            Ok(last) => {
                (now.duration_since(last).is_ok_and(|age| age > COLLECTION_INTERVAL), false)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (false, true),
            Err(error) => return Err(error),
        };
        if due || first {
            File::create(&path)?.set_modified(now)?;
        }
        Ok(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_is_due_once_a_day_and_not_on_the_first() {
        let dir = tempfile::tempdir().expect("a directory");
        let objects = Objects::open(dir.path().join("objects")).expect("opens");
        let day = |n: u32| SystemTime::UNIX_EPOCH + n * COLLECTION_INTERVAL;
        let due = |now| objects.collection_is_due(now).expect("answers");
        assert!(!due(day(1)));
        assert!(!due(day(1) + COLLECTION_INTERVAL));
        assert!(due(day(3)));
        assert!(!due(day(3)));
        assert!(!due(day(1)), "the clock was set back");
    }

    #[test]
    fn a_plan_is_remembered_for_its_lifetime() {
        let dir = tempfile::tempdir().expect("a directory");
        let objects = Objects::open(dir.path().join("objects")).expect("opens");
        let digest = Digest::of(b"release");
        let written = fs::metadata(dir.path()).and_then(|data| data.modified()).expect("a time");
        assert!(objects.planned(written).expect("nothing yet").is_empty());
        objects.note_planned(&digest).expect("noted");
        assert_eq!(objects.planned(written + PLAN_LIFETIME / 2).expect("young"), [digest]);
        assert_eq!(objects.planned(SystemTime::UNIX_EPOCH).expect("of the future"), [digest]);
        assert!(objects.planned(written + 2 * PLAN_LIFETIME).expect("old").is_empty());
        assert!(objects.planned(written).expect("forgotten").is_empty());
    }
}
