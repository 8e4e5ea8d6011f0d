//! Carries a shared breaker's messages to Redis, and what Redis says back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::Value;
use steadfast_options::Name;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::Known;
use super::encode::{Args, micros, nanos_of_micros, number, text};
use super::link::{LinkError, LinkRef, LinkState};
use super::scripts::{ACQUIRE, PROBED, READ, RECORD, RESTORE, STEER, Script};
use crate::breaker::{
    Breaker, Counts, Heard, Message, Nanos, ProbeEnd, SUCCESSES_EVERY, Seen, State, Steer,
    Thresholds, Unheard,
};
use crate::clock;
use crate::telemetry::{Event, report};

/// After a lease was not to be had, none is asked for so long; longer in a large fleet.
const HOLD: Duration = Duration::from_millis(20);
const HOLD_OF_ONE_INSTANCE: Duration = Duration::from_micros(100);

/// What a carrier needs of a link.
pub(super) trait Wire {
    fn is_cluster(&self) -> bool;
    fn state(&self) -> watch::Receiver<LinkState>;
    fn subscribe(&self, channel: String) -> impl Future<Output = Result<(), LinkError>>;
    fn script(
        &self,
        script: &Script,
        keys: &[String],
        args: &[Vec<u8>],
    ) -> impl Future<Output = Result<Value, LinkError>>;
}

impl Wire for LinkRef {
    fn is_cluster(&self) -> bool {
        self.is_cluster()
    }

    fn state(&self) -> watch::Receiver<LinkState> {
        self.state()
    }

    async fn subscribe(&self, channel: String) -> Result<(), LinkError> {
        self.subscribe(channel).await
    }

    async fn script(
        &self,
        script: &Script,
        keys: &[String],
        args: &[Vec<u8>],
    ) -> Result<Value, LinkError> {
        self.script(script, keys, args).await
    }
}

/// One breaker's carrier. There is one message on its way at a time: what comes meanwhile rides the
/// next, so that a failure is told after two round trips at most, and no timer.
pub(super) struct Carrier<L = LinkRef> {
    breaker: Breaker,
    known: Arc<Known>,
    link: L,
    keys: Vec<String>,
    channel: String,
    news: Arc<Notify>,
    /// Redis refuses this breaker's messages: said once.
    refused: AtomicBool,
}

/// Why messages are carried no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// The breaker is local now.
    Unshared,
    LinkEnded,
}

impl<L: Wire> Carrier<L> {
    pub(super) fn new(breaker: &Breaker, known: &Arc<Known>, link: L) -> Self {
        let tag = format!("{{{}:cb:{}}}", known.prefix, breaker.name());
        let channel = if link.is_cluster() {
            tag.clone()
        } else {
            known.channel_of_all()
        };
        Self {
            breaker: breaker.clone(),
            known: known.clone(),
            link,
            keys: ["s", "w", "q", "f"]
                .map(|key| format!("{tag}:{key}"))
                .into(),
            channel,
            news: Arc::new(Notify::new()),
            refused: AtomicBool::new(false),
        }
    }

    /// From now on the breaker says when there is something to tell.
    pub(super) fn attach(&self) {
        let wake = self.news.clone();
        self.breaker.share(move || wake.notify_one());
        self.news.notify_one();
    }

    pub(super) fn name(&self) -> Name {
        self.breaker.name()
    }

    pub(super) fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Runs until the breaker is shared no longer.
    pub(super) async fn carry(&self) -> Carried {
        let mut state = self.link.state();
        if self.link.is_cluster() {
            let _ = self.link.subscribe(self.channel.clone()).await; // else with the next connection
        }
        while self.breaker.is_shared() {
            let up = matches!(*state.borrow_and_update(), LinkState::Up(_));
            if up && !self.refused.load(Ordering::Relaxed) {
                self.tell_all().await;
            } else if !up {
                self.breaker.parted();
            }
            let changed = tokio::select! {
                biased;
                () = self.news.notified(), if up => Ok(()),
                () = self.idle(), if up => Ok(()),
                changed = state.changed() => changed,
            };
            if changed.is_err() {
                return Carried::LinkEnded;
            }
        }
        Carried::Unshared
    }

