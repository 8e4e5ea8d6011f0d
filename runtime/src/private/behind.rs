//! Refreshes, which outlive the call that begins them.

use std::borrow::Borrow;
use std::marker::PhantomData;

use tokio::runtime::Handle;

use crate::registry::Registry;

/// A value that a refresh can keep a copy of.
#[diagnostic::on_unimplemented(
    message = "a refresh needs a copy of `{Self}`, which is not `Clone`",
    label = "a refresh outlives the call, and what the call borrows",
    note = "derive `Clone` for it, take it by value (an `Arc`, say), or leave `stale` out"
)]
pub trait Lasting {
    /// The copy.
    type Copy;

    /// Makes it.
    fn keep(&self) -> Self::Copy;

    /// Gives it as the call sees it.
    fn lend(copy: &Self::Copy) -> &Self;
}

#[diagnostic::do_not_recommend]
impl<T: ToOwned + ?Sized> Lasting for T {
    type Copy = T::Owned;

    fn keep(&self) -> T::Owned {
        self.to_owned()
    }

    fn lend(copy: &T::Owned) -> &T {
        copy.borrow()
    }
}

/// A copy of what the call borrows, a `T`.
pub struct Kept<T: ?Sized, C>(C, PhantomData<fn() -> Box<T>>);

impl<C, T: Lasting<Copy = C> + ?Sized> Kept<T, C> {
    /// What the call sees.
    pub fn lend(&self) -> &T {
        T::lend(&self.0)
    }
}

/// Makes the copy.
pub fn lasting<T: Lasting + ?Sized>(borrowed: &T) -> Kept<T, T::Copy> {
    Kept(borrowed.keep(), PhantomData)
}

/// Runs a refresh on a task of its own, in the registry of the call. Where there is no tokio to run
/// it on, nothing is refreshed: the old answer stays, until a caller has to wait for the next.
pub fn behind<F: Future + Send + 'static>(refresh: F) {
    if let Ok(handle) = Handle::try_current() {
        let inside = Registry::scope_of_this(async move { drop(refresh.await) });
        drop(handle.spawn(inside));
    }
}

/// Runs a refresh of a sync function: on tokio's threads for what blocks, where there are any, else
/// on one of its own.
pub fn behind_blocking<R>(refresh: impl FnOnce() -> R + Send + 'static) {
    let registry = Registry::scoped();
    let work = move || match registry {
        Some(registry) => drop(registry.scope_blocking(refresh)),
        None => drop(refresh()),
    };
    if let Ok(handle) = Handle::try_current() {
        drop(handle.spawn_blocking(work));
    } else {
        // Where there is no thread to be had, the old answer stays.
        let _ = std::thread::Builder::new()
            .name("steadfast-refresh".into())
            .spawn(work);
    }
}
