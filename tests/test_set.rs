//! The test set: never learned from, never used to choose, and honest about what the model knows.

mod common;
mod drawing;

use common::{default_backbone, sized_backbone};
use drawing::{Kind, SIDE, class, clock, drawn, easy, finish, train};
use headstart::Project;
use headstart::dataset::{ClassId, Dataset, Home, Lineage, Part, Warning};
use headstart::engine::EngineChoice;
use headstart::identity::ContentHash;
use headstart::image::{Crop, Picture};
use headstart::project::Written;
use headstart::train::{TrainConfig, TrainEvent};
use pollster::block_on;
use proptest::prelude::*;

/// Another picture for each number.
fn picture(number: usize) -> Picture {
    let rgb = [number as u8, (number >> 8) as u8, 0];
    Picture { content: ContentHash::of(&rgb), crop: Crop::new(1, rgb).unwrap() }
}

fn to_test(class: ClassId, group: Option<&str>) -> Home {
    Home::to_test(class, group.map(String::from))
}

fn settings(seed: u8) -> TrainConfig {
    TrainConfig { epochs: 2.0, learning_rate: 0.01, seed: f64::from(seed % 4), ..TrainConfig::default() }
}

/// Adds a drawing to the test set.
fn add_test(project: &mut Project, name: &str, kind: Kind, number: u64, group: Option<&str>) -> u32 {
    let home = to_test(class(project, name), group);
    block_on(project.add_image_at(home, &drawn(kind, number), (SIDE, SIDE), None)).expect("a picture")
}

/// Four test pictures of each of the classes of `easy`, none of which is also to learn from.
fn with_test_set(mut project: Project) -> Project {
    for number in 100..104 {
        add_test(&mut project, "disc", Kind::Disc, number, None);
        add_test(&mut project, "stripes", Kind::Stripes, number, None);
    }
    project
}

fn codes(warnings: &[Warning]) -> Vec<&str> {
    warnings.iter().map(|warning| warning.code.as_str()).collect()
}

/// The name of a picture's class, and what was said of it.
type Answered = (String, Vec<headstart::classifier::Prediction>);

/// Pictures that the project has not are measured by what was said of them, to the same figures.
#[test]
fn answers_are_measured_as_the_test_set_is() {
    let mut project = with_test_set(easy(default_backbone()));
    assert_eq!(project.measure_answers(&[]).unwrap_err().code(), "not_trained");
    train(&mut project, &settings(1));
    let mut ask = |name: &str, kind: Kind, number: u64| {
        (name.to_string(), block_on(project.predict(&drawn(kind, number), SIDE, SIDE)).unwrap())
    };
    let mut answered: Vec<_> = (100..104).map(|number| ask("disc", Kind::Disc, number)).collect();
    answered.extend((100..104).map(|number| ask("stripes", Kind::Stripes, number)));
    let found = project.measure_answers(&answered).unwrap();
    let expected = block_on(project.evaluate_on_test()).unwrap().figures;
    assert!((found.loss - expected.loss).abs() < 1e-5, "{} is not {}", found.loss, expected.loss);
    assert_eq!(headstart::metrics::Evaluation { loss: expected.loss, ..found }, expected);
    assert_eq!(project.measure_answers(&[]).unwrap_err().code(), "no_test_pictures");
    let wrong = |change: &dyn Fn(&mut Answered)| {
        let mut answered = answered.clone();
        change(&mut answered[5]);
        project.measure_answers(&answered).unwrap_err()
    };
    for error in [wrong(&|(name, _)| *name = "cat".into()), wrong(&|(_, said)| said[1].class_id = Some(ClassId(77)))] {
        assert_eq!(error.code(), "class_unknown");
    }
    // A class that was renamed since is the same class.
    let disc = class(&project, "disc");
    project.rename_class(disc, "circle").unwrap();
    answered[..4].iter_mut().for_each(|(name, _)| *name = "circle".into());
    assert_eq!(project.measure_answers(&answered).unwrap().confusion_matrix, expected.confusion_matrix);
    // One that it thought impossible costs much, not everything.
    answered[0].1.iter_mut().for_each(|it| it.probability = f64::from(u8::from(it.class_name != "disc")));
    assert!(project.measure_answers(&answered).unwrap().loss.is_finite());
}

