//! Heads and their loss against PyTorch (tests/golden/make_heads_golden.py), a trained support-vector machine against
//! scikit-learn (tests/golden/make_svm_golden.py), and the folding of standardisation.

mod common;

use burn::tensor::{Tensor, TensorData};
use common::{Golden, assert_close, cross_entropy, engine, golden, project};
use headstart::engine::Engine;
use headstart::features::Row;
use headstart::head::{Activation, Features, Head, HeadKind, TrainableHead};
use headstart::params::{Params, Snapshot};
use headstart::train::{EventKind, Examples, Objective, Run, Start, TrainConfig, argmax, cross_entropy_of};
use pollster::block_on;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Largest difference, as a share of the largest value of the tensor.
const BOUND: f32 = 1e-5;

/// The same where rounding of many steps has come together.
const STEPS_BOUND: f32 = 1e-4;

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("f32")
}

/// A golden head in a graph, with the golden names of its parameters in order.
struct Case {
    expected: BTreeMap<String, Golden>,
    name: &'static str,
    parts: &'static [&'static str],
    params: Params,
    head: TrainableHead,
}

impl Case {
    fn new(kind: HeadKind) -> Self {
        let expected = golden(&project("tests/golden/heads.safetensors"));
        let (name, parts): (_, &[&str]) = match kind {
            HeadKind::Linear => ("linear", &["weight", "bias"]),
            _ => ("mlp", &["hidden.weight", "hidden.bias", "output.weight", "output.bias"]),
        };
        let mut params = Params::new(engine().device());
        let start = Head::fresh(kind, 8, 3, &mut ChaCha8Rng::seed_from_u64(0));
        let head = TrainableHead::new(&start, true, &mut params).unwrap();
        assert_eq!(params.iter().count(), parts.len(), "{name}: parameters");
        let start: Vec<&Golden> = parts.iter().map(|part| &expected[&format!("{name}.{part}")]).collect();
        for (golden, param) in start.iter().zip(params.iter()) {
            assert_eq!(golden.shape, param.shape, "{}", param.name);
        }
        params.recall(start.iter().map(|golden| golden.data.clone()));
        Self { expected, name, parts, params, head }
    }

    fn golden(&self, what: &str) -> &Golden {
        &self.expected[&format!("{}.{what}", self.name)]
    }

    fn snapshot(&self) -> Snapshot {
        block_on(self.params.snapshot()).unwrap()
    }

    fn check(&self) {
        let input = &self.expected["input"];
        let labels: Vec<usize> = self.expected["labels"].data.iter().map(|label| *label as usize).collect();
        let x = Tensor::<2>::from_data(TensorData::new(input.data.clone(), [5, 8]), engine().device());
        let x = x.autodiff().require_grad();
        for (kind, smoothing) in [("", 0.0), ("smoothed_", 0.1)] {
            let logits = self.head.forward(x.clone(), &self.params, |_| None);
            let rows = values(logits.clone().inner());
            assert_close("logits", &rows, &self.golden("logits").data, BOUND);
            let loss = cross_entropy(smoothing).loss(logits, &labels);
            let expected = &self.golden(&format!("{kind}loss")).data;
            assert_close(&format!("{kind}loss"), &values(loss.inner()), expected, BOUND);
            // The plain numbers of the reports are the same loss.
            let plain = rows.chunks_exact(3).zip(&labels).map(|(row, label)| cross_entropy_of(row, *label, smoothing));
            let plain = plain.sum::<f64>() / labels.len() as f64;
            assert_close(&format!("plain {kind}loss"), &[plain as f32], expected, BOUND);

            // What training takes of it.
            let goal = cross_entropy(smoothing).goal(&labels, &labels, 3);
            let mut found = self.head.judged(x.clone(), &self.params, |_| None, goal).loss.backward();
            let gradient = x.grad_remove(&mut found).expect("the input has a gradient");
            assert_close(
                "gradient of the input",
                &values(gradient),
                &self.golden(&format!("{kind}grad.input")).data,
                BOUND,
            );
            for (part, gradient) in self.parts.iter().zip(self.params.gradients(&mut found)) {
                let gradient = values(gradient.unwrap_or_else(|| panic!("{part} has a gradient")));
                let expected = &self.golden(&format!("{kind}grad.{part}")).data;
                assert_close(&format!("{}: {kind}gradient of {part}", self.name), &gradient, expected, BOUND);
            }
        }
        // The head that is left after training, in plain vectors.
        let head = self.head.trained(&self.snapshot());
        let rows: Vec<f32> = input.data.chunks_exact(8).flat_map(|row| head.logits(row)).collect();
        assert_close("logits of the trained head", &rows, &self.golden("logits").data, BOUND);
        for (layer, parts) in head.layers.iter().zip(self.parts.chunks_exact(2)) {
            assert_eq!(layer.weight, self.golden(parts[0]).data, "{} as PyTorch keeps it", parts[0]);
            assert_eq!(layer.bias, self.golden(parts[1]).data, "{}", parts[1]);
        }
    }
}

