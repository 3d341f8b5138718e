//! The command line: train, evaluate, predict, inspect and convert on the same library that runs in the browser.

mod args;
mod commands;
mod convert;
mod export;
mod groups;
mod inspect;
mod jpeg;
mod models;
mod pictures;
mod progress;
mod project_file;
mod train;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are no errors; everything else ends with 1, as every bad input does.
            let bad = error.use_stderr();
            // Nothing is left to tell if printing fails.
            let _ = error.print();
            return ExitCode::from(u8::from(bad));
        }
    };
    match pollster::block_on(commands::run(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headstart: {error:#}");
            ExitCode::FAILURE
        }
    }
}