/// The rule: whatever the model knows, or a near-copy of it, is no test.
#[test]
fn what_a_model_knows_is_a_leak() {
    let mut dataset = Dataset::default();
    let [one, two] = ["one", "two"].map(|name| dataset.add_class(name).unwrap());
    let trained = dataset.add_image(one, picture(1), None).unwrap();
    let held_out = dataset.add_image(two, picture(2), None).unwrap();
    let recorded = dataset.add_image(one, picture(3), Some("take".into())).unwrap();
    dataset.add_image(two, picture(4), None).unwrap();
    let content = |dataset: &Dataset, id| dataset.sample(id).unwrap().content;
    let model = Lineage::default()
        .after([content(&dataset, trained), content(&dataset, recorded)], [content(&dataset, held_out)]);
    let mut add = |class, number, group| dataset.add_picture(None, to_test(class, group), picture(number)).unwrap();
    let fresh = add(one, 10, None);
    let copy = add(two, 1, None);
    let chosen_by = add(two, 2, None);
    let frame = add(one, 11, Some("take"));
    // Of a recording of its own, one picture of which is a frame of the take that was learned from.
    let related = [add(one, 12, Some("other take")), add(one, 3, Some("other take"))];
    // Came since: the model has not seen it, so its copy is a test.
    let unseen = add(two, 4, None);
    let mut expected = vec![copy, chosen_by, frame];
    expected.extend(related);
    assert_eq!(dataset.leaks(&model).into_iter().collect::<Vec<_>>(), expected);
    assert!(dataset.leaks(&Lineage::default()).is_empty(), "a model that has seen nothing knows nothing");
    // Neither deleting the original nor forgetting it makes a new picture of the copy.
    dataset.remove_image(trained).unwrap();
    dataset.remove_class(two).unwrap();
    assert_eq!(dataset.leaks(&model).into_iter().collect::<Vec<_>>(), expected);
    dataset.restore_class(two).unwrap();
    // One that was learned from is no test because it was put among the tests.
    dataset.restore_image(trained).unwrap();
    dataset.set_part(trained, Part::Test).unwrap();
    assert!(dataset.leaks(&model).contains(&trained));
    assert!(!dataset.leaks(&model).contains(&fresh) && !dataset.leaks(&model).contains(&unseen));
    assert_eq!(dataset.set_part(99, Part::Test).unwrap_err().code(), "image_unknown");
}

#[test]
fn test_pictures_are_listed_apart_and_come_and_go_like_others() {
    let mut dataset = Dataset::default();
    let [one, two] = ["one", "two"].map(|name| dataset.add_class(name).unwrap());
    let learned = dataset.add_image(one, picture(1), None).unwrap();
    let tested = dataset.add_picture(Some(7), to_test(one, None), picture(2)).unwrap();
    let of = |dataset: &Dataset, class: usize| {
        let all = dataset.classes();
        (all[class].images.clone(), all[class].test.clone())
    };
    assert_eq!((tested, of(&dataset, 0)), (7, (vec![learned], vec![7])));
    assert_eq!(dataset.place_of(7), Some((one, Part::Test)));
    dataset.move_image(7, two).unwrap();
    assert_eq!((of(&dataset, 0), of(&dataset, 1)), ((vec![learned], vec![]), (vec![], vec![7])));
    // A class with nothing to learn from cannot be learned, whatever there is to test.
    let error = dataset.split(0.2, 0).unwrap_err();
    assert_eq!((error.code(), error.value().as_deref()), ("class_without_pictures", Some("two")));
    dataset.set_part(7, Part::Learn).unwrap();
    assert_eq!(of(&dataset, 1), (vec![7], vec![]));
    dataset.set_part(7, Part::Test).unwrap();
    dataset.remove_image(7).unwrap();
    assert_eq!((of(&dataset, 1), dataset.place_of(7)), ((vec![], vec![]), None));
    assert_eq!(dataset.test_pictures().count(), 0);
    dataset.restore_image(7).unwrap();
    assert_eq!(dataset.test_pictures().collect::<Vec<_>>(), [(7, two)]);
    dataset.remove_class(two).unwrap();
    assert_eq!(dataset.test_pictures().count(), 0);
}

