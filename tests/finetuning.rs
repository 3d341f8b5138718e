//! Fine-tuning through a whole project on pictures that the test draws: what trains, what is kept, and going on later.

mod common;
mod drawing;

use common::default_backbone;
use drawing::{Kind, add, easy, finish, hopeless, open, probabilities, train};
use headstart::Project;
use headstart::backbone::{Backbone, FineTuneLimit};
use headstart::dataset::{Labelled, Lineage};
use headstart::project::Storage;
use headstart::train::{EventKind, Phase, Stopped, TrainConfig, TrainEvent};
use pollster::block_on;
use std::collections::BTreeSet;
use std::fs;

/// A few quick epochs of both phases; the loss decides, for on easy pictures the head alone gets every one right.
fn quick(scope: &str) -> TrainConfig {
    TrainConfig {
        fine_tune: scope.into(),
        epochs: 4.0,
        fine_tune_epochs: 4.0,
        batch_size: 8.0,
        learning_rate: 0.003,
        monitor: "loss".into(),
        label_smoothing: 0.0,
        ..TrainConfig::default()
    }
}

fn epochs(events: &[TrainEvent]) -> Vec<&TrainEvent> {
    events.iter().filter(|event| event.kind == EventKind::Epoch).collect()
}

fn of(events: &[TrainEvent], phase: Phase) -> Vec<&TrainEvent> {
    events.iter().filter(|event| event.phase == phase).collect()
}

fn losses(events: &[TrainEvent]) -> Vec<(u64, Option<u64>)> {
    events.iter().map(|event| (event.loss.to_bits(), event.validation_loss.map(f64::to_bits))).collect()
}

/// The model's backbone.
fn tuned(project: &Project) -> Backbone {
    (*project.classifier().expect("a model").backbone).clone()
}

/// Names of the tensors in which two backbones differ.
fn changed(a: &Backbone, b: &Backbone) -> BTreeSet<String> {
    let pairs = a.weights().iter().zip(b.weights().iter());
    pairs.filter(|(a, b)| a.1.data != b.1.data).map(|(a, _)| a.0.to_string()).collect()
}

#[test]
fn what_is_said_to_train_moves_and_nothing_else_does() {
    for (scope, train_norms) in [("last:2", false), ("last:2", true), ("all", false)] {
        let mut project = easy(default_backbone());
        let config = TrainConfig { train_norms, fine_tune_epochs: 2.0, ..quick(scope) };
        let layers = project.layers(&config).unwrap();
        let estimate = project.estimate(&config).unwrap();
        let events = train(&mut project, &config);
        let report = project.report().unwrap().clone();
        assert_eq!((report.phase, report.fine_tune.as_str()), (Phase::FineTune, scope), "{scope}: it got better");
        let said: BTreeSet<String> = layers
            .iter()
            .filter(|layer| layer.trainable && layer.stage != "head")
            .map(|layer| layer.name.clone())
            .collect();
        assert_eq!(changed(&default_backbone(), &tuned(&project)), said, "{scope}, norms {train_norms}");
        assert!(!said.iter().any(|name| name.contains("running_")), "statistics never train");
        let counted: usize = layers.iter().filter(|layer| layer.trainable).map(|layer| layer.parameters).sum();
        assert_eq!((report.trainable_parameters, estimate.trainable_parameters), (counted, counted));
        assert_eq!(*project.backbone(), default_backbone(), "the session's own backbone stays as it was");
        assert_eq!(of(&events, Phase::Prepare).is_empty(), scope == "all", "at boundary 0 nothing is cached");
        // The model as the training saw it is the model as it predicts.
        let evaluation = block_on(project.evaluate()).unwrap().figures;
        let best = epochs(&events)[report.best_epoch as usize - 1].validation_loss.unwrap();
        assert!((evaluation.loss - best).abs() < 1e-4, "{scope}: {} evaluated, {best} told", evaluation.loss);
        assert_eq!(report.validation_loss, Some(evaluation.loss));
        assert!(probabilities(&mut project, Kind::Disc, 100)[0].1 > 0.8, "{scope}: a new disc");
    }
}