    /// Until there may be something to tell, though nobody says so.
    async fn idle(&self) {
        let counts_successes = self.breaker.thresholds().has_rate_rule();
        let successes = counts_successes.then(|| Duration::from_nanos(SUCCESSES_EVERY));
        let unused = self
            .breaker
            .idle_until()
            .map(|at| clock::left(at).unwrap_or_default());
        match successes.into_iter().chain(unused).min() {
            Some(time) => sleep(time.max(Duration::from_millis(1))).await,
            None => std::future::pending().await,
        }
    }

    async fn tell_all(&self) {
        while let Some(message) = self.breaker.next_message() {
            let hold = self.hold();
            match self.tell(&message).await {
                Ok(heard) => self.heard(&message, &heard),
                Err(LinkError::Timeout) => self.breaker.unheard(&message, Unheard::Lost, hold),
                Err(LinkError::Refused { code, message: why }) => {
                    self.breaker.unheard(&message, Unheard::Refused, hold);
                    return self.is_refused(&code, &why);
                }
                Err(_) => return self.breaker.unheard(&message, Unheard::Lost, hold),
            }
        }
    }

    fn heard(&self, message: &Message, heard: &Heard) {
        self.refused.store(false, Ordering::Relaxed);
        self.breaker.heard(message, heard);
    }

    /// This breaker alone goes by its own rules, until asking for its state succeeds again.
    fn is_refused(&self, code: &str, why: &str) {
        self.breaker.parted();
        if !self.refused.swap(true, Ordering::Relaxed) {
            report(&Event::RedisRefused {
                breaker: self.name(),
                key: &self.keys[0],
                code,
                message: why,
            });
        }
    }

    /// The state of the breaker came by itself.
    pub(super) fn announced(&self, seen: Seen) {
        self.breaker.announced(seen);
        self.news.notify_one();
    }

    /// Asks for the state, should an announcement have been lost.
    pub(super) async fn read(&self) {
        match self.tell(&Message::Read).await {
            Ok(heard) => {
                self.heard(&Message::Read, &heard);
                self.news.notify_one();
            }
            Err(LinkError::Refused { code, message }) => self.is_refused(&code, &message),
            Err(_) => {}
        }
    }

    fn hold(&self) -> Nanos {
        let hold = HOLD.max(HOLD_OF_ONE_INSTANCE * self.known.size());
        hold.as_nanos().try_into().unwrap_or(Nanos::MAX)
    }

    async fn tell(&self, message: &Message) -> Result<Heard, LinkError> {
        let thresholds = self.breaker.thresholds();
        let head = self.rules(&thresholds);
        let sent = clock::precise();
        let (script, args): (&Script, Args) = match message {
            Message::Record(batch) => (
                &RECORD,
                head.add(batch.epoch)
                    .add(&self.known.instance)
                    .add(batch.seq)
                    .add(batch.counts.calls)
                    .add(batch.counts.failed)
                    .add(batch.counts.slow),
            ),
            Message::Acquire => (&ACQUIRE, head.add(&self.known.instance)),
            Message::Probed(lease, end) => (&PROBED, head.add(lease).add(word_of_end(*end))),
            Message::Restore(seen) => (
                &RESTORE,
                head.add(seen.epoch)
                    .add(number_of_state(seen.state))
                    .add(micros(seen.remaining))
                    .add(seen.opens)
                    .add(lock_of(seen.state)),
            ),
            Message::Steer(steer) => (&STEER, head.add(word_of_steer(*steer))),
            Message::Read => (&READ, head),
        };
        let answer = self.link.script(script, &self.keys, &args.done()).await?;
        let (seen, extra) = parse_reply(&answer).ok_or_else(|| LinkError::Refused {
            code: "ERR".into(),
            message:
                "an answer of another form; does another version of steadfast share this prefix?"
                    .into(),
        })?;
        let token = (*message == Message::Acquire)
            .then(|| text(extra))
            .flatten();
        let lease = token.filter(|token| !token.is_empty());
        Ok(Heard {
            seen,
            // It began at the server after it was asked for, so it ends there no sooner.
            lease: lease.map(|lease| (lease.into(), sent.saturating_add(thresholds.probe_timeout))),
            hold: self.hold(),
        })
    }

