//! Waiting for a turn: asleep until woken, or until it is time to look again.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::breaker::Nanos;
use crate::{clock, current};

/// How long a wait without a limit of its own may last: for ever, or until the deadline of the
/// call around.
pub(crate) fn longest() -> Nanos {
    current::deadline_around().map_or(Nanos::MAX, |end| end.at.saturating_sub(clock::precise()))
}

/// Asks again and again, whenever woken and at the time that the last answer named.
pub(crate) async fn until<T>(mut ask: impl FnMut(&Waker) -> Result<T, Option<Nanos>>) -> T {
    let mut sleep: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|context| {
        loop {
            let at = match ask(context.waker()) {
                Ok(value) => return Poll::Ready(value),
                Err(None) => return Poll::Pending,
                Err(Some(at)) => Instant::now() + clock::left(at).unwrap_or_default(),
            };
            match &mut sleep {
                Some(sleep) => sleep.as_mut().reset(at),
                None => sleep = Some(Box::pin(tokio::time::sleep_until(at))),
            }
            let asleep = sleep
                .as_mut()
                .is_some_and(|sleep| sleep.as_mut().poll(context).is_pending());
            if asleep {
                return Poll::Pending;
            }
        }
    })
    .await
}

/// Wakes a parked thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A waker for this thread.
pub(crate) fn unpark_me() -> Waker {
    Waker::from(Arc::new(Unpark(std::thread::current())))
}

/// Parks this thread until it is woken, or until `at`.
pub(crate) fn park_until(at: Option<Nanos>) {
    match at {
        None => std::thread::park(),
        Some(at) => std::thread::park_timeout(clock::left(at).unwrap_or(Duration::ZERO)),
    }
}

/// Parks this thread for so long. Really, whatever clock the rest goes by: a sync call has no other
/// way to let time pass.
pub(crate) fn park_for(time: Duration) {
    std::thread::sleep(time);
}
