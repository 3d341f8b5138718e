//! Backbones that are not what they should be, and those that are under other names.

mod common;

use common::{DEFAULT, bundled_backbone, project};
use headstart::backbone::Backbone;
use headstart::features::{Cut, Embedder};
use headstart::image::Crop;
use pollster::block_on;
use proptest::prelude::*;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::BTreeMap;
use std::fs;
use std::sync::OnceLock;

#[derive(Clone)]
struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// A weights file that can be changed.
#[derive(Clone)]
struct File(BTreeMap<String, Tensor>);

fn config() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| fs::read_to_string(project(DEFAULT).join("config.json")).unwrap())
}

fn weights() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| fs::read(project(DEFAULT).join("model.safetensors")).unwrap())
}

impl File {
    fn default_backbone() -> Self {
        let file = SafeTensors::deserialize(weights()).unwrap();
        let tensor = |view: TensorView<'_>| Tensor {
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
            bytes: view.data().to_vec(),
        };
        Self(file.iter().map(|(name, view)| (name.to_string(), tensor(view))).collect())
    }

    fn bytes(&self) -> Vec<u8> {
        let views = self.0.iter().map(|(name, t)| (name, TensorView::new(t.dtype, t.shape.clone(), &t.bytes).unwrap()));
        safetensors::serialize(views, None).unwrap()
    }

    fn parse(&self) -> headstart::Result<Backbone> {
        Backbone::parse(config(), &self.bytes())
    }

    /// Code and value of the error that this file gives.
    fn error(&self) -> (&'static str, String) {
        let error = self.parse().expect_err("a bad backbone");
        (error.code(), error.value().unwrap_or_default())
    }

    fn set(&mut self, name: &str, at: usize, value: f32) {
        let tensor = self.0.get_mut(name).unwrap();
        match tensor.dtype {
            Dtype::F16 => tensor.bytes[2 * at..2 * at + 2].copy_from_slice(&half::f16::from_f32(value).to_le_bytes()),
            _ => tensor.bytes[4 * at..4 * at + 4].copy_from_slice(&value.to_le_bytes()),
        }
    }

    /// The first tensor of a type.
    fn of_type(&self, dtype: Dtype) -> String {
        let found = self.0.iter().find(|(_, tensor)| tensor.dtype == dtype);
        found.unwrap_or_else(|| panic!("the default backbone has a tensor of {dtype:?}")).0.clone()
    }
}

/// Pooled features of a grey picture with a bright corner.
fn features(backbone: &Backbone) -> Vec<f32> {
    let size = backbone.card().input_size;
    let rgb: Vec<u8> = (0..size * size * 3).map(|i| if i < size * size { 250 } else { (i % 97) as u8 }).collect();
    let embedder = Embedder::new(backbone, Cut::features(backbone), &common::engine()).unwrap();
    block_on(embedder.embed(&[&Crop::new(size, rgb).unwrap()])).unwrap()[0].to_vec()
}

#[test]
fn a_file_that_ends_early_is_truncated() {
    let bytes = weights();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let edges = [0, 1, 7, 8, 9, 100, header - 1, header, header + 1, bytes.len() / 2, bytes.len() - 1];
    let steps = (1..40).map(|n| bytes.len() * n / 40);
    for length in edges.into_iter().chain(steps) {
        let error = Backbone::parse(config(), &bytes[..length]).unwrap_err();
        assert_eq!(error.code(), "backbone_truncated", "{length} of {} bytes", bytes.len());
    }
    // More than the header says is no safetensors file either.
    assert_eq!(Backbone::parse(config(), &[bytes, b"x"].concat()).unwrap_err().code(), "backbone_truncated");
}

#[test]
fn a_missing_tensor_is_named() {
    let whole = File::default_backbone();
    whole.parse().expect("the test changes one thing only");
    for name in whole.0.keys().filter(|name| !name.ends_with("num_batches_tracked")).step_by(7) {
        let mut file = whole.clone();
        file.0.remove(name);
        assert_eq!(file.error(), ("backbone_tensor_missing", name.clone()));
    }
}

#[test]
fn an_unknown_tensor_is_named() {
    for name in
        ["features.19.weight", "features.3.conv.9.weight", "layer1.0.conv1.weight", "blocks.9.0.conv_pw.weight", "x"]
    {
        let mut file = File::default_backbone();
        file.0.insert(name.into(), Tensor { dtype: Dtype::F32, shape: vec![1], bytes: vec![0; 4] });
        assert_eq!(file.error(), ("backbone_tensor_unknown", name.into()));
    }
}

#[test]
fn a_misshapen_tensor_is_named() {
    let whole = File::default_backbone();
    for name in ["features.0.0.weight", "features.5.conv.1.0.weight", "features.18.1.running_var"] {
        let mut file = whole.clone();
        let tensor = file.0.get_mut(name).unwrap();
        // The same number of values, otherwise arranged.
        tensor.shape.insert(0, 1);
        assert_eq!(file.error(), ("backbone_tensor_shape", name.into()));
    }
    // Weights of another width: the first tensor that does not fit is named.
    let wider = config().replace("\"width\": 0.75", "\"width\": 1.0");
    assert_ne!(wider, config());
    assert_eq!(Backbone::parse(&wider, weights()).unwrap_err().code(), "backbone_tensor_shape");
}

