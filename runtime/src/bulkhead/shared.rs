//! A bulkhead that a fleet shares: each place is leased, and given up unless its holder says in time that
//! it is still there; so that a process that dies holds no place for long.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use steadfast_options::{Name, defaults};

use super::hall::{Ask, Hall};
use crate::backed::Backed;
use crate::breaker::{Nanos, nanos};
use crate::clock;
use crate::quota::outage::{Alone, Terms};
use crate::quota::{Lost, Placed, Reach, Rejoins, share};
use crate::telemetry::{Event, report};
use crate::turns::{Queued, Turn, Turns};

/// How long a place lasts that nobody is heard of.
pub(crate) const LEASE: Duration = Duration::from_secs(30);
/// How often those inside are told of: a lost message or two do no harm.
const BEAT: Duration = Duration::from_secs(10);
/// How long a caller waits for the store's answer.
pub(crate) const ANSWER: Nanos = 100_000_000;
/// How long who waits does not ask again, at least and at most: others may have left meanwhile.
const PAUSES: std::ops::Range<Nanos> = 20_000_000..50_000_000;

pub(crate) struct SharedPlaces {
    name: Name,
    /// Another one where another fleet is joined.
    reach: Mutex<Arc<Reach>>,
    max: AtomicU32,
    terms: Mutex<Terms>,
    hall: Mutex<Hall>,
    waiting: AtomicUsize,
    turns: Turns,
    beating: AtomicBool,
    /// Until when it goes on by itself, since the store refuses its name.
    alone_until: AtomicU64,
}

/// What comes of an attempt to enter, so far.
pub(crate) enum Entering {
    Inside,
    Wait(PlaceWait),
    Full,
    Unavailable,
}

/// As [`Entering`], of one who waits.
pub(crate) enum Admitted {
    Inside,
    Again(Option<Nanos>),
    Full,
    Unavailable,
}

impl SharedPlaces {
    pub(super) fn new(name: Name, max: u32, terms: Terms, reach: &Arc<Reach>) -> Arc<Self> {
        let places = Arc::new(Self {
            name,
            reach: Mutex::new(reach.clone()),
            max: AtomicU32::new(max),
            terms: Mutex::new(terms),
            hall: Mutex::default(),
            waiting: AtomicUsize::new(0),
            turns: Turns::default(),
            beating: AtomicBool::new(false),
            alone_until: AtomicU64::new(0),
        });
        places.add_to(reach);
        places
    }

    fn add_to(self: &Arc<Self>, reach: &Reach) {
        let member: Arc<dyn Rejoins> = self.clone();
        reach.add(Arc::downgrade(&member));
    }

    fn reach(&self) -> Arc<Reach> {
        self.reach_mut().clone()
    }

    fn reach_mut(&self) -> MutexGuard<'_, Arc<Reach>> {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins another fleet, unless it is of this one already.
    pub(super) fn join(self: &Arc<Self>, reach: &Arc<Reach>) {
        let before = std::mem::replace(&mut *self.reach_mut(), reach.clone());
        if !Arc::ptr_eq(&before, reach) {
            self.add_to(reach);
            self.rejoin(clock::precise());
        }
    }

    /// Whether it is of no fleet any more.
    pub(super) fn has_left(&self) -> bool {
        self.reach().has_ended()
    }

    fn hall(&self) -> MutexGuard<'_, Hall> {
        self.hall.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn max(&self) -> u32 {
        self.max.load(Ordering::Relaxed)
    }

    pub(super) fn retune(&self, max: u32) {
        self.max.store(max, Ordering::Relaxed);
        self.wake();
    }

    pub(super) fn set_terms(&self, terms: Terms) {
        *self.terms.lock().unwrap_or_else(PoisonError::into_inner) = terms;
    }

