//! The attribute's tokens, read into settings that keep their spans.
//!
//! Which options there are, and how each is written, comes from the table alone.

mod value;

use proc_macro2::{Span, TokenStream};
use steadfast_options::{OptionMeta, POLICIES, PolicyMeta, Setting, Value};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Ident, Path, Token, token};

pub(crate) use value::Code;

use crate::errors::Errors;

/// All that one attribute says.
#[derive(Default)]
pub(crate) struct Args {
    /// Where the runtime is, when not at `::steadfast`.
    pub(crate) root: Option<Path>,
    /// What is set, in the order it was written.
    pub(crate) given: Vec<Given>,
    /// Policies with an option that can't be read: what they add up to is not known.
    unread: Vec<&'static str>,
}

/// One option that is set.
pub(crate) struct Given {
    /// The option and its value.
    pub(crate) setting: Setting,
    /// The option's key, where errors about it point.
    pub(crate) key: Span,
    /// The code, where the value is the text of some.
    pub(crate) code: Option<Code>,
}

impl Args {
    /// Reads the attribute's tokens. What can't be read is reported and left out.
    pub(crate) fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        let parsed = |input: ParseStream<'_>| {
            entries(input, errors, |input, errors| args.entry(input, errors));
            Ok(())
        };
        if let Err(error) = parsed.parse2(tokens) {
            errors.push(error);
        }
        args
    }

    /// The option set at this path.
    pub(crate) fn find(&self, path: &str) -> Option<&Given> {
        self.given.iter().find(|given| given.setting.path == path)
    }

    /// The function that this option names.
    pub(crate) fn function(&self, path: &str) -> Option<&syn::ExprPath> {
        match self.find(path)?.code.as_ref()? {
            Code::Path(function) => Some(function),
            _ => None,
        }
    }

    /// The expression that this option holds.
    pub(crate) fn expression(&self, path: &str) -> Option<&syn::Expr> {
        match self.find(path)?.code.as_ref()? {
            Code::Expression(expression) => Some(expression),
            _ => None,
        }
    }

    /// The arguments that this option lists.
    pub(crate) fn arguments(&self, path: &str) -> &[Ident] {
        match self.find(path).and_then(|given| given.code.as_ref()) {
            Some(Code::Arguments(names)) => names,
            _ => &[],
        }
    }

    /// Whether all that the attribute says of this option's policy could be read.
    pub(crate) fn knows(&self, path: &str) -> bool {
        let policy = path.split('.').next().unwrap_or(path);
        !self.unread.contains(&policy)
    }

    /// Where an error about this option points: its key, or its policy's.
    pub(crate) fn key(&self, path: &str) -> Span {
        let policy = |path: &'static str| path.split('.').next();
        let exact = self.find(path);
        let near = || {
            let same = |given: &&Given| policy(given.setting.path) == path.split('.').next();
            self.given.iter().find(same)
        };
        exact
            .or_else(near)
            .map_or_else(Span::call_site, |given| given.key)
    }

    /// One entry of the attribute itself: an option of the call, a policy, or `crate = path`.
    fn entry(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        let key = key(input)?;
        if key == "crate" {
            return self.root(&key, input);
        }
        let name = key.unraw().to_string();
        let [call, policies @ ..] = POLICIES else {
            unreachable!("the call itself comes first");
        };
        if call.options.iter().any(|option| option.name == name) {
            let option = call.option(&name).map_err(|error| at(&key, error))?;
            return self.option(option, &key, input);
        }
        let policy = PolicyMeta::find(&name).map_err(|error| at(&key, error))?;
        if policies.iter().any(|known| {
            known.name == name && self.given.iter().any(|given| belongs(given, known.name))
        }) {
            return Err(at(
                &key,
                format!("`{name}` is given twice; write all its options in one `{name}(…)`"),
            ));
        }
        self.policy(policy, &key, input, errors)
    }

    fn policy(
        &mut self,
        policy: &'static PolicyMeta,
        key: &Ident,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        let (before, mistakes) = (self.given.len(), errors.count());
        if input.peek(token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            entries(&content, errors, |input, _| {
                let key = self::key(input)?;
                let option = policy
                    .option(&key.unraw().to_string())
                    .map_err(|error| at(&key, error))?;
                self.option(option, &key, input)
            });
        } else if input.peek(Token![=]) {
            let Some(shorthand) = policy.shorthand else {
                return Err(at(key, no_shorthand(policy)));
            };
            let option = policy.option(shorthand).map_err(|error| at(key, error))?;
            return self.option(option, key, input);
        }
        if errors.count() > mistakes {
            self.unread.push(policy.name);
        } else if self.given.len() == before {
            let declared = Setting {
                path: policy.name,
                value: Value::Declared,
            };
            self.given.push(Given {
                setting: declared,
                key: key.span(),
                code: None,
            });
        }
        Ok(())
    }

    fn option(
        &mut self,
        option: &'static OptionMeta,
        key: &Ident,
        input: ParseStream<'_>,
    ) -> syn::Result<()> {
        let (value, code) = value::read(option, key, input)?;
        if self.find(option.path).is_some() {
            let path = option.path;
            return Err(at(
                key,
                format!("`{path}` is given twice; keep one of them"),
            ));
        }
        self.given.push(Given {
            setting: Setting {
                path: option.path,
                value,
            },
            key: key.span(),
            code,
        });
        Ok(())
    }

    fn root(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        if input.parse::<Option<Token![=]>>()?.is_none() {
            return Err(at(
                key,
                "`crate` needs the path of the renamed crate: write `crate = my_steadfast`",
            ));
        }
        let path = input.call(Path::parse_mod_style)?;
        if self.root.is_some() {
            return Err(at(key, "`crate` is given twice; keep one of them"));
        }
        self.root = Some(path);
        Ok(())
    }
}

fn belongs(given: &Given, policy: &str) -> bool {
    given.setting.path.split('.').next() == Some(policy)
}

fn no_shorthand(policy: &PolicyMeta) -> String {
    let first = policy.options.first();
    let example = first.map_or_else(String::new, |option| option.kind.usage(option.name));
    let name = policy.name;
    format!("`{name}` takes its options in parentheses: write `{name}({example})`")
}

fn at(key: &Ident, message: impl std::fmt::Display) -> syn::Error {
    syn::Error::new(key.span(), message)
}

fn key(input: ParseStream<'_>) -> syn::Result<Ident> {
    let key = input.call(Ident::parse_any).map_err(|error| {
        syn::Error::new(
            error.span(),
            "expected the name of an option, such as `timeout = \"5s\"` or `retry(max = 3)`",
        )
    })?;
    if input.peek(Token![.]) {
        let rest = format!("{key}(option = value)");
        return Err(at(
            &key,
            format!("options of `{key}` stand in parentheses: write `{rest}`"),
        ));
    }
    Ok(key)
}

/// Reads entries between commas; after a bad one it goes on at the next comma.
fn entries(
    input: ParseStream<'_>,
    errors: &mut Errors,
    mut entry: impl FnMut(ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) {
    while !input.is_empty() {
        match entry(input, errors) {
            Err(error) => errors.push(error),
            Ok(()) if input.is_empty() || input.peek(Token![,]) => {}
            Ok(()) => errors.push(input.error("expected `,` between two options")),
        }
        while !input.is_empty() && !input.peek(Token![,]) {
            // Any token tree can be skipped.
            let _ = input.parse::<proc_macro2::TokenTree>();
        }
        let _ = input.parse::<Option<Token![,]>>();
    }
}
