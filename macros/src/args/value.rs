//! The value of one option, written as its kind asks.

use proc_macro2::Span;
use quote::ToTokens;
use steadfast_options::{Form, OptionMeta, Raw, Setting, Value};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprPath, Ident, Lit, Token, UnOp, token};

/// A value that is code.
pub(crate) enum Code {
    /// The path of a function.
    Path(ExprPath),
    /// Names of the function's arguments.
    Arguments(Vec<Ident>),
    /// An expression over them.
    Expression(Box<Expr>),
}

impl Code {
    /// The code as text, for status and docs.
    fn text(&self) -> String {
        let tokens = match self {
            Self::Path(path) => path.to_token_stream(),
            Self::Arguments(names) => {
                let names: Vec<String> = names.iter().map(ToString::to_string).collect();
                return names.join(", ");
            }
            Self::Expression(expression) => expression.to_token_stream(),
        };
        tokens
            .to_string()
            .replace(" :: ", "::")
            .replace(":: ", "::")
    }
}

type Read = (Value, Option<Code>);

fn code(code: Code) -> Read {
    (Value::code(&code.text()), Some(code))
}

/// Reads what follows the key.
pub(crate) fn read(option: &OptionMeta, key: &Ident, input: ParseStream<'_>) -> syn::Result<Read> {
    let usage = || format!("write `{}`", option.kind.usage(option.name));
    let parentheses = matches!(option.kind.form, Form::Words | Form::Arguments);
    if input.peek(token::Paren) != parentheses && !input.peek(Token![=])
        || !parentheses && ends(input)
    {
        let path = option.path;
        let message = if input.peek(token::Paren) {
            format!("`{path}` takes no parentheses: {}", usage())
        } else {
            format!("`{path}` needs a value: {}", usage())
        };
        return Err(syn::Error::new(key.span(), message));
    }
    if parentheses {
        return words(option, key, input, &usage());
    }
    input.parse::<Token![=]>()?;
    let expression: Expr = input.parse()?;
    match option.kind.form {
        Form::Path => match plain(expression) {
            Expr::Path(path) => Ok(code(Code::Path(path))),
            other => Err(syn::Error::new_spanned(
                other,
                format!(
                    "`{}` takes the path of a function: {}",
                    option.path,
                    usage()
                ),
            )),
        },
        Form::Expression => Ok(code(Code::Expression(Box::new(expression)))),
        _ => Ok((literal(option, &plain(expression))?, None)),
    }
}

/// Whether there is nothing after the key, or nothing after its `=`.
fn ends(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let _ = ahead.parse::<Option<Token![=]>>();
    ahead.is_empty() || ahead.peek(Token![,])
}

fn words(
    option: &OptionMeta,
    key: &Ident,
    input: ParseStream<'_>,
    usage: &str,
) -> syn::Result<Read> {
    let content;
    if input.peek(Token![=]) {
        let message = format!("`{}` takes a list in parentheses: {usage}", option.path);
        return Err(syn::Error::new(key.span(), message));
    }
    syn::parenthesized!(content in input);
    let words = Punctuated::<Ident, Token![,]>::parse_terminated_with(&content, Ident::parse_any);
    let words = words.map_err(|error| {
        let message = format!("`{}` takes bare words: {usage}", option.path);
        syn::Error::new(error.span(), message)
    })?;
    if words.is_empty() {
        let message = format!("`{}` names nothing: {usage}", option.path);
        return Err(syn::Error::new(key.span(), message));
    }
    if option.kind.form == Form::Arguments {
        return Ok(code(Code::Arguments(words.into_iter().collect())));
    }
    let texts: Vec<String> = words.iter().map(|word| word.unraw().to_string()).collect();
    let raw = Raw::List(texts.iter().map(String::as_str).collect());
    let setting = Setting::parse(option.path, &raw)
        .map_err(|message| syn::Error::new(wrong(option, &words), message))?;
    Ok((setting.value, None))
}

/// The first word that makes the list a wrong one.
fn wrong(option: &OptionMeta, words: &Punctuated<Ident, Token![,]>) -> Span {
    let mut texts: Vec<String> = Vec::new();
    for word in words {
        texts.push(word.unraw().to_string());
        let raw = Raw::List(texts.iter().map(String::as_str).collect());
        if Setting::parse(option.path, &raw).is_err() {
            return word.span();
        }
    }
    Span::call_site()
}

/// Out of the invisible groups that `macro_rules!` puts around its fragments.
fn plain(expression: Expr) -> Expr {
    match expression {
        Expr::Group(group) => plain(*group.expr),
        Expr::Paren(paren) => plain(*paren.expr),
        other => other,
    }
}

fn literal(option: &OptionMeta, expression: &Expr) -> syn::Result<Value> {
    let read = |raw: Raw<'_>| Setting::parse(option.path, &raw).map(|setting| setting.value);
    let found = match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => read(Raw::Text(&text.value())),
            Lit::Bool(value) => read(Raw::Bool(value.value)),
            Lit::Int(number) if number.suffix().is_empty() => match number.base10_parse() {
                Ok(number) => read(Raw::Int(number)),
                Err(_) => Err(format!("{number} is out of range")),
            },
            Lit::Float(number) if number.suffix().is_empty() => {
                read(Raw::Float(number.base10_parse()?))
            }
            number @ (Lit::Int(_) | Lit::Float(_)) => Err(suffixed(option, number)),
            other => Err(foreign(option, &other.to_token_stream().to_string())),
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => Err(format!(
            "`{}` can't be negative: write `{}`",
            option.path,
            option.kind.usage(option.name)
        )),
        Expr::Path(path) => Err(bare(option, path)),
        other => Err(foreign(option, &other.to_token_stream().to_string())),
    };
    found.map_err(|message| syn::Error::new_spanned(expression, message))
}

/// `5s` without quotes is a number with a suffix to Rust.
fn suffixed(option: &OptionMeta, number: &Lit) -> String {
    let text = number.to_token_stream().to_string();
    match Setting::parse(option.path, &Raw::Text(&text)) {
        Ok(_) => format!("{text} needs quotes: write `{} = \"{text}\"`", option.name),
        Err(_) => format!(
            "{text} has a suffix; write the number alone: `{}`",
            option.kind.usage(option.name)
        ),
    }
}

fn bare(option: &OptionMeta, path: &ExprPath) -> String {
    let text = path.to_token_stream().to_string();
    match Setting::parse(option.path, &Raw::Text(&text)) {
        Ok(_) => format!("{text} needs quotes: write `{} = \"{text}\"`", option.name),
        Err(_) => foreign(option, &text),
    }
}

fn foreign(option: &OptionMeta, text: &str) -> String {
    format!(
        "the attribute takes `{}` as a literal, and can't read `{text}`: write `{}`",
        option.path,
        option.kind.usage(option.name)
    )
}
