//! From a key to an answer, or to leave to make the call, in the whole fleet.
//!
//! Memory is asked first, and only where it has no fresh answer Redis, by one caller of each key. What
//! Redis says goes by the server's clock, and is taken to be as old as it was before it was asked.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::key::{self, Writable};
use super::{Form, Spot};
use crate::__private::KeyValue;
use crate::answers::cache::{Cache, Lease};
use crate::answers::find::{Next, answered, parked, waited};
use crate::answers::{Answer, Answerable, Found, Sharing};
use crate::breaker::Nanos;
use crate::keys::Key;
use crate::policy::PolicyRef;
use crate::shared::answers::{Holder, Reply};
use crate::telemetry::Served;
use crate::{clock, wait};

/// While another instance makes the call: between one look and the next, at first and at most.
const LOOK: Duration = Duration::from_millis(10);
const LOOK_AT_MOST: Duration = Duration::from_millis(100);
/// While another instance refreshes an answer, how long the old one serves here without a look.
const QUIET: Duration = Duration::from_millis(250);

/// What memory has, and the key's text where that is not enough.
pub struct Looked<T> {
    key: Key,
    /// None where it is not needed.
    text: Option<Result<Box<str>, String>>,
    fresh: Option<Arc<Answer>>,
    of: PhantomData<fn() -> T>,
}

/// Looks at what memory has. Only where that is not enough is the key written down.
pub fn look<T: 'static, K>(policy: &PolicyRef, key: &K) -> Looked<T>
where
    K: KeyValue + Writable + ?Sized,
{
    let own = Key::of(key).typed::<T>();
    let cache = policy.cache();
    let fresh = cache.and_then(|cache| cache.fresh(own));
    let shares = fresh.is_none() && cache.is_some_and(|cache| cache.shares);
    Looked {
        key: own,
        text: shares.then(|| key::text_of(key)),
        fresh,
        of: PhantomData,
    }
}

impl<T: Answerable> Looked<T> {
    fn answer<E>(&self, cache: &Cache) -> Option<Found<T, E>> {
        let answer = self.fresh.as_ref()?;
        cache.served(Served::Fresh);
        Some(answered(answer))
    }

    fn spot(self, cache: &Cache, form: Form<T>) -> Option<Spot<T>> {
        cache.store.shelf.spot(self.text?, form)
    }
}

/// As [`find`](crate::__private::find), in the whole fleet.
///
/// # Cancel safety
///
/// Nothing is lost: who waits takes nothing from the others.
pub async fn find_shared<T: Answerable, E>(
    policy: &PolicyRef,
    looked: Looked<T>,
    sharing: Sharing<E>,
    form: Form<T>,
) -> Found<T, E> {
    let Some(cache) = policy.cache() else {
        return Found::Call(Lease::NONE, None);
    };
    if let Some(found) = looked.answer(cache) {
        return found;
    }
    let key = looked.key;
    let spot = looked.spot(cache, form);
    let found = loop {
        // Nothing that holds an error is there while it waits.
        let step = match cache.next(key) {
            Next::Found(found) => break found,
            Next::Lead(lease, old) => Err((lease, old)),
            Next::Wait(flight) => Ok(flight),
        };
        let flight = match step {
            Ok(flight) => flight,
            Err((lease, old)) => match spot {
                Some(spot) => return lead(cache, lease, old, spot).await,
                None => return cache.lead(lease, old),
            },
        };
        if let Some(found) = waited(cache, key, sharing, flight).await {
            break found;
        }
    };
    also_kept(found, spot, cache)
}

/// As [`find_shared`], for a sync function: parks the thread.
pub fn find_shared_blocking<T: Answerable, E>(
    policy: &PolicyRef,
    looked: Looked<T>,
    sharing: Sharing<E>,
    form: Form<T>,
) -> Found<T, E> {
    let Some(cache) = policy.cache() else {
        return Found::Call(Lease::NONE, None);
    };
    if let Some(found) = looked.answer(cache) {
        return found;
    }
    let key = looked.key;
    let spot = looked.spot(cache, form);
    let found = loop {
        let flight = match cache.next(key) {
            Next::Found(found) => break found,
            Next::Lead(lease, old) => match spot {
                Some(spot) => return lead_blocking(cache, lease, old, spot),
                None => return cache.lead(lease, old),
            },
            Next::Wait(flight) => flight,
        };
        if let Some(found) = parked(cache, key, sharing, flight) {
            break found;
        }
    };
    also_kept(found, spot, cache)
}

/// The answer of a call that goes alone is told to Redis, too.
fn also_kept<T: Answerable, E>(
    found: Found<T, E>,
    spot: Option<Spot<T>>,
    cache: &Cache,
) -> Found<T, E> {
    match (found, spot) {
        (Found::Call(lease, old), Some(spot)) => {
            Found::Call(lease.kept_at(spot.with(None, cache.oldest)), old)
        }
        (found, _) => found,
    }
}

