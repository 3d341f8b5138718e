//! The weights of TensorFlow.js: one binary file, and a manifest that says what is where in it.

use crate::backbone::{Array, Stored};
use half::f16;
use serde_json::{Value, json};

/// The file's name beside `model.json`; Teachable Machine asks for this one.
pub(super) const FILE: &str = "weights.bin";

/// Tensors, one behind the other.
#[derive(Default)]
pub(super) struct TfjsWeights {
    entries: Vec<Value>,
    pub bytes: Vec<u8>,
}

impl TfjsWeights {
    /// A tensor, stored as it says. Of one of integers, the values are these already, as [`kernel`] and [`transposed`] leave them,
    /// and are read as floats: their scales are the caller's.
    pub(super) fn push(&mut self, name: &str, array: &Array) {
        let mut entry = json!({ "name": name, "shape": array.shape, "dtype": "float32" });
        match &array.stored {
            Stored::F32 | Stored::Bf16 => self.bytes.extend(array.data.iter().flat_map(|value| value.to_le_bytes())),
            Stored::F16 => {
                entry["quantization"] = json!({ "dtype": "float16", "original_dtype": "float32" });
                self.bytes.extend(array.data.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()));
            }
            Stored::Int8 { .. } => {
                // There are unsigned bytes only: 0 stands for −128.
                entry["quantization"] =
                    json!({ "dtype": "uint8", "min": -128.0, "scale": 1.0, "original_dtype": "float32" });
                self.bytes.extend(array.data.iter().map(|integer| (integer + 128.0) as u8));
            }
        }
        self.entries.push(entry);
    }

    /// Whole numbers of 32 bits.
    pub(super) fn push_integers(&mut self, name: &str, shape: &[usize], values: &[i32]) {
        self.entries.push(json!({ "name": name, "shape": shape, "dtype": "int32" }));
        self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    /// What `model.json` says of them.
    pub(super) fn manifest(&self) -> Value {
        json!([{ "paths": [FILE], "weights": self.entries }])
    }
}

/// A convolution's weight as TensorFlow has it, `[height, width, inputs, outputs]`, or for one that is depthwise
/// `[height, width, channels, 1]`: of `[outputs, inputs / groups, height, width]`.
pub(super) fn kernel(array: &Array, depthwise: bool) -> Array {
    let [outputs, inputs, height, width] = [0, 1, 2, 3].map(|side| array.shape[side]);
    let (shape, order) = match depthwise {
        true => (vec![height, width, outputs, inputs], [0, 1]),
        false => (vec![height, width, inputs, outputs], [1, 0]),
    };
    let [first, second] = [shape[2], shape[3]];
    let values = values(array);
    let mut data = Vec::with_capacity(values.len());
    for at in 0..height * width {
        for i in 0..first {
            for j in 0..second {
                let place = [i, j];
                let (output, input) = (place[order[0]], place[order[1]]);
                data.push(values[(output * inputs + input) * height * width + at]);
            }
        }
    }
    Array { shape, data, stored: array.stored.clone() }
}

/// A dense layer's weight as TensorFlow has it, `[inputs, outputs]`: of `[outputs, inputs]`.
pub(super) fn transposed(array: &Array) -> Array {
    let [outputs, inputs] = [0, 1].map(|side| array.shape[side]);
    let values = values(array);
    let data = (0..inputs * outputs).map(|at| values[(at % outputs) * inputs + at / outputs]).collect();
    Array { shape: vec![inputs, outputs], data, stored: array.stored.clone() }
}

/// Values as they are written: integers where they are stored as such, while it is known which scale is whose.
fn values(array: &Array) -> Vec<f32> {
    match &array.stored {
        Stored::Int8 { scales } => array.integers(scales).into_iter().map(f32::from).collect(),
        _ => array.data.clone(),
    }
}
