//! Exports: what is in each, what is refused, and that golden pictures are what the model says. What the programs say that they
//! are for is tested in the browser (`api-export`) and by `./build.sh bench exports`.

mod common;
mod drawing;

use common::{bundled_backbone, default_backbone, project, reference, unpack};
use drawing::{easy, train};
use headstart::backbone::{Backbone, WeightStorage};
use headstart::classifier::{Model, ModelClass};
use headstart::export::{ExportFormat, ExportOptions, export};
use headstart::head::{Head, HeadKind};
use headstart::predictor::Predictor;
use headstart::train::TrainConfig;
use headstart::{Error, Project};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use safetensors::SafeTensors;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

fn trained(head: &str) -> Project {
    let mut project = easy(default_backbone());
    train(&mut project, &TrainConfig { head: head.into(), epochs: 3.0, learning_rate: 0.01, ..TrainConfig::default() });
    project
}

fn head_for(backbone: &Backbone, kind: HeadKind, classes: usize) -> Head {
    Head::fresh(kind, backbone.card().num_features, classes, &mut ChaCha8Rng::seed_from_u64(3))
}

fn labels() -> Vec<ModelClass> {
    ["a", "b", "c"].map(ModelClass::named).into()
}

fn files(project: &Project, format: ExportFormat, options: &ExportOptions) -> BTreeMap<String, Vec<u8>> {
    let exported = project.export(format, options).unwrap();
    assert_eq!(exported.extension, "zip");
    unpack(&exported.bytes)
}

