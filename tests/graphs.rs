//! Stages drawn at random, of every operation, against a reference of plain loops: the inferred shapes, the values of
//! the frozen interpreter (BatchNorm folded) and of the trainable one, and the gradients of every tensor against
//! central differences of the reference, which computes in f64.

mod common;

use burn::tensor::{Tensor, TensorData};
use common::{assert_close, engine};
use headstart::backbone::{Backbone, FrozenStages, TrainableStages};
use headstart::nn::{Activation, ConvSpec, Op, Padding, Role, StageBuilder, StageSpec, TensorSpec, Value, Window};
use headstart::params::Params;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngSeed, TestRunner};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::{Dtype, tensor::TensorView};
use std::collections::BTreeMap;

/// Largest difference of a value, as a share of the largest.
const BOUND: f32 = 2e-5;
/// Largest difference of a gradient, as a share of the tensor's largest that was looked at.
const GRADIENT_BOUND: f64 = 1e-3;
/// Values of each tensor whose gradient is looked at.
const LOOKED_AT: usize = 3;
/// Step of the differences: far below the distance of most values from an activation's kink.
const STEP: f64 = 1e-7;
/// Most channels and most operations of a stage, so that a case takes milliseconds.
const CHANNELS: usize = 12;
const OPERATIONS: usize = 7;

type Tensors = BTreeMap<String, Vec<f64>>;

// ---------------------------------------------------------------------------------------------------- the reference

/// A value of the reference: `[channels, height, width]` of one picture.
#[derive(Clone, Debug)]
struct Map {
    shape: [usize; 3],
    data: Vec<f64>,
}

impl Map {
    fn of(shape: [usize; 3], value: impl Fn([usize; 3]) -> f64) -> Self {
        let [channels, height, width] = shape;
        let mut data = Vec::with_capacity(channels * height * width);
        for c in 0..channels {
            for y in 0..height {
                data.extend((0..width).map(|x| value([c, y, x])));
            }
        }
        Self { shape, data }
    }

    fn at(&self, [c, y, x]: [usize; 3]) -> f64 {
        self.data[(c * self.shape[1] + y) * self.shape[2] + x]
    }

    /// The value at a place that may lie outside, in the padding.
    fn around(&self, c: usize, [y, x]: [isize; 2]) -> Option<f64> {
        let inside = y >= 0 && x >= 0 && (y as usize) < self.shape[1] && (x as usize) < self.shape[2];
        inside.then(|| self.at([c, y as usize, x as usize]))
    }
}

/// Padding before a side and length of the output, written down apart from the library's.
fn window(padding: Padding, kernel: usize, stride: usize, size: usize) -> (isize, usize) {
    let (before, both) = match padding {
        Padding::None => (0, 0),
        Padding::Half => (kernel / 2, 2 * (kernel / 2)),
        Padding::Same => {
            let outputs = size.div_ceil(stride);
            let both = ((outputs - 1) * stride + kernel).max(size) - size;
            (both / 2, both)
        }
    };
    let outputs = if size + both < kernel { 0 } else { (size + both - kernel) / stride + 1 };
    (before as isize, outputs)
}

/// Runs over the windows of one channel: `found` gets the values in each, `None` for padding.
fn pooled(x: &Map, w: Window, found: impl Fn(&[Option<f64>]) -> f64) -> Map {
    let sides = [1, 2].map(|side| window(w.padding, w.kernel, w.stride, x.shape[side]));
    Map::of([x.shape[0], sides[0].1, sides[1].1], |[c, y, column]| {
        let start = [(y * w.stride) as isize - sides[0].0, (column * w.stride) as isize - sides[1].0];
        let places = (0..w.kernel).flat_map(|i| (0..w.kernel).map(move |j| [i as isize, j as isize]));
        found(&places.map(|[i, j]| x.around(c, [start[0] + i, start[1] + j])).collect::<Vec<_>>())
    })
}

