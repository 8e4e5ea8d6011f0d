//! The sliding window as an exact log: pure.

use std::collections::VecDeque;

use crate::breaker::Nanos;

/// Times of the calls in the window that ends now.
#[derive(Debug, Default)]
pub(crate) struct Log(VecDeque<Nanos>);

/// At most `max` calls in any span of `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) max: usize,
    pub(crate) per: Nanos,
}

impl Log {
    /// With so many calls, all of them now.
    pub(crate) fn of(calls: usize, span: Span, now: Nanos) -> Self {
        Self(std::iter::repeat_n(now, calls.min(span.max)).collect())
    }

    /// Calls in the window.
    pub(crate) fn held(&self, span: Span, now: Nanos) -> usize {
        let held = self.0.iter();
        held.filter(|&&time| now.saturating_sub(time) < span.per)
            .count()
    }

    /// Notes a call at `now`, or says how long until one has room.
    pub(crate) fn take(&mut self, span: Span, now: Nanos) -> Result<(), Nanos> {
        match self.room_in(span, now, 0) {
            0 => {
                self.0.push_back(now);
                Ok(())
            }
            time => Err(time),
        }
    }

    /// Time until there is room for a call that comes after `ahead` others.
    pub(crate) fn room_in(&mut self, span: Span, now: Nanos, ahead: usize) -> Nanos {
        self.forget(span, now);
        let held = self.0.len();
        let Some(leaves_first) = (held + ahead).checked_sub(span.max) else {
            return 0;
        };
        // Those ahead enter as others leave, and leave one span later themselves.
        let rounds = match held {
            0 => leaves_first / span.max.max(1) + 1,
            held if leaves_first < held => return self.left_in(leaves_first, span, now),
            held => (leaves_first - held) / span.max.max(1) + 1,
        };
        let base = if held == 0 {
            0
        } else {
            self.left_in((leaves_first - held) % held, span, now)
        };
        base.saturating_add(span.per.saturating_mul(rounds as Nanos))
    }

    fn left_in(&self, place: usize, span: Span, now: Nanos) -> Nanos {
        (self.0[place] + span.per).saturating_sub(now)
    }

    /// A call exactly one span old is out.
    fn forget(&mut self, span: Span, now: Nanos) {
        while self
            .0
            .front()
            .is_some_and(|&time| now.saturating_sub(time) >= span.per)
        {
            self.0.pop_front();
        }
    }

    /// Takes back a call that was noted at `time`.
    pub(crate) fn give_back(&mut self, time: Nanos) {
        if let Some(place) = self.0.iter().rposition(|&noted| noted == time) {
            self.0.remove(place);
        }
    }

    pub(crate) fn left(&self, span: Span, now: Nanos) -> u64 {
        span.max.saturating_sub(self.held(span, now)) as u64
    }

    /// Time until the window is empty.
    pub(crate) fn empty_in(&self, span: Span, now: Nanos) -> Nanos {
        self.0
            .back()
            .map_or(0, |&last| (last + span.per).saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    #[test]
    fn never_more_than_max_in_any_span_over_a_million_random_arrivals() {
        let span = Span {
            max: 100,
            per: 60_000,
        };
        let (mut log, mut rng) = (Log::default(), Rng::with_seed(7));
        let mut admitted: VecDeque<Nanos> = VecDeque::new();
        let mut now = 0;
        for _ in 0..1_000_000 {
            now += rng.u64(0..700);
            admitted.retain(|time| now - time < span.per);
            let room = admitted.len() < span.max;
            assert_eq!(log.take(span, now).is_ok(), room, "at {now}");
            if room {
                admitted.push_back(now);
            }
        }
    }

    #[test]
    fn a_refusal_says_when_there_is_room() {
        let span = Span { max: 2, per: 100 };
        let mut log = Log::default();
        log.take(span, 10).unwrap();
        log.take(span, 40).unwrap();
        assert_eq!(log.take(span, 50), Err(60));
        assert!(log.take(span, 110).is_ok());
    }

    #[test]
    fn a_call_given_back_makes_room() {
        let span = Span { max: 1, per: 100 };
        let mut log = Log::default();
        log.take(span, 10).unwrap();
        log.give_back(10);
        assert!(log.take(span, 11).is_ok());
    }
}
