//! The rules between the options and the function they stand on.

use proc_macro2::Span;
use steadfast_options::{FallbackKind, Patch, Setting, Store, Value, defaults, validate};
use syn::{Expr, ExprPath, Ident};

use crate::args::{Args, Given};
use crate::checks;
use crate::errors::Errors;
use crate::replay::Replay;
use crate::root::Root;
use crate::signature::Function;

/// Everything the expansion needs, with nothing left to decide.
pub(crate) struct Model {
    pub(crate) root: Root,
    pub(crate) given: Vec<Given>,
    pub(crate) patch: Patch,
    pub(crate) function: Function,
    pub(crate) run: Run,
    pub(crate) answer: Option<Answer>,
    pub(crate) cache: Option<Cache>,
    pub(crate) classify: Option<ExprPath>,
    pub(crate) notify: Option<ExprPath>,
    pub(crate) keys: Keys,
}

/// Expressions over the arguments that tell calls apart.
pub(crate) struct Keys {
    pub(crate) rate_limit: Option<Expr>,
    pub(crate) breaker: Option<Expr>,
}

/// Whether there is life after an attempt.
pub(crate) enum Run {
    /// The body runs once, and gets the arguments themselves.
    Once,
    /// The body runs once, and the fallback may need the arguments after it.
    Replayed(Replay),
    /// The body may run again.
    Loop(Replay),
}

/// What a fallback answers with.
pub(crate) enum Answer {
    /// The function in `with`.
    Call(ExprPath),
    /// The type's `Default`, as the option at this place says.
    Default(Span),
    /// The last good answer.
    LastGood(LastGood),
    /// None: the work is kept, as the option at this place says.
    Queue(Span),
}

impl Answer {
    /// Whether it needs the arguments, after the body had them.
    fn needs_arguments(&self) -> bool {
        matches!(self, Self::Call(_) | Self::Queue(_))
    }
}

/// The last good answer of a key.
pub(crate) struct LastGood {
    pub(crate) key: Expr,
    pub(crate) weigh: Option<ExprPath>,
    /// The option that keeps it in Redis, if any.
    pub(crate) shared: Option<Span>,
    /// Where errors about what is kept point.
    pub(crate) at: Span,
}

/// A cache around the call.
pub(crate) struct Cache {
    pub(crate) key: Expr,
    pub(crate) weigh: Option<ExprPath>,
    /// Whether a refresh may run behind the caller.
    pub(crate) stale: bool,
    /// The option that keeps answers in Redis, if any.
    pub(crate) shared: Option<Span>,
    /// Where errors about what is kept point.
    pub(crate) at: Span,
}

impl Model {
    pub(crate) fn build(args: Args, mut function: Function, errors: &mut Errors) -> Self {
        let settings: Vec<Setting> = args.given.iter().map(|given| given.setting).collect();
        let patch = Patch::of(&settings);
        let faults = validate(&patch, function.flavor()).into_iter();
        for fault in faults.filter(|fault| args.knows(fault.path)) {
            errors.at(args.key(fault.path), fault.message);
        }
        checks::function(&function, &args, errors);
        let answer = answer(&args, &patch);
        let cache = cache(&args);
        if cache.as_ref().is_some_and(|cache| cache.stale) {
            checks::lasting(&function, errors);
        }
        let needed = answer.as_ref().is_some_and(Answer::needs_arguments);
        let run = match (patch.retry.is_some(), needed) {
            (false, false) => Run::Once,
            (retries, _) => {
                checks::replayed(&function, &args, errors);
                let replay = Replay::of(&mut function, args.arguments("retry.share"));
                checks::named(&replay, needed, errors);
                if retries {
                    Run::Loop(replay)
                } else {
                    Run::Replayed(replay)
                }
            }
        };
        Self {
            patch,
            function,
            run,
            answer,
            cache,
            classify: args.function("classify").cloned(),
            notify: args.function("retry.notify").cloned(),
            keys: Keys {
                rate_limit: args.expression("rate_limit.key").cloned(),
                breaker: args.expression("breaker.key").cloned(),
            },
            root: Root(args.root),
            given: args.given,
        }
    }
}

impl Model {
    /// The fallback, where it is the last good answer.
    pub(crate) fn last_good(&self) -> Option<&LastGood> {
        match &self.answer {
            Some(Answer::LastGood(kept)) => Some(kept),
            _ => None,
        }
    }

    /// The arguments that the fallback is handed.
    pub(crate) fn handed(&self) -> &[Ident] {
        match &self.run {
            Run::Once => &[],
            Run::Replayed(replay) | Run::Loop(replay) => &replay.handed,
        }
    }
}

fn answer(args: &Args, patch: &Patch) -> Option<Answer> {
    match patch.fallback?.kind.unwrap_or(defaults::fallback::kind) {
        FallbackKind::Default => Some(Answer::Default(args.key("fallback.kind"))),
        FallbackKind::Cached => Some(Answer::LastGood(LastGood {
            key: args.expression("fallback.key")?.clone(),
            weigh: args.function("fallback.weigh").cloned(),
            shared: shared(args, "fallback.store"),
            at: args.key("fallback.kind"),
        })),
        FallbackKind::Queue => Some(Answer::Queue(args.key("fallback.kind"))),
        _ => args.function("fallback.with").cloned().map(Answer::Call),
    }
}

/// Where the option says that instances share answers, if it does.
fn shared(args: &Args, store: &str) -> Option<Span> {
    let given = args.find(store)?;
    (given.setting.value == Value::from(Store::Redis)).then_some(given.key)
}

fn cache(args: &Args) -> Option<Cache> {
    Some(Cache {
        key: args.expression("cache.key")?.clone(),
        weigh: args.function("cache.weigh").cloned(),
        stale: args.find("cache.stale").is_some(),
        shared: shared(args, "cache.store"),
        at: args.key("cache.key"),
    })
}
