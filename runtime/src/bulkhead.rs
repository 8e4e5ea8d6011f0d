//! Bulkheads: so many calls at a time (Nygard, "Release It!", 2007).

mod by_hand;
#[cfg_attr(not(feature = "redis"), allow(dead_code))] // there is nothing to share it by then
mod hall;
#[cfg_attr(not(feature = "redis"), allow(dead_code))] // there is nothing to share it by then
pub(crate) mod shared;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use steadfast_options::{BulkheadPatch, Mode, Name, Scope, defaults};

use crate::backed::Backed;
use crate::config::values::Held;
use crate::config::{Kind, SetValue};
use crate::definition::Definition;
use crate::lasting::{Forever, Lasting};
use crate::mode::SharedMode;
use crate::quota::Reach;
use crate::quota::outage::Terms;
use crate::rejection::Rejection;
use crate::telemetry::{Event, report, would_reject};
use crate::turns::{Queued, Turn, Turns};
use crate::{clock, current, wait};
use shared::SharedPlaces;

/// Places taken in the lower half of the word, waiters in the upper: one word, so that who gives
/// a place back sees who waits for it.
const ONE_WAITER: u64 = 1 << 32;
const TAKEN: u64 = ONE_WAITER - 1;

pub(crate) struct Places {
    pub(crate) name: Name,
    max: AtomicU32,
    /// How many may wait; more than there can be where any number may.
    queue: AtomicU64,
    held: Held,
    mode: SharedMode,
    refused_by_hand: AtomicU64,
    forever: Forever<Bulkhead>,
    word: AtomicU64,
    turns: Turns,
    /// With the fleet, where that is its scope and there is a store.
    shared: OnceLock<Backed<Arc<SharedPlaces>>>,
    /// Whether the fleet is its scope.
    wants_store: AtomicBool,
    /// Whether it was said that there is no fleet.
    said_alone: AtomicBool,
}

impl Places {
    pub(crate) fn new(name: Name, patch: &BulkheadPatch) -> Self {
        Self {
            name,
            max: AtomicU32::new(patch.max.unwrap_or(defaults::bulkhead::max)),
            queue: AtomicU64::new(patch.queue.map_or(u64::MAX, u64::from)),
            held: Held::default(),
            mode: SharedMode::default(),
            refused_by_hand: AtomicU64::new(0),
            forever: Forever::default(),
            word: AtomicU64::new(0),
            turns: Turns::default(),
            shared: OnceLock::new(),
            wants_store: AtomicBool::new(patch.scope == Some(Scope::Shared)),
            said_alone: AtomicBool::new(false),
        }
    }

    /// With the fleet, where there is or was a store.
    #[inline]
    fn joined_fleet(&self) -> Option<&Arc<SharedPlaces>> {
        self.shared.get().map(|shared| &**shared)
    }

    /// With the fleet, where that is its scope and there is a store.
    #[inline]
    pub(crate) fn shared(&self) -> Option<&Arc<SharedPlaces>> {
        self.joined_fleet().filter(|_| self.mode.is_shared())
    }

    /// While it is shared somebody seems to wait, for whom nobody passes: so whoever has a fast way finds it
    /// closed, and who leaves comes by [`gave_back`](Self::gave_back).
    fn set_scope(&self, scope: Option<Scope>) {
        let wants = scope == Some(Scope::Shared);
        self.wants_store.store(wants, Ordering::Relaxed);
        let Some(shared) = self.joined_fleet() else {
            return;
        };
        if self.mode.set_shared(wants) == wants {
            return;
        }
        if wants {
            self.word.fetch_add(ONE_WAITER, Ordering::Relaxed);
        } else {
            self.word.fetch_sub(ONE_WAITER, Ordering::Relaxed);
            shared.disband();
            self.turns.wake_first();
        }
    }

    /// Notes one who entered with the fleet's leave.
    pub(crate) fn entered_shared(&self) {
        self.word.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes other bounds over. Who is inside stays, be it more than may now enter.
    fn retune(&self, patch: &BulkheadPatch) {
        let max = patch.max.unwrap_or(defaults::bulkhead::max);
        let queue = patch.queue.map_or(u64::MAX, u64::from);
        self.queue.store(queue, Ordering::Relaxed);
        self.max.store(max, Ordering::Relaxed);
        if let Some(shared) = self.joined_fleet() {
            shared.retune(max);
        }
        self.set_scope(patch.scope);
        self.turns.wake_first(); // who enters wakes the next
    }

    #[inline]
    pub(crate) fn max(&self) -> u32 {
        self.max.load(Ordering::Relaxed)
    }

    /// How many may wait; none where any number may.
    pub(crate) fn queue(&self) -> Option<u32> {
        self.queue.load(Ordering::Relaxed).try_into().ok()
    }

    /// Takes a place, unless others wait for one.
    #[inline]
    pub(crate) fn try_take(&self) -> bool {
        self.take_where(|word| word < u64::from(self.max()))
    }

    /// Takes a place for whoever's turn it is.
    pub(crate) fn take_in_turn(&self) -> bool {
        self.take_where(|word| word & TAKEN < u64::from(self.max()))
    }

    #[inline]
    fn take_where(&self, free: impl Fn(u64) -> bool) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while free(word) {
            match self.word.compare_exchange_weak(
                word,
                word + 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(newer) => word = newer,
            }
        }
        false
    }

