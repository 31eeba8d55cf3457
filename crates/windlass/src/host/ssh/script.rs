//! What a host is asked to run: a script that finds the agent, or receives it, and becomes it.
//!
//! The login shell of the user may be any, so it is only told `exec /bin/sh -c '…'`, which `sh`,
//! `csh` and `fish` take alike: between the quotes there is no quote, backslash, `!` or line break.
//! The agent lies in a directory that is the user's own and closed to all others, under the digest of
//! its bytes; it is written beside and renamed, so that what bears the name is whole.

use super::agents::Sendable;

/// How a line of the script begins; the word after it says what it is about.
pub(super) const MARK: &str = "windlass-bootstrap ";

/// Where agents are kept on hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places(Option<String>);

/// Where agents are kept unless told otherwise: in the cache of the user, and where that is no place
/// for programs, in the directory for temporary files that are kept over a reboot.
const USUAL: &str =
    r#""${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/windlass" /var/tmp/windlass-"#;

impl Places {
    /// Returns the directory `own`, or the usual ones.
    pub(super) fn new(own: Option<&str>) -> Self {
        Self(own.map(str::to_owned))
    }

    fn words(&self, over: Option<&Sudo<'_>>) -> String {
        match (&self.0, over) {
            (Some(own), _) => format!("\"{own}\""),
            (None, None) => format!("{USUAL}$(id -u)"),
            (None, Some(_)) => format!("{USUAL_OVER_SUDO}$(id -u)"),
        }
    }
}

/// How a script is run as another user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sudo<'a> {
    /// Who that is: the name of a user, without characters that a shell gives a meaning to.
    pub(super) user: &'a str,
    /// Whether `sudo` may ask for a password; it fails where it would otherwise.
    pub(super) may_ask: bool,
}

/// The same for a script that `sudo` runs: variables of who logged in may have been kept, but for
/// `HOME`, which is that of the other user.
const USUAL_OVER_SUDO: &str = r#""${HOME:-/nonexistent}/.cache/windlass" /var/tmp/windlass-"#;

/// Whether an agent that is there already is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is started.
    Used,
    /// It is replaced: it did not start.
    Replaced,
}

/// Returns the command that starts an agent, as another user if it is `over` sudo.
pub(super) fn start(
    agents: &[Sendable],
    places: &Places,
    kept: Kept,
    over: Option<Sudo<'_>>,
) -> String {
    let cases: Vec<_> = agents.iter().map(case).collect();
    let mut steps = vec![format!("case $m in {} esac", cases.join(" "))];
    steps.push(format!("set -- {}", places.words(over.as_ref())));
    if kept == Kept::Used {
        steps.push(USE.to_owned());
    }
    steps.push(RECEIVE.to_owned());
    command(&steps, over)
}

/// Returns the command that removes all agents of the user, and says which directories it removed.
pub(super) fn forget(places: &Places, over: Option<Sudo<'_>>) -> String {
    command(&[format!("set -- {}", places.words(over.as_ref())), FORGET.to_owned()], over)
}

/// Returns the command that takes steps, as whoever logs in or over `sudo`. A script that `sudo` runs
/// is an argument of the one that runs `sudo`, so that neither has to be quoted for the other.
fn command(steps: &[String], over: Option<Sudo<'_>>) -> String {
    let head = if over.is_some() { &[HEAD, "s became"][..] } else { &[HEAD] };
    let script = head.iter().copied().chain(steps.iter().map(String::as_str));
    let script = script.collect::<Vec<_>>().join("; ");
    debug_assert!(!script.contains(SPECIAL), "{script}");
    match over {
        None => format!("exec /bin/sh -c '{script}'"),
        Some(Sudo { user, may_ask }) => {
            let how = if may_ask { ASKING } else { SILENTLY };
            format!("exec /bin/sh -c '{BECOME}{how}' sh '{user}' '{script}'")
        }
    }
}

/// The characters that mean something to one login shell or another, between quotes.
const SPECIAL: [char; 4] = ['\'', '\\', '!', '\n'];

/// Runs the second argument as the user in the first. The messages of `sudo` are those of the C locale.
const BECOME: &str = concat!(
    r#"if [ "$(id -un)" = "$1" ]; then exec /bin/sh -c "$2"; fi; "#,
    r#"unset LC_ALL; LC_MESSAGES=C; export LC_MESSAGES; "#,
);

