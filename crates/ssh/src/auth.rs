//! Logging in, with keys alone: nobody is ever asked for anything.

use std::fmt;
use std::sync::Arc;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{Algorithm, HashAlg, PrivateKey};
use russh::{MethodKind, MethodSet, SendError, Signer};

use crate::agent::Agent;
use crate::config::HostConfig;
use crate::handler::Handler;
use crate::identity::{self, Candidate, SignWith, Unusable};
use crate::keys::{self, KeyCache};

/// Something that was tried to log in with, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    what: String,
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// The server does not take the key.
    Unwanted,
    /// The server wants more than this key.
    NotEnough,
    /// The server takes no signature that the key can make.
    NoAlgorithm,
    /// The key is there and cannot be used.
    Unusable(Unusable),
    /// The agent does not sign, or cannot be asked.
    Agent(String),
}

impl Tried {
    /// Returns whether it is a key under a passphrase.
    pub(crate) fn is_locked(&self) -> bool {
        self.outcome == Outcome::Unusable(Unusable::Locked)
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match &self.outcome {
            Outcome::Unwanted => write!(formatter, "{what} (not accepted)"),
            Outcome::NotEnough => write!(formatter, "{what} (accepted, and not enough)"),
            Outcome::NoAlgorithm => {
                write!(
                    formatter,
                    "{what} (the server or the configuration takes no such signature)"
                )
            }
            Outcome::Unusable(Unusable::Locked) => write!(formatter, "{what} (has a passphrase)"),
            Outcome::Unusable(Unusable::Exposed(mode)) => {
                write!(formatter, "{what} (mode {mode:04o}: others can read it)")
            }
            Outcome::Agent(problem) => write!(formatter, "{what} ({problem})"),
        }
    }
}

/// How logging in ended, without luck.
#[derive(Debug, Default)]
pub(crate) struct Denied {
    pub(crate) tried: Vec<Tried>,
    pub(crate) methods: Vec<String>,
    /// Whether the server hung up before everything was tried.
    pub(crate) ended: bool,
}

/// Logs in with one key after the other, in the order of `ssh`.
pub(crate) async fn log_in(
    handle: &mut Handle<Handler>,
    config: &HostConfig,
    cache: &KeyCache,
) -> Result<(), Denied> {
    let mut login = Login { handle, config, denied: Denied::default(), agent: None, rsa: None };
    let candidates = login.candidates(cache).await;
    for candidate in &candidates {
        match login.attempt(candidate).await {
            Step::In => return Ok(()),
            Step::Next => {}
            Step::Over => return Err(login.denied),
        }
    }
    if login.denied.methods.is_empty() && login.without_a_key().await {
        return Ok(());
    }
    Err(login.denied)
}

/// What comes after an attempt.
enum Step {
    In,
    Next,
    Over,
}

struct Login<'a> {
    handle: &'a mut Handle<Handler>,
    config: &'a HostConfig,
    denied: Denied,
    agent: Option<Agent>,
    /// The hash for RSA signatures, once the server was asked.
    rsa: Option<Option<HashAlg>>,
}

