//! The call as a future of the runtime's own: no coroutine around its body is compiled for the function.
//!
//! Possible where the body and the policy are all there is to a call: no fallback, cache or key, and no
//! argument of which an attempt would borrow something that the call keeps for the next.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Attribute, FnArg, Pat, PatIdent, PatType, ReturnType, Signature, Type, parse_quote};

use super::{attempt, opening};
use crate::model::{Model, Run};
use crate::replay::{Replay, Way, cfgs, name_of};
use crate::signature::{Function, Shape, mentions};

/// Whether the call can be one.
pub(super) fn is(model: &Model) -> bool {
    let is_plain = model.answer.is_none()
        && model.cache.is_none()
        && model.keys.rate_limit.is_none()
        && model.keys.breaker.is_none();
    let lends = match &model.run {
        Run::Once => false,
        Run::Replayed(replay) | Run::Loop(replay) => lends(replay),
    };
    let fits = match &model.function.shape {
        Shape::Blocking => false,
        Shape::Async => returns_it(&model.function),
        Shape::Future(_) => true,
    };
    is_plain && !lends && fits
}

/// Whether an attempt borrows from what the call keeps.
fn lends(replay: &Replay) -> bool {
    let owns = |way| matches!(way, Way::Copy | Way::Clone);
    replay.each.iter().any(|replayed| !owns(replayed.way))
}

/// Whether an `async fn` may become one that returns the future: nobody who reads the function after us
/// may want it `async`, and its arguments have names by which the future holds them.
fn returns_it(function: &Function) -> bool {
    let named = |input: &FnArg| match input {
        FnArg::Receiver(_) => true,
        FnArg::Typed(argument) => name_of(&mut argument.pat.clone()).is_some(),
    };
    function.attrs.iter().all(is_indifferent)
        && function.sig.inputs.iter().all(named)
        && !mentions(
            &function.output.to_token_stream(),
            &Ident::new("impl", Span::call_site()),
        )
}

/// Whether an attribute means the same on both.
fn is_indifferent(attribute: &Attribute) -> bool {
    const PLAIN: [&str; 8] = [
        "allow",
        "cfg",
        "deny",
        "deprecated",
        "doc",
        "forbid",
        "inline",
        "warn",
    ];
    const TOOLS: [&str; 3] = ["clippy", "diagnostic", "rustfmt"];
    let path = attribute.path();
    let first = path.segments.first();
    PLAIN.iter().any(|plain| path.is_ident(plain))
        || first.is_some_and(|first| {
            path.segments.len() > 1 && TOOLS.iter().any(|tool| first.ident == tool)
        })
}

/// The signature of an `async fn` that returns the future instead.
pub(super) fn signature(model: &Model) -> Signature {
    let mut sig = model.function.sig.clone();
    sig.asyncness = None;
    let output = &model.function.output;
    // Of mixed site, so of this crate's edition: it captures all lifetimes, as an `async fn` does.
    let future = quote_spanned!(Span::mixed_site()=> impl ::core::future::Future<Output = #output>);
    sig.output = ReturnType::Type(parse_quote!(->), Box::new(Type::Verbatim(future)));
    if matches!(model.run, Run::Once) {
        for input in &mut sig.inputs {
            if let FnArg::Typed(argument) = input
                && let Some(name) = name_of(&mut argument.pat)
            {
                name.mutability = None; // the body's own may be changed
            }
        }
    }
    sig
}

/// The future.
pub(super) fn future(model: &Model) -> TokenStream {
    let mixed = Span::mixed_site();
    let opening = opening::direct(model);
    let call = match &model.run {
        Run::Once => {
            let body = attempt::body(model, false, &taken(model));
            quote_spanned!(mixed=> attempts.once(&SITE, #body, look, refuse))
        }
        Run::Replayed(replay) | Run::Loop(replay) => {
            let (held, arguments) = (held(model, replay), attempt::arguments(model, replay));
            let body = attempt::body(model, replay.renames_self, &TokenStream::new());
            quote_spanned! {mixed=>
                attempts.each(&SITE, move || { #held #arguments #body }, look, refuse)
            }
        }
    };
    quote_spanned!(mixed=> #opening #call)
}

/// Takes all arguments of what was an `async fn` into its only body, also those that this has no use for: they
/// are dropped with it.
fn taken(model: &Model) -> TokenStream {
    each_argument(&model.function, |argument, cfgs| {
        let mut pattern = Pat::clone(&argument.pat);
        let PatIdent {
            mutability, ident, ..
        } = name_of(&mut pattern)?;
        let (allow, span) = (allow(ident), ident.span().resolved_at(Span::mixed_site()));
        Some(quote_spanned!(span=> #cfgs #allow let #mutability #ident = #ident;))
    })
}

/// Takes those arguments of what was an `async fn` into what makes its bodies that these have no use for.
fn held(model: &Model, replay: &Replay) -> TokenStream {
    each_argument(&model.function, |argument, cfgs| {
        let mut pattern = Pat::clone(&argument.pat);
        let name = &name_of(&mut pattern)?.ident;
        let is_replayed = replay.each.iter().any(|replayed| replayed.from == *name);
        if is_replayed || mentions(&model.function.body, name) {
            return None;
        }
        let (allow, span) = (allow(name), name.span().resolved_at(Span::mixed_site()));
        Some(quote_spanned!(span=> #cfgs #allow let #name = &#name;))
    })
}

/// What takes each argument of an `async fn`, by the argument and the `#[cfg]`s it stands under; `self` as
/// it is. Other functions hold what their `async` block speaks of, as they did.
fn each_argument(
    function: &Function,
    take: impl Fn(&PatType, TokenStream) -> Option<TokenStream>,
) -> TokenStream {
    if !matches!(function.shape, Shape::Async) {
        return TokenStream::new();
    }
    let inputs = function.sig.inputs.iter();
    inputs
        .filter_map(|input| match input {
            FnArg::Receiver(receiver) => {
                let own = receiver.self_token;
                let span = own.span.resolved_at(Span::mixed_site());
                Some(quote_spanned!(span=> let _ = &#own;))
            }
            FnArg::Typed(argument) => {
                let cfgs = cfgs(argument);
                take(argument, quote!(#(#cfgs)*))
            }
        })
        .collect()
}

/// What clippy would say of a name that says it has no use.
fn allow(name: &Ident) -> Option<TokenStream> {
    name.to_string().starts_with('_').then(|| {
        quote_spanned! {Span::mixed_site()=>
            #[allow(clippy::no_effect_underscore_binding, clippy::used_underscore_binding)]
        }
    })
}
