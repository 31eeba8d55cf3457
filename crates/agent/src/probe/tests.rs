use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use windlass_core::health::{Bound, HealthReport, HttpProbe, Limit, PrometheusProbe};

use super::*;

/// A server on a port of its own; each connection is `answer`ed on a thread, with its number.
fn serve(answer: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let answer = std::sync::Arc::new(answer);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let answer = answer.clone();
            thread::spawn(move || answer(stream, number));
        }
    });
    port
}

fn take_request(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let rest = lines.take_while(|line| !line.is_empty()).count();
    format!("{first} +{rest}")
}

/// A server that says the same to everybody.
fn saying(text: &'static str) -> u16 {
    serve(move |mut stream, _| {
        take_request(&stream);
        let _ = stream.write_all(text.as_bytes());
    })
}

const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BAD: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

fn quick(probe: Probe) -> HealthCheck {
    HealthCheck { timeout_ms: 10_000, interval_ms: 1, ..HealthCheck::new(probe) }
}

fn http(port: u16) -> HealthCheck {
    quick(Probe::Http(HttpProbe::new(format!("http://${{TARGET_ADDRESS}}:{port}/${{PAGE}}"))))
}

fn impatient(check: HealthCheck) -> HealthCheck {
    HealthCheck { timeout_ms: 100, ..check }
}

fn command(text: &str) -> HealthCheck {
    quick(Probe::Command(Command::Shell(text.to_owned())))
}

fn with_context<T>(use_it: impl FnOnce(&ProbeContext<'_>) -> T) -> T {
    let variables = BTreeMap::from([("PAGE".to_owned(), "healthz".to_owned())]);
    use_it(&ProbeContext {
        address: "127.0.0.1",
        variables: &variables,
        interrupt: None,
        client: None,
    })
}

fn once(check: &HealthCheck) -> Result<Latency, String> {
    with_context(|context| probe_once(check, context)).map_err(|failure| failure.message)
}

fn all(checks: &[HealthCheck], deadline: Duration) -> Result<Vec<Failure>, Vec<Failure>> {
    with_context(|context| await_healthy(checks, context, deadline))
}

const MINUTE: Duration = Duration::from_secs(60);

#[track_caller]
fn fails_in_time(check: &HealthCheck) -> String {
    let started = Instant::now();
    let message = once(check).expect_err("it is not healthy");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}: {message}", started.elapsed());
    message
}

#[test]
fn a_status_of_200_is_healthy_and_variables_are_expanded() {
    let (tell, told) = mpsc::channel();
    let port = serve(move |mut stream, _| {
        let _ = tell.send(take_request(&stream));
        let _ = stream.write_all(GOOD.as_bytes());
    });
    assert!(once(&http(port)).is_ok());
    let request = told.recv().expect("it was asked");
    assert!(request.starts_with("GET /healthz HTTP/1.1 +"), "{request}");
}

#[test]
fn a_redirect_is_followed_and_not_modified_is_good() {
    let port = serve(|mut stream, number| {
        take_request(&stream);
        let to = "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n";
        let _ = stream.write_all(if number == 0 { to } else { GOOD }.as_bytes());
    });
    assert!(once(&http(port)).is_ok());
    assert!(once(&http(saying("HTTP/1.1 304 Not Modified\r\n\r\n"))).is_ok());
}

