//! An account that a fleet shares: one key's, or that of a limit without keys.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::alone::Own;
use super::ledger::{Ask, Ledger};
use super::pot::Pot;
use super::wait::SharedWait;
use super::{Common, Said};
use crate::backed::Backed;
use crate::breaker::Nanos;
use crate::clock;
use crate::keys::Forgettable;
use crate::quota::{Account, GivenBack, Granted, Lost, lease, share};
use crate::rate_limit::lane::Token;
use crate::rate_limit::{LimitStatus, LimitWait, Taken};
use crate::telemetry::{Event, report};
use crate::turns::{Queued, Turn, Turns};

/// An account with those who wait for its tokens.
pub(crate) struct SharedLane {
    pub(super) account: Account,
    pub(super) common: Arc<Common>,
    pot: Pot,
    ledger: Mutex<Ledger>,
    waiting: AtomicUsize,
    turns: Turns,
    /// Until when this account goes on by itself, since the store refuses its name.
    pub(super) alone_until: AtomicU64,
    pub(super) own: Mutex<Own>,
    /// Tokens spent by itself.
    pub(super) spent: AtomicU32,
}

/// A key that nobody asks for is forgotten after this time, though its bucket is not full again: the store
/// knows it.
const REMEMBERED: Nanos = 1_000_000_000;

impl SharedLane {
    pub(super) fn new(account: Account, common: &Arc<Common>) -> Self {
        Self {
            account,
            common: common.clone(),
            pot: Pot::default(),
            ledger: Mutex::default(),
            waiting: AtomicUsize::new(0),
            turns: Turns::default(),
            alone_until: AtomicU64::new(0),
            own: Mutex::default(),
            spent: AtomicU32::new(0),
        }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token at hand, unless others wait for one.
    #[inline]
    pub(crate) fn take_at_hand(&self) -> Option<Token> {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let now = if self.common.coarse.load(Ordering::Relaxed) {
            clock::now()
        } else {
            clock::precise()
        };
        self.pot.take(now).map(Token::of)
    }

    /// A token at once; or a place in the queue for one, whose turn comes within `wait`, or of which only
    /// the store knows whether it does. It answers by `answer_by`, or is not waited for.
    pub(crate) fn take_or_wait(self: &Arc<Self>, wait: Nanos, answer_by: Nanos) -> Taken {
        let now = clock::precise();
        if self.is_alone(now) {
            return self.take_alone(now, wait);
        }
        let said = self.common.said();
        let waiting = self.waiting.load(Ordering::Relaxed);
        let mut ledger = self.ledger();
        if waiting == 0
            && let Some((token, ask)) = self.fetch(&mut ledger, said, now)
        {
            drop(ledger);
            self.send(ask);
            return Taken::Token(token);
        }
        let time = ledger.turn_in(said.rules, now, waiting);
        drop(ledger);
        if time > wait {
            return Taken::Refused(time);
        }
        let until = now.saturating_add(wait);
        let Some(turn) = Turn::take(self, None) else {
            return Taken::Refused(time);
        };
        let mut waits = SharedWait::new(turn, until, answer_by);
        if time == 0 {
            waits.ask(now);
        }
        Taken::Wait(LimitWait::Shared(Backed::new(waits)))
    }

    /// A token at hand or out of what came before, and what is to be asked for.
    pub(super) fn fetch(
        &self,
        ledger: &mut Ledger,
        said: Said,
        now: Nanos,
    ) -> Option<(Token, Option<Ask>)> {
        if let Some(until) = self.pot.take(now) {
            return Some((Token::of(until), None));
        }
        let (tokens, until) = ledger.refill(now)?;
        self.pot.fill(tokens - 1, until);
        Some((Token::of(until), ledger.ahead(said.rules, now)))
    }

    pub(super) fn send(self: &Arc<Self>, ask: Option<Ask>) {
        let Some(ask) = ask else { return };
        let lane = self.clone();
        let heard = Box::new(move |answer| lane.heard(ask.number, answer));
        let reach = self.common.reach();
        reach
            .store()
            .take(&self.account, ask.counting, ask.want, ask.hint, heard);
    }

    fn heard(self: &Arc<Self>, number: u64, answer: Result<Granted, Lost>) {
        match answer {
            Ok(granted) => self.granted(number, granted),
            Err(lost) => {
                let ledger = self.ledger();
                if ledger.awaits(number) {
                    self.give_up(ledger);
                    self.go_alone(lost, clock::precise());
                }
            }
        }
    }

    /// There will be no answer. What was to be paid still is, since nobody knows whether it was: rather twice
    /// than not at all.
    pub(super) fn give_up(&self, mut ledger: MutexGuard<'_, Ledger>) {
        let owed = ledger.give_up();
        self.spent.fetch_add(owed, Ordering::Relaxed);
    }

    /// Asks for what was spent by itself, which then nobody gets; unless something else is asked for now.
    fn pay(&self, ledger: &mut Ledger, now: Nanos) -> Option<Ask> {
        let spent = self.spent.load(Ordering::Relaxed);
        let ask = ledger.pay(self.common.said().rules, spent, now)?;
        self.spent.fetch_sub(ask.want, Ordering::Relaxed);
        Some(ask)
    }

    fn granted(self: &Arc<Self>, number: u64, granted: Granted) {
        let (now, said) = (clock::precise(), self.common.said());
        let mut ledger = self.ledger();
        let Some(news) = ledger.heard(said.rules, number, granted, now) else {
            return;
        };
        // Spent while this was on its way: other accounts noticed that the store was out of reach.
        let owes = self.spent.load(Ordering::Relaxed) > 0 && !self.is_alone(now);
        let next = if owes {
            self.pay(&mut ledger, now)
        } else {
            ledger.follow(said.rules, now)
        };
        drop(ledger);
        self.send(next);
        if let (Some(at), Some(lease)) = (news.leased, said.rules.lease) {
            let lane = Arc::downgrade(self);
            let give_back = move || {
                if let Some(lane) = lane.upgrade() {
                    lane.give_batch_back(at);
                }
            };
            let time = Duration::from_nanos(lease::back_after(lease));
            let reach = self.common.reach();
            reach.store().after(time, Box::new(give_back));
        }
        self.wake();
    }

    /// What is left of a batch goes back before its lease ends, once.
    fn give_batch_back(&self, at: f64) {
        let (now, said) = (clock::precise(), self.common.said());
        let mut ledger = self.ledger();
        let (mut tokens, at_hand) = ledger.take_back(at);
        if at_hand {
            tokens += self.pot.empty(now);
        }
        drop(ledger);
        if let (crate::quota::Counting::Bucket { interval, .. }, Some(lease)) =
            (said.rules.counting, said.rules.lease)
            && tokens > 0
        {
            let back = GivenBack {
                tokens,
                interval,
                lease,
                granted_at: at,
            };
            self.common.reach().store().give_back(&self.account, back);
        }
    }

    /// From now on by itself: all accounts, or this one.
    pub(super) fn go_alone(&self, lost: Lost, now: Nanos) {
        match lost {
            Lost::Store => self.common.reach().lose(now),
            Lost::This => {
                let until = now.saturating_add(crate::breaker::nanos(self.common.said().probe));
                let before = self.alone_until.swap(until, Ordering::Relaxed);
                if before == 0 {
                    report(&Event::AccountRefused {
                        limit: self.account.limit,
                        key: &self.account.key,
                    });
                }
            }
        }
        self.wake();
    }

    pub(super) fn wake(&self) {
        // Either this sees who waits, or who waits sees what there is: see `joined`.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.turns.wake_first();
        }
    }

