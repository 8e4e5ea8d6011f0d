//! The queue of letters, and the worker that sends them once e-mail is well again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use steadfast::outbox::OutboxError;
use steadfast::{Backoff, Outbox};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::saved::Saved;
use crate::checkout::calls::EMAILS;
use crate::checkout::{Api, CallError, Letter, Mailbag};

/// How long the worker may take to end.
const END: Duration = Duration::from_secs(2);
/// Its pauses: the demo has half a minute.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A letter that probes a sick dependency again and again is not to be given up for it.
const ATTEMPTS: u32 = 100;

/// The worker of the guarded service.
#[derive(Debug)]
pub(super) struct Postman {
    outbox: Outbox<Letter>,
    worker: JoinHandle<Result<(), OutboxError>>,
    stop: oneshot::Sender<()>,
}

impl Postman {
    /// Starts the worker; none where the setup named no Redis.
    pub(super) async fn start(api: Api) -> Option<Self> {
        let outbox = Outbox::<Letter>::open(EMAILS).await.ok()?;
        let (stop, stopped) = oneshot::channel();
        let worker = outbox
            .worker(move |letter: Letter| {
                let api = api.clone();
                async move { api.mail(&letter).await }
            })
            .max_attempts(ATTEMPTS)
            .backoff(Backoff::new(PAUSE).cap(LONGEST_PAUSE))
            .classify(|error| match error.downcast_ref::<CallError>() {
                Some(error) => steadfast::Classify::classify(error),
                None => steadfast::Class::of(error),
            })
            .until(async move {
                // Whoever drops the other end wants it to stop, too.
                let _ = stopped.await;
            });
        Some(Self {
            outbox,
            worker: tokio::spawn(worker.into_future()),
            stop,
        })
    }

    /// Waits until nothing is left to deliver.
    pub(super) async fn delivered(&self) {
        loop {
            if let Ok(depth) = self.outbox.depth().await
                && (depth.waiting, depth.delayed) == (0, 0)
            {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends the worker; gives what is left in the queue, none where Redis does not say.
    pub(super) async fn stop(mut self) -> Option<Left> {
        let _ = self.stop.send(());
        if timeout(END, &mut self.worker).await.is_err() {
            self.worker.abort();
        }
        let depth = self.outbox.depth().await.ok()?;
        let dead = self.outbox.dead(usize::MAX).await.ok()?;
        let dead = dead.into_iter().filter_map(|buried| buried.work.ok());
        Some(Left {
            waiting: depth.waiting + depth.delayed,
            dead: dead.map(|letter| letter.number).collect(),
        })
    }
}

/// What a queue still holds.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// How many letters wait.
    waiting: u64,
    /// The numbers of the dead ones.
    dead: BTreeSet<u64>,
}

impl Left {
    /// As far as this process knows, where Redis does not say.
    pub(super) fn as_counted() -> Self {
        let queue = Saved::now().queue.unwrap_or_default();
        Self {
            waiting: queue.waiting + queue.dead,
            dead: BTreeSet::new(),
        }
    }
}

/// What became of the letters of one service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Emails {
    /// Letters of customers who have paid.
    pub due: u64,
    /// Those that went out while their customer waited.
    pub sent_at_once: u64,
    /// Those whose queueing was acknowledged.
    pub queued: u64,
    /// The queued ones that have reached the stand-in.
    pub delivered_later: u64,
    /// What the queue still holds.
    pub waiting: u64,
    /// What the worker has given up.
    pub dead: u64,
    /// Times that the stand-in took a letter that it had taken before.
    pub delivered_twice: u64,
    /// Letters that neither the stand-in nor the queue has.
    pub lost: u64,
}

impl Emails {
    /// Counts what the stand-in has taken (by the number of each letter) against what the service knows.
    pub(super) fn count(bag: &Mailbag, taken: &BTreeMap<String, u64>, left: &Left) -> Self {
        let has = |number: &u64| taken.contains_key(&number.to_string());
        let missing = (0..bag.written).filter(|number| !has(number) && !left.dead.contains(number));
        Self {
            due: bag.written,
            sent_at_once: bag.sent,
            queued: bag.queued.len() as u64,
            delivered_later: bag.queued.iter().filter(|number| has(number)).count() as u64,
            waiting: left.waiting,
            dead: left.dead.len() as u64,
            delivered_twice: taken.values().map(|times| times - 1).sum(),
            lost: (missing.count() as u64).saturating_sub(left.waiting),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five letters: 0 and 1 were sent at once, 2 and 3 queued, 4 neither.
    fn bag() -> Mailbag {
        Mailbag {
            written: 5,
            sent: 2,
            queued: [2, 3].into(),
        }
    }

    fn taken(letters: &[(u64, u64)]) -> BTreeMap<String, u64> {
        let letters = letters.iter();
        letters
            .map(|(number, times)| (number.to_string(), *times))
            .collect()
    }

    #[test]
    fn a_letter_that_nobody_has_is_lost() {
        let emails = Emails::count(&bag(), &taken(&[(0, 1), (1, 1), (2, 1)]), &Left::default());
        assert_eq!((emails.due, emails.sent_at_once), (5, 2));
        assert_eq!((emails.queued, emails.delivered_later), (2, 1));
        assert_eq!((emails.lost, emails.delivered_twice), (2, 0));
    }

    #[test]
    fn what_the_queue_still_holds_is_not_lost() {
        let left = Left {
            waiting: 1,
            dead: [4].into(),
        };
        let emails = Emails::count(&bag(), &taken(&[(0, 1), (1, 1), (3, 2)]), &left);
        assert_eq!((emails.waiting, emails.dead, emails.lost), (1, 1, 0));
        assert_eq!((emails.delivered_later, emails.delivered_twice), (1, 1));
    }

    #[test]
    fn a_dead_letter_that_arrived_hides_no_lost_one() {
        let left = Left {
            waiting: 0,
            dead: [3].into(),
        };
        let emails = Emails::count(&bag(), &taken(&[(0, 1), (1, 1), (2, 1), (3, 1)]), &left);
        assert_eq!((emails.dead, emails.lost), (1, 1));
    }
}
