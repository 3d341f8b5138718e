//! Projects as a person leads them: any sequence of changes, trainings, saves and reopenings keeps the promises about
//! what is held out, whose labels a model has, and that nothing is lost.

mod common;
mod drawing;

use common::{DEFAULT, default_backbone, sized_backbone};
use drawing::{Kind, SIDE, clock, drawn, easy, finish, open, probabilities, rest, train};
use headstart::Project;
use headstart::backbone::{Backbone, Outline};
use headstart::dataset::{ClassId, Home, Part, Sample};
use headstart::engine::EngineChoice;
use headstart::identity::ContentHash;
use headstart::image::Crop;
use headstart::project::Written;
use headstart::train::{Phase, TrainConfig, TrainEvent};
use pollster::block_on;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::fs;
use std::sync::OnceLock;

/// Something that a person does. Numbers pick among what there is.
#[derive(Debug, Clone)]
enum Deed {
    AddClass(u8),
    RenameClass(u8, u8),
    RemoveClass(u8),
    RestoreClass(u8),
    /// Class, drawing and recording: the same drawing twice is the same picture.
    AddImages(u8, Vec<(u8, Option<u8>)>),
    /// Nothing, for as long as it takes to pack so many pictures.
    Wait(u8),
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
    /// Another backbone, and so many of eight of its pictures are prepared for it before something else is done.
    ChangeBackbone(u8, u8),
}

/// The bundled backbone, the same for smaller pictures, and one that wants its pictures cut as the first does.
const BACKBONES: usize = 3;

fn backbone(number: usize) -> Backbone {
    static ALL: OnceLock<Vec<Backbone>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let mut card = common::card(64);
        card["pretrained_cfg"]["mean"] = [0.5, 0.5, 0.5].into();
        let weights = fs::read(common::project(DEFAULT).join("model.safetensors")).unwrap();
        let other_mean = Backbone::parse(&card.to_string(), &weights).expect("a backbone");
        vec![default_backbone(), sized_backbone(48), other_mean]
    });
    all[number % BACKBONES].clone()
}

