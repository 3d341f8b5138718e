//! What trains and what stays as it is, to the bit: BatchNorm's statistics and affine, and stages before the first
//! that is active.

mod common;

use burn::tensor::{Tensor, TensorData};
use common::{assert_close, backbone, cross_entropy, default_backbone, engine, reference};
use headstart::backbone::{Backbone, FrozenStages, TrainableStages};
use headstart::nn::{Role, global_average};
use headstart::params::{Group, Params, Slot};
use headstart::train::{Optimizer, OptimizerKind, OptimizerSettings};

/// First stage of the tails.
const FIRST: usize = 16;
/// Everything that could move a parameter: decay, momentum and moments.
const SETTINGS: [OptimizerSettings; 3] = [
    OptimizerSettings { kind: OptimizerKind::AdamW, weight_decay: 0.1, momentum: 0.0, clip_norm: Some(1.0) },
    OptimizerSettings { kind: OptimizerKind::Adam, weight_decay: 0.1, momentum: 0.0, clip_norm: None },
    OptimizerSettings { kind: OptimizerKind::Sgd, weight_decay: 0.1, momentum: 0.9, clip_norm: None },
];

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("f32")
}

/// Name, group and values of each parameter.
type Contents = Vec<(String, Group, Vec<f32>)>;

/// The last three stages of a backbone under a dense head.
struct Tail {
    params: Params,
    stages: TrainableStages,
    input: Tensor<4>,
    head: (Slot, [usize; 2]),
}

impl Tail {
    fn new(backbone: &Backbone, train_norms: bool) -> Self {
        let engine = engine();
        let [channels, height, width] = backbone.shape_at(FIRST);
        let wave = |count: usize| (0..count).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<_>>();
        let data = TensorData::new(wave(2 * channels * height * width), [2, channels, height, width]);
        let input = Tensor::from_data(data, engine.device());
        let mut params = Params::new(engine.device());
        let range = FIRST..backbone.depth();
        let stages = TrainableStages::new(backbone, range, &engine, &mut params, train_norms).unwrap();
        let shape = [backbone.shape_at(backbone.depth())[0], 2];
        let head = params.add("head", &shape, wave(shape[0] * 2), Group::Head, true);
        Self { params, stages, input, head: (head, shape) }
    }

    fn train(&mut self, steps: usize, optimizer: &mut Optimizer, first_active: usize) {
        for _ in 0..steps {
            let x = self.stages.forward(self.input.clone().autodiff(), &self.params, first_active);
            let head = self.params.get(self.head.0).reshape(self.head.1);
            let loss = cross_entropy(0.0).loss(global_average(x).matmul(head), &[0, 1]);
            optimizer.step(&mut self.params, &mut loss.backward(), |_| 1e-2);
        }
    }

    fn contents(&self) -> Contents {
        let snapshot = pollster::block_on(self.params.snapshot()).unwrap();
        let each = self.params.iter().zip(snapshot.iter());
        each.map(|(param, values)| (param.name.clone(), param.group, values.to_vec())).collect()
    }

    fn put_back(&mut self, contents: &Contents) {
        self.params.recall(contents.iter().map(|(.., values)| values.clone()));
    }

    /// What the stages compute, outside the graph.
    fn output(&self) -> Vec<f32> {
        values(self.stages.forward(self.input.clone(), &self.params.without_graph(), 0))
    }
}

/// Names of the parameters that differ.
fn changed(before: &Contents, after: &Contents) -> Vec<String> {
    let pairs = before.iter().zip(after);
    pairs.filter(|(before, after)| before.2 != after.2).map(|(before, _)| before.0.clone()).collect()
}

