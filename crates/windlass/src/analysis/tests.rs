use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use windlass_core::command::Command;

use super::*;

/// A server that says the same to everybody, its address, and the first lines of requests.
fn saying(text: impl Into<String>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (tell, told) = mpsc::channel();
    let text = text.into();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let _ = tell.send(lines.next().unwrap_or_default());
            let _ = lines.take_while(|line| !line.is_empty()).count();
            let _ = stream.write_all(text.as_bytes());
        }
    });
    (format!("http://{address}"), told)
}

fn json(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn group(name: &str, address: &str) -> Group {
    let member = Member { id: name.to_owned(), address: address.to_owned() };
    Group { name: name.to_owned(), members: vec![member] }
}

fn window() -> Window {
    let time = |text: &str| text.parse().expect("a time");
    Window { start: time("2026-01-01T00:00:00Z"), end: time("2026-01-01T00:05:00Z") }
}

fn spec(source: MetricSource) -> MetricSpec {
    MetricSpec { metric: Metric::new("m"), source, timeout: Duration::from_secs(20) }
}

fn measured(spec: MetricSpec) -> Measurement {
    let (canary, baseline) = (group("canary", "10.0.0.7"), group("baseline", "10.0.0.8"));
    measure(&[spec], &canary, &baseline, &window()).remove(0).measurement
}

fn missing(source: MetricSource) -> String {
    match measured(spec(source)) {
        Measurement::Missing(why) => why,
        other => panic!("it is not missing: {other:?}"),
    }
}

fn shell(text: &str) -> MetricSource {
    MetricSource::Command(Command::Shell(text.to_owned()))
}

#[test]
fn a_command_sees_the_group_and_the_window() {
    let text = "echo noise >&2; case \"$GROUP $TARGETS $WINDOW\" in 'canary 10[.]0[.]0[.]7 300s') \
                echo '{\"bad\": 8, \"total\": 600}';; *) echo '{\"bad\": 0, \"total\": 600}';; esac";
    let expected = Measurement::Counts {
        canary: Counts { bad: 8, total: 600 },
        baseline: Counts { bad: 0, total: 600 },
    };
    assert_eq!(measured(spec(shell(text))), expected);
}

#[test]
fn a_command_that_fails_is_missing_data() {
    assert_eq!(
        missing(shell("echo no such host; exit 3")),
        "command exited with status 3: no such host"
    );
    assert!(missing(shell("echo 7")).starts_with("what it says is not `{\"values\""));
    let nothing = MetricSource::Command(Command::Argv(vec!["no-such-program".to_owned()]));
    assert!(missing(nothing).contains("program `no-such-program` was not found"));
    let slow = MetricSpec { timeout: Duration::from_millis(50), ..spec(shell("sleep 60")) };
    let started = Instant::now();
    assert!(matches!(measured(slow), Measurement::Missing(why) if why.contains("timed out")));
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_server_answers_with_values() {
    let (url, told) = saying(json(r#"{"values": [1, 2.5]}"#));
    let source = MetricSource::Http(format!("{url}/m?group=${{GROUP}}&from=${{START}}"));
    let expected = Measurement::Values { canary: vec![1.0, 2.5], baseline: vec![1.0, 2.5] };
    assert_eq!(measured(spec(source)), expected);
    let mut asked: Vec<_> = told.iter().take(2).collect();
    asked.sort();
    assert_eq!(asked[0], "GET /m?group=baseline&from=1767225600 HTTP/1.1");
    assert_eq!(asked[1], "GET /m?group=canary&from=1767225600 HTTP/1.1");
}

#[test]
fn a_server_that_does_not_help_is_missing_data() {
    let http = |text: &str| MetricSource::Http(saying(text).0);
    assert_eq!(
        missing(http("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")),
        "answered with status 503"
    );
    assert!(missing(http(&json("<html>"))).starts_with("what it says is not"));
    assert!(missing(http("")).starts_with("cannot be asked: "));
    let around = "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(missing(http(around)), "cannot be asked: redirects more than 5 times");
    assert!(missing(MetricSource::Http("http://127.0.0.1:1/".to_owned())).contains("refused"));
    assert!(missing(MetricSource::Http("no url".to_owned())).starts_with("cannot be asked"));
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", " ".repeat(fetch::MOST + 1));
    assert_eq!(missing(http(&long)), "answered with more than 8388608 bytes");
}

#[test]
fn a_server_that_hangs_is_missing_data_at_its_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    let source = MetricSource::Http(url);
    let hanging = MetricSpec { timeout: Duration::from_millis(100), ..spec(source) };
    let late = Measurement::Missing("gave no full answer within 100ms".to_owned());
    assert_eq!(measured(hanging), late);
}

#[test]
fn prometheus_is_asked_for_a_range() {
    let body = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"],[2,"NaN"]]}]}}"#;
    let (url, told) = saying(json(body));
    let query = "x{i=~\"${TARGETS}\"}".to_owned();
    let source = MetricSource::PrometheusValues { url, query, step_s: 15 };
    let Measurement::Values { canary, .. } = measured(spec(source)) else { panic!("no values") };
    assert!(canary.len() == 2 && canary[1].is_nan());
    let asked: Vec<_> = told.iter().take(2).collect();
    let canary = "GET /api/v1/query_range?query=x%7Bi%3D~%2210%5B.%5D0%5B.%5D0%5B.%5D7%22%7D\
                  &start=1767225600&end=1767225900&step=15 HTTP/1.1";
    assert!(asked.iter().any(|line| line == canary), "{asked:#?}");
}

#[test]
fn what_prometheus_refuses_is_missing_data_with_its_reason() {
    let body = r#"{"status":"error","errorType":"bad_data","error":"1:3: parse error"}"#;
    let text = format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let counts = |url: String| MetricSource::PrometheusCounts {
        url,
        bad: "x{".to_owned(),
        total: "y".to_owned(),
    };
    assert_eq!(missing(counts(saying(text).0)), "refused the query: 1:3: parse error");
    let empty = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    assert_eq!(missing(counts(saying(json(empty)).0)), "what it says holds no series");
}

#[test]
fn a_group_without_targets_is_missing_data() {
    let nobody = Group { name: "baseline".to_owned(), members: Vec::new() };
    let spec = spec(shell("echo '{\"bad\": 0, \"total\": 600}'"));
    let measured = measure(&[spec], &group("canary", "a"), &nobody, &window());
    let missing = Measurement::Missing("baseline has no targets".to_owned());
    assert_eq!(measured[0].measurement, missing);
}