/// Something that is done to a project with a test set; the same without one does only what concerns learning.
#[derive(Debug, Clone)]
enum Deed {
    /// Class, drawing and recording of a picture to learn from.
    Learn(u8, u8, Option<u8>),
    RemoveLearned(u8),
    /// The same of a picture to test with, which may be added as one to learn from and put there afterwards.
    Test(u8, u8, Option<u8>, bool),
    /// What becomes of one of the test pictures.
    MoveTest(u8, u8),
    RemoveTest(u8),
    RestoreTest(u8),
    ForgetTest(u8),
    /// In the test set one moment, out of it the next and in again.
    OutAndIn(u8),
    Train(u8, bool),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    // Few drawings and recordings: test pictures are copies of others, and relate what is not related.
    let (drawing, group) = (|| 0u8..14, || prop::option::weighted(0.5, 0u8..3));
    let deed = prop_oneof![
        3 => (0u8..2, drawing(), group()).prop_map(|(class, n, group)| Deed::Learn(class, n, group)),
        1 => any::<u8>().prop_map(Deed::RemoveLearned),
        6 => (0u8..2, drawing(), group(), any::<bool>()).prop_map(|(c, n, group, late)| Deed::Test(c, n, group, late)),
        1 => any::<(u8, u8)>().prop_map(|(image, class)| Deed::MoveTest(image, class)),
        1 => any::<u8>().prop_map(Deed::RemoveTest),
        1 => any::<u8>().prop_map(Deed::RestoreTest),
        1 => any::<u8>().prop_map(Deed::ForgetTest),
        1 => any::<u8>().prop_map(Deed::OutAndIn),
        2 => any::<(u8, bool)>().prop_map(|(seed, further)| Deed::Train(seed, further)),
    ];
    prop::collection::vec(deed, 4..16)
}

/// A project with the numbers of its pictures, which differ where there are test pictures between them.
struct Side {
    project: Project,
    learned: Vec<u32>,
    tested: Vec<u32>,
}

impl Side {
    fn add(&mut self, part: Part, class: u8, drawing: u8, group: Option<u8>) -> u32 {
        let kind = if class == 0 { Kind::Disc } else { Kind::Stripes };
        let group = group.map(|group| format!("recording {group}"));
        let home = Home { class: ClassId(u32::from(class)), group, part };
        let rgba = drawn(kind, u64::from(drawing));
        block_on(self.project.add_image_at(home, &rgba, (SIDE, SIDE), None)).unwrap()
    }

    /// Does what concerns learning.
    fn learn(&mut self, deed: &Deed) -> headstart::Result<Vec<TrainEvent>> {
        match deed {
            Deed::Learn(class, drawing, group) => {
                let id = self.add(Part::Learn, *class, *drawing, *group);
                self.learned.push(id);
            }
            Deed::RemoveLearned(image) => {
                let id = self.learned[usize::from(*image) % self.learned.len()];
                self.project.dataset_mut().remove_image(id)?;
            }
            Deed::Train(seed, further) => {
                self.project.start_training(&TrainConfig { warm_start: *further, ..settings(*seed) })?;
                return Ok(finish(&mut self.project));
            }
            _ => {}
        }
        Ok(Vec::new())
    }

    /// Does what concerns the test set.
    fn test(&mut self, deed: &Deed) {
        if let Deed::Test(class, drawing, group, late) = deed {
            let part = if *late { Part::Learn } else { Part::Test };
            let id = self.add(part, *class, *drawing, *group);
            self.project.dataset_mut().set_part(id, Part::Test).unwrap();
            self.tested.push(id);
        }
        let (Deed::MoveTest(image, _)
        | Deed::RemoveTest(image)
        | Deed::RestoreTest(image)
        | Deed::ForgetTest(image)
        | Deed::OutAndIn(image)) = deed
        else {
            return;
        };
        let Some(id) = self.tested.get(usize::from(*image) % self.tested.len().max(1)).copied() else { return };
        let dataset = self.project.dataset_mut();
        match deed {
            Deed::MoveTest(_, to) => dataset.move_image(id, ClassId(u32::from(to % 2))).unwrap(),
            Deed::RemoveTest(_) => dataset.remove_image(id).unwrap(),
            // It may have been forgotten.
            Deed::RestoreTest(_) => drop(dataset.restore_image(id)),
            Deed::ForgetTest(_) => {
                dataset.remove_image(id).unwrap();
                self.project.forget_images(&[id]).unwrap();
            }
            _ => {
                dataset.set_part(id, Part::Learn).unwrap();
                dataset.set_part(id, Part::Test).unwrap();
            }
        }
    }

