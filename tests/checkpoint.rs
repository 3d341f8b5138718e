//! Trainings that are cut short go on from their last finished epoch as if nothing had happened, and what is no
//! checkpoint of theirs is refused.

mod common;
mod drawing;

use common::default_backbone;
use drawing::{Kind, add, clock, easy, hopeless, probabilities, train};
use headstart::engine::EngineChoice;
use headstart::project::Written;
use headstart::train::{EventKind, Phase, TrainConfig, TrainEvent};
use headstart::{Error, Project};
use pollster::block_on;
use proptest::prelude::*;
use std::sync::OnceLock;

fn settings() -> TrainConfig {
    TrainConfig { epochs: 3.0, fine_tune_epochs: 3.0, batch_size: 8.0, learning_rate: 0.01, ..TrainConfig::default() }
}

/// Trainings in which everything that a run remembers makes a difference.
fn trainings() -> Vec<(&'static str, TrainConfig)> {
    let fine_tuned = TrainConfig { fine_tune: "last:2".into(), epochs: 2.0, ..settings() };
    vec![
        (
            "dropout and a plateau",
            TrainConfig {
                head: "mlp:8".into(),
                dropout: 0.3,
                schedule: "plateau".into(),
                step_every: 1.0,
                epochs: 5.0,
                ..settings()
            },
        ),
        ("an SVM with momentum", TrainConfig { head: "svm".into(), optimizer: "sgd".into(), ..settings() }),
        ("nothing held out", TrainConfig { validation: 0.0, ..settings() }),
        (
            "both phases, stage by stage",
            TrainConfig { unfreeze_every: 1.0, train_norms: true, optimizer: "adam".into(), ..fine_tuned.clone() },
        ),
        ("a convolution and random variants", TrainConfig { head: "conv:4".into(), rotation: 10.0, ..fine_tuned }),
    ]
}

/// All that an event tells but how long it took.
fn told(events: &[TrainEvent]) -> Vec<String> {
    let timeless = |event: &TrainEvent| TrainEvent { images_per_second: 0.0, eta: 0.0, memory: 0.0, ..event.clone() };
    let of_training = events.iter().filter(|event| event.phase != Phase::Prepare);
    of_training.filter(|event| event.kind != EventKind::Done).map(|event| format!("{:?}", timeless(event))).collect()
}

/// Everything that the report says but seconds.
fn report(project: &Project) -> serde_json::Value {
    let mut report = serde_json::to_value(project.report().expect("a report")).unwrap();
    report.as_object_mut().unwrap().remove("seconds").expect("seconds");
    report
}

fn reopened(written: &Written) -> Project {
    block_on(Project::open(EngineChoice::Cpu, default_backbone(), written, clock)).expect("what was written opens")
}

/// Every checkpoint of a training, with the events that were told by then, and all events.
fn followed(project: &mut Project, config: &TrainConfig) -> (Vec<(Vec<u8>, usize)>, Vec<TrainEvent>) {
    project.start_training(config).expect("it starts");
    let (mut checkpoints, mut events) = (Vec::new(), Vec::new());
    loop {
        let event = block_on(project.step()).expect("a step");
        let (ends, done) = (event.kind == EventKind::Epoch, event.kind == EventKind::Done);
        events.push(event);
        let checkpoint = block_on(project.checkpoint()).expect("a checkpoint");
        assert!(ends || checkpoint.is_none(), "only between two epochs");
        checkpoints.extend(checkpoint.map(|checkpoint| (checkpoint, told(&events).len())));
        if done {
            return (checkpoints, events);
        }
    }
}

/// From whichever epoch a training goes on in another program: the same figures to the bit, the same report, the same
/// predictions.
#[test]
fn a_training_goes_on_as_if_it_had_not_been_cut_short() {
    for (what, config) in trainings() {
        let mut whole = hopeless(default_backbone());
        let before = whole.write(true).unwrap();
        let (checkpoints, events) = followed(&mut whole, &config);
        let epochs = events.iter().filter(|event| event.kind == EventKind::Epoch).count();
        assert_eq!(checkpoints.len(), epochs - 1, "{what}: after each epoch but the last");
        for (checkpoint, by_then) in checkpoints {
            let mut again = reopened(&before);
            again.resume_training(&config, &checkpoint).expect("it goes on");
            let rest = told(&drawing::finish(&mut again));
            assert_eq!(rest, told(&events)[by_then..], "{what}");
            assert_eq!(report(&again), report(&whole), "{what}");
            let of = |project: &mut Project| probabilities(project, Kind::Noise, 77);
            assert_eq!(of(&mut again), of(&mut whole), "{what}");
        }
    }
}

