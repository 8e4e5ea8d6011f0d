//! How the story is shown: a picture in a terminal, a line for each scene anywhere else.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ratatui::Frame;
use ratatui::crossterm::event::{self, Event};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Row, Table, Wrap};

use super::fleet::{Board, Seen, lock};
use super::{Scene, Told};
use crate::view::{Screen, ends};

const PAUSE: Duration = Duration::from_millis(100);

/// Shows what is on the board, on a thread of its own.
pub(super) struct View {
    over: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<()>>,
}

impl View {
    pub(super) fn start(
        board: Arc<Mutex<Board>>,
        quit: Arc<AtomicBool>,
        screen: Screen,
    ) -> io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let seen = over.clone();
        let thread = thread::Builder::new().spawn(move || match screen {
            Screen::Terminal => picture(&board, &seen, &quit),
            Screen::Output => lines(&board, &seen, |line| println!("{line}")),
            Screen::Error => lines(&board, &seen, |line| eprintln!("{line}")),
        })?;
        Ok(Self { over, thread })
    }

    pub(super) fn end(self) -> io::Result<()> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or(Ok(()))
    }
}

fn lines(board: &Mutex<Board>, over: &AtomicBool, say: impl Fn(&str)) -> io::Result<()> {
    let mut said = 0;
    loop {
        let is_over = over.load(Ordering::Relaxed);
        let (scenes, elapsed) = {
            let board = lock(board);
            (board.scenes[said..].to_vec(), board.began.elapsed())
        };
        for scene in &scenes {
            say(&format!(
                "{:>5.1} s  {}",
                elapsed.as_secs_f64(),
                told(scene)
            ));
        }
        said += scenes.len();
        if is_over {
            return Ok(());
        }
        thread::sleep(PAUSE / 4);
    }
}

fn told(scene: &Scene) -> String {
    let mark = if scene.as_told { "" } else { "  NOT AS TOLD" };
    let Scene {
        what,
        expected,
        seen,
        ..
    } = scene;
    format!("{what}: {expected} ({seen}){mark}")
}

/// Until the story is over, or somebody has had enough.
fn picture(board: &Mutex<Board>, over: &AtomicBool, quit: &AtomicBool) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let shown = loop {
        if over.load(Ordering::Relaxed) {
            break Ok(());
        }
        let drawn = terminal.draw(|frame| draw(frame, &lock(board)));
        let asked = drawn.and_then(|_| asks_for_end());
        match asked {
            Ok(true) => quit.store(true, Ordering::Relaxed),
            Ok(false) => {}
            Err(error) => break Err(error),
        }
    };
    ratatui::restore();
    shown
}

fn asks_for_end() -> io::Result<bool> {
    if !event::poll(PAUSE)? {
        return Ok(false);
    }
    Ok(matches!(event::read()?, Event::Key(key) if ends(key)))
}

fn draw(frame: &mut Frame<'_>, board: &Board) {
    let rows = u16::try_from(board.instances.len()).unwrap_or(u16::MAX);
    let [title, now, instances, scenes, help] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(rows.saturating_add(3)),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let redis = match board.redis {
        Some(true) => "Redis is there".green(),
        Some(false) => "Redis is dead".red().bold(),
        None => "Redis is yours".dim(),
    };
    let heading = vec![
        " one breaker, many processes ".bold().reversed(),
        format!("  {:.0} s  ", board.began.elapsed().as_secs_f64()).into(),
        redis,
    ];
    frame.render_widget(Line::from(heading), title);
    frame.render_widget(
        Line::from(vec![" now: ".dim(), board.now.as_str().bold()]),
        now,
    );
    draw_instances(frame, instances, &board.instances);
    let told: Vec<Line<'_>> = board.scenes.iter().map(|scene| line(scene)).collect();
    let room = usize::from(scenes.height.saturating_sub(2));
    let from = told.len().saturating_sub(room);
    let story = Paragraph::new(told[from..].to_vec())
        .wrap(Wrap { trim: true })
        .block(Block::bordered().title(" what was seen "));
    frame.render_widget(story, scenes);
    frame.render_widget(Line::from("q or Ctrl-C ends it").dim(), help);
}

fn line(scene: &Scene) -> Line<'_> {
    let mark = if scene.as_told {
        "✓ ".green()
    } else {
        "✗ ".red()
    };
    Line::from(vec![
        mark,
        format!("{}: ", scene.what).into(),
        scene.expected.as_str().bold(),
        format!(" ({})", scene.seen).dim(),
    ])
}

fn draw_instances(frame: &mut Frame<'_>, area: Rect, instances: &[Seen]) {
    let rows = instances.iter().enumerate().map(|(number, seen)| {
        let said = &seen.said;
        let calls = said.calls;
        let payments = if seen.sick {
            "fails".red()
        } else {
            "well".green()
        };
        let redis = if said.alone {
            "alone".yellow()
        } else {
            "joined".green()
        };
        Row::new(vec![
            Span::from(format!("{}", number + 1)),
            Span::styled(said.state.clone(), colour(&said.state)),
            redis,
            payments,
            Span::from(format!("{}", calls.ok)),
            Span::from(format!("{}", calls.failed)),
            Span::from(format!("{}", calls.refused)),
            Span::from(format!("{:.2}", calls.longest_refusal as f64 / 1e3)),
        ])
    });
    let widths = [9, 13, 8, 10, 8, 8, 9, 20].map(Constraint::Length);
    let heads = Row::new(vec![
        "instance",
        "breaker",
        "redis",
        "payments",
        "ok",
        "failed",
        "refused",
        "longest refusal, ms",
    ]);
    let table = Table::new(rows, widths)
        .header(heads.dim())
        .block(Block::bordered());
    frame.render_widget(table, area);
}

fn colour(state: &str) -> Style {
    match state {
        "closed" => Style::new().green(),
        "open" | "forced_open" => Style::new().red().bold(),
        _ => Style::new().yellow(),
    }
}

/// The whole story, for whoever came late.
pub(super) fn summary(told: &Told) -> String {
    let scenes = told.scenes.iter().map(|scene| {
        let Scene {
            what,
            expected,
            seen,
            as_told,
        } = scene;
        let mark = if *as_told { "ok " } else { "NOT" };
        format!("  {mark}  {what}\n         expected: {expected}\n         seen:     {seen}\n")
    });
    let scenes: String = scenes.collect();
    let wrong = told.scenes.iter().filter(|scene| !scene.as_told).count();
    let cut = if told.interrupted {
        ", ended early"
    } else {
        ""
    };
    format!(
        "\n{} instances of one service, one breaker over Redis\n{scenes}{} scenes, {wrong} not as told{cut}\n",
        told.instances,
        told.scenes.len()
    )
}
