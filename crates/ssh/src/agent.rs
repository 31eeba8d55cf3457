//! The user's agent: which keys it holds, and its signatures.

use std::path::Path;
use std::sync::Arc;

use russh::keys::agent::client::AgentClient;
use russh::keys::agent::{AgentIdentity, AgentSessionBinding};
use russh::keys::{Error, HashAlg, PublicKey};
use tokio::net::UnixStream;

use crate::identity::AgentKey;

/// A conversation with an agent.
pub(crate) struct Agent {
    client: AgentClient<UnixStream>,
}

impl Agent {
    /// Returns a conversation with the agent at `socket`, which is told for which session its
    /// signatures are: one whose keys are bound to hosts (`ssh-add -h`) refuses others.
    pub(crate) async fn open(
        socket: &Path,
        session: Option<&AgentSessionBinding>,
    ) -> Result<Self, Error> {
        let mut client = AgentClient::connect_uds(socket).await?;
        if let Some(session) = session {
            match client.bind_session(session, false).await {
                Ok(()) | Err(Error::AgentFailure) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { client })
    }

    /// Returns the keys and certificates of the agent, in its order.
    pub(crate) async fn keys(&mut self) -> Result<Vec<AgentKey>, Error> {
        let identities = self.client.request_identities().await?;
        Ok(identities.into_iter().map(key_of).collect())
    }

    /// Returns `data` with the agent's signature behind it.
    pub(crate) async fn sign(
        &mut self,
        identity: &AgentIdentity,
        hash: Option<HashAlg>,
        data: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        self.client.sign_request(identity, hash, data).await
    }
}

fn key_of(identity: AgentIdentity) -> AgentKey {
    match identity {
        AgentIdentity::PublicKey { key, comment } => AgentKey {
            public: PublicKey::new(key.key_data().clone(), ""),
            certificate: None,
            comment,
        },
        AgentIdentity::Certificate { certificate, comment } => AgentKey {
            public: PublicKey::new(certificate.public_key().clone(), ""),
            certificate: Some(Arc::new(certificate)),
            comment,
        },
    }
}
