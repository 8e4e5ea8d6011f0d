//! An async call as a future: where nothing but its policy and its body makes it, no coroutine is
//! compiled around them for each annotated function.
#![allow(unsafe_code)]

use std::mem::needs_drop;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::Look;
use super::body::{BodyPlace, Clear, Given, Gives, Refuse};
use super::held::Held;
use super::lazy::Lazy;
use super::remade::Remade;
use crate::__private::Attempts;
use crate::site::Site;

/// The future of a call: it begins when it is first polled, and gives the call's result.
#[doc(hidden)]
#[must_use = "futures do nothing unless polled"]
pub struct CallFuture<P: Clear, L, R> {
    /// Pinned with the future. Nothing is left of it where the call is over.
    body: P,
    call: Lazy,
    look: L,
    refuse: R,
}

/// A method of what is unknown where the function returns no `Result`, so that the compiler complains of
/// that alone.
impl<E> Attempts<E> {
    /// A call of one attempt, whose body is an async block.
    #[inline]
    pub const fn once<F, L, R>(
        self,
        site: &'static Site,
        body: F,
        look: L,
        refuse: R,
    ) -> CallFuture<Held<F>, L, R> {
        CallFuture {
            body: Held::new(body),
            call: Lazy::new(site, false),
            look,
            refuse,
        }
    }

    /// A call that may have further attempts; `make` gives the body of each, an async block.
    #[inline]
    pub const fn each<M, F, L, R>(
        self,
        site: &'static Site,
        make: M,
        look: L,
        refuse: R,
    ) -> CallFuture<Remade<M, F>, L, R>
    where
        M: FnMut() -> F,
    {
        CallFuture {
            body: Remade::new(make),
            call: Lazy::new(site, needs_drop::<M>()),
            look,
            refuse,
        }
    }
}

impl<P, T, E, L, R> Future for CallFuture<P, L, R>
where
    P: BodyPlace + Gives<Output = Result<T, E>>,
    L: Look<E> + Copy,
    R: Refuse<E>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        // SAFETY: nothing is moved out of the reference.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: the body is pinned with the future: it is never moved out, is dropped in its place, and
        // the future is `Unpin` only where it is.
        let place = unsafe { Pin::new_unchecked(&mut this.body) };
        let mut given = Given::new(this.look, this.refuse);
        // SAFETY: they are of one body, as the bounds say.
        unsafe { this.call.run(place, &mut given, context) }
        given.result
    }
}

impl<P: Clear, L, R> Drop for CallFuture<P, L, R> {
    /// One that has given its result has nothing to drop.
    #[inline]
    fn drop(&mut self) {
        if !self.call.is_over() {
            let place = NonNull::from(&mut self.body).cast();
            // SAFETY: the body is of this type, pinned, and nobody reaches it or the call any more.
            unsafe { self.call.left(place, P::clear_at) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::task::Waker;

    use super::super::test_bodies::Dropped;
    use super::*;
    use crate::__private::attempts_of;
    use crate::__private::probe::{NoteNothing, Takes, ViaText};
    use crate::rejection::Rejection;

    static SITE: Site = Site::new(concat!(
        module_path!(),
        "::whole\0",
        file!(),
        "\x001\0async\0breaker.name=whole"
    ));

    const LOOK: (ViaText, NoteNothing) = (ViaText, NoteNothing);

    type Given = Result<u32, Rejection>;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn failure() -> Rejection {
        Rejection::Timeout {
            limit: std::time::Duration::ZERO,
        }
    }

    /// What a body is made with, and what it gives: the first poll pending, if it is to be.
    async fn body(guard: Dropped<'_>, pends: bool, given: Given) -> Given {
        let _guard = guard;
        if pends {
            let mut polled = false;
            std::future::poll_fn(|_| {
                if std::mem::replace(&mut polled, true) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        }
        given
    }

    // The first call of a site finds its policy the long way, the others at once.
    #[test]
    fn unsafe_cell_a_call_polls_its_body_to_its_result_and_leaves_nothing() {
        for (pends, given) in [(false, Ok(7)), (false, Ok(8)), (true, Ok(9))] {
            let drops = Cell::new(0);
            let guard = Dropped(&drops);
            let attempts = attempts_of::<Given>();
            {
                let own = given.clone();
                let call = attempts.once(&SITE, body(guard, pends, own), LOOK, Takes);
                let mut call = pin!(call);
                if pends {
                    assert!(poll(call.as_mut()).is_pending());
                }
                assert_eq!(poll(call.as_mut()), Poll::Ready(given));
                assert_eq!(drops.get(), 1);
            }
            assert_eq!(drops.get(), 1);
        }
    }

    #[test]
    fn unsafe_cell_a_call_that_makes_its_bodies_drops_what_they_are_made_of() {
        for (pends, given) in [(false, Ok(7)), (true, Ok(8)), (false, Err(failure()))] {
            let drops = Cell::new(0);
            let kept = Dropped(&drops);
            let attempts = attempts_of::<Given>();
            let own = given.clone();
            let make = move || body(kept.clone(), pends, own.clone());
            let mut call = pin!(attempts.each(&SITE, make, LOOK, Takes));
            if pends {
                assert!(poll(call.as_mut()).is_pending());
            }
            assert_eq!(poll(call.as_mut()), Poll::Ready(given));
            assert_eq!(drops.get(), 2);
        }
    }

    #[test]
    fn unsafe_cell_a_call_that_is_dropped_leaves_nothing() {
        for polls in 0..2 {
            let drops = Cell::new(0);
            let kept = Dropped(&drops);
            let attempts = attempts_of::<Given>();
            {
                let make = move || body(kept.clone(), true, Ok(7));
                let mut call = pin!(attempts.each(&SITE, make, LOOK, Takes));
                for _ in 0..polls {
                    assert!(poll(call.as_mut()).is_pending());
                }
            }
            assert_eq!(drops.get(), 1 + polls);
        }
    }

    #[test]
    fn unsafe_cell_a_call_whose_body_panics_leaves_nothing() {
        let drops = Cell::new(0);
        let kept = Dropped(&drops);
        let make = move || {
            let own = kept.clone();
            async move {
                let own = own;
                assert!(own.0.get() > 0, "polled");
                Given::Ok(7)
            }
        };
        let attempts = attempts_of::<Given>();
        let mut call = pin!(attempts.each(&SITE, make, LOOK, Takes));
        let polled = || poll(call.as_mut()).is_ready();
        assert!(catch_unwind(AssertUnwindSafe(polled)).is_err());
        assert_eq!(drops.get(), 2);
    }
}
