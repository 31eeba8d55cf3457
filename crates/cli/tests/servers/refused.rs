//! What is no configuration, comes too late, is too much, or is somewhere else.

use std::thread;
use std::time::Duration;

use crate::listening::{Answer, path, plain, say};
use crate::{kept, project, refused, windlass};

/// Asks a server that says `answer`, for a layer with `options`.
#[track_caller]
fn asked(options: &str, answer: impl Answer, says: &[&str]) {
    let url = format!("{}/app.yaml", plain(answer));
    let project = project(&format!("{{ url = \"{url}?token=s3cr3t\"{options} }}"));
    let said = refused(&project, &windlass(&project), &[&[url.as_str()], says].concat());
    // The line of the project is shown, in which its author wrote the token.
    let message = said.stderr.lines().next().unwrap_or_default();
    assert!(!message.contains("s3cr3t"), "{said}");
}

#[test]
fn a_server_on_this_machine_may_be_plain() {
    let url = plain(|_, to| say(to, "200 OK", "ETag: \"1\"\r\n", "name: far\n"));
    let project = project(&format!("\"{url}/app.yaml\""));
    let said = windlass(&project).run(&["config", "explain", "dev", "name"]).success();
    assert!(said.stdout.contains(&format!("{url}/app.yaml:1:7: \"far\"")), "{said}");
    assert_eq!(kept(&project), 1);
}

#[test]
fn another_server_may_be_plain_only_where_that_is_meant() {
    let remote = project("{ url = \"http://192.0.2.1/app.yaml\" }");
    let said = windlass(&remote).run(&["config", "get", "dev", "name"]).code(1);
    said.says("sends configuration over plain `http://`")
        .says("windlass.toml:7:")
        .says("allow_http = true");
    // The unspecified address is no loopback one, and leads to this machine all the same.
    let url = plain(|_, to| say(to, "200 OK", "", "name: far\n")).replace("127.0.0.1", "0.0.0.0");
    let refused = project(&format!("\"{url}/app.yaml\""));
    let said = windlass(&refused).run(&["config", "get", "dev", "name"]).code(1);
    let _ = said.says("sends configuration over plain `http://`");
    let meant = project(&format!("{{ url = \"{url}/app.yaml\", allow_http = true }}"));
    let said = windlass(&meant).run(&["config", "get", "dev", "name"]).success();
    assert_eq!(said.stdout, "far\n");
}

#[test]
fn a_redirect_without_end() {
    let answer = |request: &str, to: &mut dyn std::io::Write| {
        let location =
            format!("Location: {}x\r\n", path(request).trim_end_matches("?token=s3cr3t"));
        say(to, "302 Found", &location, "name: far\n")
    };
    asked("", answer, &["redirects more than 5 times"]);
    let to_itself = |_: &str, to: &mut dyn std::io::Write| {
        say(to, "307 Temporary Redirect", "Location: /app.yaml\r\n", "")
    };
    asked("", to_itself, &["redirects more than 5 times"]);
}

#[test]
fn a_redirect_to_where_nobody_may_be_asked() {
    for (location, says) in [
        ("http://192.0.2.1/x.yaml", "redirects to a URL that sends configuration over plain"),
        ("file:///etc/passwd", "redirects to a URL that is no `https://` URL"),
        ("https://user:pw@example.com/", "a user name or a password"),
    ] {
        let header = format!("Location: {location}\r\n");
        asked("", move |_, to| say(to, "301 Moved Permanently", &header, ""), &[says]);
    }
    asked("", |_, to| say(to, "302 Found", "", ""), &["redirects to nowhere"]);
}

#[test]
fn a_page_instead_of_configuration() {
    let page = "<!DOCTYPE html><html><title>Sign in</title></html>";
    let kind = "Content-Type: text/html; charset=utf-8\r\n";
    asked("", move |_, to| say(to, "200 OK", kind, page), &["a web page", "a login page"]);
    // One that does not say what it is, is no map.
    let url = format!("{}/app.yaml", plain(move |_, to| say(to, "200 OK", "", page)));
    let project = project(&format!("\"{url}\""));
    let said = windlass(&project).run(&["config", "get", "dev", "name"]).code(1);
    let _ = said.says(&url);
}

#[test]
fn one_that_trickles_or_says_nothing() {
    let trickle = |_: &str, to: &mut dyn std::io::Write| {
        write!(to, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")?;
        loop {
            to.write_all(b"x")?;
            to.flush()?;
            thread::park_timeout(Duration::from_millis(10));
        }
    };
    let says = ["gives no full answer within 300 ms", "raise `timeout`"];
    asked(", timeout = \"300ms\"", trickle, &says);
    let silent = |_: &str, _: &mut dyn std::io::Write| {
        loop {
            thread::park();
        }
    };
    asked(", timeout = \"300ms\"", silent, &says);
}

#[test]
fn more_than_the_cap() {
    let long = format!("name: {}\n", "x".repeat(2_000));
    let (with_length, without) = (long.clone(), long);
    let says = ["answers with more than 1024 bytes", "raise `max_size`"];
    let options = ", max_size = \"1KiB\"";
    asked(options, move |_, to| say(to, "200 OK", "", &with_length), &says);
    asked(options, move |_, to| write!(to, "HTTP/1.1 200 OK\r\n\r\n{without}"), &says);
    let endless = |_: &str, to: &mut dyn std::io::Write| {
        write!(to, "HTTP/1.1 200 OK\r\n\r\nname: ")?;
        loop {
            to.write_all(&[b'x'; 4096])?;
        }
    };
    asked(options, endless, &says);
}

#[test]
fn a_status_that_is_no_success() {
    for (status, says) in [
        ("401 Unauthorized", "status 401"),
        ("404 Not Found", "status 404"),
        ("418 I'm a teapot", "status 418"),
        ("500 Internal Server Error", "status 500"),
        ("204 No Content", "status 204"),
        ("206 Partial Content", "status 206"),
    ] {
        asked("", move |_, to| say(to, status, "", ""), &[says]);
    }
}

#[test]
fn what_is_not_http_or_is_nobody() {
    asked("", |_, to| to.write_all(b"SSH-2.0-OpenSSH_9.6\r\n"), &[]);
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    let project = project(&format!("\"http://{}/app.yaml\"", gone.expect("a port")));
    refused(&project, &windlass(&project), &["cannot be reached"]);
}

#[test]
fn a_text_in_another_encoding_or_with_another_checksum() {
    let checksum = format!(", checksum = \"sha256:{}\"", "0".repeat(64));
    asked(&checksum, |_, to| say(to, "200 OK", "", "name: far\n"), &["is expected", "checksum"]);
    asked("", |_, to| say(to, "200 OK", "Content-Encoding: gzip\r\n", "x"), &["encoded as gzip"]);
}
