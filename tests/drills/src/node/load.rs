//! Calls in the background, and how long the breaker held them up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use steadfast::Breaker;

use super::order::Done;
use super::work::finish;
use crate::times::now;

/// Times in buckets, each about a hundredth wider than the one before: a million of them take no room.
#[derive(Debug)]
pub(super) struct Held {
    buckets: Vec<u64>,
    count: u64,
    longest: (u64, u64),
}

const BUCKETS: usize = 2_600;
const GROWTH: f64 = 1.01;

impl Default for Held {
    fn default() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            count: 0,
            longest: (0, 0),
        }
    }
}

impl Held {
    pub(super) fn add(&mut self, at: u64, nanos: u64) {
        let bucket = (nanos.max(1) as f64).log(GROWTH) as usize;
        self.buckets[bucket.min(BUCKETS - 1)] += 1;
        self.count += 1;
        if nanos >= self.longest.0 {
            self.longest = (nanos, at);
        }
    }

    fn at(&self, share: f64) -> u64 {
        let wanted = (share * self.count as f64).ceil() as u64;
        let mut below = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            below += count;
            if *count > 0 && below >= wanted {
                return GROWTH.powf(bucket as f64 + 1.0) as u64;
            }
        }
        0
    }

    pub(super) fn into_done(self, done: &mut Done) {
        let longest = self.longest.0;
        done.held = (
            self.at(0.5).min(longest),
            self.at(0.99).min(longest),
            longest,
        );
        done.longest_at = self.longest.1;
    }
}

/// Threads that call and call.
pub(super) struct Load {
    over: Arc<AtomicBool>,
    seen: Arc<Mutex<(Done, Held)>>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub(super) fn begin(breaker: &Breaker, threads: u32, pause: Duration, failing: f64) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new((Done::default(), Held::default())));
        let caller = |_| {
            let (breaker, over, seen) = (breaker.clone(), over.clone(), seen.clone());
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let fails = fastrand::f64() < failing;
                    let call = one(&breaker, !fails, pause);
                    note(&mut lock(&seen), call);
                    if pause.is_zero() && !call.admitted {
                        thread::yield_now();
                    }
                }
            })
        };
        let threads = (0..threads).map(caller).collect();
        Self {
            over,
            seen,
            threads,
        }
    }

    /// How it went since the last time.
    pub(super) fn so_far(&self) -> Done {
        let (mut done, held) = std::mem::take(&mut *lock(&self.seen));
        held.into_done(&mut done);
        done
    }

    pub(super) fn end(self) -> Done {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            let _ = thread.join();
        }
        let (mut done, held) = std::mem::take(&mut *lock(&self.seen));
        held.into_done(&mut done);
        done
    }
}

fn lock(seen: &Mutex<(Done, Held)>) -> MutexGuard<'_, (Done, Held)> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone, Copy)]
struct Call {
    admitted: bool,
    began: u64,
    ended: u64,
    /// The time in the breaker alone.
    held: u64,
}

/// One call; the pause is its work.
fn one(breaker: &Breaker, ok: bool, pause: Duration) -> Call {
    let began = now();
    let admitted = breaker.admit();
    let asked = now() - began;
    if !pause.is_zero() {
        thread::sleep(pause);
    }
    let tells = now();
    let is_admitted = admitted.is_ok();
    if let Ok(permit) = admitted {
        finish(permit, Some(ok));
    }
    let ended = now();
    Call {
        admitted: is_admitted,
        began,
        ended,
        held: asked + (ended - tells),
    }
}

fn note(seen: &mut (Done, Held), call: Call) {
    let (done, held) = seen;
    if call.admitted {
        done.admitted += 1;
    } else {
        done.refused += 1;
    }
    done.last = (call.began, call.ended);
    held.add(call.began, call.held);
}
