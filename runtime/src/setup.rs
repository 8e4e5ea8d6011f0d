//! Putting a configuration in force, and changing it while calls run.

#[cfg(feature = "redis")]
mod redis;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

use steadfast_options::Name;

use crate::catalog;
use crate::config::{Backing, Loaded, SetupError, UnknownNames, load};
use crate::registry::Registry;
use crate::telemetry::{Event, report};

/// Begins to set up the registry that calls made here use: the global one, outside of any
/// [`Registry::scope`].
///
/// Without a setup the attributes, the defaults of `OPTIONS.md` and the environment's variables
/// hold. With one, files hold too, and everything is checked before anything changes: names against
/// those that the code declares, values, and the rules between options.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = std::env::temp_dir().join(format!("steadfast-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let file = folder.join("steadfast.toml");
/// # std::fs::write(&file, "[breaker.\"setup.stripe\"]\nfailures = 9\n").unwrap();
/// use steadfast::resilient;
///
/// #[resilient(breaker(name = "setup.stripe", failures = 5))]
/// async fn charge() -> std::io::Result<()> { Ok(()) }
///
/// // [breaker."setup.stripe"]
/// // failures = 9
/// let steadfast = steadfast::setup().config_file(&file).start().await?;
/// let stripe = steadfast::registry().breaker("setup.stripe");
/// assert_eq!(stripe.status().failure_threshold, Some(9));
///
/// // … the file is edited …
/// steadfast.reload()?;
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), steadfast::SetupError>(()) }).unwrap();
/// ```
pub fn setup() -> Setup {
    Setup {
        registry: Registry::current(),
        files: Vec::new(),
        announced: Vec::new(),
        unknown: None,
        #[cfg(feature = "watch")]
        watching: false,
        #[cfg(feature = "redis")]
        redis: crate::shared::RedisSettings::default(),
    }
}

/// What to set up, from [`setup`].
#[derive(Clone, Debug)]
#[must_use = "nothing is set up until `start`"]
pub struct Setup {
    registry: Registry,
    files: Vec<PathBuf>,
    announced: Vec<String>,
    unknown: Option<UnknownNames>,
    #[cfg(feature = "watch")]
    watching: bool,
    #[cfg(feature = "redis")]
    pub(crate) redis: crate::shared::RedisSettings,
}

impl Setup {
    /// Reads a file: TOML, YAML or JSON by its ending, at most 1 MiB. Of several, a later one
    /// overrides those before it. None unless given.
    pub fn config_file(mut self, path: impl AsRef<Path>) -> Self {
        self.files.push(path.as_ref().to_owned());
        self
    }

    /// Reloads when a file changes: edited in place, renamed over, or behind a symlink that is
    /// turned, as Kubernetes mounts them. Several quick changes are one reload, 100 ms after the
    /// last. Needs a file, and runs on a thread of its own until [`Steadfast::stop`].
    #[cfg(feature = "watch")]
    pub fn watch(mut self) -> Self {
        self.watching = true;
        self
    }

    /// Announces names of calls, breakers, limits and bulkheads that no attribute declares, since
    /// policies made by hand will have them.
    pub fn declare<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.announced.extend(names.into_iter().map(Into::into));
        self
    }

    /// What to do about names in files and variables that nothing declares. Unless set,
    /// [`Refuse`](UnknownNames::Refuse) where all annotated functions are known when the program
    /// starts, as on Linux, macOS, Windows and the BSDs, else [`Warn`](UnknownNames::Warn).
    pub fn unknown_names(mut self, unknown: UnknownNames) -> Self {
        self.unknown = Some(unknown);
        self
    }

    /// Checks everything, then puts it in force as a whole.
    ///
    /// Where Redis is configured, it waits until Redis is there, a second at most. A Redis that is out
    /// of reach is no error: what is shared works locally, says that it is `degraded`, and joins later.
    ///
    /// # Errors
    ///
    /// Every fault there is, each with file, line and column, or the variable's name: also an address
    /// of Redis that is none, a certificate or a password that Redis or TLS does not accept, and
    /// `scope = "shared"` where no Redis is configured. Nothing has changed then.
    ///
    /// # Cancel safety
    ///
    /// A setup that is dropped before it is done has changed nothing.
    #[cfg_attr(not(feature = "redis"), allow(clippy::unused_async))] // nothing is waited for then
    pub async fn start(self) -> Result<Steadfast, SetupError> {
        let names = self.announced.iter();
        let wrong: Vec<String> = names.filter_map(|name| Name::check(name).err()).collect();
        if !wrong.is_empty() {
            return Err(SetupError::other(format!("declare: {}", wrong.join("; "))));
        }
        #[cfg(feature = "watch")]
        if self.watching && self.files.is_empty() {
            return Err(SetupError::other(
                "`watch` has nothing to watch; add a `config_file`",
            ));
        }
        if !self.registry.begin_setup() {
            return Err(SetupError::other(
                "this registry is set up already; `reload()` what is there, or `stop()` it first",
            ));
        }
        let begun = Begun(self.registry.clone());
        let steadfast = Steadfast(Arc::new(Running {
            setup: self,
            status: Mutex::default(),
            loading: Mutex::new(Loading::Open),
            #[cfg(feature = "watch")]
            watch: Mutex::default(),
            #[cfg(feature = "redis")]
            redis: Mutex::default(),
        }));
        steadfast.begin().await?;
        std::mem::forget(begun);
        steadfast.0.setup.registry.note_running(Some(&steadfast));
        Ok(steadfast)
    }
}

