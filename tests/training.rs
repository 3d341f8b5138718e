//! Training through a whole project on pictures that the test draws: it learns, keeps the best, stops, and loses
//! nothing on the way.

mod common;
mod drawing;

use common::{default_backbone, engine};
use drawing::{Kind, SIDE, add, class, drawn, easy, finish, hopeless, probabilities, train};
use headstart::features::Row;
use headstart::train::{EventKind, Examples, Run, Start, Stopped, TrainConfig, TrainEvent};
use pollster::block_on;
use std::sync::Arc;

fn short() -> TrainConfig {
    // Without label smoothing, so that a loss can fall to zero.
    TrainConfig { epochs: 12.0, batch_size: 8.0, learning_rate: 0.01, label_smoothing: 0.0, ..TrainConfig::default() }
}

/// Rates and sizes under which noise is learnt by heart, so that validation gets worse soon.
fn overfit() -> TrainConfig {
    TrainConfig { epochs: 40.0, learning_rate: 0.02, schedule: "constant".into(), ..short() }
}

fn epochs(events: &[TrainEvent]) -> Vec<&TrainEvent> {
    events.iter().filter(|event| event.kind == EventKind::Epoch).collect()
}

fn losses(events: &[TrainEvent]) -> Vec<(u64, Option<u64>)> {
    events.iter().map(|event| (event.loss.to_bits(), event.validation_loss.map(f64::to_bits))).collect()
}

/// The epoch of the lowest validation loss, from 1, and that loss.
fn best(events: &[TrainEvent]) -> (u32, f64) {
    let losses = epochs(events).into_iter().map(|event| (event.epoch, event.validation_loss.expect("validation")));
    losses.fold((0, f64::INFINITY), |best, this| if this.1 < best.1 { this } else { best })
}

#[test]
fn learns_what_is_easy_and_leaves_the_backbone_alone() {
    for head in ["linear", "mlp:32"] {
        let mut project = easy(default_backbone());
        let picture = drawn(Kind::Disc, 77);
        let before = block_on(project.embed(&picture, SIDE, SIDE)).unwrap();
        let events = train(&mut project, &TrainConfig { head: head.into(), ..short() });
        let report = project.report().unwrap().clone();
        assert_eq!((report.images.train, report.images.validation), (16, 4));
        assert_eq!(report.validation_accuracy, Some(1.0), "{head}");
        assert_eq!((report.epochs_run, report.stopped), (12, Stopped::Finished));
        assert_eq!(report.head, head);
        let losses: Vec<f64> = epochs(&events).iter().map(|event| event.loss).collect();
        assert!(losses[11] < 0.5 * losses[0], "{head}: the training loss falls: {losses:?}");
        assert_eq!(events.last().unwrap().kind, EventKind::Done);
        // New pictures of the same kinds.
        for n in 100..104 {
            assert!(probabilities(&mut project, Kind::Disc, n)[0].1 > 0.8, "{head}: a new disc");
            assert!(probabilities(&mut project, Kind::Stripes, n)[1].1 > 0.8, "{head}: new stripes");
        }
        let sum: f64 = probabilities(&mut project, Kind::Noise, 1).iter().map(|pair| pair.1).sum();
        assert!((sum - 1.0).abs() < 1e-9, "probabilities add up to {sum}");
        assert_eq!(*project.backbone(), default_backbone(), "{head}: every weight of the backbone is the same");
        assert_eq!(block_on(project.embed(&picture, SIDE, SIDE)).unwrap(), before, "{head}: and so are its features");
        let parameters = report.trainable_parameters;
        assert_eq!(parameters, if head == "linear" { 1280 * 2 + 2 } else { 1280 * 32 + 32 + 32 * 2 + 2 });
    }
}

#[test]
fn the_seed_decides_everything() {
    // Everything random takes part: mirrored views, order, dropout, the start of a hidden layer, the split.
    let config = |seed: f64| TrainConfig { seed, dropout: 0.3, head: "mlp:8".into(), epochs: 3.0, ..short() };
    let mut project = hopeless(default_backbone());
    let first = losses(&train(&mut project, &config(4.0)));
    let again = losses(&train(&mut project, &config(4.0)));
    assert_eq!(first, again, "the same project");
    let mut other = hopeless(default_backbone());
    assert_eq!(losses(&train(&mut other, &config(4.0))), first, "a new project, bit by bit");
    assert_ne!(losses(&train(&mut other, &config(5.0))), first, "another seed");
    let mut split = |seed| other.dataset_mut().split(0.2, seed).unwrap();
    assert_ne!(split(4), split(5), "another seed, another split");
}

