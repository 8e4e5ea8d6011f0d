//! Where Redis is, and how the link to it begins.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Duration;

use super::{Setup, Steadfast};
use crate::config::SetupError;
use crate::shared::{
    Fleet, GivenClient, RedisSettings, Secret, ServerKind, check_prefix, check_url,
};

/// How long a start waits for Redis.
const FIRST: Duration = Duration::from_secs(1);

impl Setup {
    /// Shares what has `scope = "shared"` through this Redis, with all processes that do the same:
    /// `redis://[user:password@]host[:port][/database]`, `rediss://…` for TLS, `unix:///path`. A file's
    /// `[redis]` beats it, and the variable `STEADFAST_REDIS_URL` beats both. None unless given.
    ///
    /// Redis 6.2 or newer.
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), steadfast::SetupError> {
    /// let steadfast = steadfast::setup()
    ///     .redis("redis://127.0.0.1:6379/")
    ///     .key_prefix("shop")
    ///     .start()
    ///     .await?;
    /// # drop(steadfast); Ok(()) }
    /// ```
    pub fn redis(mut self, url: impl Into<String>) -> Self {
        self.at(ServerKind::Standalone, None, vec![Secret::new(url)]);
        self
    }

    /// Shares through the Redis that these sentinels name `master`. Their addresses are as those of
    /// [`redis`](Self::redis); user and password in an address are those of the sentinels.
    pub fn redis_sentinel<U: Into<String>>(
        mut self,
        master: impl Into<String>,
        urls: impl IntoIterator<Item = U>,
    ) -> Self {
        let urls = urls.into_iter().map(Secret::new).collect();
        self.at(ServerKind::Sentinel, Some(master.into()), urls);
        self
    }

    /// Shares through a cluster, of which some nodes are given. Redis 7.0 or newer.
    pub fn redis_cluster<U: Into<String>>(mut self, urls: impl IntoIterator<Item = U>) -> Self {
        let urls = urls.into_iter().map(Secret::new).collect();
        self.at(ServerKind::Cluster, None, urls);
        self
    }

    /// Shares through the Redis of a client that the program has, with its certificates. Its
    /// connections are our own: no command of ours waits for one of the program's.
    pub fn redis_client(mut self, client: redis::Client) -> Self {
        self.redis.urls = None;
        self.redis.kind = None;
        self.redis.client = Some(GivenClient(client));
        self
    }

    /// User and password of the Redis servers; they beat those in an address, and the variable
    /// `STEADFAST_REDIS_PASSWORD` beats the password. None unless given.
    pub fn redis_credentials(mut self, user: Option<&str>, password: impl Into<String>) -> Self {
        self.redis.username = user.map(Into::into).or(self.redis.username);
        self.redis.password = Some(Secret::new(password));
        self
    }

    /// The certificate authority, a PEM file, that the server's certificate must come from; the
    /// system's unless given.
    pub fn redis_ca_file(mut self, path: impl AsRef<Path>) -> Self {
        self.redis.ca_file = Some(path.as_ref().to_owned());
        self
    }

    /// The certificate, and its key, that this program shows to the server: PEM files. None unless
    /// given.
    pub fn redis_client_cert(mut self, cert: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        let owned = |path: &Path| -> PathBuf { path.to_owned() };
        self.redis.client_cert = Some(owned(cert.as_ref()));
        self.redis.client_key = Some(owned(key.as_ref()));
        self
    }

    /// What all our keys in Redis begin with: 1 to 64 letters, digits and `.`, `_`, `:`, `-`. Programs
    /// with one prefix share what has one name. `steadfast` unless given.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.redis.key_prefix = Some(prefix.into());
        self
    }

    /// How many instances there are, for the shares of limits while Redis has never been seen: 1
    /// unless given. Later the instances count themselves.
    pub fn expected_instances(mut self, instances: u32) -> Self {
        self.redis.expected_instances = Some(instances.max(1));
        self
    }

    fn at(&mut self, kind: ServerKind, master: Option<String>, urls: Vec<Secret>) {
        self.redis.client = None;
        self.redis.kind = Some(kind);
        self.redis.master = master;
        self.redis.urls = Some(urls);
    }

    /// What is wrong with what the code says of Redis.
    fn check_redis(&self) -> Result<(), SetupError> {
        let urls = self.redis.urls.iter().flatten();
        let urls = urls.map(|url| check_url(url.get()));
        let prefix = self.redis.key_prefix.iter();
        let all = urls.chain(prefix.map(|prefix| check_prefix(prefix)));
        let wrong: Vec<String> = all.filter_map(Result::err).collect();
        if wrong.is_empty() {
            return Ok(());
        }
        Err(SetupError::other(wrong.join("; ")))
    }
}

impl Steadfast {
    /// Joins the fleet, where there is one. What is wrong for good is told; a Redis that is out of
    /// reach is not.
    pub(super) async fn connect(&self, said: &RedisSettings) -> Result<(), SetupError> {
        self.0.setup.check_redis()?;
        let settings = self.settled(said);
        if settings.is_configured() {
            let fleet = Fleet::start(&settings);
            let fleet = fleet.map_err(|wrong| SetupError::other(format!("redis: {wrong}")))?;
            if let Err(error) = fleet.first(FIRST).await
                && error.is_misconfiguration()
            {
                let server = fleet.server();
                let message = format!("redis at {server}: {error}");
                return Err(SetupError::other(message));
            }
            self.0.setup.registry.join_fleet(fleet);
        }
        *self.0.redis.lock().unwrap_or_else(PoisonError::into_inner) = settings;
        Ok(())
    }

    fn settled(&self, said: &RedisSettings) -> RedisSettings {
        let mut settings = self.0.setup.redis.clone();
        settings.merge(said.clone());
        settings
    }

    /// A reload does not move to another Redis: what is shared would be torn apart.
    pub(super) fn unlike_at_start(&self, said: &RedisSettings) -> Option<String> {
        let settings = self.settled(said);
        let started = self.0.redis.lock().unwrap_or_else(PoisonError::into_inner);
        (!settings.is_same(&started)).then(|| {
            "`redis` is other than at the start; that takes effect when the program starts anew"
                .into()
        })
    }
}
