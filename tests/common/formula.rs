//! Weights, inputs and pictures by the formula of tests/golden/make_architectures_golden.py, and its golden files. Every
//! value here is equal to the one there, bit for bit.

use super::{Golden, golden, project};
use safetensors::{Dtype, tensor::TensorView};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// A module that has tensors: its name, `norm`, `weight` or `weight and bias`, and the shape of its weight.
#[derive(Debug, Clone, Deserialize)]
pub struct Module(pub String, pub String, pub Vec<usize>);

/// A module of torchvision's network, with the name of timm's module that holds the same, where there is one.
#[derive(Debug, Clone, Deserialize)]
pub struct Paired(pub String, pub String, pub Vec<usize>, pub Option<String>);

/// The same network in torchvision.
#[derive(Debug, Clone, Deserialize)]
pub struct Torchvision {
    pub architecture: String,
    pub modules: Vec<Paired>,
}

/// What timm says of the published weights.
#[derive(Debug, Clone, Deserialize)]
pub struct Published {
    pub input_size: usize,
    pub crop_pct: f64,
    pub num_features: usize,
    pub head_hidden_size: usize,
    pub multiplications: f64,
}

/// A golden NAME.json; the script says what its fields are.
#[derive(Debug, Clone, Deserialize)]
pub struct Description {
    pub architecture: String,
    pub gain: f64,
    pub config: Value,
    pub published: Published,
    pub parameters: usize,
    pub multiplications: f64,
    pub modules: Vec<Module>,
    pub unused: Vec<String>,
    pub stages: Vec<(Vec<String>, Vec<usize>)>,
    pub tail: usize,
    pub gradients: Vec<String>,
    pub torchvision: Option<Torchvision>,
    pub examples: Vec<(String, usize, f32)>,
}

/// The description of an architecture and its golden values.
pub fn architecture(name: &str) -> (Description, BTreeMap<String, Golden>) {
    let path = |end: &str| project(&format!("tests/golden/architectures/{name}.{end}"));
    let text = fs::read_to_string(path("json")).expect("a golden description");
    (serde_json::from_str(&text).expect("a golden description"), golden(&path("safetensors")))
}

/// The names of all golden architectures.
pub fn architectures() -> Vec<String> {
    let files = fs::read_dir(project("tests/golden/architectures")).expect("golden files");
    let mut names: Vec<String> =
        files.filter_map(|file| Some(file.ok()?.file_name().to_str()?.strip_suffix(".json")?.to_string())).collect();
    names.sort();
    names
}

