//! Optimisers, schedules and losses against torch.optim (tests/golden/make_optimiser_golden.py), and a support-vector
//! machine against scikit-learn (tests/golden/make_svm_golden.py).

mod common;

use burn::tensor::{Tensor, TensorData};
use common::{Golden, assert_close, cross_entropy, engine, golden, project};
use headstart::params::{Group, Params, Slot};
use headstart::train::{
    Objective, Optimizer, OptimizerKind, OptimizerSettings, Pace, Schedule, argmax, balanced_weights,
};
use pollster::block_on;
use std::collections::BTreeMap;
use std::f64::consts::PI;

/// Largest difference, as a share of the largest value of the tensor.
const BOUND: f32 = 1e-4;
/// Learning rate of the golden runs of the Adams.
const RATE: f64 = 0.01;
/// Learning rate of those of SGD and of the schedules.
const SGD_RATE: f64 = 0.1;

const ADAM: OptimizerSettings =
    OptimizerSettings { kind: OptimizerKind::Adam, weight_decay: 0.0, momentum: 0.0, clip_norm: None };
const ADAMW: OptimizerSettings = OptimizerSettings { kind: OptimizerKind::AdamW, weight_decay: 0.1, ..ADAM };
const SGD: OptimizerSettings = OptimizerSettings { kind: OptimizerKind::Sgd, ..ADAM };
const MOMENTUM: OptimizerSettings = OptimizerSettings { momentum: 0.9, ..SGD };

fn scalar(tensor: Tensor<1>) -> f32 {
    tensor.into_data().try_into_vec::<f32>().unwrap()[0]
}

/// The golden problem: softmax regression on the full batch.
struct Problem {
    expected: BTreeMap<String, Golden>,
    params: Params,
    slots: (Slot, Slot),
    labels: Vec<usize>,
    objective: Objective,
    /// Whether the bias is in the graph.
    bias_trains: bool,
}

impl Problem {
    /// `decays` says whether weight and bias take weight decay; `group` is the bias's.
    fn new(decays: (bool, bool), group: Group, objective: Objective) -> Self {
        let expected = golden(&project("tests/golden/optimisers.safetensors"));
        let mut params = Params::new(engine().device());
        let mut add = |name: &str, group, decay| {
            let start = &expected[&format!("problem.{name}")];
            params.add(name, &start.shape, start.data.clone(), group, decay)
        };
        let slots = (add("weight", Group::Head, decays.0), add("bias", group, decays.1));
        let labels = expected["problem.labels"].data.iter().map(|label| *label as usize).collect();
        Self { expected, params, slots, labels, objective, bias_trains: true }
    }

    fn logits(&self) -> Tensor<2> {
        let x = TensorData::new(self.expected["problem.input"].data.clone(), [12, 8]);
        let x = Tensor::<2>::from_data(x, engine().device()).autodiff();
        let weight = self.params.get(self.slots.0).reshape([3, 8]).transpose();
        let bias = &self.slots.1;
        let bias = if self.bias_trains { self.params.get(*bias) } else { self.params.get_constant(*bias) };
        x.matmul(weight) + bias.reshape([1, 3])
    }

    fn loss(&self) -> Tensor<1> {
        self.objective.loss(self.logits(), &self.labels)
    }

    fn step(&mut self, optimizer: &mut Optimizer, rate: impl Fn(Group) -> f64) -> f32 {
        let loss = self.loss();
        let value = scalar(loss.clone().inner());
        optimizer.step(&mut self.params, &mut loss.backward(), rate);
        value
    }

    fn values(&self) -> (Vec<f32>, Vec<f32>) {
        let snapshot = block_on(self.params.snapshot()).unwrap();
        (snapshot.get(self.slots.0).to_vec(), snapshot.get(self.slots.1).to_vec())
    }
}

/// A golden run and what is particular about it.
struct Run {
    name: &'static str,
    settings: OptimizerSettings,
    decays: (bool, bool),
    objective: Objective,
    pace: Pace,
    /// Steps in which the bias does not train.
    frozen: usize,
}

impl Run {
    fn new(name: &'static str, settings: OptimizerSettings) -> Self {
        let pace = Pace::new(Schedule::Constant, 0.0, 10, 1);
        Self { name, settings, decays: (true, true), objective: cross_entropy(0.0), pace, frozen: 0 }
    }