    pub(super) fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed) as u32
    }

    pub(super) fn is_degraded(&self) -> bool {
        self.is_alone(clock::precise())
    }

    fn is_alone(&self, now: Nanos) -> bool {
        self.reach().lost_since().is_some() || now < self.alone_until.load(Ordering::Relaxed)
    }

    /// A place at once, or a place in the queue for one: behind `queue` others at the most, for as long as
    /// `wait`, and for the store's answer until `answer_by`.
    pub(crate) fn enter(
        self: &Arc<Self>,
        queue: Option<u32>,
        wait: Nanos,
        answer_by: Nanos,
    ) -> Entering {
        let now = clock::precise();
        let nobody_waits = self.waiting.load(Ordering::Relaxed) == 0;
        let alone = self.is_alone(now);
        if alone {
            match self.enter_alone(now, nobody_waits) {
                Entering::Full if wait > 0 => {}
                entering => {
                    self.beat(); // for when the store is back
                    return entering;
                }
            }
        } else if nobody_waits && self.hall().enter() {
            self.beat();
            return Entering::Inside;
        }
        // Who only waits for an answer stands in no line that anybody bounds.
        let queue = queue.filter(|_| !nobody_waits || alone);
        let Some(turn) = Turn::take(self, queue) else {
            return Entering::Full;
        };
        let mut waits = Wait {
            turn,
            number: 0,
            until: now.saturating_add(wait),
            answer_by,
        };
        if !alone {
            waits.ask();
        }
        Entering::Wait(Backed::new(waits))
    }

    fn enter_alone(&self, now: Nanos, in_turn: bool) -> Entering {
        let terms = *self.terms.lock().unwrap_or_else(PoisonError::into_inner);
        let alone = match self.reach().lost_since() {
            Some(since) if !self.reach().has_ended() => terms.at(since, now),
            _ => Alone::Share,
        };
        let places = match alone {
            Alone::Deny => return Entering::Unavailable,
            Alone::Allow => u32::MAX,
            Alone::Share => share::of_places(self.max(), self.reach().store().instances()),
        };
        if in_turn && self.hall().enter_alone(places) {
            Entering::Inside
        } else {
            Entering::Full
        }
    }

    fn send(self: &Arc<Self>, ask: Option<Ask>) {
        let Some(ask) = ask else { return };
        let places = self.clone();
        let members = ask.members.clone();
        let heard = Box::new(move |answer| places.heard(&ask, answer));
        self.reach()
            .store()
            .enter(self.name, self.max(), members, heard);
    }

    fn heard(self: &Arc<Self>, ask: &Ask, answer: Result<Placed, Lost>) {
        let now = clock::precise();
        match answer {
            Ok(placed) => {
                let pause = fastrand::u64(PAUSES);
                let mut hall = self.hall();
                let late = hall.heard(ask, placed, pause, now).err();
                let follow = hall.follow();
                drop(hall);
                late.into_iter()
                    .flatten()
                    .for_each(|member| self.reach().store().leave(self.name, member));
                self.send(follow);
                self.wake();
                self.drop_unwanted();
            }
            Err(lost) => {
                let mut hall = self.hall();
                if hall.awaits(ask.number) {
                    hall.give_up();
                    drop(hall);
                    self.go_alone(lost, now);
                }
            }
        }
    }

    /// Places for callers who have gone meanwhile.
    fn drop_unwanted(&self) {
        if self.waiting.load(Ordering::Relaxed) == 0 {
            let unwanted = self.hall().take_free();
            unwanted
                .into_iter()
                .for_each(|member| self.reach().store().leave(self.name, member));
        }
    }

    fn go_alone(&self, lost: Lost, now: Nanos) {
        match lost {
            Lost::Store => self.reach().lose(now),
            Lost::This => {
                let until = now.saturating_add(nanos(self.probe_every()));
                if self.alone_until.swap(until, Ordering::Relaxed) == 0 {
                    report(&Event::AccountRefused {
                        limit: self.name,
                        key: "",
                    });
                }
            }
        }
        self.wake();
    }

    fn wake(&self) {
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.turns.wake_first();
        }
    }

    /// Somebody leaves.
    pub(super) fn leave(&self) {
        let mut hall = self.hall();
        let left = hall.leave();
        if let Some(member) = left {
            if self.is_alone(clock::precise()) {
                hall.departed(member);
            } else {
                drop(hall);
                self.reach().store().leave(self.name, member);
            }
        }
        self.wake();
    }

    /// It is shared no longer: whoever is inside is no member any more.
    pub(super) fn disband(&self) {
        let inside = self.hall().take_inside();
        inside
            .into_iter()
            .for_each(|member| self.reach().store().leave(self.name, member));
        self.wake();
    }

    /// Begins to say who is inside, and goes on until nobody is.
    fn beat(self: &Arc<Self>) {
        if !self.beating.swap(true, Ordering::AcqRel) {
            self.beat_later();
        }
    }

    fn beat_later(self: &Arc<Self>) {
        let places = Arc::downgrade(self);
        let beat = move || {
            if let Some(places) = places.upgrade() {
                if places.hold() {
                    places.beat_later();
                } else {
                    places.beating.store(false, Ordering::Release);
                }
            }
        };
        self.reach().store().after(BEAT, Box::new(beat));
    }

    /// Says who is inside; whether anybody is.
    fn hold(self: &Arc<Self>) -> bool {
        let held = self.hall().held();
        if held.is_empty() {
            return false;
        }
        if self.reach().lost_since().is_none() {
            let places = self.clone();
            let heard = Box::new(move |answer: Result<(), Lost>| {
                if let Err(lost) = answer {
                    places.go_alone(lost, clock::precise());
                }
            });
            self.reach().store().hold(self.name, held, heard);
        }
        true
    }
}

