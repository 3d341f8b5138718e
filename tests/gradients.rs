//! Gradients of every kind of layer that trains and of every loss against central differences: the default backbone's
//! first and last stages (convolution, depthwise, pointwise, BatchNorm's affine), the heads' convolution and dense
//! layers, cross-entropy with smoothing and class weights, squared hinge and its penalty.
//!
//! The loss is f32 inside and f64 at its end, so a difference carries an error of about 1e-7 / step beside the
//! truncation error and ReLU6's kinks: the slope along a direction must agree to [`BOUND`].

mod common;

use burn::tensor::{Tensor, TensorData};
use common::{Golden, assert_close, default_backbone, engine, golden, project};
use headstart::backbone::TrainableStages;
use headstart::head::{Activation, Head, HeadKind, TrainableHead};
use headstart::nn::global_average;
use headstart::params::{Group, Params};
use headstart::train::Objective;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Largest difference of two slopes, as a share of the slope.
const BOUND: f64 = 0.02;
/// Entries of a tensor that are moved together: those of the largest gradients.
const SLICE: usize = 8;

fn objectives(classes: usize) -> [Objective; 4] {
    let weights = Some((0..classes).map(|class| 0.5 + class as f32 * 0.75).collect::<Vec<_>>());
    [
        Objective::CrossEntropy { smoothing: 0.1, weights: None },
        Objective::CrossEntropy { smoothing: 0.0, weights: weights.clone() },
        Objective::CrossEntropy { smoothing: 0.1, weights },
        Objective::SquaredHinge,
    ]
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("f32")
}

/// Moves one tensor by `direction · step`, measures, and puts it back.
fn moved(params: &mut Params, target: usize, direction: &[f32], step: f32, loss: impl Fn(&Params) -> f64) -> f64 {
    let change = direction.iter().map(|d| d * step).collect::<Vec<_>>();
    let change = Tensor::<1>::from_data(TensorData::new(change, [direction.len()]), engine().device());
    let mut before = Vec::new();
    params.update(&[target], |values| {
        before = values.clone();
        values.into_iter().map(|value| value + change.clone()).collect()
    });
    let measured = loss(params);
    params.update(&[target], |_| before);
    measured
}

/// [`check_slopes`] of an objective.
fn check(params: &mut Params, logits: impl Fn(&Params) -> Tensor<2>, labels: &[usize], objective: &Objective) -> f64 {
    let measured = measure(&logits, labels, objective);
    check_slopes(params, |params| objective.loss(logits(params), labels), measured)
}

/// The same of a head, as it trains: its last layer and the loss are one operation.
fn check_head(
    params: &mut Params,
    (head, mask): (&TrainableHead, impl Fn([usize; 2]) -> Option<Tensor<2>>),
    features: impl Fn(&Params) -> Tensor<2>,
    labels: &[usize],
    objective: &Objective,
) -> f64 {
    let logits = |params: &Params| head.forward(features(params), params, &mask);
    let goal = || objective.goal(labels, labels, head.classes());
    let measured = measure(&logits, labels, objective);
    check_slopes(params, |params| head.judged(features(params), params, &mask, goal()).loss, measured)
}