    /// Ten steps: weights and biases after each, and the loss before each and after the last.
    fn check(self) {
        let Self { name, settings, decays, objective, pace, frozen } = self;
        let mut problem = Problem::new(decays, Group::Head, objective);
        let mut optimizer = Optimizer::new(settings);
        let base = if settings.kind == OptimizerKind::Sgd { SGD_RATE } else { RATE };
        let (mut weights, mut biases, mut losses) = (Vec::new(), Vec::new(), Vec::new());
        for step in 0..10 {
            problem.bias_trains = step >= frozen;
            let before = problem.values().1;
            losses.push(problem.step(&mut optimizer, |_| base * pace.factor(step)));
            let (weight, bias) = problem.values();
            assert!(step >= frozen || bias == before, "{name}: what has no gradient stays as it is");
            weights.extend(weight);
            biases.extend(bias);
        }
        losses.push(scalar(problem.loss().inner()));
        let golden = |part: &str| &problem.expected[&format!("{name}.{part}")].data;
        let worst = assert_close(&format!("{name}: weights"), &weights, golden("weights"), BOUND)
            .max(assert_close(&format!("{name}: biases"), &biases, golden("biases"), BOUND))
            .max(assert_close(&format!("{name}: losses"), &losses, golden("losses"), BOUND));
        println!("{name}: {worst:.1e}");
    }
}

#[test]
fn adam() {
    Run::new("adam", ADAM).check();
}

#[test]
fn sgd() {
    Run::new("sgd", SGD).check();
    Run::new("sgd_momentum", MOMENTUM).check();
}

/// Decay 0.1, in the gradient (Adam, SGD) or in the weight (AdamW), with and without the bias.
#[test]
fn weight_decay() {
    let l2 = OptimizerSettings { weight_decay: 0.1, ..ADAM };
    Run::new("adam_l2", l2).check();
    Run { decays: (true, false), ..Run::new("adam_l2_weight_only", l2) }.check();
    Run::new("adamw", ADAMW).check();
    Run { decays: (true, false), ..Run::new("adamw_weight_only", ADAMW) }.check();
    Run::new("sgd_momentum_l2", OptimizerSettings { weight_decay: 0.1, ..MOMENTUM }).check();
}

#[test]
fn gradients_are_clipped_by_their_common_norm() {
    let clip_norm = Some(0.25);
    Run::new("sgd_momentum_clipped", OptimizerSettings { clip_norm, ..MOMENTUM }).check();
    let (decays, objective) = ((true, false), cross_entropy(0.1));
    let settings = OptimizerSettings { clip_norm, ..ADAMW };
    Run { decays, objective, ..Run::new("adamw_clipped_smoothed", settings) }.check();
    // What is below the bound stays as it is.
    Run::new("sgd_momentum", OptimizerSettings { clip_norm: Some(1e3), ..MOMENTUM }).check();
}

#[test]
fn smoothing_and_class_weights() {
    let weights = Some(golden(&project("tests/golden/optimisers.safetensors"))["problem.class_weights"].data.clone());
    Run { objective: cross_entropy(0.1), ..Run::new("sgd_momentum_smoothed", MOMENTUM) }.check();
    for (name, smoothing) in [("sgd_momentum_class_weights", 0.0), ("sgd_momentum_class_weights_smoothed", 0.1)] {
        let objective = Objective::CrossEntropy { smoothing, weights: weights.clone() };
        Run { objective, ..Run::new(name, MOMENTUM) }.check();
    }
}

/// A parameter that trains from the fifth step on counts its own steps, has no momentum yet and did not decay.
#[test]
fn a_parameter_that_starts_later_starts_afresh() {
    Run { frozen: 4, ..Run::new("adamw_thawed", ADAMW) }.check();
    Run { frozen: 4, ..Run::new("sgd_momentum_l2_thawed", OptimizerSettings { weight_decay: 0.1, ..MOMENTUM }) }
        .check();
}

#[test]
fn ten_steps_under_a_schedule() {
    let cosine = Pace::new(Schedule::Cosine, 0.3, 10, 1);
    Run { pace: cosine, ..Run::new("sgd_momentum_cosine_warmup", MOMENTUM) }.check();
    let step = Pace::new(Schedule::Step { every: 3, factor: 0.5 }, 0.0, 10, 1);
    Run { pace: step, ..Run::new("sgd_momentum_step", MOMENTUM) }.check();
}

