//! The real Prometheus scrapes two servers, one of which errs at 3 % and the other at 0.1 %: the judge
//! says roll back. Without `prometheus` this fails: `scripts/install-missing prometheus`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use windlass::analysis::{
    Decision, Group, JudgeSettings, Measured, Measurement, Member, Metric, MetricSource,
    MetricSpec, Verdict, Window, judge, measure,
};
use windlass::clock::{Clock, SystemClock};
use windlass::health::{Bound, HealthCheck, HealthChecker, HealthStatus, Probe, PrometheusProbe};

/// Requests between two scrapes.
const REQUESTS: u64 = 1_000;
/// How many scrapes of each server make a window.
const SCRAPES: usize = 6;
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that has answered [`REQUESTS`] more requests at each scrape, so many of them badly, and its
/// port; it tells of each scrape.
fn serving(errors: u64) -> (u16, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for (scrape, stream) in listener.incoming().flatten().enumerate() {
            answer(stream, scrape as u64 * REQUESTS, scrape as u64 * errors);
            let _ = tell.send(());
        }
    });
    (port, told)
}

fn answer(mut stream: TcpStream, requests: u64, errors: u64) {
    let lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let _ = lines.take_while(|line| !line.is_empty()).count();
    let body = format!(
        "# TYPE requests_total counter\nrequests_total{{code=\"200\"}} {}\n\
         requests_total{{code=\"500\"}} {errors}\n# TYPE open gauge\nopen {}\n",
        requests - errors,
        40 + requests / REQUESTS % 3
    );
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
}

/// Prometheus, ended with the test.
struct Prometheus {
    child: Child,
    port: u16,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// Returns a server that scrapes `canary` and `baseline` each half second.
    fn start(directory: &Path, canary: u16, baseline: u16) -> Self {
        let job = |name: &str, port: u16| {
            format!(
                "      - targets: [\"127.0.0.1:{port}\"]\n        labels: {{ target: {name} }}\n"
            )
        };
        let config = format!(
            "global: {{ scrape_interval: 500ms, scrape_timeout: 500ms }}\nscrape_configs:\n  \
             - job_name: shop\n    static_configs:\n{}{}",
            job("canary", canary),
            job("baseline", baseline)
        );
        fs::write(directory.join("prometheus.yml"), config).expect("written");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", directory.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(directory.join("log")).expect("a log"))
            .spawn()
            .expect("prometheus is there: scripts/install-missing prometheus");
        Self { child, port }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn group(name: &str) -> Group {
    let member = Member { id: name.to_owned(), address: "127.0.0.1".to_owned() };
    Group { name: name.to_owned(), members: vec![member] }
}

fn specs(url: &str) -> [MetricSpec; 3] {
    let increase = |labels: &str| {
        format!("sum(increase(requests_total{{{labels}target=~\"${{TARGET_IDS}}\"}}[${{WINDOW}}]))")
    };
    let of = |name: &str, source| MetricSpec {
        metric: Metric { min_samples: Some(2), ..Metric::new(name) },
        source,
        timeout: PATIENCE,
    };
    let url = url.to_owned();
    let (bad, total) = (increase("code=\"500\","), increase(""));
    let query = "open{target=~\"${TARGET_IDS}\"}".to_owned();
    let absent = "no_such_metric{target=~\"${TARGET_IDS}\"}".to_owned();
    [
        of("errors", MetricSource::PrometheusCounts { url: url.clone(), bad, total }),
        of("open", MetricSource::PrometheusValues { url: url.clone(), query, step_s: 1 }),
        of("absent", MetricSource::PrometheusValues { url, query: absent, step_s: 1 }),
    ]
}

/// Returns what was measured once both servers were scraped often enough within it.
fn measured(specs: &[MetricSpec], scrapes: [Receiver<()>; 2]) -> Vec<Measured> {
    let start = SystemClock.now();
    for scrape in &scrapes {
        for _ in 0..SCRAPES {
            scrape.recv_timeout(PATIENCE).expect("prometheus scrapes");
        }
    }
    // What was scraped is there a moment later, and the window ends at a whole second.
    loop {
        let window = Window { start, end: SystemClock.now() };
        let measured = measure(specs, &group("canary"), &group("baseline"), &window);
        let there = |total: u64| total >= 2 * REQUESTS;
        match &measured[0].measurement {
            Measurement::Counts { canary, baseline }
                if there(canary.total) && there(baseline.total) =>
            {
                return measured;
            }
            _ if scrapes[0].recv_timeout(PATIENCE).is_err() => panic!("{measured:#?}"),
            _ => {}
        }
    }
}

#[test]
fn a_canary_that_errs_is_rolled_back_by_what_prometheus_saw() {
    let directory = tempfile::tempdir().expect("a directory");
    let ((canary, of_canary), (baseline, of_baseline)) = (serving(30), serving(1));
    let prometheus = Prometheus::start(directory.path(), canary, baseline);
    let specs = specs(&prometheus.url());
    let measured = measured(&specs, [of_canary, of_baseline]);
    let settings = JudgeSettings::default().at_look(1, 4);
    let report = judge(&measured, &settings).expect("sound settings");
    assert_eq!(report.decision, Decision::RollBack, "{report}");
    let [errors, _, absent] = &report.metrics[..] else { panic!("{report}") };
    assert_eq!(
        (errors.verdict, absent.verdict),
        (Verdict::Fail, Verdict::Inconclusive),
        "{report}"
    );
    let share = errors.canary.as_ref().expect("it was measured").value;
    assert!((0.02..0.04).contains(&share), "{report}");
    assert!(absent.reason.contains("no series"), "{report}");
    assert!(matches!(measured[1].measurement, Measurement::Values { .. }), "{measured:#?}");
    queries_are_health_checks(&prometheus);
}

fn queries_are_health_checks(prometheus: &Prometheus) {
    let check = |query: &str, least: &str| {
        let (url, bound) = (prometheus.url(), Bound::Min(least.parse().expect("a number")));
        HealthCheck::new(Probe::Prometheus(PrometheusProbe { url, query: query.to_owned(), bound }))
    };
    let status = |query: &str, least: &str| {
        HealthChecker::new().with_check("query", check(query, least)).check("127.0.0.1").status
    };
    assert_eq!(status("up{instance=~\"${TARGET_ADDRESS}:.*\"}", "1"), HealthStatus::Healthy);
    assert_eq!(status("up", "2"), HealthStatus::Unhealthy);
    assert_eq!(status("no_such_metric", "0"), HealthStatus::Unknown);
    assert_eq!(status("up{", "0"), HealthStatus::Unknown);
}
