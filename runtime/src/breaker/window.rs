//! Windows over past calls, as the pure rules see them.
//!
//! A time window is the current of ten buckets and the nine before. It holds failures and slow
//! calls; plain successes are counted by whoever records them, in buckets of the same numbers
//! (see [`Buckets`]), so that a success need not take the lock that guards the rules.

use std::collections::VecDeque;

/// Buckets of a time window.
pub(crate) const BUCKETS: u64 = 10;

/// Nanoseconds on the runtime's clock.
pub(crate) type Nanos = u64;

/// What a recorded call was, beyond being over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) failed: bool,
    pub(crate) slow: bool,
}

impl Outcome {
    pub(crate) const SUCCESS: Self = Self {
        failed: false,
        slow: false,
    };

    /// A success that was not slow: it can only lower rates.
    pub(crate) fn is_plain(self) -> bool {
        !self.failed && !self.slow
    }
}

/// Calls in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) failed: u64,
    pub(crate) slow: u64,
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            failed: self.failed + other.failed,
            slow: self.slow + other.slow,
        }
    }
}

/// How a time window is cut into numbered buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Buckets {
    /// Length of one; none where counts never age, and all is one bucket.
    width: Option<Nanos>,
}

impl Buckets {
    pub(crate) fn over(window: Option<Nanos>) -> Self {
        Self {
            width: window.map(|window| (window / BUCKETS).max(1)),
        }
    }

    pub(crate) fn of_width(width: Option<Nanos>) -> Self {
        Self { width }
    }

    pub(crate) fn width(self) -> Option<Nanos> {
        self.width
    }

    /// The number of the bucket that holds `now`, in a window that began at `origin`.
    pub(crate) fn id(self, origin: Nanos, now: Nanos) -> u64 {
        self.width
            .map_or(0, |width| now.saturating_sub(origin) / width)
    }

    /// When the bucket that holds `now` ends.
    pub(crate) fn end(self, origin: Nanos, now: Nanos) -> Nanos {
        self.width.map_or(Nanos::MAX, |width| {
            origin + (self.id(origin, now) + 1) * width
        })
    }

    /// The span of bucket `id`: where it starts, and how long it is.
    pub(crate) fn span(self, origin: Nanos, id: u64) -> (Nanos, Nanos) {
        self.width
            .map_or((origin, Nanos::MAX), |width| (origin + id * width, width))
    }

    /// Whether bucket `id` is within the window when `current` is the newest.
    pub(crate) fn holds(current: u64, id: u64) -> bool {
        id <= current && current - id < BUCKETS
    }
}

/// Failures and slow calls in a time window.
#[derive(Clone, Debug)]
pub(crate) struct TimeWindow {
    pub(crate) buckets: Buckets,
    ring: [(u64, Counts); BUCKETS as usize],
}

impl TimeWindow {
    pub(crate) fn new(buckets: Buckets) -> Self {
        Self {
            buckets,
            ring: [(0, Counts::default()); BUCKETS as usize],
        }
    }

    pub(crate) fn add(&mut self, origin: Nanos, now: Nanos, outcome: Outcome) {
        let id = self.buckets.id(origin, now);
        let (held, counts) = &mut self.ring[(id % BUCKETS) as usize];
        if *held != id {
            (*held, *counts) = (id, Counts::default());
        }
        counts.calls += 1;
        counts.failed += u64::from(outcome.failed);
        counts.slow += u64::from(outcome.slow);
    }

    pub(crate) fn counts(&self, origin: Nanos, now: Nanos) -> Counts {
        let current = self.buckets.id(origin, now);
        let held = self
            .ring
            .iter()
            .filter(|(id, _)| Buckets::holds(current, *id));
        held.fold(Counts::default(), |sum, (_, counts)| sum + *counts)
    }
}

/// The last so many calls.
#[derive(Clone, Debug)]
pub(crate) struct CallWindow {
    last: VecDeque<Outcome>,
    size: usize,
    counts: Counts,
}

