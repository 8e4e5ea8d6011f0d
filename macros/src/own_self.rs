//! `self` under another name: an attempt gets its own, which no `let` could call `self`.

use proc_macro2::{Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::quote;
use syn::parse::Parser as _;
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Item, Macro, Path};

/// The name, in the place of the `self` it stands for.
pub(crate) fn name(span: Span) -> Ident {
    Ident::new("__self", span)
}

/// The statements with `self` renamed. Items within them have a `self` of their own.
pub(crate) fn rename(body: &TokenStream) -> TokenStream {
    // A body that can't be read here can't be compiled either, which its own errors will say.
    let Ok(mut stmts) = Block::parse_within.parse2(body.clone()) else {
        return body.clone();
    };
    for stmt in &mut stmts {
        Rename.visit_stmt_mut(stmt);
    }
    quote!(#(#stmts)*)
}

struct Rename;

impl VisitMut for Rename {
    fn visit_path_mut(&mut self, path: &mut Path) {
        // `self::module` is something else.
        if path.is_ident("self") {
            let segment = &mut path.segments[0];
            segment.ident = name(segment.ident.span());
        }
        visit_mut::visit_path_mut(self, path);
    }

    fn visit_macro_mut(&mut self, invoked: &mut Macro) {
        invoked.tokens = rename_tokens(invoked.tokens.clone());
    }

    fn visit_item_mut(&mut self, item: &mut Item) {
        // `select!` and its like look like items, but are expressions.
        if let Item::Macro(invoked) = item {
            self.visit_macro_mut(&mut invoked.mac);
        }
    }
}

/// What a macro makes of its tokens is unknown: every `self` in them is renamed, but for paths.
fn rename_tokens(tokens: TokenStream) -> TokenStream {
    let mut renamed: Vec<TokenTree> = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let path = matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
        renamed.push(match token {
            TokenTree::Ident(ident) if ident == "self" && !path => name(ident.span()).into(),
            TokenTree::Literal(literal) => captured(literal).into(),
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), rename_tokens(group.stream()));
                inner.set_span(group.span());
                inner.into()
            }
            other => other,
        });
    }
    renamed.into_iter().collect()
}

/// A format string may capture `{self}`.
fn captured(literal: Literal) -> Literal {
    let text = literal.to_string();
    let mut renamed = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("{self") {
        let (before, after) = (&rest[..at], &rest[at + "{self".len()..]);
        let escaped = before.len() - before.trim_end_matches('{').len();
        let captures = escaped % 2 == 0 && after.starts_with(['}', ':']);
        renamed.push_str(before);
        renamed.push_str(if captures { "{__self" } else { "{self" });
        rest = after;
    }
    renamed.push_str(rest);
    match renamed.parse::<Literal>() {
        Ok(mut replaced) if renamed != text => {
            replaced.set_span(literal.span());
            replaced
        }
        _ => literal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(body: &str) -> String {
        rename(&body.parse().unwrap()).to_string()
    }

    #[test]
    fn self_is_renamed_in_expressions_macros_and_format_strings() {
        let body =
            "self . go (| | self . x) ; say ! (\"{self} {{self}} {self:?} {selfish}\" , self)";
        assert_eq!(
            renamed(body),
            "__self . go (| | __self . x) ; \
             say ! (\"{__self} {{self}} {__self:?} {selfish}\" , __self)"
        );
    }

    #[test]
    fn paths_and_items_keep_their_self() {
        for body in [
            "self :: go () ; say ! (self :: X)",
            "impl X { fn go (& self) { self . x () } }",
            "mod inner { pub (self) fn go () { } }",
        ] {
            assert_eq!(
                renamed(body),
                body.parse::<TokenStream>().unwrap().to_string()
            );
        }
    }
}
