//! The contract's opening snippet, as written, with each kind of error that it promises.

use std::fmt::Debug;
use std::io;

use steadfast::{Class, Rejection, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, apart, secs};
use tokio::time::Instant;

struct Order {
    payments: Dependency,
}

#[derive(Debug, PartialEq)]
struct Charge {
    attempt: usize,
}

mod an_enum {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    pub(super) enum PaymentError {
        #[error(transparent)]
        Rejected(#[from] Rejection),
        #[error("declined")]
        Declined(#[from] Failure),
    }

    #[resilient(breaker = "stripe", retry(max = 3), timeout = "5s")]
    pub(super) async fn charge(
        client: &reqwest::Client,
        order: &Order,
    ) -> Result<Charge, PaymentError> {
        let _request = client.post("https://localhost/charges");
        let attempt = order.payments.ask().await?;
        Ok(Charge { attempt })
    }
}

mod with_anyhow {
    use super::*;

    #[resilient(breaker = "stripe", retry(max = 3), timeout = "5s")]
    pub(super) async fn charge(client: &reqwest::Client, order: &Order) -> anyhow::Result<Charge> {
        let _request = client.post("https://localhost/charges");
        let attempt = order.payments.ask().await?;
        Ok(Charge { attempt })
    }
}

mod with_io {
    use super::*;

    #[resilient(breaker = "stripe", retry(max = 3), timeout = "5s")]
    pub(super) async fn charge(client: &reqwest::Client, order: &Order) -> io::Result<Charge> {
        let _request = client.post("https://localhost/charges");
        let attempt = order.payments.ask().await.map_err(io::Error::other)?;
        Ok(Charge { attempt })
    }
}

mod with_ours {
    use super::*;

    #[resilient(breaker = "stripe", retry(max = 3), timeout = "5s")]
    pub(super) async fn charge(
        client: &reqwest::Client,
        order: &Order,
    ) -> Result<Charge, steadfast::Error<Failure>> {
        let _request = client.post("https://localhost/charges");
        let attempt = order.payments.ask().await?;
        Ok(Charge { attempt })
    }
}

/// What a call on this script comes to.
async fn charged<E>(
    charge: impl AsyncFn(&reqwest::Client, &Order) -> Result<Charge, E>,
    script: &str,
) -> (Result<Charge, E>, Order) {
    let order = Order {
        payments: Dependency::playing(script),
    };
    let result = charge(&reqwest::Client::new(), &order).await;
    (result, order)
}

/// All that the snippet promises; `rejection` finds one in the error.
async fn keeps_its_promise<E: Debug>(
    charge: impl AsyncFn(&reqwest::Client, &Order) -> Result<Charge, E>,
    rejection: impl Fn(&E) -> Option<&Rejection>,
) {
    let (good, _) = charged(&charge, "S").await;
    assert_eq!(good.unwrap(), Charge { attempt: 1 });

    let (retried, order) = charged(&charge, "FF").await;
    assert_eq!(retried.unwrap(), Charge { attempt: 3 });
    assert_eq!(order.payments.runs(), 3);

    let (failed, _) = charged(&charge, "FFF").await;
    assert!(rejection(&failed.unwrap_err()).is_none());

    registry().breaker("stripe").reset();
    let began = Instant::now();
    let (hung, order) = charged(&charge, "HHH").await;
    let limit = secs(5);
    assert_eq!(
        rejection(&hung.unwrap_err()),
        Some(&Rejection::Timeout { limit })
    );
    assert_eq!(order.payments.dropped(), 3);
    assert!(began.elapsed() >= secs(15) && began.elapsed() <= secs(18));

    // Two more failures make it five in a row, and the breaker refuses the third attempt.
    let (opened, order) = charged(&charge, "FFF").await;
    assert!(matches!(
        rejection(&opened.unwrap_err()),
        Some(Rejection::CircuitOpen { breaker, .. }) if **breaker == *"stripe"
    ));
    assert_eq!(order.payments.runs(), 2);
    assert_eq!(registry().breaker("stripe").state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn the_opening_snippet_keeps_its_promise_with_an_enum() {
    apart(keeps_its_promise(an_enum::charge, |error| match error {
        an_enum::PaymentError::Rejected(rejection) => Some(rejection),
        an_enum::PaymentError::Declined(_) => None,
    }))
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_opening_snippet_keeps_its_promise_with_anyhow() {
    apart(keeps_its_promise(with_anyhow::charge, |error| {
        error.downcast_ref()
    }))
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_opening_snippet_keeps_its_promise_with_io_errors() {
    apart(keeps_its_promise(with_io::charge, |error| {
        error.get_ref().and_then(|inner| inner.downcast_ref())
    }))
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_opening_snippet_keeps_its_promise_with_our_error() {
    apart(async {
        keeps_its_promise(with_ours::charge, steadfast::Error::rejection).await;
        registry().breaker("stripe").reset();
        let (failed, _) = charged(with_ours::charge, "FP").await;
        let Err(steadfast::Error::Failed { source, attempts }) = failed else {
            panic!("{failed:?}");
        };
        assert_eq!((source, attempts), (Failure::Of(Class::Permanent), 2));
    })
    .await;
}
