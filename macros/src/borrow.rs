//! Results that borrow from a `&mut` argument: they keep it from the next attempt.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::visit::{self, Visit};
use syn::{FnArg, Ident, Lifetime, ReceiverKind, Signature, Type, TypeReference};

use crate::errors::Errors;
use crate::signature::{Function, peeled};

pub(crate) fn check(function: &Function, errors: &mut Errors) {
    let mut result = Lifetimes::default();
    result.visit_type(&function.output);
    let sources = References::of(&function.sig);
    for reference in sources.all.iter().filter(|reference| reference.mutable) {
        let borrows = match &reference.lifetime {
            Some(named) => result.named.contains(&named.ident),
            None => result.elided && reference.receiver == sources.any_receiver(),
        };
        if borrows {
            errors.over(
                &reference.tokens,
                "the result borrows from this `&mut` argument, so no other attempt and no fallback \
                 could have it: return an owned value, or guard a function within this one",
            );
        }
    }
}

/// The lifetimes in a type.
#[derive(Default)]
struct Lifetimes {
    named: HashSet<Ident>,
    elided: bool,
}

impl<'ast> Visit<'ast> for Lifetimes {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.elided |= reference.lifetime.is_none();
        visit::visit_type_reference(self, reference);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident == "_" {
            self.elided = true;
        } else {
            self.named.insert(lifetime.ident.clone());
        }
    }
}

/// An argument that is a reference.
struct Reference {
    tokens: TokenStream,
    lifetime: Option<Lifetime>,
    mutable: bool,
    receiver: bool,
}

struct References {
    all: Vec<Reference>,
}

impl References {
    fn of(sig: &Signature) -> Self {
        let all = sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(argument) => reference(&argument.ty, false),
            FnArg::Receiver(receiver) => match &receiver.kind {
                ReceiverKind::Reference(_, lifetime, mutability) => Some(Reference {
                    tokens: receiver.to_token_stream(),
                    lifetime: lifetime.clone().filter(named),
                    mutable: mutability.is_some(),
                    receiver: true,
                }),
                ReceiverKind::Typed(_, ty) => reference(ty, true),
                _ => None,
            },
        });
        Self { all: all.collect() }
    }

    /// Whether elided lifetimes of the result are those of `self`.
    fn any_receiver(&self) -> bool {
        self.all.iter().any(|reference| reference.receiver)
    }
}

fn reference(ty: &Type, receiver: bool) -> Option<Reference> {
    let Type::Reference(reference) = peeled(ty) else {
        return None;
    };
    Some(Reference {
        tokens: ty.to_token_stream(),
        lifetime: reference.lifetime.clone().filter(named),
        mutable: reference.mutability.is_some(),
        receiver,
    })
}

fn named(lifetime: &Lifetime) -> bool {
    lifetime.ident != "_"
}
