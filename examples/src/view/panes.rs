//! What the live view draws.

use std::cmp::Ordering;
use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Row, Sparkline, Table};
use steadfast::State;

use crate::checkout::Arm;
use crate::demo::{ArmSnapshot, Queue, Saved, Seen, Snapshot, Transition};
use crate::dependency::Dependency;
use crate::load::Tally;
use crate::scenario::Scenario;

/// Width of a dependency's name and the gap behind it.
const NAME: usize = 10;
/// Width of the symptoms beside the strips, and from which width on there is room for them.
const SYMPTOMS: usize = 28;
const WIDE: u16 = 90;
/// Rows of the outcomes, of what was saved, and of the dependencies.
const OUTCOMES: u16 = 4;
const SAVED: u16 = 2;
const DEPENDENCIES: u16 = 1 + Dependency::ALL.len() as u16;
/// Rows an arm needs above its sparklines, its borders among them.
const ARM_ROWS: u16 = 2 + OUTCOMES + SAVED + DEPENDENCIES;

pub(super) fn draw(frame: &mut Frame<'_>, name: &str, scenario: &Scenario, snapshot: &Snapshot) {
    let [title, timeline, arms, events, help] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(DEPENDENCIES),
        Constraint::Min(ARM_ROWS),
        Constraint::Max(8),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let [guarded, bare] = Layout::horizontal([Constraint::Fill(1); 2]).areas(arms);
    frame.render_widget(heading(name, scenario, snapshot), title);
    draw_timeline(frame, timeline, scenario, snapshot.elapsed);
    let rate = scenario.rate;
    for (area, arm) in [guarded, bare].into_iter().zip(&snapshot.arms) {
        draw_arm(frame, area, arm, rate);
    }
    draw_transitions(frame, events, &snapshot.transitions);
    let help_text = "q or Ctrl-C ends the run and shows what it has found so far";
    frame.render_widget(Line::from(help_text).dim(), help);
}

fn heading(name: &str, scenario: &Scenario, snapshot: &Snapshot) -> Line<'static> {
    let (elapsed, length) = (snapshot.elapsed.as_secs(), scenario.length.as_secs());
    let over = match snapshot.elapsed > scenario.length {
        _ if snapshot.delivering => ", delivering the last e-mails",
        true => ", waiting for the last customers",
        false => "",
    };
    Line::from(vec![
        Span::from(format!(" {name} ")).bold().reversed(),
        Span::from(format!(" {}", scenario.title)).bold(),
        Span::from(format!("  {elapsed} of {length} s{over}")),
    ])
}

/// A strip for each dependency: when it is well, when it is sick, and where the run stands.
fn draw_timeline(frame: &mut Frame<'_>, area: Rect, scenario: &Scenario, elapsed: Duration) {
    let block = Block::new()
        .borders(Borders::TOP)
        .title(" the dependencies ");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let labels = if inner.width < WIDE { 0 } else { SYMPTOMS };
    let width = usize::from(inner.width).saturating_sub(NAME + labels);
    let strips = Dependency::ALL.map(|dependency| {
        let phase = scenario.timelines[dependency].phase_at(elapsed);
        let symptoms = phase.map_or_else(String::new, |phase| phase.behaviour.symptoms());
        let mut strip = vec![Span::from(format!("{dependency:<NAME$}"))];
        strip.extend(cells(scenario, dependency, elapsed, width));
        strip.push(Span::from(format!(" {symptoms}")).red());
        Line::from(strip)
    });
    frame.render_widget(Paragraph::new(Vec::from(strips)), inner);
}

fn cells(
    scenario: &Scenario,
    dependency: Dependency,
    elapsed: Duration,
    width: usize,
) -> impl Iterator<Item = Span<'static>> {
    let share = elapsed.as_secs_f64() / scenario.length.as_secs_f64();
    let now = (share * width as f64) as usize;
    (0..width).map(move |cell| {
        let at = scenario.length.mul_f64((cell as f64 + 0.5) / width as f64);
        let sick = scenario.timelines[dependency].phase_at(at).is_some();
        match (sick, cell.cmp(&now)) {
            (_, Ordering::Equal) => Span::from("┃").bold(),
            (true, Ordering::Less) => Span::from("█").red(),
            (true, Ordering::Greater) => Span::from("▒").red(),
            (false, Ordering::Less) => Span::from("━").green(),
            (false, Ordering::Greater) => Span::from("─").dim(),
        }
    })
}