    /// Contents of the pictures that a split of now would train on and hold out.
    fn split(&self) -> Option<(Vec<ContentHash>, Vec<ContentHash>)> {
        let dataset = self.project.dataset();
        let split = dataset.split(0.3, 5).ok()?;
        let contents = |part: &[headstart::dataset::Labelled]| {
            part.iter().map(|picture| dataset.sample(picture.id).unwrap().content).collect()
        };
        Some((contents(&split.train), contents(&split.validation)))
    }

    /// The settings' estimate but for how long things take here.
    fn estimate(&self) -> (usize, u64, String) {
        let estimate = self.project.estimate(&settings(0)).unwrap();
        (estimate.pictures, estimate.cache_bytes.to_bits(), estimate.note)
    }
}

fn losses(events: &[TrainEvent]) -> Vec<(u64, Option<u64>, Option<u32>)> {
    let of = |event: &TrainEvent| (event.loss.to_bits(), event.validation_loss.map(f64::to_bits), event.best_epoch);
    events.iter().filter(|event| !event.learning_rates.is_empty()).map(of).collect()
}

/// Random sequences: some where nobody says, for each takes seconds; `PROPTEST_CASES=200` tries more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::default() })]

    /// Beside a project with a test set, one that never had any: what they learn is the same, to the bit.
    #[test]
    fn nothing_is_learned_or_chosen_by_the_test_set(deeds in deeds()) {
        let side = || {
            let project = easy(default_backbone());
            let learned = project.classes().iter().flat_map(|class| class.images.clone()).collect();
            Side { project, learned, tested: Vec::new() }
        };
        let (mut plain, mut other) = (side(), side());
        // Training that goes on at last keeps what is held out since the first.
        let last = [Deed::Train(1, false), Deed::Train(2, true)];
        for deed in deeds.iter().chain(&last) {
            let (done, with_test) = (plain.learn(deed), other.learn(deed));
            other.test(deed);
            prop_assert_eq!(plain.split(), other.split(), "after {:?}", deed);
            prop_assert_eq!(plain.estimate(), other.estimate(), "after {:?}", deed);
            prop_assert_eq!(plain.project.readiness(&settings(0)), other.project.readiness(&settings(0)));
            match (done, with_test) {
                (Ok(events), Ok(others)) => prop_assert_eq!(losses(&events), losses(&others), "{:?}", deed),
                (done, others) => prop_assert_eq!(done.err(), others.err(), "{:?}", deed),
            }
            prop_assert_eq!(plain.project.lineage(), other.project.lineage());
            let head = |side: &Side| side.project.classifier().map(|classifier| classifier.head.clone());
            prop_assert_eq!(head(&plain), head(&other), "the kept weights after {:?}", deed);
            let figures = |side: &Side| side.project.report().map(|report| {
                let validation = (report.validation_loss.map(f64::to_bits), report.validation_accuracy);
                (report.train_loss.to_bits(), validation, report.images.train, report.images.validation)
            });
            prop_assert_eq!(figures(&plain), figures(&other));
        }
    }
}

