//! The entries of a service's `health`.

use std::ops::RangeInclusive;

use super::fields::{Fields, Item};
use super::service::{COMMAND, read_command};
use super::shape::{Alternative, DURATION, Field, Kind, List, Shape, TEXT, Text, names};
use crate::health::{HealthCheck, HttpProbe, Probe, Vantage};

mod address;
mod limit;
mod prometheus;

pub(super) use address::check_http;

pub(super) static CHECK: Shape = Shape {
    fields: &[
        Field::new(
            "http",
            Kind::Text(&HTTP),
            "\"http://${TARGET_ADDRESS}:8080/healthz\"",
            "A URL that answers with a status of 200 to 399; `https://` with `from = \"operator\"`.",
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
            "memory",
            limit::MEMORY,
            "\"90%\"",
            "How much of the host's memory may be used at most; what the kernel can take back from its \
             caches is not used.",
        ),
        Field::new(
            "disk",
            limit::DISK,
            "\"90%\"",
            "How much of the file system of `config_path` may be used at most, of its bytes and of its \
             inodes.",
        ),
        Field::new(
            "systemd",
            Kind::Text(&UNIT),
            "\"nginx.service\"",
            "A unit of systemd that is active.",
        ),
        Field::new(
            "prometheus",
            Kind::Table(&prometheus::PROMETHEUS),
            "{ url = \"http://prometheus:9090\", query = \"up{instance='${TARGET_ADDRESS}:9100'}\", min = 1 }",
            "A query whose every sample keeps to a bound. No sample is no pass.",
        ),
        Field::new(
            "status",
            Kind::Any(&[Kind::Integer(&STATUS), Kind::List(&STATUSES)]),
            "[200, 204]",
            "The statuses that `http` must answer with.",
        )
        .or_else("200 to 399")
        .beside("http = \"http://localhost/\""),
        Field::new(
            "contains",
            Kind::Text(&TEXT),
            "\"\\\"status\\\":\\\"up\\\"\"",
            "A text in what `http` answers.",
        )
        .beside("http = \"http://localhost/\""),
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
        Field::new(
            "critical",
            Kind::Boolean,
            "false",
            "Whether the target is unhealthy without it; otherwise it is degraded, which is said and \
             stops nothing.",
        )
        .or("true")
        .beside("tcp = 8080"),
        Field::new(
            "from",
            Kind::Choice(&VANTAGE_NAMES),
            "\"operator\"",
            "From where it is asked: on the target's `\"host\"`, or from the machine of the \
             `\"operator\"`, which sees what is between the two as well.",
        )
        .or("\"host\"")
        .beside("tcp = 8080"),
    ],
    one_of: &[
        Alternative { field: "http", refuses: &[] },
        Alternative { field: "tcp", refuses: OF_HTTP },
        Alternative { field: "command", refuses: OF_HTTP },
        Alternative { field: "memory", refuses: OF_THE_HOST },
        Alternative { field: "disk", refuses: OF_THE_HOST },
        Alternative { field: "systemd", refuses: OF_THE_HOST },
        Alternative { field: "prometheus", refuses: OF_HTTP },
    ],
    ..Shape::inline("health_check", "An entry of `health`", "A probe, and when it is believed.")
};

/// What says something of answers to `http` alone.
const OF_HTTP: &[&str] = &["status", "contains"];
/// What means nothing beside a probe of the host itself.
const OF_THE_HOST: &[&str] = &["status", "contains", "from"];
static HTTP: Text = Text::matching("URL", "^https?://.");
static TCP: Text = Text::matching("address", r"^\S+$");
static UNIT: Text = Text::matching("unit", r"^[^-\s/]\S*$");
const PORTS: RangeInclusive<u32> = 1..=65_535;
const STATUS: RangeInclusive<u32> = 100..=599;
static STATUSES: List = List::some(Kind::Integer(&STATUS)).unique();
/// What `failures` and `successes` may be.
const PROBES: RangeInclusive<u32> = 1..=1_000;
const VANTAGES: [(&str, Vantage); 2] = [("host", Vantage::Host), ("operator", Vantage::Operator)];
const VANTAGE_NAMES: [&str; 2] = names(&VANTAGES);

/// Reads `health`.
pub(super) fn read(item: &Item<'_>) -> Vec<HealthCheck> {
    item.list("tables").unwrap_or_default().iter().filter_map(read_check).collect()
}

