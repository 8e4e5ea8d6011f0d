//! The error of annotated functions, and what a call of one comes to.

use ::steadfast::Rejection;

use crate::body::{Answer, Down};

#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error(transparent)]
    Down(#[from] Down),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

pub(super) fn heard(result: Result<u64, Problem>) -> Answer {
    match result {
        Ok(value) => Answer::Value(value),
        Err(Problem::Down(_)) => Answer::Failed,
        Err(Problem::Rejected(_)) => Answer::Refused,
    }
}
