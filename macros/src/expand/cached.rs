//! Answers that are kept: the cache around the call, and the last good answer in its fallback.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::{Expr, ExprPath, FnArg, ReceiverKind, parse_quote};

use super::opening;
use super::without_impl;
use crate::model::{Cache, LastGood, Model};
use crate::own_self;
use crate::replay::{Way, name_of, way_of};
use crate::signature::Function;

/// The call, with the cache that stands around all of it.
pub(super) fn around(model: &Model, cache: &Cache, call: &TokenStream) -> TokenStream {
    let (mixed, at) = (Span::mixed_site(), cache.at.resolved_at(Span::mixed_site()));
    let (root, here) = (model.root.at(at), model.root.at(mixed));
    let output = without_impl(&model.function.output, &parse_quote!(()));
    let key = key(model, &cache.key);
    let found = if model.function.flavor().is_async() {
        quote_spanned!(at=> #root::find(&policy, cache_key, sharing).await)
    } else {
        quote_spanned!(at=> #root::find_blocking(&policy, cache_key, sharing))
    };
    let (old, made) = if cache.stale {
        (quote_spanned!(mixed=> old), behind(model, call))
    } else {
        (quote_spanned!(mixed=> _), call.clone())
    };
    quote_spanned! {mixed=>
        let cache_key = #key;
        let sharing = {
            #[allow(unused_imports)]
            use #here::share::*;
            (&&Shared::<#output>::new()).sharing()
        };
        match #found {
            #here::Found::Answer(result) => result,
            #here::Found::Call(lease, #old) => { #made }
        }
    }
}

/// Hands the result to all who wait for it.
pub(super) fn land(cache: &Cache, result: &TokenStream) -> TokenStream {
    let at = cache.at.resolved_at(Span::mixed_site());
    let weigh = weigh(cache.weigh.as_ref(), at);
    quote_spanned! {Span::mixed_site()=>
        let result = { #result };
    }
    .into_iter()
    .chain(quote_spanned!(at=> lease.land(&call, result, sharing, #weigh)))
    .collect()
}

/// The call, which outlives its caller where that has an old answer.
fn behind(model: &Model, call: &TokenStream) -> TokenStream {
    let mixed = Span::mixed_site();
    let root = model.root.at(mixed);
    let Lasting {
        keep,
        lend,
        renames_self,
    } = Lasting::of(model);
    let call = if renames_self {
        own_self::rename(call)
    } else {
        call.clone()
    };
    if model.function.flavor().is_async() {
        quote_spanned! {mixed=>
            #keep
            let run = async move { #lend #call };
            match old {
                ::core::option::Option::None => run.await,
                ::core::option::Option::Some(value) => {
                    #root::behind(run);
                    ::core::result::Result::Ok(value)
                }
            }
        }
    } else {
        let output = &model.function.output;
        quote_spanned! {mixed=>
            #keep
            let run = move || -> #output { #lend #call };
            match old {
                ::core::option::Option::None => run(),
                ::core::option::Option::Some(value) => {
                    #root::behind_blocking(run);
                    ::core::result::Result::Ok(value)
                }
            }
        }
    }
}

/// Arguments that the call borrows, as a refresh that outlives its caller keeps them.
#[derive(Default)]
struct Lasting {
    keep: TokenStream,
    lend: TokenStream,
    renames_self: bool,
}

impl Lasting {
    fn of(model: &Model) -> Self {
        let mut lasting = Self::default();
        for name in borrowed(&model.function) {
            let lent = if name == "self" {
                lasting.renames_self = true;
                own_self::name(name.span())
            } else {
                name.clone()
            };
            let at = name.span().resolved_at(Span::mixed_site());
            let root = model.root.at(at);
            let kept = format_ident!("kept_{}", lent, span = at);
            lasting
                .keep
                .extend(quote_spanned!(at=> let #kept = #root::lasting(#name);));
            lasting.lend.extend(quote_spanned! {at=>
                #[allow(unused_variables)]
                let #lent = #kept.lend();
            });
        }
        lasting
    }
}

/// The arguments that are shared references, by name.
fn borrowed(function: &Function) -> impl Iterator<Item = Ident> {
    function.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Receiver(receiver) => {
            let shared = match &receiver.kind {
                ReceiverKind::Reference(_, _, None) => true,
                ReceiverKind::Typed(_, ty) => way_of(ty) == Way::Copy,
                _ => false,
            };
            shared.then(|| Ident::new("self", receiver.self_token.span))
        }
        FnArg::Typed(argument) => {
            let name = name_of(&mut argument.pat.clone())?.ident.clone();
            (way_of(&argument.ty) == Way::Copy).then_some(name)
        }
    })
}

/// The key of an answer, taken while the arguments are whole.
pub(super) fn key(model: &Model, key: &Expr) -> TokenStream {
    use syn::spanned::Spanned as _;
    let at = key.span().resolved_at(Span::mixed_site());
    let (root, borrowed) = (model.root.at(at), opening::borrowed(key));
    let patterns = opening::patterns(model);
    let key = quote_spanned!(at=> #root::answer_key(#borrowed));
    quote_spanned!(Span::mixed_site()=> { #patterns #key })
}

/// A closure that weighs an answer.
fn weigh(path: Option<&ExprPath>, at: Span) -> TokenStream {
    use syn::spanned::Spanned as _;
    match path {
        None => quote_spanned!(at=> |_| 1),
        Some(path) => {
            let at = path.span().resolved_at(Span::mixed_site());
            quote_spanned!(at=> |value| #path(value))
        }
    }
}

/// What comes of the result where the fallback is the last good answer.
pub(super) fn last_good(
    model: &Model,
    kept: &LastGood,
    has_a_caller: Option<&TokenStream>,
) -> TokenStream {
    let at = kept.at.resolved_at(Span::mixed_site());
    let root = model.root.at(at);
    let weigh = weigh(kept.weigh.as_ref(), at);
    let keep = quote_spanned!(at=> #root::keep(&call, answer_key, &value, #weigh));
    let wanted = quote_spanned!(at=> #has_a_caller call.is_for_the_fallback());
    let last = quote_spanned!(at=> #root::last_good(&call, answer_key));
    quote_spanned! {Span::mixed_site()=>
        match result {
            ::core::result::Result::Ok(value) => {
                #keep;
                ::core::result::Result::Ok(value)
            }
            ::core::result::Result::Err(error) => {
                let last = if #wanted { #last } else { ::core::option::Option::None };
                last.ok_or(error)
            }
        }
    }
}