#[test]
fn the_best_epoch_is_kept_and_not_the_last() {
    for head in ["linear", "mlp:16"] {
        let mut project = hopeless(default_backbone());
        let events = train(&mut project, &TrainConfig { head: head.into(), ..overfit() });
        let (epoch, loss) = best(&events);
        let last = epochs(&events).last().unwrap().validation_loss.unwrap();
        assert!(epoch < 40 && last > loss + 0.01, "{head}: the last epoch is worse, or the test shows nothing");
        let report = project.report().unwrap().clone();
        assert_eq!((report.best_epoch, report.epochs_run), (epoch, 40), "{head}");
        let evaluation = block_on(project.evaluate()).unwrap().figures;
        assert!(
            (evaluation.loss - loss).abs() < 1e-4,
            "{head}: {} evaluated, {loss} told, {last} at last",
            evaluation.loss
        );
        assert_eq!(report.validation_loss, Some(evaluation.loss));
        assert_eq!(report.validation_accuracy, Some(evaluation.accuracy));
        let told = epochs(&events)[epoch as usize - 1].validation_accuracy;
        assert_eq!(told, Some(evaluation.accuracy), "{head}: accuracy of the best epoch");
    }
}

#[test]
fn patience_ends_a_training_early() {
    let mut project = hopeless(default_backbone());
    let events = train(&mut project, &TrainConfig { patience: 4.0, ..overfit() });
    let (epoch, _) = best(&events);
    let report = project.report().unwrap();
    assert_eq!(report.stopped, Stopped::Early);
    assert_eq!((report.best_epoch, report.epochs_run), (epoch, epoch + 4));
    assert!(report.epochs_run < 40);
}

#[test]
fn cancelling_keeps_the_best_so_far() {
    let mut project = easy(default_backbone());
    project.start_training(&short()).unwrap();
    // Sixteen pictures in batches of eight: five steps are two epochs and a half.
    let events: Vec<TrainEvent> = (0..5).map(|_| block_on(project.step()).unwrap()).collect();
    block_on(project.cancel_training()).unwrap();
    let report = project.report().unwrap().clone();
    assert_eq!((report.stopped, report.epochs_run), (Stopped::Cancelled, 2));
    let (epoch, loss) = best(&events);
    assert_eq!(report.best_epoch, epoch);
    assert!((block_on(project.evaluate()).unwrap().figures.loss - loss).abs() < 1e-4);
    assert_eq!(block_on(project.step()).unwrap_err().code(), "not_training");
    assert_eq!(block_on(project.cancel_training()).unwrap_err().code(), "not_training");
}

#[test]
fn cancelling_before_the_first_epoch_ends() {
    let mut project = easy(default_backbone());
    let config = TrainConfig { batch_size: 4.0, ..short() };
    // Before the first step there is nothing to keep.
    project.start_training(&config).unwrap();
    assert_eq!(block_on(project.cancel_training()).unwrap_err().code(), "not_trained");
    assert_eq!(block_on(project.predict(&drawn(Kind::Disc, 0), SIDE, SIDE)).unwrap_err().code(), "not_trained");
    // After one there is: the weights of that step.
    project.start_training(&config).unwrap();
    assert_eq!(block_on(project.step()).unwrap().kind, EventKind::Step);
    block_on(project.cancel_training()).unwrap();
    let report = project.report().unwrap();
    assert_eq!((report.best_epoch, report.epochs_run, report.stopped), (0, 0, Stopped::Cancelled));
    let after_one = probabilities(&mut project, Kind::Disc, 0);
    assert!((after_one[0].1 - 0.5).abs() > 1e-6, "one step moved the head");
    // And a training that is cancelled before its first epoch ends leaves that model.
    for steps in [0, 1] {
        project.start_training(&config).unwrap();
        for _ in 0..steps {
            block_on(project.step()).unwrap();
        }
        assert_eq!(block_on(project.cancel_training()).unwrap_err().code(), "nothing_learned");
    }
    assert_eq!(probabilities(&mut project, Kind::Disc, 0), after_one);
}

