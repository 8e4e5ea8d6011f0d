//! Copies of what a call borrows, for a refresh that outlives it.
//!
//! The compiler picks the way that the type allows, as [`probe`](super::probe) has it: so one that can't
//! be copied is one error in words of ours. The expansion reads:
//!
//! ```text
//! let kept = { use #p::lasting::*; (&&Lent(argument)).keep() };
//! let argument = kept.lend();
//! ```

use std::borrow::Borrow;

/// What the call borrows.
pub struct Lent<'a, T: ?Sized>(pub &'a T);

/// A copy of it, which is lent as the call sees it.
pub struct Kept<T: ?Sized, C> {
    copy: C,
    lend: fn(&C) -> &T,
}

impl<T: ?Sized, C> Kept<T, C> {
    /// What the call sees.
    pub fn lend(&self) -> &T {
        (self.lend)(&self.copy)
    }
}

/// A value that has a copy of its own.
pub trait ViaOwned<T: ToOwned + ?Sized> {
    /// Makes the copy.
    fn keep(&self) -> Kept<T, T::Owned>;
}

impl<T: ToOwned + ?Sized> ViaOwned<T> for &Lent<'_, T> {
    fn keep(&self) -> Kept<T, T::Owned> {
        Kept {
            copy: self.0.to_owned(),
            lend: |copy| copy.borrow(),
        }
    }
}

/// What any other value lacks: nothing has it.
#[diagnostic::on_unimplemented(
    message = "a refresh needs a copy of `{Self}`, which is not `Clone`",
    label = "a refresh outlives the call, and what the call borrows",
    note = "derive `Clone` for it, take it by value (an `Arc`, say), or leave `stale` out"
)]
pub trait Lasting {}

/// Any other value.
pub trait ViaNothing<T: ?Sized> {
    /// Says that there is no copy.
    fn keep(&self) -> Kept<T, ()>
    where
        T: Lasting;
}

impl<T: ?Sized> ViaNothing<T> for Lent<'_, T> {
    fn keep(&self) -> Kept<T, ()>
    where
        T: Lasting,
    {
        unreachable!("nothing is `Lasting`")
    }
}
