//! Each kind of layer against PyTorch's output and gradients (tests/golden/make_layers_golden.py), and the gradients
//! of whole stages against finite differences.
//!
//! The library reads whole backbones only, so a golden layer is planted into the first channels of a stage of the
//! default architecture whose other weights are all zero: what comes out of the first channels is the layer's.
//! Where ReLU6 follows and the golden layer has none, outputs are scaled and lifted into the middle of its range.

mod common;

use burn::tensor::{Tensor, TensorData};
use common::{DEFAULT, Golden, assert_close, default_backbone, engine, golden, project};
use headstart::backbone::{Backbone, FrozenStages, TrainableStages};
use headstart::nn::{Op, Role, global_average};
use headstart::params::Params;
use safetensors::{Dtype, tensor::TensorView};
use std::collections::BTreeMap;

/// Largest difference, as a share of the largest value of the tensor.
const BOUND: f32 = 1e-5;
/// Lifts values within ±12 into ReLU6's linear range: y becomes y · SCALE + SHIFT.
const SCALE: f32 = 0.25;
const SHIFT: f32 = 3.0;

type Tensors = BTreeMap<String, Golden>;

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("f32")
}

/// Places of the values of a small tensor in a large one that holds it in its first corner.
fn corner(small: &[usize], large: &[usize]) -> Vec<usize> {
    let place = |mut index: usize| {
        let (mut at, mut step) = (0, 1);
        for (small, large) in small.iter().zip(large).rev() {
            assert!(small <= large, "{small} fits into {large}");
            at += index % small * step;
            index /= small;
            step *= large;
        }
        at
    };
    (0..small.iter().product()).map(place).collect()
}

fn read(large: &Golden, small: &[usize]) -> Vec<f32> {
    corner(small, &large.shape).into_iter().map(|at| large.data[at]).collect()
}

/// With zero channels added until there are `channels`.
fn padded(x: &Golden, channels: usize) -> Tensor<4> {
    let shape = [x.shape[0], channels, x.shape[2], x.shape[3]];
    let mut data = vec![0.0; shape.iter().product()];
    corner(&x.shape, &shape).into_iter().zip(&x.data).for_each(|(at, value)| data[at] = *value);
    Tensor::from_data(TensorData::new(data, shape), engine().device())
}

/// A backbone of zeros to plant layers into.
struct Bed {
    backbone: Backbone,
    tensors: Tensors,
}

impl Bed {
    /// With BatchNorm or with a bias in its place.
    fn new(folded: bool) -> Self {
        let backbone = default_backbone();
        let mut tensors = Tensors::new();
        for tensor in backbone.stages().iter().flat_map(|stage| stage.tensors(folded)) {
            let value = if tensor.role == Role::Variance { 1.0 } else { 0.0 };
            let data = vec![value; tensor.shape.iter().product()];
            tensors.insert(tensor.name, Golden { shape: tensor.shape, data });
        }
        Self { backbone, tensors }
    }

    fn plant(&mut self, name: &str, layer: &Golden, change: impl Fn(f32) -> f32) {
        let target = self.tensors.get_mut(name).unwrap_or_else(|| panic!("{name} is a tensor of the backbone"));
        let places = corner(&layer.shape, &target.shape);
        places.into_iter().zip(&layer.data).for_each(|(at, value)| target.data[at] = change(*value));
    }

    /// Sets single values of a tensor, `(index of the output channel, index within it, value)`.
    fn set(&mut self, name: &str, entries: impl IntoIterator<Item = (usize, usize, f32)>) {
        let target = self.tensors.get_mut(name).unwrap_or_else(|| panic!("{name} is a tensor of the backbone"));
        let row: usize = target.shape[1..].iter().product();
        entries.into_iter().for_each(|(output, at, value)| target.data[output * row + at] = value);
    }

    fn grow(self) -> Backbone {
        let config = std::fs::read_to_string(project(DEFAULT).join("config.json")).unwrap();
        let bytes: BTreeMap<&String, Vec<u8>> = self
            .tensors
            .iter()
            .map(|(name, t)| (name, t.data.iter().flat_map(|x| x.to_le_bytes()).collect()))
            .collect();
        let view = |name: &String| TensorView::new(Dtype::F32, self.tensors[name].shape.clone(), &bytes[name]).unwrap();
        let file = safetensors::serialize(self.tensors.keys().map(|name| (name, view(name))), None).unwrap();
        Backbone::parse(&config, &file).expect("a valid backbone")
    }
}

/// What a stage makes of a golden layer's input: its output, and the gradients of Σ output · output_weights · factor.
struct Stage {
    output: Golden,
    gradients: Tensors,
}

