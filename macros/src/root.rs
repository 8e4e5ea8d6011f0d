//! Where the runtime is found.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::Path;

/// The path of the runtime's private module.
pub(crate) struct Root(pub(crate) Option<Path>);

impl Root {
    /// The path, for tokens that stand at `place`. A path of the user's own stays where it is, so
    /// that the compiler points there if it leads nowhere.
    pub(crate) fn at(&self, place: Span) -> TokenStream {
        let path = self.0.as_ref().map_or_else(
            || quote_spanned!(place=> ::steadfast),
            Path::to_token_stream,
        );
        quote_spanned!(place=> #path::__private)
    }
}
