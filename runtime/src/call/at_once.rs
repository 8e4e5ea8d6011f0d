//! The short way to the body: a first attempt that every guard lets pass at once.

use super::{Call, Stage, trace};
use crate::breaker::{Breaker, Nanos, Pass, nanos};
use crate::policy::{Opening, Resolved};
use crate::rate_limit::{RateLimit, Token};
use crate::rejection::Rejection;
use crate::retry::RetryPolicy;
use crate::scoped;
use crate::tally::Ended;
use crate::telemetry::{Weight, is_heard};

/// What becomes of an attempt that nothing makes wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Its body runs.
    Body,
    /// The breaker is not closed, and nothing was taken before that was found.
    NotClosed,
    /// The rate limit has no token for so long, and nothing was taken either.
    NoToken(Nanos),
    /// There is more than a breaker to pass.
    Guarded,
    /// Only the long way tells.
    Long,
}

/// A rejection, or what is known of one: so small that it is made where the function's own error is,
/// and copied nowhere.
#[doc(hidden)]
pub enum Refusal<'c> {
    /// The breaker is open, for so long.
    Open(&'c Breaker, Nanos),
    /// The rate limit has no token, for so long.
    NoToken(&'c RateLimit, Nanos),
    Made(Rejection),
}

impl From<Refusal<'_>> for Rejection {
    #[inline]
    fn from(refusal: Refusal<'_>) -> Self {
        let rejection = match refusal {
            Refusal::Open(breaker, time) => breaker.rejection(Some(time)),
            Refusal::NoToken(limit, time) => limit.rejection(time),
            Refusal::Made(rejection) => rejection,
        };
        // What becomes of it may not show it.
        #[cfg(feature = "redis")]
        crate::outbox::inside::note_rejection(&rejection);
        rejection
    }
}

impl Resolved {
    /// The breaker's pass, if there is one, for a first attempt that nothing else stands before:
    /// `is_bare` where its call has nothing that tells it from others.
    #[allow(clippy::inline_always)] // the way of each call
    #[inline(always)]
    pub(super) fn plain_pass(&self, is_bare: bool) -> Result<Option<Pass>, Entry> {
        if scoped::is_inside() || trace::is_wanted() || self.has_planned_fault() {
            return Err(Entry::Long);
        }
        if !is_bare || self.opening != Opening::Plain {
            return Err(Entry::Guarded);
        }
        match &self.breaker {
            Some(guard) => match guard.breaker.pass_if_closed() {
                Some(pass) => Ok(Some(pass)),
                None => Err(Entry::NotClosed),
            },
            None => Ok(None),
        }
    }
}

