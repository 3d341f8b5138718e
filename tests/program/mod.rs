//! The command line as a program, in folders of its own.
#![allow(dead_code)] // every test file uses a part of it

use crate::drawing::{Kind, SIDE, drawn};
use image::RgbaImage;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A fresh folder for one test.
pub fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}"));
    let _ = fs::remove_dir_all(&path); // it is not there the first time
    fs::create_dir_all(&path).unwrap();
    path
}

/// Draws a class into a folder of its own.
pub fn draw(dir: &Path, class: &str, kind: Kind, first: u64, count: u64) {
    let dir = dir.join(class);
    fs::create_dir_all(&dir).unwrap();
    for number in first..first + count {
        let picture = RgbaImage::from_raw(SIDE, SIDE, drawn(kind, number)).unwrap();
        picture.save(dir.join(format!("{number:03}.png"))).unwrap();
    }
}

/// A folder with two classes of eight pictures each.
pub fn two_classes(name: &str) -> PathBuf {
    let dir = folder(name);
    draw(&dir, "disc", Kind::Disc, 0, 8);
    draw(&dir, "stripes", Kind::Stripes, 0, 8);
    dir
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Runs the program to its end.
pub fn headstart(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headstart")).args(arguments).output().expect("the program starts")
}

/// What a command that succeeds prints with --json: one object on one line, and nothing else.
pub fn json(arguments: &[&str]) -> Value {
    let output = headstart(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().count(), 1, "{arguments:?} prints one line: {stdout}");
    let value: Value = serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {stdout}"));
    assert!(value.is_object(), "{arguments:?} prints an object");
    value
}

/// A bad input: exit code 1, nothing on stdout, and one line of error that holds `part`.
pub fn refused(arguments: &[&str], part: &str) {
    let output = headstart(arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{arguments:?}: stdout is empty");
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("headstart: ")).collect();
    assert_eq!(errors.len(), 1, "{arguments:?}: one line of error: {stderr}");
    assert_eq!(stderr.lines().last(), Some(errors[0]), "{arguments:?}: nothing after it");
    assert!(errors[0].contains(part), "{arguments:?}: “{}” names {part}", errors[0]);
    assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
}

/// A number of an answer.
pub fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} is a number in {value}"))
}
