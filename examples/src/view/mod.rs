//! Watching the demo: a live view in a terminal, a line a second anywhere else.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use crate::demo::Stage;

mod lines;
mod live;
mod panes;

pub(crate) use live::ends;

/// Where to show the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// A live view on the terminal that standard output is.
    Terminal,
    /// A line a second on standard output.
    Output,
    /// A line a second on standard error, since standard output holds the result.
    Error,
}

/// A view on a thread of its own; it ends with the run.
#[derive(Debug)]
pub struct View {
    thread: JoinHandle<io::Result<()>>,
    quit: oneshot::Receiver<()>,
}

impl View {
    /// Starts to show the run. A terminal that can do no more gets the lines.
    #[must_use]
    pub fn start(stage: Arc<Stage>, screen: Screen) -> Self {
        let (quitting, quit) = oneshot::channel();
        let thread = thread::spawn(move || show(&stage, screen, quitting));
        Self { thread, quit }
    }

    /// Ready once someone at the keyboard asks for the end; never, where the view has no keyboard.
    pub async fn quit(&mut self) {
        if (&mut self.quit).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the view has gone; the terminal is then as it was.
    ///
    /// # Errors
    /// Where the terminal failed while it was in use.
    pub fn gone(self) -> io::Result<()> {
        match self.thread.join() {
            Ok(shown) => shown,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn show(stage: &Stage, screen: Screen, quitting: oneshot::Sender<()>) -> io::Result<()> {
    match screen {
        Screen::Terminal => match live::Live::open() {
            Ok(live) => return live.run(stage, quitting),
            Err(_) => lines::run(stage, io::stdout()),
        },
        Screen::Output => lines::run(stage, io::stdout()),
        Screen::Error => lines::run(stage, io::stderr()),
    }
    Ok(())
}