fn mlp(hidden: usize) -> HeadKind {
    HeadKind::Mlp { hidden, activation: Activation::Relu }
}

#[test]
fn linear_head_is_pytorchs() {
    Case::new(HeadKind::Linear).check();
}

#[test]
fn mlp_head_is_pytorchs() {
    Case::new(mlp(6)).check();
}

/// Whatever their sizes: of many classes, and of features that are no whole vectors, an engine computes otherwise.
#[test]
fn what_a_head_trains_by_is_the_loss_of_its_logits() {
    const ALL: usize = 9;
    let mut rng = ChaCha8Rng::seed_from_u64(31);
    let noise = |count: usize, rng: &mut ChaCha8Rng| (0..count).map(|_| rng.random::<f32>() - 0.5).collect::<Vec<_>>();
    let rows: [u32; 7] = [8, 0, 3, 3, 7, 1, 2];
    for (features, classes) in [(72, 2), (72, 5), (72, 11), (8, 32), (8, 33), (7, 4)] {
        let labels: Vec<usize> = rows.iter().map(|row| *row as usize % classes).collect();
        let weights = Some(noise(classes, &mut rng).into_iter().map(|w| w + 1.0).collect());
        let table =
            Tensor::<1>::from_data(TensorData::from(noise(ALL * features, &mut rng).as_slice()), engine().device());
        let table = table.reshape([ALL, features]);
        for objective in [Objective::CrossEntropy { smoothing: 0.1, weights }, Objective::SquaredHinge] {
            let mut params = Params::new(engine().device());
            let head = Head::fresh(HeadKind::Linear, features, classes, &mut rng);
            let head = TrainableHead::new(&head, true, &mut params).unwrap();
            let counts: Vec<usize> = params.iter().map(|param| param.shape.iter().product()).collect();
            params.recall(counts.into_iter().map(|count| noise(count, &mut rng)));
            let some = || Features::Rows { table: table.clone(), rows: rows.to_vec() };
            let logits = head.forward(some(), &params, |_| None);
            let goal = objective.goal(&labels, &labels, classes);
            let judged = head.judged(some(), &params, |_| None, goal);
            let what = format!("{features} features, {classes} classes, {objective:?}");
            assert_close(&what, &values(judged.logits), &values(logits.clone().inner()), BOUND);
            let mut found = [objective.loss(logits, &labels), judged.loss].map(|loss| {
                let gradients = params.gradients(&mut loss.backward());
                gradients.into_iter().map(|gradient| values(gradient.expect("a gradient"))).collect::<Vec<_>>()
            });
            let [expected, found] = &mut found;
            for (found, expected) in found.iter().zip(expected) {
                assert!(expected.iter().any(|value| *value != 0.0), "{what}: there is something to compare");
                assert_close(&what, found, expected, BOUND);
            }
        }
    }
}

#[test]
fn a_linear_head_starts_without_a_favourite_and_a_hidden_layer_without_symmetry() {
    let start = |kind, seed| Head::fresh(kind, 16, 4, &mut ChaCha8Rng::seed_from_u64(seed));
    assert!(start(HeadKind::Linear, 1).logits(&[1.0; 16]).iter().all(|logit| *logit == 0.0));
    let first = start(mlp(8), 1);
    let rows: Vec<&[f32]> = first.layers[0].weight.chunks_exact(16).collect();
    assert!((1..8).all(|unit| rows[unit] != rows[0]), "no two hidden units are alike");
    assert!(first.layers[0].weight.iter().all(|w| w.abs() <= 0.25), "within ±1/√16");
    assert_eq!(first, start(mlp(8), 1), "the same seed starts the same");
    assert_ne!(first, start(mlp(8), 2), "another seed starts elsewhere");
}

