//! Breakers whose state is in Redis: ours, and the two forms in which others are made.

use std::sync::{LazyLock, Mutex, PoisonError};

use ::redis::{Commands, Connection, RedisResult};
use ::steadfast::{Steadfast, resilient};
use steadfast_rig::Server;

use super::problem::{Problem, heard};
use crate::body::{Answer, ask};
use crate::item::{Contender, Kind, Load, blocking};
use crate::measure;

const FAILURES: u64 = 5;
const STATE: &str = "breaker:state";
const COUNT: &str = "breaker:failures";
const CALLS: &str = "breaker:calls";

/// One for all contenders.
pub(super) static SERVER: LazyLock<Server> = LazyLock::new(Server::start);
pub(super) static SETUP: LazyLock<Steadfast> = LazyLock::new(|| {
    let setup = ::steadfast::setup().redis(SERVER.url());
    measure::runtime().block_on(setup.start()).expect("a setup")
});

#[resilient(breaker(name = "fleet", scope = "shared", failures = 5, recovery = "1h"))]
fn guarded(order: u64) -> Result<u64, Problem> {
    Ok(ask(order)?)
}

pub(crate) fn steadfast(load: impl Load) -> Contender {
    LazyLock::force(&SETUP);
    blocking(Kind::Steadfast, "steadfast (sync)", load, |order| {
        heard(guarded(order))
    })
}

/// Whether a call is counted too, as a rate needs it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    Failures,
    Calls,
}

/// The state is asked for at every call, and a failure is counted.
pub(crate) fn get(load: impl Load) -> Contender {
    by_hand("GET a call", load, Counts::Failures)
}

/// The same, and every call is counted.
pub(crate) fn get_and_incr(load: impl Load) -> Contender {
    by_hand("GET and INCR a call", load, Counts::Calls)
}

fn by_hand(name: &'static str, load: impl Load, counts: Counts) -> Contender {
    let client = ::redis::Client::open(SERVER.url()).expect("an address");
    let connection = Mutex::new(client.get_connection().expect("a connection"));
    // Each has keys of its own, since one of them opens first.
    let key = move |key: &str| format!("{name}:{key}");
    let keys = [key(STATE), key(COUNT), key(CALLS)];
    blocking(Kind::Peer, name, load, move |order| {
        let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        call(&mut connection, &keys, counts, order).expect("Redis is there")
    })
}

fn call(
    connection: &mut Connection,
    [state, failures, calls]: &[String; 3],
    counts: Counts,
    order: u64,
) -> RedisResult<Answer> {
    let open: Option<String> = connection.get(state)?;
    if open.is_some() {
        return Ok(Answer::Refused);
    }
    let answer = Answer::from(ask(order));
    if counts == Counts::Calls {
        let _: u64 = connection.incr(calls, 1)?;
    }
    if answer == Answer::Failed {
        let failed: u64 = connection.incr(failures, 1)?;
        if failed >= FAILURES {
            let _: () = connection.set(state, "open")?;
        }
    }
    Ok(answer)
}
