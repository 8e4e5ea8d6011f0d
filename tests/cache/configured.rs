//! Caches and kept answers under configuration, and in other modes.

use std::sync::Arc;

use steadfast::{Registry, resilient, setup};
use steadfast_tests::{Dependency, Failure, TRANSIENT, secs, site};
use tokio::time::{advance, sleep};

#[resilient(name = "cached.page", cache(key = id, fresh = "1m", stale = "1m"))]
async fn page(dependency: Arc<Dependency>, id: u32) -> Result<usize, Failure> {
    let _ = id;
    dependency.ask().await
}

#[resilient(name = "cached.price", fallback(kind = "cached", key = id))]
async fn price(dependency: &Dependency, id: u32) -> Result<usize, Failure> {
    let _ = id;
    dependency.ask().await
}

#[resilient(name = "cached.plain", cache(key = ()))]
async fn plain(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

/// Runs a test under these variables.
async fn under<T>(variables: &[(&str, &str)], test: impl Future<Output = T>) -> T {
    let registry = Registry::new();
    registry.know_only("cached.");
    registry.set_variables(variables.iter().copied());
    registry.scope(test).await
}

#[tokio::test(start_paused = true)]
async fn configuration_changes_how_long_answers_serve() {
    let variables = [
        ("STEADFAST_CALL__CACHED_PAGE__CACHE__FRESH", "10s"),
        ("STEADFAST_CALL__CACHED_PAGE__CACHE__STALE", "5s"),
        ("STEADFAST_CALL__CACHED_PRICE__FALLBACK__TTL", "20s"),
    ];
    under(&variables, async {
        let dependency = Arc::new(Dependency::playing(""));
        assert_eq!(page(dependency.clone(), 1).await, Ok(1));
        advance(secs(10)).await;
        assert_eq!(page(dependency.clone(), 1).await, Ok(1));
        sleep(secs(1)).await;
        assert_eq!(page(dependency.clone(), 1).await, Ok(2));
        advance(secs(16)).await;
        assert_eq!(page(dependency.clone(), 1).await, Ok(3));

        let dependency = Dependency::playing("SFF");
        assert_eq!(price(&dependency, 1).await, Ok(1));
        advance(secs(19)).await;
        assert_eq!(price(&dependency, 1).await, Ok(1));
        advance(secs(1)).await;
        assert_eq!(price(&dependency, 1).await, Err(TRANSIENT));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_the_code_has_no_way_for_can_not_be_configured() {
    let variables = [("STEADFAST_CALL__CACHED_PLAIN__CACHE__STALE", "5s")];
    under(&variables, async {
        let error = setup().start().await.unwrap_err().to_string();
        assert!(error.contains("has no `cache(stale)`"), "{error}");
        let dependency = Dependency::playing("");
        assert_eq!(plain(&dependency).await, Ok(1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_off_has_no_cache_but_its_last_good_answer() {
    let variables = [
        ("STEADFAST_CALL__CACHED_PAGE__MODE", "off"),
        ("STEADFAST_CALL__CACHED_PRICE__MODE", "off"),
    ];
    under(&variables, async {
        let dependency = Arc::new(Dependency::playing(""));
        assert_eq!(page(dependency.clone(), 1).await, Ok(1));
        assert_eq!(page(dependency.clone(), 1).await, Ok(2));
        let counts = site("cached.page").cache().unwrap();
        assert_eq!((counts.kept, counts.misses), (0, 0));

        let dependency = Dependency::playing("SF");
        assert_eq!(price(&dependency, 1).await, Ok(1));
        assert_eq!(price(&dependency, 1).await, Ok(1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_observed_is_made_and_counts_what_its_cache_would_have_served() {
    let variables = [("STEADFAST_CALL__CACHED_PAGE__MODE", "observe")];
    under(&variables, async {
        let dependency = Arc::new(Dependency::playing(""));
        for run in 1..=3 {
            assert_eq!(page(dependency.clone(), 1).await, Ok(run));
        }
        advance(secs(60)).await;
        assert_eq!(page(dependency.clone(), 1).await, Ok(4));
        let counts = site("cached.page").cache().unwrap();
        assert_eq!((counts.misses, counts.hits, counts.stale), (1, 2, 1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_the_answers_and_the_counts() {
    let folder = std::env::temp_dir().join(format!("steadfast-cache-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("steadfast.toml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write("[call.\"cached.page\"]\ncache.fresh = \"1m\"\n");
    under(&[], async {
        let setup = setup().config_file(&file).start().await.unwrap();
        let dependency = Arc::new(Dependency::playing(""));
        for id in 1..=4 {
            assert_eq!(page(dependency.clone(), id).await, Ok(id as usize));
        }
        write("[call.\"cached.page\"]\ncache.fresh = \"1h\"\n");
        setup.reload().unwrap();
        advance(secs(3000)).await;
        assert_eq!(page(dependency.clone(), 4).await, Ok(4));
        write("[call.\"cached.page\"]\ncache.fresh = \"1h\"\ncache.max = 2\n");
        setup.reload().unwrap();
        let counts = site("cached.page").cache().unwrap();
        assert_eq!((counts.misses, counts.hits, counts.kept), (4, 1, 2));
    })
    .await;
    std::fs::remove_dir_all(&folder).unwrap();
}
