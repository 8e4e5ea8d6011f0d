//! From a key to an answer, or to leave to make the call.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use steadfast_options::Mode;

use super::cache::{Cache, Count, Lease};
use super::flight::{Flight, Landed, Sharing};
use super::{Answer, Answerable};
use crate::breaker::Nanos;
use crate::keys::Key;
use crate::policy::PolicyRef;
use crate::telemetry::Served;
use crate::{clock, wait};

/// What a cache has for a call.
pub enum Found<T, E> {
    /// The call need not be made.
    Answer(Result<T, E>),
    /// It is to be made; where there is an old answer, behind the caller, who gets that.
    Call(Lease, Option<T>),
}

/// What comes next for who asks.
pub(super) enum Next<T, E> {
    Found(Found<T, E>),
    /// The call is to be made, unless instances share answers and another has one; there may be an old
    /// answer.
    Lead(Lease, Option<Arc<Answer>>),
    /// Another makes the call.
    Wait(Flight),
}

/// Looks for the answer of a key, and waits for another's call of it.
///
/// # Cancel safety
///
/// Nothing is lost: who waits takes nothing from the others.
pub async fn find<T: Answerable, E>(
    policy: &PolicyRef,
    key: Key,
    sharing: Sharing<E>,
) -> Found<T, E> {
    let Some(cache) = policy.cache() else {
        return Found::Call(Lease::NONE, None);
    };
    let key = key.typed::<T>();
    loop {
        let flight = match cache.next(key) {
            Next::Found(found) => return found,
            Next::Lead(lease, old) => return cache.lead(lease, old),
            Next::Wait(flight) => flight,
        };
        if let Some(found) = waited(cache, key, sharing, flight).await {
            return found;
        }
    }
}

/// What another's call comes to; none where one of those who wait makes the next.
pub(super) async fn waited<T: Answerable, E>(
    cache: &Cache,
    key: Key,
    sharing: Sharing<E>,
    mut flight: Flight,
) -> Option<Found<T, E>> {
    // Its end without a word means that the call was dropped.
    let landed = flight.wait_for(Option::is_some).await;
    let landed = landed.ok().and_then(|landed| landed.clone());
    landed.and_then(|landed| cache.landed(key, &landed, sharing))
}

/// As [`find`], for a sync function: parks the thread while another makes the call.
pub fn find_blocking<T: Answerable, E>(
    policy: &PolicyRef,
    key: Key,
    sharing: Sharing<E>,
) -> Found<T, E> {
    let Some(cache) = policy.cache() else {
        return Found::Call(Lease::NONE, None);
    };
    let key = key.typed::<T>();
    loop {
        let flight = match cache.next(key) {
            Next::Found(found) => return found,
            Next::Lead(lease, old) => return cache.lead(lease, old),
            Next::Wait(flight) => flight,
        };
        if let Some(found) = parked(cache, key, sharing, flight) {
            return found;
        }
    }
}

/// As [`waited`], for a sync function.
pub(super) fn parked<T: Answerable, E>(
    cache: &Cache,
    key: Key,
    sharing: Sharing<E>,
    flight: Flight,
) -> Option<Found<T, E>> {
    let Ok(landed) = park_for(flight) else {
        // The call around ends now, which the call's own guards will say.
        return Some(Found::Call(cache.alone(key), None));
    };
    landed.and_then(|landed| cache.landed(key, &landed, sharing))
}

/// The deadline of the call around has come.
struct OutOfTime;

/// Waits for a call's end; none where it came without a word.
#[cold]
fn park_for(mut flight: Flight) -> Result<Option<Landed>, OutOfTime> {
    let end = match wait::longest() {
        Nanos::MAX => None,
        longest => Some(clock::precise().saturating_add(longest)),
    };
    let waker = wait::unpark_me();
    let mut landing = pin!(flight.wait_for(Option::is_some));
    loop {
        if let Poll::Ready(landed) = landing.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Ok(landed.ok().and_then(|landed| landed.clone()));
        }
        if end.is_some_and(|end| clock::left(end).is_none()) {
            return Err(OutOfTime);
        }
        wait::park_until(end);
    }
}

impl Cache {
    /// An answer that skips the call.
    #[cfg(feature = "redis")]
    pub(super) fn fresh(&self, key: Key) -> Option<Arc<Answer>> {
        let answer = self.store.answers.get(key)?;
        let serves = answer.age(self.fresh) < self.fresh && self.mode == Mode::Enforce;
        serves.then_some(answer)
    }

    #[inline]
    pub(super) fn next<T: Answerable, E>(&self, key: Key) -> Next<T, E> {
        if let Some(answer) = self.store.answers.get(key)
            && answer.age(self.fresh) < self.fresh
            && self.mode == Mode::Enforce
            && let Some(value) = answer.value()
        {
            self.served(Served::Fresh);
            return Next::Found(Found::Answer(Ok(value)));
        }
        self.next_without_a_fresh_one(key)
    }

    #[cold]
    #[inline(never)]
    fn next_without_a_fresh_one<T: Answerable, E>(&self, key: Key) -> Next<T, E> {
        if self.mode != Mode::Enforce {
            return Next::Found(Found::Call(self.observe(key), None));
        }
        let old = self.answer(key);
        let found = match (self.store.flights.begin(key), old) {
            (Ok(pilot), old) => {
                let lease = self.lease(key, Some(pilot));
                // The call of another may have ended since we looked.
                if let Some(fresh) = self
                    .answer(key)
                    .filter(|it| it.age(self.fresh) < self.fresh)
                {
                    drop(lease);
                    self.served(Served::Joined);
                    return Next::Found(answered(&fresh));
                }
                return Next::Lead(lease, old);
            }
            (Err(_), Some(old)) => {
                self.served(Served::Stale);
                answered(&old)
            }
            (Err(flight), None) => return Next::Wait(flight),
        };
        Next::Found(found)
    }

    /// An answer that is not too old.
    fn answer(&self, key: Key) -> Option<Arc<Answer>> {
        let answer = self.store.answers.get(key)?;
        if answer.age(self.oldest) < self.oldest {
            return Some(answer);
        }
        self.store.answers.forget(key);
        None
    }

    /// Counts what it would have served, and leaves the call to be made.
    fn observe(&self, key: Key) -> Lease {
        if self.mode == Mode::Off {
            return Lease::NONE;
        }
        match self.answer(key) {
            Some(answer) if answer.age(self.fresh) < self.fresh => self.served(Served::Fresh),
            Some(_) => self.served(Served::Stale),
            None => self.count(Count::Miss),
        }
        self.lease(key, None)
    }

    /// What the end of another's call means; none where it can't be had.
    fn landed<T: Answerable, E>(
        &self,
        key: Key,
        landed: &Landed,
        sharing: Sharing<E>,
    ) -> Option<Found<T, E>> {
        let result = match landed {
            Landed::Answer(answer) => Ok(answer.value()?),
            Landed::Error(error) => Err(sharing.error(&**error)?),
            Landed::Alone => return Some(Found::Call(self.alone(key), None)),
        };
        self.served(Served::Joined);
        Some(Found::Answer(result))
    }
}

pub(super) fn answered<T: Answerable, E>(answer: &Answer) -> Found<T, E> {
    match answer.value() {
        Some(value) => Found::Answer(Ok(value)),
        None => unreachable!("a key is of one type"),
    }
}
