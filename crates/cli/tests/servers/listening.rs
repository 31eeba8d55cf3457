//! Servers on this machine that say what a test has them say.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Answers to a request, which is its head: `GET /path HTTP/1.1` and so on.
pub(crate) trait Answer:
    Fn(&str, &mut dyn Write) -> io::Result<()> + Send + 'static
{
}

impl<F: Fn(&str, &mut dyn Write) -> io::Result<()> + Send + 'static> Answer for F {}

/// Starts a server, and returns its URL without a path.
pub(crate) fn plain(answer: impl Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away is no failure of the server.
            let _ = converse(stream, &answer);
        }
    });
    base
}

/// Starts a server that speaks TLS, and returns its URL without a path.
pub(crate) fn secure(config: ServerConfig, answer: impl Answer) -> String {
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").expect("a port"));
    let base = format!("https://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            let _ = converse(StreamOwned::new(connection, stream), &answer);
        }
    });
    base
}

fn converse(mut stream: impl Read + Write, answer: &impl Answer) -> io::Result<()> {
    let mut lines = BufReader::new(&mut stream).lines();
    let mut head = String::new();
    while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
        head += &(line + "\n");
    }
    drop(lines);
    answer(&head, &mut stream)?;
    stream.flush()
}

/// Answers with `status`, `headers`, each with its line end, and `body`.
pub(crate) fn say(to: &mut dyn Write, status: &str, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    write!(
        to,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    )
}

/// Returns the path that a request asks for.
pub(crate) fn path(request: &str) -> &str {
    request.split(' ').nth(1).unwrap_or_default()
}
