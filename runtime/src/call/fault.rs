//! Faults that a test injects in place of a body.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::Sleep;

use super::Call;
use crate::classify::Class;
use crate::rejection::Rejection;
use crate::testing::Fault;
use crate::wait;

/// The fault of the attempt under way.
#[derive(Default)]
pub(super) struct Injected {
    fault: Option<Fault>,
    delay: Option<Pin<Box<Sleep>>>,
}

impl Call<'_> {
    pub(super) fn plan_fault(&mut self) {
        let fault = self.policy.kit.fault(&self.policy.name);
        if fault.is_some() || self.more.is_some() {
            self.more().fault = Injected {
                fault,
                ..Injected::default()
            };
        }
    }

    /// None where the body is to be polled.
    pub(super) fn poll_fault(&mut self, context: &mut Context<'_>) -> Option<Poll<Rejection>> {
        match self.more.as_ref()?.fault.fault.clone()? {
            Fault::Error(class) => Some(Poll::Ready(Rejection::Injected { class })),
            Fault::Hang => Some(Poll::Pending),
            Fault::Panic => panic!("a fault injected into {}", self.policy.name),
            Fault::Delay(time) => {
                let delay = self
                    .more()
                    .fault
                    .delay
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
                if delay.as_mut().poll(context).is_pending() {
                    return Some(Poll::Pending);
                }
                self.more().fault.fault = None;
                None
            }
        }
    }

    pub(super) fn fault_blocking(&mut self) -> Option<Rejection> {
        match self.more.as_mut()?.fault.fault.take()? {
            Fault::Error(class) => Some(Rejection::Injected { class }),
            Fault::Hang => Some(Rejection::Injected {
                class: Class::Timeout,
            }),
            Fault::Panic => panic!("a fault injected into {}", self.policy.name),
            Fault::Delay(time) => {
                wait::park_for(time);
                None
            }
        }
    }
}