impl Rejoins for SharedPlaces {
    fn rejoin(&self, _: Nanos) {
        let reach = self.reach();
        let store = reach.store();
        let (departed, held) = {
            let mut hall = self.hall();
            (hall.take_departed(), hall.held())
        };
        departed
            .into_iter()
            .for_each(|member| store.leave(self.name, member));
        if !held.is_empty() {
            store.hold(self.name, held, Box::new(|_| {})); // the next beat will tell
        }
        self.wake();
    }

    fn probe_every(&self) -> Duration {
        defaults::rate_limit::probe
    }
}

impl Queued for SharedPlaces {
    fn turns(&self) -> &Turns {
        &self.turns
    }

    fn joined(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    fn left(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A place in the queue for one that the fleet shares.
pub(crate) type PlaceWait = Backed<Wait>;

pub(crate) struct Wait {
    turn: Turn<SharedPlaces>,
    /// The request that asks for this caller; what has no number was answered.
    number: u64,
    /// When the caller's patience with others ends.
    until: Nanos,
    /// When that with the store ends.
    answer_by: Nanos,
}

impl Wait {
    fn ask(&mut self) {
        let places = self.turn.of();
        let (number, ask) = places.hall().need();
        self.number = number;
        places.send(ask);
    }

    /// Until when it is waited, all in all.
    pub(crate) fn end(&self) -> Nanos {
        self.until.max(self.answer_by)
    }

    pub(crate) fn poll(&mut self, waker: &Waker) -> Admitted {
        let is_first = self.turn.is_first(waker);
        let now = clock::precise();
        let places = self.turn.of().clone();
        if places.is_alone(now) {
            return match places.enter_alone(now, is_first) {
                Entering::Inside => {
                    places.beat();
                    Admitted::Inside
                }
                Entering::Unavailable => Admitted::Unavailable,
                _ if now < self.until => Admitted::Again(Some(self.until)),
                _ => Admitted::Full,
            };
        }
        if now >= self.end() {
            return Admitted::Full;
        }
        if !is_first {
            return Admitted::Again(Some(self.end()));
        }
        let mut hall = places.hall();
        if hall.enter() {
            drop(hall);
            places.beat();
            return Admitted::Inside;
        }
        if !hall.is_answered(self.number) {
            if now < self.answer_by {
                return Admitted::Again(Some(self.answer_by));
            }
            hall.give_up();
            drop(hall);
            places.go_alone(Lost::Store, now);
            return Admitted::Again(Some(now)); // by itself, then
        }
        let next = hall.next();
        drop(hall);
        if now >= self.until {
            return Admitted::Full;
        }
        if next > now {
            return Admitted::Again(Some(next.min(self.until)));
        }
        self.answer_by = now.saturating_add(ANSWER);
        self.ask();
        Admitted::Again(Some(self.answer_by))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let places = self.turn.of();
        places.hall().unneed(self.number);
        if places.waiting.load(Ordering::Relaxed) <= 1 && !places.is_alone(clock::precise()) {
            let unwanted = places.hall().take_free();
            unwanted
                .into_iter()
                .for_each(|member| places.reach().store().leave(places.name, member));
        }
    }
}
