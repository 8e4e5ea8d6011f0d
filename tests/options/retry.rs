//! How often a call is retried, after what, and what is told of it.

use std::cell::RefCell;
use std::sync::Mutex;

use steadfast::{Class, Retrying, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, is_open, ms, secs};
use tokio::time::Instant;

use super::behaviour;

behaviour!(retry_max_counts_the_first_attempt, "retry.max", async {
    #[resilient(retry(max = 4, base = "0s"))]
    async fn four(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    #[resilient(retry(max = 1))]
    async fn one(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    let dependency = Dependency::playing("FFFF");
    assert_eq!(four(&dependency).await, Err(TRANSIENT));
    assert_eq!(dependency.runs(), 4);
    assert_eq!(four(&Dependency::playing("FFF")).await, Ok(4));

    let (dependency, began) = (Dependency::playing("F"), Instant::now());
    assert_eq!(one(&dependency).await, Err(TRANSIENT));
    assert_eq!((dependency.runs(), began.elapsed()), (1, secs(0)));
});

behaviour!(retry_max_is_three_for_a_bare_retry, "retry.max", async {
    #[resilient(retry)]
    async fn call(dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    let dependency = Dependency::playing("FFF");
    assert_eq!(call(&dependency).await, Err(TRANSIENT));
    assert_eq!(dependency.runs(), 3);
});

/// The letters that are tried again.
async fn retried(call: impl AsyncFn(&Dependency) -> Result<usize, Failure>) -> String {
    let mut letters = String::new();
    for letter in ["F", "T", "R", "P", "E", "I"] {
        let dependency = Dependency::playing(letter);
        let _ = call(&dependency).await;
        if dependency.runs() == 2 {
            letters.push_str(letter);
        }
    }
    letters
}

behaviour!(
    retry_on_names_the_classes_that_are_tried_again,
    "retry.on",
    async {
        #[resilient(retry(max = 2, base = "0s"))]
        async fn by_default(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(retry(max = 2, base = "0s", on(transient, rate_limited)))]
        async fn payments(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(retry(max = 2, base = "0s", on(permanent)))]
        async fn stubborn(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        assert_eq!(retried(by_default).await, "FTR");
        assert_eq!(retried(payments).await, "FR");
        assert_eq!(retried(stubborn).await, "P");
    }
);

// `rejected` may be added: then the pause is at least the rejection's `retry_in`.
behaviour!(
    retry_on_rejected_waits_until_the_circuit_may_be_tried,
    "retry.on",
    async {
        #[resilient(
            breaker(name = "options.on", failures = 1, recovery = "20s"),
            retry(max = 2, base = "1s", jitter = "none", on(rejected))
        )]
        async fn call(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(
            breaker = "options.on",
            retry(max = 9, base = "30s", cap = "30s", jitter = "none", on(rejected))
        )]
        async fn patient(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(
            breaker = "options.on",
            retry(max = 2, base = "1s", cap = "19s", on(rejected))
        )]
        async fn hasty(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let breaker = registry().breaker("options.on");
        let dependency = Dependency::playing("");
        for (result, pause) in [(true, 20), (true, 30), (false, 0)] {
            breaker.reset();
            breaker.admit().unwrap().failure();
            let began = Instant::now();
            let called = match pause {
                20 => call(&dependency).await,
                30 => patient(&dependency).await,
                // It would have to wait for longer than its cap.
                _ => hasty(&dependency).await,
            };
            assert_eq!((called.is_ok(), began.elapsed()), (result, secs(pause)));
        }
        // Forced open, no one knows for how long: the usual pauses, as often as there are attempts.
        breaker.force_open();
        let began = Instant::now();
        assert!(is_open(&call(&dependency).await));
        assert_eq!(began.elapsed(), secs(1));
    }
);

thread_local! {
    static SEEN: RefCell<Vec<(u32, u64, Class, String)>> = const { RefCell::new(Vec::new()) };
}

fn note(retrying: &Retrying<'_>) {
    let Retrying {
        attempt,
        delay,
        class,
        error,
        ..
    } = *retrying;
    SEEN.with_borrow_mut(|seen| {
        seen.push((attempt, delay.as_millis() as u64, class, error.to_string()));
    });
}

behaviour!(
    retry_notify_sees_each_failed_attempt_before_its_pause,
    "retry.notify",
    async {
        #[resilient(
        timeout = "5s",
        retry(max = 4, base = "100ms", jitter = "none", notify = note)
    )]
        async fn call(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let dependency = Dependency::playing("FTHF");
        let told = async {
            tokio::time::sleep(ms(50)).await;
            SEEN.with_borrow(|seen| assert_eq!(seen.len(), 1));
        };
        let (result, ()) = tokio::join!(call(&dependency), told);
        assert_eq!(result, Err(TRANSIENT));
        let seen = SEEN.take();
        let text = |text: &str| text.to_owned();
        assert_eq!(
            seen,
            [
                (1, 100, Class::Transient, text("a transient failure")),
                (2, 200, Class::Timeout, text("a timeout failure")),
                (3, 400, Class::Timeout, text("timed out after 5s")),
            ]
        );
    }
);

behaviour!(
    retry_notify_hears_nothing_where_there_is_no_pause,
    "retry.notify",
    async {
        #[resilient(retry(max = 3, base = "1s", notify = note), deadline = "500ms")]
        async fn call(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        for script in ["", "P", "E"] {
            let _ = call(&Dependency::playing(script)).await;
        }
        SEEN.with_borrow(|seen| assert!(seen.is_empty(), "{seen:?}"));
    }
);

behaviour!(
    retry_share_lets_every_attempt_see_the_same_argument,
    "retry.share",
    async {
        /// Is no `Clone`.
        struct Order(&'static str);

        #[resilient(retry(max = 3, base = "0s", share(order, lines)))]
        async fn call(
            dependency: &Dependency,
            seen: &Mutex<Vec<(*const Order, *const u32)>>,
            order: Order,
            lines: Vec<u32>,
        ) -> Result<&'static str, Failure> {
            let (order, lines): (&Order, &Vec<u32>) = (order, lines);
            seen.lock().unwrap().push((order, lines.as_ptr()));
            dependency.ask().await?;
            Ok(order.0)
        }

        let (dependency, seen) = (Dependency::playing("FF"), Mutex::default());
        let order = Order("shared");
        assert_eq!(call(&dependency, &seen, order, vec![1]).await, Ok("shared"));
        let seen = seen.into_inner().unwrap();
        assert_eq!(seen.len(), 3);
        assert!(seen.iter().all(|each| *each == seen[0]));
    }
);
