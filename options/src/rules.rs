//! The rules between options, over one merged [`Patch`].

use std::time::Duration;

use crate::duration::duration_text;
use crate::keyword::{Algorithm, Counting, FallbackKind, Guards, Keyword as _, Scope};
use crate::patch::Patch;
use crate::table::{BreakerPatch, CachePatch, FallbackPatch, RateLimitPatch, RetryPatch, defaults};
use crate::value::Window;

/// Whether the guarded function is async.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// An `async fn`, or a function that returns a future.
    Async,
    /// A plain function.
    Sync,
}

impl Flavor {
    /// Whether it is [`Async`](Self::Async).
    #[must_use]
    pub const fn is_async(self) -> bool {
        matches!(self, Self::Async)
    }
}

/// Two options, or an option and its function, that can't go together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The option to change.
    pub path: &'static str,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// Most failure times that a consecutive count keeps.
const MOST_FAILURE_TIMES: u32 = 1_000;
/// Most outcomes that a window of calls keeps.
const MOST_WINDOW_CALLS: u32 = 1_000_000;
/// Most calls that a sliding window keeps the times of.
const MOST_LOGGED_CALLS: u32 = 1_000_000;

/// All faults of a policy, none where it is sound.
///
/// ```
/// use steadfast_options::{Flavor, Patch, Raw, Setting, validate};
///
/// let settings = [("timeout", "10s"), ("deadline", "5s")]
///     .map(|(path, text)| Setting::parse(path, &Raw::Text(text)).unwrap());
/// let faults = validate(&Patch::of(&settings), Flavor::Async);
/// assert_eq!(faults[0].message, "timeout 10s is longer than the deadline of 5s");
/// ```
#[must_use]
pub fn validate(patch: &Patch, flavor: Flavor) -> Vec<Fault> {
    let mut faults = Faults(Vec::new());
    limits(patch, flavor, &mut faults);
    if let Some(breaker) = &patch.breaker {
        window(breaker, &mut faults);
        sharing(breaker, &mut faults);
        rates(breaker, &mut faults);
        recovery(breaker, patch, &mut faults);
    }
    if let Some(retry) = &patch.retry {
        pauses(retry, &mut faults);
        budget(retry, &mut faults);
    }
    if let Some(limit) = &patch.rate_limit {
        rate(limit, &mut faults);
        lease(limit, &mut faults);
    }
    waits(patch, &mut faults);
    if let Some(fallback) = &patch.fallback {
        answers(fallback, &mut faults);
    }
    if let Some(cache) = &patch.cache {
        cached(cache, &mut faults);
    }
    faults.0
}

struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, path: &'static str, message: impl Into<String>) {
        self.0.push(Fault {
            path,
            message: message.into(),
        });
    }

    /// Adds a fault where `short`, at `path`, is shorter than `long`.
    fn shorter(
        &mut self,
        path: &'static str,
        short: Option<Duration>,
        what: &str,
        long: Option<Duration>,
    ) {
        let (Some(short), Some(long)) = (short, long) else {
            return;
        };
        if short < long {
            let option = path.rsplit('.').next().unwrap_or(path);
            self.add(
                path,
                format!(
                    "{option} {} is shorter than {what} {}",
                    duration_text(short),
                    duration_text(long)
                ),
            );
        }
    }
}

fn limits(patch: &Patch, flavor: Flavor, faults: &mut Faults) {
    let (timeout, deadline) = (patch.call.timeout, patch.call.deadline);
    if flavor == Flavor::Sync && timeout.is_some() {
        faults.add(
            "timeout",
            "`timeout` needs an async function: a running sync body can't be cut; \
             write `deadline`, which is checked between attempts",
        );
    }
    if let (Some(timeout), Some(deadline)) = (timeout, deadline)
        && timeout > deadline
    {
        faults.add(
            "timeout",
            format!(
                "timeout {} is longer than the deadline of {}",
                duration_text(timeout),
                duration_text(deadline),
            ),
        );
    }
}

