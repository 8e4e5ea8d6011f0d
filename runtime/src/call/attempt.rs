//! One attempt of an async call: its guards, its body, its limits, the pause after it.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

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
    }
}

/// Makes the function's own error of a rejection. A pointer, not a bound: a bound here would
/// repeat the compiler's complaint about an error type that takes none.
///
/// It leaves the error where it is told to: were it returned, the place for what it returns would be
/// that of the call's result too, and each result of each call would be copied through memory.
pub(crate) type Refuse<E> = fn(Rejection, &mut Option<E>);

/// The function's own error.
#[inline]
pub(super) fn refused<E>(refuse: Refuse<E>, rejection: Rejection) -> E {
    let mut error = None;
    refuse(rejection, &mut error);
    match error {
        Some(error) => error,
        None => unreachable!("a rejection becomes an error"),
    }
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

    // Compiled for each annotated function: what does not depend on the body is called, not
    // written here, and the body stands here once.
    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let call = &mut **this.call;
        let entered = if call.enters_at_once() {
            Entered::Body
        } else {
            call.enter(*this.refuse, context)
        };
        let stop = match entered {
            Entered::Body => {
                let Some(body) = this.body.as_mut().as_pin_mut() else {
                    return Poll::Pending; // polled again after its end
                };
                let polled = match call.poll_fault(context) {
                    None => call.inside(|| body.poll(context)),
                    Some(injected) => injected.map(|it| Err(refused(*this.refuse, it))),
                };
                match polled {
                    Poll::Ready(Ok(value)) => {
                        call.succeeded();
                        return Poll::Ready(ControlFlow::Break(Ok(value)));
                    }
                    Poll::Ready(Err(error)) => call.failed(error, &*this.view, context),
                    Poll::Pending => {
                        let rejection = ready!(call.poll_limits(context));
                        this.body.set(None);
                        call.cut(rejection, *this.refuse, context)
                    }
                }
            }
            Entered::Again(pause) => {
                this.body.set(None);
                call.pause(pause, context)
            }
            Entered::Stop(stop) => stop,
        };
        match stop {
            Stop::Pending => Poll::Pending,
            Stop::Over => Poll::Ready(ControlFlow::Continue(())),
            Stop::Error(error) => Poll::Ready(ControlFlow::Break(Err(error))),
        }
    }
}

/// What comes of the way to the body.
pub(super) enum Entered<E> {
    Body,
    /// The attempt was refused, and another follows after this pause.
    Again(Duration),
    Stop(Stop<E>),
}

/// Where an attempt is that did not come to a value.
pub(super) enum Stop<E> {
    Pending,
    /// It is over, and so is the pause after it.
    Over,
    /// The call ends with this.
    Error(E),
}

// Compiled for each type of error.
impl Call<'_> {
    /// Goes on towards the body.
    #[inline(never)]
    fn enter<E>(&mut self, refuse: Refuse<E>, context: &mut Context<'_>) -> Entered<E> {
        match self.go_on(context) {
            Step::Body => Entered::Body,
            Step::Refused(rejection) => match self.refused(&rejection) {
                Verdict::Return => Entered::Stop(Stop::Error(refused(refuse, rejection))),
                Verdict::Retry(pause) => Entered::Again(pause),
            },
            Step::Wait => Entered::Stop(Stop::Pending),
            Step::Over => Entered::Stop(Stop::Over),
        }
    }

    /// The body gave an error.
    #[inline(never)]
    fn failed<E>(
        &mut self,
        mut error: E,
        view: impl Fn(&mut E, u32) -> View<'_>,
        context: &mut Context<'_>,
    ) -> Stop<E> {
        match self.verdict_on(&mut error, view) {
            Verdict::Return => Stop::Error(error),
            Verdict::Retry(pause) => self.pause(pause, context),
        }
    }

    /// A limit cut the body, which is gone already.
    #[inline(never)]
    fn cut<E>(
        &mut self,
        rejection: Rejection,
        refuse: Refuse<E>,
        context: &mut Context<'_>,
    ) -> Stop<E> {
        match self.verdict_on_cut(&rejection) {
            Verdict::Return => Stop::Error(refused(refuse, rejection)),
            Verdict::Retry(pause) => self.pause(pause, context),
        }
    }

    /// Begins the pause before the next attempt.
    fn pause<E>(&mut self, pause: Duration, context: &mut Context<'_>) -> Stop<E> {
        match self.start_pause(pause, context) {
            Poll::Ready(()) => Stop::Over,
            Poll::Pending => Stop::Pending,
        }
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

    #[inline]
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