#[test]
fn redirects_for_ever_are_unhealthy() {
    let port = saying("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(fails_in_time(&http(port)), "redirected more than 5 times");
}

#[test]
fn an_error_status_is_unhealthy_and_named() {
    let message = fails_in_time(&http(saying(BAD)));
    assert_eq!(message, "answered with status 500 Internal Server Error");
}

/// A server that takes the request and then waits for as long as the test lives.
fn hanging(first: &'static str) -> (u16, mpsc::Sender<()>) {
    let (keep, kept) = mpsc::channel::<()>();
    let kept = std::sync::Mutex::new(kept);
    let port = serve(move |mut stream, _| {
        take_request(&stream);
        let _ = stream.write_all(first.as_bytes());
        let _ = kept.lock().map(|kept: std::sync::MutexGuard<'_, Receiver<()>>| kept.recv());
    });
    (port, keep)
}

#[test]
fn a_server_that_hangs_is_unhealthy_at_the_timeout() {
    for first in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"] {
        let (port, _keep) = hanging(first);
        let message = fails_in_time(&impatient(http(port)));
        assert_eq!(message, "no full answer within 100ms", "{first:?}");
    }
}

/// A server that sends `first`, and then `more` again and again with a moment between.
fn trickling(first: &'static str, more: &'static str) -> u16 {
    serve(move |mut stream, _| {
        take_request(&stream);
        let mut sent = stream.write_all(first.as_bytes());
        let (_never, pause) = mpsc::channel::<()>();
        while sent.is_ok() {
            let _ = pause.recv_timeout(Duration::from_millis(5));
            sent = stream.write_all(more.as_bytes());
        }
    })
}

#[test]
fn a_server_that_trickles_is_unhealthy_at_the_timeout() {
    let slow = [
        ("HTTP/1.1 200 OK\r\nX: ", "x"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", "x"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", "x"),
    ];
    for (first, more) in slow {
        let message = fails_in_time(&impatient(http(trickling(first, more))));
        assert_eq!(message, "no full answer within 100ms", "{first:?}");
    }
}

#[test]
fn a_server_that_sends_without_end_is_unhealthy() {
    let port = serve(|mut stream, _| {
        take_request(&stream);
        let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while sent.is_ok() {
            sent = stream.write_all(&[b'x'; 4096]);
        }
    });
    let message = fails_in_time(&http(port));
    assert!(message.starts_with("sent more than 64 KiB"), "{message}");
}

#[test]
fn a_server_that_closes_is_unhealthy() {
    for text in ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"] {
        let message = fails_in_time(&http(saying(text)));
        assert!(message.contains("closed the connection"), "{text:?}: {message}");
    }
}

#[test]
fn what_is_no_http_is_unhealthy() {
    fails_in_time(&http(saying("SSH-2.0-OpenSSH_9.2\r\n\r\n")));
    fails_in_time(&quick(Probe::Http(HttpProbe::new("not a url"))));
}

#[test]
fn https_is_refused_also_behind_a_redirect() {
    let (tell, told) = mpsc::channel();
    let port = serve(move |_, _| tell.send(()).unwrap_or_default());
    let message =
        fails_in_time(&quick(Probe::Http(HttpProbe::new(format!("HTTPS://127.0.0.1:{port}/")))));
    assert!(message.contains("https cannot be probed"), "{message}");
    assert!(told.try_recv().is_err(), "nobody was asked");
    let redirecting = serve(move |mut stream, _| {
        take_request(&stream);
        let answer = format!(
            "HTTP/1.1 301 Moved\r\nLocation: https://127.0.0.1:{port}/\r\nContent-Length: 0\r\n\r\n"
        );
        let _ = stream.write_all(answer.as_bytes());
    });
    let message = fails_in_time(&http(redirecting));
    assert!(message.contains("https cannot be probed"), "{message}");
}

/// Returns a port that nobody listens on.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

#[test]
fn tcp_is_healthy_when_a_connection_opens() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    for text in
        [format!("{port}"), format!("localhost:{port}"), format!("${{TARGET_ADDRESS}}:{port}")]
    {
        assert!(once(&quick(Probe::Tcp(text.clone()))).is_ok(), "{text}");
    }
    let message = fails_in_time(&quick(Probe::Tcp(closed_port().to_string())));
    assert!(message.contains("connection refused"), "{message}");
}

#[test]
fn a_command_is_healthy_when_it_exits_with_zero() {
    assert!(once(&command("test \"$TARGET_ADDRESS/$PAGE\" = 127.0.0.1/healthz")).is_ok());
    let message = fails_in_time(&command("echo starting; echo queue is full >&2; exit 7"));
    assert_eq!(message, "exited with status 7: queue is full");
    let message = fails_in_time(&impatient(command("sleep 60")));
    assert_eq!(message, "no answer within 100ms");
    let missing = Probe::Command(Command::Argv(vec!["no-such-program".to_owned()]));
    assert_eq!(fails_in_time(&quick(missing)), "program `no-such-program` was not found");
}

#[test]
fn nothing_to_check_is_not_waited_for() {
    assert_eq!(all(&[], MINUTE), Ok(vec![]));
}

