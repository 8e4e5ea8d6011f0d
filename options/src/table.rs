//! The table: every option there is, once.
//!
//! A row reads `name(kind, type) [default] place status "meaning"`. The place says who may set
//! the option and to whom it belongs: `registry` to the named policy, `call` to the call that
//! uses it, `attribute` to the code alone. A row that is `later` is known and refused.

use std::fmt;
use std::time::Duration;

use crate::folder::Folder;
use crate::keyword::{
    Algorithm, Counting, FallbackKind, FallbackOn, Guards, Health, Mode, Scope, Store, Then,
};
use crate::kind::Kind;
use crate::name::Name;
use crate::value::{Classes, Factor, Jitter, Ratio, Value, Window};

/// Where an option may be set, and to whom it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// To the named policy, wherever it is used.
    Registry,
    /// To the call.
    Call,
    /// To the code: only the attribute and the builder can hold it.
    Attribute,
}

/// Whether an option does something yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// It does.
    Yes,
    /// It is known, and refused with "not available yet".
    Later,
}

/// One option of the table.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OptionMeta {
    /// Its name within its policy.
    pub name: &'static str,
    /// The path it is set by: `breaker.failures`, or `timeout` for one of the call itself.
    pub path: &'static str,
    /// What kind of value it takes.
    pub kind: &'static Kind,
    /// Its default; none where it is off unless set.
    pub default: Option<DefaultValue>,
    /// Who may set it.
    pub place: Place,
    /// Whether it does something yet.
    pub served: Served,
}

impl OptionMeta {
    /// What it means.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        let mut meanings = MEANINGS.iter();
        let found = meanings.find(|(path, _)| *path == self.path);
        found.map_or("", |(_, meaning)| meaning)
    }
}

/// What holds where an option is not set.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum DefaultValue {
    /// It is worked out, as these words say.
    Text(&'static str),
    /// It is this.
    Value(fn() -> Value),
}

impl fmt::Display for DefaultValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Value(value) => value().fmt(f),
        }
    }
}

/// One policy of the table, with its options.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PolicyMeta {
    /// Its name; empty for the call itself.
    pub name: &'static str,
    /// The option that `policy = value` sets, if there is such a form.
    pub shorthand: Option<&'static str>,
    /// Its options.
    pub options: &'static [OptionMeta],
    /// What it does.
    pub meaning: &'static str,
}

impl PolicyMeta {
    /// Whether any option of it does something yet.
    #[must_use]
    pub fn served(&self) -> Served {
        let any = self
            .options
            .iter()
            .any(|option| option.served == Served::Yes);
        if any { Served::Yes } else { Served::Later }
    }
}

