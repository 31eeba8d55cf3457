//! Which keys are tried, and in which order.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Certificate, PrivateKey, PublicKey};

/// A key or certificate that a file has, with what can be known without a passphrase.
#[derive(Debug, Clone)]
pub(crate) struct FileIdentity {
    pub(crate) path: PathBuf,
    pub(crate) public: PublicKey,
    pub(crate) certificate: Option<Arc<Certificate>>,
    pub(crate) secret: Secret,
}

/// The secret half of a key in a file.
#[derive(Debug, Clone)]
pub(crate) enum Secret {
    /// It was read.
    Open(Arc<PrivateKey>),
    /// It is there and cannot be used.
    Unusable(Unusable),
    /// It is elsewhere: in an agent, or nowhere.
    Absent,
}

/// Why a secret key that is there is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It is under a passphrase, and nobody is asked for it.
    Locked,
    /// Others can read the file, which has this mode: `ssh` does not use it either.
    Exposed(u32),
}

/// A key or certificate that an agent holds.
#[derive(Debug, Clone)]
pub(crate) struct AgentKey {
    pub(crate) public: PublicKey,
    pub(crate) certificate: Option<Arc<Certificate>>,
    pub(crate) comment: String,
}

/// Something to log in with.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// What the user calls it: a path, or the comment in the agent.
    pub(crate) label: String,
    pub(crate) public: PublicKey,
    pub(crate) certificate: Option<Arc<Certificate>>,
    pub(crate) signer: SignWith,
}

/// Who makes the signatures of a candidate.
#[derive(Debug, Clone)]
pub(crate) enum SignWith {
    /// The secret key that was read.
    Key(Arc<PrivateKey>),
    /// The agent.
    Agent,
    /// Nobody.
    Nobody(Unusable),
}

/// Returns what is tried, in the order of `ssh`: certificates that the configuration names, keys of
/// the agent that it names too, the other keys of the agent, and keys of files.
pub(crate) fn candidates(
    files: &[FileIdentity],
    certificates: &[(PathBuf, Arc<Certificate>)],
    agent: &[AgentKey],
    identities_only: bool,
) -> Vec<Candidate> {
    let named = certificates.iter().filter_map(|(path, certificate)| {
        let signer = signer_of(certificate, files, agent)?;
        Some(of_certificate(label(path), certificate, signer))
    });
    let is_named = |key: &&AgentKey| files.iter().any(|file| is_same(file, key));
    let (preferred, others): (Vec<_>, Vec<_>) = agent.iter().partition(is_named);
    let others = others.into_iter().filter(|_| !identities_only);
    let agent_keys = preferred.iter().copied().chain(others).map(of_agent);
    let held = |file: &&FileIdentity| !agent.iter().any(|key| is_same(file, key));
    let of_files = files.iter().filter(held).filter_map(|file| of_file(file, files, agent));
    let all = named.chain(agent_keys).chain(of_files);
    unique(all.filter(is_for_users))
}

/// A certificate and the key in it are two identities.
fn is_same(file: &FileIdentity, key: &AgentKey) -> bool {
    file.public.key_data() == key.public.key_data() && file.certificate == key.certificate
}

fn is_for_users(candidate: &Candidate) -> bool {
    candidate
        .certificate
        .as_ref()
        .is_none_or(|certificate| certificate.cert_type() == CertType::User)
}

fn unique(candidates: impl Iterator<Item = Candidate>) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        let known = kept.iter().any(|other| {
            other.public.key_data() == candidate.public.key_data()
                && other.certificate == candidate.certificate
        });
        if !known {
            kept.push(candidate);
        }
    }
    kept
}

fn of_agent(key: &AgentKey) -> Candidate {
    let label = match key.comment.is_empty() {
        true => format!("{} of the agent", key.public.algorithm()),
        false => format!("{} of the agent", key.comment.escape_debug()),
    };
    Candidate {
        label,
        public: key.public.clone(),
        certificate: key.certificate.clone(),
        signer: SignWith::Agent,
    }
}

