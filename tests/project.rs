//! Projects as a person leads them: any sequence of changes, trainings, saves and reopenings keeps the promises about
//! what is held out, whose labels a model has, and that nothing is lost.

mod common;
mod drawing;

use common::default_backbone;
use drawing::{Kind, SIDE, clock, drawn, easy, finish, open, probabilities, train};
use headstart::Project;
use headstart::dataset::ClassId;
use headstart::engine::EngineChoice;
use headstart::identity::ContentHash;
use headstart::project::Written;
use headstart::train::{TrainConfig, TrainEvent};
use pollster::block_on;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Something that a person does. Numbers pick among what there is.
#[derive(Debug, Clone)]
enum Deed {
    AddClass(u8),
    RenameClass(u8, u8),
    RemoveClass(u8),
    RestoreClass(u8),
    /// Class, drawing and recording: the same drawing twice is the same picture.
    AddImages(u8, Vec<(u8, Option<u8>)>),
    MoveImage(u8, u8),
    RemoveImages(u8, u8),
    RestoreImage(u8),
    ForgetImage(u8),
    Train(u8, u8),
    TrainFurther(u8),
    /// The model goes into a file and comes back from it.
    SaveAndLoad,
    /// The project is written and opened again, with its pictures or with their files given again afterwards.
    Reopen(bool),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let pictures = || prop::collection::vec((0u8..20, prop::option::weighted(0.4, 0u8..4)), 1..4);
    let deed = prop_oneof![
        1 => any::<u8>().prop_map(Deed::AddClass),
        2 => any::<(u8, u8)>().prop_map(|(class, name)| Deed::RenameClass(class, name)),
        1 => any::<u8>().prop_map(Deed::RemoveClass),
        2 => any::<u8>().prop_map(Deed::RestoreClass),
        6 => (any::<u8>(), pictures()).prop_map(|(class, pictures)| Deed::AddImages(class, pictures)),
        3 => any::<(u8, u8)>().prop_map(|(image, class)| Deed::MoveImage(image, class)),
        2 => any::<(u8, u8)>().prop_map(|(first, count)| Deed::RemoveImages(first, count)),
        2 => any::<u8>().prop_map(Deed::RestoreImage),
        1 => any::<u8>().prop_map(Deed::ForgetImage),
        3 => any::<(u8, u8)>().prop_map(|(seed, share)| Deed::Train(seed, share)),
        4 => any::<u8>().prop_map(Deed::TrainFurther),
        1 => Just(Deed::SaveAndLoad),
        2 => any::<bool>().prop_map(Deed::Reopen),
    ];
    prop::collection::vec(deed, 4..24)
}

fn settings(seed: u8, share: u8, warm_start: bool) -> TrainConfig {
    TrainConfig {
        epochs: 2.0,
        learning_rate: 0.01,
        validation: f64::from(share % 5) * 0.2,
        seed: f64::from(seed % 4),
        warm_start,
        ..TrainConfig::default()
    }
}

/// Numbers of all pictures that were ever added, also of removed and forgotten ones.
fn images(project: &Project) -> Vec<u32> {
    project.dataset().samples().map(|(id, _)| id).collect()
}

fn pick<T: Copy>(among: &[T], number: u8) -> Option<T> {
    (!among.is_empty()).then(|| among[number as usize % among.len()])
}

/// Classes are numbered from 0 without gaps, whatever is removed.
fn any_class(project: &Project, number: u8) -> ClassId {
    let count = (0..).take_while(|id| project.dataset().name_of(ClassId(*id)) != id.to_string()).count();
    ClassId(u32::from(number) % count.max(1) as u32)
}

fn add(
    project: &mut Project,
    class: ClassId,
    drawing: u8,
    group: Option<u8>,
    id: Option<u32>,
) -> headstart::Result<u32> {
    let kind = if drawing.is_multiple_of(2) { Kind::Disc } else { Kind::Stripes };
    let group = group.map(|group| format!("recording {group}"));
    block_on(project.add_image(class, &drawn(kind, u64::from(drawing)), (SIDE, SIDE), group, id))
}

fn reopened(written: &Written) -> Project {
    block_on(Project::open(EngineChoice::Cpu, default_backbone(), written, clock)).expect("what was written opens")
}

