//! What the tests share: golden files, the references folder, and how numbers are compared.
#![allow(dead_code)] // every test file uses a part of it

pub mod formula;

use headstart::backbone::Backbone;
use headstart::engine::Engine;
use headstart::train::Objective;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use zip::ZipArchive;

/// The bundled backbone.
pub const DEFAULT: &str = "www/public/backbones/mobilenet-v2-0.75-128";
/// Its name on the command line.
pub const DEFAULT_NAME: &str = "mobilenet-v2-0.75-128";

/// A path inside the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A path in the folder of reference backbones and picture sets: HEADSTART_REFERENCES, or `../shared`.
pub fn reference(path: &str) -> PathBuf {
    let root = std::env::var_os("HEADSTART_REFERENCES").map_or_else(|| project("../shared"), PathBuf::from);
    root.join(path)
}

pub fn backbone(folder: &Path) -> Backbone {
    let config = fs::read_to_string(folder.join("config.json")).expect("config.json");
    let weights = fs::read(folder.join("model.safetensors")).expect("model.safetensors");
    Backbone::parse(&config, &weights).expect("a valid backbone")
}

/// The bundled backbone as it is.
pub fn bundled_backbone() -> Backbone {
    backbone(&project(DEFAULT))
}

/// The bundled backbone for pictures of 64 pixels, as the tests draw them: a quarter of the work.
pub fn default_backbone() -> Backbone {
    sized_backbone(64)
}

/// The bundled backbone for pictures of so many pixels a side.
pub fn sized_backbone(side: usize) -> Backbone {
    let weights = fs::read(project(DEFAULT).join("model.safetensors")).expect("model.safetensors");
    Backbone::parse(&card(side).to_string(), &weights).expect("a valid backbone")
}

/// Its `config.json`.
pub fn card(side: usize) -> serde_json::Value {
    let config = fs::read(project(DEFAULT).join("config.json")).expect("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&config).expect("JSON");
    config["pretrained_cfg"]["input_size"] = serde_json::json!([3, side, side]);
    config
}

/// What the tests compute on: the CPU or, with `HEADSTART_ENGINE=webgpu` and the feature `gpu`, this machine's GPU.
pub fn engine() -> Engine {
    // Opened once: of two tests at a time the second would be told that the GPU is taken.
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| match std::env::var("HEADSTART_ENGINE").as_deref() {
        Ok("webgpu") => pollster::block_on(Engine::gpu("tests run on the GPU")).expect("a GPU"),
        _ => Engine::cpu("tests run on the CPU"),
    });
    ENGINE.clone()
}

/// Cross-entropy without class weights.
pub fn cross_entropy(smoothing: f64) -> Objective {
    Objective::CrossEntropy { smoothing, weights: None }
}

/// A tensor of a golden file.
#[derive(Debug, Clone)]
pub struct Golden {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

/// Reads a golden file; whole numbers come as floats too.
pub fn golden(path: &Path) -> BTreeMap<String, Golden> {
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let file = SafeTensors::deserialize(&bytes).expect("a golden safetensors file");
    let one = |(name, view): (&str, safetensors::tensor::TensorView<'_>)| {
        let bytes = view.data();
        let data = match view.dtype() {
            Dtype::F32 => bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect(),
            Dtype::F16 => {
                bytes.chunks_exact(2).map(|b| half::f16::from_le_bytes(b.try_into().unwrap()).to_f32()).collect()
            }
            Dtype::I64 => bytes.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f32).collect(),
            Dtype::U8 => bytes.iter().map(|b| f32::from(*b)).collect(),
            other => panic!("{name} is {other:?}"),
        };
        (name.to_string(), Golden { shape: view.shape().to_vec(), data })
    };
    file.iter().map(one).collect()
}

/// Asserts that the largest difference is below `bound` of the largest expected value, and gives that ratio.
pub fn assert_close(what: &str, found: &[f32], expected: &[f32], bound: f32) -> f32 {
    assert_eq!(found.len(), expected.len(), "{what}: number of values");
    assert!(found.iter().all(|x| x.is_finite()), "{what}: finite");
    let largest = expected.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
    let difference = found.iter().zip(expected).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
    let ratio = difference / largest.max(f32::MIN_POSITIVE);
    assert!(ratio < bound, "{what}: differs by {ratio:.2e} of the largest value {largest}, allowed {bound:.0e}");
    ratio
}

/// The files of a zip, by their names.
pub fn unpack(file: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(file)).expect("a zip");
    let count = archive.len();
    let read = |index| {
        let mut entry = archive.by_index(index).expect("an entry");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("its bytes");
        (entry.name().expect("a name").to_string(), bytes)
    };
    (0..count).map(read).collect()
}
