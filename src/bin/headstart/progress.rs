//! Progress on stderr: one line that is rewritten on a terminal, a line now and then elsewhere.

use headstart::train::{EventKind, Phase, TrainEvent};
use std::io::{IsTerminal, Write, stderr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The clock that core is given: seconds since the program first asked.
pub fn clock() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

/// Whether Ctrl-C was pressed since this was called; the second time it ends the program at once.
pub fn interruption() -> impl Fn() -> bool {
    static PRESSED: AtomicBool = AtomicBool::new(false);
    // Where no handler can be set, Ctrl-C ends the program as it always did.
    let _ = ctrlc::set_handler(|| {
        if PRESSED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    || PRESSED.load(Ordering::Relaxed)
}

/// A line of progress.
pub struct Progress {
    terminal: bool,
    last: f64,
}

impl Progress {
    pub fn new() -> Self {
        Self { terminal: stderr().is_terminal(), last: f64::NEG_INFINITY }
    }

    /// Shows `text`, at most ten times a second on a terminal and every five seconds elsewhere.
    pub fn show(&mut self, text: &str) {
        let every = if self.terminal { 0.1 } else { 5.0 };
        let now = clock();
        if now - self.last < every {
            return;
        }
        self.last = now;
        self.write(text, self.terminal);
    }

    /// Shows how far a training is.
    pub fn event(&mut self, event: &TrainEvent) {
        let left = format!("{:.0} s left", event.eta);
        match (event.phase, event.kind) {
            (Phase::Prepare, _) => self.show(&format!("Preparing: {} of {}, {left}", event.step, event.steps)),
            (Phase::Measure, _) => self.show(&format!("Measuring: {} of {}, {left}", event.step, event.steps)),
            (phase, EventKind::Epoch) => {
                let what = if phase == Phase::Head { "Head" } else { "Fine-tuning" };
                let validation =
                    event.validation_accuracy.map_or(String::new(), |a| format!(", validation {:.1} %", a * 100.0));
                self.show(&format!(
                    "{what}, epoch {} of {}: loss {:.4}, training {:.1} %{validation}, {left}",
                    event.epoch,
                    event.epochs,
                    event.loss,
                    event.accuracy * 100.0
                ));
            }
            // An epoch of the whole network takes minutes.
            _ => self.show(&format!(
                "Epoch {} of {}, step {} of {}, {left}",
                event.epoch, event.epochs, event.step, event.steps
            )),
        }
    }

    /// Shows `text` for good.
    pub fn done(&mut self, text: &str) {
        self.write(text, false);
    }

    fn write(&self, text: &str, again: bool) {
        let (start, end) = if self.terminal { ("\r\x1b[2K", if again { "" } else { "\n" }) } else { ("", "\n") };
        // Progress that cannot be shown is no reason to stop.
        let _ = write!(stderr(), "{start}{text}{end}");
        let _ = stderr().flush();
    }
}
