//! Without the feature `testing` no fault is ever injected, and asking costs nothing.
#![allow(clippy::unused_self, clippy::inline_always)] // the shape of `fault`, and gone when compiled

use std::task::{Context, Poll};

use super::Call;
use crate::rejection::Rejection;

impl Call<'_> {
    #[inline(always)]
    pub(super) fn plan_fault(&mut self) {}

    #[inline(always)]
    pub(super) fn poll_fault(&mut self, _: &mut Context<'_>) -> Option<Poll<Rejection>> {
        None
    }

    #[inline(always)]
    pub(super) fn fault_blocking(&mut self) -> Option<Rejection> {
        None
    }
}
