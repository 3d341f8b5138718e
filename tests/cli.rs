//! The command line as a program runs it: one JSON object on stdout, exit codes, and one clear line for a bad input.

mod common;
mod drawing;
mod program;

use common::project;
use drawing::Kind;
use program::{draw, folder, headstart, json, number, refused, text, two_classes};
use serde_json::Value;
use std::fs;
use std::path::Path;

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
    assert_eq!(report["backbone"], "mobilenetv2_075");
    assert_eq!(report["head"], "linear");
    assert_eq!(report["engine"], "cpu");
    assert_eq!(number(&report, "seed"), 3.0);
    assert_eq!(number(&report, "epochsRun"), 10.0);
    assert!((1.0..=10.0).contains(&number(&report, "bestEpoch")));
    let trainable = number(&report, "trainableParameters");
    assert_eq!(trainable, 2562.0);
    assert!(number(&report, "totalParameters") > trainable + 100_000.0);
    assert_eq!(number(&report, "validationAccuracy"), 1.0);
    assert_eq!(number(&report, "testAccuracy"), 1.0);
    assert_eq!(report["confusionMatrix"], serde_json::json!([[3, 0], [0, 2]]), "of the test set");
    for key in ["embed", "train", "evaluate"] {
        assert!(number(&report["seconds"], key) > 0.0, "seconds.{key}");
    }

    let evaluation = json(&["evaluate", text(&model), text(&test), "--engine", "cpu", "--json"]);
    assert_eq!(number(&evaluation, "accuracy"), 1.0);
    assert_eq!(number(&evaluation, "images"), 5.0);
    assert_eq!(evaluation["confusionMatrix"], report["confusionMatrix"]);

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
    assert_eq!(inspected["totalParameters"], report["totalParameters"]);
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
    assert_eq!(counted, number(&bundled, "totalParameters"));

    // The same for a person: nothing of JSON.
    let output = headstart(&["predict", text(&model), text(&disc), "--engine", "cpu"]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("disc ("));
}