/// The report of a training and a measurement afterwards say the same, whatever the head and whatever trains.
#[test]
fn the_report_tells_what_measuring_again_does() {
    let ways = [("linear", "none"), ("conv:8", "none"), ("linear", "last:1")];
    for (head, fine_tune) in ways {
        let mut project = with_test_set(easy(default_backbone()));
        let copied = add_test(&mut project, "disc", Kind::Disc, 3, None);
        let config = TrainConfig {
            head: head.into(),
            fine_tune: fine_tune.into(),
            fine_tune_epochs: 1.0,
            epochs: 6.0,
            ..settings(0)
        };
        train(&mut project, &config);
        let report = project.report().unwrap().clone();
        let measured = block_on(project.evaluate_on_test()).unwrap();
        assert_eq!(report.images.test, 8, "{head} {fine_tune}: without the copy of a training picture");
        assert_eq!(measured.figures.images, 8);
        assert_eq!(report.test_accuracy, Some(measured.figures.accuracy));
        assert_eq!(report.confusion_matrix.as_ref(), Some(&measured.figures.confusion_matrix));
        assert_eq!(report.per_class.as_ref(), Some(&measured.figures.per_class));
        assert_eq!(
            (codes(&report.warnings), codes(&measured.warnings)),
            (vec!["test_pictures_known"], vec!["test_pictures_known"])
        );
        assert!(measured.warnings[0].message.starts_with("1 test picture is "), "{}", measured.warnings[0].message);
        assert_eq!(measured.leaks, [copied]);
        // The answers add up to the figures.
        let right = measured.answers.iter().filter(|answer| answer.predicted == answer.label).count();
        assert_eq!(right as f64 / 8.0, measured.figures.accuracy);
        for answer in &measured.answers {
            assert_ne!(answer.id, copied);
            assert!((0.5..=1.0).contains(&answer.probability), "the more probable of two: {}", answer.probability);
            let name = &measured.figures.classes[answer.label];
            assert_eq!(project.dataset().class_of(answer.id), Some(class(&project, name)));
        }
        // The held-out pictures are another matter, and are still measured.
        assert_eq!(block_on(project.evaluate()).unwrap().figures.images, report.images.validation);
    }
}

#[test]
fn a_test_without_pictures_or_without_a_model_is_refused() {
    let mut project = with_test_set(easy(default_backbone()));
    let code = |project: &mut Project| block_on(project.evaluate_on_test()).unwrap_err().code();
    assert_eq!(code(&mut project), "not_trained");
    train(&mut project, &settings(0));
    assert!(block_on(project.evaluate_on_test()).is_ok());
    for (id, _) in project.dataset().test_pictures().collect::<Vec<_>>() {
        project.dataset_mut().remove_image(id).unwrap();
    }
    assert_eq!(code(&mut project), "no_test_pictures");
    add_test(&mut project, "disc", Kind::Disc, 0, None);
    assert_eq!(code(&mut project), "no_test_pictures", "all that there is has been learned from");
    // The report says why there is no figure.
    train(&mut project, &settings(0));
    let report = project.report().unwrap();
    assert_eq!((report.test_accuracy, report.images.test), (None, 0));
    assert!(codes(&report.warnings).contains(&"test_pictures_known"));
    assert!(report.confusion_matrix.is_some(), "of the held-out pictures");
}

/// A picture that was learned from and is put into the test set afterwards is told, until a model has not seen it.
#[test]
fn a_training_picture_among_the_tests_is_told_until_training_begins_anew() {
    let mut project = with_test_set(easy(default_backbone()));
    train(&mut project, &TrainConfig { validation: 0.0, ..settings(0) });
    project.dataset_mut().set_part(0, Part::Test).unwrap();
    assert_eq!(block_on(project.evaluate_on_test()).unwrap().leaks, [0]);
    train(&mut project, &TrainConfig { validation: 0.0, warm_start: true, ..settings(0) });
    assert_eq!(block_on(project.evaluate_on_test()).unwrap().leaks, [0], "the model goes on from one that knows it");
    train(&mut project, &TrainConfig { validation: 0.0, ..settings(0) });
    let measured = block_on(project.evaluate_on_test()).unwrap();
    assert_eq!((measured.leaks.len(), measured.figures.images), (0, 9));
    assert_eq!(project.report().unwrap().images.train, 19);
}

#[test]
fn what_cannot_be_measured_is_told() {
    let mut project = with_test_set(easy(default_backbone()));
    train(&mut project, &settings(0));
    // A class that came since.
    project.dataset_mut().add_class("noise").unwrap();
    add_test(&mut project, "noise", Kind::Noise, 1, None);
    let measured = block_on(project.evaluate_on_test()).unwrap();
    assert_eq!((codes(&measured.warnings), measured.figures.images), (vec!["test_class_unknown"], 8));
    // Of a model from a file nobody knows what it has seen; its classes are found by their names.
    let file = project.save().unwrap();
    project.load(&file).unwrap();
    let loaded = block_on(project.evaluate_on_test()).unwrap();
    assert_eq!(codes(&loaded.warnings), ["test_class_unknown", "test_may_have_trained"]);
    assert_eq!(loaded.figures.accuracy, measured.figures.accuracy);
}

