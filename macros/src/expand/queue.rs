//! The fallback that keeps the work for later.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use crate::model::Model;

/// What comes of the result where the fallback is a queue.
pub(super) fn kept(model: &Model, key: Span, has_a_caller: Option<&TokenStream>) -> TokenStream {
    let (mixed, at) = (Span::mixed_site(), key.resolved_at(Span::mixed_site()));
    let root = model.root.at(at);
    let arguments = arguments(model);
    let queued = if model.function.flavor().is_async() {
        // Nothing of the call is borrowed while it is awaited.
        quote_spanned!(at=> { let queued = #root::enqueue(&call, #arguments); queued.await })
    } else {
        quote_spanned!(at=> #root::enqueue_blocking(&call, #arguments))
    };
    let queued = quote_spanned!(at=> #root::with_redis! { #queued });
    quote_spanned! {mixed=>
        match result {
            ::core::result::Result::Ok(value) => ::core::result::Result::Ok(value),
            ::core::result::Result::Err(error) => {
                let queued = if #has_a_caller call.is_for_the_fallback() {
                    #queued
                } else {
                    ::core::option::Option::None
                };
                ::core::result::Result::Err(match queued {
                    ::core::option::Option::Some(rejection) => #root::refused(refuse, rejection),
                    ::core::option::Option::None => error,
                })
            }
        }
    }
}

/// The arguments but `self`, written down.
fn arguments(model: &Model) -> TokenStream {
    let handed = model.handed().iter().filter(|name| *name != "self");
    let each: Vec<TokenStream> = handed
        .map(|name| {
            let at = name.span().resolved_at(Span::mixed_site());
            let root = model.root.at(at);
            quote_spanned!(at=> #root::queueable(&#name))
        })
        .collect();
    quote_spanned!(Span::mixed_site()=> [#(#each),*])
}