    /// The rules, which only instances know.
    fn rules(&self, thresholds: &Thresholds) -> Args {
        let publish = if self.link.is_cluster() {
            "SPUBLISH"
        } else {
            "PUBLISH"
        };
        let window = thresholds.window.time().unwrap_or(Nanos::MAX);
        Args::default()
            .add(self.name())
            .add(publish)
            .add(&self.channel)
            .add(micros(window))
            .add(thresholds.failures.unwrap_or(0))
            .add(thresholds.failure_rate.unwrap_or(0.0))
            .add(thresholds.slow.map_or(0.0, |slow| slow.rate))
            .add(thresholds.min_calls)
            .add(thresholds.quorum)
            .add(micros(thresholds.recovery))
            .add(thresholds.recovery_factor)
            .add(micros(thresholds.recovery_max))
            .add(thresholds.half_open)
            .add(thresholds.close_after)
            .add(micros(thresholds.probe_timeout))
    }
}

fn word_of_end(end: ProbeEnd) -> &'static str {
    match end {
        ProbeEnd::Succeeded => "ok",
        ProbeEnd::Failed => "failed",
        ProbeEnd::Gone => "gone",
    }
}

fn word_of_steer(steer: Steer) -> &'static str {
    match steer {
        Steer::Reset => "reset",
        Steer::ForceOpen => "force_open",
        Steer::Disable => "disable",
        Steer::Release => "release",
    }
}

fn number_of_state(state: State) -> u64 {
    match state {
        State::Closed => 0,
        State::Open => 1,
        State::HalfOpen => 2,
        State::ForcedOpen => 3,
        State::Disabled => 4,
    }
}

fn state_of_number(number: u64) -> Option<State> {
    Some(match number {
        0 => State::Closed,
        1 => State::Open,
        2 => State::HalfOpen,
        3 => State::ForcedOpen,
        4 => State::Disabled,
        _ => return None,
    })
}

fn lock_of(state: State) -> &'static str {
    match state {
        State::ForcedOpen => "forced_open",
        State::Disabled => "disabled",
        State::Closed | State::Open | State::HalfOpen => "",
    }
}

fn seen(fields: [u64; 7]) -> Option<Seen> {
    let [state, epoch, remaining, opens, failed, calls, slow] = fields;
    Some(Seen {
        state: state_of_number(state)?,
        epoch,
        remaining: nanos_of_micros(remaining),
        opens: u32::try_from(opens).unwrap_or(u32::MAX),
        counts: Counts {
            calls,
            failed,
            slow,
        },
    })
}

/// The state after a script, and what the script says beside.
pub(super) fn parse_reply(reply: &Value) -> Option<(Seen, &Value)> {
    let Value::Array(fields) = reply else {
        return None;
    };
    let [
        state,
        epoch,
        remaining,
        opens,
        _lock,
        failed,
        calls,
        extra,
        slow,
    ] = &fields[..]
    else {
        return None;
    };
    let numbers = [state, epoch, remaining, opens, failed, calls, slow].map(number);
    let mut whole = [0; 7];
    for (whole, number) in whole.iter_mut().zip(numbers) {
        *whole = number?;
    }
    Some((seen(whole)?, extra))
}

/// `v1|name|epoch|state|remaining|opens|failed|calls|slow`
pub(super) fn parse_announcement(payload: &[u8]) -> Option<(&str, Seen)> {
    let text = std::str::from_utf8(payload).ok()?;
    let (name, rest) = text.strip_prefix("v1|")?.split_once('|')?;
    let mut numbers = rest.split('|').map(str::parse);
    let mut next = || numbers.next()?.ok();
    let (epoch, state) = (next()?, next()?);
    let rest = [next()?, next()?, next()?, next()?, next()?];
    let [remaining, opens, failed, calls, slow] = rest;
    Some((
        name,
        seen([state, epoch, remaining, opens, failed, calls, slow])?,
    ))
}
