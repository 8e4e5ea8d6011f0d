//! The `#[resilient]` attribute of `steadfast`, which re-exports and documents it.
//!
//! Stages, in the order they run: `args` reads the attribute and `signature` the function,
//! `model` holds the rules between them, `expand` writes the guarded function, and
//! `fallback` what is left where there were errors.

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
///
/// Options stand in parentheses after their policy: `breaker(failures = 3)`. `breaker = "stripe"`
/// is short for `breaker(name = "stripe")`, `fallback = path` for `fallback(with = path)`, and a
/// bare `retry` takes the defaults. `OPTIONS.md` lists them all. `crate = path` says where
/// `steadfast` is, for crates that know it by another name.
///
/// # Which functions
///
/// Async and sync functions and methods with any receiver, in traits too (native or through
/// `#[async_trait]`), and functions that return a future. They return a `Result` whose error takes
/// a `Rejection` through `From`. An async function's future is `Send` where its body is.
///
/// # Arguments
///
/// With `retry` or `fallback`, the arguments are needed again after the body: shared references are
/// copied, `&mut` ones reborrowed, and owned values that the body speaks of are cloned for each
/// attempt. `retry(share(order))` lets the body see `&order` instead, for values that can't be
/// cloned or are costly to clone.
///
/// What stands before the `async` block of a function that returns a future runs once, when it is
/// called; the block is what is guarded.
///
/// # Errors of the compiler
///
/// `const fn`, trait methods without a body, and `timeout` on a sync function can't work. Nor, with
/// `retry` or `fallback`, can a result that borrows from a `&mut` argument, or an `FnOnce` argument
/// that is not `Clone`.
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
