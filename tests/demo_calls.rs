//! Guarded calls over real sockets: error statuses, hangs, resets, `Retry-After`. The clock is
//! real here, and every limit short.

use std::time::{Duration, Instant};

use reqwest::Client;
use steadfast::{Class, Classify, Registry, Rejection, State, registry, resilient};
use steadfast_examples::checkout::calls::{charge, thank};
use steadfast_examples::checkout::{Api, CallError, Order};
use steadfast_examples::dependency::PerDependency;
use steadfast_examples::upstream::{Behaviour, Timeline, Upstream};
use steadfast_tests::{apart, ms, secs, site};

/// What a test may take at most, on a busy machine too.
const LONGEST: Duration = secs(20);

/// Runs a test against a stand-in that behaves so, in a registry of its own.
async fn against(behaviour: Behaviour, test: impl AsyncFnOnce(&Upstream)) {
    let upstream = Upstream::start(Timeline::sick(behaviour), 1).await.unwrap();
    let ended = tokio::time::timeout(LONGEST, apart(test(&upstream))).await;
    assert!(ended.is_ok(), "the test hangs");
    upstream.stop().await;
}

fn recover(upstream: &Upstream) {
    upstream.switch(Timeline::always(Behaviour::healthy()));
}

/// Loopback is no business of a proxy.
fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

#[resilient(
    name = "demo.get",
    breaker(name = "demo", failures = 9, recovery = "400ms", close_after = 1),
    retry(max = 3, base = "1ms"),
    timeout = "5s"
)]
async fn get(client: &Client, url: &str) -> anyhow::Result<String> {
    let response = client.get(url).send().await?.error_for_status()?;
    Ok(response.text().await?)
}

/// The requests that a call made, and the class it ended in, for a stand-in that answers so.
async fn answered(status: u16) -> (u64, Class) {
    let mut seen = None;
    against(Behaviour::failing(status), async |upstream| {
        let error = get(&client(), &upstream.url()).await.unwrap_err();
        seen = Some((upstream.hits().total, Class::of(&*error)));
    })
    .await;
    seen.unwrap()
}

#[tokio::test]
async fn an_error_status_is_retried_where_its_class_says_so() {
    for status in [500, 502, 503, 504, 408] {
        assert_eq!(answered(status).await, (3, Class::Transient), "{status}");
    }
    for status in [401, 403, 501] {
        assert_eq!(answered(status).await, (1, Class::Permanent), "{status}");
    }
    for status in [400, 404, 409, 422] {
        assert_eq!(answered(status).await, (1, Class::Expected), "{status}");
    }
    let limited = Class::RateLimited { retry_after: None };
    assert_eq!(answered(429).await, (3, limited));
}

#[tokio::test]
async fn an_expected_status_is_no_failure_of_the_breaker() {
    against(Behaviour::failing(404), async |upstream| {
        for _ in 0..12 {
            get(&client(), &upstream.url()).await.unwrap_err();
        }
        assert_eq!(registry().breaker("demo").status().failures, 0);
        assert_eq!(site("demo.get").calls().expected, 12);
    })
    .await;
}

#[tokio::test]
async fn a_hanging_request_is_cut_and_tried_again() {
    #[resilient(breaker = "demo", retry(max = 3, base = "1ms"), timeout = "150ms")]
    async fn cut(client: &Client, url: &str) -> anyhow::Result<String> {
        Ok(client.get(url).send().await?.text().await?)
    }

    against(Behaviour::hanging(), async |upstream| {
        let began = Instant::now();
        let error = cut(&client(), &upstream.url()).await.unwrap_err();
        let limit = ms(150);
        assert_eq!(error.downcast_ref(), Some(&Rejection::Timeout { limit }));
        assert!(began.elapsed() >= 3 * limit);
        assert_eq!(upstream.hits().hung, 3);
        assert_eq!(registry().breaker("demo").status().failures, 3);
    })
    .await;
}

