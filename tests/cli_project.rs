//! Project files on the command line: written, read, trained on, and refused.

mod common;
mod drawing;
mod program;

use drawing::Kind;
use program::{draw, folder, headstart, json, number, refused, text, two_classes};
use serde_json::{Value, json as value};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Cursor, Read, Write};
use std::path::Path;
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

const QUICK: [&str; 8] = ["--epochs", "8", "--learning-rate", "0.01", "--seed", "3", "--engine", "cpu"];

/// A member of a zip.
fn member(file: &Path, name: &str) -> Vec<u8> {
    let mut zip = ZipArchive::new(File::open(file).unwrap()).unwrap();
    let mut bytes = Vec::new();
    zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn members(file: &Path) -> BTreeSet<String> {
    let zip = ZipArchive::new(File::open(file).unwrap()).unwrap();
    zip.file_names().map(|name| name.unwrap().into_owned()).collect()
}

/// The project's written form.
fn written(file: &Path) -> Value {
    serde_json::from_slice(&member(file, "project.json")).unwrap()
}

/// A report but for what depends on the moment.
fn figures(mut report: Value) -> Value {
    for field in ["seconds", "classIds"] {
        report.as_object_mut().unwrap().remove(field).unwrap();
    }
    report
}

#[test]
fn a_project_file_is_trained_on_as_the_folder_that_it_came_from() {
    let (dir, test) = (two_classes("project"), folder("project-test"));
    draw(&test, "disc", Kind::Disc, 100, 3);
    draw(&test, "stripes", Kind::Stripes, 100, 2);
    let (model, file) = (dir.join("model.zip"), dir.join("Two kinds.headstart"));
    let train = ["train", text(&dir), "--test", text(&test), "--json"];
    let made = json(&[&train[..], &QUICK, &["--out", text(&model), "--save", text(&file)]].concat());
    assert_eq!(made["images"], value!({"train": 12, "validation": 4, "test": 5}));

    // All of it is there, and the backbone that comes with Headstart is known by its name.
    let manifest: Value = serde_json::from_slice(&member(&file, "manifest.json")).unwrap();
    assert_eq!((&manifest["headstart_project_file"], &manifest["name"]), (&value!(1), &value!("Two kinds")));
    assert_eq!((&manifest["backbone"], &manifest["stale"]), (&value!(common::DEFAULT_NAME), &value!(false)));
    let pictures = manifest["pictures"].as_array().unwrap();
    assert_eq!(pictures.len(), 21);
    assert!(pictures.iter().any(|picture| {
        let path = picture["file"].as_str().unwrap();
        picture["name"] == "000.png" && member(&file, path) == fs::read(dir.join("disc/000.png")).unwrap()
    }));
    assert!(!members(&file).iter().any(|name| name.starts_with("backbone/")));

    // With its own settings: the same split, the same report, and the same again.
    let again = json(&["train", text(&file), "--engine", "cpu", "--json"]);
    assert_eq!(figures(again), figures(made.clone()));
    // What is typed takes the place of a setting, and only of that.
    let other = json(&["train", text(&file), "--epochs", "2", "--engine", "cpu", "--json"]);
    assert_eq!((number(&other, "epochsRun"), number(&other, "seed")), (2.0, 3.0));
    let other_file = dir.join("other.headstart");
    let typed = ["--no-flip", "--train-norms", "--flip", "--no-flip", "--epochs", "1"];
    json(&[&["train", text(&file), "--engine", "cpu", "--json", "--save", text(&other_file)], &typed[..]].concat());
    let settings = |file: &Path| written(file)["settings"].clone();
    let mut expected = settings(&file);
    for (field, set) in [("flip", value!(false)), ("trainNorms", value!(true)), ("epochs", value!(1.0))] {
        assert_ne!(expected[field], set);
        expected[field] = set;
    }
    assert_eq!(settings(&other_file), expected);
    let back = ["train", text(&other_file), "--engine", "cpu", "--json", "--save", text(&other_file), "--flip"];
    json(&[&back[..], &["--no-train-norms", "--epochs", "8"]].concat());
    assert_eq!(settings(&other_file), settings(&file));

    // It stands for its model wherever one is wanted.
    let disc = test.join("disc/100.png");
    let predict = |file: &Path| json(&["predict", text(file), text(&disc), "--engine", "cpu", "--json"]);
    assert_eq!(predict(&file), predict(&model));
    let evaluate = |file: &Path| json(&["evaluate", text(file), text(&test), "--engine", "cpu", "--json"]);
    assert_eq!(evaluate(&file), evaluate(&model));
    let own = json(&["evaluate", text(&file), "--engine", "cpu", "--json"]);
    assert_eq!((&own["part"], &own["images"]), (&value!("test"), &value!(5)));
    assert_eq!(own["confusionMatrix"], made["confusionMatrix"]);
    refused(&["evaluate", text(&model), "--engine", "cpu"], "model.zip");
    let inspected = json(&["inspect", text(&file), "--json"]);
    assert_eq!(inspected["totalParameters"], made["totalParameters"]);
    let classes = value!([{"name": "disc", "images": 8, "test": 3}, {"name": "stripes", "images": 8, "test": 2}]);
    assert_eq!(inspected["project"], value!({"name": "Two kinds", "trained": true, "classes": classes}));
    let from = ["train", text(&dir), "--from", text(&file), "--epochs", "1", "--engine", "cpu", "--json"];
    assert_eq!(json(&from)["warnings"][0]["code"], "held_out_may_have_trained");
}

#[test]
fn a_project_goes_on_from_its_model_and_keeps_what_was_held_out() {
    let dir = two_classes("further");
    let (file, next) = (dir.join("a.headstart"), dir.join("b.headstart"));
    json(&[&["train", text(&dir), "--json", "--save", text(&file)], &QUICK[..]].concat());
    let own = json(&["evaluate", text(&file), "--engine", "cpu", "--json"]);
    assert_eq!((&own["part"], &own["images"]), (&value!("validation"), &value!(4)));
    // Another seed would hold others out, but what has trained the model is never held out from it.
    let further = ["train", text(&file), "--further", "--seed", "9", "--engine", "cpu", "--json"];
    let report = json(&[&further[..], &["--epochs", "1", "--save", text(&next)]].concat());
    assert!(report["warnings"].as_array().unwrap().is_empty(), "it is known what has trained: {report}");
    let held_out = |file: &Path| written(file)["model"]["held_out"].clone();
    assert_eq!(held_out(&file), held_out(&next));
    assert_eq!(written(&next)["runs"].as_array().unwrap().len(), 2);
    // Anew it is another split.
    json(&["train", text(&file), "--seed", "9", "--epochs", "1", "--engine", "cpu", "--json", "--save", text(&next)]);
    assert_ne!(held_out(&file), held_out(&next));
    // Over itself.
    let before = member(&file, "manifest.json");
    json(&["train", text(&file), "--epochs", "1", "--engine", "cpu", "--json", "--save", text(&file)]);
    assert_ne!(member(&file, "manifest.json"), before);
    assert_eq!(written(&file)["settings"]["warmStart"], false);
    let pictures = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap()["pictures"].clone();
    assert_eq!(pictures(&member(&file, "manifest.json")), pictures(&before));
    assert!(
        !fs::read_dir(&dir).unwrap().any(|entry| text(&entry.unwrap().path()).ends_with("part")),
        "nothing is left"
    );
    refused(&["train", text(&dir), "--further", "--engine", "cpu"], "--further");
}

#[test]
fn another_backbone_travels_with_the_project() {
    let dir = two_classes("travels");
    let (backbone, file) = (dir.join("backbones/small"), dir.join("p.headstart"));
    fs::create_dir_all(&backbone).unwrap();
    fs::copy(common::project(common::DEFAULT).join("model.safetensors"), backbone.join("model.safetensors")).unwrap();
    fs::write(backbone.join("config.json"), common::card(64).to_string()).unwrap();
    // The folder of backbones is none of a class.
    let only = folder("travels-only");
    for class in ["disc", "stripes"] {
        fs::rename(dir.join(class), only.join(class)).unwrap();
    }
    let train = ["train", text(&only), "--json", "--backbone", text(&backbone), "--save", text(&file)];
    let made = json(&[&train[..], &QUICK].concat());
    assert!(members(&file).contains("backbone/model.safetensors") && members(&file).contains("backbone/config.json"));
    fs::remove_dir_all(&backbone).unwrap();
    let next = dir.join("q.headstart");
    let again = json(&["train", text(&file), "--engine", "cpu", "--json", "--save", text(&next)]);
    assert_eq!(figures(again), figures(made));
    assert_eq!(member(&next, "backbone/model.safetensors"), member(&file, "backbone/model.safetensors"));
    // Another one in its place: the pictures are prepared for it.
    let bundled = ["train", text(&file), "--backbone", common::DEFAULT_NAME, "--engine", "cpu", "--json"];
    let report = json(&[&bundled[..], &["--save", text(&next)]].concat());
    assert_eq!(report["images"], value!({"train": 12, "validation": 4, "test": 0}));
    assert!(!members(&next).contains("backbone/model.safetensors"));
    assert_eq!(written(&next)["preparation"]["size"], 128);
}

#[test]
fn recordings_of_a_table_stay_together() {
    let dir = two_classes("groups");
    let table = dir.join("groups.csv");
    let mut text_of = String::from("path,label,group\n");
    for class in ["disc", "stripes"] {
        // Four recordings of two pictures each.
        (0..8).for_each(|n| text_of += &format!("{class}/{n:03}.png,{class},{class} {}\n", n / 2));
    }
    fs::write(&table, &text_of).unwrap();
    let file = dir.join("p.headstart");
    for seed in ["0", "1", "2"] {
        let train = ["train", text(&dir), "--groups", text(&table), "--epochs", "1", "--seed", seed, "--engine", "cpu"];
        let output = headstart(&[&train[..], &["--save", text(&file)]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("Groups: 16 of 16 pictures in 8"), "{stderr}");
        let project = written(&file);
        let samples = project["dataset"]["samples"].as_object().unwrap();
        let held_out: BTreeSet<String> =
            project["model"]["held_out"].as_array().unwrap().iter().map(|picture| picture["id"].to_string()).collect();
        assert_eq!(held_out.len(), 4);
        let groups = |held: bool| -> BTreeSet<&str> {
            let of = samples.iter().filter(|(id, _)| held_out.contains(*id) == held);
            of.map(|(_, sample)| sample["group"].as_str().unwrap()).collect()
        };
        assert!(groups(true).is_disjoint(&groups(false)), "seed {seed}: {held_out:?}");
    }
    // The file says it to whoever opens it.
    let manifest: Value = serde_json::from_slice(&member(&file, "manifest.json")).unwrap();
    assert_eq!(manifest["pictures"][0]["group"], "disc 0");

    fs::write(&table, "path,label\ndisc/000.png,disc\n").unwrap();
    refused(&["train", text(&dir), "--groups", text(&table), "--engine", "cpu"], "path, label");
    fs::write(&table, "path,group\nnone.png,a\n").unwrap();
    refused(&["train", text(&dir), "--groups", text(&table), "--engine", "cpu"], "none of the pictures");
    refused(&["train", text(&dir), "--groups", text(&dir.join("no.csv")), "--engine", "cpu"], "no.csv");
    refused(&["train", text(&file), "--groups", text(&table), "--engine", "cpu"], "--groups");
}

/// The file with some of its members changed.
fn changed(file: &Path, change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for name in members(file) {
        if let Some(bytes) = change(&name, member(file, &name)) {
            zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
            zip.write_all(&bytes).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_bad_project_file_is_refused_and_nothing_is_written() {
    let dir = two_classes("bad");
    let (good, bad, out, save) =
        (dir.join("good.headstart"), dir.join("bad.headstart"), dir.join("out.zip"), dir.join("save.headstart"));
    json(&["train", text(&dir), "--epochs", "1", "--engine", "cpu", "--json", "--save", text(&good)]);
    let manifest = |from: &'static str, to: &'static str| {
        move |name: &str, bytes: Vec<u8>| match name {
            "manifest.json" => Some(String::from_utf8(bytes).unwrap().replacen(from, to, 1).into_bytes()),
            _ => Some(bytes),
        }
    };
    let whole = fs::read(&good).unwrap();
    let bads: Vec<(Vec<u8>, &str)> = vec![
        (b"no zip".into(), "no zip"),
        // Not even where a whole zip, its model, is left in what was cut off.
        (whole[..whole.len() - 100].into(), "no zip, or it is damaged"),
        (changed(&good, manifest("\"headstart_project_file\":1", "\"headstart_project_file\":99")), "version 99"),
        (changed(&good, manifest("\"stale\"", "\"stole\"")), "stale"),
        (changed(&good, |name, bytes| (name != "project.json").then_some(bytes)), "project.json"),
        (changed(&good, |name, bytes| (name != "pictures/3.png").then_some(bytes)), "pictures/3.png"),
        (
            changed(&good, |name, mut bytes| {
                if name == "pictures/3.png" {
                    bytes[200] ^= 1;
                }
                Some(bytes)
            }),
            "“pictures/3.png” was changed",
        ),
        (changed(&good, manifest("\"id\":3,", "\"id\":999,")), "picture number 3"),
    ];
    for (bytes, part) in bads {
        fs::write(&bad, bytes).unwrap();
        refused(
            &["train", text(&bad), "--epochs", "1", "--engine", "cpu", "--out", text(&out), "--save", text(&save)],
            part,
        );
        assert!(!out.exists() && !save.exists(), "{part}: nothing is written");
    }
    // A model is missing where one is wanted, not where one is made.
    let settings = ["--epochs", "1", "--engine", "cpu"];
    let strip = |name: &str, bytes: Vec<u8>| match name {
        "model.zip" => None,
        "manifest.json" => {
            let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
            manifest["members"].as_object_mut().unwrap().remove("model.zip");
            Some(manifest.to_string().into_bytes())
        }
        _ => Some(bytes),
    };
    fs::write(&bad, changed(&good, strip)).unwrap();
    refused(&["predict", text(&bad), text(&dir.join("disc/000.png")), "--engine", "cpu"], "no trained model");
    refused(&[&["train", text(&bad)], &settings[..]].concat(), "model is missing");
    // What cannot be written is told before the training, or leaves what was there.
    refused(&["train", text(&good), "--save", text(&dir.join("none/p.headstart")), "--engine", "cpu"], "none");
    refused(&["train", text(&good), "--learning-rate", "0", "--save", text(&save), "--engine", "cpu"], "learningRate");
    refused(&["train", text(&good), "--head", "tree", "--save", text(&good), "--engine", "cpu"], "tree");
    assert_eq!(fs::read(&good).unwrap(), whole);
}

/// A picture of a kind that only browsers decode is named, takes no part and is kept.
#[test]
fn what_cannot_be_decoded_here_is_kept() {
    let dir = two_classes("kept");
    let (file, next) = (dir.join("a.headstart"), dir.join("b.headstart"));
    json(&["train", text(&dir), "--epochs", "1", "--engine", "cpu", "--json", "--save", text(&file)]);
    let foreign = b"\0\0\0\x1cftypavif".to_vec();
    let hash = headstart::identity::sha256(&foreign);
    let with_foreign = changed(&file, |name, bytes| match name {
        "pictures/3.png" => Some(foreign.clone()),
        "manifest.json" => {
            let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
            manifest["members"]["pictures/3.png"] = value!({"bytes": foreign.len(), "sha256": hash});
            manifest["pictures"][3]["name"] = value!("moon.avif");
            Some(manifest.to_string().into_bytes())
        }
        _ => Some(bytes),
    });
    fs::write(&file, with_foreign).unwrap();
    let output = headstart(&["train", text(&file), "--engine", "cpu", "--json", "--save", text(&next)]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("Left out: “moon.avif”"));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["images"], value!({"train": 12, "validation": 3, "test": 0}));
    assert_eq!(member(&next, "pictures/3.avif"), foreign);
}
