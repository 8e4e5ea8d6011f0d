use fastrand::Rng;

use super::*;

const MS: Nanos = 1_000_000;

/// The store's bucket, as its scripts have it.
struct Bucket {
    interval: Nanos,
    tolerance: Nanos,
    lease: Nanos,
    arrival: Nanos,
    low: Nanos,
    since: Nanos,
    before: Nanos,
}

impl Bucket {
    /// 10,000 a second.
    fn new(tolerance: Nanos, lease: Nanos) -> Self {
        Self {
            interval: MS / 10,
            tolerance,
            lease,
            arrival: 0,
            low: 0,
            since: 0,
            before: 0,
        }
    }

    fn note_low(&mut self, now: Nanos) {
        let ahead = self.arrival.saturating_sub(now);
        if now - self.since >= self.lease {
            (self.before, self.low, self.since) = (self.low, ahead, now);
        } else {
            self.low = self.low.min(ahead);
        }
    }

    fn take(&mut self, want: u32, now: Nanos) -> u32 {
        self.note_low(now);
        let arrival = self.arrival.max(now);
        let free = (self.tolerance - (arrival - now).min(self.tolerance)) / self.interval;
        let tokens = free.min(want.into());
        self.arrival = arrival + tokens * self.interval;
        tokens as u32
    }

