//! `windlass-agent`: what `windlass` starts on a host, to work there.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

use windlass_agent::protocol::PROTOCOL;
use windlass_agent::protocol::failure::describe;
use windlass_agent::serve::{Patience, serve};

const HELP: &str = "\
Works on a host for `windlass`, which starts it there. There is no need to start it by hand.

Usage: windlass-agent serve       answer requests from standard input on standard output
       windlass-agent --version   print the version
       windlass-agent --help      print this";

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