/// Trains on features far from standard, and compares the loss that training saw (standardised features, the head as
/// it trained) with the loss of the finished head on the features as they are.
#[test]
fn the_finished_head_takes_features_as_they_are() {
    const WIDTH: usize = 12;
    const PICTURES: u32 = 30;
    for head in ["linear", "mlp:7"] {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let mut rows: Vec<Row> = Vec::new();
        for id in 0..PICTURES {
            // Two views each.
            for _ in 0..2 {
                // Means from −50 to 60 and spreads from 0.1 to 20; the last feature is the same everywhere.
                let feature = |at: usize, noise: f32| match at {
                    11 => 4.0,
                    _ => at as f32 * 10.0 - 50.0 + (0.1 + at as f32 * 2.0) * (noise + (id % 3) as f32),
                };
                let row: Vec<f32> = (0..WIDTH).map(|at| feature(at, rng.random::<f32>())).collect();
                rows.push(Row::Full(Arc::from(row)));
            }
        }
        let labels = |ids: std::ops::Range<u32>| ids.map(|id| (id % 3) as usize).collect::<Vec<_>>();
        let validation: Vec<Row> = rows[40..].iter().step_by(2).cloned().collect();
        let config = TrainConfig { head: head.into(), epochs: 6.0, learning_rate: 0.05, ..TrainConfig::default() };
        let train = Examples::pooled(rows[..40].to_vec(), labels(0..20), 2, WIDTH).unwrap();
        let held_out = Examples::pooled(validation.clone(), labels(20..PICTURES), 1, WIDTH).unwrap();
        let (config, scaling) = (config.check().unwrap(), train.measure().unwrap());
        let start = Start {
            config,
            classes: 3,
            scaling,
            head: None,
            grown: false,
            features: Some((train, held_out)),
            tail: None,
        };
        let mut run = Run::new(start, &engine(), || 0.0).unwrap();
        let mut best = f64::INFINITY;
        loop {
            let event = block_on(run.step()).unwrap();
            match event.kind {
                EventKind::Epoch => best = best.min(event.validation_loss.expect("there is a validation set")),
                EventKind::Done => break,
                EventKind::Step => {}
            }
        }
        let outcome = block_on(run.finish()).unwrap();
        let losses = validation.iter().zip(labels(20..PICTURES)).map(|(held_out, label)| {
            let mut row = Vec::new();
            held_out.write(&mut row);
            cross_entropy_of(&outcome.head.logits(&row), label, 0.0)
        });
        let loss = losses.sum::<f64>() / validation.len() as f64;
        assert!((loss - best).abs() < 1e-4, "{head}: {loss} of the finished head, {best} while training");
        assert!(best < 0.9 * 3.0_f64.ln(), "{head}: it learnt something, or the test shows nothing ({best})");
    }
}

/// The weights of a head of a few epochs, whose loss fell, of eight rows of features a class.
fn trained(config: &TrainConfig, [width, classes]: [usize; 2], engine: &Engine) -> Vec<Vec<f32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut row = |label: usize| {
        let feature = |at: usize| rng.random::<f32>() + if at % classes == label { 0.5 } else { 0.0 };
        Row::Full((0..width).map(feature).collect())
    };
    let (count, trains) = (8 * classes, 6 * classes);
    let labels: Vec<usize> = (0..count).map(|at| at % classes).collect();
    let rows: Vec<Row> = labels.iter().map(|label| row(*label)).collect();
    let train = Examples::pooled(rows[..trains].to_vec(), labels[..trains].to_vec(), 1, width).unwrap();
    let held_out = Examples::pooled(rows[trains..].to_vec(), labels[trains..].to_vec(), 1, width).unwrap();
    let (config, scaling) = (config.clone().check().unwrap(), train.measure().unwrap());
    let features = Some((train, held_out));
    let start = Start { config, classes, scaling, head: None, grown: false, features, tail: None };
    let mut run = Run::new(start, engine, || 0.0).unwrap();
    let mut losses = Vec::new();
    loop {
        let event = block_on(run.step()).unwrap();
        match event.kind {
            EventKind::Epoch => losses.push(event.loss),
            EventKind::Done => break,
            EventKind::Step => {}
        }
    }
    assert!(losses.last().unwrap() < &(0.95 * losses[0]), "it learnt something: {losses:?}");
    let head = block_on(run.finish()).unwrap().head;
    head.layers.into_iter().flat_map(|layer| [layer.weight, layer.bias]).collect()
}

