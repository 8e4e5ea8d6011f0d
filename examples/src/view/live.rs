//! The live view: draws a few times a second, listens to the keyboard, and gives the terminal back
//! as it was, however it ends.

use std::io;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyModifiers};
use tokio::sync::oneshot;

use super::panes;
use crate::demo::Stage;

/// From one picture to the next.
const PAUSE: Duration = Duration::from_millis(200);

/// A terminal in raw mode, on its alternate screen. Dropping it gives it back; a panic anywhere does
/// so too, by the hook that `ratatui` installs.
pub(super) struct Live {
    terminal: DefaultTerminal,
}

impl Live {
    pub(super) fn open() -> io::Result<Self> {
        ratatui::try_init().map(|terminal| Self { terminal })
    }

    /// Shows the run until it is over.
    pub(super) fn run(mut self, stage: &Stage, quitting: oneshot::Sender<()>) -> io::Result<()> {
        let mut quitting = Some(quitting);
        while !stage.is_closed() {
            let snapshot = stage.snapshot();
            self.terminal
                .draw(|frame| panes::draw(frame, stage.name(), stage.scenario(), &snapshot))?;
            if end_asked_for()? {
                // The run ends in its own time; asking twice does not make it faster.
                let _ = quitting.take().map(|quitting| quitting.send(()));
            }
        }
        Ok(())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Waits for the next picture's time, or for a key that ends the run.
fn end_asked_for() -> io::Result<bool> {
    if !event::poll(PAUSE)? {
        return Ok(false);
    }
    Ok(matches!(event::read()?, Event::Key(key) if ends(key)))
}

/// Whether a key asks for the end.
pub(crate) fn ends(key: KeyEvent) -> bool {
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => true,
        // In raw mode Ctrl-C is a key like any other.
        KeyCode::Char('c') => key.modifiers.contains(KeyModifiers::CONTROL),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_and_control_c_end_the_run_and_c_does_not() {
        assert!(ends(KeyEvent::from(KeyCode::Char('q'))));
        assert!(ends(KeyEvent::new(
            KeyCode::Char('c'),
            KeyModifiers::CONTROL
        )));
        assert!(!ends(KeyEvent::from(KeyCode::Char('c'))));
    }
}