/// Does it; the events of a training, and which picture each drawing is kept under.
fn perform(project: &mut Project, deed: &Deed, drawings: &mut Vec<(u32, u8)>) -> headstart::Result<Vec<TrainEvent>> {
    match deed {
        Deed::AddClass(name) => project.dataset_mut().add_class(&format!("class {}", name % 6)).map(drop)?,
        Deed::RenameClass(class, name) => {
            project.rename_class(any_class(project, *class), &format!("class {}", name % 6))?;
        }
        Deed::RemoveClass(class) => {
            let class = any_class(project, *class);
            project.dataset_mut().remove_class(class)?;
        }
        Deed::RestoreClass(class) => {
            let class = any_class(project, *class);
            project.dataset_mut().restore_class(class)?;
        }
        Deed::AddImages(class, pictures) => {
            let class = any_class(project, *class);
            for (drawing, group) in pictures {
                drawings.push((add(project, class, *drawing, *group, None)?, *drawing));
            }
        }
        Deed::MoveImage(image, class) => {
            let class = any_class(project, *class);
            if let Some(image) = pick(&images(project), *image) {
                project.dataset_mut().move_image(image, class)?;
            }
        }
        Deed::RemoveImages(first, count) => {
            let all = images(project);
            for image in all.iter().skip(*first as usize % all.len().max(1)).take(*count as usize % 8) {
                project.dataset_mut().remove_image(*image)?;
            }
        }
        Deed::RestoreImage(image) => {
            if let Some(image) = pick(&images(project), *image) {
                project.dataset_mut().restore_image(image)?;
            }
        }
        Deed::ForgetImage(image) => {
            if let Some(image) = pick(&images(project), *image) {
                project.forget_images(&[image])?;
            }
        }
        Deed::Train(seed, share) => {
            project.start_training(&settings(*seed, *share, false))?;
            return Ok(finish(project));
        }
        Deed::TrainFurther(seed) => {
            project.start_training(&settings(*seed, 1, true))?;
            return Ok(finish(project));
        }
        Deed::SaveAndLoad => project.load(&project.save()?)?,
        Deed::Reopen(with_pictures) => {
            let written = project.write(*with_pictures)?;
            let shown: BTreeSet<u32> =
                project.dataset().samples().filter(|(_, s)| s.crop.is_some()).map(|(id, _)| id).collect();
            let removed: Vec<u32> = project.dataset().samples().filter(|(_, s)| s.removed).map(|(id, _)| id).collect();
            *project = reopened(&written);
            if !with_pictures {
                // Whoever has the files gives them again, each under its number.
                for (id, drawing) in drawings.iter().filter(|(id, _)| shown.contains(id)) {
                    add(project, ClassId(0), *drawing, None, Some(*id))?;
                    if removed.contains(id) {
                        project.dataset_mut().remove_image(*id)?;
                    }
                }
            }
        }
    }
    Ok(Vec::new())
}

/// What a project is, without how long things took.
fn state(project: &Project) -> serde_json::Value {
    let mut state: serde_json::Value = serde_json::from_str(&project.write(false).unwrap().project).unwrap();
    let without_times = |report: &mut serde_json::Value| {
        if let Some(report) = report.as_object_mut() {
            report.remove("seconds");
        }
    };
    state["runs"].as_array_mut().unwrap().iter_mut().for_each(without_times);
    if !state["model"].is_null() {
        without_times(&mut state["model"]["report"]);
    }
    state
}

fn losses(events: &[TrainEvent]) -> Vec<(u64, Option<u64>)> {
    events
        .iter()
        .filter(|event| !event.learning_rates.is_empty())
        .map(|event| (event.loss.to_bits(), event.validation_loss.map(f64::to_bits)))
        .collect()
}

/// No picture and no copy of one on both sides, nothing held out that ever trained this model, and labels that are those
/// of its classes. Where it was trained just now, no recording is on both sides either; later another picture may come
/// that makes one of two.
fn check_model(project: &Project, trained_now: bool) {
    let Some(lineage) = project.lineage() else { return };
    let samples: Vec<_> = project.dataset().samples().collect();
    let held_out: BTreeSet<u32> = project.held_out().into_iter().collect();
    let contents: BTreeSet<ContentHash> =
        samples.iter().filter(|(id, _)| held_out.contains(id)).map(|(_, sample)| sample.content).collect();
    assert!(contents.is_disjoint(&lineage.trained), "a held-out picture has trained the model");
    let groups = |of: &BTreeSet<ContentHash>| -> BTreeSet<String> {
        let of = samples.iter().filter(|(_, sample)| of.contains(&sample.content));
        of.filter_map(|(_, sample)| sample.group.clone()).collect()
    };
    let apart = groups(&contents).is_disjoint(&groups(&lineage.trained));
    assert!(!trained_now || apart, "a recording is on both sides");
    for label in &project.classifier().unwrap().labels {
        if let Some(id) = label.id {
            assert_eq!(label.name, project.dataset().name_of(id), "the label is its class's name");
        }
    }
}

