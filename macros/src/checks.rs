//! What can't work, found before anything is generated.

use std::collections::HashSet;

use steadfast_options::{Name, closest};
use syn::ext::IdentExt as _;
use syn::{
    FnArg, GenericParam, Generics, Ident, Pat, PatType, ReceiverKind, Signature, Type,
    TypeParamBound, WherePredicate,
};

use crate::args::Args;
use crate::borrow;
use crate::errors::Errors;
use crate::replay::{Replay, Way, way_of};
use crate::signature::{Function, last_segment, peeled, type_arguments};

/// Checks that hold whatever the policy is.
pub(crate) fn function(function: &Function, args: &Args, errors: &mut Errors) {
    let sig = &function.sig;
    if let Some(constness) = &sig.constness {
        errors.over(
            constness,
            "a `const fn` is worked out by the compiler, where there is no policy: remove `const`",
        );
    }
    if let Some(variadic) = &sig.variadic {
        errors.over(
            variadic.dots,
            "variadic arguments can't be handed to an attempt: wrap this function in one without `...`",
        );
    }
    if let Some(wrong) = no_result(&function.output) {
        errors.over(&function.output, wrong);
    }
    if args.find("name").is_none()
        && let Err(error) = Name::new(&sig.ident.unraw().to_string())
    {
        let message = format!("{error}; give the call one with `name = \"…\"`");
        errors.at(sig.ident.span(), message);
    }
    outside(args, errors);
}

/// `notify` stands in a `static`, where neither `Self` nor generics of the function exist.
fn outside(args: &Args, errors: &mut Errors) {
    if let Some(notify) = args.function("retry.notify")
        && notify
            .path
            .segments
            .first()
            .is_some_and(|first| first.ident == "Self")
    {
        errors.over(
            notify,
            "`notify` can't use `Self`: write the type's own name",
        );
    }
}

/// What is wrong with a type that is surely no `Result`. Aliases are left to the compiler.
fn no_result(ty: &Type) -> Option<String> {
    const OTHERS: [&str; 25] = [
        "Option", "Vec", "String", "Box", "Arc", "Rc", "Pin", "Poll", "HashMap", "bool", "char",
        "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "f32", "f64",
        "isize",
    ];
    let ty = peeled(ty);
    let no_result = match ty {
        Type::Path(_) => {
            let segment = last_segment(ty)?;
            if opaque_error(segment) {
                return Some(
                    "the error is `impl Trait`, which nothing can be turned into: name its type"
                        .into(),
                );
            }
            OTHERS.iter().any(|other| segment.ident == other)
        }
        Type::Infer(_) | Type::Macro(_) | Type::Verbatim(_) => false,
        _ => true,
    };
    no_result.then(|| {
        "a guarded function returns a `Result`, so that a refusal can be told: write `Result<…, E>` \
         around this, where `E` takes a `steadfast::Rejection` through `From`"
            .into()
    })
}

fn opaque_error(segment: &syn::PathSegment) -> bool {
    match type_arguments(segment)[..] {
        [_, error] => matches!(peeled(error), Type::ImplTrait(_)),
        _ => false,
    }
}

/// Checks for functions whose arguments are needed more than once.
pub(crate) fn replayed(function: &Function, args: &Args, errors: &mut Errors) {
    shared(&function.sig, args.arguments("retry.share"), errors);
    for argument in arguments(&function.sig) {
        if called_once(&argument.ty, &function.sig.generics) {
            errors.over(
                &argument.ty,
                "a `FnOnce` can be called only once, and an attempt may not be the last: \
                 take an `Fn` by reference (`&impl Fn…`), or add `+ Clone`",
            );
        }
    }
    borrow::check(function, errors);
}

fn arguments(sig: &Signature) -> impl Iterator<Item = &PatType> {
    sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(argument) => Some(argument),
        FnArg::Receiver(_) => None,
    })
}