/// The loss of logits in plain numbers.
fn measure(logits: &impl Fn(&Params) -> Tensor<2>, labels: &[usize], objective: &Objective) -> impl Fn(&Params) -> f64 {
    // Measured outside the graph, as validation does.
    move |params: &Params| {
        let rows = values(logits(&params.without_graph()).inner());
        let classes = rows.len() / labels.len();
        let rows = rows.chunks_exact(classes).zip(labels).map(|(row, label)| objective.of_row(row, *label));
        let (sum, weight) = rows.fold((0.0, 0.0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
        sum / weight
    }
}

/// Compares the slopes along the whole gradient and along its largest entries, tensor by tensor; gives the worst.
///
/// `loss` is differentiated in the graph; `measured` is its value in plain numbers.
fn check_slopes(params: &mut Params, loss: impl Fn(&Params) -> Tensor<1>, measured: impl Fn(&Params) -> f64) -> f64 {
    let mut found = loss(params).backward();
    let gradients: Vec<_> = params.gradients(&mut found).into_iter().map(|g| values(g.expect("a gradient"))).collect();
    let names: Vec<String> = params.iter().map(|param| param.name.clone()).collect();
    let mut worst = 0.0_f64;
    for (target, gradient) in gradients.iter().enumerate() {
        let mut sizes: Vec<f32> = gradient.iter().map(|g| g.abs()).collect();
        sizes.sort_by(|a, b| b.total_cmp(a));
        let threshold = sizes[SLICE.min(sizes.len()) - 1];
        let slice: Vec<f32> = gradient.iter().map(|g| if g.abs() >= threshold { *g } else { 0.0 }).collect();
        for (what, direction) in [("whole gradient", gradient), ("largest entries", &slice)] {
            let norm = direction.iter().map(|d| f64::from(*d) * f64::from(*d)).sum::<f64>().sqrt();
            assert!(norm > 0.0, "{} has a gradient", names[target]);
            let unit: Vec<f32> = direction.iter().map(|d| (f64::from(*d) / norm) as f32).collect();
            // Far enough for the loss to change by 1e-3 or so, near enough to stay on the tangent.
            let step = (2e-4 / norm).min(1e-2) as f32;
            let up = moved(params, target, &unit, step, &measured);
            let down = moved(params, target, &unit, -step, &measured);
            let slope = (up - down) / (2.0 * f64::from(step));
            let error = (slope - norm).abs() / norm;
            assert!(error < BOUND, "{}, {what}: slope {slope:.5e}, gradient {norm:.5e}", names[target]);
            worst = worst.max(error);
        }
    }
    worst
}

/// The golden tail's input and head, and the labels of its pictures.
struct Tail {
    input: Tensor<4>,
    head: Tensor<2>,
    labels: Vec<usize>,
}

fn tensor<const D: usize>(golden: &Golden) -> Tensor<D> {
    let shape: [usize; D] = golden.shape.clone().try_into().expect("as many dimensions");
    Tensor::from_data(TensorData::new(golden.data.clone(), shape), engine().device())
}

impl Tail {
    fn new() -> Self {
        let expected: BTreeMap<String, Golden> = golden(&project("tests/golden/mobilenet-v2-0.75-128.safetensors"));
        let labels = expected["labels"].data.iter().map(|label| *label as usize).collect();
        let head = tensor::<2>(&expected["head.weight"]).transpose();
        Self { input: tensor(&expected["features.16"]), head, labels }
    }
}

#[test]
fn last_stages_of_the_default_backbone() {
    let tail = Tail::new();
    for (train_norms, tensors) in [(true, 12), (false, 4)] {
        let engine = engine();
        let mut params = Params::new(engine.device());
        let stages = TrainableStages::new(&default_backbone(), 17..19, &engine, &mut params, train_norms).unwrap();
        let logits =
            |params: &Params| global_average(stages.forward(tail.input.clone(), params, 0)).matmul(tail.head.clone());
        assert_eq!(params.iter().count(), tensors, "weights (gamma, beta) of the block's three and the last");
        for objective in objectives(5) {
            let worst = check(&mut params, logits, &tail.labels, &objective);
            println!("stages 17 and 18, norms {train_norms}, {objective:?}: worst {worst:.1e}");
        }
    }
}

/// The stem, which is the one plain convolution, and the first block, on small noise.
#[test]
fn first_stages_of_the_default_backbone() {
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let noise = (0..3 * 3 * 16 * 16).map(|_| rng.random::<f32>() * 4.0 - 2.0).collect::<Vec<_>>();
    let input = Tensor::<4>::from_data(TensorData::new(noise, [3, 3, 16, 16]), engine().device());
    let engine = engine();
    for train_norms in [true, false] {
        let mut params = Params::new(engine.device());
        let stages = TrainableStages::new(&default_backbone(), 0..2, &engine, &mut params, train_norms).unwrap();
        let channels = default_backbone().shape_at(2)[0];
        let head = (0..channels * 3).map(|_| rng.random::<f32>() - 0.5).collect::<Vec<_>>();
        let head = Tensor::<2>::from_data(TensorData::new(head, [channels, 3]), engine.device());
        let logits = |params: &Params| global_average(stages.forward(input.clone(), params, 0)).matmul(head.clone());
        let names: Vec<&str> = params.iter().map(|param| param.name.as_str()).collect();
        assert!(names.contains(&"features.0.0.weight"), "the stem trains: {names:?}");
        let worst = check(&mut params, logits, &[0, 1, 2], &objectives(3)[2]);
        println!("stages 0 and 1, norms {train_norms}: worst {worst:.1e}");
    }
}

/// Whether BatchNorm trains or not, it computes the same and the weights get the same gradients.
#[test]
fn frozen_norms_give_the_same_gradients() {
    let tail = Tail::new();
    let run = |train_norms| {
        let engine = engine();
        let mut params = Params::new(engine.device());
        let stages = TrainableStages::new(&default_backbone(), 17..19, &engine, &mut params, train_norms).unwrap();
        let y = stages.forward(tail.input.clone().autodiff(), &params, 0);
        let logits = global_average(y.clone()).matmul(tail.head.clone());
        let mut found = objectives(5)[0].loss(logits, &tail.labels).backward();
        let gradients = params.gradients(&mut found);
        let named =
            params.iter().zip(gradients).map(|(param, gradient)| (param.name.clone(), values(gradient.unwrap())));
        (values(y.inner()), named.collect::<BTreeMap<_, _>>())
    };
    let (trained, frozen) = (run(true), run(false));
    assert_close("activations", &frozen.0, &trained.0, 1e-5);
    assert!(frozen.1.keys().all(|name| name.ends_with(".weight")) && frozen.1.len() == 4, "{:?}", frozen.1.keys());
    for (name, gradient) in &frozen.1 {
        assert_close(name, gradient, &trained.1[name], 1e-5);
    }
}

#[test]
fn heads() {
    let expected = golden(&project("tests/golden/heads.safetensors"));
    let input = tensor::<2>(&expected["input"]);
    let labels: Vec<usize> = expected["labels"].data.iter().map(|label| *label as usize).collect();
    let mlp = |activation| HeadKind::Mlp { hidden: 16, activation };
    for kind in [HeadKind::Linear, mlp(Activation::Relu), mlp(Activation::Silu), mlp(Activation::Tanh)] {
        for objective in objectives(3) {
            let mut params = Params::new(engine().device());
            let start = Head::fresh(kind, 8, 3, &mut ChaCha8Rng::seed_from_u64(5));
            let head = TrainableHead::new(&start, true, &mut params).unwrap();
            // One fixed mask in place of dropout: the gradient must go through it too.
            let mask = |[rows, columns]: [usize; 2]| {
                let mask = (0..rows * columns).map(|i| if i % 3 == 0 { 0.0_f32 } else { 1.5 }).collect::<Vec<_>>();
                Some(Tensor::from_data(TensorData::new(mask, [rows, columns]), engine().device()))
            };
            let worst = check_head(&mut params, (&head, mask), |_| input.clone(), &labels, &objective);
            println!("{kind}, {objective:?}: worst {worst:.1e}");
        }
    }
}

/// Uniform within ±`bound`.
fn noise(count: usize, bound: f32, rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..count).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound).collect()
}

