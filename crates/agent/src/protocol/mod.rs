//! What the operator and an agent say to each other, over any stream of bytes.
//!
//! ```text
//! operator                                    agent
//!                                        ←    \nwindlass-agent 1 0.1.0\n
//! windlass 1 0.1.0\n                     →
//! Request (prepare: release, manifest)   →
//!                                        ←    Event, Tick …
//!                                        ←    Wanted: digests that the host does not have
//! BlobPart … BlobEnd, for each of them   →
//!                                        ←    Event, Tick …
//!                                        ←    Answer
//! Request …                              →
//! ```
//!
//! One request after another; both ends may hang up at any time, and each is safe from whatever the
//! other sends: frames are capped, paths and names are checked as they are parsed, and an agent is
//! sent only content that it was to have.
//!
//! | read | for |
//! |---|---|
//! | [`greeting`] | who is there, also behind the noise of a login profile |
//! | [`frame`] | the pieces that everything after it comes in |
//! | [`message`] | requests, events, answers |
//! | [`failure`] | errors, with what they say about the target |

pub mod failure;
pub mod frame;
pub mod greeting;
pub mod message;
#[cfg(test)]
mod tests;

pub use failure::Failure;
pub use frame::{Frame, FrameError, Header, Kind};
pub use greeting::{Greeting, GreetingError};
pub use message::{Answer, Ask, Place, Reply, Request, Said, Wanted};

/// The version of the protocol; ends with different ones do not talk.
pub const PROTOCOL: u32 = 1;

/// How often an agent that works shows that it is there, in seconds.
pub const TICK_SECONDS: u64 = 5;
