//! How each argument reaches an attempt when there may be another one, or a fallback, after it.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote};
use syn::spanned::Spanned as _;
use syn::{
    Attribute, FnArg, Ident, Pat, PatIdent, PatType, Receiver, ReceiverKind, Token, Type,
    parse_quote,
};

use crate::future::{Future, bound};
use crate::own_self;
use crate::signature::{Function, Shape, last_segment, mentions, peeled, type_arguments};

/// How an attempt gets hold of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A shared reference: it is copied.
    Copy,
    /// A mutable reference: it is reborrowed.
    Reborrow,
    /// A pinned one: likewise.
    ReborrowPin,
    /// An owned value: it is cloned.
    Clone,
    /// An owned value that the body sees by reference.
    Share,
}

/// One argument that each attempt gets anew.
pub(crate) struct Replayed {
    /// Attributes of its `let`, such as a `#[cfg]` of the argument.
    pub(crate) attrs: Vec<Attribute>,
    /// The name it has in the function.
    pub(crate) from: Ident,
    /// The pattern it has in the attempt.
    pub(crate) into: TokenStream,
    pub(crate) way: Way,
}

/// All arguments of a function that may run its body, and then something else.
#[derive(Default)]
pub(crate) struct Replay {
    pub(crate) each: Vec<Replayed>,
    /// Whether the body must speak of `self` by another name.
    pub(crate) renames_self: bool,
    /// The arguments by name, for the fallback.
    pub(crate) handed: Vec<Ident>,
    /// Arguments that no name could be given to.
    pub(crate) nameless: Vec<Span>,
}

impl Replay {
    /// Works out the replay, and gives the signature names for what it leaves to patterns.
    pub(crate) fn of(function: &mut Function, shared: &[Ident]) -> Self {
        let mut replay = Self::default();
        let scope = Scope::of(function, shared);
        for (index, input) in function.sig.inputs.iter_mut().enumerate() {
            match input {
                FnArg::Receiver(receiver) => replay.receiver(receiver, &scope),
                FnArg::Typed(argument) => replay.argument(index, argument, &scope),
            }
        }
        for name in &scope.locals {
            replay.clone_local(name, &scope);
        }
        replay
    }

