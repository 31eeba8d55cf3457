//! Asking `ssh -G`, and the defaults where there is no `ssh`.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::dump::Dump;
use super::{Algorithms, ConfigError, Family, HostConfig, Route, Tokens};
use crate::destination::{self, Destination};
use crate::options::{HostKeyPolicy, Keepalive, Options};

/// The most that `ssh -G` may print: it prints about 5 KiB.
const LONGEST_OUTPUT: usize = 1024 * 1024;

/// What `ssh` looks for in `~/.ssh` by default, in its order.
const DEFAULT_IDENTITIES: [&str; 3] = ["id_rsa", "id_ecdsa", "id_ed25519"];

/// Returns the configuration of `destination`, from `ssh -G` where there is an `ssh`.
pub(crate) async fn resolve(
    options: &Options,
    destination: &Destination,
) -> Result<HostConfig, ConfigError> {
    match run(options, destination).await? {
        Some(text) => from_dump(options, destination, &Dump::parse(&text)),
        None => from_dump(options, destination, &Dump::default()),
    }
}

/// Returns what the program prints, or nothing where it is not installed.
async fn run(options: &Options, destination: &Destination) -> Result<Option<String>, ConfigError> {
    let failed = |source| ConfigError::Program {
        program: options.ssh_program.display().to_string(),
        source,
    };
    let mut child = match command(options, destination).spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let (output, messages) =
        tokio::try_join!(capped(child.stdout.take()), capped(child.stderr.take()))
            .map_err(failed)?;
    if output.len() > LONGEST_OUTPUT {
        return Err(ConfigError::TooLong(LONGEST_OUTPUT));
    }
    ended(&mut child, &messages).await.map_err(failed)??;
    Ok(Some(String::from_utf8_lossy(&output).into_owned()))
}

fn command(options: &Options, destination: &Destination) -> Command {
    let mut command = Command::new(&options.ssh_program);
    command.arg("-G").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(file) = &options.config_file {
        command.arg("-F").arg(file);
    }
    if let Some(user) = destination.user() {
        command.args(["-l", user]);
    }
    if let Some(port) = destination.port() {
        command.arg("-p").arg(port.to_string());
    }
    if let Some(path) = destination.identity_file() {
        // Unlike with `-i`, a file that is not there does not leave others in its place.
        command.arg("-o").arg(format!("IdentityFile=\"{path}\""));
    }
    if !destination.jump().is_empty() {
        let hops: Vec<_> = destination.jump().iter().map(ToString::to_string).collect();
        command.arg("-o").arg(format!("ProxyJump={}", hops.join(",")));
    }
    command.arg("--").arg(destination.host()).kill_on_drop(true);
    command
}