/// Which of them a project is on.
fn number_of(project: &Project) -> usize {
    (0..BACKBONES).find(|number| project.backbone().computes_as(&backbone(*number))).expect("one of them")
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let pictures = || prop::collection::vec((0u8..20, prop::option::weighted(0.4, 0u8..4)), 1..4);
    let deed = prop_oneof![
        1 => any::<u8>().prop_map(Deed::AddClass),
        2 => any::<(u8, u8)>().prop_map(|(class, name)| Deed::RenameClass(class, name)),
        1 => any::<u8>().prop_map(Deed::RemoveClass),
        2 => any::<u8>().prop_map(Deed::RestoreClass),
        6 => (any::<u8>(), pictures()).prop_map(|(class, pictures)| Deed::AddImages(class, pictures)),
        1 => (0u8..8).prop_map(Deed::Wait),
        3 => any::<(u8, u8)>().prop_map(|(image, class)| Deed::MoveImage(image, class)),
        2 => any::<(u8, u8)>().prop_map(|(first, count)| Deed::RemoveImages(first, count)),
        2 => any::<u8>().prop_map(Deed::RestoreImage),
        1 => any::<u8>().prop_map(Deed::ForgetImage),
        3 => any::<(u8, u8)>().prop_map(|(seed, share)| Deed::Train(seed, share)),
        4 => any::<u8>().prop_map(Deed::TrainFurther),
        1 => Just(Deed::SaveAndLoad),
        2 => any::<bool>().prop_map(Deed::Reopen),
        4 => any::<(u8, u8)>().prop_map(|(number, share)| Deed::ChangeBackbone(number, share)),
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
    let group = group.map(|group| format!("recording {group}"));
    block_on(project.add_image(class, &drawn(kind_of(drawing), u64::from(drawing)), (SIDE, SIDE), group, id))
}

fn reopened(written: &Written) -> Project {
    reopened_on(default_backbone(), written)
}

fn reopened_on(backbone: Backbone, written: &Written) -> Project {
    block_on(Project::open(EngineChoice::Cpu, backbone, written, clock)).expect("what was written opens")
}

/// Prepares pictures for the present backbone, as whoever has the files does: so many of eight. One has gone.
fn prepare(project: &mut Project, share: u8, drawings: &[(u32, u8)]) -> headstart::Result<()> {
    for unprepared in project.unprepared().iter().filter(|unprepared| unprepared.id % 8 < u32::from(share)) {
        let drawing = drawings.iter().find(|(id, _)| *id == unprepared.id).filter(|(id, _)| *id != GONE);
        match drawing {
            _ if unprepared.pixels => block_on(project.prepare_image(unprepared.id))?,
            Some((id, drawing)) => {
                let rgba = drawn(kind_of(*drawing), u64::from(*drawing));
                block_on(project.give_pixels(*id, &rgba, (SIDE, SIDE)))?;
            }
            None => project.leave_out(unprepared.id)?,
        }
    }
    Ok(())
}

/// The file of this picture cannot be read a second time.
const GONE: u32 = 5;

fn kind_of(drawing: u8) -> Kind {
    if drawing.is_multiple_of(2) { Kind::Disc } else { Kind::Stripes }
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
            project.remove_class(class)?;
        }
        Deed::RestoreClass(class) => {
            let class = any_class(project, *class);
            project.restore_class(class)?;
        }
        Deed::AddImages(class, pictures) => {
            let class = any_class(project, *class);
            for (drawing, group) in pictures {
                drawings.push((add(project, class, *drawing, *group, None)?, *drawing));
            }
        }
        Deed::Wait(pictures) => (0..*pictures).for_each(|_| _ = project.pack_next()),
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
            let there: BTreeSet<u32> =
                project.dataset().samples().filter(|(_, s)| s.has_pixels()).map(|(id, _)| id).collect();
            let removed: Vec<u32> = project.dataset().samples().filter(|(_, s)| s.removed).map(|(id, _)| id).collect();
            *project = reopened_on(project.backbone().clone(), &written);
            if !with_pictures {
                // Whoever has the files gives them again, each under its number.
                // A deleted one comes back through a class that is there, if any is.
                let class = project.dataset().live_classes().next().map(|class| class.id);
                for (id, drawing) in drawings.iter().filter(|(id, _)| there.contains(id)) {
                    if class.is_none() && removed.contains(id) {
                        continue;
                    }
                    add(project, class.unwrap_or(ClassId(0)), *drawing, None, Some(*id))?;
                    if removed.contains(id) {
                        project.dataset_mut().remove_image(*id)?;
                    }
                }
            }
        }
        Deed::ChangeBackbone(number, share) => {
            project.set_backbone(backbone(usize::from(*number)))?;
            // Mostly all of them.
            prepare(project, (*share).min(8), drawings)?;
        }
    }
    Ok(Vec::new())
}

/// What a project is, without how long things took, and what there is of its pictures.
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
    let pixels = |(id, sample): (u32, &Sample)| {
        let earlier = sample.earlier.as_ref().map(|(preparation, crop)| (preparation.size, crop.hash()));
        serde_json::json!([id, sample.crop.as_ref().map(Crop::hash), earlier])
    };
    state["pixels"] = project.dataset().samples().map(pixels).collect();
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
            let answers = project.classifier().is_some().then(|| probabilities(&mut project, Kind::Disc, 40));
            let done = perform(&mut project, deed, &mut drawings);
            let there = perform(&mut other, deed, &mut drawings.clone());
            let trains = matches!(deed, Deed::Train(..) | Deed::TrainFurther(..));
            if let (Deed::ChangeBackbone(..), Some(answers)) = (deed, answers) {
                prop_assert_eq!(probabilities(&mut project, Kind::Disc, 40), answers, "the model is what it was");
            }
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
            other = reopened_on(backbone(number_of(&project)), &other.write(true).unwrap());
            // That a file has gone is found out again by each.
            for (id, _) in project.dataset().samples().filter(|(_, sample)| sample.unreadable) {
                other.leave_out(id).unwrap();
            }
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

