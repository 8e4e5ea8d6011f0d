//! A call that begins when it is first polled, and its way to its result.
#![allow(unsafe_code)]

use std::mem::{self, MaybeUninit};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::Call;
use super::at_once::Entry;
use super::attempt::Progress;
use super::begin::Start;
use super::body::{Body, BodyPlace, End};
use crate::policy::Resolved;
use crate::registry;
use crate::site::Site;

/// A call that is yet to begin, goes on, or is over. Whoever drops one that is not over ends it by
/// [`left`](Self::left).
pub(super) struct Lazy {
    site: &'static Site,
    phase: Phase,
    /// Whether something has to be dropped where a body has given a value: what further ones would have
    /// been made of.
    keeps: bool,
    /// There while the phase is `Begun`.
    call: MaybeUninit<Call<'static>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Begun,
    Over,
}

impl Lazy {
    #[inline]
    pub(super) const fn new(site: &'static Site, keeps: bool) -> Self {
        Self {
            site,
            phase: Phase::New,
            keeps,
            call: MaybeUninit::uninit(),
        }
    }

    /// Goes on with the call. Once that is over, its result is no longer pending.
    ///
    /// # Panics
    ///
    /// Where it was over before; and where the body panics, which ends the call at once.
    ///
    /// # Safety
    ///
    /// As [`Body::of_parts`] asks for.
    #[inline(never)]
    pub(super) unsafe fn run(
        &mut self,
        place: Pin<&mut dyn BodyPlace>,
        end: &mut dyn End,
        context: &mut Context<'_>,
    ) {
        // SAFETY: the caller promises it.
        let mut body = unsafe { Body::of_parts(place, end) };
        match self.phase {
            Phase::New => {}
            Phase::Begun => return self.go_on(Entry::Long, body, context),
            Phase::Over => polled_when_over(),
        }
        let Some(policy) = self.site.policy.get() else {
            return self.run_apart(body, context);
        };
        let pass = match policy.plain_pass(true) {
            Ok(pass) => pass,
            Err(entry) => return self.run_guarded(policy, entry, body, context),
        };
        Call::write(&mut self.call, policy, Start::plain(policy, pass));
        self.phase = Phase::Begun;
        let running = Running {
            lazy: self,
            body: &mut body,
        };
        let call = running.lazy.begun();
        match call.inside_only(|| running.body.poll(context)) {
            Poll::Ready(true) => {
                let Some(ended) = policy.ends_plainly(pass) else {
                    return call.succeeded_and_tells();
                };
                policy.count(ended);
                // Of a call that began so there is nothing to drop: it keeps no policy, and has no more.
                debug_assert!(call.kept.is_none() && call.more.is_none());
                running.lazy.phase = Phase::Over;
                if running.lazy.keeps {
                    running.body.clear();
                }
                mem::forget(running);
            }
            polled => {
                mem::forget(running);
                self.polled(polled, body, context);
            }
        }
    }

    /// As [`run`](Self::run), from its start on, where its attempt does not start plainly.
    #[inline(never)]
    fn run_guarded(
        &mut self,
        policy: &'static Resolved,
        entry: Entry,
        body: Body<'_>,
        context: &mut Context<'_>,
    ) {
        Call::write(&mut self.call, policy, Start::new());
        self.phase = Phase::Begun;
        self.go_on(entry, body, context);
    }

    /// As [`run`](Self::run), from its start on, with a policy that is not the site's own.
    #[cold]
    #[inline(never)]
    fn run_apart(&mut self, body: Body<'_>, context: &mut Context<'_>) {
        let policy = registry::policy_of(self.site);
        let entry = self.call.write(Call::with(policy)).starts_plainly();
        self.phase = Phase::Begun;
        self.go_on(entry, body, context);
    }

    /// Goes on from an attempt's guards, or with its body.
    #[inline(never)]
    fn go_on(&mut self, entry: Entry, mut body: Body<'_>, context: &mut Context<'_>) {
        let running = Running {
            lazy: self,
            body: &mut body,
        };
        let call = running.lazy.begun();
        let mut progress = call.run_from(entry, running.body, context);
        while progress == Progress::Again {
            progress = call.run_from(Entry::Long, running.body, context);
        }
        running.leave(progress);
    }

    /// The body of the first attempt was polled, and gave no value.
    #[inline(never)]
    fn polled(&mut self, polled: Poll<bool>, mut body: Body<'_>, context: &mut Context<'_>) {
        let running = Running {
            lazy: self,
            body: &mut body,
        };
        match running.lazy.begun().polled(polled, running.body, context) {
            Progress::Again => {
                mem::forget(running);
                self.go_on(Entry::Long, body, context);
            }
            progress => running.leave(progress),
        }
    }

    #[inline]
    fn begun(&mut self) -> &mut Call<'static> {
        debug_assert_eq!(self.phase, Phase::Begun);
        // SAFETY: the phase is `Begun`, which it is only while the call is there.
        unsafe { self.call.assume_init_mut() }
    }

    #[inline]
    fn end(&mut self) {
        self.phase = Phase::Over;
        // SAFETY: the phase was `Begun`, so that the call is there, and is so no longer.
        unsafe { self.call.assume_init_drop() }
    }

    #[cold]
    #[inline(never)]
    fn end_with(&mut self, place: Pin<&mut dyn BodyPlace>) {
        self.end();
        place.clear(false);
    }

    /// Ends a call that is dropped: the body goes before its call, also where its drop panics.
    ///
    /// # Safety
    ///
    /// `place` is what `clear` asks for. Neither the body nor the call is reached afterwards.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn left(&mut self, place: NonNull<()>, clear: unsafe fn(NonNull<()>)) {
        struct Left<'l>(&'l mut Lazy);

        impl Drop for Left<'_> {
            fn drop(&mut self) {
                if self.0.phase == Phase::Begun {
                    self.0.end();
                }
            }
        }

        let _left = Left(self);
        // SAFETY: the caller promises it.
        unsafe { clear(place) }
    }

    /// Whether it has given its result, and nothing is left of it or its body.
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }
}

/// A call on its way, which is over where this is dropped: with its result there, or in a panic. Nothing
/// is left of its body then.
struct Running<'l, 'b> {
    lazy: &'l mut Lazy,
    body: &'l mut Body<'b>,
}

impl Running<'_, '_> {
    /// Leaves the call, which goes on where it is pending.
    fn leave(self, progress: Progress) {
        if progress == Progress::Pending {
            mem::forget(self);
        }
    }
}

impl Drop for Running<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        self.lazy.end_with(self.body.place());
    }
}

#[cold]
#[inline(never)]
fn polled_when_over() -> ! {
    panic!("the future of a call was polled after it had given its result")
}
