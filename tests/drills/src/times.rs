//! Times: points on the clock that all processes of a machine share, and what an idle thread sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of the system's monotonic clock, the same in every process.
#[must_use]
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// So many nanoseconds as milliseconds, for people.
#[must_use]
pub fn ms(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

/// Several times of one thing, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<u64>);

impl Times {
    /// Adds one.
    pub fn add(&mut self, nanos: u64) {
        self.0.push(nanos);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that this share of them does not exceed; zero without any.
    #[must_use]
    pub fn at(&self, share: f64) -> u64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let place = (share * sorted.len() as f64).ceil() as usize;
        let place = place.clamp(1, sorted.len().max(1)) - 1;
        sorted.get(place).copied().unwrap_or(0)
    }

    /// The half does not exceed this.
    #[must_use]
    pub fn p50(&self) -> u64 {
        self.at(0.5)
    }

    /// All but one of a hundred do not exceed this.
    #[must_use]
    pub fn p99(&self) -> u64 {
        self.at(0.99)
    }

    /// The longest.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.at(1.0)
    }
}

impl Extend<u64> for Times {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, times: I) {
        self.0.extend(times);
    }
}

/// A thread that only sleeps a millisecond and looks how late it is woken: what the machine itself
/// adds to every figure.
#[derive(Debug)]
pub struct Control {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Times>>,
}

impl Control {
    /// Begins to look.
    #[must_use]
    pub fn begin() -> Self {
        const NAP: Duration = Duration::from_millis(1);
        let over = Arc::new(AtomicBool::new(false));
        let seen = over.clone();
        let thread = thread::spawn(move || {
            let mut gaps = Times::default();
            while !seen.load(Ordering::Relaxed) {
                let slept = now();
                thread::sleep(NAP);
                gaps.add((now() - slept).saturating_sub(1_000_000));
            }
            gaps
        });
        Self {
            over,
            thread: Some(thread),
        }
    }

    /// Ends, and gives how late it was woken each time.
    #[must_use]
    pub fn end(mut self) -> Times {
        self.over.store(true, Ordering::Relaxed);
        let thread = self.thread.take();
        thread
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_sorted_times() {
        let mut times = Times::default();
        assert_eq!((times.p50(), times.max()), (0, 0));
        times.extend((1..=100).rev());
        assert_eq!((times.p50(), times.p99(), times.max()), (50, 99, 100));
    }
}