fn read_check(item: &Item<'_>) -> Option<HealthCheck> {
    let fields = item.fields(item.label(), &CHECK)?;
    let from = fields.get("from").map(|from| from.choice("vantage", &VANTAGES));
    let from = from.unwrap_or(Some(Vantage::Host));
    let probe = fields.exactly_one();
    let probe = probe.and_then(|(kind, item)| read_probe(kind, &item, &fields, from));
    let milliseconds = |key| fields.get(key).map(|item| item.milliseconds());
    let count = |key| fields.get(key).map(|item| item.integer(&PROBES));
    let (timeout, interval) = (milliseconds("timeout"), milliseconds("interval"));
    let (failures, successes) = (count("failures"), count("successes"));
    let critical = fields.get("critical").map(|critical| critical.boolean());
    let default = HealthCheck::new(probe?);
    Some(HealthCheck {
        timeout_ms: timeout.unwrap_or(Some(default.timeout_ms))?,
        interval_ms: interval.unwrap_or(Some(default.interval_ms))?,
        failures: failures.unwrap_or(Some(default.failures))?,
        successes: successes.unwrap_or(Some(default.successes))?,
        critical: critical.unwrap_or(Some(default.critical))?,
        from: from?,
        probe: default.probe,
    })
}

fn read_probe(
    kind: &str,
    item: &Item<'_>,
    fields: &Fields<'_>,
    from: Option<Vantage>,
) -> Option<Probe> {
    // Where the vantage is wrong already, its URL is not blamed for it.
    let secure = from != Some(Vantage::Host);
    match kind {
        "http" => read_http(item, fields, secure).map(Probe::Http),
        "tcp" => read_tcp(item).map(Probe::Tcp),
        "memory" => limit::read_memory(item).map(Probe::Memory),
        "disk" => limit::read_disk(item).map(Probe::Disk),
        "systemd" => read_unit(item).map(Probe::Systemd),
        "prometheus" => prometheus::read(item, secure).map(Probe::Prometheus),
        _ => read_command(item).map(Probe::Command),
    }
}

fn read_http(item: &Item<'_>, fields: &Fields<'_>, secure: bool) -> Option<HttpProbe> {
    let url = read_url(item, secure);
    let status = fields.get("status").map(|status| read_statuses(&status));
    let contains = fields.get("contains").map(|text| text.text());
    Some(HttpProbe {
        url: url?,
        status: status.unwrap_or(Some(Vec::new()))?,
        contains: contains.map_or(Some(None), |text| text.map(Some))?,
    })
}

/// Reads a URL to ask; `https` where it is `secure`, which it is from the operator.
pub(super) fn read_url(item: &Item<'_>, secure: bool) -> Option<String> {
    let url = item.text()?;
    match check_http(&url, secure) {
        Ok(()) => Some(url),
        Err(fault) => {
            let hint = match url.starts_with("https://") && !secure {
                true => "add `from = \"operator\"`, or write an `http://` URL",
                false => "write `http://${TARGET_ADDRESS}:PORT/PATH`",
            };
            item.report(format!("{} {fault}", item.label()), Some(hint.to_owned()));
            None
        }
    }
}

/// Reads a status, or a list of them, in which none is twice.
fn read_statuses(item: &Item<'_>) -> Option<Vec<u16>> {
    let read = |item: &Item<'_>| item.integer(&STATUS).and_then(|code| u16::try_from(code).ok());
    if !item.is_list() {
        return Some(vec![read(item)?]);
    }
    let items = item.nonempty_list("statuses", "write `[200]`")?;
    let codes: Vec<_> = items.iter().map(read).collect();
    let mut statuses: Vec<u16> = Vec::new();
    for (item, code) in items.iter().zip(codes) {
        let code = code?;
        if statuses.contains(&code) {
            item.report(format!("{} has {code} twice", item.label()), None);
            return None;
        }
        statuses.push(code);
    }
    Some(statuses)
}

fn read_unit(item: &Item<'_>) -> Option<String> {
    let unit = item.text()?;
    let fits = !unit.starts_with(['-', '/']) && !unit.chars().any(char::is_whitespace);
    if !fits {
        let hint = "write it as `systemctl` does, such as `\"nginx.service\"`";
        item.report(format!("{} is not the name of a unit", item.label()), Some(hint.to_owned()));
    }
    fits.then_some(unit)
}

fn read_tcp(item: &Item<'_>) -> Option<String> {
    if item.is_integer() {
        return item.integer(&PORTS).map(|port| port.to_string());
    }
    let address = item.text()?;
    if address::is_tcp(&address) {
        return Some(address);
    }
    let hint = "write a port from 1 to 65535, such as `\"8080\"`, or `HOST:PORT`";
    item.report(format!("{} is not a port", item.label()), Some(hint.to_owned()));
    None
}
