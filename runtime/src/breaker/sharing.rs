//! A breaker that a fleet shares: the seam between it and whatever keeps its state.
//!
//! Whoever carries messages to the store asks for them with [`next_message`](Breaker::next_message),
//! says what came of each with [`heard`](Breaker::heard), and passes on what the store announces. It is
//! woken when there is something to tell. The breaker knows nothing of stores, and a local one has
//! none of this but an empty cell.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use steadfast_options::Scope;

use super::account::Under;
use super::gate::Gate;
use super::member::Member;
use super::message::{Lease, Message, Seen};
use super::pass::{Change, Pass};
use super::window::Nanos;
use super::{Breaker, Thresholds};
use crate::rejection::Rejection;
use crate::telemetry::{Event, report};
use crate::{backed, clock};

/// What a shared breaker has beside a local one.
pub(super) struct Sharing {
    wish: AtomicU8,
    /// Wakes whoever carries messages.
    wake: Mutex<Option<Wake>>,
    /// Calls that wait for a lease.
    waiting: Mutex<Vec<Waker>>,
}

type Wake = Arc<dyn Fn() + Send + Sync>;

/// Local; or to be shared, and not so yet; the same, which was said; or shared.
const LOCAL: u8 = 0;
const WANTS: u8 = 1;
const ALONE: u8 = 2;
const SHARED: u8 = 3;