/// Trains a tail; every parameter must change, and nothing but parameters: with their first values it computes what it
/// did at first, to the bit, so that the statistics of BatchNorm are what they were.
fn only_parameters_change(backbone: &Backbone, train_norms: bool, expected: &[String]) {
    for settings in SETTINGS {
        let mut tail = Tail::new(backbone, train_norms);
        let (before, output) = (tail.contents(), tail.output());
        let names: Vec<_> = before.iter().map(|(name, ..)| name.clone()).collect();
        assert_eq!(names, expected, "what trains");
        tail.train(3, &mut Optimizer::new(settings), 0);
        let after = tail.contents();
        assert_eq!(changed(&before, &after), expected, "{settings:?}: what changed");
        assert_ne!(tail.output(), output);
        tail.put_back(&before);
        assert_eq!(tail.output(), output, "{settings:?}: what is no parameter is as it was");
    }
}

/// Names of the tail's tensors of these roles, in order; then the head.
fn tensors(backbone: &Backbone, roles: &[Role]) -> Vec<String> {
    let tensors = backbone.stages()[FIRST..].iter().flat_map(|stage| stage.tensors(backbone.weights().folded()));
    let names = tensors.filter(|tensor| roles.contains(&tensor.role)).map(|tensor| tensor.name);
    names.chain(["head".to_string()]).collect()
}

#[test]
fn frozen_norms_stay_as_they_are() {
    let backbone = default_backbone();
    only_parameters_change(&backbone, false, &tensors(&backbone, &[Role::Weight]));
}

#[test]
fn of_norms_that_train_only_the_affine_changes() {
    let backbone = default_backbone();
    only_parameters_change(&backbone, true, &tensors(&backbone, &[Role::Weight, Role::Gamma, Role::Beta]));
}

#[test]
#[ignore = "needs the reference backbones and pictures"]
fn biases_of_folded_norms_train_in_either_case() {
    let backbone = backbone(&reference("backbones/mobilenet-v2-1.0-folded"));
    let expected = tensors(&backbone, &[Role::Weight, Role::Bias]);
    only_parameters_change(&backbone, false, &expected);
    only_parameters_change(&backbone, true, &expected);
}

#[test]
fn stages_before_the_first_active_stay_as_they_are() {
    let backbone = default_backbone();
    for (settings, train_norms) in SETTINGS.iter().flat_map(|settings| [(*settings, false), (*settings, true)]) {
        for first_active in 0..=3 {
            let mut tail = Tail::new(&backbone, train_norms);
            let before = tail.contents();
            tail.train(3, &mut Optimizer::new(settings), first_active);
            for (before, after) in before.iter().zip(tail.contents()) {
                let trains = match before.1 {
                    Group::Head => true,
                    Group::Stage(stage) => stage >= FIRST + first_active,
                };
                assert_eq!(before.2 != after.2, trains, "{} with stages from {first_active} active", before.0);
            }
        }
    }
}

/// Gradual unfreezing: a stage that starts to train later does so then, and one that trained before goes on.
#[test]
fn stages_thaw_one_after_the_other() {
    let mut tail = Tail::new(&default_backbone(), false);
    let mut optimizer = Optimizer::new(SETTINGS[0]);
    for first_active in (0..=3).rev() {
        let before = tail.contents();
        tail.train(1, &mut optimizer, first_active);
        let groups = |group| matches!(group, Group::Stage(stage) if stage < FIRST + first_active);
        for (before, after) in before.iter().zip(tail.contents()) {
            assert_eq!(before.2 == after.2, groups(before.1), "{} with {first_active}", before.0);
        }
    }
}

/// Whichever stages are in the graph, and whether there is one, the activations are those of the frozen backbone.
#[test]
fn what_is_active_does_not_change_the_activations() {
    let backbone = default_backbone();
    let frozen = FrozenStages::new(&backbone, FIRST..backbone.depth(), &engine()).unwrap();
    for train_norms in [false, true] {
        let tail = Tail::new(&backbone, train_norms);
        let expected = values(frozen.forward(&values(tail.input.clone())));
        assert_close("outside", &tail.output(), &expected, 1e-5);
        for first_active in 0..=4 {
            for input in [tail.input.clone(), tail.input.clone().autodiff()] {
                let y = tail.stages.forward(input, &tail.params, first_active).inner();
                assert_eq!(values(y), tail.output(), "stages from {first_active} active");
            }
        }
    }
}
