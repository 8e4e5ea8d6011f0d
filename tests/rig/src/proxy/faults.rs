//! What is wrong with the network now.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// Connections are numbered, and those below a mark are cut or dead.
#[derive(Debug)]
pub(super) struct Faults {
    request_delay: AtomicU64,
    reply_delay: AtomicU64,
    lost: AtomicBool,
    hangs: AtomicBool,
    taken: AtomicU64,
    dead_below: AtomicU64,
    cut_below: watch::Sender<u64>,
    replied: AtomicU64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            request_delay: AtomicU64::new(0),
            reply_delay: AtomicU64::new(0),
            lost: AtomicBool::new(false),
            hangs: AtomicBool::new(false),
            taken: AtomicU64::new(0),
            dead_below: AtomicU64::new(0),
            cut_below: watch::Sender::new(0),
            replied: AtomicU64::new(0),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Requests,
    Replies,
}

impl Faults {
    pub(super) fn delay(&self, requests: Duration, replies: Duration) {
        let nanos = |delay: Duration| u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        self.request_delay.store(nanos(requests), Ordering::SeqCst);
        self.reply_delay.store(nanos(replies), Ordering::SeqCst);
    }

    pub(super) fn delay_of(&self, way: Way) -> Duration {
        let delay = match way {
            Way::Requests => &self.request_delay,
            Way::Replies => &self.reply_delay,
        };
        Duration::from_nanos(delay.load(Ordering::SeqCst))
    }

    pub(super) fn black_hole(&self) {
        self.dead_below.store(self.taken(), Ordering::SeqCst);
    }

    pub(super) fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::SeqCst);
    }

    pub(super) fn lose_replies(&self, lost: bool) {
        self.lost.store(lost, Ordering::SeqCst);
    }

    pub(super) fn cut(&self) {
        self.cut_below.send_replace(self.taken());
    }

    pub(super) fn heal(&self) {
        self.delay(Duration::ZERO, Duration::ZERO);
        if self.lost.swap(false, Ordering::SeqCst) {
            self.cut();
        }
        if self.hangs.swap(false, Ordering::SeqCst) {
            self.black_hole(); // what was taken meanwhile is as dead
        }
    }

    /// The number of a new connection.
    pub(super) fn take(&self) -> u64 {
        self.taken.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::SeqCst)
    }

    /// Whether what passes on this connection this way is lost.
    pub(super) fn loses(&self, connection: u64, way: Way) -> bool {
        connection < self.dead_below.load(Ordering::SeqCst)
            || self.hangs.load(Ordering::SeqCst)
            || (way == Way::Replies && self.lost.load(Ordering::SeqCst))
    }

    /// Ready once this connection is cut.
    pub(super) async fn cut_of(&self, connection: u64) {
        let mut cut = self.cut_below.subscribe();
        let _ = cut.wait_for(|below| connection < *below).await;
    }

    pub(super) fn count(&self, way: Way, bytes: usize) {
        if way == Way::Replies {
            self.replied.fetch_add(bytes as u64, Ordering::SeqCst);
        }
    }

    pub(super) fn replied(&self) -> u64 {
        self.replied.load(Ordering::SeqCst)
    }
}