#[test]
fn values_that_are_no_numbers_are_named() {
    let whole = File::default_backbone();
    for dtype in [Dtype::F16, Dtype::F32] {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let (mut file, name) = (whole.clone(), whole.of_type(dtype));
            file.set(&name, 1, value);
            assert_eq!(file.error(), ("backbone_tensor_not_finite", name), "{value} as {dtype:?}");
        }
    }
}

/// A variance below zero is a number, and its root is none: it must not come through as features that are NaN.
#[test]
fn a_negative_variance_is_refused() {
    let mut file = File::default_backbone();
    file.set("features.4.conv.1.1.running_var", 2, -0.5);
    assert!(file.error().0.starts_with("backbone_tensor_"), "{:?}", file.error());
}

#[test]
fn other_number_types_are_refused() {
    let mut file = File::default_backbone();
    let tensor = file.0.get_mut("features.0.1.bias").unwrap();
    let count = tensor.shape[0];
    (tensor.dtype, tensor.bytes) = (Dtype::I32, vec![0; 4 * count]);
    let (code, value) = file.error();
    assert!(code.starts_with("backbone_") && value.contains("features.0.1.bias"), "{code}: {value}");
}

#[test]
fn half_and_full_precision_give_the_same_features() {
    let mut full = File::default_backbone();
    for tensor in full.0.values_mut().filter(|tensor| tensor.dtype == Dtype::F16) {
        let values = tensor.bytes.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32());
        tensor.bytes = values.flat_map(f32::to_le_bytes).collect();
        tensor.dtype = Dtype::F32;
    }
    let full = full.parse().unwrap();
    let half = bundled_backbone();
    for ((name, a), (_, b)) in full.weights().iter().zip(half.weights().iter()) {
        assert_eq!(a.data, b.data, "{name}");
    }
    assert_eq!(features(&full), features(&half));
}

#[test]
fn timm_names_are_the_same_backbone() {
    let text = fs::read_to_string(project("tests/golden/timm_names.json")).unwrap();
    let names: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
    let rename = |name: &str| match name.strip_suffix(".scale") {
        Some(of) => format!("{}.scale", names[of]),
        None => names[name].clone(),
    };
    let renamed = File::default_backbone().0.into_iter().map(|(name, tensor)| (rename(&name), tensor));
    let renamed = File(renamed.collect());
    assert!(renamed.0.contains_key("conv_stem.weight") && renamed.0.keys().all(|name| !name.starts_with("features.")));
    let (timm, ours) = (renamed.parse().unwrap(), bundled_backbone());
    assert_eq!(timm.weights(), ours.weights());
    assert_eq!(features(&timm), features(&ours));
}

#[test]
fn the_classifier_of_the_pretraining_is_ignored() {
    let mut file = File::default_backbone();
    for (name, shape) in
        [("classifier.1.weight", vec![10, 1280]), ("classifier.weight", vec![10, 1280]), ("classifier.bias", vec![10])]
    {
        let bytes = vec![0; 4 * shape.iter().product::<usize>()];
        file.0.insert(name.into(), Tensor { dtype: Dtype::F32, shape, bytes });
    }
    assert_eq!(file.parse().unwrap(), bundled_backbone());
}

#[test]
fn a_card_that_asks_for_no_features_is_refused() {
    let mut file = File::default_backbone();
    for (name, tensor) in file.0.iter_mut().filter(|(name, _)| name.starts_with("features.18.")) {
        tensor.shape[0] = 0;
        tensor.bytes.clear();
        assert!(!name.is_empty());
    }
    let card = config().replace("\"num_features\": 1280", "\"num_features\": 0");
    assert_ne!(card, config());
    let error = Backbone::parse(&card, &file.bytes()).expect_err("a backbone without features");
    assert_eq!(error.code(), "backbone_config_invalid");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_no_backbone(bytes: Vec<u8>, text: String) {
        let error = Backbone::parse(config(), &bytes).unwrap_err();
        prop_assert!(error.code().starts_with("backbone_"), "{}", error.code());
        prop_assert!(Backbone::parse(&text, weights()).unwrap_err().code().starts_with("backbone_"));
    }

    /// Damage in the header, which is what a reader trusts: lengths, offsets, types, names.
    #[test]
    fn a_damaged_header_never_panics(at in 0..20_000_usize, byte: u8) {
        let mut bytes = weights().to_vec();
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        if let Err(error) = Backbone::parse(config(), &bytes) {
            prop_assert!(error.code().starts_with("backbone_"), "{}", error.code());
        }
    }

    #[test]
    fn a_damaged_card_never_panics(at: prop::sample::Index, byte: u8) {
        let mut text = config().as_bytes().to_vec();
        let at = at.index(text.len());
        text[at] = byte;
        if let Err(error) = Backbone::parse(&String::from_utf8_lossy(&text), weights()) {
            prop_assert!(error.code().starts_with("backbone_"), "{}", error.code());
        }
    }
}
