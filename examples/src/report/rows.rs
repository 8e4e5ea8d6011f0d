//! What is counted, row by row.

use std::time::Duration;

use super::{ArmReport, Report};
use crate::load::PROMPT;

/// What is counted, with policies, without, and what that saves.
pub(super) type Row = [String; 4];
/// With policies, then without.
type Arms<'a> = (&'a ArmReport, &'a ArmReport);
/// One count of an arm.
type Count = fn(&ArmReport) -> u64;

pub(super) fn rows(report: &Report) -> Vec<Row> {
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
    rows.extend(page_rows(arms));
    rows.extend(mail_rows(arms));
    rows
}

/// How product pages were served; without policies nothing is kept.
fn page_rows(arms: Arms<'_>) -> Vec<Row> {
    let kept = |label: &str, count: Count| {
        let count = count(arms.0).to_string();
        [label.to_owned(), count, String::new(), String::new()]
    };
    vec![
        plain_row("product pages", arms, |arm| arm.pages.asked),
        plain_row("  served", arms, |arm| arm.pages.served()),
        plain_row("    by the catalog", arms, |arm| {
            let kept = arm.pages.kept;
            let without = kept.fresh + kept.stale + kept.last_good;
            arm.pages.served().saturating_sub(without)
        }),
        kept("    from cache, fresh", |arm| arm.pages.kept.fresh),
        kept("    from cache, old, refreshed behind", |arm| {
            arm.pages.kept.stale
        }),
        kept("    by the last good answer", |arm| {
            arm.pages.kept.last_good
        }),
        plain_row("  served with a part missing", arms, |arm| {
            arm.pages.degraded
        }),
        saving_row("  failed", arms, |arm| arm.pages.failed),
        latency_row("  latency p99", arms, |arm| arm.pages.p99),
    ]
}

/// What became of the e-mails. What is 0 in both arms, and is not to happen, has no row.
fn mail_rows(arms: Arms<'_>) -> Vec<Row> {
    let mut rows = vec![
        plain_row("e-mails due", arms, |arm| arm.emails.due),
        plain_row("  sent at once", arms, |arm| arm.emails.sent_at_once),
        plain_row("  queued", arms, |arm| arm.emails.queued),
        plain_row("    delivered later", arms, |arm| {
            arm.emails.delivered_later
        }),
    ];
    let seldom: [(&str, Count); 2] = [
        ("    still waiting", |arm| arm.emails.waiting),
        ("    given up, among dead letters", |arm| arm.emails.dead),
    ];
    for (label, count) in seldom {
        if count(arms.0) > 0 {
            rows.push(plain_row(label, arms, count));
        }
    }
    rows.extend([
        plain_row("  delivered twice", arms, |arm| arm.emails.delivered_twice),
        saving_row("  lost", arms, |arm| arm.emails.lost),
    ]);
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

fn plain_row(label: &str, (guarded, bare): Arms<'_>, count: Count) -> Row {
    [
        label.into(),
        count(guarded).to_string(),
        count(bare).to_string(),
        String::new(),
    ]
}

fn saving_row(label: &str, arms: Arms<'_>, count: Count) -> Row {
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

pub(super) fn fewer(with: u64, without: u64) -> String {
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
