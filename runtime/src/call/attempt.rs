//! One attempt of an async call: its guards, its body, its limits.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::at_once::{Entry, Refusal};
use super::body::{Body, Run, refuse};
use super::guards::Step;
use super::{Call, Verdict, View};
use crate::rejection::Rejection;

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
    /// Runs one attempt: `Break` with the call's result, `Continue` where another follows, which
    /// begins with the pause before it.
    #[inline]
    pub(crate) fn attempt<F, V, R, T, E>(
        &mut self,
        body: F,
        view: V,
        refuse: R,
    ) -> Attempt<'_, 'p, F, V, R>
    where
        F: Future<Output = Result<T, E>>,
        V: Fn(&mut E, u32) -> View<'_> + Copy,
        R: Fn(Refusal<'_>) -> E + Copy,
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
        V: Fn(&mut E, u32) -> View<'_> + Copy,
        R: Fn(Refusal<'_>) -> E + Copy,
    {
        Once {
            attempt: self.attempt(body, view, refuse),
        }
    }
}

impl<F, V, R, T, E> Future for Attempt<'_, '_, F, V, R>
where
    F: Future<Output = Result<T, E>>,
    V: Fn(&mut E, u32) -> View<'_> + Copy,
    R: Fn(Refusal<'_>) -> E + Copy,
{
    type Output = ControlFlow<Result<T, E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut outcome = Poll::Pending;
        let mut run = Run {
            body: this.body,
            outcome: &mut outcome,
            view: *this.view,
        };
        if this.call.run(&mut run, context) {
            refuse(this.call, *this.refuse, &mut outcome);
        }
        outcome
    }
}

impl Call<'_> {
    /// Goes on with the attempt: whether the call is refused. Where it is over otherwise, there is an
    /// outcome.
    #[inline(never)]
    fn run(&mut self, body: &mut dyn Body, context: &mut Context<'_>) -> bool {
        match self.starts_plainly() {
            Entry::Body => {}
            entry => return self.run_guarded(entry, body, context),
        }
        match self.inside_only(|| body.poll(context)) {
            Poll::Ready(true) => {
                self.succeeded_plainly();
                false
            }
            polled => self.polled(polled, body, context),
        }
    }

    #[inline(never)]
    fn run_guarded(
        &mut self,
        entry: Entry,
        body: &mut dyn Body,
        context: &mut Context<'_>,
    ) -> bool {
        let entry = match entry {
            Entry::Guarded => self.passes_at_once(),
            other => other,
        };
        if entry != Entry::Body {
            if self.refuses_at_once(entry) {
                return true;
            }
            match self.go_on(context) {
                Step::Body => {}
                Step::Wait => return false,
                Step::Refused(rejection) => {
                    let verdict = self.refused(&rejection);
                    return self.over(verdict, rejection, body);
                }
            }
        }
        match self.poll_fault(context) {
            None => {}
            Some(Poll::Ready(rejection)) => {
                let verdict = self.verdict_on_injected(&rejection);
                return self.over(verdict, rejection, body);
            }
            Some(Poll::Pending) => return self.polled(Poll::Pending, body, context),
        }
        match self.inside(|| body.poll(context)) {
            Poll::Ready(true) => {
                self.succeeded();
                false
            }
            polled => self.polled(polled, body, context),
        }
    }

    /// The body was polled, and gave no value: whether the call is refused.
    #[inline(never)]
    fn polled(
        &mut self,
        polled: Poll<bool>,
        body: &mut dyn Body,
        context: &mut Context<'_>,
    ) -> bool {
        if polled.is_ready() {
            if let Verdict::Retry(pause) = self.verdict_on(body) {
                body.forget();
                self.start_pause(pause);
            }
            return false;
        }
        if !self.is_cut(context) {
            return false;
        }
        body.cut();
        let rejection = self.cut_by();
        let verdict = self.verdict_on_cut(&rejection);
        self.over(verdict, rejection, body)
    }

    /// The attempt is over: whether the call is, which is refused then.
    fn over(&mut self, verdict: Verdict, rejection: Rejection, body: &mut dyn Body) -> bool {
        match verdict {
            Verdict::Return => {
                self.keep_refusal(rejection);
                true
            }
            Verdict::Retry(pause) => {
                body.forget();
                self.start_pause(pause);
                false
            }
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
    V: Fn(&mut E, u32) -> View<'_> + Copy,
    R: Fn(Refusal<'_>) -> E + Copy,
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
