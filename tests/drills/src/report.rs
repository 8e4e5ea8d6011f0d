//! What a drill expected and what it measured.

use std::fmt::{self, Display};
use std::time::Duration;

use crate::times::{Times, ms};

/// What came of one expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was met.
    Ok,
    /// A time was above its figure, but not by ten times: the machine may be busy.
    Slow,
    /// It was not met.
    Failed,
    /// It could not be tried here.
    Skipped,
}

/// One expectation of a drill.
#[derive(Clone, Debug)]
pub struct Row {
    /// The drill's name.
    pub drill: String,
    /// What is looked at.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was measured.
    pub measured: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// The expectations of one drill, as they come.
#[derive(Clone, Debug)]
pub struct Report {
    drill: String,
    rows: Vec<Row>,
}

impl Report {
    /// An empty one.
    #[must_use]
    pub fn new(drill: impl Into<String>) -> Self {
        Self {
            drill: drill.into(),
            rows: Vec::new(),
        }
    }

    /// Something that must hold.
    pub fn holds(&mut self, what: &str, expected: &str, measured: impl Display, ok: bool) {
        let outcome = if ok { Outcome::Ok } else { Outcome::Failed };
        self.row(what, expected.to_owned(), measured.to_string(), outcome);
    }

    /// Something that must be this and nothing else.
    #[expect(clippy::needless_pass_by_value, reason = "most are numbers")]
    pub fn is<T: Display + PartialEq>(&mut self, what: &str, expected: T, measured: T) {
        let ok = expected == measured;
        self.holds(what, &expected.to_string(), measured, ok);
    }

    /// Times that are to be below a limit at p99, over what an idle thread saw meanwhile. Only ten times
    /// the limit over that fails, since a busy machine is late by itself.
    pub fn timed(&mut self, what: &str, limit: Duration, times: &Times, control: &Times) {
        self.timed_at(what, "p99", limit, times.p99(), times, control.p99());
    }

    /// As [`timed`](Self::timed), for the longest of the times.
    pub fn worst(&mut self, what: &str, limit: Duration, times: &Times, control: &Times) {
        self.timed_at(what, "max", limit, times.max(), times, control.max());
    }

    fn timed_at(
        &mut self,
        what: &str,
        which: &str,
        limit: Duration,
        time: u64,
        times: &Times,
        control: u64,
    ) {
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let outcome = if times.count() == 0 {
            Outcome::Failed
        } else if time <= limit + control {
            Outcome::Ok
        } else if time <= 10 * limit + control {
            Outcome::Slow
        } else {
            Outcome::Failed
        };
        let measured = format!(
            "p50 {:.2} p99 {:.2} max {:.2} ms, n {}; idle {which} {:.2}",
            ms(times.p50()),
            ms(times.p99()),
            ms(times.max()),
            times.count(),
            ms(control),
        );
        let expected = format!("{which} ≤ {} ms", ms(limit));
        self.row(what, expected, measured, outcome);
    }

    /// Something that cannot be tried here, and why.
    pub fn skip(&mut self, what: &str, why: impl Display) {
        self.row(what, String::new(), why.to_string(), Outcome::Skipped);
    }

    /// The drill did not come to its end.
    pub fn broke(&mut self, error: impl Display) {
        let (expected, measured) = ("comes to its end".to_owned(), error.to_string());
        self.row("the drill", expected, measured, Outcome::Failed);
    }

    fn row(&mut self, what: &str, expected: String, measured: String, outcome: Outcome) {
        let row = Row {
            drill: self.drill.clone(),
            what: what.to_owned(),
            expected,
            measured,
            outcome,
        };
        println!("{row}");
        self.rows.push(row);
    }

    /// What came of each expectation.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether nothing failed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.rows.iter().all(|row| row.outcome != Outcome::Failed)
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Slow => "slow",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        })
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            drill,
            what,
            expected,
            measured,
            outcome,
        } = self;
        write!(f, "{outcome:<7} {drill}: {what}: {expected} | {measured}")
    }
}

/// All rows as one table: what was expected beside what was measured.
#[must_use]
pub fn table(reports: &[Report]) -> String {
    let rows: Vec<&Row> = reports.iter().flat_map(Report::rows).collect();
    let heads = ["drill", "what", "expected", "measured", "outcome"];
    let cells: Vec<[String; 5]> = rows
        .iter()
        .map(|row| {
            [
                row.drill.clone(),
                row.what.clone(),
                row.expected.clone(),
                row.measured.clone(),
                row.outcome.to_string(),
            ]
        })
        .collect();
    let width = |column: usize| {
        let cells = cells.iter().map(|row| row[column].chars().count());
        cells.chain([heads[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths);
        let padded: Vec<_> = padded
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        format!("| {} |\n", padded.join(" | "))
    };
    let dashes: Vec<_> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
    let head = line(&heads.map(str::to_owned)) + &format!("|{}|\n", dashes.join("|"));
    cells.iter().fold(head, |text, row| text + &line(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(ms: u64) -> Times {
        let mut times = Times::default();
        times.add(ms * 1_000_000);
        times
    }

    #[test]
    fn only_ten_times_a_figure_over_the_idle_thread_fails() {
        let mut report = Report::new("1");
        let limit = Duration::from_millis(10);
        for time in [10, 15, 105, 106, 0] {
            report.timed("x", limit, &times(time), &times(5));
        }
        report.timed("x", limit, &Times::default(), &times(5));
        let outcomes: Vec<_> = report.rows().iter().map(|row| row.outcome).collect();
        let (ok, slow, failed) = (Outcome::Ok, Outcome::Slow, Outcome::Failed);
        assert_eq!(outcomes, [ok, ok, slow, failed, ok, failed]);
        assert!(!report.is_ok());
    }

    #[test]
    fn the_table_has_a_line_for_each_row_and_columns_of_one_width() {
        let mut report = Report::new("4 restart");
        report.is("state", "open", "open");
        report.holds("remaining", "30 s ± 50 ms", "29.99 s", true);
        let table = table(&[report]);
        let widths: Vec<_> = table.lines().map(|line| line.chars().count()).collect();
        assert_eq!(widths.len(), 4);
        assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
    }
}
