//! TensorFlow.js as a model of layers, which is what Teachable Machine's library and ml5 load.
//!
//! They cut the centre square out themselves, make it 224 × 224 pixels with the browser's own filter, and hand over
//! `[1, 224, 224, 3]`, each value `byte / 127 − 1`. What the network wants instead (another size, a smaller part of the
//! picture, another scale) is layers in front of it: a dense layer along each side is any linear filter.

use super::filter::matrix;
use super::network::{self, Around, Convolution, Target};
use super::tfjs_weights::{self, TfjsWeights, kernel, transposed};
use super::{File, unsupported};
use crate::backbone::{Array, WeightStorage};
use crate::classifier::Model;
use crate::error::Result;
use crate::head::{self, Dense};
use crate::image::Preprocess;
use crate::nn::{Activation, Window};
use serde_json::{Value, json};

/// The side of the pictures that Teachable Machine's library and ml5 hand over.
pub(super) const SIDE: usize = 224;

/// Whether a network sees just what is handed over.
fn is_direct(preprocess: &Preprocess) -> bool {
    preprocess.size == SIDE && preprocess.crop == 1.0
}

/// A layer, by its name.
type Name = String;

/// `model.json`, `weights.bin` and `metadata.json`.
pub(super) fn files(model: Model<'_>, name: &str, weights: WeightStorage) -> Result<Vec<File>> {
    if weights != WeightStorage::F32 {
        // TensorFlow.js 1.3.1, which the library asks for, knows no 16-bit floats and one scale for all of a tensor's integers.
        return Err(unsupported("teachable-machine", "its library reads weights of 32 bits: take f32"));
    }
    let mut layers = Building { layers: Vec::new(), weights: TfjsWeights::default() };
    layers.push(
        "picture".into(),
        "InputLayer",
        &[],
        json!({ "batch_input_shape": [null, SIDE, SIDE, 3], "dtype": "float32", "sparse": false }),
    );
    let picture = layers.prepared(&model.backbone.card().preprocess());
    let logits = network::logits(&mut layers, picture, model.backbone, model.head)?;
    layers.push("probabilities".into(), "Activation", &[&logits], json!({ "activation": "softmax" }));
    let names = model.names();
    let config = json!({
        "name": "headstart",
        "layers": layers.layers,
        "input_layers": [["picture", 0, 0]],
        "output_layers": [["probabilities", 0, 0]],
    });
    let file = json!({
        "format": "layers-model",
        "generatedBy": concat!("headstart ", env!("CARGO_PKG_VERSION")),
        "convertedBy": null,
        "modelTopology": { "class_name": "Model", "config": config, "keras_version": "2.4.0", "backend": "tensorflow" },
        "weightsManifest": layers.weights.manifest(),
    });
    let metadata = json!({
        "tfjsVersion": "1.3.1",
        "tmVersion": "2.4.7",
        "packageVersion": "0.8.4",
        "packageName": "@teachablemachine/image",
        "modelName": name,
        "userMetadata": { "madeBy": concat!("headstart ", env!("CARGO_PKG_VERSION")) },
        "labels": names,
        "imageSize": SIDE,
    });
    Ok(vec![
        File::json("model.json", &file)?,
        File::new(tfjs_weights::FILE, layers.weights.bytes),
        File::json("metadata.json", &metadata)?,
    ])
}

/// A model in the making. Maps are `[batch, height, width, channels]`.
struct Building {
    layers: Vec<Value>,
    weights: TfjsWeights,
}

impl Building {
    fn push(&mut self, name: Name, class: &str, inputs: &[&str], mut config: Value) -> Name {
        config["name"] = json!(name);
        config["trainable"] = json!(false);
        let inputs: Vec<Value> = inputs.iter().map(|input| json!([input, 0, 0, {}])).collect();
        let nodes = if inputs.is_empty() { json!([]) } else { json!([inputs]) };
        self.layers.push(json!({ "name": name, "class_name": class, "config": config, "inbound_nodes": nodes }));
        name
    }

    fn layer(&mut self, class: &str, inputs: &[&str], config: Value) -> Name {
        let name = format!("layer{}", self.layers.len());
        self.push(name, class, inputs, config)
    }

    fn function(&mut self, x: &str, name: &str) -> Name {
        self.layer("Activation", &[x], json!({ "activation": name }))
    }

    /// A layer with weights: what its class calls the kernel, and perhaps a bias.
    fn weighted(
        &mut self,
        class: &str,
        x: &str,
        mut config: Value,
        (part, array): (&str, &Array),
        bias: Option<&[f32]>,
    ) -> Name {
        config["use_bias"] = json!(bias.is_some());
        // What is drawn at random would be overwritten, and takes its time.
        for initializer in ["kernel_initializer", "depthwise_initializer", "bias_initializer"] {
            config[initializer] = json!({ "class_name": "Zeros", "config": {} });
        }
        let name = self.layer(class, &[x], config);
        self.weights.push(&format!("{name}/{part}"), array);
        if let Some(bias) = bias {
            self.weights.push(&format!("{name}/bias"), &Array::new(vec![bias.len()], bias.to_vec()));
        }
        name
    }

