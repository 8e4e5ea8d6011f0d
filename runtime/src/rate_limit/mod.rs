//! Rate limits.

mod gcra;
mod lane;
mod rate;
#[cfg_attr(not(feature = "redis"), allow(dead_code))] // there is nothing to share it by then
pub(crate) mod shared;
mod sliding;
mod source;
mod status;
mod wait;

use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use steadfast_options::{Mode, Name, RateLimitPatch, Scope, defaults};

use crate::backed::Backed;
use crate::breaker::Nanos;
use crate::clock;
use crate::config::values::Held;
use crate::config::{Kind, SetValue};
use crate::definition::Definition;
use crate::keys::{Forgettable, Full, Key, Keys};
use crate::mode::SharedMode;
use crate::quota::Reach;
use crate::rejection::Rejection;
use crate::telemetry::{Event, report};
use lane::Lane;
pub(crate) use lane::Token;
use rate::Rate;
pub(crate) use shared::SharedLimit;
pub(crate) use source::{Source, Whose};
pub use status::LimitStatus;
pub(crate) use wait::{LimitWait, Patience, Taken, Waited};

/// A handle to a named rate limit. A clone is the same limit.
///
/// ```
/// let limit = steadfast::registry().rate_limit("openai");
/// limit.try_acquire()?;
/// limit.try_acquire_for("user-7")?; // each key has tokens of its own
/// assert_eq!(limit.status_for("user-7").used, 1);
/// # Ok::<(), steadfast::Rejection>(())
/// ```
#[derive(Clone)]
pub struct RateLimit(Arc<Inner>);

struct Inner {
    name: Name,
    rate: Mutex<Rate>,
    held: Held,
    mode: SharedMode,
    refused_by_hand: AtomicU64,
    /// Whether the coarse clock will do.
    coarse: AtomicBool,
    lane: Arc<Lane>,
    keys: Keys<Arc<Lane>>,
    /// With the fleet, where that is its scope and there is a store.
    shared: OnceLock<Backed<Arc<SharedLimit>>>,
    /// Whether the fleet is its scope.
    wants_store: AtomicBool,
    /// Whether it was said that there is no fleet.
    said_alone: AtomicBool,
}

impl Forgettable for Arc<Lane> {
    /// Only a key that is as good as new: forgetting it gives nobody a token.
    fn forgettable_in(&self, now: Nanos) -> Nanos {
        if self.is_fresh(now) {
            0
        } else {
            self.fresh_in(now).max(1)
        }
    }
}

impl RateLimit {
    pub(crate) fn new(name: Name, patch: &RateLimitPatch) -> Self {
        let rate = Rate::new(patch);
        Self(Arc::new(Inner {
            name,
            rate: Mutex::new(rate),
            held: Held::default(),
            mode: SharedMode::default(),
            refused_by_hand: AtomicU64::new(0),
            coarse: AtomicBool::new(rate.allows_coarse_time()),
            lane: Arc::new(Lane::new(rate)),
            keys: Keys::new(patch.max_keys.unwrap_or(defaults::rate_limit::max_keys)),
            shared: OnceLock::new(),
            wants_store: AtomicBool::new(patch.scope == Some(Scope::Shared)),
            said_alone: AtomicBool::new(false),
        }))
    }

    /// Takes another definition over, and keeps what is used.
    pub(crate) fn retuned(&self, patch: &RateLimitPatch) {
        let rate = Rate::new(patch);
        let (now, inner) = (clock::precise(), &*self.0);
        inner
            .coarse
            .store(rate.allows_coarse_time(), Ordering::Relaxed);
        inner
            .keys
            .set_most(patch.max_keys.unwrap_or(defaults::rate_limit::max_keys));
        // Keys that are made from here on have the new rate, the others are brought to it.
        let before = std::mem::replace(&mut *self.rate(), rate);
        if before != rate {
            inner.lane.retune(rate, now);
            inner.keys.each(|lane| lane.retune(rate, now));
        }
        if let Some(shared) = self.joined() {
            shared.retuned(patch);
        }
        self.set_scope(patch.scope);
    }

    /// Whether the fleet is its scope, but there is nothing to share it by.
    pub(crate) fn wants_store(&self) -> bool {
        let has_none = |shared: Option<&Arc<SharedLimit>>| shared.is_none_or(|it| it.has_left());
        self.0.wants_store.load(Ordering::Relaxed) && has_none(self.joined())
    }

