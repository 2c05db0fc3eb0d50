//! Where one incident's escalation stands: a state machine without a clock and without a store. It is kept beside the
//! messages it causes, in one transaction, so a restart neither loses nor doubles a step.
//!
//! Times are moments, so a clock that jumps ahead makes one thing due, whose followers count from when it was done;
//! one that jumps back makes nobody wait longer than the file says.

use std::time::Duration;

use plimsoll_model::Timestamp;

use super::{Policy, Urgency};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) urgency: Urgency,
    /// Since when nobody has answered.
    pub(crate) triggered_at: Timestamp,
    /// From 0.
    pub(crate) round: u32,
    /// How many steps of the round were told.
    pub(crate) step: u32,
    pub(crate) next_step_at: Option<Timestamp>,
    pub(crate) renotify_at: Option<Timestamp>,
    pub(crate) ack_until: Option<Timestamp>,
    pub(crate) resolve_at: Option<Timestamp>,
}

/// What is to be done now; one thing at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// It was open for as long as it may.
    Resolve,
    /// The acknowledgement is too old to be believed.
    AckTimeout,
    Step,
    /// Those of the last step once more.
    Renotify,
}

impl Progress {
    /// The first step is due at once.
    pub(crate) fn begun(policy: &Policy, urgency: Urgency, now: Timestamp) -> Self {
        let has_steps = !policy.steps(urgency).is_empty();
        Self {
            urgency,
            triggered_at: now,
            round: 0,
            step: 0,
            next_step_at: has_steps.then_some(now),
            renotify_at: None,
            ack_until: None,
            resolve_at: policy.auto_resolve.map(|after| now + after),
        }
    }

    pub(crate) fn due(&self, now: Timestamp) -> Option<Due> {
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if is_due(self.resolve_at) {
            Some(Due::Resolve)
        } else if is_due(self.ack_until) {
            Some(Due::AckTimeout)
        } else if is_due(self.next_step_at) {
            Some(Due::Step)
        } else if is_due(self.renotify_at) {
            Some(Due::Renotify)
        } else {
            None
        }
    }

    /// When something is due next.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        [self.resolve_at, self.ack_until, self.next_step_at, self.renotify_at].into_iter().flatten().min()
    }

    /// The next step as its position from 0; the round it is in goes up when the last step is behind. `None` when all
    /// rounds are.
    pub(crate) fn go_on(&mut self, policy: &Policy, now: Timestamp) -> Option<usize> {
        let (round, step, _) = self.following(policy)?;
        (self.round, self.step) = (round, step + 1);
        self.next_step_at = self.following(policy).map(|(_, _, wait)| now + wait);
        self.renotify_at = policy.renotify.map(|interval| now + interval);
        usize::try_from(step).ok()
    }

    /// Nobody could be told: the next step of the round doesn't wait. Another round does, or all of them would be over
    /// before anybody comes on call.
    pub(crate) fn hurry(&mut self, policy: &Policy, now: Timestamp) {
        let steps = policy.steps(self.urgency).len();
        if usize::try_from(self.step).is_ok_and(|place| place < steps) {
            self.next_step_at = self.next_step_at.map(|at| at.min(now));
        }
    }

    pub(crate) fn renotified(&mut self, policy: &Policy, now: Timestamp) {
        self.renotify_at = policy.renotify.map(|interval| now + interval);
    }

    pub(crate) fn acknowledged(&mut self, policy: Option<&Policy>, now: Timestamp) {
        self.next_step_at = None;
        self.renotify_at = None;
        self.ack_until = policy.and_then(|policy| policy.ack_timeout).map(|timeout| now + timeout);
    }

    /// Nobody works on it after all: whoever was told last is told again, and from there it goes on.
    pub(crate) fn triggered_again(&mut self, policy: &Policy, now: Timestamp) {
        self.ack_until = None;
        self.triggered_at = now;
        self.step = self.step.saturating_sub(1);
        self.next_step_at = (!policy.steps(self.urgency).is_empty()).then_some(now);
    }

    /// It has become another thing: other people, from the first step.
    pub(crate) fn became_urgent(&mut self, policy: &Policy, now: Timestamp) {
        *self = Self { resolve_at: self.resolve_at, ..Self::begun(policy, Urgency::High, now) };
    }

    /// After the clock was set back, or the file changed: nobody waits longer than the file says from now.
    pub(crate) fn hold_to(&mut self, policy: &Policy, now: Timestamp) {
        let wait = self.following(policy).map(|(_, _, wait)| wait);
        self.next_step_at = at_most(self.next_step_at, wait, now);
        self.renotify_at = at_most(self.renotify_at, policy.renotify, now);
        self.ack_until = at_most(self.ack_until, policy.ack_timeout, now);
        self.resolve_at = at_most(self.resolve_at, policy.auto_resolve, now);
        self.triggered_at = self.triggered_at.min(now);
    }

    /// Round, step and how long it waits.
    fn following(&self, policy: &Policy) -> Option<(u32, u32, Duration)> {
        let steps = policy.steps(self.urgency);
        let place = usize::try_from(self.step).ok()?;
        if let Some(step) = steps.get(place) {
            return Some((self.round, self.step, step.delay));
        }
        let again = self.round < policy.repeat && !steps.is_empty();
        again.then_some((self.round + 1, 0, policy.repeat_after))
    }
}

/// A timer that the file no longer has is stopped.
fn at_most(at: Option<Timestamp>, wait: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
    Some(at?.min(now + wait?))
}
