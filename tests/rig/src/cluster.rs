//! Three servers that share the slots of a cluster.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::find;
use crate::{Server, free_port, wait_for};

const READY: Duration = Duration::from_secs(20);

/// A cluster of three primaries.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Server>,
}

impl Cluster {
    /// Starts three servers and shares the slots among them, by `redis-cli --cluster create`.
    ///
    /// # Panics
    ///
    /// Where one does not start, or there is no `redis-cli`, or they do not agree in 20 s.
    #[must_use]
    pub fn start() -> Self {
        let node = |_| {
            Server::options()
                .set("cluster-enabled", "yes")
                .set("cluster-node-timeout", "2000")
                .set("cluster-port", &free_port().to_string())
                .start()
        };
        let cluster = Self {
            nodes: (0..3).map(node).collect(),
        };
        let addrs = cluster.addrs();
        let mut create = vec!["create".to_owned()];
        create.extend(addrs.iter().map(ToString::to_string));
        cli(&create);
        assert!(
            wait_for(READY, || cluster.agrees()),
            "the cluster's nodes did not agree"
        );
        cluster
    }

    fn agrees(&self) -> bool {
        self.nodes.iter().all(|node| {
            let info = node.command(&["CLUSTER", "INFO"]).text();
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        })
    }

    /// Where the nodes listen.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Server::url).collect()
    }

    fn addrs(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(Server::addr).collect()
    }

    /// The nodes.
    pub fn nodes(&mut self) -> &mut [Server] {
        &mut self.nodes
    }

    /// The node that has the slot of a key, by its place in [`nodes`](Self::nodes).
    ///
    /// # Panics
    ///
    /// Where none says it has.
    #[must_use]
    pub fn owner(&self, key: &str) -> usize {
        // Any other node answers that the key has moved, and where to.
        let has = |node: &Server| node.command(&["EXISTS", key]).error().is_none();
        self.nodes
            .iter()
            .position(has)
            .unwrap_or_else(|| panic!("no node has the slot of {key}"))
    }

    /// Moves so many slots from one node to another, by `redis-cli --cluster reshard`, while clients go
    /// on.
    ///
    /// # Panics
    ///
    /// Where that fails.
    pub fn reshard(&self, from: usize, to: usize, slots: u32) {
        let id = |node: usize| self.nodes[node].command(&["CLUSTER", "MYID"]).text();
        cli(&[
            "reshard".to_owned(),
            self.nodes[from].addr().to_string(),
            "--cluster-from".to_owned(),
            id(from),
            "--cluster-to".to_owned(),
            id(to),
            "--cluster-slots".to_owned(),
            slots.to_string(),
        ]);
    }

    /// Moves the slot of a key to another node.
    ///
    /// # Panics
    ///
    /// Where a node refuses.
    pub fn move_key(&self, key: &str, to: usize) {
        let from = self.owner(key);
        if from == to {
            return;
        }
        let slot = self.nodes[0].command(&["CLUSTER", "KEYSLOT", key]).text();
        let id = |node: usize| self.nodes[node].command(&["CLUSTER", "MYID"]).text();
        let ask = |node: usize, words: &[&str]| {
            let reply = self.nodes[node].command(words);
            assert_eq!(reply.error(), None, "{words:?}");
            reply
        };
        ask(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(from)]);
        ask(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(to)]);
        let port = self.nodes[to].port().to_string();
        loop {
            let keys = ask(from, &["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
            let keys: Vec<_> = keys.items().iter().map(crate::Reply::text).collect();
            if keys.is_empty() {
                break;
            }
            let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            words.extend(keys.iter().map(String::as_str));
            ask(from, &words);
        }
        for node in [to, from, 3 - to - from] {
            ask(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &id(to)]);
        }
    }
}

fn cli(args: &[String]) {
    let program = find("redis-cli").unwrap_or_else(|| {
        panic!("`redis-cli` is not installed: it comes with `redis-server`, or as `redis-tools`")
    });
    let output = Command::new(program)
        .arg("--cluster")
        .args(args)
        .arg("--cluster-yes")
        .stdin(Stdio::null())
        .output()
        .expect("redis-cli is there");
    assert!(
        output.status.success(),
        "redis-cli --cluster {args:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