async fn capped(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(LONGEST_OUTPUT as u64 + 1).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

async fn ended(child: &mut Child, messages: &[u8]) -> io::Result<Result<(), ConfigError>> {
    let status = child.wait().await?;
    let said = String::from_utf8_lossy(messages).trim().replace(['\r', '\n'], "; ");
    Ok(match status.success() {
        true => Ok(()),
        false if said.is_empty() => Err(ConfigError::Refused(status.to_string())),
        false => Err(ConfigError::Refused(said)),
    })
}

fn from_dump(
    options: &Options,
    destination: &Destination,
    dump: &Dump<'_>,
) -> Result<HostConfig, ConfigError> {
    if dump.is_on("proxyusefdpass") {
        return Err(ConfigError::Unsupported("ProxyUseFdpass"));
    }
    let tokens = tokens(options, destination, dump)?;
    let paths = Paths { tokens: &tokens, options };
    Ok(HostConfig {
        destination: destination.clone(),
        route: route(dump, destination, &tokens)?,
        family: family(dump)?,
        bind_address: dump.value("bindaddress").map(str::to_owned),
        identity_files: paths.identities(dump, destination)?,
        certificate_files: paths.all(dump.values("certificatefile"))?,
        identities_only: dump.is_on("identitiesonly"),
        public_keys: dump.value("pubkeyauthentication").is_none_or(|value| !is_off(value)),
        agent: paths.agent(dump)?,
        user_known_hosts: paths.known_hosts(dump, "userknownhostsfile", &["~/.ssh/known_hosts"])?,
        global_known_hosts: paths.known_hosts(
            dump,
            "globalknownhostsfile",
            &["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
        )?,
        host_keys: options.host_keys.unwrap_or_else(|| policy(dump)),
        host_key_alias: dump.value("hostkeyalias").map(str::to_owned),
        hash_known_hosts: dump.is_on("hashknownhosts"),
        revoked_host_keys: paths.one(dump.value("revokedhostkeys"))?,
        algorithms: algorithms(dump),
        connect_timeout: seconds(dump, "connecttimeout")?,
        keepalive: keepalive(dump)?,
        host_name: tokens.host,
        user: tokens.user,
        port: tokens.port,
    })
}

fn tokens(
    options: &Options,
    destination: &Destination,
    dump: &Dump<'_>,
) -> Result<Tokens, ConfigError> {
    let host = dump.value("hostname").unwrap_or(destination.host()).to_ascii_lowercase();
    destination::check_host(&host)?;
    let local = options.local_user.as_str();
    let user = destination.user().or_else(|| dump.value("user")).unwrap_or(local).to_owned();
    destination::check_user(&user)?;
    Ok(Tokens {
        known_as: dump.value("hostkeyalias").unwrap_or(&host).to_owned(),
        host,
        original: destination.host().to_owned(),
        port: number(dump, "port")?.or(destination.port()).unwrap_or(22),
        user,
        local_user: options.local_user.clone(),
        home: options.home.clone(),
        local_uid: rustix::process::getuid().as_raw(),
        local_host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        jump: dump.value("proxyjump").unwrap_or_default().to_owned(),
    })
}

fn route(
    dump: &Dump<'_>,
    destination: &Destination,
    tokens: &Tokens,
) -> Result<Route, ConfigError> {
    if !destination.jump().is_empty() {
        return Ok(Route::Jump(destination.jump().to_vec()));
    }
    if let Some(jumps) = dump.value("proxyjump") {
        let jumps = jumps.split(',').map(str::parse);
        return Ok(Route::Jump(jumps.collect::<Result<_, _>>()?));
    }
    match dump.value("proxycommand") {
        Some(command) => tokens.expand(command).map(Route::Command),
        None => Ok(Route::Direct),
    }
}

fn family(dump: &Dump<'_>) -> Result<Family, ConfigError> {
    match dump.value("addressfamily") {
        None | Some("any") => Ok(Family::Any),
        Some("inet") => Ok(Family::V4),
        Some("inet6") => Ok(Family::V6),
        Some(value) => Err(not_understood("addressfamily", value)),
    }
}

fn policy(dump: &Dump<'_>) -> HostKeyPolicy {
    match dump.value("stricthostkeychecking") {
        Some("accept-new" | "no" | "off" | "false") => HostKeyPolicy::AcceptNew,
        _ => HostKeyPolicy::Strict,
    }
}

fn algorithms(dump: &Dump<'_>) -> Algorithms {
    Algorithms {
        key_exchange: dump.names("kexalgorithms"),
        ciphers: dump.names("ciphers"),
        macs: dump.names("macs"),
        host_keys: dump.names("hostkeyalgorithms"),
        public_keys: dump.names("pubkeyacceptedalgorithms"),
        authorities: dump.names("casignaturealgorithms"),
    }
}

fn keepalive(dump: &Dump<'_>) -> Result<Option<Keepalive>, ConfigError> {
    let interval = seconds(dump, "serveraliveinterval")?;
    let count = number(dump, "serveralivecountmax")?.unwrap_or(Keepalive::default().count);
    Ok(interval.map(|interval| Keepalive { interval, count }))
}

fn is_off(value: &str) -> bool {
    matches!(value, "no" | "false")
}

fn seconds(dump: &Dump<'_>, key: &str) -> Result<Option<Duration>, ConfigError> {
    let seconds = number::<u32>(dump, key)?.filter(|seconds| *seconds > 0);
    Ok(seconds.map(|seconds| Duration::from_secs(seconds.into())))
}

fn number<T: std::str::FromStr>(dump: &Dump<'_>, key: &str) -> Result<Option<T>, ConfigError> {
    let value = dump.value(key);
    value.map(|text| text.parse().map_err(|_| not_understood(key, text))).transpose()
}

fn not_understood(key: &str, value: &str) -> ConfigError {
    ConfigError::Value { key: key.to_owned(), value: value.to_owned() }
}

/// The paths of a configuration, with `~`, variables and `%` sequences replaced.
struct Paths<'a> {
    tokens: &'a Tokens,
    options: &'a Options,
}

impl Paths<'_> {
    fn one(&self, value: Option<&str>) -> Result<Option<PathBuf>, ConfigError> {
        value.map(|value| self.path(value)).transpose()
    }

    fn all<'a>(
        &self,
        values: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<PathBuf>, ConfigError> {
        values.into_iter().map(|value| self.path(value)).collect()
    }

    fn path(&self, value: &str) -> Result<PathBuf, ConfigError> {
        self.tokens.path(value, &|name| std::env::var_os(name))
    }

    fn identities(
        &self,
        dump: &Dump<'_>,
        destination: &Destination,
    ) -> Result<Vec<PathBuf>, ConfigError> {
        if !dump.has("identityfile") {
            let own = self.all(destination.identity_file())?;
            let in_home =
                DEFAULT_IDENTITIES.iter().map(|name| self.options.home.join(".ssh").join(name));
            return Ok(own.into_iter().chain(in_home).collect());
        }
        self.all(dump.values("identityfile"))
    }

    /// Returns the files of one option. `ssh -G` puts blanks between them and none around them, so
    /// that a name with a blank in it cannot be told from two: one that is there as a whole is one.
    fn known_hosts(
        &self,
        dump: &Dump<'_>,
        key: &str,
        default: &[&str],
    ) -> Result<Vec<PathBuf>, ConfigError> {
        if !dump.has(key) {
            return self.all(default.iter().copied());
        }
        let Some(value) = dump.value(key) else { return Ok(Vec::new()) };
        let whole = self.path(value)?;
        match value.contains(' ') && whole.exists() {
            true => Ok(vec![whole]),
            false => self.all(value.split_ascii_whitespace()),
        }
    }

    /// Returns the socket of the agent: `IdentityAgent`, which may name a variable, or the usual.
    fn agent(&self, dump: &Dump<'_>) -> Result<Option<PathBuf>, ConfigError> {
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        Ok(match dump.value("identityagent") {
            None if dump.has("identityagent") => None,
            None | Some("SSH_AUTH_SOCK") => self.options.agent.clone(),
            Some(value) => match value.strip_prefix('$').filter(|name| !name.starts_with('{')) {
                Some("SSH_AUTH_SOCK") => self.options.agent.clone(),
                Some(name) => variable(name),
                None => Some(self.path(value)?),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options {
            home: "/home/me".into(),
            local_user: "me".into(),
            agent: Some("/run/agent".into()),
            ..Options::default()
        }
    }

    fn config(dump: &str) -> Result<HostConfig, ConfigError> {
        from_dump(&options(), &"web".parse().unwrap(), &Dump::parse(dump))
    }

    #[test]
    fn without_ssh_a_host_has_the_defaults() {
        let config = config("").unwrap();
        assert_eq!(
            (config.host_name.as_str(), config.user.as_str(), config.port),
            ("web", "me", 22)
        );
        assert_eq!(config.route, Route::Direct);
        assert_eq!(config.identity_files[2], PathBuf::from("/home/me/.ssh/id_ed25519"));
        assert_eq!(config.user_known_hosts, [PathBuf::from("/home/me/.ssh/known_hosts")]);
        assert_eq!(config.host_keys, HostKeyPolicy::Strict);
        assert_eq!(config.agent, Some("/run/agent".into()));
        assert!(config.public_keys && !config.identities_only);
    }

    #[test]
    fn paths_are_expanded_and_none_is_none() {
        let config = config(
            "hostname 10.0.0.1\nuser deploy\nport 2222\nidentityfile ~/.ssh/%r_%h\n\
             certificatefile /c-cert.pub\nuserknownhostsfile /a ~/b_%k\nhostkeyalias web\n\
             globalknownhostsfile none\nidentityagent none\nrevokedhostkeys /etc/revoked\n",
        )
        .unwrap();
        assert_eq!(config.identity_files, [PathBuf::from("/home/me/.ssh/deploy_10.0.0.1")]);
        assert_eq!(config.user_known_hosts, [PathBuf::from("/a"), "/home/me/b_web".into()]);
        assert!(config.global_known_hosts.is_empty());
        assert_eq!(config.agent, None);
        assert_eq!(config.known_as().recorded(), "web");
        assert_eq!(config.revoked_host_keys, Some("/etc/revoked".into()));
    }

    #[test]
    fn the_way_is_direct_over_hosts_or_a_command() {
        let route = |dump: &str| config(dump).unwrap().route;
        let jumps = vec!["a".parse().unwrap(), "me@b:2222".parse().unwrap()];
        assert_eq!(route("proxyjump a,me@b:2222\n"), Route::Jump(jumps));
        assert_eq!(route("proxyjump none\n"), Route::Direct);
        assert_eq!(
            route("proxycommand nc %h %p\nport 2222\n"),
            Route::Command("nc web 2222".into())
        );
    }

    #[test]
    fn strictness_times_and_families_are_understood() {
        let policy =
            |value: &str| config(&format!("stricthostkeychecking {value}\n")).unwrap().host_keys;
        assert_eq!(policy("ask"), HostKeyPolicy::Strict);
        assert_eq!(policy("true"), HostKeyPolicy::Strict);
        assert_eq!(policy("accept-new"), HostKeyPolicy::AcceptNew);
        assert_eq!(policy("false"), HostKeyPolicy::AcceptNew);
        let config = config(
            "connecttimeout 7\nserveraliveinterval 5\nserveralivecountmax 2\naddressfamily inet6\n",
        )
        .unwrap();
        assert_eq!(config.connect_timeout, Some(Duration::from_secs(7)));
        let keepalive = Keepalive { interval: Duration::from_secs(5), count: 2 };
        assert_eq!(config.keepalive, Some(keepalive));
        assert_eq!(config.family, Family::V6);
    }

    #[test]
    fn a_name_that_is_not_safe_and_an_option_that_is_not_there_are_refused() {
        for dump in ["hostname -oX\n", "hostname a;b\n", "user a$b\n", "proxyjump -oX\n"] {
            assert!(matches!(config(dump), Err(ConfigError::Name(_))), "{dump}");
        }
        assert!(matches!(config("port x\n"), Err(ConfigError::Value { .. })));
        assert!(matches!(config("proxyusefdpass yes\n"), Err(ConfigError::Unsupported(_))));
    }

    #[tokio::test]
    async fn a_program_that_fails_is_an_error_with_its_words() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "Nonsense yes\n").unwrap();
        let options = Options { config_file: Some(file.path().to_owned()), ..options() };
        let error = resolve(&options, &"web".parse().unwrap()).await.unwrap_err();
        assert!(error.to_string().contains("nonsense"), "{error}");
    }

    #[tokio::test]
    async fn ssh_itself_is_asked_and_may_be_missing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "Host web\nPort 2200\nUser deploy\nHostName 10.1.1.1\n")
            .unwrap();
        let options = Options { config_file: Some(file.path().to_owned()), ..options() };
        let config = resolve(&options, &"web".parse().unwrap()).await.unwrap();
        assert_eq!((config.host_name.as_str(), config.port), ("10.1.1.1", 2200));
        assert_eq!(config.user, "deploy");
        let config = resolve(&options, &"ssh://root@web:1".parse().unwrap()).await.unwrap();
        assert_eq!((config.user.as_str(), config.port), ("root", 1));
        let missing = Options { ssh_program: "/nonexistent/ssh".into(), ..options };
        let config = resolve(&missing, &"web:2022".parse().unwrap()).await.unwrap();
        assert_eq!((config.host_name.as_str(), config.port), ("web", 2022));
    }
}
