//! One attempt of a sync call. Pauses park the thread.

use std::ops::ControlFlow;
use std::task::Waker;
use std::time::Duration;

use super::at_once::{Entry, Refusal};
use super::attempt::no_retry;
use super::guards::Passed;
use super::{Call, Stage, Verdict, View};
use crate::rejection::Rejection;
use crate::wait;

/// Where the call is.
enum At<E> {
    Body,
    /// At the end of an attempt, and so is the pause after it.
    Next,
    /// At its end, with this.
    Error(E),
}

impl Call<'_> {
    /// As [`attempt`](Self::attempt), for a sync body.
    #[inline]
    pub(crate) fn attempt_blocking<T, E>(
        &mut self,
        body: impl FnOnce() -> Result<T, E>,
        view: impl Fn(&mut E, u32) -> View<'_>,
        refuse: impl Fn(Refusal<'_>) -> E,
    ) -> ControlFlow<Result<T, E>> {
        let mut at = match self.enters_at_once() {
            Entry::Body => At::Body,
            entry => self.enter_blocking(entry, &refuse),
        };
        if let At::Body = at {
            let result = match self.fault_blocking() {
                None => self.inside(body),
                Some(rejection) => Err(refuse(Refusal::Made(rejection))),
            };
            match result {
                Ok(value) => {
                    self.succeeded();
                    return ControlFlow::Break(Ok(value));
                }
                Err(mut error) => {
                    at = match self.verdict_on(&mut error, view) {
                        Verdict::Return => At::Error(error),
                        Verdict::Retry(pause) => self.park_for(pause),
                    }
                }
            }
        }
        match at {
            At::Error(error) => ControlFlow::Break(Err(error)),
            At::Body | At::Next => ControlFlow::Continue(()),
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

    /// Begins the attempt and passes its guards, parking the thread where one makes it wait.
    #[inline(never)]
    fn enter_blocking<E>(&mut self, entry: Entry, refuse: impl Fn(Refusal<'_>) -> E) -> At<E> {
        match self.refuses_at_once(entry) {
            Some(refusal) => At::Error(refuse(refusal)),
            None => self.enter_blocking_the_long_way(refuse),
        }
    }

    #[inline(never)]
    fn enter_blocking_the_long_way<E>(&mut self, refuse: impl Fn(Refusal<'_>) -> E) -> At<E> {
        self.begin();
        let Err(rejection) = self.pass_guards_blocking() else {
            self.enter_body();
            return At::Body;
        };
        match self.refused(&rejection) {
            Verdict::Return => At::Error(refuse(Refusal::Made(rejection))),
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
    fn park_for<E>(&mut self, pause: Duration) -> At<E> {
        self.stage = Stage::Next;
        wait::park_for(pause);
        At::Next
    }
}
