//! The mode of a call and of the policies it names.

use steadfast::{Rejection, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, listen, secs, site};
use tokio::time::Instant;

use super::behaviour;

behaviour!(
    mode_says_whether_a_call_acts_reports_or_is_left_alone,
    "mode",
    async {
        #[resilient(
            name = "options.mode.observe",
            mode = "observe",
            breaker(failures = 1),
            rate_limit(max = 1, per = "1h"),
            bulkhead(max = 1, wait = "0s"),
            timeout = "1s",
            deadline = "3s"
        )]
        async fn observed(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(
        name = "options.mode.off",
        mode = "off",
        breaker(failures = 1),
        rate_limit(max = 1, per = "1h"),
        bulkhead(max = 1, wait = "0s"),
        retry(max = 3),
        timeout = "1s",
        deadline = "2s",
        fallback = answer
    )]
        async fn off(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[expect(
            clippy::unnecessary_wraps,
            reason = "a fallback returns what its call returns"
        )]
        fn answer(_: &Dependency, _: Failure) -> Result<usize, Failure> {
            Ok(77)
        }

        let (calls, events) = listen(async {
            observed(&Dependency::playing("F")).await.unwrap_err(); // opens the circuit, takes the token
            let slow = Dependency::playing("S").taking(secs(5));
            let began = Instant::now();
            assert_eq!(observed(&slow).await, Ok(1));
            assert_eq!(began.elapsed(), secs(5));
            site("options.mode.observe").calls()
        })
        .await;
        assert_eq!(
            registry().breaker("options.mode.observe").state(),
            State::Open
        );
        assert_eq!(
            (calls.ok, calls.transient, calls.rejected, calls.timeout),
            (1, 1, 0, 0)
        );
        let told: Vec<_> = events
            .iter()
            .filter(|event| event.message == "would be rejected")
            .collect();
        let rejections: Vec<_> = told.iter().map(|event| event.field("rejection")).collect();
        assert_eq!(rejections.len(), 4, "{rejections:?}");
        for (rejection, start) in rejections.iter().zip([
            "rate limit options.mode.observe is used up",
            "circuit options.mode.observe is open",
            "timed out after 1s",
            "deadline of 3s exceeded",
        ]) {
            assert!(rejection.starts_with(start), "{rejections:?}");
        }
        assert_eq!(calls.would_reject, 4);
        assert_eq!(told[0].field("call"), "options.mode.observe");

        let hung = Dependency::playing("F").taking(secs(60));
        assert_eq!(off(&hung).await, Ok(77));
        assert_eq!(hung.runs(), 1);
        assert_eq!(off(&Dependency::playing("SS")).await, Ok(1));
        let breaker = registry().breaker("options.mode.off").status();
        assert_eq!((breaker.state, breaker.failures), (State::Closed, 0));
        assert_eq!(registry().rate_limit("options.mode.off").status().used, 0);
        let worst = site("options.mode.off").policy().worst_case().to_string();
        assert_eq!(worst, "unbounded (1 attempt, no timeout and no deadline)");
    }
);

behaviour!(
    breaker_mode_holds_wherever_the_breaker_is_used,
    "breaker.mode",
    async {
        #[resilient(breaker(name = "options.breaker.observe", failures = 1, mode = "observe"))]
        async fn observed(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(breaker = "options.breaker.observe", timeout = "1s")]
        async fn names_it(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(breaker(name = "options.breaker.off", failures = 1, mode = "off"))]
        async fn off(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        observed(&Dependency::playing("F")).await.unwrap_err();
        let breaker = registry().breaker("options.breaker.observe");
        assert_eq!(breaker.state(), State::Open);
        names_it(&Dependency::playing("S")).await.unwrap();
        // The rest of the call's policy acts.
        let cut = Rejection::Timeout { limit: secs(1) };
        assert_eq!(names_it(&Dependency::playing("H")).await, Err(cut.into()));
        let (admitted, events) = listen(async { breaker.admit().is_ok() }).await;
        assert!(
            admitted && events[0].message == "would be rejected",
            "{events:?}"
        );
        breaker.wait_for(State::HalfOpen).await;
        observed(&Dependency::playing("S")).await.unwrap();
        observed(&Dependency::playing("S")).await.unwrap();
        assert_eq!(breaker.state(), State::Closed);

        off(&Dependency::playing("F")).await.unwrap_err();
        let breaker = registry().breaker("options.breaker.off");
        breaker.admit().unwrap().failure();
        assert_eq!(
            (breaker.state(), breaker.status().failures),
            (State::Closed, 0)
        );
        breaker.for_key("acme").unwrap().admit().unwrap().failure();
        assert_eq!(breaker.status().keys.open, 0);
    }
);

behaviour!(
    rate_limit_mode_holds_wherever_the_limit_is_used,
    "rate_limit.mode",
    async {
        #[resilient(rate_limit(
            name = "options.limit.observe",
            max = 2,
            per = "1h",
            mode = "observe"
        ))]
        async fn observed(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(rate_limit(name = "options.limit.off", max = 1, per = "1h", mode = "off"))]
        async fn off(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let ((), events) = listen(async {
            for _ in 0..3 {
                observed(&Dependency::playing("S")).await.unwrap();
            }
            let limit = registry().rate_limit("options.limit.observe");
            limit.try_acquire().unwrap();
            limit.acquire().await.unwrap();
            assert_eq!(limit.status().left, 0);
        })
        .await;
        let told = events
            .iter()
            .filter(|event| event.message == "would be rejected");
        assert_eq!(told.count(), 3, "{events:?}");

        let limit = registry().rate_limit("options.limit.off");
        for _ in 0..3 {
            off(&Dependency::playing("S")).await.unwrap();
            limit.try_acquire_for("acme").unwrap();
        }
        assert_eq!((limit.status().used, limit.status().keys), (0, 0));
    }
);

behaviour!(
    bulkhead_mode_holds_wherever_the_bulkhead_is_used,
    "bulkhead.mode",
    async {
        #[resilient(bulkhead(
            name = "options.places.observe",
            max = 1,
            queue = 0,
            mode = "observe"
        ))]
        async fn observed(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        #[resilient(bulkhead(name = "options.places.off", max = 1, wait = "0s", mode = "off"))]
        async fn off(dependency: &Dependency) -> Result<usize, Failure> {
            dependency.ask().await
        }

        let ((), events) = listen(async {
            let slow = [0, 1].map(|_| Dependency::playing("S").taking(secs(1)));
            let (one, other) = tokio::join!(observed(&slow[0]), observed(&slow[1]));
            assert_eq!((one, other), (Ok(1), Ok(1)));
            let bulkhead = registry().bulkhead("options.places.observe");
            let places = [
                bulkhead.try_enter().unwrap(),
                bulkhead.enter().await.unwrap(),
            ];
            assert_eq!(bulkhead.status().active, 1);
            drop(places);
            assert_eq!(bulkhead.status().active, 0);
        })
        .await;
        let told = events
            .iter()
            .filter(|event| event.message == "would be rejected");
        assert_eq!(told.count(), 2, "{events:?}");

        let bulkhead = registry().bulkhead("options.places.off");
        let places = [
            bulkhead.try_enter().unwrap(),
            bulkhead.enter().await.unwrap(),
        ];
        off(&Dependency::playing("S")).await.unwrap();
        assert_eq!(bulkhead.status().active, 0);
        drop(places);
    }
);
