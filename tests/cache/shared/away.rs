//! Redis is away, or was never named.

use steadfast::{EventKind, SetupError, setup};
use steadfast_tests::TRANSIENT;
use steadfast_tests::redis::{Server, free_port};

use super::*;

#[tokio::test]
async fn memory_serves_what_this_instance_knows_and_the_rest_is_called_for() {
    let mut server = Server::start();
    let one = Instance::at(&server).await;
    let dependency = Arc::new(Dependency::playing(""));
    assert_eq!(
        one.of(soon(dependency.clone(), 1)).await,
        Ok(Price { run: 1 })
    );
    told(&server, 1).await;
    server.kill();
    one.loses().await;
    tokio::time::sleep(ms(60)).await;
    // An old answer at once, with a refresh behind; of another key a call.
    assert_eq!(
        one.of(soon(dependency.clone(), 1)).await,
        Ok(Price { run: 1 })
    );
    eventually("the refresh", || one.counts("afar.soon").refreshes == 1).await;
    assert_eq!(
        one.of(soon(dependency.clone(), 2)).await,
        Ok(Price { run: 3 })
    );
    // One asked in vain, and was told in vain, for each.
    eventually("its failures", || one.counts("afar.soon").unshared == 4).await;
    server.restart();
    one.connects().await;
    one.of(soon(dependency.clone(), 3)).await.unwrap();
    told(&server, 1).await;
}

#[tokio::test]
async fn a_redis_that_hangs_holds_no_caller_up_for_long() {
    let mut server = Server::start();
    let one = Instance::at(&server).await;
    let dependency = Arc::new(Dependency::playing(""));
    one.of(price(dependency.clone(), "a", 0)).await.unwrap();
    told(&server, 1).await;
    server.pause();
    for id in 1..=50 {
        let run = id as usize + 1;
        let found = one.of(price(dependency.clone(), "a", id)).await;
        assert_eq!(found, Ok(Price { run }));
    }
    one.loses().await;
    server.resume();
    one.connects().await;
    // What was told in vain is not told again: the answers are fetched anew by whoever needs them.
    eventually("an answer that is told", || {
        let unshared = one.counts("afar.price").unshared;
        unshared >= 50
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_was_never_there_is_as_none() {
    let one = Instance::at_url(&format!("redis://127.0.0.1:{}", free_port())).await;
    let dependency = Arc::new(Dependency::playing("SSFF"));
    for _ in 0..2 {
        let found = one.of(price(dependency.clone(), "a", 1)).await;
        assert_eq!(found, Ok(Price { run: 1 }));
    }
    assert_eq!(one.of(good(&dependency, "a")).await, Ok(Price { run: 2 }));
    assert_eq!(one.of(good(&dependency, "a")).await, Ok(Price { run: 2 }));
    assert_eq!(one.of(good(&dependency, "b")).await, Err(TRANSIENT));
}

#[tokio::test]
async fn after_a_stop_answers_are_kept_in_memory() {
    let server = Server::start();
    let one = Instance::at(&server).await;
    let Instance {
        registry,
        steadfast,
    } = one;
    steadfast.stop().await;
    let dependency = Arc::new(Dependency::playing(""));
    for _ in 0..2 {
        let found = registry.scope(price(dependency.clone(), "a", 1)).await;
        assert_eq!(found, Ok(Price { run: 1 }));
    }
    assert_eq!(keys(&server), [""; 0]);
}

#[tokio::test]
async fn without_a_setup_it_is_memory_that_keeps_them_and_that_is_said_once() {
    let mut events = listen();
    let dependency = Arc::new(Dependency::playing(""));
    registry(&[])
        .scope(async {
            for id in 0..3 {
                soon(dependency.clone(), id).await.unwrap();
                soon(dependency.clone(), id).await.unwrap();
            }
        })
        .await;
    assert!(dependency.runs() >= 3);
    hears(&mut events, ["AnswersAlone", "afar.soon", ""]).await;
    let again = std::iter::from_fn(|| events.try_recv());
    let again = again.filter(
        |event| matches!(event.kind, EventKind::AnswersAlone { call } if call == "afar.soon"),
    );
    assert_eq!(again.count(), 0);
}

async fn refused(variables: &[(&str, &str)]) -> String {
    let start = async { setup().start().await };
    let refused: Result<Steadfast, SetupError> = registry(variables).scope(start).await;
    refused.unwrap_err().to_string()
}

#[tokio::test]
async fn a_setup_without_a_redis_is_an_error() {
    let error = refused(&[]).await;
    let told = "answers of \"afar.price\" are kept in Redis, but none is configured; add \
                `.redis(\"redis://…\")` to the setup, [redis] with a `url` to the file, or the variable \
                STEADFAST_REDIS_URL";
    assert!(error.contains(told), "{error}");
    assert!(error.contains("tests/cache/shared/mod.rs:"), "{error}");
}

#[tokio::test]
async fn configuration_can_leave_redis_out_and_can_not_add_it() {
    #[resilient(name = "afar.plain", cache(key = 1))]
    async fn plain(dependency: &Dependency) -> Result<Price, Failure> {
        ask(dependency).await
    }

    let add = ("STEADFAST_CALL__AFAR_PLAIN__CACHE__STORE", "redis");
    let error = refused(&[add]).await;
    assert!(
        error.contains("\"afar.plain\" keeps its answers in memory"),
        "{error}"
    );
    assert!(error.contains("`cache(store = \"redis\")`"), "{error}");

    let server = Server::start();
    let registry = registry(&[
        ("STEADFAST_CALL__AFAR_PRICE__CACHE__STORE", "memory"),
        ("STEADFAST_CALL__AFAR_GOOD__FALLBACK__STORE", "memory"),
    ]);
    let url = server.url();
    let setup = async { setup().redis(&url).start().await };
    let steadfast = registry.scope(setup).await.unwrap();
    let one = Instance {
        registry,
        steadfast,
    };
    one.connects().await;
    let dependency = Arc::new(Dependency::playing(""));
    one.of(price(dependency.clone(), "a", 1)).await.unwrap();
    one.of(good(&dependency, "a")).await.unwrap();
    one.of(soon(dependency.clone(), 1)).await.unwrap();
    let keys = told(&server, 1).await;
    assert!(keys[0].contains(":afar.soon:"), "{keys:?}");
    assert_eq!(one.of(plain(&dependency)).await, Ok(Price { run: 4 }));
}
