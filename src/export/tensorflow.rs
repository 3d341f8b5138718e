//! TensorFlow.js, as a graph: pictures of any size in, probabilities out.
//!
//! `picture`, int32 `[batch, height, width, 3]`, RGB, as `tf.browser.fromPixels` gives them → `probabilities`, float32
//! `[batch, classes]`. Cropping, resizing and normalising are part of the graph. Its operations are those of TensorFlow's
//! `GraphDef` in the JSON that TensorFlow.js reads.

use super::filter::{Arithmetic, Binary, Unary, filter};
use super::network::{self, Around, Convolution, Target};
use super::tfjs_weights::{self, TfjsWeights, kernel, transposed};
use super::{File, unsupported};
use crate::backbone::{Array, Stored, WeightStorage};
use crate::classifier::Model;
use crate::error::Result;
use crate::head::{self, Dense};
use crate::image::Preprocess;
use crate::nn::{Activation, Window};
use serde_json::{Value, json};

/// A value of the graph, by its name.
type Name = String;

/// `model.json` and `weights.bin`.
pub(super) fn files(model: Model<'_>, weights: WeightStorage) -> Result<Vec<File>> {
    let mut graph = Building { nodes: Vec::new(), weights: TfjsWeights::default(), storage: weights };
    graph.push(
        "picture",
        "Placeholder",
        &[],
        json!({ "dtype": kind("DT_INT32"), "shape": { "shape": sizes(&[-1, -1, -1, 3]) } }),
    );
    let picture = graph.prepared(&model.backbone.card().preprocess());
    let logits = network::logits(&mut graph, picture, model.backbone, model.head)?;
    graph.push("probabilities", "Softmax", &[&logits], json!({ "T": kind("DT_FLOAT") }));
    let names = model.names();
    let tensor = |name: &str, dtype: &str, of: &[i64]| json!({ name: { "name": format!("{name}:0"), "dtype": dtype, "tensorShape": sizes(of) } });
    let file = json!({
        "format": "graph-model",
        "generatedBy": concat!("headstart ", env!("CARGO_PKG_VERSION")),
        "convertedBy": null,
        "signature": {
            "inputs": tensor("picture", "DT_INT32", &[-1, -1, -1, 3]),
            "outputs": tensor("probabilities", "DT_FLOAT", &[-1, names.len() as i64]),
        },
        "userDefinedMetadata": { "classes": names, "architecture": model.backbone.card().architecture },
        "modelTopology": { "node": graph.nodes, "library": {}, "versions": { "producer": 1087 } },
        "weightsManifest": graph.weights.manifest(),
    });
    Ok(vec![File::json("model.json", &file)?, File::new(tfjs_weights::FILE, graph.weights.bytes)])
}

/// A graph in the making. Maps are `[batch, height, width, channels]`.
struct Building {
    nodes: Vec<Value>,
    weights: TfjsWeights,
    storage: WeightStorage,
}

impl Building {
    fn push(&mut self, name: &str, op: &str, inputs: &[&str], attributes: Value) {
        self.nodes.push(json!({ "name": name, "op": op, "input": inputs, "attr": attributes }));
    }

    /// An operation, which is called after itself.
    fn node(&mut self, op: &str, inputs: &[&str], attributes: Value) -> Name {
        let name = format!("{op}_{}", self.nodes.len());
        self.push(&name, op, inputs, attributes);
        name
    }

    /// An operation on floats.
    fn float(&mut self, op: &str, inputs: &[&str]) -> Name {
        self.node(op, inputs, json!({ "T": kind("DT_FLOAT") }))
    }

    fn constant(&mut self, name: &str, dtype: &str, shape: &[usize]) -> Name {
        let name = format!("{name}_{}", self.nodes.len());
        let shape: Vec<i64> = shape.iter().map(|size| *size as i64).collect();
        let value = json!({ "tensor": { "dtype": dtype, "tensorShape": sizes(&shape) } });
        self.push(&name, "Const", &[], json!({ "dtype": kind(dtype), "value": value }));
        name
    }

    fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Name {
        let name = self.constant(name, "DT_FLOAT", shape);
        self.weights.push(&name, &Array::new(shape.to_vec(), values.to_vec()));
        name
    }

    fn integers(&mut self, shape: &[usize], values: &[i32]) -> Name {
        let name = self.constant("integers", "DT_INT32", shape);
        self.weights.push_integers(&name, shape, values);
        name
    }

    /// A weight, stored as it says: floats when it runs. `scales` is the shape of the scales of what are integers.
    fn weight(&mut self, name: &str, array: &Array, scales: &[usize]) -> Name {
        let stored = self.constant(name, "DT_FLOAT", &array.shape);
        self.weights.push(&stored, array);
        match &array.stored {
            Stored::Int8 { scales: values } => {
                let scales = self.floats(&format!("{name}.scale"), scales, values);
                self.float("Mul", &[&stored, &scales])
            }
            _ => stored,
        }
    }

    fn cast(&mut self, x: &str, from: &str, to: &str) -> Name {
        self.node("Cast", &[x], json!({ "SrcT": kind(from), "DstT": kind(to) }))
    }

    fn reshape(&mut self, x: &str, shape: &[i32]) -> Name {
        let shape = self.integers(&[shape.len()], shape);
        self.node("Reshape", &[x, &shape], json!({ "T": kind("DT_FLOAT"), "Tshape": kind("DT_INT32") }))
    }

    fn transpose(&mut self, x: &str, order: &[i32]) -> Name {
        let order = self.integers(&[order.len()], order);
        self.node("Transpose", &[x, &order], json!({ "T": kind("DT_FLOAT"), "Tperm": kind("DT_INT32") }))
    }

    fn reduce(&mut self, op: &str, x: &str, axes: &[i32], keep: bool) -> Name {
        let axes = self.integers(&[axes.len()], axes);
        self.node(
            op,
            &[x, &axes],
            json!({ "T": kind("DT_FLOAT"), "Tidx": kind("DT_INT32"), "keep_dims": { "b": keep } }),
        )
    }

    fn joined(&mut self, values: &[&str], dtype: &str, axis: i32) -> Name {
        let axis = self.integers(&[], &[axis]);
        let inputs: Vec<&str> = values.iter().copied().chain([axis.as_str()]).collect();
        let attributes = json!({ "T": kind(dtype), "N": { "i": values.len().to_string() }, "Tidx": kind("DT_INT32") });
        self.node("ConcatV2", &inputs, attributes)
    }

    /// The centre square, resized and normalised: `[batch, size, size, 3]`.
    fn prepared(&mut self, preprocess: &Preprocess) -> Name {
        let Preprocess { size, mean, std, crop, interpolation } = preprocess;
        let [one, two, half] = [1.0, 2.0, 0.5].map(|value| self.number(value));
        let shape = self.node("Shape", &["picture"], json!({ "T": kind("DT_INT32"), "out_type": kind("DT_INT32") }));
        let shape = self.cast(&shape, "DT_INT32", "DT_FLOAT");
        let (first, length) = (self.integers(&[1], &[1]), self.integers(&[1], &[2]));
        let shape =
            self.node("Slice", &[&shape, &first, &length], json!({ "T": kind("DT_FLOAT"), "Index": kind("DT_INT32") }));
        let mut side = self.reduce("Min", &shape, &[0], false);
        if *crop != 1.0 {
            let share = self.number(*crop);
            let part = self.binary(Binary::Mul, &side, &share);
            let part = self.binary(Binary::Add, &part, &half);
            let part = self.unary(Unary::Floor, &part);
            side = self.binary(Binary::Max, &part, &one);
        }
        let both = self.binary(Binary::Sub, &shape, &side);
        let start = self.binary(Binary::Div, &both, &two);
        let start = self.unary(Unary::Floor, &start);
        let square = self.square(&start, &side);
        let planes = self.transpose(&square, &[0, 3, 1, 2]);
        let filter = filter(self, &side, *size, *interpolation);
        let turned = self.transpose(&filter, &[1, 0]);
        let [filter, turned] = [filter, turned].map(|matrix| self.spread(&matrix));
        // Along the columns first, and in whole steps between the two.
        let low = self.product(&filter, &planes);
        let low = self.bytes(&low);
        let small = self.product(&low, &turned);
        let values = self.bytes(&small);
        let values = self.transpose(&values, &[0, 2, 3, 1]);
        let scale: Vec<f32> = std.iter().map(|std| 1.0 / (255.0 * std)).collect();
        let shift: Vec<f32> = mean.iter().zip(std).map(|(mean, std)| -mean / std).collect();
        self.affine(&values, &scale, &shift)
    }

