//! Calls per time and calls at a time under one name, as one: what other libraries call a reservoir
//! with a concurrency.

use std::fmt;

use steadfast_options::Name;

use crate::bulkhead::{Bulkhead, BulkheadStatus, Place};
use crate::rate_limit::{LimitStatus, RateLimit, Source, Token};
use crate::rejection::Rejection;

/// The rate limit and the bulkhead of one name, from [`Registry::limits`](crate::Registry::limits).
/// A clone is the same.
///
/// ```
/// use steadfast::{Policy, registry};
///
/// // 50 calls a minute, 5 at a time.
/// let policy = Policy::builder("doc.complete")
///     .rate_limit("doc.model", |limit| limit.max(50))
///     .bulkhead("doc.model", |bulkhead| bulkhead.max(5))
///     .build()?;
/// let model = registry().limits("doc.model").unwrap();
/// assert_eq!(model.status().bulkhead.unwrap().max, 5);
/// assert_eq!(model.status().rate_limit.unwrap().left, 50);
/// # Ok::<(), steadfast::PolicyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Limits {
    name: Name,
    rate_limit: Option<RateLimit>,
    bulkhead: Option<Bulkhead>,
}

impl Limits {
    /// None where there is neither.
    pub(crate) fn of(
        name: Name,
        rate_limit: Option<RateLimit>,
        bulkhead: Option<Bulkhead>,
    ) -> Option<Self> {
        (rate_limit.is_some() || bulkhead.is_some()).then_some(Self {
            name,
            rate_limit,
            bulkhead,
        })
    }

    /// The name of both.
    #[must_use]
    pub fn name(&self) -> Name {
        self.name
    }

    /// Calls per time, if there is such a limit.
    #[must_use]
    pub fn rate_limit(&self) -> Option<&RateLimit> {
        self.rate_limit.as_ref()
    }

    /// Calls at a time, if there is such a limit.
    #[must_use]
    pub fn bulkhead(&self) -> Option<&Bulkhead> {
        self.bulkhead.as_ref()
    }

    /// Takes a token and a place, waiting for both: first come first served, for as long as it takes,
    /// but not past the deadline of the call around.
    ///
    /// # Errors
    ///
    /// As [`RateLimit::acquire`] and [`Bulkhead::enter`]. A token is given back where there is no
    /// place for it.
    ///
    /// # Cancel safety
    ///
    /// Who stops waiting spends nothing.
    pub async fn enter(&self) -> Result<Entered, Rejection> {
        let mut spent = Spent::nothing(self);
        if let Some(limit) = &self.rate_limit {
            let source = limit.source_of_all();
            let taken = limit
                .acquire_from(&source, std::time::Duration::MAX)
                .await?;
            spent.token = taken.map(|token| (source, token));
        }
        let place = match &self.bulkhead {
            Some(bulkhead) => Some(bulkhead.enter().await?),
            None => None,
        };
        spent.keep();
        Ok(Entered { _place: place })
    }

    /// Takes a token and a place if both are there and nobody waits for them.
    ///
    /// # Errors
    ///
    /// As [`RateLimit::try_acquire`] and [`Bulkhead::try_enter`]. A token is given back where there
    /// is no place for it.
    pub fn try_enter(&self) -> Result<Entered, Rejection> {
        let mut spent = Spent::nothing(self);
        if let Some(limit) = &self.rate_limit {
            let source = limit.source_of_all();
            let taken = limit.try_from(&source)?;
            spent.token = taken.map(|token| (source, token));
        }
        let place = self
            .bulkhead
            .as_ref()
            .map(Bulkhead::try_enter)
            .transpose()?;
        spent.keep();
        Ok(Entered { _place: place })
    }

    /// What is used of both.
    #[must_use]
    pub fn status(&self) -> LimitsStatus {
        LimitsStatus {
            name: self.name,
            rate_limit: self.rate_limit.as_ref().map(RateLimit::status),
            bulkhead: self.bulkhead.as_ref().map(Bulkhead::status),
        }
    }
}

/// A token that is given back when dropped, unless it is kept.
struct Spent<'l> {
    limits: &'l Limits,
    token: Option<(Source, Token)>,
}

impl<'l> Spent<'l> {
    fn nothing(limits: &'l Limits) -> Self {
        Self {
            limits,
            token: None,
        }
    }

    fn keep(mut self) {
        self.token = None;
    }
}

impl Drop for Spent<'_> {
    fn drop(&mut self) {
        if let (Some((source, token)), Some(limit)) = (self.token.take(), &self.limits.rate_limit) {
            limit.give_back_to(&source, token);
        }
    }
}

/// Leave to make one call, from [`Limits::enter`]. Its place is given back when it is dropped; its
/// token is spent.
#[derive(Debug)]
#[must_use = "a place is given back when it is dropped"]
pub struct Entered {
    _place: Option<Place>,
}

/// What is used of the rate limit and the bulkhead of one name, from [`Limits::status`]. Its text is
/// one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct LimitsStatus {
    /// The name of both.
    pub name: Name,
    /// Calls per time, if there is such a limit.
    pub rate_limit: Option<LimitStatus>,
    /// Calls at a time, if there is such a limit.
    pub bulkhead: Option<BulkheadStatus>,
}

impl fmt::Display for LimitsStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        if let Some(LimitStatus {
            used,
            left,
            resets_in,
            ..
        }) = self.rate_limit
        {
            // Tenths of a second are enough to read, rounded up.
            let tenths = resets_in.as_nanos().div_ceil(100_000_000);
            let reset = tenths as f64 / 10.0;
            let most = used.saturating_add(left);
            write!(f, "{used} of {most} used, all back in {reset}s")?;
        }
        if self.rate_limit.is_some() && self.bulkhead.is_some() {
            f.write_str("; ")?;
        }
        if let Some(BulkheadStatus {
            active,
            waiting,
            max,
            ..
        }) = self.bulkhead
        {
            write!(f, "{active} of {max} inside, {waiting} wait")?;
        }
        let limit_alone = self.rate_limit.is_some_and(|limit| limit.degraded);
        if limit_alone || self.bulkhead.is_some_and(|bulkhead| bulkhead.degraded) {
            f.write_str("; degraded")?;
        }
        Ok(())
    }
}
