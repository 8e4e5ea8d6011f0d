//! The guarded function: one static, and one inline loop around the body.
//!
//! All our names are of mixed site: they are out of the user's sight, and theirs out of ours.

mod attempt;
mod cached;
mod direct;
mod opening;
mod queue;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned as _;
use syn::visit_mut::{self, VisitMut};

use crate::docs;
use crate::future::{Future, Tail};
use crate::model::{Answer, Model, Run};
use crate::replay::Replay;
use crate::signature::{Shape, opaque, returned};

pub(crate) fn expand(model: &Model) -> TokenStream {
    let function = &model.function;
    let (attrs, vis, sig) = (&function.attrs, &function.vis, &function.sig);
    let docs = docs::attribute(model);
    let allow = allow(model);
    let body = braced(function.braces, body(model));
    if !matches!(function.shape, Shape::Async) || !direct::is(model) {
        return quote! { #(#attrs)* #docs #allow #vis #sig #body };
    }
    let returning = direct::signature(model);
    let root = model.root.at(Span::mixed_site());
    // Who reads the documentation sees what was written.
    quote! {
        #[cfg(not(doc))]
        #(#attrs)* #docs #vis #returning #body
        #[cfg(doc)]
        #(#attrs)* #docs #vis #sig { #root::hint() }
    }
}

/// Lints that speak of our code as if it were the user's.
fn allow(model: &Model) -> Option<TokenStream> {
    match (&model.run, &model.function.shape) {
        (_, Shape::Future(Future::Opaque)) => Some(quote!(#[allow(clippy::manual_async_fn)])),
        // The arguments seem not to be needed by value: the body gets clones.
        (Run::Replayed(_) | Run::Loop(_), Shape::Blocking) => {
            Some(quote!(#[allow(clippy::needless_pass_by_value)]))
        }
        // What is bound as `mut` before the block may be changed only within it, as a clone.
        (Run::Replayed(_) | Run::Loop(_), Shape::Future(Future::Block(tail)))
            if !tail.before.is_empty() =>
        {
            Some(quote!(#[allow(unused_mut)]))
        }
        _ => None,
    }
}

fn body(model: &Model) -> TokenStream {
    let mixed = Span::mixed_site();
    let is_direct = direct::is(model);
    let guarded = if is_direct {
        direct::future(model)
    } else {
        guarded(model)
    };
    let Shape::Future(future) = &model.function.shape else {
        return guarded;
    };
    let deferred = if is_direct {
        quote_spanned!(mixed=> { #guarded })
    } else {
        quote_spanned!(mixed=> async move { #guarded })
    };
    match future {
        Future::Block(tail) => {
            let Tail { before, pin, .. } = &**tail;
            let future = pin
                .as_ref()
                .map_or(deferred.clone(), |pin| quote!(#pin(#deferred)));
            quote! { #before #future }
        }
        Future::Opaque if returned(&model.function.sig).is_ok_and(opaque) => deferred,
        Future::Opaque => quote_spanned!(mixed=> ::std::boxed::Box::pin(#deferred)),
    }
}

/// The call, from its site to its result.
fn guarded(model: &Model) -> TokenStream {
    let call = call(model);
    let Some(cache) = &model.cache else {
        return call;
    };
    let policy = opening::policy(model);
    let around = cached::around(model, cache, &call);
    quote! { #policy #around }
}

/// The call itself, from its guards to its result.
fn call(model: &Model) -> TokenStream {
    let opening = opening::call(model);
    let run = match &model.run {
        Run::Once => only(model, None),
        Run::Replayed(replay) => only(model, Some(replay)),
        Run::Loop(replay) => repeated(model, replay),
    };
    let ending = ending(model);
    let ending = match &model.cache {
        Some(cache) => cached::land(cache, &ending),
        None => ending,
    };
    quote! { #opening #run #ending }
}

/// The only attempt of a call without retry.
fn only(model: &Model, replay: Option<&Replay>) -> TokenStream {
    let mixed = Span::mixed_site();
    let root = model.root.at(mixed);
    let again = replay.map(|replay| attempt::arguments(model, replay));
    let attempt = attempt::tokens(model, replay);
    quote_spanned! {mixed=>
        let outcome = { #again #attempt };
        let result = match outcome {
            ::core::ops::ControlFlow::Break(result) => result,
            ::core::ops::ControlFlow::Continue(()) => #root::no_retry(),
        };
    }
}

fn repeated(model: &Model, replay: &Replay) -> TokenStream {
    let again = attempt::arguments(model, replay);
    let attempt = attempt::tokens(model, Some(replay));
    quote_spanned! {Span::mixed_site()=>
        let result = loop {
            #again
            let outcome = #attempt;
            match outcome {
                ::core::ops::ControlFlow::Break(result) => break result,
                ::core::ops::ControlFlow::Continue(()) => {}
            }
        };
    }
}

/// The result, or what the fallback makes of it.
fn ending(model: &Model) -> TokenStream {
    let mixed = Span::mixed_site();
    let Some(answer) = &model.answer else {
        return quote_spanned!(mixed=> result);
    };
    // A refresh has nobody whom a fallback could help.
    let has_a_caller = model.cache.is_some();
    let has_a_caller = has_a_caller.then(|| quote_spanned!(mixed=> lease.has_a_caller() &&));
    if let Answer::LastGood(kept) = answer {
        return cached::last_good(model, kept, has_a_caller.as_ref());
    }
    if let Answer::Queue(key) = answer {
        return queue::kept(model, *key, has_a_caller.as_ref());
    }
    let answer = answered(model, answer);
    quote_spanned! {mixed=>
        match result {
            ::core::result::Result::Ok(value) => ::core::result::Result::Ok(value),
            ::core::result::Result::Err(error) => {
                if #has_a_caller call.wants_fallback() {
                    #answer
                } else {
                    ::core::result::Result::Err(error)
                }
            }
        }
    }
}

/// The fallback's answer. Errors about it point at where it is named.
fn answered(model: &Model, answer: &Answer) -> TokenStream {
    let function = match answer {
        Answer::Call(function) => function,
        Answer::LastGood(_) | Answer::Queue(_) => unreachable!("they call no function"),
        Answer::Default(key) => {
            let at = key.resolved_at(Span::mixed_site());
            return quote_spanned! {at=>
                ::core::result::Result::Ok(::core::default::Default::default())
            };
        }
    };
    let at = function.span().resolved_at(Span::mixed_site());
    let root = model.root.at(at);
    let arguments = model.handed();
    let answer = quote_spanned!(at=> #function(#(#arguments,)* error));
    if model.function.flavor().is_async() {
        quote_spanned!(at=> #root::answer(#answer).await)
    } else {
        quote_spanned!(at=> #root::answer_now(#answer))
    }
}

/// Tokens in braces that point at the user's own.
fn braced(span: Span, tokens: TokenStream) -> TokenTree {
    let mut group = Group::new(Delimiter::Brace, tokens);
    group.set_span(span);
    TokenTree::Group(group)
}

/// The type with each `impl Trait` in it replaced: by `_` where the compiler can find out, by `()`
/// where nothing depends on it.
fn without_impl(ty: &Type, replaced: &Type) -> Type {
    struct Replace<'a>(&'a Type);

    impl VisitMut for Replace<'_> {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if matches!(ty, Type::ImplTrait(_)) {
                *ty = self.0.clone();
            }
            visit_mut::visit_type_mut(self, ty);
        }
    }

    let mut ty = ty.clone();
    Replace(replaced).visit_type_mut(&mut ty);
    ty
}
