//! The command line as a program runs it: one JSON object on stdout, exit codes, and one clear line for a bad input.

mod common;
mod drawing;

use common::project;
use drawing::{Kind, SIDE, drawn};
use image::RgbaImage;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A fresh folder for one test.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}"));
    let _ = fs::remove_dir_all(&path); // it is not there the first time
    fs::create_dir_all(&path).unwrap();
    path
}

/// Draws a class into a folder of its own.
fn draw(dir: &Path, class: &str, kind: Kind, first: u64, count: u64) {
    let dir = dir.join(class);
    fs::create_dir_all(&dir).unwrap();
    for number in first..first + count {
        let picture = RgbaImage::from_raw(SIDE, SIDE, drawn(kind, number)).unwrap();
        picture.save(dir.join(format!("{number:03}.png"))).unwrap();
    }
}

fn two_classes(name: &str) -> PathBuf {
    let dir = folder(name);
    draw(&dir, "disc", Kind::Disc, 0, 8);
    draw(&dir, "stripes", Kind::Stripes, 0, 8);
    dir
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn headstart(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headstart")).args(arguments).output().expect("the program starts")
}

/// What a command that succeeds prints with --json: one object on one line, and nothing else.
fn json(arguments: &[&str]) -> Value {
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
fn refused(arguments: &[&str], part: &str) {
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

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} is a number in {value}"))
}

#[test]
fn train_evaluate_predict_inspect() {
    let dir = two_classes("whole");
    let test = folder("whole-test");
    draw(&test, "disc", Kind::Disc, 100, 3);
    draw(&test, "stripes", Kind::Stripes, 100, 2);
    // A file that is no picture is left out and named; hidden folders and other files are no classes.
    fs::copy(project("tests/golden/pictures/text.jpg"), dir.join("disc/text.jpg")).unwrap();
    fs::write(dir.join("disc/notes.txt"), "no picture").unwrap();
    fs::write(dir.join("notes.txt"), "no class").unwrap();
    fs::create_dir(dir.join(".hidden")).unwrap();
    let model = dir.join("model.zip");
    let train =
        ["train", text(&dir), "--test", text(&test), "--epochs", "10", "--learning-rate", "0.01", "--seed", "3"];
    let report = json(&[&train[..], &["--engine", "cpu", "--out", text(&model), "--json"]].concat());
    assert_eq!(report["classes"], serde_json::json!(["disc", "stripes"]));
    assert_eq!(report["images"], serde_json::json!({"train": 12, "validation": 4, "test": 5}));
    assert_eq!(report["backbone"], "mobilenetv2_050");
    assert_eq!(report["head"], "linear");
    assert_eq!(report["engine"], "cpu");
    assert_eq!(number(&report, "seed"), 3.0);
    assert_eq!(number(&report, "epochs_run"), 10.0);
    assert!((1.0..=10.0).contains(&number(&report, "best_epoch")));
    let trainable = number(&report, "trainable_parameters");
    assert_eq!(trainable, 2562.0);
    assert!(number(&report, "total_parameters") > trainable + 100_000.0);
    assert_eq!(number(&report, "validation_accuracy"), 1.0);
    assert_eq!(number(&report, "test_accuracy"), 1.0);
    assert_eq!(report["confusion_matrix"], serde_json::json!([[3, 0], [0, 2]]), "of the test set");
    for key in ["embed", "train", "evaluate"] {
        assert!(number(&report["seconds"], key) > 0.0, "seconds.{key}");
    }

    let evaluation = json(&["evaluate", text(&model), text(&test), "--engine", "cpu", "--json"]);
    assert_eq!(number(&evaluation, "accuracy"), 1.0);
    assert_eq!(number(&evaluation, "images"), 5.0);
    assert_eq!(evaluation["confusion_matrix"], report["confusion_matrix"]);

    let (disc, stripes) = (test.join("disc/100.png"), test.join("stripes/100.png"));
    let predicted = json(&["predict", text(&model), text(&disc), text(&stripes), "--engine", "cpu", "--json"]);
    for (one, (path, class)) in
        predicted["images"].as_array().unwrap().iter().zip([(&disc, "disc"), (&stripes, "stripes")])
    {
        assert_eq!(one["image"], text(path));
        assert_eq!(one["predictions"][0]["className"], class);
        let (first, second) =
            (number(&one["predictions"][0], "probability"), number(&one["predictions"][1], "probability"));
        assert!(first > second && (first + second - 1.0).abs() < 1e-9);
    }

    let inspected = json(&["inspect", text(&model), "--json"]);
    assert_eq!(inspected["classes"], report["classes"]);
    assert_eq!(inspected["total_parameters"], report["total_parameters"]);
    let bundled = json(&["inspect", common::DEFAULT_NAME, "--json"]);
    let counted: f64 = bundled["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| {
            let statistic = layer["name"].as_str().unwrap().contains("running_");
            assert!(!(statistic && layer["trainable"] == true), "{layer}");
            assert!(!layer["reason"].as_str().unwrap().is_empty());
            if statistic { 0.0 } else { number(layer, "parameters") }
        })
        .sum();
    assert_eq!(counted, number(&bundled, "total_parameters"));

    // The same for a person: nothing of JSON.
    let output = headstart(&["predict", text(&model), text(&disc), "--engine", "cpu"]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("disc ("));
}

