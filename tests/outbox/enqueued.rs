//! The fallback that queues the work of a call which failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use steadfast::{Outbox, Rejection, current, resilient};
use steadfast_tests::redis::Server;
use steadfast_tests::{Dependency, Failure, TRANSIENT};

use super::{Payment, Shop, eventually};

#[resilient(name = "outbox.pay", fallback(kind = "queue", queue = "outbox.pay"))]
async fn pay(payment: &Payment) -> Result<String, Failure> {
    SICK.get().expect("set").ask().await?;
    Ok(format!("{} {}", payment.order, current().idempotency_key()))
}

static SICK: std::sync::OnceLock<Arc<Dependency>> = std::sync::OnceLock::new();

#[tokio::test]
async fn the_caller_is_told_that_it_is_queued_and_a_worker_does_it() {
    SICK.set(Arc::new(Dependency::playing("F"))).unwrap();
    let server = Server::start();
    let shop = Shop::at(&server).await;
    shop.connects().await;
    let payment = Payment { order: 7 };
    let queued = shop.registry.scope(pay(&payment)).await.unwrap_err();
    let Failure::Rejected(Rejection::Queued { id }) = queued else {
        panic!("{queued}");
    };
    assert_eq!(id.len(), 32);
    let totals = shop.registry.totals();
    let call = totals.calls.iter().find(|call| call.name == "outbox.pay");
    assert_eq!(call.unwrap().fallbacks, 1);

    // In a worker the fallback is off: the entry is tried again, and never queued twice.
    SICK.get().unwrap().then("FS");
    let outbox = shop.registry.scope(Outbox::<Payment>::open("outbox.pay"));
    let outbox = outbox.await.unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    let noted = done.clone();
    let worker = outbox
        .worker(move |payment: Payment| {
            let noted = noted.clone();
            async move {
                let paid = pay(&payment).await?;
                assert!(paid.starts_with("7 "), "{paid}");
                noted.fetch_add(1, Ordering::Relaxed);
                Ok::<(), Failure>(())
            }
        })
        .backoff(steadfast::Backoff::new(steadfast_tests::ms(10)));
    let work = tokio::spawn(shop.registry.scope(worker.into_future()));
    eventually("the work", || done.load(Ordering::Relaxed) == 1).await;
    eventually("its end", || outbox.counts().delivered == 1).await;
    assert_eq!((outbox.counts().queued, outbox.counts().retried), (1, 1));
    work.abort();
}

#[tokio::test]
async fn several_arguments_are_a_tuple_and_self_is_left_out() {
    struct Mailer {
        dependency: Dependency,
    }

    impl Mailer {
        #[resilient(
            name = "outbox.mail",
            fallback(kind = "queue", queue = "outbox.mails", on = "error")
        )]
        async fn mail(&self, to: &str, Payment { order }: Payment) -> Result<usize, Failure> {
            let _ = (to, order);
            self.dependency.ask().await
        }
    }

    let server = Server::start();
    let shop = Shop::at(&server).await;
    shop.connects().await;
    let mailer = Mailer {
        dependency: Dependency::playing("F"),
    };
    let mail = mailer.mail("ann", Payment { order: 3 });
    let queued = shop.registry.scope(mail).await.unwrap_err();
    assert!(matches!(
        queued,
        Failure::Rejected(Rejection::Queued { .. })
    ));
    let outbox = shop
        .registry
        .scope(Outbox::<(String, Payment)>::open("outbox.mails"));
    let outbox = outbox.await.unwrap();
    let worker = outbox.worker(|(to, payment): (String, Payment)| async move {
        assert_eq!((&*to, payment.order), ("ann", 3));
        Ok::<(), std::io::Error>(())
    });
    let work = tokio::spawn(shop.registry.scope(worker.into_future()));
    eventually("the work", || outbox.counts().delivered == 1).await;
    work.abort();
}

#[tokio::test]
async fn where_redis_is_out_the_caller_gets_the_error_of_the_call() {
    #[resilient(name = "outbox.sync", fallback(kind = "queue", queue = "outbox.sync"))]
    fn sync(order: u64) -> Result<u64, Failure> {
        if order == 0 {
            return Ok(0);
        }
        Err(TRANSIENT)
    }

    let mut server = Server::start();
    let shop = Shop::at(&server).await;
    shop.connects().await;
    let ask = |order| shop.registry.scope_blocking(|| sync(order));
    assert_eq!(ask(0), Ok(0));
    let queued = ask(1);
    assert!(matches!(
        queued,
        Err(Failure::Rejected(Rejection::Queued { .. }))
    ));
    server.kill();
    shop.loses().await;
    assert_eq!(ask(1), Err(TRANSIENT));
    // Without any Redis named, too.
    let apart = steadfast::Registry::new();
    assert_eq!(apart.scope_blocking(|| sync(1)), Err(TRANSIENT));
}