/// Random sequences: a dozen where nobody says, for each takes seconds; `PROPTEST_CASES=200` tries more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::default() })]

    /// Beside the project that does it all, a second one that is written and reopened after every deed: both are the
    /// same at any time, and train with the same losses, to the bit.
    #[test]
    fn any_sequence_keeps_the_promises(deeds in deeds()) {
        let mut project = open(default_backbone());
        let mut drawings = Vec::new();
        for (class, first) in [("class 0", 0), ("class 1", 1)] {
            let id = project.dataset_mut().add_class(class).unwrap();
            for drawing in (first..12).step_by(2) {
                drawings.push((add(&mut project, id, drawing, None, None).unwrap(), drawing));
            }
        }
        let mut other = reopened(&project.write(true).unwrap());
        for deed in &deeds {
            let before = state(&project);
            let done = perform(&mut project, deed, &mut drawings);
            let there = perform(&mut other, deed, &mut drawings.clone());
            let trains = matches!(deed, Deed::Train(..) | Deed::TrainFurther(..));
            check_model(&project, trains && done.is_ok());
            match (&done, &there) {
                (Ok(events), Ok(others)) => prop_assert_eq!(losses(events), losses(others), "{:?}", deed),
                (Err(error), Err(others)) => {
                    prop_assert_eq!(error, others);
                    prop_assert_ne!(error.code(), "internal", "{}", error);
                    // Several pictures are several calls: those before the refused one are done.
                    if !matches!(deed, Deed::AddImages(..) | Deed::RemoveImages(..)) {
                        prop_assert_eq!(state(&project), before, "{:?} was refused and changed something", deed);
                    }
                }
                _ => prop_assert!(false, "{:?}: {:?} and {:?}", deed, done, there.map(|_| ())),
            }
            prop_assert_eq!(state(&project), state(&other), "after {:?}", deed);
            other = reopened(&other.write(true).unwrap());
        }
    }
}

#[test]
fn a_project_that_is_opened_again_is_the_same() {
    let mut project = easy(default_backbone());
    train(&mut project, &settings(0, 1, false));
    let disc = drawing::class(&project, "disc");
    project.rename_class(disc, "circle").unwrap();
    let written = project.write(true).unwrap();
    let mut again = reopened(&written);
    assert_eq!(again.write(true).unwrap(), written);
    assert_eq!(again.classes(), project.classes());
    assert_eq!(
        (again.report(), again.runs(), again.settings()),
        (project.report(), project.runs(), project.settings())
    );
    assert_eq!(probabilities(&mut again, Kind::Disc, 40), probabilities(&mut project, Kind::Disc, 40));
    assert_eq!(block_on(again.evaluate()).unwrap(), block_on(project.evaluate()).unwrap());
    assert!(again.estimate(&settings(0, 1, false)).unwrap().total_seconds.is_some(), "it is known how long it takes");
    let further = settings(1, 1, true);
    assert_eq!(losses(&train(&mut again, &further)), losses(&train(&mut project, &further)));
}

/// Without the pictures the model predicts at once, and everything else once they are there again.
#[test]
fn a_project_without_its_pictures_predicts_and_waits_for_them() {
    let mut project = easy(default_backbone());
    train(&mut project, &settings(0, 1, false));
    let written = project.write(false).unwrap();
    assert_eq!(written.pictures, None);
    let mut again = reopened(&written);
    assert_eq!(again.classes(), project.classes(), "every picture is listed");
    assert_eq!(probabilities(&mut again, Kind::Disc, 40), probabilities(&mut project, Kind::Disc, 40));
    assert_eq!(block_on(again.evaluate()).unwrap_err().code(), "nothing_held_out");
    assert_eq!(again.start_training(&settings(0, 1, false)).unwrap_err().code(), "class_without_pictures");
    let [disc, stripes] = ["disc", "stripes"].map(|name| drawing::class(&again, name));
    for id in 0..20_u32 {
        let (kind, class) = if id < 10 { (Kind::Disc, disc) } else { (Kind::Stripes, stripes) };
        let rgba = drawn(kind, u64::from(id % 10));
        assert_eq!(block_on(again.add_image(class, &rgba, (SIDE, SIDE), None, Some(id))).unwrap(), id);
    }
    assert_eq!(again.write(true).unwrap(), project.write(true).unwrap());
    assert_eq!(block_on(again.evaluate()).unwrap(), block_on(project.evaluate()).unwrap());
    let further = settings(1, 1, true);
    assert_eq!(losses(&train(&mut again, &further)), losses(&train(&mut project, &further)));
}

