//! A data key wrapped by age, in the letters that a SOPS file holds.

use std::io::{self, Read, Write};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::{DecryptError, Decryptor, Encryptor, Identity};
use zeroize::Zeroizing;

use super::data_key::DataKey;
use super::recipient::Recipient;

/// Returns `key` wrapped for `recipient`.
pub(crate) fn wrap(key: &DataKey, recipient: &Recipient) -> io::Result<String> {
    let recipients = std::iter::once(recipient.as_age());
    let encryptor = Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
    let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armor)?;
    writer.write_all(key.bytes())?;
    let bytes = writer.finish()?.finish()?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// Says why a wrapped key stays closed.
#[derive(Debug)]
pub(crate) enum Closed {
    /// It is for somebody else.
    NotOurs,
    /// It is damaged, or of a kind that is not read.
    Damaged(String),
}

/// Returns the data key that `text` wraps for one of `identities`.
pub(crate) fn unwrap<'i>(
    text: &str,
    identities: impl Iterator<Item = &'i dyn Identity>,
) -> Result<DataKey, Closed> {
    let decryptor = Decryptor::new(ArmoredReader::new(text.as_bytes())).map_err(closed)?;
    let mut reader = decryptor.decrypt(identities).map_err(closed)?;
    let mut bytes = Zeroizing::new([0; 32]);
    let damaged = |_| Closed::Damaged("what it wraps is no data key of 32 bytes".to_owned());
    reader.read_exact(&mut *bytes).map_err(damaged)?;
    match reader.read(&mut [0]) {
        Ok(0) => Ok(DataKey::new(*bytes)),
        _ => Err(Closed::Damaged("what it wraps is no data key of 32 bytes".to_owned())),
    }
}

fn closed(error: DecryptError) -> Closed {
    match error {
        DecryptError::NoMatchingKeys => Closed::NotOurs,
        DecryptError::Io(error) => Closed::Damaged(error.to_string()),
        error => Closed::Damaged(error.to_string()),
    }
}
