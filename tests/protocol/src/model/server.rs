//! The scripts, as far as the model goes: each request is one step.

use arrayvec::ArrayVec;

use super::world::{Batch, NOTHING, Result, State, Token, View};
use super::{Flaw, Size};

/// A call of a script.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the scripts' own names")]
pub enum Request {
    Record(Batch),
    Acquire,
    Probed(Token, Result),
    Restore(View),
    Reset,
    Read,
}

/// What a script says besides the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Extra {
    /// Nothing, or that a result or a restore changed nothing.
    Nothing,
    /// A result was taken, or a state restored.
    Done,
    /// The batch of this number was counted.
    Counted(u8),
    /// It was counted before.
    Seen(u8),
    /// It is void.
    Void(u8),
    /// A place for a probe.
    Lease(Token),
}

/// A script's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "a pair")]
pub struct Answer {
    pub view: View,
    pub extra: Extra,
}

/// A place for a probe that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot {
    /// None where the lease was lost with the data.
    pub(super) token: Option<Token>,
    pub(super) over: bool,
}

/// What the server stores.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    pub(super) state: State,
    pub(super) due: bool,
    pub(super) epoch: u8,
    pub(super) fence: u8,
    pub(super) successes: u8,
    pub(super) slots: ArrayVec<Option<Slot>, 4>,
    pub(super) failures: u8,
    /// By instance, the number of its last batch.
    pub(super) seqs: ArrayVec<u8, 8>,
}

/// What a server goes by that it does not store.
pub(super) struct Around<'a> {
    pub(super) size: &'a Size,
    pub(super) clock: &'a mut u8,
    pub(super) flaw: Option<Flaw>,
}

impl Around<'_> {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// After the last, and no earlier than now.
    fn next(&mut self, last: u8, unless: Flaw) -> u8 {
        *self.clock += 1;
        if self.has(unless) {
            last + 1
        } else {
            (*self.clock).max(last + 1)
        }
    }
}

impl Server {
    /// One that stores nothing.
    #[must_use]
    pub fn new(size: &Size) -> Self {
        Self {
            state: State::Closed,
            due: false,
            epoch: 0,
            fence: 0,
            successes: 0,
            slots: (0..size.half_open).map(|_| None).collect(),
            failures: 0,
            seqs: (0..size.instances + size.crashes).map(|_| 0).collect(),
        }
    }

    /// What it would tell.
    #[must_use]
    pub fn view(&self) -> View {
        View {
            epoch: self.epoch,
            state: self.state,
        }
    }

    /// Failures counted.
    #[must_use]
    pub fn failures(&self) -> u8 {
        self.failures
    }

    /// Runs a script; `clock` moves on where it reads the time for something of its own.
    pub fn run(&mut self, request: &Request, size: &Size, clock: &mut u8) -> Answer {
        let around = Around {
            size,
            clock,
            flaw: None,
        };
        self.meet(request, around)
    }

    /// The time for what is open, and of all leases, has come.
    pub fn pass_all_time(&mut self) {
        self.due = self.state == State::Open;
        for slot in self.slots.iter_mut().flatten() {
            slot.over = true;
        }
    }

    pub(super) fn meet(&mut self, request: &Request, mut around: Around<'_>) -> Answer {
        let around = &mut around;
        let extra = match request {
            Request::Record(batch) => self.record(*batch, around),
            Request::Acquire => self.acquire(around),
            Request::Probed(token, result) => self.probed(*token, *result, around),
            Request::Restore(view) => self.restore(*view, around),
            Request::Reset => {
                self.to(State::Closed, around);
                Extra::Nothing
            }
            Request::Read => Extra::Nothing,
        };
        Answer {
            view: self.view(),
            extra,
        }
    }

