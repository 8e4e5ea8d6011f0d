//! The rules of a breaker that a fleet shares: they are led while the store is there, and decide by
//! themselves while it is not.

use super::{NoProbe, Rules, Shown};
use crate::backed::Backed;
use crate::breaker::member::{Hears, Member};
use crate::breaker::message::Seen;
use crate::breaker::state::{State, Transition};
use crate::breaker::window::Nanos;

impl Rules {
    /// A fleet shares it from now on. What it was before is of this instance alone.
    pub(crate) fn share(&mut self, now: Nanos) {
        if self.fleet.is_none() {
            let window = self.thresholds.window.time();
            self.fleet = Some(Backed::new(Box::new(Member::new(window, now))));
            // Nothing is decided here yet that the fleet's state would make void.
            self.led = if self.state == State::Closed {
                self.since
            } else {
                0
            };
        }
    }

    /// The store is away: these rules decide again, also on what they have counted already.
    pub(crate) fn part(&mut self, now: Nanos, plain: u64) -> Option<Transition> {
        self.fleet.as_mut()?.part();
        let counts = self.counts(now, plain);
        if self.state != State::Closed || !self.trips(&counts, now) {
            return None;
        }
        self.tripped = Some(Shown::of(counts));
        Some(self.open(now))
    }

    /// The store said something of the breaker that the fleet shares.
    pub(crate) fn hear(&mut self, seen: Seen, now: Nanos) -> Option<Transition> {
        let member = self.fleet.as_mut()?;
        let lead = match member.hears(seen, now) {
            Hears::Nothing => return None,
            Hears::Newer => seen,
            Hears::KnownAgain if self.since == self.led => return None,
            Hears::KnownAgain => member.led_to(now),
        };
        let transition = self.move_to(lead.state, now);
        self.led = self.since;
        self.opens = lead.opens;
        match lead.state {
            State::Open => {
                self.open_until = now.saturating_add(lead.remaining);
                self.opened_at.get_or_insert(now);
            }
            State::HalfOpen => {}
            State::Closed | State::ForcedOpen | State::Disabled => {
                (self.tripped, self.opened_at) = (None, None);
            }
        }
        if matches!(lead.state, State::Open | State::HalfOpen) {
            self.tripped = Some(Shown::of(lead.counts));
        }
        (transition.from != transition.to).then_some(transition)
    }

    /// Whether not these rules decide, but the store that the fleet shares.
    pub(crate) fn is_led(&self) -> bool {
        self.fleet.as_ref().is_some_and(|member| member.is_led())
    }

    /// With a lease, which is asked for where there is none here.
    pub(super) fn led_probe(&mut self, now: Nanos, round: Option<u64>) -> Result<u64, NoProbe> {
        let Some(member) = &mut self.fleet else {
            return Err(NoProbe::Before(None));
        };
        let Some((lease, expires)) = member.take_lease(now) else {
            let round = match round {
                Some(round) => Some(round).filter(|round| !member.is_through(*round)),
                None => member.ask(self.thresholds.half_open, now),
            };
            return Err(round.map_or(NoProbe::Before(None), NoProbe::Asked));
        };
        self.probes.retain(|probe| now < probe.expires);
        Ok(self.send_probe(expires, Some(lease)))
    }
}