#[test]
fn each_group_takes_its_own_rate() {
    let mut problem = Problem::new((true, true), Group::Stage(3), cross_entropy(0.0));
    let mut optimizer = Optimizer::new(ADAMW);
    let before = problem.values();
    problem.step(&mut optimizer, |group| match group {
        Group::Head => RATE,
        Group::Stage(stage) => f64::from(stage != 3),
    });
    let after = problem.values();
    assert_eq!(after.1, before.1, "the rate of stage 3 is 0");
    // Adam's first step is the rate in each coordinate, whatever the gradient; the decay comes on top.
    let steps = after.0.iter().zip(&before.0).map(|(a, b)| f64::from((a - b * 0.999).abs()));
    assert!(steps.into_iter().all(|step| (step - RATE).abs() < 1e-4 * RATE + 1e-6), "the head's rate is {RATE}");
}

/// The factors of ten steps, one an epoch, times the golden base rate.
fn rates(schedule: Schedule, warm_up_share: f64) -> Vec<f32> {
    let pace = Pace::new(schedule, warm_up_share, 10, 1);
    (0..10).map(|step| (SGD_RATE * pace.factor(step)) as f32).collect()
}

#[test]
fn schedules_are_pytorchs() {
    let expected = golden(&project("tests/golden/optimisers.safetensors"));
    for (name, schedule, warm_up_share) in [
        ("constant", Schedule::Constant, 0.0),
        ("cosine", Schedule::Cosine, 0.0),
        ("cosine_warmup", Schedule::Cosine, 0.3),
        ("step", Schedule::Step { every: 3, factor: 0.5 }, 0.0),
    ] {
        let golden = &expected[&format!("schedule.{name}")].data;
        assert_close(name, &rates(schedule, warm_up_share), golden, 1e-6);
    }
    let losses = &expected["schedule.plateau_losses"].data;
    let mut pace = Pace::new(Schedule::Plateau { patience: 2, factor: 0.5 }, 0.0, losses.len() as u32, 1);
    assert_eq!(pace.factor(0), 1.0, "the peak, until an epoch ended");
    let found: Vec<f32> = losses
        .iter()
        .enumerate()
        .map(|(epoch, loss)| {
            pace.epoch_ended(f64::from(*loss));
            (SGD_RATE * pace.factor(epoch + 1)) as f32
        })
        .collect();
    assert_close("plateau", &found, &expected["schedule.plateau"].data, 1e-6);
}

/// The golden file's formulas, for more lengths of warm-up and epochs of several steps.
#[test]
fn schedules_by_their_formulas() {
    for (epochs, steps_an_epoch, share) in [(1, 1, 0.5), (5, 4, 0.05), (20, 3, 0.05), (1237, 1, 0.05), (100, 1, 0.29)] {
        let steps = epochs as usize * steps_an_epoch;
        let warm_up = (share * 100.0_f64).round() as usize * steps / 100;
        let pace = |schedule| Pace::new(schedule, share, epochs, steps_an_epoch);
        let cosine = pace(Schedule::Cosine);
        let step = pace(Schedule::Step { every: 2, factor: 0.5 });
        for at in 0..steps {
            let warming = (at < warm_up).then(|| (at + 1) as f64 / warm_up as f64);
            let progress = (at as f64 - warm_up as f64) / (steps - warm_up) as f64;
            let halvings = (at / steps_an_epoch / 2) as i32;
            for (what, found, expected) in [
                ("cosine", cosine.factor(at), 0.5 * (1.0 + (PI * progress).cos())),
                ("step", step.factor(at), 0.5_f64.powi(halvings)),
                ("constant", pace(Schedule::Constant).factor(at), 1.0),
                ("plateau", pace(Schedule::Plateau { patience: 1, factor: 0.5 }).factor(at), 1.0),
            ] {
                let expected = warming.unwrap_or(expected);
                assert!((found - expected).abs() < 1e-12, "{what}, step {at} of {steps}: {found}, not {expected}");
            }
        }
        for after in [steps, steps + 7] {
            assert!(cosine.factor(after).abs() < 1e-12, "it ends at zero after {steps} and stays there");
        }
    }
}

