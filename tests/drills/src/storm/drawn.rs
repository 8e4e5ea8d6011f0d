//! Faults, drawn by a seed.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

/// A fault, and how many steps of the story it lasts where it lasts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) what: What,
    pub(super) steps: u32,
}

/// What happens; a number is a node's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What {
    ServerKilled,
    ServerPaused,
    FlushAll,
    ScriptFlush,
    ClientsKilled,
    NodeKilled(usize),
    NodePaused(usize),
    Cut(usize),
    BlackHole(usize),
    Delay(usize, Duration, Duration),
    RepliesLost(usize),
    Refused(usize),
    Hangs(usize),
    Reset(usize),
    /// Forced open by this node, and released by the next.
    ForcedOpen(usize),
}

impl Fault {
    pub(super) fn draw(rng: &mut Rng, nodes: usize) -> Self {
        let node = rng.usize(0..nodes);
        let mut late = || Duration::from_millis(rng.u64(0..250));
        let delay = What::Delay(node, late(), late());
        let what = match rng.u32(0..21) {
            0 | 1 => What::ServerKilled,
            2 | 3 => What::ServerPaused,
            4 => What::FlushAll,
            5 => What::ScriptFlush,
            6 => What::ClientsKilled,
            7 => What::NodeKilled(node),
            8 | 9 => What::NodePaused(node),
            10 | 11 => What::Cut(node),
            12 | 13 => What::BlackHole(node),
            14 | 15 => delay,
            16 => What::RepliesLost(node),
            17 => What::Refused(node),
            18 => What::Hangs(node),
            19 => What::ForcedOpen(node),
            _ => What::Reset(node),
        };
        Self {
            what,
            steps: rng.u32(1..5),
        }
    }
}

impl What {
    /// Whether it is over with itself.
    pub(super) fn is_short(self) -> bool {
        matches!(
            self,
            Self::FlushAll
                | Self::ScriptFlush
                | Self::ClientsKilled
                | Self::NodeKilled(_)
                | Self::Cut(_)
                | Self::BlackHole(_)
                | Self::Reset(_)
        )
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// How a call ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Well,
    Failed,
    Dropped,
}

impl End {
    /// As orders have it.
    pub(super) fn told(self) -> Option<bool> {
        match self {
            Self::Well => Some(true),
            Self::Failed => Some(false),
            Self::Dropped => None,
        }
    }
}

/// What the calls of a node in one step come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calls {
    /// Failures of the breaker that only counts.
    pub(super) counted: u32,
    /// Failures of the one that opens.
    pub(super) failed: u32,
    pub(super) succeeded: u32,
    /// How a call that takes a while, perhaps a probe, is to end; none where none is made.
    pub(super) long: Option<End>,
}

impl Calls {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let long = rng.bool().then(|| match rng.u32(0..4) {
            0 => End::Failed,
            1 => End::Dropped,
            _ => End::Well,
        });
        Self {
            counted: rng.u32(0..6),
            failed: if rng.u32(0..3) == 0 { rng.u32(0..6) } else { 0 },
            succeeded: rng.u32(0..4),
            long,
        }
    }
}
