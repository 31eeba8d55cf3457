//! Frames: a length, a kind, and that many bytes.
//!
//! ```text
//! u32, big endian: length of the payload     u8: kind     payload
//! ```

use std::io::{self, ErrorKind, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The most bytes of a frame that holds JSON: a manifest of 50,000 files has 15 MiB.
pub const MOST_CONTROL: u32 = 64 << 20;

/// The most bytes of a frame that holds a piece of content.
pub const MOST_BLOB: u32 = 1 << 20;

/// How much memory is taken before the bytes of a frame have come, whatever its length says.
const ON_TRUST: usize = 64 << 10;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Operator: a [`Request`](super::Request), as JSON.
    Request = b'Q',
    /// Operator: a piece of a compressed blob, and more of it follows.
    BlobPart = b'B',
    /// Operator: the last piece of a compressed blob.
    BlobEnd = b'L',
    /// Operator: this blob cannot be sent, and no other will be. Empty.
    NoBlob = b'N',
    /// Agent: [`Wanted`](super::Wanted), as JSON: what the host does not have.
    Wanted = b'W',
    /// Agent: [`Said`](super::Said), as JSON: something happened.
    Event = b'E',
    /// Agent: the work goes on. Empty.
    Tick = b'T',
    /// Agent: the [`Answer`](super::Answer) to the request, as JSON.
    Answer = b'A',
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Request,
        Self::BlobPart,
        Self::BlobEnd,
        Self::NoBlob,
        Self::Wanted,
        Self::Event,
        Self::Tick,
        Self::Answer,
    ];

    /// Returns the most bytes that a payload of this kind may have.
    #[must_use]
    pub const fn most(self) -> u32 {
        match self {
            Self::Request | Self::Wanted | Self::Answer => MOST_CONTROL,
            Self::BlobPart | Self::BlobEnd | Self::Event => MOST_BLOB,
            Self::NoBlob | Self::Tick => 0,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// What stands before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the payload is.
    pub kind: Kind,
    /// How many bytes it has.
    pub length: u32,
}

/// Why there is no frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The bytes are no frame of the protocol: something else speaks, such as a login profile.
    #[error("got {0:?} where the protocol has a frame")]
    Garbage(String),
    /// A frame is longer than its kind may be.
    #[error("a frame of {length} bytes was announced, and {most} are allowed")]
    TooLarge {
        /// The length that was announced, or that the payload has.
        length: usize,
        /// The most that is allowed.
        most: u32,
    },
    /// The stream ended within a frame.
    #[error("the connection ended in the middle of a message")]
    Cut,
    /// The payload is not what its kind says.
    #[error("a message could not be understood")]
    Json(#[from] serde_json::Error),
    /// A frame of this kind does not belong here.
    #[error("a frame of kind {0:?} came out of turn")]
    OutOfTurn(Kind),
    /// The stream could not be read or written.
    #[error("the connection failed")]
    Io(#[from] io::Error),
}

impl Header {
    /// The bytes of a header.
    pub const BYTES: usize = 5;

    /// Returns the header of a payload.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`] when a payload of that kind may not have `length` bytes.
    pub fn new(kind: Kind, length: usize) -> Result<Self, FrameError> {
        let most = kind.most();
        match u32::try_from(length) {
            Ok(length) if length <= most => Ok(Self { kind, length }),
            _ => Err(FrameError::TooLarge { length, most }),
        }
    }

    /// Returns the header as it is sent.
    #[must_use]
    pub fn encode(self) -> [u8; Self::BYTES] {
        let [a, b, c, d] = self.length.to_be_bytes();
        [a, b, c, d, self.kind as u8]
    }

    /// Returns the header that `bytes` are.
    ///
    /// # Errors
    /// When they are none, or announce too much.
    pub fn decode(bytes: [u8; Self::BYTES]) -> Result<Self, FrameError> {
        let [a, b, c, d, kind] = bytes;
        let garbage = || FrameError::Garbage(String::from_utf8_lossy(&bytes).into_owned());
        let kind = Kind::from_byte(kind).ok_or_else(garbage)?;
        Self::new(kind, u32::from_be_bytes([a, b, c, d]) as usize)
    }
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What the payload is.
    pub kind: Kind,
    /// The payload.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Returns a frame that holds `value` as JSON.
    ///
    /// # Errors
    /// When it is more than such a frame may have.
    pub fn json<T: Serialize>(kind: Kind, value: &T) -> Result<Self, FrameError> {
        let payload = serde_json::to_vec(value)?;
        Header::new(kind, payload.len())?;
        Ok(Self { kind, payload })
    }

    /// Returns the value whose JSON the payload is.
    ///
    /// # Errors
    /// [`FrameError::Json`] when it is not the JSON of a `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, FrameError> {
        Ok(serde_json::from_slice(&self.payload)?)
    }

    /// Returns the frame as it is sent.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`].
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        let mut bytes = Vec::with_capacity(Header::BYTES + self.payload.len());
        put(&mut bytes, self.kind, &self.payload)?;
        Ok(bytes)
    }
}

/// Appends a frame to `bytes`.
///
/// # Errors
/// [`FrameError::TooLarge`]; `bytes` are then as before.
pub fn put(bytes: &mut Vec<u8>, kind: Kind, payload: &[u8]) -> Result<(), FrameError> {
    bytes.extend(Header::new(kind, payload.len())?.encode());
    bytes.extend(payload);
    Ok(())
}

/// Writes a frame, in one piece.
///
/// # Errors
/// When it is too large, or the stream fails.
pub fn write(output: &mut impl Write, kind: Kind, payload: &[u8]) -> Result<(), FrameError> {
    let mut bytes = Vec::with_capacity(Header::BYTES + payload.len());
    put(&mut bytes, kind, payload)?;
    output.write_all(&bytes)?;
    Ok(output.flush()?)
}

/// Returns the next frame, or nothing where the stream ended before it.
///
/// # Errors
/// When what comes is no frame, is too large, or ends early.
pub fn read(input: &mut impl Read) -> Result<Option<Frame>, FrameError> {
    let mut header = [0; Header::BYTES];
    let mut filled = 0;
    while filled < header.len() {
        match input.read(&mut header[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(FrameError::Cut),
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let Header { kind, length } = Header::decode(header)?;
    let mut payload = Vec::with_capacity(ON_TRUST.min(length as usize));
    let count = input.take(u64::from(length)).read_to_end(&mut payload)?;
    if count < length as usize {
        return Err(FrameError::Cut);
    }
    Ok(Some(Frame { kind, payload }))
}
