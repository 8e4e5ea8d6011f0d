//! What one instance and the store say to each other of a breaker that a fleet shares.

use super::state::State;
use super::window::{Counts, Nanos, Outcome};

/// What the store says of the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) state: State,
    /// One state has one epoch, and a later state a higher one. Zero where the store knows nothing.
    pub(crate) epoch: u64,
    /// How long an open state lasts from now on.
    pub(crate) remaining: Nanos,
    /// How many times in a row it opened.
    pub(crate) opens: u32,
    /// In the window; of a state that is not closed, those that opened it.
    pub(crate) counts: Counts,
}

/// Calls that are told together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The state that they belong to.
    pub(crate) epoch: u64,
    /// Told twice, it counts once.
    pub(crate) seq: u64,
    pub(crate) counts: Counts,
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeEnd {
    Succeeded,
    Failed,
    /// It counts as nothing: its place is free.
    Gone,
}

impl ProbeEnd {
    pub(super) fn of(outcome: Option<Outcome>) -> Self {
        match outcome {
            None => Self::Gone,
            Some(outcome) if outcome.is_plain() => Self::Succeeded,
            Some(_) => Self::Failed,
        }
    }
}

/// What somebody did by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Steer {
    Reset,
    ForceOpen,
    Disable,
    Release,
}

/// Leave to send one probe, by the name that the store gave it.
pub(crate) type Lease = Box<str>;

/// Something to tell the store, or to ask it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Record(Batch),
    /// A lease for a probe, please.
    Acquire,
    Probed(Lease, ProbeEnd),
    /// The store forgot this state.
    Restore(Seen),
    Steer(Steer),
    /// What is the state?
    Read,
}
