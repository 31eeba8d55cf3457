//! The end of what a command writes, in bounded memory.

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::interrupt::Interrupt;

/// How much of the output is kept.
const KEPT: usize = 64 * 1024;

/// A line of more bytes is kept from its middle on, where its beginning was let go.
const LINE: usize = 4 * 1024;

/// The read end of a command's output, and its last bytes.
pub(super) struct Tail {
    source: Option<PipeReader>,
    bytes: Bytes,
}

/// What can be taken without waiting.
pub(super) struct Ready {
    /// There is output, or its end.
    pub(super) output: bool,
    /// The command is gone.
    pub(super) gone: bool,
    /// Nobody waits for the command any more.
    pub(super) interrupted: bool,
}

impl Tail {
    /// Returns the tail of `source`, empty so far.
    pub(super) fn new(source: PipeReader) -> Self {
        Self { source: Some(source), bytes: Bytes::default() }
    }

    /// Returns whether more can come.
    pub(super) fn is_open(&self) -> bool {
        self.source.is_some()
    }

    /// Waits for output, for `gone` or for an interrupt, at most for `patience`.
    pub(super) fn wait(
        &self,
        gone: Option<BorrowedFd<'_>>,
        interrupt: Option<&Interrupt>,
        patience: Duration,
    ) -> io::Result<Ready> {
        let sources =
            [self.source.as_ref().map(AsFd::as_fd), gone, interrupt.map(Interrupt::raised)];
        let watched: Vec<_> = sources.iter().flatten().copied().collect();
        let mut ready = readable(&watched, patience)?.into_iter();
        let [output, gone, interrupted] =
            sources.map(|source| source.is_some() && ready.next() == Some(true));
        Ok(Ready { output, gone, interrupted })
    }

    /// Takes one portion of output, which must be ready; at its end nothing more can come.
    pub(super) fn take(&mut self) -> io::Result<()> {
        let mut portion = [0; 16 * 1024];
        let Some(source) = &mut self.source else { return Ok(()) };
        match source.read(&mut portion) {
            Ok(0) => self.source = None,
            Ok(count) => self.bytes.push(&portion[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Returns the text that was kept and the number of bytes before it.
    pub(super) fn into_text(self) -> (String, u64) {
        self.bytes.into_text()
    }
}

/// Returns which of `watched` can be read (or have ended), after waiting at most for `patience`.
pub(crate) fn readable(watched: &[BorrowedFd<'_>], patience: Duration) -> io::Result<Vec<bool>> {
    let deadline = Instant::now() + patience;
    let mut fds: Vec<_> =
        watched.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&limit)) {
            Ok(_) => return Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The last [`KEPT`] bytes of a stream.
#[derive(Default)]
struct Bytes {
    kept: VecDeque<u8>,
    omitted: u64,
}

impl Bytes {
    fn push(&mut self, portion: &[u8]) {
        self.kept.extend(portion);
        let excess = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..excess);
        self.omitted += excess as u64;
    }

    fn into_text(mut self) -> (String, u64) {
        let bytes = self.kept.make_contiguous();
        let start = if self.omitted == 0 { 0 } else { whole_line(bytes) };
        let text = visible(&String::from_utf8_lossy(&bytes[start..]));
        (text, self.omitted + start as u64)
    }
}

/// Returns where the first whole line of `bytes` begins, which were cut at the front: half a line may
/// be half a secret, which nobody could tell as one. Where the line is long, where the first whole
/// character begins: half of one would be shown as garbage.
fn whole_line(bytes: &[u8]) -> usize {
    match bytes.iter().take(LINE).position(|byte| *byte == b'\n') {
        Some(end) => end + 1,
        None => bytes.iter().take(3).take_while(|byte| **byte & 0xC0 == 0x80).count(),
    }
}

/// Returns `text` without anything that a terminal would obey: control characters other than
/// newline and tab become their symbols, those that turn the direction of text are replaced.
#[must_use]
pub fn visible(text: &str) -> String {
    text.replace("\r\n", "\n").chars().map(visible_char).collect()
}

fn visible_char(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\r' => '\n',
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let text = "a\tb\r\nc\rd\x1b[31m\0\x7f\u{9b}\u{202e}é\n";
        assert_eq!(visible(text), "a\tb\nc\nd␛[31m␀␡\u{fffd}\u{fffd}é\n");
    }

    #[test]
    fn the_end_is_kept_and_the_rest_counted() {
        let mut bytes = Bytes::default();
        for _ in 0..10 {
            bytes.push(&[b'x'; 16 * 1024]);
        }
        bytes.push(b"end");
        let (text, omitted) = bytes.into_text();
        assert_eq!((text.len(), omitted), (KEPT, 10 * 16 * 1024 + 3 - KEPT as u64));
        assert!(text.ends_with("xend"));
    }

    #[test]
    fn a_character_cut_in_half_is_let_go() {
        let mut bytes = Bytes::default();
        bytes.push("é".repeat(KEPT / 2).as_bytes());
        bytes.push(b"!");
        let (text, omitted) = bytes.into_text();
        assert!(text.starts_with('é'), "{:?}", text.chars().next());
        assert_eq!(omitted, 2);
    }

    #[test]
    fn a_line_cut_in_half_is_let_go() {
        let mut bytes = Bytes::default();
        bytes.push(b"password=hunter2\nwhole\n");
        bytes.push(&[b'x'; KEPT - 14]);
        let (text, omitted) = bytes.into_text();
        assert!(text.starts_with("whole\nx"), "{}", &text[..20]);
        assert_eq!(omitted, 17);
    }

    #[test]
    fn bytes_that_are_no_text_do_not_fail() {
        let mut bytes = Bytes::default();
        bytes.push(b"\x80\xff ok");
        assert_eq!(bytes.into_text(), ("\u{fffd}\u{fffd} ok".to_owned(), 0));
    }
}
