//! One attempt of a sync call. Pauses park the thread.

use std::ops::ControlFlow;
use std::task::Waker;
use std::time::Duration;

use super::attempt::{Refuse, no_retry, refused};
use super::guards::Step;
use super::{Call, Verdict, View};
use crate::rejection::Rejection;
use crate::wait;

/// What comes of the guards.
enum Enter {
    Body,
    Refused(Rejection),
    /// The attempt was refused, and another follows.
    Again,
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
        if !self.enters_at_once() {
            match self.enter_blocking() {
                Enter::Body => {}
                Enter::Refused(rejection) => {
                    return ControlFlow::Break(Err(refused(refuse, rejection)));
                }
                Enter::Again => return ControlFlow::Continue(()),
            }
        }
        let result = match self.fault_blocking() {
            None => self.inside(body),
            Some(rejection) => Err(refused(refuse, rejection)),
        };
        match result {
            Ok(value) => {
                self.succeeded();
                ControlFlow::Break(Ok(value))
            }
            Err(mut error) => match self.failed(&mut error, view) {
                Verdict::Return => ControlFlow::Break(Err(error)),
                Verdict::Retry(pause) => {
                    self.park_for(pause);
                    ControlFlow::Continue(())
                }
            },
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
    fn enter_blocking(&mut self) -> Enter {
        self.begin();
        let step = match self.pass_guards(Waker::noop()) {
            Step::Wait(_) => self.park_for_guards(),
            step => step,
        };
        let Step::Refused(rejection) = step else {
            self.enter_body();
            return Enter::Body;
        };
        match self.refused(&rejection) {
            Verdict::Return => Enter::Refused(rejection),
            Verdict::Retry(pause) => {
                self.park_for(pause);
                Enter::Again
            }
        }
    }

    #[cold]
    fn park_for_guards(&mut self) -> Step {
        let waker = wait::unpark_me();
        loop {
            match self.pass_guards(&waker) {
                Step::Wait(at) => wait::park_until(at),
                step => return step,
            }
        }
    }

    /// Parks the thread until the next attempt.
    #[cold]
    fn park_for(&mut self, pause: Duration) {
        self.stage = super::Stage::Next;
        std::thread::sleep(pause);
    }
}
