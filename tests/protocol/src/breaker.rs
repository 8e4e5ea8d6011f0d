//! How the scripts of a breaker are called.

use steadfast_rig::Reply;

macro_rules! script {
    ($name:literal) => {
        concat!(
            include_str!("../../../runtime/src/shared/scripts/breaker/common.lua"),
            include_str!(concat!(
                "../../../runtime/src/shared/scripts/breaker/",
                $name,
                ".lua"
            ))
        )
    };
}

/// The scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Counts a batch.
    Record,
    /// Asks for a probe.
    Acquire,
    /// Says how a probe ended.
    Probed,
    /// Makes good what the server lost.
    Restore,
    /// By hand.
    Steer,
    /// Asks for the state.
    Read,
}

impl Script {
    /// Each of them, in the order of their declaration.
    pub const ALL: [Self; 6] = [
        Self::Record,
        Self::Acquire,
        Self::Probed,
        Self::Restore,
        Self::Steer,
        Self::Read,
    ];

    /// Its text, as an instance loads it.
    #[must_use]
    pub fn source(self) -> &'static str {
        match self {
            Self::Record => script!("record"),
            Self::Acquire => script!("acquire"),
            Self::Probed => script!("probed"),
            Self::Restore => script!("restore"),
            Self::Steer => script!("steer"),
            Self::Read => script!("read"),
        }
    }
}

/// Closed, as replies and announcements write it.
pub const CLOSED: i64 = 0;
/// Open.
pub const OPEN: i64 = 1;
/// Half-open.
pub const HALF_OPEN: i64 = 2;
/// Forced open, by hand.
pub const FORCED_OPEN: i64 = 3;
/// Disabled, by hand.
pub const DISABLED: i64 = 4;

/// A breaker's rules as its instances send them. Times are microseconds.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the options' own names")]
pub struct Rules {
    pub window: u64,
    pub failures: u64,
    pub failure_rate: f64,
    pub slow_rate: f64,
    pub min_calls: u64,
    pub quorum: u64,
    pub recovery: u64,
    pub recovery_factor: f64,
    pub recovery_max: u64,
    pub half_open: u64,
    pub close_after: u64,
    pub probe_timeout: u64,
}

/// One second.
pub const SECOND: u64 = 1_000_000;

impl Default for Rules {
    fn default() -> Self {
        Self {
            window: 60 * SECOND,
            failures: 5,
            failure_rate: 0.0,
            slow_rate: 0.0,
            min_calls: 5,
            quorum: 1,
            recovery: 30 * SECOND,
            recovery_factor: 1.0,
            recovery_max: 300 * SECOND,
            half_open: 2,
            close_after: 2,
            probe_timeout: 30 * SECOND,
        }
    }
}

/// The channel that announcements go to in these tests.
pub const CHANNEL: &str = "steadfast:cb";

/// A breaker's four keys.
#[must_use]
pub fn keys(name: &str) -> [String; 4] {
    ["s", "w", "q", "f"].map(|part| format!("{{steadfast:cb:{name}}}:{part}"))
}

/// The arguments of a script: the head that all share, and its own.
#[must_use]
pub fn args(name: &str, rules: &Rules, own: &[&str]) -> Vec<String> {
    let mut args: Vec<String> = [name, "PUBLISH", CHANNEL].map(str::to_owned).into();
    args.extend([
        rules.window.to_string(),
        rules.failures.to_string(),
        rules.failure_rate.to_string(),
        rules.slow_rate.to_string(),
        rules.min_calls.to_string(),
        rules.quorum.to_string(),
        rules.recovery.to_string(),
        rules.recovery_factor.to_string(),
        rules.recovery_max.to_string(),
        rules.half_open.to_string(),
        rules.close_after.to_string(),
        rules.probe_timeout.to_string(),
    ]);
    args.extend(own.iter().map(|arg| (*arg).to_owned()));
    args
}

/// What every script answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// As in announcements.
    pub state: i64,
    /// 0 where nothing is stored.
    pub epoch: i64,
    /// Of an open state, microseconds.
    pub remaining: i64,
    /// Consecutive openings.
    pub opens: i64,
    /// `forced_open`, `disabled` or nothing.
    pub lock: String,
    /// Failures in the window, or those that opened it.
    pub failures: i64,
    /// Calls in the window, or those when it opened.
    pub calls: i64,
    /// What the script says besides.
    pub extra: String,
    /// Slow calls in the window, or when it opened.
    pub slow: i64,
}

impl Answer {
    /// Reads a reply.
    ///
    /// # Errors
    ///
    /// The reply itself, where it is an error or of another shape.
    pub fn of(reply: Reply) -> Result<Self, Reply> {
        let [
            state,
            epoch,
            remaining,
            opens,
            lock,
            failures,
            calls,
            extra,
            slow,
        ] = reply.items()
        else {
            return Err(reply);
        };
        let int = |item: &Reply| match item {
            Reply::Int(number) => Some(*number),
            _ => None,
        };
        let read = || {
            Some(Self {
                state: int(state)?,
                epoch: int(epoch)?,
                remaining: int(remaining)?,
                opens: int(opens)?,
                lock: lock.text(),
                failures: int(failures)?,
                calls: int(calls)?,
                extra: extra.text(),
                slow: int(slow)?,
            })
        };
        read().ok_or(reply)
    }
}
