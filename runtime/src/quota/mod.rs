//! What limits and bulkheads share with a fleet: the seam to whatever keeps the fleet's counts, and the
//! rules while that is out of reach. Nothing here knows what it is.
//!
//! ```text
//! mod      the seam: what is asked, and what is heard
//! lease    tokens in batches: how many, for how long, when they go back (pure)
//! share    one instance's part, while each is on its own (pure)
//! outage   since when the store is lost, and what holds then (pure)
//! probe    when to try it again, and when to believe it (pure)
//! reach    the shell around the last two, one for all limits of a registry
//! ```

pub(crate) mod lease;
pub(crate) mod outage;
pub(crate) mod probe;
mod reach;
pub(crate) mod share;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use steadfast_options::Name;

pub(crate) use reach::{Reach, Rejoins};

use crate::breaker::Nanos;

/// Keeps the counts that a fleet shares. It answers on a thread of its own, within a bounded time, and
/// tries nothing twice.
pub(crate) trait Store: Send + Sync {
    /// Takes as many tokens as there are, up to what is wanted.
    fn take(&self, of: &Account, counting: Counting, want: u32, hint: Hint, heard: Heard<Granted>);

    /// Gives tokens back that were taken at this time of the store's.
    fn give_back(&self, of: &Account, back: GivenBack);

    /// Takes as many places among `max` as there are, for the first of these members.
    fn enter(&self, bulkhead: Name, max: u32, members: Range<u64>, heard: Heard<Placed>);

    /// Says that these members are still inside.
    fn hold(&self, bulkhead: Name, members: Vec<u64>, heard: Heard<()>);

    /// Gives a place back.
    fn leave(&self, bulkhead: Name, member: u64);

    /// Whether it can be written to, asked in a way that nothing stale can answer.
    fn probe(&self, heard: Heard<()>);

    /// Calls back after so long.
    fn after(&self, time: Duration, act: Box<dyn FnOnce() + Send>);

    /// How many instances share it, this one among them.
    fn instances(&self) -> u32;

    /// Where it is, to be told to people.
    fn place(&self) -> &str;

    /// What a key is called in it: the same in every instance, of bounded length.
    fn name_of(&self, key: &str) -> Box<str>;
}

/// How an answer comes back.
pub(crate) type Heard<T> = Box<dyn FnOnce(Result<T, Lost>) + Send>;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The store is out of reach, or cannot write.
    Store,
    /// The store refuses this one name: something else is kept there.
    This,
}

/// Whose tokens: a limit's, or one key's of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) limit: Name,
    /// As the store calls it; empty where the limit has no keys.
    pub(crate) key: Arc<str>,
}

/// How the store counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting {
    /// One token an interval, and as many at once as flow in during the tolerance. Where they are leased,
    /// for how long.
    Bucket {
        interval: Nanos,
        tolerance: Nanos,
        lease: Option<Nanos>,
    },
    /// So many in any span of `per`.
    Window { max: u32, per: Nanos },
}

/// The latest that this instance was told of an account, so that a store that has lost its memory does
/// not begin with a full bucket.
///
/// Of a bucket: its arrival in the store's time, with all that was ever given back added to it. That sum
/// never becomes less, where the arrival does when tokens come back; so that it tells what was lost from
/// what was given back.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Hint {
    pub(crate) mark: f64,
    pub(crate) returned: f64,
    /// How long it is still to be heeded, by this instance's clock: the store's may be set back.
    pub(crate) ahead: Nanos,
}

/// The store's answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Granted {
    pub(crate) tokens: u32,
    /// Time until there is a token; zero where all that was wanted was granted.
    pub(crate) wait: Nanos,
    pub(crate) left: u32,
    /// Time until all are back.
    pub(crate) full_in: Nanos,
    pub(crate) hint: Hint,
    /// When, by the store's clock, in microseconds.
    pub(crate) at: f64,
}

/// The store's answer to who wants to enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) members: u32,
    /// Time until a place is free at the latest, if nobody inside says that he is still there.
    pub(crate) wait: Nanos,
}

/// Tokens that nobody spent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GivenBack {
    pub(crate) tokens: u32,
    pub(crate) interval: Nanos,
    pub(crate) lease: Nanos,
    /// When they were granted, by the store's clock.
    pub(crate) granted_at: f64,
}
