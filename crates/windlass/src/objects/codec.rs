//! zstd, with contexts that are made once a thread.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};
use zstd::stream::write::Encoder;

/// The most bytes of content that is compressed, and decompressed, in one piece.
pub(super) const SMALL: usize = 1 << 20;

/// Fast; what compresses well does so at this level too.
const LEVEL: i32 = 1;

/// The most memory that decompressing may take is 2 to the power of this: far more than what
/// [`LEVEL`] needs.
pub(super) const WINDOW_LOG: u32 = 23;

#[derive(Default)]
struct Contexts {
    compressor: Option<Compressor<'static>>,
    compressed: Vec<u8>,
    decompressor: Option<Decompressor<'static>>,
}

thread_local! {
    static CONTEXTS: RefCell<Contexts> = RefCell::default();
}

/// Gives the compressed form of `bytes`, which are [`SMALL`], to `write`.
pub(super) fn compress_small(
    bytes: &[u8],
    write: impl FnOnce(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    CONTEXTS.with_borrow_mut(|contexts| {
        let compressor = match &mut contexts.compressor {
            Some(compressor) => compressor,
            none => none.insert(Compressor::new(LEVEL)?),
        };
        contexts.compressed.clear();
        contexts.compressed.reserve(zstd::zstd_safe::compress_bound(bytes.len()));
        compressor.compress_to_buffer(bytes, &mut contexts.compressed)?;
        write(&contexts.compressed)
    })
}

/// Returns a writer that compresses into `writer`.
pub(super) fn compressing<W: io::Write>(writer: W) -> io::Result<Encoder<'static, W>> {
    Encoder::new(writer, LEVEL)
}

/// Returns the content of `compressed`, which says itself that it is [`SMALL`].
pub(super) fn decompress_small(compressed: &[u8]) -> io::Result<Vec<u8>> {
    CONTEXTS.with_borrow_mut(|contexts| {
        let decompressor = match &mut contexts.decompressor {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::new()?),
        };
        decompressor.decompress(compressed, SMALL)
    })
}

/// Tells whether `compressed` says that its content is [`SMALL`].
pub(super) fn is_small(compressed: &[u8]) -> bool {
    let size = zstd::zstd_safe::get_frame_content_size(compressed);
    size.is_ok_and(|size| size.is_some_and(|size| size <= SMALL as u64))
}