    /// There is no fleet: it is local, which is said once.
    pub(crate) fn stays_alone(&self) {
        if !self.0.said_alone.swap(true, Ordering::Relaxed) {
            report(&Event::LimitAlone { name: self.0.name });
        }
    }

    /// Shares it with the fleet that this store is of, once.
    #[cfg_attr(not(feature = "redis"), allow(dead_code))] // there is nothing to share it by then
    pub(crate) fn share(&self, patch: &RateLimitPatch, reach: &Arc<Reach>) {
        let new = || Backed::new(SharedLimit::new(self.0.name, patch, reach));
        self.0.shared.get_or_init(new).join(reach);
        self.set_scope(patch.scope);
    }

    fn set_scope(&self, scope: Option<Scope>) {
        let shared = scope == Some(Scope::Shared);
        self.0.wants_store.store(shared, Ordering::Relaxed);
        self.0.mode.set_shared(shared && self.joined().is_some());
    }

    /// With the fleet, where there is or was a store.
    #[inline]
    fn joined(&self) -> Option<&Arc<SharedLimit>> {
        self.0.shared.get().map(|shared| &**shared)
    }

    /// With the fleet, where that is its scope and there is a store.
    #[inline]
    pub(crate) fn shared(&self) -> Option<&Arc<SharedLimit>> {
        self.joined().filter(|_| self.0.mode.is_shared())
    }

    fn rate(&self) -> MutexGuard<'_, Rate> {
        self.0.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time, as precise as it must be. Called, not written into its callers, who would hold both
    /// clocks then.
    #[inline(never)]
    fn now(&self) -> Nanos {
        if self.0.coarse.load(Ordering::Relaxed) {
            clock::now()
        } else {
            clock::precise()
        }
    }

    /// The limit's name.
    #[must_use]
    pub fn name(&self) -> Name {
        self.0.name
    }

    /// Every option of it, with the layer that set it.
    #[must_use]
    pub fn values(&self) -> Vec<SetValue> {
        self.0.held.values()
    }

    pub(crate) fn hold(&self, definition: Arc<Definition>) {
        self.0.held.set(Kind::RateLimit, definition);
    }

    /// Takes a token if there is one and nobody waits for it.
    ///
    /// Of a shared limit, where none is at hand, the thread waits for Redis, 100 ms at most: in async code
    /// write `acquire_within(Duration::ZERO).await`.
    ///
    /// # Errors
    ///
    /// [`Rejection::RateLimited`] with the time until there is one; [`Rejection::LimiterUnavailable`]
    /// where a shared limit is out of reach for longer than `fail_open`.
    #[inline]
    pub fn try_acquire(&self) -> Result<(), Rejection> {
        if !self.0.mode.is_plain() {
            return match self.take_at_hand() {
                Some(_) => Ok(()),
                None => self.try_from(&self.source_of_all()).map(drop),
            };
        }
        self.take(Whose::All)
            .map(drop)
            .map_err(|time| self.refuse(time))
    }

    /// As [`try_acquire`](Self::try_acquire), of the tokens of one key. Any `Hash` value is a key;
    /// a borrowed one is the same as an owned one.
    ///
    /// A shared limit tells keys apart by what their `Hash` writes, which must be the same in every
    /// instance: so it is of text, numbers, addresses, and what is made of them.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire); [`Rejection::RateLimited`] also where the key is new and
    /// `max_keys` others are in use.
    #[inline]
    pub fn try_acquire_for(&self, key: &(impl Hash + ?Sized)) -> Result<(), Rejection> {
        if !self.0.mode.is_plain() {
            return self.try_from(&self.source_of(key)).map(drop);
        }
        self.take(Whose::of(key))
            .map(drop)
            .map_err(|time| self.refuse(time))
    }

    /// Refuses the holder of a handle.
    fn refuse(&self, retry_in: Nanos) -> Rejection {
        self.note_refusal();
        self.rejection(retry_in)
    }

    fn note_refusal(&self) {
        self.0.refused_by_hand.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused_by_hand(&self) -> u64 {
        self.0.refused_by_hand.load(Ordering::Relaxed)
    }

    pub(crate) fn mode(&self) -> Mode {
        self.0.mode.get()
    }

    pub(crate) fn set_mode(&self, mode: Option<Mode>) {
        self.0.mode.set(mode);
    }

    /// Takes a token, waiting for its turn: first come first served, for as long as it takes.
    ///
    /// # Errors
    ///
    /// [`Rejection::RateLimited`] where the turn would come after the deadline of the call around.
    ///
    /// # Cancel safety
    ///
    /// Who stops waiting gives the turn to the next, and spends nothing.
    pub async fn acquire(&self) -> Result<(), Rejection> {
        self.acquire_within(Duration::MAX).await
    }

    /// As [`acquire`](Self::acquire), of the tokens of one key.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire), and at once where the key is new and `max_keys` others are in
    /// use.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    pub async fn acquire_for(&self, key: &(impl Hash + ?Sized)) -> Result<(), Rejection> {
        self.acquire_within_for(key, Duration::MAX).await
    }

