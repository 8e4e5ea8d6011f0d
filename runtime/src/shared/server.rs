//! Where Redis is, and how it is reached.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion,
    RedisConnectionInfo, TlsCertificates,
};

use super::link::{CONNECT, DEADLINE};
use super::secret::{Secret, hidden};

/// What kind of Redis it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ServerKind {
    /// One server, or one address for several.
    #[default]
    Standalone,
    /// Sentinels that know which server is the primary.
    Sentinel,
    Cluster,
}

impl ServerKind {
    pub(crate) const WORDS: [&'static str; 3] = ["standalone", "sentinel", "cluster"];

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "standalone" => Ok(Self::Standalone),
            "sentinel" => Ok(Self::Sentinel),
            "cluster" => Ok(Self::Cluster),
            other => Err(match steadfast_options::closest(other, Self::WORDS) {
                Some(near) => format!("unknown kind {other:?}; did you mean {near:?}?"),
                None => format!(
                    "unknown kind {other:?}; write \"standalone\", \"sentinel\" or \"cluster\""
                ),
            }),
        }
    }
}

/// What a setup, a file and variables say of Redis. Nothing of it is secret but the password, and
/// what stands before the `@` of an address.
#[derive(Clone, Debug, Default)]
pub(crate) struct RedisSettings {
    pub(crate) urls: Option<Vec<Secret>>,
    pub(crate) kind: Option<ServerKind>,
    pub(crate) master: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) database: Option<i64>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) key_prefix: Option<String>,
    pub(crate) expected_instances: Option<u32>,
    /// Made by the user: it beats `urls` of the setup, and is beaten by those of files and variables.
    pub(crate) client: Option<GivenClient>,
}

/// A client that a user made. Shown without what it holds.
#[derive(Clone)]
pub(crate) struct GivenClient(pub(crate) Client);

impl fmt::Debug for GivenClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.0.get_connection_info().addr())
    }
}

/// Takes each field that a higher layer gives.
macro_rules! take {
    ($self:ident, $other:ident: $($field:ident)+) => {
        $(if $other.$field.is_some() { $self.$field = $other.$field; })+
    };
}

impl RedisSettings {
    /// What a higher layer says holds.
    pub(crate) fn merge(&mut self, other: Self) {
        if other.urls.is_some() {
            // Another address is another server, whatever kind the lower layer's was.
            (self.client, self.kind, self.master) = (None, None, None);
        }
        take!(self, other: urls kind master username password database ca_file client_cert
            client_key key_prefix expected_instances client);
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.urls.is_some() || self.client.is_some()
    }

    pub(crate) fn prefix(&self) -> &str {
        self.key_prefix.as_deref().unwrap_or("steadfast")
    }

    /// Whether both mean the same servers, reached alike.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
            && self.urls.as_deref().map(Secret::all) == other.urls.as_deref().map(Secret::all)
            && self.password.as_ref().map(Secret::get) == other.password.as_ref().map(Secret::get)
    }
}

/// What is wrong with an address of Redis, told without what is secret in it.
pub(crate) fn check_url(url: &str) -> Result<(), String> {
    info(url).map(|_| ())
}

/// What is wrong with the start of our keys.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), String> {
    const LONGEST: usize = 64;
    if prefix.is_empty() || prefix.len() > LONGEST {
        return Err(format!(
            "a key prefix has 1 to {LONGEST} characters; this one has {}",
            prefix.len()
        ));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    match prefix.chars().find(|c| !fits(*c)) {
        Some(wrong) => Err(format!(
            "{prefix:?} is no key prefix, since it has {wrong:?} in it; use letters, digits and \
             \".\", \"_\", \":\", \"-\""
        )),
        None => Ok(()),
    }
}

fn info(url: &str) -> Result<ConnectionInfo, String> {
    let schemes = "redis://, rediss:// or unix://";
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    if ![
        "redis",
        "rediss",
        "valkey",
        "valkeys",
        "unix",
        "redis+unix",
        "valkey+unix",
    ]
    .contains(&scheme)
    {
        return Err(format!(
            "{:?} is no address of Redis; write one that begins with {schemes}",
            hidden(url)
        ));
    }
    url.into_connection_info().map_err(|error| {
        let why = error
            .detail()
            .map_or_else(|| error.to_string(), str::to_owned);
        format!(
            "{:?} is no address of Redis ({}); write one such as \"redis://127.0.0.1:6379/0\"",
            hidden(url),
            why.trim_end_matches('.'),
        )
    })
}