fn json(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Value {
    serde_json::from_slice(&files[name]).unwrap()
}

fn player() -> Vec<(String, Vec<u8>)> {
    let manifest = br#"{"name":"Headstart","short_name":"Headstart","display":"standalone"}"#;
    let worker = b"const version = 'as built';";
    [
        ("index.html", b"<p>".as_slice()),
        ("headstart_bg.wasm", b"\0asm"),
        ("manifest.webmanifest", manifest),
        ("sw.js", worker),
    ]
    .map(|(name, bytes)| (name.to_string(), bytes.to_vec()))
    .into()
}

const OWN: [(ExportFormat, &[&str]); 5] = [
    (ExportFormat::Onnx, &["model.onnx"]),
    (ExportFormat::Tfjs, &["model.json", "weights.bin"]),
    (ExportFormat::TeachableMachine, &["metadata.json", "model.json", "weights.bin"]),
    (ExportFormat::Timm, &["config.json", "model.safetensors", "preprocessor_config.json"]),
    (ExportFormat::Page, &["headstart_bg.wasm", "index.html", "manifest.webmanifest", "model.zip", "sw.js"]),
];

#[test]
fn each_comes_with_its_readme_and_golden_pictures_or_bare() {
    let project = trained("linear");
    for (format, own) in OWN {
        let options = ExportOptions { name: "Cats *and* dogs".into(), page: player(), ..ExportOptions::default() };
        let all = files(&project, format, &options);
        let readme = String::from_utf8(all["README.md"].clone()).unwrap();
        assert!(readme.starts_with("# Cats \\*and\\* dogs"), "{readme}");
        assert!(!readme.contains("{{"), "{readme}");
        assert!(readme.ends_with("- disc\n- stripes\n") || readme.ends_with("- disc\n- stripes"), "{readme}");
        let mut expected: BTreeSet<&str> = own.iter().copied().chain(["README.md"]).collect();
        if format != ExportFormat::Page {
            expected.extend([
                "golden.json",
                "golden/1.png",
                "golden/2.png",
                "golden/3.png",
                "golden/4.png",
                "golden/5.png",
            ]);
            let verify: Vec<&str> = all.keys().map(String::as_str).filter(|name| name.starts_with("verify.")).collect();
            assert!(!verify.is_empty() && verify.iter().all(|name| readme.contains(name)), "{verify:?}");
            expected.extend(verify);
        }
        assert_eq!(all.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected, "{}", format.name());

        let bare = project.export(format, &ExportOptions { bare: true, ..options }).unwrap();
        if format == ExportFormat::Onnx {
            assert_eq!(bare.extension, "onnx");
            assert!(bare.bytes == all["model.onnx"]);
        } else {
            let names: Vec<String> = unpack(&bare.bytes).into_keys().collect();
            assert_eq!(names, own, "{}", format.name());
        }
    }
}

#[test]
fn golden_pictures_have_the_probabilities_that_the_model_gives() {
    for head in ["linear", "conv:16"] {
        let mut project = trained(head);
        let files = files(&project, ExportFormat::Onnx, &ExportOptions::default());
        let golden = json(&files, "golden.json");
        let mut seen = BTreeSet::new();
        for picture in golden["pictures"].as_array().unwrap() {
            let pixels = image::load_from_memory(&files[picture["file"].as_str().unwrap()]).unwrap().into_rgba8();
            let (width, height) = (pixels.width(), pixels.height());
            let said = pollster::block_on(project.predict(&pixels, width, height)).unwrap();
            for (class, probability) in
                golden["classes"].as_array().unwrap().iter().zip(picture["probabilities"].as_array().unwrap())
            {
                let own = said.iter().find(|one| class == one.class_name.as_str()).unwrap();
                // To the bit: both are the kernels of the CPU.
                assert_eq!(own.probability, probability.as_f64().unwrap(), "{head}");
            }
            seen.insert(picture["probabilities"].to_string());
        }
        assert_eq!(seen.len(), 5, "{head}");
    }
}

#[test]
fn a_page_has_the_model_that_was_trained_and_its_name() {
    let mut project = trained("mlp:8");
    let options = ExportOptions { name: "Birds".into(), page: player(), ..ExportOptions::default() };
    let page = files(&project, ExportFormat::Page, &options);
    let manifest = json(&page, "manifest.webmanifest");
    assert_eq!(
        (&manifest["name"], &manifest["short_name"], &manifest["display"]),
        (&"Birds".into(), &"Birds".into(), &"standalone".into())
    );
    let predictor = Predictor::load(&page["model.zip"]).unwrap();
    assert_eq!(predictor.about().input_size, 64);
    let rgba: Vec<u8> = (0..90 * 70).flat_map(|at: u32| [(at % 251) as u8, (at / 90) as u8, 7, 255]).collect();
    let said = pollster::block_on(project.predict(&rgba, 90, 70)).unwrap();
    let there = predictor.predict(&rgba, 90, 70).unwrap();
    let plain = |all: &[headstart::classifier::Prediction]| {
        all.iter().map(|one| (one.class_name.clone(), one.probability)).collect::<Vec<_>>()
    };
    assert_eq!(plain(&there), plain(&said));
    // Each export is a version of its own to its service worker.
    let version = |page: &BTreeMap<String, Vec<u8>>| String::from_utf8(page["sw.js"].clone()).unwrap();
    assert!(
        version(&page).starts_with("const version = '") && !version(&page).contains("as built"),
        "{}",
        version(&page)
    );
    let other = files(&trained("linear"), ExportFormat::Page, &options);
    assert_ne!(version(&other), version(&page));
    assert_eq!(version(&files(&project, ExportFormat::Page, &options)), version(&page));
    // Of fewer bits where that is asked for.
    let mut tuned = easy(default_backbone());
    train(
        &mut tuned,
        &TrainConfig {
            fine_tune: "last:1".into(),
            epochs: 2.0,
            fine_tune_epochs: 1.0,
            validation: 0.0,
            ..TrainConfig::default()
        },
    );
    let of =
        |weights| files(&tuned, ExportFormat::Page, &ExportOptions { weights, ..options.clone() })["model.zip"].len();
    assert!(of(WeightStorage::Int8) < of(WeightStorage::F32), "what was fine-tuned is of 32 bits");

    let missing = project.export(ExportFormat::Page, &ExportOptions { page: Vec::new(), ..options }).unwrap_err();
    assert_eq!((missing.code(), missing.value().as_deref()), ("export_unsupported", Some("page")));
}

#[test]
fn what_a_format_cannot_write_is_refused_with_the_reason() {
    let refused = |head: &str, format: ExportFormat, weights: WeightStorage, reason: &str| {
        let error = trained(head).export(format, &ExportOptions { weights, ..ExportOptions::default() }).unwrap_err();
        assert!(matches!(error, Error::ExportUnsupported { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    };
    refused("mlp:4", ExportFormat::Timm, WeightStorage::F32, "one dense layer");
    refused("conv:4", ExportFormat::Timm, WeightStorage::F32, "convolution");
    refused("linear", ExportFormat::Timm, WeightStorage::Int8, "8-bit");
    refused("linear", ExportFormat::TeachableMachine, WeightStorage::Int8, "32 bits");
    refused("linear", ExportFormat::TeachableMachine, WeightStorage::F16, "32 bits");
    assert!(matches!("coreml".parse::<ExportFormat>(), Err(Error::FormatUnknown(_))));
}

/// timm's own names, from its own table, with the shapes of its own modules.
#[test]
fn the_bundled_backbone_has_timms_names() {
    let text = fs::read_to_string(project("tests/golden/timm_names.json")).unwrap();
    let names: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
    let backbone = bundled_backbone();
    let (head, labels) = (head_for(&backbone, HeadKind::Linear, 3), labels());
    let model = Model { labels: &labels, head: &head, backbone: &backbone };
    for weights in [WeightStorage::F32, WeightStorage::F16] {
        let options = ExportOptions { weights, ..ExportOptions::default() };
        let files = unpack(&export(model, None, ExportFormat::Timm, &options).unwrap().bytes);
        let tensors = SafeTensors::deserialize(&files["model.safetensors"]).unwrap();
        let found: BTreeSet<String> = tensors.names().into_iter().map(ToString::to_string).collect();
        let of_backbone = names.values().filter(|name| !name.ends_with("num_batches_tracked")).cloned();
        let expected: BTreeSet<String> =
            of_backbone.chain(["classifier.weight".into(), "classifier.bias".into()]).collect();
        assert_eq!(found, expected);
        assert_eq!(json(&files, "config.json")["architecture"], "mobilenetv2_075");
    }
}

/// A backbone whose BatchNorm is folded gets one back that changes nothing but adds the bias.
#[test]
#[ignore = "needs the reference backbones"]
fn a_folded_backbone_is_unfolded_for_timm() {
    let folded = common::backbone(&reference("backbones/mobilenet-v2-1.0-folded"));
    assert!(folded.weights().folded());
    let (head, labels) = (head_for(&folded, HeadKind::Linear, 3), labels());
    let model = Model { labels: &labels, head: &head, backbone: &folded };
    let files = unpack(&export(model, None, ExportFormat::Timm, &ExportOptions::default()).unwrap().bytes);
    // It is a backbone again, and computes what the folded one does.
    let config = String::from_utf8(files["config.json"].clone()).unwrap();
    let unfolded = Backbone::parse(&config, &files["model.safetensors"]).unwrap();
    assert!(!unfolded.weights().folded());
    let rgba: Vec<u8> = (0..64 * 64).flat_map(|at: u32| [(at % 200) as u8, (at / 16) as u8, 90, 255]).collect();
    let said = [&folded, &unfolded].map(|backbone| {
        Predictor::of(
            labels.clone(),
            head_for(backbone, HeadKind::Mlp { hidden: 8, activation: headstart::head::Activation::Tanh }, 3),
            backbone,
        )
        .unwrap()
        .probabilities(&rgba, 64, 64)
        .unwrap()
    });
    for (a, b) in said[0].iter().zip(&said[1]) {
        assert!((a - b).abs() < 1e-5, "{said:?}");
    }
}

/// Every architecture is written by every format that has its operations.
#[test]
fn every_architecture_is_written() {
    for name in [
        "mobilenetv1_100",
        "mobilenetv2_035",
        "mobilenetv3_small_050",
        "tf_mobilenetv3_small_minimal_100",
        "mobilenetv4_conv_small_050",
        "lcnet_050",
        "efficientnet_b0",
        "resnet18",
        "inception_v3",
        "vgg16_bn",
        "mobilenet_v3_small",
    ] {
        let backbone = Backbone::blank(name).unwrap();
        let (head, labels) = (head_for(&backbone, HeadKind::Linear, 3), labels());
        let model = Model { labels: &labels, head: &head, backbone: &backbone };
        for format in [ExportFormat::Onnx, ExportFormat::Tfjs, ExportFormat::TeachableMachine, ExportFormat::Timm] {
            let exported = export(model, None, format, &ExportOptions { bare: true, ..ExportOptions::default() });
            // timm's own vgg16 has dense layers in front of the classifier, and torchvision's network is not timm's.
            let unknown = format == ExportFormat::Timm && matches!(name, "vgg16_bn" | "mobilenet_v3_small");
            assert_eq!(exported.is_err(), unknown, "{name} as {}: {:?}", format.name(), exported.err());
        }
    }
}
