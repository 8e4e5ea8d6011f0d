//! What a breaker has counted since it was made, and its last changes of state.

use std::collections::VecDeque;
use std::fmt::{self, Display, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use super::Breaker;
use super::state::{State, Transition};
use super::successes::Writers;
use crate::cells::{Counters, Writer, bump};
use crate::totals::BreakerTotals;

/// Changes of state that are kept of each breaker.
const KEPT: usize = 20;
/// Of an error's text, in characters.
const LONGEST_TEXT: usize = 300;

/// What is counted under the rules' lock, or seldom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Failure,
    Slow,
    /// A success that came too late, or to a breaker that counts nothing.
    Void,
    /// An answer in the form of an error, which is a success.
    Answer,
}

const COUNTED: usize = 4;
const STATES: usize = 5;

/// Counts that only grow. The breakers of keys write that of the breaker they are keys of.
#[derive(Default)]
pub(crate) struct Account {
    counted: [AtomicU64; COUNTED],
    /// Changes of state, by the state after.
    changes: [AtomicU64; STATES],
    /// Successes of permits. Most breakers have none.
    by_permit: OnceLock<Counters<1>>,
    /// Refusals to handles.
    refused: AtomicU64,
    /// The most successes that anybody was told of.
    told: AtomicU64,
    history: Mutex<History>,
    /// The last failure that the fleet was told of.
    told_fleet: Mutex<Option<Box<str>>>,
}

#[derive(Default)]
struct History {
    changes: VecDeque<StateChange>,
    /// Of the breaker itself, whatever became of its keys.
    last_change: Option<SystemTime>,
    last_opened: Option<SystemTime>,
}

/// A change of state, from [`Breaker::history`](super::Breaker::history).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct StateChange {
    /// When it was.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serialize::time"))]
    pub at: SystemTime,
    /// The state before.
    pub from: State,
    /// The state since.
    pub to: State,
    /// What caused it.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub cause: Cause,
    /// The key whose circuit it was, in a breaker by key.
    pub key: Option<Box<str>>,
    /// Open for how long, where it opened by its rules.
    #[cfg_attr(
        feature = "serde",
        serde(
            rename = "openForMs",
            serialize_with = "crate::serialize::maybe_millis"
        )
    )]
    pub open_for: Option<Duration>,
}

/// What caused a change of state.
///
/// ```
/// use steadfast::{Cause, State, registry};
///
/// let breaker = registry().breaker("cause.doc");
/// breaker.force_open();
/// let last = breaker.history().pop().unwrap();
/// assert_eq!((last.to, last.cause), (State::ForcedOpen, Cause::ByHand));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// A call failed with this error, cut to 300 characters.
    Failure(Box<str>),
    /// How calls went, without an error: they were slow, or a probe succeeded.
    Outcome,
    /// The time that it stays open was over.
    Recovery,
    /// Somebody, by a handle or the admin router.
    ByHand,
    /// The fleet that shares it: other instances saw what caused it, or somebody steered there. Where
    /// this instance told the fleet of failures, the last is the cause of what opens it.
    Fleet,
}

impl Cause {
    /// In a word: `failure`, `outcome`, `recovery`, `by_hand`, `fleet`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Failure(_) => "failure",
            Self::Outcome => "outcome",
            Self::Recovery => "recovery",
            Self::ByHand => "by_hand",
            Self::Fleet => "fleet",
        }
    }

    /// The text of the error, where it was one.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Failure(text) => Some(text),
            _ => None,
        }
    }
}

impl Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error().unwrap_or(self.as_str()))
    }
}

/// What was under way when a breaker changed its state.
#[derive(Clone, Copy)]
pub(crate) enum Under<'a> {
    /// A call ended, with this error where it failed.
    Outcome(Option<&'a dyn Display>),
    /// A call asked to pass.
    Asking,
    Hand,
    Fleet,
}

impl From<Under<'_>> for Cause {
    fn from(under: Under<'_>) -> Self {
        match under {
            Under::Outcome(Some(error)) => Self::Failure(text_of(error)),
            Under::Outcome(None) => Self::Outcome,
            Under::Asking => Self::Recovery,
            Under::Hand => Self::ByHand,
            Under::Fleet => Self::Fleet,
        }
    }
}

/// The beginning of a text, which is written no further than needed.
fn text_of(error: &dyn Display) -> Box<str> {
    struct Beginning(String, usize);

    impl fmt::Write for Beginning {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            for character in part.chars() {
                if self.1 == 0 {
                    self.0.push('…');
                    return Err(fmt::Error);
                }
                self.0.push(character);
                self.1 -= 1;
            }
            Ok(())
        }
    }

    let mut text = Beginning(String::new(), LONGEST_TEXT);
    let _ = write!(text, "{error}"); // where it is cut, or fails, what there is will do
    text.0.into()
}

