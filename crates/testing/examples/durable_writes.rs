//! What a durable copy costs at least: for each file, write, fsync and rename, on some threads.
//!
//! `durable_writes SOURCE DESTINATION THREADS` copies the files directly in SOURCE. It is the bare
//! loop that `scripts/bench-peers` compares a deployment with.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, destination, threads] = arguments.as_slice() else {
        return fail("usage: durable_writes SOURCE DESTINATION THREADS");
    };
    let Ok(threads @ 1..) = threads.parse::<usize>() else {
        return fail("THREADS is a number from 1");
    };
    match copy_all(Path::new(source), Path::new(destination), threads) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("cannot copy {source} to {destination}: {error}")),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("durable_writes: {message}");
    ExitCode::FAILURE
}

fn copy_all(source: &Path, destination: &Path, threads: usize) -> io::Result<()> {
    let entries = fs::read_dir(source)?.map(|entry| entry.map(|entry| entry.path()));
    let files = entries.collect::<io::Result<Vec<PathBuf>>>()?;
    fs::create_dir_all(destination)?;
    thread::scope(|scope| {
        let share = files.len().div_ceil(threads).max(1);
        let copy_share = |files: &[PathBuf]| files.iter().try_for_each(|f| copy(f, destination));
        let workers: Vec<_> =
            files.chunks(share).map(|s| scope.spawn(move || copy_share(s))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("copying never panics"))
    })?;
    File::open(destination)?.sync_all()
}

fn copy(file: &Path, destination: &Path) -> io::Result<()> {
    let name = file.file_name().expect("an entry of a directory has a name");
    let temporary = destination.join(format!(".{}.tmp", name.display()));
    let mut output = File::create(&temporary)?;
    output.write_all(&fs::read(file)?)?;
    output.sync_all()?;
    fs::rename(temporary, destination.join(name))
}
