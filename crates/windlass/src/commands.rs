//! Commands to a rollout that another process drives.

use std::time::Duration;

use windlass_core::name::EnvironmentName;
use windlass_core::record::{ConfigDeployment, DeploymentId};
use windlass_core::rollout::{Command, Progress};

use crate::engine::Engine;
use crate::error::Error;
use crate::executor::inbox::{Asked, Question, Reply};

/// How long to wait before looking for an answer again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// After so many looks without an answer it is found out whether anybody is there to give one.
const LOOKS: u32 = 20;

impl Engine {
    /// Asks whoever carries out a deployment, here or in another process, for `command`, and returns where
    /// the rollout stands since.
    ///
    /// # Errors
    /// [`Error::CommandRefused`] with the rollout's own reason; [`Error::NotUnderWay`] when nobody carries
    /// it out.
    pub async fn command(
        &self,
        id: &DeploymentId,
        command: Command,
        by: &str,
    ) -> Result<Progress, Error> {
        let record = self.deployment(id.as_str()).await?;
        let question = Question { command, by: by.to_owned() };
        let name = format!("{}-{}", self.clock.now().as_nanosecond(), std::process::id());
        let asked = Asked::ask(self.workspace(), id, &question, &name);
        let asked = asked.map_err(Error::io("ask in", self.workspace()))?;
        let nobody = || Error::NotUnderWay(id.clone());
        let asked = asked.filter(|_| !record.status.is_terminal()).ok_or_else(nobody)?;
        match self.answered(&asked, &record.environment, by).await.ok_or_else(nobody)? {
            Reply::Done(progress) => Ok(progress),
            Reply::Refused(refusal) => {
                Err(Error::CommandRefused { deployment: id.clone(), refusal })
            }
        }
    }

    /// Returns the deployment of `environment` that is under way, if one is.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn under_way(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Option<ConfigDeployment>, Error> {
        let records = self.listing(Some(environment)).await?.items;
        Ok(records.into_iter().find(|record| !record.status.is_terminal()))
    }

    /// Waits for the answer; nothing where nobody will give one. Whoever drives a rollout holds the lock of
    /// its environment: while that is so, however long it takes, there is somebody to wait for.
    async fn answered(
        &self,
        asked: &Asked,
        environment: &EnvironmentName,
        by: &str,
    ) -> Option<Reply> {
        loop {
            for _ in 0..LOOKS {
                if let Some(reply) = asked.answer() {
                    return Some(reply);
                }
                if asked.is_over() {
                    return asked.answer();
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            let holder = self.holder(by, "look whether somebody is there");
            if self.store.lock(environment, &holder, None).await.is_ok() {
                return asked.answer();
            }
        }
    }
}
