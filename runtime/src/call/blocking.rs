//! One attempt of a sync call. Pauses park the thread.

use std::ops::ControlFlow;
use std::task::Waker;

use super::attempt::{Refuse, no_retry};
use super::entry::Running;
use super::guards::Step;
use super::{Call, Progress, Verdict, View};
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
        let Some(entry) = self.entry() else {
            return self.progress().attempt_blocking(body, view, refuse);
        };
        let around = entry.around();
        let running = Running::new(entry);
        let result = around.inside(body);
        running.end();
        match result {
            Ok(value) => {
                entry.succeeded();
                ControlFlow::Break(Ok(value))
            }
            Err(error) => {
                let progress = self.progress.insert(Progress::entered(entry, around));
                progress.failed_blocking(error, view)
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

impl Progress<'_> {
    /// Any attempt but one that succeeds at once.
    #[inline(never)]
    fn attempt_blocking<T, E>(
        &mut self,
        body: impl FnOnce() -> Result<T, E>,
        view: impl Fn(&mut E, u32) -> View<'_>,
        refuse: Refuse<E>,
    ) -> ControlFlow<Result<T, E>> {
        self.begin();
        if let Err(rejection) = self.pass_guards_blocking() {
            let verdict = self.refused(&rejection);
            return pause_or(verdict, || Err(refuse(rejection)));
        }
        self.enter_body();
        self.running = true;
        self.spend_token();
        let result = match self.fault_blocking() {
            None => self.around.inside(body),
            Some(rejection) => Err(refuse(rejection)),
        };
        self.running = false;
        match result {
            Ok(value) => {
                self.succeeded();
                ControlFlow::Break(Ok(value))
            }
            Err(error) => self.failed_blocking(error, view),
        }
    }

    fn failed_blocking<T, E>(
        &mut self,
        mut error: E,
        view: impl Fn(&mut E, u32) -> View<'_>,
    ) -> ControlFlow<Result<T, E>> {
        let verdict = self.failed_with(&mut error, view);
        pause_or(verdict, || Err(error))
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
}

/// Parks the thread until the next attempt, or ends the call.
fn pause_or<T, E>(
    verdict: Verdict,
    result: impl FnOnce() -> Result<T, E>,
) -> ControlFlow<Result<T, E>> {
    match verdict {
        Verdict::Return => ControlFlow::Break(result()),
        Verdict::Retry(pause) => {
            std::thread::sleep(pause);
            ControlFlow::Continue(())
        }
    }
}
