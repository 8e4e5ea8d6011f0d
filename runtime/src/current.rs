//! What a body can know of the call it runs in.

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task;
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::breaker::Nanos;
use crate::deadline::Deadline;
use crate::scoped;

/// The call around, as its body sees it.
#[derive(Clone, Debug)]
pub(crate) struct Around {
    pub(crate) attempt: u32,
    /// The limit of a body in its first poll, which began just now: no clock was read for it.
    /// [`Nanos::MAX`] where there is none.
    pub(crate) lasts: Nanos,
    pub(crate) ends: Option<Ends>,
    /// The number that makes the idempotency key; zero until someone asks.
    pub(crate) key: Cell<u64>,
    /// The process that made it, where that is another; zero where it is this one.
    #[cfg(feature = "redis")]
    pub(crate) process: Cell<u64>,
}

/// When a call ends, and its attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    /// The call's deadline, or that of a call around it.
    pub(crate) call: Deadline,
    /// The attempt's own limit, once it is known when that ends it.
    pub(crate) attempt: Deadline,
}

impl Ends {
    const NONE: Self = Self {
        call: Deadline::NONE,
        attempt: Deadline::NONE,
    };
}

impl Around {
    /// Outside of any call. Not a constant, which would be copied whole, room for ends included.
    #[inline]
    pub(crate) fn nothing() -> Self {
        Self {
            attempt: 0,
            lasts: Nanos::MAX,
            ends: None,
            key: Cell::new(0),
            #[cfg(feature = "redis")]
            process: Cell::new(0),
        }
    }

    pub(crate) fn ends_mut(&mut self) -> &mut Ends {
        self.ends.get_or_insert(Ends::NONE)
    }

    /// The call's deadline, or that of a call around it.
    pub(crate) fn deadline(&self) -> Deadline {
        self.ends.map_or(Deadline::NONE, |ends| ends.call)
    }

    /// When the attempt ends at the latest.
    fn end(&self) -> Deadline {
        let end = self
            .ends
            .map_or(Deadline::NONE, |ends| ends.call.min(ends.attempt));
        if self.lasts == Nanos::MAX {
            return end;
        }
        end.min(Deadline::of(Duration::from_nanos(self.lasts)))
    }

    fn key(&self) -> u64 {
        if self.key.get() == 0 {
            self.take_key();
        }
        self.key.get()
    }

    fn take_key(&self) {
        #[cfg(feature = "redis")]
        if let Some((process, number)) = crate::outbox::inside::take_key() {
            self.process.set(process);
            return self.key.set(number);
        }
        self.key.set(fresh_key());
    }

    pub(crate) fn idempotency_key(&self) -> IdempotencyKey {
        IdempotencyKey {
            number: self.key(),
            #[cfg(feature = "redis")]
            process: self.process.get(),
            #[cfg(not(feature = "redis"))]
            process: 0,
        }
    }
}

/// When the call around ends, where there is one that does.
#[inline]
pub(crate) fn deadline_around() -> Option<Deadline> {
    scoped::around(Around::end).filter(|end| !end.is_none())
}

/// The annotated call that this runs in, from [`current()`].
#[derive(Clone, Debug)]
pub struct Current(Around);

/// The annotated call that this code runs in: its attempt, the time it has left, and a key that
/// stays the same for all its attempts.
///
/// Outside of any, attempt 0, no limit and a fresh key. A task that is spawned is outside: wrap its
/// future in [`Current::scope`].
///
/// ```
/// use steadfast::{current, resilient};
///
/// #[resilient(retry(max = 3, base = "0s"), deadline = "2s")]
/// async fn charge() -> std::io::Result<String> {
///     if current().attempt() < 3 {
///         return Err(std::io::ErrorKind::ConnectionReset.into());
///     }
///     Ok(current().idempotency_key().to_string()) // the same in attempts 1, 2 and 3
/// }
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// assert_eq!(charge().await.unwrap().len(), 32);
/// # });
/// assert_eq!(current().attempt(), 0);
/// ```
#[must_use]
pub fn current() -> Current {
    let seen = |around: &Around| {
        around.key(); // the same for whoever asks later
        Around {
            lasts: Nanos::MAX,
            ends: Some(Ends {
                call: around.end(),
                ..Ends::NONE
            }),
            ..around.clone()
        }
    };
    Current(scoped::around(seen).unwrap_or_else(|| seen(&outside())))
}

/// What surrounds code outside of any call: nothing, but for the entry that a worker handles.
fn outside() -> Around {
    let around = Around::nothing();
    #[cfg(feature = "redis")]
    if let Some((process, number)) = crate::outbox::inside::key() {
        around.process.set(process);
        around.key.set(number);
    }
    around
}

fn fresh_key() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

impl Current {
    /// The number of the attempt, from 1; 0 outside of any call.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// The time until the attempt is cut, by its own timeout or by a deadline around it; none where
    /// nothing cuts it.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.0.deadline().left()
    }

    /// A key that is the same for every attempt of one call and for no other call: 32 hexadecimal
    /// digits, as payment APIs want in `Idempotency-Key`.
    #[must_use]
    pub fn idempotency_key(&self) -> IdempotencyKey {
        self.0.idempotency_key()
    }

    /// The same call with so much time left at the most, for calls that are made for somebody who
    /// waits no longer.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        let ends = self.0.ends_mut();
        ends.call = ends.call.min(Deadline::of(limit));
        self
    }

    /// Runs `future` inside this call, wherever it is polled: nested calls in a spawned task then
    /// keep to the deadline of the call around.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops `future`, and nothing else.
    pub fn scope<F: Future>(self, future: F) -> Inside<F> {
        Inside {
            future,
            around: self.0,
        }
    }
}

/// A call's idempotency key, from [`Current::idempotency_key`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    number: u64,
    /// Zero where it is this process.
    process: u64,
}

/// Random, so that no two processes make the same key.
static PROCESS: LazyLock<u64> = LazyLock::new(|| fastrand::u64(..));

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let process = match self.process {
            0 => *PROCESS,
            other => other,
        };
        write!(f, "{process:016x}{:016x}", self.number)
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pin_project! {
    /// A future inside a call, from [`Current::scope`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Inside<F> {
        #[pin]
        future: F,
        around: Around,
    }
}

impl<F: Future> Future for Inside<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> task::Poll<F::Output> {
        let this = self.project();
        scoped::inside(this.around, || this.future.poll(context))
    }
}
