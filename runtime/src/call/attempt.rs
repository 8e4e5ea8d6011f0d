//! One attempt of an async call: its guards, its body, its limits, the pause after it.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{Call, Verdict, View};
use crate::rejection::Rejection;

pin_project! {
    /// The future of [`Call::attempt`].
    #[doc(hidden)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Attempt<'c, F, V> {
        call: &'c mut Call,
        #[pin]
        body: Option<F>,
        view: V,
        stage: Stage,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Guards,
    Body,
    Pause,
}

impl Call {
    /// Runs one attempt: `Break` with the call's result, `Continue` where another follows, its
    /// pause over.
    #[inline]
    pub fn attempt<F, V, T, E>(&mut self, body: F, view: V) -> Attempt<'_, F, V>
    where
        F: Future<Output = Result<T, E>>,
        V: Fn(&mut E, u32) -> View<'_>,
        E: From<Rejection>,
    {
        Attempt {
            call: self,
            body: Some(body),
            view,
            stage: Stage::Guards,
        }
    }

    /// Runs the only attempt of a call without retry.
    #[inline]
    pub fn once<F, V, T, E>(&mut self, body: F, view: V) -> Once<'_, F, V>
    where
        F: Future<Output = Result<T, E>>,
        V: Fn(&mut E, u32) -> View<'_>,
        E: From<Rejection>,
    {
        Once {
            attempt: self.attempt(body, view),
        }
    }
}

impl<F, V, T, E> Future for Attempt<'_, F, V>
where
    F: Future<Output = Result<T, E>>,
    V: Fn(&mut E, u32) -> View<'_>,
    E: From<Rejection>,
{
    type Output = ControlFlow<Result<T, E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let call = &mut **this.call;
        if *this.stage == Stage::Guards {
            match call.begin() {
                Ok(()) => *this.stage = Stage::Body,
                Err(rejection) => match call.refused(&rejection) {
                    Verdict::Return => {
                        return Poll::Ready(ControlFlow::Break(Err(rejection.into())));
                    }
                    retry @ Verdict::Retry(_) => {
                        this.body.set(None);
                        call.start_pause(retry);
                        *this.stage = Stage::Pause;
                    }
                },
            }
        }
        if *this.stage == Stage::Body {
            let Some(body) = this.body.as_mut().as_pin_mut() else {
                return Poll::Pending;
            };
            call.running = true;
            let polled = match call.poll_fault(context) {
                None => body.poll(context),
                Some(Poll::Pending) => Poll::Pending,
                Some(Poll::Ready(rejection)) => Poll::Ready(Err(rejection.into())),
            };
            let verdict = match polled {
                Poll::Ready(Ok(value)) => {
                    call.running = false;
                    call.succeeded();
                    return Poll::Ready(ControlFlow::Break(Ok(value)));
                }
                Poll::Ready(Err(mut error)) => match call.failed_with(&mut error, &*this.view) {
                    Verdict::Return => return Poll::Ready(ControlFlow::Break(Err(error))),
                    retry @ Verdict::Retry(_) => retry,
                },
                Poll::Pending => {
                    call.running = false;
                    let rejection = ready!(call.poll_limits(context));
                    this.body.set(None);
                    match call.cut(&rejection) {
                        Verdict::Return => {
                            return Poll::Ready(ControlFlow::Break(Err(rejection.into())));
                        }
                        retry @ Verdict::Retry(_) => retry,
                    }
                }
            };
            this.body.set(None);
            call.start_pause(verdict);
            *this.stage = Stage::Pause;
        }
        ready!(call.poll_pause(context));
        Poll::Ready(ControlFlow::Continue(()))
    }
}

impl Call {
    pub(super) fn failed_with<E>(
        &mut self,
        error: &mut E,
        view: impl Fn(&mut E, u32) -> View<'_>,
    ) -> Verdict {
        let view = self.seen(view(error, self.attempts - self.refused));
        // A `Classify` that panics is the body's panic too.
        self.running = false;
        self.disarm();
        self.failed(&view)
    }
}

pin_project! {
    /// The future of [`Call::once`].
    #[doc(hidden)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Once<'c, F, V> {
        #[pin]
        attempt: Attempt<'c, F, V>,
    }
}

impl<F, V, T, E> Future for Once<'_, F, V>
where
    F: Future<Output = Result<T, E>>,
    V: Fn(&mut E, u32) -> View<'_>,
    E: From<Rejection>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match ready!(self.project().attempt.poll(context)) {
            ControlFlow::Break(result) => Poll::Ready(result),
            ControlFlow::Continue(()) => no_retry(),
        }
    }
}

#[cold]
pub(super) fn no_retry() -> ! {
    unreachable!("a call without retry ends with its first attempt")
}