fn convolved(x: &Map, spec: &ConvSpec, weight: &[f64], bias: Option<&Vec<f64>>) -> Map {
    let [height, width] = spec.kernel;
    let sides = [0, 1].map(|s| window(spec.padding, spec.kernel[s], spec.stride[s], x.shape[s + 1]));
    let each = x.shape[0] / spec.groups;
    Map::of([spec.outputs, sides[0].1, sides[1].1], |[o, y, column]| {
        let group = o / (spec.outputs / spec.groups);
        let mut sum = bias.map_or(0.0, |bias| bias[o]);
        for i in 0..each {
            for ky in 0..height {
                for kx in 0..width {
                    let place = [
                        (y * spec.stride[0] + ky) as isize - sides[0].0,
                        (column * spec.stride[1] + kx) as isize - sides[1].0,
                    ];
                    let value = x.around(group * each + i, place).unwrap_or(0.0);
                    sum += value * weight[((o * each + i) * height + ky) * width + kx];
                }
            }
        }
        sum
    })
}

fn activated(activation: Activation, x: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let hard = |x: f64| (x + 3.0).clamp(0.0, 6.0) / 6.0;
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Silu => x * sigmoid(x),
        Activation::HardSwish => x * hard(x),
        Activation::HardSigmoid => hard(x),
        Activation::Sigmoid => sigmoid(x),
    }
}

/// All values of a stage for one picture, each operation by itself and nothing folded.
fn reference(stage: &StageSpec, tensors: &Tensors, input: &Map) -> Vec<Map> {
    let mut values = vec![input.clone()];
    for node in stage.nodes() {
        let inputs: Vec<&Map> = node.inputs.iter().map(|value| &values[value.index()]).collect();
        let x = inputs[0];
        let next = match &node.op {
            Op::Conv(spec) => {
                let bias = spec.bias.then(|| &tensors[&format!("{}.bias", spec.name)]);
                convolved(x, spec, &tensors[&format!("{}.weight", spec.name)], bias)
            }
            Op::Norm(spec) => {
                let part = |part: &str| &tensors[&format!("{}.{part}", spec.name)];
                let (gamma, beta, mean, var) =
                    (part("weight"), part("bias"), part("running_mean"), part("running_var"));
                Map::of(x.shape, |at| {
                    let c = at[0];
                    (x.at(at) - mean[c]) / (var[c] + spec.epsilon).sqrt() * gamma[c] + beta[c]
                })
            }
            Op::Activate(activation) => Map::of(x.shape, |at| activated(*activation, x.at(at))),
            Op::MaxPool(w) => {
                pooled(x, *w, |values| values.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max))
            }
            Op::AveragePool(w) => pooled(x, *w, |values| values.iter().flatten().sum::<f64>() / values.len() as f64),
            Op::GlobalAverage => {
                let pixels = (x.shape[1] * x.shape[2]) as f64;
                let sum = |c: usize| x.data.chunks(x.shape[1] * x.shape[2]).nth(c).unwrap().iter().sum::<f64>();
                Map::of([x.shape[0], 1, 1], |[c, _, _]| sum(c) / pixels)
            }
            Op::Dense(spec) => {
                let weight = &tensors[&format!("{}.weight", spec.name)];
                let bias = spec.bias.then(|| &tensors[&format!("{}.bias", spec.name)]);
                Map::of([spec.outputs, 1, 1], |[o, _, _]| {
                    let row = &weight[o * spec.inputs..(o + 1) * spec.inputs];
                    row.iter().zip(&x.data).map(|(w, x)| w * x).sum::<f64>() + bias.map_or(0.0, |bias| bias[o])
                })
            }
            Op::Scale => Map::of(x.shape, |at| x.at(at) * inputs[1].at([at[0], 0, 0])),
            Op::Add => Map::of(x.shape, |at| x.at(at) + inputs[1].at(at)),
            Op::Concat => {
                let data: Vec<f64> = inputs.iter().flat_map(|map| map.data.iter().copied()).collect();
                let channels = inputs.iter().map(|map| map.shape[0]).sum();
                Map { shape: [channels, x.shape[1], x.shape[2]], data }
            }
        };
        values.push(next);
    }
    values
}

// ------------------------------------------------------------------------------------------------ stages at random

/// What decides one operation of a stage: which, of which values, and its sizes, each taken modulo what is possible.
type Draw = [u8; 7];

/// A stage under construction with the shapes that its values have by the reference's rules.
struct Drawing {
    stage: StageBuilder,
    values: Vec<(Value, [usize; 3])>,
    names: usize,
}

impl Drawing {
    fn stage(input: [usize; 3], draws: &[Draw]) -> StageSpec {
        let stage = StageBuilder::new("drawn", input[0]);
        let values = vec![(stage.input(), input)];
        let mut drawing = Self { stage, values, names: 0 };
        draws.iter().for_each(|draw| drawing.add(*draw));
        if drawing.values.len() == 1 {
            let (x, shape) = drawing.values[0];
            drawing.norm(x, shape, 0);
        }
        drawing.stage.end()
    }

