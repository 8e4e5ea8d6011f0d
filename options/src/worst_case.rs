//! What a policy may cost at worst.

use std::fmt;
use std::time::Duration;

use crate::duration::duration_text;
use crate::keyword::{Guards, Mode};
use crate::patch::Patch;
use crate::table::{RetryPatch, defaults};
use crate::value::{Factor, Jitter};

/// The longest that a call may take: attempts × timeout + waits at guards + pauses, or the deadline
/// if that is less.
///
/// A remote side that names a `retry_after` can lengthen each pause up to the retry's `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorstCase {
    /// Attempts at most.
    pub attempts: u32,
    /// Waits for tokens and places at most.
    pub waits: Duration,
    /// Pauses between attempts at most.
    pub pauses: Duration,
    /// All of it; none where no limit bounds the body.
    pub total: Option<Duration>,
    timeout: Option<Duration>,
}

/// The pause after attempt `attempt` (from 1) before any jitter: min(cap, base × factor^(n−1)).
/// Nothing overflows, whatever the attempt.
#[must_use]
pub fn unjittered_pause(base: Duration, factor: Factor, cap: Duration, attempt: u32) -> Duration {
    let steps = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
    let seconds = base.as_secs_f64() * factor.get().powi(steps);
    if attempt <= 1 {
        base.min(cap)
    } else if seconds >= cap.as_secs_f64() {
        cap
    } else {
        Duration::from_secs_f64(seconds)
    }
}

/// The retry's cap: `cap`, or max(60 s, base).
#[must_use]
pub fn retry_cap(retry: &RetryPatch) -> Duration {
    let base = retry.base.unwrap_or(defaults::retry::base);
    retry.cap.unwrap_or(base.max(Duration::from_secs(60)))
}

/// The worst case of a policy.
///
/// ```
/// use steadfast_options::{Patch, Raw, Setting, worst_case};
///
/// let settings = [("timeout", Raw::Text("5s")), ("retry.max", Raw::Int(3))]
///     .map(|(path, raw)| Setting::parse(path, &raw).unwrap());
/// let worst = worst_case(&Patch::of(&settings));
/// assert_eq!(worst.to_string(), "18s (3 attempts × 5s + pauses of 3s)");
/// ```
#[must_use]
pub fn worst_case(patch: &Patch) -> WorstCase {
    let patch = &acting(patch);
    let attempts = patch
        .retry
        .map_or(1, |retry| retry.max.unwrap_or(defaults::retry::max));
    let pauses = patch
        .retry
        .map_or(Duration::ZERO, |retry| longest_pauses(&retry, attempts - 1));
    let waits = longest_waits(patch, attempts);
    let timeout = patch.call.timeout;
    let bodies = timeout.map(|timeout| timeout.saturating_mul(attempts));
    let total = bodies.map(|bodies| bodies.saturating_add(waits).saturating_add(pauses));
    let total = match (total, patch.call.deadline) {
        (Some(total), Some(deadline)) => Some(total.min(deadline)),
        (total, deadline) => total.or(deadline),
    };
    WorstCase {
        attempts,
        waits,
        pauses,
        total,
        timeout,
    }
}

/// What of a policy limits or repeats: in `observe` nothing is cut and nothing waits, in `off` there is
/// no retry either.
fn acting(patch: &Patch) -> Patch {
    let mut acting = *patch;
    let mode = patch.call.mode.unwrap_or(defaults::call::mode);
    if mode != Mode::Enforce {
        (acting.call.timeout, acting.call.deadline) = (None, None);
        (acting.rate_limit, acting.bulkhead) = (None, None);
    }
    if mode == Mode::Off {
        acting.retry = None;
    }
    acting
}

fn longest_waits(patch: &Patch, attempts: u32) -> Duration {
    let limit = patch.rate_limit.map(|limit| {
        (
            limit.wait.unwrap_or(defaults::rate_limit::wait),
            limit.guards,
        )
    });
    let bulkhead = patch.bulkhead.map(|bulkhead| {
        (
            bulkhead.wait.unwrap_or(defaults::bulkhead::wait),
            bulkhead.guards,
        )
    });
    let each = [limit, bulkhead]
        .into_iter()
        .flatten()
        .map(|(wait, guards)| match guards {
            Some(Guards::Call) => wait,
            _ => wait.saturating_mul(attempts),
        });
    each.fold(Duration::ZERO, Duration::saturating_add)
}

