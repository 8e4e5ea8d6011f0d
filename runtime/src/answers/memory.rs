//! Where answers are in memory: `moka`, behind a trait, so that only a function that keeps answers brings
//! it into a program.

use std::hash::BuildHasherDefault;
use std::sync::Arc;

use moka::policy::EvictionPolicy;
use moka::sync::Cache as Moka;

use super::Answer;
use crate::keys::{Key, Same};

pub(super) trait Keeps: Send + Sync {
    fn get(&self, key: Key) -> Option<Arc<Answer>>;
    fn put(&self, key: Key, answer: Arc<Answer>);
    fn forget(&self, key: Key);
    fn keep_to_bound(&self);
    fn len(&self) -> u64;
    fn all(&self) -> Vec<(Key, Arc<Answer>)>;
    /// Nothing yet, within another bound.
    fn anew(&self, max: u32) -> Box<dyn Keeps>;
}

type Memory = Moka<Key, Arc<Answer>, BuildHasherDefault<Same>>;

impl Keeps for Memory {
    fn get(&self, key: Key) -> Option<Arc<Answer>> {
        self.get(&key)
    }

    fn put(&self, key: Key, answer: Arc<Answer>) {
        self.insert(key, answer);
    }

    fn forget(&self, key: Key) {
        self.invalidate(&key);
    }

    fn keep_to_bound(&self) {
        self.run_pending_tasks();
    }

    fn len(&self) -> u64 {
        self.entry_count()
    }

    fn all(&self) -> Vec<(Key, Arc<Answer>)> {
        self.iter().map(|(key, answer)| (*key, answer)).collect()
    }

    fn anew(&self, max: u32) -> Box<dyn Keeps> {
        memory(max)
    }
}

pub(super) fn memory(max: u32) -> Box<dyn Keeps> {
    let memory: Memory = Moka::builder()
        .max_capacity(max.into())
        .eviction_policy(EvictionPolicy::lru())
        .weigher(|_, answer: &Arc<Answer>| answer.weight)
        .build_with_hasher(BuildHasherDefault::default());
    Box::new(memory)
}
