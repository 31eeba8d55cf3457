//! `windlass-agent`: what `windlass` starts on a host, to work there.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;

use windlass_agent::guard::{self, Guard, WATCHING};
use windlass_agent::protocol::PROTOCOL;
use windlass_agent::protocol::failure::describe;
use windlass_agent::serve::{Patience, serve};
use windlass_agent::site::Site;
use windlass_agent::work::WorkError;

const HELP: &str = "\
Works on a host for `windlass`, which starts it there. There is no need to start it by hand.

Usage: windlass-agent serve               answer requests from standard input on standard output
       windlass-agent watch ROOT PATH     take a target back unless it is confirmed in time
       windlass-agent revert STATE        watch all targets that STATE says are to be confirmed
       windlass-agent forget              remove what is kept for that, and print what it was
       windlass-agent --version           print the version
       windlass-agent --help              print this";

/// Bad arguments.
const USAGE: u8 = 2;
/// It could not serve, or the connection was lost while it worked.
const FAILED: u8 = 1;
/// The connection was lost and the work did not end; the next agent makes the target whole.
const STUCK: i32 = 75;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    match words.as_slice() {
        ["serve"] => serve_standard_streams(),
        ["watch", _, config_path] => watch_site(&arguments[1], config_path),
        ["revert", _] => {
            guard::watch_all(Path::new(&arguments[1]));
            ExitCode::SUCCESS
        }
        ["forget"] => forget(),
        ["--version" | "-V"] => say(&version()),
        ["--help" | "-h"] => say(HELP),
        _ => complain(HELP, USAGE),
    }
}

fn version() -> String {
    format!("windlass-agent {} (protocol {PROTOCOL})", env!("CARGO_PKG_VERSION"))
}

fn serve_standard_streams() -> ExitCode {
    let streams = own(&io::stdin()).and_then(|input| Ok((input, own(&io::stdout())?)));
    let (input, output) = match streams {
        Ok(streams) => streams,
        Err(error) => return complain(&format!("windlass-agent: {error}"), FAILED),
    };
    match serve(input, output, Patience::default(), || std::process::exit(STUCK)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&format!("windlass-agent: {}", describe(&error)), FAILED),
    }
}

/// Watches one site, in a session of its own that no connection takes with it. Its one stream is a pipe
/// to who started it, so that nobody waits for its end.
fn watch_site(root: &OsStr, config_path: &str) -> ExitCode {
    // It fails where this leads a session already, which is as good.
    let _ = rustix::process::setsid();
    let ready = || {
        // Who started it may be gone; it watches all the same.
        let _ = io::stdout().write_all(WATCHING).and_then(|()| io::stdout().flush());
    };
    let watched = Site::new(root, config_path)
        .map_err(WorkError::from)
        .and_then(|site| guard::watch(&site, ready));
    match watched {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&format!("windlass-agent: {}", describe(&error)), FAILED),
    }
}

fn forget() -> ExitCode {
    match Guard::here().and_then(|guard| guard.forget()) {
        Ok(removed) if removed.is_empty() => ExitCode::SUCCESS,
        Ok(removed) => say(&removed.join("\n")),
        Err(error) => complain(&error.to_string(), FAILED),
    }
}

/// Returns a standard stream without the buffer that the standard library puts before it.
fn own(stream: &impl AsFd) -> io::Result<File> {
    Ok(File::from(stream.as_fd().try_clone_to_owned()?))
}

fn say(text: &str) -> ExitCode {
    match writeln!(io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED),
    }
}

fn complain(text: &str, code: u8) -> ExitCode {
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::from(code)
}
