//! Without the feature `tracing` no call has a span.

use std::fmt::Display;

use super::Call;
use crate::tally::Ended;

pub(crate) fn listen() {}

#[inline]
pub(super) fn is_wanted() -> bool {
    false
}

#[allow(clippy::unused_self)] // as with the feature
impl Call<'_> {
    #[inline]
    pub(super) fn begin_trace(&mut self) {}

    #[inline]
    pub(super) fn enter_trace(&mut self) {}

    #[inline]
    pub(super) fn leave_trace(&mut self) {}

    #[inline]
    pub(super) fn trace_attempt(&mut self, _: Ended, _: Option<&dyn Display>) {}

    #[inline]
    pub(super) fn trace_success(&mut self) {}

    #[inline]
    pub(super) fn end_trace(&mut self, _: Ended) {}
}
