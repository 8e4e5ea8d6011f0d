//! How many tokens a rate limit gives, and when.

use std::collections::VecDeque;
use std::time::Duration;

use steadfast::{Rejection, registry};
use steadfast_tests::{Dependency, apart, ms, pass, secs};
use tokio::time::{Instant, advance};

use super::{Random, crowd, guarded, rate_limited};

// The words: 100 permits a minute, 100 at once, then one each 0.6 s.
#[tokio::test(start_paused = true)]
async fn a_bucket_of_100_a_minute_gives_100_at_once_then_one_each_600_ms() {
    let call = guarded!(rate_limit(name = "tokens.bucket", max = 100, per = "1m"));
    let refused = |time| Err(rate_limited("tokens.bucket", time));
    apart(async {
        let dependency = Dependency::playing("");
        for _ in 0..100 {
            call(&dependency).await.unwrap();
        }
        for _ in 0..50 {
            assert_eq!(call(&dependency).await, refused(ms(600)));
            advance(ms(599)).await;
            assert_eq!(call(&dependency).await, refused(ms(1)));
            advance(ms(1)).await;
            call(&dependency).await.unwrap();
        }
        assert_eq!(dependency.runs(), 150);
        // Quiet for half a minute, then as many as flowed in.
        advance(secs(30)).await;
        for _ in 0..50 {
            call(&dependency).await.unwrap();
        }
        assert_eq!(call(&dependency).await, refused(ms(600)));
    })
    .await;
}

// The same, for calls that wait.
#[tokio::test(start_paused = true)]
async fn callers_that_wait_get_one_token_each_600_ms_in_their_order() {
    let call = guarded!(rate_limit(
        name = "tokens.waiting",
        max = 100,
        per = "1m",
        wait = "10s"
    ));
    apart(async {
        let dependency = std::sync::Arc::new(Dependency::playing(""));
        let calls = (0..110).map(|_| {
            let dependency = dependency.clone();
            async move { call(&dependency).await }
        });
        let in_order: Vec<_> = (1..=110).map(Ok).collect();
        assert_eq!(crowd(calls).await, in_order);
        let starts = dependency.starts();
        assert!(starts[..100].iter().all(|&start| start == secs(0)));
        let rest: Vec<_> = (1..=10).map(|n| ms(600) * n).collect();
        assert_eq!(starts[100..], rest);
    })
    .await;
}

/// Plainly: who was admitted in the last so long.
struct Model {
    admitted: VecDeque<Duration>,
    max: usize,
    per: Duration,
}

impl Model {
    fn new(max: usize, per: Duration) -> Self {
        Self {
            admitted: VecDeque::new(),
            max,
            per,
        }
    }

    /// Time until there is room, where there is none.
    fn ask(&mut self, now: Duration) -> Result<(), Duration> {
        while self
            .admitted
            .front()
            .is_some_and(|&at| at + self.per <= now)
        {
            self.admitted.pop_front();
        }
        if self.admitted.len() < self.max {
            self.admitted.push_back(now);
            return Ok(());
        }
        Err(self.admitted[0] + self.per - now)
    }
}

// The words: never more than 100 in any 60 s, over 1,000,000 random arrivals.
#[tokio::test(start_paused = true)]
async fn a_sliding_window_admits_what_a_plain_model_admits_over_a_million_random_arrivals() {
    let _declared = guarded!(rate_limit(
        name = "tokens.window",
        max = 100,
        per = "1m",
        algorithm = "sliding_window"
    ));
    apart(async {
        let limit = registry().rate_limit("tokens.window");
        let (mut model, mut random) = (Model::new(100, secs(60)), Random(1));
        let began = Instant::now();
        for arrival in 0..1_000_000 {
            pass(Duration::from_micros(random.below(700_000)));
            let now = began.elapsed();
            let wanted = model.ask(now);
            let retry_in = limit.try_acquire().map_err(|refused| refused.retry_in());
            assert_eq!(
                retry_in,
                wanted.map_err(Some),
                "arrival {arrival} at {now:?}"
            );
        }
    })
    .await;
}