/// A training that cannot start, for its settings or for its pictures, leaves the model and the report of the last.
#[test]
fn a_bad_start_loses_nothing() {
    let mut project = easy(default_backbone());
    assert_eq!(project.save().unwrap_err().code(), "not_trained");
    assert_eq!(block_on(project.evaluate()).unwrap_err().code(), "not_trained");
    train(&mut project, &short());
    let (report, before) = (project.report().cloned(), probabilities(&mut project, Kind::Disc, 3));
    let bad = [
        TrainConfig { epochs: 0.0, ..short() },
        TrainConfig { learning_rate: f64::NAN, ..short() },
        TrainConfig { head: "mlp:99999".into(), ..short() },
        TrainConfig { batch_size: 0.0, ..short() },
        TrainConfig { fine_tune: "last:0".into(), ..short() },
    ];
    for config in bad {
        assert_eq!(project.start_training(&config).unwrap_err().code(), "config_invalid", "{config:?}");
    }
    let empty = project.dataset_mut().add_class("empty").unwrap();
    let error = project.start_training(&short()).unwrap_err();
    assert_eq!((error.code(), error.value().as_deref()), ("class_without_pictures", Some("empty")));
    project.remove_class(empty).unwrap();
    let disc = class(&project, "disc");
    project.remove_class(disc).unwrap();
    assert_eq!(project.start_training(&short()).unwrap_err().code(), "too_few_classes");
    project.restore_class(disc).unwrap();
    assert_eq!(block_on(project.step()).unwrap_err().code(), "not_training", "nothing of these has started");
    assert_eq!(project.report().cloned(), report);
    assert_eq!(probabilities(&mut project, Kind::Disc, 3), before);
    // A second start while one is running changes nothing of the first.
    project.start_training(&short()).unwrap();
    assert_eq!(project.start_training(&short()).unwrap_err().code(), "training_running");
    assert_eq!(probabilities(&mut project, Kind::Disc, 3), before, "the old model predicts while the new one trains");
    finish(&mut project);
}

#[test]
fn renaming_a_class_renames_it_in_the_model() {
    let mut project = easy(default_backbone());
    train(&mut project, &short());
    let before = probabilities(&mut project, Kind::Disc, 3);
    let disc = class(&project, "disc");
    project.rename_class(disc, "circle").unwrap();
    let after = probabilities(&mut project, Kind::Disc, 3);
    assert_eq!(after.iter().map(|pair| pair.0.as_str()).collect::<Vec<_>>(), ["circle", "stripes"]);
    assert_eq!((after[0].1, after[1].1), (before[0].1, before[1].1));
    assert_eq!(block_on(project.evaluate()).unwrap().figures.classes, ["circle", "stripes"]);
    assert_eq!(project.report().unwrap().classes, ["circle", "stripes"]);
    assert_eq!(project.rename_class(disc, "stripes").unwrap_err().code(), "class_name_taken");
    let mut loaded = drawing::open(default_backbone());
    loaded.load(&project.save().unwrap()).unwrap();
    assert_eq!(loaded.classifier().unwrap().names(), ["circle", "stripes"]);
}

#[test]
fn changing_the_pictures_does_not_disturb_a_running_training() {
    let config = TrainConfig { epochs: 4.0, ..short() };
    let mut calm = hopeless(default_backbone());
    let expected = losses(&train(&mut calm, &config));
    let mut project = hopeless(default_backbone());
    project.start_training(&config).unwrap();
    let mut events = vec![block_on(project.step()).unwrap()];
    add(&mut project, "one", Kind::Disc, 0, 2);
    let other = class(&project, "other");
    project.dataset_mut().move_image(0, other).unwrap();
    project.dataset_mut().remove_image(1).unwrap();
    project.remove_class(other).unwrap();
    project.dataset_mut().add_class("third").unwrap();
    events.extend(finish(&mut project));
    assert_eq!(losses(&events), expected);
    let classes = calm.report().unwrap().classes.clone();
    assert_eq!(project.report().unwrap().classes, classes);
    assert_eq!(block_on(project.evaluate()).unwrap(), block_on(calm.evaluate()).unwrap());
}

