//! A question at the terminal whose answer is not shown.

use std::fs::File;
use std::io::{self, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::error::CliError;

/// What the keys send that do something.
const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;
const KILL: u8 = 0x15;

/// Asks for the value of `name` twice, and returns it if both are the same.
pub(super) fn twice(name: &str) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let mut terminal = Terminal::open().map_err(CliError::Output)?;
    let first = terminal.ask(&format!("Value of {name} (not shown): "))?;
    let second = terminal.ask("Again: ")?;
    if *first == *second {
        return Ok(first);
    }
    Err(super::refused("the two values are not the same", "nothing was changed: try again"))
}

/// The terminal, which does not show what is typed; it is as before when this is dropped.
struct Terminal {
    file: File,
    before: Termios,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.file, OptionalActions::Flush, &self.before);
    }
}

impl Terminal {
    fn open() -> io::Result<Self> {
        let file = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&file)?;
        let mut silent = before.clone();
        // Signals would end this before the terminal is as it was: Ctrl-C is read like any key.
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(&file, OptionalActions::Flush, &silent)?;
        Ok(Self { file, before })
    }

    fn ask(&mut self, question: &str) -> Result<Zeroizing<Vec<u8>>, CliError> {
        self.file.write_all(question.as_bytes()).map_err(CliError::Output)?;
        let answer = answer(&mut self.file);
        self.file.write_all(b"\n").map_err(CliError::Output)?;
        answer
    }
}

/// Returns what is typed until Enter.
fn answer(keys: &mut impl Read) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let mut typed = Zeroizing::new(Vec::with_capacity(4096));
    let mut key = Zeroizing::new([0]);
    loop {
        let read = keys.read(&mut *key).map_err(CliError::Output)?;
        match key[0] {
            _ if read == 0 => return Ok(typed),
            b'\r' | b'\n' | END => return Ok(typed),
            INTERRUPT => return Err(super::refused("interrupted", "nothing was changed")),
            KILL => typed.clear(),
            BACKSPACE | DELETE => erase(&mut typed),
            other => typed.push(other),
        }
    }
}

/// Takes the last character away.
fn erase(typed: &mut Vec<u8>) {
    while let Some(byte) = typed.pop() {
        let continues = byte & 0b1100_0000 == 0b1000_0000;
        if !continues {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Option<Vec<u8>> {
        answer(&mut &*keys).ok().map(|typed| typed.to_vec())
    }

    #[test]
    fn keys_do_what_they_do_in_a_terminal() {
        assert_eq!(typed(b"hunter2\nmore"), Some(b"hunter2".to_vec()));
        assert_eq!(typed("aü\x7f\x7fb\r".as_bytes()), Some(b"b".to_vec()));
        assert_eq!(typed(b"wrong\x15right\x04"), Some(b"right".to_vec()));
        assert_eq!(typed(b"abc\x03"), None);
    }
}
