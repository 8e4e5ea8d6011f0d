//! All errors of one attribute, gathered before any is reported.

use std::fmt::Display;

use proc_macro2::Span;
use quote::ToTokens;

/// Gathers errors, so that every mistake is reported in one go.
///
/// Whoever makes one must [`check`](Self::check) it: dropping it unchecked panics, since errors
/// would be lost.
#[derive(Default)]
pub(crate) struct Errors {
    /// None once checked.
    gathered: Option<Vec<syn::Error>>,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self {
            gathered: Some(Vec::new()),
        }
    }

    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    /// Adds an error that underlines all of `tokens`.
    pub(crate) fn over(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        if let Some(gathered) = &mut self.gathered {
            gathered.push(error);
        }
    }

    /// How many there are so far.
    pub(crate) fn count(&self) -> usize {
        self.gathered.as_ref().map_or(0, Vec::len)
    }

    /// All errors as one, or none.
    pub(crate) fn check(mut self) -> Result<(), syn::Error> {
        let mut gathered = self.gathered.take().unwrap_or_default().into_iter();
        let Some(mut all) = gathered.next() else {
            return Ok(());
        };
        all.extend(gathered);
        Err(all)
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        let lost = self.gathered.is_some() && !std::thread::panicking();
        assert!(!lost, "errors were gathered and never checked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_kept_in_order() {
        let mut errors = Errors::new();
        errors.at(Span::call_site(), "first");
        errors.at(Span::call_site(), "second");
        let texts: Vec<String> = errors
            .check()
            .unwrap_err()
            .into_iter()
            .map(|e| e.to_string())
            .collect();
        assert_eq!(texts, ["first", "second"]);
    }

    #[test]
    #[should_panic(expected = "never checked")]
    fn errors_that_nobody_checks_are_a_panic() {
        drop(Errors::new());
    }
}
