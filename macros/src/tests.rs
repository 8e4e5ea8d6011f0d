//! The attribute as a whole, on token streams.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use steadfast_options::{POLICIES, Served};

use crate::args::Args;
use crate::errors::Errors;
use crate::guard;

/// The attribute's output.
fn guarded(attribute: &str, item: &str) -> TokenStream {
    guard(attribute.parse().unwrap(), item.parse().unwrap())
}

/// The texts of all errors, in order.
fn errors(attribute: &str, item: &str) -> Vec<String> {
    struct Found(Vec<String>);

    impl syn::visit::Visit<'_> for Found {
        fn visit_macro(&mut self, invoked: &syn::Macro) {
            if invoked.path.segments.last().unwrap().ident == "compile_error" {
                let text: syn::LitStr = invoked.parse_body().unwrap();
                self.0.push(text.value());
            }
        }
    }

    let mut found = Found(Vec::new());
    let file = syn::parse2(guarded(attribute, item)).unwrap();
    syn::visit::Visit::visit_file(&mut found, &file);
    found.0
}

fn settings(attribute: &str) -> Result<Vec<String>, syn::Error> {
    let mut errors = Errors::new();
    let args = Args::read(attribute.parse().unwrap(), &mut errors);
    errors.check()?;
    let shown =
        |given: &crate::args::Given| format!("{} = {}", given.setting.path, given.setting.value);
    Ok(args.given.iter().map(shown).collect())
}

const FUNCTION: &str = "async fn charge(order: Order) -> io::Result<()> { send(order).await }";

#[test]
fn every_served_option_is_read_as_the_table_writes_it() {
    for policy in POLICIES {
        for option in policy.options.iter().filter(|o| o.served == Served::Yes) {
            let usage = option.kind.usage(option.name);
            let attribute = match policy.name {
                "" => usage,
                name => format!("{name}({usage})"),
            };
            let read = settings(&attribute).unwrap();
            assert!(
                read[0].starts_with(&format!("{} = ", option.path)),
                "{read:?}"
            );
        }
    }
}

#[test]
fn every_later_option_is_refused() {
    for policy in POLICIES {
        for option in policy.options.iter().filter(|o| o.served == Served::Later) {
            let usage = option.kind.usage(option.name);
            let attribute = match policy.name {
                "" => usage,
                name => format!("{name}({usage})"),
            };
            let error = settings(&attribute).unwrap_err().to_string();
            assert!(error.ends_with("is not available yet"), "{error}");
        }
    }
}

#[test]
fn shorthands_and_bare_policies_are_read() {
    assert_eq!(
        settings("breaker = \"stripe\", retry, timeout = \"5s\", fallback = Self::cached").unwrap(),
        [
            "breaker.name = stripe",
            "retry = declared",
            "timeout = 5s",
            "fallback.with = Self::cached"
        ]
    );
    assert_eq!(
        settings("breaker, retry(),").unwrap(),
        ["breaker = declared", "retry = declared"]
    );
}

#[test]
fn every_mistake_is_reported_at_once() {
    assert_eq!(
        errors(
            "timeout = 5, retry(maxx = 3, jitter = none), breker = \"x\"",
            FUNCTION
        ),
        [
            "duration 5 has no unit; did you mean \"5ms\" or \"5s\"?",
            "unknown option \"maxx\"; did you mean \"max\"?",
            "none needs quotes: write `jitter = \"none\"`",
            "unknown option \"breker\"; did you mean \"breaker\"?",
        ]
    );
}

#[test]
fn mistakes_in_the_attribute_and_in_the_function_are_reported_together() {
    let found = errors("timeout = 5s", "const fn f() -> Option<u8> { None }");
    assert_eq!(found.len(), 3, "{found:#?}");
}

#[test]
fn a_rule_between_options_points_at_the_option_and_says_why() {
    let found = errors("timeout = \"10s\", deadline = \"5s\"", FUNCTION);
    assert_eq!(found, ["timeout 10s is longer than the deadline of 5s"]);
}

#[test]
fn the_function_is_still_there_after_an_error() {
    for item in [
        FUNCTION,
        "pub fn f(&self, (a, b): (u8, u8)) -> R { let x = a ; x }",
        "fn broken(&self) -> R ;",
        "struct NoFunction ;",
    ] {
        let output = guarded("nonsense", item).to_string();
        let item = item.parse::<TokenStream>().unwrap().to_string();
        assert!(output.ends_with(&item), "{output}");
    }
}

