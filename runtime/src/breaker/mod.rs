//! Circuit breakers.

mod account;
mod gate;
mod keyed;
#[cfg_attr(not(feature = "redis"), allow(dead_code))] // nobody carries messages then
mod leases;
#[cfg_attr(not(feature = "redis"), allow(dead_code))]
mod member;
#[cfg_attr(not(feature = "redis"), allow(dead_code))]
mod message;
mod pass;
mod permit;
mod policy;
#[cfg_attr(not(feature = "redis"), allow(dead_code))]
mod rules;
#[cfg_attr(not(feature = "redis"), allow(dead_code))]
mod sharing;
mod state;
mod status;
mod successes;
mod tuning;
mod window;

#[cfg(all(test, steadfast_loom))]
mod loom_tests;
#[cfg(all(test, not(steadfast_loom)))]
mod member_tests;
#[cfg(all(test, not(steadfast_loom)))]
mod model_tests;

use std::fmt::{self, Display};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use steadfast_options::{Mode, Name};

pub use account::{Cause, StateChange};
#[cfg(any(feature = "redis", test))]
pub(crate) use member::SUCCESSES_EVERY;
pub(crate) use message::Steer;
#[cfg(feature = "redis")]
pub(crate) use message::{Message, ProbeEnd, Seen};
pub(crate) use pass::Pass;
#[cfg(all(test, feature = "redis", feature = "testing"))]
pub(crate) use policy::WindowSize;
pub(crate) use policy::{Thresholds, nanos, probe_timeout};
pub(crate) use sharing::NoPass;
#[cfg(feature = "redis")]
pub(crate) use sharing::{Heard, Unheard};
pub use state::State;
pub use status::BreakerStatus;
pub(crate) use successes::{Successes, Writers};
#[cfg(feature = "redis")]
pub(crate) use window::Counts;
pub(crate) use window::{Buckets, Nanos, Outcome, TimeWindow};

use crate::clock;
use crate::config::values::Held;
use crate::lasting::Forever;
use crate::mode::SharedMode;
use crate::rejection::Rejection;
use crate::telemetry::{Event, report, would_reject};
use account::{Account, Counted, Under};
use gate::Gate;
use keyed::KeyedBreakers;
pub use keyed::{KeyStatus, KeysStatus};
use pass::Change;
pub use permit::Permit;
use rules::Rules;
use sharing::Sharing;
use state::Transition;
use tuning::{UNTIMED, slow_call};

/// A handle to a named circuit breaker. A clone is the same breaker.
///
/// Annotated functions use theirs by themselves; the handle is for operators' commands, for
/// status pages, and for code that no attribute fits.
///
/// ```
/// use steadfast::{State, registry};
///
/// let breaker = registry().breaker("es");
/// let permit = breaker.admit()?;
/// // … the call …
/// permit.failure();
/// assert_eq!(breaker.status().failures, 1);
/// assert_eq!(breaker.state(), State::Closed);
/// # Ok::<(), steadfast::Rejection>(())
/// ```
#[derive(Clone)]
pub struct Breaker(Arc<Inner>);

struct Inner {
    name: Name,
    gate: Gate,
    /// Where calls are timed: how long a fast one takes at most. Else as long as there is.
    slow_call: AtomicU64,
    /// The key that this is the breaker of, as text.
    key: Option<Box<str>>,
    max_keys: AtomicU32,
    held: Held,
    mode: SharedMode,
    /// Whether `/health` takes no notice of it.
    ignored_by_health: AtomicBool,
    forever: Forever<Breaker>,
    keyed: OnceLock<Box<KeyedBreakers>>,
    /// Where a fleet shares it, or is to.
    sharing: Sharing,
    #[cfg(feature = "testing")]
    changed: tokio::sync::Notify,
}

impl Breaker {
    pub(crate) fn new(name: Name, thresholds: &Thresholds, max_keys: u32) -> Self {
        let gate = Gate::new(Rules::new(thresholds.clone(), clock::now()));
        Self::with(name, thresholds, gate, None, max_keys)
    }

    /// The breaker of one key out of many: small, and written by whoever comes.
    fn new_keyed(&self, thresholds: &Thresholds, key: Box<str>) -> Self {
        let rules = Rules::new(thresholds.clone(), clock::now());
        let gate = Gate::small(rules, self.account().clone());
        Self::with(self.name(), thresholds, gate, Some(key), 0)
    }

    fn with(
        name: Name,
        thresholds: &Thresholds,
        gate: Gate,
        key: Option<Box<str>>,
        max_keys: u32,
    ) -> Self {
        Self(Arc::new(Inner {
            name,
            slow_call: AtomicU64::new(slow_call(thresholds)),
            key,
            max_keys: AtomicU32::new(max_keys),
            held: Held::default(),
            mode: SharedMode::default(),
            ignored_by_health: AtomicBool::new(false),
            forever: Forever::default(),
            keyed: OnceLock::new(),
            sharing: Sharing::of(thresholds.scope),
            gate,
            #[cfg(feature = "testing")]
            changed: tokio::sync::Notify::new(),
        }))
    }