#[test]
fn without_a_test_set_the_figures_are_of_the_held_out_pictures() {
    let dir = two_classes("no-test");
    let output = headstart(&["train", text(&dir), "--epochs", "3", "--engine", "cpu", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let keys = report.as_object().unwrap();
    assert!(keys.contains_key("test_accuracy") && report["test_accuracy"].is_null(), "there, and unknown");
    assert_eq!(report["images"], serde_json::json!({"train": 12, "validation": 4, "test": 0}));
    let cells = report["confusion_matrix"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
    assert_eq!(cells.map(|cell| cell.as_u64().unwrap()).sum::<u64>(), 4);
    assert!(String::from_utf8(output.stderr).unwrap().contains("Engine: "), "progress goes to stderr");
}

#[test]
fn the_seed_repeats_a_training() {
    let dir = two_classes("seed");
    let run = |seed: &str| {
        let report = json(&["train", text(&dir), "--epochs", "2", "--seed", seed, "--engine", "cpu", "--json"]);
        (report["train_loss"].clone(), report["validation_loss"].clone())
    };
    assert_eq!(run("1"), run("1"));
    assert_ne!(run("1"), run("2"));
}

#[test]
fn fine_tuning() {
    let dir = two_classes("fine-tuning");
    let model = dir.join("model.zip");
    let quick = ["--epochs", "4", "--fine-tune-epochs", "2", "--batch-size", "4", "--monitor", "loss", "--seed", "1"];
    let train = ["train", text(&dir), "--fine-tune", "last:2", "--engine", "cpu", "--json"];
    let report = json(&[&train[..], &quick, &["--head", "conv:4", "--out", text(&model)]].concat());
    assert_eq!((&report["fine_tune"], &report["head"]), (&"last:2".into(), &"conv:4".into()));
    assert_eq!(report["phase"], "fine-tune");
    assert_eq!((number(&report, "epochs_run"), number(&report, "head_epochs")), (6.0, 4.0));
    // What trained is what inspect says of this scope: weights, and no BatchNorm.
    let inspect = ["inspect", common::DEFAULT_NAME, "--json", "--fine-tune", "last:2"];
    let head = 1280 * 4 * 9 + 4 + 4 * 2 + 2;
    let trainable = number(&json(&inspect), "trainable_parameters");
    assert_eq!(number(&report, "trainable_parameters"), trainable + f64::from(head));
    let evaluation = json(&["evaluate", text(&model), text(&dir), "--engine", "cpu", "--json"]);
    assert!(number(&evaluation, "accuracy") > 0.8);
    let inspected = json(&["inspect", text(&model), "--json"]);
    assert_eq!(number(&inspected, "total_parameters"), number(&report, "total_parameters"));
    let names: Vec<&str> =
        inspected["layers"].as_array().unwrap().iter().map(|layer| layer["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"head.conv.weight") && names.contains(&"features.18.0.weight"));

    // Going on from the file: its head and its backbone, and no phase for the head alone.
    let further = ["train", text(&dir), "--from", text(&model), "--head", "conv:4", "--fine-tune", "last:2"];
    let report = json(&[&further[..], &quick, &["--engine", "cpu", "--json"]].concat());
    assert_eq!((number(&report, "epochs_run"), number(&report, "head_epochs")), (2.0, 0.0));
    assert_eq!(report["warnings"][0]["code"], "held_out_may_have_trained");
    refused(&["train", text(&dir), "--from", text(&model), "--engine", "cpu"], "head");

    let whole = json(&["inspect", common::DEFAULT_NAME, "--json"]);
    assert_eq!(whole["fine_tunable"], true);
    assert!(number(&whole, "trainable_parameters") > trainable);
    let nothing = json(&["inspect", common::DEFAULT_NAME, "--json", "--fine-tune", "none"]);
    assert_eq!(number(&nothing, "trainable_parameters"), 0.0);
    refused(&["train", text(&dir), "--fine-tune", "last:20", "--engine", "cpu"], "last:20");
    refused(&["inspect", common::DEFAULT_NAME, "--fine-tune", "some"], "some");
}

#[test]
fn bad_settings() {
    let dir = two_classes("settings");
    for (setting, value, part) in [
        ("--epochs", "0", "epochs"),
        ("--epochs", "-1", "epochs"),
        ("--epochs", "1.5", "epochs"),
        ("--learning-rate", "0", "learningRate"),
        ("--learning-rate", "nan", "learningRate"),
        ("--batch-size", "0", "batchSize"),
        ("--validation", "1", "validation"),
        ("--head", "mlp:0", "mlp:0"),
        ("--head", "tree", "tree"),
        ("--fine-tune", "last:x", "last:x"),
        ("--fine-tune-epochs", "0", "fineTuneEpochs"),
        ("--backbone-learning-rate", "2", "backboneLearningRate"),
        ("--depth-decay", "0", "depthDecay"),
        ("--head", "conv:0", "conv:0"),
        ("--head", "svm:0", "svm:0"),
        ("--optimizer", "lion", "lion"),
        ("--schedule", "steps", "steps"),
        ("--zoom", "0", "zoom"),
    ] {
        refused(&["train", text(&dir), setting, value, "--engine", "cpu", "--json"], part);
    }
    let usage = headstart(&["train", text(&dir), "--engine", "quantum"]);
    assert_eq!(usage.status.code(), Some(1), "a wrong option is a bad input too");
    assert!(usage.stdout.is_empty());
    assert_eq!(headstart(&["--help"]).status.code(), Some(0));
}

#[test]
fn bad_folders() {
    let missing = folder("folders").join("missing");
    refused(&["train", text(&missing), "--engine", "cpu", "--json"], "missing");
    let one = folder("one-class");
    refused(&["train", text(&one), "--engine", "cpu", "--json"], "two classes");
    draw(&one, "disc", Kind::Disc, 0, 2);
    refused(&["train", text(&one), "--engine", "cpu", "--json"], "two classes");
    fs::create_dir(one.join("empty")).unwrap();
    refused(&["train", text(&one), "--engine", "cpu", "--json"], "empty");
    // A class whose only file is no picture has no pictures.
    fs::copy(project("tests/golden/pictures/text.jpg"), one.join("empty/text.jpg")).unwrap();
    refused(&["train", text(&one), "--engine", "cpu", "--json"], "empty");
}

#[test]
fn bad_models_and_pictures() {
    let dir = two_classes("models");
    let model = dir.join("model.zip");
    json(&["train", text(&dir), "--epochs", "1", "--engine", "cpu", "--out", text(&model), "--json"]);
    let pictures = project("tests/golden/pictures");
    for name in ["text.jpg", "empty.jpg", "truncated.jpg", "missing.jpg"] {
        refused(&["predict", text(&model), text(&pictures.join(name)), "--engine", "cpu", "--json"], name);
    }
    // Names lie: what decides is the content.
    let renamed = dir.join("really-a-png.jpg");
    fs::copy(dir.join("disc/000.png"), &renamed).unwrap();
    json(&["predict", text(&model), text(&renamed), "--engine", "cpu", "--json"]);
    let other = folder("other-class");
    draw(&other, "noise", Kind::Noise, 0, 1);
    refused(&["evaluate", text(&model), text(&other), "--engine", "cpu", "--json"], "noise");
    let picture = dir.join("disc/000.png");
    refused(&["predict", text(&picture), text(&picture), "--engine", "cpu"], "not a saved Headstart model");
    refused(&["predict", text(&dir.join("missing.zip")), text(&picture), "--engine", "cpu"], "missing.zip");
    refused(&["inspect", text(&picture), "--json"], "not a saved Headstart model");
}

#[test]
fn bad_backbones() {
    let (dir, good) = (two_classes("backbones"), project(common::DEFAULT));
    let weights = fs::read(good.join("model.safetensors")).unwrap();
    let config = fs::read(good.join("config.json")).unwrap();
    let whole = folder("backbone");
    let train =
        |part: &str| refused(&["train", text(&dir), "--backbone", text(&whole), "--engine", "cpu", "--json"], part);
    train("config.json");
    fs::write(whole.join("config.json"), &config).unwrap();
    train("model.safetensors");
    fs::write(whole.join("model.safetensors"), &weights[..weights.len() / 2]).unwrap();
    train("damaged");
    fs::write(whole.join("model.safetensors"), &weights).unwrap();
    json(&["inspect", text(&whole), "--json"]);
    fs::write(whole.join("config.json"), b"{\"architecture\": \"resnet50\"}").unwrap();
    train("config.json");
    let other = String::from_utf8(config).unwrap().replace("mobilenetv2_050", "resnet50");
    fs::write(whole.join("config.json"), other).unwrap();
    train("resnet50");
    refused(&["inspect", "mobilenet-v9", "--json"], "mobilenet-v9");
}
