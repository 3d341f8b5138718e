//! Classes, pictures and their split, as properties of random datasets.

use headstart::dataset::{ClassId, Dataset, Lineage, Split};
use headstart::identity::ContentHash;
use headstart::image::{Crop, Picture};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Another picture for each number.
fn picture(number: usize) -> Picture {
    let rgb = [number as u8, (number >> 8) as u8, 0];
    Picture { content: ContentHash::of(&rgb), crop: Crop::new(1, rgb).unwrap() }
}

fn named(dataset: &Dataset, class: usize) -> ClassId {
    dataset.class_named(&format!("class {class}")).unwrap()
}

/// Pictures of each class with the number of their capture group, if any.
type Shape = Vec<Vec<Option<u8>>>;

/// Two to five classes of 1 to 40 pictures: all single, or most of them in one of a few recordings.
fn shapes(grouped: bool) -> impl Strategy<Value = Shape> {
    let picture = if grouped { prop::option::weighted(0.8, 0u8..6).boxed() } else { Just(None).boxed() };
    prop::collection::vec(prop::collection::vec(picture, 1..40), 2..6)
}

/// Groups are recordings of one class, so their names carry the class.
fn build(shape: &Shape) -> Dataset {
    let mut dataset = Dataset::default();
    let mut number = 0;
    for (class, pictures) in shape.iter().enumerate() {
        let id = dataset.add_class(&format!("class {class}")).unwrap();
        for group in pictures {
            let group = group.map(|group| format!("{class}-{group}"));
            dataset.add_image(id, picture(number), group).unwrap();
            number += 1;
        }
    }
    dataset
}

/// The group of every picture; those without count as a group each.
fn groups(shape: &Shape) -> Vec<(usize, String)> {
    let of = |(class, group): (usize, &Option<u8>), id: usize| match group {
        Some(group) => (class, format!("g{group}")),
        None => (class, format!("i{id}")),
    };
    let flat = shape.iter().enumerate().flat_map(|(class, pictures)| pictures.iter().map(move |group| (class, group)));
    flat.enumerate().map(|(id, picture)| of(picture, id)).collect()
}

fn ids(part: &[headstart::dataset::Labelled]) -> BTreeSet<u32> {
    part.iter().map(|picture| picture.id).collect()
}

