//! Partial policies, which all layers merge into.

use crate::keyword::{Counting, Scope};
use crate::kind::Raw;
use crate::suggest::closest;
use crate::table::{
    BreakerPatch, BulkheadPatch, CachePatch, CallPatch, FallbackPatch, OptionMeta, POLICIES, Place,
    PolicyMeta, RateLimitPatch, RetryPatch, Served, defaults,
};
use crate::value::Value;

/// One option set to one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// The option's path, such as `breaker.failures`; a policy's name alone declares the policy.
    pub path: &'static str,
    /// What it is set to.
    pub value: Value,
}

impl Setting {
    /// Reads a setting.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the path or the value, and what to write instead.
    pub fn parse(path: &str, raw: &Raw<'_>) -> Result<Self, String> {
        let option = Self::option(path)?;
        let Some(parse) = option.kind.parse else {
            return Err(format!("`{path}` is code: only the attribute can hold it"));
        };
        parse(raw).map(|value| Self {
            path: option.path,
            value,
        })
    }

    /// What is wrong with a value that was not read but given, if anything.
    #[must_use]
    pub fn out_of_range(&self) -> Option<String> {
        let option = Self::option(self.path).ok()?;
        let wrong = (option.kind.parse?)(&Raw::Plain(&self.value.to_string())).err()?;
        Some(format!("`{}`: {wrong}", self.path))
    }

    pub(crate) fn option(path: &str) -> Result<&'static OptionMeta, String> {
        let (policy, option) = path.split_once('.').unwrap_or(("", path));
        PolicyMeta::find(policy)?.option(option)
    }
}

