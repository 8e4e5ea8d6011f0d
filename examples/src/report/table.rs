//! The table at the end: both arms side by side.

use std::fmt::Write;

use super::Report;
use super::rows::{Row, rows};
use crate::checkout::WORKERS;
use crate::demo::DRAIN;
use crate::load::{PATIENCE, PROMPT, STRETCH};

const LABEL: usize = 36;
const VALUE: usize = 14;

/// What the policies saved, as text of at most 80 columns.
#[must_use]
pub fn table(report: &Report) -> String {
    let rule = "─".repeat(LABEL + 3 * VALUE);
    let mut text = String::new();
    let Report {
        scenario,
        title,
        rate,
        page_rate,
        seed,
        ..
    } = report;
    let seconds = (report.length.as_secs_f64() * 10.0).round() / 10.0;
    let cut = if report.interrupted {
        ", ended early"
    } else {
        ""
    };
    let _ = writeln!(text, "{scenario}: {title}");
    let _ = writeln!(
        text,
        "{seconds} s{cut}, {rate} checkouts and {page_rate} pages a second in each arm, seed {seed}"
    );
    let _ = writeln!(text, "{rule}");
    line(
        &mut text,
        &["", "with policies", "without", ""].map(String::from),
    );
    let _ = writeln!(text, "{rule}");
    for row in rows(report) {
        line(&mut text, &row);
    }
    let _ = writeln!(text, "{rule}");
    text.push_str(&notes(report));
    text
}

fn line(text: &mut String, [label, guarded, bare, saved]: &Row) {
    let written = format!("{label:<LABEL$}{guarded:>VALUE$}{bare:>VALUE$}{saved:>VALUE$}");
    let _ = writeln!(text, "{}", written.trim_end());
}

fn notes(report: &Report) -> String {
    let patience = PATIENCE.as_secs();
    let (stretch, prompt) = (STRETCH.as_secs(), PROMPT.as_secs());
    format!(
        "Both arms run the same code at the same time; the one without has no time\n\
         limit, retry, breaker, cache, fallback or queue. Each serves {WORKERS} customers at\n\
         a time, and one leaves after {patience} s. Sick is what hangs, resets or fails requests.\n\
         Latencies include failed visits. Time to recover: from when the last\n\
         dependency is well again until all who check out within {stretch} s are served in\n\
         full, each within {prompt} s. An e-mail is due once its order is paid, and lost when\n\
         neither its stand-in nor the queue has it.\n\
         {}\n",
        queue_note(report)
    )
}

fn queue_note(report: &Report) -> String {
    let most = DRAIN.as_secs();
    match (report.drained, report.with_policies.emails.waiting) {
        (None, _) => "There was no Redis: e-mails that failed were not queued.".to_owned(),
        (Some(_), 1..) if report.interrupted => {
            "The queue was not waited for, since the run was ended early.".to_owned()
        }
        (Some(_), 1..) => format!("The queue was not empty {most} s after the last customer."),
        (Some(took), 0) => format!(
            "The queue was empty {:.1} s after the last customer ({most} s are the most it gets).",
            took.as_secs_f64()
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::demo::{Emails, Kept};
    use crate::dependency::{Dependency, PerDependency};
    use crate::report::rows::fewer;
    use crate::report::{ArmReport, Pages, Requests};

    fn arm(failed: u64, p99: Duration, recovery: Option<Duration>, payments: u64) -> ArmReport {
        let mut requests = PerDependency::<Requests>::default();
        requests[Dependency::Payments] = Requests {
            total: 1200,
            while_sick: payments,
        };
        ArmReport {
            checkouts: 1200,
            served_in_full: 1200 - failed,
            degraded: 0,
            failed,
            unanswered: failed / 2,
            slow: failed,
            p50: Duration::from_millis(200),
            p99,
            recovery,
            pages: Pages {
                asked: 1200,
                served_in_full: 1200 - failed,
                failed,
                kept: Kept {
                    fresh: 700,
                    stale: 300,
                    joined: 2,
                    last_good: 60,
                },
                ..Pages::default()
            },
            emails: Emails {
                due: 1100,
                sent_at_once: 1100 - failed,
                queued: failed,
                delivered_later: failed,
                ..Emails::default()
            },
            requests,
        }
    }

    fn report() -> Report {
        let mut without = arm(600, Duration::from_millis(10_004), None, 400);
        without.pages.kept = Kept::default();
        Report {
            scenario: "outage".into(),
            title: "Payments go down".into(),
            length: Duration::from_secs(30),
            well_again: Some(Duration::from_secs(18)),
            rate: 40,
            page_rate: 40,
            drained: Some(Duration::from_millis(340)),
            seed: 7,
            interrupted: false,
            with_policies: arm(
                100,
                Duration::from_millis(800),
                Some(Duration::from_millis(1900)),
                50,
            ),
            without,
        }
    }

    /// The cells of the row that starts with `label`.
    fn row(label: &str) -> Row {
        let found = rows(&report())
            .into_iter()
            .find(|row| row[0].trim() == label);
        found.unwrap_or_else(|| panic!("no row {label:?}"))
    }

    #[test]
    fn rows_say_what_was_saved() {
        assert_eq!(row("failed")[1..], ["100", "600", "6.0 × fewer"]);
        assert_eq!(row("payments")[1..], ["50", "400", "8.0 × fewer"]);
        assert_eq!(
            row("latency p99")[1..],
            ["800 ms", "10.0 s", "12.5 × faster"]
        );
        assert_eq!(row("time to recover")[1..], ["1.9 s", "not seen", ""]);
    }

    #[test]
    fn a_dependency_that_was_never_sick_has_no_row() {
        assert!(rows(&report()).iter().all(|row| row[0].trim() != "storage"));
    }

    #[test]
    fn nothing_is_claimed_where_nothing_was_saved() {
        assert_eq!(fewer(100, 100), "");
        assert_eq!(fewer(100, 90), "");
        assert_eq!(fewer(0, 0), "");
        assert_eq!(fewer(0, 3), "none");
        assert_eq!(fewer(3, 0), "");
    }

    #[test]
    fn lines_fit_into_eighty_columns() {
        for line in table(&report()).lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn pages_and_mails_are_counted() {
        assert_eq!(
            row("from cache, old, refreshed behind")[1..],
            ["300", "", ""]
        );
        assert_eq!(row("by the last good answer")[1..], ["60", "", ""]);
        assert_eq!(row("by the catalog")[1..], ["40", "600", ""]);
        assert_eq!(row("delivered later")[1..], ["100", "600", ""]);
        assert_eq!(row("lost")[1..], ["0", "0", ""]);
    }

    #[test]
    fn what_is_left_in_the_queue_is_told() {
        let mut report = report();
        assert!(table(&report).contains("The queue was empty 0.3 s after the last customer"));
        assert!(!table(&report).contains("still waiting"));
        report.with_policies.emails.waiting = 7;
        let text = table(&report);
        assert!(text.contains("not empty 5 s after"), "{text}");
        assert!(text.contains("    still waiting  "), "{text}");
        report.drained = None;
        assert!(table(&report).contains("There was no Redis"));
    }

    #[test]
    fn an_interrupted_run_says_so() {
        let mut report = report();
        report.interrupted = true;
        report.length = Duration::from_secs(12);
        assert!(
            table(&report).contains("12 s, ended early, 40 checkouts"),
            "{}",
            table(&report)
        );
    }
}
