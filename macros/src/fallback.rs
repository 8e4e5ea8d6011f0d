//! What the attribute leaves behind when it can't do its work.

use proc_macro2::TokenStream;
use quote::quote;

/// The errors, and the user's item as it was: whoever calls the function sees no error of their
/// own, so one mistake gives one message.
pub(crate) fn expand(errors: &syn::Error, item: &TokenStream) -> TokenStream {
    let errors = errors.to_compile_error();
    quote! { #errors #item }
}
