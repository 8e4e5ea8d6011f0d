//! Composition, pair by pair: of breaker, rate limit, bulkhead, retry, timeout, deadline and
//! fallback, each with each, at both levels of `guards` where there are two.

mod breaker;
mod bulkhead;
mod rate_limit;
mod unguarded;

use steadfast::{BulkheadStatus, State, registry};

use super::{guarded, is_limited};

/// All that the three guards of one name know.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    state: State,
    failures: u64,
    tokens_used: u64,
    places_taken: u32,
}

/// What is told where nothing is used, and the breaker is in this state.
fn untouched(state: State) -> Told {
    Told {
        state,
        failures: 0,
        tokens_used: 0,
        places_taken: 0,
    }
}

fn told(name: &str) -> Told {
    let breaker = registry().breaker(name).status();
    let BulkheadStatus { active, .. } = registry().bulkhead(name).status();
    Told {
        state: breaker.state,
        failures: breaker.failures,
        tokens_used: registry().rate_limit(name).status().used,
        places_taken: active,
    }
}