    /// The square of the picture that starts at a row and column, as floats.
    fn square(&mut self, start: &str, side: &str) -> Name {
        let [zero, all, colours] = [0.0, -1.0, 3.0].map(|value| self.numbers(&[value], &[1]));
        let side = self.reshape(side, &[1]);
        let begin = self.joined(&[&zero, start, &zero], "DT_FLOAT", 0);
        let size = self.joined(&[&all, &side, &side, &colours], "DT_FLOAT", 0);
        let [begin, size] = [begin, size].map(|x| self.cast(&x, "DT_FLOAT", "DT_INT32"));
        let square = self.node(
            "Slice",
            &["picture", &begin, &size],
            json!({ "T": kind("DT_INT32"), "Index": kind("DT_INT32") }),
        );
        self.cast(&square, "DT_INT32", "DT_FLOAT")
    }

    /// A matrix for each plane of each picture.
    fn spread(&mut self, matrix: &str) -> Name {
        let shape = self.node("Shape", &[matrix], json!({ "T": kind("DT_FLOAT"), "out_type": kind("DT_INT32") }));
        let ones = self.integers(&[2], &[1, 1]);
        let shape = self.joined(&[&ones, &shape], "DT_INT32", 0);
        self.node("Reshape", &[matrix, &shape], json!({ "T": kind("DT_FLOAT"), "Tshape": kind("DT_INT32") }))
    }

    fn product(&mut self, a: &str, b: &str) -> Name {
        let attributes = json!({ "T": kind("DT_FLOAT"), "adj_x": { "b": false }, "adj_y": { "b": false } });
        self.node("BatchMatMulV2", &[a, b], attributes)
    }

    /// Rounded to whole numbers from 0 to 255, halves up.
    fn bytes(&mut self, x: &str) -> Name {
        let [least, half, most] = [0.0, 0.5, 255.0].map(|bound| self.number(bound));
        let raised = self.binary(Binary::Add, x, &half);
        let whole = self.unary(Unary::Floor, &raised);
        self.float("ClipByValue", &[&whole, &least, &most])
    }

    /// A convolution's attributes.
    fn convolving(&self, conv: &Convolution<'_>) -> Value {
        let spec = conv.spec;
        let strides = [1, spec.stride[0], spec.stride[1], 1];
        let mut attributes = json!({ "T": kind("DT_FLOAT"), "strides": integers(&strides), "dilations": integers(&[1; 4]), "data_format": text("NHWC") });
        let [(top, bottom), (left, right)] = conv.padding;
        let padding = match conv.padding {
            [(0, 0), (0, 0)] => "VALID",
            _ if conv.same => "SAME",
            _ => {
                attributes["explicit_paddings"] = integers(&[0, 0, top, bottom, left, right, 0, 0]);
                "EXPLICIT"
            }
        };
        attributes["padding"] = text(padding);
        attributes
    }