impl PolicyMeta {
    /// The policy of this name.
    ///
    /// # Errors
    ///
    /// Names the nearest policy or option there is.
    pub fn find(name: &str) -> Result<&'static Self, String> {
        if let Some(policy) = POLICIES.iter().find(|policy| policy.name == name) {
            return match policy.served() {
                Served::Yes => Ok(policy),
                Served::Later => Err(format!("`{name}` is not available yet")),
            };
        }
        let top = POLICIES[0].options.iter().map(|option| option.name);
        let names = POLICIES[1..].iter().map(|policy| policy.name).chain(top);
        Err(match closest(name, names.clone()) {
            Some(near) => format!("unknown option \"{name}\"; did you mean \"{near}\"?"),
            None => format!("unknown option \"{name}\"; there are {}", listed(names)),
        })
    }

    /// The option of this name within the policy.
    ///
    /// # Errors
    ///
    /// Names the nearest option there is; says so where it is not available yet.
    pub fn option(&'static self, name: &str) -> Result<&'static OptionMeta, String> {
        match self.options.iter().find(|option| option.name == name) {
            Some(option) if option.served == Served::Later => {
                Err(format!("`{}` is not available yet", option.path))
            }
            Some(option) => Ok(option),
            None => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &str) -> String {
        let names = self.options.iter().map(|option| option.name);
        if let Some(near) = closest(name, names.clone()) {
            return format!("unknown option \"{name}\"; did you mean \"{near}\"?");
        }
        let served = self
            .options
            .iter()
            .filter(|option| option.served == Served::Yes);
        let served = served.map(|option| option.name);
        format!(
            "unknown option \"{name}\"; `{}` takes {}",
            self.name,
            listed(served)
        )
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// Laying a higher layer over a lower one.
pub trait Merge {
    /// Takes what `higher` sets and keeps the rest.
    fn merge(&mut self, higher: &Self);
}

macro_rules! merge_each_option {
    ($($patch:ty),+) => {$(
        impl Merge for $patch {
            fn merge(&mut self, higher: &Self) {
                self.overlay(higher);
            }
        }
    )+};
}

merge_each_option!(
    CallPatch,
    RetryPatch,
    RateLimitPatch,
    BulkheadPatch,
    FallbackPatch,
    CachePatch
);

impl BreakerPatch {
    /// Whether any trip rule is set.
    #[must_use]
    pub const fn has_rule(&self) -> bool {
        self.failures.is_some() || self.has_rate_rule()
    }

    /// Whether a rule over rates is set.
    #[must_use]
    pub const fn has_rate_rule(&self) -> bool {
        self.failure_rate.is_some() || self.slow_call.is_some()
    }

    /// How failures are counted: where a fleet shares the breaker, all of them in its window.
    #[must_use]
    pub fn counts_by(&self) -> Counting {
        match self.scope {
            Some(Scope::Shared) => Counting::Window,
            _ => self.counting.unwrap_or(defaults::breaker::counting),
        }
    }
}

impl Merge for BreakerPatch {
    /// Trip rules are one group: a layer that sets any of them replaces those below it. So do
    /// the two kinds of window.
    fn merge(&mut self, higher: &Self) {
        if higher.has_rule() {
            (self.failures, self.failure_rate) = (None, None);
            (self.slow_call, self.slow_rate) = (None, None);
        }
        if higher.window.is_some() || higher.window_calls.is_some() {
            (self.window, self.window_calls) = (None, None);
        }
        let explicit_min_calls = higher.min_calls;
        self.overlay(higher);
        if !self.has_rate_rule() && explicit_min_calls.is_none() {
            self.min_calls = None;
        }
    }
}

impl<P: Merge + Copy> Merge for Option<P> {
    fn merge(&mut self, higher: &Self) {
        match (self.as_mut(), higher) {
            (Some(mine), Some(higher)) => mine.merge(higher),
            (None, Some(_)) => *self = *higher,
            (_, None) => {}
        }
    }
}

/// Everything a layer says of a call and the policies around it.
///
/// ```
/// use steadfast_options::{Merge, Patch, Raw, Setting};
///
/// let layer = |path, raw| {
///     let mut patch = Patch::default();
///     patch.set(&Setting::parse(path, &raw).unwrap());
///     patch
/// };
/// // A layer that sets a trip rule replaces the rules below it.
/// let mut merged = layer("breaker.failures", Raw::Int(3));
/// merged.merge(&layer("breaker.failure_rate", Raw::Float(0.5)));
/// assert_eq!(merged.breaker.unwrap().failures, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Patch {
    /// Options of the call itself.
    pub call: CallPatch,
    /// The breaker, where one is declared.
    pub breaker: Option<BreakerPatch>,
    /// The retry, where one is declared.
    pub retry: Option<RetryPatch>,
    /// The rate limit, where one is declared.
    pub rate_limit: Option<RateLimitPatch>,
    /// The bulkhead, where one is declared.
    pub bulkhead: Option<BulkheadPatch>,
    /// The fallback, where one is declared.
    pub fallback: Option<FallbackPatch>,
    /// The cache, where one is declared.
    pub cache: Option<CachePatch>,
}

impl Patch {
    /// The patch that `settings` make together.
    #[must_use]
    pub fn of(settings: &[Setting]) -> Self {
        let mut patch = Self::default();
        for setting in settings {
            patch.set(setting);
        }
        patch
    }

    /// Sets one option; says whether there is such an option of that type.
    pub fn set(&mut self, setting: &Setting) -> bool {
        let (policy, option) = match setting.path.split_once('.') {
            Some((policy, option)) => (policy, Some(option)),
            None if setting.value == Value::Declared => (setting.path, None),
            None => ("", Some(setting.path)),
        };
        macro_rules! put {
            ($patch:expr) => {{
                let patch = $patch.get_or_insert_default();
                option.is_none_or(|option| patch.put(option, setting.value))
            }};
        }
        match policy {
            "" => option.is_some_and(|option| self.call.put(option, setting.value)),
            "breaker" => put!(self.breaker),
            "retry" => put!(self.retry),
            "rate_limit" => put!(self.rate_limit),
            "bulkhead" => put!(self.bulkhead),
            "fallback" => put!(self.fallback),
            "cache" => put!(self.cache),
            _ => false,
        }
    }

    /// Every option that is set, in the table's order.
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        let mut all = Vec::new();
        self.call.collect(&mut all);
        macro_rules! collect {
            ($($policy:ident)+) => {$(
                if let Some(patch) = &self.$policy {
                    let before = all.len();
                    patch.collect(&mut all);
                    if all.len() == before { all.push((stringify!($policy), Value::Declared)); }
                }
            )+};
        }
        collect!(breaker retry rate_limit bulkhead fallback cache);
        all.into_iter()
            .map(|(path, value)| Setting { path, value })
            .collect()
    }
}

impl Merge for Patch {
    fn merge(&mut self, higher: &Self) {
        self.call.merge(&higher.call);
        self.breaker.merge(&higher.breaker);
        self.retry.merge(&higher.retry);
        self.rate_limit.merge(&higher.rate_limit);
        self.bulkhead.merge(&higher.bulkhead);
        self.fallback.merge(&higher.fallback);
        self.cache.merge(&higher.cache);
    }
}

impl OptionMeta {
    /// Whether files and variables may set it.
    #[must_use]
    pub fn configurable(&self) -> bool {
        self.place != Place::Attribute
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Ratio;

    fn patch(settings: &[(&'static str, Value)]) -> Patch {
        let settings: Vec<Setting> = settings
            .iter()
            .map(|&(path, value)| Setting { path, value })
            .collect();
        Patch::of(&settings)
    }

    #[test]
    fn every_row_can_be_set_and_read_back() {
        for option in POLICIES.iter().flat_map(|policy| policy.options) {
            let example = match option.kind.parse {
                None => Value::Code("code"),
                Some(parse) => {
                    let words = option.kind.words();
                    let tried = [Raw::Plain(option.kind.example.trim_matches('"'))];
                    let mut tried = tried.into_iter().chain(words.into_iter().map(Raw::Plain));
                    tried.find_map(|raw| parse(&raw).ok()).expect(option.path)
                }
            };
            let settings = [Setting {
                path: option.path,
                value: example,
            }];
            assert_eq!(Patch::of(&settings).settings(), settings, "{}", option.path);
        }
    }

    #[test]
    fn a_declared_policy_without_options_stays_declared() {
        let declared = patch(&[("retry", Value::Declared)]);
        assert!(declared.retry.is_some());
        assert_eq!(declared.settings()[0].value, Value::Declared);
    }

    #[test]
    fn a_min_calls_left_without_a_rate_is_dropped() {
        let half = Value::from(Ratio::literal(0.5));
        let mut merged = patch(&[
            ("breaker.failure_rate", half),
            ("breaker.min_calls", Value::Count(9)),
        ]);
        merged.merge(&patch(&[("breaker.failures", Value::Count(3))]));
        let breaker = merged.breaker.unwrap();
        assert_eq!(
            (breaker.failures, breaker.failure_rate, breaker.min_calls),
            (Some(3), None, None)
        );
    }

    #[test]
    fn an_unknown_option_names_the_nearest() {
        let unknown = Setting::parse("retry.maxx", &Raw::Int(1)).unwrap_err();
        assert_eq!(unknown, "unknown option \"maxx\"; did you mean \"max\"?");
    }
}
