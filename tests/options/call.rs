//! Options of the call itself.

use std::io::{self, ErrorKind};

use steadfast::{Class, Rejection, registry, resilient};
use steadfast_tests::{Dependency, Failure, is_open, ms, secs, site};
use tokio::time::Instant;

use super::behaviour;

behaviour!(name_is_what_the_call_goes_by, "name", async {
    #[resilient(name = "options.name:given", breaker(failures = 1))]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    call(&Dependency::playing("F")).await.unwrap_err();
    assert_eq!(site("options.name:given").calls().transient, 1);
    assert!(registry().breaker("options.name:given").admit().is_err());
});

behaviour!(timeout_limits_each_attempts_body, "timeout", async {
    #[resilient(timeout = "250ms", retry(max = 2, base = "1s", jitter = "none"))]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    let began = Instant::now();
    let cut = Rejection::Timeout { limit: ms(250) };
    assert_eq!(call(&Dependency::playing("HH")).await, Err(cut.into()));
    assert_eq!(began.elapsed(), ms(1500));
    let slow = Dependency::playing("FS").taking(ms(249));
    assert_eq!(call(&slow).await, Ok(2));
});

behaviour!(deadline_limits_the_whole_call, "deadline", async {
    #[resilient(
        deadline = "2s",
        retry(max = 9, base = "500ms", factor = 1.0, jitter = "none")
    )]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    let began = Instant::now();
    let cut = Rejection::DeadlineExceeded { limit: secs(2) };
    let dependency = Dependency::playing("FFFF").taking(ms(400));
    assert_eq!(call(&dependency).await, Err(cut.into()));
    assert_eq!(began.elapsed(), secs(2));
    assert_eq!((dependency.runs(), dependency.dropped()), (3, 1));
});

behaviour!(classify_says_what_the_calls_errors_are, "classify", async {
    #[resilient(
        retry(max = 3, base = "0s"),
        breaker(name = "options.classify", failures = 1),
        classify = by_kind
    )]
    async fn call(dependency: &Dependency, kind: ErrorKind) -> io::Result<usize> {
        dependency.ask().await.map_err(|_| kind.into())
    }

    fn by_kind(error: &io::Error) -> Class {
        match error.kind() {
            ErrorKind::ConnectionReset => Class::Expected,
            ErrorKind::NotFound => Class::Transient,
            _ => Class::of(error),
        }
    }

    let dependency = Dependency::playing("FFF");
    call(&dependency, ErrorKind::ConnectionReset)
        .await
        .unwrap_err();
    assert_eq!(dependency.runs(), 1);
    let refused = call(&dependency, ErrorKind::NotFound).await.unwrap_err();
    assert!(refused.get_ref().unwrap().is::<Rejection>());
    assert_eq!(dependency.runs(), 2);
});

behaviour!(
    classify_may_be_a_path_into_another_module,
    "classify",
    async {
        mod rules {
            pub(super) struct Rules;

            impl Rules {
                pub(super) const fn always<E>(_: &E) -> steadfast::Class {
                    steadfast::Class::Permanent
                }
            }
        }

        #[resilient(
        breaker(name = "options.path", failures = 1),
        classify = rules::Rules::always
    )]
        async fn call(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        call(&Dependency::playing("E")).await.unwrap_err();
        assert!(is_open(&call(&Dependency::playing("")).await));
    }
);