    /// A pooling of windows; `edge` is what the input is padded with.
    fn pool(&mut self, op: &str, x: &str, window: &Window, padding: Around, edge: f64) -> Name {
        let [(top, bottom), (left, right)] = padding;
        let mut x = x.to_string();
        if padding != [(0, 0), (0, 0)] {
            let around = [0, 0, top, bottom, left, right, 0, 0].map(|zeros| zeros as i32);
            let (around, edge) = (self.integers(&[4, 2], &around), self.number(edge));
            x = self.node(
                "PadV2",
                &[&x, &around, &edge],
                json!({ "T": kind("DT_FLOAT"), "Tpaddings": kind("DT_INT32") }),
            );
        }
        let sides = |side| integers(&[1, side, side, 1]);
        let attributes = json!({ "T": kind("DT_FLOAT"), "ksize": sides(window.kernel), "strides": sides(window.stride), "padding": text("VALID"), "data_format": text("NHWC") });
        self.node(op, &[&x], attributes)
    }

    fn function(&mut self, x: &str, activation: Activation) -> Name {
        match activation {
            Activation::Relu => self.float("Relu", &[x]),
            Activation::Relu6 => self.float("Relu6", &[x]),
            Activation::Sigmoid => self.float("Sigmoid", &[x]),
            Activation::Silu => {
                let gate = self.float("Sigmoid", &[x]);
                self.binary(Binary::Mul, x, &gate)
            }
            Activation::HardSigmoid => {
                let [three, six] = [3.0, 6.0].map(|value| self.number(value));
                let raised = self.binary(Binary::Add, x, &three);
                let bounded = self.float("Relu6", &[&raised]);
                self.binary(Binary::Div, &bounded, &six)
            }
            Activation::HardSwish => {
                let gate = self.function(x, Activation::HardSigmoid);
                self.binary(Binary::Mul, x, &gate)
            }
        }
    }
}

impl Arithmetic for Building {
    fn number(&mut self, value: f64) -> Name {
        self.floats("number", &[], &[value as f32])
    }

    fn numbers(&mut self, values: &[f64], shape: &[usize]) -> Name {
        let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        self.floats("numbers", shape, &values)
    }

    fn binary(&mut self, op: Binary, a: &str, b: &str) -> Name {
        let op = match op {
            Binary::Add => "AddV2",
            Binary::Sub => "Sub",
            Binary::Mul => "Mul",
            Binary::Div => "RealDiv",
            Binary::Max => "Maximum",
            Binary::Less => "Less",
        };
        self.float(op, &[a, b])
    }

    fn unary(&mut self, op: Unary, x: &str) -> Name {
        self.float(if op == Unary::Abs { "Abs" } else { "Floor" }, &[x])
    }

    fn choose(&mut self, condition: &str, a: &str, b: &str) -> Name {
        self.float("SelectV2", &[condition, a, b])
    }

    fn count(&mut self, end: &str) -> Name {
        let [zero, one] = [0.0, 1.0].map(|value| self.number(value));
        self.node("Range", &[&zero, end, &one], json!({ "Tidx": kind("DT_FLOAT") }))
    }

    fn row_sums(&mut self, x: &str) -> Name {
        self.reduce("Sum", x, &[1], true)
    }

    fn largest(&mut self, x: &str) -> Name {
        let flat = self.reshape(x, &[-1]);
        self.reduce("Max", &flat, &[0], false)
    }
}

impl Target for Building {
    type Value = Name;

