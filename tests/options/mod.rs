//! The table of options: its reference page is up to date, and each option that is served does
//! what it says.

mod breaker_health;
mod breaker_keys;
mod breaker_probes;
mod breaker_rates;
mod breaker_trips;
mod bulkhead;
mod cache;
mod call;
mod fallback;
mod fallback_cached;
mod fallback_queue;
mod modes;
mod rate_limit;
mod retry;
mod retry_budget;
mod retry_pauses;

use std::path::Path;

use steadfast_options::{OptionMeta, POLICIES, Served, reference_page};

/// A behaviour test and the option that it is of. Only [`behaviour`] makes one here; tests that need a real
/// Redis stand elsewhere.
pub(crate) struct Tested {
    pub(crate) option: &'static str,
    pub(crate) test: &'static str,
    /// The test itself: what has no function can't be on the list.
    pub(crate) run: fn(),
}

inventory::collect!(Tested);

/// A test of what an option does: on a paused clock, in a registry of its own, and on the list of
/// what is tested.
macro_rules! behaviour {
    ($name:ident, $option:literal, $test:expr) => {
        #[tokio::test(start_paused = true)]
        async fn $name() {
            steadfast_tests::apart($test).await;
        }

        inventory::submit! {
            $crate::options::Tested { option: $option, test: stringify!($name), run: $name }
        }
    };
}
use behaviour;

fn served() -> impl Iterator<Item = &'static OptionMeta> {
    let options = POLICIES.iter().flat_map(|policy| policy.options);
    options.filter(|option| option.served == Served::Yes)
}

#[test]
fn every_served_option_has_a_behaviour_test() {
    let missing: Vec<_> = served()
        .map(|option| option.path)
        .filter(|path| !inventory::iter::<Tested>().any(|tested| tested.option == *path))
        .collect();
    assert!(
        missing.is_empty(),
        "options without a behaviour test: {missing:?}; add one to tests/options"
    );
}

#[test]
fn every_behaviour_test_is_named_after_the_served_option_it_is_of() {
    let mut count = 0;
    for Tested { option, test, run } in inventory::iter::<Tested>() {
        assert!(
            served().any(|served| served.path == *option),
            "{test} is of {option:?}, which is no served option"
        );
        let prefix = format!("{}_", option.replace('.', "_"));
        assert!(
            test.starts_with(&prefix),
            "{test} should begin with {prefix}"
        );
        let again =
            inventory::iter::<Tested>().filter(|other| std::ptr::fn_addr_eq(other.run, *run));
        assert_eq!(again.count(), 1, "{test} stands for two options");
        count += 1;
    }
    assert!(count >= served().count());
}

#[test]
fn the_reference_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../OPTIONS.md");
    let page = std::fs::read_to_string(path).expect("OPTIONS.md stands at the root");
    assert!(
        page == reference_page(),
        "OPTIONS.md is not what the table says; write it anew with `cargo xtask options`"
    );
}
