//! A value, from wherever others cannot see it: a prompt, standard input, or a file.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use windlass::secrets::Secret;
use zeroize::Zeroizing;

use super::prompt;
use crate::args::ValueFrom;
use crate::error::CliError;

/// The most bytes of a value: 64 MiB.
const MOST: u64 = 64 << 20;

/// Returns the value of the secret `name`.
pub(super) fn read(from: &ValueFrom, name: &str) -> Result<Secret, CliError> {
    let value = match &from.file {
        Some(path) if path == Path::new("-") => all(io::stdin().lock(), "standard input")?,
        Some(path) => all(open(path)?, &path.display().to_string())?,
        None if io::stdin().is_terminal() => prompt::twice(name)?,
        None => line(all(io::stdin().lock(), "standard input")?),
    };
    if value.is_empty() && !from.allow_empty {
        let hint = "write it to standard input, or say `--allow-empty`";
        return Err(super::refused(format!("the value of `{name}` is empty"), hint));
    }
    Ok(Secret::new(value.to_vec()))
}

fn open(path: &Path) -> Result<File, CliError> {
    let failed = |source| windlass::Error::Io { action: "open", path: path.to_owned(), source };
    File::open(path).map_err(|error| failed(error).into())
}

fn all(from: impl Read, name: &str) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let failed = |source| windlass::Error::Io { action: "read", path: name.into(), source };
    // Room enough for most values from the start: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
    from.take(MOST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST {
        return Err(super::refused(
            format!("{name}: more than 64 MiB"),
            "keep large files elsewhere",
        ));
    }
    Ok(bytes)
}

/// Returns `text` without the end of its last line, which `echo` and editors add.
fn line(mut text: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if text.last() == Some(&b'\n') {
        text.pop();
        if text.last() == Some(&b'\r') {
            text.pop();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_not_a_part_of_a_value() {
        for (text, value) in
            [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a"), ("\n", "")]
        {
            let read = line(Zeroizing::new(text.as_bytes().to_vec()));
            assert_eq!(&**read, value.as_bytes(), "{text:?}");
        }
    }
}
