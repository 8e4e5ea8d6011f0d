//! The node of a cluster that has a key, for those who need a connection of their own to it.
//!
//! No table of slots: any node says of a key that it has not where that has moved to.

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionAddr, ConnectionInfo, TlsCertificates, cmd};

use super::LinkError;
use super::connection::{Connection, one};

/// What nodes are asked as.
pub(super) struct Nodes<'s> {
    /// Whose user and password all take.
    pub(super) first: &'s ConnectionInfo,
    /// Those that were given.
    pub(super) given: &'s [ConnectionInfo],
    pub(super) certificates: Option<&'s TlsCertificates>,
}

impl Nodes<'_> {
    /// A connection to the node that has this key: the first of those given that answers knows it.
    pub(super) async fn owner(&self, key: &str) -> Result<MultiplexedConnection, LinkError> {
        let mut why = LinkError::Down;
        for node in self.given {
            match self.owner_from(node.addr(), key).await {
                Ok(connection) => return Ok(connection),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    async fn owner_from(
        &self,
        node: &ConnectionAddr,
        key: &str,
    ) -> Result<MultiplexedConnection, LinkError> {
        let mut connection = self.connect(node.clone()).await?;
        match has(&mut connection, key).await {
            Ok(()) => Ok(connection),
            Err(Elsewhere::At(address)) => {
                let mut connection = self.connect(beside(node, &address)?).await?;
                // One that sends on again is not up to date: who asks next finds it so.
                has(&mut connection, key).await.map_err(Elsewhere::error)?;
                Ok(connection)
            }
            Err(elsewhere) => Err(elsewhere.error()),
        }
    }

    async fn connect(&self, addr: ConnectionAddr) -> Result<MultiplexedConnection, LinkError> {
        let info = self.first.clone().set_addr(addr);
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = match self.certificates {
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
            None => Client::open(info),
        };
        let client = client.map_err(|error| LinkError::of(&error))?;
        match one(&client, None).await? {
            Connection::Server(connection) => Ok(connection),
            Connection::Cluster { .. } => Err(LinkError::Down),
        }
    }
}

/// Why a node has a key not.
enum Elsewhere {
    /// Its slot is there.
    At(String),
    Unknown(LinkError),
}

impl Elsewhere {
    fn error(self) -> LinkError {
        match self {
            Self::At(address) => LinkError::Broken(format!("the slot has moved on to {address}")),
            Self::Unknown(error) => error,
        }
    }
}

async fn has(connection: &mut MultiplexedConnection, key: &str) -> Result<(), Elsewhere> {
    let asked = cmd("EXISTS").arg(key).exec_async(connection).await;
    asked.map_err(|error| match error.redirect_node() {
        Some((address, _)) => Elsewhere::At(address.to_owned()),
        None => Elsewhere::Unknown(LinkError::of(&error)),
    })
}

/// The address that a node has named, reached as that node is. Without a host it is the node's own.
fn beside(node: &ConnectionAddr, named: &str) -> Result<ConnectionAddr, LinkError> {
    let odd = || LinkError::Broken(format!("{named:?} is no address of a node"));
    let (host, port) = named.rsplit_once(':').ok_or_else(odd)?;
    let port: u16 = port.parse().map_err(|_| odd())?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host_or = |own: &str| if host.is_empty() { own } else { host }.to_owned();
    match node {
        ConnectionAddr::Tcp(own, _) => Ok(ConnectionAddr::Tcp(host_or(own), port)),
        ConnectionAddr::TcpTls {
            host: own,
            insecure,
            tls_params,
            ..
        } => Ok(ConnectionAddr::TcpTls {
            host: host_or(own),
            port,
            insecure: *insecure,
            tls_params: tls_params.clone(),
        }),
        _ => Err(odd()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_names_another_with_its_host_or_without() {
        let node = ConnectionAddr::Tcp("10.0.0.1".into(), 7000);
        let at = |named| beside(&node, named).map(|addr| addr.to_string());
        assert_eq!(at("10.0.0.2:7001").unwrap(), "10.0.0.2:7001");
        assert_eq!(at(":7001").unwrap(), "10.0.0.1:7001");
        assert_eq!(at("[::1]:7001").unwrap(), "::1:7001");
        assert!(at("10.0.0.2").is_err() && at("10.0.0.2:x").is_err());
    }
}
