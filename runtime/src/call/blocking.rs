//! One attempt of a sync call. Pauses park the thread.
#![allow(unsafe_code)]

use std::mem;
use std::ops::ControlFlow;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::at_once::Entry;
use super::body::{End, Given, Refuse};
use super::guards::Passed;
use super::{Call, Look, Stage, Verdict};
use crate::rejection::Rejection;
use crate::scoped::{self, Outer};
use crate::wait;

impl Call<'_> {
    /// As [`Attempt`](super::Attempt), for a sync body.
    // Compiled for each annotated function, as the body is: there is nothing to keep from poll to poll.
    #[inline]
    pub(crate) fn attempt_blocking<T, E>(
        &mut self,
        body: impl FnOnce() -> Result<T, E>,
        look: impl Look<E>,
        refuse: impl Refuse<E>,
    ) -> ControlFlow<Result<T, E>> {
        let mut given = Given::new(look, refuse);
        if let Some(outer) = self.enter_blocking(&mut given) {
            let result = body();
            let is_ok = result.is_ok();
            mem::forget(mem::replace(&mut given.result, Poll::Ready(result))); // it was pending
            if is_ok {
                self.succeeded_inside(outer);
            } else {
                self.failed_inside(outer, &mut given);
            }
        }
        match given.result {
            Poll::Ready(result) => ControlFlow::Break(result),
            Poll::Pending => ControlFlow::Continue(()),
        }
    }

    /// Begins the attempt and passes its guards, parking the thread where one makes it wait: inside the
    /// call, where the body comes next; else the attempt is over.
    #[inline(never)]
    fn enter_blocking(&mut self, end: &mut dyn End) -> Option<Outer> {
        let entry = self.starts_plainly();
        let enters = entry == Entry::Body || self.enters_guarded_blocking(entry, end);
        // SAFETY: `attempt_blocking` is the only one that gets it, holds the call by its reference until
        // it has left, and leaves before it does anything else with the call.
        enters.then(|| unsafe { scoped::enter(&self.around) })
    }

    #[inline(never)]
    fn succeeded_inside(&mut self, outer: Outer) {
        outer.leave();
        self.succeeded();
    }

    #[inline(never)]
    fn failed_inside(&mut self, outer: Outer, end: &mut dyn End) {
        outer.leave();
        if let Verdict::Retry(pause) = self.verdict_on(end) {
            self.park_for(pause);
        }
    }

    #[inline(never)]
    fn enters_guarded_blocking(&mut self, entry: Entry, end: &mut dyn End) -> bool {
        let entry = match entry {
            Entry::Guarded => self.passes_at_once(),
            other => other,
        };
        if entry != Entry::Body {
            if self.refuses_at_once(entry) {
                end.refuse(self);
                return false;
            }
            self.begin();
            if let Err(rejection) = self.pass_guards_blocking() {
                let verdict = self.refused(&rejection);
                self.over_blocking(verdict, rejection, end);
                return false;
            }
            self.enter_body();
        }
        if let Some(rejection) = self.fault_blocking() {
            let verdict = self.verdict_on_injected(&rejection);
            self.over_blocking(verdict, rejection, end);
            return false;
        }
        true
    }

    /// The attempt is over, and so is the call, unless another attempt follows.
    fn over_blocking(&mut self, verdict: Verdict, rejection: Rejection, end: &mut dyn End) {
        match verdict {
            Verdict::Return => {
                self.keep_refusal(rejection);
                end.refuse(self);
            }
            Verdict::Retry(pause) => self.park_for(pause),
        }
    }

    fn pass_guards_blocking(&mut self) -> Result<(), Rejection> {
        match self.pass_guards(Waker::noop()) {
            Passed::All => Ok(()),
            Passed::Refused(rejection) => Err(rejection),
            Passed::Wait(_) => self.park_for_guards(),
        }
    }

    #[cold]
    fn park_for_guards(&mut self) -> Result<(), Rejection> {
        let waker = wait::unpark_me();
        loop {
            match self.pass_guards(&waker) {
                Passed::All => return Ok(()),
                Passed::Refused(rejection) => return Err(rejection),
                Passed::Wait(at) => wait::park_until(at),
            }
        }
    }

    /// Parks the thread until the next attempt.
    #[inline(never)]
    fn park_for(&mut self, pause: Duration) {
        self.stage = Stage::Next;
        wait::park_for(pause);
    }
}
