//! One attempt of a sync call. Pauses park the thread.

use std::ops::ControlFlow;

use super::attempt::{Refuse, no_retry};
use super::{Call, Verdict, View};

impl Call {
    /// As [`attempt`](Self::attempt), for a sync body.
    #[inline]
    pub(crate) fn attempt_blocking<T, E>(
        &mut self,
        body: impl FnOnce() -> Result<T, E>,
        view: impl Fn(&mut E, u32) -> View<'_>,
        refuse: Refuse<E>,
    ) -> ControlFlow<Result<T, E>> {
        let verdict = match self.begin() {
            Err(rejection) => match self.refused(&rejection) {
                Verdict::Return => return ControlFlow::Break(Err(refuse(rejection))),
                retry @ Verdict::Retry(_) => retry,
            },
            Ok(()) => {
                self.running = true;
                let result = match self.fault_blocking() {
                    None => body(),
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
        park(verdict);
        ControlFlow::Continue(())
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

fn park(verdict: Verdict) {
    if let Verdict::Retry(pause) = verdict {
        std::thread::sleep(pause);
    }
}
