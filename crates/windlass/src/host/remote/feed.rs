//! Content for an agent, compressed as the object store has it.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::{Receiver, Sender, channel};
use windlass_agent::protocol::frame::put;
use windlass_agent::protocol::{Kind, Reply, Wanted};
use windlass_agent::site::SiteError;
use windlass_agent::work::{Assignment, WorkError};
use windlass_core::digest::Digest;

use super::error::Broken;
use crate::host::{HostError, RemoteClass};
use crate::objects::Objects;

/// How many bytes are packed together: small contents travel in one piece.
const PACKED: usize = 256 << 10;

/// How many bytes of content are in one frame: a slow line shows that it moves.
const PART: u64 = 64 << 10;

/// How many pieces are packed before they are sent.
const AHEAD: usize = 2;

/// What an agent may be given: the content of one release.
pub(super) struct Supply {
    objects: Objects,
    release: Arc<Assignment>,
    asked: Mutex<BTreeSet<Digest>>,
    failed: Arc<Mutex<Option<Unreadable>>>,
}

/// Content that the object store could not give.
struct Unreadable {
    digest: Digest,
    source: io::Error,
}

impl Supply {
    /// Returns the supply of `release`.
    pub(super) fn new(objects: Objects, release: Arc<Assignment>) -> Self {
        Self { objects, release, asked: Mutex::default(), failed: Arc::default() }
    }

    /// Returns what is wanted, in frames, piece by piece.
    ///
    /// # Errors
    /// When something else than content of the release is wanted, or something twice.
    pub(super) fn pieces(&self, wanted: Wanted) -> Result<Receiver<Vec<u8>>, Broken> {
        let files = self.release.manifest.files().iter();
        let mut allowed: BTreeSet<_> = files.map(|file| file.digest).collect();
        if !wanted.digests.iter().all(|digest| allowed.remove(digest)) {
            return Err(Broken::Greedy);
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.extend(&wanted.digests);
        let (sender, pieces) = channel(AHEAD);
        let (objects, failed) = (self.objects.clone(), Arc::clone(&self.failed));
        tokio::task::spawn_blocking(move || {
            let mut packer = Packer { sender, packed: Vec::new(), buffer: Vec::new() };
            if let Err(unreadable) = packer.pack_all(&objects, &wanted.digests) {
                // Before the agent hears of it: its answer must not be faster.
                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(unreadable);
                packer.give_up();
            }
        });
        Ok(pieces)
    }

    /// Returns the answer, or what went wrong on this side before it. Content that the agent found
    /// to be wrong is looked at again: the object store sets aside what is damaged.
    pub(super) async fn judge(&self, answer: Result<Reply, HostError>) -> Result<Reply, HostError> {
        let Err(error) = answer else { return answer };
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let failed = match failed {
            Some(failed) => Some(failed),
            None if is_about_content(&error) => self.damaged().await,
            None => None,
        };
        Err(failed.map_or(error, |failed| self.blame(failed)))
    }

    /// Returns the first of the objects that were asked for that is damaged.
    async fn damaged(&self) -> Option<Unreadable> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let objects = self.objects.clone();
        let look = move || {
            asked.into_iter().find_map(|digest| {
                objects.verify(&digest).err().map(|source| Unreadable { digest, source })
            })
        };
        tokio::task::spawn_blocking(look).await.ok().flatten()
    }

    fn blame(&self, Unreadable { digest, source }: Unreadable) -> HostError {
        let file = self.release.manifest.files().iter().find(|file| file.digest == digest);
        match file {
            Some(file) => {
                WorkError::Site(SiteError::Blob { file: file.path.clone(), source }).into()
            }
            None => HostError::Lost(source.to_string()),
        }
    }
}

const fn is_about_content(error: &HostError) -> bool {
    matches!(error, HostError::Remote { class: RemoteClass::Content, .. })
}

/// Puts content in frames, and several of them in one piece.
struct Packer {
    sender: Sender<Vec<u8>>,
    packed: Vec<u8>,
    buffer: Vec<u8>,
}

/// Nobody takes the pieces any more.
struct NotTaken;

impl Packer {
    fn pack_all(&mut self, objects: &Objects, digests: &[Digest]) -> Result<(), Unreadable> {
        for digest in digests {
            match self.pack(objects, digest) {
                Ok(Ok(())) => {}
                Ok(Err(NotTaken)) => return Ok(()),
                Err(source) => return Err(Unreadable { digest: *digest, source }),
            }
        }
        // Where nobody takes it, the answer is there already.
        let _ = self.send();
        Ok(())
    }

    /// Says that no more will come.
    fn give_up(&mut self) {
        self.frame(Kind::NoBlob, 0);
        let _ = self.send();
    }

    fn pack(&mut self, objects: &Objects, digest: &Digest) -> io::Result<Result<(), NotTaken>> {
        let mut file = objects.open_compressed(digest)?;
        loop {
            self.buffer.clear();
            (&mut file).take(PART).read_to_end(&mut self.buffer)?;
            let count = self.buffer.len();
            let last = (count as u64) < PART;
            self.frame(if last { Kind::BlobEnd } else { Kind::BlobPart }, count);
            if self.packed.len() >= PACKED && self.send().is_err() {
                return Ok(Err(NotTaken));
            }
            if last {
                return Ok(Ok(()));
            }
        }
    }

    /// Adds a frame with the first `count` bytes that were read.
    fn frame(&mut self, kind: Kind, count: usize) {
        put(&mut self.packed, kind, &self.buffer[..count])
            .expect("a piece has at most as many bytes as a frame may");
    }

    fn send(&mut self) -> Result<(), NotTaken> {
        let piece = std::mem::take(&mut self.packed);
        if piece.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(piece).map_err(|_| NotTaken)
    }
}