/// Every file is refused with a reason.
#[test]
fn what_is_no_project_is_refused() {
    let mut project = easy(default_backbone());
    train(&mut project, &settings(0, 1, false));
    let good = project.write(true).unwrap();
    let edited = |from: &str, to: &str| {
        assert!(good.project.contains(from), "the project holds {from}");
        Written { project: good.project.replacen(from, to, 1), ..good.clone() }
    };
    let pictures = good.pictures.clone().unwrap();
    let with = |pictures: Vec<u8>| Written { pictures: Some(pictures), ..good.clone() };
    let mut flipped = pictures.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let content = project.dataset().sample(0).unwrap().content.to_string();
    let stranger = format!("\"held_out\":[{{\"label\":9,\"id\":3,\"content\":\"{content}\"}},{{\"id\":");
    let bad = [
        ("no text", Written { project: String::new(), ..good.clone() }),
        ("another JSON", Written { project: "{}".into(), ..good.clone() }),
        ("a later version", edited("\"headstart_project\":1", "\"headstart_project\":2")),
        ("half of it", Written { project: good.project[..good.project.len() / 2].into(), ..good.clone() }),
        ("a class twice", edited("\"id\":1,\"name\":\"stripes\"", "\"id\":0,\"name\":\"stripes\"")),
        ("a name twice", edited("\"id\":1,\"name\":\"stripes\"", "\"id\":1,\"name\":\"disc\"")),
        ("a number to come", edited("\"next_image\":20", "\"next_image\":3")),
        ("a content that is none", edited(&content, "no hash")),
        ("a label that there is none of", edited("\"held_out\":[{\"id\":", &stranger)),
        (
            "another name in the model",
            edited("\"labels\":[{\"id\":0,\"name\":\"disc\"", "\"labels\":[{\"id\":0,\"name\":\"x\""),
        ),
        ("no model", Written { model: None, ..good.clone() }),
        ("pictures that are text", with(b"text".to_vec())),
        ("pictures that end early", with(pictures[..pictures.len() / 2].to_vec())),
        ("a damaged picture", with(flipped)),
    ];
    for (what, written) in bad {
        let error = block_on(Project::open(EngineChoice::Cpu, default_backbone(), &written, clock)).err();
        assert_eq!(error.unwrap_or_else(|| panic!("{what} was opened")).code(), "project_file_invalid", "{what}");
    }
    let broken = Written { model: Some(b"text".to_vec()), ..good.clone() };
    let error = block_on(Project::open(EngineChoice::Cpu, default_backbone(), &broken, clock)).err().unwrap();
    assert_eq!(error.code(), "model_file_invalid");
    reopened(&good);
}

/// Names say nothing of who is who: a class that is made again is another one, and the model keeps to the first.
#[test]
fn a_class_of_the_same_name_is_another_class() {
    let mut project = easy(default_backbone());
    train(&mut project, &settings(0, 1, false));
    let disc = drawing::class(&project, "disc");
    project.dataset_mut().remove_class(disc).unwrap();
    let again = project.dataset_mut().add_class("disc").unwrap();
    project.rename_class(again, "bird").unwrap();
    let best = &block_on(project.predict(&drawn(Kind::Disc, 40), SIDE, SIDE)).unwrap()[0];
    assert_eq!((best.class_id, best.class_name.as_str()), (Some(disc), "disc"));
    let error = project.start_training(&settings(0, 1, true)).unwrap_err();
    assert_eq!((error.code(), error.value().as_deref()), ("model_classes_differ", Some("disc, stripes")));
    // Back under another name, in another order: the model follows its own class.
    project.dataset_mut().remove_class(again).unwrap();
    project.rename_class(disc, "circle").unwrap();
    project.dataset_mut().restore_class(disc).unwrap();
    assert_eq!(project.classifier().unwrap().names(), ["circle", "stripes"]);
    train(&mut project, &settings(0, 1, true));
    assert_eq!(project.report().unwrap().classes, ["circle", "stripes"]);
}