/// Lets the registry be set up by somebody else, where this one comes to nothing.
struct Begun(Registry);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.end_setup();
    }
}

/// What was set up. A clone is the same; dropping it stops nothing.
#[derive(Clone)]
pub struct Steadfast(Arc<Running>);

/// A handle that keeps nothing.
pub(crate) struct WeakSteadfast(
    #[cfg_attr(not(feature = "admin"), allow(dead_code))] Weak<Running>,
);

impl WeakSteadfast {
    #[cfg(feature = "admin")]
    pub(crate) fn upgrade(&self) -> Option<Steadfast> {
        self.0.upgrade().map(Steadfast)
    }
}

struct Running {
    setup: Setup,
    status: Mutex<ConfigStatus>,
    /// One load at a time.
    loading: Mutex<Loading>,
    #[cfg(feature = "watch")]
    watch: Mutex<Option<crate::config::Watch>>,
    /// Where Redis is, as all that is said of it comes to: in force since the start.
    #[cfg(feature = "redis")]
    redis: Mutex<crate::shared::RedisSettings>,
}

/// Whether changes of files are still of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loading {
    Open,
    Stopped,
}

/// How the loads of a configuration went, from [`Steadfast::status`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct ConfigStatus {
    /// Loads that were put in force, the first among them.
    pub loaded: u64,
    /// Loads that changed nothing, since something was wrong.
    pub failed: u64,
    /// When the last load ended.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::serialize::maybe_time")
    )]
    pub last: Option<SystemTime>,
    /// What was wrong with the last load; none where it is in force.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::serialize::maybe_text")
    )]
    pub error: Option<SetupError>,
    /// What the load in force has that is no error, but most likely not meant.
    pub warnings: Vec<String>,
}

impl Steadfast {
    pub(crate) fn downgrade(&self) -> WeakSteadfast {
        WeakSteadfast(Arc::downgrade(&self.0))
    }

    #[cfg_attr(not(feature = "redis"), allow(clippy::unused_async))]
    async fn begin(&self) -> Result<(), SetupError> {
        #[cfg(feature = "watch")]
        let seen = crate::config::Prints::of(&self.0.setup.files);
        let loaded = self.load();
        #[cfg(feature = "redis")]
        let loaded = match loaded {
            Ok(loaded) => self.connect(&loaded.redis).await.map(|()| loaded),
            Err(error) => Err(error),
        };
        self.conclude(loaded)?;
        #[cfg(feature = "redis")]
        self.0.setup.registry.share_all();
        #[cfg(feature = "watch")]
        if self.0.setup.watching {
            return self.watch(seen);
        }
        Ok(())
    }

    /// Reads the files again and puts what they say in force, as a whole. A call that is under way
    /// goes on by the version it began with. Breakers keep state and counts, limits and bulkheads
    /// what is used of them; a breaker whose `window`, `window_calls` or `counting` changes begins a
    /// fresh window.
    ///
    /// # Errors
    ///
    /// As [`Setup::start`]. Nothing has changed then, and later reloads do as if this one had not
    /// been.
    pub fn reload(&self) -> Result<(), SetupError> {
        let _loading = self.loading();
        self.reload_now()
    }