    fn conv(&mut self, x: &Name, conv: &Convolution<'_>) -> Result<Name> {
        let spec = conv.spec;
        let depthwise = spec.is_depthwise();
        if spec.groups != 1 && !depthwise {
            return Err(unsupported("tfjs", format!("{} is a convolution of {} groups", spec.name, spec.groups)));
        }
        let array = Array::new(spec.weight_shape().to_vec(), conv.weight.to_vec()).stored_as(&spec.name, self.storage);
        let scales = if depthwise { vec![spec.outputs, 1] } else { vec![spec.outputs] };
        let weight = self.weight(&spec.name, &kernel(&array, depthwise), &scales);
        let mut attributes = self.convolving(conv);
        let zeros = vec![0.0; spec.outputs];
        let bias = self.floats(&format!("{}.bias", spec.name), &[spec.outputs], conv.bias.unwrap_or(&zeros));
        let (fused, after) = match conv.activation {
            Some(Activation::Relu) => (Some("Relu"), None),
            Some(Activation::Relu6) => (Some("Relu6"), None),
            other => (None, other),
        };
        let fused: Vec<&[u8]> = ["BiasAdd"].into_iter().chain(fused).map(str::as_bytes).collect();
        attributes["fused_ops"] = json!({ "list": { "s": fused } });
        attributes["num_args"] = json!({ "i": "1" });
        attributes["epsilon"] = json!({ "f": 0.0 });
        let op = if depthwise { "FusedDepthwiseConv2dNative" } else { "_FusedConv2D" };
        let y = self.node(op, &[x, &weight, &bias], attributes);
        Ok(after.map_or(y.clone(), |activation| self.function(&y, activation)))
    }

    fn affine(&mut self, x: &Name, scale: &[f32], shift: &[f32]) -> Name {
        let scale = self.floats("scale", &[scale.len()], scale);
        let shift = self.floats("shift", &[shift.len()], shift);
        let scaled = self.binary(Binary::Mul, x, &scale);
        self.binary(Binary::Add, &scaled, &shift)
    }

    fn activate(&mut self, x: &Name, activation: Activation, _: [usize; 3]) -> Name {
        self.function(x, activation)
    }

    fn max_pool(&mut self, x: &Name, window: &Window, padding: Around) -> Name {
        self.pool("MaxPool", x, window, padding, f64::from(f32::MIN))
    }

    fn average_pool(&mut self, x: &Name, window: &Window, padding: Around) -> Name {
        self.pool("AvgPool", x, window, padding, 0.0)
    }

    fn global_average(&mut self, x: &Name, _: [usize; 3]) -> Name {
        self.reduce("Mean", x, &[1, 2], true)
    }

    fn scale(&mut self, x: &Name, gate: &Name) -> Name {
        self.binary(Binary::Mul, x, gate)
    }

    fn add(&mut self, a: &Name, b: &Name) -> Name {
        self.binary(Binary::Add, a, b)
    }

    fn concat(&mut self, values: &[Name]) -> Name {
        self.joined(&values.iter().map(String::as_str).collect::<Vec<_>>(), "DT_FLOAT", 3)
    }

    fn pooled(&mut self, x: &Name) -> Name {
        self.reduce("Mean", x, &[1, 2], false)
    }

    fn dense(&mut self, x: &Name, name: &str, layer: &Dense) -> Name {
        let array = Array::new(vec![layer.outputs, layer.inputs], layer.weight.clone()).stored_as(name, self.storage);
        let weight = self.weight(name, &transposed(&array), &[layer.outputs]);
        let bias = self.floats(&format!("{name}.bias"), &[layer.outputs], &layer.bias);
        let attributes = json!({ "T": kind("DT_FLOAT"), "transpose_a": { "b": false }, "transpose_b": { "b": false } });
        let product = self.node("MatMul", &[x, &weight], attributes);
        self.binary(Binary::Add, &product, &bias)
    }

    fn activate_vector(&mut self, x: &Name, activation: head::Activation) -> Name {
        match activation {
            head::Activation::Relu => self.function(x, Activation::Relu),
            head::Activation::Silu => self.function(x, Activation::Silu),
            head::Activation::Tanh => self.float("Tanh", &[x]),
        }
    }
}

fn kind(name: &str) -> Value {
    json!({ "type": name })
}

fn sizes(of: &[i64]) -> Value {
    json!({ "dim": of.iter().map(|size| json!({ "size": size.to_string() })).collect::<Vec<_>>() })
}

fn integers(values: &[usize]) -> Value {
    json!({ "list": { "i": values.iter().map(ToString::to_string).collect::<Vec<_>>() } })
}

fn text(value: &str) -> Value {
    // Bytes as numbers, which TensorFlow.js reads as it does base 64.
    json!({ "s": value.as_bytes() })
}
