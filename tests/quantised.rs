//! Backbones stored in fewer bytes: what comes back, what is refused, and that saved models keep it.

mod common;
mod drawing;

use common::{DEFAULT, bundled_backbone, default_backbone, engine, project};
use drawing::{easy, train};
use headstart::backbone::{Backbone, Stored, WeightStorage};
use headstart::bundle;
use headstart::features::{Cut, Embedder};
use headstart::image::Crop;
use headstart::train::{Phase, TrainConfig};
use pollster::block_on;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::BTreeMap;
use std::fs;

fn config() -> String {
    fs::read_to_string(project(DEFAULT).join("config.json")).unwrap()
}

/// Pooled features of a drawn picture.
fn features(backbone: &Backbone) -> Vec<f32> {
    let size = backbone.card().input_size;
    let rgb: Vec<u8> = (0..size * size * 3).map(|i| if i < size * size { 250 } else { (i % 97) as u8 }).collect();
    let embedder = Embedder::new(backbone, Cut::features(backbone), &engine()).unwrap();
    block_on(embedder.embed(&[&Crop::new(size, rgb).unwrap()])).unwrap()[0].to_vec()
}

/// At full precision, with weights that are on no grid as those of the bundled one are.
fn full() -> Backbone {
    let bundled = bundled_backbone().stored_as(WeightStorage::F32).unwrap();
    let weights = bundled.weights().iter().filter(|(_, array)| array.shape.len() == 4);
    let moved = weights.map(|(name, array)| {
        let values = array.data.iter().enumerate().map(|(i, x)| x * (1.0 + 0.01 * (i as f32).sin()));
        (name.to_string(), values.collect())
    });
    bundled.with_trained(moved.collect::<Vec<_>>()).unwrap()
}

#[test]
fn each_storage_is_smaller_and_close() {
    let full = full();
    let (bytes, expected) = (full.to_safetensors().unwrap(), features(&full));
    let largest = expected.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    for (storage, share, bound) in
        [(WeightStorage::F32, 1.01, 0.0), (WeightStorage::F16, 0.53, 0.005), (WeightStorage::Int8, 0.3, 0.2)]
    {
        let stored = full.stored_as(storage).unwrap();
        assert_eq!(stored.stored(), storage.name());
        let file = stored.to_safetensors().unwrap();
        assert!((file.len() as f64) < share * bytes.len() as f64, "{storage:?}: {} bytes", file.len());
        let again = Backbone::parse(&config(), &file).unwrap();
        assert_eq!(again, stored, "{storage:?}: what is read is what was stored");
        assert_eq!(again.to_safetensors().unwrap(), file, "{storage:?}");
        let difference = features(&again).iter().zip(&expected).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
        assert!(difference <= bound * largest, "{storage:?}: features differ by {}", difference / largest);
        assert_eq!(again.computes_as(&full), storage == WeightStorage::F32);
    }
}

#[test]
fn only_weights_of_convolutions_become_integers() {
    let int8 = full().stored_as(WeightStorage::Int8).unwrap();
    for (name, array) in int8.weights().iter() {
        match &array.stored {
            Stored::Int8 { scales } => {
                assert_eq!(array.shape.len(), 4, "{name}");
                assert_eq!(scales.len(), array.shape[0], "{name}");
            }
            Stored::F16 => assert_eq!(array.shape.len(), 1, "{name}"),
            Stored::F32 => assert!(name.ends_with(".running_var"), "{name}"),
            Stored::Bf16 => panic!("{name}"),
        }
    }
}

/// Code and value of the error that a file gives once `change` was done to it.
fn error(change: impl FnOnce(&mut BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>)) -> (&'static str, String) {
    let file = full().stored_as(WeightStorage::Int8).unwrap().to_safetensors().unwrap();
    let file = SafeTensors::deserialize(&file).unwrap();
    let tensor = |view: TensorView<'_>| (view.dtype(), view.shape().to_vec(), view.data().to_vec());
    let mut tensors: BTreeMap<_, _> = file.iter().map(|(name, view)| (name.to_string(), tensor(view))).collect();
    change(&mut tensors);
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        (name, TensorView::new(*dtype, shape.clone(), bytes).expect("a tensor of its shape"))
    });
    let error = Backbone::parse(&config(), &safetensors::serialize(views, None).unwrap()).expect_err("a bad backbone");
    (error.code(), error.value().unwrap_or_default())
}

