//! Who of this process is inside of a bulkhead that a fleet shares: pure.
//!
//! Members are numbers, and one is as good as another: whoever leaves, one of them is given back. At most
//! one request is under way, and the next asks for all who came meanwhile.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::breaker::Nanos;
use crate::quota::Placed;

/// A request to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) number: u64,
    pub(super) members: Range<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Hall {
    /// The last number that a member has.
    last: u64,
    inside: BTreeSet<u64>,
    /// Places that were granted, and that nobody has taken yet.
    free: Vec<u64>,
    flight: Option<Ask>,
    asked: u64,
    answered: u64,
    needed: u32,
    /// When to ask again for those who wait.
    next: Nanos,
    /// Who left while the store was out of reach.
    departed: Vec<u64>,
}

impl Hall {
    /// One more wants to enter: the number of the request that asks for him, and the request if it is to be
    /// sent now.
    pub(super) fn need(&mut self) -> (u64, Option<Ask>) {
        self.needed += 1;
        if self.flight.is_some() {
            return (self.asked + 1, None);
        }
        let ask = self.ask();
        (ask.number, Some(ask))
    }

    /// One has gone before he was asked for.
    pub(super) fn unneed(&mut self, number: u64) {
        if number > self.asked {
            self.needed = self.needed.saturating_sub(1);
        }
    }

    fn ask(&mut self) -> Ask {
        let first = self.last + 1;
        self.last += u64::from(std::mem::take(&mut self.needed));
        self.asked += 1;
        let ask = Ask {
            number: self.asked,
            members: first..self.last + 1,
        };
        self.flight = Some(ask.clone());
        ask
    }

    /// Asks for those who came since the last request was sent.
    pub(super) fn follow(&mut self) -> Option<Ask> {
        (self.flight.is_none() && self.needed > 0).then(|| self.ask())
    }

    pub(super) fn awaits(&self, number: u64) -> bool {
        self.flight.as_ref().is_some_and(|ask| ask.number == number)
    }

    pub(super) fn is_answered(&self, number: u64) -> bool {
        self.answered >= number
    }

    /// The answer to a request. A late one is given back: those members.
    pub(super) fn heard(
        &mut self,
        ask: &Ask,
        placed: Placed,
        pause: Nanos,
        now: Nanos,
    ) -> Result<(), Range<u64>> {
        let entered = ask.members.start..ask.members.start + u64::from(placed.members);
        if self
            .flight
            .take_if(|flight| flight.number == ask.number)
            .is_none()
        {
            return Err(entered);
        }
        self.answered = ask.number;
        self.free.extend(entered.clone());
        if entered.end < ask.members.end {
            let wait = if placed.wait > 0 { placed.wait } else { pause };
            self.next = now.saturating_add(pause.min(wait));
            // Those who came meanwhile would hear the same.
            self.give_up();
        }
        Ok(())
    }

    /// There will be no answer to what was asked, nor to what would have been asked next.
    pub(super) fn give_up(&mut self) {
        self.flight = None;
        self.needed = 0;
        self.asked += 1;
        self.answered = self.asked;
    }

    /// Takes a place that was granted.
    pub(super) fn enter(&mut self) -> bool {
        let member = self.free.pop();
        member.is_some_and(|member| self.inside.insert(member))
    }

    /// Takes one of so many places without asking.
    pub(super) fn enter_alone(&mut self, places: u32) -> bool {
        let enters = self.inside.len() < places as usize;
        if enters {
            self.last += 1;
            self.inside.insert(self.last);
        }
        enters
    }

    /// Somebody leaves: which member, if any is inside.
    pub(super) fn leave(&mut self) -> Option<u64> {
        self.next = 0; // his place is free
        self.inside.pop_first()
    }

    /// He left while nobody could be told.
    pub(super) fn departed(&mut self, member: u64) {
        self.departed.push(member);
    }

    /// Places that nobody wants any more.
    pub(super) fn take_free(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.free)
    }

    pub(super) fn take_departed(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.departed)
    }

    pub(super) fn take_inside(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.inside).into_iter().collect()
    }

    /// Who is to be kept inside: those with a place, and places that are about to be taken.
    pub(super) fn held(&self) -> Vec<u64> {
        self.inside.iter().chain(&self.free).copied().collect()
    }

    pub(super) fn next(&self) -> Nanos {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(members: u32) -> Placed {
        Placed { members, wait: 90 }
    }

    #[test]
    fn those_who_come_meanwhile_are_asked_for_together() {
        let mut hall = Hall::default();
        let (first, ask) = hall.need();
        let ask = ask.unwrap();
        assert_eq!(ask.members, 1..2);
        assert_eq!(hall.need(), (first + 1, None));
        assert_eq!(hall.need(), (first + 1, None));
        hall.unneed(first + 1);
        hall.heard(&ask, placed(1), 20, 100).unwrap();
        assert!(hall.enter() && !hall.enter());
        assert_eq!(hall.follow().unwrap().members, 2..3);
    }

    #[test]
    fn who_finds_no_place_asks_again_after_a_pause_or_when_one_leaves() {
        let mut hall = Hall::default();
        let ask = hall.need().1.unwrap();
        hall.heard(&ask, placed(1), 20, 100).unwrap();
        hall.enter();
        let ask = hall.need().1.unwrap();
        let (behind, _) = hall.need();
        hall.heard(&ask, placed(0), 20, 100).unwrap();
        assert!(hall.is_answered(ask.number) && hall.is_answered(behind));
        assert_eq!(hall.next(), 120);
        assert_eq!(hall.leave(), Some(1));
        assert_eq!((hall.next(), hall.leave()), (0, None));
    }

    #[test]
    fn a_late_answer_gives_its_places_back() {
        let mut hall = Hall::default();
        let ask = hall.need().1.unwrap();
        hall.give_up();
        assert_eq!(hall.heard(&ask, placed(1), 20, 100), Err(1..2));
        assert!(!hall.enter());
    }

    #[test]
    fn by_itself_it_lets_in_no_more_than_its_part_those_inside_counted() {
        let mut hall = Hall::default();
        let ask = hall.need().1.unwrap();
        hall.heard(&ask, placed(1), 20, 100).unwrap();
        hall.enter();
        assert!(hall.enter_alone(2) && !hall.enter_alone(2));
        assert_eq!(hall.held(), [1, 2]);
    }
}