    fn name(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what}{}", self.names)
    }

    fn push(&mut self, value: Value, shape: [usize; 3]) -> (Value, [usize; 3]) {
        self.values.push((value, shape));
        (value, shape)
    }

    fn add(&mut self, [what, from, a, b, c, d, e]: Draw) {
        let pick = |values: &[(Value, [usize; 3])], n: u8| values[usize::from(n) % values.len()];
        // Mostly the latest value, so that there are chains to fuse and fold.
        let (x, shape) = if from % 4 == 0 {
            pick(&self.values, from / 4)
        } else {
            pick(&self.values, (self.values.len() - 1) as u8)
        };
        let [channels, height, width] = shape;
        let padding = [Padding::None, Padding::Half, Padding::Same][usize::from(c) % 3];
        match what % 12 {
            kind @ 0..=4 => {
                let name = self.name("conv");
                let divisors: Vec<usize> = (1..=channels).filter(|n| channels % n == 0).collect();
                let groups = divisors[usize::from(d) % divisors.len()];
                let mut conv = match kind {
                    0 => ConvSpec::depthwise(name),
                    1 => ConvSpec::new(name, 1 + usize::from(e) % CHANNELS),
                    _ => ConvSpec::new(name, groups * (1 + usize::from(e) % (CHANNELS.max(channels) / groups)))
                        .groups(groups),
                };
                if kind != 1 {
                    let one_to = |n: u8, most: u8| usize::from(n % most) + 1;
                    conv = conv.kernel_of([one_to(a, 5), one_to(a / 5, 5)]).padding(padding);
                    conv.stride = [one_to(b, 3), one_to(b / 3, 3)];
                }
                if d >= 128 {
                    conv = conv.bias();
                }
                let sides = [0, 1].map(|s| window(conv.padding, conv.kernel[s], conv.stride[s], shape[s + 1]).1);
                if sides.contains(&0) {
                    return;
                }
                let y = self.stage.conv(x, conv);
                let outputs = self.stage.channels(y);
                let (y, shape) = self.push(y, [outputs, sides[0], sides[1]]);
                // Half of them in the form that networks have, with BatchNorm and an activation behind it.
                if e % 2 == 0 {
                    let (y, shape) = self.norm(y, shape, a);
                    self.activate(y, shape, b);
                }
            }
            5 => drop(self.norm(x, shape, a)),
            6 => drop(self.activate(x, shape, a)),
            kind @ (7 | 8) => {
                let w = Window { kernel: usize::from(a % 3) + 1, stride: usize::from(b % 3) + 1, padding };
                let sides = [height, width].map(|size| window(padding, w.kernel, w.stride, size).1);
                if !sides.contains(&0) {
                    let y = if kind == 7 { self.stage.max_pool(x, w) } else { self.stage.average_pool(x, w) };
                    self.push(y, [channels, sides[0], sides[1]]);
                }
            }
            9 => self.squeeze(x, shape, [a, b]),
            10 => {
                let alike: Vec<_> = self.values.iter().copied().filter(|(_, other)| *other == shape).collect();
                let y = self.stage.add(x, pick(&alike, a).0);
                self.push(y, shape);
            }
            _ => {
                let alike: Vec<_> = self.values.iter().copied().filter(|(_, other)| other[1..] == shape[1..]).collect();
                let parts = [(x, shape), pick(&alike, a), pick(&alike, b)];
                let parts = &parts[..2 + usize::from(c % 2)];
                let total = parts.iter().map(|(_, shape)| shape[0]).sum();
                if total <= 2 * CHANNELS {
                    let y = self.stage.concat(&parts.iter().map(|(value, _)| *value).collect::<Vec<_>>());
                    self.push(y, [total, height, width]);
                }
            }
        }
    }

    fn norm(&mut self, x: Value, shape: [usize; 3], n: u8) -> (Value, [usize; 3]) {
        let name = self.name("norm");
        let y = self.stage.norm(x, name, [1e-5, 1e-3][usize::from(n % 2)]);
        self.push(y, shape)
    }

    fn activate(&mut self, x: Value, shape: [usize; 3], n: u8) -> (Value, [usize; 3]) {
        use Activation::{HardSigmoid, HardSwish, Relu, Relu6, Sigmoid, Silu};
        let y = self.stage.activate(x, [Relu, Relu6, Silu, HardSwish, HardSigmoid, Sigmoid][usize::from(n % 6)]);
        self.push(y, shape)
    }

    /// Squeeze-and-excitation, with two dense layers.
    fn squeeze(&mut self, x: Value, shape: [usize; 3], [a, b]: [u8; 2]) {
        let hidden = usize::from(a % 4) + 1;
        let y = self.stage.global_average(x);
        let (y, _) = self.push(y, [shape[0], 1, 1]);
        let name = self.name("dense");
        let y = self.stage.dense(y, name, hidden, a >= 128);
        let (y, small) = self.push(y, [hidden, 1, 1]);
        let (y, _) = self.activate(y, small, b);
        let name = self.name("dense");
        let y = self.stage.dense(y, name, shape[0], b >= 128);
        let (y, one) = self.push(y, [shape[0], 1, 1]);
        let (gate, _) = self.activate(y, one, 4 + b % 2);
        let y = self.stage.scale(x, gate);
        self.push(y, shape);
    }
}

