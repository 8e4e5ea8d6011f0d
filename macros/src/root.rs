//! Where the runtime is found.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote_spanned};
use syn::Path;

/// The path of the runtime's private module.
pub(crate) struct Root(pub(crate) Option<Path>);

impl Root {
    /// The path, for tokens that stand at `place`.
    pub(crate) fn at(&self, place: Span) -> TokenStream {
        let path = match &self.0 {
            Some(path) => located(path.to_token_stream(), place),
            None => quote_spanned!(place=> ::steadfast),
        };
        quote_spanned!(place=> #path::__private)
    }
}

/// The tokens in another place, meaning what they did.
fn located(tokens: TokenStream, place: Span) -> TokenStream {
    let moved = tokens.into_iter().map(|mut token| {
        let span = token.span().located_at(place);
        if let TokenTree::Group(group) = &token {
            let inner = located(group.stream(), place);
            token = Group::new(group.delimiter(), inner).into();
        }
        token.set_span(span);
        token
    });
    moved.collect()
}
