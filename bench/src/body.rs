//! The guarded body, the same for all, and what came of a call.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

/// An order that is answered.
pub(crate) const GOOD: u64 = 1;
/// An order that fails.
pub(crate) const BAD: u64 = 0;
/// An order that is never answered.
pub(crate) const HANGING: u64 = 2;

/// What the dependency says to a bad order.
#[derive(Clone, Debug, thiserror::Error)]
#[error("down")]
pub(crate) struct Down;

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The body's value.
    Value(u64),
    /// The body's error.
    Failed,
    /// The policy's own.
    Refused,
}

impl From<Result<u64, Down>> for Answer {
    /// Of a contender that refuses nothing.
    #[inline]
    fn from(result: Result<u64, Down>) -> Self {
        result.map_or(Self::Failed, Self::Value)
    }
}

thread_local! {
    /// Bodies that failed on this thread: tells how often a retry ran them.
    static FAILED: Cell<u64> = const { Cell::new(0) };
}

/// The sync body. As with the calls that policies are for, the compiler does not see into it.
#[inline(never)]
pub(crate) fn ask(order: u64) -> Result<u64, Down> {
    if order == BAD {
        FAILED.set(FAILED.get() + 1);
        return Err(Down);
    }
    Ok(order)
}

/// The async body: ready at its first poll, but for a hanging order.
pub(crate) async fn ask_later(order: u64) -> Result<u64, Down> {
    Asking::ready(order).await
}

/// The async body that is pending once.
pub(crate) async fn ask_twice(order: u64) -> Result<u64, Down> {
    Asking::pending_once(order).await
}

/// What the async bodies await. The compiler does not see into it either.
pub(crate) struct Asking {
    order: u64,
    ready: bool,
}

impl Asking {
    pub(crate) fn ready(order: u64) -> Self {
        Self { order, ready: true }
    }

    pub(crate) fn pending_once(order: u64) -> Self {
        Self {
            order,
            ready: false,
        }
    }
}

impl Future for Asking {
    type Output = Result<u64, Down>;

    #[inline(never)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.order == GOOD && self.ready {
            return Poll::Ready(Ok(self.order));
        }
        if self.order == HANGING {
            return Poll::Pending;
        }
        if !std::mem::replace(&mut self.ready, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(ask(self.order))
    }
}

/// Bodies that fail on this thread while `work` runs.
pub(crate) fn failures_during(work: impl FnOnce()) -> u64 {
    let before = FAILED.get();
    work();
    FAILED.get() - before
}