#[test]
fn an_option_given_twice_is_an_error() {
    let twice = |attribute| settings(attribute).unwrap_err().to_string();
    assert!(twice("retry(max = 3, max = 4)").starts_with("`retry.max` is given twice"));
    assert!(twice("timeout = \"1s\", timeout = \"1s\"").starts_with("`timeout` is given twice"));
    assert!(twice("retry, retry(max = 3)").starts_with("`retry` is given twice"));
}

#[test]
fn a_value_says_what_to_write_instead() {
    for (attribute, message) in [
        ("timeout = 5s", "5s needs quotes: write `timeout = \"5s\"`"),
        (
            "timeout = -5",
            "`timeout` can't be negative: write `timeout = \"5s\"`",
        ),
        (
            "timeout",
            "`timeout` needs a value: write `timeout = \"5s\"`",
        ),
        (
            "timeout =",
            "`timeout` needs a value: write `timeout = \"5s\"`",
        ),
        (
            "timeout(\"5s\")",
            "`timeout` takes no parentheses: write `timeout = \"5s\"`",
        ),
        (
            "retry(max = 3u8)",
            "3u8 has a suffix; write the number alone: `max = 5`",
        ),
        (
            "retry(on = \"timeout\")",
            "`retry.on` takes a list in parentheses: write `on(transient, timeout)`",
        ),
        (
            "retry(on(\"timeout\"))",
            "`retry.on` takes bare words: write `on(transient, timeout)`",
        ),
        (
            "retry(on())",
            "`retry.on` names nothing: write `on(transient, timeout)`",
        ),
        (
            "retry(on(transiend))",
            "unknown class \"transiend\"; did you mean \"transient\"?",
        ),
        (
            "retry = 3",
            "`retry` takes its options in parentheses: write `retry(max = 5)`",
        ),
        (
            "retry.max = 3",
            "options of `retry` stand in parentheses: write `retry(option = value)`",
        ),
        (
            "retry(max = MAX)",
            "the attribute takes `retry.max` as a literal, and can't read `MAX`: write `max = 5`",
        ),
        (
            "classify = \"f\"",
            "`classify` takes the path of a function: write `classify = my_function`",
        ),
        (
            "crate",
            "`crate` needs the path of the renamed crate: write `crate = my_steadfast`",
        ),
        (
            "\"breaker\"",
            "expected the name of an option, such as `timeout = \"5s\"` or `retry(max = 3)`",
        ),
    ] {
        assert_eq!(settings(attribute).unwrap_err().to_string(), message);
    }
}

