//! What the handler of an entry runs in: the annotated function it calls must not queue the work again,
//! goes on with the idempotency key of the call that did, and leaves word where a guard refused it, since
//! the error that becomes of it may not show that.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::rejection::Rejection;

thread_local! {
    static INSIDE: Cell<Option<Carried>> = const { Cell::new(None) };
}

/// What a handler carries from poll to poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Carried {
    /// The key of the entry that is handled.
    key: Option<(u64, u64)>,
    /// Whether a call has taken it.
    taken: bool,
    /// What refused the last call that came to no value.
    refused: Option<Refused>,
}

/// A refusal that says nothing of the work, with the time until the next try is worth while, where that is
/// known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// By a breaker: whoever goes on would only be refused as well.
    Open(Option<Duration>),
    /// By a rate limit or a bulkhead.
    Busy(Option<Duration>),
}

impl Refused {
    pub(super) fn by(rejection: &Rejection) -> Option<Self> {
        match rejection {
            Rejection::CircuitOpen { retry_in, .. } => Some(Self::Open(*retry_in)),
            Rejection::RateLimited { .. }
            | Rejection::LimiterUnavailable { .. }
            | Rejection::BulkheadFull { .. } => Some(Self::Busy(rejection.retry_in())),
            _ => None,
        }
    }
}

/// A call of the handler ends in this.
pub(crate) fn note_rejection(rejection: &Rejection) {
    note(|| Refused::by(rejection));
}

/// A call of the handler had its body's own error.
pub(crate) fn note_failure() {
    note(|| None);
}

fn note(refused: impl FnOnce() -> Option<Refused>) {
    if let Some(carried) = INSIDE.get() {
        INSIDE.set(Some(Carried {
            refused: refused(),
            ..carried
        }));
    }
}

/// Whether an entry is being handled here.
pub(crate) fn is_inside() -> bool {
    INSIDE.get().is_some()
}

/// The key of the entry, for the first call that asks; later ones have keys of their own.
pub(crate) fn take_key() -> Option<(u64, u64)> {
    let carried = INSIDE.get()?;
    if carried.taken {
        return None;
    }
    INSIDE.set(Some(Carried {
        taken: true,
        ..carried
    }));
    carried.key
}

/// The key of the entry, for the handler itself.
pub(crate) fn key() -> Option<(u64, u64)> {
    INSIDE.get()?.key
}

/// A handler's future.
pub(super) struct Handling {
    future: Pin<Box<dyn Future<Output = super::Handled> + Send>>,
    carried: Carried,
}

impl Handling {
    pub(super) fn new(
        key: &str,
        future: impl FnOnce() -> Pin<Box<dyn Future<Output = super::Handled> + Send>>,
    ) -> Self {
        let mut carried = Carried {
            key: parse(key),
            taken: false,
            refused: None,
        };
        let future = within(&mut carried, future);
        Self { future, carried }
    }

    pub(super) fn refused(&self) -> Option<Refused> {
        self.carried.refused
    }
}

impl Future for Handling {
    type Output = super::Handled;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<super::Handled> {
        let Self { future, carried } = &mut *self;
        within(carried, || future.as_mut().poll(context))
    }
}

/// Puts what was there before back, whatever way `work` ends.
struct Restore(Option<Carried>);

impl Drop for Restore {
    fn drop(&mut self) {
        INSIDE.set(self.0);
    }
}

fn within<R>(carried: &mut Carried, work: impl FnOnce() -> R) -> R {
    let _outer = Restore(INSIDE.replace(Some(*carried)));
    let result = work();
    if let Some(now) = INSIDE.get() {
        *carried = now;
    }
    result
}

/// A key in the form of `IdempotencyKey`'s text.
fn parse(key: &str) -> Option<(u64, u64)> {
    let (process, number) = (key.get(..16)?, key.get(16..32)?);
    let half = |digits| u64::from_str_radix(digits, 16).ok();
    Some((half(process)?, half(number)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_call_of_a_handler_takes_the_key_and_the_handler_sees_it_all_the_time() {
        let handled = Handling::new("00000000000000aa00000000000000bb", || {
            assert!(is_inside());
            Box::pin(async {
                assert_eq!(take_key(), Some((0xaa, 0xbb)));
                assert_eq!((take_key(), key()), (None, Some((0xaa, 0xbb))));
                Ok(())
            })
        });
        let mut handled = Box::pin(handled);
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(handled.as_mut().poll(&mut context).is_ready());
        assert!(!is_inside());
        assert_eq!((take_key(), key()), (None, None));
    }

    #[test]
    fn the_last_refusal_is_known_unless_a_failure_came_after_it() {
        let open = Rejection::CircuitOpen {
            breaker: steadfast_options::Name::from_static("mail"),
            retry_in: Some(Duration::from_secs(3)),
        };
        let left_by = |acts: fn(&Rejection)| {
            let of = open.clone();
            let handled = Handling::new("", move || {
                acts(&of);
                Box::pin(async { Ok(()) })
            });
            handled.refused()
        };
        let refused = Refused::Open(Some(Duration::from_secs(3)));
        assert_eq!(left_by(|_| ()), None);
        assert_eq!(left_by(note_rejection), Some(refused));
        let failed = |open: &Rejection| {
            note_rejection(open);
            note_failure();
        };
        assert_eq!(left_by(failed), None);
        note_rejection(&open); // outside of any handler
        assert_eq!(left_by(|_| ()), None);
    }

    #[test]
    fn a_key_of_another_form_is_none() {
        for text in [
            "",
            "aa",
            "zz000000000000aa00000000000000bb",
            "äöüäöüäöüäöüäöüäöü",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
