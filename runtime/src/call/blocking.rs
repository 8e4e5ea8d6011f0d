//! One attempt of a sync call. Pauses park the thread.

use std::ops::ControlFlow;
use std::task::Waker;

use super::attempt::{Refuse, no_retry};
use super::guards::Step;
use super::{Call, Verdict, View};
use crate::rejection::Rejection;
use crate::wait;

impl Call<'_> {
    /// As [`attempt`](Self::attempt), for a sync body.
    #[inline]
    pub(crate) fn attempt_blocking<T, E>(
        &mut self,
        body: impl FnOnce() -> Result<T, E>,
        view: impl Fn(&mut E, u32) -> View<'_>,
        refuse: Refuse<E>,
    ) -> ControlFlow<Result<T, E>> {
        self.begin();
        let verdict = match self.pass_guards_blocking() {
            Err(rejection) => match self.refused(&rejection) {
                Verdict::Return => return ControlFlow::Break(Err(refuse(rejection))),
                retry @ Verdict::Retry(_) => retry,
            },
            Ok(()) => {
                self.enter_body();
                self.running = true;
                self.spend_token();
                let result = match self.fault_blocking() {
                    None => self.around.inside(body),
                    Some(rejection) => Err(refuse(rejection)),
                };
                match result {
                    Ok(value) => {
                        self.running = false;
                        self.succeeded();
                        return ControlFlow::Break(Ok(value));
                    }
                    Err(mut error) => match self.failed_with(&mut error, view) {
                        Verdict::Return => return ControlFlow::Break(Err(error)),
                        retry @ Verdict::Retry(_) => retry,
                    },
                }
            }
        };
        if let Verdict::Retry(pause) = verdict {
            std::thread::sleep(pause);
        }
        ControlFlow::Continue(())
    }

    /// Passes the guards, parking the thread where one makes it wait.
    #[inline]
    fn pass_guards_blocking(&mut self) -> Result<(), Rejection> {
        match self.pass_guards(Waker::noop()) {
            Step::Body => Ok(()),
            Step::Refused(rejection) => Err(rejection),
            Step::Wait(_) => self.park_for_guards(),
        }
    }

    #[cold]
    fn park_for_guards(&mut self) -> Result<(), Rejection> {
        let waker = wait::unpark_me();
        loop {
            match self.pass_guards(&waker) {
                Step::Body => return Ok(()),
                Step::Refused(rejection) => return Err(rejection),
                Step::Wait(at) => wait::park_until(at),
            }
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
}
