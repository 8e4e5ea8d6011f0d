//! One connection, to a server or to a cluster.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, PushInfo, RedisError, RedisResult, Value};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;

use super::owner::Nodes;
use super::{CONNECT, LinkError};
use crate::shared::server::{Reach, Server, cluster};

/// Sentinels are asked one after the other, and a cluster's nodes for their slots.
const FIND: Duration = Duration::from_secs(2);

/// A connection with what is known of it.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) connection: Connection,
    /// Answers in a row that came too late.
    pub(super) timeouts: Arc<AtomicU32>,
}

#[derive(Clone)]
pub(super) enum Connection {
    Server(MultiplexedConnection),
    /// Announcements have connections of their own. When a slot moves, its node says by itself that a
    /// subscription has ended, and `redis` 1.8 takes that for the answer to the oldest command on the same
    /// connection; from then on each answer would go to the next one's question.
    Cluster {
        commands: ClusterConnection,
        announcements: ClusterConnection,
    },
}

impl Connection {
    /// Connects; what Redis pushes goes to `pushes`.
    pub(super) async fn open(
        server: &Server,
        pushes: UnboundedSender<PushInfo>,
    ) -> Result<Self, LinkError> {
        let opened = async {
            match &server.reach {
                Reach::Standalone(client) => one(client, Some(pushes)).await,
                Reach::Sentinel(sentinels) => {
                    let mut sentinels = sentinels.client().map_err(LinkError::Broken)?;
                    let found = sentinels.async_get_client().await;
                    let client = found.map_err(|error| LinkError::of(&error))?;
                    one(&client, Some(pushes)).await
                }
                Reach::Cluster(first, nodes, certificates) => {
                    let told = |error: RedisError| LinkError::of(&error);
                    let client = |pushes| cluster(first, nodes, certificates.as_ref(), pushes);
                    let (commands, announcements) = (client(None), client(Some(pushes)));
                    let (commands, announcements) =
                        (commands.map_err(told)?, announcements.map_err(told)?);
                    let made = tokio::try_join!(
                        commands.get_async_connection(),
                        announcements.get_async_connection(),
                    );
                    let (commands, announcements) = made.map_err(told)?;
                    Ok(Self::Cluster {
                        commands,
                        announcements,
                    })
                }
            }
        };
        timeout(FIND, opened)
            .await
            .unwrap_or(Err(LinkError::Timeout))
    }

    pub(super) async fn query(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Server(connection) => command.query_async(connection).await,
            Self::Cluster { commands, .. } => command.query_async(commands).await,
        }
    }

    /// Announcements of a cluster go by slot: to publish them to every node took 43 ms at times.
    pub(super) async fn subscribe(&mut self, channel: &str) -> RedisResult<()> {
        match self {
            Self::Server(connection) => connection.subscribe(channel).await,
            Self::Cluster { announcements, .. } => announcements.ssubscribe(channel).await,
        }
    }
}

pub(super) async fn one(
    client: &Client,
    pushes: Option<UnboundedSender<PushInfo>>,
) -> Result<Connection, LinkError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(None); // whoever asks has a deadline of its own
    let config = match pushes {
        Some(pushes) => config.set_push_sender(pushes),
        None => config,
    };
    let connection = client
        .get_multiplexed_async_connection_with_config(&config)
        .await;
    connection
        .map(Connection::Server)
        .map_err(|error| LinkError::of(&error))
}

/// A connection for one user alone; in a cluster, to the node that has `key`.
pub(super) async fn apart(server: &Server, key: &str) -> Result<MultiplexedConnection, LinkError> {
    let opened = async {
        let client = match &server.reach {
            Reach::Standalone(client) => (**client).clone(),
            Reach::Sentinel(sentinels) => {
                let mut sentinels = sentinels.client().map_err(LinkError::Broken)?;
                let found = sentinels.async_get_client().await;
                found.map_err(|error| LinkError::of(&error))?
            }
            Reach::Cluster(first, given, certificates) => {
                let nodes = Nodes {
                    first,
                    given,
                    certificates: certificates.as_ref(),
                };
                return nodes.owner(key).await;
            }
        };
        match one(&client, None).await? {
            Connection::Server(connection) => Ok(connection),
            Connection::Cluster { .. } => Err(LinkError::Down),
        }
    };
    timeout(FIND, opened)
        .await
        .unwrap_or(Err(LinkError::Timeout))
}
