//! From a destination to a connection.

use std::collections::HashMap;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use russh::SshId;
use russh::client::{Config, Handle};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::algorithms;
use crate::auth::{self, Denied};
use crate::config::{self, ConfigError, HostConfig, Route};
use crate::connection::{Connection, Inner};
use crate::destination::Destination;
use crate::dial::{self, timed_out};
use crate::error::{AuthenticationError, Error, HostKeyError, Phase};
use crate::handler::{Ended, Handler, HandlerError, State, Verifier};
use crate::keys::KeyCache;
use crate::known_hosts::{Cache, KnownHosts};
use crate::options::{Keepalive, Options};
use crate::transport::{self, CommandChild, Greeting, Lifeline, Stream, Through, Watched};

/// Hosts on the way to a host: more are taken for a circle.
const MOST_JUMPS: usize = 8;

/// Packets held for a channel that is behind; then the whole connection waits.
const CHANNEL_PACKETS: usize = 4;

/// The largest packet that a server may send: what OpenSSH sends at most.
const LARGEST_PACKET: u32 = 32 * 1024;

/// What sshd says, before it greets, to a connection that it drops for now.
const DROPPED: [&str; 2] = ["MaxStartups", "Not allowed at this time"];

/// Connects to hosts, and remembers for a run what is the same for all of them: the configuration,
/// the known hosts, the keys and the connections to jump hosts.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    configs: Mutex<HashMap<Destination, Arc<OnceCell<Arc<HostConfig>>>>>,
    known_hosts: Cache,
    keys: KeyCache,
    jumps: Mutex<HashMap<Vec<Destination>, Arc<Jump>>>,
}

/// A jump host, connected to once and by one at a time.
type Jump = tokio::sync::Mutex<Weak<Inner>>;

type Connecting<'a> = Pin<Box<dyn Future<Output = Result<Connection, Error>> + Send + 'a>>;

impl Client {
    /// Returns a client that has nothing open yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let shared = Shared {
            options,
            configs: Mutex::default(),
            known_hosts: Cache::default(),
            keys: KeyCache::default(),
            jumps: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Returns what the ssh configuration says about a host; it is asked once for each.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] and [`Error::TimedOut`].
    pub async fn configuration(&self, destination: &Destination) -> Result<Arc<HostConfig>, Error> {
        self.shared.configuration(destination).await
    }

    /// Returns a new connection to the host, with its key verified and the user logged in.
    ///
    /// # Errors
    ///
    /// Any [`Error`]: nothing is asked, and every wait has its limit.
    pub async fn connect(&self, destination: &Destination) -> Result<Connection, Error> {
        let config = self.shared.configuration(destination).await?;
        self.shared.check_way(&config).await?;
        self.shared.connect(config).await
    }
}

impl Shared {
    async fn configuration(&self, destination: &Destination) -> Result<Arc<HostConfig>, Error> {
        let cell = {
            let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(configs.entry(destination.clone()).or_default())
        };
        let host = || destination.host().to_owned();
        let limit = self.options.configuration_timeout;
        let resolved = cell.get_or_try_init(|| async {
            let (phase, after) = (Phase::Configuration, limit);
            let resolved = timeout(limit, config::resolve(&self.options, destination))
                .await
                .map_err(|_| Error::TimedOut { host: host(), phase, after })?;
            resolved.map(Arc::new).map_err(|source| Error::Configuration { host: host(), source })
        });
        resolved.await.cloned()
    }

    /// Checks that the way to a host has an end: in a circle, connections would wait for each other.
    async fn check_way(&self, config: &HostConfig) -> Result<(), Error> {
        let mut route = config.route.clone();
        for _ in 0..MOST_JUMPS {
            let Route::Jump(hops) = &route else { return Ok(()) };
            // The others are reached through the one before, whatever their own way is.
            let Some(first) = hops.first() else { return Ok(()) };
            route = self.configuration(first).await?.route.clone();
        }
        let host = config.destination.host().to_owned();
        Err(Error::Configuration { host, source: ConfigError::TooManyJumps })
    }

