//! A project with an encrypted file of secrets, and the keys of a colleague.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use windlass::sops::{EncryptedFile, Format, Identities, KeyPair, Rules, SystemEntropy, encrypt};
use windlass_testing::{Output, TestProject, Windlass};

/// Where the secrets of the environment `staging` are.
pub(crate) const SECRETS: &str = "secrets/staging.yaml";

const NOW: &str = "2026-11-20T12:00:00Z";

pub(crate) struct Shop {
    pub(crate) project: TestProject,
    pub(crate) pair: KeyPair,
}

impl Shop {
    /// Returns a project with the project file `toml`; the key lies where SOPS looks for it by itself.
    pub(crate) fn new(toml: &str) -> Self {
        let shop = Self { project: TestProject::new(), pair: KeyPair::generate() };
        shop.project.write("windlass.toml", toml).directory("tmp");
        shop.hold_key(shop.pair.secret());
        shop
    }

    /// Puts `secret` in the file of keys.
    pub(crate) fn hold_key(&self, secret: &str) {
        let file = self.project.home().join(".config/sops/age/keys.txt");
        fs::create_dir_all(file.parent().expect("it has one")).expect("made");
        fs::write(&file, format!("{secret}\n")).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("set");
    }

    /// Encrypts `yaml` as the secrets of `staging`.
    pub(crate) fn keep(&self, yaml: &str) -> &Self {
        let rules = Rules::for_recipients(vec![self.pair.recipient().clone()]);
        let now = NOW.parse().expect("a time");
        let text = encrypt(yaml.as_bytes(), Format::Yaml, &rules, now, &mut SystemEntropy);
        self.project.write(SECRETS, text.expect("encrypted"));
        self
    }

    /// Gives the file of secrets another data key.
    pub(crate) fn rotate_data_key(&self) -> &Self {
        let keys = Identities::parse(self.pair.secret(), "a test").expect("a key");
        let file = EncryptedFile::parse(self.project.read(SECRETS).as_bytes(), Format::Yaml);
        let now = NOW.parse().expect("a time");
        let text = file.expect("a SOPS file").rotate_data_key(&keys, now, &mut SystemEntropy);
        self.project.write(SECRETS, text.expect("rotated"));
        self
    }

    pub(crate) fn windlass(&self) -> Windlass {
        let windlass = self.project.windlass(env!("CARGO_BIN_EXE_windlass"));
        windlass.env("TMPDIR", self.project.at("tmp"))
    }

    #[track_caller]
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.windlass().run(words)
    }

    /// Returns the text of a file on the target.
    #[track_caller]
    pub(crate) fn live(&self, path: &str) -> String {
        self.project.read(Path::new("state/etc").join(path))
    }

    /// Returns the permission bits of a file on the target.
    pub(crate) fn mode(&self, path: &str) -> u32 {
        let path = self.project.at("state/etc").join(path);
        path.metadata().expect("deployed").permissions().mode() & 0o7777
    }

    /// Returns every file of the project, its workspace and the home directory, without those of the target
    /// and the key itself: its path with what is in it, decompressed where it is an object.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        walk(&self.project.path(), &mut found);
        walk(&self.project.home(), &mut found);
        let target = self.project.at("state");
        found.retain(|(path, _)| !path.starts_with(&target) && !path.ends_with("keys.txt"));
        let plain = |(path, bytes): (PathBuf, Vec<u8>)| match zstd::decode_all(bytes.as_slice()) {
            Ok(content) => (path, content),
            Err(_) => (path, bytes),
        };
        found.into_iter().map(plain).collect()
    }

    /// Returns every file below the target's root.
    pub(crate) fn on_target(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        walk(&self.project.at("state"), &mut found);
        found
    }
}

fn walk(directory: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.expect("listed").path();
        let kind = fs::symlink_metadata(&path).expect("there").file_type();
        if kind.is_dir() {
            walk(&path, found);
        } else if kind.is_file() {
            found.push((path.clone(), fs::read(&path).expect("reads")));
        }
    }
}
