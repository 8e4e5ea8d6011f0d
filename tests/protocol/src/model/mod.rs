//! A model of the protocol, small enough to be searched exhaustively.
//!
//! It has what can go wrong between instances and a store: messages that are lost, repeated and
//! overtaken, instances that crash and come again, a store that loses its data, and time, which may
//! have come for anything that is due. Every state that can be reached within a [`Size`] is looked
//! at. In each of them
//!
//! - an epoch is one state, made by a transition, wherever it is heard of;
//! - no more probes are out than allowed, in any epoch;
//! - what is counted are failures of the current epoch, each once, and at the threshold it opens;
//! - a result that counts is that of a lease in force; no token is handed out twice;
//! - once messages flow, all agree on the latest state that any of them knew: no trip is lost;
//! - once the dependency works, all can come to be closed: nothing is wedged.
//!
//! Each [`Flaw`] is a mistake one could make in the scripts or in an instance. The search finds all
//! of them, so it is known to be able to fail; and the model's server is held against the scripts.
//!
//! Announcements are left out, since they tell no more than a poll; so are the rules an instance follows
//! while it has no store (what it decides then makes no epoch, and is forgotten when the store is back),
//! rates, quorum and locks.
//!
//! The search is our own. The crate `stateright` has no property of the kind "from each state one can
//! still get to", and its "eventually" is not exact where paths meet or go in circles.

mod instance;
mod properties;
mod search;
mod server;
mod step;
mod world;

pub use search::{Found, Searched, search};
pub use server::{Answer, Extra, Request, Server};
pub use world::{Batch, Result, State, Token, View};

/// Bounds of a search.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// What all know at the beginning.
    pub begins: State,
    /// Instances at a time.
    pub instances: u8,
    /// Probes at a time.
    pub half_open: u8,
    /// Successful probes that close.
    pub close_after: u8,
    /// Failures that open.
    pub threshold: u8,
    /// Messages in flight.
    pub network: usize,
    /// Failures of calls, in all.
    pub failures: u8,
    /// Times at which the store loses its data.
    pub flushes: u8,
    /// Instances that crash and come again.
    pub crashes: u8,
    /// Resets by hand.
    pub resets: u8,
    /// Transitions and leases, in all.
    pub ticks: u8,
}

/// A mistake in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each says what it is")]
pub enum Flaw {
    ABatchCountsEachTimeItArrives,
    ABatchOfAnotherEpochCounts,
    ABatchIsSentAgainAsANewOne,
    ALostBatchIsNotSentAgain,
    AResultCountsWithoutItsLease,
    EpochsDoNotFollowTheClock,
    FencesDoNotFollowTheClock,
    LeasesDoNotEnd,
    LeasesLostWithTheDataAreForgotten,
    RestoringMakesAnEpoch,
    RestoringOverwritesALaterEpoch,
    RestoringADueOpenStateClosesIt,
    AnInstanceTakesALowerEpoch,
    AResultKeepsItsLease,
    ATransitionKeepsCounts,
    NobodyRestores,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::ABatchCountsEachTimeItArrives,
        Self::ABatchOfAnotherEpochCounts,
        Self::ABatchIsSentAgainAsANewOne,
        Self::ALostBatchIsNotSentAgain,
        Self::AResultCountsWithoutItsLease,
        Self::EpochsDoNotFollowTheClock,
        Self::FencesDoNotFollowTheClock,
        Self::LeasesDoNotEnd,
        Self::LeasesLostWithTheDataAreForgotten,
        Self::RestoringMakesAnEpoch,
        Self::RestoringOverwritesALaterEpoch,
        Self::RestoringADueOpenStateClosesIt,
        Self::AnInstanceTakesALowerEpoch,
        Self::AResultKeepsItsLease,
        Self::ATransitionKeepsCounts,
        Self::NobodyRestores,
    ];
}