impl Stage {
    fn run(backbone: &Backbone, stage: usize, layer: &Tensors, factor: f32) -> Self {
        let engine = engine();
        let x = padded(&layer["input"], backbone.stages()[stage].inputs);
        let [_, _, height, width] = x.dims();
        let frozen = FrozenStages::of_size(backbone, stage..stage + 1, [height, width], &engine).unwrap();
        let frozen = frozen.forward(&values(x.clone()));
        let mut params = Params::new(engine.device());
        let trainable = TrainableStages::new(backbone, stage..stage + 1, &engine, &mut params, true).unwrap();
        let x = x.autodiff().require_grad();
        let y = trainable.forward(x.clone(), &params, 0);
        let shape = y.dims();
        assert_close("frozen and trainable stage", &values(frozen), &values(y.clone().inner()), BOUND);
        let output = Golden { shape: shape.to_vec(), data: values(y.clone().inner()) };
        let weights = padded(&layer["output_weights"], shape[1]).mul_scalar(factor).autodiff();
        let mut found = (y * weights).sum().backward();
        let input = x.grad_remove(&mut found).expect("the input has a gradient");
        let mut gradients = Tensors::new();
        gradients.insert("input".into(), Golden { shape: input.dims().to_vec(), data: values(input) });
        for (param, gradient) in params.iter().zip(params.gradients(&mut found)) {
            let data = values(gradient.unwrap_or_else(|| panic!("{} has a gradient", param.name)));
            gradients.insert(param.name.clone(), Golden { shape: param.shape.clone(), data });
        }
        Self { output, gradients }
    }

    fn check_output(&self, layer: &Tensors, change: impl Fn(f32) -> f32) {
        let found: Vec<f32> = read(&self.output, &layer["output"].shape).into_iter().map(change).collect();
        assert_close("output", &found, &layer["output"].data, BOUND);
    }

    fn check_gradient(&self, name: &str, golden: &Golden, factor: f32) {
        let found: Vec<f32> = read(&self.gradients[name], &golden.shape).iter().map(|g| g * factor).collect();
        assert_close(&format!("gradient of {name}"), &found, &golden.data, BOUND);
    }
}

/// One golden layer, its names without the layer's.
fn layer(name: &str) -> Tensors {
    let all = golden(&project("tests/golden/layers.safetensors"));
    let prefix = format!("{name}.");
    all.into_iter().filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?.to_string(), value))).collect()
}

fn lift(x: f32) -> f32 {
    x * SCALE + SHIFT
}

/// A convolution with a bias whose stage ends in ReLU6.
fn lifted_convolution(name: &str, stage: usize) {
    let layer = layer(name);
    let mut bed = Bed::new(true);
    let mut names = bed.backbone.stages()[stage].tensors(true).into_iter().map(|tensor| tensor.name);
    let (weight, bias) = (names.next().unwrap(), names.next().unwrap());
    bed.plant(&weight, &layer["param.weight"], |w| w * SCALE);
    bed.plant(&bias, &layer["param.bias"], lift);
    let found = Stage::run(&bed.grow(), stage, &layer, 1.0 / SCALE);
    found.check_output(&layer, |y| (y - SHIFT) / SCALE);
    found.check_gradient("input", &layer["grad.input"], 1.0);
    found.check_gradient(&weight, &layer["grad.weight"], SCALE);
    found.check_gradient(&bias, &layer["grad.bias"], SCALE);
}

#[test]
fn convolution_of_stride_2() {
    lifted_convolution("conv_stride2", 0);
}

#[test]
fn pointwise_convolution() {
    lifted_convolution("pointwise", 18);
}

/// The depthwise convolution of an inverted residual. The ReLU6 before it lets nothing negative through, so x goes in
/// as max(x, 0) and max(−x, 0), in two sets of channels whose difference comes out.
fn depthwise(name: &str, stage: usize) {
    let layer = layer(name);
    let channels = layer["input"].shape[1];
    let mut bed = Bed::new(true);
    let part = |part: &str| format!("features.{stage}.conv.{part}");
    bed.set(&part("0.0.weight"), (0..channels).flat_map(|c| [(c, c, 1.0), (channels + c, c, -1.0)]));
    let golden = &layer["param.weight"];
    let twice =
        Golden { shape: vec![2 * channels, 1, 3, 3], data: [golden.data.clone(), golden.data.clone()].concat() };
    bed.plant(&part("1.0.weight"), &twice, |w| w * SCALE);
    bed.plant(&part("1.0.bias"), &layer["param.bias"], lift);
    bed.set(&part("1.0.bias"), (channels..2 * channels).map(|c| (c, 0, SHIFT)));
    let out = 1.0 / SCALE;
    bed.set(&part("2.weight"), (0..channels).flat_map(|c| [(c, c, out), (c, channels + c, -out)]));
    let found = Stage::run(&bed.grow(), stage, &layer, 1.0);
    found.check_output(&layer, |y| y);
    found.check_gradient("input", &layer["grad.input"], 1.0);
    found.check_gradient(&part("1.0.bias"), &layer["grad.bias"], SCALE);
    // The second set holds −x and enters with −1: both gradients together are the layer's.
    let both = read(&found.gradients[&part("1.0.weight")], &twice.shape);
    let (first, second) = both.split_at(both.len() / 2);
    let sum: Vec<f32> = first.iter().zip(second).map(|(a, b)| (a + b) * SCALE).collect();
    assert_close("gradient of the weight", &sum, &layer["grad.weight"].data, BOUND);
}