    #[inline]
    pub(crate) fn give_back(&self) {
        if self.word.fetch_sub(1, Ordering::Release) >= ONE_WAITER {
            self.gave_back();
        }
    }

    #[cold]
    #[inline(never)]
    fn gave_back(&self) {
        if let Some(shared) = self.shared() {
            shared.leave();
        }
        self.turns.wake_first();
    }

    pub(crate) fn active(&self) -> u32 {
        (self.word.load(Ordering::Relaxed) & TAKEN) as u32
    }

    pub(crate) fn waiting(&self) -> u32 {
        match self.shared() {
            Some(shared) => shared.waiting(),
            None => (self.word.load(Ordering::Relaxed) >> 32) as u32,
        }
    }

    /// Whether who comes now and finds no place would be refused, though he may wait.
    pub(crate) fn is_queue_full(&self) -> bool {
        self.queue().is_some_and(|most| self.waiting() >= most)
    }

    pub(crate) fn rejection(&self) -> Rejection {
        Rejection::BulkheadFull {
            bulkhead: self.name,
            max: self.max(),
        }
    }

    /// Out of reach, and its fallback over.
    pub(crate) fn unavailable(&self) -> Rejection {
        Rejection::LimiterUnavailable { limiter: self.name }
    }
}

impl Queued for Places {
    fn turns(&self) -> &Turns {
        &self.turns
    }

    fn joined(&self) {
        self.word.fetch_add(ONE_WAITER, Ordering::Relaxed);
    }

    fn left(&self) {
        self.word.fetch_sub(ONE_WAITER, Ordering::Relaxed);
    }
}

/// A handle to a named bulkhead. A clone is the same bulkhead.
///
/// ```
/// let bulkhead = steadfast::registry().bulkhead("db");
/// let place = bulkhead.try_enter()?;
/// assert_eq!(bulkhead.status().active, 1);
/// drop(place); // gives the place back
/// assert_eq!(bulkhead.status().active, 0);
/// # Ok::<(), steadfast::Rejection>(())
/// ```
#[derive(Clone)]
pub struct Bulkhead(pub(crate) Arc<Places>);

impl Bulkhead {
    pub(crate) fn new(name: Name, patch: &BulkheadPatch) -> Self {
        Self(Arc::new(Places::new(name, patch)))
    }

    /// Takes another definition over, and keeps who is inside and who waits.
    pub(crate) fn retuned(&self, patch: &BulkheadPatch) {
        self.0.retune(patch);
    }