    /// Connects, and does so again while the server drops connections before it greets.
    fn connect(&self, config: Arc<HostConfig>) -> Connecting<'_> {
        Box::pin(async move {
            let retry = self.options.retry;
            let pauses = ExponentialBuilder::default()
                .with_jitter()
                .with_min_delay(retry.first)
                .with_max_delay(retry.longest)
                .with_max_times(retry.times);
            let mut attempts = 0;
            let result = (|| {
                attempts += 1;
                Attempt { shared: self, config: Arc::clone(&config) }.connect()
            })
            .retry(pauses)
            .sleep(tokio::time::sleep)
            .when(|error| matches!(error, Error::Dropped { .. }))
            .await;
            result.map_err(|error| match error {
                Error::Dropped { host, said, .. } => Error::Dropped { host, said, times: attempts },
                other => other,
            })
        })
    }

    /// Returns a connection to the last of `hops`, through the others: the one that is open, or a
    /// new one.
    async fn jump(&self, hops: &[Destination]) -> Result<Connection, Error> {
        let jump = {
            let mut known = self.jumps.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(hops.to_vec()).or_default())
        };
        let mut open = jump.lock().await;
        if let Some(inner) = open.upgrade() {
            let connection = Connection::of(inner);
            if !connection.is_closed() {
                return Ok(connection);
            }
        }
        let connection = self.connect(self.jump_config(hops).await?).await?;
        *open = Arc::downgrade(connection.inner());
        Ok(connection)
    }

    /// Returns the configuration of the last of `hops`, which is reached through the others.
    async fn jump_config(&self, hops: &[Destination]) -> Result<Arc<HostConfig>, Error> {
        let Some((last, before)) = hops.split_last() else {
            unreachable!("a list of jump hosts has one: it is split at commas")
        };
        let config = self.configuration(last).await?;
        match before.is_empty() {
            true => Ok(config),
            false => {
                let route = Route::Jump(before.to_vec());
                Ok(Arc::new(HostConfig { route, ..config.as_ref().clone() }))
            }
        }
    }
}

/// One try to connect to a host.
struct Attempt<'a> {
    shared: &'a Shared,
    config: Arc<HostConfig>,
}

/// What a connection goes over, and what tells why it does not.
struct Opened {
    stream: Box<dyn Stream>,
    command: Option<(String, Arc<CommandChild>)>,
}

