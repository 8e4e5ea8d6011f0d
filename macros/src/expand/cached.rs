//! Answers that are kept: the cache around the call, and the last good answer in its fallback.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprPath, FnArg, ReceiverKind, parse_quote};

use super::opening;
use super::without_impl;
use crate::model::{Cache, LastGood, Model};
use crate::own_self;
use crate::replay::{Way, name_of, way_of};
use crate::signature::Function;

/// The call, with the cache that stands around all of it.
pub(super) fn around(model: &Model, cache: &Cache, call: &TokenStream) -> TokenStream {
    let mixed = Span::mixed_site();
    let here = model.root.at(mixed);
    let output = without_impl(&model.function.output, &parse_quote!(()));
    let found = match cache.shared {
        None => found(model, cache),
        Some(at) => found_shared(model, cache, at),
    };
    let (old, made) = if cache.stale {
        (quote_spanned!(mixed=> old), behind(model, call))
    } else {
        (quote_spanned!(mixed=> _), call.clone())
    };
    quote_spanned! {mixed=>
        let sharing = {
            #[allow(unused_imports)]
            use #here::share::*;
            (&&Shared::<#output>::new()).sharing()
        };
        // No result is there any more while the call is awaited: its error may stay on one thread.
        let (lease, #old) = match #found {
            #here::Found::Answer(result) => return result,
            #here::Found::Call(lease, old) => (lease, old),
        };
        #made
    }
}

/// What memory has for the call.
fn found(model: &Model, cache: &Cache) -> TokenStream {
    let at = cache.at.resolved_at(Span::mixed_site());
    let (root, key) = (model.root.at(at), key(model, &cache.key));
    let found = if model.function.flavor().is_async() {
        quote_spanned!(at=> #root::find(&policy, cache_key, sharing).await)
    } else {
        quote_spanned!(at=> #root::find_blocking(&policy, cache_key, sharing))
    };
    quote_spanned! {Span::mixed_site()=> {
        let cache_key = #key;
        #found
    } }
}

/// What the fleet has for the call. The key is borrowed for the look at what memory has, and for no await.
fn found_shared(model: &Model, cache: &Cache, store: Span) -> TokenStream {
    let (at, store) = (
        cache.at.resolved_at(Span::mixed_site()),
        store.resolved_at(Span::mixed_site()),
    );
    let key_at = cache.key.span().resolved_at(Span::mixed_site());
    let (root, looks) = (model.root.at(at), model.root.at(key_at));
    let (patterns, borrowed) = (opening::patterns(model), opening::borrowed(&cache.key));
    let form = form(model, cache.weigh.as_ref(), store);
    let look = quote_spanned!(key_at=> #looks::look(&policy, #borrowed));
    let found = if model.function.flavor().is_async() {
        quote_spanned!(at=> #root::find_shared(&policy, looked, sharing, form).await)
    } else {
        quote_spanned!(at=> #root::find_shared_blocking(&policy, looked, sharing, form))
    };
    let found = quote_spanned! {Span::mixed_site()=> {
        let form = #form;
        let looked = { #patterns #look };
        #found
    } };
    with_redis(model, store, &found)
}

/// How answers are written and read, which the option at `store` asks for.
fn form(model: &Model, weigh: Option<&ExprPath>, store: Span) -> TokenStream {
    let root = model.root.at(store);
    let weigh = self::weigh(weigh, store);
    quote_spanned!(store=> #root::form().weighing(#weigh))
}

/// Code that needs Redis, or the word that it is not there, at the option at `store`.
fn with_redis(model: &Model, store: Span, code: &TokenStream) -> TokenStream {
    let root = model.root.at(store);
    quote_spanned!(store=> #root::with_redis! { #code })
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
            lasting.keep.extend(quote_spanned! {at=>
                let #kept = {
                    #[allow(unused_imports)]
                    use #root::lasting::*;
                    (&&Lent(#name)).keep()
                };
            });
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

/// The key of the last good answer, taken while the arguments are whole.
pub(super) fn answer_key(model: &Model, kept: &LastGood) -> TokenStream {
    let Some(store) = kept.shared else {
        return key(model, &kept.key);
    };
    let at = kept.key.span().resolved_at(Span::mixed_site());
    let (root, borrowed) = (model.root.at(at), opening::borrowed(&kept.key));
    let patterns = opening::patterns(model);
    let key = quote_spanned!(at=> #root::shared_key(#borrowed));
    let key = quote_spanned!(Span::mixed_site()=> { #patterns #key });
    with_redis(model, store.resolved_at(Span::mixed_site()), &key)
}

/// The key of an answer in memory.
fn key(model: &Model, key: &Expr) -> TokenStream {
    let at = key.span().resolved_at(Span::mixed_site());
    let (root, borrowed) = (model.root.at(at), opening::borrowed(key));
    let patterns = opening::patterns(model);
    let key = quote_spanned!(at=> #root::answer_key(#borrowed));
    quote_spanned!(Span::mixed_site()=> { #patterns #key })
}

/// A closure that weighs an answer.
fn weigh(path: Option<&ExprPath>, at: Span) -> TokenStream {
    match path {
        None => quote_spanned!(at=> |_| 1),
        Some(path) => {
            let at = path.span().resolved_at(Span::mixed_site());
            quote_spanned!(at=> |value| #path(value))
        }
    }
}

/// What keeps a good answer for all instances, and what gives the last one.
fn shared_good(model: &Model, kept: &LastGood, store: Span) -> (TokenStream, TokenStream) {
    let at = kept.at.resolved_at(Span::mixed_site());
    let (root, weigh) = (model.root.at(at), weigh(kept.weigh.as_ref(), at));
    let form = form(model, kept.weigh.as_ref(), store);
    let keep = quote_spanned!(at=> #root::keep_shared(&call, &answer_key, &value, #weigh, form));
    let keep = quote_spanned!(at=> { let form = #form; #keep });
    let last = if model.function.flavor().is_async() {
        // Nothing of the call is borrowed while it is awaited.
        quote_spanned!(at=> { let last = #root::last_good_shared(&call, answer_key, form); last.await })
    } else {
        quote_spanned!(at=> #root::last_good_shared_blocking(&call, answer_key, form))
    };
    let last = quote_spanned!(at=> { let form = #form; #last });
    (
        with_redis(model, store, &keep),
        with_redis(model, store, &last),
    )
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
    let wanted = quote_spanned!(at=> #has_a_caller call.is_for_the_fallback());
    let (keep, last) = match kept.shared {
        None => (
            quote_spanned!(at=> #root::keep(&call, answer_key, &value, #weigh)),
            quote_spanned!(at=> #root::last_good(&call, answer_key)),
        ),
        Some(store) => shared_good(model, kept, store.resolved_at(Span::mixed_site())),
    };
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
