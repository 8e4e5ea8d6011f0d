//! What becomes of an entry whose handler failed: pure.

use std::error::Error;
use std::time::Duration;

use super::inside::Refused;
use crate::classify::{Class, rejection_in};
use crate::retry::Backoff;

/// How long a worker waits for a breaker that does not say when to come back.
const HOLD: Duration = Duration::from_secs(1);

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is tried again as soon as the worker may go on, and nothing else before then.
    Hold(Duration),
    /// It is tried again after this; whether the attempt counts.
    Later(Duration, Counts),
    /// It goes to the dead letters.
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    Yes,
    No,
}

/// How often an entry is tried, and with which pauses.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    pub(super) max: u32,
    pub(super) backoff: Backoff,
}

impl Patience {
    /// After attempt `attempt`, from 1, ended in this error. `noted` is what refused its last call, for
    /// errors that do not show it: such as say by themselves what they are have the last word.
    pub(super) fn fate(
        &self,
        attempt: u32,
        class: Class,
        error: &(dyn Error + 'static),
        noted: Option<Refused>,
    ) -> Fate {
        let shown = rejection_in(error).and_then(Refused::by);
        let noted = noted.filter(|_| class == Class::Transient);
        match shown.or(noted) {
            Some(Refused::Open(retry_in)) => {
                return Fate::Hold(retry_in.unwrap_or(HOLD).max(Duration::from_millis(10)));
            }
            Some(Refused::Busy(retry_in)) => {
                return Fate::Later(retry_in.unwrap_or(HOLD), Counts::No);
            }
            None => {}
        }
        if attempt >= self.max {
            return Fate::Dead;
        }
        match class {
            Class::Permanent | Class::Expected => Fate::Dead,
            Class::RateLimited { retry_after } => {
                let pause = self.pause(attempt).saturating_mul(2);
                Fate::Later(pause.max(retry_after.unwrap_or_default()), Counts::Yes)
            }
            Class::Transient | Class::Timeout | Class::Ignored => {
                Fate::Later(self.pause(attempt), Counts::Yes)
            }
        }
    }

    fn pause(&self, attempt: u32) -> Duration {
        let before = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        self.backoff.clone().delays().nth(before).unwrap_or(HOLD)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use steadfast_options::{Jitter, Name};

    use super::*;
    use crate::rejection::Rejection;

    fn patience() -> Patience {
        let backoff = Backoff::new(Duration::from_secs(1)).jitter(Jitter::None);
        Patience { max: 3, backoff }
    }

    fn fate(attempt: u32, error: &(dyn Error + 'static)) -> Fate {
        patience().fate(attempt, Class::of(error), error, None)
    }

    #[test]
    fn what_may_pass_is_tried_again_with_growing_pauses_until_patience_ends() {
        let error = io::Error::from(io::ErrorKind::ConnectionReset);
        let later = |secs| Fate::Later(Duration::from_secs(secs), Counts::Yes);
        assert_eq!(fate(1, &error), later(1));
        assert_eq!(fate(2, &error), later(2));
        assert_eq!(fate(3, &error), Fate::Dead);
    }

    #[test]
    fn what_will_fail_again_is_dead_at_once() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let missing = io::Error::from(io::ErrorKind::NotFound);
        assert_eq!(fate(1, &denied), Fate::Dead);
        assert_eq!(fate(1, &missing), Fate::Dead);
    }

    #[test]
    fn a_rate_limit_is_given_the_time_it_asks_for() {
        let error = io::Error::other("busy");
        let limited = |secs| Class::RateLimited {
            retry_after: Some(Duration::from_secs(secs)),
        };
        let fate = |secs| patience().fate(1, limited(secs), &error, None);
        assert_eq!(fate(0), Fate::Later(Duration::from_secs(2), Counts::Yes));
        assert_eq!(fate(9), Fate::Later(Duration::from_secs(9), Counts::Yes));
    }

    #[test]
    fn refusals_of_our_own_guards_count_as_no_attempt() {
        let name = Name::from_static("stripe");
        let second = Some(Duration::from_secs(1));
        let open = |retry_in| Rejection::CircuitOpen {
            breaker: name,
            retry_in,
        };
        assert_eq!(fate(9, &open(second)), Fate::Hold(Duration::from_secs(1)));
        assert_eq!(fate(9, &open(None)), Fate::Hold(HOLD));
        let inside = io::Error::from(open(second));
        assert_eq!(fate(9, &inside), Fate::Hold(Duration::from_secs(1)));
        let limited = Rejection::RateLimited {
            limiter: name,
            retry_in: second,
        };
        let later = Fate::Later(Duration::from_secs(1), Counts::No);
        assert_eq!(fate(9, &limited), later);
    }

    #[test]
    fn a_refusal_that_the_error_hides_holds_all_the_same_unless_the_error_has_a_class_of_its_own() {
        let hidden = io::Error::other("mail is away");
        let second = Some(Duration::from_secs(1));
        let fate = |class, noted| patience().fate(9, class, &hidden, Some(noted));
        let open = Refused::Open(second);
        let hold = Fate::Hold(Duration::from_secs(1));
        assert_eq!(fate(Class::Transient, open), hold);
        assert_eq!(fate(Class::Permanent, open), Fate::Dead);
        let later = Fate::Later(Duration::from_secs(1), Counts::No);
        assert_eq!(fate(Class::Transient, Refused::Busy(second)), later);
    }
}
