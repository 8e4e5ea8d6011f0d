//! The `#[resilient]` attribute of `steadfast`, which re-exports and documents it.
//!
//! Stages, in the order they run: [`args`] reads the attribute and [`signature`] the function,
//! [`model`] holds the rules between them, [`expand`] writes the guarded function, and
//! [`fallback`] what is left where there were errors.

mod args;
mod borrow;
mod checks;
mod docs;
mod errors;
mod expand;
mod fallback;
mod future;
mod model;
mod own_self;
mod replay;
mod root;
mod signature;

use proc_macro2::TokenStream;

use crate::args::Args;
use crate::errors::Errors;
use crate::model::Model;
use crate::signature::Function;

/// Guards a function with a policy.
#[proc_macro_attribute]
pub fn resilient(
    attribute: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    guard(attribute.into(), item.into()).into()
}

fn guard(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let args = Args::read(attribute, &mut errors);
    let function = Function::read(item.clone(), &mut errors);
    let model = function.map(|function| Model::build(args, function, &mut errors));
    match (errors.check(), model) {
        (Ok(()), Some(model)) => expand::expand(&model),
        (Err(error), _) => fallback::expand(&error, &item),
        (Ok(()), None) => item,
    }
}

#[cfg(test)]
mod tests;
