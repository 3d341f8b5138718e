//! Progress on stderr: one line that is rewritten on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::sync::OnceLock;
use std::time::Instant;

/// The clock that core is given: seconds since the program first asked.
pub fn clock() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
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
