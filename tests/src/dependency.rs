//! A dependency that answers by a script, and the error it answers with.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use steadfast::{Class, Classify, Rejection};
use tokio::time::Instant;

/// An error of a class that the test chooses, or a rejection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A policy refused or cut the call.
    #[error("rejected: {0}")]
    Rejected(#[from] Rejection),
    /// The dependency answered so.
    #[error("a {0} failure")]
    Of(Class),
}

impl Classify for Failure {
    fn classify(&self) -> Class {
        match self {
            Self::Rejected(rejection) => Class::of(rejection),
            Self::Of(class) => *class,
        }
    }
}

/// A failure that may pass by itself.
pub const TRANSIENT: Failure = Failure::Of(Class::Transient);

/// A dependency that answers by a script, a letter for each run:
///
/// `S` success, `F` transient failure, `T` timeout, `R` rate limited, `P` permanent, `E` expected,
/// `I` ignored, `H` hangs for ever, `!` panics. Once the script is over it succeeds.
#[derive(Debug)]
pub struct Dependency {
    took: Duration,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    script: VecDeque<char>,
    began: Instant,
    starts: Vec<Duration>,
    dropped: usize,
}

impl Dependency {
    /// One that plays this script.
    #[must_use]
    pub fn playing(script: &str) -> Self {
        Self {
            took: Duration::ZERO,
            inner: Mutex::new(Inner {
                script: script.chars().collect(),
                began: Instant::now(),
                starts: Vec::new(),
                dropped: 0,
            }),
        }
    }

    /// The same, each answer coming after so long.
    #[must_use]
    pub fn taking(self, took: Duration) -> Self {
        Self { took, ..self }
    }

    /// Adds to the script.
    pub fn then(&self, script: &str) {
        self.inner().script.extend(script.chars());
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many runs there were.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.inner().starts.len()
    }

    /// When each run started, from the making of the dependency.
    #[must_use]
    pub fn starts(&self) -> Vec<Duration> {
        self.inner().starts.clone()
    }

    /// The time between the starts of each two runs.
    #[must_use]
    pub fn pauses(&self) -> Vec<Duration> {
        let starts = self.starts();
        let pause = |two: &[Duration]| two[1].saturating_sub(two[0]);
        starts.windows(2).map(pause).collect()
    }

    /// How many runs were dropped before their answer.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.inner().dropped
    }

    /// Notes a run, and says what it comes to.
    fn run(&self) -> (usize, char) {
        let mut inner = self.inner();
        let at = inner.began.elapsed();
        inner.starts.push(at);
        (inner.starts.len(), inner.script.pop_front().unwrap_or('S'))
    }

    /// One run: its number, or the failure that the script says.
    ///
    /// # Errors
    ///
    /// As the script says.
    ///
    /// # Panics
    ///
    /// As the script says.
    pub async fn ask(&self) -> Result<usize, Failure> {
        let (run, letter) = self.run();
        let mut dropped = Dropped(Some(self));
        if letter == 'H' {
            std::future::pending::<()>().await;
        }
        if self.took > Duration::ZERO {
            tokio::time::sleep(self.took).await;
        }
        dropped.0 = None;
        answer(run, letter)
    }

    /// As [`ask`](Self::ask), at once and without a future; time passes all the same.
    ///
    /// # Errors
    ///
    /// As the script says.
    ///
    /// # Panics
    ///
    /// As the script says, and at an `H`, which nothing could end.
    pub fn ask_now(&self) -> Result<usize, Failure> {
        let (run, letter) = self.run();
        if self.took > Duration::ZERO {
            crate::pass(self.took);
        }
        answer(run, letter)
    }
}

fn answer(run: usize, letter: char) -> Result<usize, Failure> {
    let class = match letter {
        'S' => return Ok(run),
        'F' => Class::Transient,
        'T' => Class::Timeout,
        'R' => Class::RateLimited { retry_after: None },
        'P' => Class::Permanent,
        'E' => Class::Expected,
        'I' => Class::Ignored,
        '!' => panic!("the script says so"),
        other => panic!("{other:?} is no letter of a script"),
    };
    Err(Failure::Of(class))
}

/// Counts a run that is dropped.
struct Dropped<'d>(Option<&'d Dependency>);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        if let Some(dependency) = self.0 {
            dependency.inner().dropped += 1;
        }
    }
}
