//! What kind of function the attribute stands on.

use proc_macro2::{Span, TokenStream, TokenTree};
use steadfast_options::Flavor;
use syn::parse::{ParseStream, Parser as _};
use syn::{
    Attribute, GenericArgument, Ident, PathArguments, PathSegment, ReturnType, Signature, Type,
    TypeParamBound, Visibility, token,
};

use crate::errors::Errors;
use crate::future::Future;

/// A function with a body. The body stays as tokens: nothing in it needs to be understood.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) braces: Span,
    pub(crate) body: TokenStream,
    pub(crate) shape: Shape,
    /// What a call ends in: the type of the `Result`.
    pub(crate) output: Type,
}

/// How a call of the function ends in its result.
pub(crate) enum Shape {
    /// It returns it.
    Blocking,
    /// It is an `async fn`.
    Async,
    /// It returns a future of it.
    Future(Future),
}

impl Function {
    /// Reads the item. Reports what can't be guarded at all.
    pub(crate) fn read(item: TokenStream, errors: &mut Errors) -> Option<Self> {
        match function.parse2(item) {
            Ok(function) => Some(function),
            Err(error) => {
                errors.push(error);
                None
            }
        }
    }

    pub(crate) fn flavor(&self) -> Flavor {
        match self.shape {
            Shape::Blocking => Flavor::Sync,
            Shape::Async | Shape::Future(_) => Flavor::Async,
        }
    }
}

fn function(input: ParseStream<'_>) -> syn::Result<Function> {
    let mut attrs = input.call(Attribute::parse_outer)?;
    let vis = input.parse()?;
    let ahead = input.fork();
    let sig = input
        .parse::<Signature>()
        .map_err(|_| no_function(&ahead))?;
    if !input.peek(token::Brace) {
        let message = format!(
            "`{}` has no body to guard: put `#[resilient]` on the functions that implement it, or give it a default body",
            sig.ident
        );
        return Err(syn::Error::new(sig.ident.span(), message));
    }
    let content;
    let braces = syn::braced!(content in input).span.join();
    for mut inner in content.call(Attribute::parse_inner)? {
        inner.style = syn::AttrStyle::Outer;
        attrs.push(inner);
    }
    let body: TokenStream = content.parse()?;
    let returned = returned(&sig)?;
    let (shape, output) = match future_output(returned) {
        _ if sig.asyncness.is_some() => (Shape::Async, returned.clone()),
        Some(output) => (Shape::Future(Future::read(&body)), output.clone()),
        None => (Shape::Blocking, returned.clone()),
    };
    Ok(Function {
        attrs,
        vis,
        sig,
        braces,
        body,
        shape,
        output,
    })
}

/// The error for an item that is no function, or one of a kind we don't know.
fn no_function(input: ParseStream<'_>) -> syn::Error {
    let first = input
        .parse::<TokenTree>()
        .map_or_else(|error| error.span(), |token| token.span());
    syn::Error::new(
        first,
        "`#[resilient]` guards a function that ends in one `Result`: put it on a `fn` or an `async fn`, \
         and in an `impl` block on each function by itself",
    )
}

/// The written return type.
pub(crate) fn returned(sig: &Signature) -> syn::Result<&Type> {
    match &sig.output {
        ReturnType::Type(_, ty) => Ok(ty),
        ReturnType::Default => Err(syn::Error::new(
            sig.paren_token.span.close(),
            format!(
                "`{}` returns nothing that could fail: add `-> Result<(), E>`, where `E` takes a `steadfast::Rejection` through `From`",
                sig.ident
            ),
        )),
    }
}

/// Out of parentheses and of the invisible groups that `macro_rules!` puts around its fragments.
pub(crate) fn peeled(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peeled(&group.elem),
        Type::Paren(paren) => peeled(&paren.elem),
        other => other,
    }
}

/// Whether a type is `impl Trait`.
pub(crate) fn opaque(ty: &Type) -> bool {
    matches!(peeled(ty), Type::ImplTrait(_))
}

/// The last segment of a type's path.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match peeled(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// The type arguments of a path's segment.
pub(crate) fn type_arguments(segment: &PathSegment) -> Vec<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return Vec::new();
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// `R` of `impl Future<Output = R>`, of a boxed one, and of the alias `BoxFuture<'_, R>`.
fn future_output(ty: &Type) -> Option<&Type> {
    let segment = match peeled(ty) {
        Type::ImplTrait(opaque) => return bound_output(opaque.bounds.iter()),
        Type::TraitObject(object) => return bound_output(object.bounds.iter()),
        other => last_segment(other)?,
    };
    let inner = type_arguments(segment).pop()?;
    match segment.ident.to_string().as_str() {
        "Pin" => {
            let boxed = last_segment(inner).filter(|boxed| boxed.ident == "Box")?;
            future_output(type_arguments(boxed).first()?)
        }
        "BoxFuture" | "LocalBoxFuture" => Some(inner),
        _ => None,
    }
}

fn bound_output<'a>(bounds: impl Iterator<Item = &'a TypeParamBound>) -> Option<&'a Type> {
    let mut traits = bounds.filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last(),
        _ => None,
    });
    let future = traits.find(|segment| segment.ident == "Future")?;
    let PathArguments::AngleBracketed(arguments) = &future.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(output) if output.ident == "Output" => Some(&output.ty),
        _ => None,
    })
}

/// Whether the tokens speak of this name, be it within a format string.
pub(crate) fn mentions(tokens: &TokenStream, name: &Ident) -> bool {
    let name = name.to_string();
    let plain = name.trim_start_matches("r#");
    speaks(tokens.clone(), &|text, literal| {
        text == name || literal && text.starts_with(['"', 'r']) && text.contains(plain)
    })
}

fn speaks(tokens: TokenStream, is_it: &impl Fn(&str, bool) -> bool) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => speaks(group.stream(), is_it),
        TokenTree::Ident(ident) => is_it(&ident.to_string(), false),
        TokenTree::Literal(literal) => is_it(&literal.to_string(), true),
        TokenTree::Punct(_) => false,
    })
}
