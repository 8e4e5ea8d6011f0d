//! The async body of one attempt, whatever its types: what runs it is compiled once, in this crate,
//! and not for each annotated function.

use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::at_once::Refusal;
use super::{Call, View};

/// What becomes of an attempt, once it is over: the call's result, or that another attempt follows.
pub(super) type Outcome<T, E> = Poll<ControlFlow<Result<T, E>>>;

/// A body, and the place for its outcome.
pub(super) trait Body {
    /// Whether it gave a value or an error, which is the outcome then.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<bool>;

    /// Drops it, whatever it is at.
    fn cut(&mut self);

    /// What its error is to the policies, at that attempt.
    ///
    /// # Panics
    ///
    /// Where it gave none.
    fn view(&mut self, attempt: u32) -> View<'_>;

    /// Another attempt follows: drops the error, if there is one.
    fn forget(&mut self);
}

/// A body, none where it is gone; the place for its outcome; and how its error is looked at.
///
/// Made for each poll, so that an outcome that can't be sent to another thread is in no future that
/// is.
pub(super) struct Run<'r, F, T, E, V> {
    pub(super) body: Pin<&'r mut Option<F>>,
    pub(super) outcome: &'r mut Outcome<T, E>,
    pub(super) view: V,
}

impl<F, T, E, V> Body for Run<'_, F, T, E, V>
where
    F: Future<Output = Result<T, E>>,
    V: Fn(&mut E, u32) -> View<'_>,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let Some(future) = self.body.as_mut().as_pin_mut() else {
            return Poll::Pending; // polled again after its end
        };
        future.poll(context).map(|result| {
            let is_ok = result.is_ok();
            let before = mem::replace(self.outcome, Poll::Ready(ControlFlow::Break(result)));
            mem::forget(before); // pending: there is nothing to drop
            is_ok
        })
    }

    #[cold]
    fn cut(&mut self) {
        self.body.set(None);
    }

    fn view(&mut self, attempt: u32) -> View<'_> {
        match self.outcome {
            Poll::Ready(ControlFlow::Break(Err(error))) => (self.view)(error, attempt),
            _ => no_error(),
        }
    }

    #[cold]
    fn forget(&mut self) {
        match mem::replace(self.outcome, Poll::Ready(ControlFlow::Continue(()))) {
            Poll::Ready(ControlFlow::Break(Err(error))) => drop(error),
            other => mem::forget(other), // no value: there is nothing to drop
        }
    }
}

/// Makes what the call is refused with the outcome. Of each type of error once, and not where it is
/// called, since each annotated function does.
#[inline(never)]
pub(super) fn refuse<T, E>(
    call: &mut Call<'_>,
    refuse: impl Fn(Refusal<'_>) -> E,
    outcome: &mut Outcome<T, E>,
) {
    let refused = Err(refuse(call.refusal()));
    let before = mem::replace(outcome, Poll::Ready(ControlFlow::Break(refused)));
    mem::forget(before); // pending: there is nothing to drop
}

#[cold]
fn no_error() -> ! {
    unreachable!("only an attempt that failed is judged")
}
