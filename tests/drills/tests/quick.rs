//! The drills that end within seconds, one after another: two at a time would disturb each other.

#![cfg(unix)]

use steadfast_drills::report::Outcome;
use steadfast_drills::{fleet, list};

#[test]
fn the_quick_drills_come_out_as_expected() {
    fleet::nodes_are(env!("CARGO_BIN_EXE_drills"));
    let mut failed = Vec::new();
    for drill in list::all().iter().filter(|drill| drill.quick) {
        let report = list::run(drill);
        let rows = report.rows().iter();
        failed.extend(rows.filter(|row| row.outcome == Outcome::Failed).cloned());
    }
    assert!(failed.is_empty(), "{failed:#?}");
}
