//! Which instance makes the call that brings the next answer of a key.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::AnswerStore;
use crate::shared::encode::Args;
use crate::shared::scripts;

/// How long a lease lasts whose holder is not heard of any more. It is lengthened while the call runs.
pub(super) const LENGTH: Duration = Duration::from_secs(1);

/// Leave, among all instances, to make the call. Ends when it is dropped.
pub(crate) struct FleetLease {
    store: Arc<AnswerStore>,
    key: Box<str>,
    token: String,
    /// What lengthens it lives no longer than this.
    _alive: Arc<()>,
}

pub(super) fn key(answer: &str) -> String {
    format!("{answer}:l")
}

impl FleetLease {
    pub(super) fn begin(store: &Arc<AnswerStore>, key: Box<str>, token: String) -> Self {
        let alive = Arc::new(());
        let lengthened = lengthen(
            Arc::downgrade(store),
            Arc::downgrade(&alive),
            self::key(&key),
            token.clone(),
        );
        drop(store.link.spawn(lengthened));
        Self {
            store: store.clone(),
            key,
            token,
            _alive: alive,
        }
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Redis has ended it already.
    pub(super) fn ended(mut self) {
        self.token.clear();
    }
}

impl Drop for FleetLease {
    fn drop(&mut self) {
        if self.token.is_empty() {
            return;
        }
        let (store, key) = (self.store.clone(), key(&self.key));
        let args = Args::default().add(&self.token).add(0);
        drop(self.store.link.spawn(async move {
            let ended = store.script(&scripts::ANSWER_LEASE, vec![key], args);
            let _ = ended.await; // else it expires
        }));
    }
}

async fn lengthen(store: Weak<AnswerStore>, alive: Weak<()>, key: String, token: String) {
    loop {
        sleep(LENGTH / 3).await;
        let (Some(store), Some(_)) = (store.upgrade(), alive.upgrade()) else {
            return;
        };
        let args = Args::default().add(&token).add(LENGTH.as_millis());
        let lengthened = store.script(&scripts::ANSWER_LEASE, vec![key.clone()], args);
        let _ = lengthened.await; // it is tried again, and once more before its end
    }
}