    fn receiver(&mut self, receiver: &mut Receiver, scope: &Scope<'_>) {
        let own = Ident::new("self", receiver.self_token.span);
        self.handed.push(own.clone());
        let way = receiver_way(receiver, scope.shared.contains(&own));
        if way == Way::Copy || !mentions(&scope.body, &own) {
            return;
        }
        let inner = own_self::name(own.span());
        let mutable = receiver.mutability.take();
        if way == Way::ReborrowPin {
            receiver.mutability = Some(Token![mut](own.span()));
        }
        self.renames_self = true;
        self.each.push(Replayed {
            attrs: Vec::new(),
            from: own,
            into: quote!(#mutable #inner),
            way,
        });
    }

    fn argument(&mut self, index: usize, argument: &mut PatType, scope: &Scope<'_>) {
        let way = way_of(&argument.ty);
        let attrs = cfgs(argument);
        if let Some(simple) = name_of(&mut argument.pat) {
            return self.named(simple, attrs, way, scope);
        }
        if matches!(*argument.pat, Pat::Wild(_)) {
            let name = format_ident!("_arg{index}", span = Span::mixed_site());
            *argument.pat = plain_name(name.clone());
            self.handed.push(name);
        } else if scope.keeps_patterns {
            self.nameless.push(argument.pat.span());
            for name in bound(&argument.pat) {
                self.clone_local(&name, scope);
            }
        } else {
            let name = format_ident!("arg{index}", span = Span::mixed_site());
            let pattern = std::mem::replace(&mut *argument.pat, plain_name(name.clone()));
            self.handed.push(name.clone());
            self.each.push(Replayed {
                attrs,
                from: name,
                into: pattern.into_token_stream(),
                way,
            });
        }
    }

    fn named(&mut self, simple: &mut PatIdent, attrs: Vec<Attribute>, way: Way, scope: &Scope<'_>) {
        let name = simple.ident.clone();
        self.handed.push(name.clone());
        if scope.locals.contains(&name) || !mentions(&scope.body, &name) {
            return;
        }
        let shared = scope.shared.contains(&name);
        let mutable = simple.mutability.filter(|_| !shared);
        // With statements before an `async` block, those may be what needs the `mut`.
        if !scope.keeps_patterns {
            simple.mutability = None;
        }
        if shared || way != Way::Copy || mutable.is_some() {
            self.each.push(Replayed {
                attrs,
                into: quote!(#mutable #name),
                from: name,
                way: if shared { Way::Share } else { way },
            });
        }
    }

    /// A name bound before an `async` block: nothing is known of its type, or whether the block
    /// changes it.
    fn clone_local(&mut self, name: &Ident, scope: &Scope<'_>) {
        let known = |replayed: &Replayed| replayed.from == *name;
        if mentions(&scope.body, name) && !self.each.iter().any(known) {
            self.each.push(Replayed {
                attrs: vec![parse_quote!(#[allow(unused_mut)])],
                from: name.clone(),
                into: quote!(mut #name),
                way: Way::Clone,
            });
        }
    }
}

/// An argument that is not there in this build must not be replayed in it either.
pub(crate) fn cfgs(argument: &PatType) -> Vec<Attribute> {
    let attrs = argument.attrs.iter();
    attrs
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .cloned()
        .collect()
}

/// What an attempt can see.
struct Scope<'a> {
    body: TokenStream,
    shared: &'a [Ident],
    /// Names that statements before an `async` block bind.
    locals: Vec<Ident>,
    /// Whether statements before an `async` block need the arguments' patterns where they are.
    keeps_patterns: bool,
}

impl<'a> Scope<'a> {
    fn of(function: &Function, shared: &'a [Ident]) -> Self {
        let (body, locals, keeps_patterns) = match &function.shape {
            Shape::Future(Future::Block(tail)) => (
                tail.block.clone(),
                tail.bound.clone(),
                !tail.before.is_empty(),
            ),
            _ => (function.body.clone(), Vec::new(), false),
        };
        Self {
            body,
            shared,
            locals,
            keeps_patterns,
        }
    }
}

fn receiver_way(receiver: &Receiver, shared: bool) -> Way {
    let owned = if shared { Way::Share } else { Way::Clone };
    match &receiver.kind {
        ReceiverKind::Reference(_, _, None) => Way::Copy,
        ReceiverKind::Reference(_, _, Some(_)) => Way::Reborrow,
        ReceiverKind::Typed(_, ty) if way_of(ty) != Way::Clone => way_of(ty),
        _ => owned,
    }
}

/// How an argument of this type is replayed, unless it is shared.
pub(crate) fn way_of(ty: &Type) -> Way {
    match peeled(ty) {
        Type::Reference(reference) if reference.mutability.is_some() => Way::Reborrow,
        Type::Reference(_) => Way::Copy,
        other => match last_segment(other) {
            Some(pin) if pin.ident == "Pin" => {
                let inner = type_arguments(pin);
                let reborrows = inner.first().is_some_and(|ty| way_of(ty) == Way::Reborrow);
                if reborrows {
                    Way::ReborrowPin
                } else {
                    Way::Clone
                }
            }
            _ => Way::Clone,
        },
    }
}

/// The pattern of an argument that is just a name.
pub(crate) fn name_of(pattern: &mut Pat) -> Option<&mut PatIdent> {
    match pattern {
        Pat::Paren(paren) => name_of(&mut paren.pat),
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => Some(name),
        _ => None,
    }
}

fn plain_name(ident: Ident) -> Pat {
    Pat::Ident(PatIdent {
        attrs: Vec::new(),
        by_ref: None,
        mutability: None,
        ident,
        subpat: None,
    })
}
