//! Breakers: the cases of other libraries' suites, the mistakes of others, and what they must show
//! under load.

mod crowd;
mod cycle;
mod manual;
mod mistakes;
mod probes;
mod vectors;
mod windows;

use steadfast::{Class, Rejection};
use steadfast_tests::{Dependency, Failure};

/// A function guarded by this policy, that asks a dependency.
macro_rules! guarded {
    ($name:ident, $($policy:tt)+) => {
        #[::steadfast::resilient($($policy)+)]
        async fn $name(
            dependency: &::steadfast_tests::Dependency,
        ) -> Result<usize, ::steadfast_tests::Failure> {
            dependency.ask().await
        }
    };
}
use guarded;

/// Makes a call for each letter, and checks that it ends so: `S` well, another letter of a script
/// with that failure, `X` refused by an open circuit.
async fn plays(
    call: impl AsyncFn(&Dependency) -> Result<usize, Failure>,
    dependency: &Dependency,
    letters: &str,
) {
    for (at, letter) in letters.char_indices() {
        if letter != 'X' {
            dependency.then(letter.encode_utf8(&mut [0; 4]));
        }
        let answer = call(dependency).await;
        assert_eq!(came_to(&answer), letter, "at {at} of {letters}");
    }
}

fn came_to(answer: &Result<usize, Failure>) -> char {
    match answer {
        Ok(_) => 'S',
        Err(Failure::Rejected(Rejection::CircuitOpen { .. })) => 'X',
        Err(Failure::Of(Class::Transient)) => 'F',
        Err(Failure::Of(Class::Permanent)) => 'P',
        Err(Failure::Of(Class::Expected)) => 'E',
        Err(Failure::Of(Class::Ignored)) => 'I',
        other => panic!("no letter stands for {other:?}"),
    }
}
