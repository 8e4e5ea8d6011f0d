//! One attempt of an async call: its guards, its body, its limits.

use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::at_once::Entry;
use super::body::{Body, Given, Outcome, Refuse, Run};
use super::guards::Step;
use super::held::Held;
use super::{Call, Look, Verdict};
use crate::rejection::Rejection;

/// One attempt, before it is awaited. Its parts are written by the attribute, with no call and no move.
///
/// It gives `Break` with the call's result, or `Continue` where another follows, which begins with the
/// pause before it.
#[doc(hidden)]
#[must_use = "an attempt does nothing unless awaited"]
pub struct Attempt<'c, 'p, F, E, L> {
    pub call: &'c mut Call<'p>,
    /// An async block: it holds nothing once it has ended.
    pub body: F,
    pub look: L,
    pub refuse: Refuse<E>,
}

/// The only attempt of a call without retry. It gives the call's result.
#[doc(hidden)]
#[must_use = "an attempt does nothing unless awaited"]
pub struct Once<'c, 'p, F, E, L> {
    pub call: &'c mut Call<'p>,
    /// An async block: it holds nothing once it has ended.
    pub body: F,
    pub look: L,
    pub refuse: Refuse<E>,
}

impl<'c, 'p, F, T, E, L> IntoFuture for Attempt<'c, 'p, F, E, L>
where
    F: Future<Output = Result<T, E>>,
    L: Look<E> + Copy,
{
    type Output = Outcome<T, E>;
    type IntoFuture = Attempting<'c, 'p, F, E, L>;

    #[inline]
    fn into_future(self) -> Self::IntoFuture {
        Attempting {
            call: self.call,
            body: Held::new(self.body),
            look: self.look,
            refuse: self.refuse,
        }
    }
}

impl<'c, 'p, F, T, E, L> IntoFuture for Once<'c, 'p, F, E, L>
where
    F: Future<Output = Result<T, E>>,
    L: Look<E> + Copy,
{
    type Output = Result<T, E>;
    type IntoFuture = AttemptingOnce<'c, 'p, F, E, L>;

    #[inline]
    fn into_future(self) -> Self::IntoFuture {
        AttemptingOnce {
            attempt: Attempting {
                call: self.call,
                body: Held::new(self.body),
                look: self.look,
                refuse: self.refuse,
            },
        }
    }
}

pin_project! {
    /// The future of an [`Attempt`].
    #[doc(hidden)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Attempting<'c, 'p, F, E, L> {
        call: &'c mut Call<'p>,
        #[pin]
        body: Held<F>,
        look: L,
        refuse: Refuse<E>,
    }
}

impl<F, T, E, L> Future for Attempting<'_, '_, F, E, L>
where
    F: Future<Output = Result<T, E>>,
    L: Look<E> + Copy,
{
    type Output = Outcome<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<T, E>> {
        let this = self.project();
        let mut outcome = ControlFlow::Continue(());
        let mut run = Run {
            body: this.body,
            given: Given::new(&mut outcome, *this.look, *this.refuse),
        };
        if this.call.run(&mut run, context).is_ready() {
            Poll::Ready(outcome)
        } else {
            mem::forget(outcome); // there is none, and nothing to drop
            Poll::Pending
        }
    }
}

pin_project! {
    /// The future of [`Once`].
    #[doc(hidden)]
    #[must_use = "futures do nothing unless polled"]
    pub struct AttemptingOnce<'c, 'p, F, E, L> {
        #[pin]
        attempt: Attempting<'c, 'p, F, E, L>,
    }
}

impl<F, T, E, L> Future for AttemptingOnce<'_, '_, F, E, L>
where
    F: Future<Output = Result<T, E>>,
    L: Look<E> + Copy,
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

impl Call<'_> {
    /// Goes on with the attempt. Once that is over, there is an outcome.
    #[inline(never)]
    fn run(&mut self, body: &mut dyn Body, context: &mut Context<'_>) -> Poll<()> {
        match self.starts_plainly() {
            Entry::Body => {}
            Entry::NotClosed if self.is_kept_out() => {
                body.end().refuse(self);
                return Poll::Ready(());
            }
            Entry::NotClosed => return self.run_guarded(Entry::Long, body, context),
            entry => return self.run_guarded(entry, body, context),
        }
        match self.inside_only(|| body.poll(context)) {
            Poll::Ready(true) => {
                self.succeeded_plainly();
                Poll::Ready(())
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
    ) -> Poll<()> {
        let entry = match entry {
            Entry::Guarded => self.passes_at_once(),
            other => other,
        };
        if entry != Entry::Body {
            if self.refuses_at_once(entry) {
                body.end().refuse(self);
                return Poll::Ready(());
            }
            match self.go_on(context) {
                Step::Body => {}
                Step::Wait => return Poll::Pending,
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
                Poll::Ready(())
            }
            polled => self.polled(polled, body, context),
        }
    }

    /// The body was polled, and gave no value.
    #[inline(never)]
    fn polled(
        &mut self,
        polled: Poll<bool>,
        body: &mut dyn Body,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        if polled.is_ready() {
            if let Verdict::Retry(pause) = self.verdict_on(body.end()) {
                self.start_pause(pause);
            }
            return Poll::Ready(());
        }
        if !self.is_cut(context) {
            return Poll::Pending;
        }
        body.cut();
        let rejection = self.cut_by();
        let verdict = self.verdict_on_cut(&rejection);
        self.over(verdict, rejection, body)
    }

    /// The attempt is over, and so is the call, unless another attempt follows.
    fn over(&mut self, verdict: Verdict, rejection: Rejection, body: &mut dyn Body) -> Poll<()> {
        match verdict {
            Verdict::Return => {
                self.keep_refusal(rejection);
                body.end().refuse(self);
            }
            Verdict::Retry(pause) => self.start_pause(pause),
        }
        Poll::Ready(())
    }
}