#[test]
fn the_head_trains_first_and_then_the_backbone() {
    let mut project = easy(default_backbone());
    let events = train(&mut project, &TrainConfig { depth_decay: 0.5, ..quick("last:3") });
    let phases: Vec<Phase> = events.iter().map(|event| event.phase).collect();
    let mut order = phases.clone();
    order.dedup();
    assert_eq!(order, [Phase::Prepare, Phase::Head, Phase::FineTune, Phase::Measure]);
    let prepared = of(&events, Phase::Prepare);
    // Sixteen training pictures in two views, four held-out ones as they are.
    assert_eq!((prepared.last().unwrap().step, prepared[0].steps), (36, 36));
    assert_eq!(epochs(&events).iter().map(|event| event.epoch).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    assert!(epochs(&events).iter().all(|event| event.epochs == 8));
    let rates = |event: &TrainEvent| -> Vec<(String, f64)> {
        event.learning_rates.iter().map(|rate| (rate.group.clone(), rate.rate)).collect()
    };
    assert_eq!(rates(of(&events, Phase::Head)[0]).len(), 1, "the head alone");
    let tuning = rates(of(&events, Phase::FineTune)[2]);
    let names: Vec<&str> = tuning.iter().map(|rate| rate.0.as_str()).collect();
    assert_eq!(names, ["head", "last convolution", "block 17", "block 16"]);
    assert!((tuning[2].1 / tuning[1].1 - 0.5).abs() < 1e-9 && (tuning[3].1 / tuning[1].1 - 0.25).abs() < 1e-9);
    assert!((tuning[0].1 / tuning[1].1 - 0.1).abs() < 1e-9, "the head goes on at a tenth of the backbone's rate");
    let done = events.last().unwrap();
    assert_eq!((done.kind, done.step, done.steps, done.eta), (EventKind::Done, 20, 20, 0.0));
}

#[test]
fn the_seed_decides_everything() {
    let config = |seed: f64| TrainConfig {
        seed,
        dropout: 0.2,
        zoom: 0.6,
        rotation: 15.0,
        brightness: 0.2,
        variants: 2.0,
        epochs: 2.0,
        fine_tune_epochs: 2.0,
        ..quick("last:1")
    };
    for scope in ["last:1", "all"] {
        let config = |seed| TrainConfig { fine_tune: scope.into(), ..config(seed) };
        let tuning =
            |events: &[TrainEvent]| -> Vec<TrainEvent> { of(events, Phase::FineTune).into_iter().cloned().collect() };
        let mut project = hopeless(default_backbone());
        let first = losses(&tuning(&train(&mut project, &config(4.0))));
        assert_eq!(losses(&tuning(&train(&mut project, &config(4.0)))), first, "{scope}: the same project");
        let mut other = hopeless(default_backbone());
        assert_eq!(losses(&tuning(&train(&mut other, &config(4.0)))), first, "{scope}: a new project, bit by bit");
        assert_ne!(losses(&tuning(&train(&mut other, &config(5.0)))), first, "{scope}: another seed");
    }
}

/// Pure noise: fine-tuning learns the pictures by heart, and the weights of the best epoch are what is kept.
#[test]
fn the_best_epoch_is_kept_on_every_path() {
    let wild = TrainConfig { backbone_learning_rate: 0.003, schedule: "constant".into(), ..quick("last:2") };
    let ways = [("finished", 0.0, 12.0, "loss"), ("early", 2.0, 30.0, "loss"), ("accuracy", 0.0, 12.0, "accuracy")];
    for (way, patience, fine_tune_epochs, monitor) in ways {
        let mut project = hopeless(default_backbone());
        let config = TrainConfig { patience, fine_tune_epochs, monitor: monitor.into(), ..wild.clone() };
        let events = train(&mut project, &config);
        let report = project.report().unwrap().clone();
        assert_eq!(report.stopped, if way == "early" { Stopped::Early } else { Stopped::Finished }, "{way}");
        check_best(&mut project, &events, way);
    }
    // Cancelled one step after an epoch of fine-tuning that was no better.
    let mut project = hopeless(default_backbone());
    project.start_training(&TrainConfig { fine_tune_epochs: 50.0, ..wild }).unwrap();
    let mut events: Vec<TrainEvent> = Vec::new();
    let worse = |event: &TrainEvent| {
        event.phase == Phase::FineTune && event.kind == EventKind::Epoch && !event.improved && event.epoch > 6
    };
    while !events.last().is_some_and(worse) {
        events.push(block_on(project.step()).unwrap());
    }
    events.push(block_on(project.step()).unwrap());
    block_on(project.cancel_training()).unwrap();
    assert_eq!(project.report().unwrap().stopped, Stopped::Cancelled);
    check_best(&mut project, &events, "cancelled");
}

/// The report's best epoch is the last that said that it was better, and evaluating the model gives its figures.
fn check_best(project: &mut Project, events: &[TrainEvent], way: &str) {
    let report = project.report().unwrap().clone();
    let improved = epochs(events).into_iter().rfind(|event| event.improved).expect("an epoch improved");
    assert_eq!(report.best_epoch, improved.epoch, "{way}");
    assert_eq!(report.phase, improved.phase, "{way}");
    let evaluation = block_on(project.evaluate()).unwrap().figures;
    let told = improved.validation_loss.unwrap();
    assert!((evaluation.loss - told).abs() < 1e-4, "{way}: {} evaluated, {told} told", evaluation.loss);
    assert_eq!(Some(evaluation.accuracy), improved.validation_accuracy, "{way}");
    let last = epochs(events).last().unwrap().validation_loss.unwrap();
    assert!((last - told).abs() > 1e-3, "{way}: the last epoch is another, or the test shows nothing");
}

/// Stopped before the epochs that count, under the default rule: the early epoch that was better is kept all the same.
#[test]
fn stopping_early_keeps_what_was_learned() {
    // Of noise the head alone knows nothing, so that by chance some early epoch gets a picture more right.
    let mut project = hopeless(default_backbone());
    let config = TrainConfig {
        monitor: "auto".into(),
        epochs: 1.0,
        learning_rate: 1e-6,
        fine_tune_epochs: 200.0,
        backbone_learning_rate: 1e-4,
        validation: 0.4,
        warm_up: 0.0,
        ..quick("last:1")
    };
    project.start_training(&config).unwrap();
    let mut events = Vec::new();
    while !events.last().is_some_and(|event: &TrainEvent| event.phase == Phase::FineTune && event.improved) {
        events.push(block_on(project.step()).unwrap());
        assert!(events.last().unwrap().epoch < 90, "no early epoch was better, so the test shows nothing");
    }
    let told = events.last().unwrap().validation_accuracy;
    block_on(project.stop_training()).unwrap();
    let rest = finish(&mut project);
    assert!(rest.iter().all(|event| event.phase == Phase::Measure), "only what is kept is measured");
    let report = project.report().unwrap().clone();
    assert_eq!((report.phase, report.stopped), (Phase::FineTune, Stopped::Cancelled));
    assert_eq!(Some(block_on(project.evaluate()).unwrap().figures.accuracy), told);
}

#[test]
fn blocks_that_would_never_thaw_are_refused() {
    let mut project = easy(default_backbone());
    let config = |unfreeze_every, fine_tune_epochs| TrainConfig { unfreeze_every, fine_tune_epochs, ..quick("last:3") };
    let error = project.start_training(&config(3.0, 6.0)).unwrap_err();
    assert_eq!((error.code(), error.value().as_deref()), ("config_invalid", Some("unfreezeEvery=3")));
    assert!(error.to_string().contains("at most 2"), "{error}");
    assert_eq!(project.estimate(&config(1.0, 2.0)).unwrap_err().code(), "config_invalid");
    project.estimate(&config(2.0, 5.0)).unwrap();
}

/// Whoever trained stays in training, and whoever was held out stays held out, however many pictures come.
#[test]
fn going_on_with_more_pictures_is_validated_on_pictures_that_never_trained() {
    let mut project = easy(default_backbone());
    let first = project.dataset().split(0.2, 0).unwrap();
    let content = |p: &Labelled| project.dataset().sample(p.id).unwrap().content;
    let before = Lineage::default().after(first.train.iter().map(content), first.validation.iter().map(content));
    add(&mut project, "disc", Kind::Disc, 50, 10);
    let ids = |part: &[Labelled]| part.iter().map(|p| p.id).collect::<BTreeSet<u32>>();
    let then = project.dataset().split_after(&first.classes, 0.2, 0, &before).unwrap();
    assert!(ids(&first.validation).is_subset(&ids(&then.validation)));
    assert!(ids(&first.train).is_subset(&ids(&then.train)));
    assert_eq!((then.train.len(), then.validation.len()), (24, 6), "the share is kept");
    let other = project.dataset().split_after(&first.classes, 0.4, 7, &before).unwrap();
    assert!(ids(&first.train).is_subset(&ids(&other.train)), "with another seed and share too");
}

#[test]
fn fine_tuning_that_does_not_help_leaves_the_head_alone() {
    let mut project = easy(default_backbone());
    // The four held-out pictures are right already: nothing can be better by accuracy.
    let events = train(&mut project, &TrainConfig { monitor: "auto".into(), epochs: 12.0, ..quick("last:2") });
    let report = project.report().unwrap().clone();
    assert_eq!((report.phase, report.head_epochs, report.epochs_run), (Phase::Head, 12, 16));
    assert!(report.best_epoch <= 12);
    assert!(epochs(&events)[12..].iter().all(|event| !event.improved));
    assert_eq!(tuned(&project), default_backbone(), "the backbone is as it was");
}

/// Whether activations are cached in full, halved or computed at every step changes the time, not the result.
#[test]
fn a_cache_that_does_not_fit_spills_instead_of_failing() {
    let mut found: Vec<(Storage, Vec<f64>)> = Vec::new();
    // Without mirrored views every way sees the same pictures in the same order.
    // Pooled features of twenty pictures, in megabytes, of which there have to be some in any case.
    let pooled = f64::from(20 * 1280 * 4) / f64::from(1 << 20);
    let [channels, height, width] = default_backbone().shape_at(default_backbone().depth() - 2);
    let maps = f64::from((20 * channels * height * width * 4) as u32) / f64::from(1 << 20);
    for memory_limit in [0.0, pooled + 0.7 * maps, pooled + 0.35 * maps] {
        let mut project = easy(default_backbone());
        // SGD, for Adam divides a gradient by its own size: rounding where it is almost zero becomes a whole step.
        let (optimizer, rate) = ("sgd".into(), 0.01);
        let rates = TrainConfig { backbone_learning_rate: rate, head_learning_rate: rate, ..quick("last:2") };
        let config = TrainConfig { memory_limit, flip: false, optimizer, ..rates };
        let estimate = project.estimate(&config).unwrap();
        let events = train(&mut project, &config);
        let tuning = of(&events, Phase::FineTune);
        // Mirrored pictures were embedded too when they were added, and are kept where there is room.
        let spare = if memory_limit == 0.0 { f64::from(20 * 1280 * 4) } else { 0.0 };
        let cached = tuning[0].memory - spare;
        assert_eq!(cached, estimate.cache_bytes, "the estimate of {:?} is exact", estimate.storage);
        assert!(estimate.cache_bytes <= estimate.memory_limit);
        assert_eq!(project.report().unwrap().phase, Phase::FineTune);
        let losses: Vec<f64> = tuning.iter().map(|event| event.loss).collect();
        found.push((estimate.storage, losses));
    }
    let storages: Vec<Storage> = found.iter().map(|(storage, _)| *storage).collect();
    assert_eq!(storages, [Storage::Full, Storage::Half, Storage::Recompute]);
    for ((storage, losses), bound) in found[1..].iter().zip([1e-2, 1e-4]) {
        for (loss, full) in losses.iter().zip(&found[0].1) {
            assert!((loss - full).abs() < bound, "{storage:?}: {loss} instead of {full}");
        }
    }
}

#[test]
fn the_cache_outlives_a_change_of_settings() {
    let mut project = easy(default_backbone());
    train(&mut project, &quick("last:2"));
    let again = train(&mut project, &TrainConfig { backbone_learning_rate: 1e-4, dropout: 0.1, ..quick("last:2") });
    assert!(of(&again, Phase::Prepare).is_empty(), "other rates need no new activations");
    add(&mut project, "disc", Kind::Disc, 50, 2);
    let more = train(&mut project, &quick("last:2"));
    let prepared = of(&more, Phase::Prepare);
    assert!(prepared[0].steps <= 4, "only what is new: {}", prepared[0].steps);
    let deeper = train(&mut project, &quick("last:3"));
    assert!(of(&deeper, Phase::Prepare)[0].steps > 30, "another boundary needs all of them");
}

#[test]
fn cancelling_while_pictures_are_prepared_keeps_what_there_was() {
    let mut project = easy(default_backbone());
    project.start_training(&quick("last:2")).unwrap();
    assert_eq!(block_on(project.step()).unwrap().phase, Phase::Prepare);
    assert_eq!(block_on(project.cancel_training()).unwrap_err().code(), "not_trained");
    train(&mut project, &quick("none"));
    let before = probabilities(&mut project, Kind::Disc, 3);
    project.start_training(&quick("last:3")).unwrap();
    block_on(project.step()).unwrap();
    assert_eq!(project.start_training(&quick("none")).unwrap_err().code(), "training_running");
    assert_eq!(block_on(project.cancel_training()).unwrap_err().code(), "nothing_learned");
    assert_eq!(probabilities(&mut project, Kind::Disc, 3), before);
}

#[test]
fn gradual_unfreezing_starts_with_the_last_stage() {
    let mut project = easy(default_backbone());
    let config = TrainConfig { unfreeze_every: 2.0, fine_tune_epochs: 5.0, ..quick("last:3") };
    let events = train(&mut project, &config);
    let groups: Vec<usize> = epochs(&events)[4..].iter().map(|event| event.learning_rates.len()).collect();
    assert_eq!(groups, [2, 2, 3, 3, 4], "the head and one, two, three stages");
    // Two epochs in, only the last stage has moved.
    let mut early = easy(default_backbone());
    early.start_training(&config).unwrap();
    while block_on(early.step()).unwrap().epoch < 6 {}
    block_on(early.cancel_training()).unwrap();
    assert_eq!(early.report().unwrap().phase, Phase::FineTune);
    let moved = changed(&default_backbone(), &tuned(&early));
    assert!(!moved.is_empty() && moved.iter().all(|name| name.starts_with("features.18.")), "{moved:?}");
}

#[test]
fn training_goes_on_from_the_model() {
    let mut project = easy(default_backbone());
    let warm = |scope: &str| TrainConfig { warm_start: true, ..quick(scope) };
    assert_eq!(project.start_training(&warm("last:2")).unwrap_err().code(), "not_trained");
    train(&mut project, &quick("last:2"));
    let first = project.report().unwrap().clone();
    let base = tuned(&project);
    // More epochs: it starts where it stood, and is never worse.
    let events = train(&mut project, &warm("last:2"));
    assert!(of(&events, Phase::Head).is_empty(), "the head is trained already");
    let start = of(&events, Phase::FineTune)[0].loss;
    assert!(start < first.train_loss + 0.1, "it starts at {start}, where the first ended at {}", first.train_loss);
    assert!(project.report().unwrap().validation_loss <= first.validation_loss);
    // A further block.
    let second = tuned(&project);
    train(&mut project, &warm("last:3"));
    assert!(changed(&second, &tuned(&project)).iter().any(|name| name.starts_with("features.16.")));
    assert!(changed(&base, &tuned(&project)).iter().all(|name| !name.starts_with("features.15.")));
    // More pictures, and the head alone on the tuned backbone.
    add(&mut project, "stripes", Kind::Stripes, 60, 3);
    let third = tuned(&project);
    let events = train(&mut project, &warm("none"));
    assert!(!of(&events, Phase::Prepare).is_empty(), "the tuned backbone gives other features");
    assert_eq!(tuned(&project), third, "the head alone");
    assert!(probabilities(&mut project, Kind::Disc, 100)[0].1 > 0.8);
    // What does not fit the model is refused, and the model stays.
    let before = probabilities(&mut project, Kind::Disc, 3);
    let error = project.start_training(&TrainConfig { head: "mlp:8".into(), ..warm("none") }).unwrap_err();
    assert_eq!((error.code(), error.value().as_deref()), ("model_head_differs", Some("linear")));
    assert_eq!(probabilities(&mut project, Kind::Disc, 3), before);
}

/// The class that a drawing is taken for.
fn best(project: &mut Project, kind: Kind, number: u64) -> String {
    let all = probabilities(project, kind, number);
    all.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0
}

/// Classes that come grow the head, classes that go shrink it; the backbone and what is known of the others stay.
#[test]
fn going_on_with_other_classes() {
    for head in ["linear", "mlp:8"] {
        let settings =
            |fine_tune: &str| TrainConfig { head: head.into(), epochs: 20.0, learning_rate: 0.01, ..quick(fine_tune) };
        let further = || TrainConfig { warm_start: true, ..settings("none") };
        let mut project = easy(default_backbone());
        train(&mut project, &settings("last:1"));
        let base = tuned(&project);
        add(&mut project, "noise", Kind::Noise, 0, 10);
        let events = train(&mut project, &further());
        assert_eq!(project.classifier().unwrap().names(), ["disc", "stripes", "noise"]);
        assert_eq!(tuned(&project), base, "the head alone");
        for (kind, name) in [(Kind::Disc, "disc"), (Kind::Stripes, "stripes"), (Kind::Noise, "noise")] {
            assert_eq!(best(&mut project, kind, 200), name, "{head}");
        }
        // Before the first step the new class is as likely as the others on the whole, and those are as they were.
        let begun = of(&events, Phase::Head)[0].loss;
        assert!(begun < 3_f64.ln(), "{head}: it begins at {begun}");
        // One goes.
        let disc = project.dataset().class_named("disc").unwrap();
        project.remove_class(disc).unwrap();
        train(&mut project, &further());
        assert_eq!(project.classifier().unwrap().names(), ["stripes", "noise"]);
        assert_eq!(project.report().unwrap().classes, ["stripes", "noise"]);
        assert_eq!(best(&mut project, Kind::Noise, 201), "noise", "{head}");
        // It is still the model that was trained, as a file and as an export.
        let saved = headstart::bundle::load(&project.save().unwrap()).unwrap();
        assert_eq!(saved.labels.iter().map(|label| label.name.as_str()).collect::<Vec<_>>(), ["stripes", "noise"]);
    }
    // One of which nothing is held out is learned all the same: what it begins with is nothing to fall back on.
    for monitor in ["accuracy", "loss"] {
        let mut project = easy(default_backbone());
        let settings = |warm_start| TrainConfig {
            monitor: monitor.into(),
            epochs: 20.0,
            learning_rate: 0.01,
            warm_start,
            ..quick("none")
        };
        train(&mut project, &settings(false));
        assert_eq!(project.report().unwrap().validation_accuracy, Some(1.0), "the others are told right already");
        add(&mut project, "noise", Kind::Noise, 0, 2);
        train(&mut project, &settings(true));
        assert!(project.report().unwrap().best_epoch > 0);
        assert_eq!(best(&mut project, Kind::Noise, 0), "noise", "{monitor}");
    }
    // Where none is left that it knows there is nothing to go on from.
    let mut project = easy(default_backbone());
    train(&mut project, &quick("none"));
    for name in ["disc", "stripes"] {
        let class = project.dataset().class_named(name).unwrap();
        project.remove_class(class).unwrap();
    }
    add(&mut project, "one", Kind::Noise, 0, 4);
    add(&mut project, "other", Kind::Disc, 0, 4);
    let error = project.start_training(&TrainConfig { warm_start: true, ..quick("none") }).unwrap_err();
    assert_eq!((error.code(), error.value().as_deref()), ("model_classes_differ", Some("disc, stripes")));
}

#[test]
fn going_on_from_a_loaded_model() {
    let mut project = easy(default_backbone());
    train(&mut project, &quick("last:2"));
    let file = project.save().unwrap();
    let mut other = easy(default_backbone());
    other.load(&file).unwrap();
    let before = probabilities(&mut other, Kind::Disc, 3);
    assert_eq!(before, probabilities(&mut project, Kind::Disc, 3), "the file holds the tuned backbone");
    assert_eq!(tuned(&other), tuned(&project));
    let config = TrainConfig { warm_start: true, ..quick("last:2") };
    let losses_of =
        |project: &mut Project| losses(&epochs(&train(project, &config)).into_iter().cloned().collect::<Vec<_>>());
    assert_eq!(losses_of(&mut other), losses_of(&mut project), "the same as going on without saving");
}

#[test]
fn every_head_trains_with_and_without_the_backbone_and_is_saved() {
    let heads = ["linear", "mlp:8", "conv:8", "svm", "svm:1"];
    let cases = heads.map(|head| (head, "relu")).into_iter().chain([("mlp:8", "silu"), ("mlp:8", "tanh")]);
    for (head, activation) in cases {
        for scope in ["none", "last:1"] {
            let mut project = easy(default_backbone());
            let config = TrainConfig {
                head: head.into(),
                activation: activation.into(),
                epochs: 20.0,
                learning_rate: 0.01,
                weight_decay: 0.0,
                ..quick(scope)
            };
            let events = train(&mut project, &config);
            let case = format!("{head}, {activation}, {scope}");
            let report = project.report().unwrap().clone();
            let name = if head == "svm" { "svm:0.001" } else { head };
            assert_eq!((report.head.as_str(), report.validation_accuracy), (name, Some(1.0)), "{case}");
            let evaluation = block_on(project.evaluate()).unwrap().figures;
            let best = epochs(&events)[report.best_epoch as usize - 1].validation_loss.unwrap();
            assert!((evaluation.loss - best).abs() < 1e-4, "{case}: {} evaluated, {best} told", evaluation.loss);
            let before = probabilities(&mut project, Kind::Disc, 100);
            assert!(before[0].1 > 0.6, "{case}: a new disc, {before:?}");
            let mut loaded = open(default_backbone());
            loaded.load(&project.save().unwrap()).unwrap();
            assert_eq!(loaded.classifier().unwrap().head, project.classifier().unwrap().head, "{case}");
            assert_eq!(probabilities(&mut loaded, Kind::Disc, 100), before, "{case}: loaded");
        }
    }
}

#[test]
fn a_backbone_says_how_far_it_can_be_fine_tuned() {
    let folder = common::project(common::DEFAULT);
    let mut card: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("config.json")).unwrap()).unwrap();
    card["fine_tune"] = serde_json::to_value(FineTuneLimit { last: 2, reason: "it was quantised".into() }).unwrap();
    let weights = fs::read(folder.join("model.safetensors")).unwrap();
    let limited = Backbone::parse(&card.to_string(), &weights).unwrap();
    assert_eq!(limited.report().fine_tunable, 2);
    assert!(limited.report().fine_tune_reason.contains("it was quantised"));
    let mut project = easy(limited);
    let error = project.start_training(&quick("last:3")).unwrap_err();
    assert_eq!((error.code(), error.value().as_deref()), ("not_fine_tunable", Some("last:3")));
    assert_eq!(project.estimate(&quick("all")).unwrap_err().code(), "not_fine_tunable");
    let error = project.start_training(&quick("last:20")).unwrap_err();
    assert_eq!((error.code(), error.value().as_deref()), ("config_invalid", Some("fineTune=last:20")));
    train(&mut project, &quick("last:2"));
    // The limit travels with the model.
    let mut other = open(default_backbone());
    other.load(&project.save().unwrap()).unwrap();
    assert_eq!(tuned(&other).fine_tunable(), 2);
    assert_eq!(default_backbone().fine_tunable(), 19, "a card that says nothing allows everything");
}

