//! What answers where a call can't.

use std::io::{self, ErrorKind};

use steadfast::{Rejection, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, secs, site};
use tokio::time::{Instant, sleep};

use super::behaviour;

behaviour!(
    fallback_with_gets_the_arguments_and_the_error,
    "fallback.with",
    async {
        #[resilient(retry(max = 2, base = "0s"), fallback = instead)]
        async fn call(
            dependency: &Dependency,
            name: String,
            (low, high): (u32, u32),
        ) -> Result<String, Failure> {
            drop(name);
            dependency.ask().await.map(|_| format!("{low}-{high}"))
        }

        #[expect(
            clippy::needless_pass_by_value,
            clippy::unnecessary_wraps,
            reason = "a fallback takes what its call takes, and returns what it returns"
        )]
        fn instead(
            dependency: &Dependency,
            name: String,
            (low, high): (u32, u32),
            error: Failure,
        ) -> Result<String, Failure> {
            Ok(format!(
                "{name} {low} {high} after {} runs: {error}",
                dependency.runs()
            ))
        }

        let well = call(&Dependency::playing("FS"), "x".into(), (1, 2)).await;
        assert_eq!(well, Ok("1-2".into()));
        let ill = call(&Dependency::playing("FF"), "x".into(), (1, 2)).await;
        assert_eq!(ill, Ok("x 1 2 after 2 runs: a transient failure".into()));
    }
);

behaviour!(fallback_with_may_be_async, "fallback.with", async {
    #[resilient(fallback(with = later))]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    async fn later(dependency: &Dependency, _: Failure) -> Result<usize, Failure> {
        sleep(secs(3)).await;
        dependency.ask().await
    }

    let began = Instant::now();
    assert_eq!(call(&Dependency::playing("F")).await, Ok(2));
    assert_eq!(began.elapsed(), secs(3));
});

behaviour!(
    fallback_with_may_fail_with_an_error_of_its_own,
    "fallback.with",
    async {
        #[resilient(fallback = no_better)]
        async fn call(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        async fn no_better(dependency: &Dependency, _: Failure) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let timeout = Failure::Of(steadfast::Class::Timeout);
        assert_eq!(call(&Dependency::playing("FT")).await, Err(timeout));
    }
);

behaviour!(
    fallback_with_gets_self_first_for_methods,
    "fallback.with",
    async {
        struct Shop {
            motto: &'static str,
        }

        impl Shop {
            #[resilient(fallback = Self::motto)]
            async fn greeting(&self, dependency: &Dependency) -> Result<String, Failure> {
                dependency.ask().await.map(|run| run.to_string())
            }

            #[expect(
                clippy::unnecessary_wraps,
                reason = "a fallback returns what its call returns"
            )]
            fn motto(&self, _: &Dependency, _: Failure) -> Result<String, Failure> {
                Ok(self.motto.to_owned())
            }
        }

        let shop = Shop { motto: "hello" };
        assert_eq!(
            shop.greeting(&Dependency::playing("S")).await,
            Ok("1".into())
        );
        assert_eq!(
            shop.greeting(&Dependency::playing("F")).await,
            Ok("hello".into())
        );
    }
);

behaviour!(
    fallback_with_answers_for_sync_functions,
    "fallback.with",
    async {
        #[resilient(breaker(name = "options.sync", failures = 1), fallback = known)]
        fn call(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask_now()
        }

        #[expect(
            clippy::needless_pass_by_value,
            clippy::unnecessary_wraps,
            reason = "a fallback takes what its call takes, and returns what it returns"
        )]
        fn known(_: &Dependency, error: Failure) -> Result<usize, Failure> {
            Ok(if error == TRANSIENT { 100 } else { 200 })
        }

        let dependency = Dependency::playing("F");
        assert_eq!(call(&dependency), Ok(100));
        assert_eq!(call(&dependency), Ok(200));
    }
);

behaviour!(
    fallback_kind_default_answers_with_the_types_default,
    "fallback.kind",
    async {
        #[resilient(fallback(kind = "default"), timeout = "1s")]
        async fn call(dependency: &Dependency) -> io::Result<Vec<usize>> {
            let run = dependency.ask().await.map_err(|_| ErrorKind::BrokenPipe)?;
            Ok(vec![run])
        }

        assert_eq!(call(&Dependency::playing("S")).await.unwrap(), [1]);
        for script in ["F", "H"] {
            assert!(call(&Dependency::playing(script)).await.unwrap().is_empty());
        }
    }
);

behaviour!(
    fallback_kind_call_is_the_one_in_with,
    "fallback.kind",
    async {
        #[resilient(fallback(kind = "call", with = zero))]
        async fn call(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[expect(
            clippy::unnecessary_wraps,
            reason = "a fallback returns what its call returns"
        )]
        fn zero(_: &Dependency, _: Failure) -> Result<usize, Failure> {
            Ok(0)
        }

        assert_eq!(call(&Dependency::playing("F")).await, Ok(0));
    }
);

// error: any final error but `Expected` and `Ignored`.
behaviour!(
    fallback_on_error_answers_for_all_but_expected_and_ignored,
    "fallback.on",
    async {
        #[resilient(
            name = "options.on_error",
            breaker(name = "options.on_error", failures = 99),
            timeout = "1s",
            fallback(kind = "default")
        )]
        async fn by_default(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(fallback(kind = "default", on = "error"))]
        async fn explicit(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        for letter in ["F", "T", "R", "P", "H"] {
            assert_eq!(
                by_default(&Dependency::playing(letter)).await,
                Ok(0),
                "{letter}"
            );
        }
        registry().breaker("options.on_error").force_open();
        assert_eq!(by_default(&Dependency::playing("")).await, Ok(0));
        assert_eq!(site("options.on_error").calls().rejected, 1);
        for letter in ["E", "I"] {
            assert!(
                explicit(&Dependency::playing(letter)).await.is_err(),
                "{letter}"
            );
        }
    }
);

// rejected: `CircuitOpen`, `RateLimited`, `LimiterUnavailable`, `BulkheadFull`.
behaviour!(
    fallback_on_rejected_answers_for_refusals_alone,
    "fallback.on",
    async {
        #[resilient(
            breaker(name = "options.on_rejected", failures = 99),
            timeout = "1s",
            fallback(kind = "default", on = "rejected")
        )]
        async fn call(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        for letter in ["F", "T", "R", "P", "E", "I"] {
            assert!(
                call(&Dependency::playing(letter)).await.is_err(),
                "{letter}"
            );
        }
        let cut = Rejection::Timeout { limit: secs(1) };
        assert_eq!(call(&Dependency::playing("H")).await, Err(cut.into()));
        registry().breaker("options.on_rejected").force_open();
        assert_eq!(call(&Dependency::playing("")).await, Ok(0));
    }
);