/// While another backbone is prepared for, training waits for the pictures to learn from and for no others.
#[test]
fn another_backbone_does_not_wait_for_the_test_set() {
    let mut project = with_test_set(easy(default_backbone()));
    train(&mut project, &settings(0));
    let before = block_on(project.evaluate_on_test()).unwrap();
    project.set_backbone(sized_backbone(48)).unwrap();
    assert_eq!(block_on(project.evaluate_on_test()).unwrap(), before, "the model has its own backbone still");
    let unprepared: Vec<u32> = project.unprepared().iter().map(|it| it.id).collect();
    assert_eq!(unprepared.len(), 28, "test pictures are prepared too");
    for id in unprepared.iter().filter(|id| **id < 20) {
        let kind = if *id < 10 { Kind::Disc } else { Kind::Stripes };
        block_on(project.give_pixels(*id, &drawn(kind, u64::from(id % 10)), (SIDE, SIDE))).unwrap();
    }
    assert_eq!(project.readiness(&settings(0)).train, None);
    // One test picture is prepared before training ends.
    block_on(project.give_pixels(20, &drawn(Kind::Disc, 100), (SIDE, SIDE))).unwrap();
    train(&mut project, &settings(0));
    let report = project.report().unwrap();
    assert_eq!((report.images.test, codes(&report.warnings)), (1, vec!["test_pictures_missing"]));
    assert_eq!(report.warnings[0].message.split(' ').next(), Some("7"));
    assert!(project.unprepared().iter().all(|it| it.id > 20 && !it.pixels), "what was embedded is not embedded again");
}

/// Pictures that are added while it trains are measured too: the test set is asked for at the end.
#[test]
fn the_test_set_is_the_one_at_the_end_of_the_training() {
    let mut project = easy(default_backbone());
    project.start_training(&settings(0)).unwrap();
    block_on(project.step()).unwrap();
    let mut project = with_test_set(project);
    finish(&mut project);
    assert_eq!(project.report().unwrap().images.test, 8);
}

fn opened(written: &Written) -> headstart::Result<Project> {
    block_on(Project::open(EngineChoice::Cpu, default_backbone(), written, clock))
}

#[test]
fn a_project_with_a_test_set_is_written_and_read() {
    let mut project = easy(default_backbone());
    let plain = project.write(true).unwrap();
    assert!(plain.project.starts_with("{\"headstart_project\":2,") && !plain.project.contains("\"part\""));
    assert!(opened(&plain).unwrap().classes().iter().all(|class| class.test.is_empty()), "an older form still opens");
    project = with_test_set(project);
    // A reader of version 2 would learn from these pictures, one of version 3 cannot read a report.
    assert!(project.write(true).unwrap().project.starts_with("{\"headstart_project\":3,"));
    train(&mut project, &settings(0));
    let written = project.write(true).unwrap();
    assert!(written.project.starts_with("{\"headstart_project\":4,"));
    let mut again = opened(&written).unwrap();
    assert_eq!(again.classes(), project.classes());
    assert_eq!(again.write(true).unwrap(), written);
    assert_eq!(block_on(again.evaluate_on_test()).unwrap(), block_on(project.evaluate_on_test()).unwrap());
    let later = Written { project: written.project.replacen(":4,", ":5,", 1), ..written.clone() };
    assert_eq!(opened(&later).err().map(|error| error.code()), Some("project_file_invalid"));
    let other = Written { project: written.project.replace("\"part\":\"test\"", "\"part\":\"exam\""), ..written };
    assert_eq!(opened(&other).err().map(|error| error.code()), Some("project_file_invalid"));
    // Without its pixels a picture stays where it was, wherever it is said to go.
    let mut empty = opened(&project.write(false).unwrap()).unwrap();
    let disc = class(&empty, "disc");
    assert_eq!(block_on(empty.evaluate_on_test()).unwrap_err().code(), "no_test_pictures");
    block_on(empty.add_image(disc, &drawn(Kind::Disc, 100), (SIDE, SIDE), None, Some(20))).unwrap();
    assert_eq!(empty.dataset().place_of(20), Some((disc, Part::Test)));
    // One that was deleted comes back where it is told to.
    empty.dataset_mut().remove_image(22).unwrap();
    block_on(empty.add_image(disc, &drawn(Kind::Disc, 101), (SIDE, SIDE), None, Some(22))).unwrap();
    assert_eq!(empty.dataset().place_of(22), Some((disc, Part::Learn)));
}
