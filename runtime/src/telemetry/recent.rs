//! The last events that an operator wants to see who comes after them: not those of single calls.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Event;
use super::stream::Event as Told;

const KEPT: usize = 200;

struct Recent {
    last: u64,
    events: VecDeque<(u64, Arc<Told>)>,
}

static RECENT: Mutex<Recent> = Mutex::new(Recent {
    last: 0,
    events: VecDeque::new(),
});

fn recent() -> MutexGuard<'static, Recent> {
    RECENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether it is kept: not what is about single calls.
pub(super) fn is_kept(event: &Event<'_>) -> bool {
    match event {
        Event::Transition { .. }
        | Event::Conflict(_)
        | Event::TooManyKeys { .. }
        | Event::TooManyNames { .. }
        | Event::BadVariable(_)
        | Event::Configured(_)
        | Event::SharedAlone { .. }
        | Event::LimitAlone { .. }
        | Event::LimiterLost { .. }
        | Event::LimiterBack { .. }
        | Event::AccountRefused { .. } => true,
        #[cfg(feature = "redis")]
        Event::RedisLost { .. }
        | Event::RedisBack { .. }
        | Event::RedisRefused { .. }
        | Event::AnswersAlone { .. } => true,
        _ => false,
    }
}

pub(super) fn keep(event: Arc<Told>) {
    let mut recent = recent();
    if recent.events.len() == KEPT {
        recent.events.pop_front();
    }
    recent.last += 1;
    let number = recent.last;
    recent.events.push_back((number, event));
}

/// Those after this number, the oldest first, each with its own.
pub(crate) fn all(after: u64) -> Vec<(u64, Arc<Told>)> {
    let recent = recent();
    let later = recent.events.iter().filter(|(number, _)| *number > after);
    later.cloned().collect()
}
