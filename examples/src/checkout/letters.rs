//! The mails that the shop owes, and what the service knows of each.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use steadfast::Rejection;

use super::{CallError, Order};

/// A mail to a customer who has paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Its number, which no other letter of the service has.
    pub number: u64,
    /// An e-mail address.
    pub to: String,
    /// The subject.
    pub subject: String,
}

/// When a letter goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mailed {
    /// It is out.
    Sent,
    /// It is in the queue, and goes out once e-mail is well again.
    Later,
    /// Not at all.
    Never,
}

/// The letters of one service, whose numbers are given out from 0.
#[derive(Debug, Default)]
pub struct Letters {
    written: AtomicU64,
    sent: AtomicU64,
    queued: Mutex<BTreeSet<u64>>,
}

/// What the service knows of its letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mailbag {
    /// Letters of customers who have paid.
    pub written: u64,
    /// Those that went out while their customer waited.
    pub sent: u64,
    /// The numbers of those whose queueing was acknowledged.
    pub queued: BTreeSet<u64>,
}

impl Letters {
    /// Writes the letter of an order that is paid.
    pub fn write(&self, order: &Order) -> Letter {
        Letter {
            number: self.written.fetch_add(1, Relaxed),
            to: order.customer.clone(),
            subject: format!("Your order {}", order.id),
        }
    }

    /// Notes what became of a letter, and says when it goes out.
    pub fn note(&self, letter: &Letter, result: &Result<(), CallError>) -> Mailed {
        match result {
            Ok(()) => {
                self.sent.fetch_add(1, Relaxed);
                Mailed::Sent
            }
            Err(CallError::Rejected(Rejection::Queued { .. })) => {
                self.queued().insert(letter.number);
                Mailed::Later
            }
            Err(_) => Mailed::Never,
        }
    }

    /// What is known by now.
    #[must_use]
    pub fn bag(&self) -> Mailbag {
        Mailbag {
            written: self.written.load(Relaxed),
            sent: self.sent.load(Relaxed),
            queued: self.queued().clone(),
        }
    }

    fn queued(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
