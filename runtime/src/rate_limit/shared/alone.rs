//! An account while the store is out of reach: this instance's part of it, in memory.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::Said;
use super::lane::SharedLane;
use super::wait::AloneWait;
use crate::backed::Backed;
use crate::breaker::Nanos;
use crate::clock;
use crate::quota::outage::Alone;
use crate::quota::{Counting, share};
use crate::rate_limit::gcra::Quota;
use crate::rate_limit::lane::{Lane, Token};
use crate::rate_limit::rate::Rate;
use crate::rate_limit::sliding::Span;
use crate::rate_limit::{LimitStatus, LimitWait, Taken};
use crate::turns::{Queued, Turn};

/// This instance's part, and in which outage it began.
#[derive(Default)]
pub(super) struct Own {
    outage: u64,
    lane: Option<Arc<Lane>>,
}

/// In place of an outage's number: only this account is by itself.
const ONLY_THIS: u64 = u64::MAX;

fn rate(part: Counting) -> Rate {
    match part {
        Counting::Bucket {
            interval,
            tolerance,
            ..
        } => Rate::TokenBucket(Quota {
            interval,
            tolerance,
        }),
        Counting::Window { max, per } => Rate::SlidingWindow(Span {
            max: max as usize,
            per,
        }),
    }
}

impl SharedLane {
    pub(super) fn is_alone(&self, now: Nanos) -> bool {
        self.common.reach().lost_since().is_some() || now < self.alone_until.load(Ordering::Relaxed)
    }

    fn alone(&self, now: Nanos) -> Alone {
        let reach = self.common.reach();
        match reach.lost_since() {
            Some(since) if !reach.has_ended() => self.common.said().terms.at(since, now),
            _ => Alone::Share,
        }
    }

    /// This instance's part, which begins afresh with each outage.
    fn own(&self, now: Nanos) -> Arc<Lane> {
        let reach = self.common.reach();
        let outage = if reach.lost_since().is_some() {
            reach.outage()
        } else {
            ONLY_THIS
        };
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.outage != outage {
            (own.outage, own.lane) = (outage, None);
        }
        let lane = own.lane.get_or_insert_with(|| {
            let instances = reach.store().instances();
            let part = share::of(self.common.said().counting, instances);
            let left = share::first(part, self.ledger().told_left(), instances);
            // What was spent in an outage before and could not be paid is not there again.
            let left = left.saturating_sub(self.spent.load(Ordering::Relaxed));
            Arc::new(Lane::with_left(rate(part), left.into(), now))
        });
        lane.clone()
    }

    fn known_own(&self) -> Option<Arc<Lane>> {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.lane.clone()
    }

    pub(super) fn take_alone(self: &Arc<Self>, now: Nanos, wait: Nanos) -> Taken {
        match self.alone(now) {
            Alone::Deny => Taken::Unavailable,
            Alone::Allow => Taken::Token(Token::of(now)),
            Alone::Share => {
                let own = self.own(now);
                match own.take(now) {
                    Ok(token) => Taken::Token(self.spend_alone(token)),
                    Err(time) if time > wait => Taken::Refused(time),
                    Err(time) => match Turn::take(&own, None) {
                        Some(turn) => {
                            let until = now.saturating_add(wait);
                            let waits = AloneWait::new(turn, self, until);
                            Taken::Wait(LimitWait::Alone(Backed::new(waits)))
                        }
                        None => Taken::Refused(time),
                    },
                }
            }
        }
    }

    pub(super) fn spend_alone(&self, token: Token) -> Token {
        self.spent.fetch_add(1, Ordering::Relaxed);
        token
    }

    pub(super) fn give_back_alone(&self, token: Token) {
        if let Some(own) = self.known_own() {
            own.give_back(token);
            // Taken before the outage, it was never counted.
            let less = |spent: u32| spent.checked_sub(1);
            let _ = self
                .spent
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }

    pub(super) fn retune_own(&self, said: Said) {
        if let Some(own) = self.known_own() {
            let instances = self.common.reach().store().instances();
            own.retune(rate(share::of(said.counting, instances)), clock::precise());
        }
    }

    /// Whoever waits for a turn there asks the store instead.
    pub(super) fn leave_own(&self) {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(left) = own.lane.take() {
            drop(own);
            left.turns().wake_first();
        }
    }

    pub(super) fn own_full_in(&self, now: Nanos) -> Nanos {
        self.known_own().map_or(0, |own| own.fresh_in(now))
    }

    /// None where the store is there.
    pub(super) fn status_alone(&self, now: Nanos) -> Option<LimitStatus> {
        if !self.is_alone(now) {
            return None;
        }
        let own = self.own(now);
        let part = share::of(
            self.common.said().counting,
            self.common.reach().store().instances(),
        );
        let most = u64::from(share::most(part));
        let left = match self.alone(now) {
            Alone::Deny => 0,
            Alone::Allow => most,
            Alone::Share => own.left(now),
        };
        Some(LimitStatus {
            used: most.saturating_sub(left),
            left,
            resets_in: Duration::from_nanos(own.fresh_in(now)),
            keys: 0,
            degraded: true,
        })
    }
}