#[test]
fn values_may_stand_in_the_invisible_groups_of_macro_rules() {
    use proc_macro2::{Delimiter, Group, TokenTree};

    let invisible = |text: &str| -> TokenStream {
        TokenTree::Group(Group::new(Delimiter::None, text.parse().unwrap())).into()
    };
    let (value, path) = (invisible("\"5s\""), invisible("Self::class"));
    let mut errors = Errors::new();
    let args = Args::read(
        quote::quote!(timeout = #value, classify = #path),
        &mut errors,
    );
    errors.check().unwrap();
    assert_eq!(args.given.len(), 2);
    assert!(args.function("classify").is_some());
}

#[test]
fn without_retry_and_fallback_there_is_no_loop_and_no_clone() {
    let output = guarded("breaker = \"x\", timeout = \"1s\"", FUNCTION).to_string();
    assert!(
        !output.contains("loop { let") && !output.contains("Replay"),
        "{output}"
    );
    assert!(
        output.contains("attempts . once (& SITE , async move"),
        "{output}"
    );
    let cached = guarded("cache(key = order.id, fresh = \"1s\")", FUNCTION).to_string();
    assert!(cached.contains(":: no_retry ("), "{cached}");
}

/// Whether the call is a future of the runtime, and not a coroutine around its body.
fn is_direct(attribute: &str, item: &str) -> bool {
    let output = guarded(attribute, item).to_string();
    assert!(errors(attribute, item).is_empty(), "{output}");
    output.contains("attempts . once (") || output.contains("attempts . each (")
}

#[test]
fn a_call_that_is_its_body_and_its_policy_is_a_future_of_the_runtime() {
    for item in [
        FUNCTION,
        "/// Docs. \n #[allow(dead_code)] #[inline] pub(crate) async fn f(mut a: A) -> R<()> { a.go() }",
        "async fn f(&self, a: &A, (b): B) -> R<()> { self.go(a, b).await }",
        "async unsafe fn f<'a, T: Clone>(self: &'a Arc<Self>, a: T) -> R<&'a T> where T: X { go() }",
        "fn f(a: A) -> impl Future<Output = R<()>> { async move { go(a).await } }",
        "fn f(&self) -> Pin<Box<dyn Future<Output = R<()>> + Send + '_>> { Box::pin(async move { go() }) }",
    ] {
        assert!(is_direct("retry, timeout = \"1s\"", item), "{item}");
        assert!(is_direct("", item), "{item}");
    }
    // Nothing is kept for another attempt that this one would borrow.
    assert!(is_direct(
        "",
        "async fn f(&mut self, a: &mut A) -> R<()> { go() }"
    ));
}

#[test]
fn a_call_that_is_more_is_a_coroutine_around_its_body() {
    for (attribute, item) in [
        ("retry", "async fn f(a: &mut A) -> R<()> { go(a).await }"),
        (
            "retry(share(a))",
            "async fn f(a: A) -> R<()> { go(a).await }",
        ),
        ("", "async fn f((a, b): (A, B)) -> R<()> { go(a, b).await }"),
        ("", "async fn f(_: A) -> R<()> { go() }"),
        ("", "async fn f() -> R<impl X> { go() }"),
        ("", "#[instrument] async fn f() -> R<()> { go() }"),
        ("", "#[must_use = \"it\"] async fn f() -> R<()> { go() }"),
        (
            "fallback(kind = \"default\")",
            "async fn f() -> R<()> { go() }",
        ),
        ("fallback = other", "async fn f() -> R<()> { go() }"),
        (
            "rate_limit(key = a.id, max = 1, per = \"1s\")",
            "async fn f(a: A) -> R<()> { go() }",
        ),
        ("breaker(key = a.id)", "async fn f(a: A) -> R<()> { go() }"),
        (
            "cache(key = a.id, fresh = \"1s\")",
            "async fn f(a: A) -> R<()> { go() }",
        ),
    ] {
        assert!(!is_direct(attribute, item), "{attribute}: {item}");
    }
}

#[test]
fn the_documentation_shows_the_function_that_was_written() {
    let output = guarded(
        "retry",
        "/// Docs.\n pub async fn f(a: A) -> R<()> { go(a).await }",
    );
    let file: syn::File = syn::parse2(output).unwrap();
    let shown: Vec<(String, bool, usize)> = file
        .items
        .iter()
        .map(|item| {
            let syn::Item::Fn(function) = item else {
                panic!("no function")
            };
            let cfg = function.attrs[0].to_token_stream().to_string();
            let docs = function.attrs.iter().filter(|a| a.path().is_ident("doc"));
            (cfg, function.sig.asyncness.is_some(), docs.count())
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("# [cfg (not (doc))]".into(), false, 2),
            ("# [cfg (doc)]".into(), true, 2)
        ]
    );
}

#[test]
fn with_retry_only_owned_arguments_are_cloned() {
    let item = "async fn f(a: A, b: &B, c: &mut C, unused: D) -> R { run(a, b, c).await }";
    let output = guarded("retry", item).to_string();
    assert_eq!(output.matches("Replay").count(), 1, "{output}");
    assert!(output.contains("Replay :: replay (& a)"), "{output}");
    assert!(output.contains("let c = & mut * c"), "{output}");
    let shared = guarded("retry(share(a))", item).to_string();
    assert!(
        !shared.contains("Replay") && shared.contains("let a = & a"),
        "{shared}"
    );
}

#[test]
fn an_argument_within_a_format_string_is_replayed() {
    let item = "async fn f(a: A) -> R { log!(\"{a}\") }";
    assert!(guarded("retry", item).to_string().contains("replay (& a)"));
}

#[test]
fn the_bodys_tokens_are_left_as_they_are() {
    let body = "weird! [ tokens ] ; self :: nothing :: < { 1 } > ( ) ?";
    let output = guarded("", &format!("async fn f() -> R {{ {body} }}")).to_string();
    let body: TokenStream = body.parse().unwrap();
    assert!(output.contains(&body.to_string()), "{output}");
}

#[test]
fn the_policy_table_stands_after_the_functions_own_docs() {
    let item = format!("#[doc = \"Charges.\"] {FUNCTION}");
    let output = guarded("retry(max = 2), timeout = \"5s\"", &item).to_string();
    let (own, table) = (
        output.find("Charges.").unwrap(),
        output.find("# Policy").unwrap(),
    );
    assert!(own < table);
    assert!(output.contains("| `retry.max` | `2` |"), "{output}");
    assert!(
        output.contains("Worst case: 11s (2 attempts × 5s + pauses of 1s)."),
        "{output}"
    );
}
