//! Names of calls, and what disagrees about a name.

use steadfast::{Registry, registry, resilient, sites};
use steadfast_tests::{Dependency, Failure, apart, listen};

const HERE: &str = module_path!();

/// The names of the sites in this module that contain this word.
fn named(word: &str) -> Vec<String> {
    let names = sites().map(|site| site.name().to_string());
    let here = names.filter(|name| name.starts_with(HERE));
    here.filter(|name| name.contains(word)).collect()
}

#[resilient(timeout = "5s")]
async fn by_default() -> Result<(), Failure> {
    Ok(())
}

// The default is `module::path::function`.
#[tokio::test(start_paused = true)]
async fn a_call_is_named_by_its_path() {
    by_default().await.unwrap();
    assert_eq!(named("by_default"), [format!("{HERE}::by_default")]);
}

// The default name of a breaker is the call's.
#[tokio::test(start_paused = true)]
async fn a_breaker_without_a_name_has_the_calls() {
    #[resilient(breaker(failures = 1))]
    async fn nameless_breaker() -> Result<(), Failure> {
        Err(steadfast_tests::TRANSIENT)
    }

    #[resilient(name = "names.given", breaker)]
    async fn named_call() -> Result<(), Failure> {
        Ok(())
    }

    apart(async {
        nameless_breaker().await.unwrap_err();
        named_call().await.unwrap();
        let names: Vec<_> = registry()
            .breakers()
            .iter()
            .map(|b| b.name().to_string())
            .collect();
        assert_eq!(
            names,
            [format!("{HERE}::nameless_breaker"), "names.given".into()]
        );
    })
    .await;
}

struct One;
struct Other;

impl One {
    #[resilient]
    async fn twice_named(&self) -> Result<(), Failure> {
        Ok(())
    }
}

impl Other {
    #[resilient]
    async fn twice_named(&self) -> Result<(), Failure> {
        Ok(())
    }
}

// Where two sites have the same default name, each gets `@line`: methods of two types.
#[tokio::test(start_paused = true)]
async fn methods_of_two_types_are_told_apart_by_their_lines() {
    One.twice_named().await.unwrap();
    Other.twice_named().await.unwrap();
    let mut lines: Vec<u32> = sites()
        .filter(|site| site.name().contains("twice_named"))
        .map(|site| site.line())
        .collect();
    lines.sort_unstable();
    let expected: Vec<_> = lines
        .iter()
        .map(|line| format!("{HERE}::twice_named@{line}"))
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(named("twice_named"), expected);
}

// … functions in functions.
#[tokio::test(start_paused = true)]
async fn functions_in_functions_are_told_apart_by_their_lines() {
    async fn first() -> Result<u32, Failure> {
        #[resilient]
        async fn inside() -> Result<u32, Failure> {
            Ok(1)
        }
        inside().await
    }

    async fn second() -> Result<u32, Failure> {
        #[resilient]
        async fn inside() -> Result<u32, Failure> {
            Ok(2)
        }
        inside().await
    }

    assert_eq!((first().await, second().await), (Ok(1), Ok(2)));
    let names = named("inside@");
    assert_eq!(names.len(), 2);
    assert_ne!(names[0], names[1]);
}

// Sites that share a default name still have a breaker each.
#[tokio::test(start_paused = true)]
async fn calls_told_apart_by_their_lines_share_no_breaker() {
    mod one {
        use steadfast_tests::{Dependency, Failure};

        pub(super) struct A;
        pub(super) struct B;

        impl A {
            #[steadfast::resilient(breaker(failures = 1))]
            pub(super) async fn guarded(dependency: &Dependency) -> Result<usize, Failure> {
                dependency.ask().await
            }
        }

        impl B {
            #[steadfast::resilient(breaker(failures = 1))]
            pub(super) async fn guarded(dependency: &Dependency) -> Result<usize, Failure> {
                dependency.ask().await
            }
        }
    }

    apart(async {
        one::A::guarded(&Dependency::playing("F"))
            .await
            .unwrap_err();
        assert_eq!(one::B::guarded(&Dependency::playing("S")).await, Ok(1));
        assert_eq!(registry().breakers().len(), 2);
    })
    .await;
}