/// No picture twice, none lost, every label the picture's own class, and every class trains.
fn is_partition(dataset: &Dataset, split: &Split) {
    let classes = dataset.classes();
    let classes_of_it: Vec<ClassId> = classes.iter().map(|class| class.id).collect();
    assert_eq!(split.classes, classes_of_it);
    let (train, validation) = (ids(&split.train), ids(&split.validation));
    assert_eq!(train.len() + validation.len(), split.train.len() + split.validation.len(), "none twice in a part");
    assert!(train.is_disjoint(&validation), "none in both parts");
    let all: BTreeSet<u32> = classes.iter().flat_map(|class| class.images.iter().copied()).collect();
    assert_eq!(&train | &validation, all, "none lost, none invented");
    for picture in split.train.iter().chain(&split.validation) {
        assert!(classes[picture.label].images.contains(&picture.id), "picture {} has its own label", picture.id);
    }
    for label in 0..classes.len() {
        assert!(split.train.iter().any(|picture| picture.label == label), "class {label} keeps a training picture");
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn split_is_a_partition(shape in shapes(true), share in 0.0..=0.9_f64, seed: u64) {
        let dataset = build(&shape);
        is_partition(&dataset, &dataset.split(share, seed).unwrap());
    }

    #[test]
    fn split_is_stratified(shape in shapes(false), share in 0.0..=0.9_f64, seed: u64) {
        let dataset = build(&shape);
        let split = dataset.split(share, seed).unwrap();
        is_partition(&dataset, &split);
        for (label, pictures) in shape.iter().enumerate() {
            let held_out = split.validation.iter().filter(|picture| picture.label == label).count() as f64;
            let wanted = pictures.len() as f64 * share;
            prop_assert!((held_out - wanted).abs() <= 1.0, "{held_out} of {} at {share}", pictures.len());
        }
        if !split.validation.is_empty() {
            prop_assert!(split.warnings.is_empty(), "nothing to warn of: {:?}", split.warnings);
        }
    }

    #[test]
    fn groups_never_straddle(shape in shapes(true), share in 0.0..=0.9_f64, seed: u64) {
        let dataset = build(&shape);
        let split = dataset.split(share, seed).unwrap();
        let of = groups(&shape);
        let parts = [ids(&split.train), ids(&split.validation)].map(|part| {
            part.into_iter().map(|id| of[id as usize].clone()).collect::<BTreeSet<_>>()
        });
        prop_assert!(parts[0].is_disjoint(&parts[1]), "a recording is in both parts");
        for (class, pictures) in shape.iter().enumerate() {
            // A class of one recording has nothing to hold out, and says so.
            let recordings: BTreeSet<_> = of.iter().filter(|(c, _)| *c == class).map(|(_, group)| group).collect();
            let wanted = (pictures.len() as f64 * share).round() as usize > 0 && pictures.len() > 1;
            let name = format!("class {class}”");
            let told = split.warnings.iter().any(|w| w.code == "one_recording" && w.message.contains(&name));
            prop_assert_eq!(told, recordings.len() == 1 && wanted, "class {}", class);
        }
    }

    #[test]
    fn the_seed_decides(shape in shapes(true), share in 0.0..=0.9_f64, seed: u64) {
        prop_assert_eq!(build(&shape).split(share, seed).unwrap(), build(&shape).split(share, seed).unwrap());
    }

    #[test]
    fn removals_are_undone_exactly(shape in shapes(true), share in 0.0..=0.9_f64, seed: u64, picks: Vec<prop::sample::Index>) {
        let mut dataset = build(&shape);
        let count = shape.iter().map(Vec::len).sum::<usize>() as u32;
        let (classes, split) = (dataset.classes(), dataset.split(share, seed).unwrap());
        let removed: BTreeSet<u32> = picks.iter().map(|pick| pick.index(count as usize) as u32).collect();
        removed.iter().for_each(|id| dataset.remove_image(*id).unwrap());
        let left: BTreeSet<u32> = dataset.classes().into_iter().flat_map(|class| class.images).collect();
        prop_assert_eq!(&left, &(0..count).filter(|id| !removed.contains(id)).collect());
        if let Ok(split) = dataset.split(share, seed) {
            prop_assert!(removed.is_disjoint(&(&ids(&split.train) | &ids(&split.validation))), "removed pictures are out");
        }
        let one = named(&dataset, 1);
        dataset.remove_class(one).unwrap();
        prop_assert!(dataset.classes().iter().all(|class| class.name != "class 1"));
        dataset.restore_class(one).unwrap();
        removed.iter().for_each(|id| dataset.restore_image(*id).unwrap());
        prop_assert_eq!(dataset.classes(), classes);
        prop_assert_eq!(dataset.split(share, seed).unwrap(), split);
    }

    #[test]
    fn moving_and_renaming(shape in shapes(true), pick: prop::sample::Index) {
        let mut dataset = build(&shape);
        let before = dataset.classes();
        let id = pick.index(shape.iter().map(Vec::len).sum()) as u32;
        let first = named(&dataset, 0);
        dataset.move_image(id, first).unwrap();
        let after = dataset.classes();
        prop_assert!(after[0].images.contains(&id));
        prop_assert_eq!(after.iter().filter(|class| class.images.contains(&id)).count(), 1, "in one class only");
        dataset.rename_class(first, " first ").unwrap();
        prop_assert_eq!(&dataset.classes()[0].name, "first");
        prop_assert_eq!(&dataset.classes()[0].images, &after[0].images);
        let home = before.iter().find(|class| class.images.contains(&id)).unwrap().id;
        dataset.rename_class(first, "class 0").unwrap();
        dataset.move_image(id, home).unwrap();
        prop_assert_eq!(dataset.classes(), before);
    }
}

#[test]
fn another_seed_gives_another_split() {
    let dataset = build(&vec![vec![None; 30]; 2]);
    let splits: BTreeSet<Vec<u32>> =
        (0..20).map(|seed| ids(&dataset.split(0.2, seed).unwrap().validation).into_iter().collect()).collect();
    assert!(splits.len() > 15, "{} different splits of 20 seeds", splits.len());
    // Every picture has its turn: nothing is held out by its place.
    let mut turns: BTreeMap<u32, usize> = BTreeMap::new();
    for seed in 0..100 {
        ids(&dataset.split(0.2, seed).unwrap().validation)
            .into_iter()
            .for_each(|id| *turns.entry(id).or_default() += 1);
    }
    assert!(turns.len() == 60 && turns.values().all(|n| (5..40).contains(n)), "{turns:?}");
}

#[test]
fn too_little_to_split() {
    let code = |dataset: &Dataset| dataset.split(0.2, 0).unwrap_err().code();
    let mut dataset = Dataset::default();
    assert_eq!(code(&dataset), "too_few_classes");
    let one = dataset.add_class("one").unwrap();
    dataset.add_image(one, picture(1), None).unwrap();
    assert_eq!(code(&dataset), "too_few_classes");
    let two = dataset.add_class("two").unwrap();
    let error = dataset.split(0.2, 0).unwrap_err();
    assert_eq!((error.code(), error.value().as_deref()), ("class_without_pictures", Some("two")));
    let id = dataset.add_image(two, picture(2), None).unwrap();
    let split = dataset.split(0.2, 0).unwrap();
    assert_eq!((split.train.len(), split.validation.len()), (2, 0));
    assert_eq!(split.warnings.iter().map(|w| w.code.as_str()).collect::<Vec<_>>(), ["no_validation"]);
    dataset.remove_image(id).unwrap();
    assert_eq!(code(&dataset), "class_without_pictures");
}

/// One recording of which some frames were moved to another class, and one picture that is in both: all on one side.
#[test]
fn near_copies_stay_together_across_classes() {
    for seed in 0..50 {
        let mut dataset = build(&vec![vec![None; 12], vec![None; 12]]);
        let [one, other] = [0, 1].map(|class| named(&dataset, class));
        let take: Vec<u32> =
            (100..106).map(|n| dataset.add_image(one, picture(n), Some("take".into())).unwrap()).collect();
        take[..3].iter().for_each(|id| dataset.move_image(*id, other).unwrap());
        let copies = [one, other].map(|class| dataset.add_image(class, picture(200), None).unwrap());
        let split = dataset.split(0.4, seed).unwrap();
        let held_out = ids(&split.validation);
        for family in [&take[..], &copies[..]] {
            let out = family.iter().filter(|id| held_out.contains(id)).count();
            assert!(out == 0 || out == family.len(), "seed {seed}: {out} of {} are held out", family.len());
        }
    }
}

/// What `split_after` is told of a training: the pictures of its two parts.
fn after(dataset: &Dataset, before: &Lineage, split: &Split) -> Lineage {
    let contents = |part: &[headstart::dataset::Labelled]| {
        part.iter().map(|picture| dataset.sample(picture.id).unwrap().content).collect::<Vec<_>>()
    };
    before.after(contents(&split.train), contents(&split.validation))
}

/// Only held-out pictures are left of both classes, or of one: some of them have to train.
#[test]
fn every_class_keeps_a_training_picture_when_training_goes_on() {
    for emptied in [1, 2] {
        let mut dataset = build(&vec![vec![None; 15]; 2]);
        let first = dataset.split(0.2, 0).unwrap();
        let before = after(&dataset, &Lineage::default(), &first);
        for picture in first.train.iter().filter(|picture| picture.label < emptied) {
            dataset.remove_image(picture.id).unwrap();
        }
        let split = dataset.split_after(&first.classes, 0.2, 0, &before).unwrap();
        is_partition(&dataset, &split);
        let stayed = ids(&split.validation).intersection(&ids(&first.validation)).count();
        assert_eq!(stayed, 6 - emptied, "one of three held-out pictures of each emptied class trains now");
    }
}

/// Trained on, deleted while training went on without it, and brought back: it is still one that the model knows.
#[test]
fn what_trained_once_is_never_held_out_later() {
    let mut dataset = build(&vec![vec![None; 20]; 2]);
    let first = dataset.split(0.2, 0).unwrap();
    let trained: Vec<u32> = first.train.iter().map(|picture| picture.id).take(10).collect();
    let one = after(&dataset, &Lineage::default(), &first);
    trained.iter().for_each(|id| dataset.remove_image(*id).unwrap());
    let second = dataset.split_after(&first.classes, 0.2, 1, &one).unwrap();
    let two = after(&dataset, &one, &second);
    trained.iter().for_each(|id| dataset.restore_image(*id).unwrap());
    // And once more as new pictures, under new numbers.
    let class = named(&dataset, 0);
    let again: Vec<u32> = trained
        .iter()
        .map(|id| {
            let sample = dataset.sample(*id).unwrap();
            let picture = Picture { content: sample.content, crop: sample.crop.clone().unwrap() };
            dataset.add_image(class, picture, None).unwrap()
        })
        .collect();
    for seed in 0..50 {
        let held_out = ids(&dataset.split_after(&first.classes, 0.5, seed, &two).unwrap().validation);
        assert!(trained.iter().chain(&again).all(|id| !held_out.contains(id)), "seed {seed}");
    }
}

/// The causes are still there when training goes on, and so are the remarks.
#[test]
fn remarks_come_again_when_training_goes_on() {
    let mut dataset = build(&vec![vec![Some(1); 10], vec![None; 10]]);
    let codes = |split: &Split| split.warnings.iter().map(|w| w.code.clone()).collect::<Vec<_>>();
    let first = dataset.split(0.2, 0).unwrap();
    assert_eq!(codes(&first), ["one_recording"]);
    let before = after(&dataset, &Lineage::default(), &first);
    let further = dataset.split_after(&first.classes, 0.2, 0, &before).unwrap();
    assert_eq!(codes(&further), ["one_recording"]);
    let from_a_file = dataset.split_after(&first.classes, 0.2, 0, &Lineage::of_a_file()).unwrap();
    assert_eq!(codes(&from_a_file), ["one_recording", "held_out_may_have_trained"]);
    let once_more = after(&dataset, &Lineage::of_a_file(), &from_a_file);
    let again = dataset.split_after(&first.classes, 0.2, 0, &once_more).unwrap();
    assert_eq!(codes(&again), ["one_recording", "held_out_may_have_trained"]);
    // Everything trained the first time: nothing is left to hold out of a class until there is something new.
    let all = after(&dataset, &Lineage::default(), &dataset.split(0.0, 0).unwrap());
    let further = dataset.split_after(&first.classes, 0.2, 0, &all).unwrap();
    assert_eq!(codes(&further), ["one_recording", "all_have_trained", "no_validation"]);
    let other = named(&dataset, 1);
    (500..503).for_each(|n| assert!(dataset.add_image(other, picture(n), None).is_ok()));
    let further = dataset.split_after(&first.classes, 0.2, 0, &all).unwrap();
    assert_eq!((codes(&further), further.validation.len()), (vec!["one_recording".to_string()], 3));
}

/// Without validation nothing is held out, and nobody needs to be told.
#[test]
fn no_validation_when_none_was_asked_for() {
    let split = build(&vec![vec![None; 10]; 2]).split(0.0, 0).unwrap();
    assert_eq!((split.train.len(), split.validation.len(), split.warnings.len()), (20, 0, 0));
}

#[test]
fn names_and_numbers_that_are_not_there() {
    let mut dataset = Dataset::default();
    let apple = dataset.add_class(" apple ").unwrap();
    let pear = dataset.add_class("pear").unwrap();
    let nobody = ClassId(99);
    assert_eq!(dataset.classes()[0].name, "apple");
    assert_eq!(
        (dataset.class_named(" apple ").unwrap(), dataset.class_named("plum").unwrap_err().code()),
        (apple, "class_unknown")
    );
    assert_eq!(dataset.add_class("apple").unwrap_err().code(), "class_name_taken");
    assert_eq!(dataset.add_class(" \t").unwrap_err().code(), "class_name_empty");
    assert_eq!(dataset.rename_class(apple, "pear").unwrap_err().code(), "class_name_taken");
    assert_eq!(dataset.rename_class(apple, "").unwrap_err().code(), "class_name_empty");
    assert_eq!(dataset.rename_class(nobody, "fig").unwrap_err().code(), "class_unknown");
    assert_eq!(dataset.remove_class(nobody).unwrap_err().code(), "class_unknown");
    assert_eq!(dataset.restore_class(nobody).unwrap_err().code(), "class_unknown");
    assert_eq!(dataset.restore_class(apple).unwrap_err().code(), "class_unknown", "it is not removed");
    assert_eq!(dataset.add_image(nobody, picture(0), None).unwrap_err().code(), "class_unknown");
    let id = dataset.add_image(apple, picture(0), None).unwrap();
    assert_eq!(dataset.move_image(id, nobody).unwrap_err().code(), "class_unknown");
    for error in [dataset.remove_image(9), dataset.restore_image(9), dataset.move_image(9, pear)] {
        assert_eq!(error.unwrap_err().code(), "image_unknown");
    }
    assert_eq!(dataset.classes()[0].images, [id], "what failed changed nothing");
    dataset.rename_class(apple, "apple").unwrap();
    // A name that was freed may be taken; the removed class cannot come back under it then, but under another.
    dataset.remove_class(apple).unwrap();
    assert_eq!(dataset.remove_class(apple).unwrap_err().code(), "class_unknown", "it is removed");
    let again = dataset.add_class("apple").unwrap();
    assert_ne!(again, apple, "a class that is made again is another one");
    assert_eq!(dataset.restore_class(apple).unwrap_err().code(), "class_name_taken");
    assert!(dataset.classes().iter().find(|class| class.name == "apple").unwrap().images.is_empty());
    dataset.rename_class(apple, "apple (2)").unwrap();
    dataset.restore_class(apple).unwrap();
    assert_eq!(dataset.classes()[0].images, [id]);
}

#[test]
fn numbers_of_the_callers_choice_are_given_once() {
    let mut dataset = Dataset::default();
    dataset.add_class_as(ClassId(7), "apple").unwrap();
    assert_eq!(dataset.add_class_as(ClassId(7), "pear").unwrap_err().code(), "id_taken");
    assert_eq!(dataset.add_class_as(ClassId(u32::MAX), "pear").unwrap_err().code(), "id_taken");
    assert_eq!(dataset.add_class("pear").unwrap(), ClassId(8));
    dataset.add_image_as(3, ClassId(7), picture(0), None).unwrap();
    assert_eq!(dataset.add_image_as(3, ClassId(7), picture(1), None).unwrap_err().code(), "id_taken");
    assert_eq!(dataset.add_image_as(u32::MAX, ClassId(7), picture(1), None).unwrap_err().code(), "id_taken");
    dataset.remove_image(3).unwrap();
    dataset.remove_class(ClassId(7)).unwrap();
    assert_eq!(dataset.add_class_as(ClassId(7), "fig").unwrap_err().code(), "id_taken", "removed is not gone");
    assert_eq!(dataset.add_image_as(3, ClassId(8), picture(1), None).unwrap_err().code(), "id_taken");
    assert_eq!(dataset.add_image(ClassId(8), picture(1), None).unwrap(), 4);
}
