//! Optimisers and schedules against torch.optim (tests/golden/make_optimiser_golden.py).

mod common;

use burn::tensor::{Tensor, TensorData};
use common::{Golden, assert_close, cpu, golden, project};
use headstart::params::{Group, Params, Slot};
use headstart::train::{Optimizer, OptimizerKind, Rates, Schedule, cross_entropy};
use pollster::block_on;
use std::collections::BTreeMap;
use std::f64::consts::PI;

/// Largest difference, as a share of the largest value of the tensor.
const BOUND: f32 = 1e-4;
const RATE: f64 = 0.01;

/// The golden problem: softmax regression on the full batch.
struct Problem {
    expected: BTreeMap<String, Golden>,
    params: Params,
    slots: (Slot, Slot),
}

impl Problem {
    /// `decays` says whether weight and bias take weight decay; `group` is the bias's.
    fn new(decays: (bool, bool), group: Group) -> Self {
        let expected = golden(&project("tests/golden/optimisers.safetensors"));
        let mut params = Params::new(cpu().device());
        let mut add = |name: &str, group, decay| {
            let start = &expected[&format!("problem.{name}")];
            params.add(name, &start.shape, start.data.clone(), group, decay)
        };
        let slots = (add("weight", Group::Head, decays.0), add("bias", group, decays.1));
        Self { expected, params, slots }
    }

    fn loss(&self) -> Tensor<1> {
        let x = TensorData::new(self.expected["problem.input"].data.clone(), [12, 8]);
        let x = Tensor::<2>::from_data(x, cpu().device()).autodiff();
        let labels: Vec<usize> = self.expected["problem.labels"].data.iter().map(|label| *label as usize).collect();
        let weight = self.params.get(self.slots.0).reshape([3, 8]).transpose();
        let logits = x.matmul(weight) + self.params.get(self.slots.1).reshape([1, 3]);
        cross_entropy(logits, &labels, 0.0, cpu().device())
    }

    fn step(&mut self, optimizer: &mut Optimizer, rates: Rates) -> f32 {
        let loss = self.loss();
        let value = loss.clone().inner().into_data().try_into_vec::<f32>().unwrap()[0];
        optimizer.step(&mut self.params, &mut loss.backward(), rates);
        value
    }

    fn values(&self) -> (Vec<f32>, Vec<f32>) {
        let snapshot = block_on(self.params.snapshot()).unwrap();
        (snapshot.get(self.slots.0).to_vec(), snapshot.get(self.slots.1).to_vec())
    }
}

/// Ten steps: weights and biases after each, and the loss before each and after the last.
fn trajectory(name: &str, kind: OptimizerKind, weight_decay: f64, decays: (bool, bool)) {
    let mut problem = Problem::new(decays, Group::Head);
    let mut optimizer = Optimizer::new(kind, weight_decay);
    let (mut weights, mut biases, mut losses) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..10 {
        losses.push(problem.step(&mut optimizer, Rates { head: RATE, backbone: f64::NAN }));
        let (weight, bias) = problem.values();
        weights.extend(weight);
        biases.extend(bias);
    }
    losses.push(problem.loss().inner().into_data().try_into_vec::<f32>().unwrap()[0]);
    let golden = |part: &str| &problem.expected[&format!("{name}.{part}")].data;
    let worst = assert_close(&format!("{name}: weights"), &weights, golden("weights"), BOUND)
        .max(assert_close(&format!("{name}: biases"), &biases, golden("biases"), BOUND))
        .max(assert_close(&format!("{name}: losses"), &losses, golden("losses"), BOUND));
    println!("{name}: {worst:.1e}");
}

#[test]
fn adam() {
    trajectory("adam", OptimizerKind::Adam, 0.0, (true, true));
}

/// Decay 0.1, in the gradient (Adam) or in the weight (AdamW), with and without the bias.
#[test]
fn weight_decay() {
    trajectory("adam_l2", OptimizerKind::Adam, 0.1, (true, true));
    trajectory("adam_l2_weight_only", OptimizerKind::Adam, 0.1, (true, false));
    trajectory("adamw", OptimizerKind::AdamW, 0.1, (true, true));
    trajectory("adamw_weight_only", OptimizerKind::AdamW, 0.1, (true, false));
}

#[test]
fn each_group_takes_its_own_rate() {
    let mut problem = Problem::new((true, true), Group::Backbone);
    let mut optimizer = Optimizer::new(OptimizerKind::AdamW, 0.1);
    let before = problem.values();
    problem.step(&mut optimizer, Rates { head: RATE, backbone: 0.0 });
    let after = problem.values();
    assert_eq!(after.1, before.1, "the backbone's rate is 0");
    // Adam's first step is the rate in each coordinate, whatever the gradient; the decay comes on top.
    let steps = after.0.iter().zip(&before.0).map(|(a, b)| f64::from((a - b * 0.999).abs()));
    assert!(steps.into_iter().all(|step| (step - RATE).abs() < 1e-4 * RATE + 1e-6), "the head's rate is {RATE}");
}

#[test]
fn schedules_are_pytorchs() {
    let expected = golden(&project("tests/golden/optimisers.safetensors"));
    let rates = |schedule: Schedule, steps: usize| -> Vec<f32> {
        (0..10).map(|step| (0.1 * schedule.factor(step, steps)) as f32).collect()
    };
    assert_close("constant", &rates(Schedule::Constant, 10), &expected["schedule.constant"].data, BOUND);
    // Ten steps are too few for a warm-up of a twentieth.
    assert_close("cosine", &rates(Schedule::Cosine, 10), &expected["schedule.cosine"].data, BOUND);
    // Sixty have the golden file's warm-up of three, with a longer cosine after it.
    let warm_up = &expected["schedule.cosine_warmup"].data[..3];
    assert_close("warm-up", &rates(Schedule::Cosine, 60)[..3], warm_up, BOUND);
}

/// The golden file's formula, with our warm-up of a twentieth of the steps.
#[test]
fn cosine_with_warm_up_by_its_formula() {
    for (steps, warm_up) in [(1, 0), (19, 0), (20, 1), (60, 3), (400, 20), (1237, 61)] {
        for step in 0..steps {
            let expected = if step < warm_up {
                (step + 1) as f64 / warm_up as f64
            } else {
                0.5 * (1.0 + (PI * (step - warm_up) as f64 / (steps - warm_up) as f64).cos())
            };
            let found = Schedule::Cosine.factor(step, steps);
            assert!((found - expected).abs() < 1e-12, "step {step} of {steps}: {found}, not {expected}");
        }
        assert!(Schedule::Cosine.factor(steps, steps).abs() < 1e-12, "it ends at zero after {steps}");
    }
}
