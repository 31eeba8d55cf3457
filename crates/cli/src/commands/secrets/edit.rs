//! `windlass secrets edit`

use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use windlass::Error;
use windlass::secrets::{MemoryDir, SecretsError, Snapshot};

use super::subject::{Place, Subject};
use super::{Outcome, done, warn};
use crate::app::App;
use crate::args::SecretsFile;
use crate::error::{CliError, Exit};

/// The editor where nobody says which.
const EDITOR: &str = "vi";

/// Options that keep Vim from writing copies of a text elsewhere.
const VIM: [&str; 5] = [
    "-n",
    "-i",
    "NONE",
    "--cmd",
    "set noswapfile nobackup nowritebackup noundofile shada= viminfo=",
];

pub(super) async fn run(app: &App, args: &SecretsFile) -> Outcome {
    let Subject { shown, manager } = Place::of(app)?.subject(&args.subject)?;
    let editor = Editor::of_environment()?;
    let snapshot = Snapshot::open(manager.path(), manager.keys())?;
    warn(app, manager.keys());
    let places = MemoryDir::usual_places(env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from));
    let memory = MemoryDir::new(&places)?;
    let name = manager.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = memory.write(&name, snapshot.plain().text())?;
    loop {
        let memory = editor.run(&file, &memory).await?;
        let text = memory.read(&name)?;
        if **text == *snapshot.plain().text() {
            done(app, "Nothing was changed.", json!({ "file": shown, "changed": false }))?;
            return Ok(Exit::Done);
        }
        match manager.save_edit(&snapshot, &text) {
            Ok(()) => break,
            Err(error) if wants_to_go_on(app, &error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    done(app, &format!("Changed {shown}."), json!({ "file": shown, "changed": true }))?;
    Ok(Exit::Done)
}

/// Shows what is wrong with the text and asks the person at the terminal, if there is one, whether to
/// open it again.
fn wants_to_go_on(app: &App, error: &SecretsError) -> bool {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() || app.is_json() {
        return false;
    }
    super::super::show_diagnostics_alone(app, &error.diagnostics());
    let mut answer = String::new();
    let asked = write!(io::stderr(), "Open it again? Otherwise your changes are lost. [Y/n] ");
    let read = io::stdin().lock().read_line(&mut answer);
    let answered = asked.is_ok() && matches!(read, Ok(1..));
    answered && !answer.trim_start().starts_with(['n', 'N'])
}

/// A program that changes a file, with its arguments.
struct Editor {
    argv: Vec<OsString>,
}

impl Editor {
    /// Returns what `$VISUAL` or `$EDITOR` name.
    fn of_environment() -> Result<Self, CliError> {
        let set = |name: &str| env::var(name).ok().filter(|line| !line.trim().is_empty());
        let line = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| EDITOR.to_owned());
        let words = shlex::split(&line).filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| {
            super::refused("VISUAL or EDITOR: quotes are not closed", "name a program")
        })?;
        let mut argv: Vec<OsString> = words.into_iter().map(Into::into).collect();
        if is_vim(Path::new(&argv[0])) {
            argv.splice(1..1, VIM.map(Into::into));
        }
        Ok(Self { argv })
    }

    /// Runs it on `file` until it ends. A signal ends it, and this process after it, with nothing left.
    async fn run<'m>(&self, file: &Path, memory: &'m MemoryDir) -> Result<&'m MemoryDir, CliError> {
        let failed =
            |source| Error::Io { action: "run the editor", path: (&self.argv[0]).into(), source };
        let mut terminated = signal(SignalKind::terminate()).map_err(failed)?;
        let mut hung_up = signal(SignalKind::hangup()).map_err(failed)?;
        // These are for the editor.
        let _interrupted = signal(SignalKind::interrupt()).map_err(failed)?;
        let _quit = signal(SignalKind::quit()).map_err(failed)?;
        let child =
            Command::new(&self.argv[0]).args(&self.argv[1..]).arg(file).spawn().map_err(failed)?;
        let id = child.id();
        let ended = tokio::task::spawn_blocking(move || wait(child));
        let status = tokio::select! {
            ended = ended => ended.map_err(io::Error::other).and_then(|status| status).map_err(failed)?,
            _ = terminated.recv() => end(memory, id, SignalKind::terminate()),
            _ = hung_up.recv() => end(memory, id, SignalKind::hangup()),
        };
        if status.success() {
            return Ok(memory);
        }
        Err(super::refused(format!("the editor failed ({status})"), "nothing was changed"))
    }
}

fn wait(mut child: Child) -> io::Result<ExitStatus> {
    child.wait()
}

/// Ends the editor and this process, with nothing left of the text.
fn end(memory: &MemoryDir, editor: u32, by: SignalKind) -> ! {
    let editor = i32::try_from(editor).ok().and_then(Pid::from_raw);
    if let Some(editor) = editor {
        let _ = kill_process(editor, Signal::TERM);
    }
    memory.remove();
    std::process::exit(128 + by.as_raw_value())
}

/// Tells whether `program` is Vim, also under another name.
fn is_vim(program: &Path) -> bool {
    let found =
        if program.components().count() > 1 { Some(program.to_owned()) } else { in_path(program) };
    let real = found.and_then(|path| path.canonicalize().ok());
    let name = real.as_deref().unwrap_or(program).file_name().unwrap_or_default();
    let name = name.to_string_lossy();
    name.starts_with("vim") || name.starts_with("nvim")
}

fn in_path(program: &Path) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(program)).find(|path| path.is_file())
}