/// Values for all tensors, and pictures. Variances are no ones, so that a BatchNorm that is folded wrongly shows.
fn tensors(stage: &StageSpec, rng: &mut ChaCha8Rng) -> Tensors {
    let mut tensors = Tensors::new();
    for tensor in stage.tensors(false) {
        let values = tensor.shape.iter().product::<usize>();
        let inputs = (values / tensor.shape[0]) as f64;
        let mut draw = |low: f64, high: f64| f64::from(rng.random_range(low..high) as f32);
        let value = (0..values).map(|_| match tensor.role {
            Role::Weight => draw(-1.0, 1.0) * (3.0 / inputs).sqrt(),
            Role::Gamma => draw(0.5, 1.5),
            Role::Variance => draw(0.2, 2.0),
            Role::Bias | Role::Beta | Role::Mean => draw(-0.5, 0.5),
        });
        let value = value.map(|value| f64::from(value as f32)).collect();
        assert!(tensors.insert(tensor.name.clone(), value).is_none(), "{} once", tensor.name);
    }
    tensors
}

fn noise(shape: [usize; 3], rng: &mut ChaCha8Rng) -> Map {
    Map { shape, data: (0..shape.iter().product()).map(|_| f64::from(rng.random_range(-2.0_f32..2.0))).collect() }
}

fn input_shape() -> impl Strategy<Value = [usize; 3]> {
    (1..=6_usize, 1..=9_usize, 1..=9_usize).prop_map(|(channels, height, width)| [channels, height, width])
}

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    proptest::collection::vec(any::<Draw>(), 1..=OPERATIONS)
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 50, failure_persistence: None, rng_seed: RngSeed::Fixed(9), ..ProptestConfig::default() }
}

// --------------------------------------------------------------------------------------------------- what is tested

/// Side of the pictures of the backbones that the stages are in.
const SIDE: usize = 32;
/// Pictures of a batch.
const BATCH: usize = 2;