    fn padded(&mut self, x: &str, [(top, bottom), (left, right)]: Around) -> Name {
        if [top, bottom, left, right] == [0; 4] {
            return x.into();
        }
        self.layer(
            "ZeroPadding2D",
            &[x],
            json!({ "padding": [[top, bottom], [left, right]], "data_format": "channels_last" }),
        )
    }

    /// x · scale + shift, a value each a channel: a depthwise convolution of one pixel.
    fn scaled(&mut self, x: &str, scale: &[f32], shift: Option<&[f32]>) -> Name {
        let config = convolving([1, 1], [1, 1], "valid");
        let array = Array::new(vec![1, 1, scale.len(), 1], scale.to_vec());
        self.weighted("DepthwiseConv2D", x, config, ("depthwise_kernel", &array), shift)
    }

    /// Along the last side of three: a filter `[size, length]`.
    fn filtered(&mut self, x: &str, filter: &Array) -> Name {
        let config = json!({ "units": filter.shape[0], "activation": "linear" });
        self.weighted("Dense", x, config, ("kernel", &transposed(filter)), None)
    }

    /// From what is handed over to what the network wants.
    fn prepared(&mut self, preprocess: &Preprocess) -> Name {
        let mut x = Name::from("picture");
        // byte = 127 (x + 1), and (byte / 255 − mean) / std.
        let (mut scale, mut shift) = ([127.0; 3], [127.0; 3]);
        if !is_direct(preprocess) {
            let filter = Array::new(vec![preprocess.size, SIDE], matrix(preprocess, SIDE));
            x = self.scaled(&x, &scale, Some(&shift));
            (scale, shift) = ([1.0; 3], [0.0; 3]);
            // Along the columns first, and in whole steps after each, as Headstart does.
            let turned =
                |layers: &mut Self, x: &str, order: [usize; 3]| layers.layer("Permute", &[x], json!({ "dims": order }));
            x = turned(self, &x, [3, 2, 1]);
            x = self.filtered(&x, &filter);
            x = self.rounded(&x, [3, SIDE, preprocess.size]);
            x = turned(self, &x, [1, 3, 2]);
            x = self.filtered(&x, &filter);
            x = self.rounded(&x, [3, preprocess.size, preprocess.size]);
            x = turned(self, &x, [2, 3, 1]);
        }
        let std = preprocess.std.map(|std| 255.0 * std);
        let shift = [0, 1, 2].map(|at| shift[at] / std[at] - preprocess.mean[at] / preprocess.std[at]);
        let scale = [0, 1, 2].map(|at| scale[at] / std[at]);
        self.scaled(&x, &scale, Some(&shift))
    }

    /// To whole colours from 0 to 255, halves up. No layer rounds, so it is counted how many thresholds are reached: of 15 that are 16
    /// apart, and in the rest of 15 that are 1 apart.
    fn rounded(&mut self, x: &str, [channels, height, width]: [usize; 3]) -> Name {
        let x = self.layer("Reshape", &[x], json!({ "target_shape": [channels * height, width, 1] }));
        let many = self.steps(&x, 16.0);
        let negative = self.scaled(&many, &[-1.0], None);
        let rest = self.layer("Add", &[&x, &negative], json!({}));
        let few = self.steps(&rest, 1.0);
        let sum = self.layer("Add", &[&many, &few], json!({}));
        self.layer("Reshape", &[&sum], json!({ "target_shape": [channels, height, width] }))
    }

    /// Down to a multiple, up to the 15th, of `step` below x + 0.5. Of one channel.
    fn steps(&mut self, x: &str, step: f32) -> Name {
        // From 0 to 6 within 6 / 2¹⁸ below each threshold. At once it would exceed 16 bits, which is what some devices compute with.
        let [steep, steeper] = [128.0, 2048.0];
        let thresholds = (1_u8..16).map(|count| f32::from(count) * step - 0.5);
        let below: Vec<f32> = thresholds.map(|threshold| 6.0 - steep * threshold).collect();
        let slopes = Array::new(vec![below.len(), 1, 1, 1], vec![steep; below.len()]);
        let reached = self.pixelwise(x, &slopes, Some(&below));
        let reached = self.activate(&reached, Activation::Relu6, [below.len(), 0, 0]);
        let (slopes, shifts) = (vec![steeper; below.len()], vec![6.0 - 6.0 * steeper; below.len()]);
        let reached = self.scaled(&reached, &slopes, Some(&shifts));
        let reached = self.activate(&reached, Activation::Relu6, [below.len(), 0, 0]);
        self.pixelwise(&reached, &Array::new(vec![1, below.len(), 1, 1], vec![step / 6.0; below.len()]), None)
    }

    /// A convolution of one pixel: `[outputs, inputs, 1, 1]`.
    fn pixelwise(&mut self, x: &str, array: &Array, bias: Option<&[f32]>) -> Name {
        let mut config = convolving([1, 1], [1, 1], "valid");
        config["filters"] = json!(array.shape[0]);
        self.weighted("Conv2D", x, config, ("kernel", &kernel(array, false)), bias)
    }