fn longest_pauses(retry: &RetryPatch, pauses: u32) -> Duration {
    let base = retry.base.unwrap_or(defaults::retry::base);
    let factor = retry.factor.unwrap_or(defaults::retry::factor);
    let jitter = retry.jitter.unwrap_or(defaults::retry::jitter);
    let cap = retry_cap(retry);
    let mut sum = Duration::ZERO;
    let mut before = None;
    for attempt in 1..=pauses {
        let longest = match jitter {
            Jitter::Decorrelated => unjittered_pause(base, Factor::literal(3.0), cap, attempt),
            _ => longest_with(jitter, unjittered_pause(base, factor, cap, attempt)).min(cap),
        };
        sum = sum.saturating_add(longest);
        if before == Some(longest) && (longest == cap || factor.get() <= 1.0) {
            return sum.saturating_add(longest.saturating_mul(pauses - attempt));
        }
        before = Some(longest);
    }
    sum
}

fn longest_with(jitter: Jitter, pause: Duration) -> Duration {
    match jitter {
        Jitter::Ratio(ratio) => pause + pause.mul_f64(ratio.get()),
        Jitter::Within(spread) => pause.saturating_add(spread),
        _ => pause,
    }
}

impl fmt::Display for WorstCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempts = self.attempts;
        let attempts = if attempts == 1 {
            "1 attempt".into()
        } else {
            format!("{attempts} attempts")
        };
        let part = |what: &str, time: Duration| match time {
            Duration::ZERO => String::new(),
            time => format!(" + {what} of {}", duration_text(round(time))),
        };
        let more = part("waits", self.waits) + &part("pauses", self.pauses);
        let Some(total) = self.total else {
            return write!(
                f,
                "unbounded ({attempts}{more}, no timeout and no deadline)"
            );
        };
        let total_text = duration_text(round(total));
        match self.timeout.filter(|timeout| self.sum(*timeout) == total) {
            Some(timeout) => write!(
                f,
                "{total_text} ({attempts} × {}{more})",
                duration_text(timeout)
            ),
            None => write!(f, "{total_text} (the deadline; up to {attempts}{more})"),
        }
    }
}

impl WorstCase {
    fn sum(&self, timeout: Duration) -> Duration {
        let bodies = timeout.saturating_mul(self.attempts);
        bodies
            .saturating_add(self.waits)
            .saturating_add(self.pauses)
    }
}

/// To the millisecond, above one.
fn round(duration: Duration) -> Duration {
    match duration.as_millis() {
        0 => duration,
        millis => Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Raw, Setting};

    fn worst(settings: &[(&str, Raw<'_>)]) -> WorstCase {
        let read = |(path, raw): &(&str, Raw<'_>)| Setting::parse(path, raw).unwrap();
        worst_case(&Patch::of(&settings.iter().map(read).collect::<Vec<_>>()))
    }

    #[test]
    fn a_deadline_bounds_it() {
        let worst = worst(&[
            ("timeout", Raw::Text("5s")),
            ("deadline", Raw::Text("8s")),
            ("retry.max", Raw::Int(3)),
        ]);
        assert_eq!(
            worst.to_string(),
            "8s (the deadline; up to 3 attempts + pauses of 3s)"
        );
    }

    #[test]
    fn nothing_overflows() {
        let day = Duration::from_secs(86_400);
        assert_eq!(
            unjittered_pause(day, Factor::literal(2.0), day * 10, 1000),
            day * 10
        );
        let worst = worst(&[
            ("timeout", Raw::Text("36500d")),
            ("retry.max", Raw::Int(i128::from(u32::MAX))),
        ]);
        assert!(worst.total.unwrap() > day);
    }

    #[test]
    fn a_constant_pause_is_summed_without_a_loop_over_all_attempts() {
        let worst = worst(&[
            ("retry.max", Raw::Int(4_000_000_001)),
            ("retry.factor", Raw::Float(1.0)),
        ]);
        assert_eq!(worst.pauses, Duration::from_secs(4_000_000_000));
        assert_eq!(worst.total, None);
    }
}