#[test]
fn depthwise_convolution_of_stride_1() {
    depthwise("depthwise_stride1", 11);
}

#[test]
fn depthwise_convolution_of_stride_2() {
    depthwise("depthwise_stride2", 2);
}

#[test]
fn depthwise_convolution_of_stride_2_on_odd_sides() {
    depthwise("depthwise_stride2_odd", 2);
}

#[test]
fn batch_norm_with_affine() {
    let layer = layer("batch_norm");
    let mut bed = Bed::new(false);
    bed.set("features.18.0.weight", (0..4).map(|c| (c, c, 1.0)));
    bed.plant("features.18.1.weight", &layer["param.weight"], |x| x * SCALE);
    bed.plant("features.18.1.bias", &layer["param.bias"], lift);
    bed.plant("features.18.1.running_mean", &layer["param.running_mean"], |x| x);
    bed.plant("features.18.1.running_var", &layer["param.running_var"], |x| x);
    let found = Stage::run(&bed.grow(), 18, &layer, 1.0 / SCALE);
    found.check_output(&layer, |y| (y - SHIFT) / SCALE);
    found.check_gradient("input", &layer["grad.input"], 1.0);
    found.check_gradient("features.18.1.weight", &layer["grad.weight"], SCALE);
    found.check_gradient("features.18.1.bias", &layer["grad.bias"], SCALE);
}

#[test]
fn relu6() {
    let layer = layer("relu6");
    let mut bed = Bed::new(true);
    bed.set("features.18.0.weight", (0..3).map(|c| (c, c, 1.0)));
    let found = Stage::run(&bed.grow(), 18, &layer, 1.0);
    found.check_output(&layer, |y| y);
    found.check_gradient("input", &layer["grad.input"], 1.0);
}

#[test]
fn global_average_pool() {
    let layer = layer("global_average_pool");
    let x = padded(&layer["input"], layer["input"].shape[1]).autodiff().require_grad();
    let y = global_average(x.clone());
    assert_close("output", &values(y.clone().inner()), &layer["output"].data, BOUND);
    let weights = TensorData::new(layer["output_weights"].data.clone(), y.dims());
    let weights = Tensor::<2>::from_data(weights, engine().device()).autodiff();
    let mut gradients = (y * weights).sum().backward();
    let gradient = x.grad_remove(&mut gradients).expect("a gradient");
    assert_close("gradient", &values(gradient), &layer["grad.input"].data, BOUND);
}

fn inverted_residual(name: &str, stage: usize, residual: bool) {
    let layer = layer(name);
    let mut bed = Bed::new(false);
    let adds = bed.backbone.stages()[stage].nodes().iter().any(|node| node.op == Op::Add);
    assert_eq!(adds, residual, "shortcut of stage {stage}");
    for (key, value) in &layer {
        if let Some(key) = key.strip_prefix("param.") {
            bed.plant(&format!("features.{stage}.{key}"), value, |x| x);
        }
    }
    let found = Stage::run(&bed.grow(), stage, &layer, 1.0);
    found.check_output(&layer, |y| y);
    let gradients = layer.iter().filter_map(|(key, value)| Some((key.strip_prefix("grad.")?, value)));
    for (key, value) in gradients {
        let key = if key == "input" { key.to_string() } else { format!("features.{stage}.{key}") };
        found.check_gradient(&key, value, 1.0);
    }
}

#[test]
fn inverted_residual_with_shortcut() {
    inverted_residual("inverted_residual", 3, true);
}

#[test]
fn inverted_residual_of_stride_2() {
    inverted_residual("inverted_residual_stride2", 2, false);
}

#[test]
fn inverted_residual_without_expansion() {
    inverted_residual("inverted_residual_unexpanded", 1, false);
}
