//! What every command works with: the options, the engine, and a place for output.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use windlass::engine::{Engine, Options, WORKSPACE};
use windlass::executor::StopFlag;
use windlass::project::LoadedProject;
use windlass::secrets::Redaction;
use windlass::{Error, EventSink};

use crate::args::{Color, Global, Output};
use crate::error::CliError;
use crate::sinks;
use crate::ui::progress::{Progress, ProgressMode};
use crate::ui::style::Style;

/// The options, resolved against the terminal and the environment.
pub(crate) struct App {
    pub(crate) global: Global,
    pub(crate) style: Style,
    pub(crate) errors: Style,
    pub(crate) stop: StopFlag,
    /// The last filter of what is said about failures and in logs.
    pub(crate) redaction: Redaction,
    /// How long to wait for an environment that somebody else has locked.
    pub(crate) lock_wait: Option<Duration>,
}

impl App {
    /// Resolves the options.
    pub(crate) fn new(global: Global) -> Self {
        let style = Style { color: wants_color(global.color, io::stdout().is_terminal()) };
        let errors = Style { color: wants_color(global.color, io::stderr().is_terminal()) };
        let (stop, redaction) = (StopFlag::default(), Redaction::default());
        Self { global, style, errors, stop, redaction, lock_wait: None }
    }

    /// Returns the same, waiting so long for an environment that somebody else has locked.
    pub(crate) fn waiting(self, lock_wait: Option<Duration>) -> Self {
        Self { lock_wait, ..self }
    }

    /// Tells whether stdout carries JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.global.output == Output::Json
    }

    /// Returns the project, or the error that there is none.
    pub(crate) fn project(&self) -> Result<LoadedProject, Error> {
        LoadedProject::find(self.start())
    }

    /// Returns the directory of the project file, which need not be valid.
    pub(crate) fn project_root(&self) -> Option<PathBuf> {
        let file = LoadedProject::locate(self.start()).ok()?;
        file.parent().map(Path::to_owned)
    }

    fn start(&self) -> &Path {
        self.global.project.as_deref().unwrap_or(Path::new("."))
    }

    /// Returns an engine on the project.
    pub(crate) fn engine(&self) -> Result<Engine, CliError> {
        let project = self.project()?;
        Ok(self.open(Some(project))?)
    }

    /// Returns an engine on the project, or without one where there is a workspace: given by name,
    /// or in the current directory.
    pub(crate) fn engine_on_state(&self) -> Result<Engine, CliError> {
        match self.project() {
            Ok(project) => Ok(self.open(Some(project))?),
            Err(Error::NoProject { .. }) if self.has_workspace() => Ok(self.open(None)?),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns an engine that makes its workspace where there is neither project nor workspace.
    pub(crate) fn engine_anywhere(&self) -> Result<Engine, CliError> {
        match self.project() {
            Ok(project) => Ok(self.open(Some(project))?),
            Err(Error::NoProject { .. }) if self.global.project.is_none() => Ok(self.open(None)?),
            Err(error) => Err(error.into()),
        }
    }

    fn has_workspace(&self) -> bool {
        self.global.project.is_none()
            && (self.global.workspace.is_some() || Path::new(WORKSPACE).is_dir())
    }

    fn open(&self, project: Option<LoadedProject>) -> Result<Engine, Error> {
        Engine::open(Options {
            project,
            workspace: self.global.workspace.clone(),
            sinks: self.sinks()?,
            stop: self.stop.clone(),
            redaction: self.redaction.clone(),
            lock_wait: self.lock_wait,
            ..Options::default()
        })
    }

    fn sinks(&self) -> Result<Vec<Box<dyn EventSink>>, Error> {
        let mut all: Vec<Box<dyn EventSink>> = Vec::new();
        // Lines of JSON that go to stderr have it to themselves.
        let taken = self.global.events.as_deref() == Some(Path::new("-"));
        if !self.global.quiet && !taken {
            all.push(Box::new(sinks::Terminal::new(Progress::new(
                self.progress_mode(),
                self.errors,
            ))));
        }
        if let Some(path) = &self.global.events {
            all.push(Box::new(sinks::JsonLines::open(path)?));
        }
        Ok(all)
    }

    fn progress_mode(&self) -> ProgressMode {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if io::stderr().is_terminal() && !dumb { ProgressMode::Bars } else { ProgressMode::Lines }
    }

    /// Prints `text`, or in JSON mode `value` as one object with its schema version.
    pub(crate) fn print(
        &self,
        text: impl FnOnce() -> String,
        value: impl Serialize,
    ) -> Result<(), CliError> {
        if self.is_json() { self.print_json(value) } else { self.print_text(&text()) }
    }

    /// Prints `value` as one JSON object with its schema version.
    pub(crate) fn print_json(&self, value: impl Serialize) -> Result<(), CliError> {
        let mut value =
            serde_json::to_value(value).map_err(|error| CliError::Output(error.into()))?;
        if let Value::Object(object) = &mut value {
            object.entry("schema").or_insert(json!(1));
        }
        let text =
            serde_json::to_string_pretty(&value).map_err(|error| CliError::Output(error.into()))?;
        self.print_text(&(text + "\n"))
    }

    /// Prints `text`; a reader that has gone (`| head`) is no error.
    pub(crate) fn print_text(&self, text: &str) -> Result<(), CliError> {
        self.print_bytes(text.as_bytes())
    }

    /// Prints `bytes` as they are.
    pub(crate) fn print_bytes(&self, bytes: &[u8]) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::Output(error)),
            _ => Ok(()),
        }
    }

    /// Says something on stderr, unless `--quiet`; a reader that has gone is no error.
    pub(crate) fn say(&self, text: &str) {
        if !self.global.quiet {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }
}

fn wants_color(when: Color, terminal: bool) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match when {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && !refused && !dumb,
    }
}
