//! How many lines of one kind about one call the log takes: an outage must not flood it.

#[cfg(feature = "tracing")]
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(feature = "tracing")]
use crate::clock;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg(feature = "tracing")]
pub(crate) enum Line {
    Retry,
    Recovered,
    Exhausted,
    BudgetSpent,
    Rejected,
    WouldReject,
    Fallback,
    #[cfg(feature = "redis")]
    NotShared,
}

/// Lines of each kind in a span; then they are counted only.
#[cfg(feature = "tracing")]
const MOST: u64 = 10;
#[cfg(feature = "tracing")]
const SPAN_SECONDS: u64 = 10;
#[cfg(feature = "tracing")]
const KINDS: usize = 8;

/// The lines about one call: of each kind the number of the span in the upper half, and how many
/// there were in it in the lower.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    #[cfg(feature = "tracing")]
    told: [AtomicU64; KINDS],
}

/// A line that is written.
#[cfg(feature = "tracing")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// How many were left out before it, if any.
    pub(super) left_out: Option<u64>,
}

#[cfg(feature = "tracing")]
impl Lines {
    /// Whether a line is written now.
    pub(super) fn take(&self, line: Line) -> Option<Written> {
        self.take_at(line, clock::now() / 1_000_000_000 / SPAN_SECONDS)
    }

    fn take_at(&self, line: Line, span: u64) -> Option<Written> {
        let span = span & u64::from(u32::MAX);
        let next = |held: u64| match (held >> 32 == span, held as u32) {
            (true, u32::MAX) => held,
            (true, _) => held + 1,
            (false, _) => span << 32 | 1,
        };
        let told = &self.told[line as usize];
        let before = told
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                Some(next(held))
            })
            .unwrap_or_else(|held| held);
        let said = u64::from(before as u32);
        if before >> 32 == span {
            return (said < MOST).then_some(Written { left_out: None });
        }
        let left_out = (said > MOST).then(|| said - MOST);
        Some(Written { left_out })
    }
}

#[cfg(all(test, feature = "tracing"))]
mod tests {
    use super::*;

    #[test]
    fn of_many_lines_ten_are_written_and_the_next_span_says_how_many_were_left_out() {
        let lines = Lines::default();
        let written = |span| {
            (0..25)
                .filter_map(|_| lines.take_at(Line::Retry, span))
                .collect::<Vec<_>>()
        };
        let first = written(7);
        assert_eq!(first.len(), 10);
        assert!(first.iter().all(|line| line.left_out.is_none()));
        let second = written(8);
        assert_eq!((second.len(), second[0].left_out), (10, Some(15)));
        assert!(second[1..].iter().all(|line| line.left_out.is_none()));
    }

    #[test]
    fn kinds_of_lines_do_not_take_room_from_each_other() {
        let lines = Lines::default();
        (0..25).for_each(|_| _ = lines.take_at(Line::Retry, 7));
        assert!(lines.take_at(Line::Rejected, 7).is_some());
    }
}
