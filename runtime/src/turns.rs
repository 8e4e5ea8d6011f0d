//! Waiting first come first served, for limits and bulkheads alike.
//!
//! Nothing is handed to a waiter: the first in the queue is woken and tries for itself. A waiter
//! that leaves wakes the next, so that no turn is ever lost with who waited for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// Those who wait, in the order they came.
#[derive(Default)]
pub(crate) struct Turns(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    queue: VecDeque<Waiter>,
    last: u64,
}

struct Waiter {
    ticket: u64,
    waker: Option<Waker>,
}

/// What has a queue of those who wait for it.
pub(crate) trait Queued: Send + Sync {
    fn turns(&self) -> &Turns;
    /// One more waits; called before it first tries as a waiter.
    fn joined(&self);
    /// One fewer waits.
    fn left(&self);
}

impl Turns {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the first in the queue.
    #[cold]
    pub(crate) fn wake_first(&self) {
        let waker = self
            .waiting()
            .queue
            .front_mut()
            .and_then(|first| first.waker.take());
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// A ticket at the end of the queue, unless so many wait already.
    #[inline(never)]
    fn join(&self, most: Option<u32>) -> Option<u64> {
        let mut waiting = self.waiting();
        if most.is_some_and(|most| waiting.queue.len() >= most as usize) {
            return None;
        }
        waiting.last += 1;
        let ticket = waiting.last;
        waiting.queue.push_back(Waiter {
            ticket,
            waker: None,
        });
        Some(ticket)
    }

    /// Leaves word whom to wake, and says whether this ticket is the first.
    #[inline(never)]
    fn is_first(&self, ticket: u64, waker: &Waker) -> bool {
        let mut waiting = self.waiting();
        if let Some(place) = waiting.place(ticket) {
            let waiter = &mut waiting.queue[place];
            if !waiter
                .waker
                .as_ref()
                .is_some_and(|known| known.will_wake(waker))
            {
                waiter.waker = Some(waker.clone());
            }
        }
        waiting
            .queue
            .front()
            .is_some_and(|first| first.ticket == ticket)
    }

    #[inline(never)]
    fn leave(&self, ticket: u64) {
        let mut waiting = self.waiting();
        if let Some(place) = waiting.place(ticket) {
            waiting.queue.remove(place);
        }
    }
}

impl Waiting {
    /// Tickets grow along the queue.
    fn place(&self, ticket: u64) -> Option<usize> {
        let place = self
            .queue
            .binary_search_by_key(&ticket, |waiter| waiter.ticket);
        place.ok()
    }
}

/// A place in a queue, given up when dropped.
pub(crate) struct Turn<Q: Queued + ?Sized> {
    of: Arc<Q>,
    ticket: u64,
}

impl<Q: Queued + ?Sized> Turn<Q> {
    /// Goes to the end of the queue, unless so many wait already.
    pub(crate) fn take(of: &Arc<Q>, most: Option<u32>) -> Option<Self> {
        let ticket = of.turns().join(most)?;
        of.joined();
        Some(Self {
            of: of.clone(),
            ticket,
        })
    }

    pub(crate) fn of(&self) -> &Arc<Q> {
        &self.of
    }

    /// Leaves word whom to wake, and says whether it is this one's turn to try.
    pub(crate) fn is_first(&self, waker: &Waker) -> bool {
        self.of.turns().is_first(self.ticket, waker)
    }
}

impl<Q: Queued + ?Sized> Drop for Turn<Q> {
    fn drop(&mut self) {
        self.of.turns().leave(self.ticket);
        self.of.left();
        self.of.turns().wake_first();
    }
}
