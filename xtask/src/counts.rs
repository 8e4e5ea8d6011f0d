//! Counting tests from the closing lines of `cargo test` and `cargo nextest`.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed, failed, and were left out by being ignored or filtered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    /// The tests that ran.
    pub(crate) fn ran(self) -> u64 {
        self.passed + self.failed
    }

    /// Adds up `40 passed (1 slow), 1 timed out, 2 skipped`, with commas or semicolons.
    fn of_parts(parts: &str) -> Self {
        let mut counts = Self::default();
        for part in parts.split([',', ';']) {
            counts.add_part(part.trim());
        }
        counts
    }

    fn add_part(&mut self, part: &str) {
        let Some((number, what)) = part.split_once(' ') else {
            return;
        };
        let Ok(number) = number.parse::<u64>() else {
            return;
        };
        let what = what.split('(').next().unwrap_or(what).trim();
        match what {
            "passed" => self.passed += number,
            "failed" | "timed out" | "exec failed" => self.failed += number,
            "ignored" | "skipped" | "filtered out" => self.skipped += number,
            _ => {}
        }
    }
}

/// The counts of one run, gathered line by line.
///
/// ```text
///      Summary [   1.204s] 41 tests run: 40 passed (1 slow), 1 timed out, 2 skipped
/// test result: ok. 40 passed; 0 failed; 2 ignored; 0 measured; 7 filtered out; finished in 0.05s
/// ```
#[derive(Debug, Default)]
pub(crate) struct Tally {
    summary: Option<Counts>,
    results: Counts,
}

impl Tally {
    pub(crate) fn line(&mut self, line: &str) {
        let line = without_colours(line);
        let line = line.trim();
        let after = |start, end| line.strip_prefix(start)?.split_once(end);
        if let Some((_, parts)) = after("Summary [", "run: ") {
            self.summary = Some(Counts::of_parts(parts));
        } else if let Some((_, parts)) = after("test result: ", ". ") {
            self.results += Counts::of_parts(parts);
        }
    }

    /// The summary of cargo-nextest speaks for the whole run; within it stand the outputs of the
    /// tests that failed, with a result line each. `cargo test` writes one result a program.
    pub(crate) fn counts(self) -> Counts {
        self.summary.unwrap_or(self.results)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// A line without the escape sequences that colour it (`ESC [ … m`).
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(lines: &[&str]) -> Counts {
        let mut tally = Tally::default();
        for line in lines {
            tally.line(line);
        }
        tally.counts()
    }

    fn assert_counted(line: &str, passed: u64, failed: u64, skipped: u64) {
        let expected = Counts {
            passed,
            failed,
            skipped,
        };
        assert_eq!(counted(&[line]), expected, "{line:?}");
    }

    #[test]
    fn the_summary_of_nextest_is_counted() {
        let line = "     Summary [   0.012s] 3 tests run: 3 passed, 0 skipped";
        assert_counted(line, 3, 0, 0);
        let line = "Summary [  61.2s] 1 test run: 1 passed (1 slow), 12 skipped";
        assert_counted(line, 1, 0, 12);
    }

    #[test]
    fn a_test_that_timed_out_or_did_not_start_has_failed() {
        let line = "Summary [ 9s] 6/9 tests run: 2 passed (1 slow, 1 flaky), 1 failed, 2 timed out, \
                    1 exec failed, 4 skipped";
        assert_counted(line, 2, 4, 4);
    }

    #[test]
    fn the_results_of_cargo_test_add_up() {
        let line = "test result: FAILED. 12 passed; 1 failed; 2 ignored; 0 measured; 3 filtered out; \
                    finished in 0.05s";
        assert_counted(line, 12, 1, 5);
        assert_eq!(
            counted(&[line, line]),
            Counts {
                passed: 24,
                failed: 2,
                skipped: 10
            }
        );
    }

    #[test]
    fn what_a_failed_test_printed_is_not_counted_beside_the_summary() {
        let lines = [
            "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 37 filtered out",
            "    Summary [ 0s] 9 tests run: 9 passed, 0 skipped",
            "     Summary [   2.123s] 5 tests run: 4 passed, 1 failed, 33 skipped",
        ];
        assert_eq!(
            counted(&lines),
            Counts {
                passed: 4,
                failed: 1,
                skipped: 33
            }
        );
    }

    #[test]
    fn colours_do_not_hide_a_number() {
        let line = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m2\u{1b}[0m tests run: \
                    \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m1\u{1b}[0m \
                    \u{1b}[33;1mskipped\u{1b}[0m";
        assert_counted(line, 2, 0, 1);
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in [
            "",
            "test retry::stops ... ok",
            "running 3 tests",
            "3 passed",
            "Summary",
        ] {
            assert_counted(line, 0, 0, 0);
        }
    }

    #[test]
    fn counts_add_up() {
        let mut sum = Counts {
            passed: 1,
            failed: 0,
            skipped: 2,
        };
        sum += Counts {
            passed: 2,
            failed: 1,
            skipped: 0,
        };
        assert_eq!(
            (sum, sum.ran()),
            (
                Counts {
                    passed: 3,
                    failed: 1,
                    skipped: 2
                },
                4
            )
        );
        assert_eq!(sum.to_string(), "3 passed, 1 failed, 2 skipped");
    }
}
