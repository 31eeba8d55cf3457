//! Activating so that the target goes back by itself, confirming, and going back.

use std::collections::BTreeSet;

use windlass_core::name::ServiceName;
use windlass_core::record::{DeploymentId, TargetState};
use windlass_core::release::ReleaseId;

use super::{Assignment, WorkError, Worker, changed_services};
use crate::guard::clock::{Deadline, Now, milliseconds};
use crate::guard::{Arm, Guard, Hook};
use crate::protocol::failure::describe;
use crate::site::{Armed, LockedSite, Reverted, SiteError};

/// What became of a target that was to be armed and activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// It is on the release, and goes back unless somebody confirms.
    Armed {
        /// What looks after it when the host restarts; nothing where the host has nothing for that.
        hook: Option<Hook>,
    },
    /// It was on the release before, so that there is nothing to go back to.
    Settled(TargetState),
}

impl Worker<'_> {
    /// As [`Worker::activate`], but that the target goes back by itself unless somebody confirms over
    /// another connection than `session`: the record and the watcher of that are there before the
    /// switch. Health checks are left to [`Worker::confirm`]. The time to confirm begins anew when the
    /// commands have run; whoever dies before leaves a target that counts from when it was armed.
    ///
    /// # Errors
    /// As [`Worker::activate`]; and [`WorkError::Guard`] when the target could not be armed: it is
    /// where it was then. One that failed after the switch stays armed.
    pub fn activate_armed(
        &self,
        guard: &Guard,
        (arm, session): (&Arm, &str),
        deployment: &DeploymentId,
        over: &[Option<ReleaseId>],
        to: Option<&Assignment>,
    ) -> Result<Activation, WorkError> {
        self.emit_state(TargetState::Activating);
        let (mut site, seen) = self.lock_over(over)?;
        site.disarm()?;
        let from = seen.live.as_ref().map(|live| live.release);
        if from == to.map(|to| to.id) {
            let changed = self.switch(&mut site, seen, deployment, to)?;
            drop(site);
            return Ok(Activation::Settled(self.await_health(deployment, to, &changed)?));
        }
        let ends = (from, to.map(|to| to.id));
        let mut armed = self.record(guard, (arm, session), deployment, ends);
        let hook = self.arm(guard, &mut site, &armed)?;
        let switched = self.switch(&mut site, seen, deployment, to);
        let changed = switched.map_err(|error| self.disarm_if_back(guard, &mut site, error))?;
        armed.changed = changed.into_iter().collect();
        armed.deadline = deadline(arm);
        site.arm(&armed)?;
        Ok(Activation::Armed { hook })
    }

    /// Returns the revert of a target that goes from one release to another.
    fn record(
        &self,
        guard: &Guard,
        (arm, session): (&Arm, &str),
        deployment: &DeploymentId,
        (from, to): (Option<ReleaseId>, Option<ReleaseId>),
    ) -> Armed {
        Armed {
            nonce: arm.nonce.clone(),
            session: session.to_owned(),
            deployment: deployment.clone(),
            from,
            to,
            confirm_ms: arm.confirm_ms,
            deadline: deadline(arm),
            changed: Vec::new(),
            target: self.target.clone(),
            address: self.address.clone(),
            state: guard.state.clone(),
        }
    }

    /// Makes sure that the target goes back, whatever happens from now on.
    fn arm(
        &self,
        guard: &Guard,
        site: &mut LockedSite<'_>,
        armed: &Armed,
    ) -> Result<Option<Hook>, WorkError> {
        let hook = guard.prepare(self.site)?;
        site.arm(armed)?;
        match guard.start_watcher(self.site) {
            Ok(()) => Ok(hook),
            Err(error) => {
                site.disarm()?;
                guard.forget_site(self.site);
                Err(error.into())
            }
        }
    }

    /// Disarms a target that could not be switched and is where it was; returns why it could not.
    fn disarm_if_back(
        &self,
        guard: &Guard,
        site: &mut LockedSite<'_>,
        error: WorkError,
    ) -> WorkError {
        let is_back =
            matches!(&error, WorkError::Site(error) if !matches!(error, SiteError::Stuck { .. }));
        // One that stays armed finds nothing to take back when its time is over.
        if is_back && site.disarm().is_ok() {
            guard.forget_site(self.site);
        }
        error
    }

    /// Calls off the revert that `nonce` tells from others, and waits until the health checks of what
    /// was changed agree. Asking twice is as good as once.
    ///
    /// # Errors
    /// [`WorkError::WentBack`] when the time is over, [`WorkError::NotArmed`] when somebody else has
    /// decided since what is live, [`WorkError::SameConnection`] when `session` armed it. Otherwise as
    /// [`Worker::activate`] once the files are in place.
    pub fn confirm(&self, nonce: &str, session: &str) -> Result<TargetState, WorkError> {
        let mut site = self.lock_whole()?;
        let confirmed = match site.armed()?.filter(|armed| armed.nonce == nonce) {
            Some(armed) if armed.session == session => return Err(WorkError::SameConnection),
            Some(armed) => {
                site.call_off()?;
                armed
            }
            None => self.confirmed_before(&site, nonce)?,
        };
        drop(site);
        let to = match confirmed.to {
            Some(release) => self.recall(&release)?,
            None => None,
        };
        let changed = confirmed.changed.into_iter().collect();
        self.await_health(&confirmed.deployment, to.as_ref(), &changed)
    }

    fn confirmed_before(&self, site: &LockedSite<'_>, nonce: &str) -> Result<Armed, WorkError> {
        if let Some(confirmed) = site.confirmed()?.filter(|confirmed| confirmed.nonce == nonce) {
            return Ok(confirmed);
        }
        let reverted = self.site.reverted()?.filter(|reverted| reverted.nonce == nonce);
        Err(reverted.map_or(WorkError::NotArmed, |reverted| WorkError::WentBack(reverted.into())))
    }

    /// Takes the target back if its time is over, or if that was begun.
    pub(super) fn settle(&self, site: &mut LockedSite<'_>) -> Result<(), WorkError> {
        if let Some(armed) = site.reverting()? {
            return self.go_back(site, &armed);
        }
        match site.armed()? {
            Some(armed) if armed.remaining(&Now::read()).is_zero() => {
                site.begin_revert()?;
                self.go_back(site, &armed)
            }
            _ => Ok(()),
        }
    }

    /// Takes the target back if its time is over, and else sees to it that somebody watches.
    pub(crate) fn tend(&self) -> Result<(), WorkError> {
        let Some(armed) = self.site.armed()? else { return Ok(()) };
        if armed.remaining(&Now::read()).is_zero() {
            return match self.lock_whole() {
                // Whoever has the lock does it.
                Ok(_) | Err(WorkError::Site(SiteError::Busy(_))) => Ok(()),
                Err(error) => Err(error),
            };
        }
        if let Some(guard) = self.guard
            && !self.site.is_watched(&armed.nonce)?
        {
            guard.start_watcher(self.site)?;
        }
        Ok(())
    }

    /// Carries out a revert that was begun. What somebody else has made live meanwhile stays.
    fn go_back(&self, site: &mut LockedSite<'_>, armed: &Armed) -> Result<(), WorkError> {
        let worker = Worker { target: &armed.target, address: &armed.address, ..*self };
        let worker = Worker { interrupt: None, ..worker };
        let seen = self.site.inspect(None)?;
        let live = seen.live.as_ref().map(|live| live.release);
        let mut failure = None;
        if live == armed.to || live == armed.from {
            failure = worker.put_back(site, armed, seen)?;
        }
        site.end_revert(&Reverted {
            deployment: armed.deployment.clone(),
            nonce: armed.nonce.clone(),
            to: armed.from,
            at_ms: milliseconds(Now::read().wall),
            why: why(armed),
            failure,
        })?;
        Ok(())
    }

    /// Returns what went wrong once the files were back: their reloads stay queued then.
    fn put_back(
        &self,
        site: &mut LockedSite<'_>,
        armed: &Armed,
        seen: crate::site::Inspection,
    ) -> Result<Option<String>, WorkError> {
        let from = match armed.from {
            Some(release) => Some(self.kept(release)?),
            None => None,
        };
        match self.switch(site, seen, &armed.deployment, from.as_ref()) {
            Ok(_) => Ok(None),
            Err(error @ WorkError::Site(_)) => Err(error),
            // What a command printed stays out of it: an excerpt could cut through a secret.
            Err(WorkError::Refused { service, role, exit, .. }) => {
                Ok(Some(format!("{role} of service `{service}` {exit}")))
            }
            Err(error) => Ok(Some(describe(&error))),
        }
    }

    fn kept(&self, release: ReleaseId) -> Result<Assignment, WorkError> {
        let missing = || SiteError::NotStaged { config: self.site.config_dir(), release };
        self.recall(&release)?.ok_or_else(|| missing().into())
    }

    /// Locks the target, makes it whole, and returns what is there if that is one of `over`.
    pub(super) fn lock_over(
        &self,
        over: &[Option<ReleaseId>],
    ) -> Result<(LockedSite<'_>, crate::site::Inspection), WorkError> {
        let site = self.lock_whole()?;
        let seen = self.site.inspect(None)?;
        let live = seen.live.as_ref().map(|live| live.release);
        if over.contains(&live) { Ok((site, seen)) } else { Err(WorkError::Moved(live)) }
    }

    /// Switches to a release and runs `on_change`; returns the services that it ran for.
    pub(super) fn switch(
        &self,
        site: &mut LockedSite<'_>,
        seen: crate::site::Inspection,
        deployment: &DeploymentId,
        to: Option<&Assignment>,
    ) -> Result<BTreeSet<ServiceName>, WorkError> {
        let changed = changed_services(seen, to).into_iter().collect();
        let activated = site.activate(to.map(|to| to.id), deployment, changed)?;
        let changed: BTreeSet<ServiceName> = activated.reloads.into_iter().collect();
        if let Some(to) = to {
            self.reload(deployment, to, &changed)?;
        }
        site.reloads_done()?;
        Ok(changed)
    }
}

fn deadline(arm: &Arm) -> Deadline {
    Deadline::after(&Now::read(), std::time::Duration::from_millis(arm.confirm_ms))
}

fn why(armed: &Armed) -> String {
    format!("nobody confirmed it over a new connection within {:?}", armed.confirm())
}
