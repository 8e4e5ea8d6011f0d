//! One attempt: its arguments, its body, and how its error is looked at.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse_quote;
use syn::spanned::Spanned as _;

use super::{braced, without_impl};
use crate::future::Future;
use crate::model::Model;
use crate::own_self;
use crate::replay::{Replay, Replayed, Way};
use crate::signature::{Shape, opaque, returned};

/// One attempt, run to its outcome.
pub(super) fn tokens(model: &Model, replay: Option<&Replay>) -> TokenStream {
    let mixed = Span::mixed_site();
    let renames_self = replay.is_some_and(|replay| replay.renames_self);
    let body = body(model, renames_self, &TokenStream::new());
    if model.function.flavor().is_async() {
        let root = model.root.at(mixed);
        quote_spanned! {mixed=>
            #root::Attempt { call: &mut call, body: #body, look, refuse }.await
        }
    } else {
        quote_spanned!(mixed=> attempts.attempt_blocking(&mut call, #body, look, refuse))
    }
}

/// What the body of one attempt is run as. `first` stands before it in its `async` block.
pub(super) fn body(model: &Model, renames_self: bool, first: &TokenStream) -> TokenStream {
    let function = &model.function;
    let output = without_impl(&function.output, &parse_quote!(_));
    let renamed = |body: &TokenStream| {
        if renames_self {
            own_self::rename(body)
        } else {
            body.clone()
        }
    };
    let mixed = Span::mixed_site();
    match &function.shape {
        Shape::Blocking => {
            let body = braced(function.braces, renamed(&function.body));
            quote_spanned!(mixed=> move || -> #output #body)
        }
        Shape::Async => {
            let body = renamed(&function.body);
            future(model, &output, function.braces, first, &body)
        }
        Shape::Future(Future::Block(tail)) => {
            future(model, &output, tail.braces, first, &renamed(&tail.block))
        }
        Shape::Future(Future::Opaque) => {
            let body = braced(function.braces, renamed(&function.body));
            let future = returned(&function.sig)
                .ok()
                .filter(|future| !opaque(future));
            let arrow = future.map(|future| quote_spanned!(mixed=> -> #future));
            quote_spanned!(mixed=> async move { (move || #arrow #body)().await })
        }
    }
}

/// An `async` block that knows its type from the start, for `?` within it.
fn future(
    model: &Model,
    output: &syn::Type,
    braces: Span,
    first: &TokenStream,
    body: &TokenStream,
) -> TokenStream {
    let mixed = Span::mixed_site();
    let root = model.root.at(mixed);
    // In braces of its own, the body's items still come first.
    let body = braced(braces.resolved_at(mixed), body.clone());
    let hint = quote_spanned!(mixed=> if false { return #root::hint::<#output>(); });
    let block = braced(braces, quote!(#hint #first #body));
    quote_spanned!(mixed=> async move #block)
}

/// How an error is looked at, and one made of a rejection.
pub(super) fn look(model: &Model) -> TokenStream {
    let mixed = Span::mixed_site();
    let root = model.root.at(mixed);
    let classified = model.classify.as_ref().map(|path| {
        let at = path.span().resolved_at(mixed);
        let class = quote_spanned!(at=> let class: #root::Class = #path(error););
        quote_spanned! {mixed=>
            let look = attempts.classified(|error| { #class class }, look);
        }
    });
    quote_spanned! {mixed=>
        let (look, refuse) = {
            use #root::probe::*;
            if false {
                (((&&&&&&&attempts).look(), (&&attempts).note()), (&&attempts).refuse())
            } else {
                #root::probe::Found::FOUND
            }
        };
        #classified
    }
}

/// The arguments of one attempt.
pub(super) fn arguments(model: &Model, replay: &Replay) -> TokenStream {
    replay
        .each
        .iter()
        .map(|replayed| argument(model, replayed))
        .collect()
}

fn argument(model: &Model, replayed: &Replayed) -> TokenStream {
    let Replayed {
        attrs, from, into, ..
    } = replayed;
    // Errors about an argument point at it.
    let span = from.span().resolved_at(Span::mixed_site());
    let root = model.root.at(span);
    let value = match replayed.way {
        Way::Copy => quote!(#from),
        Way::Reborrow => quote_spanned!(span=> &mut *#from),
        Way::ReborrowPin => quote_spanned!(span=> ::core::pin::Pin::as_mut(&mut #from)),
        Way::Clone => quote_spanned!(span=> #root::Replay::replay(&#from)),
        Way::Share => quote_spanned!(span=> &#from),
    };
    quote_spanned!(span=> #(#attrs)* let #into = #value;)
}
