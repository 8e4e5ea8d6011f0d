//! One attempt of a sync call. Pauses park the thread.

use std::ops::ControlFlow;
use std::task::Waker;
use std::time::Duration;

use super::attempt::{Refuse, no_retry, refused};
use super::guards::Passed;
use super::{Call, Stage, Verdict, View};
use crate::rejection::Rejection;
use crate::wait;

/// What comes of the way to the body.
enum Entered<E> {
    Body,
    /// The attempt is over, and so is the pause after it.
    Over,
    /// The call ends with this.
    Error(E),
}

impl Call<'_> {
    /// As [`attempt`](Self::attempt), for a sync body.
    #[inline]
    pub(crate) fn attempt_blocking<T, E>(
        &mut self,
        body: impl FnOnce() -> Result<T, E>,
        view: impl Fn(&mut E, u32) -> View<'_>,
        refuse: Refuse<E>,
    ) -> ControlFlow<Result<T, E>> {
        let entered = if self.enters_at_once() {
            Entered::Body
        } else {
            self.enter_blocking(refuse)
        };
        match entered {
            Entered::Body => {
                let result = match self.fault_blocking() {
                    None => self.inside(body),
                    Some(rejection) => Err(refused(refuse, rejection)),
                };
                match result {
                    Ok(value) => {
                        self.succeeded();
                        ControlFlow::Break(Ok(value))
                    }
                    Err(error) => match self.failed_blocking(error, view) {
                        Some(error) => ControlFlow::Break(Err(error)),
                        None => ControlFlow::Continue(()),
                    },
                }
            }
            Entered::Over => ControlFlow::Continue(()),
            Entered::Error(error) => ControlFlow::Break(Err(error)),
        }
    }

    /// As [`once`](Self::once), for a sync body.
    #[inline]
    pub(crate) fn once_blocking<T, E>(
        &mut self,
        body: impl FnOnce() -> Result<T, E>,
        view: impl Fn(&mut E, u32) -> View<'_>,
        refuse: Refuse<E>,
    ) -> Result<T, E> {
        match self.attempt_blocking(body, view, refuse) {
            ControlFlow::Break(result) => result,
            ControlFlow::Continue(()) => no_retry(),
        }
    }

    /// Begins the attempt and passes its guards, parking the thread where one makes it wait.
    #[inline(never)]
    fn enter_blocking<E>(&mut self, refuse: Refuse<E>) -> Entered<E> {
        self.begin();
        let Err(rejection) = self.pass_guards_blocking() else {
            self.enter_body();
            return Entered::Body;
        };
        match self.refused(&rejection) {
            Verdict::Return => Entered::Error(refused(refuse, rejection)),
            Verdict::Retry(pause) => {
                self.park_for(pause);
                Entered::Over
            }
        }
    }

    /// The body gave an error: it is the call's too, or another attempt follows, after a pause.
    #[inline(never)]
    fn failed_blocking<E>(
        &mut self,
        mut error: E,
        view: impl Fn(&mut E, u32) -> View<'_>,
    ) -> Option<E> {
        match self.verdict_on(&mut error, view) {
            Verdict::Return => Some(error),
            Verdict::Retry(pause) => {
                self.park_for(pause);
                None
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
    fn park_for(&mut self, pause: Duration) {
        self.stage = Stage::Next;
        wait::park_for(pause);
    }
}
