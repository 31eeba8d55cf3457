//! Work that is done as another user, over the `sudo` of the host.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use windlass_testing::{SshdOptions, TestProject};

use super::fixture::{Fleet, Kind};

/// What speaks for `sudo` where a password is asked for: a password that PAM takes needs a user of
/// the system. It reads the password as `sudo -S` does, and stays who it is.
const STAND_IN: &str = r#"#!/bin/sh
dir=${0%/*}
tr '\0' ' ' </proc/$$/cmdline >>"$dir/seen"; tr '\0' ' ' </proc/$$/environ >>"$dir/seen"
asks=; never=
while :; do case $1 in
  -S) shift;; -H) shift;; -n) never=1; shift;; -p) asks=$2; shift 2;; -u) shift 2;; --) shift; break;; *) exit 9;;
esac; done
if [ -e "$dir/free" ]; then exec "$@"; fi
if [ "$never" ]; then echo "sudo: a password is required" >&2; exit 1; fi
for try in 1 2 3; do
  printf %s "$asks" >&2
  read -r word || { echo "sudo: no password was provided" >&2; exit 1; }
  if [ "$word" = "open sesame" ]; then exec "$@"; fi
  echo "Sorry, try again." >&2
done
exit 1
"#;

/// A fleet of one host whose commands are looked for in `bin` first.
fn with_commands_in(bin: &Path, path: &str, ssh: &str) -> Fleet {
    let path = path.replace("BIN", bin.to_str().expect("UTF-8"));
    let line = format!(r#"ForceCommand PATH={path}; export PATH; eval "$SSH_ORIGINAL_COMMAND""#);
    Fleet::over_with(SshdOptions::new().line(line), 1, ssh)
}

/// Returns the fleet behind the stand-in, and the directory that it is in.
fn behind_stand_in(ssh: &str) -> (Fleet, TestProject) {
    let bin = TestProject::new();
    fs::write(bin.path().join("sudo"), STAND_IN).expect("written");
    fs::set_permissions(bin.path().join("sudo"), fs::Permissions::from_mode(0o755)).expect("set");
    let ssh = format!("become = true\nbecome_user = \"nobody\"\n{ssh}");
    (with_commands_in(&bin.path(), "BIN:$PATH", &ssh), bin)
}

const PRINTS: &str = "become_password_command = [\"printf\", '%s\\n', \"open sesame\"]";

#[test]
fn a_password_is_given_to_sudo_alone() {
    let (fleet, bin) = behind_stand_in(PRINTS);
    let output = fleet.run(&["deploy", "prod", "-vv"]).success();
    assert_eq!(fleet.text(1, "motd").as_deref(), Some("hello\n"));
    fleet.run(&["rollback", "prod"]).success();
    let seen = fs::read_to_string(bin.path().join("seen")).expect("it was asked");
    assert!(seen.contains("sudo -S -p") && seen.contains("-u nobody -- /bin/sh -c"), "{seen}");
    let said = format!("{output}{seen}{}", fleet.server().log());
    assert!(!said.contains("sesame"), "{said}");
    let mut grep = Command::new("grep");
    grep.args(["-r", "sesame"]).arg(fleet.project.at(".windlass"));
    assert_eq!(grep.output().expect("grep").status.code(), Some(1));
}

#[test]
fn a_password_is_not_given_where_none_is_asked_for() {
    let (fleet, bin) = behind_stand_in("become_password_command = [\"touch\", \"asked\"]");
    fs::write(bin.path().join("free"), "").expect("written");
    fleet.run(&["deploy", "prod"]).success();
    assert_eq!(fleet.text(1, "motd").as_deref(), Some("hello\n"));
    assert!(!fleet.project.at("asked").exists());
}

#[test]
fn a_wrong_password_is_tried_once() {
    let wrong = PRINTS.replace("open sesame", "hunter2");
    let (fleet, _bin) = behind_stand_in(&wrong);
    let output = fleet.run(&["deploy", "prod"]).code(1);
    let output = output.says("does not take the password").says("become_password_command");
    assert!(!output.stderr.contains("hunter2"), "{output}");
    assert_eq!(fleet.text(1, "motd"), None);
}

#[test]
fn a_password_that_nobody_gives_is_an_error_that_says_what_to_do() {
    let (fleet, _bin) = behind_stand_in("");
    let output = fleet.run(&["deploy", "prod"]).code(1);
    output.says("h1").says("become_password_command").says("ALL=(nobody) NOPASSWD: ALL");
}

#[test]
fn a_host_without_sudo_says_so() {
    let bin = TestProject::new();
    symlink("/usr/bin/id", bin.path().join("id")).expect("linked");
    let fleet = with_commands_in(&bin.path(), "BIN", "become = true\nbecome_user = \"nobody\"");
    fleet.run(&["deploy", "prod"]).code(1).says("h1").says("has no `sudo`");
}

#[test]
fn who_logs_in_as_that_user_needs_no_sudo() {
    let bin = TestProject::new();
    fs::write(bin.path().join("sudo"), "#!/bin/sh\nexit 9\n").expect("written");
    fs::set_permissions(bin.path().join("sudo"), fs::Permissions::from_mode(0o755)).expect("set");
    let ssh = format!("become = true\nbecome_user = \"{}\"", own_name());
    let fleet = with_commands_in(&bin.path(), "BIN:$PATH", &ssh);
    fleet.run(&["deploy", "prod"]).success();
    assert_eq!(fleet.text(1, "motd").as_deref(), Some("hello\n"));
}

fn own_name() -> String {
    let id = Command::new("id").arg("-un").output().expect("id");
    String::from_utf8(id.stdout).expect("UTF-8").trim().to_owned()
}

/// Makes `path` a directory that `nobody` may use, and returns the user's number.
fn given_to_nobody(path: &Path) -> u32 {
    let id = Command::new("id").args(["-u", "nobody"]).output().expect("id");
    let nobody = String::from_utf8(id.stdout).expect("UTF-8").trim().parse().expect("a number");
    fs::create_dir_all(path).expect("made");
    chown(path, Some(nobody), None).expect("only root can log in to become another user");
    for above in path.ancestors().skip(1).take_while(|above| above.components().count() > 2) {
        let mode = above.metadata().expect("there").permissions().mode();
        fs::set_permissions(above, fs::Permissions::from_mode(mode | 0o011)).expect("set");
    }
    nobody
}

#[test]
fn sudo_itself_makes_another_user_do_the_work() {
    let fleet = Fleet::new(Kind::Ssh, 1);
    let place = fleet.project.home().join("of-nobody");
    let nobody = given_to_nobody(&place);
    given_to_nobody(&fleet.root(1));
    let ssh = format!(
        "config = \"ssh_config\"\nbecome_user = \"nobody\"\nagent_dir = \"{}/agents\"",
        place.display()
    );
    fleet.project.edit("windlass.toml", "config = \"ssh_config\"", &ssh);
    fleet.project.edit("windlass.toml", "{ name = \"h1\",", "{ name = \"h1\", become = true,");
    fleet.run(&["deploy", "prod"]).success();
    let owner = |path: &Path| path.metadata().expect("there").uid();
    assert_eq!(owner(&fleet.root(1).join("etc/web/motd")), nobody);
    let agents = place.join("agents");
    assert_eq!((owner(&agents), agents.metadata().expect("there").mode() & 0o777), (nobody, 0o700));
    fleet.project.write("conf", "two\n");
    fleet.run(&["deploy", "prod"]).success();
    fleet.run(&["rollback", "prod"]).success();
    assert_eq!(fleet.text(1, "web.conf").as_deref(), Some("one\n"));
    let forgotten = fleet.run(&["targets", "forget", "prod"]).success();
    assert!(forgotten.stdout.contains("removed") && !agents.exists(), "{forgotten}");
}

#[test]
fn a_user_that_is_not_there_is_named() {
    let ssh = "become = true\nbecome_user = \"no-such-user\"";
    let fleet = Fleet::over_with(SshdOptions::new(), 1, ssh);
    fleet.run(&["deploy", "prod"]).code(1).says("no user no-such-user");
}

#[test]
fn becoming_somebody_here_is_refused_by_its_place() {
    let fleet = Fleet::new(Kind::Local, 1);
    fleet.project.edit("windlass.toml", "{ name = \"h1\",", "{ name = \"h1\", become = true,");
    fleet.run(&["deploy", "prod"]).code(1).says("windlass.toml:").says("for hosts over SSH");
}
