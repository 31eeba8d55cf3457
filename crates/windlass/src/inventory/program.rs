//! Inventories that are programs: they are asked for all hosts with `--list`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use windlass_agent::run::visible;

use super::MOST_BYTES;

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much of what it says aside is read, and quoted where it fails.
const MOST_ASIDE: u64 = 4 << 10;

/// Returns what the program at `path` prints with `--list`, run in `directory` with the environment of
/// this process.
pub(super) async fn list(path: &Path, directory: &Path) -> Result<String, String> {
    list_within(path, directory, PATIENCE).await
}

async fn list_within(path: &Path, directory: &Path, patience: Duration) -> Result<String, String> {
    let mut command = Command::new(path);
    command.arg("--list").current_dir(directory).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot be run: {error}"))?;
    let listed = timeout(patience, finish(&mut child)).await;
    kill(&child);
    listed.unwrap_or_else(|_| Err(format!("did not end within {} s", patience.as_secs())))
}

async fn finish(child: &mut Child) -> Result<String, String> {
    let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
        return Err("has no pipes".to_owned());
    };
    let (output, errors) = tokio::join!(beginning(output, MOST_BYTES + 1), async {
        beginning(errors, MOST_ASIDE).await.unwrap_or_default()
    });
    let output = output.map_err(|error| format!("cannot be listened to: {error}"))?;
    if output.len() as u64 > MOST_BYTES {
        return Err(format!("prints more than {MOST_BYTES} bytes"));
    }
    let status = child.wait().await.map_err(|error| format!("cannot be waited for: {error}"))?;
    if !status.success() {
        let said = visible(String::from_utf8_lossy(&errors).trim());
        return Err(format!("`--list` ended with {status}: {said}"));
    }
    String::from_utf8(output).map_err(|_| "prints something that is not UTF-8".to_owned())
}

/// Returns the first `most` bytes of a stream. The rest is read as well, but for that of one without
/// an end: whoever is asked for more than it may print has failed anyway.
async fn beginning(stream: impl AsyncRead + Unpin, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut stream = stream.take(most);
    stream.read_to_end(&mut bytes).await?;
    if most == MOST_ASIDE {
        tokio::io::copy(&mut stream.into_inner(), &mut tokio::io::sink()).await?;
    }
    Ok(bytes)
}

/// Ends a program that has not ended by itself, with all that it started.
fn kill(child: &Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn program(text: &str) -> tempfile::TempPath {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o700)).expect("set");
        file.into_temp_path()
    }

    async fn run(text: &str, patience: Duration) -> Result<String, String> {
        list_within(&program(text), Path::new("/"), patience).await
    }

    #[tokio::test]
    async fn what_it_prints_with_list_is_the_inventory() {
        let said = run("#!/bin/sh\necho \"$1 $PWD\"\n", PATIENCE).await;
        assert_eq!(said.expect("listed"), "--list /\n");
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told() {
        let failed = run("#!/bin/sh\necho no cloud >&2; exit 3\n", PATIENCE).await.expect_err("3");
        assert!(failed.contains("exit status: 3: no cloud"), "{failed}");
        let endless = run("#!/bin/sh\nexec cat /dev/zero\n", PATIENCE).await.expect_err("endless");
        assert!(endless.contains("more than 16777216 bytes"), "{endless}");
        let slow = run("#!/bin/sh\nsleep 600\n", Duration::from_millis(1)).await.expect_err("slow");
        assert!(slow.contains("did not end within"), "{slow}");
        let none = list(Path::new("/nonexistent"), Path::new("/")).await.expect_err("none");
        assert!(none.contains("cannot be run"), "{none}");
    }
}
