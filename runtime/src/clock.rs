//! The runtime's clock: monotonic nanoseconds.
//!
//! In production [`now`] is the kernel's coarse clock where there is one (a few nanoseconds to
//! read, a few milliseconds of grain), and [`precise`] the usual monotonic clock; both count on
//! the same time base. With the feature `testing` both are tokio's clock, so that a paused clock
//! drives everything that runs on that runtime.

use std::time::Duration;

use crate::breaker::Nanos;

/// Room below the first reading, for clocks that are read on another runtime's paused time.
#[cfg(any(feature = "testing", not(target_os = "linux")))]
const HEADROOM: u64 = 86_400_000_000_000;

/// Limits shorter than this are measured precisely: a coarse grain would be more than a few
/// hundredths of them.
const COARSE_ENOUGH: Duration = Duration::from_millis(250);

/// The time from which `limit` is measured.
#[inline]
pub(crate) fn start_of(limit: Duration) -> Nanos {
    if limit >= COARSE_ENOUGH {
        now()
    } else {
        precise()
    }
}

#[cfg(all(not(feature = "testing"), target_os = "linux"))]
mod source {
    use std::sync::LazyLock;

    use rustix::time::{ClockId, clock_gettime};
    use tokio::time::Instant;

    #[inline]
    fn read(clock: ClockId) -> u64 {
        let time = clock_gettime(clock);
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }

    #[inline]
    pub(super) fn coarse() -> u64 {
        read(ClockId::MonotonicCoarse)
    }

    #[inline]
    pub(super) fn precise() -> u64 {
        read(ClockId::Monotonic)
    }

    /// A moment of the one clock, and of the other.
    static ANCHOR: LazyLock<(Instant, u64)> = LazyLock::new(|| (Instant::now(), precise()));

    pub(super) fn at(instant: Instant) -> u64 {
        let (anchor, nanos) = *ANCHOR;
        match instant.checked_duration_since(anchor) {
            Some(since) => nanos.saturating_add(since.as_nanos() as u64),
            None => nanos.saturating_sub(anchor.duration_since(instant).as_nanos() as u64),
        }
    }
}

#[cfg(all(not(feature = "testing"), not(target_os = "linux")))]
mod source {
    use super::HEADROOM;
    use std::sync::LazyLock;
    use std::time::Instant;

    static ANCHOR: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub(super) fn precise() -> u64 {
        HEADROOM + ANCHOR.elapsed().as_nanos() as u64
    }

    pub(super) fn coarse() -> u64 {
        precise()
    }

    pub(super) fn at(instant: tokio::time::Instant) -> u64 {
        let since = instant.into_std().saturating_duration_since(*ANCHOR);
        HEADROOM + since.as_nanos() as u64
    }
}

#[cfg(feature = "testing")]
mod source {
    use super::HEADROOM;
    use std::sync::LazyLock;
    use std::time::Instant;

    static ANCHOR: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub(super) fn precise() -> u64 {
        at(tokio::time::Instant::now())
    }

    pub(super) fn at(instant: tokio::time::Instant) -> u64 {
        let instant = instant.into_std();
        match instant.checked_duration_since(*ANCHOR) {
            Some(since) => HEADROOM + since.as_nanos() as u64,
            None => HEADROOM.saturating_sub(ANCHOR.duration_since(instant).as_nanos() as u64),
        }
    }

    pub(super) fn coarse() -> u64 {
        precise()
    }
}

/// The time, give or take the grain of a coarse clock.
#[inline]
pub(crate) fn now() -> Nanos {
    source::coarse()
}

/// The time, to the nanosecond.
#[inline]
pub(crate) fn precise() -> Nanos {
    source::precise()
}

/// The time of an instant that was read off tokio's clock: a clock that was read once need not be
/// read again.
pub(crate) fn at(instant: tokio::time::Instant) -> Nanos {
    source::at(instant)
}

/// From `now` until `end`, none where it has come.
pub(crate) fn left(end: Nanos) -> Option<Duration> {
    end.checked_sub(precise())
        .filter(|&left| left > 0)
        .map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_coarse_clock_is_never_ahead_of_the_precise_one() {
        let mut before = 0;
        for _ in 0..1000 {
            let (coarse, precise) = (super::now(), super::precise());
            assert!(coarse <= precise && before <= coarse);
            before = coarse;
        }
    }

    #[test]
    fn an_instant_has_its_place_on_the_precise_clock() {
        let before = super::precise();
        let now = tokio::time::Instant::now();
        let (at, after) = (super::at(now), super::precise());
        // Off by no more than the two readings that the anchor took were apart.
        assert!(before <= at && at < after + 1_000_000_000);
        let later = now + std::time::Duration::from_secs(5);
        assert_eq!(super::at(later) - at, 5_000_000_000);
    }
}