/// FNV-1a with 32 bits.
fn seed(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// 32 bits for a name's seed and an index.
fn bits(seed: u32, index: usize) -> u32 {
    let mut x = seed ^ (index as u32).wrapping_mul(0x9e37_79b1);
    x = (x ^ x >> 16).wrapping_mul(0x85eb_ca6b);
    x = (x ^ x >> 13).wrapping_mul(0xc2b2_ae35);
    x ^ x >> 16
}

/// Multiples of 2^-23 in [-1, 1).
fn unit(seed: u32, index: usize) -> f64 {
    f64::from(bits(seed, index) >> 8) / f64::from(1 << 23) - 1.0
}

/// The values of a tensor of this shape.
pub fn values(name: &str, shape: &[usize], gain: f64) -> Vec<f32> {
    let (middle, spread) = match name.rsplit('.').next() {
        Some("running_var") => (1.0, 0.5),
        Some("running_mean" | "bias") => (0.0, 0.25),
        _ if shape.len() == 1 => (1.0, 0.25),
        _ => (0.0, gain * (3.0 / shape[1..].iter().product::<usize>() as f64).sqrt()),
    };
    let seed = seed(name);
    (0..shape.iter().product()).map(|i| (middle + spread * unit(seed, i)) as f32).collect()
}

/// What is at a place of an input: a field of 8 pixels each way, and noise, both in [-1, 1).
fn waves(name: &str, size: usize) -> impl Fn(usize, usize, usize) -> (f64, f64) {
    let (fields, coarse, noise) = (size.div_ceil(8), seed(&format!("{name}.fields")), seed(&format!("{name}.noise")));
    move |plane, y, x| {
        (unit(coarse, (plane * fields + y / 8) * fields + x / 8), unit(noise, (plane * size + y) * size + x))
    }
}

/// Two normalised pictures, `[2, 3, size, size]`.
pub fn input(size: usize) -> Vec<f32> {
    let at = waves("input", size);
    let places = (0..6).flat_map(|plane| (0..size * size).map(move |i| (plane, i / size, i % size)));
    places.map(|(plane, y, x)| at(plane, y, x)).map(|(coarse, noise)| (1.5 * coarse + 0.5 * noise) as f32).collect()
}

/// An RGB picture, `[size, size, 3]`.
pub fn picture(size: usize) -> Vec<u8> {
    let at = waves("picture", size);
    let places = (0..size * size * 3).map(|i| (i % 3, i / 3 / size, i / 3 % size));
    places
        .map(|(plane, y, x)| at(plane, y, x))
        .map(|(coarse, noise)| (128.0 + 96.0 * coarse + 31.0 * noise) as u8)
        .collect()
}

/// The sampled values of a tensor and its largest magnitude.
pub fn samples(name: &str, tensor: &[f32], count: usize) -> (Vec<f32>, f32) {
    let seed = seed(name);
    let sampled = (0..count).map(|i| tensor[bits(seed, i) as usize % tensor.len()]).collect();
    (sampled, tensor.iter().fold(0.0, |largest, x| largest.max(x.abs())))
}

/// A tensor as a file holds it.
#[derive(Debug, Clone)]
pub struct Stored {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

/// A weights file that can be changed.
#[derive(Debug, Clone, Default)]
pub struct File(pub BTreeMap<String, Stored>);

impl File {
    /// The bytes of a `model.safetensors`.
    pub fn bytes(&self) -> Vec<u8> {
        let views = self.0.iter().map(|(name, t)| (name, TensorView::new(t.dtype, t.shape.clone(), &t.bytes).unwrap()));
        safetensors::serialize(views, None).expect("a safetensors file")
    }

    /// The tensors of a module under its name, with the values of timm's module. One that is not used (`None`) has one
    /// zero in each tensor, for VGG's dense layers take 480 MB.
    fn add(&mut self, module: &str, kind: &str, shape: &[usize], timms: Option<&str>, gain: f64) {
        let mut parts = vec![("weight", shape)];
        if kind != "weight" {
            parts.push(("bias", &shape[..1]));
        }
        if kind == "norm" {
            parts.extend([("running_mean", shape), ("running_var", shape)]);
            let count = Stored { dtype: Dtype::I64, shape: Vec::new(), bytes: vec![0; 8] };
            self.0.insert(format!("{module}.num_batches_tracked"), count);
        }
        for (part, shape) in parts {
            let (shape, values) = match timms {
                Some(timms) => (shape.to_vec(), values(&format!("{timms}.{part}"), shape, gain)),
                None => (vec![1], vec![0.0]),
            };
            let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            self.0.insert(format!("{module}.{part}"), Stored { dtype: Dtype::F32, shape, bytes });
        }
    }
}

impl Description {
    /// The golden `config.json`.
    pub fn config(&self) -> String {
        self.config.to_string()
    }

    /// Side of the golden pictures.
    pub fn size(&self) -> usize {
        self.stage_input()[1]
    }

    fn stage_input(&self) -> [usize; 3] {
        serde_json::from_value(self.config["pretrained_cfg"]["input_size"].clone()).expect("an input size")
    }

    /// All of timm's tensors.
    pub fn file(&self) -> File {
        let mut file = File::default();
        for Module(module, kind, shape) in &self.modules {
            let used = (!self.unused.contains(module)).then_some(module.as_str());
            file.add(module, kind, shape, used, self.gain);
        }
        file
    }

    /// All of torchvision's tensors, and a `config.json` that names its architecture.
    pub fn torchvisions(&self) -> Option<(String, File)> {
        let Torchvision { architecture, modules } = self.torchvision.as_ref()?;
        let mut file = File::default();
        for Paired(module, kind, shape, timms) in modules {
            file.add(module, kind, shape, timms.as_deref(), self.gain);
        }
        let mut config = self.config.clone();
        config["architecture"] = architecture.as_str().into();
        Some((config.to_string(), file))
    }
}
