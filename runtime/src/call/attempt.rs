//! One attempt of an async call: its guards, its body, its limits, the pause after it.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::guards::Step;
use super::{Call, Verdict, View};
use crate::rejection::Rejection;

pin_project! {
    /// The future of [`Call::attempt`].
    #[doc(hidden)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Attempt<'c, 'p, F, V, E> {
        call: &'c mut Call<'p>,
        #[pin]
        body: Option<F>,
        view: V,
        refuse: Refuse<E>,
        stage: Stage,
    }
}

/// Makes the function's own error of a rejection. A pointer, not a bound: a bound here would
/// repeat the compiler's complaint about an error type that takes none.
pub(crate) type Refuse<E> = fn(Rejection) -> E;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Begin,
    Guards,
    Body,
    Pause,
}

impl<'p> Call<'p> {
    /// Runs one attempt: `Break` with the call's result, `Continue` where another follows, its
    /// pause over.
    #[inline]
    pub(crate) fn attempt<F, V, T, E>(
        &mut self,
        body: F,
        view: V,
        refuse: Refuse<E>,
    ) -> Attempt<'_, 'p, F, V, E>
    where
        F: Future<Output = Result<T, E>>,
        V: Fn(&mut E, u32) -> View<'_>,
    {
        Attempt {
            call: self,
            body: Some(body),
            view,
            refuse,
            stage: Stage::Begin,
        }
    }

    /// Runs the only attempt of a call without retry.
    #[inline]
    pub(crate) fn once<F, V, T, E>(
        &mut self,
        body: F,
        view: V,
        refuse: Refuse<E>,
    ) -> Once<'_, 'p, F, V, E>
    where
        F: Future<Output = Result<T, E>>,
        V: Fn(&mut E, u32) -> View<'_>,
    {
        Once {
            attempt: self.attempt(body, view, refuse),
        }
    }
}

impl<F, V, T, E> Future for Attempt<'_, '_, F, V, E>
where
    F: Future<Output = Result<T, E>>,
    V: Fn(&mut E, u32) -> View<'_>,
{
    type Output = ControlFlow<Result<T, E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let call = &mut **this.call;
        if *this.stage == Stage::Begin {
            call.begin();
            *this.stage = Stage::Guards;
        }
        while *this.stage == Stage::Guards {
            match call.pass_guards(context.waker()) {
                Step::Body => {
                    call.enter_body();
                    *this.stage = Stage::Body;
                }
                Step::Wait(at) => ready!(call.poll_wait(at, context)),
                Step::Refused(rejection) => match call.refused(&rejection) {
                    Verdict::Return => {
                        return Poll::Ready(ControlFlow::Break(Err((this.refuse)(rejection))));
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
            call.spend_token();
            let polled = match call.poll_fault(context) {
                None => call.around.inside(|| body.poll(context)),
                Some(Poll::Pending) => Poll::Pending,
                Some(Poll::Ready(rejection)) => Poll::Ready(Err((this.refuse)(rejection))),
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
                            return Poll::Ready(ControlFlow::Break(Err((this.refuse)(rejection))));
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

impl Call<'_> {
    pub(super) fn failed_with<E>(
        &mut self,
        error: &mut E,
        view: impl Fn(&mut E, u32) -> View<'_>,
    ) -> Verdict {
        let view = self.seen(view(error, self.ran()));
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
    pub struct Once<'c, 'p, F, V, E> {
        #[pin]
        attempt: Attempt<'c, 'p, F, V, E>,
    }
}

impl<F, V, T, E> Future for Once<'_, '_, F, V, E>
where
    F: Future<Output = Result<T, E>>,
    V: Fn(&mut E, u32) -> View<'_>,
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