/// What is forgotten is gone from memory and not from history.
#[test]
fn a_forgotten_picture_is_remembered() {
    let mut project = easy(default_backbone());
    train(&mut project, &settings(0, 1, false));
    let before = project.write(true).unwrap().pictures.unwrap().len();
    let trained = project.report().unwrap().images.train;
    assert_eq!(trained, 16);
    let gone: Vec<u32> = (0..20).filter(|id| !project.held_out().contains(id)).take(4).collect();
    assert_eq!(project.forget_images(&gone).unwrap_err().code(), "image_not_removed");
    gone.iter().for_each(|id| project.dataset_mut().remove_image(*id).unwrap());
    project.forget_images(&gone).unwrap();
    assert!(project.write(true).unwrap().pictures.unwrap().len() < before * 17 / 20);
    assert_eq!(project.dataset_mut().restore_image(gone[0]).unwrap_err().code(), "image_unknown");
    project.forget_images(&[1000]).unwrap();
    // The same pictures as new ones: they still count as pictures that the model knows.
    let disc = drawing::class(&project, "disc");
    for id in &gone {
        let kind = if *id < 10 { Kind::Disc } else { Kind::Stripes };
        let rgba = drawn(kind, u64::from(*id % 10));
        block_on(project.add_image(disc, &rgba, (SIDE, SIDE), None, None)).unwrap();
    }
    for seed in 0..8 {
        train(&mut project, &settings(seed, 2, true));
        check_model(&project, true);
    }
}

/// Nothing held out and rates far too high: what there was before it went astray is kept, and can be saved and opened.
#[test]
fn a_training_that_goes_astray_unseen_keeps_what_it_had() {
    for learning_rate in [0.5, 1.0] {
        let mut project = easy(default_backbone());
        let wild = TrainConfig {
            head: "mlp:64".into(),
            epochs: 30.0,
            learning_rate,
            optimizer: "sgd".into(),
            momentum: 0.99,
            schedule: "constant".into(),
            warm_up: 0.0,
            validation: 0.0,
            ..TrainConfig::default()
        };
        project.start_training(&wild).unwrap();
        let mut highest = 0.0_f64;
        let end = loop {
            match block_on(project.step()) {
                Ok(event) if event.kind == headstart::train::EventKind::Done => break Ok(()),
                Ok(event) => highest = highest.max(event.loss),
                Err(error) => break Err(error),
            }
        };
        assert!(highest > 3.0, "it went astray, or the test shows nothing: {highest}");
        if end.is_err() {
            continue;
        }
        let report = project.report().unwrap();
        assert!(report.train_loss <= 2.0_f64.ln(), "{learning_rate}: {} is kept", report.train_loss);
        let mut other = open(default_backbone());
        other.load(&project.save().unwrap()).unwrap();
        assert_eq!(other.report().unwrap().train_loss, report.train_loss);
    }
}

/// Three held-out pictures are left of each class: training goes on with what there is, where it used to trap.
#[test]
fn training_goes_on_when_all_that_trained_is_deleted() {
    let mut project = open(default_backbone());
    for (class, kind) in [("disc", Kind::Disc), ("stripes", Kind::Stripes)] {
        drawing::add(&mut project, class, kind, 0, 15);
    }
    train(&mut project, &settings(0, 1, false));
    let held_out = project.held_out();
    assert_eq!(held_out.len(), 6);
    for id in (0..30).filter(|id| !held_out.contains(id)) {
        project.dataset_mut().remove_image(id).unwrap();
    }
    train(&mut project, &settings(0, 1, true));
    let images = &project.report().unwrap().images;
    assert_eq!((images.train, images.validation), (2, 4));
    check_model(&project, true);
}

