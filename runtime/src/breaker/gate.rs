//! The permit word: one atomic that says whether a call may pass, in front of the rules' lock.
//!
//! The word holds the state, the epoch, and flags that say whether a plain success has
//! anything to change. A closed breaker without counted failures is two loads: one when a call
//! enters, one when it succeeds. Everything else takes the lock, changes the rules and publishes
//! the word anew with `Release`, so that whoever loads it with `Acquire` also sees `open_until`,
//! `origin` and `settled_until` of that state or of a later one.
//!
//! A success that races with the lock's holder may miss a flag set a moment later: it then came
//! before the failure that set it. Where that failure's sum over all threads missed the success in
//! its turn, a success that completes `min_calls` trips nothing yet; the next outcome, which sees
//! both, does.

use std::sync::{Arc, OnceLock};

use super::account::{Account, Counted};
use super::pass::{Change, Pass, Refused, Role};
use super::policy::Thresholds;
use super::rules::{Rules, Shown};
use super::state::{State, Transition};
use super::successes::{Successes, Writers};
use super::window::{Nanos, Outcome};
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering, lock};
use crate::telemetry::{Weight, is_heard};

const STATE: u64 = 0b111;
/// A plain success must visit the rules.
const VISIT: u64 = 1 << 3;
/// A plain success must visit the rules once their rates are no longer settled.
const VISIT_UNSETTLED: u64 = 1 << 4;
/// Successes are timed, or counted beside the rules.
const WATCHED: u64 = 1 << 5;
const EPOCH_SHIFT: u32 = 6;

const CLOSED: u64 = 0;

fn bits(state: State) -> u64 {
    match state {
        State::Closed => CLOSED,
        State::Open => 1,
        State::HalfOpen => 2,
        State::ForcedOpen => 3,
        State::Disabled => 4,
    }
}

fn word(rules: &Rules, now: Nanos) -> u64 {
    let mut word = rules.epoch << EPOCH_SHIFT | bits(rules.state);
    if rules.state == State::Closed {
        word |= VISIT * u64::from(rules.wants_successes());
        word |= WATCHED * u64::from(rules.buckets().is_some() || rules.thresholds.slow.is_some());
        word |= VISIT_UNSETTLED * u64::from(rules.may_trip_on_success(now));
    }
    word
}

/// How long a breaker stays open at most.
fn longest(thresholds: &Thresholds) -> Nanos {
    thresholds.recovery.max(thresholds.recovery_max)
}

pub(crate) struct Gate {
    word: AtomicU64,
    open_until: AtomicU64,
    settled_until: AtomicU64,
    origin: AtomicU64,
    /// The epoch in which the state began.
    since: AtomicU64,
    rules: Mutex<Rules>,
    pub(super) successes: OnceLock<Successes>,
    writers: Writers,
    /// How long it stays open at most.
    longest: AtomicU64,
    /// What it has counted, in all states.
    account: Arc<Account>,
}

impl Gate {
    /// Of a breaker that many threads use.
    pub(crate) fn new(rules: Rules) -> Self {
        Self::with(rules, Writers::Striped, Arc::default())
    }

    /// Of one key's breaker out of many: small, and slower where many threads meet.
    /// All of them count in one account.
    pub(crate) fn small(rules: Rules, account: Arc<Account>) -> Self {
        Self::with(rules, Writers::Shared, account)
    }