/// Another decoder reads the same files a little differently. The pictures are those that they were: what has trained the
/// model is not held out from it later, and it is measured on what was held out.
#[test]
fn pictures_that_another_decoder_reads_are_the_same_pictures() {
    let mut project = easy(default_backbone());
    train(&mut project, &settings(0, 1, false));
    let mut again = reopened(&project.write(false).unwrap());
    let disc = drawing::class(&again, "disc");
    for (id, kind, number) in easy_drawings() {
        let mut rgba = drawn(kind, number);
        rgba.iter_mut().step_by(5).for_each(|byte| *byte ^= 1);
        block_on(again.add_image(disc, &rgba, (SIDE, SIDE), None, Some(id))).unwrap();
    }
    assert!(again.unprepared().is_empty(), "each is embedded as what it is");
    assert_eq!(again.write(false).unwrap(), project.write(false).unwrap());
    assert_eq!((again.held_out(), again.lineage()), (project.held_out(), project.lineage()));
    assert_eq!(
        block_on(again.evaluate()).unwrap().figures.images,
        block_on(project.evaluate()).unwrap().figures.images
    );
    check_model(&again, true);
    train(&mut again, &settings(1, 1, true));
    check_model(&again, true);
}

/// The drawings of `easy`, under the numbers that it gives.
fn easy_drawings() -> Vec<(u32, Kind, u64)> {
    let of = |kind: Kind, first: u32| (0..10).map(move |n| (first + n, kind, u64::from(n)));
    of(Kind::Disc, 0).chain(of(Kind::Stripes, 10)).collect()
}

/// Gives pictures their pixels again, but for some.
fn give(project: &mut Project, but: &[u32]) {
    for (id, kind, number) in easy_drawings() {
        if !but.contains(&id) {
            block_on(project.give_pixels(id, &drawn(kind, number), (SIDE, SIDE))).unwrap();
        }
    }
    rest(project);
}

#[test]
fn another_backbone_and_back() {
    let mut project = easy(default_backbone());
    train(&mut project, &settings(0, 1, false));
    let config = settings(1, 1, false);
    let known = project.estimate(&config).unwrap();
    let (before, held_out) = (probabilities(&mut project, Kind::Disc, 40), block_on(project.evaluate()).unwrap());
    project.set_backbone(backbone(1)).unwrap();
    let answers =
        |project: &mut Project| (probabilities(project, Kind::Disc, 40), block_on(project.evaluate()).unwrap());
    assert_eq!(answers(&mut project), (before.clone(), held_out.clone()), "the model is what it was");
    assert_eq!(project.estimate(&config).unwrap().total_seconds, None, "nobody knows yet how long this one takes");
    // Until the last picture is prepared nothing is trained.
    assert_eq!(project.unprepared().len(), 20);
    give(&mut project, &[3, 14]);
    let error = project.start_training(&config).unwrap_err();
    assert_eq!((error.code(), error.value().as_deref()), ("backbone_changing", Some("2")));
    assert_eq!(project.readiness(&config).train.unwrap().code, "backbone_changing");
    // One of them was deleted, and the file of the other has gone.
    project.dataset_mut().remove_image(3).unwrap();
    assert_eq!(project.readiness(&config).train.unwrap().value.as_deref(), Some("1"));
    project.leave_out(14).unwrap();
    let unprepared: Vec<(u32, bool)> = project.unprepared().iter().map(|it| (it.id, it.pixels)).collect();
    assert_eq!(unprepared, [(3, false)], "one that is deleted may come back");
    let further = project.start_training(&settings(1, 1, true)).unwrap_err();
    assert_eq!(further.code(), "model_prepares_otherwise");
    let events = train(&mut project, &config);
    assert!(events.iter().all(|event| event.phase != Phase::Prepare), "all of it is prepared");
    assert_eq!(project.report().unwrap().images.train + project.report().unwrap().images.validation, 18);
    assert_eq!(project.classifier().unwrap().backbone.card().input_size, 48);
    assert!(project.estimate(&config).unwrap().total_seconds.is_some());
    check_model(&project, true);
    // And back: everything is there, and so is how long it takes.
    let (small, small_held_out) = answers(&mut project);
    project.set_backbone(default_backbone()).unwrap();
    project.dataset_mut().restore_image(3).unwrap();
    assert_eq!(project.unprepared(), []);
    assert_eq!(answers(&mut project), (small, small_held_out));
    assert_eq!(project.estimate(&config).unwrap().prepare_seconds, known.prepare_seconds);
    assert_eq!(project.estimate(&config).unwrap().epoch_seconds, known.epoch_seconds);
    let mut calm = easy(default_backbone());
    let expected = train(&mut calm, &settings(0, 1, false));
    let events = train(&mut project, &settings(0, 1, false));
    assert_eq!(losses(&events), losses(&expected), "as if it had never been away");
    assert_eq!(answers(&mut project), (before, held_out));
    assert!(events.iter().all(|event| event.phase != Phase::Prepare), "and nothing is embedded again");
}

