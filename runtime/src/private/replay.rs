//! Arguments that every attempt gets anew.

/// An owned argument of a function that may be called again: it is cloned for each attempt.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be given to a second attempt, since it is not `Clone`",
    label = "each attempt needs this argument anew",
    note = "derive `Clone`, take it by reference, or share it with `retry(share(argument))`: the body then sees a reference"
)]
pub trait Replay {
    /// The argument for one attempt.
    #[must_use]
    fn replay(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Replay for T {
    #[inline]
    fn replay(&self) -> Self {
        self.clone()
    }
}
