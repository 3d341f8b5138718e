//! ONNX: pictures of any size in, probabilities and labels out.
//!
//! `picture`, uint8 `[batch, height, width, 3]`, RGB and upright → `probabilities`, float32 `[batch, classes]`, in the
//! order of the classes, and `label`, string `[batch]`. Cropping, resizing and normalising are part of the graph.

use super::proto::{
    Attribute, Dimension, Entry, Graph, Kind, Model, Node, Opset, Shape, Tensor, TensorKind, ValueInfo,
};
use crate::backbone::WeightStorage;
use crate::error::{Error, Result};
use crate::head::{self, Head};
use crate::image::{Interpolation, Preprocess};
use crate::nn::{Activation, ConvSpec, Numbers, Op, Padding, StageSpec, Window};
use half::f16;
use prost::Message;

/// That of ONNX 1.13, which is in whatever was made since 2023.
const OPSET: i64 = 18;
const IR_VERSION: i64 = 8;

/// Types of elements, as `TensorProto.DataType` numbers them.
const FLOAT: i32 = 1;
const UINT8: i32 = 2;
const INT8: i32 = 3;
const INT64: i32 = 7;
const STRING: i32 = 8;
const FLOAT16: i32 = 10;
const DOUBLE: i32 = 11;

/// A value of the graph, by its name.
type Name = String;

/// The model as the bytes of an `.onnx` file.
pub(super) fn file(model: &super::Model<'_>, weights: WeightStorage) -> Result<Vec<u8>> {
    let mut graph = Building { weights, ..Building::default() };
    let backbone = model.backbone;
    let mut x = graph.prepared(&backbone.card().preprocess());
    let mut shape = backbone.shape_at(0);
    let mut numbers = backbone.folded();
    for stage in backbone.stages() {
        (x, shape) = graph.stage(x, shape, stage, &mut numbers)?;
    }
    let logits = graph.head(x, shape, model.head)?;
    let names = model.names();
    graph.answers(&logits, &names);
    let classes = serde_json::to_string(&names).map_err(|error| Error::Internal(error.to_string()))?;
    let props = [("classes", classes), ("architecture", backbone.card().architecture.clone())];
    let model = Model {
        ir_version: IR_VERSION,
        producer_name: "headstart".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string:
            "An image classifier. In: RGB pictures, upright, on white where they were transparent, 8 bits a channel, of any size; all of a batch have \
                     the same. Out: the probability of each class, and the name of the most probable one."
                .into(),
        graph: Some(graph.end(names.len())),
        opset_import: vec![Opset { domain: String::new(), version: OPSET }],
        metadata_props: props.map(|(key, value)| Entry { key: key.into(), value }).into(),
    };
    Ok(model.encode_to_vec())
}

/// A graph in the making.
struct Building {
    nodes: Vec<Node>,
    tensors: Vec<Tensor>,
    weights: WeightStorage,
}

impl Default for Building {
    fn default() -> Self {
        Self { nodes: Vec::new(), tensors: Vec::new(), weights: WeightStorage::F32 }
    }
}

