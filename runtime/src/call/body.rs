//! The async body of one attempt, whatever its types: what runs it is compiled once, in this crate,
//! and not for each annotated function.
//!
//! Three layers, by how often each is compiled: a [`BodyPlace`] for each function, an [`End`] for each
//! type of result, and all that is done with them once.
#![allow(unsafe_code)]

use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::at_once::Refusal;
use super::{Call, Look, View};

/// Makes the error of a refusal.
#[doc(hidden)]
pub trait Refuse<E>: Copy {
    /// The error of `refusal`.
    fn refuse(self, refusal: Refusal<'_>) -> E;
}

/// Where a body is, which may be gone before the place is. It is cleared before it goes: a place drops
/// nothing by itself.
#[doc(hidden)]
pub trait Clear {
    /// Drops the body, unless it has ended; and what others would be made of, unless another `follows`.
    fn clear(self: Pin<&mut Self>, follows: bool);

    /// Drops all there is, where the type of the place is known by this function alone.
    ///
    /// # Safety
    ///
    /// `place` points to a pinned one of this type, which nobody else reaches meanwhile.
    #[inline] // compiled where the body is, as all that drops it
    unsafe fn clear_at(place: NonNull<()>)
    where
        Self: Sized,
    {
        // SAFETY: the caller promises it.
        unsafe { Pin::new_unchecked(place.cast::<Self>().as_mut()) }.clear(false);
    }
}

/// What the body at a place gives.
#[doc(hidden)]
pub trait Gives {
    type Output;
}

/// A place whose body gives a `Result`, whatever its types.
///
/// # Safety
///
/// `poll` writes nothing but a [`Poll`] of what [`Gives`] says to where it is told.
#[doc(hidden)]
pub unsafe trait BodyPlace: Clear {
    /// Polls the body. Whether it gave a value or an error, which is in `result` then.
    ///
    /// # Safety
    ///
    /// `result` points to a [`Poll`] of what [`Gives`] says. It is pending, and nobody else reaches it
    /// meanwhile.
    unsafe fn poll(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        result: NonNull<()>,
    ) -> Poll<bool>;
}

/// Polls a body for [`BodyPlace::poll`].
///
/// # Safety
///
/// As there.
#[inline]
pub(super) unsafe fn poll_into<F, T, E>(
    body: Pin<&mut F>,
    context: &mut Context<'_>,
    result: NonNull<()>,
) -> Poll<bool>
where
    F: Future<Output = Result<T, E>>,
{
    match body.poll(context) {
        Poll::Pending => Poll::Pending,
        Poll::Ready(given) => {
            let is_ok = given.is_ok();
            // SAFETY: that is where `result` points, as the caller promises. What was there was pending:
            // there was nothing to drop.
            unsafe { result.cast().write(Poll::Ready(given)) }
            Poll::Ready(is_ok)
        }
    }
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

/// The place for a result, which is pending until there is one; how an error is looked at; and how one is
/// made of a refusal.
///
/// Made for each poll, so that a result that can't be sent to another thread is in no future that
/// is. The result comes first, so that a pointer to this is one to that.
#[repr(C)]
pub(super) struct Given<T, E, L, R> {
    pub(super) result: Poll<Result<T, E>>,
    look: L,
    refuse: R,
}

impl<T, E, L, R> Given<T, E, L, R> {
    #[inline]
    pub(super) fn new(look: L, refuse: R) -> Self {
        Self {
            result: Poll::Pending,
            look,
            refuse,
        }
    }
}

// `#[inline]`, so that they are compiled where the body is, and not in a unit of all bodies that the
// compiler makes for this crate.
impl<T, E, L: Look<E>, R: Refuse<E>> End for Given<T, E, L, R> {
    fn view(&mut self, attempt: u32) -> View<'_> {
        match &mut self.result {
            Poll::Ready(Err(error)) => self.look.view(error, attempt),
            _ => no_error(),
        }
    }

    #[cold]
    fn forget(&mut self) {
        self.result = Poll::Pending;
    }

    fn refuse(&mut self, call: &mut Call<'_>) {
        self.result = Poll::Ready(Err(self.refuse.refuse(call.refusal())));
    }
}

#[cold]
fn no_error() -> ! {
    unreachable!("only an attempt that failed is judged")
}

/// A body and how it ends, whatever its types.
pub(super) struct Body<'b> {
    place: Pin<&'b mut dyn BodyPlace>,
    end: &'b mut dyn End,
}

impl<'b> Body<'b> {
    #[inline]
    pub(super) fn new<P, T, E, L, R>(
        place: Pin<&'b mut P>,
        given: &'b mut Given<T, E, L, R>,
    ) -> Self
    where
        P: BodyPlace + Gives<Output = Result<T, E>>,
        L: Look<E>,
        R: Refuse<E>,
    {
        Self { place, end: given }
    }

    /// One of a place and a [`Given`], which come in registers, as a whole would not.
    ///
    /// # Safety
    ///
    /// `end` is a [`Given`] of what the body at `place` gives.
    #[inline]
    pub(super) unsafe fn of_parts(place: Pin<&'b mut dyn BodyPlace>, end: &'b mut dyn End) -> Self {
        Self { place, end }
    }

    /// Polls it. Whether it gave a value or an error, which is the result then.
    #[inline]
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let result = NonNull::from(&mut *self.end).cast();
        // SAFETY: the end is a `Given` of what the body gives, as `new` asks for, and begins with its
        // `Poll`. That is pending while the body runs: `forget` makes it so again, and nobody polls a
        // body after its result.
        unsafe { self.place.as_mut().poll(context, result) }
    }

    /// Drops the body, unless it has ended. Another may follow.
    #[inline]
    pub(super) fn cut(&mut self) {
        self.place().clear(true);
    }

    /// Drops all that is there, since no other body follows.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.place().clear(false);
    }

    #[inline]
    pub(super) fn place(&mut self) -> Pin<&mut dyn BodyPlace> {
        self.place.as_mut()
    }

    #[inline]
    pub(super) fn end(&mut self) -> &mut dyn End {
        &mut *self.end
    }
}
