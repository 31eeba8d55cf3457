//! `[ssh]`: how hosts are reached.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::fields::{Fields, Item};
use super::shape::{DURATION, Field, Kind, List, PATH, Shape, TEXT, Text};
use super::{Located, source};
use crate::target::{Become, check_user};

/// How many hosts are worked on at a time unless told otherwise.
pub const DEFAULT_PARALLEL: u32 = 64;

/// How many hosts may be worked on at a time.
const PARALLEL: RangeInclusive<u32> = 1..=10_000;

const AGENT_DIR_PATTERN: &str = "^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$";
static AGENT_DIR: Text = Text::matching("directory", AGENT_DIR_PATTERN);

/// What a user on a host may be called.
pub(super) static USER: Text = Text::matching("user", "^[A-Za-z0-9._+@][A-Za-z0-9._+@-]*$");

pub(super) static SSH: Shape = Shape {
    fields: &[
        Field::new(
            "config",
            Kind::Text(&PATH),
            "\"ssh_config\"",
            "The SSH configuration in place of the user's and the system's, as with `ssh -F`.",
        )
        .or_else("`~/.ssh/config` and `/etc/ssh/ssh_config`"),
        Field::new(
            "accept_new",
            Kind::Boolean,
            "true",
            "Whether a host that nobody knows yet is believed this once and remembered. A key that \
             changed is refused in any case.",
        )
        .or("false"),
        Field::new(
            "connect_timeout",
            Kind::Text(&DURATION),
            "\"3s\"",
            "How long a connection may take to come up, where the SSH configuration has no \
             `ConnectTimeout`. There is twice as much from then on to a verified host key.",
        )
        .or("\"10s\""),
        Field::new(
            "host_timeout",
            Kind::Text(&DURATION),
            "\"5m\"",
            "How long a target may take for each step of a command, such as staging or activating with its \
             reloads and health checks. One that takes longer has failed, and holds nobody up.",
        )
        .or_else("none: each wait in a step has a limit of its own"),
        Field::new(
            "parallel",
            Kind::Integer(&PARALLEL),
            "200",
            "How many targets are worked on at the same time.",
        )
        .or("64"),
        Field::new(
            "agent_dir",
            Kind::Text(&AGENT_DIR),
            "\"/opt/windlass\"",
            "The directory on hosts that keeps the agent: one of the user's own (0700), or one that \
             the user can make, where programs may run.",
        )
        .or_else("`~/.cache/windlass`, then `/var/tmp/windlass-UID`"),
        Field::new(
            "become",
            Kind::Boolean,
            "true",
            "Whether the work on hosts is done as another user, over [`sudo`](../ssh.md#over-sudo). \
             Targets and inventories can say otherwise.",
        )
        .or("false"),
        Field::new(
            "become_user",
            Kind::Text(&USER),
            "\"deploy\"",
            "Who that user is. Targets and inventories can say otherwise.",
        )
        .or("\"root\""),
        Field::new(
            "become_password_command",
            Kind::List(&List::some(Kind::Text(&TEXT))),
            "[\"pass\", \"show\", \"sudo\"]",
            "A program and its arguments, run here without a shell, that prints the password for \
             `sudo`. It is run when a host first asks, once for all of them.",
        )
        .or_else("a host whose `sudo` asks is an error"),
    ],
    ..Shape::header("ssh", "`[ssh]`", "How hosts are reached.")
};

/// `[ssh]`: how hosts are reached. Users, ports, keys and jump hosts are those of the SSH
/// configuration, and of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshSpec {
    /// `config`: the SSH configuration in place of the user's and the system's.
    pub config: Option<Located<String>>,
    /// `accept_new`: whether unknown hosts are believed once and remembered; `false` unless told
    /// otherwise.
    pub accept_new: bool,
    /// `connect_timeout`: 10 s unless told otherwise.
    pub connect_timeout: Duration,
    /// `host_timeout`: how long a target may take for a step, where there is a limit.
    pub host_timeout: Option<Duration>,
    /// `parallel`: how many targets are worked on at a time; [`DEFAULT_PARALLEL`] unless told
    /// otherwise.
    pub parallel: u32,
    /// `agent_dir`: the directory on hosts that keeps the agent: absolute, of letters, digits and
    /// `._/-`, and no component begins with a dot.
    pub agent_dir: Option<String>,
    /// `become` and `become_user`: as whom the work is done where targets do not say.
    pub becomes: Become,
    /// `become_password_command`: the program that prints the password for `sudo`, with its arguments;
    /// at least the program, if it is there.
    pub become_password_command: Option<Vec<String>>,
}

impl Default for SshSpec {
    fn default() -> Self {
        Self {
            config: None,
            accept_new: false,
            connect_timeout: Duration::from_secs(10),
            host_timeout: None,
            parallel: DEFAULT_PARALLEL,
            agent_dir: None,
            becomes: Become::default(),
            become_password_command: None,
        }
    }
}

/// Reads `[ssh]`.
pub(super) fn read(item: &Item<'_>) -> Option<SshSpec> {
    let fields = item.fields("[ssh]", &SSH)?;
    let default = SshSpec::default();
    let accept_new = fields.get("accept_new").and_then(|accept| accept.boolean());
    let timeout = fields.get("connect_timeout").and_then(|timeout| timeout.milliseconds());
    let host_timeout = fields.get("host_timeout").and_then(|timeout| timeout.milliseconds());
    let parallel = fields.get("parallel").and_then(|parallel| parallel.integer(&PARALLEL));
    Some(SshSpec {
        config: fields.get("config").and_then(|config| source::read(&config)),
        accept_new: accept_new.unwrap_or(default.accept_new),
        connect_timeout: timeout.map_or(default.connect_timeout, Duration::from_millis),
        host_timeout: host_timeout.map(Duration::from_millis),
        parallel: parallel.unwrap_or(default.parallel),
        agent_dir: fields.get("agent_dir").and_then(|directory| read_agent_dir(&directory)),
        becomes: read_become(&fields, default.becomes),
        become_password_command: fields
            .get("become_password_command")
            .and_then(|command| command.nonempty_list("words", "name a program"))
            .map(|words| words.iter().filter_map(Item::text).collect()),
    })
}

fn read_become(fields: &Fields<'_>, default: Become) -> Become {
    let wanted = fields.get("become").and_then(|wanted| wanted.boolean());
    let user = fields.get("become_user").and_then(|user| read_user(&user));
    Become { wanted: wanted.unwrap_or(default.wanted), user: user.unwrap_or(default.user) }
}

/// Returns the name of a user on a host.
pub(super) fn read_user(item: &Item<'_>) -> Option<String> {
    let user = item.text()?;
    match check_user(&user) {
        Ok(()) => Some(user),
        Err(error) => {
            item.report(format!("{} {error}", item.label()), None);
            None
        }
    }
}

/// Returns a directory that a shell takes for one word.
fn read_agent_dir(item: &Item<'_>) -> Option<String> {
    let text = item.text()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let component =
        |part: &str| part.chars().all(plain) && !part.is_empty() && !part.starts_with('.');
    if text.strip_prefix('/').is_some_and(|path| path.split('/').all(component)) {
        return Some(text);
    }
    let hint =
        "write it from `/` on, with letters, digits, `.`, `_` and `-`, such as `/opt/windlass`";
    item.report(format!("{} is no such directory", item.label()), Some(hint.to_owned()));
    None
}
