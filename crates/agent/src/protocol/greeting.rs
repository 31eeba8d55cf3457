//! Who is there. An agent greets first, and what a login profile prints before it is let pass.

use super::PROTOCOL;

/// How an agent's greeting begins: on a line of its own, also after a profile that ends without one.
pub const AGENT: &[u8; 16] = b"\nwindlass-agent ";

/// How the operator's greeting begins.
const OPERATOR: &[u8] = b"windlass ";

/// How many bytes may come before the greeting.
pub const MOST_NOISE: usize = 64 << 10;

/// The most bytes of the line of a greeting.
pub const MOST_LINE: usize = 128;

/// How much of the noise a message quotes.
const QUOTED: usize = 600;

/// What an end says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// The protocol that it speaks.
    pub protocol: u32,
    /// Its version, such as `0.1.0`.
    pub version: String,
}

/// Why nobody greeted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GreetingError {
    /// Something else answered, or nothing did.
    #[error("no windlass answered{}", quoted(.printed))]
    Absent {
        /// What came instead.
        printed: String,
    },
    /// It speaks another protocol.
    #[error(
        "the other end is windlass {} and speaks protocol {}; this one speaks {PROTOCOL}",
        .0.version,
        .0.protocol
    )]
    Other(Greeting),
}

fn quoted(printed: &str) -> String {
    match printed.trim() {
        "" => String::new(),
        printed => format!("; what came was {printed:?}"),
    }
}

/// Returns the greeting that an agent sends.
#[must_use]
pub fn of_agent() -> Vec<u8> {
    line(AGENT)
}

/// Returns the greeting that an operator sends.
#[must_use]
pub fn of_operator() -> Vec<u8> {
    line(OPERATOR)
}

fn line(begin: &[u8]) -> Vec<u8> {
    let rest = format!("{PROTOCOL} {}\n", env!("CARGO_PKG_VERSION"));
    [begin, rest.as_bytes()].concat()
}

/// What has come so far of an agent's greeting, and of what precedes it.
#[derive(Debug, Default)]
pub struct Listening {
    heard: Vec<u8>,
    searched: usize,
}

/// An agent's greeting, and what came after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The greeting.
    pub greeting: Greeting,
    /// The bytes after it, which belong to frames.
    pub rest: Vec<u8>,
}

impl Listening {
    /// Returns the greeting once `bytes`, the next to come, complete it.
    ///
    /// # Errors
    /// When too much came before it, or the agent speaks another protocol.
    pub fn hear(&mut self, bytes: &[u8]) -> Result<Option<Heard>, GreetingError> {
        self.heard.extend(bytes);
        while let Some(start) = find(&self.heard[self.searched..], AGENT) {
            self.searched += start;
            let begin = self.searched + AGENT.len();
            let Some(length) = find(&self.heard[begin..], b"\n") else { return self.go_on() };
            if let Some(greeting) = parse(&self.heard[begin..begin + length]) {
                let rest = self.heard.split_off(begin + length + 1);
                return accepted(greeting).map(|greeting| Some(Heard { greeting, rest }));
            }
            self.searched = begin;
        }
        // The beginning of a greeting may be there.
        self.searched = self.searched.max(self.heard.len().saturating_sub(AGENT.len()));
        self.go_on()
    }

    fn go_on(&self) -> Result<Option<Heard>, GreetingError> {
        if self.heard.len() > MOST_NOISE { Err(self.give_up()) } else { Ok(None) }
    }

    /// Returns the error for a stream that ended, or took too long, without a greeting.
    #[must_use]
    pub fn give_up(&self) -> GreetingError {
        let kept = &self.heard[..self.heard.len().min(QUOTED)];
        GreetingError::Absent { printed: crate::run::visible(&String::from_utf8_lossy(kept)) }
    }
}

/// Returns the greeting of an operator, whose line (without its end) is `line`.
///
/// # Errors
/// When it is none, or speaks another protocol.
pub fn read_operator(line: &[u8]) -> Result<Greeting, GreetingError> {
    match line.strip_prefix(OPERATOR).and_then(parse) {
        Some(greeting) => accepted(greeting),
        None => Err(no_operator(line)),
    }
}

/// Returns the error for an operator's greeting that is none, or is cut or too long.
#[must_use]
pub fn no_operator(line: &[u8]) -> GreetingError {
    GreetingError::Absent { printed: crate::run::visible(&String::from_utf8_lossy(line)) }
}

fn accepted(greeting: Greeting) -> Result<Greeting, GreetingError> {
    if greeting.protocol == PROTOCOL { Ok(greeting) } else { Err(GreetingError::Other(greeting)) }
}

fn parse(line: &[u8]) -> Option<Greeting> {
    let text = std::str::from_utf8(line).ok().filter(|text| text.len() <= MOST_LINE)?;
    let (protocol, version) = text.split_once(' ')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || ".+-".contains(c);
    let good = !version.is_empty() && version.chars().all(plain);
    let protocol = protocol.parse().ok().filter(|_| good)?;
    Some(Greeting { protocol, version: version.to_owned() })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
