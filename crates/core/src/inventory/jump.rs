//! Arguments of `ssh` in inventories: what Windlass understands of them.

use super::words;
use crate::target::{InvalidSshAddress, SshAddress, check_user};

/// What arguments of `ssh` say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    /// The hosts on the way, in order.
    pub(super) jump: Option<Vec<SshAddress>>,
    /// The file with the key.
    pub(super) identity_file: Option<String>,
    /// The user to log in as.
    pub(super) user: Option<String>,
    /// The port, never 0.
    pub(super) port: Option<u16>,
    /// Options that are not used and change neither where nor as whom one gets in, without their values.
    pub(super) unused: Vec<String>,
}

/// Why arguments cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidArguments {
    #[error("has a quote that is not closed")]
    Quote,
    #[error("has an option without its value")]
    Missing,
    #[error("has a jump host that {0}")]
    Jump(InvalidSshAddress),
    #[error("has a `ProxyCommand` other than `ssh -W %h:%p HOST`")]
    ProxyCommand,
    #[error("has a user that {0}")]
    User(InvalidSshAddress),
    #[error("has a port that is not a number from 1 to 65535")]
    Port,
    #[error("has `{0}`, which is not supported")]
    Unknown(String),
}

/// Options of one letter that take a value (ssh(1)).
const WITH_VALUE: &str = "BbcDEeFIiJLlmOopQRSWwP";

/// Flags that change neither where nor as whom one gets in. `-A`, forwarding of the agent, is passed
/// over as well: it is off whatever is asked for.
const HARMLESS_FLAGS: &str = "46ACkMnNqTtvxXYay";

/// Options of one letter, with a value, that change neither where nor as whom one gets in.
const HARMLESS_OPTIONS: &str = "ceEmS";

/// Settings that change neither where nor as whom one gets in, in lower case. Those that would let a
/// host pass whose key is not known are among them: they are passed over, which is stricter.
const HARMLESS_SETTINGS: [&str; 33] = [
    "addkeystoagent",
    "batchmode",
    "checkhostip",
    "ciphers",
    "compression",
    "connectionattempts",
    "connecttimeout",
    "controlmaster",
    "controlpath",
    "controlpersist",
    "forwardagent",
    "forwardx11",
    "gssapiauthentication",
    "gssapidelegatecredentials",
    "hashknownhosts",
    "hostbasedauthentication",
    "identitiesonly",
    "ipqos",
    "kbdinteractiveauthentication",
    "kexalgorithms",
    "loglevel",
    "macs",
    "numberofpasswordprompts",
    "passwordauthentication",
    "preferredauthentications",
    "pubkeyauthentication",
    "serveralivecountmax",
    "serveraliveinterval",
    "stricthostkeychecking",
    "tcpkeepalive",
    "updatehostkeys",
    "userknownhostsfile",
    "visualhostkey",
];

/// Reads arguments as a shell would split them.
pub(super) fn read(text: &str) -> Result<Arguments, InvalidArguments> {
    let mut arguments = Arguments::default();
    let mut words = split(text)?.into_iter();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            return Err(InvalidArguments::Unknown(shown(&word)));
        };
        let at = letters.find(|c: char| WITH_VALUE.contains(c));
        let (flags, option) = letters.split_at(at.unwrap_or(letters.len()));
        flags.chars().try_for_each(|flag| arguments.flag(flag))?;
        let Some(letter) = option.chars().next() else { continue };
        let value = match &option[1..] {
            "" => words.next().ok_or(InvalidArguments::Missing)?,
            value => value.to_owned(),
        };
        arguments.option(letter, &value)?;
    }
    Ok(arguments)
}

impl Arguments {
    fn flag(&mut self, letter: char) -> Result<(), InvalidArguments> {
        self.pass_over(format!("-{letter}"), HARMLESS_FLAGS.contains(letter))
    }

    /// Notes what is not used, or refuses it: to get in another way than is asked for would be wrong.
    fn pass_over(&mut self, option: String, harmless: bool) -> Result<(), InvalidArguments> {
        if !harmless {
            return Err(InvalidArguments::Unknown(option));
        }
        self.unused.push(option);
        Ok(())
    }