impl Sharing {
    pub(super) fn of(scope: Scope) -> Self {
        Self {
            wish: AtomicU8::new(if scope == Scope::Shared { WANTS } else { LOCAL }),
            wake: Mutex::default(),
            waiting: Mutex::default(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) -> MutexGuard<'_, Option<Wake>> {
        self.wake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the store answered.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) seen: Seen,
    /// Granted, and until when it lasts.
    pub(crate) lease: Option<(Lease, Nanos)>,
    /// When leases may be asked for again, where none was to be had.
    pub(crate) hold: Nanos,
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unheard {
    /// It may have arrived or not.
    Lost,
    /// The store refused it, and will again.
    Refused,
}

/// What waits for no lease, and asks for none.
pub(super) const NOTHING_ASKED: Option<u64> = Some(0);

/// No leave to make a call.
#[derive(Debug)]
pub(crate) struct NoPass {
    pub(crate) rejection: Rejection,
    /// A lease is on its way: it is here, or not to be had, after so many rounds.
    pub(crate) round: Option<u64>,
}

impl Gate {
    fn share(&self, now: Nanos) {
        let (mut rules, now) = self.rules(now);
        rules.share(now);
        self.publish(&rules, now);
    }

    fn unshare(&self, now: Nanos) {
        let (mut rules, now) = self.rules(now);
        rules.fleet = None;
        self.publish(&rules, now);
    }

    fn next_message(&self, now: Nanos) -> Option<Message> {
        let (mut rules, now) = self.rules(now);
        let (epoch, origin) = (rules.epoch, rules.origin);
        let counted = self.successes.get().filter(|_| rules.buckets().is_some());
        let member = rules.fleet.as_mut()?;
        if let Some(successes) = counted {
            member.successes(successes.each(epoch, origin, now));
        }
        member.next(now)
    }

    fn with_member<R>(&self, now: Nanos, look: impl FnOnce(&mut Member, Nanos) -> R) -> Option<R> {
        let (mut rules, now) = self.rules(now);
        rules.fleet.as_mut().map(|member| look(member, now))
    }

    fn part(&self, now: Nanos) -> Change {
        let (mut rules, now) = self.rules(now);
        let plain = self.plain(&rules, now);
        let transition = rules.part(now, plain);
        self.publish(&rules, now);
        Change {
            transition,
            open_for: transition.map(|_| rules.open_until.saturating_sub(now)),
            ..Change::default()
        }
    }

    fn heard(&self, message: &Message, heard: &Heard, now: Nanos) -> Change {
        let (mut rules, now) = self.rules(now);
        let Some(member) = &mut rules.fleet else {
            return Change::default();
        };
        let forgotten = member.is_forgotten_by(&heard.seen);
        match message {
            Message::Record(batch) if !forgotten => member.told_batch(batch),
            Message::Steer(steer) if !forgotten => member.told_steer(*steer),
            Message::Probed(lease, _) => member.told_probe(lease),
            Message::Restore(_) => member.told_restore(),
            Message::Record(_) | Message::Steer(_) | Message::Acquire | Message::Read => {}
        }
        let transition = rules.hear(heard.seen, now);
        if let (Message::Acquire, Some(member)) = (message, &mut rules.fleet) {
            member.told_lease(heard.lease.clone(), heard.hold, now);
        }
        self.publish(&rules, now);
        let open_for = transition.map(|_| rules.open_until.saturating_sub(now));
        Change {
            transition,
            open_for,
            ..Change::default()
        }
    }
}

impl Breaker {
    /// Whether it is to be shared, and is not yet.
    #[inline]
    pub(crate) fn wants_fleet(&self) -> bool {
        matches!(self.0.sharing.wish.load(Ordering::Relaxed), WANTS | ALONE)
    }

    /// A configuration may share what was local, or the other way round.
    pub(super) fn set_scope(&self, scope: Scope) {
        let wish = &self.0.sharing.wish;
        match (scope, wish.load(Ordering::Relaxed)) {
            (Scope::Shared, LOCAL) => wish.store(WANTS, Ordering::Relaxed),
            (Scope::Shared, _) | (_, LOCAL) => {}
            _ => {
                wish.store(LOCAL, Ordering::Relaxed);
                self.unshare();
            }
        }
    }

    /// There is a fleet to share it with.
    pub(crate) fn finds_fleet(&self) {
        self.0.sharing.wish.store(SHARED, Ordering::Relaxed);
    }

    /// There is none: it is local, which is said once.
    pub(crate) fn stays_alone(&self) {
        if self.0.sharing.wish.swap(ALONE, Ordering::Relaxed) != ALONE {
            report(&Event::SharedAlone {
                breaker: self.name(),
            });
        }
    }

    /// Lets a fleet share it; `wake` is called whenever there is something to tell.
    pub(crate) fn share(&self, wake: impl Fn() + Send + Sync + 'static) {
        *self.0.sharing.wake() = Some(Arc::new(wake));
        self.0.gate.share(clock::now());
    }

    /// Goes by its own rules from now on.
    pub(crate) fn unshare(&self) {
        self.0.gate.unshare(clock::now());
        let wake = self.0.sharing.wake().take();
        wake.inspect(|wake| wake()); // nobody carries on then
        self.wake_waiting();
    }

    /// The fleet is left: another one may share it later.
    pub(crate) fn leave_fleet(&self) {
        let _ = self.0.sharing.wish.compare_exchange(
            SHARED,
            ALONE,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        self.unshare();
    }

    /// Whether a fleet shares it.
    #[inline]
    pub(crate) fn is_shared(&self) -> bool {
        backed::POSSIBLE && self.0.sharing.wish.load(Ordering::Relaxed) == SHARED
    }

    /// The epoch of the fleet's state that it knows, and whether the store leads.
    #[cfg(all(test, feature = "redis", feature = "testing"))]
    pub(crate) fn fleet_epoch(&self) -> Option<(u64, bool)> {
        let look = |member: &mut Member, now| (member.led_to(now).epoch, member.is_led());
        self.0.gate.with_member(clock::now(), look)
    }

    pub(super) fn tell_fleet(&self) {
        let wake = self.0.sharing.wake().clone();
        wake.inspect(|wake| wake());
    }

    fn wake_waiting(&self) {
        let waiting = std::mem::take(&mut *self.0.sharing.waiting());
        waiting.into_iter().for_each(Waker::wake);
    }

    /// What to tell the store next.
    pub(crate) fn next_message(&self) -> Option<Message> {
        self.0.gate.next_message(clock::precise())
    }

    /// When there may be something to tell though nobody calls.
    pub(crate) fn idle_until(&self) -> Option<Nanos> {
        let until = |member: &mut Member, _| member.idle_until();
        self.0.gate.with_member(clock::precise(), until).flatten()
    }

    /// The thresholds in force, which the store is told with each message.
    pub(crate) fn thresholds(&self) -> Thresholds {
        let clone = |rules: &super::rules::Rules, _| rules.thresholds.clone();
        self.0.gate.look(clock::now(), clone)
    }

    /// The store answered a message.
    pub(crate) fn heard(&self, message: &Message, heard: &Heard) {
        self.report(
            &self.0.gate.heard(message, heard, clock::precise()),
            Under::Fleet,
        );
        self.wake_waiting();
    }

    /// A message came to nothing.
    pub(crate) fn unheard(&self, message: &Message, why: Unheard, hold: Nanos) {
        self.0.gate.with_member(clock::precise(), |member, now| {
            match (message, why) {
                (Message::Acquire, _) => member.told_lease(None, hold, now),
                (Message::Record(batch), Unheard::Refused) => member.told_batch(batch),
                (Message::Probed(lease, _), Unheard::Refused) => member.told_probe(lease),
                (Message::Steer(steer), Unheard::Refused) => member.told_steer(*steer),
                (Message::Restore(_), _) => member.told_restore(), // the next look at it will tell
                _ => {}
            }
        });
        self.wake_waiting();
    }

    /// The store announced a state.
    pub(crate) fn announced(&self, seen: Seen) {
        let heard = Heard {
            seen,
            lease: None,
            hold: 0,
        };
        self.heard(&Message::Read, &heard);
    }

    /// The store is away.
    pub(crate) fn parted(&self) {
        self.report(&self.0.gate.part(clock::precise()), Under::Outcome(None));
        self.wake_waiting();
    }

    /// Lets a call pass, or says whether to wait for a lease. `round` is what the call waits for
    /// already.
    pub(crate) fn pass_or_wait(&self, round: Option<u64>) -> Result<Pass, NoPass> {
        match self.0.gate.admit(clock::now(), round) {
            Ok((pass, change)) => {
                self.report(&change, Under::Asking);
                Ok(pass)
            }
            Err(refused) => {
                if refused.asked.is_some() {
                    self.tell_fleet();
                }
                Err(NoPass {
                    rejection: self.rejection(refused.retry_in),
                    round: refused.asked,
                })
            }
        }
    }

    /// Wakes a call when a request for a lease is through.
    pub(crate) fn wait_for_lease(&self, waker: &Waker) {
        self.0.sharing.waiting().push(waker.clone());
    }
}