impl Building {
    /// An operation with one output, which is called after it.
    fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<Attribute>) -> Name {
        let name = format!("{op}_{}", self.nodes.len());
        self.named(&name, op, inputs, attributes);
        name
    }

    fn named(&mut self, output: &str, op: &str, inputs: &[&str], attribute: Vec<Attribute>) {
        let input = inputs.iter().map(ToString::to_string).collect();
        self.nodes.push(Node { input, output: vec![output.into()], op_type: op.into(), attribute });
    }

    fn tensor(&mut self, name: &str, data_type: i32, shape: &[usize], raw: Vec<u8>) -> Name {
        let dims = shape.iter().map(|size| *size as i64).collect();
        let name = format!("{name}_{}", self.tensors.len());
        let string_data = Vec::new();
        self.tensors.push(Tensor { dims, data_type, string_data, name: name.clone(), raw_data: Some(raw) });
        name
    }

    fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Name {
        self.tensor(name, FLOAT, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn integers(&mut self, name: &str, values: &[i64]) -> Name {
        self.tensor(name, INT64, &[values.len()], values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// A weight, whose first dimension is that of the outputs, in the form that is asked for: as floats when it runs.
    fn weight(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Name {
        match self.weights {
            WeightStorage::F32 => self.floats(name, shape, values),
            // Folded weights may be larger than what 16 bits hold.
            WeightStorage::F16 if !values.iter().all(|value| f16::from_f32(*value).is_finite()) => {
                self.floats(name, shape, values)
            }
            WeightStorage::F16 => {
                let halves = values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
                let stored = self.tensor(name, FLOAT16, shape, halves);
                self.node("Cast", &[&stored], to(FLOAT))
            }
            WeightStorage::Int8 => {
                let each = values.len() / shape[0].max(1);
                let scales: Vec<f32> = values.chunks_exact(each.max(1)).map(scale_of).collect();
                let whole = |(row, scale): (&[f32], &f32)| -> Vec<u8> {
                    row.iter().map(|value| (value / scale).round_ties_even() as i8 as u8).collect()
                };
                let integers = values.chunks_exact(each.max(1)).zip(&scales).flat_map(whole).collect();
                let stored = self.tensor(name, INT8, shape, integers);
                let scales = self.floats(&format!("{name}.scale"), &[scales.len()], &scales);
                self.node("DequantizeLinear", &[&stored, &scales], vec![integer("axis", 0)])
            }
        }
    }

    /// The centre square, resized and normalised: `[batch, 3, size, size]`.
    fn prepared(&mut self, preprocess: &Preprocess) -> Name {
        let Preprocess { size, mean, std, crop, interpolation } = preprocess;
        let shape = self.node("Shape", &["picture"], vec![integer("start", 1), integer("end", 3)]);
        let [zero, two] = [0, 2].map(|value| self.integers("constant", &[value]));
        let shorter = self.node("ReduceMin", &[&shape, &zero], vec![integer("keepdims", 1)]);
        let side = if *crop == 1.0 { shorter } else { self.share_of(&shorter, *crop) };
        let both = self.node("Sub", &[&shape, &side], Vec::new());
        let start = self.node("Div", &[&both, &two], Vec::new());
        let end = self.node("Add", &[&start, &side], Vec::new());
        let sides = self.integers("sides", &[1, 2]);
        let square = self.node("Slice", &["picture", &start, &end, &sides], Vec::new());
        let planes = self.node("Transpose", &[&square], vec![integers("perm", &[0, 3, 1, 2])]);
        let pixels = self.node("Cast", &[&planes], to(FLOAT));
        let filter = self.filter(&side, *size, *interpolation);
        let turned = self.node("Transpose", &[&filter], vec![integers("perm", &[1, 0])]);
        // Along the columns first, and in whole steps between the two.
        let low = self.node("MatMul", &[&filter, &pixels], Vec::new());
        let low = self.bytes(&low);
        let small = self.node("MatMul", &[&low, &turned], Vec::new());
        let values = self.bytes(&small);
        let scale: Vec<f32> = std.iter().map(|std| 1.0 / (255.0 * std)).collect();
        let shift: Vec<f32> = mean.iter().zip(std).map(|(mean, std)| -mean / std).collect();
        self.affine(&values, &scale, &shift)
    }

    /// What each of `size` pixels takes of each of `side`, `[size, side]`, float: an antialiased filter, which grows as
    /// wide as the picture is reduced, as [`Preprocess::crop`] has it. `Resize` of ONNX Runtime treats the edges in
    /// another way, and a step of 255 in one pixel of a hundred can move a probability by a hundredth.
    fn filter(&mut self, side: &str, size: usize, interpolation: Interpolation) -> Name {
        let [zero, half, one, sizes] = [0.0, 0.5, 1.0, size as f64].map(|value| self.double(value));
        let scalar = self.integers("none", &[]);
        let length = self.node("Cast", &[side], to(DOUBLE));
        let end = self.node("Reshape", &[&length, &scalar], Vec::new());
        let from = self.node("Range", &[&zero, &end, &one], Vec::new());
        let from = self.node("Add", &[&from, &half], Vec::new());
        let scale = self.node("Div", &[&length, &sizes], Vec::new());
        let width = self.node("Max", &[&scale, &one], Vec::new());
        let centres = (0..size).flat_map(|at| (at as f64 + 0.5).to_le_bytes()).collect();
        let centres = self.tensor("centres", DOUBLE, &[size, 1], centres);
        let centres = self.node("Mul", &[&centres, &scale], Vec::new());
        let apart = self.node("Sub", &[&from, &centres], Vec::new());
        let apart = self.node("Div", &[&apart, &width], Vec::new());
        let apart = self.node("Abs", &[&apart], Vec::new());
        let shares = match interpolation {
            Interpolation::Bilinear => {
                let near = self.node("Sub", &[&one, &apart], Vec::new());
                self.node("Max", &[&near, &zero], Vec::new())
            }
            Interpolation::Bicubic => self.catmull_rom(&apart),
        };
        let axis = self.integers("axis", &[1]);
        let sum = self.node("ReduceSum", &[&shares, &axis], vec![integer("keepdims", 1)]);
        let shares = self.node("Div", &[&shares, &sum], Vec::new());
        let shares = self.in_steps(&shares);
        self.node("Cast", &[&shares], to(FLOAT))
    }

    /// Rounded to the fixed point of `fast_image_resize`: as many bits, up to 21, as leave the largest share in 15.
    fn in_steps(&mut self, shares: &str) -> Name {
        let powers = (1..=21).flat_map(|bits| f64::from(1 << bits).to_le_bytes()).collect();
        let powers = self.tensor("powers", DOUBLE, &[21], powers);
        let [half, one, most] = [0.5, 1.0, f64::from(1 << 15)].map(|value| self.double(value));
        let all = self.integers("axes", &[0, 1]);
        let largest = self.node("ReduceMax", &[shares, &all], vec![integer("keepdims", 0)]);
        let scaled = self.node("Mul", &[&powers, &largest], Vec::new());
        let scaled = self.node("Add", &[&scaled, &half], Vec::new());
        let whole = self.node("Floor", &[&scaled], Vec::new());
        let fits = self.node("Less", &[&whole, &most], Vec::new());
        let fitting = self.node("Where", &[&fits, &powers, &one], Vec::new());
        let first = self.integers("axes", &[0]);
        let steps = self.node("ReduceMax", &[&fitting, &first], vec![integer("keepdims", 0)]);
        let scaled = self.node("Mul", &[shares, &steps], Vec::new());
        let scaled = self.node("Add", &[&scaled, &half], Vec::new());
        let whole = self.node("Floor", &[&scaled], Vec::new());
        self.node("Div", &[&whole, &steps], Vec::new())
    }

    /// (1.5d − 2.5)d² + 1 up to 1, ((2.5 − 0.5d)d − 4)d + 2 up to 2, then 0 (Keys 1981, a = −0.5).
    fn catmull_rom(&mut self, apart: &str) -> Name {
        let polynomial = |graph: &mut Self, factors: [f64; 4]| {
            let [first, rest @ ..] = factors.map(|factor| graph.double(factor));
            rest.iter().fold(first, |sum, factor| {
                let product = graph.node("Mul", &[&sum, apart], Vec::new());
                graph.node("Add", &[&product, factor], Vec::new())
            })
        };
        let near = polynomial(self, [1.5, -2.5, 0.0, 1.0]);
        let far = polynomial(self, [-0.5, 2.5, -4.0, 2.0]);
        let [zero, one, two] = [0.0, 1.0, 2.0].map(|value| self.double(value));
        let is_near = self.node("Less", &[apart, &one], Vec::new());
        let is_far = self.node("Less", &[apart, &two], Vec::new());
        let far = self.node("Where", &[&is_far, &far, &zero], Vec::new());
        self.node("Where", &[&is_near, &near, &far], Vec::new())
    }

    /// Rounded to whole numbers from 0 to 255, halves up.
    fn bytes(&mut self, x: &str) -> Name {
        let [least, half, most] = [0.0, 0.5, 255.0].map(|bound| self.floats("bound", &[], &[bound]));
        let raised = self.node("Add", &[x, &half], Vec::new());
        let whole = self.node("Floor", &[&raised], Vec::new());
        self.node("Clip", &[&whole, &least, &most], Vec::new())
    }

    fn double(&mut self, value: f64) -> Name {
        self.tensor("constant", DOUBLE, &[], value.to_le_bytes().into())
    }

    /// A share of a length, rounded as [`Preprocess::crop`] does, and at least 1.
    fn share_of(&mut self, length: &str, share: f64) -> Name {
        let one = self.integers("constant", &[1]);
        let [share, half] = [share, 0.5].map(|value| self.double(value));
        let length = self.node("Cast", &[length], to(DOUBLE));
        let product = self.node("Mul", &[&length, &share], Vec::new());
        let raised = self.node("Add", &[&product, &half], Vec::new());
        let whole = self.node("Floor", &[&raised], Vec::new());
        let side = self.node("Cast", &[&whole], to(INT64));
        self.node("Max", &[&side, &one], Vec::new())
    }

    /// x · scale + shift, a value each a channel.
    fn affine(&mut self, x: &str, scale: &[f32], shift: &[f32]) -> Name {
        let of_channels = |values: &[f32]| [1, values.len(), 1, 1];
        let scale = self.floats("scale", &of_channels(scale), scale);
        let shift = self.floats("shift", &of_channels(shift), shift);
        let scaled = self.node("Mul", &[x, &scale], Vec::new());
        self.node("Add", &[&scaled, &shift], Vec::new())
    }

    /// A stage of the network, of an input of the shape `[channels, height, width]`; gives what comes out and its shape.
    fn stage(
        &mut self,
        input: Name,
        shape: [usize; 3],
        stage: &StageSpec,
        numbers: &mut dyn Numbers,
    ) -> Result<(Name, [usize; 3])> {
        let unfit = |node| Error::Internal(format!("operation {node} of {} does not fit its input", stage.name));
        let shapes = stage.shapes([shape[1], shape[2]]).map_err(unfit)?;
        let mut values = vec![input];
        for (at, node) in stage.nodes().iter().enumerate() {
            let x = values[node.inputs[0].index()].clone();
            let [_, height, width] = shapes[node.inputs[0].index()];
            let all: Vec<Name> = node.inputs.iter().map(|value| values[value.index()].clone()).collect();
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            let value = match &node.op {
                Op::Conv(conv) => {
                    let (weight, bias) = numbers.conv(conv, stage.norm_behind(at).map(|(_, norm)| norm))?;
                    self.convolution(&x, conv, [height, width], &weight, bias.as_deref())
                }
                Op::Norm(_) if stage.is_folded(at) => x,
                Op::Norm(norm) => {
                    let [scale, shift] = numbers.norm(norm)?;
                    self.affine(&x, &scale, &shift)
                }
                Op::Activate(activation) => self.activation(&x, *activation),
                Op::MaxPool(window) => self.node("MaxPool", &[&x], pooling(window, [height, width])),
                Op::AveragePool(window) => {
                    let mut attributes = pooling(window, [height, width]);
                    attributes.push(integer("count_include_pad", 1));
                    self.node("AveragePool", &[&x], attributes)
                }
                Op::GlobalAverage => self.node("GlobalAveragePool", &[&x], Vec::new()),
                Op::Dense(dense) => {
                    // On one pixel that is a convolution.
                    let (weight, bias) = numbers.dense(dense)?;
                    let conv = ConvSpec { inputs: dense.inputs, ..ConvSpec::new(&*dense.name, dense.outputs) };
                    self.convolution(&x, &conv, [1, 1], &weight, bias.as_deref())
                }
                Op::Scale => self.node("Mul", &all, Vec::new()),
                Op::Add => self.node("Add", &all, Vec::new()),
                Op::Concat => self.node("Concat", &all, vec![integer("axis", 1)]),
            };
            values.push(value);
        }
        let last = stage.nodes().len();
        Ok((values.swap_remove(last), shapes[last]))
    }

    fn convolution(
        &mut self,
        x: &str,
        conv: &ConvSpec,
        size: [usize; 2],
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> Name {
        let weight = self.weight(&format!("{}.weight", conv.name), &conv.weight_shape(), weight);
        let bias = bias.map(|bias| self.floats(&format!("{}.bias", conv.name), &[bias.len()], bias));
        let [(top, bottom), (left, right)] = conv.padding_of(size);
        let attributes = vec![
            integers("kernel_shape", &conv.kernel.map(|side| side as i64)),
            integers("strides", &conv.stride.map(|side| side as i64)),
            integers("pads", &[top, left, bottom, right].map(|zeros| zeros as i64)),
            integer("group", conv.groups as i64),
        ];
        let inputs: Vec<&str> = [x, &weight].into_iter().chain(bias.as_deref()).collect();
        self.node("Conv", &inputs, attributes)
    }

    fn activation(&mut self, x: &str, activation: Activation) -> Name {
        match activation {
            Activation::Relu => self.node("Relu", &[x], Vec::new()),
            Activation::Relu6 => {
                let [least, most] = [0.0, 6.0].map(|bound| self.floats("bound", &[], &[bound]));
                self.node("Clip", &[x, &least, &most], Vec::new())
            }
            Activation::Silu => {
                let gate = self.node("Sigmoid", &[x], Vec::new());
                self.node("Mul", &[x, &gate], Vec::new())
            }
            Activation::HardSwish => self.node("HardSwish", &[x], Vec::new()),
            Activation::HardSigmoid => {
                self.node("HardSigmoid", &[x], vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)])
            }
            Activation::Sigmoid => self.node("Sigmoid", &[x], Vec::new()),
        }
    }

    /// Logits `[batch, classes]` of the last map.
    fn head(&mut self, x: Name, shape: [usize; 3], head: &Head) -> Result<Name> {
        let x = match &head.convolution {
            Some(convolution) => self.stage(x, shape, &convolution.stage(), &mut &*convolution)?.0,
            None => x,
        };
        let pooled = self.node("GlobalAveragePool", &[&x], Vec::new());
        let mut x = self.node("Flatten", &[&pooled], Vec::new());
        for (index, layer) in head.layers.iter().enumerate() {
            let shape = [layer.outputs, layer.inputs];
            let weight = self.weight(&format!("head.{index}.weight"), &shape, &layer.weight);
            let bias = self.floats(&format!("head.{index}.bias"), &[layer.outputs], &layer.bias);
            x = self.node("Gemm", &[&x, &weight, &bias], vec![integer("transB", 1)]);
            if index + 1 < head.layers.len() {
                x = match head.activation {
                    head::Activation::Relu => self.activation(&x, Activation::Relu),
                    head::Activation::Silu => self.activation(&x, Activation::Silu),
                    head::Activation::Tanh => self.node("Tanh", &[&x], Vec::new()),
                };
            }
        }
        Ok(x)
    }

    fn answers(&mut self, logits: &str, names: &[String]) {
        self.named("probabilities", "Softmax", &[logits], vec![integer("axis", -1)]);
        let best = self.node("ArgMax", &[logits], vec![integer("axis", -1), integer("keepdims", 0)]);
        self.tensors.push(Tensor {
            dims: vec![names.len() as i64],
            data_type: STRING,
            string_data: names.iter().map(|name| name.clone().into_bytes()).collect(),
            name: "classes".into(),
            raw_data: None,
        });
        self.named("label", "Gather", &["classes", &best], Vec::new());
    }

    fn end(self, classes: usize) -> Graph {
        let batch = || named("batch");
        let input = [batch(), named("height"), named("width"), sized(3)];
        Graph {
            node: self.nodes,
            name: "headstart".into(),
            initializer: self.tensors,
            input: vec![value("picture", UINT8, input.into(), "RGB, upright")],
            output: vec![
                value("probabilities", FLOAT, vec![batch(), sized(classes)], "in the order of the classes"),
                value("label", STRING, vec![batch()], "the most probable class"),
            ],
        }
    }
}

/// What one step of an output channel's 8-bit weights is worth; see [`WeightStorage::Int8`].
fn scale_of(row: &[f32]) -> f32 {
    let largest = row.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    if largest > 0.0 { largest / 127.0 } else { 1.0 }
}

fn pooling(window: &Window, size: [usize; 2]) -> Vec<Attribute> {
    let around = |size| Padding::around(window.padding, window.kernel, window.stride, size);
    let [(top, bottom), (left, right)] = size.map(around);
    vec![
        integers("kernel_shape", &[window.kernel as i64; 2]),
        integers("strides", &[window.stride as i64; 2]),
        integers("pads", &[top, left, bottom, right].map(|zeros| zeros as i64)),
    ]
}

fn attribute(name: &str, kind: i32) -> Attribute {
    Attribute { name: name.into(), kind, ..Attribute::default() }
}

/// What a `Cast` makes of its input.
fn to(element: i32) -> Vec<Attribute> {
    vec![integer("to", i64::from(element))]
}

fn float(name: &str, f: f32) -> Attribute {
    Attribute { f: Some(f), ..attribute(name, 1) }
}

fn integer(name: &str, i: i64) -> Attribute {
    Attribute { i: Some(i), ..attribute(name, 2) }
}

fn integers(name: &str, ints: &[i64]) -> Attribute {
    Attribute { ints: ints.into(), ..attribute(name, 7) }
}

fn sized(size: usize) -> Dimension {
    Dimension { value: Some(size as i64), name: None }
}

fn named(name: &str) -> Dimension {
    Dimension { value: None, name: Some(name.into()) }
}

fn value(name: &str, element: i32, dim: Vec<Dimension>, about: &str) -> ValueInfo {
    let tensor = Some(TensorKind { element, shape: Some(Shape { dim }) });
    ValueInfo { name: name.into(), kind: Some(Kind { tensor }), doc_string: about.into() }
}
