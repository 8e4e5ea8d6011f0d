//! What a call gets at the gate: a pass, or why there is none, and what that changed.

use std::num::NonZeroU64;

use super::rules::NoProbe;
use super::state::Transition;
use super::window::Nanos;

/// What a call was admitted as: one word, so that it is carried in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pass(NonZeroU64);

/// What it counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Of this epoch of the closed state.
    Ordinary(u64),
    /// With this token.
    Probe(u64),
    /// The breaker is disabled: nothing counts.
    Uncounted,
}

/// Neither epochs nor tokens grow into the uppermost bits.
const PROBE: u64 = 1 << 63;
const UNCOUNTED: u64 = 1 << 62;

impl Pass {
    #[inline]
    pub(super) fn ordinary(epoch: u64) -> Self {
        Self(NonZeroU64::MIN | (epoch << 1))
    }

    /// The epoch of an ordinary pass, so many bits up. Of any other, a word that has one of those bits:
    /// what tells it from ordinary ones is turned into them.
    #[inline]
    pub(super) fn plain_word<const SHIFT: u32>(self) -> u64 {
        const { assert!(SHIFT >= 3) };
        (self.0.get() ^ 1).rotate_left(SHIFT - 1)
    }

    pub(super) fn new(role: Role) -> Self {
        match role {
            Role::Ordinary(epoch) => Self::ordinary(epoch),
            Role::Probe(token) => Self(NonZeroU64::MIN | (token << 1) | PROBE),
            Role::Uncounted => Self(NonZeroU64::MIN | UNCOUNTED),
        }
    }

    #[inline]
    pub(super) fn role(self) -> Role {
        let word = self.0.get();
        let value = (word & !(PROBE | UNCOUNTED)) >> 1;
        match word & (PROBE | UNCOUNTED) {
            0 => Role::Ordinary(value),
            PROBE => Role::Probe(value),
            _ => Role::Uncounted,
        }
    }

    pub(crate) fn is_probe(self) -> bool {
        matches!(self.role(), Role::Probe(_))
    }
}

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Until a call may be tried; none where that depends on others.
    pub(crate) retry_in: Option<Nanos>,
    /// A lease was asked for: when so many requests are through, it is worth another try.
    pub(crate) asked: Option<u64>,
}

impl Refused {
    pub(super) fn before(retry_in: Option<Nanos>) -> Self {
        Self {
            retry_in,
            asked: None,
        }
    }
}

impl From<NoProbe> for Refused {
    fn from(none: NoProbe) -> Self {
        match none {
            NoProbe::Before(retry_in) => Self::before(retry_in),
            NoProbe::Asked(round) => Self {
                retry_in: None,
                asked: Some(round),
            },
        }
    }
}

/// What changed, for telemetry, once the lock is free again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Change {
    pub(crate) transition: Option<Transition>,
    /// Failures counted now, where one was and somebody hears of it.
    pub(crate) failures: Option<u64>,
    /// How many of them open it.
    pub(crate) threshold: Option<u32>,
    /// Probes out now, and places, where one was taken.
    pub(crate) probes: Option<(usize, usize)>,
    /// Open for how long, where it opened.
    pub(crate) open_for: Option<Nanos>,
    /// Whether the fleet is to hear of it.
    pub(crate) is_news: bool,
}

impl Change {
    /// Whether there is nothing to tell.
    #[inline]
    pub(crate) fn is_nothing(&self) -> bool {
        let Self {
            transition,
            failures,
            probes,
            is_news,
            ..
        } = self;
        transition.is_none() && failures.is_none() && probes.is_none() && !is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_ordinary_pass_has_its_epoch_alone_in_its_plain_word() {
        for number in [0, 1, 7, 1 << 40, (1 << 57) - 1] {
            assert_eq!(Pass::ordinary(number).plain_word::<6>(), number << 6);
            for other in [Role::Probe(number), Role::Uncounted] {
                let flags = Pass::new(other).plain_word::<6>() & 0x3f;
                assert_ne!(flags, 0, "{other:?} passes for an ordinary pass");
            }
        }
    }
}
