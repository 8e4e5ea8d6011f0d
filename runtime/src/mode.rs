//! Whether a policy acts, only says what it would have done, or is switched off.

use std::sync::atomic::{AtomicU8, Ordering};

use steadfast_options::Mode;

/// The mode of a named policy, for all who use it.
#[derive(Debug, Default)]
pub(crate) struct SharedMode(AtomicU8);

const OBSERVE: u8 = 1;
const OFF: u8 = 2;
const MODES: u8 = OBSERVE | OFF;
/// Beside the mode: it is shared with a fleet.
const SHARED: u8 = 4;

impl SharedMode {
    #[inline]
    pub(crate) fn get(&self) -> Mode {
        match self.0.load(Ordering::Relaxed) & MODES {
            OBSERVE => Mode::Observe,
            OFF => Mode::Off,
            _ => Mode::Enforce,
        }
    }

    /// Whether it is neither `observe` nor `off`.
    #[inline]
    pub(crate) fn enforces(&self) -> bool {
        self.0.load(Ordering::Relaxed) & MODES == 0
    }

    /// Whether it enforces, here and by itself: asked once, for all that is not so.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// Whether it enforces, with a fleet.
    #[inline]
    pub(crate) fn enforces_shared(&self) -> bool {
        self.0.load(Ordering::Relaxed) == SHARED
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.0.load(Ordering::Relaxed) & SHARED != 0
    }

    /// Whether it was so before.
    pub(crate) fn set_shared(&self, shared: bool) -> bool {
        let before = if shared {
            self.0.fetch_or(SHARED, Ordering::Relaxed)
        } else {
            self.0.fetch_and(!SHARED, Ordering::Relaxed)
        };
        before & SHARED != 0
    }

    pub(crate) fn set(&self, mode: Option<Mode>) {
        let mode = match mode {
            Some(Mode::Observe) => OBSERVE,
            Some(Mode::Off) => OFF,
            _ => 0,
        };
        let with = |word: u8| Some(word & !MODES | mode);
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, with); // it always has a value
    }
}

/// What holds for a policy that a call uses: whichever of both modes does less.
pub(crate) fn lesser(call: Mode, policy: Mode) -> Mode {
    match (call, policy) {
        (Mode::Off, _) | (_, Mode::Off) => Mode::Off,
        (Mode::Observe, _) | (_, Mode::Observe) => Mode::Observe,
        _ => Mode::Enforce,
    }
}