    /// What it counts for.
    fn give_back(&mut self, tokens: u32, now: Nanos, counts: Counts) -> Nanos {
        self.note_low(now);
        let all = Nanos::from(tokens) * self.interval;
        let credit = match counts {
            Counts::NoMoreThanWasOut => all.min(self.low).min(self.before),
            Counts::Whole => all,
        };
        self.arrival -= credit;
        credit
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    NoMoreThanWasOut,
    Whole,
}

struct Batch {
    tokens: u32,
    granted: Nanos,
}

/// The worst excess over `burst + rate × W` of the tokens spent at these times.
fn excess(spent: &[(Nanos, u32)], burst: u64, interval: Nanos) -> i64 {
    // Over all windows that begin at one spending and end at another: a running maximum.
    let (mut worst, mut level, mut last) = (i64::MIN, 0_i64, 0);
    for &(time, tokens) in spent {
        // As a bucket in nanoseconds: how far above empty it would be.
        level = (level - (time - last).cast_signed()).max(0);
        level += (u64::from(tokens) * interval).cast_signed();
        worst = worst.max(level - (burst * interval).cast_signed());
        last = time;
    }
    worst
}

/// Instances that take all there is, keep it to the last moment, give some of it back, and spend the rest at
/// once; at random, with quiet times between, in which the bucket fills. The worst excess, and what came back.
fn play(seed: u64, lease: Nanos, capacity: Nanos, counts: Counts) -> (i64, Nanos) {
    const LAST_MOMENT: Nanos = 5 * MS;
    let mut rng = Rng::with_seed(seed);
    let (mut bucket, mut back) = (Bucket::new(capacity, lease), 0);
    let (mut held, mut spent, mut now) = (Vec::<Batch>::new(), Vec::new(), 1_000 * MS);
    for _ in 0..4_000 {
        now += match rng.u8(0..60) {
            0 => 400 * MS,
            _ => rng.u64(0..LAST_MOMENT),
        };
        held.retain(|batch| now - batch.granted < lease); // lost
        let all_at_once = held
            .iter()
            .any(|batch| now - batch.granted + LAST_MOMENT >= lease)
            && rng.u8(0..8) > 0;
        for batch in std::mem::take(&mut held) {
            if rng.u8(0..30) == 0 {
                back += bucket.give_back(batch.tokens, now, counts);
            } else if all_at_once {
                spent.push((now, batch.tokens));
            } else {
                held.push(batch);
            }
        }
        if rng.u8(0..4) > 0 {
            let (tokens, granted) = (bucket.take(rng.u32(1..3_000), now), now);
            held.push(Batch { tokens, granted });
        }
    }
    (excess(&spent, 2_000, MS / 10), back)
}

#[test]
fn no_window_is_over_the_limit_whatever_is_hoarded_spent_late_and_given_back() {
    let (lease, full) = (100 * MS, 200 * MS);
    let leased = tolerance(MS / 10, full, lease).unwrap();
    let mut came_back = 0;
    for seed in 0..200 {
        let (excess, back) = play(seed, lease, leased, Counts::NoMoreThanWasOut);
        assert!(excess <= 0, "seed {seed}: {excess} ns too many");
        came_back += back;
    }
    assert!(came_back > 0);
    // The play finds what is wrong with a capacity of the whole burst,
    assert!((0..20).any(|seed| play(seed, lease, full, Counts::NoMoreThanWasOut).0 > 0));
    // and with tokens that count for all they were.
    assert!((0..200).any(|seed| play(seed, lease, leased, Counts::Whole).0 > 0));
}

#[test]
fn drained_then_spent_at_the_end_of_the_lease_is_just_the_limit() {
    let lease = 100 * MS;
    let mut bucket = Bucket::new(tolerance(MS / 10, 200 * MS, lease).unwrap(), lease);
    let hoarded = bucket.take(5_000, 500 * MS);
    let flowed = bucket.take(5_000, 600 * MS);
    assert_eq!((hoarded, flowed), (1_000, 1_000)); // all of it spent at 600 ms: the burst of 2,000
}

#[test]
fn what_comes_back_counts_whole_where_the_bucket_was_never_near_full() {
    let mut bucket = Bucket::new(100 * MS, 100 * MS);
    assert_eq!(bucket.take(2_000, 1_000 * MS), 1_000);
    for time in (1_005..1_200).step_by(5) {
        bucket.take(50, time * MS);
    }
    // Somebody gives 30 of his 50 back: they can be taken again.
    assert_eq!(
        bucket.give_back(30, 1_201 * MS, Counts::NoMoreThanWasOut),
        3 * MS
    );
    assert_eq!(bucket.take(1_000, 1_201 * MS), 30 + 60); // what flowed in since 1,195 among them
}

#[test]
fn what_comes_back_to_a_full_bucket_counts_for_nothing() {
    let mut bucket = Bucket::new(100 * MS, 100 * MS);
    assert_eq!(bucket.take(500, 1_000 * MS), 500);
    assert_eq!(
        bucket.give_back(500, 1_090 * MS, Counts::NoMoreThanWasOut),
        0
    );
}

#[test]
fn a_lease_that_leaves_no_token_is_none() {
    assert_eq!(tolerance(10, 100, 90), Some(10));
    assert_eq!(tolerance(10, 100, 91), None);
    assert_eq!(tolerance(10, 100, 200), None);
}

#[test]
fn batches_follow_what_is_spent() {
    let lease = 100 * MS;
    let bounds = Bounds {
        interval: MS / 10,
        tolerance: 100 * MS,
        lease,
    };
    // 2,000 a second: 80 in 40 ms.
    let mut size = BatchSize::FIRST;
    for _ in 0..10 {
        let time = u64::from(size.get()) * MS / 2;
        size = size.after(size.get(), time, lease, bounds);
    }
    assert_eq!(size.get(), 80);
    // No more than half of what flows in during a lease, however fast it goes.
    for _ in 0..10 {
        size = size.after(size.get(), 1, lease, bounds);
    }
    assert_eq!(size.get(), 500);
    for _ in 0..20 {
        size = size.after(1, 10_000 * MS, lease, bounds);
    }
    assert_eq!(size.get(), 1);
}

#[test]
fn a_lease_is_spent_before_it_ends_by_any_clock() {
    assert_eq!(spent_until(5 * MS, 100 * MS), 95 * MS); // a coarse clock lags by 10 ms at most
    assert_eq!(spent_until(5 * MS, 50 * MS), 55 * MS);
    assert!(!allows_coarse_time(99 * MS));
}