/// Without weights it takes as long as with them, and the larger a picture is the longer.
#[test]
fn how_long_a_picture_takes_is_told_by_the_card_alone() {
    let outline = Outline::parse(&common::card(64).to_string()).unwrap();
    assert_eq!(outline, default_backbone().outline());
    assert_eq!(Outline::parse("{}").unwrap_err().code(), "backbone_config_invalid");
    let mut project = open(default_backbone());
    let picture = drawn(Kind::Disc, 1);
    // Other tests run beside it: the best of some times is compared.
    let least = |times: [f64; 4]| times.into_iter().fold(f64::INFINITY, f64::min);
    let real = least([(); 4].map(|()| {
        let start = clock();
        block_on(project.embed(&picture, SIDE, SIDE)).unwrap();
        (clock() - start) * 1000.0
    }));
    let told = least([(); 4].map(|()| block_on(project.measure_backbone(&outline)).unwrap()));
    assert!((0.2..5.0).contains(&(told / real)), "{told} ms are told, {real} ms it takes");
    let large = Outline::parse(&common::card(128).to_string()).unwrap();
    let large = least([(); 4].map(|()| block_on(project.measure_backbone(&large)).unwrap()));
    assert!(large > 1.5 * told, "{large} ms for four times the pixels of {told} ms");
}

#[test]
fn a_backbone_stays_while_training_runs() {
    let mut project = easy(default_backbone());
    project.start_training(&settings(0, 1, false)).unwrap();
    assert_eq!(project.set_backbone(backbone(1)).unwrap_err().code(), "training_running");
    assert_eq!(number_of(&project), 0);
    finish(&mut project);
    project.set_backbone(backbone(1)).unwrap();
}

/// Where maps of a fine-tuning fill the store, they make way; what the backbone before made of the pictures is kept.
#[test]
fn there_is_room_for_what_is_prepared() {
    let mut project = easy(default_backbone());
    let deep = TrainConfig { fine_tune: "last:14".into(), fine_tune_epochs: 1.0, ..settings(0, 1, false) };
    let maps = project.estimate(&deep).unwrap().cache_bytes;
    project.set_memory(maps as u64 + (40 << 10));
    train(&mut project, &deep);
    project.set_backbone(backbone(1)).unwrap();
    give(&mut project, &[]);
    assert_eq!(project.unprepared(), [], "it is kept");
    project.set_backbone(default_backbone()).unwrap();
    assert_eq!(project.unprepared(), [], "and so is what was there");
}

/// Half-way to a second backbone somebody wants a third: what was whole is what is kept.
#[test]
fn a_change_that_is_not_finished_loses_nothing() {
    let mut project = easy(default_backbone());
    let before = state(&project)["pixels"].clone();
    project.set_backbone(backbone(1)).unwrap();
    give(&mut project, &(5..20).collect::<Vec<_>>());
    let written = project.write(true).unwrap();
    project.set_backbone(sized_backbone(32)).unwrap();
    assert_eq!(project.backbone().card().input_size, 32);
    assert_eq!(project.unprepared().len(), 20);
    project.set_backbone(default_backbone()).unwrap();
    assert_eq!(project.unprepared(), []);
    assert_eq!(state(&project)["pixels"], before);
    // Opened again with either, it goes on from there.
    let mut again = reopened_on(backbone(1), &written);
    assert_eq!(again.unprepared().iter().filter(|it| !it.pixels).count(), 15);
    again.set_backbone(default_backbone()).unwrap();
    assert!(again.unprepared().iter().all(|it| it.pixels), "only to be embedded");
    let again = reopened(&written);
    assert!(again.dataset().samples().all(|(_, sample)| sample.crop.is_some()));
}