    /// Takes a token, waiting for its turn no longer than `wait`, nor past the deadline of the call
    /// around. With a wait of zero it is [`try_acquire`](Self::try_acquire) for async code.
    ///
    /// # Errors
    ///
    /// [`Rejection::RateLimited`], at once, where the turn would come too late.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    pub async fn acquire_within(&self, wait: Duration) -> Result<(), Rejection> {
        self.acquire_from(&self.source_of_all(), wait)
            .await
            .map(drop)
    }

    /// As [`acquire_within`](Self::acquire_within), of the tokens of one key.
    ///
    /// # Errors
    ///
    /// As [`acquire_within`](Self::acquire_within), and at once where the key is new and `max_keys`
    /// others are in use.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    pub async fn acquire_within_for(
        &self,
        key: &(impl Hash + ?Sized),
        wait: Duration,
    ) -> Result<(), Rejection> {
        self.acquire_from(&self.source_of(key), wait)
            .await
            .map(drop)
    }

    /// A token at once, or the time until there is one.
    #[inline]
    pub(crate) fn take(&self, whose: Whose) -> Result<Token, Nanos> {
        match whose {
            Whose::All => self.0.lane.take(self.now()),
            Whose::Of(key) => self.take_of(key),
        }
    }

    #[inline(never)]
    fn take_of(&self, key: Key) -> Result<Token, Nanos> {
        let now = self.now();
        self.with(key, now, |lane| lane.take(now))
            .unwrap_or_else(|full| Err(full.retry_in))
    }

    fn with<R>(&self, key: Key, now: Nanos, act: impl FnOnce(&Arc<Lane>) -> R) -> Result<R, Full> {
        self.0
            .keys
            .with(key, now, || Arc::new(Lane::new(*self.rate())), act)
    }

    /// Gives back a token of a call that did not run.
    pub(crate) fn give_back(&self, whose: Whose, token: Token) {
        match whose {
            Whose::All => self.0.lane.give_back(token),
            Whose::Of(key) => {
                self.0.keys.get(key, |lane| lane.give_back(token));
            }
        }
    }

    #[inline]
    pub(crate) fn rejection(&self, retry_in: Nanos) -> Rejection {
        let retry_in = Some(Duration::from_nanos(retry_in));
        Rejection::RateLimited {
            limiter: self.name(),
            retry_in,
        }
    }

    /// Out of reach, and its fallback over.
    pub(crate) fn unavailable(&self) -> Rejection {
        Rejection::LimiterUnavailable {
            limiter: self.name(),
        }
    }

    /// Tokens used and left.
    #[must_use]
    pub fn status(&self) -> LimitStatus {
        self.status_from(&self.source_of_all())
    }

    /// Tokens used and left of one key; as good as new where the key is not known.
    #[must_use]
    pub fn status_for(&self, key: &(impl Hash + ?Sized)) -> LimitStatus {
        match self.shared() {
            None => self.status_from(&Source::Here(Whose::of(key))),
            Some(shared) => match shared.known(Key::of(key)) {
                Some(lane) => self.status_from(&Source::Shared(Backed::new(lane))),
                None => self.status_of(None),
            },
        }
    }

    fn status_of(&self, lane: Option<&Arc<Lane>>) -> LimitStatus {
        let now = self.now();
        let most = self.rate().most();
        let left = lane.map_or(most, |lane| lane.left(now));
        LimitStatus {
            used: most.saturating_sub(left),
            left,
            resets_in: Duration::from_nanos(lane.map_or(0, |lane| lane.fresh_in(now))),
            keys: self.keys(),
            degraded: self.is_degraded(),
        }
    }

    /// Whether the fleet is its scope, but this instance goes by itself.
    fn is_degraded(&self) -> bool {
        self.0.wants_store.load(Ordering::Relaxed)
            && self.shared().is_none_or(|shared| shared.is_degraded())
    }

    fn keys(&self) -> usize {
        self.shared()
            .map_or_else(|| self.0.keys.len(), |shared| shared.keys())
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("name", &self.name())
            .field("status", &self.status())
            .finish()
    }
}
