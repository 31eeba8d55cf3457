//! Objects, and the releases that records promise.

use std::io;

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use windlass_core::digest::Digest;

use super::{Diagnosis, Examine, Finding, Severity};
use crate::engine::Engine;
use crate::error::{Error, describe};
use crate::objects::is_locked;

/// What reading an object to its end says.
enum Read {
    Whole,
    Locked,
    Gone,
    Bad(Digest, io::Error),
}

impl Engine {
    pub(super) async fn examine_content(
        &self,
        how: Examine,
        diagnosis: &mut Diagnosis,
    ) -> Result<(), Error> {
        let _hold = self.hold_objects()?;
        let records = self.listing(None).await?.items;
        self.unlock_all(&records);
        let stored = self.objects.stored().map_err(Error::io("list", self.objects.path()))?;
        let read: Vec<Read> =
            stored.into_par_iter().map(|(digest, _)| self.read_whole(digest)).collect();
        for read in read {
            match read {
                Read::Whole => diagnosis.objects += 1,
                Read::Locked => diagnosis.objects_locked += 1,
                Read::Gone => {}
                Read::Bad(digest, error) => diagnosis.findings.push(bad(&digest, &error)),
            }
        }
        diagnosis.findings.extend(self.examine_damaged(how)?);
        for (release, deployment) in self.promised(&records) {
            match self.missing_of(release) {
                Ok(0) | Err(Error::LockedRelease(_)) => {}
                Ok(missing) => diagnosis.findings.push(incomplete(deployment.as_str(), missing)),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read_whole(&self, digest: Digest) -> Read {
        match self.objects.verify(&digest) {
            Ok(()) => Read::Whole,
            Err(error) if is_locked(&error) => Read::Locked,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Read::Gone,
            Err(error) => Read::Bad(digest, error),
        }
    }

    /// Returns the objects that were set aside, which can go once the same content is there again.
    fn examine_damaged(&self, how: Examine) -> Result<Vec<Finding>, Error> {
        let failed = || Error::io("look at damaged objects in", self.objects.path());
        let mut findings = Vec::new();
        for digest in self.objects.damaged().map_err(failed())? {
            let whole = self.objects.contains(&digest).map_err(failed())?;
            let subject = format!("object {}", digest.short());
            if !whole {
                let problem = "damaged content of it was set aside";
                findings.push(Finding::new(Severity::Note, subject, problem));
                continue;
            }
            if how.fix {
                self.objects.discard_damaged(&digest).map_err(failed())?;
            }
            let problem =
                "damaged content of it was set aside, and it has been written again since";
            let finding = Finding::new(Severity::Note, subject, problem);
            findings.push(finding.repair("remove what was set aside").repaired(how.fix));
        }
        Ok(findings)
    }
}

fn bad(digest: &Digest, error: &io::Error) -> Finding {
    let problem = match error.kind() {
        io::ErrorKind::InvalidData => format!("{}; it was set aside", describe(error)),
        _ => describe(error),
    };
    Finding::new(Severity::Error, format!("object {}", digest.short()), problem)
        .repair("deploy the same again: what is missing is written anew")
}

fn incomplete(deployment: &str, missing: usize) -> Finding {
    let problem = format!("its release cannot be restored from here: {missing} objects are gone");
    let repair = "targets that still keep it can go back to it; `windlass plan` of the same sources \
                  writes it anew";
    Finding::new(Severity::Error, deployment, problem).repair(repair)
}