    fn identity(&mut self, file: &str) {
        self.identity_file.get_or_insert_with(|| file.to_owned());
    }

    fn user(&mut self, user: &str) -> Result<(), InvalidArguments> {
        check_user(user).map_err(InvalidArguments::User)?;
        self.user.get_or_insert_with(|| user.to_owned());
        Ok(())
    }

    fn port(&mut self, port: &str) -> Result<(), InvalidArguments> {
        let port = port.parse().ok().filter(|port| *port > 0).ok_or(InvalidArguments::Port)?;
        self.port.get_or_insert(port);
        Ok(())
    }

    fn option(&mut self, letter: char, value: &str) -> Result<(), InvalidArguments> {
        match letter {
            'J' => self.jump(value),
            'i' => {
                self.identity(value);
                Ok(())
            }
            'l' => self.user(value),
            'p' => self.port(value),
            'o' => self.setting(value),
            other => self.pass_over(format!("-{other}"), HARMLESS_OPTIONS.contains(other)),
        }
    }

    /// Reads `Name=value` or `Name value`; of several equal ones `ssh` takes the first.
    fn setting(&mut self, setting: &str) -> Result<(), InvalidArguments> {
        let (name, value) = setting.split_once(['=', ' ', '\t']).unwrap_or((setting, ""));
        let value = value.trim_start_matches(['=', ' ', '\t']).trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "proxyjump" => self.jump(value),
            "proxycommand" => self.proxy_command(value),
            "identityfile" => {
                self.identity(value);
                Ok(())
            }
            "user" => self.user(value),
            "port" => self.port(value),
            known => {
                let harmless = HARMLESS_SETTINGS.contains(&known);
                self.pass_over(format!("-o {}", shown(name.trim())), harmless)
            }
        }
    }

    fn jump(&mut self, hosts: &str) -> Result<(), InvalidArguments> {
        let jump = read_jump(hosts)?;
        self.jump.get_or_insert(jump);
        Ok(())
    }

    /// Reads the one command that says what `ProxyJump` says: `ssh -W %h:%p HOST`.
    fn proxy_command(&mut self, command: &str) -> Result<(), InvalidArguments> {
        if command.eq_ignore_ascii_case("none") {
            return self.jump(command);
        }
        let host = jump_of_command(&split(command)?).ok_or(InvalidArguments::ProxyCommand)?;
        self.jump(&host)
    }
}

/// Returns the hosts of a `ProxyJump`: `none`, or `[USER@]HOST[:PORT]` and `ssh://` after commas.
pub(super) fn read_jump(hosts: &str) -> Result<Vec<SshAddress>, InvalidArguments> {
    if hosts.eq_ignore_ascii_case("none") {
        return Ok(Vec::new());
    }
    let read = |host: &str| match host.trim() {
        url if url.starts_with("ssh://") => SshAddress::parse(url),
        host => SshAddress::parse_authority(host),
    };
    hosts.split(',').map(|host| read(host).map_err(InvalidArguments::Jump)).collect()
}

/// Returns `[USER@]HOST[:PORT]` for `ssh [-q] [-p PORT] [-l USER] -W %h:%p [USER@]HOST`.
fn jump_of_command(words: &[String]) -> Option<String> {
    let (program, words) = words.split_first()?;
    if !matches!(program.as_str(), "ssh" | "/usr/bin/ssh") {
        return None;
    }
    let (mut user, mut port, mut host, mut forwards) = (None, None, None, false);
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "-q" | "-x" | "-T" | "-a" => {}
            "-W" => forwards = words.next()? == "%h:%p",
            "-p" => port = Some(words.next()?),
            "-l" => user = Some(words.next()?),
            option if option.starts_with('-') => return None,
            name if host.is_none() => host = Some(name),
            _ => return None,
        }
    }
    let host = host.filter(|_| forwards)?;
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{user}{host}{port}"))
}

fn split(text: &str) -> Result<Vec<String>, InvalidArguments> {
    let words = words::split_arguments(text).map_err(|_| InvalidArguments::Quote)?;
    Ok(words.into_iter().map(|word| word.text).collect())
}

