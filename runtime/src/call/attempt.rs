//! One attempt of an async call: its guards, its body, its limits, the pause after it.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::at_once::{Entry, Refusal};
use super::guards::Step;
use super::{Call, Verdict, View};

pin_project! {
    /// The future of [`Call::attempt`].
    #[doc(hidden)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Attempt<'c, 'p, F, V, R> {
        call: &'c mut Call<'p>,
        #[pin]
        body: Option<F>,
        view: V,
        refuse: R,
    }
}

impl<'p> Call<'p> {
    /// Runs one attempt: `Break` with the call's result, `Continue` where another follows, its
    /// pause over.
    #[inline]
    pub(crate) fn attempt<F, V, R, T, E>(
        &mut self,
        body: F,
        view: V,
        refuse: R,
    ) -> Attempt<'_, 'p, F, V, R>
    where
        F: Future<Output = Result<T, E>>,
        V: Fn(&mut E, u32) -> View<'_>,
        R: Fn(Refusal<'_>) -> E,
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
    pub(crate) fn once<F, V, R, T, E>(
        &mut self,
        body: F,
        view: V,
        refuse: R,
    ) -> Once<'_, 'p, F, V, R>
    where
        F: Future<Output = Result<T, E>>,
        V: Fn(&mut E, u32) -> View<'_>,
        R: Fn(Refusal<'_>) -> E,
    {
        Once {
            attempt: self.attempt(body, view, refuse),
        }
    }
}

impl<F, V, R, T, E> Future for Attempt<'_, '_, F, V, R>
where
    F: Future<Output = Result<T, E>>,
    V: Fn(&mut E, u32) -> View<'_>,
    R: Fn(Refusal<'_>) -> E,
{
    type Output = ControlFlow<Result<T, E>>;

    // Compiled for each annotated function: what does not depend on the body is called, not
    // written here, and the body is polled in one place and dropped in one.
    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let call = &mut **this.call;
        let mut at = match call.enters_at_once() {
            Entry::Body => At::Body,
            entry => call.enter(entry, &*this.refuse, context),
        };
        if let At::Body = at {
            let Some(body) = this.body.as_mut().as_pin_mut() else {
                return Poll::Pending; // polled again after its end
            };
            let polled = match call.poll_fault(context) {
                None => call.inside(|| body.poll(context)),
                Some(injected) => injected.map(|it| Err((this.refuse)(Refusal::Made(it)))),
            };
            at = match polled {
                Poll::Ready(Ok(value)) => {
                    call.succeeded();
                    return Poll::Ready(ControlFlow::Break(Ok(value)));
                }
                Poll::Ready(Err(error)) => At::Error(error),
                Poll::Pending => {
                    if !call.is_cut(context) {
                        return Poll::Pending;
                    }
                    At::Body
                }
            };
            this.body.set(None);
            call.leave(&mut at, &*this.view, &*this.refuse, context);
        }
        match at {
            At::Error(error) => Poll::Ready(ControlFlow::Break(Err(error))),
            At::Next => Poll::Ready(ControlFlow::Continue(())),
            At::Body | At::Wait => Poll::Pending,
        }
    }
}

/// Where an attempt is.
pub(super) enum At<E> {
    /// At its body.
    Body,
    /// At its end, and so is the pause after it.
    Next,
    /// Something is waited for.
    Wait,
    /// At the call's end, with this.
    Error(E),
}

// Compiled for each type of error.
impl Call<'_> {
    /// Goes on towards the body, where the short way does not lead there.
    #[inline(never)]
    fn enter<E>(
        &mut self,
        entry: Entry,
        refuse: impl Fn(Refusal<'_>) -> E,
        context: &mut Context<'_>,
    ) -> At<E> {
        match self.refuses_at_once(entry) {
            Some(refusal) => At::Error(refuse(refusal)),
            None => self.enter_the_long_way(refuse, context),
        }
    }

    #[inline(never)]
    fn enter_the_long_way<E>(
        &mut self,
        refuse: impl Fn(Refusal<'_>) -> E,
        context: &mut Context<'_>,
    ) -> At<E> {
        match self.go_on(context) {
            Step::Body => At::Body,
            Step::Refused(rejection) => match self.refused(&rejection) {
                Verdict::Return => At::Error(refuse(Refusal::Made(rejection))),
                Verdict::Retry(pause) => self.pause(pause, context),
            },
            Step::Wait => At::Wait,
            Step::Over => At::Next,
        }
    }

    /// The body is over and gone: it gave an error, or a limit cut it.
    #[inline(never)]
    fn leave<E>(
        &mut self,
        at: &mut At<E>,
        view: impl Fn(&mut E, u32) -> View<'_>,
        refuse: impl Fn(Refusal<'_>) -> E,
        context: &mut Context<'_>,
    ) {
        let verdict = if let At::Error(error) = at {
            self.verdict_on(error, view)
        } else {
            let rejection = self.cut_by();
            let verdict = self.verdict_on_cut(&rejection);
            *at = At::Error(refuse(Refusal::Made(rejection)));
            verdict
        };
        if let Verdict::Retry(pause) = verdict {
            *at = self.pause(pause, context);
        }
    }

    /// Begins the pause before the next attempt.
    fn pause<E>(&mut self, pause: Duration, context: &mut Context<'_>) -> At<E> {
        match self.start_pause(pause, context) {
            Poll::Ready(()) => At::Next,
            Poll::Pending => At::Wait,
        }
    }
}

pin_project! {
    /// The future of [`Call::once`].
    #[doc(hidden)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Once<'c, 'p, F, V, R> {
        #[pin]
        attempt: Attempt<'c, 'p, F, V, R>,
    }
}

impl<F, V, R, T, E> Future for Once<'_, '_, F, V, R>
where
    F: Future<Output = Result<T, E>>,
    V: Fn(&mut E, u32) -> View<'_>,
    R: Fn(Refusal<'_>) -> E,
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