#[test]
fn a_service_that_comes_up_late_becomes_healthy() {
    let port = serve(|mut stream, number| {
        take_request(&stream);
        let _ = stream.write_all(if number < 4 { BAD } else { GOOD }.as_bytes());
    });
    let patient = HealthCheck { failures: 10, successes: 2, ..http(port) };
    assert_eq!(all(&[patient, command("true")], MINUTE), Ok(vec![]));
}

#[test]
fn failures_in_a_row_make_it_unhealthy_long_before_the_deadline() {
    let started = Instant::now();
    let failures = all(&[http(saying(GOOD)), http(saying(BAD))], MINUTE).expect_err("unhealthy");
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(failures.len(), 1);
    assert!(failures[0].probe.starts_with("http http://127.0.0.1:"), "{}", failures[0]);
    let message = "answered with status 500 Internal Server Error (3 times in a row)";
    assert_eq!(failures[0].message, message);
}

#[test]
fn one_failure_ends_the_waits_of_the_others() {
    let slow = HealthCheck { interval_ms: 3_600_000, failures: 9, ..command("exit 1") };
    let started = Instant::now();
    let failures = all(&[slow, command("exit 2")], 60 * MINUTE).expect_err("unhealthy");
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(
        failures.last().map(|f| f.message.as_str()),
        Some("exited with status 2 (3 times in a row)")
    );
}

#[test]
fn flapping_never_becomes_healthy() {
    let port = serve(|mut stream, number| {
        take_request(&stream);
        let _ = stream.write_all(if number % 2 == 0 { GOOD } else { BAD }.as_bytes());
    });
    let flapping = HealthCheck { successes: 2, ..http(port) };
    let failures = all(&[flapping], Duration::from_millis(300)).expect_err("unknown");
    assert!(failures[0].message.contains("of 2 successes in a row at the deadline"));
}

#[test]
fn what_hangs_until_the_deadline_is_unhealthy() {
    let (port, _keep) = hanging("");
    let started = Instant::now();
    let failures = all(&[http(port)], Duration::from_millis(100)).expect_err("unknown");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(failures[0].message.contains("at the deadline"), "{}", failures[0]);
}

#[test]
fn without_time_to_probe_nothing_is_healthy() {
    let failures = all(&[command("true")], Duration::ZERO).expect_err("unknown");
    assert_eq!(failures[0].message, "0 of 1 successes in a row at the deadline");
}

#[test]
fn credentials_are_not_shown() {
    let failures = all(
        &[quick(Probe::Http(HttpProbe::new(format!(
            "http://me:secret@127.0.0.1:{}/x@y",
            closed_port()
        ))))],
        MINUTE,
    )
    .expect_err("nobody listens");
    let shown = failures[0].to_string();
    assert!(!shown.contains("secret") && shown.contains("/x@y"), "{shown}");
}