    fn record(&mut self, batch: Batch, around: &mut Around<'_>) -> Extra {
        let other = batch.epoch != self.epoch && !around.has(Flaw::ABatchOfAnotherEpochCounts);
        if self.state != State::Closed || other {
            return Extra::Void(batch.seq);
        }
        let last = &mut self.seqs[usize::from(batch.id)];
        if batch.seq <= *last && !around.has(Flaw::ABatchCountsEachTimeItArrives) {
            return Extra::Seen(batch.seq);
        }
        *last = batch.seq;
        self.failures += batch.failures;
        if self.failures >= around.size.threshold {
            self.to(State::Open, around);
        }
        Extra::Counted(batch.seq)
    }

    fn acquire(&mut self, around: &mut Around<'_>) -> Extra {
        match self.state {
            State::Closed => return Extra::Nothing,
            State::Open if !self.due => return Extra::Nothing,
            State::Open => self.to(State::HalfOpen, around),
            State::HalfOpen => {}
        }
        let ends = !around.has(Flaw::LeasesDoNotEnd);
        let is_free = |slot: &Option<Slot>| slot.is_none_or(|slot| slot.over && ends);
        let Some(place) = self.slots.iter().position(is_free) else {
            return Extra::Nothing;
        };
        self.fence = around.next(self.fence, Flaw::FencesDoNotFollowTheClock);
        let token = Token {
            epoch: self.epoch,
            fence: self.fence,
        };
        self.slots[place] = Some(Slot {
            token: Some(token),
            over: false,
        });
        Extra::Lease(token)
    }

    /// Where the slot of a lease in force is.
    pub(super) fn place_of(&self, token: Token) -> Option<usize> {
        let holds = |slot: &Option<Slot>| slot.is_some_and(|slot| slot.token == Some(token));
        let in_force = self.state == State::HalfOpen && token.epoch == self.epoch;
        self.slots.iter().position(holds).filter(|_| in_force)
    }

    fn probed(&mut self, token: Token, result: Result, around: &mut Around<'_>) -> Extra {
        let place = self.place_of(token);
        let fenced = !around.has(Flaw::AResultCountsWithoutItsLease);
        if self.state != State::HalfOpen || place.is_none() && fenced {
            return Extra::Nothing;
        }
        if let Some(place) = place.filter(|_| !around.has(Flaw::AResultKeepsItsLease)) {
            self.slots[place] = None;
        }
        match result {
            Result::Failed => self.to(State::Open, around),
            Result::Ok => {
                self.successes += 1;
                if self.successes >= around.size.close_after {
                    self.to(State::Closed, around);
                }
            }
            Result::Gone => {}
        }
        Extra::Done
    }

    fn restore(&mut self, view: View, around: &mut Around<'_>) -> Extra {
        let lower = self.epoch < view.epoch || around.has(Flaw::RestoringOverwritesALaterEpoch);
        if !lower {
            return Extra::Nothing;
        }
        let closes = view.state == State::Open && around.has(Flaw::RestoringADueOpenStateClosesIt);
        let state = if closes { State::Closed } else { view.state };
        if around.has(Flaw::RestoringMakesAnEpoch) {
            self.to(state, around);
        } else {
            self.store(View { state, ..view }, around);
        }
        if state == State::HalfOpen && !around.has(Flaw::LeasesLostWithTheDataAreForgotten) {
            let lost = Slot {
                token: None,
                over: false,
            };
            self.slots.fill(Some(lost));
        }
        Extra::Done
    }

    fn to(&mut self, state: State, around: &mut Around<'_>) {
        let epoch = around.next(self.epoch, Flaw::EpochsDoNotFollowTheClock);
        self.store(View { epoch, state }, around);
    }

    fn store(&mut self, view: View, around: &Around<'_>) {
        (self.epoch, self.state) = (view.epoch, view.state);
        self.due = false;
        self.successes = 0;
        self.slots.fill(None);
        if !around.has(Flaw::ATransitionKeepsCounts) {
            self.failures = 0;
        }
        self.seqs.fill(0);
    }

    /// Its data are gone.
    pub(super) fn flush(&mut self, size: &Size) {
        *self = Self::new(size);
        debug_assert_eq!(self.view(), NOTHING);
    }
}