    fn with(rules: Rules, writers: Writers, account: Arc<Account>) -> Self {
        let successes = OnceLock::new();
        if let Some(buckets) = rules.buckets() {
            let _ = successes.set(Successes::new(buckets, writers));
        }
        Self {
            word: AtomicU64::new(word(&rules, rules.origin)),
            since: AtomicU64::new(rules.since),
            open_until: AtomicU64::new(rules.open_until),
            settled_until: AtomicU64::new(rules.settled_until),
            origin: AtomicU64::new(rules.origin),
            successes,
            writers,
            longest: AtomicU64::new(longest(&rules.thresholds)),
            rules: Mutex::new(rules),
            account,
        }
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Lets a call pass that comes to a closed breaker.
    #[inline]
    pub(crate) fn admit_if_closed(&self) -> Option<Pass> {
        let word = self.word.load(Ordering::Acquire);
        (word & STATE == CLOSED).then(|| Pass::ordinary(word >> EPOCH_SHIFT))
    }

    /// How long an open breaker still refuses whoever comes, where that needs no look at the rules.
    #[inline]
    pub(crate) fn refuses_for(&self, now: impl FnOnce() -> Nanos) -> Option<Nanos> {
        let word = self.word.load(Ordering::Acquire);
        if word & STATE != bits(State::Open) {
            return None;
        }
        let left = self
            .open_until
            .load(Ordering::Relaxed)
            .saturating_sub(now());
        // More than there can be is for the rules to look into.
        (left > 0 && left <= self.longest.load(Ordering::Relaxed)).then_some(left)
    }

    /// Lets a call pass, or refuses it. `round` is what the caller waits for, where it was told so.
    pub(crate) fn admit(&self, now: Nanos, round: Option<u64>) -> Result<(Pass, Change), Refused> {
        if let Some(left) = self.refuses_for(|| now) {
            return Err(Refused::before(Some(left)));
        }
        let mut change = Change::default();
        let (mut rules, now) = self.rules(now);
        let role = match rules.state {
            State::Closed => Role::Ordinary(rules.epoch),
            State::Disabled => Role::Uncounted,
            State::ForcedOpen => return Err(Refused::before(None)),
            State::Open | State::HalfOpen => {
                let (token, transition) = rules.probe(now, round)?;
                change.transition = transition;
                change.probes = Some(rules.probes());
                Role::Probe(token)
            }
        };
        self.publish(&rules, now);
        Ok((Pass::new(role), change))
    }

    /// Whether a call that came now would be refused, with nothing taken.
    pub(crate) fn refuses(&self, now: Nanos) -> Option<Refused> {
        let word = self.word.load(Ordering::Acquire);
        if word & STATE == CLOSED {
            return None;
        }
        let until = self.open_until.load(Ordering::Relaxed);
        match word & STATE {
            state if state == bits(State::ForcedOpen) => Some(Refused::before(None)),
            state if state == bits(State::Open) && now < until => {
                Some(Refused::before(Some(until - now)))
            }
            _ => None,
        }
    }

    /// Whether a success changes nothing, be it slow or not.
    #[inline]
    pub(crate) fn is_unmoved_by_success(&self, pass: Pass) -> bool {
        // A closed word with no flag is its epoch alone.
        const { assert!(CLOSED == 0) };
        self.word.load(Ordering::Acquire) == pass.plain_word::<EPOCH_SHIFT>()
    }

    /// Counts a success that was not slow.
    #[inline]
    pub(crate) fn succeed(&self, pass: Pass, now: impl Fn() -> Nanos) -> Option<Change> {
        let word = self.word.load(Ordering::Acquire);
        let epoch = word >> EPOCH_SHIFT;
        if pass != Pass::ordinary(epoch) {
            return self.succeed_elsewhere(pass, now());
        }
        if let Some(successes) = self.successes_of(word) {
            let now = now();
            successes.add(epoch, self.origin.load(Ordering::Relaxed), now);
            if word & VISIT_UNSETTLED != 0 && now >= self.settled_until.load(Ordering::Relaxed) {
                return Some(self.record(epoch, Outcome::SUCCESS, now));
            }
        }
        (word & VISIT != 0).then(|| self.record(epoch, Outcome::SUCCESS, now()))
    }

    /// Where successes are counted beside the rules, if they are.
    #[inline]
    fn successes_of(&self, word: u64) -> Option<&Successes> {
        self.successes.get().filter(|_| word & WATCHED != 0)
    }

    /// A success of a probe, of a window before this one, or of a state that is over.
    #[cold]
    fn succeed_elsewhere(&self, pass: Pass, now: Nanos) -> Option<Change> {
        match pass.role() {
            Role::Probe(token) => Some(self.probed(token, Some(Outcome::SUCCESS), now)),
            Role::Ordinary(epoch) if epoch >= self.since.load(Ordering::Relaxed) => {
                Some(self.record(epoch, Outcome::SUCCESS, now))
            }
            Role::Ordinary(_) | Role::Uncounted => {
                self.account.count_unlocked(Counted::Void);
                None
            }
        }
    }

    /// Counts an outcome; none for a call that counts as nothing, which gives a probe's place back.
    pub(crate) fn finish(&self, pass: Pass, outcome: Option<Outcome>, now: Nanos) -> Change {
        match (pass.role(), outcome) {
            (Role::Probe(token), outcome) => self.probed(token, outcome, now),
            (Role::Ordinary(_), Some(outcome)) if outcome.is_plain() => {
                self.succeed(pass, || now).unwrap_or_default()
            }
            (Role::Ordinary(epoch), Some(outcome)) => self.record(epoch, outcome, now),
            (Role::Uncounted, Some(Outcome { failed: false, .. })) => {
                self.account.count_unlocked(Counted::Void);
                Change::default()
            }
            (Role::Ordinary(_), None) | (Role::Uncounted, _) => Change::default(),
        }
    }

    /// Counts a failure, where it only lengthens a run and nobody hears of it, as most do.
    ///
    /// # Errors
    ///
    /// The rules, where there may be more to it: nothing is counted yet.
    #[inline]
    pub(super) fn lengthen_run(
        &self,
        pass: Pass,
        outcome: Outcome,
        now: Nanos,
    ) -> Result<(), MutexGuard<'_, Rules>> {
        let mut rules = lock(&self.rules);
        let is_of_now = pass == Pass::ordinary(rules.epoch);
        if !is_of_now || is_heard(Weight::Debug) || !rules.lengthens_run(outcome, now) {
            return Err(rules);
        }
        self.account.count(Counted::Failure, self.writers);
        if self.word.load(Ordering::Relaxed) & VISIT == 0 {
            self.word.store(word(&rules, now), Ordering::Release);
        }
        Ok(())
    }