// `r#` is dropped.
#[tokio::test(start_paused = true)]
async fn a_raw_name_loses_its_mark() {
    #[resilient]
    async fn r#yield(r#type: u32) -> Result<u32, Failure> {
        Ok(r#type)
    }

    assert_eq!(r#yield(3).await, Ok(3));
    assert_eq!(named("yield"), [format!("{HERE}::yield")]);
}

// A generic function is one site.
#[tokio::test(start_paused = true)]
async fn a_generic_function_is_one_site() {
    #[resilient(breaker(name = "names.generic", failures = 2))]
    async fn generic_site<T: std::fmt::Debug + Send>(_: T) -> Result<T, Failure> {
        Err(steadfast_tests::TRANSIENT)
    }

    apart(async {
        generic_site(1).await.unwrap_err();
        generic_site("text").await.unwrap_err();
        assert_eq!(named("generic_site").len(), 1);
        assert!(registry().breaker("names.generic").admit().is_err());
    })
    .await;
}

mod conflicting {
    use super::*;

    #[resilient(breaker(name = "names.conflict", failures = 3))]
    pub(super) async fn first(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    #[resilient(breaker(name = "names.conflict", failures = 7, recovery = "9s"))]
    pub(super) async fn second(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    #[resilient(name = "names.twice")]
    pub(super) async fn one() -> Result<(), Failure> {
        Ok(())
    }

    #[resilient(name = "names.twice")]
    pub(super) async fn other() -> Result<(), Failure> {
        Ok(())
    }
}

// Two calls that give one option different values conflict: the first in order of file:line
// holds, one `tracing` error names both places, and `check()` returns it.
#[tokio::test(start_paused = true)]
async fn of_two_values_for_one_option_the_first_holds_and_both_places_are_named() {
    let ((), events) = listen(apart(async {
        conflicting::second(&Dependency::playing("")).await.unwrap();
        conflicting::first(&Dependency::playing("")).await.unwrap();
        let breaker = registry().breaker("names.conflict");
        assert_eq!(breaker.status().failure_threshold, Some(3));
        // What only one of them says holds all the same.
        breaker.force_open();
        breaker.release();
        (0..3).for_each(|_| breaker.admit().unwrap().failure());
        assert_eq!(breaker.status().retry_in, Some(steadfast_tests::secs(9)));
    }))
    .await;
    let errors: Vec<_> = events
        .iter()
        .filter(|event| event.level == tracing::Level::ERROR)
        .collect();
    assert_eq!(errors.len(), 1, "{events:?}");
    let text = &errors[0].message;
    assert!(
        text.contains("`breaker.failures` of \"names.conflict\" is 3 at ")
            && text.contains("but 7 at "),
        "{text}"
    );
    let places = text.matches("names.rs:").count();
    assert_eq!(places, 2, "{text}");
    let found: Vec<_> = Registry::new()
        .check()
        .into_iter()
        .filter(|conflict| *conflict.name() == *"names.conflict")
        .collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].to_string(), *text);
}

// Two given names that are the same are a conflict.
#[tokio::test(start_paused = true)]
async fn two_calls_with_one_given_name_are_a_conflict() {
    conflicting::one().await.unwrap();
    conflicting::other().await.unwrap();
    let found: Vec<_> = registry()
        .check()
        .into_iter()
        .filter(|conflict| *conflict.name() == *"names.twice")
        .map(|conflict| conflict.to_string())
        .collect();
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("two calls are named \"names.twice\", at "),
        "{found:?}"
    );
    assert_eq!(found[0].matches("names.rs:").count(), 2);
}

// What two places say together may break a rule that neither breaks alone.
#[tokio::test(start_paused = true)]
async fn two_places_that_together_break_a_rule_are_a_conflict() {
    #[resilient(breaker(name = "names.rule", recovery = "10m"))]
    async fn recovers() -> Result<(), Failure> {
        Ok(())
    }

    #[resilient(breaker(name = "names.rule", recovery_max = "6m"))]
    async fn at_most() -> Result<(), Failure> {
        Ok(())
    }

    recovers().await.unwrap();
    at_most().await.unwrap();
    let conflicts = registry().check();
    let found = conflicts
        .iter()
        .find(|conflict| *conflict.name() == *"names.rule")
        .expect("a recovery that is longer than its most is a fault");
    assert!(
        found.to_string().contains("recovery_max 6m is shorter"),
        "{found}"
    );
}