    /// The bulkhead's name.
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
        self.0.held.set(Kind::Bulkhead, definition);
    }

    /// Whether the fleet is its scope, but there is nothing to share it by.
    pub(crate) fn wants_store(&self) -> bool {
        let has_none = |shared: Option<&Arc<SharedPlaces>>| shared.is_none_or(|it| it.has_left());
        self.0.wants_store.load(Ordering::Relaxed) && has_none(self.0.joined_fleet())
    }

    /// There is no fleet: it is local, which is said once.
    pub(crate) fn stays_alone(&self) {
        if !self.0.said_alone.swap(true, Ordering::Relaxed) {
            report(&Event::LimitAlone { name: self.0.name });
        }
    }

    /// Shares it with the fleet that this store is of, once.
    #[cfg_attr(not(feature = "redis"), allow(dead_code))] // there is nothing to share it by then
    pub(crate) fn share(&self, patch: &BulkheadPatch, terms: Terms, reach: &Arc<Reach>) {
        let new = || Backed::new(SharedPlaces::new(self.0.name, self.0.max(), terms, reach));
        let shared = self.0.shared.get_or_init(new);
        shared.set_terms(terms);
        shared.join(reach);
        self.0.set_scope(patch.scope);
    }

    /// Takes a place if there is one and nobody waits for it.
    ///
    /// Of a shared bulkhead the thread waits for Redis, 100 ms at most: in async code write `enter`.
    ///
    /// # Errors
    ///
    /// [`Rejection::BulkheadFull`]; [`Rejection::LimiterUnavailable`] where a shared one is out of reach
    /// for longer than the `fail_open` of rate limits.
    #[inline]
    pub fn try_enter(&self) -> Result<Place, Rejection> {
        if !self.0.mode.is_plain() {
            return self.enter_quietly();
        }
        if self.0.try_take() {
            Ok(self.place())
        } else {
            Err(self.refuse())
        }
    }

    /// Refuses the holder of a handle.
    fn refuse(&self) -> Rejection {
        self.0.refused_by_hand.fetch_add(1, Ordering::Relaxed);
        self.0.rejection()
    }

    pub(crate) fn refused_by_hand(&self) -> u64 {
        self.0.refused_by_hand.load(Ordering::Relaxed)
    }

    /// Nobody is refused where that is only observed, or nothing is done at all.
    #[cold]
    #[inline(never)]
    fn enter_quietly(&self) -> Result<Place, Rejection> {
        if self.mode() == Mode::Off {
            return Ok(Place(None));
        }
        let entered = match self.0.shared() {
            Some(shared) => self.enter_shared_blocking(shared),
            None if self.0.try_take() => Ok(self.place()),
            None => Err(self.0.rejection()),
        };
        self.enforce(entered)
    }

    fn enforce(&self, entered: Result<Place, Rejection>) -> Result<Place, Rejection> {
        match entered {
            Err(rejection) if self.mode() == Mode::Observe => {
                would_reject(None, &rejection);
                Ok(Place(None))
            }
            entered => entered,
        }
    }

    fn place(&self) -> Place {
        Place(Some(self.0.forever.or_counted(self)))
    }

    pub(crate) fn live_forever(&self) {
        self.0.forever.keep(self);
    }

    pub(crate) fn mode(&self) -> Mode {
        self.0.mode.get()
    }

    pub(crate) fn set_mode(&self, mode: Option<Mode>) {
        self.0.mode.set(mode);
    }

    /// Takes a place, waiting for its turn: first come first served, for as long as it takes, but
    /// not past the deadline of the call around.
    ///
    /// # Errors
    ///
    /// [`Rejection::BulkheadFull`] where as many wait as may, or the deadline of the call around
    /// comes first.
    ///
    /// # Cancel safety
    ///
    /// Who stops waiting gives the turn to the next.
    pub async fn enter(&self) -> Result<Place, Rejection> {
        match self.0.shared() {
            _ if self.mode() == Mode::Off => return Ok(Place(None)),
            Some(shared) => return self.enter_shared(shared).await,
            None if !self.0.mode.enforces() => return self.try_enter(),
            None => {}
        }
        if self.0.try_take() {
            return Ok(self.place());
        }
        let Some(turn) = Turn::take(&self.0, self.0.queue()) else {
            return Err(self.refuse());
        };
        let end = current::deadline_around();
        let entered = wait::until(|waker| {
            if turn.is_first(waker) && self.0.take_in_turn() {
                return Ok(true);
            }
            match end {
                Some(end) if clock::left(end.at).is_none() => Ok(false),
                end => Err(end.map(|end| end.at)),
            }
        });
        if entered.await {
            Ok(self.place())
        } else {
            Err(self.refuse())
        }
    }

    /// Places taken, and calls that wait for one.
    #[must_use]
    pub fn status(&self) -> BulkheadStatus {
        BulkheadStatus {
            active: self.0.active(),
            waiting: self.0.waiting(),
            max: self.0.max(),
            degraded: self.0.wants_store.load(Ordering::Relaxed)
                && self.0.shared().is_none_or(|shared| shared.is_degraded()),
        }
    }
}

impl fmt::Debug for Bulkhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkhead")
            .field("name", &self.name())
            .field("status", &self.status())
            .finish()
    }
}

/// How full a bulkhead is, from [`Bulkhead::status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct BulkheadStatus {
    /// Places taken, in this process.
    pub active: u32,
    /// Calls that wait for a place, in this process.
    pub waiting: u32,
    /// Places in all; of a shared bulkhead, in the whole fleet.
    pub max: u32,
    /// Whether it is to be shared, but is not, since Redis is out of reach, or no setup named one. Out of
    /// reach, each instance goes by its part.
    pub degraded: bool,
}

/// A place in a bulkhead, given back when dropped. Where the bulkhead's mode is `observe` or `off` it
/// may be no place at all.
#[must_use = "a place is given back when it is dropped"]
pub struct Place(Option<Lasting<Bulkhead>>);

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(bulkhead) = &self.0 {
            bulkhead.0.give_back();
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("bulkhead", &self.0.as_ref().map(|bulkhead| bulkhead.name()))
            .finish_non_exhaustive()
    }
}