fn window(breaker: &BreakerPatch, faults: &mut Faults) {
    if breaker.window.is_some() && breaker.window_calls.is_some() {
        faults.add(
            "breaker.window",
            "`window` and `window_calls` exclude each other; keep one of them",
        );
    }
    if let Some(calls) = breaker
        .window_calls
        .filter(|&calls| calls > MOST_WINDOW_CALLS)
    {
        faults.add("breaker.window_calls", format!(
            "window_calls {calls} is out of range; the outcomes are kept in memory: write at most {MOST_WINDOW_CALLS}"
        ));
    }
    let counting = breaker.counts_by();
    let Some(failures) = breaker.failures else {
        return;
    };
    match breaker.window_calls {
        Some(calls) if failures > calls => faults.add(
            "breaker.failures",
            format!("failures {failures} can never be reached within window_calls {calls}"),
        ),
        None if counting == Counting::Consecutive
            && failures > MOST_FAILURE_TIMES
            && breaker.window != Some(Window::Unbounded) =>
        {
            faults.add("breaker.failures", format!(
                "failures {failures} is out of range: a consecutive count keeps at most \
                 {MOST_FAILURE_TIMES} failure times; write `counting = \"window\"` or `window = \"none\"`"
            ));
        }
        _ => {}
    }
}

/// What a fleet shares is counted in one place, in buckets of time.
fn sharing(breaker: &BreakerPatch, faults: &mut Faults) {
    if breaker.scope != Some(Scope::Shared) {
        if breaker.quorum.is_some_and(|quorum| quorum > 1) {
            faults.add(
                "breaker.quorum",
                "`quorum` counts instances of a fleet; it needs `scope = \"shared\"`",
            );
        }
        return;
    }
    if breaker.counting == Some(Counting::Consecutive) {
        faults.add(
            "breaker.counting",
            "a shared breaker counts all failures in its window, since calls of many instances have \
             no order; write `counting = \"window\"`, or leave it out",
        );
    }
    if breaker.window_calls.is_some() {
        faults.add(
            "breaker.window_calls",
            "a shared breaker has a window of time, since calls of many instances have no order; \
             write `window`",
        );
    }
    if breaker.window == Some(Window::Unbounded) {
        faults.add(
            "breaker.window",
            "a shared breaker's counts must age, or they would stay in Redis for ever; write a \
             duration such as \"60s\"",
        );
    }
    if breaker.key.is_some() {
        faults.add(
            "breaker.key",
            "a breaker by key belongs to one process; leave out `key`, or write `scope = \"local\"`",
        );
    }
}

fn rates(breaker: &BreakerPatch, faults: &mut Faults) {
    if breaker.slow_rate.is_some() && breaker.slow_call.is_none() {
        faults.add(
            "breaker.slow_rate",
            "`slow_rate` needs `slow_call`, which says how long a slow call takes",
        );
    }
    let Some(min_calls) = breaker.min_calls else {
        return;
    };
    if !breaker.has_rate_rule() {
        faults.add(
            "breaker.min_calls",
            "`min_calls` needs a rate to hold back: add `failure_rate` or `slow_call`",
        );
    }
    if let Some(calls) = breaker.window_calls.filter(|&calls| min_calls > calls) {
        faults.add(
            "breaker.min_calls",
            format!("min_calls {min_calls} is larger than window_calls {calls}"),
        );
    }
}

fn recovery(breaker: &BreakerPatch, patch: &Patch, faults: &mut Faults) {
    let recovery = breaker.recovery.unwrap_or(defaults::breaker::recovery);
    faults.shorter(
        "breaker.recovery_max",
        breaker.recovery_max,
        "the recovery of",
        Some(recovery),
    );
    let guarded = match breaker.guards.unwrap_or(defaults::breaker::guards) {
        Guards::Attempt => ("the timeout of", patch.call.timeout),
        Guards::Call => ("the deadline of", patch.call.deadline),
    };
    faults.shorter(
        "breaker.probe_timeout",
        breaker.probe_timeout,
        guarded.0,
        guarded.1,
    );
}

fn pauses(retry: &RetryPatch, faults: &mut Faults) {
    faults.shorter("retry.cap", retry.cap, "the base of", retry.base);
}

fn budget(retry: &RetryPatch, faults: &mut Faults) {
    if retry.budget_min.is_some() && retry.budget.is_none() {
        faults.add(
            "retry.budget_min",
            "`budget_min` needs `budget`, the share of calls that it comes on top of",
        );
    }
}

fn rate(limit: &RateLimitPatch, faults: &mut Faults) {
    let sliding = limit.algorithm == Some(Algorithm::SlidingWindow);
    if sliding && limit.burst.is_some() {
        faults.add(
            "rate_limit.burst",
            "a sliding window has no burst: leave `burst` out, or write `algorithm = \"token_bucket\"`",
        );
    }
    let max = limit.max.unwrap_or(defaults::rate_limit::max);
    if sliding && max > MOST_LOGGED_CALLS {
        faults.add("rate_limit.max", format!(
            "max {max} is out of range: a sliding window keeps the time of each call; write at most {MOST_LOGGED_CALLS}, or `algorithm = \"token_bucket\"`"
        ));
    }
    let per = limit.per.unwrap_or(defaults::rate_limit::per);
    if u128::from(max) > per.as_nanos() {
        faults.add(
            "rate_limit.per",
            format!(
                "{max} calls per {} is more than one a nanosecond; write a longer `per`",
                duration_text(per)
            ),
        );
    }
}

