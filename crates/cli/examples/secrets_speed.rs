//! Times the reading of secrets in process, beside the bare cipher on the same values: prints seconds as JSON.
//!
//! `secrets_speed ROUNDS FILE…` with the keys of the environment; `scripts/bench-secrets` runs it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{AeadInPlace, KeyInit};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Key, Nonce, Tag};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use windlass::secrets::{Keys, open};
use windlass::sops::{EncryptedFile, Format};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let rounds: usize = words.next().ok_or("ROUNDS FILE…")?.parse()?;
    let paths: Vec<PathBuf> = words.map(PathBuf::from).collect();
    let files: Vec<File> = paths.iter().map(|path| File::read(path)).collect::<Result<_, _>>()?;
    let load = median(rounds, || {
        let keys = Keys::standard();
        paths.iter().try_for_each(|path| open(path, &keys).map(drop).map_err(Failure::from))
    })?;
    let unwrap = median(rounds, || {
        let keys = Keys::standard();
        files.iter().try_for_each(|file| Ok(keys.open(&file.file, &file.path).map(drop)?))
    })?;
    let cipher = median(rounds, || files.iter().try_for_each(File::decrypt))?;
    let values: usize = files.iter().map(|file| file.values.len()).sum();
    println!(
        "{{\"values\": {values}, \"load\": {load:.6}, \"unwrap\": {unwrap:.6}, \"cipher\": {cipher:.6}}}"
    );
    Ok(())
}

fn median(rounds: usize, mut work: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..=rounds {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed());
    }
    // The first one warms up.
    times.remove(0);
    times.sort();
    Ok(times[times.len() / 2].as_secs_f64())
}

/// A file, and its values taken apart.
struct File {
    path: PathBuf,
    file: EncryptedFile,
    key: [u8; 32],
    values: Vec<Sealed>,
}

struct Sealed {
    data: Vec<u8>,
    nonce: Vec<u8>,
    tag: Vec<u8>,
    key: String,
}

impl File {
    fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read(path)?;
        let file = EncryptedFile::parse(&text, Format::of_name(&path.to_string_lossy()))?;
        let key = *Keys::standard().open(&file, path)?.expose();
        let lines = std::str::from_utf8(&text)?.lines().take_while(|line| *line != "sops:");
        let values = lines.filter_map(Sealed::of_line).collect();
        Ok(Self { path: path.to_owned(), file, key, values })
    }

    /// Decrypts the values, as the bare cipher does: no text is read, and no code is checked.
    fn decrypt(&self) -> Result<(), Failure> {
        let cipher = AesGcm::<Aes256, U32>::new(Key::<Aes256>::from_slice(&self.key));
        for value in &self.values {
            let mut data = value.data.clone();
            let (nonce, tag) = (Nonce::from_slice(&value.nonce), Tag::from_slice(&value.tag));
            let opened =
                cipher.decrypt_in_place_detached(nonce, value.key.as_bytes(), &mut data, tag);
            opened.map_err(|_| "not authentic")?;
        }
        Ok(())
    }
}

impl Sealed {
    /// Takes a line apart: `KEY: ENC[AES256_GCM,data:…,iv:…,tag:…,type:str]`.
    fn of_line(line: &str) -> Option<Self> {
        let (key, text) = line.split_once(": ENC[AES256_GCM,data:")?;
        let (data, rest) = text.split_once(",iv:")?;
        let (nonce, rest) = rest.split_once(",tag:")?;
        let (tag, _) = rest.split_once(",type:")?;
        let decode = |letters| STANDARD.decode(letters).ok();
        Some(Self {
            data: decode(data)?,
            nonce: decode(nonce)?,
            tag: decode(tag)?,
            key: format!("{key}:"),
        })
    }
}
