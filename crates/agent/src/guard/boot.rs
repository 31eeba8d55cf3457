//! What starts the agent after a restart of the host: a unit of systemd, or a line of cron.
//!
//! A host with neither is armed all the same, and says so: whoever contacts it next has it go back,
//! and what restarts hosts without either (containers, mostly) starts them from an image.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The name of the unit.
const UNIT: &str = "windlass-revert.service";
/// Where units that every start needs are linked.
const WANTS: &str = "multi-user.target.wants";
/// What stands at the end of our line of cron.
const MARK: &str = "# windlass-revert";

/// Where the host keeps what it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootPlaces {
    /// Whether this user may add units.
    pub is_root: bool,
    /// A directory that is there if systemd runs the host.
    pub systemd: PathBuf,
    /// The directory of the administrator's units.
    pub units: PathBuf,
    /// The program that edits the user's lines of cron.
    pub crontab: PathBuf,
}

impl Default for BootPlaces {
    fn default() -> Self {
        Self {
            is_root: rustix::process::geteuid().is_root(),
            systemd: PathBuf::from("/run/systemd/system"),
            units: PathBuf::from("/etc/systemd/system"),
            crontab: PathBuf::from("crontab"),
        }
    }
}

/// What a host has to start something after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// A unit of systemd.
    Unit,
    /// A line of cron.
    Cron,
}

impl BootPlaces {
    /// Has the host run `agent revert STATE` after each restart, and returns by what; nothing where it
    /// has nothing for that. What is there already stays.
    ///
    /// # Errors
    /// When what is there cannot be written, or a path cannot be written there.
    pub fn install(&self, agent: &Path, state: &Path) -> io::Result<Option<Hook>> {
        let command = [plain(agent)?, "revert".to_owned(), plain(state)?];
        if self.is_root && self.systemd.is_dir() {
            self.write_unit(&command)?;
            return Ok(Some(Hook::Unit));
        }
        let Some(lines) = self.cron_lines()? else { return Ok(None) };
        let ours = format!("@reboot {} {MARK}", command.map(|word| format!("'{word}'")).join(" "));
        if !lines.contains(&ours) {
            let others = lines.into_iter().filter(|line| !line.ends_with(MARK));
            self.set_cron_lines(&others.chain([ours]).collect::<Vec<_>>())?;
        }
        Ok(Some(Hook::Cron))
    }

