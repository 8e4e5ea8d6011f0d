//! The site of a call, and the call that begins there.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use steadfast_options::{Setting, written};
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::spanned::Spanned as _;
use syn::token::And;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprReference, Pat, PatIdent, Type, parse_quote};

use super::{attempt, cached, without_impl};
use crate::model::{Model, Run};
use crate::replay::{Replayed, name_of};

/// The policy that the site has now, for what comes before the call.
pub(super) fn policy(model: &Model) -> TokenStream {
    let site = site(model);
    quote_spanned!(Span::mixed_site()=> let policy = { #site SITE.policy() };)
}

/// What a call that is a future of the runtime is made with.
pub(super) fn direct(model: &Model) -> TokenStream {
    let (attempts, look, site) = (attempts(model), attempt::look(model), site(model));
    quote_spanned!(Span::mixed_site()=> #attempts #look #site)
}

/// The call, and what tells it from others.
pub(super) fn call(model: &Model) -> TokenStream {
    let (attempts, look) = (attempts(model), attempt::look(model));
    let mixed = Span::mixed_site();
    let begun = match &model.cache {
        Some(_) => quote_spanned!(mixed=> policy.call()),
        None => {
            let site = site(model);
            quote_spanned!(mixed=> { #site SITE.call() })
        }
    };
    let keys = keys(model);
    let answer_key = model.last_good().map(|kept| {
        let key = cached::answer_key(model, kept);
        quote_spanned!(mixed=> let answer_key = #key;)
    });
    quote_spanned! {mixed=>
        #attempts
        #look
        let mut call = #begun;
        #keys
        #answer_key
    }
}

/// What tells this call from others of the same function, while its arguments are still whole.
fn keys(model: &Model) -> TokenStream {
    let limit = model.keys.rate_limit.as_ref().map(|key| {
        let (at, key) = (key.span().resolved_at(Span::mixed_site()), borrowed(key));
        quote_spanned!(at=> call.limit_key(#key);)
    });
    let breaker = model.keys.breaker.as_ref().map(|key| {
        let (at, key) = (key.span().resolved_at(Span::mixed_site()), borrowed(key));
        let root = model.root.at(at);
        quote_spanned! {at=>
            call.breaker_key(#key, |key| {
                #[allow(unused_imports)]
                use #root::key_text::*;
                (&&#root::KeyText(key)).key_text()
            });
        }
    });
    let keys = quote_spanned!(Span::mixed_site()=> #limit #breaker);
    let patterns = patterns(model);
    if keys.is_empty() || patterns.is_empty() {
        return keys;
    }
    quote_spanned!(Span::mixed_site()=> { #patterns #keys })
}

/// Names out of patterns, which only the attempts bind, for the keys to see: by reference, since
/// the attempts need the values.
pub(super) fn patterns(model: &Model) -> TokenStream {
    let (Run::Replayed(replay) | Run::Loop(replay)) = &model.run else {
        return TokenStream::new();
    };
    let bind = |replayed: &Replayed| {
        let mut pattern = Pat::parse_single.parse2(replayed.into.clone()).ok()?;
        if name_of(&mut pattern).is_some() {
            return None;
        }
        ByReference.visit_pat_mut(&mut pattern);
        let Replayed { attrs, from, .. } = replayed;
        Some(quote_spanned! {Span::mixed_site()=>
            #(#attrs)*
            #[allow(unused_variables)]
            let #pattern = &#from;
        })
    };
    replay.each.iter().filter_map(bind).collect()
}

/// Leaves it to the value how the names in a pattern are bound.
struct ByReference;

impl VisitMut for ByReference {
    fn visit_pat_ident_mut(&mut self, name: &mut PatIdent) {
        (name.by_ref, name.mutability) = (None, None);
        visit_mut::visit_pat_ident_mut(self, name);
    }
}

/// A key by reference; a tuple's parts each, so that they stay where they are. A reference hashes
/// as what it refers to.
pub(super) fn borrowed(key: &Expr) -> TokenStream {
    match key {
        Expr::Paren(paren) => borrowed(&paren.expr),
        Expr::Group(group) => borrowed(&group.expr),
        Expr::Tuple(tuple) => {
            let parts = tuple.elems.iter().map(borrowed);
            quote_spanned!(key.span()=> &(#(#parts,)*))
        }
        // Written by `syn`, which puts parentheses where `&` would take only a part of it.
        other => ExprReference {
            attrs: Vec::new(),
            and_token: And(key.span()),
            mutability: None,
            expr: Box::new(other.clone()),
        }
        .to_token_stream(),
    }
}

/// The site, on the list of all.
fn site(model: &Model) -> TokenStream {
    let mixed = Span::mixed_site();
    let root = &model.root.at(mixed);
    let ident = &model.function.sig.ident;
    let name = ident.unraw().to_string();
    // The line of the function's name, not of its attribute.
    let line = quote_spanned!(ident.span()=> ::core::line!());
    let settings: Vec<Setting> = model.given.iter().map(|given| given.setting).collect();
    let rest = written(model.function.flavor(), &settings);
    let notify = model
        .notify
        .as_ref()
        .map(|function| quote_spanned!(mixed=> .notify(#function)));
    quote_spanned! {mixed=>
        static SITE: #root::Site = #root::Site::new(::core::concat!(
            ::core::module_path!(), "::", #name, "\0", ::core::file!(), "\0", #line, #rest
        )) #notify;
        #root::submit! { #root::SiteEntry::new(&SITE) }
    }
}

/// What stands for the call. Asks for a `Result` that takes a rejection; all of it stands where
/// the return type stands, and so does what the compiler has to say about it.
fn attempts(model: &Model) -> TokenStream {
    let output = without_impl(&model.function.output, &parse_quote!(()));
    let (first, last) = ends(&model.function.output);
    let (mixed, root) = (Span::mixed_site(), model.root.at(first));
    let ask = quote_spanned!(first=> attempts_of::<);
    let call = quote_spanned!(last=> >());
    quote_spanned!(mixed=> let attempts = { use #root::attempts_of; #ask #output #call };)
}

/// Where a type begins and ends.
fn ends(ty: &Type) -> (Span, Span) {
    let mut spans = ty.to_token_stream().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}
