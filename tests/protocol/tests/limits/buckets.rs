//! Token buckets: tokens, waits, hints, leases.

use super::{BUCKET, GIVE_BACK, KEY, Limits, SECOND, Told};

/// Ten a second, ten at once.
const RULES: [&str; 2] = ["100000", "1000000"];
const LEASE: &str = "300000";

impl Limits {
    fn tokens(&self, want: u32) -> Told {
        self.hinted(want, None)
    }

    fn hinted(&self, want: u32, told: Option<&Told>) -> Told {
        let ahead = told.map_or(0, |told| told.full_in).to_string();
        let (mark, returned) = told.map_or(("0", "0"), |told| (&told.mark, &told.returned));
        let want = want.to_string();
        self.take(
            BUCKET,
            &[RULES[0], RULES[1], &want, mark, returned, &ahead, "0"],
        )
    }

    fn leased(&self, want: u32) -> Told {
        let want = want.to_string();
        self.take(BUCKET, &[RULES[0], RULES[1], &want, "0", "0", "0", LEASE])
    }

    /// What tokens that come back count for, in microseconds.
    fn give_back(&self, tokens: u32, told: &Told) -> i64 {
        let tokens = tokens.to_string();
        let reply = self.run(GIVE_BACK, &[RULES[0], &tokens, &told.at, LEASE]);
        reply.int().unwrap()
    }
}

#[test]
fn a_bucket_gives_what_there_is_and_says_when_there_is_more() {
    let limits = Limits::new();
    let told = limits.tokens(7);
    assert_eq!(
        (told.granted, told.wait, told.left, told.full_in),
        (7, 0, 3, 700_000)
    );
    let told = limits.tokens(7);
    assert_eq!((told.granted, told.wait, told.left), (3, 100_000, 0));
    limits.pass(250_000);
    let told = limits.tokens(7);
    assert_eq!(
        (told.granted, told.wait, told.full_in),
        (2, 50_000, 950_000)
    );
    limits.pass(SECOND);
    assert_eq!(limits.tokens(20).granted, 10);
}

#[test]
fn a_rate_that_does_not_divide_its_time_still_fills_its_bucket() {
    // Seven a minute.
    let rules = ["8571428.572", "60000000.004"];
    let limits = Limits::new();
    let take = |want: &str| {
        let args = [rules[0], rules[1], want, "0", "0", "0", "0"];
        limits.take(BUCKET, &args).granted
    };
    assert_eq!((take("9"), take("1")), (7, 0));
    limits.pass(60 * SECOND + 1);
    assert_eq!(take("9"), 7);
}

#[test]
fn every_key_ends_a_second_after_its_bucket_is_full() {
    let limits = Limits::new();
    limits.tokens(10);
    let left = limits.command(&["PTTL", KEY]).int().unwrap();
    assert!((1_500..=2_000).contains(&left), "{left}");
    // What is full says nothing, and is not kept.
    limits.command(&["DEL", KEY]);
    limits.tokens(0);
    assert_eq!(limits.command(&["EXISTS", KEY]).int(), Some(0));
}

#[test]
fn after_all_is_lost_one_who_was_told_keeps_a_drained_bucket_drained() {
    let limits = Limits::new();
    let told = limits.tokens(10);
    limits.command(&["FLUSHALL"]);
    assert_eq!(limits.hinted(10, Some(&told)).granted, 0);
    // From then on the server knows it again.
    assert_eq!(limits.tokens(10).granted, 0);
    limits.command(&["FLUSHALL"]);
    assert_eq!(limits.tokens(10).granted, 10); // nobody who knew has come
}

#[test]
fn after_a_failover_that_lost_writes_they_are_made_good() {
    let limits = Limits::new();
    limits.tokens(2);
    let before = limits.command(&["GET", KEY]).text();
    let told = limits.tokens(8);
    limits.command(&["SET", KEY, &before]);
    assert_eq!(limits.hinted(10, Some(&told)).granted, 0);
}

#[test]
fn what_was_told_before_tokens_came_back_does_not_take_them_again() {
    let limits = Limits::new();
    let lease = limits.leased(10);
    // Out for longer than a lease, so that what comes back counts.
    for _ in 0..7 {
        limits.pass(100_000);
        limits.leased(10);
    }
    let told = limits.leased(10);
    assert_eq!(told.granted, 0);
    assert!(limits.give_back(4, &told) > 0);
    let again = limits.hinted(10, Some(&told));
    assert_eq!(again.granted, 4);
    assert_eq!(limits.give_back(4, &lease), 0, "that lease is over");
}

#[test]
fn what_comes_back_to_a_bucket_that_was_full_counts_for_nothing() {
    let limits = Limits::new();
    let told = limits.leased(6);
    limits.pass(200_000);
    assert_eq!(limits.give_back(6, &told), 0);
    assert_eq!(limits.leased(0).left, 6);
}

#[test]
fn a_lease_that_is_over_brings_nothing_back() {
    let limits = Limits::new();
    for _ in 0..8 {
        limits.leased(10);
        limits.pass(100_000);
    }
    let told = limits.leased(10);
    limits.pass(300_000);
    assert_eq!(limits.give_back(1, &told), 0);
}

#[test]
fn a_clock_that_jumps_costs_one_burst_or_one_bucket_of_waiting() {
    let limits = Limits::new();
    let told = limits.tokens(10);
    limits.pass(3600 * SECOND);
    assert_eq!(limits.hinted(30, Some(&told)).granted, 10);
    let told = limits.tokens(1);
    limits.now.set(limits.now.get() - 3600 * SECOND);
    let back = limits.hinted(1, Some(&told));
    assert_eq!((back.granted, back.full_in), (0, 1_000_000));
    // One who was told in the time before goes by its own clock, too.
    limits.pass(500_000);
    let late = Told {
        full_in: 500_000,
        ..told
    };
    assert_eq!(limits.hinted(9, Some(&late)).granted, 5);
}

#[test]
fn what_is_no_bucket_is_an_error_and_left_alone() {
    let limits = Limits::new();
    limits.command(&["RPUSH", KEY, "mine"]);
    let args = [RULES[0], RULES[1], "1", "0", "0", "0", "0"];
    assert!(
        limits
            .run(BUCKET, &args)
            .error()
            .unwrap()
            .starts_with("WRONGTYPE")
    );
    limits.command(&["SET", KEY, "a cat"]);
    assert!(
        limits
            .run(BUCKET, &args)
            .error()
            .unwrap()
            .starts_with("WRONGTYPE")
    );
    let back = limits.run(GIVE_BACK, &[RULES[0], "1", "1", LEASE]);
    assert!(back.error().unwrap().starts_with("WRONGTYPE"));
    assert_eq!(limits.command(&["GET", KEY]).text(), "a cat");
}

/// GCRA as arithmetic, beside the script under random requests.
#[test]
fn the_script_grants_what_the_arithmetic_grants() {
    let (limits, mut random) = (Limits::new(), fastrand::Rng::with_seed(11));
    let (mut arrival, interval, tolerance) = (0, 100_000, 1_000_000);
    for _ in 0..2_000 {
        limits.pass(random.u64(0..400_000));
        let (now, want) = (limits.now.get(), random.u32(0..9));
        arrival = arrival.max(now);
        let free = (tolerance - (arrival - now)) / interval;
        let granted = free.min(want.into());
        arrival += granted * interval;
        let told = limits.tokens(want);
        assert_eq!(told.granted, i64::try_from(granted).unwrap());
        assert_eq!(told.full_in, i64::try_from(arrival - now).unwrap());
    }
}