#[test]
fn two_classes_of_one_picture_train_without_validation() {
    let mut project = drawing::open(default_backbone());
    add(&mut project, "disc", Kind::Disc, 0, 1);
    add(&mut project, "stripes", Kind::Stripes, 0, 1);
    let events = train(&mut project, &TrainConfig { patience: 3.0, ..short() });
    assert!(epochs(&events).iter().all(|event| event.validation_loss.is_none()));
    let report = project.report().unwrap().clone();
    assert_eq!((report.epochs_run, report.best_epoch), (12, 12), "the last weights, and no early end");
    assert_eq!((report.validation_accuracy, report.validation_loss), (None, None));
    assert_eq!(report.confusion_matrix, None);
    assert_eq!(report.warnings[0].code, "no_validation");
    assert!(probabilities(&mut project, Kind::Disc, 0)[0].1 > 0.6);
    assert_eq!(block_on(project.evaluate()).unwrap_err().code(), "nothing_held_out");
}

/// The highest share and the fewest pictures that the settings allow: whatever is held out, something trains.
#[test]
fn a_large_share_of_few_pictures_still_trains() {
    let mut project = drawing::open(default_backbone());
    add(&mut project, "disc", Kind::Disc, 0, 3);
    add(&mut project, "stripes", Kind::Stripes, 0, 3);
    train(&mut project, &TrainConfig { validation: 0.9, epochs: 2.0, ..short() });
    let report = project.report().unwrap();
    assert_eq!((report.images.train, report.images.validation), (2, 4));
}

#[test]
fn the_highest_learning_rate_trains_or_says_why_not() {
    let mut project = hopeless(default_backbone());
    train(&mut project, &short());
    let before = probabilities(&mut project, Kind::Noise, 3);
    for head in ["linear", "mlp:64"] {
        let wild = TrainConfig { learning_rate: 1.0, schedule: "constant".into(), head: head.into(), ..short() };
        project.start_training(&wild).unwrap();
        let end = loop {
            match block_on(project.step()) {
                Ok(event) if event.kind == EventKind::Done => break Ok(()),
                Ok(event) => assert!(event.loss.is_finite()),
                Err(error) => break Err(error),
            }
        };
        let after = probabilities(&mut project, Kind::Noise, 3);
        assert!(after.iter().all(|pair| pair.1.is_finite()));
        if let Err(error) = end {
            assert_eq!(error.code(), "not_finite");
            if project.report().unwrap().stopped != Stopped::NotFinite {
                assert_eq!(after, before, "where not one epoch ended the old model stays");
            }
        }
    }
}

/// Features that are no numbers, as a broken GPU may give: the run ends with a reason instead of training on them.
#[test]
fn a_loss_that_is_no_number_ends_the_run() {
    for value in [f32::NAN, f32::INFINITY] {
        let row = |id: u32| (0..6).map(|at| if id == 5 { value } else { (id + at) as f32 }).collect::<Vec<f32>>();
        let rows = (0..8).map(|id| Row::Full(Arc::from(row(id)))).collect();
        let examples = Examples::pooled(rows, (0..8).map(|id| id % 2).collect(), 1, 6).unwrap();
        let none = Examples::pooled(Vec::new(), Vec::new(), 1, 6).unwrap();
        let (config, scaling) = (short().check().unwrap(), examples.measure().unwrap());
        let start = Start {
            config,
            classes: 2,
            scaling,
            head: None,
            grown: false,
            features: Some((examples, none)),
            tail: None,
        };
        let mut run = Run::new(start, &engine(), || 0.0).unwrap();
        let error = (0..10).find_map(|_| block_on(run.step()).err()).expect("the run fails");
        assert_eq!(error.code(), "not_finite");
        assert_eq!(block_on(run.step()).unwrap().kind, EventKind::Done, "and is over");
        match block_on(run.finish()) {
            Ok(_) => panic!("there are no weights worth keeping"),
            Err(error) => assert_eq!(error.code(), "not_trained"),
        }
    }
}

/// The class keeps its name in the model of the training that runs, and the report says it too.
#[test]
fn a_rename_while_it_trains_reaches_the_model() {
    let mut project = easy(default_backbone());
    project.start_training(&short()).unwrap();
    block_on(project.step()).unwrap();
    let disc = class(&project, "disc");
    project.rename_class(disc, "circle").unwrap();
    while block_on(project.step()).unwrap().kind != EventKind::Done {}
    let report = project.report().unwrap();
    assert!(report.classes.contains(&"circle".to_string()) && !report.classes.contains(&"disc".to_string()));
    assert_eq!(probabilities(&mut project, Kind::Disc, 0)[0].0, "circle");
}