/// What is also learned from tells nothing: it is left out of the test figures, and the report says so.
#[test]
fn copies_of_training_pictures_are_left_out_of_the_test() {
    let (dir, test) = (two_classes("leak"), folder("leak-test"));
    draw(&test, "disc", Kind::Disc, 6, 4);
    draw(&test, "stripes", Kind::Stripes, 100, 2);
    let train = ["train", text(&dir), "--test", text(&test), "--epochs", "3", "--engine", "cpu", "--json"];
    let report = json(&train);
    assert_eq!(report["images"], serde_json::json!({"train": 12, "validation": 4, "test": 4}));
    assert_eq!(report["perClass"][0]["support"], 2);
    let codes: Vec<&str> = report["warnings"].as_array().unwrap().iter().map(|w| w["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["test_pictures_known"]);
    let empty = folder("leak-empty");
    fs::create_dir(empty.join("disc")).unwrap();
    refused(&["train", text(&dir), "--test", text(&empty), "--engine", "cpu"], "holds no pictures");
}

#[test]
fn without_a_test_set_the_figures_are_of_the_held_out_pictures() {
    let dir = two_classes("no-test");
    let output = headstart(&["train", text(&dir), "--epochs", "3", "--engine", "cpu", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let keys = report.as_object().unwrap();
    assert!(keys.contains_key("testAccuracy") && report["testAccuracy"].is_null(), "there, and unknown");
    assert_eq!(report["images"], serde_json::json!({"train": 12, "validation": 4, "test": 0}));
    let cells = report["confusionMatrix"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
    assert_eq!(cells.map(|cell| cell.as_u64().unwrap()).sum::<u64>(), 4);
    assert!(String::from_utf8(output.stderr).unwrap().contains("Engine: "), "progress goes to stderr");
}

#[test]
fn the_seed_repeats_a_training() {
    let dir = two_classes("seed");
    let run = |seed: &str| {
        let report = json(&["train", text(&dir), "--epochs", "2", "--seed", seed, "--engine", "cpu", "--json"]);
        (report["trainLoss"].clone(), report["validationLoss"].clone())
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
    assert_eq!((&report["fineTune"], &report["head"]), (&"last:2".into(), &"conv:4".into()));
    assert_eq!(report["phase"], "fine-tune");
    assert_eq!((number(&report, "epochsRun"), number(&report, "headEpochs")), (6.0, 4.0));
    // What trained is what inspect says of this scope: weights, and no BatchNorm.
    let inspect = ["inspect", common::DEFAULT_NAME, "--json", "--fine-tune", "last:2"];
    let head = 1280 * 4 * 9 + 4 + 4 * 2 + 2;
    let trainable = number(&json(&inspect), "trainableParameters");
    assert_eq!(number(&report, "trainableParameters"), trainable + f64::from(head));
    let evaluation = json(&["evaluate", text(&model), text(&dir), "--engine", "cpu", "--json"]);
    assert!(number(&evaluation, "accuracy") > 0.8);
    let inspected = json(&["inspect", text(&model), "--json"]);
    assert_eq!(number(&inspected, "totalParameters"), number(&report, "totalParameters"));
    let names: Vec<&str> =
        inspected["layers"].as_array().unwrap().iter().map(|layer| layer["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"head.conv.weight") && names.contains(&"features.18.0.weight"));

    // Going on from the file: its head and its backbone, and no phase for the head alone.
    let further = ["train", text(&dir), "--from", text(&model), "--head", "conv:4", "--fine-tune", "last:2"];
    let report = json(&[&further[..], &quick, &["--engine", "cpu", "--json"]].concat());
    assert_eq!((number(&report, "epochsRun"), number(&report, "headEpochs")), (2.0, 0.0));
    assert_eq!(report["warnings"][0]["code"], "held_out_may_have_trained");
    refused(&["train", text(&dir), "--from", text(&model), "--engine", "cpu"], "head");

    let whole = json(&["inspect", common::DEFAULT_NAME, "--json"]);
    assert_eq!(whole["fineTunable"], true);
    assert!(number(&whole, "trainableParameters") > trainable);
    let nothing = json(&["inspect", common::DEFAULT_NAME, "--json", "--fine-tune", "none"]);
    assert_eq!(number(&nothing, "trainableParameters"), 0.0);
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
    // What a decoder would fill up is refused as it is on the page.
    let cut = dir.join("cut.jpg");
    let whole = fs::read(pictures.join("progressive.jpg")).unwrap();
    fs::write(&cut, &whole[..whole.len() - 2]).unwrap();
    refused(&["predict", text(&model), text(&cut), "--engine", "cpu", "--json"], "its end is missing");
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
    let other = String::from_utf8(config).unwrap().replace("mobilenetv2_075", "vit_tiny_patch16_224");
    fs::write(whole.join("config.json"), other).unwrap();
    train("vit_tiny");
    refused(&["inspect", "mobilenet-v9", "--json"], "mobilenet-v9");
}

#[test]
fn convert() {
    let dir = two_classes("convert");
    let (train, test, int8) = (dir.join("task/train"), dir.join("task/test"), dir.join("made/int8"));
    for (part, first, count) in [(&train, 0, 6), (&test, 100, 3)] {
        draw(part, "disc", Kind::Disc, first, count);
        draw(part, "stripes", Kind::Stripes, first, count);
    }
    let from = ["convert", common::DEFAULT_NAME, "--to", "f32", "--out"];
    let (f32s, task) = (dir.join("f32"), dir.join("task"));
    json(&[&from[..], &[text(&f32s), "--json"]].concat());
    let report =
        json(&["convert", text(&f32s), "--to", "int8", "--out", text(&int8), "--measure", text(&task), "--json"]);
    assert_eq!(
        (&report["from"], &report["to"], &report["notes"]),
        (&"f32".into(), &"int8".into(), &Value::Array(vec![]))
    );
    let bytes = fs::metadata(int8.join("model.safetensors")).unwrap().len();
    assert_eq!(report["bytes"][1], bytes);
    assert!(bytes < 3 * report["bytes"][0].as_u64().unwrap() / 10);
    let measured = &report["measured"][0];
    assert_eq!((&measured["task"], &measured["pictures"]), (&"task".into(), &6.into()));
    for which in ["original", "converted"] {
        let accuracies = measured[which].as_array().unwrap();
        assert!(
            accuracies.len() == 3 && accuracies.iter().all(|accuracy| accuracy.as_f64().unwrap() > 0.6),
            "{measured}"
        );
    }
    let difference = number(measured, "largestFeatureDifference");
    assert!((0.0..0.2).contains(&difference), "{difference}");
    // The card says how it was stored, and all that it said before.
    let card =
        |folder: &Path| -> Value { serde_json::from_slice(&fs::read(folder.join("config.json")).unwrap()).unwrap() };
    let (bundled, converted) = (card(&project(common::DEFAULT)), card(&int8));
    for field in ["architecture", "license", "source", "note", "pretrained_cfg"] {
        assert!(!bundled[field].is_null() && bundled[field] == converted[field], "{field}");
    }
    assert_eq!((&converted["stored"]["as"], &converted["stored"]["from"]), (&"int8".into(), &"f32".into()));
    // It is a backbone like others.
    let inspected = json(&["inspect", text(&int8), "--json"]);
    assert_eq!(inspected["totalParameters"], json(&["inspect", common::DEFAULT_NAME, "--json"])["totalParameters"]);
    // The same again is the same file, and less than integers is not to be had back without a word.
    let again = dir.join("again");
    json(&["convert", text(&int8), "--to", "int8", "--out", text(&again), "--json"]);
    assert!(fs::read(again.join("model.safetensors")).unwrap() == fs::read(int8.join("model.safetensors")).unwrap());
    let back = json(&["convert", text(&int8), "--to", "f16", "--out", text(&dir.join("back")), "--json"]);
    assert!(back["notes"][0].as_str().unwrap().contains("does not come back"), "{back}");
    // A weights file without a card is known by its tensors, and gets one.
    let (lone, known) = (dir.join("lone.safetensors"), dir.join("known"));
    fs::copy(int8.join("model.safetensors"), &lone).unwrap();
    json(&["convert", text(&lone), "--to", "int8", "--out", text(&known), "--json"]);
    assert!(card(&known)["architecture"].as_str().unwrap().starts_with("mobilenetv2"), "{}", card(&known));
    assert_eq!(
        json(&["inspect", text(&known), "--json"])["layers"],
        json(&["inspect", text(&lone), "--json"])["layers"]
    );
    // For a person.
    let output = headstart(&["convert", text(&f32s), "--to", "f16", "--out", text(&dir.join("f16"))]);
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("f32 → f16: "));
}

#[test]
fn a_conversion_that_fails_writes_nothing() {
    let dir = folder("convert-bad");
    let (good, out) = (project(common::DEFAULT), dir.join("out"));
    let convert = |backbone: &Path, more: &[&str], part: &str| {
        refused(&[&["convert", text(backbone), "--to", "int8", "--out", text(&out)], more].concat(), part);
        assert!(!out.exists(), "{part}: nothing is written");
    };
    convert(&dir.join("missing"), &[], "missing");
    convert(&good, &["--measure", text(&dir.join("no-task"))], "no-task");
    let weights = fs::read(good.join("model.safetensors")).unwrap();
    let broken = folder("convert-broken");
    fs::copy(good.join("config.json"), broken.join("config.json")).unwrap();
    fs::write(broken.join("model.safetensors"), &weights[..weights.len() / 2]).unwrap();
    convert(&broken, &[], "damaged");
    refused(&["convert", text(&good), "--to", "int8", "--out", text(&good.join("config.json"))], "config.json");
    let usage = headstart(&["convert", text(&good), "--to", "int4", "--out", text(&out)]);
    assert_eq!(usage.status.code(), Some(1));
}

#[test]
fn weights_without_a_card() {
    let (dir, good) = (two_classes("weights"), project(common::DEFAULT));
    let alone = folder("weights-alone");
    // What decides is the content, not the name.
    let file = alone.join("downloaded");
    fs::copy(good.join("model.safetensors"), &file).unwrap();
    let inspected = json(&["inspect", text(&file), "--json"]);
    assert_eq!(inspected["knownBy"], "tensors");
    let backbone = &inspected["backbone"];
    assert_eq!(
        (&backbone["architecture"], &backbone["label"]),
        (&"mobilenetv2_075".into(), &"MobileNetV2 0.75".into())
    );
    assert_eq!(number(backbone, "inputSize"), 224.0, "as it is usually published");
    assert_eq!(number(&inspected, "totalParameters"), 1_355_424.0);
    let output = headstart(&["inspect", text(&file)]);
    assert!(
        String::from_utf8(output.stdout).unwrap().contains("(mobilenetv2_075): pictures of 224 × 224, 1280 features")
    );
    let model = dir.join("model.zip");
    let train = ["train", text(&dir), "--backbone", text(&file), "--epochs", "2", "--engine", "cpu", "--json"];
    let report = json(&[&train[..], &["--out", text(&model)]].concat());
    assert_eq!(report["backbone"], "mobilenetv2_075");
    // The model carries the card that was taken.
    assert_eq!(number(&json(&["inspect", text(&model), "--json"])["backbone"], "inputSize"), 224.0);

    // A card beside it is its card.
    fs::copy(good.join("config.json"), alone.join("config.json")).unwrap();
    let inspected = json(&["inspect", text(&file), "--json"]);
    assert_eq!((&inspected["knownBy"], number(&inspected["backbone"], "inputSize")), (&"card".into(), 128.0));
    fs::remove_file(alone.join("config.json")).unwrap();

    // Weights of something else, and no weights.
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(13).position(|part| part == b"features.18.0").unwrap();
    bytes[at] = b'F';
    fs::write(&file, bytes).unwrap();
    refused(&["inspect", text(&file), "--json"], "Features.18.0");
    refused(&["train", text(&dir), "--backbone", text(&dir.join("disc/000.png")), "--engine", "cpu"], "damaged");
}

#[test]
fn every_architecture_can_be_looked_at_by_its_name() {
    for name in common::formula::architectures() {
        let (about, _) = common::formula::architecture(&name);
        let inspected = json(&["inspect", &name, "--json"]);
        let backbone = &inspected["backbone"];
        assert_eq!((&inspected["knownBy"], &backbone["architecture"]), (&"name".into(), &name.as_str().into()));
        assert_eq!(number(backbone, "parameters"), about.parameters as f64, "{name}");
        assert_eq!(number(backbone, "inputSize"), about.published.input_size as f64, "{name}");
        assert_eq!(number(backbone, "multiplications"), about.published.multiplications, "{name}");
        assert_eq!(number(backbone, "stages"), about.stages.len() as f64, "{name}");
        let layers = inspected["layers"].as_array().unwrap().len();
        assert!(layers > about.stages.len(), "{name}: {layers} layers");
    }
    // Weights are wanted for everything else.
    refused(&["train", text(&two_classes("name")), "--backbone", "resnet18", "--engine", "cpu"], "config.json");
}

#[test]
fn predictions_are_a_table() {
    let dir = two_classes("table");
    let (model, table) = (dir.join("model.zip"), dir.join("table.csv"));
    json(&["train", text(&dir), "--epochs", "2", "--engine", "cpu", "--out", text(&model), "--json"]);
    let odd = dir.join("=odd, “name”.png");
    fs::copy(dir.join("disc/000.png"), &odd).unwrap();
    let (first, stripes) = (dir.join("disc/000.png"), dir.join("stripes/001.png"));
    let images = [text(&first), text(&stripes)];
    let said =
        json(&["predict", text(&model), images[0], images[1], "--csv", text(&table), "--engine", "cpu", "--json"]);
    let mut reader = csv::Reader::from_path(&table).unwrap();
    assert_eq!(
        reader.headers().unwrap().iter().collect::<Vec<_>>(),
        ["file", "predicted class", "probability", "disc", "stripes"]
    );
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    for (row, image) in rows.iter().zip(said["images"].as_array().unwrap()) {
        let best = &image["predictions"][0];
        assert_eq!((&row[0], &row[1]), (image["image"].as_str().unwrap(), best["className"].as_str().unwrap()));
        assert_eq!(row[2], format!("{:.6}", best["probability"].as_f64().unwrap()));
        let shares: f64 = row.iter().skip(3).map(|share| share.parse::<f64>().unwrap()).sum();
        assert!((shares - 1.0).abs() < 1e-5);
    }
    // What a spreadsheet would compute is text.
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_headstart"))
        .current_dir(&dir)
        .args(["predict", "model.zip", "=odd, “name”.png", "--csv", "odd.csv", "--engine", "cpu"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let odd = fs::read_to_string(dir.join("odd.csv")).unwrap();
    assert!(odd.contains("\"'=odd, “name”.png\""), "{odd}");
    refused(&["predict", text(&model), images[0], "--csv", text(&dir.join("none/table.csv"))], "table.csv");
}

/// The example of the documentation, as cargo builds it beside the tests.
#[test]
fn the_example_trains_and_predicts() {
    let dir = two_classes("example");
    let example = std::env::current_exe().unwrap().parent().unwrap().join("../examples/folder");
    let output =
        std::process::Command::new(example).args([text(&dir), text(&dir.join("disc/000.png"))]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("% disc") && said.contains("% stripes"), "{said}");
}

#[test]
fn a_model_is_written_for_another_program() {
    let dir = two_classes("export");
    let model = dir.join("model.zip");
    json(&["train", text(&dir), "--epochs", "2", "--engine", "cpu", "--out", text(&model), "--json"]);
    // What ONNX Runtime makes of it is tested in the browser, what is in each zip in tests/exports.rs.
    let whole = json(&["export", text(&model), "--to", "onnx", "--bare", "--json"]);
    let file = dir.join("model.onnx");
    assert_eq!((whole["file"].as_str(), whole["format"].as_str()), (Some(text(&file)), Some("onnx")));
    assert_eq!(number(&whole, "bytes"), fs::metadata(&file).unwrap().len() as f64);
    let small = dir.join("small.onnx");
    let out = ["--bare", "--out", text(&small)];
    let eighth = json(&[&["export", text(&model), "--to", "onnx", "--weights", "int8", "--json"], &out[..]].concat());
    assert!(number(&eighth, "bytes") < 0.29 * number(&whole, "bytes"), "{eighth} {whole}");
    for format in ["onnx", "tfjs", "teachable-machine", "timm"] {
        let zip = json(&["export", text(&model), "--to", format, "--json"]);
        assert_eq!(zip["file"].as_str(), Some(text(&dir.join(format!("model-{format}.zip")))));
        assert!(
            common::unpack(&fs::read(dir.join(format!("model-{format}.zip"))).unwrap()).contains_key("golden.json")
        );
    }
    // For a person.
    let output = headstart(&["export", text(&model), "--to", "onnx", "--out", text(&small)]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("weights as f32") && said.contains("README.md"), "{said}");
    // A page is made of what the site's build left.
    let player = dir.join("player");
    refused(&["export", text(&model), "--to", "page", "--player", text(&player)], "./build.sh build");
    fs::create_dir(&player).unwrap();
    for name in ["index.html", "headstart_bg.wasm"] {
        fs::write(player.join(name), name).unwrap();
    }
    json(&["export", text(&model), "--to", "page", "--player", text(&player), "--json"]);
    let page = common::unpack(&fs::read(dir.join("model-page.zip")).unwrap());
    assert_eq!(page.keys().collect::<Vec<_>>(), ["README.md", "headstart_bg.wasm", "index.html", "model.zip"]);
    refused(&["export", text(&model), "--to", "timm", "--weights", "int8"], "8-bit");

    let before = fs::read(&model).unwrap();
    for same in [model.clone(), dir.join("./model.zip"), dir.join("disc/../model.zip")] {
        refused(&["export", text(&model), "--to", "onnx", "--out", text(&same)], "the model itself");
    }
    assert!(fs::read(&model).unwrap() == before);
    refused(&["export", text(&dir.join("disc/0.png")), "--to", "onnx"], "");
    refused(&["export", text(&model), "--to", "onnx", "--out", text(&dir.join("none/model.onnx"))], "none");
    let usage = headstart(&["export", text(&model), "--to", "coreml"]);
    assert_eq!(usage.status.code(), Some(1));
    assert!(String::from_utf8(usage.stderr).unwrap().contains("coreml"));
}
