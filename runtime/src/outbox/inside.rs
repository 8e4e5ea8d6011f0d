//! What the handler of an entry runs in: the annotated function it calls must not queue the work again,
//! and goes on with the idempotency key of the call that did.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    static INSIDE: Cell<Option<Carried>> = const { Cell::new(None) };
}

/// The key of the entry that is handled, until a call has taken it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Carried {
    key: Option<(u64, u64)>,
    taken: bool,
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
        };
        let future = within(&mut carried, future);
        Self { future, carried }
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
