//! Health checks that are asked from the operator's machine, beside those of the host.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use windlass_testing::TestProject;

/// A server that answers everybody with `status`, and its port.
fn answering(status: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let _ = lines.take_while(|line| !line.is_empty()).count();
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    port
}

fn project(health: &str) -> TestProject {
    let project = TestProject::new();
    let text = format!(
        "[project]\nname = \"shop\"\n\n[services.web]\nfiles = [{{ source = \"app.conf\" }}]\nhealth = [{health}]\n\n\
         [environments.staging]\ntype = \"staging\"\nconfig_path = \"/etc/shop\"\n\
         targets = [\"local:./state\"]\n"
    );
    project.write("windlass.toml", &text);
    project.write("app.conf", "port = 80\n");
    project
}

fn deploy(health: &str) -> (i32, String) {
    let project = project(health);
    let ran = project.windlass(env!("CARGO_BIN_EXE_windlass")).run(&["deploy", "staging"]);
    (ran.code, format!("{}{}", ran.stdout, ran.stderr))
}

#[test]
fn a_target_that_is_well_from_here_is_healthy() {
    let port = answering("200 OK");
    let url = format!("http://${{TARGET_ADDRESS}}:{port}/");
    let (code, said) =
        deploy(&format!("{{ http = \"{url}\", contains = \"ok\", from = \"operator\" }}"));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("healthy") && !said.contains("not checked"), "{said}");
}

#[test]
fn a_target_that_is_ill_from_here_is_taken_back() {
    let port = answering("503 Service Unavailable");
    let url = format!("http://${{TARGET_ADDRESS}}:{port}/");
    let check = format!("{{ http = \"{url}\", from = \"operator\", interval = \"1ms\" }}");
    let (code, said) = deploy(&format!("{{ command = \"true\" }}, {check}"));
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("from the operator") && said.contains("status 503"), "{said}");
}

#[test]
fn what_is_not_critical_is_said_and_stops_nothing() {
    let check = "{ command = \"echo queue is full; false\", critical = false, interval = \"1ms\" }";
    let (code, said) = deploy(&format!("{{ command = \"true\" }}, {check}"));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("degraded") && said.contains("queue is full"), "{said}");
}