fn draw_arm(frame: &mut Frame<'_>, area: Rect, arm: &ArmSnapshot, rate: u32) {
    let name = match arm.arm {
        Arm::Guarded => " with policies ",
        Arm::Bare => " without ",
    };
    let second = arm.seconds.last().copied().unwrap_or_default();
    let (p50, p99) = (second.p50.as_millis(), second.p99.as_millis());
    let block = Block::bordered()
        .title(name.bold())
        .title(format!(" p50/p99 {p50}/{p99} ms "))
        .title_bottom(match arm.arm {
            Arm::Guarded => format!(" live page: {}/admin ", arm.url),
            Arm::Bare => format!(" {} ", arm.url),
        });
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let [counts, kept, table, served, failed] = Layout::vertical([
        Constraint::Length(OUTCOMES),
        Constraint::Length(SAVED),
        Constraint::Length(DEPENDENCIES),
        Constraint::Fill(1),
        Constraint::Fill(1),
    ])
    .areas(inner);
    frame.render_widget(outcomes(arm, second.tally), counts);
    frame.render_widget(Paragraph::new(saved(arm)), kept);
    frame.render_widget(dependencies(arm), table);
    history(frame, served, arm, rate, "served a second", |tally| {
        tally.full + tally.degraded
    });
    history(frame, failed, arm, rate, "failed a second", Tally::failed);
}

/// The last second above the whole run; product pages below.
fn outcomes(arm: &ArmSnapshot, second: Tally) -> Table<'static> {
    let row = |label: &'static str, tally: Tally, waiting: String| {
        Row::new([
            Span::from(label),
            Span::from(format!("{:>5}", tally.full)).green(),
            Span::from(format!("{:>8}", tally.degraded)).yellow(),
            Span::from(format!("{:>6}", tally.failed())).red(),
            Span::from(format!("{waiting:>7}")),
        ])
    };
    let waiting = arm.totals.waiting.to_string();
    let rows = [
        row("last s", second, String::new()),
        row("in all", arm.totals.tally, waiting),
        row("pages", arm.pages.tally, arm.pages.waiting.to_string()),
    ];
    let header = Row::new(["", "   ok", "degraded", "failed", "waiting"]);
    Table::new(rows, [6, 5, 8, 6, 7]).header(header.dim())
}

/// What caches and the queue have done so far; without them, what became of the e-mails.
fn saved(arm: &ArmSnapshot) -> Vec<Line<'static>> {
    let mails = &arm.mails;
    let Some(Saved { kept, queue }) = arm.saved else {
        let unsent = mails.written.saturating_sub(mails.sent);
        return vec![
            Line::from("cache  none").dim(),
            Line::from(format!("mails  {} sent, {unsent} not", mails.sent)),
        ];
    };
    let Queue {
        waiting,
        delivered,
        dead,
    } = queue.unwrap_or_default();
    vec![
        Line::from(format!(
            "cache  {} fresh, {} old, {} last",
            kept.fresh, kept.stale, kept.last_good
        )),
        match queue {
            Some(_) => Line::from(format!(
                "queue  {waiting} wait, {delivered} done, {dead} dead"
            )),
            None => Line::from(format!("mails  {} sent, none queued", mails.sent)),
        },
    ]
}

fn dependencies(arm: &ArmSnapshot) -> Table<'static> {
    let rows = arm
        .dependencies
        .iter()
        .map(|(dependency, seen)| row(dependency, *seen));
    let header = Row::new(["", "breaker", "asked/s", "while sick"]);
    Table::new(rows, [8, 9, 7, 10]).header(header.dim())
}

fn row(dependency: Dependency, seen: Seen) -> Row<'static> {
    let breaker = match seen.breaker {
        Some(state) => Span::styled(state.as_str(), style(state)),
        None => Span::from("none").dim(),
    };
    Row::new([
        Span::from(dependency.name()),
        breaker,
        Span::from(format!("{:>7}", seen.rate)),
        Span::from(format!("{:>10}", seen.hits.sick)),
    ])
}

