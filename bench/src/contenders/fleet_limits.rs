//! A token of a limit that a fleet shares: ours from a lease, one round trip a call, and trypema's hybrid.

use std::sync::{LazyLock, Mutex, PoisonError};

use ::redis::aio::ConnectionManager;
use ::redis::{Client, Script};
use ::steadfast::{registry, resilient};
use ::trypema::hybrid::HybridRateLimiterProvider;
use ::trypema::redis::RedisKey;
use ::trypema::{RateLimit, RateLimitDecision, RateLimiterBuilder};
use tokio::runtime::{Builder, Runtime};

use super::fleet::{SERVER, SETUP};
use super::problem::{Problem, heard};
use crate::body::{Answer, ask};
use crate::item::{Contender, Kind, Load, blocking};

/// More a second than any run asks for.
const PLENTY: u32 = 1_000_000_000;

#[resilient(rate_limit(
    name = "fleet",
    scope = "shared",
    max = 1_000_000_000,
    per = "1s",
    lease = "100ms"
))]
fn limited(order: u64) -> Result<u64, Problem> {
    Ok(ask(order)?)
}

pub(crate) fn steadfast(load: impl Load) -> Contender {
    LazyLock::force(&SETUP);
    blocking(Kind::Steadfast, "steadfast (sync)", load, |order| {
        heard(limited(order))
    })
}

pub(crate) fn steadfast_handle(load: impl Load) -> Contender {
    LazyLock::force(&SETUP);
    let limit = registry().rate_limit("fleet");
    blocking(
        Kind::Steadfast,
        "steadfast (handle)",
        load,
        move |order| match limit.try_acquire() {
            Ok(()) => Answer::from(ask(order)),
            Err(_) => Answer::Refused,
        },
    )
}

/// A window that a script counts: as little as a limit can ask of Redis at every call.
pub(crate) fn round_trip(load: impl Load) -> Contender {
    let client = Client::open(SERVER.url()).expect("an address");
    let connection = Mutex::new(client.get_connection().expect("a connection"));
    let script = Script::new(
        "local n = redis.call('INCR', KEYS[1]) \
         if n == 1 then redis.call('PEXPIRE', KEYS[1], 1000) end \
         return n",
    );
    blocking(Kind::Peer, "a script a call", load, move |order| {
        let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        let call = script.key("limit:by-hand");
        let count: u32 = call.invoke(&mut *connection).expect("Redis is there");
        if count > PLENTY {
            return Answer::Refused;
        }
        Answer::from(ask(order))
    })
}

/// It commits to Redis in tasks, for which there is a thread beside the one that calls.
static BEHIND: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    runtime.expect("a runtime")
});

pub(crate) fn trypema(load: impl Load) -> Contender {
    let limiter = BEHIND.block_on(async {
        let client = Client::open(SERVER.url()).expect("an address");
        let connection = ConnectionManager::new(client).await.expect("a connection");
        HybridRateLimiterProvider::builder(connection)
            .build()
            .expect("a limiter")
    });
    let key = RedisKey::try_from("fleet".to_owned()).expect("a key");
    let rate = RateLimit::per_second(f64::from(PLENTY)).expect("a rate");
    blocking(Kind::Peer, "trypema hybrid", load, move |order| {
        let absolute = limiter.absolute();
        let counted = absolute.try_inc(key.as_key_ref(), 1).expect("a decision");
        let decision = counted.unwrap_or_else(|| {
            let counted = absolute.inc(&key, &rate, 1);
            BEHIND.block_on(counted).expect("Redis is there")
        });
        match decision {
            RateLimitDecision::Allowed => Answer::from(ask(order)),
            _ => Answer::Refused,
        }
    })
}