impl CallWindow {
    pub(crate) fn new(size: u32) -> Self {
        Self {
            last: VecDeque::new(),
            size: size as usize,
            counts: Counts::default(),
        }
    }

    pub(crate) fn add(&mut self, outcome: Outcome) {
        if self.last.len() == self.size
            && let Some(gone) = self.last.pop_front()
        {
            self.counts.calls -= 1;
            self.counts.failed -= u64::from(gone.failed);
            self.counts.slow -= u64::from(gone.slow);
        }
        self.last.push_back(outcome);
        self.counts.calls += 1;
        self.counts.failed += u64::from(outcome.failed);
        self.counts.slow += u64::from(outcome.slow);
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether one more plain success would leave it as it is.
    pub(crate) fn is_saturated(&self) -> bool {
        self.last.len() == self.size && self.counts.failed == 0 && self.counts.slow == 0
    }
}

/// Failures since the last success that are younger than the window.
#[derive(Clone, Debug)]
pub(crate) enum FailureRun {
    /// Exact times of the last `most` failures.
    Timed {
        times: VecDeque<Nanos>,
        most: usize,
        window: Nanos,
    },
    /// Failures never age.
    Counted(u64),
}

impl FailureRun {
    pub(crate) fn new(most: u32, window: Option<Nanos>) -> Self {
        match window {
            Some(window) => Self::Timed {
                times: VecDeque::new(),
                most: most as usize,
                window,
            },
            None => Self::Counted(0),
        }
    }

    /// Counts up to another number from now on, and keeps what it has counted.
    pub(crate) fn count_to(&mut self, failures: u32) {
        if let Self::Timed { most, .. } = self {
            *most = failures as usize;
        }
    }

    pub(crate) fn failed(&mut self, now: Nanos) {
        match self {
            Self::Counted(count) => *count += 1,
            Self::Timed {
                times,
                most,
                window,
            } => {
                // A failure exactly one window old is out.
                while times
                    .front()
                    .is_some_and(|time| now.saturating_sub(*time) >= *window)
                {
                    times.pop_front();
                }
                // More of them where the rule counted further before.
                while times.len() >= (*most).max(1) {
                    times.pop_front();
                }
                times.push_back(now);
            }
        }
    }

    pub(crate) fn succeeded(&mut self) {
        match self {
            Self::Counted(count) => *count = 0,
            Self::Timed { times, .. } => times.clear(),
        }
    }

    /// When each failed, where that matters.
    pub(crate) fn times(&mut self) -> impl Iterator<Item = &mut Nanos> {
        let times = match self {
            Self::Counted(_) => None,
            Self::Timed { times, .. } => Some(times),
        };
        times.into_iter().flatten()
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Counted(count) => *count == 0,
            Self::Timed { times, .. } => times.is_empty(),
        }
    }

    /// Whether one more would be fewer than so many still, whatever their age.
    pub(crate) fn stays_below(&self, most: u32) -> bool {
        let held = match self {
            Self::Counted(count) => *count,
            Self::Timed { times, .. } => times.len() as u64,
        };
        held + 1 < u64::from(most)
    }

    /// Whether there are at least so many. Most often too few are remembered, whatever their age.
    pub(crate) fn reaches(&self, most: u64, now: Nanos) -> bool {
        match self {
            Self::Timed { times, .. } if (times.len() as u64) < most => false,
            _ => self.count(now) >= most,
        }
    }

    pub(crate) fn count(&self, now: Nanos) -> u64 {
        match self {
            Self::Counted(count) => *count,
            // They stand in the order of their times, and mostly all are young enough.
            Self::Timed { times, window, .. } => {
                let is_out = |time: &Nanos| now.saturating_sub(*time) >= *window;
                let out = match times.front() {
                    Some(oldest) if is_out(oldest) => times.partition_point(is_out),
                    _ => 0,
                };
                (times.len() - out) as u64
            }
        }
    }
}
