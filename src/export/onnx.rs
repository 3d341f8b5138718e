//! ONNX: pictures of any size in, probabilities and labels out.
//!
//! `picture`, uint8 `[batch, height, width, 3]`, RGB and upright → `probabilities`, float32 `[batch, classes]`, in the
//! order of the classes, and `label`, string `[batch]`. Cropping, resizing and normalising are part of the graph.

use super::filter::{Arithmetic, Binary, Unary, filter};
use super::network::{self, Around, Convolution, Target};
use super::proto::{
    Attribute, Dimension, Entry, Graph, Kind, Model, Node, Opset, Shape, Tensor, TensorKind, ValueInfo,
};
use crate::backbone::{Array, Stored, WeightStorage};
use crate::error::{Error, Result};
use crate::head::{self, Dense};
use crate::image::Preprocess;
use crate::nn::{Activation, Window};
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
pub(super) fn file(model: super::Model<'_>, weights: WeightStorage) -> Result<Vec<u8>> {
    let mut graph = Building { weights, ..Building::default() };
    let backbone = model.backbone;
    let picture = graph.prepared(&backbone.card().preprocess());
    let logits = network::logits(&mut graph, picture, backbone, model.head)?;
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
        let array = Array::new(shape.to_vec(), values.to_vec()).stored_as(name, self.weights);
        match &array.stored {
            Stored::F32 | Stored::Bf16 => self.floats(name, shape, &array.data),
            Stored::F16 => {
                let halves = array.data.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
                let stored = self.tensor(name, FLOAT16, shape, halves);
                self.node("Cast", &[&stored], to(FLOAT))
            }
            Stored::Int8 { scales } => {
                let integers = array.integers(scales).iter().map(|integer| *integer as u8).collect();
                let stored = self.tensor(name, INT8, shape, integers);
                let scales = self.floats(&format!("{name}.scale"), &[scales.len()], scales);
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
        let length = self.node("Cast", &[&side], to(DOUBLE));
        let scalar = self.integers("none", &[]);
        let length = self.node("Reshape", &[&length, &scalar], Vec::new());
        let filter = filter(self, &length, *size, *interpolation);
        let filter = self.node("Cast", &[&filter], to(FLOAT));
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

    fn function(&mut self, x: &str, activation: Activation) -> Name {
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

impl Arithmetic for Building {
    fn number(&mut self, value: f64) -> Name {
        self.double(value)
    }

    fn numbers(&mut self, values: &[f64], shape: &[usize]) -> Name {
        self.tensor("constants", DOUBLE, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn binary(&mut self, op: Binary, a: &str, b: &str) -> Name {
        let op = match op {
            Binary::Add => "Add",
            Binary::Sub => "Sub",
            Binary::Mul => "Mul",
            Binary::Div => "Div",
            Binary::Max => "Max",
            Binary::Less => "Less",
        };
        self.node(op, &[a, b], Vec::new())
    }

    fn unary(&mut self, op: Unary, x: &str) -> Name {
        let op = match op {
            Unary::Abs => "Abs",
            Unary::Floor => "Floor",
        };
        self.node(op, &[x], Vec::new())
    }

    fn choose(&mut self, condition: &str, a: &str, b: &str) -> Name {
        self.node("Where", &[condition, a, b], Vec::new())
    }

    fn count(&mut self, end: &str) -> Name {
        let [zero, one] = [0.0, 1.0].map(|value| self.double(value));
        self.node("Range", &[&zero, end, &one], Vec::new())
    }

    fn row_sums(&mut self, x: &str) -> Name {
        let axis = self.integers("axis", &[1]);
        self.node("ReduceSum", &[x, &axis], vec![integer("keepdims", 1)])
    }

    fn largest(&mut self, x: &str) -> Name {
        self.node("ReduceMax", &[x], vec![integer("keepdims", 0)])
    }
}

impl Target for Building {
    type Value = Name;

    fn conv(&mut self, x: &Name, conv: &Convolution<'_>) -> Result<Name> {
        let spec = conv.spec;
        let weight = self.weight(&format!("{}.weight", spec.name), &spec.weight_shape(), conv.weight);
        let bias = conv.bias.map(|bias| self.floats(&format!("{}.bias", spec.name), &[bias.len()], bias));
        let [(top, bottom), (left, right)] = conv.padding;
        let attributes = vec![
            integers("kernel_shape", &spec.kernel.map(|side| side as i64)),
            integers("strides", &spec.stride.map(|side| side as i64)),
            integers("pads", &[top, left, bottom, right].map(|zeros| zeros as i64)),
            integer("group", spec.groups as i64),
        ];
        let inputs: Vec<&str> = [x, weight.as_str()].into_iter().chain(bias.as_deref()).collect();
        let y = self.node("Conv", &inputs, attributes);
        Ok(conv.activation.map_or(y.clone(), |activation| self.function(&y, activation)))
    }

    fn affine(&mut self, x: &Name, scale: &[f32], shift: &[f32]) -> Name {
        let of_channels = |values: &[f32]| [1, values.len(), 1, 1];
        let scale = self.floats("scale", &of_channels(scale), scale);
        let shift = self.floats("shift", &of_channels(shift), shift);
        let scaled = self.node("Mul", &[x, &scale], Vec::new());
        self.node("Add", &[&scaled, &shift], Vec::new())
    }

    fn activate(&mut self, x: &Name, activation: Activation, _: [usize; 3]) -> Name {
        self.function(x, activation)
    }

    fn max_pool(&mut self, x: &Name, window: &Window, padding: Around) -> Name {
        self.node("MaxPool", &[x], pooling(window, padding))
    }

    fn average_pool(&mut self, x: &Name, window: &Window, padding: Around) -> Name {
        let mut attributes = pooling(window, padding);
        attributes.push(integer("count_include_pad", 1));
        self.node("AveragePool", &[x], attributes)
    }

    fn global_average(&mut self, x: &Name, _: [usize; 3]) -> Name {
        self.node("GlobalAveragePool", &[x], Vec::new())
    }

    fn scale(&mut self, x: &Name, gate: &Name) -> Name {
        self.node("Mul", &[x, gate], Vec::new())
    }

    fn add(&mut self, a: &Name, b: &Name) -> Name {
        self.node("Add", &[a, b], Vec::new())
    }

    fn concat(&mut self, values: &[Name]) -> Name {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        self.node("Concat", &values, vec![integer("axis", 1)])
    }

    fn pooled(&mut self, x: &Name) -> Name {
        let pooled = self.node("GlobalAveragePool", &[x], Vec::new());
        self.node("Flatten", &[&pooled], Vec::new())
    }

    fn dense(&mut self, x: &Name, name: &str, layer: &Dense) -> Name {
        let weight = self.weight(&format!("{name}.weight"), &[layer.outputs, layer.inputs], &layer.weight);
        let bias = self.floats(&format!("{name}.bias"), &[layer.outputs], &layer.bias);
        self.node("Gemm", &[x, &weight, &bias], vec![integer("transB", 1)])
    }

    fn activate_vector(&mut self, x: &Name, activation: head::Activation) -> Name {
        match activation {
            head::Activation::Relu => self.function(x, Activation::Relu),
            head::Activation::Silu => self.function(x, Activation::Silu),
            head::Activation::Tanh => self.node("Tanh", &[x], Vec::new()),
        }
    }
}

fn pooling(window: &Window, [(top, bottom), (left, right)]: Around) -> Vec<Attribute> {
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
