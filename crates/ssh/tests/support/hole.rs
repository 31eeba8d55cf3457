//! A way to the server that can be made to swallow everything.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes bytes on until it is told to be a black hole: then it takes none and closes nothing.
pub(crate) struct Hole {
    port: u16,
    open: Arc<watch::Sender<bool>>,
}

impl Hole {
    pub(crate) async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let open = Arc::new(watch::Sender::new(true));
        let state = Arc::clone(&open);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let ((from, to), (back, home)) = (client.into_split(), server.into_split());
                tokio::spawn(pass(from, home, state.subscribe()));
                tokio::spawn(pass(back, to, state.subscribe()));
            }
        });
        Self { port: own, open }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn swallow(&self) {
        self.open.send_replace(false);
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut open: watch::Receiver<bool>) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let length = tokio::select! {
            read = from.read(&mut bytes) => read.unwrap_or(0),
            _ = open.wait_for(|open| !open) => 0,
        };
        if !*open.borrow() {
            // Both ends stay open, and nothing moves any more.
            std::future::pending::<()>().await;
        }
        if length == 0 || to.write_all(&bytes[..length]).await.is_err() {
            break;
        }
    }
}