#[test]
fn what_is_wrong_with_a_scale_is_named() {
    const WEIGHT: &str = "features.3.conv.0.0.weight";
    const SCALE: &str = "features.3.conv.0.0.weight.scale";
    let named = |code| (code, SCALE.to_string());
    let scale = |shape: Vec<usize>, values: &[f32]| {
        (Dtype::F32, shape, values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
    };
    let with = |value: (Dtype, Vec<usize>, Vec<u8>)| error(|file| drop(file.insert(SCALE.into(), value)));
    let count = full().weights().iter().find(|(name, _)| *name == WEIGHT).unwrap().1.shape[0];
    assert_eq!(error(|file| drop(file.remove(SCALE))), named("backbone_tensor_missing"));
    assert_eq!(with(scale(vec![1], &[1.0])), named("backbone_tensor_shape"));
    assert_eq!(with(scale(vec![count, 1], &vec![1.0; count])), named("backbone_tensor_shape"));
    for bad in [f32::NAN, f32::INFINITY, -1e-9] {
        let mut values = vec![1.0; count];
        values[count - 1] = bad;
        assert_eq!(with(scale(vec![count], &values)), named("backbone_tensor_not_finite"), "{bad}");
    }
    let (code, value) = with((Dtype::F16, vec![count], vec![0; 2 * count]));
    assert!(code == "backbone_truncated" && value.contains(SCALE), "{code}: {value}");
    // A scale beside a tensor of floats, and one beside none.
    let of_norm = || scale(vec![1], &[1.0]);
    let (code, value) = error(|file| drop(file.insert("features.0.1.bias.scale".into(), of_norm())));
    assert_eq!((code, value.as_str()), ("backbone_tensor_unknown", "features.0.1.bias.scale"));
    assert_eq!(error(|file| drop(file.remove(WEIGHT))), ("backbone_tensor_missing", WEIGHT.to_string()));
    let (code, value) = error(|file| drop(file.insert("stranger.scale".into(), of_norm())));
    assert_eq!((code, value.as_str()), ("backbone_tensor_unknown", "stranger.scale"));
    // Scales so large that a weight is infinite.
    let largest = with(scale(vec![count], &vec![f32::MAX; count]));
    assert_eq!(largest, ("backbone_tensor_not_finite", WEIGHT.to_string()));
}

/// Integers of the classifier of the pretraining are left out with their scale.
#[test]
fn a_classifier_of_integers_is_ignored() {
    let int8 = full().stored_as(WeightStorage::Int8).unwrap();
    let file = int8.to_safetensors().unwrap();
    let file = SafeTensors::deserialize(&file).unwrap();
    let scale = [0_u8; 40];
    let weight = [1_u8; 12_800];
    let classifier = [
        ("classifier.weight", TensorView::new(Dtype::I8, vec![10, 1280], &weight).unwrap()),
        ("classifier.weight.scale", TensorView::new(Dtype::F32, vec![10], &scale).unwrap()),
    ];
    let whole = safetensors::serialize(file.iter().chain(classifier), None).unwrap();
    assert_eq!(Backbone::parse(&config(), &whole).unwrap(), int8);
}

/// What was not trained is saved as it came, what was trained at full precision.
#[test]
fn a_saved_model_keeps_integers() {
    let full = default_backbone().stored_as(WeightStorage::F32).unwrap();
    let mut project = easy(full.stored_as(WeightStorage::Int8).unwrap());
    let config = TrainConfig {
        fine_tune: "last:1".into(),
        epochs: 2.0,
        fine_tune_epochs: 2.0,
        monitor: "loss".into(),
        ..TrainConfig::default()
    };
    train(&mut project, &config);
    assert_eq!(project.report().unwrap().phase, Phase::FineTune);
    let model = project.save().unwrap();
    let saved = bundle::load(&model).unwrap().backbone;
    let (before, after) = (project.backbone(), &project.classifier().unwrap().backbone);
    assert_eq!(saved, **after, "to the bit");
    for ((name, array), (_, original)) in saved.weights().iter().zip(before.weights().iter()) {
        let trained = name == "features.18.0.weight";
        assert_eq!(array.data != original.data, trained, "{name}");
        assert_eq!(array.stored == original.stored, !trained, "{name}");
        assert!(!trained || array.stored == Stored::F32);
    }
    assert!(model.len() < 4 << 20, "{} bytes", model.len());
}
