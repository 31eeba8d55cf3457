//! What a connection costs: `true` on N hosts of loopback, by this client and by the `ssh` program.
//!
//! ```text
//! cargo run --release -p windlass-ssh --example parallel -- [HOSTS] [AT ONCE]
//! ```
//!
//! Time of the whole, and processor time and memory of the client alone, by host.
#![allow(clippy::disallowed_methods, reason = "it measures")]

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use windlass_ssh::{Client, Connection, Destination, Options};
use windlass_testing::{Sshd, SshdOptions};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let hosts = arguments.next().transpose()?.unwrap_or(100);
    let at_once = arguments.next().transpose()?.unwrap_or(8);
    let server = Sshd::start(&SshdOptions::new().listen("0.0.0.0"));
    server.write_known_hosts(&format!("* {}\n", server.host_key("ed25519")));
    let options = Options {
        config_file: Some(server.path("config")),
        local_user: "nobody".to_owned(),
        ..Options::default()
    };
    println!("{hosts} hosts, {at_once} at once");
    let client = Client::new(options.clone());
    connected("this client, `ssh -G` included", &client, hosts, at_once).await?;
    let connections = connected("the same, configuration known", &client, hosts, at_once).await?;
    again(&connections, at_once).await?;
    drop(connections);
    programs(&server, hosts, at_once).await
}

fn destination(index: usize) -> Result<Destination> {
    Ok(format!("127.1.{}.{}", index / 200, 1 + index % 200).parse()?)
}

/// Connects to all hosts, runs `true` on each, and prints what that took.
async fn connected(
    title: &str,
    client: &Client,
    hosts: usize,
    at_once: usize,
) -> Result<Vec<Connection>> {
    let (before, memory, start) = (processor_time()?, memory()?, Instant::now());
    let permits = Arc::new(Semaphore::new(at_once));
    let mut tasks = Vec::new();
    for index in 0..hosts {
        let (client, permits) = (client.clone(), Arc::clone(&permits));
        let destination = destination(index)?;
        tasks.push(tokio::spawn(async move {
            let _permit = permits.acquire_owned().await?;
            let connection = client.connect(&destination).await?;
            run_true(&connection).await?;
            Result::Ok(connection)
        }));
    }
    let mut connections = Vec::new();
    for task in tasks {
        connections.push(task.await??);
    }
    let used = processor_time()?.saturating_sub(before);
    report(title, start.elapsed(), hosts);
    println!("  client's processor time {:>8.2} ms a host", by_host(used, hosts));
    println!(
        "  client's memory         {:>8.1} KiB a host",
        (memory_since(memory)?) / hosts as f64
    );
    Ok(connections)
}

async fn run_true(connection: &Connection) -> Result<()> {
    let finished = connection.exec("true").await?.finish(0).await?;
    if finished.status.is_success() { Ok(()) } else { Err("true failed".into()) }
}

/// Runs `true` again, on the connections that are open.
async fn again(connections: &[Connection], at_once: usize) -> Result<()> {
    let start = Instant::now();
    let permits = Arc::new(Semaphore::new(at_once));
    let mut tasks = Vec::new();
    for connection in connections {
        let (connection, permits) = (connection.clone(), Arc::clone(&permits));
        tasks.push(tokio::spawn(async move {
            let _permit = permits.acquire_owned().await?;
            run_true(&connection).await
        }));
    }
    for task in tasks {
        task.await??;
    }
    report("this client, over open connections", start.elapsed(), connections.len());
    Ok(())
}

/// Does the same with the `ssh` program, as it is and with the cheap key exchange.
async fn programs(server: &Sshd, hosts: usize, at_once: usize) -> Result<()> {
    for (title, options) in
        [("ssh", &[][..]), ("ssh, curve25519", &["-o", "KexAlgorithms=curve25519-sha256"][..])]
    {
        let start = Instant::now();
        let permits = Arc::new(Semaphore::new(at_once));
        let mut tasks = Vec::new();
        for index in 0..hosts {
            let host = destination(index)?.host().to_owned();
            let mut command = server.ssh(options);
            command.args([&host, "true"]);
            let permits = Arc::clone(&permits);
            tasks.push(tokio::spawn(async move {
                let _permit = permits.acquire_owned().await?;
                let status = tokio::task::spawn_blocking(move || command.status()).await??;
                if status.success() { Result::Ok(()) } else { Err("ssh failed".into()) }
            }));
        }
        for task in tasks {
            task.await??;
        }
        report(title, start.elapsed(), hosts);
    }
    Ok(())
}

fn report(title: &str, elapsed: Duration, hosts: usize) {
    println!("{title}: {:.2} s, {:.2} ms a host", elapsed.as_secs_f64(), by_host(elapsed, hosts));
}

fn by_host(time: Duration, hosts: usize) -> f64 {
    time.as_secs_f64() * 1_000.0 / hosts as f64
}

/// Processor time of this process, without the programs it started.
fn processor_time() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    // Linux counts hundredths of a second here on every architecture that it has today.
    Ok(Duration::from_millis(ticks * 10))
}

/// Resident memory of this process, in KiB.
fn memory() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

fn memory_since(before: f64) -> Result<f64> {
    Ok(memory()? - before)
}