    fn loading(&self) -> MutexGuard<'_, Loading> {
        self.0
            .loading
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called while no other load is under way.
    fn reload_now(&self) -> Result<(), SetupError> {
        self.conclude(self.load())
    }

    /// Puts in force what was loaded, or says why not.
    fn conclude(&self, loaded: Result<Loaded, SetupError>) -> Result<(), SetupError> {
        self.0.setup.registry.loads().count(&loaded);
        let mut status = self.status_mut();
        status.last = Some(SystemTime::now());
        let result = match loaded {
            Ok(loaded) => {
                status.loaded += 1;
                status.error = None;
                status.warnings = self.install(loaded);
                Ok(())
            }
            Err(error) => {
                status.failed += 1;
                status.error = Some(error.clone());
                Err(error)
            }
        };
        let event = status.clone();
        drop(status);
        report(&Event::Configured(&event));
        result
    }

    /// Reads and checks everything.
    fn load(&self) -> Result<Loaded, SetupError> {
        let Setup {
            registry,
            files,
            announced,
            unknown,
            ..
        } = &self.0.setup;
        let unknown = unknown.unwrap_or(if catalog::is_complete() {
            UnknownNames::Refuse
        } else {
            UnknownNames::Warn
        });
        let config = registry.config();
        let in_use = registry.in_use(announced);
        let loaded = load(
            files,
            &config.variables(),
            unknown,
            &config.sites(),
            &in_use,
            self.backing(),
        );
        loaded.map_err(|faults| SetupError::of(&faults))
    }

    #[cfg(feature = "redis")]
    fn backing(&self) -> Backing {
        if self.0.setup.redis.is_configured() || self.0.setup.registry.fleet().is_some() {
            Backing::Known
        } else {
            Backing::Asked
        }
    }

    #[cfg(not(feature = "redis"))]
    #[allow(clippy::unused_self)] // only Redis backs what is shared
    fn backing(&self) -> Backing {
        Backing::Asked
    }

    /// Puts in force what was loaded; gives the warnings.
    fn install(&self, loaded: Loaded) -> Vec<String> {
        let Setup {
            registry,
            announced,
            ..
        } = &self.0.setup;
        registry.config().announce(announced);
        #[allow(unused_mut)] // without Redis there is nothing to add
        let mut warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        #[cfg(feature = "redis")]
        warnings.extend(self.unlike_at_start(&loaded.redis));
        registry.install(loaded.layers);
        warnings
    }

    /// How the loads so far went.
    #[must_use]
    pub fn status(&self) -> ConfigStatus {
        self.status_mut().clone()
    }

    fn status_mut(&self) -> MutexGuard<'_, ConfigStatus> {
        self.0.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the watch over the files and the connection to Redis, and leaves what is in force as it is:
    /// what was shared goes on locally, from its last state. The registry may be set up anew then.
    ///
    /// # Cancel safety
    ///
    /// A stop that was polled is done, but other instances may count this one for 15 s more.
    #[cfg_attr(not(feature = "redis"), allow(clippy::unused_async))] // nothing is waited for then
    pub async fn stop(self) {
        #[cfg(feature = "watch")]
        drop(self.watch_mut().take());
        *self.loading() = Loading::Stopped;
        self.0.setup.registry.note_running(None);
        #[cfg(feature = "redis")]
        let fleet = self.0.setup.registry.leave_fleet();
        self.0.setup.registry.end_setup();
        #[cfg(feature = "redis")]
        if let Some(fleet) = fleet {
            fleet.stop().await;
        }
    }

    #[cfg(feature = "watch")]
    fn watch_mut(&self) -> MutexGuard<'_, Option<crate::config::Watch>> {
        self.0.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The watch keeps what was set up, so that nothing ends when the last handle is dropped.
    #[cfg(feature = "watch")]
    fn watch(&self, seen: crate::config::Prints) -> Result<(), SetupError> {
        let files = &self.0.setup.files;
        let steadfast = self.clone();
        let reload = move || {
            let loading = steadfast.loading();
            if *loading == Loading::Open {
                // What goes wrong is an event, and in the status.
                let _ = steadfast.reload_now();
            }
        };
        let watch = crate::config::Watch::start(files, seen, reload).map_err(SetupError::other)?;
        *self.watch_mut() = Some(watch);
        Ok(())
    }
}

impl std::fmt::Debug for Steadfast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Steadfast")
            .field("files", &self.0.setup.files)
            .field("status", &self.status())
            .finish()
    }
}