#[test]
fn an_interrupt_ends_the_waiting_and_what_is_undecided_is_not_healthy() {
    let interrupt = Interrupt::new().expect("a pipe");
    let variables = BTreeMap::new();
    let context = ProbeContext {
        address: "127.0.0.1",
        variables: &variables,
        interrupt: Some(&interrupt),
        client: None,
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let check = HealthCheck {
        interval_ms: 3_600_000,
        successes: 2,
        ..HealthCheck::new(Probe::Tcp(address))
    };
    let failures = thread::scope(|scope| {
        let waiting = scope.spawn(|| await_healthy(&[check], &context, LONGEST));
        listener.accept().expect("the first probe");
        interrupt.raise();
        waiting.join().expect("no panic").expect_err("it was seen once only")
    });
    assert_eq!(failures[0].message, "interrupted");
}

fn expecting(port: u16, status: &[u16], contains: Option<&str>) -> HealthCheck {
    quick(Probe::Http(HttpProbe {
        status: status.to_vec(),
        contains: contains.map(str::to_owned),
        ..HttpProbe::new(format!("http://127.0.0.1:{port}/"))
    }))
}

#[test]
fn an_answer_that_is_not_the_expected_one_is_unhealthy() {
    let port = saying(GOOD);
    assert!(once(&expecting(port, &[200, 204], Some("ok"))).is_ok());
    assert_eq!(fails_in_time(&expecting(port, &[204], None)), "answered with status 200 OK");
    let lying = expecting(port, &[], Some("database: up"));
    assert_eq!(fails_in_time(&lying), "answered without \"database: up\"");
    let failing = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    assert!(once(&expecting(saying(failing), &[503], None)).is_ok());
}

/// A server that answers queries with `result`, and `type` as its kind.
fn prometheus(result: &'static str) -> u16 {
    serve(move |mut stream, _| {
        take_request(&stream);
        let body =
            format!(r#"{{"status":"success","data":{{"resultType":"vector","result":{result}}}}}"#);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.write_all((head + &body).as_bytes());
    })
}

fn query(port: u16) -> HealthCheck {
    quick(Probe::Prometheus(PrometheusProbe {
        url: format!("http://127.0.0.1:{port}"),
        query: "errors{page=\"${PAGE}\"}".to_owned(),
        bound: Bound::Max("0.01".parse().expect("a number")),
    }))
}

#[test]
fn every_sample_of_a_query_keeps_to_the_bound() {
    assert!(once(&query(prometheus(r#"[{"metric":{},"value":[1,"0.01"]}]"#))).is_ok());
    let two = r#"[{"metric":{"i":"a"},"value":[1,"0"]},{"metric":{"i":"b"},"value":[1,"0.02"]}]"#;
    let message = fails_in_time(&query(prometheus(two)));
    assert_eq!(message, "{i=\"b\"} is 0.02, not at most 0.01");
}

#[test]
fn the_query_is_sent_whole() {
    let (tell, told) = mpsc::channel();
    let port = serve(move |stream, _| drop(tell.send(take_request(&stream))));
    fails_in_time(&query(port));
    let request = told.recv().expect("it was asked");
    let path = "GET /api/v1/query?query=errors%7Bpage%3D%22healthz%22%7D HTTP/1.1";
    assert!(request.starts_with(path), "{request}");
}

#[test]
fn no_data_is_unknown_and_never_a_pass() {
    let no_answers = [
        (prometheus("[]"), "no data"),
        (prometheus(r#"[{"metric":{},"value":[1,"NaN"]}]"#), "a sample is not a number"),
        (saying(GOOD), "answered with something that Prometheus does not say"),
        (saying(BAD), "answered with status 500 Internal Server Error"),
    ];
    for (port, expected) in no_answers {
        let failure = with_context(|context| probe_once(&query(port), context)).expect_err("none");
        assert_eq!((failure.message.as_str(), failure.status), (expected, HealthStatus::Unknown));
        assert!(all(&[query(port)], MINUTE).is_err());
    }
}

#[test]
fn what_is_not_critical_degrades_and_stops_nothing() {
    let port = serve(|mut stream, number| {
        take_request(&stream);
        let _ = stream.write_all(if number < 4 { BAD } else { GOOD }.as_bytes());
    });
    let optional = HealthCheck { critical: false, ..command("exit 3") };
    let patient = HealthCheck { failures: 10, ..http(port) };
    let degraded = all(&[optional.clone(), patient], MINUTE).expect("healthy enough");
    assert_eq!(degraded[0].message, "exited with status 3 (3 times in a row)");
    assert_eq!(degraded.len(), 1);
    assert_eq!(all(&[optional, command("false")], MINUTE).map_err(|bad| bad.len()), Err(2));
}

#[test]
fn a_report_names_every_check() {
    let optional = HealthCheck { critical: false, ..command("exit 3") };
    let memory = quick(Probe::Memory(Limit::MinAvailable(1)));
    let checks = [("memory", &memory), ("queue", &optional)];
    let report = HealthReport::of(with_context(|context| report_all(&checks, context)));
    assert_eq!(report.status, HealthStatus::Degraded);
    let queue = report.check("queue").expect("it was asked");
    assert_eq!(queue.detail, "command `exit 3`: exited with status 3");
    assert!(queue.latency_us > 0);
}

#[test]
fn checks_that_hang_are_reported_side_by_side() {
    let (port, _keep) = hanging("");
    let slow = HealthCheck { timeout_ms: 1_000, ..http(port) };
    let checks = [("a", &slow); 20];
    let started = Instant::now();
    let report = HealthReport::of(with_context(|context| report_all(&checks, context)));
    assert!(started.elapsed() < Duration::from_secs(15), "twenty one after another take longer");
    assert_eq!((report.status, report.checks.len()), (HealthStatus::Unhealthy, 20));
}
