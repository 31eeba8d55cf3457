//! Arguments of `ssh` in inventories: what Windlass understands of them.

use super::words;
use crate::target::{InvalidSshAddress, SshAddress};

/// What arguments of `ssh` say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    /// The hosts on the way, in order.
    pub(super) jump: Option<Vec<SshAddress>>,
    /// The file with the key.
    pub(super) identity_file: Option<String>,
    /// Options that are not used, without their values.
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
}

/// Options of one letter that take a value (ssh(1)).
const WITH_VALUE: &str = "BbcDEeFIiJLlmOopQRSWwP";

/// Reads arguments as a shell would split them.
pub(super) fn read(text: &str) -> Result<Arguments, InvalidArguments> {
    let mut arguments = Arguments::default();
    let mut words = split(text)?.into_iter();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            arguments.unused.push(shown(&word));
            continue;
        };
        let at = letters.find(|c: char| WITH_VALUE.contains(c));
        let (flags, option) = letters.split_at(at.unwrap_or(letters.len()));
        arguments.unused.extend(flags.chars().map(|flag| format!("-{flag}")));
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
    fn option(&mut self, letter: char, value: &str) -> Result<(), InvalidArguments> {
        match letter {
            'J' => self.jump(value),
            'i' => {
                self.identity_file.get_or_insert_with(|| value.to_owned());
                Ok(())
            }
            'o' => self.setting(value),
            other => {
                self.unused.push(format!("-{other}"));
                Ok(())
            }
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
                self.identity_file.get_or_insert_with(|| value.to_owned());
                Ok(())
            }
            _ => {
                self.unused.push(format!("-o {}", shown(name.trim())));
                Ok(())
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
        let arguments = read("-C -o ControlMaster=auto -p 22 -i ~/.ssh/k -A x").expect("valid");
        assert_eq!(arguments.unused, ["-C", "-o ControlMaster", "-p", "-A", "x"]);
        assert_eq!(arguments.identity_file.as_deref(), Some("~/.ssh/k"));
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
        ] {
            assert_eq!(read(text).expect_err(text), expected, "{text}");
        }
    }
}
