//! Configuration: layers, files, variables, setup, reload.

mod crowd;
mod explain;
mod layers;
mod modes;
mod mutated;
mod reload;
mod variables;
mod watch;
mod wrong;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use steadfast::{Registry, SetupError, Steadfast};
use steadfast_tests::site;

/// A registry of a test's own, which knows the functions of one module, and a folder for files.
pub(crate) struct Apart {
    registry: Registry,
    folder: PathBuf,
}

impl Apart {
    /// Of the functions whose names begin so, with these variables.
    pub(crate) fn with(start: &str, variables: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("steadfast-config-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let registry = Registry::new();
        registry.know_only(start);
        registry.set_variables(variables.iter().copied());
        Self { registry, folder }
    }

    pub(crate) fn of(start: &str) -> Self {
        Self::with(start, &[])
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    pub(crate) fn write(&self, file: &str, text: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(file), text).unwrap();
        self.path(file)
    }

    pub(crate) async fn scope<T>(&self, test: impl Future<Output = T>) -> T {
        self.registry.scope(test).await
    }

    /// Sets up a file of this text.
    pub(crate) async fn start(&self, file: &str, text: &str) -> Result<Steadfast, SetupError> {
        let path = self.write(file, text);
        self.start_at(&path).await
    }

    pub(crate) async fn start_at(&self, path: &Path) -> Result<Steadfast, SetupError> {
        self.scope(async { steadfast::setup().config_file(path).start().await })
            .await
    }

    /// The faults of a file of this text, without the folder's name.
    pub(crate) async fn faults(&self, file: &str, text: &str) -> Vec<String> {
        let error = self.start(file, text).await.expect_err(text);
        self.told(&error)
    }

    pub(crate) fn told(&self, error: &SetupError) -> Vec<String> {
        let faults = error.faults();
        faults.map(|fault| self.told_text(fault)).collect()
    }

    /// A text without the folder's name.
    pub(crate) fn told_text(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.folder.display()), "")
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// An option in force, with its layer: `2s — steadfast.toml:3:11`.
pub(crate) fn value(call: &str, path: &str) -> Option<String> {
    let mut values = site(call).values().into_iter();
    let found = values.find(|value| value.path == path)?;
    let origin = found.origin.to_string();
    let origin = origin.rsplit('/').next().unwrap_or_default();
    Some(format!("{} — {origin}", found.value))
}
