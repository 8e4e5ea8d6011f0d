//! Telling Redis what came of entries.

use std::sync::Arc;
use std::time::Duration;

use super::entry::Delivery;
use super::queue::{Count, Queue};
use crate::shared::link::LinkError;
use crate::telemetry::{Event, report};

/// What came of an entry.
pub(super) enum Settlement {
    Done(Delivery),
    /// It is tried again after this; class and text of the error.
    Later(Delivery, Duration, String, String),
    /// It is given up; class and text of the error.
    Bury(Delivery, String, String),
}

impl Settlement {
    pub(super) fn place(&self) -> &str {
        let (Self::Done(delivery) | Self::Later(delivery, ..) | Self::Bury(delivery, ..)) = self;
        &delivery.place
    }
}

/// Tells Redis; gives what it may not have heard. To tell it twice does no harm.
pub(super) async fn settle(queue: Arc<Queue>, all: Vec<Settlement>) -> Vec<Settlement> {
    let (done, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|it| matches!(it, Settlement::Done(_)));
    let mut left = Vec::new();
    let places: Vec<String> = done.iter().map(|it| it.place().to_owned()).collect();
    if places.is_empty() || queue.done(&places).await.is_ok() {
        done.iter().for_each(|it| told(&queue, it));
    } else {
        left.extend(done);
    }
    let mut up = left.is_empty();
    for one in others {
        if up && tell(&queue, &one).await.is_ok() {
            told(&queue, &one);
        } else {
            up = false;
            left.push(one);
        }
    }
    left
}

async fn tell(queue: &Queue, settlement: &Settlement) -> Result<(), LinkError> {
    match settlement {
        Settlement::Done(delivery) => queue.done(std::slice::from_ref(&delivery.place)).await,
        Settlement::Later(delivery, after, ..) => queue.later(delivery, *after).await,
        Settlement::Bury(delivery, class, error) => queue.bury(delivery, class, error).await,
    }
}

fn told(queue: &Queue, settlement: &Settlement) {
    let name = queue.name;
    match settlement {
        Settlement::Done(delivery) => {
            queue.count(Count::Delivered);
            report(&Event::Delivered {
                queue: name,
                id: &delivery.entry.id,
                attempts: delivery.entry.attempts + 1,
            });
        }
        Settlement::Later(delivery, after, class, error) => {
            queue.count(Count::Retried);
            report(&Event::PutOff {
                queue: name,
                id: &delivery.entry.id,
                after: *after,
                class,
                error,
            });
        }
        Settlement::Bury(delivery, class, error) => {
            queue.count(Count::Dead);
            report(&Event::Dead {
                queue: name,
                id: &delivery.entry.id,
                class,
                error,
            });
        }
    }
}
