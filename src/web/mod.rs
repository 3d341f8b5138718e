//! The browser's side of the library: the only place that knows JavaScript.

#[cfg(not(feature = "predict-only"))]
mod adapter;
mod convert;
#[cfg(not(feature = "predict-only"))]
mod crew;
#[cfg(feature = "predict-only")]
mod predictor;
#[cfg(not(feature = "predict-only"))]
mod session;

use wasm_bindgen::prelude::*;

unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// Runs once when the module is loaded.
#[wasm_bindgen(start)]
fn start() {
    // A dependency registers itself in static constructors. Called here once and by name, so that the linker does not
    // wrap every export in a call of all of them.
    // SAFETY: the constructors are the linker's own function without arguments; nothing has run them before.
    unsafe { __wasm_call_ctors() };
    console_error_panic_hook::set_once();
    log::set_max_level(log::LevelFilter::Warn);
    // A second start in the same page finds the logger set already, which is as good.
    let _ = log::set_logger(&ConsoleLog);
}

/// Sends the library's warnings to the console: wgpu reports shaders that do not compile nowhere else.
struct ConsoleLog;

impl log::Log for ConsoleLog {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text = JsValue::from_str(&format!("{}: {}", record.target(), record.args()));
        match record.level() {
            log::Level::Error => web_sys::console::error_1(&text),
            _ => web_sys::console::warn_1(&text),
        }
    }

    fn flush(&self) {}
}
