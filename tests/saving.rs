//! Saved models: what comes back from a file, and files that are none.

mod common;
mod drawing;

use common::{default_backbone, unpack};
use drawing::{Kind, easy, open, probabilities, train};
use headstart::Project;
use headstart::backbone::{Backbone, Reference, WeightStorage};
use headstart::bundle::{self, SavedBackbone};
use headstart::report::TrainReport;
use headstart::train::{Phase, TrainConfig};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

const ENTRIES: [&str; 4] = ["config.json", "model.safetensors", "preprocessor_config.json", "report.json"];

fn trained(head: &str) -> Project {
    let mut project = easy(default_backbone());
    train(&mut project, &TrainConfig { head: head.into(), epochs: 5.0, learning_rate: 0.01, ..TrainConfig::default() });
    project
}

fn pack(entries: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in entries {
        zip.start_file(name.as_str(), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn json(report: Option<&TrainReport>) -> Value {
    serde_json::to_value(report.expect("a report")).unwrap()
}

/// Numbers of classes mean something in their own project only, and stay there.
fn without_ids(mut report: Value) -> Value {
    assert!(report.as_object_mut().unwrap().remove("classIds").is_some_and(|ids| ids.as_array().unwrap().len() == 2));
    report
}

/// A report with the names of fields as earlier versions wrote them: `train_loss`, not `trainLoss`.
fn in_snake_case(report: &Value) -> Value {
    let snake = |name: &str| {
        let spelled = name.chars().flat_map(|letter| {
            let underscore = letter.is_uppercase().then_some('_');
            underscore.into_iter().chain(letter.to_lowercase())
        });
        spelled.collect::<String>()
    };
    let fields = report.as_object().unwrap();
    Value::Object(fields.iter().map(|(name, value)| (snake(name), value.clone())).collect())
}

/// Opens a model as the version before wrote it, with this report.
fn opened_with(entries: &BTreeMap<String, Vec<u8>>, report: &Value) -> headstart::Project {
    let mut entries = entries.clone();
    let mut config: Value = serde_json::from_slice(&entries["config.json"]).unwrap();
    assert_eq!(std::mem::replace(&mut config["headstart_version"], 1.into()), 2);
    entries.insert("config.json".into(), serde_json::to_vec(&config).unwrap());
    entries.insert("report.json".into(), serde_json::to_vec(report).unwrap());
    let mut project = open(default_backbone());
    project.load(&pack(&entries)).unwrap();
    project
}

/// Earlier reports name their fields otherwise, and those from before there was fine-tuning lack the phase.
#[test]
fn a_model_with_an_older_report_opens() {
    let entries = unpack(&trained("linear").save().unwrap());
    let report: Value = serde_json::from_slice(&entries["report.json"]).unwrap();
    let mut older = in_snake_case(&report);
    assert!(older.get("train_loss").is_some() && older.get("trainLoss").is_none());
    let kept = json(opened_with(&entries, &older).report());
    alike(&without_ids(kept), &report);
    let fields = older.as_object_mut().unwrap();
    assert!(fields.remove("phase").is_some() && fields.remove("head_epochs").is_some());
    assert_eq!(json(opened_with(&entries, &older).report())["phase"], "head");
}

/// Earlier versions wrote a loss that was no number as null, and could not read it again.
#[test]
fn a_model_whose_report_lost_a_number_opens_without_it() {
    let entries = unpack(&trained("linear").save().unwrap());
    let mut report = in_snake_case(&serde_json::from_slice(&entries["report.json"]).unwrap());
    report["train_loss"] = Value::Null;
    let project = opened_with(&entries, &report);
    assert!(project.report().is_none() && project.classifier().is_some());
}

/// The same but for the last digit of a number, which reading JSON may cost.
fn alike(a: &Value, b: &Value) {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            assert_eq!(x.keys().collect::<Vec<_>>(), y.keys().collect::<Vec<_>>());
            x.values().zip(y.values()).for_each(|(a, b)| alike(a, b));
        }
        (Value::Array(x), Value::Array(y)) => {
            assert_eq!(x.len(), y.len());
            x.iter().zip(y).for_each(|(a, b)| alike(a, b));
        }
        (Value::Number(x), Value::Number(y)) => {
            let (x, y) = (x.as_f64().unwrap(), y.as_f64().unwrap());
            assert!((x - y).abs() <= 1e-14 * x.abs(), "{x} became {y}");
        }
        _ => assert_eq!(a, b),
    }
}

#[test]
fn a_saved_model_predicts_the_same_elsewhere() {
    for head in ["linear", "mlp:24"] {
        let mut project = trained(head);
        let file = project.save().unwrap();
        let mut other = open(default_backbone());
        other.load(&file).unwrap();
        alike(&without_ids(json(project.report())), &without_ids(json(other.report())));
        for (kind, number) in [(Kind::Disc, 50), (Kind::Stripes, 51), (Kind::Noise, 52)] {
            let (a, b) = (probabilities(&mut project, kind, number), probabilities(&mut other, kind, number));
            for (a, b) in a.iter().zip(&b) {
                assert_eq!(a.0, b.0);
                assert!((a.1 - b.1).abs() < 1e-6, "{head}: {} became {}", a.1, b.1);
            }
        }
        assert!(other.classes().is_empty(), "a model brings no pictures");
        let (mut first, mut again) = (unpack(&file), unpack(&other.save().unwrap()));
        let reports = [&mut first, &mut again].map(|file| file.remove("report.json").expect("a report"));
        let [a, b] = reports.map(|report| serde_json::from_slice::<Value>(&report).unwrap());
        alike(&a, &b);
        assert_eq!(first, again, "{head}: saving it again gives the same file");
    }
}

#[test]
fn other_programs_can_read_it() {
    let entries = unpack(&trained("linear").save().unwrap());
    assert_eq!(entries.keys().collect::<Vec<_>>(), ENTRIES);
    let json = |name: &str| serde_json::from_slice::<Value>(&entries[name]).unwrap();
    let config = json("config.json");
    assert_eq!(config["id2label"]["0"], "disc");
    assert_eq!(config["label2id"]["stripes"], 1);
    assert_eq!(config["architecture"], "mobilenetv2_075");
    assert_eq!(config["pretrained_cfg"]["input_size"], serde_json::json!([3, 64, 64]));
    assert_eq!(json("preprocessor_config.json")["size"], serde_json::json!({"height": 64, "width": 64}));
    assert_eq!(json("report.json")["classes"], serde_json::json!(["disc", "stripes"]));
    let tensors = safetensors::SafeTensors::deserialize(&entries["model.safetensors"]).unwrap();
    assert_eq!(tensors.tensor("head.0.weight").unwrap().shape(), [2, 1280], "[outputs, inputs]");
    assert_eq!(tensors.tensor("features.0.0.weight").unwrap().shape(), [STEM, 3, 3, 3]);
}

/// Every file is refused with a reason, and the model that there was still predicts.
#[test]
fn files_that_are_no_model_are_refused() {
    let mut project = trained("mlp:8");
    let before = probabilities(&mut project, Kind::Disc, 60);
    let report = project.report().cloned();
    let good = project.save().unwrap();
    let entries = unpack(&good);
    let with = |name: &str, bytes: Vec<u8>| {
        let mut entries = entries.clone();
        entries.insert(name.into(), bytes);
        pack(&entries)
    };
    let text = |name: &str| String::from_utf8(entries[name].clone()).unwrap();
    let edited = |name: &str, from: &str, to: &str| {
        assert!(text(name).contains(from), "{name} holds {from}");
        with(name, text(name).replace(from, to).into_bytes())
    };
    let mut bad: Vec<(String, Vec<u8>)> = vec![
        ("no byte".into(), Vec::new()),
        ("text".into(), b"This is a line of text and no model.\n".to_vec()),
        ("a weights file".into(), entries["model.safetensors"].clone()),
        ("an empty zip".into(), pack(&BTreeMap::new())),
        ("weights that are text".into(), with("model.safetensors", b"text".to_vec())),
        ("weights that end early".into(), with("model.safetensors", entries["model.safetensors"][..90_000].to_vec())),
        ("a config that is text".into(), with("config.json", b"text".to_vec())),
        ("a report that is text".into(), with("report.json", b"text".to_vec())),
        ("a later version".into(), edited("config.json", "\"headstart_version\": 2", "\"headstart_version\": 3")),
        ("a label too many".into(), edited("config.json", "\"id2label\": {", "\"id2label\": {\"7\": \"x\", ")),
    ];
    for name in ["config.json", "model.safetensors"] {
        let mut entries = entries.clone();
        entries.remove(name);
        bad.push((format!("no {name}"), pack(&entries)));
    }
    for part in [1, 2, 3] {
        bad.push((format!("{part} quarters of the file"), good[..good.len() * part / 4].to_vec()));
    }
    // A flipped bit inside an entry, which its checksum shows. Entries are stored, so their bytes are in the file.
    let stored = pack(&entries);
    for name in ["config.json", "model.safetensors", "report.json"] {
        let content = &entries[name];
        let at = stored.windows(content.len().min(64)).position(|window| window == &content[..content.len().min(64)]);
        let mut broken = stored.clone();
        broken[at.expect("the entry is in the file") + content.len() / 2] ^= 1;
        bad.push((format!("a flipped bit in {name}"), broken));
    }
    for (what, file) in bad {
        let error = project.load(&file).expect_err(&what);
        assert_eq!(error.code(), "model_file_invalid", "{what}: {error}");
        assert_eq!(probabilities(&mut project, Kind::Disc, 60), before, "{what}: the old model stays");
        assert_eq!(project.report().cloned(), report, "{what}: and its report");
    }
    project.load(&stored).expect("the same entries packed again are a model");
}

#[test]
fn a_zip_bomb_is_refused() {
    let mut project = trained("linear");
    let before = probabilities(&mut project, Kind::Disc, 60);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    zip.start_file("config.json", options).unwrap();
    let megabyte = vec![b' '; 1 << 20];
    (0..300).for_each(|_| zip.write_all(&megabyte).unwrap());
    let file = zip.finish().unwrap().into_inner();
    assert!(file.len() < 4 << 20, "300 MB are packed into {} bytes", file.len());
    let error = project.load(&file).unwrap_err();
    assert_eq!(error.code(), "model_file_invalid");
    assert!(error.to_string().contains("larger"), "{error}");
    assert_eq!(probabilities(&mut project, Kind::Disc, 60), before);
}

/// Channels of the default backbone's stem.
const STEM: usize = 24;

/// The default backbone under the name that others find it by.
fn named() -> Backbone {
    default_backbone().named("a-name")
}

fn backbone_of(file: &[u8]) -> Value {
    serde_json::from_slice::<Value>(&unpack(file)["config.json"]).unwrap()["backbone"].clone()
}

fn tensors(file: &[u8]) -> Vec<String> {
    let bytes = &unpack(file)["model.safetensors"];
    let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
    file.names().into_iter().map(String::from).collect()
}

/// A model with the head alone, and one with the last stage fine-tuned.
fn trained_on(backbone: Backbone, fine_tune: &str) -> Project {
    let mut project = easy(backbone);
    let config = TrainConfig {
        fine_tune: fine_tune.into(),
        epochs: 4.0,
        fine_tune_epochs: 4.0,
        batch_size: 8.0,
        learning_rate: 0.003,
        label_smoothing: 0.0,
        monitor: "loss".into(),
        ..TrainConfig::default()
    };
    train(&mut project, &config);
    let tuned = project.report().is_some_and(|report| report.phase == Phase::FineTune);
    assert_eq!(tuned, fine_tune != "none", "fine-tuning got better");
    project
}

#[test]
fn a_model_saved_by_reference_is_the_same_model() {
    for (fine_tune, own) in [("none", 0), ("last:1", 1)] {
        let mut project = trained_on(named(), fine_tune);
        let (whole, small) = (project.save().unwrap(), project.save_as(SavedBackbone::Reference).unwrap());
        // Of the bundled backbone's 1.4 MB the last convolution, which "last:1" trains, is a quarter.
        assert!(small.len() + 1_000_000 < whole.len(), "{} of {} bytes", small.len(), whole.len());
        let of_backbone: Vec<String> = tensors(&small).into_iter().filter(|name| !name.starts_with("head.")).collect();
        assert_eq!(of_backbone.len(), own, "{fine_tune}: {of_backbone:?}");
        let hash = named().content().to_string();
        for (file, saved) in [(&whole, "whole"), (&small, "reference")] {
            assert_eq!(backbone_of(file), serde_json::json!({"name": "a-name", "hash": hash, "saved": saved}));
        }
        let asked = std::cell::RefCell::new(String::new());
        let find = |reference: &Reference| {
            asked.replace(reference.name.clone());
            Some(default_backbone())
        };
        let saved = bundle::load_with(&small, find).unwrap();
        assert_eq!(*asked.borrow(), "a-name");
        assert_eq!(saved.backbone, *project.classifier().unwrap().backbone, "{fine_tune}");
        // A session on that backbone needs nothing else, and saves what it loaded in either form.
        let mut other = open(default_backbone());
        other.load(&small).unwrap();
        assert_eq!(probabilities(&mut other, Kind::Disc, 70), probabilities(&mut project, Kind::Disc, 70));
        assert_eq!(
            unpack(&other.save_as(SavedBackbone::Reference).unwrap())["model.safetensors"],
            unpack(&small)["model.safetensors"]
        );
        assert_eq!(unpack(&other.save().unwrap())["model.safetensors"], unpack(&whole)["model.safetensors"]);
    }
}

#[test]
fn a_model_without_its_backbone_says_what_it_needs() {
    let project = trained_on(named(), "last:1");
    let small = project.save_as(SavedBackbone::Reference).unwrap();
    let error = bundle::load(&small).unwrap_err();
    assert_eq!((error.code(), error.value()), ("model_needs_backbone", Some("a-name".into())));
    // The name is there, and what it names is another backbone: other values, or other preparation.
    let other = default_backbone().with_trained([("features.0.1.bias".into(), vec![0.5; STEM])]);
    let card = default_backbone().config().unwrap();
    let prepared = Backbone::parse(&card.replace("bilinear", "bicubic"), &default_backbone().to_safetensors().unwrap());
    for changed in [other.unwrap(), prepared.unwrap()] {
        assert_ne!(changed.content(), default_backbone().content());
        let error = bundle::load_with(&small, |_| Some(changed)).unwrap_err();
        assert_eq!((error.code(), error.value()), ("model_backbone_changed", Some("a-name".into())));
    }
    // A stored form of the same values is the same backbone.
    let again = default_backbone().stored_as(WeightStorage::F32).unwrap();
    assert!(bundle::load_with(&small, |_| Some(again)).is_ok());
    // Damaged files: a name that leads elsewhere, a tensor that the backbone has not, or of another shape.
    let entries = unpack(&small);
    let with = |name: &str, bytes: Vec<u8>| {
        let mut entries = entries.clone();
        entries.insert(name.into(), bytes);
        bundle::load_with(&pack(&entries), |_| Some(default_backbone())).unwrap_err().code()
    };
    for name in ["../elsewhere", "", ".", "a/b", "a\\\\b"] {
        let config = String::from_utf8(entries["config.json"].clone()).unwrap();
        let config = config.replace("\"name\": \"a-name\"", &format!("\"name\": \"{name}\""));
        assert_eq!(with("config.json", config.into_bytes()), "model_file_invalid", "{name}");
    }
    let weights = |name: &str, shape: Vec<usize>| {
        let file = safetensors::SafeTensors::deserialize(&entries["model.safetensors"]).unwrap();
        let bytes = vec![0; 4 * shape.iter().product::<usize>()];
        let mine = TensorView::new(Dtype::F32, shape, &bytes).unwrap();
        let tensors = file.iter().filter(|(other, _)| *other != name).chain([(name, mine)]);
        safetensors::serialize(tensors, None).unwrap()
    };
    assert_eq!(with("model.safetensors", weights("features.99.weight", vec![1])), "backbone_tensor_unknown");
    assert_eq!(with("model.safetensors", weights("features.18.0.weight", vec![7])), "backbone_tensor_shape");
}

/// Of a backbone without a name nobody could find the rest.
#[test]
fn only_what_has_a_name_can_be_left_out() {
    let project = trained_on(default_backbone(), "none");
    let error = project.save_as(SavedBackbone::Reference).unwrap_err();
    assert_eq!((error.code(), error.value()), ("model_backbone_unnamed", None));
    assert!(backbone_of(&project.save().unwrap()).is_null());
    // A session on the backbone that a fine-tuned model came from finds what was changed in it; another one does not.
    let tuned = trained_on(named(), "last:1").save().unwrap();
    let mut own = open(default_backbone());
    own.load(&tuned).unwrap();
    assert!(tensors(&own.save_as(SavedBackbone::Reference).unwrap()).contains(&"features.18.0.weight".into()));
    let other = default_backbone().with_trained([("features.0.1.bias".into(), vec![0.5; STEM])]).unwrap();
    let mut other = open(other);
    other.load(&tuned).unwrap();
    assert_eq!(other.save_as(SavedBackbone::Reference).unwrap_err().code(), "model_backbone_unnamed");
    assert_eq!(backbone_of(&other.save().unwrap()), backbone_of(&tuned), "but it still says where it came from");
    other.load(&trained_on(named(), "none").save().unwrap()).unwrap();
    assert!(other.save_as(SavedBackbone::Reference).is_ok(), "an untouched one is known by its content");
}
