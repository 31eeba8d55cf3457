//! `windlass secrets init`

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use windlass::Error;
use windlass::clock::{Clock, SystemClock};
use windlass::secrets::keys::standard_key_file;
use windlass::secrets::{CreationRulesFile, KeyFile, RULES_FILE};
use windlass::sops::Recipient;

use super::Outcome;
use super::subject::Place;
use crate::app::App;
use crate::args::SecretsInit;
use crate::error::{CliError, Exit};

/// What git should not keep: files that were being written when a process was killed.
const IGNORED: &str = ".windlass-secrets-*";

/// Which files git has merged by Windlass.
const MERGED: &str = "secrets/** merge=windlass-secrets";

/// What git is told about that.
const SETTINGS: [(&str, &str); 2] = [
    ("merge.windlass-secrets.name", "SOPS files, key by key"),
    ("merge.windlass-secrets.driver", "windlass secrets merge-driver %O %A %B %P"),
];

/// What was done, or found done.
struct Done {
    key: KeyFile,
    written: Vec<String>,
    git: Git,
    /// Whether the rules that were there do not name the key.
    unnamed: bool,
}

/// Whether git knows the merge driver.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Git {
    Told,
    /// There is no repository, or no git.
    None,
}

pub(super) fn run(app: &App, args: &SecretsInit) -> Outcome {
    let place = Place::of(app)?;
    let root = place.root();
    let key = KeyFile::ensure(&key_file(args)?, SystemClock.now()).map_err(|error| {
        let hint = "name another one with `--key-file`";
        super::refused(windlass::error::describe(&error), hint)
    })?;
    let mut written = Vec::new();
    let unnamed = rules(&root, &key.recipient, &mut written)?;
    add_line(&root.join(".gitignore"), IGNORED, &mut written)?;
    add_line(&root.join(".gitattributes"), MERGED, &mut written)?;
    let git = if tell_git(&root) { Git::Told } else { Git::None };
    let done = Done { key, written, git, unnamed };
    app.print(|| text(&done), object(&done))?;
    Ok(Exit::Done)
}

/// Returns where the key is, or is to be made.
fn key_file(args: &SecretsInit) -> Result<PathBuf, CliError> {
    let named = env::var_os("SOPS_AGE_KEY_FILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = args.key_file.clone().or(named);
    path.or_else(|| standard_key_file(&|name| env::var_os(name))).ok_or_else(|| {
        super::refused(
            "there is no home directory for a key",
            "say where it goes with `--key-file`",
        )
    })
}

/// Writes rules for `secrets/` if there are none; tells whether those that are there do not name the key.
fn rules(root: &Path, key: &Recipient, written: &mut Vec<String>) -> Result<bool, CliError> {
    let path = root.join(RULES_FILE);
    let Some(found) = CreationRulesFile::read(&path)? else {
        let text = format!(
            "# Who can read new files of secrets. `windlass secrets recipients add` adds somebody, also to\n\
             # the files that are there.\ncreation_rules:\n  - path_regex: ^secrets/\n    age:\n      - {key}\n"
        );
        write(&path, &text, written)?;
        return Ok(false);
    };
    let for_secrets = found.for_file(&root.join("secrets/new.yaml"));
    Ok(!for_secrets.is_some_and(|rules| rules.recipients.contains(key)))
}

/// Adds `line` to the file at `path`, unless it is there.
fn add_line(path: &Path, line: &str, written: &mut Vec<String>) -> Result<(), CliError> {
    let before = match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => {
            read.map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })?
        }
    };
    if before.lines().any(|known| known.trim() == line) {
        return Ok(());
    }
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    write(path, &format!("{before}{gap}{line}\n"), written)
}

fn write(path: &Path, text: &str, written: &mut Vec<String>) -> Result<(), CliError> {
    let failed = |source| Error::Io { action: "write", path: path.to_owned(), source };
    fs::write(path, text).map_err(failed)?;
    written.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
    Ok(())
}

/// Tells the repository around `root` about the merge driver; returns whether there is one.
fn tell_git(root: &Path) -> bool {
    SETTINGS.iter().all(|(name, value)| {
        let mut git = Command::new("git");
        git.arg("-C").arg(root).args(["config", "--local", name, value]);
        let status = git.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    })
}

/// Returns the commands that tell git.
fn git_commands() -> Vec<String> {
    SETTINGS.iter().map(|(name, value)| format!("git config {name} '{value}'")).collect()
}

fn text(done: &Done) -> String {
    let (path, recipient) = (done.key.path.display(), &done.key.recipient);
    let mut text = if done.key.is_new {
        format!("Made a key in {path}: keep a copy in a safe place.\n")
    } else {
        format!("Found your key in {path}.\n")
    };
    text += &format!("Your public key: {recipient}\n");
    if !done.written.is_empty() {
        text += &format!("Wrote {}.\n", done.written.join(", "));
    }
    match done.git {
        Git::Told => text += "git merges files of secrets key by key from now on, in this clone.\n",
        Git::None => {
            text += "For merges key by key, run in each clone:\n";
            text += &git_commands().iter().map(|line| format!("  {line}\n")).collect::<String>();
        }
    }
    if done.unnamed {
        text += &format!(
            "\n{RULES_FILE} does not name your key. Somebody who can read the secrets has to run:\n  \
             windlass secrets recipients add {recipient}\n"
        );
        return text;
    }
    text + "\nNext:\n  add `secrets = \"secrets/staging.yaml\"` to [environments.staging] in windlass.toml\n  \
            windlass secrets set staging DB_PASSWORD\n"
}

fn object(done: &Done) -> Value {
    json!({
        "key_file": done.key.path,
        "new_key": done.key.is_new,
        "recipient": done.key.recipient.as_str(),
        "written": done.written,
        "merge_driver": done.git == Git::Told,
        "needs_recipient": done.unnamed,
    })
}