async fn lead<T: Answerable, E>(
    cache: &Cache,
    lease: Lease,
    old: Option<Arc<Answer>>,
    spot: Spot<T>,
) -> Found<T, E> {
    let mut pause = LOOK;
    let mut leading = match Leading::begin(cache, lease, old, spot) {
        Heard::Found(found) => return found,
        Heard::Again(leading) => leading,
    };
    loop {
        let asked = clock::precise();
        let reply = leading.spot.ask(Some(cache.fresh)).await;
        leading = match leading.hear(reply, asked) {
            Heard::Found(found) => return found,
            Heard::Again(leading) => leading,
        };
        leading.spot.pause(pause).await;
        pause = (pause * 2).min(LOOK_AT_MOST);
    }
}

fn lead_blocking<T: Answerable, E>(
    cache: &Cache,
    lease: Lease,
    old: Option<Arc<Answer>>,
    spot: Spot<T>,
) -> Found<T, E> {
    let mut pause = LOOK;
    let mut leading = match Leading::begin(cache, lease, old, spot) {
        Heard::Found(found) => return found,
        Heard::Again(leading) => leading,
    };
    loop {
        let asked = clock::precise();
        let reply = leading.spot.ask_blocking(Some(cache.fresh));
        leading = match leading.hear(reply, asked) {
            Heard::Found(found) => return found,
            Heard::Again(leading) => leading,
        };
        let left = Duration::from_nanos(wait::longest());
        if left < pause {
            // The call around ends before the next look, which the call's own guards will say.
            return leading.alone();
        }
        wait::park_for(pause);
        pause = (pause * 2).min(LOOK_AT_MOST);
    }
}

/// What comes of asking.
enum Heard<'c, T, E> {
    Found(Found<T, E>),
    /// Redis is to be asked, for the first time or again.
    Again(Leading<'c, T>),
}

/// The one here that asks Redis about a key.
struct Leading<'c, T> {
    cache: &'c Cache,
    lease: Lease,
    old: Option<Arc<Answer>>,
    spot: Spot<T>,
    /// Which call of another instance it waits for.
    waits_for: Option<String>,
}

impl<'c, T: Answerable> Leading<'c, T> {
    /// Or the old answer, where it was just heard that another instance refreshes it.
    fn begin<E>(
        cache: &'c Cache,
        lease: Lease,
        old: Option<Arc<Answer>>,
        spot: Spot<T>,
    ) -> Heard<'c, T, E> {
        if let Some(old) = old.as_ref().filter(|old| old.is_quiet()) {
            drop(lease);
            cache.served(Served::Stale);
            return Heard::Found(answered(old));
        }
        Heard::Again(Self {
            cache,
            lease,
            old,
            spot,
            waits_for: None,
        })
    }

    /// What an answer of Redis means; itself where it has to look again.
    fn hear<E>(mut self, reply: Option<Reply>, asked: Nanos) -> Heard<'c, T, E> {
        let Some(Reply { kept, holder }) = reply else {
            return Heard::Found(self.alone());
        };
        if let Some(theirs) = kept.and_then(|kept| self.spot.read(&kept, asked)) {
            self.take(theirs);
        }
        if let Some(fresh) = self.old.as_ref().filter(|old| self.is_fresh(old)) {
            self.lease.hand_over(fresh);
            self.cache.served(Served::Fresh);
            return Heard::Found(answered(fresh));
        }
        let holder = match holder {
            Some(Holder::Us(lease)) => {
                let afar = self.spot.with(Some(lease), self.cache.oldest);
                return Heard::Found(self.cache.lead(self.lease.kept_at(afar), self.old));
            }
            Some(Holder::Another(token)) => token,
            // What is fresh there can't be read here.
            None => return Heard::Found(self.alone()),
        };
        if let Some(old) = &self.old {
            old.be_quiet(QUIET);
            self.lease.hand_over(old);
            self.cache.served(Served::Stale);
            return Heard::Found(answered(old));
        }
        // Only the first is waited for: where it came to nothing, there may be a long line behind it.
        if self
            .waits_for
            .as_ref()
            .is_some_and(|first| *first != holder)
        {
            return Heard::Found(self.alone());
        }
        self.waits_for = Some(holder);
        Heard::Again(self)
    }

    fn is_fresh(&self, answer: &Answer) -> bool {
        answer.age(self.cache.fresh) < self.cache.fresh
    }

    /// Takes an answer of another instance over, unless it is too old, or older than what is here.
    fn take(&mut self, theirs: Arc<Answer>) {
        let oldest = self.cache.oldest;
        let is_younger = |old: &Arc<Answer>| theirs.at > old.at;
        if theirs.age(oldest) < oldest && self.old.as_ref().is_none_or(is_younger) {
            self.spot.took();
            self.lease.keep(&theirs);
            self.old = Some(theirs);
        }
    }

    /// Makes the call without a lease of the fleet.
    fn alone<E>(self) -> Found<T, E> {
        let afar = self.spot.with(None, self.cache.oldest);
        self.cache.lead(self.lease.kept_at(afar), self.old)
    }
}
