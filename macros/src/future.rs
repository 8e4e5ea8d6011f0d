//! Functions that return a future, such as those `#[async_trait]` leaves behind.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::parse::Parser as _;
use syn::visit::{self, Visit};
use syn::{Block, Expr, ExprAsync, ExprClosure, ExprReturn, Ident, Item, Macro, Pat, Stmt};

use crate::signature::mentions;

/// How such a function makes its future.
pub(crate) enum Future {
    /// It ends in `async move { … }`, or in that within `Box::pin(…)`: the block is what is
    /// guarded, and what stands before it runs once, when the function is called.
    Block(Box<Tail>),
    /// In any other way: all of the body belongs to each attempt.
    Opaque,
}

/// The body of a function that ends in an `async` block.
pub(crate) struct Tail {
    /// The statements before it.
    pub(crate) before: TokenStream,
    /// The names that they bind.
    pub(crate) bound: Vec<Ident>,
    /// `Box::pin`, as the user or `#[async_trait]` wrote it.
    pub(crate) pin: Option<TokenStream>,
    /// The statements in the block, and its braces.
    pub(crate) block: TokenStream,
    pub(crate) braces: Span,
}

impl Future {
    pub(crate) fn read(body: &TokenStream) -> Self {
        let stmts = Block::parse_within.parse2(body.clone());
        let tail = stmts.ok().and_then(|stmts| Tail::of(&stmts));
        tail.map_or(Self::Opaque, |tail| Self::Block(Box::new(tail)))
    }
}

impl Tail {
    fn of(stmts: &[Stmt]) -> Option<Self> {
        let (Stmt::Expr(last, None), before) = stmts.split_last()? else {
            return None;
        };
        if before.iter().any(returns) {
            return None;
        }
        let (pin, block) = tail_block(last)?;
        let stmts = &block.block.stmts;
        Some(Self {
            before: quote!(#(#before)*),
            bound: before.iter().flat_map(locals).collect(),
            pin,
            block: quote!(#(#stmts)*),
            braces: block.block.brace_token.span.join(),
        })
    }
}

fn tail_block(expression: &Expr) -> Option<(Option<TokenStream>, &ExprAsync)> {
    match expression {
        Expr::Async(block) => Some((None, block)),
        Expr::Call(call) => {
            let Expr::Path(function) = &*call.func else {
                return None;
            };
            let names = function.path.segments.iter().rev().take(2);
            let names: Vec<String> = names.map(|segment| segment.ident.to_string()).collect();
            match call.args.first()? {
                Expr::Async(block) if names == ["pin", "Box"] => {
                    Some((Some(function.to_token_stream()), block))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether a statement may leave the function: the future it then returns would go unguarded.
fn returns(stmt: &Stmt) -> bool {
    struct Returns(bool);

    impl<'ast> Visit<'ast> for Returns {
        fn visit_expr_return(&mut self, _: &'ast ExprReturn) {
            self.0 = true;
        }

        fn visit_macro(&mut self, invoked: &'ast Macro) {
            let word = Ident::new("return", Span::call_site());
            self.0 |= mentions(&invoked.tokens, &word);
        }

        fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}
        fn visit_expr_async(&mut self, _: &'ast ExprAsync) {}
        fn visit_item(&mut self, _: &'ast Item) {}
    }

    let mut visitor = Returns(false);
    visitor.visit_stmt(stmt);
    visitor.0
}

fn locals(stmt: &Stmt) -> Vec<Ident> {
    match stmt {
        Stmt::Local(local) => bound(&local.pat),
        _ => Vec::new(),
    }
}

/// The names that a pattern binds.
pub(crate) fn bound(pattern: &Pat) -> Vec<Ident> {
    struct Bound(Vec<Ident>);

    impl<'ast> Visit<'ast> for Bound {
        fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
            self.0.push(pattern.ident.clone());
            visit::visit_pat_ident(self, pattern);
        }
    }

    let mut visitor = Bound(Vec::new());
    visitor.visit_pat(pattern);
    visitor.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names bound before the block that the body ends in, if it does.
    fn tail(body: &str) -> Option<Vec<String>> {
        match Future::read(&body.parse().unwrap()) {
            Future::Block(tail) => Some(tail.bound.iter().map(ToString::to_string).collect()),
            Future::Opaque => None,
        }
    }

    #[test]
    fn an_async_block_at_the_end_is_found_in_box_pin_too() {
        assert_eq!(tail("async move { 1 }").unwrap(), [""; 0]);
        assert_eq!(tail("Box::pin(async { 1 })").unwrap(), [""; 0]);
        assert_eq!(
            tail("::std::boxed::Box::pin(async move { 1 })").unwrap(),
            [""; 0]
        );
        assert_eq!(tail("wrap(async { 1 })"), None);
        assert_eq!(tail("ready(1)"), None);
    }

    #[test]
    fn statements_before_the_block_bind_names() {
        let body = "let (a, mut b) = x; let C { c, d: [e, ..] } = y; go(); async move { a }";
        assert_eq!(tail(body).unwrap(), ["a", "b", "c", "e"]);
    }

    #[test]
    fn a_future_that_is_returned_before_the_block_is_guarded_too() {
        assert_eq!(tail("if x { return ready(1); } async { 1 }"), None);
        assert_eq!(tail("give_up!(return ready(1)); async { 1 }"), None);
        assert!(tail("let f = |x| { return x; }; async { 1 }").is_some());
    }
}
