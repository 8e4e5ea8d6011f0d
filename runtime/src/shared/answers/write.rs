//! Answers on their way to Redis.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use super::{AnswerStore, FORMAT, Failure, FleetLease, keys};
use crate::breaker::Nanos;
use crate::clock;
use crate::shared::encode::{Args, micros};
use crate::shared::scripts;

/// The largest answer, in bytes of JSON.
pub(crate) const LARGEST: usize = 1 << 20;
/// Between two writes of one key.
const PAUSE: Duration = Duration::from_millis(100);
/// Keys that are told at the same time.
const MOST: usize = 1024;

/// An answer to be told.
pub(crate) struct Write {
    /// When it came.
    pub(crate) at: Nanos,
    /// How long it is of use.
    pub(crate) lives: Nanos,
    pub(crate) encode: Box<dyn FnOnce() -> Result<Vec<u8>, String> + Send>,
    /// Under which it was fetched.
    pub(crate) lease: Option<FleetLease>,
    /// Hears why it was not told.
    pub(crate) failed: Box<dyn FnOnce(Failure) + Send>,
}

impl AnswerStore {
    /// Tells an answer behind the caller; where another of its key is on its way, after that, unless a
    /// later one comes first.
    pub(crate) fn put(self: &Arc<Self>, key: Box<str>, write: Write) {
        let mut writes = self.writes();
        if let Some(next) = writes.get_mut(&key) {
            let before = next.replace(write);
            drop(writes);
            drop(before); // and with it its lease
            return;
        }
        if writes.len() >= MOST {
            drop(writes);
            (write.failed)(Failure::This("too many are on their way already".into()));
            return;
        }
        writes.insert(key.clone(), None);
        drop(writes);
        let store = self.clone();
        drop(self.link.spawn(async move { store.tell(key, write).await }));
    }

    async fn tell(self: Arc<Self>, key: Box<str>, mut write: Write) {
        loop {
            self.write(&key, write).await;
            sleep(PAUSE).await;
            let mut writes = self.writes();
            match writes.get_mut(&key).and_then(Option::take) {
                Some(next) => write = next,
                None => return drop(writes.remove(&key)),
            }
        }
    }

    async fn write(&self, key: &str, write: Write) {
        let Write {
            at,
            lives,
            encode,
            lease,
            failed,
        } = write;
        if let Err(away) = self.reachable() {
            return failed(away);
        }
        let data = {
            let _permit = self.encoders.acquire().await;
            tokio::task::spawn_blocking(encode).await
        };
        let data = match data {
            Ok(Ok(data)) => data,
            Ok(Err(error)) => return failed(Failure::This(error)),
            Err(_) => return failed(Failure::This("its `Serialize` panicked".into())),
        };
        let age = clock::precise().saturating_sub(at);
        let left = micros(lives.saturating_sub(age)).div_ceil(1_000);
        if left == 0 {
            return;
        }
        let args = Args::default().add(FORMAT).add(micros(age)).add(left);
        let token = lease.as_ref().map_or("", FleetLease::token);
        let args = args.bytes(data).add(token);
        match self.script(&scripts::ANSWER_PUT, keys(key), args).await {
            Ok(_) => lease.into_iter().for_each(FleetLease::ended),
            Err(error) => failed(error.into()),
        }
    }

    fn writes(&self) -> MutexGuard<'_, HashMap<Box<str>, Option<Write>>> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
