//! Refreshes, which outlive the call that begins them.

use tokio::runtime::Handle;

use crate::registry::Registry;

/// Runs a refresh on a task of its own, in the registry of the call. Where there is no tokio to run
/// it on, nothing is refreshed: the old answer stays, until a caller has to wait for the next.
pub fn behind<F: Future + Send + 'static>(refresh: F) {
    if let Ok(handle) = Handle::try_current() {
        let inside = Registry::scope_of_this(async move { drop(refresh.await) });
        drop(handle.spawn(inside));
    }
}

/// Runs a refresh of a sync function: on tokio's threads for what blocks, where there are any, else
/// on one of its own.
pub fn behind_blocking<R>(refresh: impl FnOnce() -> R + Send + 'static) {
    let registry = Registry::scoped();
    let work = move || match registry {
        Some(registry) => drop(registry.scope_blocking(refresh)),
        None => drop(refresh()),
    };
    if let Ok(handle) = Handle::try_current() {
        drop(handle.spawn_blocking(work));
    } else {
        // Where there is no thread to be had, the old answer stays.
        let _ = std::thread::Builder::new()
            .name("steadfast-refresh".into())
            .spawn(work);
    }
}