/// A training under way is not part of the written form: from whichever of its steps it is taken up, it is begun anew
/// with the settings that are written, and comes out the same to the bit.
#[test]
fn a_training_that_was_cut_short_is_begun_anew() {
    let config =
        TrainConfig { batch_size: 8.0, fine_tune: "last:1".into(), fine_tune_epochs: 1.0, ..settings(0, 1, false) };
    let mut whole = easy(default_backbone());
    let expected = losses(&train(&mut whole, &config));
    let mut project = easy(default_backbone());
    project.start_training(&config).unwrap();
    let mut steps = 0;
    loop {
        let mut again = reopened(&project.write(true).unwrap());
        assert!(again.classifier().is_none());
        let settings = again.settings().expect("the settings of the training under way").clone();
        assert_eq!(losses(&train(&mut again, &settings)), expected, "taken up after {steps} steps");
        assert_eq!(probabilities(&mut again, Kind::Disc, 40), probabilities(&mut whole, Kind::Disc, 40));
        if block_on(project.step()).unwrap().kind == headstart::train::EventKind::Done {
            break;
        }
        steps += 1;
    }
    assert!(steps > 8, "it was taken up in every phase: {steps} steps");
}

/// What a training found in the store stays there for it, whatever is forgotten meanwhile.
#[test]
fn pictures_that_are_forgotten_while_it_prepares_do_not_end_a_training() {
    let config = TrainConfig { fine_tune: "last:1".into(), fine_tune_epochs: 1.0, ..settings(0, 1, false) };
    let mut calm = easy(default_backbone());
    let expected = losses(&train(&mut calm, &config));
    let mut project = easy(default_backbone());
    project.start_training(&config).unwrap();
    assert_eq!(block_on(project.step()).unwrap().phase, headstart::train::Phase::Prepare);
    for id in 0..10 {
        project.dataset_mut().remove_image(id).unwrap();
    }
    project.forget_images(&(0..10).collect::<Vec<_>>()).unwrap();
    assert_eq!(losses(&finish(&mut project)), expected);
}

/// A number that is given again is another picture's: the model is not measured on that one.
#[test]
fn a_number_that_is_given_again_is_no_held_out_picture() {
    let mut project = easy(default_backbone());
    train(&mut project, &settings(0, 1, false));
    let before = project.held_out();
    let (held_out, trained) = (before[0], (0..10).find(|id| !before.contains(id)).unwrap());
    project.dataset_mut().remove_image(held_out).unwrap();
    project.forget_images(&[held_out]).unwrap();
    let [disc, stripes] = ["disc", "stripes"].map(|name| drawing::class(&project, name));
    let rgba = drawn(Kind::Disc, u64::from(trained));
    block_on(project.add_image(stripes, &rgba, (SIDE, SIDE), None, Some(held_out))).unwrap();
    assert_eq!(project.dataset().class_of(held_out), Some(stripes), "it comes into the class that it is given");
    assert_eq!(project.held_out(), before[1..]);
    assert_eq!(block_on(project.evaluate()).unwrap().images, 3);
    check_model(&project, false);
    // Into a class that is removed it does not come at all.
    project.dataset_mut().remove_image(held_out).unwrap();
    project.forget_images(&[held_out]).unwrap();
    project.dataset_mut().remove_class(disc).unwrap();
    let error = block_on(project.add_image(disc, &rgba, (SIDE, SIDE), None, Some(held_out))).unwrap_err();
    assert_eq!(error.code(), "class_unknown");
}

/// Of two copies one is forgotten: writing and opening does not bring it back.
#[test]
fn a_forgotten_copy_stays_forgotten() {
    let mut project = easy(default_backbone());
    let disc = drawing::class(&project, "disc");
    let copy = drawing::add_one(&mut project, disc, Kind::Disc, 0, None);
    project.dataset_mut().remove_image(copy).unwrap();
    project.forget_images(&[copy]).unwrap();
    let mut again = reopened(&project.write(true).unwrap());
    assert_eq!(again.dataset_mut().restore_image(copy).unwrap_err().code(), "image_unknown");
    assert!(again.dataset().sample(0).unwrap().crop.is_some());
}

/// Two classes of one name, one of them deleted: a saved model keeps them apart.
#[test]
fn labels_of_one_name_are_told_apart_in_a_file() {
    let mut project = easy(default_backbone());
    train(&mut project, &settings(0, 1, false));
    let [disc, stripes] = ["disc", "stripes"].map(|name| drawing::class(&project, name));
    project.dataset_mut().remove_class(disc).unwrap();
    project.rename_class(stripes, "disc").unwrap();
    let mut other = open(default_backbone());
    other.load(&project.save().unwrap()).unwrap();
    assert_eq!(other.classifier().unwrap().names(), ["disc", "disc (2)"]);
    let again = reopened(&project.write(true).unwrap());
    assert_eq!(again.classifier().unwrap().names(), ["disc", "disc"]);
}