    /// min(max(x + 3, 0), 6) / 6; Keras's own is min(max(0.2 x + 0.5, 0), 1).
    fn hard_sigmoid(&mut self, x: &str, channels: usize) -> Name {
        let scaled = self.scaled(x, &vec![5.0 / 6.0; channels], None);
        self.function(&scaled, "hard_sigmoid")
    }

    fn times(&mut self, a: &str, b: &str) -> Name {
        self.layer("Multiply", &[a, b], json!({}))
    }
}

impl Target for Building {
    type Value = Name;

    fn conv(&mut self, x: &Name, conv: &Convolution<'_>) -> Result<Name> {
        let spec = conv.spec;
        let depthwise = spec.is_depthwise();
        if spec.groups != 1 && !depthwise {
            let reason = format!("{} is a convolution of {} groups", spec.name, spec.groups);
            return Err(unsupported("teachable-machine", reason));
        }
        let (x, padding) = if conv.same { (x.clone(), "same") } else { (self.padded(x, conv.padding), "valid") };
        let array = Array::new(spec.weight_shape().to_vec(), conv.weight.to_vec());
        let mut config = convolving(spec.kernel, spec.stride, padding);
        let array = kernel(&array, depthwise);
        let y = if depthwise {
            self.weighted("DepthwiseConv2D", &x, config, ("depthwise_kernel", &array), conv.bias)
        } else {
            config["filters"] = json!(spec.outputs);
            self.weighted("Conv2D", &x, config, ("kernel", &array), conv.bias)
        };
        let shape = [spec.outputs, 0, 0];
        Ok(conv.activation.map_or(y.clone(), |activation| self.activate(&y, activation, shape)))
    }

    fn affine(&mut self, x: &Name, scale: &[f32], shift: &[f32]) -> Name {
        self.scaled(x, scale, Some(shift))
    }

    fn activate(&mut self, x: &Name, activation: Activation, [channels, ..]: [usize; 3]) -> Name {
        match activation {
            Activation::Relu => self.function(x, "relu"),
            Activation::Relu6 => self.layer("ReLU", &[x], json!({ "max_value": 6 })),
            Activation::Sigmoid => self.function(x, "sigmoid"),
            Activation::Silu => {
                let gate = self.function(x, "sigmoid");
                self.times(x, &gate)
            }
            Activation::HardSigmoid => self.hard_sigmoid(x, channels),
            Activation::HardSwish => {
                let gate = self.hard_sigmoid(x, channels);
                self.times(x, &gate)
            }
        }
    }

    /// Zeros are never the largest here: whatever is padded comes from a ReLU.
    fn max_pool(&mut self, x: &Name, window: &Window, padding: Around) -> Name {
        let x = self.padded(x, padding);
        self.layer("MaxPooling2D", &[&x], pooling(window))
    }

    fn average_pool(&mut self, x: &Name, window: &Window, padding: Around) -> Name {
        let x = self.padded(x, padding);
        self.layer("AveragePooling2D", &[&x], pooling(window))
    }

    fn global_average(&mut self, x: &Name, [channels, ..]: [usize; 3]) -> Name {
        let pooled = self.pooled(x);
        self.layer("Reshape", &[&pooled], json!({ "target_shape": [1, 1, channels] }))
    }

    fn scale(&mut self, x: &Name, gate: &Name) -> Name {
        self.times(x, gate)
    }

    fn add(&mut self, a: &Name, b: &Name) -> Name {
        self.layer("Add", &[a, b], json!({}))
    }

    fn concat(&mut self, values: &[Name]) -> Name {
        self.layer("Concatenate", &values.iter().map(String::as_str).collect::<Vec<_>>(), json!({ "axis": -1 }))
    }

    fn pooled(&mut self, x: &Name) -> Name {
        self.layer("GlobalAveragePooling2D", &[x], json!({ "data_format": "channels_last" }))
    }

    fn dense(&mut self, x: &Name, _: &str, layer: &Dense) -> Name {
        let array = Array::new(vec![layer.outputs, layer.inputs], layer.weight.clone());
        let config = json!({ "units": layer.outputs, "activation": "linear" });
        self.weighted("Dense", x, config, ("kernel", &transposed(&array)), Some(&layer.bias))
    }

    fn activate_vector(&mut self, x: &Name, activation: head::Activation) -> Name {
        match activation {
            head::Activation::Relu => self.function(x, "relu"),
            head::Activation::Silu => {
                let gate = self.function(x, "sigmoid");
                self.times(x, &gate)
            }
            head::Activation::Tanh => self.function(x, "tanh"),
        }
    }
}

fn convolving(kernel: [usize; 2], stride: [usize; 2], padding: &str) -> Value {
    json!({
        "kernel_size": kernel,
        "strides": stride,
        "padding": padding,
        "data_format": "channels_last",
        "dilation_rate": [1, 1],
        "activation": "linear",
    })
}

fn pooling(window: &Window) -> Value {
    json!({
        "pool_size": [window.kernel, window.kernel],
        "strides": [window.stride, window.stride],
        "padding": "valid",
        "data_format": "channels_last",
    })
}
