//! URLs and ports that are probed.

/// Returns why `url` cannot be asked, if it cannot; one of `https` can where it is `secure`.
///
/// A URL never appears in the message: it may hold a password.
pub(in crate::project) fn check_http(url: &str, secure: bool) -> Result<(), &'static str> {
    let encrypted = url.strip_prefix("https://").filter(|_| secure);
    let Some(rest) = url.strip_prefix("http://").or(encrypted) else {
        return Err(if url.starts_with("https://") {
            "is an `https` URL, which is only probed from the operator"
        } else {
            "is not an `http://` URL"
        });
    };
    if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("contains a space or a control character");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("contains a user name or a password");
    }
    let (host, port) = split_port(authority);
    if host.is_empty() {
        return Err("names no host");
    }
    if port.is_none_or(is_port) { Ok(()) } else { Err("has a port that is not from 1 to 65535") }
}

/// Returns whether `address` is a port, or `HOST:PORT`.
pub(super) fn is_tcp(address: &str) -> bool {
    let (host, port) = split_port(address);
    let fits = match port {
        Some(port) => !host.is_empty() && is_port(port),
        None => is_port(host),
    };
    fits && !address.chars().any(char::is_whitespace)
}

/// Returns host and port; the colons in brackets and in `${…}` separate nothing.
fn split_port(address: &str) -> (&str, Option<&str>) {
    let after = address.rfind([']', '}']).unwrap_or(0);
    let colon = address[after..].rfind(':').map(|at| after + at);
    // A port may be a variable itself: `host:${PORT}`.
    let colon = colon.or_else(|| address.rfind(":${"));
    colon.map_or((address, None), |at| (&address[..at], Some(&address[at + 1..])))
}

fn is_port(text: &str) -> bool {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    (text.starts_with("${") && text.ends_with('}'))
        || (digits && text.parse::<u16>().is_ok_and(|port| port != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_probes_have_a_host_and_a_port() {
        for good in [
            "http://${TARGET_ADDRESS}:8080/healthz",
            "http://localhost/a:b@c",
            "http://[::1]:80/",
            "http://web:${PORT}/",
            "http://127.0.0.1?x",
        ] {
            assert_eq!(check_http(good, false), Ok(()), "{good}");
        }
        for bad in [
            "https://x/",
            "x",
            "http://",
            "http:///x",
            "http://:80/",
            "http://x:0/",
            "http://x:65536/",
            "http://x:y/",
            "http://u:p@x/",
            "http://x/a b",
            "http://x/\r\nHost: y",
        ] {
            assert!(check_http(bad, false).is_err(), "{bad}");
            assert!(check_http(bad, true).is_err() || bad == "https://x/", "{bad}");
        }
    }

    #[test]
    fn ports_are_numbers_or_variables() {
        assert_eq!(split_port("[::1]:80"), ("[::1]", Some("80")));
        assert_eq!(split_port("[::1]"), ("[::1]", None));
        assert_eq!(split_port("${A:-x}:1"), ("${A:-x}", Some("1")));
        assert_eq!(split_port("host:${PORT}"), ("host", Some("${PORT}")));
        assert!(is_port("1") && is_port("65535") && is_port("${PORT}"));
        assert!(!is_port("0") && !is_port("65536") && !is_port("+1") && !is_port(""));
    }
}