/// Everything that is needed to connect.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) reach: Reach,
    /// The addresses, to be told.
    pub(crate) shown: String,
}

#[derive(Clone)]
pub(crate) enum Reach {
    Standalone(Box<Client>),
    Sentinel(Arc<Sentinels>),
    Cluster(
        Box<ConnectionInfo>,
        Vec<ConnectionInfo>,
        Option<TlsCertificates>,
    ),
}

/// What each new client of the sentinels is made from: it caches connections, and a cache of dead
/// ones is of no use.
pub(crate) struct Sentinels {
    addresses: Vec<ConnectionInfo>,
    master: String,
    to_server: RedisConnectionInfo,
    certificates: Option<TlsCertificates>,
}

impl Server {
    /// Makes what is said fit to connect with.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to write instead.
    pub(crate) fn new(said: &RedisSettings) -> Result<Self, String> {
        install_tls_provider();
        let certificates = certificates(said)?;
        if let Some(GivenClient(client)) = &said.client {
            let info = client.get_connection_info().clone();
            let redis = credentials(info.redis_settings().clone(), said);
            return Self::standalone(info.set_redis_settings(redis), None);
        }
        let urls = said.urls.iter().flatten();
        let infos: Vec<ConnectionInfo> =
            urls.map(|url| info(url.get())).collect::<Result<_, _>>()?;
        let Some(first) = infos.first().cloned() else {
            return Err(
                "no address of Redis is given; write one such as \"redis://127.0.0.1/\"".into(),
            );
        };
        let encrypted =
            |info: &ConnectionInfo| matches!(info.addr(), ConnectionAddr::TcpTls { .. });
        if certificates.is_some() && !infos.iter().all(encrypted) {
            return Err("certificates serve only addresses that begin with rediss://".into());
        }
        match said.kind.unwrap_or_default() {
            ServerKind::Standalone if infos.len() > 1 => Err(
                "several addresses need a kind; write kind = \"sentinel\" or kind = \"cluster\""
                    .into(),
            ),
            ServerKind::Standalone => {
                let redis = credentials(first.redis_settings().clone(), said);
                Self::standalone(first.set_redis_settings(redis), certificates)
            }
            ServerKind::Sentinel => {
                let Some(master) = said.master.clone() else {
                    return Err(
                        "sentinels know servers by the name of their master; write master = \"…\""
                            .into(),
                    );
                };
                let shown = format!("{master:?} of the sentinels {}", addresses(&infos));
                let to_server = credentials(RedisConnectionInfo::default(), said);
                let sentinels = Sentinels {
                    addresses: infos,
                    master,
                    to_server,
                    certificates,
                };
                sentinels.client()?; // what is wrong with it is told now
                Ok(Self {
                    reach: Reach::Sentinel(Arc::new(sentinels)),
                    shown,
                })
            }
            ServerKind::Cluster => {
                let shown = format!("cluster {}", addresses(&infos));
                let redis = credentials(first.redis_settings().clone(), said);
                if redis.db() != 0 {
                    return Err("a cluster has no databases but 0; leave the database out".into());
                }
                let first = first.set_redis_settings(redis);
                Ok(Self {
                    reach: Reach::Cluster(Box::new(first), infos, certificates),
                    shown,
                })
            }
        }
    }

    fn standalone(
        info: ConnectionInfo,
        certificates: Option<TlsCertificates>,
    ) -> Result<Self, String> {
        let shown = info.addr().to_string();
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = match certificates {
            Some(certificates) => Client::build_with_tls(info, certificates),
            None => Client::open(info),
        };
        let client = client.map_err(|error| format!("{shown}: {error}"))?;
        Ok(Self {
            reach: Reach::Standalone(Box::new(client)),
            shown,
        })
    }

    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.reach, Reach::Cluster(..))
    }
}

fn addresses(infos: &[ConnectionInfo]) -> String {
    let all: Vec<String> = infos.iter().map(|info| info.addr().to_string()).collect();
    all.join(", ")
}