/// What is asked is not in the command as `sudo` prints it.
const ASKING: &str = r#"q=windlass; exec sudo -S -p "$q-asks: " -H -u "$1" -- /bin/sh -c "$2""#;

const SILENTLY: &str = r#"exec sudo -n -H -u "$1" -- /bin/sh -c "$2""#;

fn case(agent: &Sendable) -> String {
    let Sendable { machine, digest, bytes } = agent;
    // Some systems call the same machine otherwise.
    let names = if *machine == "aarch64" { "aarch64|arm64" } else { machine };
    format!("{names}) h={digest} n={};;", bytes.len())
}

/// `s` says a word to the operator, on a line of its own also after a profile that ended without one.
/// `c` removes what was begun. `p` tells whether a directory is the user's own and closed to others: `ls` says `l` of a link.
const HEAD: &str = concat!(
    r#"umask 077; m=$(uname -m); h=; n=; w=; "#,
    r#"s() { echo; echo "windlass-bootstrap $*"; }; "#,
    r#"c() { rm -f -- "$t"; }; "#,
    r#"p() { [ -O "$1" ] && case $(ls -ld "$1") in drwx------*) true;; *) false;; esac; }"#,
);

/// Becomes the agent that is there.
const USE: &str = concat!(
    r#"if [ "$h" ]; then for d do f=$d/agent-$h; "#,
    r#"if [ -f "$f" ] && [ -x "$f" ] && [ -O "$f" ] && p "$d"; "#,
    r#"then s run "$f"; exec "$f" serve; fi; done; fi"#,
);

/// Receives the agent in the first directory that can hold it, and becomes it.
const RECEIVE: &str = concat!(
    r#"if [ -z "$h" ]; then s machine "$m"; exit 1; fi; "#,
    r#"for d do "#,
    r#"e=$(mkdir -p "$d" 2>&1); "#,
    r#"if p "$d"; then :; else w="$w $d: ${e:-not a directory of the user alone (0700)};"; continue; fi; "#,
    r#"if t=$(mktemp "$d/.new-XXXXXXXX" 2>&1); then :; else w="$w $t;"; continue; fi; "#,
    r#"trap c 0; trap "exit 1" 1 2 15; chmod 700 "$t"; "#,
    r#"if [ -x "$t" ]; then :; else rm -f -- "$t"; w="$w $d: mounted noexec;"; continue; fi; "#,
    r#"s send "$m"; e=$( { head -c "$n" >"$t"; } 2>&1); "#,
    r#"if [ $(wc -c <"$t") -eq "$n" ]; then :; else "#,
    r#"s fail "$d: ${e:-not all of the agent arrived}"; exit 1; fi; "#,
    r#"sync "$t" 2>/dev/null; "#,
    r#"if e=$(mv -f "$t" "$d/agent-$h" 2>&1); then :; else s fail "$e"; exit 1; fi; "#,
    r#"trap - 0 1 2 15; s run "$d/agent-$h"; exec "$d/agent-$h" serve; "#,
    r#"done; s nowhere "$w"; exit 1"#,
);

/// Has the agents remove what they keep, and removes what Windlass put in its directories, and these where
/// nothing else is in them. Nothing is removed while a target waits to be confirmed.
const FORGET: &str = concat!(
    r#"for d do if p "$d"; then "#,
    r#"for f in "$d"/agent-*; do if [ -f "$f" ] && [ -x "$f" ]; then "#,
    r#"if e=$("$f" forget 2>&1); then echo "$e" | while read -r l; do if [ "$l" ]; then s removed "$l"; fi; done; "#,
    r#"else case $e in *"waits to be confirmed"*) s fail "$e"; exit 1;; esac; fi; fi; done; "#,
    r#"for f in "$d"/agent-* "$d"/.new-*; do if [ -f "$f" ]; then "#,
    r#"if e=$(rm -f -- "$f" 2>&1); then s removed "$f"; else s fail "$e"; fi; fi; done; "#,
    r#"rmdir "$d" 2>/dev/null; fi; done; s done"#,
);

#[cfg(test)]
mod tests {
    use super::*;

    fn agents() -> Vec<Sendable> {
        let agent = |machine| Sendable { machine, digest: "abc".to_owned(), bytes: vec![0; 7] };
        super::super::agents::MACHINES.into_iter().map(agent).collect()
    }