// The same through a call, whose token is spent as its body runs.
#[tokio::test(start_paused = true)]
async fn the_calls_of_a_sliding_window_run_as_a_plain_model_says() {
    let call = guarded!(rate_limit(
        name = "tokens.window_of_calls",
        max = 10,
        per = "10s",
        algorithm = "sliding_window"
    ));
    apart(async {
        let dependency = Dependency::playing("");
        let (mut model, mut random) = (Model::new(10, secs(10)), Random(2));
        let began = Instant::now();
        for _ in 0..20_000 {
            advance(ms(random.below(1400))).await;
            let wanted = model.ask(began.elapsed());
            let refused = |time| rate_limited("tokens.window_of_calls", time);
            let result = call(&dependency).await;
            assert_eq!(result.map(|_| ()), wanted.map_err(refused));
        }
        assert!(dependency.runs() > 10_000, "{}", dependency.runs());
        let starts = dependency.starts();
        assert!(
            starts
                .windows(11)
                .all(|some| some[10] - some[0] >= secs(10))
        );
    })
    .await;
}

// In any minute a bucket gives what it holds and what flows in, however calls arrive.
#[tokio::test(start_paused = true)]
async fn a_bucket_never_gives_more_than_its_burst_and_its_flow() {
    let _declared = guarded!(rate_limit(
        name = "tokens.flow",
        max = 60,
        per = "1m",
        burst = 5
    ));
    apart(async {
        let limit = registry().rate_limit("tokens.flow");
        let mut random = Random(3);
        let mut given: VecDeque<Instant> = VecDeque::new();
        for _ in 0..100_000 {
            pass(ms(random.below(1500)));
            if limit.try_acquire().is_ok() {
                given.push_back(Instant::now());
            }
        }
        for some in [5, 6, 20, 64] {
            // The first of so many, and what flowed in since, gave them all.
            let least = secs(1) * u32::try_from(some - 5 + 1).unwrap();
            let spans = given.iter().zip(given.iter().skip(some));
            assert!(
                spans
                    .into_iter()
                    .all(|(&first, &last)| last - first >= least)
            );
        }
        assert!(given.len() > 50_000, "{}", given.len());
    })
    .await;
}

// 5 of the contract: "Rejection::RateLimited … retry_in": true to the nanosecond.
#[tokio::test(start_paused = true)]
async fn a_refusal_says_when_to_come_back() {
    let _declared = guarded!(rate_limit(
        name = "tokens.sevenths",
        max = 7,
        per = "1s",
        burst = 1
    ));
    apart(async {
        let limit = registry().rate_limit("tokens.sevenths");
        limit.try_acquire().unwrap();
        pass(ms(40));
        let Err(Rejection::RateLimited { retry_in, .. }) = limit.try_acquire() else {
            panic!("the only token is gone");
        };
        let retry_in = retry_in.unwrap();
        pass(retry_in - Duration::from_nanos(1));
        assert!(limit.try_acquire().is_err());
        pass(Duration::from_nanos(1));
        limit.try_acquire().unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn status_tells_what_is_used_what_is_left_and_when_all_is_back() {
    let call = guarded!(rate_limit(name = "tokens.status", max = 10, per = "10s"));
    apart(async {
        let limit = registry().rate_limit("tokens.status");
        let told = || {
            let status = limit.status();
            (status.used, status.left, status.resets_in)
        };
        assert_eq!(told(), (0, 10, secs(0)));
        for _ in 0..4 {
            call(&Dependency::playing("")).await.unwrap();
        }
        assert_eq!(told(), (4, 6, secs(4)));
        advance(ms(2500)).await;
        assert_eq!(told(), (2, 8, ms(1500)));
        advance(secs(60)).await;
        assert_eq!(told(), (0, 10, secs(0)));
    })
    .await;
}