/// The same of one that goes on from a model: what that had is still what has to be beaten.
#[test]
fn a_training_that_goes_on_from_a_model_does_so_after_a_break_too() {
    for fine_tune in ["none", "last:1"] {
        let mut whole = hopeless(default_backbone());
        train(&mut whole, &settings());
        let before = whole.write(true).unwrap();
        let further = TrainConfig { warm_start: true, fine_tune: fine_tune.into(), ..settings() };
        let (checkpoints, _) = followed(&mut whole, &further);
        assert!(!checkpoints.is_empty());
        for (checkpoint, _) in checkpoints {
            let mut again = reopened(&before);
            again.resume_training(&further, &checkpoint).expect("it goes on");
            drawing::finish(&mut again);
            assert_eq!(report(&again), report(&whole), "{fine_tune}");
        }
    }
}

/// A short training, the project that it is of, and what it can go on from.
fn cut_short() -> &'static (Written, Vec<u8>) {
    static KEPT: OnceLock<(Written, Vec<u8>)> = OnceLock::new();
    KEPT.get_or_init(|| {
        let mut project = easy(default_backbone());
        let written = project.write(true).unwrap();
        let (mut checkpoints, _) = followed(&mut project, &settings());
        (written, checkpoints.remove(0).0)
    })
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let (written, checkpoint) = cut_short();
    let refused = |project: &mut Project, config: &TrainConfig| {
        assert!(matches!(project.resume_training(config, checkpoint), Err(Error::CheckpointDiffers)));
        assert!(matches!(block_on(project.step()), Err(Error::NotTraining)));
    };
    let mut project = reopened(written);
    refused(&mut project, &TrainConfig { seed: 1.0, ..settings() });
    refused(&mut project, &TrainConfig { learning_rate: 0.02, ..settings() });
    let added = add(&mut project, "disc", Kind::Disc, 50, 1);
    refused(&mut project, &settings());
    for id in added {
        project.dataset_mut().remove_image(id).unwrap();
    }
    let [disc, stripes] = ["disc", "stripes"].map(|name| drawing::class(&project, name));
    project.dataset_mut().move_image(0, stripes).unwrap();
    refused(&mut project, &settings());
    // All is as it was: names and what was deleted do not matter.
    project.dataset_mut().move_image(0, disc).unwrap();
    project.rename_class(disc, "circle").unwrap();
    project.resume_training(&settings(), checkpoint).expect("it goes on");
    assert!(matches!(project.resume_training(&settings(), checkpoint), Err(Error::TrainingRunning)));
    drawing::finish(&mut project);
}

/// Goes on from bytes that may be anything: refused with a reason, or it trains to the end.
fn tried(bytes: &[u8]) {
    let mut project = reopened(&cut_short().0);
    match project.resume_training(&settings(), bytes) {
        Err(Error::CheckpointInvalid(_) | Error::CheckpointDiffers) => {
            train(&mut project, &settings());
        }
        Err(other) => panic!("{other:?}"),
        Ok(()) => loop {
            match block_on(project.step()) {
                Ok(event) if event.kind == EventKind::Done => break,
                Ok(_) => {}
                // What is said of figures may be nonsense that only shows in them.
                Err(Error::CheckpointInvalid(_) | Error::NotFinite(_) | Error::NotTrained) => break,
                Err(other) => panic!("{other:?}"),
            }
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_checkpoint_is_refused_or_does_no_harm(at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let mut bytes = cut_short().1.clone();
        // Nearly always in the header, which is where something can be said.
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let at = at.index(header);
        bytes[at] = value;
        tried(&bytes);
    }

    #[test]
    fn a_truncated_checkpoint_is_refused(share in 0.0..1.0) {
        let bytes = &cut_short().1;
        let cut = (share * bytes.len() as f64) as usize;
        let mut project = reopened(&cut_short().0);
        prop_assert!(matches!(project.resume_training(&settings(), &bytes[..cut]), Err(Error::CheckpointInvalid(_))));
    }
}

#[test]
fn weights_that_are_no_numbers_are_refused() {
    let mut bytes = cut_short().1.clone();
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut project = reopened(&cut_short().0);
    assert!(matches!(project.resume_training(&settings(), &bytes), Err(Error::CheckpointInvalid(_))));
}