/// What a picture is does not depend on the backbone: what trained a model on one is not held out on another.
#[test]
fn history_outlives_a_change_of_the_backbone() {
    let mut project = easy(default_backbone());
    let contents: Vec<_> = project.dataset().samples().map(|(_, sample)| sample.content).collect();
    train(&mut project, &settings(0, 1, false));
    project.set_backbone(backbone(1)).unwrap();
    let disc = drawing::class(&project, "disc");
    let added = drawing::add_one(&mut project, disc, Kind::Disc, 0, None);
    assert_eq!(project.dataset().sample(added).unwrap().content, contents[0]);
    let other = easy(backbone(1));
    assert_eq!(other.dataset().samples().map(|(_, sample)| sample.content).collect::<Vec<_>>(), contents);
    // A model of the same shape goes on, with its own backbone.
    project.set_backbone(backbone(2)).unwrap();
    assert_eq!(project.unprepared().iter().filter(|it| !it.pixels).count(), 1, "the one that came meanwhile");
    project.dataset_mut().remove_image(added).unwrap();
    train(&mut project, &settings(0, 1, true));
    assert!(project.classifier().unwrap().backbone.computes_as(&default_backbone()));
    check_model(&project, true);
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
        ("an earlier version", edited("\"headstart_project\":4", "\"headstart_project\":1")),
        ("a later version", edited("\"headstart_project\":4", "\"headstart_project\":5")),
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
    project.remove_class(disc).unwrap();
    let again = project.dataset_mut().add_class("disc").unwrap();
    project.rename_class(again, "bird").unwrap();
    let best = &block_on(project.predict(&drawn(Kind::Disc, 40), SIDE, SIDE)).unwrap()[0];
    assert_eq!((best.class_id, best.class_name.as_str()), (Some(disc), "disc"));
    // Going on would grow the head by a class, which has no pictures yet.
    let error = project.start_training(&settings(0, 1, true)).unwrap_err();
    assert_eq!((error.code(), error.value().as_deref()), ("class_without_pictures", Some("bird")));
    // Back under another name, in another order: the model follows its own class.
    project.remove_class(again).unwrap();
    project.rename_class(disc, "circle").unwrap();
    project.restore_class(disc).unwrap();
    assert_eq!(project.classifier().unwrap().names(), ["circle", "stripes"]);
    train(&mut project, &settings(0, 1, true));
    assert_eq!(project.report().unwrap().classes, ["circle", "stripes"]);
}

