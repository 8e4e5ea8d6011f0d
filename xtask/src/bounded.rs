//! Running a command that must end: its output passes through us, and after a limit it is stopped
//! together with all it started.

use std::fs;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cargo::{output, shown};
use crate::counts::{Counts, Tally};

/// How long output may trail the exit: a process left behind can hold the pipe open for ever.
const TRAIL: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(100);

/// How a command ended, and the tests it said it ran.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) counts: Counts,
}

enum Line {
    Out(Vec<u8>),
    Err(Vec<u8>),
}

/// Runs a command, counting the tests that its closing lines speak of.
///
/// # Errors
/// When it cannot be started, or did not end within `limit`.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<Ended> {
    let shown = shown(command);
    eprintln!("    {shown}");
    if io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always"); // cargo itself sees only our pipe
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("`{shown}` could not be started"))?;
    let (sender, lines) = mpsc::channel();
    forward(child.stdout.take(), &sender, Line::Out);
    forward(child.stderr.take(), &sender, Line::Err);
    drop(sender);

    let mut tally = Tally::default();
    let status = follow(&mut child, &lines, limit, &mut tally)?;
    let Some(status) = status else {
        stop(&mut child);
        bail!(
            "`{shown}` did not end within {} s and was stopped",
            limit.as_secs()
        );
    };
    let counts = tally.counts();
    Ok(Ended { status, counts })
}

/// Sends each line of a pipe on, from a thread of its own.
fn forward(
    pipe: Option<impl Read + Send + 'static>,
    sender: &Sender<Line>,
    line: fn(Vec<u8>) -> Line,
) {
    let sender = sender.clone();
    let Some(pipe) = pipe else { return };
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while pipe
            .read_until(b'\n', &mut bytes)
            .is_ok_and(|read| read > 0)
        {
            if sender.send(line(std::mem::take(&mut bytes))).is_err() {
                return;
            }
        }
    });
}

/// Shows the lines until the command ended and its pipes are closed; none when the limit came first.
fn follow(
    child: &mut Child,
    lines: &Receiver<Line>,
    limit: Duration,
    tally: &mut Tally,
) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    let mut ended: Option<(ExitStatus, Instant)> = None;
    loop {
        let line = lines.recv_timeout(TICK);
        if let Ok(line) = &line {
            show(line, tally);
        }
        if ended.is_none() {
            ended = child.try_wait()?.map(|status| (status, Instant::now()));
        }
        match (ended, line) {
            (Some((status, _)), Err(RecvTimeoutError::Disconnected)) => return Ok(Some(status)),
            (Some((status, at)), _) if at.elapsed() > TRAIL => return Ok(Some(status)),
            (None, _) if start.elapsed() > limit => return Ok(None),
            (None, Err(RecvTimeoutError::Disconnected)) => thread::sleep(TICK),
            _ => {}
        }
    }
}

/// Passes a line on, by the macros that our own tests capture, and counts it.
fn show(line: &Line, tally: &mut Tally) {
    match line {
        Line::Out(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            print!("{text}");
            tally.line(&text);
        }
        Line::Err(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            eprint!("{text}");
            tally.line(&text);
        }
    }
}

/// Stops a command and all that it started. Its children are asked for before it dies, since they
/// would then belong to another parent.
fn stop(child: &mut Child) {
    let pids = descendants(&processes(), child.id());
    let _ = child.kill();
    if !pids.is_empty() {
        let pids: Vec<_> = pids.iter().map(u32::to_string).collect();
        // The shell's own `kill` is there even where the program is not.
        let script = format!("kill -KILL {}", pids.join(" "));
        crate::cargo::answers(Command::new("sh").args(["-c", &script]));
    }
    let _ = child.wait();
}

/// Every process and its parent, one `pid ppid` a line: from `/proc`, else from `ps`.
fn processes() -> String {
    let stats = fs::read_dir("/proc").into_iter().flatten().flatten();
    let rows = stats.filter_map(|entry| row(&fs::read_to_string(entry.path().join("stat")).ok()?));
    let table: String = rows.collect();
    if table.is_empty() {
        return output(Command::new("ps").args(["-A", "-o", "pid=,ppid="])).unwrap_or_default();
    }
    table
}

/// `pid (name) state ppid …`, where the name may hold spaces and parentheses.
fn row(stat: &str) -> Option<String> {
    let (pid, _) = stat.split_once(' ')?;
    let (_, rest) = stat.rsplit_once(") ")?;
    Some(format!("{pid} {}\n", rest.split(' ').nth(1)?))
}

/// The processes below `root` in a table of `pid ppid` lines, parents first.
fn descendants(table: &str, root: u32) -> Vec<u32> {
    let rows: Vec<(u32, u32)> = table
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        let children = rows
            .iter()
            .filter(|(pid, ppid)| *ppid == parent && !found.contains(pid));
        let children: Vec<_> = children.map(|(pid, _)| *pid).collect();
        found.extend(children);
        next += 1;
    }
    found.split_off(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_found_at_every_depth() {
        let table =
            "    1     0\n   10     1\n   11    10\n   12    11\n   13    10\n   20     1\n";
        assert_eq!(descendants(table, 10), [11, 13, 12]);
        assert_eq!(descendants(table, 20), [0; 0]);
        assert_eq!(descendants("", 10), [0; 0]);
    }

    #[test]
    fn a_process_name_may_look_like_the_end_of_one() {
        assert_eq!(row("42 (a) S 7 (b)) S 41 42 0").as_deref(), Some("42 41\n"));
        assert_eq!(row("42 (sh) R"), None);
    }

    #[cfg(unix)]
    mod on_unix {
        use super::*;

        fn shell(script: &str) -> Command {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        }

        const LONG: Duration = Duration::from_secs(60);

        #[test]
        fn tests_are_counted_over_both_outputs() {
            let script = "echo 'test result: ok. 2 passed; 0 failed; 0 ignored'; \
                          echo 'test result: FAILED. 3 passed; 1 failed; 5 ignored' >&2; exit 3";
            let ended = run(&mut shell(script), LONG).unwrap();
            assert_eq!(ended.status.code(), Some(3));
            assert_eq!(
                ended.counts,
                Counts {
                    passed: 5,
                    failed: 1,
                    skipped: 5
                }
            );
        }

        #[test]
        fn a_command_beyond_its_limit_is_stopped_with_its_children() {
            let name = format!("xtask-bounded-{}", std::process::id());
            let mark = std::env::temp_dir().join(name);
            let script = format!("(sleep 1; touch '{}') & wait; exit 0", mark.display());
            let ended = run(&mut shell(&script), Duration::from_millis(200));
            let error = ended.err().unwrap().to_string();
            assert!(error.contains("did not end within 0 s"), "{error}");
            thread::sleep(Duration::from_millis(1500));
            assert!(!mark.exists(), "the child lived on");
        }

        #[test]
        fn a_process_left_behind_does_not_hold_us() {
            let start = Instant::now();
            let ended = run(&mut shell("sleep 15 & exit 0"), LONG).unwrap();
            assert!(ended.status.success());
            assert!(start.elapsed() < Duration::from_secs(10));
        }
    }
}