impl Account {
    /// Counts under the lock of the one breaker that writes here, or, where all keys of one do, with
    /// an atomic addition.
    pub(crate) fn count(&self, what: Counted, writers: Writers) {
        let writer = match writers {
            Writers::Striped => Writer::Owner,
            Writers::Shared => Writer::Anyone,
        };
        bump(&self.counted[what as usize], writer);
    }

    /// Counts without the lock.
    pub(crate) fn count_unlocked(&self, what: Counted) {
        bump(&self.counted[what as usize], Writer::Anyone);
    }

    fn counted(&self, what: Counted) -> u64 {
        self.counted[what as usize].load(Ordering::Relaxed)
    }

    /// The holder of a permit says that its call succeeded.
    #[inline]
    pub(crate) fn permit_succeeded(&self) {
        self.by_permit.get_or_init(Counters::new).bump(0);
    }

    /// A handle was refused.
    pub(crate) fn refused_by_hand(&self) {
        bump(&self.refused, Writer::Anyone);
    }

    /// The fleet is told of a failure with this error, and may open the circuit for it.
    pub(super) fn tells_fleet(&self, error: &dyn Display) {
        let text = text_of(error);
        *self
            .told_fleet
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    /// What caused a change of state.
    pub(super) fn cause(&self, to: State, under: Under<'_>) -> Cause {
        let told = self.told_fleet.lock();
        let told = told.unwrap_or_else(PoisonError::into_inner).take();
        match (under, told) {
            (Under::Fleet, Some(error)) if to == State::Open => Cause::Failure(error),
            (under, _) => under.into(),
        }
    }

    pub(crate) fn changed(&self, change: StateChange) {
        bump(&self.changes[change.to as usize], Writer::Anyone);
        let mut history = self.history();
        if change.key.is_none() {
            history.last_change = Some(change.at);
            if change.to == State::Open {
                history.last_opened = Some(change.at);
            }
        }
        if history.changes.len() == KEPT {
            history.changes.pop_front();
        }
        history.changes.push_back(change);
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Successes, those of the calls that use the breaker among them.
    fn successes(&self, of_calls: u64) -> u64 {
        let of_permits = self.by_permit.get().map_or(0, |permits| permits.sum(0));
        let all = of_calls + of_permits + self.counted(Counted::Answer);
        let successes = all.saturating_sub(self.counted(Counted::Void));
        // Between a call's cell and ours a reader may see one and not the other; a count that went
        // back would look like one that began anew.
        let told = self.told.fetch_max(successes, Ordering::Relaxed);
        successes.max(told)
    }
}

impl Breaker {
    /// Its last changes of state, at most 20, the oldest first, with what caused each. Those of its
    /// keys are among them.
    #[must_use]
    pub fn history(&self) -> Vec<StateChange> {
        self.account().history().changes.iter().cloned().collect()
    }

    /// When it opened last.
    #[cfg(feature = "admin")]
    pub(crate) fn last_opened(&self) -> Option<SystemTime> {
        self.account().history().last_opened
    }

    /// Since when it has its state.
    #[cfg(feature = "admin")]
    pub(crate) fn last_changed(&self) -> Option<SystemTime> {
        self.account().history().last_change
    }

    /// What it has counted, with the successes and refusals of the calls that use it.
    pub(crate) fn totals(&self, successes: u64, refusals: u64) -> BreakerTotals {
        const STATES_IN_ORDER: [State; STATES] = [
            State::Closed,
            State::Open,
            State::HalfOpen,
            State::ForcedOpen,
            State::Disabled,
        ];
        let account = self.account();
        let by_hand = account.refused.load(Ordering::Relaxed);
        let changes = STATES_IN_ORDER.map(|state| {
            let changes = account.changes[state as usize].load(Ordering::Relaxed);
            (state, changes)
        });
        let keys = self.keys_held();
        BreakerTotals {
            name: self.name(),
            state: self.state(),
            failures: account.counted(Counted::Failure),
            successes: account.successes(successes),
            rejections: refusals + by_hand,
            slow_calls: account.counted(Counted::Slow),
            changes,
            keys,
        }
    }
}

impl StateChange {
    pub(super) fn new(
        transition: Transition,
        open_for: Option<Duration>,
        key: Option<&str>,
        cause: Cause,
    ) -> Self {
        Self {
            at: SystemTime::now(),
            from: transition.from,
            to: transition.to,
            open_for: open_for.filter(|_| transition.to == State::Open),
            key: key.map(Into::into),
            cause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_text_is_cut_and_not_written_to_its_end() {
        struct Endless;

        impl Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("äx")?;
                }
            }
        }

        let text = text_of(&Endless);
        assert_eq!(text.chars().count(), LONGEST_TEXT + 1);
        assert!(text.ends_with('…'));
        assert_eq!(&*text_of(&"short"), "short");
    }

    #[test]
    fn successes_never_go_back() {
        let account = Account::default();
        assert_eq!(account.successes(5), 5);
        account.count_unlocked(Counted::Void); // its call is counted a moment later
        assert_eq!(account.successes(5), 5);
        assert_eq!(account.successes(7), 6);
    }
}
