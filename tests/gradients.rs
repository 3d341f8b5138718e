//! Gradients of the default backbone's last stages and of the heads against central differences of the loss.
//!
//! The loss is f32 inside and f64 at its end, so a difference carries an error of about 1e-7 / step beside the
//! truncation error and ReLU6's kinks: the slope along a direction must agree to [`BOUND`].

mod common;

use burn::tensor::{Tensor, TensorData};
use common::{cpu, default_backbone, golden, project};
use headstart::backbone::{TrainableStages, global_average};
use headstart::head::{HeadKind, TrainableHead};
use headstart::params::Params;
use headstart::train::{cross_entropy, cross_entropy_of};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Largest difference of two slopes, as a share of the slope.
const BOUND: f64 = 0.02;
/// Entries of a tensor that are moved together: those of the largest gradients.
const SLICE: usize = 8;
const SMOOTHING: f64 = 0.1;

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("f32")
}

/// Moves one tensor by `direction · step`, measures, and puts it back.
fn moved(params: &mut Params, target: usize, direction: &[f32], step: f32, loss: impl Fn(&Params) -> f64) -> f64 {
    let change = direction.iter().map(|d| d * step).collect::<Vec<_>>();
    let change = Tensor::<1>::from_data(TensorData::new(change, [direction.len()]), cpu().device());
    let mut before = None;
    params.update(|index, _, value| {
        if index != target {
            return value;
        }
        before = Some(value.clone());
        value + change.clone()
    });
    let measured = loss(params);
    params.update(|index, _, value| if index == target { before.take().expect("kept") } else { value });
    measured
}

/// Compares the slopes along the whole gradient and along its largest entries, tensor by tensor; gives the worst.
fn check(params: &mut Params, logits: impl Fn(&Params) -> Tensor<2>, labels: &[usize]) -> f64 {
    let loss = |params: &Params| {
        let rows = values(logits(params).inner());
        let classes = rows.len() / labels.len();
        let sum: f64 = rows.chunks_exact(classes).zip(labels).map(|(r, l)| cross_entropy_of(r, *l, SMOOTHING)).sum();
        sum / labels.len() as f64
    };
    let mut found = cross_entropy(logits(params), labels, SMOOTHING, cpu().device()).backward();
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
            let up = moved(params, target, &unit, step, loss);
            let down = moved(params, target, &unit, -step, loss);
            let slope = (up - down) / (2.0 * f64::from(step));
            let error = (slope - norm).abs() / norm;
            assert!(error < BOUND, "{}, {what}: slope {slope:.5e}, gradient {norm:.5e}", names[target]);
            worst = worst.max(error);
        }
    }
    worst
}

#[test]
fn last_stages_of_the_default_backbone() {
    let expected = golden(&project("tests/golden/mobilenet-v2-0.5-96.safetensors"));
    let constant = |name: &str| {
        let data = TensorData::new(expected[name].data.clone(), expected[name].shape.clone());
        (data, cpu().device().clone())
    };
    let (data, device) = constant("features.16");
    let input = Tensor::<4>::from_data(data, &device).autodiff();
    let (data, device) = constant("head.weight");
    let head = Tensor::<2>::from_data(data, &device).transpose().autodiff();
    let labels: Vec<usize> = expected["labels"].data.iter().map(|label| *label as usize).collect();
    let engine = cpu();
    let mut params = Params::new(engine.device());
    let stages = TrainableStages::new(&default_backbone(), 17..19, &engine, &mut params).unwrap();
    let logits = |params: &Params| global_average(stages.forward(input.clone(), params)).matmul(head.clone());
    assert_eq!(params.iter().count(), 12, "weight, gamma and beta of expansion, depthwise, projection and the last");
    println!("stages 17 and 18: worst {:.1e}", check(&mut params, logits, &labels));
}

#[test]
fn heads() {
    let expected = golden(&project("tests/golden/heads.safetensors"));
    let data = TensorData::new(expected["input"].data.clone(), expected["input"].shape.clone());
    let input = Tensor::<2>::from_data(data, cpu().device()).autodiff();
    let labels: Vec<usize> = expected["labels"].data.iter().map(|label| *label as usize).collect();
    for kind in [HeadKind::Linear, HeadKind::Mlp { hidden: 16 }] {
        let mut params = Params::new(cpu().device());
        let head = TrainableHead::new(kind, 8, 3, &mut params, &mut ChaCha8Rng::seed_from_u64(5));
        // One fixed mask in place of dropout: the gradient must go through it too.
        let logits = |params: &Params| {
            head.forward(input.clone(), params, |[rows, columns]| {
                let mask = (0..rows * columns).map(|i| if i % 3 == 0 { 0.0_f32 } else { 1.5 }).collect::<Vec<_>>();
                Some(Tensor::from_data(TensorData::new(mask, [rows, columns]), cpu().device()).autodiff())
            })
        };
        println!("{kind}: worst {:.1e}", check(&mut params, logits, &labels));
    }
}
