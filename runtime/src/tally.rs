//! How calls ended, and by which policies.
//!
//! A call that ends well adds one to a cell of its thread, and to nothing else: how many successes a
//! breaker had is worked out from the calls that use it when somebody asks. So a call's counts are
//! kept apart for each set of policies that it has used ([`Tally`]), and what is rare is counted in
//! cells that all threads share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use steadfast_options::Name;

use crate::cells::Counters;
use crate::classify::Class;
use crate::policy::CallCounts;
use crate::rejection::Rejection;
use crate::sorted::Sorted;
use crate::telemetry::{Event, report};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With a value, which its breaker heard of.
    Ok,
    /// With a value, and no breaker to hear of it.
    OkAlone,
    Transient,
    Timeout,
    RateLimited,
    Permanent,
    Expected,
    Ignored,
    /// Its breaker refused it.
    CircuitOpen,
    /// Its rate limit did.
    LimitUsedUp,
    /// Its bulkhead did.
    BulkheadFull,
    /// It was refused in another way.
    Refused,
}

impl Ended {
    const ALL: usize = 12;

    /// Refused with this.
    pub(crate) fn by(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::CircuitOpen { .. } => Self::CircuitOpen,
            Rejection::RateLimited { .. } | Rejection::LimiterUnavailable { .. } => {
                Self::LimitUsedUp
            }
            Rejection::BulkheadFull { .. } => Self::BulkheadFull,
            Rejection::DeadlineExceeded { .. } | Rejection::Timeout { .. } => Self::Timeout,
            _ => Self::Refused,
        }
    }

    /// As metrics have it.
    #[cfg(feature = "tracing")]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok | Self::OkAlone => "ok",
            Self::Transient => "transient",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::Permanent => "permanent",
            Self::Expected => "expected",
            Self::Ignored => "ignored",
            _ => "rejected",
        }
    }

    /// Whether a guard refused it.
    pub(crate) fn is_refused(self) -> bool {
        self as usize >= Self::CircuitOpen as usize
    }
}

impl From<Class> for Ended {
    fn from(class: Class) -> Self {
        match class {
            Class::Transient => Self::Transient,
            Class::Timeout => Self::Timeout,
            Class::RateLimited { .. } => Self::RateLimited,
            Class::Permanent => Self::Permanent,
            Class::Expected => Self::Expected,
            Class::Ignored => Self::Ignored,
        }
    }
}

/// What is rarer than calls that end at their first attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rare {
    /// A policy that only observes would have refused or cut it.
    WouldReject,
    /// A timeout or a deadline cut it, or came while it waited.
    TimedOut,
    /// A fallback answered.
    FellBack,
}

const RARE: usize = 3;

/// The upper bounds of the classes in which calls are counted by their attempts; more are in none.
pub(crate) const ATTEMPTS: [u32; 6] = [1, 2, 3, 4, 5, 10];

#[derive(Default)]
struct Cells {
    rare: [AtomicU64; RARE],
    /// Attempts after the first, by how they ended.
    retried: [AtomicU64; Ended::ALL],
    /// Refusals that another attempt followed, by how a call would have ended with them.
    refused_again: [AtomicU64; Ended::ALL],
    /// Calls of more than one attempt, by their number.
    longer: [AtomicU64; ATTEMPTS.len() + 1],
    /// Attempts after the first of calls that have ended.
    further: AtomicU64,
}

fn one_more(cell: &AtomicU64) {
    cell.fetch_add(1, Ordering::Relaxed);
}

fn read(cell: &AtomicU64) -> u64 {
    cell.load(Ordering::Relaxed)
}

/// Which named policies a call uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Guarding {
    pub(crate) breaker: Option<Name>,
    pub(crate) rate_limit: Option<Name>,
    pub(crate) bulkhead: Option<Name>,
}

/// How the calls of one function ended while it used the same policies. A clone is the same counts.
#[derive(Clone)]
pub(crate) struct Tally {
    ended: Counters<{ Ended::ALL }>,
    cells: Arc<Cells>,
}

impl Tally {
    fn new() -> Self {
        Self {
            ended: Counters::new(),
            cells: Arc::default(),
        }
    }

    #[inline]
    pub(crate) fn ended(&self, ended: Ended) {
        self.ended.bump(ended as usize);
    }

    pub(crate) fn rare(&self, what: Rare) {
        one_more(&self.cells.rare[what as usize]);
    }

    /// An attempt after the first ended so.
    pub(crate) fn retried(&self, ended: Ended) {
        one_more(&self.cells.retried[ended as usize]);
    }

    /// A guard refused an attempt, and another follows.
    pub(crate) fn refused_again(&self, ended: Ended) {
        one_more(&self.cells.refused_again[ended as usize]);
    }