impl Attempt<'_> {
    async fn connect(self) -> Result<Connection, Error> {
        let hosts = self.known_hosts()?;
        let opened = self.open().await?;
        let state = Arc::<State>::default();
        let (mut handle, lifeline) = self.handshake(opened, hosts, &state).await?;
        self.log_in(&mut handle, &state).await?;
        let limit = self.shared.options.channel_timeout;
        Ok(Connection::new(self.host(), handle, state, limit, lifeline))
    }

    fn host(&self) -> String {
        self.config.destination.host().to_owned()
    }

    fn known_hosts(&self) -> Result<KnownHosts, Error> {
        let hosts = self.shared.known_hosts.read(&self.config.known_hosts_files());
        hosts.map_err(|source| Error::HostKey {
            host: self.host(),
            source: Box::new(HostKeyError::Unreadable(source)),
        })
    }

    async fn open(&self) -> Result<Opened, Error> {
        let Self { shared, config } = self;
        match &config.route {
            Route::Direct => {
                let limit = config.connect_timeout.unwrap_or(shared.options.connect_timeout);
                let stream = Box::new(dial::tcp(config, limit).await?);
                Ok(Opened { stream, command: None })
            }
            Route::Command(command) => {
                let (stream, child) = dial::command(config, command, &shared.options)?;
                Ok(Opened { stream: Box::new(stream), command: Some((command.clone(), child)) })
            }
            Route::Jump(hops) => self.tunnel(hops).await,
        }
    }

    async fn tunnel(&self, hops: &[Destination]) -> Result<Opened, Error> {
        let host = self.host();
        let jump = hops.last().map(ToString::to_string).unwrap_or_default();
        let through = |source| Error::Jump {
            host: host.clone(),
            jump: jump.clone(),
            source: Box::new(source),
        };
        let connection = self.shared.jump(hops).await.map_err(through)?;
        let (name, port) = (&self.config.host_name, self.config.port);
        match connection.inner().tunnel(name, port).await {
            Ok(stream) => {
                let (stream, pump) = transport::read_ahead(stream);
                let stream = Box::new(Through { stream, _kept: (pump, connection) });
                Ok(Opened { stream, command: None })
            }
            Err(Error::NoMoreSessions { reason, .. }) => {
                let address = format!("{name}:{port}");
                Err(Error::Tunnel { host: host.clone(), jump: jump.clone(), address, reason })
            }
            Err(error) => Err(through(error)),
        }
    }

    async fn handshake(
        &self,
        opened: Opened,
        hosts: KnownHosts,
        state: &Arc<State>,
    ) -> Result<(Handle<Handler>, Lifeline), Error> {
        let Self { shared, config } = self;
        let keepalive = config.keepalive.unwrap_or(shared.options.keepalive);
        let settings = settings(config, &hosts, keepalive, shared.options.window);
        let greeting = Arc::new(Greeting::default());
        let (stream, lifeline) =
            Watched::new(opened.stream, Arc::clone(&greeting), keepalive.limit());
        let ssh_program = shared.options.ssh_program.clone();
        let verifier = Verifier { config: Arc::clone(config), hosts, ssh_program };
        let handler = Handler { verifier, state: Arc::clone(state) };
        let connecting = russh::client::connect_stream(Arc::new(settings), stream, handler);
        let limit = shared.options.handshake_timeout;
        let greeted = || greeting.is_there();
        match timeout(limit, connecting).await {
            Ok(Ok(handle)) => Ok((handle, lifeline)),
            Ok(Err(HandlerError::HostKey(source))) => {
                Err(Error::HostKey { host: self.host(), source: Box::new(source) })
            }
            Ok(Err(HandlerError::Ssh(error))) if greeted() => Err(self.failed(&error, state)),
            Ok(Err(HandlerError::Ssh(_))) => Err(self.not_greeted(&greeting, opened.command)),
            Err(_) if greeted() => Err(timed_out(config, Phase::KeyExchange, limit)),
            Err(_) => Err(timed_out(config, Phase::Greeting, limit)),
        }
    }

    /// Returns the error for a server that did not greet.
    fn not_greeted(
        &self,
        greeting: &Greeting,
        command: Option<(String, Arc<CommandChild>)>,
    ) -> Error {
        let host = self.host();
        let said = greeting.instead();
        if let Some((command, child)) = command {
            let said = child.said().or(said).unwrap_or_else(|| "it says nothing".to_owned());
            return Error::ProxyCommand { host, command, said };
        }
        match said {
            Some(said) if !DROPPED.iter().any(|words| said.contains(words)) => Error::Protocol {
                host,
                problem: format!("it greets with {said}, which is not SSH"),
            },
            said => {
                let said = said.unwrap_or_else(|| "it says nothing".to_owned());
                Error::Dropped { host, times: 1, said }
            }
        }
    }

    /// Returns the error for a server that greeted and then did not get through the handshake.
    fn failed(&self, error: &russh::Error, state: &State) -> Error {
        let host = self.host();
        if let Some(ended) = state.ended.get() {
            return Error::Lost { host, reason: ended.to_string() };
        }
        match error {
            russh::Error::Disconnect | russh::Error::HUP | russh::Error::IO(_) => {
                Error::Lost { host, reason: format!("{} during the key exchange", Ended::Closed) }
            }
            russh::Error::NoCommonAlgo { kind, theirs, .. } => Error::Protocol {
                host,
                problem: format!("of {kind:?} algorithms it has only {}", theirs.join(", ")),
            },
            error => Error::Protocol { host, problem: error.to_string() },
        }
    }

    async fn log_in(&self, handle: &mut Handle<Handler>, state: &State) -> Result<(), Error> {
        let limit = self.shared.options.authentication_timeout;
        match timeout(limit, auth::log_in(handle, &self.config, &self.shared.keys)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(denied)) => Err(self.denied(denied, state).await),
            Err(_) => Err(timed_out(&self.config, Phase::Authentication, limit)),
        }
    }

    async fn denied(&self, denied: Denied, state: &State) -> Error {
        let host = self.host();
        let ended = match denied.ended {
            true => timeout(Duration::from_secs(1), state.ended.wait()).await.ok().cloned(),
            false => None,
        };
        if let Some(Ended::Silent | Ended::Failed(_)) = &ended {
            let reason = ended.as_ref().map(Ended::to_string).unwrap_or_default();
            return Error::Lost { host, reason };
        }
        Error::Authentication(Box::new(AuthenticationError {
            host,
            user: self.config.user.clone(),
            tried: denied.tried,
            methods: denied.methods,
            ended: ended.map(|ended| ended.to_string()),
            banner: state.banner(),
        }))
    }
}

/// Returns the settings of the protocol for one host.
fn settings(config: &HostConfig, hosts: &KnownHosts, keepalive: Keepalive, window: u32) -> Config {
    // As in `ssh`, only the name with its port: what the host is known by without it is a guess.
    let entries = hosts.entries(&config.known_as().recorded());
    Config {
        client_id: SshId::Standard("SSH-2.0-Windlass".into()),
        window_size: window,
        maximum_packet_size: LARGEST_PACKET,
        channel_buffer_size: CHANNEL_PACKETS,
        preferred: algorithms::preferred(&config.algorithms, &entries),
        keepalive_interval: Some(keepalive.interval),
        // The protocol allows one silence more than this.
        keepalive_max: usize::try_from(keepalive.count.saturating_sub(1).max(1)).unwrap_or(1),
        nodelay: true,
        ..Config::default()
    }
}
