//! What a deployment costs at least: one connection a host, over which an archive is sent and unpacked.
//!
//! ```text
//! send_tar CONFIG HOSTS AT_ONCE ARCHIVE ROOTS NAME
//! ```
//!
//! Host n is 127.1.(n / 200).(n % 200 + 1) and unpacks in `ROOTS/n/NAME`. `scripts/bench-ssh` compares
//! Windlass with it.
#![allow(clippy::disallowed_methods, reason = "it measures")]

use std::error::Error;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use windlass_ssh::{Client, Destination, Options};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, hosts, at_once, archive, roots, name] = arguments.as_slice() else {
        return Err("usage: send_tar CONFIG HOSTS AT_ONCE ARCHIVE ROOTS NAME".into());
    };
    let options = Options { config_file: Some(config.into()), ..Options::from_env() };
    let client = Client::new(options);
    let archive: Arc<[u8]> = std::fs::read(archive)?.into();
    let permits = Arc::new(Semaphore::new(at_once.parse()?));
    let mut sending = JoinSet::new();
    for number in 0..hosts.parse::<usize>()? {
        let (client, archive, permits) =
            (client.clone(), Arc::clone(&archive), Arc::clone(&permits));
        let directory = format!("{roots}/{number}/{name}");
        sending.spawn(async move {
            let _permit = permits.acquire_owned().await?;
            send(&client, &destination(number)?, &archive, &directory).await
        });
    }
    while let Some(sent) = sending.join_next().await {
        sent??;
    }
    Ok(())
}

fn destination(number: usize) -> Result<Destination> {
    Ok(format!("127.1.{}.{}", number / 200, number % 200 + 1).parse()?)
}

async fn send(client: &Client, host: &Destination, archive: &[u8], directory: &str) -> Result<()> {
    let connection = client.connect(host).await?;
    let command = format!("mkdir -p '{directory}' && tar -xf - -C '{directory}'");
    let mut exec = connection.exec(command).await?;
    exec.stdin.write_all(archive).await?;
    exec.stdin.shutdown().await?;
    let finished = exec.finish(4 << 10).await?;
    if finished.status.is_success() { Ok(()) } else { Err(format!("{host:?}: tar failed").into()) }
}
