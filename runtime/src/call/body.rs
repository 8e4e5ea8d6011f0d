//! The async body of one attempt, whatever its types: what runs it is compiled once, in this crate,
//! and not for each annotated function.
//!
//! Three layers, by how often each is compiled: a [`Body`] for each function, its [`End`] for each type
//! of result, and all that is done with them once.

use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::at_once::Refusal;
use super::held::Held;
use super::{Call, Look, View};

/// What becomes of an attempt: the call's result, or that another attempt follows.
pub(super) type Outcome<T, E> = ControlFlow<Result<T, E>>;

/// Makes the error of a refusal.
#[doc(hidden)]
pub trait Refuse<E>: Copy {
    /// The error of `refusal`.
    fn refuse(self, refusal: Refusal<'_>) -> E;
}

/// A body, and the place for its outcome.
pub(super) trait Body {
    /// Whether it gave a value or an error, which is the outcome then.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<bool>;

    /// Drops it, whatever it is at.
    fn cut(&mut self);

    /// What it gave.
    fn end(&mut self) -> &mut dyn End;
}

/// How an attempt ends, whatever the types of its result.
pub(super) trait End {
    /// What its error is to the policies, at that attempt.
    ///
    /// # Panics
    ///
    /// Where there is none.
    fn view(&mut self, attempt: u32) -> View<'_>;

    /// Another attempt follows: that is the outcome, in place of the error, if there is one.
    fn forget(&mut self);

    /// The call is refused: makes its error.
    fn refuse(&mut self, call: &mut Call<'_>);
}

/// A body in its place, and what it gives.
///
/// Made for each poll, so that an outcome that can't be sent to another thread is in no future that
/// is.
pub(super) struct Run<'r, F, T, E, L, R> {
    pub(super) body: Pin<&'r mut Held<F>>,
    pub(super) given: Given<'r, T, E, L, R>,
}

/// The place for an outcome, which is pending until there is one; how an error is looked at; and how one is
/// made of a refusal.
pub(super) struct Given<'r, T, E, L, R> {
    outcome: &'r mut Poll<Outcome<T, E>>,
    look: L,
    refuse: R,
}

// `#[inline]`, so that they are compiled where the body is, and not in a unit of all bodies that the
// compiler makes for this crate.
impl<F, T, E, L, R> Body for Run<'_, F, T, E, L, R>
where
    F: Future<Output = Result<T, E>>,
    L: Look<E>,
    R: Refuse<E>,
{
    #[inline]
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        match self.body.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(result) => {
                let is_ok = result.is_ok();
                self.given.put(result);
                Poll::Ready(is_ok)
            }
        }
    }

    #[cold]
    #[inline]
    fn cut(&mut self) {
        self.body.as_mut().cut();
    }

    #[inline]
    fn end(&mut self) -> &mut dyn End {
        &mut self.given
    }
}

impl<'r, T, E, L, R> Given<'r, T, E, L, R> {
    #[inline]
    pub(super) fn new(outcome: &'r mut Poll<Outcome<T, E>>, look: L, refuse: R) -> Self {
        Self {
            outcome,
            look,
            refuse,
        }
    }

    #[inline]
    pub(super) fn put(&mut self, result: Result<T, E>) {
        let before = mem::replace(self.outcome, Poll::Ready(ControlFlow::Break(result)));
        mem::forget(before); // pending: there is nothing to drop
    }
}

impl<T, E, L: Look<E>, R: Refuse<E>> End for Given<'_, T, E, L, R> {
    fn view(&mut self, attempt: u32) -> View<'_> {
        match self.outcome {
            Poll::Ready(ControlFlow::Break(Err(error))) => self.look.view(error, attempt),
            _ => no_error(),
        }
    }

    #[cold]
    fn forget(&mut self) {
        *self.outcome = Poll::Ready(ControlFlow::Continue(()));
    }

    fn refuse(&mut self, call: &mut Call<'_>) {
        self.put(Err(self.refuse.refuse(call.refusal())));
    }
}

#[cold]
fn no_error() -> ! {
    unreachable!("only an attempt that failed is judged")
}