/// The others share what a removed class had; brought back, it has it again.
#[test]
fn a_model_leaves_out_a_class_that_is_removed() {
    for head in ["linear", "conv:4"] {
        let mut project = easy(default_backbone());
        drawing::add(&mut project, "noise", Kind::Noise, 0, 10);
        drawing::add(&mut project, "other", Kind::Noise, 100, 10);
        train(
            &mut project,
            &TrainConfig { head: head.into(), epochs: 4.0, learning_rate: 0.01, ..TrainConfig::default() },
        );
        let [disc, stripes, noise] = ["disc", "stripes", "noise"].map(|name| drawing::class(&project, name));
        let all = probabilities(&mut project, Kind::Disc, 40);
        let held_out = block_on(project.evaluate()).unwrap();
        let share = |of: &[(String, f64)], name: &str| of.iter().find(|(known, _)| known == name).unwrap().1;
        project.remove_class(disc).unwrap();
        assert_eq!(project.classifier().unwrap().names(), ["stripes", "noise", "other"]);
        let left = probabilities(&mut project, Kind::Disc, 40);
        assert_eq!(left.len(), 3);
        for (name, probability) in &left {
            let expected = share(&all, name) / (1.0 - share(&all, "disc"));
            assert!((probability - expected).abs() < 1e-5, "{head}, {name}: {probability}, not {expected}");
        }
        // A file says the same; the project keeps the rest, and so do the figures of the training.
        let saved = headstart::bundle::load(&project.save().unwrap()).unwrap();
        let names: Vec<&str> = saved.labels.iter().map(|label| label.name.as_str()).collect();
        assert_eq!(names, ["stripes", "noise", "other"]);
        assert!(saved.report.is_none(), "its figures are another model's");
        assert_eq!(project.report().unwrap().classes, ["disc", "stripes", "noise", "other"]);
        assert_eq!(block_on(project.evaluate()).unwrap(), held_out);
        let written = project.write(true).unwrap();
        let answering = headstart::bundle::load(&written.answering_model().unwrap().unwrap()).unwrap();
        assert_eq!((answering.labels, answering.head), (saved.labels, saved.head));
        let mut again = reopened(&written);
        assert_eq!(probabilities(&mut again, Kind::Disc, 40), left);
        project.rename_class(disc, "circle").unwrap();
        for project in [&mut project, &mut again] {
            project.restore_class(disc).unwrap();
            let whole = probabilities(project, Kind::Disc, 40);
            assert_eq!(whole.iter().map(|(_, p)| p.to_bits()).max(), all.iter().map(|(_, p)| p.to_bits()).max());
        }
        assert_eq!(project.classifier().unwrap().names(), ["circle", "stripes", "noise", "other"]);
        assert!(headstart::bundle::load(&project.save().unwrap()).unwrap().report.is_some());
        // One that was merged stays for as long as the other is there; where fewer than two were left, all do.
        project.merge_classes(noise, stripes).unwrap();
        assert_eq!(project.classifier().unwrap().labels.len(), 4);
        project.remove_class(stripes).unwrap();
        assert_eq!(project.classifier().unwrap().names(), ["circle", "other"]);
        assert_eq!(reopened(&project.write(true).unwrap()).classifier().unwrap().names(), ["circle", "other"]);
        project.restore_class(noise).unwrap();
        assert_eq!(project.classifier().unwrap().names(), ["circle", "noise", "other"]);
        project.remove_class(noise).unwrap();
        project.remove_class(disc).unwrap();
        assert_eq!(project.classifier().unwrap().labels.len(), 4);
    }
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
    assert_eq!(block_on(project.step()).unwrap().phase, Phase::Prepare);
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
    assert_eq!(block_on(project.evaluate()).unwrap().figures.images, 3);
    check_model(&project, false);
    // Into a class that is removed it does not come at all.
    project.dataset_mut().remove_image(held_out).unwrap();
    project.forget_images(&[held_out]).unwrap();
    project.remove_class(disc).unwrap();
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
    project.remove_class(disc).unwrap();
    project.rename_class(stripes, "disc").unwrap();
    let mut other = open(default_backbone());
    other.load(&project.save().unwrap()).unwrap();
    assert_eq!(other.classifier().unwrap().names(), ["disc", "disc (2)"]);
    let again = reopened(&project.write(true).unwrap());
    assert_eq!(again.classifier().unwrap().names(), ["disc", "disc"]);
}

/// Features of a picture with one of their numbers changed.
fn altered(kept: &[u8], value: f32) -> Vec<u8> {
    let mut altered = kept.to_vec();
    let end = altered.len();
    altered[end - 4..].copy_from_slice(&value.to_le_bytes());
    altered
}

#[test]
fn features_that_were_kept_take_the_place_of_embedding() {
    let mut project = open(default_backbone());
    let class = project.dataset_mut().add_class("disc").unwrap();
    let id = drawing::add_one(&mut project, class, Kind::Disc, 1, None);
    let kept = project.features_of(id).unwrap().expect("it was embedded");

    // Changed so that it shows whether they were computed anew.
    let changed = altered(&kept, 7.0);
    let mut again = open(default_backbone());
    assert!(again.offer_features(&changed));
    let class = again.dataset_mut().add_class("disc").unwrap();
    let same = drawing::add_one(&mut again, class, Kind::Disc, 1, None);
    assert!(again.features_of(same).unwrap() == Some(changed), "they were computed anew");
    // Another picture has its own.
    let other = drawing::add_one(&mut again, class, Kind::Disc, 2, None);
    let class = drawing::class(&project, "disc");
    let fresh = drawing::add_one(&mut project, class, Kind::Disc, 2, None);
    assert!(
        again.features_of(other).unwrap() == project.features_of(fresh).unwrap(),
        "it took those of another picture"
    );

    assert_eq!(again.features_of(77).unwrap_err().code(), "image_unknown");
    assert!(!open(sized_backbone(48)).offer_features(&kept), "those of another backbone");
    for value in [f32::NAN, f32::INFINITY] {
        let mut project = open(default_backbone());
        assert!(!project.offer_features(&altered(&kept, value)));
    }
    for length in 0..kept.len().min(600) {
        assert!(!again.offer_features(&kept[..length]), "{length} bytes of it");
    }
}