/// A head alone moves layer by layer, without a graph. Where gradients are clipped they are known before anything moves, of a graph:
/// here nothing is ever clipped.
#[test]
fn a_head_learns_layer_by_layer_what_it_learns_through_a_graph() {
    for (width, classes, head, optimizer, dropout) in [
        (72, 5, "linear", "adamw", 0.0),
        (13, 5, "linear", "adam", 0.3),
        (72, 35, "linear", "adam", 0.0),
        (72, 5, "mlp:32", "adam", 0.0),
        (13, 5, "mlp:11", "adamw", 0.3),
        (72, 11, "mlp:11", "adamw", 0.3),
    ] {
        let config = TrainConfig {
            head: head.into(),
            optimizer: optimizer.into(),
            dropout,
            weight_decay: 0.01,
            batch_size: 7.0,
            epochs: 5.0,
            learning_rate: 0.01,
            ..TrainConfig::default()
        };
        let of = |clip_norm: f64, engine: &Engine| {
            trained(&TrainConfig { clip_norm, ..config.clone() }, [width, classes], engine)
        };
        let (alone, graph) = (of(0.0, &engine()), of(1e6, &Engine::cpu("")));
        let what = format!("{width} features, {classes} classes, {head}, {optimizer}, dropout {dropout}");
        for (alone, graph) in alone.iter().zip(&graph) {
            if engine().is_gpu() {
                assert_close(&what, alone, graph, STEPS_BOUND);
            } else {
                assert_eq!(alone, graph, "{what}: to the bit");
            }
        }
    }
}

/// The whole way of a head `svm:C`: standardisation, squared hinge, its penalty without the optimiser's weight decay,
/// and the folding of the standardisation into the finished head. The input's deviations lie on both sides of their
/// root mean square.
#[test]
fn a_trained_support_vector_machine_is_scikit_learns() {
    const WIDTH: usize = 10;
    /// Tight enough to tell C from 1.01·C and the population's deviation from the sample's.
    const BOUND: f32 = 1e-4;
    let expected = golden(&project("tests/golden/svm.safetensors"));
    let rows: Vec<&[f32]> = expected["input"].data.chunks_exact(WIDTH).collect();
    let labels: Vec<usize> = expected["labels"].data.iter().map(|label| *label as usize).collect();
    for c in [0.01, 0.1, 1.0] {
        let golden = |part: &str| &expected[&format!("standardised.{c:?}.{part}")].data;
        let config = TrainConfig {
            head: format!("svm:{c}"),
            epochs: 1000.0,
            learning_rate: 0.05,
            batch_size: rows.len() as f64,
            optimizer: "adam".into(),
            ..TrainConfig::default()
        };
        assert!(config.weight_decay > 0.0, "the default decay must not reach this head");
        let features = rows.iter().map(|row| Row::Full(Arc::from(*row))).collect();
        let train = Examples::pooled(features, labels.clone(), 1, WIDTH).unwrap();
        let held_out = Examples::pooled(Vec::new(), Vec::new(), 1, WIDTH).unwrap();
        let (config, scaling) = (config.check().unwrap(), train.measure().unwrap());
        let scales = scaling.scale.clone();
        let start = Start {
            config,
            classes: 3,
            scaling,
            head: None,
            grown: false,
            features: Some((train, held_out)),
            tail: None,
        };
        let mut run = Run::new(start, &engine(), || 0.0).unwrap();
        while block_on(run.step()).unwrap().kind != EventKind::Done {}
        let head = block_on(run.finish()).unwrap().head;

        let found: Vec<f32> = rows.iter().flat_map(|row| head.logits(row)).collect();
        let decisions = assert_close(&format!("C = {c}: decision values"), &found, golden("decision"), BOUND);
        let classes = |values: &[f32]| values.chunks_exact(3).map(argmax).collect::<Vec<_>>();
        assert_eq!(classes(&found), classes(golden("decision")), "C = {c}: predictions");
        let weights = head.layers[0].weight.chunks_exact(WIDTH).flat_map(|row| row.iter().zip(&scales));
        let weights: Vec<f32> = weights.map(|(weight, scale)| weight / scale).collect();
        let weights = assert_close(&format!("C = {c}: weights"), &weights, golden("weight"), BOUND);
        println!("svm:{c}: decision values {decisions:.1e}, weights {weights:.1e}");
    }
}