/// What is said beside an address beats what stands in it. Pushes need RESP3.
fn credentials(mut info: RedisConnectionInfo, said: &RedisSettings) -> RedisConnectionInfo {
    if let Some(username) = &said.username {
        info = info.set_username(username);
    }
    if let Some(password) = &said.password {
        info = info.set_password(password.get());
    }
    if let Some(database) = said.database {
        info = info.set_db(database);
    }
    info.set_protocol(ProtocolVersion::RESP3)
        .set_lib_name("steadfast", env!("CARGO_PKG_VERSION"))
}

fn certificates(said: &RedisSettings) -> Result<Option<TlsCertificates>, String> {
    let read = |path: &Path, what: &str| {
        let bytes =
            std::fs::read(path).map_err(|error| format!("{what} {}: {error}", path.display()))?;
        let begins = b"-----BEGIN ";
        if bytes.windows(begins.len()).any(|window| window == begins) {
            Ok(bytes)
        } else {
            Err(format!("{what} {} is no PEM file", path.display()))
        }
    };
    let root_cert = said
        .ca_file
        .as_deref()
        .map(|path| read(path, "the CA file"))
        .transpose()?;
    let client_tls = match (&said.client_cert, &said.client_key) {
        (Some(cert), Some(key)) => Some(ClientTlsConfig {
            client_cert: read(cert, "the client certificate")?,
            client_key: read(key, "the client's key")?,
        }),
        (None, None) => None,
        (Some(_), None) => return Err("a client certificate needs its key; add client_key".into()),
        (None, Some(_)) => {
            return Err("a client's key needs its certificate; add client_cert".into());
        }
    };
    let any = root_cert.is_some() || client_tls.is_some();
    Ok(any.then_some(TlsCertificates {
        client_tls,
        root_cert,
    }))
}

/// The first encrypted connection panics where the process has chosen no provider, as `redis` 1.8
/// enables none; one that the program has chosen stays.
fn install_tls_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may be first: then there is one, which is all that is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

impl Sentinels {
    pub(crate) fn client(&self) -> Result<SentinelClient, String> {
        let told = |error: redis::RedisError| format!("sentinels: {error}");
        let addresses = self.addresses.iter().map(|info| info.addr().clone());
        let own = self.addresses[0].redis_settings();
        let builder =
            SentinelClientBuilder::new(addresses, &self.master, SentinelServerType::Master);
        let mut builder = builder
            .map_err(told)?
            .set_client_to_redis_protocol(ProtocolVersion::RESP3)
            .set_client_to_redis_db(self.to_server.db())
            .set_client_to_redis_tcp_settings(TcpSettings::default().set_nodelay(true));
        if let Some(name) = self.to_server.username() {
            builder = builder.set_client_to_redis_username(name);
        }
        if let Some(password) = self.to_server.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Some(name) = own.username() {
            builder = builder.set_client_to_sentinel_username(name);
        }
        if let Some(password) = own.password() {
            builder = builder.set_client_to_sentinel_password(password);
        }
        if matches!(self.addresses[0].addr(), ConnectionAddr::TcpTls { .. }) {
            builder = builder.set_client_to_redis_tls_mode(redis::TlsMode::Secure);
        }
        if let Some(certificates) = &self.certificates {
            builder = builder
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_certificates(certificates.clone());
        }
        builder.build().map_err(told)
    }
}

/// A client of a cluster; what its nodes push goes to `pushes`, where there are any.
pub(crate) fn cluster(
    first: &ConnectionInfo,
    nodes: &[ConnectionInfo],
    certificates: Option<&TlsCertificates>,
    pushes: Option<tokio::sync::mpsc::UnboundedSender<redis::PushInfo>>,
) -> Result<ClusterClient, redis::RedisError> {
    let redis = first.redis_settings();
    let mut builder = ClusterClientBuilder::new(nodes.iter().cloned())
        .use_protocol(ProtocolVersion::RESP3)
        .tcp_settings(TcpSettings::default().set_nodelay(true))
        .connection_timeout(CONNECT)
        .response_timeout(DEADLINE)
        .overall_response_timeout(None)
        // Redirections count as retries; whoever calls has a deadline of its own.
        .retries(5)
        .min_retry_wait(1)
        .max_retry_wait(20);
    if let Some(pushes) = pushes {
        builder = builder.push_sender(pushes);
    }
    if let Some(name) = redis.username() {
        builder = builder.username(name);
    }
    if let Some(password) = redis.password() {
        builder = builder.password(password);
    }
    if let Some(certificates) = certificates {
        builder = builder.certs(certificates.clone());
    }
    builder.build()
}
