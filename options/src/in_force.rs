//! The defaults that hold where nothing is set.

use std::time::Duration;

use crate::duration::duration_text;
use crate::keyword::FallbackKind;
use crate::patch::Patch;
use crate::table::{BreakerPatch, OptionMeta, POLICIES, Place, Served, defaults};
use crate::worst_case::retry_cap;

/// The options of a patch's policies that nobody set and whose defaults hold, with these.
///
/// ```
/// use steadfast_options::{Patch, Raw, Setting, built_in};
///
/// let patch = Patch::of(&[Setting::parse("retry.base", &Raw::Text("2m")).unwrap()]);
/// let built_in = built_in(&patch);
/// let cap = built_in.iter().find(|(option, _)| option.path == "retry.cap").unwrap();
/// assert_eq!(cap.1, "2m");
/// ```
#[must_use]
pub fn built_in(patch: &Patch) -> Vec<(&'static OptionMeta, String)> {
    let set = patch.settings();
    let is_there = |policy: &str| {
        let mut set = set.iter();
        policy.is_empty() || set.any(|set| set.path.split('.').next() == Some(policy))
    };
    let there = POLICIES.iter().filter(|policy| is_there(policy.name));
    let free = there.flat_map(|policy| policy.options).filter(|option| {
        let unset = !set.iter().any(|set| set.path == option.path);
        unset && option.served == Served::Yes && option.place != Place::Attribute
    });
    free.filter_map(|option| Some((option, default_of(option, patch)?)))
        .collect()
}

/// The default of an option that is not set; none where it does not hold.
fn default_of(option: &OptionMeta, patch: &Patch) -> Option<String> {
    let breaker = patch.breaker.unwrap_or_default();
    let limit = patch.rate_limit.unwrap_or_default();
    let retry = patch.retry.unwrap_or_default();
    let fallback = patch.fallback.unwrap_or_default();
    let kind = fallback.kind.unwrap_or(defaults::fallback::kind);
    let plain = || option.default.map(|default| default.to_string());
    match option.path {
        "breaker.name" | "rate_limit.name" | "bulkhead.name" => None,
        "fallback.ttl" | "fallback.max" | "fallback.store" if kind != FallbackKind::Cached => None,
        "breaker.failures" if breaker.has_rate_rule() => None,
        "breaker.counting" if breaker.failures.is_none() && breaker.has_rate_rule() => None,
        "breaker.window" if breaker.window_calls.is_some() => None,
        "breaker.slow_rate" if breaker.slow_call.is_none() => None,
        "breaker.min_calls" => breaker.has_rate_rule().then(|| min_calls(&breaker)),
        "breaker.recovery_max" => Some(recovery_max(&breaker)),
        "retry.cap" => Some(duration_text(retry_cap(&retry))),
        "retry.budget_min" if retry.budget.is_none() => None,
        "rate_limit.burst"
            if limit
                .algorithm
                .is_some_and(|is| is != defaults::rate_limit::algorithm) =>
        {
            None
        }
        "rate_limit.burst" => Some(limit.max.unwrap_or(defaults::rate_limit::max).to_string()),
        _ => plain(),
    }
}

fn min_calls(breaker: &BreakerPatch) -> String {
    breaker
        .window_calls
        .map_or(5, |calls| calls.min(5))
        .to_string()
}

fn recovery_max(breaker: &BreakerPatch) -> String {
    let recovery = breaker.recovery.unwrap_or(defaults::breaker::recovery);
    duration_text(recovery.max(Duration::from_secs(300)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Raw, Setting};

    fn built_in_of(settings: &[(&str, Raw<'_>)]) -> Vec<(&'static str, String)> {
        let read = |(path, raw): &(&str, Raw<'_>)| Setting::parse(path, raw).unwrap();
        let patch = Patch::of(&settings.iter().map(read).collect::<Vec<_>>());
        let all = built_in(&patch).into_iter();
        all.map(|(option, default)| (option.path, default))
            .collect()
    }

    #[test]
    fn a_default_that_another_option_replaces_does_not_hold() {
        let all = built_in_of(&[
            ("breaker.failure_rate", Raw::Float(0.5)),
            ("breaker.window_calls", Raw::Int(3)),
        ]);
        let of = |path| {
            all.iter()
                .find(|(known, _)| *known == path)
                .map(|(_, text)| &**text)
        };
        assert_eq!((of("breaker.failures"), of("breaker.window")), (None, None));
        assert_eq!(
            (of("breaker.min_calls"), of("breaker.recovery")),
            (Some("3"), Some("30s"))
        );
        assert_eq!((of("retry.max"), of("timeout")), (None, None));
    }

    #[test]
    fn a_limit_without_burst_has_as_much_as_its_max() {
        let all = built_in_of(&[("rate_limit.max", Raw::Int(7))]);
        assert!(all.contains(&("rate_limit.burst", "7".into())));
    }
}