#[test]
fn a_picture_that_another_session_has_looked_at_is_as_if_it_was_added() {
    let rgba = drawn(Kind::Disc, 1);
    let mut other = open(default_backbone());
    let studied = block_on(other.study(&rgba, (SIDE, SIDE))).unwrap();
    assert_eq!(other.dataset().samples().count(), 0, "nothing of it stays there");

    let mut alone = open(default_backbone());
    let class = alone.dataset_mut().add_class("disc").unwrap();
    let own = drawing::add_one(&mut alone, class, Kind::Disc, 1, None);
    let mut project = open(default_backbone());
    let class = project.dataset_mut().add_class("disc").unwrap();
    let home = || Home::to_learn(class, Some("recording".into()));
    let id = project.add_studied(home(), &studied, Some(7)).unwrap().expect("it is of this backbone");
    assert_eq!(id, 7);
    let (sample, same) = (project.dataset().sample(id).unwrap(), alone.dataset().sample(own).unwrap());
    assert_eq!((&sample.content, &sample.crop), (&same.content, &same.crop));
    assert_eq!((sample.group.as_deref(), sample.class), (Some("recording"), class));
    assert!(project.features_of(id).unwrap() == alone.features_of(own).unwrap(), "to the bit");

    // What cannot be added is refused as ever.
    assert_eq!(project.add_studied(home(), &studied, Some(7)).unwrap_err().code(), "id_taken");
    let nowhere = Home::to_learn(ClassId(9), None);
    assert_eq!(project.add_studied(nowhere, &studied, None).unwrap_err().code(), "class_unknown");
    // One whose pixels are missing gets them.
    let mut again = reopened(&project.write(false).unwrap());
    let class = drawing::class(&again, "disc");
    assert_eq!(again.add_studied(Home::to_learn(class, None), &studied, Some(7)).unwrap(), Some(7));
    assert_eq!(again.dataset().sample(7).unwrap().group.as_deref(), Some("recording"), "it stays where it is");
    assert!(again.dataset().sample(7).unwrap().crop.is_some());
}

#[test]
fn what_was_looked_at_for_another_backbone_or_is_damaged_is_not_added() {
    let rgba = drawn(Kind::Disc, 1);
    let studied = block_on(open(default_backbone()).study(&rgba, (SIDE, SIDE))).unwrap();
    let refuses = |number: usize, studied: &[u8]| {
        let mut project = open(backbone(number));
        let class = project.dataset_mut().add_class("disc").unwrap();
        let added = project.add_studied(Home::to_learn(class, None), studied, None).unwrap();
        added.is_none() && project.dataset().samples().count() == 0
    };
    assert!(!refuses(0, &studied));
    assert!((1..BACKBONES).all(|number| refuses(number, &studied)));
    // The features come behind two hashes.
    let mut no_number = studied.clone();
    no_number[32..36].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(refuses(0, &no_number) && refuses(0, &[studied.as_slice(), &[0]].concat()));
    assert!((0..studied.len()).step_by(97).all(|length| refuses(0, &studied[..length])));
    // Features as they are kept have no pixels.
    let mut project = open(default_backbone());
    let class = project.dataset_mut().add_class("disc").unwrap();
    let id = drawing::add_one(&mut project, class, Kind::Disc, 1, None);
    assert!(refuses(0, &project.features_of(id).unwrap().unwrap()));
    assert_eq!(block_on(project.study(&rgba[1..], (SIDE, SIDE))).unwrap_err().code(), "picture_empty");
}

