//! 9: what guards allocate, and how much keys keep.

use std::pin::pin;
use std::task::Poll;

use steadfast::{registry, resilient};
use steadfast_tests::{Failure, apart, poll_once};

use super::guarded;
use crate::allocations::{allocations, kept};

// 9. Happy path, local and unkeyed, for a body that is ready at its first poll: no allocation.
#[tokio::test(start_paused = true)]
async fn a_call_with_every_guard_allocates_nothing_when_its_body_is_ready() {
    #[resilient(
        breaker = "bytes",
        rate_limit(name = "bytes", max = 1_000_000, per = "1s", wait = "1s"),
        bulkhead(name = "bytes", max = 10, wait = "1s"),
        retry(max = 3, budget = 0.2),
        timeout = "5s",
        deadline = "20s"
    )]
    async fn inside(text: &str) -> Result<usize, Failure> {
        Ok(text.len())
    }

    #[resilient(
        breaker(name = "bytes", guards = "call"),
        rate_limit(name = "bytes", guards = "call"),
        bulkhead(name = "bytes", guards = "call")
    )]
    async fn around(text: &str) -> Result<usize, Failure> {
        Ok(text.len())
    }

    apart(async {
        let count = allocations(1000, || {
            assert_eq!(poll_once(pin!(inside("four"))), Poll::Ready(Ok(4)));
            assert_eq!(poll_once(pin!(around("four"))), Poll::Ready(Ok(4)));
        });
        assert_eq!(count, 0);
    })
    .await;
}

// The words: borrowed keys looked up without allocating.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_known_is_looked_up_without_allocating() {
    apart(async {
        let limit = registry().rate_limit("bytes.key");
        let breaker = registry().breaker("bytes.key");
        let count = allocations(1000, || {
            let _ = limit.try_acquire_for(&("tenant", "/route"));
            let _ = limit.status_for(&("tenant", "/route"));
            let _ = breaker.for_key("host").unwrap().admit();
        });
        assert_eq!(count, 0);
    })
    .await;
}

// The words: 1,000,000 distinct keys stay within `max_keys` memory.
#[tokio::test(start_paused = true)]
async fn a_million_keys_take_no_more_memory_than_max_keys_of_them() {
    let _declared = guarded!(rate_limit(
        name = "bytes.keys",
        max = 1,
        per = "1h",
        max_keys = 1000
    ));
    apart(async {
        let limit = registry().rate_limit("bytes.keys");
        let use_keys = |keys: std::ops::Range<u32>| {
            kept(|| keys.for_each(|key| drop(limit.try_acquire_for(&key))))
        };
        let first = use_keys(0..1000);
        assert!(first > 1000 && first < 1000 * 512, "{first} bytes");
        assert_eq!(use_keys(1000..1_000_000), 0);
        assert_eq!(limit.status().keys, 1000);
    })
    .await;
}
