//! Commands and their outputs, as documents show them in `console` blocks.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use windlass_testing::TestProject;

const OPENING: &str = "```console\n";
const CLOSING: &str = "```\n";

/// A `console` block: commands, each with what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block(Vec<(String, String)>);

impl Block {
    /// Returns the blocks of a document, in order.
    pub(crate) fn all_of(text: &str) -> Vec<Self> {
        let parts = text.split(OPENING).skip(1);
        parts.map(|part| Self::parse(part.split(CLOSING).next().unwrap_or_default())).collect()
    }

    fn parse(text: &str) -> Self {
        let mut steps: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push((command.to_owned(), String::new())),
                (None, Some((_, output))) => *output += &format!("{line}\n"),
                (None, None) => panic!("output before the first command: {line}"),
            }
        }
        Self(steps)
    }

    /// Returns the document with `blocks` in place of its own.
    pub(crate) fn replace_all(text: &str, blocks: &[Self]) -> String {
        let mut parts = text.split(OPENING);
        let mut out = parts.next().unwrap_or_default().to_owned();
        for (part, block) in parts.zip(blocks) {
            let rest = part.split_once(CLOSING).map_or("", |(_, rest)| rest);
            let _ = write!(out, "{OPENING}{}{CLOSING}{rest}", block.text());
        }
        out
    }

    /// Returns the same commands with what they say now.
    pub(crate) fn run(&self, shell: &mut Shell) -> Self {
        Self(self.0.iter().map(|(command, _)| (command.clone(), shell.run(command))).collect())
    }

    /// Returns how many commands there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn text(&self) -> String {
        self.0.iter().map(|(command, output)| format!("$ {command}\n{output}")).collect()
    }
}

/// A shell that keeps its directory, its variables and its last exit code from command to command.
pub(crate) struct Shell {
    directory: PathBuf,
    home: PathBuf,
    code: i32,
}

impl Shell {
    /// Returns a shell in the directory of `project`, with an empty home.
    pub(crate) fn new(project: &TestProject) -> Self {
        Self { directory: project.path(), home: project.home(), code: 0 }
    }

    /// Returns the exit code of the last command.
    pub(crate) fn code(&self) -> i32 {
        self.code
    }

    /// Runs a command and returns what it says on both streams, but for lines of progress, whose
    /// order is that of the moment.
    pub(crate) fn run(&mut self, command: &str) -> String {
        let kept = self.home.join("variables");
        if !kept.exists() {
            fs::write(&kept, "").expect("the home can be written");
        }
        let script = format!(
            ". '{0}'; (exit {1})\n{command}\ncode=$?; export -p > '{0}'; pwd > '{0}.pwd'; exit $code",
            kept.display(),
            self.code
        );
        let output = self.shell().args(["-c", &format!("exec 2>&1\n{script}")]).output();
        let output = output.expect("there is a shell");
        self.code = output.status.code().expect("the shell ends by itself");
        if let Ok(directory) = fs::read_to_string(self.home.join("variables.pwd")) {
            self.directory = directory.trim_end().into();
        }
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.lines().filter(|line| !is_progress(line)).map(|line| format!("{line}\n")).collect()
    }

    fn shell(&self) -> Command {
        let mut shell = Command::new("/bin/sh");
        shell.current_dir(&self.directory).env_clear().env("HOME", &self.home);
        shell.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        shell.envs([("LC_ALL", "C.UTF-8"), ("TERM", "dumb")]);
        shell
    }
}

/// Tells whether a line is `[22:13:20] …`.
fn is_progress(line: &str) -> bool {
    let time = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    time.is_some_and(|(time, _)| is_time(time))
}

fn is_time(word: &str) -> bool {
    word.len() == 8 && word.bytes().all(|b| b.is_ascii_digit() || b == b':')
}

/// Returns the text of `blocks` with a name in place of what differs from run to run; what is the
/// same twice has the same name twice.
pub(crate) fn normalized(blocks: &[Block]) -> String {
    let mut seen = Vec::new();
    let text: String = blocks.iter().map(Block::text).collect();
    text.lines().map(|line| normalized_line(line, &mut seen) + "\n").collect()
}

fn normalized_line(line: &str, seen: &mut Vec<String>) -> String {
    let indent = line.len() - line.trim_start().len();
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut out: Vec<String> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).map(|next| next.trim_end_matches(['.', ',']));
        let counted = matches!(next, Some("ms" | "s")) && word.parse::<f64>().is_ok();
        let unit = at > 0 && matches!(*word, "ms" | "s") && out[at - 1] == "<time>";
        out.push(if counted || unit { "<time>".to_owned() } else { placeholder(word, seen) });
    }
    " ".repeat(indent) + &out.join(" ")
}

/// Returns the name of a volatile word, and any other as it is.
fn placeholder(word: &str, seen: &mut Vec<String>) -> String {
    let end = word.trim_end_matches([':', ',', ';', '.']).len();
    let (bare, tail) = word.split_at(end);
    let name = if is_id(bare) || is_release(bare) {
        format!("<{}>", ordinal(bare, seen))
    } else if is_time(bare) || is_date(bare) {
        "<time>".to_owned()
    } else if is_person(bare) {
        "<who>".to_owned()
    } else {
        return word.to_owned();
    };
    name + tail
}

fn ordinal(word: &str, seen: &mut Vec<String>) -> usize {
    seen.iter().position(|known| known == word).unwrap_or_else(|| {
        seen.push(word.to_owned());
        seen.len() - 1
    })
}

fn is_id(word: &str) -> bool {
    word.starts_with("deploy_") || word.starts_with("rollback_")
}

fn is_release(word: &str) -> bool {
    word.len() == 12 && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_date(word: &str) -> bool {
    word.len() == 10 && word.split('-').map(str::len).eq([4, 2, 2])
}

fn is_person(word: &str) -> bool {
    word.split_once('@').is_some_and(|(user, host)| {
        let plain = |text: &str| text.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
        !user.is_empty() && !host.is_empty() && plain(user) && plain(host)
    })
}

/// Returns where two normalised texts first differ.
pub(crate) fn difference(written: &str, said: &str) -> String {
    let (mut left, mut right) = (written.lines(), said.lines());
    let mut command = "";
    loop {
        match (left.next(), right.next()) {
            (Some(one), Some(other)) if one == other => {
                command = one.strip_prefix("$ ").unwrap_or(command);
            }
            (one, other) => {
                return format!(
                    "the document is stale at `{command}`:\n- {}\n+ {}\nWINDLASS_BLESS=1 writes what is said now into it",
                    one.unwrap_or("(end)"),
                    other.unwrap_or("(end)")
                );
            }
        }
    }
}
