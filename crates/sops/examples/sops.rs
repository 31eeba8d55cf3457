//! A small `sops`: encrypts for a recipient, or decrypts with SOPS_AGE_KEY, from standard input to
//! standard output.
//!
//!     sops encrypt FORMAT RECIPIENT < plain > encrypted
//!     sops decrypt FORMAT < encrypted > plain

use std::error::Error;
use std::io::{Read, Write, stdin, stdout};

use windlass_sops::{EncryptedFile, Format, Identities, Rules, SystemEntropy, encrypt};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut input = Vec::new();
    stdin().read_to_end(&mut input)?;
    let output = match words[..] {
        ["encrypt", format, recipient] => {
            let rules = Rules::for_recipients(vec![recipient.parse()?]);
            let now = jiff::Timestamp::now();
            encrypt(&input, named(format)?, &rules, now, &mut SystemEntropy)?.into_bytes()
        }
        ["decrypt", format] => {
            let keys = Identities::parse(&std::env::var("SOPS_AGE_KEY")?, "SOPS_AGE_KEY")?;
            EncryptedFile::parse(&input, named(format)?)?.decrypt(&keys)?.text().to_vec()
        }
        _ => return Err("usage: sops encrypt FORMAT RECIPIENT, or sops decrypt FORMAT".into()),
    };
    Ok(stdout().write_all(&output)?)
}

fn named(format: &str) -> Result<Format, String> {
    Format::from_name(format).ok_or_else(|| format!("{format}: not a format"))
}