/// Tokens in batches need a fleet to take them from, and a bucket that still holds one when what flows in
/// during a lease is set aside.
fn lease(limit: &RateLimitPatch, faults: &mut Faults) {
    let Some(lease) = limit.lease else { return };
    if limit.scope != Some(Scope::Shared) {
        faults.add(
            "rate_limit.lease",
            "a local limit leases nothing: leave `lease` out, or write `scope = \"shared\"`",
        );
    }
    if limit.algorithm == Some(Algorithm::SlidingWindow) {
        faults.add(
            "rate_limit.lease",
            "a sliding window leases nothing: leave `lease` out, or write `algorithm = \"token_bucket\"`",
        );
        return;
    }
    let max = limit.max.unwrap_or(defaults::rate_limit::max);
    let per = limit.per.unwrap_or(defaults::rate_limit::per);
    let burst = limit.burst.unwrap_or(max);
    // As the runtime counts: a token flows in within this time.
    let interval = per.as_nanos().div_ceil(max.into());
    let most = interval * u128::from(burst.saturating_sub(1));
    if lease.as_nanos() > most {
        let most = Duration::from_nanos(u64::try_from(most).unwrap_or(u64::MAX));
        let instead = if most.is_zero() {
            "leave it out, or write a larger `burst`".into()
        } else {
            format!("write at most {}, or a larger `burst`", duration_text(most))
        };
        faults.add(
            "rate_limit.lease",
            format!(
                "lease {} is too long for a burst of {burst} at {max} per {}: what flows in \
                 meanwhile leaves no token; {instead}",
                duration_text(lease),
                duration_text(per),
            ),
        );
    }
}

/// A wait that the code writes down must have room within the deadline that it writes down.
fn waits(patch: &Patch, faults: &mut Faults) {
    let Some(deadline) = patch.call.deadline else {
        return;
    };
    let limit = patch.rate_limit.and_then(|limit| limit.wait);
    let bulkhead = patch.bulkhead.and_then(|bulkhead| bulkhead.wait);
    for (path, wait) in [("rate_limit.wait", limit), ("bulkhead.wait", bulkhead)] {
        if let Some(wait) = wait.filter(|wait| *wait > deadline) {
            faults.add(
                path,
                format!(
                    "wait {} is longer than the deadline of {}",
                    duration_text(wait),
                    duration_text(deadline)
                ),
            );
        }
    }
}

fn answers(fallback: &FallbackPatch, faults: &mut Faults) {
    let kind = fallback.kind.unwrap_or(defaults::fallback::kind);
    match kind {
        FallbackKind::Call if fallback.with.is_none() => {
            faults.add(
                "fallback",
                "`fallback` needs the function that answers: write `fallback = path`",
            );
        }
        FallbackKind::Cached if fallback.key.is_none() => faults.add(
            "fallback.kind",
            "`kind = \"cached\"` needs `key`, which tells one answer from another: \
             write `key = id`, an expression over the arguments",
        ),
        FallbackKind::Queue if fallback.queue.is_none() => faults.add(
            "fallback.kind",
            "`kind = \"queue\"` needs the queue's name: write `queue = \"payment-retries\"`",
        ),
        _ => {}
    }
    if kind != FallbackKind::Call && fallback.with.is_some() {
        let kind = kind.word();
        faults.add(
            "fallback.with",
            format!("`with` and `kind = \"{kind}\"` exclude each other; keep one of them"),
        );
    }
    if kind != FallbackKind::Cached {
        let of_cached = [
            ("fallback.key", fallback.key.is_some()),
            ("fallback.ttl", fallback.ttl.is_some()),
            ("fallback.max", fallback.max.is_some()),
            ("fallback.weigh", fallback.weigh.is_some()),
            ("fallback.store", fallback.store.is_some()),
        ];
        misplaced(&of_cached, FallbackKind::Cached, faults);
    }
    if kind != FallbackKind::Queue {
        let of_queue = [
            ("fallback.queue", fallback.queue.is_some()),
            ("fallback.spool", fallback.spool.is_some()),
        ];
        misplaced(&of_queue, FallbackKind::Queue, faults);
    }
}

