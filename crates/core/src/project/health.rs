//! The entries of a service's `health`.

use std::ops::RangeInclusive;

use super::fields::Item;
use super::service::{COMMAND, read_command};
use super::shape::{Alternative, DURATION, Field, Kind, Shape, Text};
use crate::health::{HealthCheck, Probe};

pub(super) static CHECK: Shape = Shape {
    fields: &[
        Field::new(
            "http",
            Kind::Text(&HTTP),
            "\"http://${TARGET_ADDRESS}:8080/healthz\"",
            "A URL that answers with a status of 200 to 399.",
        ),
        Field::new(
            "tcp",
            Kind::Any(&[Kind::Text(&TCP), Kind::Integer(&PORTS)]),
            "8080",
            "A port of the target that opens, or a port elsewhere: `\"HOST:PORT\"`.",
        ),
        Field::new(
            "command",
            COMMAND,
            "'test -s \"$CONFIG_PATH/app.json\"'",
            "A command that exits with 0.",
        ),
        Field::new(
            "timeout",
            Kind::Text(&DURATION),
            "\"2s\"",
            "Of one probe; one that hangs has failed.",
        )
        .or("\"5s\"")
        .beside("tcp = 8080"),
        Field::new("interval", Kind::Text(&DURATION), "\"500ms\"", "Between two probes.")
            .or("\"1s\"")
            .beside("tcp = 8080"),
        Field::new(
            "failures",
            Kind::Integer(&PROBES),
            "5",
            "In a row, that make the target unhealthy.",
        )
        .or("3")
        .beside("tcp = 8080"),
        Field::new("successes", Kind::Integer(&PROBES), "2", "In a row, that make it healthy.")
            .or("1")
            .beside("tcp = 8080"),
    ],
    one_of: &[
        Alternative { field: "http", refuses: &[] },
        Alternative { field: "tcp", refuses: &[] },
        Alternative { field: "command", refuses: &[] },
    ],
    ..Shape::inline("health_check", "An entry of `health`", "A probe, and when it is believed.")
};

static HTTP: Text = Text::matching("URL", "^http://.");
static TCP: Text = Text::matching("address", r"^\S+$");
const PORTS: RangeInclusive<u32> = 1..=65_535;
/// What `failures` and `successes` may be.
const PROBES: RangeInclusive<u32> = 1..=1_000;

/// Reads `health`.
pub(super) fn read(item: &Item<'_>) -> Vec<HealthCheck> {
    item.list("tables").unwrap_or_default().iter().filter_map(read_check).collect()
}

fn read_check(item: &Item<'_>) -> Option<HealthCheck> {
    let fields = item.fields(item.label(), &CHECK)?;
    let probe = fields.exactly_one();
    let probe = probe.and_then(|(kind, item)| read_probe(kind, &item));
    let milliseconds = |key| fields.get(key).map(|item| item.milliseconds());
    let count = |key| fields.get(key).map(|item| item.integer(&PROBES));
    let (timeout, interval) = (milliseconds("timeout"), milliseconds("interval"));
    let (failures, successes) = (count("failures"), count("successes"));
    let default = HealthCheck::new(probe?);
    Some(HealthCheck {
        timeout_ms: timeout.unwrap_or(Some(default.timeout_ms))?,
        interval_ms: interval.unwrap_or(Some(default.interval_ms))?,
        failures: failures.unwrap_or(Some(default.failures))?,
        successes: successes.unwrap_or(Some(default.successes))?,
        probe: default.probe,
    })
}

fn read_probe(kind: &str, item: &Item<'_>) -> Option<Probe> {
    match kind {
        "http" => read_http(item).map(Probe::Http),
        "tcp" => read_tcp(item).map(Probe::Tcp),
        _ => read_command(item).map(Probe::Command),
    }
}

fn read_http(item: &Item<'_>) -> Option<String> {
    let url = item.text()?;
    match check_http(&url) {
        Ok(()) => Some(url),
        Err(fault) => {
            let hint = "write `http://${TARGET_ADDRESS}:PORT/PATH`";
            item.report(format!("{} {fault}", item.label()), Some(hint.to_owned()));
            None
        }
    }
}

/// A URL never appears in the message: it may hold a password.
fn check_http(url: &str) -> Result<(), &'static str> {
    let Some(rest) = url.strip_prefix("http://") else {
        return Err(if url.starts_with("https://") {
            "is an `https` URL, which this version does not probe"
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

fn read_tcp(item: &Item<'_>) -> Option<String> {
    if item.is_integer() {
        return item.integer(&PORTS).map(|port| port.to_string());
    }
    let address = item.text()?;
    let (host, port) = split_port(&address);
    let fits = match port {
        Some(port) => !host.is_empty() && is_port(port),
        None => is_port(host),
    };
    if fits && !address.chars().any(char::is_whitespace) {
        return Some(address);
    }
    let hint = "write a port from 1 to 65535, such as `\"8080\"`, or `HOST:PORT`";
    item.report(format!("{} is not a port", item.label()), Some(hint.to_owned()));
    None
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
            assert_eq!(check_http(good), Ok(()), "{good}");
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
            assert!(check_http(bad).is_err(), "{bad}");
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