    /// As [`finish`](Self::finish), for a failure that has more to it.
    #[cold]
    #[inline(never)]
    pub(super) fn fail(
        &self,
        rules: MutexGuard<'_, Rules>,
        pass: Pass,
        outcome: Outcome,
        now: Nanos,
    ) -> Change {
        let epoch = rules.epoch;
        if pass == Pass::ordinary(epoch) {
            let (rules, now) = self.meet(rules, now);
            return self.record_by(rules, epoch, outcome, now);
        }
        drop(rules);
        self.finish(pass, Some(outcome), now)
    }

    /// A failure, as breakers count it.
    #[cfg(test)]
    pub(super) fn failed(&self, pass: Pass, outcome: Outcome, now: Nanos) -> Change {
        match self.lengthen_run(pass, outcome, now) {
            Ok(()) => Change::default(),
            Err(rules) => self.fail(rules, pass, outcome, now),
        }
    }

    /// Adds an outcome to what was counted in all states; void where it counts in none.
    fn account_for(&self, outcome: Outcome, counts: bool) {
        let count = |what| self.account.count(what, self.writers);
        match (counts, outcome.failed) {
            (true, true) => count(Counted::Failure),
            (false, false) => self.account.count_unlocked(Counted::Void),
            _ => {}
        }
        if counts && outcome.slow {
            count(Counted::Slow);
        }
    }

    fn record(&self, epoch: u64, outcome: Outcome, now: Nanos) -> Change {
        let (rules, now) = self.rules(now);
        self.record_by(rules, epoch, outcome, now)
    }

    fn record_by(
        &self,
        mut rules: MutexGuard<'_, Rules>,
        epoch: u64,
        outcome: Outcome,
        now: Nanos,
    ) -> Change {
        let counts = epoch >= rules.since;
        self.account_for(outcome, counts);
        if !counts {
            return Change::default();
        }
        if epoch < rules.epoch && outcome.is_plain() && rules.buckets().is_some() {
            // Admitted before the window began afresh.
            let successes = self.successes.get();
            successes.inspect(|plain| plain.add(rules.epoch, rules.origin, now));
        }
        let plain = self.plain(&rules, now);
        let epoch = rules.epoch;
        let transition = rules.record(epoch, outcome, now, plain);
        self.publish(&rules, now);
        let is_told = outcome.failed && (cfg!(test) || is_heard(Weight::Debug));
        Change {
            transition,
            failures: is_told.then(|| rules.shown(now, plain).failures),
            threshold: rules.thresholds.failures,
            probes: None,
            open_for: transition.map(|_| rules.open_until.saturating_sub(now)),
            is_news: rules.is_led() && !outcome.is_plain(),
        }
    }