/// Options of another kind of fallback.
fn misplaced(given: &[(&'static str, bool)], kind: FallbackKind, faults: &mut Faults) {
    for (path, _) in given.iter().filter(|(_, given)| *given) {
        let option = path.rsplit('.').next().unwrap_or(path);
        let kind = kind.word();
        faults.add(
            path,
            format!(
                "`{option}` belongs to `kind = \"{kind}\"`: write that too, or leave `{option}` out"
            ),
        );
    }
}

fn cached(cache: &CachePatch, faults: &mut Faults) {
    if cache.key.is_none() {
        faults.add(
            "cache",
            "`cache` needs `key`, which tells one answer from another: \
             write `cache(key = id)`, an expression over the arguments",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Raw, Setting};

    fn faults(settings: &[(&str, Raw<'_>)], flavor: Flavor) -> Vec<String> {
        let read = |(path, raw): &(&str, Raw<'_>)| Setting::parse(path, raw).unwrap();
        let settings: Vec<Setting> = settings.iter().map(read).collect();
        validate(&Patch::of(&settings), flavor)
            .into_iter()
            .map(|fault| fault.message)
            .collect()
    }

    #[test]
    fn a_sound_policy_has_no_fault() {
        let sound = [
            ("timeout", Raw::Text("1s")),
            ("deadline", Raw::Text("5s")),
            ("breaker.name", Raw::Text("x")),
        ];
        assert_eq!(faults(&sound, Flavor::Async), [""; 0]);
    }

    #[test]
    fn all_faults_are_reported_at_once() {
        let bad = [
            ("timeout", Raw::Text("10s")),
            ("deadline", Raw::Text("5s")),
            ("breaker.slow_rate", Raw::Float(0.5)),
            ("breaker.min_calls", Raw::Int(5)),
            ("breaker.window_calls", Raw::Int(3)),
            ("breaker.recovery_max", Raw::Text("1s")),
            ("retry.base", Raw::Text("2s")),
            ("retry.cap", Raw::Text("1s")),
        ];
        let found = faults(&bad, Flavor::Sync);
        assert_eq!(found.len(), 7, "{found:#?}");
        assert!(found.contains(&"recovery_max 1s is shorter than the recovery of 30s".into()));
    }

    #[test]
    fn limits_and_waits_that_can_not_work_are_faults() {
        let sliding = ("rate_limit.algorithm", Raw::Text("sliding_window"));
        let bad = [
            ("deadline", Raw::Text("1s")),
            ("rate_limit.wait", Raw::Text("2s")),
            ("bulkhead.wait", Raw::Text("3s")),
            ("rate_limit.burst", Raw::Int(5)),
            ("retry.budget_min", Raw::Int(5)),
            sliding.clone(),
        ];
        let found = faults(&bad, Flavor::Async);
        assert_eq!(found.len(), 4, "{found:#?}");
        assert!(found.contains(&"wait 2s is longer than the deadline of 1s".into()));
        let fast = [
            ("rate_limit.max", Raw::Int(2000)),
            ("rate_limit.per", Raw::Text("1us")),
        ];
        assert!(faults(&fast, Flavor::Async)[0].contains("more than one a nanosecond"));
        let large = [("rate_limit.max", Raw::Int(2_000_000)), sliding];
        assert!(faults(&large, Flavor::Async)[0].contains("at most 1000000"));
    }

    #[test]
    fn what_keeps_answers_needs_a_key_and_what_does_not_takes_none() {
        let kept = [("fallback.kind", Raw::Text("cached"))];
        assert!(faults(&kept, Flavor::Async)[0].contains("needs `key`"));
        let other = [
            ("fallback.kind", Raw::Text("default")),
            ("fallback.ttl", Raw::Text("1h")),
            ("fallback.max", Raw::Int(5)),
            ("fallback.store", Raw::Text("redis")),
        ];
        let found = faults(&other, Flavor::Async);
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found[0].starts_with("`ttl` belongs to `kind = \"cached\"`"));
        let cache = [("cache.fresh", Raw::Text("1m"))];
        assert!(faults(&cache, Flavor::Sync)[0].starts_with("`cache` needs `key`"));
    }

    #[test]
    fn a_rule_that_could_never_trip_is_a_fault() {
        let never = [
            ("breaker.failures", Raw::Int(9)),
            ("breaker.window_calls", Raw::Int(5)),
        ];
        assert!(faults(&never, Flavor::Async)[0].contains("can never be reached"));
        let many = [("breaker.failures", Raw::Int(1001))];
        assert!(faults(&many, Flavor::Async)[0].contains("at most 1000 failure times"));
    }
}