    /// A call ended with this attempt, which is not its first.
    pub(crate) fn took(&self, attempts: u32) {
        let class = ATTEMPTS.iter().position(|most| attempts <= *most);
        one_more(&self.cells.longer[class.unwrap_or(ATTEMPTS.len())]);
        let further = u64::from(attempts - 1);
        self.cells.further.fetch_add(further, Ordering::Relaxed);
    }

    fn sums(&self) -> Sums {
        let cells = &*self.cells;
        Sums {
            ended: std::array::from_fn(|which| self.ended.sum(which)),
            rare: cells.rare.each_ref().map(read),
            retried: cells.retried.each_ref().map(read),
            refused_again: cells.refused_again.each_ref().map(read),
            longer: cells.longer.each_ref().map(read),
            further: read(&cells.further),
            retries: false,
        }
    }
}

/// What a tally has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    ended: [u64; Ended::ALL],
    rare: [u64; RARE],
    retried: [u64; Ended::ALL],
    refused_again: [u64; Ended::ALL],
    longer: [u64; ATTEMPTS.len() + 1],
    further: u64,
    /// Whether the call has a retry, or had one.
    pub(crate) retries: bool,
}

fn add<const N: usize>(to: &mut [u64; N], more: [u64; N]) {
    to.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

fn counts(ended: &[u64; Ended::ALL]) -> CallCounts {
    let of = |end: Ended| ended[end as usize];
    CallCounts {
        ok: of(Ended::Ok) + of(Ended::OkAlone),
        transient: of(Ended::Transient),
        timeout: of(Ended::Timeout),
        rate_limited: of(Ended::RateLimited),
        permanent: of(Ended::Permanent),
        expected: of(Ended::Expected),
        ignored: of(Ended::Ignored),
        rejected: of(Ended::CircuitOpen)
            + of(Ended::LimitUsedUp)
            + of(Ended::BulkheadFull)
            + of(Ended::Refused),
        would_reject: 0,
    }
}

impl Sums {
    pub(crate) fn add(&mut self, more: &Self) {
        add(&mut self.ended, more.ended);
        add(&mut self.rare, more.rare);
        add(&mut self.retried, more.retried);
        add(&mut self.refused_again, more.refused_again);
        add(&mut self.longer, more.longer);
        self.further += more.further;
        self.retries |= more.retries;
    }

    pub(crate) fn ended(&self) -> CallCounts {
        CallCounts {
            would_reject: self.rare(Rare::WouldReject),
            ..counts(&self.ended)
        }
    }

    /// Attempts after the first.
    pub(crate) fn retries(&self) -> CallCounts {
        counts(&self.retried)
    }

    pub(crate) fn rare(&self, what: Rare) -> u64 {
        self.rare[what as usize]
    }

    /// Calls whose breaker heard of their success.
    pub(crate) fn successes(&self) -> u64 {
        self.ended[Ended::Ok as usize]
    }

    /// Refusals by one kind of policy, those that another attempt followed among them.
    pub(crate) fn refusals(&self, by: Ended) -> u64 {
        self.ended[by as usize] + self.refused_again[by as usize]
    }

    /// Calls by their attempts: with at most so many each, then all, then all attempts.
    pub(crate) fn attempts(&self) -> ([u64; ATTEMPTS.len()], u64, u64) {
        let all: u64 = self.ended.iter().sum();
        let longer: u64 = self.longer.iter().sum();
        // Whoever reads sees the cells one after the other.
        let mut within = all.saturating_sub(longer);
        let classes = std::array::from_fn(|class| {
            within += self.longer[class];
            within
        });
        (
            classes,
            within + self.longer[ATTEMPTS.len()],
            within + self.longer[ATTEMPTS.len()] + self.further,
        )
    }
}

/// The tallies of one call, one for each set of policies that it has used.
pub(crate) struct Ledger {
    call: Name,
    retries: AtomicBool,
    pages: Mutex<Vec<(Guarding, Tally)>>,
}

impl Ledger {
    pub(crate) fn new(call: Name) -> Arc<Self> {
        Arc::new(Self {
            call,
            retries: AtomicBool::new(false),
            pages: Mutex::default(),
        })
    }

    /// Takes note that the call has a retry.
    pub(crate) fn note_retry(&self) {
        self.retries.store(true, Ordering::Relaxed);
    }

    fn pages(&self) -> MutexGuard<'_, Vec<(Guarding, Tally)>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tally for calls that use these policies.
    pub(crate) fn page(&self, guarding: Guarding) -> Tally {
        let mut pages = self.pages();
        if let Some((_, known)) = pages.iter().find(|(known, _)| *known == guarding) {
            return known.clone();
        }
        let tally = Tally::new();
        pages.push((guarding, tally.clone()));
        tally
    }

    fn sums(&self) -> Vec<(Guarding, Sums)> {
        let retries = self.retries.load(Ordering::Relaxed);
        let pages = self.pages();
        let sums = pages.iter().map(|(guarding, tally)| {
            let sums = tally.sums();
            (*guarding, Sums { retries, ..sums })
        });
        sums.collect()
    }

    pub(crate) fn counts(&self) -> CallCounts {
        let mut all = Sums::default();
        self.sums().iter().for_each(|(_, sums)| all.add(sums));
        all.ended()
    }
}

/// Calls made by hand whose counts are kept though they are gone, at most.
const MOST: usize = 10_000;

/// Every ledger of a registry.
#[derive(Default)]
pub(crate) struct Book(Mutex<Written>);

#[derive(Default)]
struct Written {
    ledgers: Vec<Arc<Ledger>>,
    /// Of policies made by hand that are no more: counts never go back.
    past: Sorted<(Name, Guarding), Sums>,
    warned: bool,
}

impl Book {
    fn written(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a ledger that stays.
    pub(crate) fn open(&self, ledger: &Arc<Ledger>) {
        self.written().ledgers.push(ledger.clone());
    }

    /// Takes note of the ledger of a policy made by hand, and keeps what it counts.
    pub(crate) fn open_by_hand(&self, ledger: &Arc<Ledger>) {
        let mut written = self.written();
        let mut lost = None;
        if written.ledgers.len() == written.ledgers.capacity() {
            lost = written.close_those_let_go();
            let room = written.ledgers.len().max(8);
            written.ledgers.reserve(room);
        }
        written.ledgers.push(ledger.clone());
        drop(written);
        if let Some(name) = lost {
            report(&Event::TooManyNames { name, most: MOST });
        }
    }

    /// What was counted so far, by call and by the policies that it used.
    pub(crate) fn read(&self) -> Sorted<(Name, Guarding), Sums> {
        let written = self.written();
        let mut all = written.past.clone();
        for ledger in &written.ledgers {
            for (guarding, sums) in ledger.sums() {
                all.get_or((ledger.call, guarding), Sums::default)
                    .add(&sums);
            }
        }
        all
    }
}

impl Written {
    /// A name whose counts are lost, the first time that there is one.
    fn close_those_let_go(&mut self) -> Option<Name> {
        let mut lost = None;
        let past = &mut self.past;
        self.ledgers.retain(|ledger| {
            let held = Arc::strong_count(ledger) > 1;
            if !held {
                for (guarding, sums) in ledger.sums() {
                    let key = (ledger.call, guarding);
                    if past.len() < MOST || past.get(&key).is_some() {
                        past.get_or(key, Sums::default).add(&sums);
                    } else {
                        lost = Some(ledger.call);
                    }
                }
            }
            held
        });
        lost.filter(|_| !std::mem::replace(&mut self.warned, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Name = Name::from_static("tally");

    #[test]
    fn calls_are_counted_by_their_attempts_and_no_cell_is_written_at_the_first() {
        let tally = Ledger::new(CALL).page(Guarding::default());
        (0..5).for_each(|_| tally.ended(Ended::Ok));
        for attempts in [2, 3, 3, 10, 11] {
            tally.ended(Ended::Transient);
            tally.took(attempts);
        }
        let (classes, all, attempts) = tally.sums().attempts();
        assert_eq!(classes, [5, 6, 8, 8, 8, 9]);
        assert_eq!((all, attempts), (10, 5 + 2 + 3 + 3 + 10 + 11));
    }

    #[test]
    fn counts_stay_apart_by_the_policies_that_were_used() {
        let (book, ledger) = (Book::default(), Ledger::new(CALL));
        book.open(&ledger);
        let guarded = Guarding {
            breaker: Some(CALL),
            ..Guarding::default()
        };
        ledger.page(guarded).ended(Ended::Ok);
        ledger.page(Guarding::default()).ended(Ended::OkAlone);
        ledger.page(guarded).ended(Ended::CircuitOpen);
        let read = book.read();
        assert_eq!(read.get(&(CALL, guarded)).unwrap().successes(), 1);
        assert_eq!(
            read.get(&(CALL, guarded))
                .unwrap()
                .refusals(Ended::CircuitOpen),
            1
        );
        assert_eq!(
            read.get(&(CALL, Guarding::default())).unwrap().successes(),
            0
        );
        assert_eq!((ledger.counts().ok, ledger.counts().rejected), (2, 1));
    }

    #[test]
    fn what_a_policy_counted_stays_when_it_is_gone_and_takes_no_room_of_its_own() {
        let book = Book::default();
        for _ in 0..1000 {
            let ledger = Ledger::new(CALL);
            book.open_by_hand(&ledger);
            ledger.page(Guarding::default()).ended(Ended::Ok);
        }
        let kept = book.0.lock().unwrap().ledgers.len();
        assert!(kept <= 16, "{kept}");
        let read = book.read();
        assert_eq!(
            read.get(&(CALL, Guarding::default())).unwrap().successes(),
            1000
        );
    }
}
