//! Reading objects: what comes out is what went in, or an error.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};

use windlass_core::digest::{Digest, Hasher};
use zstd::stream::read::Decoder;

use super::{ObjectKey, codec, seal};
use crate::durable::context;

/// Returns the content of the object `digest`, stored in `file`; a sealed one opens with `keys`.
pub(super) fn open(
    digest: Digest,
    mut file: File,
    keys: impl FnOnce() -> Vec<ObjectKey>,
) -> io::Result<Box<dyn Read + Send>> {
    let mut head = Vec::new();
    let limit = codec::SMALL as u64;
    let read = (&mut file).take(limit).read_to_end(&mut head);
    read.map_err(|error| explain(digest, error))?;
    if seal::sealed_with(&head).is_some() {
        file.read_to_end(&mut head).map_err(|error| explain(digest, error))?;
        let content = seal::open(&keys(), &digest, &head)?;
        return Ok(Box::new(seal::Cleared::new(content)));
    }
    if (head.len() as u64) < limit && codec::is_small(&head) {
        let bytes = codec::decompress_small(&head).map_err(|error| explain(digest, error))?;
        return if Digest::of(&bytes) == digest {
            Ok(Box::new(Cursor::new(bytes)))
        } else {
            Err(other_digest(digest))
        };
    }
    let stored = BufReader::new(Cursor::new(head).chain(file));
    let mut decoder = Decoder::with_buffer(stored).map_err(|error| explain(digest, error))?;
    decoder.window_log_max(codec::WINDOW_LOG)?;
    Ok(Box::new(Verified { digest, decoder, hasher: Hasher::new() }))
}

/// Content that is compared with its digest at its end.
struct Verified<R> {
    digest: Digest,
    decoder: R,
    hasher: Hasher,
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buffer).map_err(|error| explain(self.digest, error))?;
        self.hasher.update(&buffer[..read]);
        if read == 0 && !buffer.is_empty() && self.hasher.finish() != self.digest {
            return Err(other_digest(self.digest));
        }
        Ok(read)
    }
}

fn other_digest(digest: Digest) -> io::Error {
    let message = format!("object {digest} is corrupt: its content has another digest");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Tells what the disk refused from what the decompressor did not understand.
fn explain(digest: Digest, error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() {
        context(format!("cannot read object {digest}"), error)
    } else {
        let error = io::Error::new(io::ErrorKind::InvalidData, error);
        context(format!("object {digest} is corrupt"), error)
    }
}
