//! The ways into the hosts of plans and records, which say only where they are.

use windlass_core::environment::Environment;
use windlass_core::name::EnvironmentName;
use windlass_core::target::{Connection, Target};

use crate::engine::Engine;
use crate::error::Error;
use crate::fleet::Fleet;

impl Engine {
    /// Reaches the `targets` of a plan or a record, whose files live in `config_path`, the way that
    /// their environment says now: keys and jump hosts change, and a rollback has to get in. What is
    /// activated there has to be confirmed where the environment says so.
    pub(crate) async fn fleet_again(
        &self,
        environment: &EnvironmentName,
        targets: Vec<Target>,
        config_path: &str,
    ) -> Result<Fleet, Error> {
        let known = self.known(environment).await;
        let confirm = known.as_ref().and_then(Environment::confirm);
        self.fleet_confirmed(&entered(targets, known.as_ref()), config_path, confirm)
    }

    /// As [`fleet_again`](Self::fleet_again), to end what was interrupted: nothing is waited for then.
    pub(crate) async fn fleet_of_recovery(
        &self,
        environment: &EnvironmentName,
        targets: Vec<Target>,
        config_path: &str,
    ) -> Result<Fleet, Error> {
        let known = self.known(environment).await;
        self.fleet(&entered(targets, known.as_ref()), config_path)
    }

    /// Returns an environment as it is now; as it was at its last deployment where it cannot be read,
    /// as with an inventory that asks a cloud that is down: nothing may keep anybody from going back.
    async fn known(&self, environment: &EnvironmentName) -> Option<Environment> {
        match self.environment(environment.as_str()).await {
            Ok(now) => Some(now),
            Err(_) => self.store.environment(environment).await.ok().flatten(),
        }
    }
}

/// Returns `targets` with the ways in that their environment says.
fn entered(targets: Vec<Target>, known: Option<&Environment>) -> Vec<Target> {
    let known = known.map_or(&[][..], |environment| &environment.targets);
    let enter = |target: Target| Target { connection: way(&target, known), ..target };
    targets.into_iter().map(enter).collect()
}

/// Returns how the host of `target` is entered. One that is elsewhere now is another host.
fn way(target: &Target, known: &[Target]) -> Connection {
    let same =
        |other: &&Target| other.id == target.id && other.address.place() == target.address.place();
    known.iter().find(same).map(|other| other.connection.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_moved_is_another_host() {
        let connection = Connection { becomes: Some(true), ..Connection::default() };
        let web1 = Target::parse("ssh://web1").expect("an address");
        let known = [Target { connection: connection.clone(), ..web1.clone() }];
        assert_eq!(way(&web1, &known), connection);
        let address = Target::parse("ssh://web2").expect("an address").address;
        assert_eq!(way(&Target { address, ..web1 }, &known), Connection::default());
    }
}