/// Checks the names in `share(…)`.
fn shared(sig: &Signature, names: &[Ident], errors: &mut Errors) {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            errors.over(name, format!("`{name}` is shared twice; keep one of them"));
        } else if let Some(message) = unshareable(sig, name) {
            errors.over(name, message);
        }
    }
}

fn unshareable(sig: &Signature, name: &Ident) -> Option<String> {
    let reference = if name == "self" {
        match &sig.receiver()?.kind {
            ReceiverKind::Reference(..) => true,
            ReceiverKind::Typed(_, ty) => way_of(ty) != Way::Clone,
            _ => false,
        }
    } else {
        let found = arguments(sig).find(|argument| plain(argument) == Some(name));
        let Some(argument) = found else {
            return Some(unknown_argument(sig, name));
        };
        way_of(&argument.ty) != Way::Clone
    };
    reference
        .then(|| format!("`{name}` is a reference already, which needs no sharing: leave it out"))
}

fn unknown_argument(sig: &Signature, name: &Ident) -> String {
    let names: Vec<String> = arguments(sig)
        .filter_map(plain)
        .map(ToString::to_string)
        .collect();
    let function = &sig.ident;
    match closest(&name.to_string(), names.iter().map(String::as_str)) {
        Some(near) => format!("`{function}` has no argument `{name}`; did you mean `{near}`?"),
        None if names.is_empty() => {
            format!("`{function}` has no argument that could be shared: leave `share` out")
        }
        None => format!(
            "`{function}` has no argument `{name}`; those with a name are {}",
            names.join(", ")
        ),
    }
}

fn plain(argument: &PatType) -> Option<&Ident> {
    match &*argument.pat {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => Some(&name.ident),
        _ => None,
    }
}

/// Checks that the fallback can be handed every argument.
pub(crate) fn named(replay: &Replay, answers: bool, errors: &mut Errors) {
    for &span in replay.nameless.iter().filter(|_| answers) {
        errors.at(
            span,
            "the fallback is handed each argument: give this one a name, and take it apart in the body",
        );
    }
}

/// Checks that a refresh which outlives the call can keep the arguments.
pub(crate) fn lasting(function: &Function, errors: &mut Errors) {
    for input in &function.sig.inputs {
        let (way, named) = match input {
            FnArg::Receiver(receiver) => match &receiver.kind {
                ReceiverKind::Reference(_, _, Some(_)) => (Way::Reborrow, true),
                ReceiverKind::Typed(_, ty) => (way_of(ty), true),
                _ => continue,
            },
            FnArg::Typed(argument) => (way_of(&argument.ty), plain(argument).is_some()),
        };
        match way {
            Way::Reborrow | Way::ReborrowPin => errors.over(
                input,
                "`stale` runs a refresh that outlives the call, and a `&mut` argument does not: \
                 take it by value, or leave `stale` out",
            ),
            Way::Copy if !named => errors.over(
                input,
                "`stale` runs a refresh that keeps a copy of what this refers to: give it a name, \
                 and take it apart in the body",
            ),
            _ => {}
        }
    }
}

/// Whether values of this type can be called once only.
fn called_once(ty: &Type, generics: &Generics) -> bool {
    match peeled(ty) {
        Type::ImplTrait(opaque) => once(opaque.bounds.iter()),
        Type::Path(path) => path
            .path
            .get_ident()
            .is_some_and(|name| once(bounds_of(name, generics).into_iter())),
        _ => false,
    }
}

fn once<'a>(bounds: impl Iterator<Item = &'a TypeParamBound>) -> bool {
    let names: Vec<String> = bounds
        .filter_map(|bound| match bound {
            TypeParamBound::Trait(bound) => bound.path.segments.last(),
            _ => None,
        })
        .map(|segment| segment.ident.to_string())
        .collect();
    let has = |name: &str| names.iter().any(|known| known == name);
    (has("FnOnce") || has("AsyncFnOnce")) && !has("Clone") && !has("Copy")
}

