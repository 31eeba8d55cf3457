//! Against servers on this machine that say what a test has them say.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use windlass_core::diagnostic::Position;
use windlass_core::project::Located;

use super::*;

/// A server that gives each request to `answer`, with its number, and tells what was asked.
fn server(
    answer: impl Fn(usize, &str, &mut TcpStream) -> std::io::Result<()> + Send + 'static,
) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let request = head(&stream);
            let _ = answer(number, &request, &mut stream);
            if sender.send(request).is_err() {
                return;
            }
        }
    });
    (base, receiver)
}

fn head(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).fold(String::new(), |text, line| text + &line + "\n")
}

/// Answers with `status`, `headers` and `body`.
fn say(stream: &mut TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

fn source(url: &str) -> HttpSource {
    let position = Position { line: 1, column: 1 };
    let url = Located { value: url.to_owned(), position, width: 1 };
    HttpSource { url, checksum: None, timeout_ms: 10_000, max_size: 1 << 20, allow_http: false }
}

fn workspace() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

fn ask(dir: &tempfile::TempDir, source: &HttpSource) -> Result<Option<Vec<u8>>, String> {
    let remote = Remote::new(dir.path().join("http"));
    remote.fetch(source, &source.url.value).map_err(|error| error.to_string())
}

fn text(dir: &tempfile::TempDir, source: &HttpSource) -> String {
    let bytes = ask(dir, source).expect("an answer").expect("a text");
    String::from_utf8(bytes).expect("UTF-8")
}

fn refused(answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static) -> String {
    let (base, _asked) = server(move |_, _, stream| answer(stream));
    ask(&workspace(), &source(&format!("{base}/a.yaml"))).expect_err("refused")
}

#[test]
fn a_text_is_asked_for_once_in_a_run_and_again_with_its_tag() {
    let (base, asked) = server(|number, _, stream| match number {
        0 => say(stream, "200 OK", "ETag: \"one\"\r\nContent-Type: text/yaml\r\n", "a: 1\n"),
        _ => say(stream, "304 Not Modified", "", ""),
    });
    let (dir, source) = (workspace(), source(&format!("{base}/a.yaml?token=x")));
    let remote = Remote::new(dir.path().join("http"));
    for _ in 0..2 {
        let bytes = remote.fetch(&source, &source.url.value).expect("an answer");
        assert_eq!(bytes.as_deref(), Some(&b"a: 1\n"[..]));
    }
    let first = asked.recv().expect("asked");
    assert!(first.starts_with("GET /a.yaml?token=x HTTP/1.1\n"), "{first}");
    assert!(!first.to_lowercase().contains("if-none-match"), "{first}");
    assert_eq!(text(&dir, &source), "a: 1\n");
    let second = asked.recv().expect("asked again").to_lowercase();
    assert!(second.contains("if-none-match: \"one\""), "{second}");
    let kept: Vec<_> = std::fs::read_dir(dir.path().join("http")).expect("a cache").collect();
    assert_eq!(kept.len(), 1);
}

#[test]
fn what_is_pinned_is_kept_and_not_asked_for_again() {
    let (base, asked) = server(|_, _, stream| say(stream, "200 OK", "", "a: 1\n"));
    let dir = workspace();
    let pin = |text: &str| {
        let checksum = format!("blake3:{}", windlass_core::digest::Digest::of(text.as_bytes()));
        let checksum = Some(checksum.parse().expect("a checksum"));
        HttpSource { checksum, ..source(&format!("{base}/a.yaml")) }
    };
    assert_eq!(text(&dir, &pin("a: 1\n")), "a: 1\n");
    asked.recv().expect("asked");
    assert_eq!(text(&dir, &pin("a: 1\n")), "a: 1\n");
    assert!(asked.try_recv().is_err(), "asked again");
    let error = ask(&dir, &pin("a: 2\n")).expect_err("another text");
    assert!(error.starts_with("has checksum blake3:") && error.contains("is expected"), "{error}");
    assert_eq!(text(&dir, &pin("a: 1\n")), "a: 1\n", "what was refused is not kept");
}

#[test]
fn without_a_server_only_what_is_pinned_is_used() {
    let (base, _asked) = server(|_, _, stream| say(stream, "200 OK", "", "a: 1\n"));
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let (dir, url) = (workspace(), format!("http://{gone}/a.yaml"));
    let body = ask(&dir, &source(&format!("{base}/a.yaml"))).expect("an answer").expect("a text");
    let answered = windlass_core::digest::Digest::of(url.as_bytes());
    let entry = Entry { answered, etag: None, last_modified: None, body };
    Cache::new(dir.path().join("http")).write(&url, &entry).expect("written");
    let checksum = format!("blake3:{}", windlass_core::digest::Digest::of(b"a: 1\n"));
    let pinned =
        HttpSource { checksum: Some(checksum.parse().expect("a checksum")), ..source(&url) };
    assert_eq!(text(&dir, &pinned), "a: 1\n");
    let error = ask(&dir, &source(&url)).expect_err("nobody answers");
    assert!(error.starts_with("cannot be reached"), "{error}");
}

#[test]
fn redirects_are_followed_five_times_and_each_is_checked() {
    let (base, _asked) = server(|_, request, stream| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let left: usize = path.trim_start_matches('/').parse().unwrap_or(0);
        match left {
            0 => say(stream, "200 OK", "", "a: 1\n"),
            left => say(stream, "302 Found", &format!("Location: /{}\r\n", left - 1), ""),
        }
    });
    assert_eq!(text(&workspace(), &source(&format!("{base}/5"))), "a: 1\n");
    let error = ask(&workspace(), &source(&format!("{base}/6"))).expect_err("too many");
    assert_eq!(error, "redirects more than 5 times");
    let to = |url: &'static str| {
        refused(move |stream| say(stream, "302 Found", &format!("Location: {url}\r\n"), ""))
    };
    assert_eq!(
        to("http://192.0.2.1/x"),
        "redirects to a URL that sends configuration over plain `http://`"
    );
    assert_eq!(to("file:///etc/passwd"), "redirects to a URL that is no `https://` URL");
    assert_eq!(to("https://user@x/"), "redirects to a URL that contains a user name or a password");
    assert_eq!(refused(|stream| say(stream, "302 Found", "", "")), "redirects to nowhere");
}

