//! One attempt of an async call: its guards, its body, its limits, the pause after it.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::entry::Running;
use super::guards::Step;
use super::{Call, Progress, Verdict, View};
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

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        let (Stage::Begin, Some(entry)) = (*this.stage, this.call.entry()) else {
            return self.poll_progress(context);
        };
        let Some(body) = this.body.as_pin_mut() else {
            return Poll::Pending; // polled again after its end
        };
        let around = entry.around();
        let running = Running::new(entry);
        let polled = around.inside(|| body.poll(context));
        running.end();
        if let Poll::Ready(Ok(value)) = polled {
            entry.succeeded();
            return Poll::Ready(ControlFlow::Break(Ok(value)));
        }
        this.call.progress = Some(Progress::entered(entry, around));
        *this.stage = Stage::Body;
        self.after_body(polled, context)
    }
}

type Polled<T, E> = Poll<ControlFlow<Result<T, E>>>;

impl<F, V, T, E> Attempt<'_, '_, F, V, E>
where
    F: Future<Output = Result<T, E>>,
    V: Fn(&mut E, u32) -> View<'_>,
{
    /// Any attempt but one that succeeds at once.
    #[inline(never)]
    fn poll_progress(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled<T, E> {
        let mut this = self.as_mut().project();
        let progress = this.call.progress();
        if *this.stage == Stage::Begin {
            progress.begin();
            *this.stage = Stage::Guards;
        }
        while *this.stage == Stage::Guards {
            match progress.pass_guards(context.waker()) {
                Step::Body => {
                    progress.enter_body();
                    *this.stage = Stage::Body;
                }
                Step::Wait(at) => ready!(progress.poll_wait(at, context)),
                Step::Refused(rejection) => match progress.refused(&rejection) {
                    Verdict::Return => {
                        return Poll::Ready(ControlFlow::Break(Err((this.refuse)(rejection))));
                    }
                    retry @ Verdict::Retry(_) => {
                        this.body.set(None);
                        progress.start_pause(retry);
                        *this.stage = Stage::Pause;
                    }
                },
            }
        }
        if *this.stage == Stage::Pause {
            return progress.poll_pause(context).map(ControlFlow::Continue);
        }
        let Some(body) = this.body.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        progress.running = true;
        progress.spend_token();
        let polled = match progress.poll_fault(context) {
            None => progress.around.inside(|| body.poll(context)),
            Some(Poll::Pending) => Poll::Pending,
            Some(Poll::Ready(rejection)) => Poll::Ready(Err((this.refuse)(rejection))),
        };
        self.after_body(polled, context)
    }

    /// The body was polled: its value, its error, or its limits.
    fn after_body(
        self: Pin<&mut Self>,
        polled: Poll<Result<T, E>>,
        context: &mut Context<'_>,
    ) -> Polled<T, E> {
        let mut this = self.project();
        let progress = this.call.progress();
        let verdict = match polled {
            Poll::Ready(Ok(value)) => {
                progress.running = false;
                progress.succeeded();
                return Poll::Ready(ControlFlow::Break(Ok(value)));
            }
            Poll::Ready(Err(mut error)) => match progress.failed_with(&mut error, &*this.view) {
                Verdict::Return => return Poll::Ready(ControlFlow::Break(Err(error))),
                retry @ Verdict::Retry(_) => retry,
            },
            Poll::Pending => {
                progress.running = false;
                let rejection = ready!(progress.poll_limits(context));
                this.body.set(None);
                match progress.cut(&rejection) {
                    Verdict::Return => {
                        return Poll::Ready(ControlFlow::Break(Err((this.refuse)(rejection))));
                    }
                    retry @ Verdict::Retry(_) => retry,
                }
            }
        };
        this.body.set(None);
        progress.start_pause(verdict);
        *this.stage = Stage::Pause;
        progress.poll_pause(context).map(ControlFlow::Continue)
    }
}

impl Progress<'_> {
    pub(super) fn failed_with<E>(
        &mut self,
        error: &mut E,
        view: impl Fn(&mut E, u32) -> View<'_>,
    ) -> Verdict {
        // A `Classify` that panics is the body's panic too.
        self.running = true;
        let view = self.seen(view(error, self.ran()));
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