/// The convolution and the pooling in front of the dense layer. The feature map is a parameter here, for fine-tuning
/// needs its gradient too.
#[test]
fn convolutional_head() {
    let shape = [6, 5, 4, 3];
    for objective in objectives(3) {
        let mut rng = ChaCha8Rng::seed_from_u64(21);
        let mut params = Params::new(engine().device());
        let start = Head::fresh(HeadKind::Conv { channels: 7 }, shape[1], 3, &mut rng);
        let head = TrainableHead::new(&start, true, &mut params).unwrap();
        // Wide enough for ReLU6 to clip at both ends.
        let map = noise(shape.iter().product(), 12.0, &mut rng);
        let map = params.add("map", &shape, map, Group::Stage(0), false);
        let pooled = |params: &Params| head.pool(params.get(map).reshape(shape), params);
        assert_eq!(params.iter().count(), 5, "weight and bias of both layers, and the map");
        let worst = check_head(&mut params, (&head, |_| None), pooled, &[0, 1, 2, 0, 1, 2], &objective);
        println!("conv:7, {objective:?}: worst {worst:.1e}");
    }
}

/// The penalty of a support-vector machine: biases count as weights do.
#[test]
fn half_the_sum_of_squares() {
    for kind in [HeadKind::Svm { c: 0.1 }, HeadKind::Mlp { hidden: 6, activation: Activation::Relu }] {
        let mut rng = ChaCha8Rng::seed_from_u64(22);
        let mut params = Params::new(engine().device());
        let start = Head::fresh(kind, 8, 3, &mut rng);
        let head = TrainableHead::new(&start, false, &mut params).unwrap();
        // A machine starts at zero, where there is no slope.
        let counts: Vec<usize> = params.iter().map(|param| param.shape.iter().product()).collect();
        params.recall(counts.into_iter().map(|count| noise(count, 0.5, &mut rng)));
        let measured = |params: &Params| f64::from(values(head.half_squares(&params.without_graph()))[0]);
        let snapshot = pollster::block_on(params.snapshot()).unwrap();
        let squares = snapshot.iter().flatten().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>();
        let value = (measured(&params) - squares / 2.0).abs() / (squares / 2.0);
        assert!(value < 1e-6, "{kind}: the value itself differs by {value:.1e}");
        let worst = check_slopes(&mut params, |params| head.half_squares(params), measured);
        println!("penalty of {kind}: value {value:.1e}, worst slope {worst:.1e}");
    }
}
