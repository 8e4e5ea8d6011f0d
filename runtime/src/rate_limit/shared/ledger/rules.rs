//! By what rules tokens of an account are asked for.

use crate::breaker::Nanos;
use crate::quota::Counting;
use crate::quota::lease;

/// How the fleet counts, as this instance was configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// As the store counts it: of a lease, with the smaller tolerance.
    pub(in crate::rate_limit::shared) counting: Counting,
    pub(in crate::rate_limit::shared) lease: Option<Nanos>,
}

impl Rules {
    pub(in crate::rate_limit::shared) fn new(counting: Counting, lease: Option<Nanos>) -> Self {
        match (counting, lease) {
            (
                Counting::Bucket {
                    interval,
                    tolerance,
                    ..
                },
                Some(time),
            ) => {
                match lease::tolerance(interval, tolerance, time) {
                    Some(tolerance) => Self {
                        counting: Counting::Bucket {
                            interval,
                            tolerance,
                            lease,
                        },
                        lease,
                    },
                    // The rules between options allow no such lease.
                    None => Self {
                        counting,
                        lease: None,
                    },
                }
            }
            _ => Self {
                counting,
                lease: None,
            },
        }
    }
}