/// A backbone of two stages: one that makes of a picture what the drawn stage takes, and the drawn one.
fn backbone(stage: &StageSpec, input: [usize; 3], tensors: &Tensors) -> Backbone {
    let mut first = StageBuilder::new("first", 3);
    let [channels, height, width] = input;
    let whole = ConvSpec::new("first", channels).kernel_of([SIDE + 1 - height, SIDE + 1 - width]);
    first.conv(first.input(), whole.padding(Padding::None));
    let first = first.end();
    let bytes = |values: &[f64]| values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect::<Vec<u8>>();
    let of_first = |tensor: &TensorSpec| (tensor.clone(), vec![0; 4 * tensor.shape.iter().product::<usize>()]);
    let of_stage = |tensor: &TensorSpec| (tensor.clone(), bytes(&tensors[&tensor.name]));
    let folded = !tensors.keys().any(|name| name.ends_with(".running_mean"));
    let mut all: Vec<(TensorSpec, Vec<u8>)> = first.tensors(folded).iter().map(of_first).collect();
    all.extend(stage.tensors(folded).iter().map(of_stage));
    let view = |(tensor, bytes)| {
        let TensorSpec { name, shape, .. }: &TensorSpec = tensor;
        (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    };
    let file = safetensors::serialize(all.iter().map(|(tensor, bytes)| view((tensor, bytes))), None).unwrap();
    let cfg = format!(r#"{{"input_size":[3,{SIDE},{SIDE}],"mean":[0,0,0],"std":[1,1,1]}}"#);
    let config = format!(r#"{{"architecture":"drawn","pretrained_cfg":{cfg}}}"#);
    Backbone::of_stages(&config, vec![first, stage.clone()], &file).expect("a backbone")
}

/// The tensors with every BatchNorm folded, where each is behind a convolution.
fn folded(stage: &StageSpec, tensors: &Tensors) -> Option<Tensors> {
    let wanted = stage.tensors(true);
    if wanted.iter().any(|tensor| tensor.role.is_norm()) {
        return None;
    }
    let mut found = Tensors::new();
    for (at, node) in stage.nodes().iter().enumerate() {
        let Op::Conv(conv) = &node.op else { continue };
        let behind = stage.nodes().iter().find_map(|next| match &next.op {
            Op::Norm(norm) if next.inputs[0].index() == at + 1 => Some(norm),
            _ => None,
        });
        let Some(norm) = behind else { continue };
        let part = |part: &str| &tensors[&format!("{}.{part}", norm.name)];
        let scale = |c: usize| part("weight")[c] / (part("running_var")[c] + norm.epsilon).sqrt();
        let weight = &tensors[&format!("{}.weight", conv.name)];
        let each = weight.len() / conv.outputs;
        let own = |c: usize| if conv.bias { tensors[&format!("{}.bias", conv.name)][c] } else { 0.0 };
        let bias = (0..conv.outputs).map(|c| part("bias")[c] + (own(c) - part("running_mean")[c]) * scale(c));
        found.insert(format!("{}.bias", conv.name), bias.collect());
        let weight = weight.iter().enumerate().map(|(i, w)| w * scale(i / each)).collect();
        found.insert(format!("{}.weight", conv.name), weight);
    }
    for tensor in wanted {
        found.entry(tensor.name.clone()).or_insert_with(|| tensors[&tensor.name].clone());
    }
    Some(found)
}

fn tensor(maps: &[Map]) -> Tensor<4> {
    let [channels, height, width] = maps[0].shape;
    let values: Vec<f32> = maps.iter().flat_map(|map| &map.data).map(|value| *value as f32).collect();
    Tensor::from_data(TensorData::new(values, [maps.len(), channels, height, width]), engine().device())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("f32")
}

/// A stage with its numbers, its input and what the reference makes of it.
struct Case {
    stage: StageSpec,
    tensors: Tensors,
    pictures: Vec<Map>,
    expected: Vec<Map>,
}

impl Case {
    fn new(input: [usize; 3], draws: &[Draw], seed: u64) -> Self {
        let stage = Drawing::stage(input, draws);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let tensors = tensors(&stage, &mut rng);
        let pictures: Vec<Map> = (0..BATCH).map(|_| noise(input, &mut rng)).collect();
        let expected = pictures.iter().map(|x| output(&stage, &tensors, x)).collect();
        Self { stage, tensors, pictures, expected }
    }

    fn check(&self, what: &str, found: Tensor<4>) {
        let expected = tensor(&self.expected);
        assert_eq!(found.dims(), expected.dims(), "{what}: {:#?}", self.stage);
        assert_close(what, &values(found), &values(expected), BOUND);
    }

    /// The loss whose gradients are looked at: the sum of all outputs, each with a weight of its own.
    fn loss(&self, tensors: &Tensors, weights: &[Map]) -> f64 {
        let of = |(x, weights): (&Map, &Map)| {
            let y = output(&self.stage, tensors, x);
            y.data.iter().zip(&weights.data).map(|(y, weight)| y * weight).sum::<f64>()
        };
        self.pictures.iter().zip(weights).map(of).sum()
    }
}

fn output(stage: &StageSpec, tensors: &Tensors, x: &Map) -> Map {
    reference(stage, tensors, x).pop().expect("an output")
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn shapes_are_those_that_come_out(input in input_shape(), draws in draws(), seed: u64) {
        let stage = Drawing::stage(input, &draws);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let values = reference(&stage, &tensors(&stage, &mut rng), &noise(input, &mut rng));
        let shapes: Vec<_> = values.iter().map(|value| value.shape).collect();
        prop_assert_eq!(stage.shapes([input[1], input[2]]), Ok(shapes));
        prop_assert_eq!(stage.outputs, values[values.len() - 1].shape[0]);
    }

    #[test]
    fn frozen_and_trainable_stages_compute_the_same(input in input_shape(), draws in draws(), seed: u64) {
        let case = Case::new(input, &draws, seed);
        let (engine, x) = (engine(), tensor(&case.pictures));
        let files = [Some(case.tensors.clone()), folded(&case.stage, &case.tensors)];
        for (file, kind) in files.into_iter().zip(["BatchNorm", "folded"]).filter_map(|(file, kind)| Some((file?, kind))) {
            let backbone = backbone(&case.stage, input, &file);
            prop_assert_eq!(backbone.shape_at(2), case.expected[0].shape);
            let frozen = FrozenStages::new(&backbone, 1..2, &engine).unwrap();
            case.check(&format!("frozen, {kind}"), frozen.forward(&values(x.clone())));
            for train_norms in [true, false] {
                let mut params = Params::new(engine.device());
                let stages = TrainableStages::new(&backbone, 1..2, &engine, &mut params, train_norms).unwrap();
                for (how, y) in [
                    ("trainable", stages.forward(x.clone(), &params, 0)),
                    ("not yet active", stages.forward(x.clone(), &params, 1)),
                    ("without graph", stages.forward(x.clone(), &params.without_graph(), 0)),
                ] {
                    case.check(&format!("{how}, {kind}, norms {train_norms}"), if y.is_autodiff() { y.inner() } else { y });
                }
            }
        }
    }

    #[test]
    fn gradients_are_the_slopes_of_the_reference(input in input_shape(), draws in draws(), seed: u64, train_norms: bool) {
        let case = Case::new(input, &draws, seed);
        let engine = engine();
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 1);
        let mut params = Params::new(engine.device());
        let backbone = backbone(&case.stage, input, &case.tensors);
        let stages = TrainableStages::new(&backbone, 1..2, &engine, &mut params, train_norms).unwrap();
        let weights: Vec<Map> = (0..BATCH).map(|_| noise(case.expected[0].shape, &mut rng)).collect();
        let y = stages.forward(tensor(&case.pictures), &params, 0);
        let found = if y.is_autodiff() {
            params.gradients(&mut (y * tensor(&weights)).sum().backward())
        } else {
            // Nothing that trains goes into the output.
            params.iter().map(|_| None).collect()
        };
        for (param, found) in params.iter().zip(found) {
            let found = found.map_or_else(|| vec![0.0; param.shape.iter().product()], values);
            let mut pairs = Vec::new();
            for _ in 0..LOOKED_AT {
                let at = rng.random_range(0..found.len());
                let moved = |by: f64| {
                    let mut tensors = case.tensors.clone();
                    tensors.get_mut(&param.name).unwrap()[at] += by;
                    case.loss(&tensors, &weights)
                };
                pairs.push((f64::from(found[at]), (moved(STEP) - moved(-STEP)) / (2.0 * STEP)));
            }
            let largest = pairs.iter().fold(0.0_f64, |most, (_, slope)| most.max(slope.abs()));
            for (gradient, slope) in pairs {
                let allowed = GRADIENT_BOUND * largest.max(0.01);
                prop_assert!((gradient - slope).abs() < allowed, "{}: {gradient} and {slope}", param.name);
            }
        }
    }
}

/// What is drawn has each operation, in chains that are fused and in forks, so that the tests above see them.
#[test]
fn all_operations_are_drawn() {
    let mut runner = TestRunner::new(config());
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..50 {
        let (input, draws) = (input_shape(), draws()).new_tree(&mut runner).unwrap().current();
        for node in Drawing::stage(input, &draws).nodes() {
            let what = match &node.op {
                Op::Conv(conv) => format!("{} {:?}", conv.kind(), conv.padding),
                Op::MaxPool(window) => format!("max {:?}", window.padding),
                Op::AveragePool(window) => format!("average {:?}", window.padding),
                Op::Norm(_) => "norm".into(),
                Op::Dense(_) => "dense".into(),
                other => format!("{other:?}"),
            };
            *seen.entry(what).or_default() += 1;
        }
    }
    // Nine of convolutions, three of each pooling, six activations, and norm, dense, global average, scale, add, concat.
    assert_eq!(seen.len(), 27, "{seen:#?}");
}
