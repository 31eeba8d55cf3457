//! What people ask of a rollout under way from other terminals: files, each with an answer beside it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing::warn;
use windlass_core::record::DeploymentId;
use windlass_core::rollout::{Command, Progress, Refusal};

use crate::durable;

/// What the names of questions end in.
const ASKED: &str = "ask";
/// What the names of answers end in.
const ANSWERED: &str = "answer";
/// A question of more bytes than this is none.
const MAX_QUESTION: u64 = 4 << 10;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Question {
    /// What is asked for.
    pub(crate) command: Command,
    /// By whom.
    pub(crate) by: String,
}

/// What became of it: where the rollout stands since, or why nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Done(Progress),
    Refused(Refusal),
}

/// Where questions to one rollout lie, as long as it is driven.
#[derive(Debug)]
pub(crate) struct Inbox {
    directory: PathBuf,
}

impl Inbox {
    /// Opens the inbox of a rollout in `workspace`, empty.
    pub(crate) fn open(workspace: &Path, deployment: &DeploymentId) -> io::Result<Self> {
        let all = workspace.join("commands");
        durable::create_dir(&all)?;
        let directory = all.join(deployment.as_str());
        remove(&directory)?;
        durable::create_dir(&directory)?;
        Ok(Self { directory })
    }

    /// Takes the questions that lie there, in the order of their names. One that is none is removed.
    pub(super) fn take(&self) -> Vec<(PathBuf, Question)> {
        let Ok(entries) = fs::read_dir(&self.directory) else { return Vec::new() };
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
        let mut asked: Vec<_> =
            paths.filter(|path| path.extension() == Some(OsStr::new(ASKED))).collect();
        asked.sort();
        let taken = asked.into_iter().filter_map(|path| {
            let question = read(&path);
            // What cannot be removed would be asked again and again.
            fs::remove_file(&path).ok()?;
            Some((path, question?))
        });
        taken.collect()
    }

    /// Answers a question that was taken. The answer lies beside the inbox, so that it is still there when
    /// it ended the rollout.
    pub(super) fn answer(&self, question: &Path, reply: &Reply) {
        let answered = put(&answer_path(&self.directory, question), reply);
        if let Err(error) = answered {
            warn!(%error, "a command from another terminal was not answered");
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.directory) {
            warn!(%error, "the commands of a deployment that ended were not removed");
        }
    }
}

/// A question that was asked, and waits for its answer.
#[derive(Debug)]
pub(crate) struct Asked {
    directory: PathBuf,
    answer: PathBuf,
}

impl Asked {
    /// Asks the rollout of `deployment`, the `nth` question of this process; nothing where nobody
    /// drives it.
    pub(crate) fn ask(
        workspace: &Path,
        deployment: &DeploymentId,
        question: &Question,
        name: &str,
    ) -> io::Result<Option<Self>> {
        let directory = workspace.join("commands").join(deployment.as_str());
        let path = directory.join(name).with_extension(ASKED);
        match put(&path, question) {
            Ok(()) => Ok(Some(Self { answer: answer_path(&directory, &path), directory })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes the answer, if it is there.
    pub(crate) fn answer(&self) -> Option<Reply> {
        let reply = read(&self.answer)?;
        if let Err(error) = fs::remove_file(&self.answer) {
            warn!(%error, "an answer that was read was not removed");
        }
        Some(reply)
    }

    /// Tells whether nobody will answer: the rollout ended.
    pub(crate) fn is_over(&self) -> bool {
        !self.directory.exists()
    }
}

/// Returns where the answer to a question in `directory` lies.
fn answer_path(directory: &Path, question: &Path) -> PathBuf {
    let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    directory.with_file_name(format!("{}.{}.{ANSWERED}", name(directory), name(question)))
}

/// Puts a value at `path`, where it is whole or not at all.
fn put(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let part = path.with_extension("part");
    fs::write(&part, serde_json::to_vec(value)?)?;
    fs::rename(&part, path)
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Option<T> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > MAX_QUESTION {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> DeploymentId {
        DeploymentId::new("deploy_staging_1").expect("an id")
    }

    #[test]
    fn questions_are_taken_once_in_order_and_answered() {
        let workspace = tempfile::tempdir().expect("a directory");
        let ask = |command, name: &str| {
            let question = Question { command, by: "me".to_owned() };
            Asked::ask(workspace.path(), &id(), &question, name).expect("asked")
        };
        assert!(ask(Command::Pause, "0").is_none(), "nobody is there");
        let inbox = Inbox::open(workspace.path(), &id()).expect("opened");
        let (second, first) = (ask(Command::Abort, "2"), ask(Command::Pause, "1"));
        let first = first.expect("somebody is there");
        let taken = inbox.take();
        let commands: Vec<_> = taken.iter().map(|(_, question)| question.command).collect();
        assert_eq!(commands, [Command::Pause, Command::Abort]);
        assert!(inbox.take().is_empty());
        assert_eq!(first.answer(), None);
        let refused = Reply::Refused(Refusal::NotPaused);
        inbox.answer(&taken[0].0, &refused);
        assert_eq!(first.answer(), Some(refused));
        assert!(!first.is_over());
        drop(inbox);
        assert!(first.is_over() && second.is_some_and(|second| second.is_over()));
    }

    #[test]
    fn what_is_no_question_is_removed() {
        let workspace = tempfile::tempdir().expect("a directory");
        let inbox = Inbox::open(workspace.path(), &id()).expect("opened");
        fs::write(inbox.directory.join("x.ask"), "rm -rf").expect("written");
        assert!(inbox.take().is_empty());
        assert!(!inbox.directory.join("x.ask").exists());
    }
}