fn style(state: State) -> Style {
    match state {
        State::Closed => Style::new().green(),
        State::HalfOpen => Style::new().yellow().bold(),
        _ => Style::new().red().bold(),
    }
}

/// The last seconds as bars, where there is room for any; the tallest possible is `rate`.
fn history(
    frame: &mut Frame<'_>,
    area: Rect,
    arm: &ArmSnapshot,
    rate: u32,
    title: &'static str,
    count: fn(Tally) -> u64,
) {
    if area.height < 2 {
        return;
    }
    let width = usize::from(area.width);
    let seconds = &arm.seconds[arm.seconds.len().saturating_sub(width)..];
    let counts = seconds.iter().map(|second| count(second.tally));
    let bars = Sparkline::default()
        .block(Block::new().title(title.dim()))
        .data(counts)
        .max(u64::from(rate));
    frame.render_widget(bars, area);
}

fn draw_transitions(frame: &mut Frame<'_>, area: Rect, transitions: &[Transition]) {
    let block = Block::new().borders(Borders::TOP).title(" the breakers ");
    let inner = block.inner(area);
    let kept = usize::from(inner.height).min(transitions.len());
    let lines = transitions.iter().rev().take(kept).map(|transition| {
        let Transition {
            at,
            dependency,
            from,
            to,
        } = *transition;
        Line::from(vec![
            Span::from(format!("{:>5.1} s  {dependency:<NAME$}", at.as_secs_f64())),
            Span::styled(from.as_str(), style(from)),
            Span::from(" → "),
            Span::styled(to.as_str(), style(to)),
        ])
    });
    let lines: Vec<Line<'_>> = lines.collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::checkout::Mailbag;
    use crate::demo::Kept;
    use crate::dependency::PerDependency;
    use crate::load::{Second, Totals};
    use crate::upstream::Hits;

    fn snapshot() -> Snapshot {
        let arm = |arm, breaker| ArmSnapshot {
            arm,
            url: "http://127.0.0.1:1".into(),
            totals: Totals::default(),
            seconds: vec![Second::default(); 60],
            pages: Totals::default(),
            mails: Mailbag::default(),
            saved: (arm == Arm::Guarded).then_some(Saved {
                kept: Kept {
                    fresh: 812,
                    stale: 304,
                    joined: 0,
                    last_good: 97,
                },
                queue: Some(Queue {
                    waiting: 210,
                    delivered: 33,
                    dead: 0,
                }),
            }),
            dependencies: PerDependency::from_fn(|_| Seen {
                hits: Hits::default(),
                rate: 12,
                breaker,
            }),
        };
        Snapshot {
            elapsed: Duration::from_secs(6),
            arms: [
                arm(Arm::Guarded, Some(State::HalfOpen)),
                arm(Arm::Bare, None),
            ],
            transitions: vec![Transition {
                at: Duration::from_millis(4650),
                dependency: Dependency::Payments,
                from: State::Closed,
                to: State::Open,
            }],
            delivering: false,
        }
    }

    /// The picture as text.
    fn picture(width: u16, height: u16) -> String {
        let scenario = Scenario::find("outage").unwrap();
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let drawn = terminal.draw(|frame| draw(frame, "outage", &scenario, &snapshot()));
        drawn.unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn the_smallest_usual_terminal_shows_everything() {
        let text = picture(80, 24);
        for part in [
            "with policies",
            "without",
            "half_open",
            "closed → open",
            "while sick",
            "4.7 s",
            "cache  812 fresh, 304 old, 97 last",
            "queue  210 wait, 33 done, 0 dead",
            "mails  0 sent, 0 not",
            "catalog",
            "ends the run",
        ] {
            assert!(text.contains(part), "no {part:?} in\n{text}");
        }
    }

    #[test]
    fn a_wide_terminal_names_the_symptoms() {
        assert!(picture(120, 40).contains("resets 80%"));
    }

    #[test]
    fn no_terminal_is_too_small_to_draw_on() {
        for (width, height) in [(1, 1), (10, 3), (30, 8), (300, 5)] {
            picture(width, height);
        }
    }
}
