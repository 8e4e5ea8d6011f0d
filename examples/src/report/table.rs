//! The table at the end: both arms side by side.

use std::fmt::Write;
use std::time::Duration;

use super::{ArmReport, Report};
use crate::checkout::WORKERS;
use crate::load::{PATIENCE, PROMPT, STRETCH};

const LABEL: usize = 36;
const VALUE: usize = 14;

/// With policies, then without.
type Arms<'a> = (&'a ArmReport, &'a ArmReport);
/// What is counted, with policies, without, and what that saves.
type Row = [String; 4];

/// What the policies saved, as text of at most 80 columns.
#[must_use]
pub fn table(report: &Report) -> String {
    let rule = "─".repeat(LABEL + 3 * VALUE);
    let mut text = String::new();
    let Report {
        scenario,
        title,
        rate,
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
        "{seconds} s{cut}, {rate} checkouts a second in each arm, seed {seed}"
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
    text.push_str(&notes());
    text
}

fn line(text: &mut String, [label, guarded, bare, saved]: &Row) {
    let written = format!("{label:<LABEL$}{guarded:>VALUE$}{bare:>VALUE$}{saved:>VALUE$}");
    let _ = writeln!(text, "{}", written.trim_end());
}

fn rows(report: &Report) -> Vec<Row> {
    let arms = (&report.with_policies, &report.without);
    let mut rows = sick_rows(arms);
    rows.extend([
        plain_row("checkouts", arms, |arm| arm.checkouts),
        plain_row("  served", arms, |arm| arm.served_in_full + arm.degraded),
        plain_row("    in full", arms, |arm| arm.served_in_full),
        plain_row("    degraded (no mail or thanks)", arms, |arm| arm.degraded),
        saving_row("  failed", arms, |arm| arm.failed),
        saving_row("    of these never answered", arms, |arm| arm.unanswered),
        saving_row(
            &format!("  took longer than {} s", PROMPT.as_secs()),
            arms,
            |arm| arm.slow,
        ),
        latency_row("latency p50", arms, |arm| arm.p50),
        latency_row("latency p99", arms, |arm| arm.p99),
    ]);
    rows.push(recovery_row(report));
    rows
}

/// One row for each dependency that anyone asked while it was sick, below their sum.
fn sick_rows((guarded, bare): Arms<'_>) -> Vec<Row> {
    let row = |label: String, with: u64, without: u64| {
        [
            label,
            with.to_string(),
            without.to_string(),
            fewer(with, without),
        ]
    };
    let sum = |arm: &ArmReport| arm.requests.iter().map(|(_, asked)| asked.while_sick).sum();
    let title = "requests that hit a sick upstream".to_owned();
    let mut rows = vec![row(title, sum(guarded), sum(bare))];
    for (dependency, with) in guarded.requests.iter() {
        let (with, without) = (with.while_sick, bare.requests[dependency].while_sick);
        if with + without > 0 {
            rows.push(row(format!("  {dependency}"), with, without));
        }
    }
    rows
}

fn plain_row(label: &str, (guarded, bare): Arms<'_>, count: fn(&ArmReport) -> u64) -> Row {
    [
        label.into(),
        count(guarded).to_string(),
        count(bare).to_string(),
        String::new(),
    ]
}

fn saving_row(label: &str, arms: Arms<'_>, count: fn(&ArmReport) -> u64) -> Row {
    let [label, with, without, _] = plain_row(label, arms, count);
    [label, with, without, fewer(count(arms.0), count(arms.1))]
}

fn latency_row(label: &str, (guarded, bare): Arms<'_>, latency: fn(&ArmReport) -> Duration) -> Row {
    let (with, without) = (latency(guarded), latency(bare));
    let saved = times(with.as_secs_f64(), without.as_secs_f64(), "faster");
    [
        label.into(),
        milliseconds(with),
        milliseconds(without),
        saved,
    ]
}

fn recovery_row(report: &Report) -> Row {
    let [with, without] = [&report.with_policies, &report.without].map(|arm| arm.recovery);
    let text = |recovery: Option<Duration>| match (report.well_again, recovery) {
        (None, _) => "never sick".into(),
        (Some(_), None) => "not seen".into(),
        (Some(_), Some(time)) => format!("{:.1} s", time.as_secs_f64()),
    };
    let saved = with
        .zip(without)
        .map_or_else(String::new, |(with, without)| {
            times(with.as_secs_f64(), without.as_secs_f64(), "faster")
        });
    ["time to recover".into(), text(with), text(without), saved]
}

fn milliseconds(duration: Duration) -> String {
    match duration.as_millis() {
        ms @ 0..10_000 => format!("{ms} ms"),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

fn fewer(with: u64, without: u64) -> String {
    if with == 0 && without > 0 {
        return "none".into();
    }
    times(with as f64, without as f64, "fewer")
}

/// How many times less `with` is; nothing where it is not less, or where there is nothing to divide.
fn times(with: f64, without: f64, word: &str) -> String {
    let factor = without / with;
    if !factor.is_finite() || factor < 1.05 {
        return String::new();
    }
    let digits = usize::from(factor < 100.0);
    format!("{factor:.digits$} × {word}")
}

fn notes() -> String {
    let patience = PATIENCE.as_secs();
    let (stretch, prompt) = (STRETCH.as_secs(), PROMPT.as_secs());
    format!(
        "Both arms run the same code at the same time; the one without has no time\n\
         limit, retry, breaker or fallback. Each serves {WORKERS} checkouts at a time, and a\n\
         customer leaves after {patience} s. Sick is what hangs, resets or fails requests.\n\
         Latencies include failed checkouts. Time to recover: from when the last\n\
         dependency is well again until all who come within {stretch} s are served in full,\n\
         each within {prompt} s.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dependency::{Dependency, PerDependency};
    use crate::report::Requests;

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
            requests,
        }
    }

    fn report() -> Report {
        Report {
            scenario: "outage".into(),
            title: "Payments go down".into(),
            length: Duration::from_secs(30),
            well_again: Some(Duration::from_secs(18)),
            rate: 40,
            seed: 7,
            interrupted: false,
            with_policies: arm(
                100,
                Duration::from_millis(800),
                Some(Duration::from_millis(1900)),
                50,
            ),
            without: arm(600, Duration::from_millis(10_004), None, 400),
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
