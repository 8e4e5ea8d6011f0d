//! Entering a bulkhead that a fleet shares, without a call around.

use std::sync::Arc;

use steadfast_options::Mode;

use super::shared::{ANSWER, Admitted, Entering, PlaceWait, SharedPlaces};
use super::{Bulkhead, Place};
use crate::breaker::Nanos;
use crate::rejection::Rejection;
use crate::{clock, wait};

impl Bulkhead {
    pub(super) async fn enter_shared(
        &self,
        shared: &Arc<SharedPlaces>,
    ) -> Result<Place, Rejection> {
        let longest = wait::longest();
        // Who is only observed waits for nobody.
        let (queue, wait) = match self.mode() {
            Mode::Observe => (None, 0),
            _ => (self.0.queue(), longest),
        };
        let entered = match shared.enter(queue, wait, answer_by(longest)) {
            Entering::Wait(mut place) => wait::until(|waker| self.look(&mut place, waker)).await,
            entered => self.outcome(&entered),
        };
        self.enforce(entered)
    }

    pub(super) fn enter_shared_blocking(
        &self,
        shared: &Arc<SharedPlaces>,
    ) -> Result<Place, Rejection> {
        match shared.enter(None, 0, answer_by(wait::longest())) {
            Entering::Wait(mut place) => {
                let waker = wait::unpark_me();
                loop {
                    match self.look(&mut place, &waker) {
                        Ok(entered) => return entered,
                        Err(at) => wait::park_until(at),
                    }
                }
            }
            entered => self.outcome(&entered),
        }
    }

    fn look(
        &self,
        place: &mut PlaceWait,
        waker: &std::task::Waker,
    ) -> Result<Result<Place, Rejection>, Option<Nanos>> {
        match place.poll(waker) {
            Admitted::Inside => Ok(self.outcome(&Entering::Inside)),
            Admitted::Full => Ok(Err(self.0.rejection())),
            Admitted::Unavailable => Ok(Err(self.0.unavailable())),
            Admitted::Again(at) => Err(at),
        }
    }

    fn outcome(&self, entered: &Entering) -> Result<Place, Rejection> {
        match entered {
            Entering::Inside => {
                self.0.entered_shared();
                Ok(self.place())
            }
            Entering::Unavailable => Err(self.0.unavailable()),
            Entering::Wait(_) | Entering::Full => Err(self.0.rejection()),
        }
    }
}

fn answer_by(left: Nanos) -> Nanos {
    clock::precise().saturating_add(ANSWER.min(left))
}
