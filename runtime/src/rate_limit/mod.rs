//! Rate limits.

mod gcra;
mod lane;
mod rate;
mod sliding;

use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use steadfast_options::{Mode, Name, RateLimitPatch, defaults};

use crate::breaker::{Nanos, nanos};
use crate::clock;
use crate::config::values::Held;
use crate::config::{Kind, SetValue};
use crate::definition::Definition;
use crate::keys::{Forgettable, Full, Key, Keys};
use crate::mode::SharedMode;
use crate::rejection::Rejection;
use crate::telemetry::would_reject;
use crate::turns::Turn;
use crate::wait;
use lane::Lane;
pub(crate) use lane::Token;
use rate::Rate;

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

/// Which tokens a call takes: a key's own, or the limit's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    All,
    Of(Key),
}

impl Whose {
    pub(crate) fn of(key: &(impl Hash + ?Sized)) -> Self {
        Self::Of(Key::of(key))
    }
}

/// A token, or a place in the queue for one, or no way to one in time.
pub(crate) enum Taken {
    Token(Token),
    Wait(LimitWait),
    Refused(Nanos),
}

/// A place in the queue for a token.
pub(crate) struct LimitWait {
    turn: Turn<Lane>,
    /// Whose clock may become another while it waits.
    limit: RateLimit,
}

impl LimitWait {
    /// The token, once it is there; else when to look again.
    pub(crate) fn poll(&self, waker: &Waker) -> Result<Token, Option<Nanos>> {
        if !self.turn.is_first(waker) {
            return Err(None);
        }
        let taken = self.turn.of().take_in_turn(self.limit.now());
        taken.map_err(|time| Some(clock::precise().saturating_add(time)))
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
    /// # Errors
    ///
    /// [`Rejection::RateLimited`] with the time until there is one.
    #[inline]
    pub fn try_acquire(&self) -> Result<(), Rejection> {
        self.try_acquire_whose(Whose::All)
    }

    /// As [`try_acquire`](Self::try_acquire), of the tokens of one key. Any `Hash` value is a key;
    /// a borrowed one is the same as an owned one.
    ///
    /// # Errors
    ///
    /// [`Rejection::RateLimited`], also where the key is new and `max_keys` others are in use.
    #[inline]
    pub fn try_acquire_for(&self, key: &(impl Hash + ?Sized)) -> Result<(), Rejection> {
        self.try_acquire_whose(Whose::Of(Key::of(key)))
    }

    /// As [`try_acquire`](Self::try_acquire), with the token; none where the mode lets everybody pass.
    pub(crate) fn try_token(&self) -> Result<Option<Token>, Rejection> {
        if !self.0.mode.enforces() {
            self.take_quietly(Whose::All);
            return Ok(None);
        }
        let taken = self.take(Whose::All);
        taken.map(Some).map_err(|time| self.refuse(time))
    }

    #[inline]
    fn try_acquire_whose(&self, whose: Whose) -> Result<(), Rejection> {
        if !self.0.mode.enforces() {
            self.take_quietly(whose);
            return Ok(());
        }
        match self.take(whose) {
            Ok(_) => Ok(()),
            Err(time) => Err(self.refuse(time)),
        }
    }

    /// Refuses the holder of a handle.
    fn refuse(&self, retry_in: Nanos) -> Rejection {
        self.0.refused_by_hand.fetch_add(1, Ordering::Relaxed);
        self.rejection(retry_in)
    }

    pub(crate) fn refused_by_hand(&self) -> u64 {
        self.0.refused_by_hand.load(Ordering::Relaxed)
    }

    /// Nobody is refused where that is only observed, or nothing is done at all.
    #[cold]
    #[inline(never)]
    fn take_quietly(&self, whose: Whose) {
        if self.mode() == Mode::Observe
            && let Err(time) = self.take(whose)
        {
            would_reject(None, &self.rejection(time));
        }
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
        self.acquire_whose(Whose::All).await
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
        self.acquire_whose(Whose::Of(Key::of(key))).await
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
        self.acquire_whose_within(&Whose::All, wait).await.map(drop)
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
        self.acquire_whose_within(&Whose::of(key), wait)
            .await
            .map(drop)
    }

    async fn acquire_whose(&self, whose: Whose) -> Result<(), Rejection> {
        self.acquire_whose_within(&whose, Duration::MAX)
            .await
            .map(drop)
    }

    /// The token; none where the mode lets everybody pass.
    pub(crate) async fn acquire_whose_within(
        &self,
        whose: &Whose,
        wait: Duration,
    ) -> Result<Option<Token>, Rejection> {
        let whose = *whose;
        if !self.0.mode.enforces() {
            self.take_quietly(whose);
            return Ok(None);
        }
        let wait = wait::longest().min(nanos(wait));
        let end = clock::precise().saturating_add(wait);
        match self.take_or_wait(whose, wait) {
            Taken::Token(token) => Ok(Some(token)),
            Taken::Refused(time) => Err(self.refuse(time)),
            Taken::Wait(place) => {
                wait::until(|waker| match place.poll(waker) {
                    Ok(token) => Ok(Ok(Some(token))),
                    Err(_) if clock::left(end).is_none() => Ok(Err(self.refuse(0))),
                    Err(at) => Err(Some(at.map_or(end, |at| at.min(end)))),
                })
                .await
            }
        }
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

    /// A token at once, or a place in the queue where a turn comes within `wait`.
    pub(crate) fn take_or_wait(&self, whose: Whose, wait: Nanos) -> Taken {
        let now = self.now();
        let queue = |lane: &Arc<Lane>| match lane.take(now) {
            Ok(token) => Taken::Token(token),
            Err(time) if time > wait => Taken::Refused(time),
            Err(time) => match Turn::take(lane, None) {
                Some(turn) => Taken::Wait(LimitWait {
                    turn,
                    limit: self.clone(),
                }),
                None => Taken::Refused(time),
            },
        };
        match whose {
            Whose::All => queue(&self.0.lane),
            Whose::Of(key) => self
                .with(key, now, queue)
                .unwrap_or_else(|full| Taken::Refused(full.retry_in)),
        }
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

    pub(crate) fn rejection(&self, retry_in: Nanos) -> Rejection {
        let retry_in = Some(Duration::from_nanos(retry_in));
        Rejection::RateLimited {
            limiter: self.name(),
            retry_in,
        }
    }

    /// Tokens used and left.
    #[must_use]
    pub fn status(&self) -> LimitStatus {
        self.status_of(Some(&self.0.lane))
    }

    /// Tokens used and left of one key; as good as new where the key is not known.
    #[must_use]
    pub fn status_for(&self, key: &(impl Hash + ?Sized)) -> LimitStatus {
        self.status_whose(&Whose::of(key))
    }

    pub(crate) fn status_whose(&self, whose: &Whose) -> LimitStatus {
        match *whose {
            Whose::All => self.status(),
            Whose::Of(key) => self.status_of(self.0.keys.get(key, Arc::clone).as_ref()),
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
            keys: self.0.keys.len(),
        }
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

/// How much of a rate limit is used, from [`RateLimit::status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitStatus {
    /// Tokens used.
    pub used: u64,
    /// Tokens left now.
    pub left: u64,
    /// Time until all are back.
    pub resets_in: Duration,
    /// Keys kept in memory.
    pub keys: usize,
}
