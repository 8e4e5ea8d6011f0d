//! One attempt of a sync call. Pauses park the thread.

use std::ops::ControlFlow;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::at_once::{Entry, Refusal};
use super::attempt::no_retry;
use super::body::{self, Called, Run};
use super::guards::Passed;
use super::{Call, Stage, Verdict, View};
use crate::rejection::Rejection;
use crate::wait;

impl Call<'_> {
    /// As [`attempt`](Self::attempt), for a sync body.
    #[inline]
    pub(crate) fn attempt_blocking<T, E>(
        &mut self,
        body: impl FnOnce() -> Result<T, E>,
        view: impl Fn(&mut E, u32) -> View<'_>,
        refuse: impl Fn(Refusal<'_>) -> E,
    ) -> ControlFlow<Result<T, E>> {
        let mut outcome = Poll::Pending;
        let mut run = Run {
            body: Some(body),
            outcome: &mut outcome,
            view,
        };
        if self.run_blocking(&mut run) {
            body::refuse(self, refuse, &mut outcome);
        }
        match outcome {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => ControlFlow::Continue(()), // by a guard, and parked already
        }
    }

    /// As [`once`](Self::once), for a sync body.
    #[inline]
    pub(crate) fn once_blocking<T, E>(
        &mut self,
        body: impl FnOnce() -> Result<T, E>,
        view: impl Fn(&mut E, u32) -> View<'_>,
        refuse: impl Fn(Refusal<'_>) -> E,
    ) -> Result<T, E> {
        match self.attempt_blocking(body, view, refuse) {
            ControlFlow::Break(result) => result,
            ControlFlow::Continue(()) => no_retry(),
        }
    }

    /// As [`run`](Self::run), for a sync body.
    #[inline(never)]
    fn run_blocking(&mut self, body: &mut dyn Called) -> bool {
        match self.starts_plainly() {
            Entry::Body => {}
            entry => return self.run_guarded_blocking(entry, body),
        }
        if self.inside_only(|| body.call()) {
            self.succeeded_plainly();
        } else {
            self.failed_blocking(body);
        }
        false
    }

    #[inline(never)]
    fn run_guarded_blocking(&mut self, entry: Entry, body: &mut dyn Called) -> bool {
        let entry = match entry {
            Entry::Guarded => self.passes_at_once(),
            other => other,
        };
        if entry != Entry::Body {
            if self.refuses_at_once(entry) {
                return true;
            }
            self.begin();
            if let Err(rejection) = self.pass_guards_blocking() {
                let verdict = self.refused(&rejection);
                return self.over_blocking(verdict, rejection);
            }
            self.enter_body();
        }
        if let Some(rejection) = self.fault_blocking() {
            let verdict = self.verdict_on_injected(&rejection);
            return self.over_blocking(verdict, rejection);
        }
        if self.inside(|| body.call()) {
            self.succeeded();
        } else {
            self.failed_blocking(body);
        }
        false
    }

    /// The body gave an error.
    #[inline(never)]
    fn failed_blocking(&mut self, body: &mut dyn Called) {
        if let Verdict::Retry(pause) = self.verdict_on(body) {
            body.forget();
            self.park_for(pause);
        }
    }

    /// As [`over`](Self::over).
    fn over_blocking(&mut self, verdict: Verdict, rejection: Rejection) -> bool {
        match verdict {
            Verdict::Return => self.is_refused_with(rejection),
            Verdict::Retry(pause) => {
                self.park_for(pause);
                false
            }
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