    /// Removes what [`install`](Self::install) made, and returns what that was.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self) -> io::Result<Vec<String>> {
        let mut removed = Vec::new();
        for path in [self.units.join(WANTS).join(UNIT), self.units.join(UNIT)] {
            match fs::remove_file(&path) {
                Ok(()) => removed.push(path.display().to_string()),
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        if let Some(lines) = self.cron_lines()?
            && lines.iter().any(|line| line.ends_with(MARK))
        {
            let others: Vec<_> = lines.into_iter().filter(|line| !line.ends_with(MARK)).collect();
            self.set_cron_lines(&others)?;
            removed.push("the line `windlass-revert` of the crontab".to_owned());
        }
        Ok(removed)
    }

    fn write_unit(&self, command: &[String; 3]) -> io::Result<()> {
        let text = unit(command);
        let (path, wants) = (self.units.join(UNIT), self.units.join(WANTS));
        if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            write_durably(&path, &text)?;
        }
        fs::create_dir_all(&wants)?;
        match symlink(Path::new("..").join(UNIT), wants.join(UNIT)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        File::open(&wants)?.sync_all()?;
        File::open(&self.units)?.sync_all()
    }

    /// Returns the lines of the user's crontab, or nothing where the host has no cron.
    fn cron_lines(&self) -> io::Result<Option<Vec<String>>> {
        let listed = Command::new(&self.crontab).arg("-l").stdin(Stdio::null()).output();
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let said = String::from_utf8_lossy(&listed.stderr).into_owned();
        if !listed.status.success() && !said.contains("no crontab") {
            // Not allowed to have one: to others it is as if there were no cron.
            return Ok(None);
        }
        // A line that is no text would not come back as it was.
        let text = String::from_utf8(listed.stdout).map_err(io::Error::other)?;
        Ok(Some(text.lines().map(str::to_owned).collect()))
    }

    fn set_cron_lines(&self, lines: &[String]) -> io::Result<()> {
        let mut command = Command::new(&self.crontab);
        command.arg("-").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut input) = child.stdin.take() {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            input.write_all(text.as_bytes())?;
        }
        let ended = child.wait_with_output()?;
        if ended.status.success() {
            return Ok(());
        }
        Err(io::Error::other(String::from_utf8_lossy(&ended.stderr).trim().to_owned()))
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Returns the path, if it means itself in a unit and in a line of cron.
fn plain(path: &Path) -> io::Result<String> {
    let harmless = |c: char| c.is_alphanumeric() || " ._/+-@,:=".contains(c);
    let text = path.to_str().filter(|text| text.starts_with('/') && text.chars().all(harmless));
    let refused = || {
        let path = path.display();
        io::Error::other(format!("{path} cannot be written in a unit or a crontab"))
    };
    text.map(str::to_owned).ok_or_else(refused)
}

fn unit([agent, verb, state]: &[String; 3]) -> String {
    format!(
        "[Unit]\n\
         Description=Takes back deployments of Windlass that nobody confirmed\n\
         After=local-fs.target remote-fs.target\n\
         ConditionFileIsExecutable={agent}\n\
         \n\
         [Service]\n\
         Type=simple\n\
         WorkingDirectory=~\n\
         ExecStart=\"{agent}\" {verb} \"{state}\"\n\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n"
    )
}

fn write_durably(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(beside, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A host with a crontab in the file `table`, and systemd if `systemd` is made.
    fn places(temp: &Path) -> BootPlaces {
        let (table, crontab) = (temp.join("table"), temp.join("crontab"));
        let table = table.display();
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = -l ]; then cat {table} 2>/dev/null || \
             {{ echo no crontab for me >&2; exit 1; }}; else cat >{table}; fi\n"
        );
        fs::write(&crontab, script).expect("written");
        fs::set_permissions(&crontab, fs::Permissions::from_mode(0o755)).expect("set");
        fs::create_dir(temp.join("units")).expect("made");
        BootPlaces {
            is_root: true,
            systemd: temp.join("systemd"),
            units: temp.join("units"),
            crontab,
        }
    }

    #[test]
    fn root_under_systemd_gets_a_unit_that_is_enabled() {
        let temp = tempfile::tempdir().expect("a directory");
        let places = places(temp.path());
        fs::create_dir(&places.systemd).expect("made");
        let state = Path::new("/var/lib/a b");
        for agent in ["/old/agent", "/new/agent", "/new/agent"] {
            let hook = places.install(Path::new(agent), state).expect("installed");
            assert_eq!(hook, Some(Hook::Unit));
        }
        let enabled = places.units.join(WANTS).join(UNIT);
        let text = fs::read_to_string(&enabled).expect("the link leads to it");
        assert!(text.contains("ExecStart=\"/new/agent\" revert \"/var/lib/a b\"\n"), "{text}");
        assert!(!temp.path().join("table").exists());
        assert_eq!(places.remove().expect("removed").len(), 2);
        assert!(places.remove().expect("nothing").is_empty() && !enabled.exists());
    }

    #[test]
    fn others_get_one_line_of_cron_beside_theirs() {
        let temp = tempfile::tempdir().expect("a directory");
        let places = BootPlaces { is_root: false, ..places(temp.path()) };
        fs::create_dir(&places.systemd).expect("made");
        fs::write(temp.path().join("table"), "# mine\n0 1 * * * true\n").expect("written");
        for agent in ["/old/agent", "/new/agent", "/new/agent"] {
            let hook = places.install(Path::new(agent), Path::new("/s")).expect("installed");
            assert_eq!(hook, Some(Hook::Cron));
        }
        let table = || fs::read_to_string(temp.path().join("table")).expect("there");
        let line = "@reboot '/new/agent' 'revert' '/s' # windlass-revert\n";
        assert_eq!(table(), format!("# mine\n0 1 * * * true\n{line}"));
        assert_eq!(places.remove().expect("removed").len(), 1);
        assert_eq!(table(), "# mine\n0 1 * * * true\n");
    }

    #[test]
    fn a_host_with_neither_has_none_and_strange_paths_are_refused() {
        let temp = tempfile::tempdir().expect("a directory");
        let places = BootPlaces { crontab: temp.path().join("none"), ..places(temp.path()) };
        let agent = Path::new("/agent");
        assert_eq!(places.install(agent, Path::new("/s")).expect("no error"), None);
        assert!(places.remove().expect("no error").is_empty());
        for strange in ["/a%b", "/a'b", "/a\nb", "relative", "/a$b", "/a\"b"] {
            let refused = places.install(agent, Path::new(strange)).expect_err("refused");
            assert!(refused.to_string().contains("cannot be written"), "{refused}");
        }
    }
}
