//! One attempt of a sync call. Pauses park the thread.

use std::ops::ControlFlow;

use super::attempt::no_retry;
use super::{Call, Verdict, View};
use crate::rejection::Rejection;

impl Call {
    /// As [`attempt`](Self::attempt), for a sync body.
    #[inline]
    pub fn attempt_blocking<T, E: From<Rejection>>(
        &mut self,
        body: impl FnOnce() -> Result<T, E>,
        view: impl Fn(&mut E, u32) -> View<'_>,
    ) -> ControlFlow<Result<T, E>> {
        let verdict = match self.begin() {
            Err(rejection) => match self.refused(&rejection) {
                Verdict::Return => return ControlFlow::Break(Err(rejection.into())),
                retry @ Verdict::Retry(_) => retry,
            },
            Ok(()) => {
                self.running = true;
                let result = match self.fault_blocking() {
                    None => body(),
                    Some(rejection) => Err(rejection.into()),
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
    #[allow(clippy::missing_errors_doc)] // the body's own
    pub fn once_blocking<T, E: From<Rejection>>(
        &mut self,
        body: impl FnOnce() -> Result<T, E>,
        view: impl Fn(&mut E, u32) -> View<'_>,
    ) -> Result<T, E> {
        match self.attempt_blocking(body, view) {
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
