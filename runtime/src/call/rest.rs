//! What only some calls need: made at the first wait, pause or time limit, so that a call whose
//! body is ready at once stays small.

use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

use super::Call;
use super::guards::Waiting;
use super::observe::Observed;
use crate::breaker::Nanos;
use crate::deadline::Deadline;

pin_project! {
    #[project = RestParts]
    pub(super) struct Rest {
        // The one timer of a call: used again for each thing that has to be waited for.
        #[pin]
        sleep: Option<Sleep>,
        pub(super) armed: Armed,
        pub(super) waiting: Option<Waiting>,
        pub(super) previous_pause: Duration,
        // Attempts that never ran, since a guard refused them.
        pub(super) refused: u32,
        // What a call in mode `observe` would be cut by.
        pub(super) observed: Observed,
    }
}

/// What the timer runs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Armed {
    Nothing,
    Timeout(Duration),
    Deadline,
    /// What would cut it, had it not the mode `observe`.
    WouldTimeout(Duration),
    WouldEnd,
    /// A pause, or a turn at a guard.
    Wait,
}

impl Rest {
    fn new() -> Self {
        Self {
            sleep: None,
            armed: Armed::Nothing,
            waiting: None,
            previous_pause: Duration::ZERO,
            refused: 0,
            observed: Observed::default(),
        }
    }
}

impl RestParts<'_> {
    /// Says when the time will be over.
    pub(super) fn arm(mut self, what: Armed, time: Duration) -> Instant {
        *self.armed = what;
        let end = Instant::now() + time;
        match self.sleep.as_mut().as_pin_mut() {
            Some(sleep) => sleep.reset(end),
            None => self.sleep.set(Some(tokio::time::sleep_until(end))),
        }
        end
    }

    pub(super) fn poll_sleep(self, context: &mut Context<'_>) -> Poll<()> {
        match self.sleep.as_pin_mut() {
            Some(sleep) => sleep.poll(context),
            None => Poll::Ready(()),
        }
    }
}

impl Call<'_> {
    /// The rest, made where it is not there yet.
    #[inline(never)]
    pub(super) fn rest(&mut self) -> RestParts<'_> {
        let rest = &mut self.more().rest;
        rest.get_or_insert_with(|| Box::pin(Rest::new()))
            .as_mut()
            .project()
    }

    fn known_rest(&self) -> Option<&Rest> {
        self.more.as_ref()?.rest.as_deref()
    }

    /// What the timer runs for.
    pub(super) fn armed(&self) -> Armed {
        self.known_rest().map_or(Armed::Nothing, |rest| rest.armed)
    }

    /// The limits of one attempt are not those of the next.
    #[inline]
    pub(super) fn disarm(&mut self) {
        self.around.lasts = Nanos::MAX;
        if self.known_rest().is_some() {
            *self.rest().armed = Armed::Nothing;
            self.around.ends_mut().attempt = Deadline::NONE;
        }
    }

    #[inline]
    pub(super) fn is_waiting(&self) -> bool {
        self.known_rest().is_some_and(|rest| rest.waiting.is_some())
    }

    /// What it waits for, if it does.
    pub(super) fn known_waiting(&self) -> Option<&Waiting> {
        self.known_rest()?.waiting.as_ref()
    }

    pub(super) fn stop_waiting(&mut self) {
        if self.known_rest().is_some() {
            *self.rest().waiting = None;
        }
    }

    pub(super) fn previous_pause(&self) -> Duration {
        self.known_rest()
            .map_or(Duration::ZERO, |rest| rest.previous_pause)
    }

    /// How many attempts ran: all but those that a guard refused.
    pub(super) fn bodies(&self) -> u32 {
        self.around.attempt - self.known_rest().map_or(0, |rest| rest.refused)
    }
}
