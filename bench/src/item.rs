//! What is compared: items of work, and the contenders in each.

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tower::{Service, ServiceExt};

use crate::body::{Answer, BAD, GOOD};
use crate::measure;

/// One item of work, done by each contender.
pub(crate) struct Item {
    pub(crate) work: &'static str,
    pub(crate) threads: usize,
    /// The share of the best peer's time that steadfast may take.
    pub(crate) goal: Option<f64>,
    pub(crate) before: Before,
    pub(crate) proofs: &'static [Proof],
    pub(crate) contenders: Vec<Contender>,
}

/// What is done to each contender before it is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    Nothing,
    /// So many calls.
    Calls(u64),
    /// Bad orders until it refuses.
    Trip,
}

/// What shows, after the measurement, that the contender did its work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// It opens after so many bad orders, at most.
    Opens(u64),
    /// It opens once bad orders outnumber the good ones it had.
    OpensAtHalf,
    /// It gives a bad order this many attempts.
    Attempts(u64),
    /// It cuts a hanging order.
    Cuts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The body alone.
    Bare,
    Steadfast,
    Peer,
}

pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Makes so many calls, and returns how many ended as the load wants.
    pub(crate) run: Box<dyn Fn(u64) -> u64 + Send + Sync>,
    /// Makes one call.
    pub(crate) ask: Box<dyn Fn(u64) -> Answer + Send + Sync>,
}

/// The orders of a run, and which answers are right.
pub(crate) trait Load: Copy + Send + Sync + 'static {
    fn order(self, call: u64) -> u64;
    fn right(self, answer: Answer) -> bool;
}

/// All orders are good.
#[derive(Clone, Copy)]
pub(crate) struct Good;

impl Load for Good {
    #[inline]
    fn order(self, _: u64) -> u64 {
        black_box(GOOD)
    }

    #[inline]
    fn right(self, answer: Answer) -> bool {
        answer == Answer::Value(GOOD)
    }
}

/// One order in so many is bad.
#[derive(Clone, Copy)]
pub(crate) struct OneBadIn(pub(crate) u64);

impl Load for OneBadIn {
    #[inline]
    fn order(self, call: u64) -> u64 {
        black_box(if call % self.0 == 1 { BAD } else { GOOD })
    }

    #[inline]
    fn right(self, answer: Answer) -> bool {
        answer != Answer::Refused
    }
}

/// One order in so many is good: what a run of failures needs to stay short of the threshold.
#[derive(Clone, Copy)]
pub(crate) struct OneGoodIn(pub(crate) u64);

impl Load for OneGoodIn {
    #[inline]
    fn order(self, call: u64) -> u64 {
        black_box(if call.is_multiple_of(self.0) {
            GOOD
        } else {
            BAD
        })
    }

    #[inline]
    fn right(self, answer: Answer) -> bool {
        answer != Answer::Refused
    }
}

/// All orders are good, and all are refused.
#[derive(Clone, Copy)]
pub(crate) struct Refused;

impl Load for Refused {
    #[inline]
    fn order(self, _: u64) -> u64 {
        black_box(GOOD)
    }

    #[inline]
    fn right(self, answer: Answer) -> bool {
        answer == Answer::Refused
    }
}

/// Who calls a sync body.
pub(crate) fn blocking(
    kind: Kind,
    name: &'static str,
    load: impl Load,
    call: impl Fn(u64) -> Answer + Send + Sync + 'static,
) -> Contender {
    let call = Arc::new(call);
    let once = call.clone();
    let run = move |calls| {
        let right = |i: &u64| load.right(call(load.order(*i)));
        (0..calls).filter(right).count() as u64
    };
    Contender {
        name,
        kind,
        run: Box::new(run),
        ask: Box::new(move |order| once(order)),
    }
}

/// Who calls an async body.
pub(crate) fn deferred(
    kind: Kind,
    name: &'static str,
    load: impl Load,
    call: impl AsyncFn(u64) -> Answer + Send + Sync + 'static,
) -> Contender {
    let call = Arc::new(call);
    let once = call.clone();
    let run = move |calls| {
        poll_through(async {
            let mut right = 0;
            for i in 0..calls {
                right += u64::from(load.right(call(load.order(i)).await));
            }
            right
        })
    };
    Contender {
        name,
        kind,
        run: Box::new(run),
        ask: Box::new(move |order| measure::runtime().block_on(once(order))),
    }
}

/// A tower service. Each run has a clone of its own, as each task of a server has.
pub(crate) fn service<S>(
    name: &'static str,
    load: impl Load,
    service: S,
    answer: impl Fn(Result<u64, S::Error>) -> Answer + Clone + Send + Sync + 'static,
) -> Contender
where
    S: Service<u64, Response = u64> + Clone + Send + Sync + 'static,
{
    let (once, heard) = (service.clone(), answer.clone());
    let run = move |calls| {
        let mut service = service.clone();
        poll_through(async {
            let mut right = 0;
            for i in 0..calls {
                let result = match service.ready().await {
                    Ok(ready) => ready.call(load.order(i)).await,
                    Err(error) => Err(error),
                };
                right += u64::from(load.right(answer(result)));
            }
            right
        })
    };
    Contender {
        name,
        kind: Kind::Peer,
        run: Box::new(run),
        ask: Box::new(move |order| heard(measure::runtime().block_on(once.clone().oneshot(order)))),
    }
}

/// Polls until it is ready, without a scheduler around: what is measured is the policy, and the
/// timers it makes within [`measure::runtime`].
fn poll_through<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