/// How many rows a training still has to compute.
fn prepared(project: &mut Project, config: &TrainConfig) -> u32 {
    let events = train(project, config);
    events.iter().find(|event| event.phase == Phase::Prepare).map_or(0, |event| event.steps)
}

#[test]
fn mirrored_pictures_are_embedded_ahead_or_when_a_training_wants_them() {
    let fresh = || {
        let mut project = open(default_backbone());
        for (name, kind) in [("disc", Kind::Disc), ("stripes", Kind::Stripes)] {
            let class = project.dataset_mut().add_class(name).unwrap();
            (0..10).for_each(|n| _ = drawing::add_one(&mut project, class, kind, n, None));
        }
        project
    };
    let config = settings(0, 1, false);
    let still = TrainConfig { flip: false, ..config.clone() };
    let mut late = fresh();
    assert_eq!(prepared(&mut late, &still), 0, "nothing is mirrored");
    assert_eq!(prepared(&mut late, &config), 16, "those that train");
    assert_eq!(prepared(&mut late, &config), 0, "they are there now");

    let mut early = fresh();
    let plain = early.features_of(0).unwrap().unwrap();
    let turns = 1 + (0..40).take_while(|_| block_on(early.embed_ahead()).unwrap()).count();
    assert_eq!(turns, 20, "one at a time");
    assert!(early.features_of(0).unwrap().unwrap().len() > plain.len());
    assert_eq!(prepared(&mut early, &config), 0);
    let model = |project: &Project| common::unpack(&project.save().unwrap()).remove("model.safetensors").unwrap();
    assert!(model(&early) == model(&late), "it makes no difference to what is learned");

    // One that is asked for comes first; one that only tests is not wanted, and where nobody mirrors nothing is.
    let class = drawing::class(&early, "disc");
    let ids = [50, 51, 52].map(|n| drawing::add_one(&mut early, class, Kind::Disc, n, None));
    block_on(early.embed_usual(ids[2])).unwrap();
    early.dataset_mut().set_part(ids[1], Part::Test).unwrap();
    while block_on(early.embed_ahead()).unwrap() {}
    let lengths = ids.map(|id| early.features_of(id).unwrap().unwrap().len());
    assert!(lengths[0] == lengths[2] && lengths[1] == plain.len(), "{lengths:?}");
    train(&mut early, &still);
    let id = drawing::add_one(&mut early, class, Kind::Disc, 53, None);
    assert!(!block_on(early.embed_ahead()).unwrap());
    assert_eq!(early.features_of(id).unwrap().unwrap().len(), plain.len());
}

#[test]
fn nothing_is_embedded_ahead_where_there_is_no_room_for_it() {
    let mut project = open(default_backbone());
    let class = project.dataset_mut().add_class("disc").unwrap();
    project.set_memory(3 * 1280 * 4);
    let ids = [1, 2].map(|n| drawing::add_one(&mut project, class, Kind::Disc, n, None));
    let lengths = |project: &Project| ids.map(|id| project.features_of(id).unwrap().unwrap().len());
    let plain = lengths(&project)[0];
    while block_on(project.embed_ahead()).unwrap() {}
    let [first, second] = lengths(&project);
    assert!(first > plain && second == plain, "one had room");
}

#[test]
fn damaged_features_are_passed_over() {
    let mut project = open(default_backbone());
    let class = project.dataset_mut().add_class("disc").unwrap();
    let id = drawing::add_one(&mut project, class, Kind::Disc, 1, None);
    let kept = project.features_of(id).unwrap().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..5000 {
        let mut damaged = kept.clone();
        // The header is what can be misread.
        let within = if rng.random() { 300 } else { damaged.len() };
        let at = rng.random_range(0..within);
        let count = rng.random_range(1..20).min(damaged.len() - at);
        damaged[at..at + count].iter_mut().for_each(|byte| *byte = rng.random());
        if rng.random() {
            damaged.truncate(rng.random_range(0..kept.len()));
        }
        // Nothing breaks over it, and the picture keeps its own where it is that of another.
        project.offer_features(&damaged);
    }
    assert!(project.features_of(id).unwrap().is_some());
}