fn of_file(file: &FileIdentity, files: &[FileIdentity], agent: &[AgentKey]) -> Option<Candidate> {
    if let Some(certificate) = &file.certificate {
        let signer = signer_of(certificate, files, agent)?;
        return Some(of_certificate(label(&file.path), certificate, signer));
    }
    let signer = match &file.secret {
        Secret::Open(key) => SignWith::Key(Arc::clone(key)),
        Secret::Unusable(why) => SignWith::Nobody(*why),
        Secret::Absent => return None,
    };
    let public = file.public.clone();
    Some(Candidate { label: label(&file.path), public, certificate: None, signer })
}

fn of_certificate(label: String, certificate: &Arc<Certificate>, signer: SignWith) -> Candidate {
    let public = PublicKey::new(certificate.public_key().clone(), "");
    Candidate { label, public, certificate: Some(Arc::clone(certificate)), signer }
}

/// Returns who can sign for a certificate: whoever has the key in it.
fn signer_of(
    certificate: &Certificate,
    files: &[FileIdentity],
    agent: &[AgentKey],
) -> Option<SignWith> {
    let is_its = |key: &PublicKey| key.key_data() == certificate.public_key();
    let own = || files.iter().filter(|file| is_its(&file.public)).map(|file| &file.secret);
    if agent.iter().any(|key| is_its(&key.public)) {
        return Some(SignWith::Agent);
    }
    let open = own().find_map(|secret| match secret {
        Secret::Open(key) => Some(SignWith::Key(Arc::clone(key))),
        Secret::Unusable(_) | Secret::Absent => None,
    });
    open.or_else(|| {
        own().find_map(|secret| match secret {
            Secret::Unusable(why) => Some(SignWith::Nobody(*why)),
            Secret::Open(_) | Secret::Absent => None,
        })
    })
}

fn label(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 3] = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDjzTLWXDBpyP6BWuj5K3vGYWBV/XGvnH3PeZgjtmqd",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP/4Zz5vWVrMmYBG4tQ4HdKHSJs4KDZ8vG0aBhT8nZBd",
    ];

    fn public(index: usize) -> PublicKey {
        PublicKey::from_openssh(KEYS[index]).unwrap()
    }

    fn file(index: usize, secret: Secret) -> FileIdentity {
        let path = PathBuf::from(format!("/keys/{index}"));
        FileIdentity { path, public: public(index), certificate: None, secret }
    }

    fn agent_key(index: usize) -> AgentKey {
        AgentKey { public: public(index), certificate: None, comment: format!("key {index}") }
    }

    fn labels(files: &[FileIdentity], agent: &[AgentKey], only: bool) -> Vec<String> {
        candidates(files, &[], agent, only).into_iter().map(|candidate| candidate.label).collect()
    }

    #[test]
    fn keys_of_the_agent_that_the_configuration_names_come_first() {
        let files = [file(2, Secret::Absent), file(0, Secret::Unusable(Unusable::Locked))];
        let agent = [agent_key(1), agent_key(2)];
        assert_eq!(
            labels(&files, &agent, false),
            ["key 2 of the agent", "key 1 of the agent", "/keys/0"]
        );
        assert_eq!(labels(&files, &agent, true), ["key 2 of the agent", "/keys/0"]);
    }

    #[test]
    fn a_public_key_alone_is_nothing_to_log_in_with() {
        assert!(labels(&[file(0, Secret::Absent)], &[], false).is_empty());
    }

    #[test]
    fn a_key_is_tried_once_though_it_is_there_twice() {
        let locked = Secret::Unusable(Unusable::Locked);
        let files = [file(0, locked.clone()), file(0, locked)];
        assert_eq!(labels(&files, &[], false).len(), 1);
        assert_eq!(labels(&files, &[agent_key(0), agent_key(0)], false).len(), 1);
    }
}