#[test]
fn what_is_no_configuration_is_refused() {
    let page = "Content-Type: Text/HTML; charset=utf-8\r\n";
    let error = refused(move |stream| say(stream, "200 OK", page, "<html>"));
    assert_eq!(error, "answers with a web page where configuration is expected");
    let error = refused(|stream| say(stream, "200 OK", "Content-Encoding: gzip\r\n", "x"));
    assert_eq!(error, "answers with content encoded as gzip");
    assert_eq!(refused(|stream| say(stream, "503 No", "", "")), "answers with status 503");
    assert_eq!(refused(|stream| say(stream, "304 No", "", "")), "answers with status 304");
    let error = refused(|stream| stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n"));
    assert!(
        error.starts_with("answers with something") || error.starts_with("cannot be"),
        "{error}"
    );
}

#[test]
fn what_is_not_there_is_nothing() {
    for status in ["404 Not Found", "410 Gone"] {
        let (base, _asked) = server(move |_, _, stream| say(stream, status, "", "<html>"));
        assert_eq!(ask(&workspace(), &source(&format!("{base}/a.yaml"))), Ok(None));
    }
}

#[test]
fn too_much_is_refused_with_and_without_a_length() {
    let long = "x".repeat(5_000);
    for with_length in [true, false] {
        let long = long.clone();
        let (base, _asked) = server(move |_, _, stream| match with_length {
            true => say(stream, "200 OK", "", &long),
            false => write!(stream, "HTTP/1.1 200 OK\r\n\r\n{long}"),
        });
        let source = HttpSource { max_size: 4_999, ..source(&format!("{base}/a.yaml")) };
        let error = ask(&workspace(), &source).expect_err("too large");
        assert_eq!(error, "answers with more than 4999 bytes");
    }
}

#[test]
fn one_that_trickles_or_says_nothing_ends_with_its_time() {
    let slow = |answer: fn(&mut TcpStream) -> std::io::Result<()>| {
        let (base, _asked) = server(move |_, _, stream| answer(stream));
        let source = HttpSource { timeout_ms: 200, ..source(&format!("{base}/a.yaml")) };
        let began = Instant::now();
        let error = ask(&workspace(), &source).expect_err("slow");
        assert!(began.elapsed() < Duration::from_secs(10));
        error
    };
    let trickle = slow(|stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")?;
        loop {
            stream.write_all(b"x")?;
            thread::park_timeout(Duration::from_millis(20));
        }
    });
    assert_eq!(trickle, "gives no full answer within 200 ms");
    let silent =
        slow(|stream| stream.take_error().map(|_| thread::park_timeout(Duration::from_secs(5))));
    assert_eq!(silent, "gives no full answer within 200 ms");
}

#[test]
fn a_server_that_speaks_no_tls_is_not_trusted() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}/a.yaml", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = say(&mut stream, "200 OK", "", "a: 1\n");
        }
    });
    let error = ask(&workspace(), &source(&url)).expect_err("no TLS");
    assert!(error.starts_with("has a certificate or encryption that cannot be trusted"), "{error}");
}

#[test]
fn urls_are_checked_again_once_variables_are_in_them() {
    let error = ask(&workspace(), &source("http://192.0.2.1/a.yaml")).expect_err("plain");
    assert_eq!(error, "sends configuration over plain `http://`");
    assert_eq!(shown("https://x/a.yaml?token=secret#f"), "https://x/a.yaml");
}
