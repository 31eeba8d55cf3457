//! One connection: its greeting, and one exchange after another.

use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf, split};
use tokio::time::timeout;
use windlass_agent::protocol::greeting::{self, Listening};
use windlass_agent::protocol::{Answer, Frame, FrameError, Kind, Said, Wanted};

use super::Patience;
use super::connection::{Aside, Connection, Stream};
use super::error::Broken;
use super::feed::Supply;
use super::frames::{Reader, write};
use crate::host::HostError;

/// Hears what happens on the target.
pub(super) type Teller<'a> = &'a (dyn Fn(Said) + Sync);

/// A connection to an agent that has greeted.
pub(super) struct Line {
    reader: Reader<ReadHalf<Box<dyn Stream>>>,
    writer: WriteHalf<Box<dyn Stream>>,
    aside: Aside,
    patience: Patience,
    /// When the latest exchange ended.
    used: Instant,
}

impl Line {
    /// Returns the line to the agent behind `connection`, once both ends have greeted.
    pub(super) async fn open(
        connection: Connection,
        patience: Patience,
    ) -> Result<Self, HostError> {
        let Connection { stream, aside } = connection;
        let (reader, writer) = split(stream);
        let reader = Reader::new(reader);
        let mut line = Self { reader, writer, aside, patience, used: Instant::now() };
        match line.greet().await {
            Ok(()) => Ok(line),
            Err(broken) => Err(broken.into_host_error(&line.hang_up().text().await)),
        }
    }

    async fn greet(&mut self) -> Result<(), Broken> {
        let mut listening = Listening::default();
        let greeted = timeout(self.patience.greeting, self.reader.greeting(&mut listening)).await;
        greeted.unwrap_or_else(|_| Err(listening.give_up()))?;
        let greeting = greeting::of_operator();
        write(&mut self.writer, &greeting, self.patience.silence).await.map_err(Broken::unsent)
    }

    /// Tells whether it was used so recently that the agent can be taken to be there.
    pub(super) fn is_fresh(&self) -> bool {
        self.used.elapsed() < self.patience.fresh
    }

    /// Hangs up, and returns what the host said aside.
    pub(super) fn hang_up(self) -> Aside {
        self.aside
    }

    /// Sends a request, and returns its answer; `teller` hears what happens meanwhile, and `supply`
    /// gives the content that the host does not have.
    pub(super) async fn exchange(
        &mut self,
        request: &[u8],
        supply: Option<&Supply>,
        teller: Teller<'_>,
    ) -> Result<Answer, Broken> {
        let silence = self.patience.silence;
        write(&mut self.writer, request, silence).await.map_err(Broken::unsent)?;
        let mut ear = Ear { reader: &mut self.reader, silence, teller };
        let frame = ear.next().await?;
        let answer = match (frame.kind, supply) {
            (Kind::Wanted, Some(supply)) => {
                let wanted: Wanted = frame.parse()?;
                feed_and_listen(&mut self.writer, ear, supply, wanted).await?
            }
            _ => answer(&frame)?,
        };
        self.used = Instant::now();
        Ok(answer)
    }
}

/// Sends content and hears the answer, which may come before all is sent.
async fn feed_and_listen(
    writer: &mut (impl AsyncWrite + Unpin),
    mut ear: Ear<'_, impl AsyncRead + Unpin>,
    supply: &Supply,
    wanted: Wanted,
) -> Result<Answer, Broken> {
    let mut pieces = supply.pieces(wanted)?;
    let silence = ear.silence;
    let feeding = async {
        while let Some(piece) = pieces.recv().await {
            write(writer, &piece, silence).await?;
        }
        Ok::<(), Broken>(())
    };
    let listening = async { answer(&ear.next().await?) };
    tokio::pin!(feeding, listening);
    tokio::select! {
        answer = &mut listening => answer,
        fed = &mut feeding => match fed {
            Ok(()) => listening.await,
            // An answer that was sent before the agent went says more.
            Err(broken) => listening.await.map_err(|_| broken),
        },
    }
}

fn answer(frame: &Frame) -> Result<Answer, Broken> {
    match frame.kind {
        Kind::Answer => Ok(frame.parse()?),
        other => Err(FrameError::OutOfTurn(other).into()),
    }
}

/// Hears what an agent says.
struct Ear<'a, R> {
    reader: &'a mut Reader<R>,
    silence: Duration,
    teller: Teller<'a>,
}

impl<R: AsyncRead + Unpin> Ear<'_, R> {
    /// Returns the next frame that is neither a sign of life nor an event.
    async fn next(&mut self) -> Result<Frame, Broken> {
        loop {
            let frame = self.reader.next(self.silence).await?;
            match frame.kind {
                Kind::Tick => {}
                Kind::Event => (self.teller)(frame.parse()?),
                _ => return Ok(frame),
            }
        }
    }
}
