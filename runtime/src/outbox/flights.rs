//! Entries that are being handled.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Handled;
use super::entry::Delivery;
use super::inside::{Handling, Refused};

/// Entries that are being handled, a few at a time.
#[derive(Default)]
pub(super) struct Flights(Vec<(Delivery, Handling)>);

impl Flights {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn places(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(delivery, _)| delivery.place.as_str())
    }

    pub(super) fn begin(&mut self, delivery: Delivery, handling: Handling) {
        self.0.push((delivery, handling));
    }

    /// The next that is done, with what it had been refused by; never, where none is under way.
    pub(super) async fn next(&mut self) -> (Delivery, Handled, Option<Refused>) {
        poll_fn(|context| {
            let mut polled = self.0.iter_mut().enumerate();
            let done = polled.find_map(|(at, (_, handling))| match poll(handling, context) {
                Poll::Ready(handled) => Some((at, handled)),
                Poll::Pending => None,
            });
            match done {
                Some((at, handled)) => {
                    let (delivery, handling) = self.0.swap_remove(at);
                    Poll::Ready((delivery, handled, handling.refused()))
                }
                None => Poll::Pending,
            }
        })
        .await
    }
}

/// A handler that panics has failed: one bad entry must not end the worker, and then the next one.
fn poll(handling: &mut Handling, context: &mut Context<'_>) -> Poll<Handled> {
    let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(handling).poll(context)));
    polled.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        let text = text.unwrap_or_else(|| "no text".into());
        Poll::Ready(Err(format!("the handler panicked: {text}").into()))
    })
}