    /// Gives back a token of a call that did not run.
    pub(crate) fn give_back(&self, token: Token) {
        let now = clock::precise();
        if self.is_alone(now) {
            self.give_back_alone(token);
        } else {
            self.pot.put_back(token.time(), now);
            self.wake();
        }
    }

    pub(super) fn retuned(&self, said: Said) {
        self.retune_own(said);
        self.wake();
    }

    /// The store is back: what was spent meanwhile is paid, and each who waits asks there.
    pub(super) fn rejoin(self: &Arc<Self>, now: Nanos) {
        let ask = self.pay(&mut self.ledger(), now);
        self.send(ask);
        self.leave_own();
        self.wake();
    }

    /// Tokens used and left, as far as is known here.
    pub(crate) fn status(&self) -> LimitStatus {
        let (now, said) = (clock::precise(), self.common.said());
        if let Some(own) = self.status_alone(now) {
            return own;
        }
        let ledger = self.ledger();
        let most = share::most(said.rules.counting);
        let left = ledger
            .left(said.rules, now)
            .saturating_add(self.pot.tokens(now));
        let left = left.min(most);
        LimitStatus {
            used: u64::from(most - left),
            left: left.into(),
            resets_in: Duration::from_nanos(ledger.full_in(now)),
            keys: 0,
            degraded: false,
        }
    }
}

impl Forgettable for Arc<SharedLane> {
    fn forgettable_in(&self, now: Nanos) -> Nanos {
        const SOON: Nanos = 1_000_000;
        let ledger = self.ledger();
        if ledger.is_waiting() || self.waiting.load(Ordering::Relaxed) > 0 {
            return SOON;
        }
        let full_in = ledger.full_in(now);
        if self.common.reach().lost_since().is_some() {
            drop(ledger);
            return full_in.max(self.own_full_in(now));
        }
        let remembered = (ledger.told_at() + REMEMBERED).saturating_sub(now);
        let at_hand = if self.pot.tokens(now) > 0 { SOON } else { 0 };
        full_in.min(remembered).max(at_hand)
    }
}

impl Queued for SharedLane {
    fn turns(&self) -> &Turns {
        &self.turns
    }

    fn joined(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    fn left(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
