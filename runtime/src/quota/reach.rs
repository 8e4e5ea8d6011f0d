//! Whether the store is there: one answer for all limits of a registry.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use steadfast_options::defaults;

use super::Store;
use super::probe::{Next, Probing};
use crate::breaker::Nanos;
use crate::clock;
use crate::telemetry::{Event, report};

/// What goes on by itself while the store is out of reach.
pub(crate) trait Rejoins: Send + Sync {
    /// The store is back.
    fn rejoin(&self, now: Nanos);

    /// How often to try the store meanwhile.
    fn probe_every(&self) -> Duration;
}

/// The store, and since when it is out of reach.
pub(crate) struct Reach {
    store: Arc<dyn Store>,
    /// Zero while it is there.
    lost: AtomicU64,
    /// Outages so far.
    outages: AtomicU64,
    /// When the last of them was over; zero before the first.
    back: AtomicU64,
    probing: Mutex<Probing>,
    /// The next probe; those that were planned before it are not made.
    planned: AtomicU64,
    members: Mutex<Vec<Weak<dyn Rejoins>>>,
}

/// In place of the time of a loss: nobody tries the store any more.
const ENDED: Nanos = Nanos::MAX;

impl Reach {
    pub(crate) fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            store,
            lost: AtomicU64::new(0),
            outages: AtomicU64::new(0),
            back: AtomicU64::new(0),
            probing: Mutex::default(),
            planned: AtomicU64::new(0),
            members: Mutex::default(),
        })
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub(crate) fn add(&self, member: Weak<dyn Rejoins>) {
        let mut members = self.members();
        members.retain(|member| member.strong_count() > 0);
        members.push(member);
    }

    fn members(&self) -> MutexGuard<'_, Vec<Weak<dyn Rejoins>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn present(&self) -> Vec<Arc<dyn Rejoins>> {
        self.members().iter().filter_map(Weak::upgrade).collect()
    }

    /// Since when the store is out of reach; none where it is not.
    #[inline]
    pub(crate) fn lost_since(&self) -> Option<Nanos> {
        match self.lost.load(Ordering::Acquire) {
            0 => None,
            since => Some(since),
        }
    }

    /// Whether it will be tried again.
    pub(crate) fn has_ended(&self) -> bool {
        self.lost.load(Ordering::Acquire) == ENDED
    }

    /// Tells one outage from the next.
    pub(crate) fn outage(&self) -> u64 {
        self.outages.load(Ordering::Relaxed)
    }

    /// Everybody goes on by itself from now on. Said once, whoever notices it.
    pub(crate) fn lose(self: &Arc<Self>, now: Nanos) {
        let order = (Ordering::AcqRel, Ordering::Acquire);
        let first = self
            .lost
            .compare_exchange(0, now.max(1), order.0, order.1)
            .is_ok();
        if first {
            self.outages.fetch_add(1, Ordering::Relaxed);
            report(&Event::LimiterLost {
                store: self.store.place(),
            });
            *self.probing() = Probing::default();
            let (back, every) = (self.back.load(Ordering::Relaxed), self.every());
            let well_for = (back != 0).then(|| Duration::from_nanos(now.saturating_sub(back)));
            self.probe_in(Probing::first(well_for, every, fastrand::f64()));
        }
    }

    /// Everybody goes on by itself for good.
    pub(crate) fn end(&self) {
        if self.lost.swap(ENDED, Ordering::AcqRel) == 0 {
            self.outages.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn probing(&self) -> MutexGuard<'_, Probing> {
        self.probing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As often as whoever is most in a hurry wants.
    fn every(&self) -> Duration {
        let members = self.present();
        let all = members.iter().map(|member| member.probe_every());
        all.min().unwrap_or(defaults::rate_limit::probe)
    }

    /// There is a sign that it is back: it is tried at once, not when it would be next.
    pub(crate) fn probe_now(self: &Arc<Self>) {
        if self.lost_since().is_some() && !self.has_ended() {
            self.probe_in(Duration::ZERO);
        }
    }

    fn probe_in(self: &Arc<Self>, time: Duration) {
        let plan = self.planned.fetch_add(1, Ordering::Relaxed) + 1;
        let reach = Arc::downgrade(self);
        let probe = move || {
            let Some(reach) = reach.upgrade().filter(|reach| reach.plans(plan)) else {
                return;
            };
            let asked = reach.clone();
            let heard = Box::new(move |answer: Result<(), _>| reach.probed(plan, answer.is_ok()));
            asked.store.probe(heard);
        };
        self.store.after(time, Box::new(probe));
    }

    fn plans(&self, plan: u64) -> bool {
        self.planned.load(Ordering::Relaxed) == plan && !self.has_ended()
    }

    fn probed(self: &Arc<Self>, plan: u64, answered: bool) {
        if !self.plans(plan) {
            return;
        }
        let every = self.every();
        let next = self.probing().after(answered, every, fastrand::f64());
        match next {
            Next::ProbeIn(time) => self.probe_in(time),
            Next::Back => self.rejoin(),
        }
    }

    fn rejoin(&self) {
        let since = self.lost.load(Ordering::Acquire);
        let order = (Ordering::AcqRel, Ordering::Acquire);
        let ours = since != ENDED
            && self
                .lost
                .compare_exchange(since, 0, order.0, order.1)
                .is_ok();
        if ours {
            let now = clock::precise();
            self.back.store(now.max(1), Ordering::Relaxed);
            self.present().iter().for_each(|member| member.rejoin(now));
            report(&Event::LimiterBack {
                store: self.store.place(),
            });
        }
    }
}