/// All bounds of a type parameter, wherever they stand.
fn bounds_of<'a>(name: &Ident, generics: &'a Generics) -> Vec<&'a TypeParamBound> {
    let inline = generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) if param.ident == *name => Some(&param.bounds),
        _ => None,
    });
    let clauses = generics.where_clause.iter();
    let clauses = clauses.flat_map(|clause| &clause.predicates);
    let clauses = clauses.filter_map(|predicate| match predicate {
        WherePredicate::Type(predicate) => match peeled(&predicate.bounded_ty) {
            Type::Path(path) if path.path.is_ident(name) => Some(&predicate.bounds),
            _ => None,
        },
        _ => None,
    });
    inline.chain(clauses).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that is wrong with a function.
    fn wrong(attribute: &str, item: &str) -> Vec<String> {
        let mut errors = Errors::new();
        let args = Args::read(attribute.parse().unwrap(), &mut errors);
        let checked = Function::read(item.parse().unwrap(), &mut errors).unwrap();
        function(&checked, &args, &mut errors);
        replayed(&checked, &args, &mut errors);
        let found = errors.check().err().into_iter().flatten();
        found.map(|error| error.to_string()).collect()
    }

    #[test]
    fn variadic_functions_are_refused() {
        let found = wrong("", "unsafe extern \"C\" fn f(n: i32, ...) -> R {}");
        assert!(found[0].starts_with("variadic arguments"), "{found:?}");
    }

    #[test]
    fn a_name_that_no_configuration_could_hold_asks_for_another() {
        let item = "fn prüfe() -> R {}";
        assert!(wrong("", item)[0].ends_with("give the call one with `name = \"…\"`"));
        assert_eq!(wrong("name = \"check\"", item), [""; 0]);
    }

    #[test]
    fn shared_arguments_are_named_once_and_are_owned() {
        let shared = |names| {
            let item = "async fn f(self, a: A, (b, c): (B, C), d: &mut D) -> R {}";
            wrong(&format!("retry(share({names}))"), item)
        };
        assert_eq!(shared("a, self"), [""; 0]);
        assert_eq!(shared("a, a"), ["`a` is shared twice; keep one of them"]);
        assert!(shared("b")[0].contains("has no argument `b`"));
        assert!(shared("d")[0].contains("is a reference already"));
    }

    #[test]
    fn only_a_fn_once_that_can_be_cloned_may_be_called_again() {
        for item in [
            "fn f(a: impl FnOnce() -> u8) -> R {}",
            "fn f<A: FnOnce()>(a: A) -> R {}",
            "fn f<A>(a: A) -> R where A: Send + FnOnce() {}",
        ] {
            assert_eq!(wrong("", item).len(), 1, "{item}");
        }
        assert_eq!(
            wrong("", "fn f(a: impl FnOnce() + Clone, b: impl Fn()) -> R {}"),
            [""; 0]
        );
    }

    #[test]
    fn a_result_may_borrow_from_anything_but_a_mutable_argument() {
        for item in [
            "fn f(a: &mut A) -> Result<&B, E> {}",
            "fn f(&mut self, a: &A) -> Result<&B, E> {}",
            "fn f(&mut self) -> Result<B<'_>, E> {}",
            "fn f<'a>(a: &'a mut A, b: &B) -> Result<C<'a>, E> {}",
            "fn f(self: &mut Self) -> Result<&B, E> {}",
        ] {
            assert_eq!(wrong("", item).len(), 1, "{item}");
        }
        for item in [
            "fn f(a: &mut A) -> Result<B, E> {}",
            "fn f(&self, a: &mut A) -> Result<&B, E> {}",
            "fn f<'a>(a: &mut A, b: &'a B) -> Result<&'a B, E> {}",
            "fn f(a: &mut A) -> Result<&'static B, E> {}",
        ] {
            assert_eq!(wrong("", item), [""; 0], "{item}");
        }
    }
}