    fn probed(&self, token: u64, outcome: Option<Outcome>, now: Nanos) -> Change {
        let (mut rules, now) = self.rules(now);
        if let Some(outcome) = outcome {
            self.account_for(outcome, rules.is_out(token));
        }
        let transition = rules.probed(token, outcome, now);
        self.publish(&rules, now);
        let open_for = (rules.state == State::Open).then(|| rules.open_until.saturating_sub(now));
        Change {
            transition,
            open_for,
            is_news: rules.is_led(),
            ..Change::default()
        }
    }

    /// Goes on by other thresholds.
    pub(crate) fn retune(&self, thresholds: &Thresholds, now: Nanos) {
        let (mut rules, now) = self.rules(now);
        rules.retune(thresholds.clone(), now);
        if let Some(buckets) = rules.buckets() {
            let make = || Successes::new(buckets, self.writers);
            self.successes.get_or_init(make).cut(buckets);
        }
        self.longest.store(longest(thresholds), Ordering::Relaxed);
        self.publish(&rules, now);
    }

    /// Changes the rules by hand.
    pub(crate) fn by_hand(
        &self,
        now: Nanos,
        act: impl FnOnce(&mut Rules, Nanos) -> Option<Transition>,
    ) -> Change {
        let (mut rules, now) = self.rules(now);
        let transition = act(&mut rules, now);
        self.publish(&rules, now);
        Change {
            transition,
            is_news: rules.fleet.is_some(),
            ..Change::default()
        }
    }

    /// The rules, and the time by their count.
    pub(super) fn rules(&self, now: Nanos) -> (MutexGuard<'_, Rules>, Nanos) {
        self.meet(lock(&self.rules), now)
    }

    fn meet<'r>(
        &self,
        mut rules: MutexGuard<'r, Rules>,
        now: Nanos,
    ) -> (MutexGuard<'r, Rules>, Nanos) {
        let origin = rules.origin;
        let now = rules.meet(now);
        if rules.origin != origin {
            self.publish(&rules, now); // the clock was turned back
        }
        (rules, now)
    }

    pub(super) fn plain(&self, rules: &Rules, now: Nanos) -> u64 {
        self.successes
            .get()
            .map_or(0, |plain| plain.sum(rules.epoch, rules.origin, now))
    }

    /// Makes the rules' state known to those who do not take the lock.
    pub(super) fn publish(&self, rules: &Rules, now: Nanos) {
        self.open_until.store(rules.open_until, Ordering::Relaxed);
        self.settled_until
            .store(rules.settled_until, Ordering::Relaxed);
        self.origin.store(rules.origin, Ordering::Relaxed);
        self.since.store(rules.since, Ordering::Relaxed);
        self.word.store(word(rules, now), Ordering::Release);
    }

    /// The state as everyone sees it: half-open as soon as recovery is over.
    pub(crate) fn state(&self, now: Nanos) -> State {
        let word = self.word.load(Ordering::Acquire);
        match word & STATE {
            CLOSED => State::Closed,
            1 if now < self.open_until.load(Ordering::Relaxed) => State::Open,
            1 | 2 => State::HalfOpen,
            3 => State::ForcedOpen,
            _ => State::Disabled,
        }
    }

    /// Whether it is closed and remembers nothing.
    pub(crate) fn is_as_new(&self, now: Nanos) -> bool {
        let rules = lock(&self.rules);
        let shown = rules.shown(now, self.plain(&rules, now));
        rules.state == State::Closed && shown.failures == 0 && shown.counts.calls == 0
    }

    /// The rules and the counts to show.
    pub(crate) fn look<R>(&self, now: Nanos, read: impl FnOnce(&Rules, Shown) -> R) -> R {
        let (rules, now) = self.rules(now);
        let shown = rules.shown(now, self.plain(&rules, now));
        read(&rules, shown)
    }
}