/// Hands the whole table to a macro.
macro_rules! for_each_policy {
    ($callback:ident) => {
        $callback! {
            call CallPatch none "The call itself." {
                name(Kind::NAME, Name) [text "`module::path::function`"] attribute served
                    "The call's name in config, telemetry and status. Two sites with the same default name each get `@line`; two given names that are the same are a conflict."
                mode(Kind::keyword::<Mode>(), Mode) [value Mode::Enforce] call served
                    "`observe` lets everything through, and counts and reports what it would have refused or cut, while retries go on; `off` leaves only the fallback."
                timeout(Kind::DURATION, Duration) [none] call served
                    "Limit of each attempt's body, from its start."
                deadline(Kind::DURATION, Duration) [none] call served
                    "Limit of the whole call: waits, attempts and pauses."
                classify(Kind::PATH, &'static str) [none] attribute served
                    "`fn(&E) -> Class` for this call, before every other way to classify its errors."
            }
            breaker BreakerPatch name "Stops calling a dependency that keeps failing." {
                name(Kind::NAME, Name) [text "the call's name"] call served
                    "The registry's key: calls that name it share it."
                key(Kind::EXPRESSION, &'static str) [none] attribute served
                    "One breaker per key (host, tenant): any `Hash + Eq` expression over the arguments."
                max_keys(Kind::COUNT, u32) [value 10_000] registry served
                    "Bound on keys in memory: only closed keys without counts make room; beyond that a new key runs unguarded, with one warning."
                health(Kind::keyword::<Health>(), Health) [value Health::Degraded] registry served
                    "What an open circuit does to the `/health` of the admin router: `degraded` makes it 503, `ignore` leaves it."
                mode(Kind::keyword::<Mode>(), Mode) [value Mode::Enforce] registry served
                    "As `mode`, of the named policy, wherever it is used."
                scope(Kind::keyword::<Scope>(), Scope) [value Scope::Local] registry served
                    "This process, or the fleet through Redis: then `counting` is `window`, and there is no `key`."
                failures(Kind::COUNT, u32) [value 5] registry served
                    "Trip rule: opens at this many failures. Holds when no trip rule is set."
                counting(Kind::keyword::<Counting>(), Counting) [value Counting::Consecutive] registry served
                    "`consecutive`: failures since the last success that are younger than `window` (exact times, at most 1,000); `window`: all failures in it, as always where `scope` is `shared`."
                failure_rate(Kind::RATIO, Ratio) [none] registry served
                    "Trip rule: opens when failed / all reaches this, once `min_calls` are in the window."
                slow_call(Kind::DURATION, Duration) [none] registry served
                    "Trip rule: a body that takes longer than this is slow."
                slow_rate(Kind::RATIO, Ratio) [value Ratio::literal(1.0)] registry served
                    "Opens when this share of calls is slow, once `min_calls` are in the window."
                min_calls(Kind::COUNT, u32) [text "min(5, `window_calls`)"] registry served
                    "Calls that must be in the window before a rate counts."
                window(Kind::WINDOW, Window) [value Window::For(Duration::from_secs(60))] registry served
                    "Time window: the current of ten buckets and the nine before; `none` never ages."
                window_calls(Kind::COUNT, u32) [none] registry served
                    "The last so many calls instead of a time window (at most 1,000,000)."
                recovery(Kind::DURATION, Duration) [value Duration::from_secs(30)] registry served
                    "Time open before a probe."
                recovery_factor(Kind::FACTOR, Factor) [value Factor::literal(1.0)] registry served
                    "Growth of the open time at each failed probe round; starts again when it closes."
                recovery_max(Kind::DURATION, Duration) [text "max(`5m`, `recovery`)"] registry served
                    "Longest open time that growth may reach."
                half_open(Kind::COUNT, u32) [value 2] registry served
                    "Probes at a time; a place is used again when its probe ends."
                close_after(Kind::COUNT, u32) [value 2] registry served
                    "Successful probes that close it; one failure opens it again."
                probe_timeout(Kind::DURATION, Duration) [text "max(`30s`, limit of what it guards)"] registry served
                    "A probe unheard of for this long gives its place up."
                counts(Kind::COUNTED, Classes)
                    [value Classes::TRANSIENT.with(Classes::TIMEOUT).with(Classes::RATE_LIMITED).with(Classes::PERMANENT)] call served
                    "Which classes are failures; any other class is a success, but `Ignored` counts as nothing."
                guards(Kind::keyword::<Guards>(), Guards) [value Guards::Attempt] call served
                    "Inside the retry, or around it."
                quorum(Kind::COUNT, u32) [value 1] registry served
                    "Shared only: different instances that must have seen failures in the window."
            }
            retry RetryPatch none "Tries again, with growing pauses." {
                max(Kind::COUNT, u32) [value 3] call served
                    "Attempts, the first included."
                base(Kind::PAUSE, Duration) [value Duration::from_secs(1)] call served
                    "Pause after the first attempt; after attempt n it is min(cap, base × factor^(n−1))."
                factor(Kind::FACTOR, Factor) [value Factor::literal(2.0)] call served
                    "Growth of the pause from one attempt to the next."
                cap(Kind::DURATION, Duration) [text "max(`60s`, `base`)"] call served
                    "Longest pause; holds after factor and jitter."
                jitter(Kind::JITTER, Jitter) [value Jitter::Full] call served
                    "`full`: uniform in 0..=d; `equal`: d/2 + uniform in 0..=d/2; `decorrelated`: min(cap, uniform(base, 3 × previous)); `0.25`: d ± 25 %; `\"200ms\"`: d ± 200 ms."
                on(Kind::RETRIED, Classes)
                    [value Classes::TRANSIENT.with(Classes::TIMEOUT).with(Classes::RATE_LIMITED)] call served
                    "Classes that are tried again. Payments leave out `timeout`; `rejected` may be added: then the pause is at least the rejection's `retry_in`."
                rate_limited_factor(Kind::FACTOR, Factor) [value Factor::literal(2.0)] call served
                    "Longer pauses after a rate-limit answer; a `retry_after` in the error wins when longer; above `cap` it is not slept, the error returns."
                budget(Kind::RATIO, Ratio) [none] call served
                    "Retries may add at most this share of load: over the last 10 s, 10 × `budget_min` + ratio × calls; when it is spent the last error comes back at once."
                budget_min(Kind::COUNT_OR_ZERO, u32) [value 10] call served
                    "Retries a second that the budget allows without any call."
                notify(Kind::PATH, &'static str) [none] attribute served
                    "`fn(&Retrying)` before each pause: attempt, delay, class, error text."
                share(Kind::ARGUMENTS, &'static str) [none] attribute served
                    "Arguments that the body sees by reference instead of by clone."
            }
            rate_limit RateLimitPatch name "Limits calls per time." {
                name(Kind::NAME, Name) [text "the call's name"] call served
                    "The registry's key: calls that name it share it."
                scope(Kind::keyword::<Scope>(), Scope) [value Scope::Local] registry served
                    "This process, or the fleet through Redis."
                mode(Kind::keyword::<Mode>(), Mode) [value Mode::Enforce] registry served
                    "As `mode`, of the named policy, wherever it is used."
                max(Kind::COUNT, u32) [value 100] registry served
                    "Calls per `per`."
                per(Kind::DURATION, Duration) [value Duration::from_secs(60)] registry served
                    "The time that `max` is counted over."
                burst(Kind::COUNT, u32) [text "`max`"] registry served
                    "Calls at once after a quiet time; an error with `sliding_window`."
                algorithm(Kind::keyword::<Algorithm>(), Algorithm) [value Algorithm::TokenBucket] registry served
                    "A steady flow with bursts, or an exact log of the last `per`."
                key(Kind::EXPRESSION, &'static str) [none] attribute served
                    "One limit per key (per user, per IP): any `Hash + Eq` expression over the arguments."
                max_keys(Kind::COUNT, u32) [value 10_000] registry served
                    "Bound on keys in memory: only keys whose bucket is full again make room; else new keys are refused."
                wait(Kind::PAUSE, Duration) [value Duration::ZERO] call served
                    "How long a call may wait for its turn, first come first served; a wait that cannot end in time is refused at once and spends nothing."
                guards(Kind::keyword::<Guards>(), Guards) [value Guards::Attempt] call served
                    "Inside the retry, or around it."
                lease(Kind::DURATION, Duration) [none] registry served
                    "Shared token bucket only: take tokens in batches valid this long, and spend them without asking. Shorter than the time in which all but one of `burst` flow in."
                fail_open(Kind::PAUSE, Duration) [value Duration::from_secs(300)] registry served
                    "Shared, Redis out: how long memory serves, each instance by its part of the limit. Of a bulkhead too: that of the limit of its name."
                probe(Kind::DURATION, Duration) [value Duration::from_secs(5)] registry served
                    "Shared, Redis out: how often Redis is tried, a fifth more or less; the most impatient limit of a process says it for all."
                then(Kind::keyword::<Then>(), Then) [value Then::Deny] registry served
                    "Shared, Redis out for longer than `fail_open`: what comes after. `local`: memory serves on; `deny`: calls are refused, as unavailable; `allow`: all are let through."
            }
            bulkhead BulkheadPatch name "Limits calls at a time." {
                name(Kind::NAME, Name) [text "the call's name"] call served
                    "The registry's key: calls that name it share it."
                scope(Kind::keyword::<Scope>(), Scope) [value Scope::Local] registry served
                    "This process, or the fleet through Redis."
                mode(Kind::keyword::<Mode>(), Mode) [value Mode::Enforce] registry served
                    "As `mode`, of the named policy, wherever it is used."
                max(Kind::COUNT, u32) [value 10] registry served
                    "Calls at a time."
                wait(Kind::PAUSE, Duration) [value Duration::from_secs(5)] call served
                    "Longest wait for a place."
                queue(Kind::COUNT_OR_ZERO, u32) [none] registry served
                    "How many may wait, first come first served; unbounded unless set."
                guards(Kind::keyword::<Guards>(), Guards) [value Guards::Attempt] call served
                    "The place is free during a pause, or held."
            }
            fallback FallbackPatch with "Answers where the call can't." {
                with(Kind::PATH, &'static str) [none] attribute served
                    "`fn(the arguments…, E) -> Result<T, E>`, sync or async; for methods `self` comes first."
                kind(Kind::keyword::<FallbackKind>(), FallbackKind) [value FallbackKind::Call] attribute served
                    "`call`: the function in `with`; `default`: the type's `Default`; `cached`: the last good answer; `queue`: keep the work."
                key(Kind::EXPRESSION, &'static str) [none] attribute served
                    "Of `cached`: what tells one answer from another, any `Hash + Eq` expression over the arguments."
                ttl(Kind::DURATION, Duration) [value Duration::from_secs(3600)] call served
                    "Of `cached`: an answer serves while it is younger than this."
                max(Kind::COUNT, u32) [value 10_000] call served
                    "Of `cached`: answers kept in memory; with `weigh`, what they may weigh together."
                weigh(Kind::PATH, &'static str) [none] attribute served
                    "Of `cached`: `fn(&T) -> u32`, what an answer weighs; one weighs 1 without it."
                store(Kind::keyword::<Store>(), Store) [value Store::Memory] call served
                    "Of `cached`: where answers are kept; `redis`: in memory, and in Redis for all instances. Configuration can't add that, only leave it out."
                queue(Kind::NAME, Name) [none] call served
                    "Of `queue`: its name. The arguments are kept as JSON, and the caller gets `Rejection::Queued`."
                spool(Kind::FOLDER, Folder) [none] call served
                    "Of `queue`: the folder that keeps entries while Redis is out."
                on(Kind::keyword::<FallbackOn>(), FallbackOn) [value FallbackOn::Error] call served
                    "`error`: any final error but `Expected` and `Ignored`; `rejected`: `CircuitOpen`, `RateLimited`, `LimiterUnavailable`, `BulkheadFull`."
            }
            cache CachePatch none "Serves known answers without a call." {
                key(Kind::EXPRESSION, &'static str) [none] attribute served
                    "What tells one answer from another: any `Hash + Eq` expression over the arguments."
                fresh(Kind::DURATION, Duration) [value Duration::from_secs(60)] call served
                    "How long an answer skips the call."
                stale(Kind::DURATION, Duration) [none] call served
                    "How much longer than `fresh` an answer is served at once, while one refresh of its key runs behind."
                max(Kind::COUNT, u32) [value 10_000] call served
                    "Answers kept in memory; with `weigh`, what they may weigh together."
                weigh(Kind::PATH, &'static str) [none] attribute served
                    "`fn(&T) -> u32`: what an answer weighs; one weighs 1 without it."
                store(Kind::keyword::<Store>(), Store) [value Store::Memory] call served
                    "Where answers are kept; `redis`: in memory, and in Redis for all instances. Configuration can't add that, only leave it out."
            }
        }
    };
}

macro_rules! place {
    (registry) => {
        Place::Registry
    };
    (call) => {
        Place::Call
    };
    (attribute) => {
        Place::Attribute
    };
}

macro_rules! served {
    (served) => {
        Served::Yes
    };
    (later) => {
        Served::Later
    };
}

macro_rules! default_text {
    ([none]) => {
        None
    };
    ([text $text:literal]) => {
        Some(DefaultValue::Text($text))
    };
    ([value $value:expr]) => {
        Some(DefaultValue::Value(|| Value::from($value)))
    };
}

macro_rules! default_value {
    ($option:ident $type:ty, [value $value:expr]) => {
        #[doc = concat!("The default of `", stringify!($option), "`.")]
        pub const $option: $type = $value;
    };
    ($option:ident $type:ty, [$($other:tt)*]) => {};
}

macro_rules! path {
    (call $option:ident) => {
        stringify!($option)
    };
    ($policy:ident $option:ident) => {
        concat!(stringify!($policy), ".", stringify!($option))
    };
}

macro_rules! policy_name {
    (call) => {
        ""
    };
    ($policy:ident) => {
        stringify!($policy)
    };
}

macro_rules! shorthand {
    (none) => {
        None
    };
    ($option:ident) => {
        Some(stringify!($option))
    };
}

macro_rules! define_table {
    ($($policy:ident $patch:ident $shorthand:ident $about:literal {
        $($option:ident($kind:expr, $type:ty) $default:tt $place:ident $served:ident $meaning:literal)+
    })+) => {
        /// All policies; the call itself comes first.
        // Not a constant, of which each crate that reads it would hold a copy.
        pub static POLICIES: &[PolicyMeta] = &[$(PolicyMeta {
            name: policy_name!($policy),
            shorthand: shorthand!($shorthand),
            meaning: $about,
            options: &[$(OptionMeta {
                name: stringify!($option),
                path: path!($policy $option),
                kind: const { &$kind },
                default: default_text!($default),
                place: place!($place),
                served: served!($served),
            },)+],
        },)+];

        /// By path: apart from the table, since a program that reads the one seldom needs the other.
        static MEANINGS: &[(&str, &str)] = &[$($((path!($policy $option), $meaning),)+)+];

        $(
            #[doc = concat!("What a layer says of `", stringify!($policy), "`: ", $about)]
            #[derive(Clone, Copy, Debug, Default, PartialEq)]
            #[non_exhaustive]
            pub struct $patch {
                $(#[doc = $meaning] pub $option: Option<$type>,)+
            }

            impl $patch {
                $(
                    #[doc = $meaning]
                    #[must_use]
                    pub const fn $option(mut self, $option: $type) -> Self {
                        self.$option = Some($option);
                        self
                    }
                )+

                /// Takes every value that `higher` sets.
                pub(crate) fn overlay(&mut self, higher: &Self) {
                    $(if higher.$option.is_some() { self.$option = higher.$option; })+
                }

                /// Sets the option named, if there is one of this name and type.
                pub(crate) fn put(&mut self, option: &str, value: Value) -> bool {
                    $(if option == stringify!($option) {
                        self.$option = value.try_into().ok();
                        return self.$option.is_some();
                    })+
                    false
                }

                /// Each option that is set, with its path.
                pub(crate) fn collect(&self, into: &mut Vec<(&'static str, Value)>) {
                    $(if let Some(value) = self.$option { into.push((path!($policy $option), value.into())); })+
                }
            }
        )+

        /// The defaults that are plain values; the computed ones are worked out where they hold.
        #[allow(non_upper_case_globals)] // named as the options are
        pub mod defaults {
            $(
                #[doc = concat!("Defaults of `", stringify!($policy), "`.")]
                pub mod $policy {
                    #[allow(unused_imports, clippy::wildcard_imports)]
                    use super::super::*;
                    $(default_value!($option $type, $default);)+
                }
            )+
        }
    };
}

for_each_policy!(define_table);
