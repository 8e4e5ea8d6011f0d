//! One attempt of an async call: its guards, its body, its limits.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::at_once::Entry;
use super::body::{Body, Clear as _, Given, Refuse};
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
pub struct Attempt<'c, 'p, F, L, R> {
    pub call: &'c mut Call<'p>,
    /// An async block: it holds nothing once it has ended.
    pub body: F,
    pub look: L,
    pub refuse: R,
}

impl<'c, 'p, F, T, E, L, R> IntoFuture for Attempt<'c, 'p, F, L, R>
where
    F: Future<Output = Result<T, E>>,
    L: Look<E> + Copy,
    R: Refuse<E>,
{
    type Output = ControlFlow<Result<T, E>>;
    type IntoFuture = Attempting<'c, 'p, F, L, R>;

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

pin_project! {
    /// The future of an [`Attempt`].
    #[doc(hidden)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Attempting<'c, 'p, F, L, R> {
        call: &'c mut Call<'p>,
        #[pin]
        body: Held<F>,
        look: L,
        refuse: R,
    }

    impl<F, L, R> PinnedDrop for Attempting<'_, '_, F, L, R> {
        fn drop(this: Pin<&mut Self>) {
            this.project().body.clear(false);
        }
    }
}

impl<F, T, E, L, R> Future for Attempting<'_, '_, F, L, R>
where
    F: Future<Output = Result<T, E>>,
    L: Look<E> + Copy,
    R: Refuse<E>,
{
    type Output = ControlFlow<Result<T, E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut given = Given::new(*this.look, *this.refuse);
        let mut body = Body::new(this.body, &mut given);
        match this.call.run(&mut body, context) {
            Progress::Again => Poll::Ready(ControlFlow::Continue(())),
            Progress::Pending | Progress::Over => given.result.map(ControlFlow::Break),
        }
    }
}

/// What a call without retry never comes to.
#[doc(hidden)]
#[cold]
pub fn no_retry() -> ! {
    unreachable!("a call without retry ends with its first attempt")
}

/// How far a call has come, once it gives the thread back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It waits until it is woken.
    Pending,
    /// Its result is there.
    Over,
    /// Another attempt follows, which begins with the pause before it.
    Again,
}

impl Call<'_> {
    /// Goes on with the attempt under way, or begins one.
    #[inline(never)]
    fn run(&mut self, body: &mut Body<'_>, context: &mut Context<'_>) -> Progress {
        let entry = self.starts_plainly();
        if entry != Entry::Body {
            return self.run_from(entry, body, context);
        }
        match self.inside_only(|| body.poll(context)) {
            Poll::Ready(true) => {
                self.succeeded_plainly();
                Progress::Over
            }
            polled => self.polled(polled, body, context),
        }
    }

    /// As [`run`](Self::run), where the attempt does not start plainly.
    #[inline(never)]
    pub(super) fn run_from(
        &mut self,
        entry: Entry,
        body: &mut Body<'_>,
        context: &mut Context<'_>,
    ) -> Progress {
        let entry = match entry {
            Entry::Guarded => self.passes_at_once(),
            other => other,
        };
        if entry != Entry::Body {
            if self.refuses_at_once(entry) {
                body.end().refuse(self);
                return Progress::Over;
            }
            match self.go_on(context) {
                Step::Body => {}
                Step::Wait => return Progress::Pending,
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
                Progress::Over
            }
            polled => self.polled(polled, body, context),
        }
    }

    /// The body was polled, and gave no value.
    #[inline(never)]
    pub(super) fn polled(
        &mut self,
        polled: Poll<bool>,
        body: &mut Body<'_>,
        context: &mut Context<'_>,
    ) -> Progress {
        if polled.is_ready() {
            return match self.verdict_on(body.end()) {
                Verdict::Return => Progress::Over,
                Verdict::Retry(pause) => {
                    self.start_pause(pause);
                    Progress::Again
                }
            };
        }
        if !self.is_cut(context) {
            return Progress::Pending;
        }
        body.cut();
        let rejection = self.cut_by();
        let verdict = self.verdict_on_cut(&rejection);
        self.over(verdict, rejection, body)
    }

    /// The attempt is over, and so is the call, unless another attempt follows.
    fn over(&mut self, verdict: Verdict, rejection: Rejection, body: &mut Body<'_>) -> Progress {
        match verdict {
            Verdict::Return => {
                self.keep_refusal(rejection);
                body.end().refuse(self);
                Progress::Over
            }
            Verdict::Retry(pause) => {
                self.start_pause(pause);
                Progress::Again
            }
        }
    }
}
