//! A file that is watched: edits, renames, links that are turned.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use steadfast::{Steadfast, registry, resilient};
use steadfast_tests::Failure;

use super::Apart;

#[resilient(
    breaker(name = "config.watch", failures = 5),
    name = "config.watch.call"
)]
async fn call() -> Result<(), Failure> {
    Ok(())
}

/// Waits for something that another thread does, for a bounded time.
fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

async fn watching(apart: &Apart, path: &Path) -> Steadfast {
    apart
        .scope(async {
            steadfast::setup()
                .config_file(path)
                .watch()
                .start()
                .await
                .unwrap()
        })
        .await
}

async fn threshold(apart: &Apart) -> u32 {
    let status = apart.scope(async { registry().breaker("config.watch").status() });
    status.await.failure_threshold.unwrap()
}

fn failures(count: u32) -> String {
    format!("breaker.'config.watch'.failures = {count}")
}

#[tokio::test]
async fn a_watch_sees_edits_in_place_renames_over_the_file_and_its_return() {
    let apart = Apart::of("config.watch");
    let path = apart.write("a.toml", failures(11));
    let steadfast = watching(&apart, &path).await;
    apart.scope(call()).await.unwrap();
    apart.write("a.toml", failures(12));
    eventually("an edit in place", || steadfast.status().loaded == 2);
    assert_eq!(threshold(&apart).await, 12);

    let draft = apart.write("a.toml~", failures(13));
    fs::rename(&draft, &path).unwrap();
    eventually("a rename over the file", || steadfast.status().loaded == 3);
    assert_eq!(threshold(&apart).await, 13);

    fs::remove_file(&path).unwrap();
    eventually("a file that is gone", || steadfast.status().failed == 1);
    assert_eq!(threshold(&apart).await, 13);
    apart.write("a.toml", "[[broken");
    eventually("a broken file", || steadfast.status().failed == 2);
    apart.write("a.toml", failures(14));
    eventually("a file that is back", || steadfast.status().loaded == 4);
    assert_eq!(threshold(&apart).await, 14);

    steadfast.clone().stop().await;
    apart.write("a.toml", failures(15));
    steadfast.reload().unwrap(); // by hand it still goes
    assert_eq!(threshold(&apart).await, 15);
}

#[tokio::test]
async fn quick_changes_are_one_reload_of_the_last() {
    let apart = Apart::of("config.watch");
    let path = apart.write("a.toml", failures(11));
    let steadfast = watching(&apart, &path).await;
    for count in 12..=50 {
        apart.write("a.toml", failures(count));
    }
    let last = || {
        apart
            .registry
            .breaker("config.watch")
            .status()
            .failure_threshold
    };
    eventually("the last change", || last() == Some(50));
    let status = steadfast.status();
    assert!(status.loaded <= 4, "{status:?}");
    steadfast.stop().await;
}

// Kubernetes mounts a folder in which `..data` links to a folder with the files, and the files link
// into `..data`; an update renames another link over `..data`.
#[cfg(unix)]
#[tokio::test]
async fn a_watch_sees_links_that_are_turned_as_kubernetes_does() {
    use std::os::unix::fs::symlink;

    let apart = Apart::of("config.watch");
    let version = |name: &str, count| {
        fs::create_dir(apart.path(name)).unwrap();
        fs::write(apart.path(name).join("a.toml"), failures(count)).unwrap();
    };
    version("..one", 11);
    symlink("..one", apart.path("..data")).unwrap();
    symlink("..data/a.toml", apart.path("a.toml")).unwrap();
    let steadfast = watching(&apart, &apart.path("a.toml")).await;
    for (name, count, loaded) in [("..two", 12, 2), ("..three", 13, 3)] {
        version(name, count);
        symlink(name, apart.path("..data_tmp")).unwrap();
        fs::rename(apart.path("..data_tmp"), apart.path("..data")).unwrap();
        eventually(name, || steadfast.status().loaded == loaded);
        assert_eq!(threshold(&apart).await, count);
    }
    fs::remove_dir_all(apart.path("..one")).unwrap();
    assert_eq!(steadfast.status().failed, 0);
    steadfast.stop().await;
}

#[tokio::test]
async fn a_watch_without_a_file_is_an_error_and_sets_nothing_up() {
    let apart = Apart::of("config.watch");
    apart
        .scope(async {
            let error = steadfast::setup().watch().start().await.unwrap_err();
            assert!(error.to_string().contains("add a `config_file`"), "{error}");
            steadfast::setup().start().await.unwrap();
        })
        .await;
}