impl Login<'_> {
    async fn candidates(&mut self, cache: &KeyCache) -> Vec<Candidate> {
        if !self.config.public_keys {
            return Vec::new();
        }
        let loaded = self.config.identity_files.iter().map(|path| cache.identity(path));
        let files: Vec<_> = loaded.flat_map(|files| files.as_ref().clone()).collect();
        let paths = self.config.certificate_files.iter();
        let certificates: Vec<_> =
            paths.filter_map(|path| Some((path.clone(), keys::certificate(path)?))).collect();
        let agent_keys = self.agent_keys().await;
        identity::candidates(&files, &certificates, &agent_keys, self.config.identities_only)
    }

    /// Returns the keys of the agent. One that cannot be asked is among what was tried.
    async fn agent_keys(&mut self) -> Vec<identity::AgentKey> {
        let Some(socket) = &self.config.agent else { return Vec::new() };
        let asked = async {
            let mut agent = Agent::open(socket, self.handle.agent_session_binding()).await?;
            let keys = agent.keys().await?;
            Ok::<_, russh::keys::Error>((agent, keys))
        };
        match asked.await {
            Ok((agent, keys)) => {
                self.agent = Some(agent);
                keys
            }
            Err(error) => {
                let what = format!("the agent at {}", socket.display());
                self.note(what, Outcome::Agent(error.to_string()));
                Vec::new()
            }
        }
    }

    async fn attempt(&mut self, candidate: &Candidate) -> Step {
        if let SignWith::Nobody(why) = candidate.signer {
            self.note(candidate.label.clone(), Outcome::Unusable(why));
            return Step::Next;
        }
        let Some(hash) = self.hash_for(candidate).await else {
            self.note(candidate.label.clone(), Outcome::NoAlgorithm);
            return Step::Next;
        };
        let user = self.config.user.clone();
        let mut signer = Signature { with: &candidate.signer, agent: self.agent.as_mut() };
        let result = match &candidate.certificate {
            Some(certificate) => {
                let certificate = certificate.as_ref().clone();
                self.handle
                    .authenticate_certificate_with(user, certificate, hash, &mut signer)
                    .await
            }
            None => {
                let key = candidate.public.clone();
                self.handle.authenticate_publickey_with(user, key, hash, &mut signer).await
            }
        };
        self.judge(candidate, result)
    }

    fn judge(&mut self, candidate: &Candidate, result: Result<AuthResult, SignError>) -> Step {
        let label = candidate.label.clone();
        match result {
            Ok(AuthResult::Success) => Step::In,
            Ok(AuthResult::Failure { remaining_methods, partial_success }) => {
                let outcome = if partial_success { Outcome::NotEnough } else { Outcome::Unwanted };
                self.note(label, outcome);
                self.after(&remaining_methods)
            }
            Err(SignError::Refused(problem)) => {
                self.note(label, Outcome::Agent(problem));
                Step::Next
            }
            Err(SignError::Gone) => {
                self.note(label, Outcome::Unwanted);
                self.denied.ended = true;
                Step::Over
            }
        }
    }

    /// Returns whether there is reason to go on: the server still takes keys.
    fn after(&mut self, methods: &MethodSet) -> Step {
        if methods.is_empty() || self.handle.is_closed() {
            self.denied.ended = true;
            return Step::Over;
        }
        self.denied.methods = methods.iter().map(String::from).collect();
        match methods.contains(&MethodKind::PublicKey) {
            true => Step::Next,
            false => Step::Over,
        }
    }

    /// Asks to be let in as one is, which tells what the server would take instead.
    async fn without_a_key(&mut self) -> bool {
        let user = self.config.user.clone();
        match self.handle.authenticate_none(user).await {
            Ok(AuthResult::Success) => true,
            Ok(AuthResult::Failure { remaining_methods, .. }) => {
                self.after(&remaining_methods);
                false
            }
            Err(_) => {
                self.denied.ended = true;
                false
            }
        }
    }

    /// Returns the hash of the signature, which only RSA has to choose; nothing where neither the
    /// server nor the configuration takes one.
    async fn hash_for(&mut self, candidate: &Candidate) -> Option<Option<HashAlg>> {
        let allowed = &self.config.algorithms.public_keys;
        let suffix = if candidate.certificate.is_some() { "-cert-v01@openssh.com" } else { "" };
        let is_allowed = |algorithm: &Algorithm| {
            let name = name_with(algorithm, suffix);
            allowed.is_empty() || allowed.contains(&name)
        };
        let algorithm = candidate.public.algorithm();
        if !matches!(algorithm, Algorithm::Rsa { .. }) {
            return is_allowed(&algorithm).then_some(None);
        }
        let hash = self.rsa_hash().await?;
        is_allowed(&Algorithm::Rsa { hash: Some(hash) }).then_some(Some(hash))
    }

    /// Returns the SHA-2 hash that the server takes for RSA; one that says nothing of it gets
    /// SHA-512, and one that only takes SHA-1 gets no signature.
    async fn rsa_hash(&mut self) -> Option<HashAlg> {
        if let Some(known) = self.rsa {
            return known;
        }
        let hash = match self.handle.best_supported_rsa_hash().await {
            Ok(Some(hash)) => hash,
            Ok(None) | Err(_) => Some(HashAlg::Sha512),
        };
        self.rsa = Some(hash);
        hash
    }

    fn note(&mut self, what: String, outcome: Outcome) {
        self.denied.tried.push(Tried { what, outcome });
    }
}

/// Returns the name of an algorithm as `PubkeyAcceptedAlgorithms` has it.
fn name_with(algorithm: &Algorithm, suffix: &str) -> String {
    let name = algorithm.as_str();
    match name.strip_suffix("@openssh.com") {
        Some(bare) if !suffix.is_empty() => format!("{bare}{suffix}"),
        _ => format!("{name}{suffix}"),
    }
}

/// Makes the signature of one attempt.
struct Signature<'a> {
    with: &'a SignWith,
    agent: Option<&'a mut Agent>,
}

/// Why there is no signature.
enum SignError {
    /// The connection is gone.
    Gone,
    /// The key or the agent does not sign.
    Refused(String),
}

impl From<SendError> for SignError {
    fn from(_: SendError) -> Self {
        Self::Gone
    }
}

impl Signer for Signature<'_> {
    type Error = SignError;

    async fn auth_sign(
        &mut self,
        key: &AgentIdentity,
        hash: Option<HashAlg>,
        data: Vec<u8>,
    ) -> Result<Vec<u8>, SignError> {
        match (self.with, &mut self.agent) {
            (SignWith::Key(key), _) => sign(key, hash, data),
            (SignWith::Agent, Some(agent)) => agent
                .sign(key, hash, data)
                .await
                .map_err(|error| SignError::Refused(format!("the agent does not sign: {error}"))),
            (SignWith::Agent, None) | (SignWith::Nobody(_), _) => {
                Err(SignError::Refused("there is nobody to sign".to_owned()))
            }
        }
    }
}

/// Returns `data` with the signature of `key` behind it.
fn sign(key: &Arc<PrivateKey>, hash: Option<HashAlg>, data: Vec<u8>) -> Result<Vec<u8>, SignError> {
    let made = match key.key_data() {
        KeypairData::Rsa(pair) => (pair, hash).try_sign(&data),
        pair => pair.try_sign(&data),
    };
    let refused = |problem: String| SignError::Refused(format!("it cannot sign: {problem}"));
    let signature = made.map_err(|error| refused(error.to_string()))?;
    let mut blob = Vec::new();
    signature.encode(&mut blob).map_err(|error| refused(error.to_string()))?;
    let mut signed = data;
    blob.as_slice().encode(&mut signed).map_err(|error| refused(error.to_string()))?;
    Ok(signed)
}