#[tokio::test]
async fn a_slow_answer_that_comes_in_time_is_an_answer() {
    against(Behaviour::healthy().latency(ms(20)), async |upstream| {
        assert_eq!(get(&client(), &upstream.url()).await.unwrap(), "{}");
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_reset_is_transient() {
    against(Behaviour::resetting(), async |upstream| {
        let error = get(&client(), &upstream.url()).await.unwrap_err();
        assert_eq!(Class::of(&*error), Class::Transient);
        assert!(upstream.hits().reset >= 3, "{:?}", upstream.hits());
        assert_eq!(site("demo.get").calls().transient, 1);
        recover(upstream);
        get(&client(), &upstream.url()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_refused_is_transient() {
    let upstream = Upstream::start(Timeline::always(Behaviour::healthy()), 1)
        .await
        .unwrap();
    let url = upstream.url();
    upstream.stop().await;
    apart(async {
        let error = get(&client(), &url).await.unwrap_err();
        assert_eq!(Class::of(&*error), Class::Transient);
        assert_eq!(registry().breaker("demo").status().failures, 3);
    })
    .await;
}

#[tokio::test]
async fn the_clients_own_timeout_is_of_class_timeout() {
    #[resilient]
    async fn impatient(client: &Client, url: &str) -> Result<String, reqwest_error::Failed> {
        let request = client.get(url).timeout(ms(30));
        Ok(request.send().await?.text().await?)
    }

    mod reqwest_error {
        /// An error whose source is `reqwest`'s.
        #[derive(Debug, thiserror::Error)]
        pub(super) enum Failed {
            #[error("rejected")]
            Rejected(#[from] steadfast::Rejection),
            #[error("failed")]
            Http(#[from] reqwest::Error),
        }
    }

    against(Behaviour::hanging(), async |upstream| {
        let error = impatient(&client(), &upstream.url()).await.unwrap_err();
        assert_eq!(Class::of(&error), Class::Timeout);
    })
    .await;
}

#[tokio::test]
async fn an_open_breaker_spares_the_sick_upstream_until_it_is_well() {
    against(Behaviour::failing(503), async |upstream| {
        let (client, url) = (client(), upstream.url());
        for _ in 0..10 {
            get(&client, &url).await.unwrap_err();
        }
        let breaker = registry().breaker("demo");
        assert_eq!(upstream.hits().total, 9);
        breaker.wait_for(State::HalfOpen).await;
        get(&client, &url).await.unwrap_err();
        let hits = upstream.hits().total;
        assert!(breaker.admit().is_err());
        get(&client, &url).await.unwrap_err();
        assert_eq!(upstream.hits().total, hits);
        recover(upstream);
        breaker.wait_for(State::HalfOpen).await;
        get(&client, &url).await.unwrap();
        assert_eq!(breaker.state(), State::Closed);
    })
    .await;
}

/// The demo's dependencies, all of them this stand-in.
fn api(upstream: &Upstream) -> Api {
    Api::new(PerDependency::from_fn(|_| upstream.url())).unwrap()
}

fn order() -> Order {
    Order {
        id: 7,
        customer: "ada@example.com".into(),
        cents: 1999,
    }
}

#[tokio::test]
async fn the_demos_charge_is_not_retried_where_it_may_have_gone_through() {
    against(Behaviour::hanging(), async |upstream| {
        let error = charge(&api(upstream), &order()).await.unwrap_err();
        assert!(matches!(
            error,
            CallError::Rejected(Rejection::Timeout { .. })
        ));
        assert_eq!(upstream.hits().total, 1);
    })
    .await;
}

#[tokio::test]
async fn the_demos_charge_is_refused_once_payments_is_sick() {
    against(Behaviour::failing(503), async |upstream| {
        let (api, order) = (api(upstream), order());
        let error = charge(&api, &order).await.unwrap_err();
        assert!(matches!(&error, CallError::Status { status, .. } if *status == 503));
        assert_eq!(error.classify(), Class::Transient);
        assert_eq!(upstream.hits().total, 3);
        for _ in 0..20 {
            let error = charge(&api, &order).await.unwrap_err();
            assert!(matches!(
                error,
                CallError::Rejected(Rejection::CircuitOpen { .. })
            ));
        }
        assert_eq!(upstream.hits().total, 5);
    })
    .await;
}

#[tokio::test]
async fn a_retry_after_is_waited_for() {
    let upstream = Upstream::start_at(
        Timeline::sick(Behaviour::rate_limiting(secs(1))),
        1,
        tokio::time::Instant::now(),
        r#"{"text":"thanks"}"#,
    );
    let upstream = upstream.await.unwrap();
    apart(async {
        let (api, order, began) = (api(&upstream), order(), Instant::now());
        let (thanks, ()) = tokio::join!(thank(&api, &order), async {
            tokio::time::sleep(ms(500)).await;
            recover(&upstream);
        });
        let thanks = thanks.unwrap();
        assert!(!thanks.canned, "{thanks:?}");
        assert!(began.elapsed() >= secs(1), "{:?}", began.elapsed());
        assert_eq!(upstream.hits().total, 2);
    })
    .await;
}

#[tokio::test]
async fn a_retry_after_above_the_cap_is_not_slept() {
    against(Behaviour::rate_limiting(secs(60)), async |upstream| {
        let thanks = thank(&api(upstream), &order()).await.unwrap();
        assert!(thanks.canned);
        assert_eq!(upstream.hits().total, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_stop_at_the_breaker() {
    #[resilient(
        breaker(name = "demo.storm", failures = 5, recovery = "60s"),
        retry(max = 3, base = "1ms"),
        timeout = "5s"
    )]
    async fn ask(client: Client, url: String) -> anyhow::Result<()> {
        client.get(url).send().await?.error_for_status()?;
        Ok(())
    }

    let upstream = Upstream::start(Timeline::sick(Behaviour::failing(503)), 1)
        .await
        .unwrap();
    let (client, apart) = (client(), Registry::new());
    let ask = || apart.scope(ask(client.clone(), upstream.url()));
    let calls: Vec<_> = (0..100).map(|_| tokio::spawn(ask())).collect();
    for call in calls {
        assert!(call.await.unwrap().is_err());
    }
    // All may be under way when it opens, and the four whose failures did not open it be tried
    // again; without it, each would be tried three times.
    let under_way = upstream.hits().total;
    assert!(under_way <= 104, "{under_way}");
    assert_eq!(apart.breaker("demo.storm").state(), State::Open);
    assert!(ask().await.unwrap_err().is::<Rejection>());
    assert_eq!(upstream.hits().total, under_way);
    upstream.stop().await;
}