    /// The breaker's name.
    #[must_use]
    pub fn name(&self) -> Name {
        self.0.name
    }

    /// The state now. Half-open as soon as the recovery time is over, though no probe came yet.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.gate.state(clock::now())
    }

    /// State, counts and thresholds.
    #[must_use]
    pub fn status(&self) -> BreakerStatus {
        let now = clock::now();
        let state = self.state();
        let status = self.0.gate.look(now, |rules, shown| {
            BreakerStatus::new(self.name(), state, rules, shown, now)
        });
        BreakerStatus {
            keys: self.keys_status(),
            ..status
        }
    }

    /// Closes it, with counts and growth at zero; ends a manual state. For the whole fleet, where it is
    /// shared: at once here, and in milliseconds elsewhere.
    pub fn reset(&self) {
        self.by_hand(Steer::Reset, Rules::reset);
    }

    /// Opens it until [`release`](Self::release) or [`reset`](Self::reset).
    pub fn force_open(&self) {
        self.by_hand(Steer::ForceOpen, |rules, now| {
            rules.hold(State::ForcedOpen, now)
        });
    }

    /// Lets every call through and counts nothing, until [`release`](Self::release) or
    /// [`reset`](Self::reset).
    pub fn disable(&self) {
        self.by_hand(Steer::Disable, |rules, now| {
            rules.hold(State::Disabled, now)
        });
    }

    /// Ends a manual state; else does nothing.
    pub fn release(&self) {
        self.by_hand(Steer::Release, Rules::release);
    }

    fn by_hand(&self, steer: Steer, act: impl FnOnce(&mut Rules, Nanos) -> Option<Transition>) {
        let change = self.0.gate.by_hand(clock::now(), |rules, now| {
            let transition = act(rules, now);
            if let Some(member) = &mut rules.fleet {
                member.steer(steer);
            }
            transition
        });
        self.report(&change, Under::Hand);
    }

    /// Asks to make a call. Say how it ended on the permit; a dropped permit counts as nothing.
    ///
    /// # Errors
    ///
    /// [`Rejection::CircuitOpen`] while the breaker is open, or half-open with all places for
    /// probes taken. None where its mode is `observe` or `off`. Of a breaker that a fleet shares, a
    /// probe needs a lease: the first call that comes is refused while one is asked for, and one that
    /// comes a moment later has it. Annotated functions wait that moment.
    pub fn admit(&self) -> Result<Permit, Rejection> {
        let pass = if self.0.mode.enforces() {
            let pass = self.pass_or_ask();
            if pass.is_err() {
                self.account().refused_by_hand();
            }
            Some(pass?)
        } else {
            self.pass_quietly()
        };
        let started = self.started();
        Ok(Permit::new(self.0.forever.or_counted(self), pass, started))
    }

    /// Nobody is refused where that is only observed, or nothing is done at all.
    #[cold]
    #[inline(never)]
    fn pass_quietly(&self) -> Option<Pass> {
        if self.mode() == Mode::Off {
            return None;
        }
        let pass = self.pass_or_ask();
        pass.map_err(|rejection| would_reject(None, &rejection))
            .ok()
    }

    #[inline]
    pub(crate) fn pass(&self) -> Result<Pass, Rejection> {
        match self.pass_if_closed() {
            Some(pass) => Ok(pass),
            None => self.pass_unless_closed(),
        }
    }

    /// Whether a call that came now would pass with nothing taken.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.pass_if_closed().is_some()
    }

    #[inline]
    pub(crate) fn pass_if_closed(&self) -> Option<Pass> {
        self.0.gate.admit_if_closed()
    }

    #[inline(never)]
    fn pass_unless_closed(&self) -> Result<Pass, Rejection> {
        self.pass_or_wait(sharing::NOTHING_ASKED)
            .map_err(|no_pass| no_pass.rejection)
    }

    /// As [`pass`](Self::pass), but asks for a lease where one is needed, for whoever comes next.
    pub(crate) fn pass_or_ask(&self) -> Result<Pass, Rejection> {
        match self.pass_if_closed() {
            Some(pass) => Ok(pass),
            None => self.pass_or_wait(None).map_err(|no_pass| no_pass.rejection),
        }
    }

    /// Whether a call would be refused, with nothing taken.
    pub(crate) fn refuses(&self) -> Option<Rejection> {
        self.0
            .gate
            .refuses(clock::now())
            .map(|refused| self.rejection(refused.retry_in))
    }

    /// For how long it refuses whoever comes, where it is open and will be for a time.
    #[inline]
    pub(crate) fn refuses_for(&self) -> Option<Nanos> {
        self.0.gate.refuses_for(clock::now)
    }

    #[inline]
    pub(crate) fn rejection(&self, retry_in: Option<Nanos>) -> Rejection {
        Rejection::CircuitOpen {
            breaker: self.name(),
            retry_in: retry_in.map(Duration::from_nanos),
        }
    }

    /// Whether it matters how long a body takes.
    #[inline]
    pub(crate) fn times_calls(&self) -> bool {
        self.0.slow_call.load(Ordering::Relaxed) != UNTIMED
    }

    /// When a body starts, where it matters how long it takes.
    #[inline]
    pub(crate) fn started(&self) -> Nanos {
        if self.times_calls() {
            clock::precise()
        } else {
            0
        }
    }

    fn is_slow(&self, started: Nanos) -> bool {
        // A body that began before calls were timed is not slow.
        let most = self.0.slow_call.load(Ordering::Relaxed);
        started != 0 && most != UNTIMED && clock::precise().saturating_sub(started) > most
    }

    /// Counts a success of a body that started at `started`.
    #[inline]
    pub(crate) fn succeeded(&self, pass: Pass, started: Nanos) {
        if !self.is_unmoved_by_success(pass) {
            self.count_success(pass, started);
        }
    }

    /// Whether a success changes nothing here, be it slow or not.
    #[inline]
    pub(crate) fn is_unmoved_by_success(&self, pass: Pass) -> bool {
        self.0.gate.is_unmoved_by_success(pass)
    }

    #[inline(never)]
    fn count_success(&self, pass: Pass, started: Nanos) {
        if self.is_slow(started) {
            self.finish(
                pass,
                Some(Outcome {
                    failed: false,
                    slow: true,
                }),
                None,
            );
        } else if let Some(change) = self.0.gate.succeed(pass, clock::now) {
            self.report(&change, Under::Outcome(None));
        }
    }

    /// Counts an answer in the form of an error: a success that no call has counted as one.
    #[inline(never)]
    pub(crate) fn answered(&self, pass: Pass, started: Nanos) {
        self.account().count_unlocked(Counted::Answer);
        self.succeeded(pass, started);
    }

    /// Counts a failure, with its error where that is known.
    #[inline(never)]
    pub(crate) fn failed(&self, pass: Pass, started: Nanos, error: Option<&dyn Display>) {
        let outcome = Outcome {
            failed: true,
            slow: self.is_slow(started),
        };
        let now = clock::now();
        if let Err(rules) = self.0.gate.lengthen_run(pass, outcome, now) {
            let change = self.0.gate.fail(rules, pass, outcome, now);
            self.finished(&change, error);
        }
    }

    /// Ends a call that counts as nothing.
    #[inline(never)]
    pub(crate) fn cancelled(&self, pass: Pass) {
        if pass.is_probe() {
            self.finish(pass, None, None);
        }
    }

    fn finish(&self, pass: Pass, outcome: Option<Outcome>, error: Option<&dyn Display>) {
        let change = self.0.gate.finish(pass, outcome, clock::now());
        self.finished(&change, error);
    }

    fn finished(&self, change: &Change, error: Option<&dyn Display>) {
        if let (true, Some(error)) = (change.is_news, error) {
            self.account().tells_fleet(error);
        }
        self.report(change, Under::Outcome(error));
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        self.0.gate.account()
    }

    #[inline]
    fn report(&self, change: &Change, under: Under<'_>) {
        if !change.is_nothing() {
            self.report_change(change, under);
        }
    }

    #[inline(never)]
    fn report_change(&self, change: &Change, under: Under<'_>) {
        let breaker = self.name();
        if let Some(failures) = change.failures {
            report(&Event::Failure {
                breaker,
                failures,
                threshold: change.threshold,
            });
        }
        if let Some(transition) = change.transition {
            let open_for = change.open_for.map(Duration::from_nanos);
            let key = self.0.key.as_deref();
            let cause = self.account().cause(transition.to, under);
            let change = StateChange::new(transition, open_for, key, cause);
            self.account().changed(change.clone());
            report(&Event::Transition {
                breaker,
                change: &change,
            });
        }
        if let Some((out, places)) = change.probes {
            report(&Event::Probe {
                breaker,
                out,
                places,
            });
        }
        if change.is_news {
            self.tell_fleet();
        }
        #[cfg(feature = "testing")]
        if change.transition.is_some() {
            self.0.changed.notify_waiters();
        }
    }

    /// Waits until the breaker is in this state.
    ///
    /// # Cancel safety
    ///
    /// Waiting changes nothing, and may be given up at any time.
    #[cfg(feature = "testing")]
    pub async fn wait_for(&self, state: State) {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.state() == state {
                return;
            }
            // Half-open comes with time alone.
            match self.refuses().and_then(|rejection| rejection.retry_in()) {
                Some(time) => {
                    let _ = tokio::time::timeout(time, changed).await;
                }
                None => changed.await,
            }
        }
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("name", &self.name())
            .field("state", &self.state())
            .finish()
    }
}