#[test]
fn learning_by_heart_is_told() {
    let mut project = hopeless(default_backbone());
    let config = TrainConfig { epochs: 30.0, learning_rate: 0.02, schedule: "constant".into(), ..quick("none") };
    let events = train(&mut project, &config);
    let hints: Vec<&str> =
        events.iter().filter_map(|event| event.hint.as_ref()).map(|hint| hint.code.as_str()).collect();
    assert!(hints.contains(&"overfitting"), "{hints:?}");
    assert!(project.report().unwrap().warnings.iter().any(|warning| warning.code == "overfitting"));
    let mut calm = easy(default_backbone());
    let events = train(&mut calm, &TrainConfig { epochs: 30.0, ..quick("none") });
    assert!(events.iter().all(|event| event.hint.is_none()), "nothing to say of what goes well");
}

/// The same picture in both classes, nine times as often in one: all there is to learn is how often.
#[test]
fn rare_classes_count_for_more_where_that_is_asked_for() {
    let few = |class_weights: &str| {
        let mut project = open(default_backbone());
        for (class, count) in [("few", 3), ("many", 27)] {
            (0..count).for_each(|_| drop(add(&mut project, class, Kind::Disc, 0, 1)));
        }
        let config = TrainConfig {
            class_weights: class_weights.into(),
            validation: 0.0,
            epochs: 120.0,
            learning_rate: 0.05,
            batch_size: 30.0,
            flip: false,
            weight_decay: 0.0,
            ..quick("none")
        };
        train(&mut project, &config);
        probabilities(&mut project, Kind::Disc, 0)[0].1
    };
    let (plain, balanced) = (few("none"), few("balanced"));
    assert!((plain - 0.1).abs() < 0.02, "as often as it is: {plain}");
    assert!((balanced - 0.5).abs() < 0.02, "as if it were as frequent: {balanced}");
}

#[test]
fn finishing_twice_is_no_training() {
    let mut project = easy(default_backbone());
    project.start_training(&quick("last:1")).unwrap();
    finish(&mut project);
    assert_eq!(block_on(project.step()).unwrap_err().code(), "not_training");
}
