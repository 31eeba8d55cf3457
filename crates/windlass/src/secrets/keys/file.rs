//! Keys in a file: of `age-keygen`, or of SSH.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use windlass_sops::Identities;
use zeroize::Zeroizing;

use super::{FoundKeys, KeySource};

/// The most bytes of a key file.
const MOST: u64 = 1 << 20;

/// What others than the owner may do with a file.
const OF_OTHERS: u32 = 0o077;

/// The keys in a file.
#[derive(Debug)]
pub struct FileKey {
    variable: Option<&'static str>,
    path: PathBuf,
}

impl FileKey {
    /// Returns the keys in the file that `variable` names; a pipe, as shells make them of `<(…)`, will do.
    #[must_use]
    pub fn named_by(variable: &'static str, path: impl Into<PathBuf>) -> Self {
        Self { variable: Some(variable), path: path.into() }
    }

    /// Returns the keys in a regular file where keys usually are.
    #[must_use]
    pub fn usual(path: impl Into<PathBuf>) -> Self {
        Self { variable: None, path: path.into() }
    }

    fn open(&self) -> Result<(File, Metadata), String> {
        // A pipe that nobody asked for would be waited on for ever.
        let kind = std::fs::metadata(&self.path).map_err(|error| reason(&error))?;
        if kind.is_dir() || (self.variable.is_none() && !kind.is_file()) {
            return Err("not a regular file".to_owned());
        }
        let file = File::open(&self.path).map_err(|error| reason(&error))?;
        Ok((file, kind))
    }
}

impl KeySource for FileKey {
    fn place(&self) -> String {
        match self.variable {
            Some(name) => format!("{name}={}", self.path.display()),
            None => self.path.display().to_string(),
        }
    }

    fn keys(&self) -> Result<FoundKeys, String> {
        let (file, kind) = self.open()?;
        // Room for all of it from the start: a buffer that grows leaves copies behind.
        let room = usize::try_from(kind.len().min(MOST) + 1).unwrap_or_default();
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        file.take(MOST + 1).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
        if bytes.len() as u64 > MOST {
            return Err("larger than 1 MiB".to_owned());
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| "not UTF-8")?;
        let name = self.path.display().to_string();
        let identities = Identities::parse(text, &name).map_err(|error| error.to_string())?;
        Ok(FoundKeys { identities, warnings: self.too_open(&kind) })
    }
}

impl FileKey {
    fn too_open(&self, kind: &Metadata) -> Vec<String> {
        let mode = kind.permissions().mode();
        if !kind.is_file() || mode & OF_OTHERS == 0 {
            return Vec::new();
        }
        let path = self.path.display();
        vec![format!(
            "{path}: others can read or write this key (mode {:04o}): chmod 600 it",
            mode & 0o7777
        )]
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "not there".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read".to_owned(),
        _ => error.to_string(),
    }
}
