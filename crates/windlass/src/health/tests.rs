use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use super::*;

/// A server that says the same to everybody, and its port.
fn saying(text: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let _ = lines.take_while(|line| !line.is_empty()).count();
            let _ = stream.write_all(text.as_bytes());
        }
    });
    port
}

fn http(port: u16) -> HealthCheck {
    let url = format!("http://${{TARGET_ADDRESS}}:{port}/${{PAGE}}");
    HealthCheck::new(Probe::Http(HttpProbe::new(url)))
}

const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BAD: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

fn shell(text: &str) -> HealthCheck {
    HealthCheck::new(Probe::Command(Command::Shell(text.to_owned())))
}

#[test]
fn all_that_are_good_are_healthy() {
    let port = saying(GOOD);
    let checker = HealthChecker::new()
        .with_variables([("PAGE".to_owned(), "healthz".to_owned())])
        .with_check("web", http(port))
        .with_check("port", HealthCheck::new(Probe::Tcp(port.to_string())))
        .with_check("command", shell("test $PAGE = healthz"));
    let report = checker.check("127.0.0.1");
    assert_eq!(report.status, HealthStatus::Healthy, "{report:#?}");
    let detail = &report.check("web").expect("it was asked").detail;
    assert_eq!(*detail, format!("http http://127.0.0.1:{port}/healthz"));
}

#[test]
fn a_critical_failure_is_unhealthy_and_any_other_degrades() {
    let checker = HealthChecker::new().with_check("good", http(saying(GOOD)));
    let optional = HealthCheck { critical: false, ..http(saying(BAD)) };
    let report = checker.clone().with_check("optional", optional).check("127.0.0.1");
    assert_eq!(report.status, HealthStatus::Degraded);
    let report = checker.with_check("critical", http(saying(BAD))).check("127.0.0.1");
    assert_eq!(report.status, HealthStatus::Unhealthy);
    let detail = &report.check("critical").expect("it was asked").detail;
    assert!(detail.ends_with("answered with status 500 Internal Server Error"), "{detail}");
}

#[test]
fn a_prometheus_that_is_down_makes_it_unknown() {
    let query = PrometheusProbe {
        url: "http://127.0.0.1:1".to_owned(),
        query: "up".to_owned(),
        bound: Bound::Min("1".parse().expect("a number")),
    };
    let check = HealthCheck::new(Probe::Prometheus(query));
    let report = HealthChecker::new().with_check("up", check).check("127.0.0.1");
    assert_eq!(report.status, HealthStatus::Unknown);
}

#[test]
fn https_is_spoken_from_here() {
    // What answers in plain text is no TLS, and says so: it is not refused unasked.
    let url = format!("https://127.0.0.1:{}/", saying(GOOD));
    let check = HealthCheck::new(Probe::Http(HttpProbe::new(url)));
    let report = HealthChecker::new().with_check("tls", check).check("127.0.0.1");
    assert!(!report.status.is_healthy());
    assert!(!report.checks[0].detail.contains("cannot be probed from"), "{report:#?}");
}
