//! The targets of one piece of work, reached, and asked side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use windlass_agent::work::Assignment;
use windlass_core::project::DEFAULT_PARALLEL;
use windlass_core::release::ReleaseId;
use windlass_core::target::{Target, TargetId};

use crate::error::{Error, TargetFailure};
use crate::health::Observed;
use crate::host::{Host, HostError, Reach, Reacher};
use crate::secrets::Redaction;

/// Hosts by the target they are behind.
#[derive(Clone)]
pub(crate) struct Fleet {
    hosts: BTreeMap<TargetId, Arc<dyn Host>>,
    redaction: Redaction,
    /// How many hosts are asked at the same time.
    parallel: usize,
    /// A place for each of them.
    places: Arc<Semaphore>,
}

/// One target of a fleet, to be asked one thing after another.
#[derive(Clone)]
pub(crate) struct Reached {
    host: Arc<dyn Host>,
    redaction: Redaction,
    places: Arc<Semaphore>,
}

impl Reached {
    /// Asks the target, when there is a place among those that are asked at the same time. It always
    /// answers: also where asking panics.
    pub(crate) async fn ask<T, Answer>(
        &self,
        question: impl FnOnce(Arc<dyn Host>) -> Answer,
    ) -> Result<T, HostError>
    where
        T: Send + 'static,
        Answer: Future<Output = Result<T, HostError>> + Send + 'static,
    {
        let _place = self.places.acquire().await;
        let mut asked = JoinSet::new();
        asked.spawn(question(Arc::clone(&self.host)));
        let answer = match asked.join_next().await {
            Some(Ok(answer)) => answer,
            _ => Err(HostError::Lost("no answer".to_owned())),
        };
        answer.map_err(|error| self.redaction.clean_error(error))
    }
}

/// What each target answered.
pub(crate) type Answers<T> = BTreeMap<TargetId, Result<T, HostError>>;

impl Fleet {
    /// Reaches every target through `reacher`; their files live in `config_path`.
    pub(crate) fn reach<'a>(
        targets: impl IntoIterator<Item = &'a Target>,
        config_path: &str,
        reacher: &dyn Reacher,
        how: &Reach,
    ) -> Result<Self, Error> {
        let mut hosts = BTreeMap::new();
        let mut failures = Vec::new();
        for target in targets {
            match reacher.reach(target, config_path, how) {
                Ok(host) => {
                    let host: Arc<dyn Host> = Arc::new(Observed::new(host, target));
                    hosts.insert(target.id.clone(), host);
                }
                Err(error) => failures.push(TargetFailure { target: target.id.clone(), error }),
            }
        }
        let (redaction, parallel) = (Redaction::default(), DEFAULT_PARALLEL as usize);
        if failures.is_empty() {
            let places = Arc::new(Semaphore::new(parallel));
            Ok(Self { hosts, redaction, parallel, places })
        } else {
            Err(Error::Targets(failures))
        }
    }

    /// Returns the same, with what `redaction` knows taken out of what goes wrong on hosts: commands
    /// print what they like, and an excerpt of it must not begin in the middle of a secret.
    pub(crate) fn filtered(self, redaction: Redaction) -> Self {
        Self { redaction, ..self }
    }

    /// Returns the same, asking at most `parallel` hosts at a time.
    pub(crate) fn at_most(self, parallel: usize) -> Self {
        let places = Arc::new(Semaphore::new(parallel.min(Semaphore::MAX_PERMITS)));
        Self { parallel, places, ..self }
    }

    /// Returns how many hosts are asked at the same time.
    pub(crate) const fn parallel(&self) -> usize {
        self.parallel
    }

    /// Returns one target, to be asked on its own.
    pub(crate) fn reached(&self, target: &TargetId) -> Option<Reached> {
        let host = Arc::clone(self.hosts.get(target)?);
        let (redaction, places) = (self.redaction.clone(), Arc::clone(&self.places));
        Some(Reached { host, redaction, places })
    }

    /// Asks each of `targets` that is part of the fleet, so many at a time. One that hangs holds its own
    /// place until its limits end it, and nobody else's.
    pub(crate) async fn ask<T, F, Answer>(
        &self,
        targets: impl IntoIterator<Item = &TargetId>,
        question: F,
    ) -> Answers<T>
    where
        T: Send + 'static,
        F: Fn(TargetId, Arc<dyn Host>) -> Answer,
        Answer: Future<Output = Result<T, HostError>> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(self.parallel));
        let mut asked = JoinSet::new();
        let mut answers = Answers::new();
        for id in targets {
            let Some(host) = self.hosts.get(id) else { continue };
            let (places, answer) = (Arc::clone(&places), question(id.clone(), Arc::clone(host)));
            answers.insert(id.clone(), Err(HostError::Lost("no answer".to_owned())));
            let id = id.clone();
            asked.spawn(async move {
                let _place = places.acquire_owned().await;
                (id, answer.await)
            });
        }
        while let Some(joined) = asked.join_next().await {
            if let Ok((id, answer)) = joined {
                answers.insert(id, answer.map_err(|error| self.redaction.clean_error(error)));
            }
        }
        answers
    }

    /// Returns a release as `target` itself keeps it.
    pub(crate) async fn recall(
        &self,
        target: &TargetId,
        release: ReleaseId,
    ) -> Result<Option<Arc<Assignment>>, HostError> {
        match self.hosts.get(target) {
            Some(host) => host.recall(release).await,
            None => Ok(None),
        }
    }

    /// Asks every target.
    pub(crate) async fn ask_all<T, F, Answer>(&self, question: F) -> Answers<T>
    where
        T: Send + 'static,
        F: Fn(TargetId, Arc<dyn Host>) -> Answer,
        Answer: Future<Output = Result<T, HostError>> + Send + 'static,
    {
        self.ask(self.hosts.keys(), question).await
    }
}

/// Returns what all targets answered, or every failure.
pub(crate) fn all_or_failures<T>(answers: Answers<T>) -> Result<BTreeMap<TargetId, T>, Error> {
    let mut good = BTreeMap::new();
    let mut failures = Vec::new();
    for (target, answer) in answers {
        match answer {
            Ok(value) => drop(good.insert(target, value)),
            Err(error) => failures.push(TargetFailure { target, error }),
        }
    }
    if failures.is_empty() { Ok(good) } else { Err(Error::Targets(failures)) }
}
