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

/// What comes of the guards.
enum Entered {
    /// The body runs.
    Body,
    /// The call is refused.
    Refused,
    /// Another attempt follows, and the pause before it is over.
    Next,
}

impl Call<'_> {
    /// As [`attempt`](Self::attempt), for a sync body.
    // Compiled for each annotated function, as the body is: there is nothing to keep from poll to poll.
    #[inline]
    pub(crate) fn attempt_blocking<T, E>(
        &mut self,
        body: impl FnOnce() -> Result<T, E>,
        view: impl Fn(&mut E, u32) -> View<'_>,
        refuse: impl Fn(Refusal<'_>) -> E,
    ) -> ControlFlow<Result<T, E>> {
        match self.enter_blocking() {
            Entered::Body => {}
            Entered::Refused => return ControlFlow::Break(Err(refuse(self.refusal()))),
            Entered::Next => return ControlFlow::Continue(()),
        }
        match self.inside(body) {
            Ok(value) => {
                self.succeeded();
                ControlFlow::Break(Ok(value))
            }
            Err(mut error) => {
                // A `Classify` that panics is the body's panic too: the stage is still that of a body.
                let view = view(&mut error, self.bodies());
                match self.judge(&view) {
                    Verdict::Return => ControlFlow::Break(Err(error)),
                    Verdict::Retry(pause) => {
                        drop(error);
                        self.park_for(pause);
                        ControlFlow::Continue(())
                    }
                }
            }
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
    fn enter_blocking(&mut self) -> Entered {
        match self.starts_plainly() {
            Entry::Body => Entered::Body,
            entry => self.enter_guarded_blocking(entry),
        }
    }

    #[inline(never)]
    fn enter_guarded_blocking(&mut self, entry: Entry) -> Entered {
        let entry = match entry {
            Entry::Guarded => self.passes_at_once(),
            other => other,
        };
        if entry != Entry::Body {
            if self.refuses_at_once(entry) {
                return Entered::Refused;
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
        Entered::Body
    }

    /// The attempt is over, and so is the call, unless another attempt follows.
    fn over_blocking(&mut self, verdict: Verdict, rejection: Rejection) -> Entered {
        match verdict {
            Verdict::Return => {
                self.keep_refusal(rejection);
                Entered::Refused
            }
            Verdict::Retry(pause) => {
                self.park_for(pause);
                Entered::Next
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