impl Call<'_> {
    /// Lets the body run at once, where nothing but a closed breaker stands before it: the first
    /// attempt of most calls.
    #[inline]
    pub(super) fn starts_plainly(&mut self) -> Entry {
        if self.stage != Stage::First {
            return Entry::Long;
        }
        match self.policy.plain_pass(self.more.is_none()) {
            Ok(pass) => {
                self.pass = pass;
                self.start_at_once();
                Entry::Body
            }
            Err(entry) => entry,
        }
    }

    #[inline]
    fn start_at_once(&mut self) {
        self.around.attempt = 1;
        self.around.lasts = self.policy.lasts;
        self.stage = Stage::Running;
        self.holds = true;
    }

    /// Refuses the first attempt, where the guard that did not let it enter at once will not for a
    /// time, and no other attempt follows a refusal. There is nothing to give back then.
    #[inline]
    pub(super) fn refuses_at_once(&mut self, entry: Entry) -> bool {
        match entry {
            Entry::NotClosed => self.is_kept_out(),
            Entry::NoToken(time) => self.is_too_much(time),
            Entry::Body | Entry::Guarded | Entry::Long => false,
        }
    }

    /// Whether the breaker refuses.
    #[inline(never)]
    fn is_kept_out(&mut self) -> bool {
        let time = self.breaker().and_then(Breaker::refuses_for);
        let Some(time) = time.filter(|_| !self.retries_refusals()) else {
            return false;
        };
        self.end_at_once(Ended::CircuitOpen, time);
        if is_heard(Weight::Info)
            && let Some(breaker) = self.breaker()
        {
            self.report_rejection(&breaker.rejection(Some(time)));
        }
        true
    }

    /// Whether the rate limit refuses, which has no token for so long.
    #[inline(never)]
    fn is_too_much(&mut self, time: Nanos) -> bool {
        let guard = self.policy.rate_limit.as_ref();
        let Some(guard) = guard.filter(|guard| time > nanos(guard.wait)) else {
            return false;
        };
        if self.retries_refusals() {
            return false;
        }
        self.end_at_once(Ended::LimitUsedUp, time);
        if is_heard(Weight::Info) {
            self.report_rejection(&guard.limit.rejection(time));
        }
        true
    }

    #[inline]
    fn end_at_once(&mut self, ended: Ended, time: Nanos) {
        if self.policy.opens_by_the_clock {
            self.begin_call();
        }
        (self.stage, self.around.attempt) = (Stage::Guards, 1);
        (self.ended, self.refused_for) = (ended, time);
        self.policy.count(ended);
    }

    /// Keeps what the call is refused with.
    pub(super) fn keep_refusal(&mut self, rejection: Rejection) {
        self.more().rejection = Some(rejection);
    }

    /// What the call is refused with. Once.
    #[inline(never)]
    pub(super) fn refusal(&mut self) -> Refusal<'_> {
        let made = self.more.as_mut().and_then(|more| more.rejection.take());
        if let Some(rejection) = made {
            return Refusal::Made(rejection);
        }
        match (&self.policy.rate_limit, self.breaker()) {
            (Some(guard), _) if self.ended == Ended::LimitUsedUp => {
                Refusal::NoToken(&guard.limit, self.refused_for)
            }
            (_, Some(breaker)) => Refusal::Open(breaker, self.refused_for),
            (_, None) => unreachable!("only a guard refuses"),
        }
    }

    #[inline]
    fn retries_refusals(&self) -> bool {
        let retry = self.policy.retry.as_ref();
        retry.is_some_and(RetryPolicy::covers_rejections)
    }

    /// Passes all guards if each lets it pass at once; else gives back what it took. The first
    /// attempt of most calls: whoever does not pass goes the long way, which knows why.
    #[inline]
    pub(super) fn passes_at_once(&mut self) -> Entry {
        let policy = self.policy;
        if policy.opening == Opening::Around {
            return Entry::Long;
        }
        if self.breaker().is_some_and(|breaker| !breaker.is_closed()) {
            return Entry::NotClosed;
        }
        let mut token = None;
        if let Some(guard) = &policy.rate_limit {
            if guard.is_shared {
                token = self.token_at_hand(guard);
                if token.is_none() {
                    return Entry::Long; // the store knows more
                }
            } else {
                match guard.limit.take(self.limit_of) {
                    Ok(one) => token = Some(one),
                    Err(time) => return Entry::NoToken(time),
                }
            }
        }
        if let Some(guard) = &policy.bulkhead {
            self.placed = guard.bulkhead.0.try_take();
            if !self.placed {
                self.leave_again(token);
                return Entry::Long;
            }
        }
        if let Some(breaker) = self.breaker() {
            self.pass = breaker.pass_if_closed();
            if self.pass.is_none() {
                self.leave_again(token);
                return Entry::Long;
            }
        }
        if policy.opens_by_the_clock {
            self.begin_call();
            self.start_body();
        }
        self.start_at_once();
        Entry::Body
    }

    /// Gives back what was taken on the way to a guard that does not let it pass at once.
    #[cold]
    #[inline(never)]
    fn leave_again(&mut self, token: Option<Token>) {
        if let (Some(token), Some(guard)) = (token, &self.policy.rate_limit) {
            self.give_back_to(guard, token);
        }
        self.leave_place();
    }
}
