//! What only some calls need: made at the first wait, pause, time limit or key, so that a call
//! whose body is ready at once stays small.

use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

use super::Progress;
use super::guards::Waiting;
use crate::breaker::Breaker;
use crate::rate_limit::Whose;

pin_project! {
    #[project = RestParts]
    pub(super) struct Rest {
        // The one timer of a call: used again for each thing that has to be waited for.
        #[pin]
        sleep: Option<Sleep>,
        pub(super) armed: Armed,
        pub(super) waiting: Option<Waiting>,
        // Whose tokens, and whose breaker, where keys tell them apart.
        pub(super) limit_of: Whose,
        pub(super) breaker_of: BreakerOf,
        pub(super) previous_pause: Duration,
        // Attempts that never ran, since a guard refused them.
        pub(super) refused: u32,
    }
}

/// What the timer runs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Armed {
    Nothing,
    Timeout(Duration),
    Deadline,
    /// A pause, or a turn at a guard.
    Wait,
}

/// The breaker of a call.
pub(super) enum BreakerOf {
    /// The one that the policy names.
    Policy,
    /// That of the call's key.
    Key(Breaker),
    /// None: there are too many keys.
    Nobody,
}

impl Rest {
    fn new() -> Self {
        Self {
            sleep: None,
            armed: Armed::Nothing,
            waiting: None,
            limit_of: Whose::All,
            breaker_of: BreakerOf::Policy,
            previous_pause: Duration::ZERO,
            refused: 0,
        }
    }
}

impl RestParts<'_> {
    pub(super) fn arm(mut self, what: Armed, time: Duration) {
        *self.armed = what;
        match self.sleep.as_mut().as_pin_mut() {
            Some(sleep) => sleep.reset(Instant::now() + time),
            None => self.sleep.set(Some(tokio::time::sleep(time))),
        }
    }

    pub(super) fn poll_sleep(self, context: &mut Context<'_>) -> Poll<()> {
        match self.sleep.as_pin_mut() {
            Some(sleep) => sleep.poll(context),
            None => Poll::Ready(()),
        }
    }
}

impl Progress<'_> {
    /// The rest, made where it is not there yet.
    #[inline(never)]
    pub(super) fn rest(&mut self) -> RestParts<'_> {
        let rest = self.rest.get_or_insert_with(|| Box::pin(Rest::new()));
        rest.as_mut().project()
    }

    /// What the timer runs for.
    pub(super) fn armed(&self) -> Armed {
        self.rest.as_ref().map_or(Armed::Nothing, |rest| rest.armed)
    }

    /// The limits of one attempt are not those of the next.
    pub(super) fn disarm(&mut self) {
        if self.rest.is_some() {
            *self.rest().armed = Armed::Nothing;
            self.around.cut = None;
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.rest
            .as_ref()
            .is_some_and(|rest| rest.waiting.is_some())
    }

    pub(super) fn stop_waiting(&mut self) {
        if self.rest.is_some() {
            *self.rest().waiting = None;
        }
    }

    /// Whose tokens this call takes.
    pub(super) fn limit_of(&self) -> Whose {
        self.rest.as_ref().map_or(Whose::All, |rest| rest.limit_of)
    }

    /// How many attempts ran: all but those that a guard refused.
    pub(super) fn ran(&self) -> u32 {
        let refused = self.rest.as_ref().map_or(0, |rest| rest.refused);
        self.around.attempt - refused
    }
}
