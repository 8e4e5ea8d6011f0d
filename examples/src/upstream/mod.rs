//! Stand-ins for the services a program calls: real HTTP servers on loopback ports of their own,
//! well or sick by a timeline.
//!
//! ```no_run
//! # async fn demo() -> std::io::Result<()> {
//! use steadfast_examples::upstream::{Behaviour, Timeline, Upstream};
//!
//! let upstream = Upstream::start(Timeline::sick(Behaviour::failing(503)), 1).await?;
//! println!("answers 503 at {}", upstream.url());
//! upstream.switch(Timeline::always(Behaviour::healthy()));
//! println!("answers 200 after {} requests", upstream.hits().sick);
//! upstream.stop().await;
//! # Ok(()) }
//! ```

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

mod behaviour;
mod connection;
pub(crate) mod draw;
mod hits;
#[cfg(test)]
mod tests;
mod timeline;

pub use behaviour::{Behaviour, Errors};
pub use hits::Hits;
pub use timeline::{Phase, Timeline};

use behaviour::Fate;
use hits::Counters;

/// A running stand-in. Dropping it stops it.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What the stand-in and its connections share.
#[derive(Debug)]
struct Shared {
    script: Mutex<Script>,
    seed: u64,
    body: Bytes,
    counters: Counters,
}

/// A timeline and the moment it began.
#[derive(Debug)]
struct Script {
    timeline: Timeline,
    began: Instant,
}

impl Upstream {
    /// Starts a stand-in on a free loopback port; its timeline begins now. `seed` decides which
    /// request meets which fate.
    ///
    /// # Errors
    /// Where no port can be bound.
    pub async fn start(timeline: Timeline, seed: u64) -> io::Result<Self> {
        Self::start_at(timeline, seed, Instant::now(), "{}").await
    }

    /// As [`Upstream::start`], with a beginning that several stand-ins can share and the JSON that
    /// a healthy answer carries.
    ///
    /// # Errors
    /// Where no port can be bound.
    pub async fn start_at(
        timeline: Timeline,
        seed: u64,
        began: Instant,
        body: &'static str,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: Mutex::new(Script { timeline, began }),
            seed,
            body: Bytes::from_static(body.as_bytes()),
            counters: Counters::default(),
        });
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            server,
        })
    }

    /// Where it listens: `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What has reached it so far.
    #[must_use]
    pub fn hits(&self) -> Hits {
        self.shared.counters.read()
    }

    /// How often it has answered well, by the `Idempotency-Key` of the requests that had one.
    #[must_use]
    pub fn accepted(&self) -> BTreeMap<String, u64> {
        self.shared.counters.accepted()
    }

    /// Plays another timeline from now on. Requests under way keep the fate they have met.
    pub fn switch(&self, timeline: Timeline) {
        *self.shared.script() = Script {
            timeline,
            began: Instant::now(),
        };
    }

    /// Stops it: the port is closed, and so is every connection, hanging requests included.
    pub async fn stop(mut self) {
        self.server.abort();
        // The only result there can be is the abort just asked for.
        let _ = (&mut self.server).await;
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of request `n`, now, and whether it meets a sick stand-in.
    fn fate(&self, n: u64) -> (Fate, bool) {
        let script = self.script();
        let phase = script.timeline.phase_at(script.began.elapsed());
        let behaviour = phase.map_or(&script.timeline.base, |phase| &phase.behaviour);
        let sick = phase.is_some() && behaviour.fails();
        (behaviour.decide(self.seed, n), sick)
    }
}

/// Accepts until aborted; the connections end with it, as the set that holds them is dropped.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection::serve(stream, Arc::clone(&shared)));
                }
                // Out of file descriptors, mostly: some connection must end first.
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
