//! The async body of one attempt, whatever its types: what runs it is compiled once, in this crate,
//! and not for each annotated function.
//!
//! Three layers, by how often each is compiled: a [`Body`] for each function, its [`End`] for each type
//! of result, and all that is done with them once.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::at_once::Refusal;
use super::{Call, Look, View};

/// Where a body is, which may be gone before the place is.
#[doc(hidden)]
pub trait BodyPlace {
    /// What the body gives.
    type Output;

    /// Polls the body.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output>;

    /// Drops the body, unless it has ended.
    fn cut(self: Pin<&mut Self>);

    /// Drops all there is: the body, begun or not, and what others would be made of.
    fn clear(self: Pin<&mut Self>);
}

/// Makes the error of a refusal.
#[doc(hidden)]
pub trait Refuse<E>: Copy {
    /// The error of `refusal`.
    fn refuse(self, refusal: Refusal<'_>) -> E;
}

/// A body, and the place for its result.
pub(super) trait Body {
    /// Whether it gave a value or an error, which is the result then.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<bool>;

    /// Drops it, whatever it is at.
    fn cut(&mut self);

    /// Drops it, and what others would be made of.
    fn clear(&mut self);

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

    /// Another attempt follows: drops the error, if there is one.
    fn forget(&mut self);

    /// The call is refused: makes its error.
    fn refuse(&mut self, call: &mut Call<'_>);
}

/// A body in its place, and what it gives.
///
/// Made for each poll, so that a result that can't be sent to another thread is in no future that
/// is.
pub(super) struct Run<'r, P, T, E, L, R> {
    pub(super) body: Pin<&'r mut P>,
    pub(super) given: Given<'r, T, E, L, R>,
}

/// The place for a result, which is pending until there is one; how an error is looked at; and how one is
/// made of a refusal.
pub(super) struct Given<'r, T, E, L, R> {
    result: &'r mut Poll<Result<T, E>>,
    look: L,
    refuse: R,
}

// `#[inline]`, so that they are compiled where the body is, and not in a unit of all bodies that the
// compiler makes for this crate.
impl<P, T, E, L, R> Body for Run<'_, P, T, E, L, R>
where
    P: BodyPlace<Output = Result<T, E>>,
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

    #[cold]
    #[inline]
    fn clear(&mut self) {
        self.body.as_mut().clear();
    }

    #[inline]
    fn end(&mut self) -> &mut dyn End {
        &mut self.given
    }
}

impl<'r, T, E, L, R> Given<'r, T, E, L, R> {
    #[inline]
    pub(super) fn new(result: &'r mut Poll<Result<T, E>>, look: L, refuse: R) -> Self {
        Self {
            result,
            look,
            refuse,
        }
    }

    #[inline]
    pub(super) fn put(&mut self, result: Result<T, E>) {
        let before = mem::replace(self.result, Poll::Ready(result));
        mem::forget(before); // pending: there is nothing to drop
    }
}

impl<T, E, L: Look<E>, R: Refuse<E>> End for Given<'_, T, E, L, R> {
    fn view(&mut self, attempt: u32) -> View<'_> {
        match self.result {
            Poll::Ready(Err(error)) => self.look.view(error, attempt),
            _ => no_error(),
        }
    }

    #[cold]
    fn forget(&mut self) {
        *self.result = Poll::Pending;
    }

    fn refuse(&mut self, call: &mut Call<'_>) {
        self.put(Err(self.refuse.refuse(call.refusal())));
    }
}

#[cold]
fn no_error() -> ! {
    unreachable!("only an attempt that failed is judged")
}