/// The plain numbers of the reports add up to the loss in the graph.
#[test]
fn rows_add_up_to_the_loss() {
    let weights = Some(vec![0.5, 1.0, 2.0]);
    for objective in [
        cross_entropy(0.0),
        cross_entropy(0.1),
        Objective::CrossEntropy { smoothing: 0.0, weights: weights.clone() },
        Objective::CrossEntropy { smoothing: 0.1, weights },
        Objective::SquaredHinge,
    ] {
        let problem = Problem::new((true, true), Group::Head, objective.clone());
        let logits = problem.logits().inner().into_data().try_into_vec::<f32>().unwrap();
        let rows = logits.chunks_exact(3).zip(&problem.labels).map(|(row, label)| objective.of_row(row, *label));
        let (loss, weight) = rows.fold((0.0, 0.0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
        let expected = scalar(problem.loss().inner());
        assert_close(&format!("{objective:?}"), &[(loss / weight) as f32], &[expected], 1e-6);
    }
}

#[test]
fn balanced_weights_are_scikit_learns() {
    // compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 0, 0, 1, 2, 2]) is 6/9, 6/3, 6/6.
    assert_close("weights", &balanced_weights(&[0, 0, 0, 1, 2, 2], 3), &[2.0 / 3.0, 2.0, 1.0], 1e-6);
    assert_eq!(balanced_weights(&[0, 2, 0, 2], 3), [2.0 / 3.0, 0.0, 2.0 / 3.0], "a class without pictures");
    let weights = balanced_weights(&[1, 1, 1, 0], 2);
    assert_eq!(weights[0], 3.0 * weights[1], "each class counts the same");
}

/// The squared hinge with the L2 penalty, as weight decay of Adam, on the full batch.
#[test]
fn a_support_vector_machine_is_scikit_learns() {
    const STEPS: usize = 3000;
    let expected = golden(&project("tests/golden/svm.safetensors"));
    let data = TensorData::new(expected["input"].data.clone(), [60, 10]);
    let x = Tensor::<2>::from_data(data, engine().device());
    let labels: Vec<usize> = expected["labels"].data.iter().map(|label| *label as usize).collect();
    for c in [0.01, 0.1, 1.0] {
        let golden = |part: &str| &expected[&format!("c_{c:?}.{part}")].data;
        let mut params = Params::new(engine().device());
        let weight = params.add("weight", &[3, 10], vec![0.0; 30], Group::Head, true);
        let bias = params.add("bias", &[3], vec![0.0; 3], Group::Head, true);
        let logits = |params: &Params| {
            let weight = params.get(weight).reshape([3, 10]).transpose();
            x.clone().matmul(weight) + params.get(bias).reshape([1, 3])
        };
        // The slope of ‖p‖² / (2·C·n) is p / (C·n).
        let decay = 1.0 / (c * 60.0);
        let mut optimizer = Optimizer::new(OptimizerSettings { weight_decay: decay, ..ADAM });
        let pace = Pace::new(Schedule::Cosine, 0.0, STEPS as u32, 1);
        for step in 0..STEPS {
            let loss = Objective::SquaredHinge.loss(logits(&params), &labels);
            optimizer.step(&mut params, &mut loss.backward(), |_| 0.02 * pace.factor(step));
        }
        let snapshot = block_on(params.snapshot()).unwrap();
        let (weights, biases) = (snapshot.get(weight), snapshot.get(bias));
        let worst = assert_close(&format!("C = {c}: weights"), weights, golden("weight"), 1e-3).max(assert_close(
            &format!("C = {c}: biases"),
            biases,
            golden("bias"),
            1e-3,
        ));
        let logits = logits(&params.without_graph()).into_data().try_into_vec::<f32>().unwrap();
        let predictions: Vec<f32> = logits.chunks_exact(3).map(|row| argmax(row) as f32).collect();
        assert_eq!(&predictions, golden("predictions"), "C = {c}: predictions");
        let rows =
            logits.chunks_exact(3).zip(&labels).map(|(row, label)| Objective::SquaredHinge.of_row(row, *label).0);
        let penalty = weights.iter().chain(biases).map(|p| f64::from(*p) * f64::from(*p)).sum::<f64>() * decay / 2.0;
        let objective = rows.sum::<f64>() / 60.0 + penalty;
        assert_close(&format!("C = {c}: objective"), &[objective as f32], golden("objective"), 1e-5);
        println!("C = {c}: {worst:.1e}");
    }
}
