//! A primary, a replica, and three sentinels that watch over them.

use std::time::Duration;

use crate::{Reply, Server, wait_for};

const NAME: &str = "steady";
const READY: Duration = Duration::from_secs(20);

/// Two servers and their sentinels.
#[derive(Debug)]
pub struct Sentinels {
    servers: Vec<Server>,
    sentinels: Vec<Server>,
}

impl Sentinels {
    /// Starts them all; a primary unheard of for `down_after` is replaced.
    ///
    /// # Panics
    ///
    /// Where one does not start, or they do not find each other in 20 s.
    #[must_use]
    pub fn start(down_after: Duration) -> Self {
        let primary = Server::start();
        let replica = Server::options().replica_of(&primary).start();
        let watch = format!("monitor {NAME} 127.0.0.1 {} 2", primary.port());
        let down = format!("down-after-milliseconds {NAME} {}", down_after.as_millis());
        let sentinel = |_| {
            Server::options()
                .sentinel()
                .set("sentinel", &watch)
                .set("sentinel", &down)
                .set("sentinel", &format!("failover-timeout {NAME} 10000"))
                .start()
        };
        let all = Self {
            sentinels: (0..3).map(sentinel).collect(),
            servers: vec![primary, replica],
        };
        assert!(
            wait_for(READY, || all.ready()),
            "the sentinels did not find each other"
        );
        all
    }

    /// Each knows the other two and the replica, and the replica follows.
    fn ready(&self) -> bool {
        let follows = self.servers[1].command(&["INFO", "replication"]).text();
        follows.contains("master_link_status:up")
            && self.sentinels.iter().all(|sentinel| {
                let master = sentinel.command(&["SENTINEL", "MASTER", NAME]);
                field(&master, "num-other-sentinels") == "2"
                    && field(&master, "num-slaves") == "1"
                    && field(&master, "flags") == "master"
            })
    }

    /// The name of what they watch.
    #[must_use]
    pub fn name(&self) -> &'static str {
        NAME
    }

    /// Where the sentinels listen.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.sentinels.iter().map(Server::url).collect()
    }

    /// The server that the sentinels name as primary, by its place in [`servers`](Self::servers).
    ///
    /// # Panics
    ///
    /// Where no sentinel answers.
    #[must_use]
    pub fn primary(&self) -> usize {
        let reply = self.sentinels[0].command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]);
        let port = reply.items().get(1).and_then(Reply::int);
        let mut servers = self.servers.iter();
        servers
            .position(|server| Some(i64::from(server.port())) == port)
            .unwrap_or_else(|| panic!("the sentinels name none of ours: {reply}"))
    }

    /// Both servers.
    pub fn servers(&mut self) -> &mut [Server] {
        &mut self.servers
    }

    /// The three sentinels.
    pub fn sentinels(&mut self) -> &mut [Server] {
        &mut self.sentinels
    }

    /// Asks a sentinel to put the replica in the primary's place.
    ///
    /// # Panics
    ///
    /// Where it refuses.
    pub fn fail_over(&self) {
        let reply = self.sentinels[0].command(&["SENTINEL", "FAILOVER", NAME]);
        assert_eq!(reply.error(), None, "the sentinel refuses to fail over");
    }
}

/// A value of the flat list of names and values that a sentinel answers with.
fn field(reply: &Reply, name: &str) -> String {
    let pairs = reply.items().chunks_exact(2);
    let mut found = pairs.filter(|pair| pair[0].text() == name);
    found.next().map(|pair| pair[1].text()).unwrap_or_default()
}