fn shown(word: &str) -> String {
    word.chars().take(40).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(option: &str) -> InvalidArguments {
        InvalidArguments::Unknown(option.to_owned())
    }

    fn jump(text: &str) -> Vec<String> {
        let jump = read(text).expect(text).jump.unwrap_or_default();
        jump.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn jumps_are_found_however_they_are_written() {
        for text in [
            "-J me@bastion:2222",
            "-Jme@bastion:2222",
            "-qJ me@bastion:2222",
            "-o ProxyJump=me@bastion:2222",
            "-oProxyJump=me@bastion:2222",
            "-o 'ProxyJump me@bastion:2222'",
            "-o \"proxyjump = me@bastion:2222\"",
            "-J ssh://me@bastion:2222",
            "-o StrictHostKeyChecking=no -J me@bastion:2222 -J other",
            "-o ProxyCommand=\"ssh -W %h:%p -q me@bastion -p 2222\"",
            "-o 'ProxyCommand ssh -l me -p 2222 -W %h:%p bastion'",
        ] {
            assert_eq!(jump(text), ["ssh://me@bastion:2222"], "{text}");
        }
        assert_eq!(jump("-J a,b:22"), ["ssh://a", "ssh://b:22"]);
        assert_eq!(read("-J none").expect("valid").jump, Some(Vec::new()));
        assert_eq!(read("").expect("valid"), Arguments::default());
    }

    #[test]
    fn other_options_are_named_without_their_values() {
        let text = "-C -o ControlMaster=auto -p 22 -i ~/.ssh/k -A -l me -qp 23 -o StrictHostKeyChecking=no";
        let arguments = read(text).expect("valid");
        let unused = ["-C", "-o ControlMaster", "-A", "-q", "-o StrictHostKeyChecking"];
        assert_eq!(arguments.unused, unused);
        assert_eq!(arguments.identity_file.as_deref(), Some("~/.ssh/k"));
        assert_eq!((arguments.user.as_deref(), arguments.port), (Some("me"), Some(22)));
        let arguments = read("-o User=me -oPort=2222").expect("valid");
        assert_eq!((arguments.user.as_deref(), arguments.port), (Some("me"), Some(2222)));
        let arguments = read("-o IdentityFile=/k#1 -i /other").expect("valid");
        assert_eq!(arguments.identity_file.as_deref(), Some("/k#1"));
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        for (text, expected) in [
            ("-J 'x", InvalidArguments::Quote),
            ("-J", InvalidArguments::Missing),
            ("-J ''", InvalidArguments::Jump(InvalidSshAddress::NoHost)),
            ("-J a,,b", InvalidArguments::Jump(InvalidSshAddress::NoHost)),
            ("-J -oProxyCommand=id", InvalidArguments::Jump(InvalidSshAddress::Dash("host"))),
            ("-J me:secret@b", InvalidArguments::Jump(InvalidSshAddress::Password)),
            ("-o 'ProxyCommand=nc %h %p'", InvalidArguments::ProxyCommand),
            ("-o 'ProxyCommand=ssh -W %h:22 b'", InvalidArguments::ProxyCommand),
            ("-o 'ProxyCommand=ssh b nc %h %p'", InvalidArguments::ProxyCommand),
            ("-o 'ProxyCommand=ssh -F x -W %h:%p b'", InvalidArguments::ProxyCommand),
            ("-p 0", InvalidArguments::Port),
            ("-p 22x", InvalidArguments::Port),
            (
                "-l a;b",
                InvalidArguments::User(InvalidSshAddress::Character {
                    part: "user",
                    character: ';',
                }),
            ),
            ("-F /tmp/other", unknown("-F")),
            ("-L 1:h:1", unknown("-L")),
            ("-f", unknown("-f")),
            ("-o HostName=elsewhere", unknown("-o HostName")),
            ("-o LocalCommand=id", unknown("-o LocalCommand")),
            ("web1", unknown("web1")),
        ] {
            assert_eq!(read(text).expect_err(text), expected, "{text}");
        }
    }
}