    /// Returns what a shell says of the command, run with an empty home.
    fn run(shell: &str, command: &str, home: &std::path::Path) -> String {
        let mut process = std::process::Command::new(shell);
        process.args(["-c", command]).env("HOME", home).env_remove("XDG_CACHE_HOME");
        let output = process.stdin(std::process::Stdio::null()).output().expect("a shell");
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).into_owned()
    }

    #[test]
    fn no_character_of_the_script_means_something_to_a_login_shell() {
        for kept in [Kept::Used, Kept::Replaced] {
            let command = start(&agents(), &Places::new(Some("/opt/a b")), kept, None);
            let inside = command.strip_prefix("exec /bin/sh -c '").expect("sh");
            let inside = inside.strip_suffix('\'').expect("quoted");
            assert!(!inside.contains(SPECIAL), "{inside}");
        }
        for may_ask in [true, false] {
            let over = Some(Sudo { user: "app", may_ask });
            let command = start(&agents(), &Places::new(None), Kept::Used, over);
            let words = shlex::split(&command).expect("quotes are closed");
            assert_eq!(words[..3], ["exec", "/bin/sh", "-c"]);
            assert_eq!(words[4..6], ["sh", "app"]);
            assert!(words[3..].iter().all(|word| !word.contains(SPECIAL)), "{command}");
            assert!(!command.contains(super::super::sudo::PROMPT), "{command}");
        }
    }

    #[test]
    fn an_agent_that_does_not_arrive_leaves_nothing_behind() {
        let home = tempfile::tempdir().expect("a directory");
        let command = start(&agents(), &Places::new(None), Kept::Used, None);
        let said = run("/bin/sh", &command, home.path());
        assert!(said.contains("windlass-bootstrap send "), "{said}");
        assert!(said.contains("fail") && said.contains("not all of the agent arrived"), "{said}");
        let kept = home.path().join(".cache/windlass");
        assert_eq!(std::fs::read_dir(kept).expect("made").count(), 0, "{said}");
    }

    #[test]
    fn a_directory_that_others_can_write_is_passed_over() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().expect("a directory");
        let own = home.path().join("agents");
        std::fs::create_dir(&own).expect("made");
        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o777)).expect("set");
        let places = Places::new(own.to_str());
        let said = run("/bin/sh", &start(&agents(), &places, Kept::Used, None), home.path());
        assert!(said.contains("windlass-bootstrap nowhere"), "{said}");
        assert!(said.contains("not a directory of the user alone (0700)"), "{said}");
        let link = home.path().join("link");
        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o700)).expect("set");
        std::os::unix::fs::symlink(&own, &link).expect("a link");
        let places = Places::new(link.to_str());
        let said = run("/bin/sh", &start(&agents(), &places, Kept::Used, None), home.path());
        assert!(said.contains("windlass-bootstrap nowhere"), "{said}");
    }

    #[test]
    fn who_is_the_user_already_needs_no_sudo() {
        let home = tempfile::tempdir().expect("a directory");
        let user = std::process::Command::new("id").arg("-un").output().expect("id").stdout;
        let user = String::from_utf8(user).expect("UTF-8");
        let over = Sudo { user: user.trim(), may_ask: true };
        let said =
            run("/bin/sh", &start(&[], &Places::new(None), Kept::Used, Some(over)), home.path());
        assert!(said.starts_with(&format!("\n{MARK}became\n\n{MARK}machine ")), "{said}");
    }

    #[test]
    fn another_machine_is_named() {
        let home = tempfile::tempdir().expect("a directory");
        let said = run("/bin/sh", &start(&[], &Places::new(None), Kept::Used, None), home.path());
        let machine = rustix::system::uname();
        let machine = machine.machine().to_str().expect("UTF-8");
        assert_eq!(said, format!("\n{MARK}machine {machine}\n"));
    }

    #[test]
    fn what_is_forgotten_is_said_and_gone_and_the_rest_stays() {
        let home = tempfile::tempdir().expect("a directory");
        let own = home.path().join(".cache/windlass");
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(&own).expect("made");
        for name in ["agent-1", ".new-2", "mine"] {
            std::fs::write(own.join(name), "x").expect("written");
        }
        let said = run("/bin/sh", &forget(&Places::new(None), None), home.path());
        assert!(said.contains("removed") && said.ends_with("done\n"), "{said}");
        assert!(own.join("mine").exists() && !own.join("agent-1").exists(), "{said}");
        assert!(!own.join(".new-2").exists(), "{said}");
    }
}
