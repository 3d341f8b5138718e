//! Classes, pictures and their split, as properties of random datasets.

use headstart::dataset::{Dataset, Split};
use headstart::image::Crop;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn crop() -> Crop {
    Crop { size: 1, rgb: [0; 3].into() }
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
    for (class, pictures) in shape.iter().enumerate() {
        dataset.add_class(&format!("class {class}")).unwrap();
        for group in pictures {
            let group = group.map(|group| format!("{class}-{group}"));
            dataset.add_image(&format!("class {class}"), crop(), group).unwrap();
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
    let names: Vec<String> = classes.iter().map(|class| class.name.clone()).collect();
    assert_eq!(split.classes, names);
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
        for (class, group) in parts[0].intersection(&parts[1]) {
            // A class of one recording has nothing else to hold out, and says so.
            let alone = of.iter().filter(|(c, _)| c == class).all(|(_, g)| g == group);
            let told = split.warnings.iter().any(|w| w.code == "one_recording" && w.message.contains(&format!("class {class}")));
            prop_assert!(alone && told, "class {class}: recording {group} is in both parts");
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
        dataset.remove_class("class 1").unwrap();
        prop_assert!(dataset.classes().iter().all(|class| class.name != "class 1"));
        dataset.restore_class("class 1").unwrap();
        removed.iter().for_each(|id| dataset.restore_image(*id).unwrap());
        prop_assert_eq!(dataset.classes(), classes);
        prop_assert_eq!(dataset.split(share, seed).unwrap(), split);
    }

    #[test]
    fn moving_and_renaming(shape in shapes(true), pick: prop::sample::Index) {
        let mut dataset = build(&shape);
        let before = dataset.classes();
        let id = pick.index(shape.iter().map(Vec::len).sum()) as u32;
        dataset.move_image(id, "class 0").unwrap();
        let after = dataset.classes();
        prop_assert!(after[0].images.contains(&id));
        prop_assert_eq!(after.iter().filter(|class| class.images.contains(&id)).count(), 1, "in one class only");
        dataset.rename_class(" class 0 ", " first ").unwrap();
        prop_assert_eq!(&dataset.classes()[0].name, "first");
        prop_assert_eq!(&dataset.classes()[0].images, &after[0].images);
        let home = before.iter().find(|class| class.images.contains(&id)).unwrap().name.clone();
        dataset.rename_class("first", "class 0").unwrap();
        dataset.move_image(id, &home).unwrap();
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
    dataset.add_class("one").unwrap();
    dataset.add_image("one", crop(), None).unwrap();
    assert_eq!(code(&dataset), "too_few_classes");
    dataset.add_class("two").unwrap();
    let error = dataset.split(0.2, 0).unwrap_err();
    assert_eq!((error.code(), error.value().as_deref()), ("class_without_pictures", Some("two")));
    let id = dataset.add_image("two", crop(), None).unwrap();
    let split = dataset.split(0.2, 0).unwrap();
    assert_eq!((split.train.len(), split.validation.len()), (2, 0));
    assert_eq!(split.warnings.iter().map(|w| w.code.as_str()).collect::<Vec<_>>(), ["no_validation"]);
    dataset.remove_image(id).unwrap();
    assert_eq!(code(&dataset), "class_without_pictures");
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
    dataset.add_class(" apple ").unwrap();
    dataset.add_class("pear").unwrap();
    assert_eq!(dataset.classes()[0].name, "apple");
    assert_eq!(dataset.add_class("apple").unwrap_err().code(), "class_name_taken");
    assert_eq!(dataset.add_class(" \t").unwrap_err().code(), "class_name_empty");
    assert_eq!(dataset.rename_class("apple", "pear").unwrap_err().code(), "class_name_taken");
    assert_eq!(dataset.rename_class("apple", "").unwrap_err().code(), "class_name_empty");
    assert_eq!(dataset.rename_class("plum", "fig").unwrap_err().code(), "class_unknown");
    assert_eq!(dataset.remove_class("plum").unwrap_err().code(), "class_unknown");
    assert_eq!(dataset.restore_class("plum").unwrap_err().code(), "class_unknown");
    assert_eq!(dataset.add_image("plum", crop(), None).unwrap_err().code(), "class_unknown");
    let id = dataset.add_image("apple", crop(), None).unwrap();
    assert_eq!(dataset.move_image(id, "plum").unwrap_err().code(), "class_unknown");
    for error in [dataset.remove_image(9), dataset.restore_image(9), dataset.move_image(9, "pear")] {
        assert_eq!(error.unwrap_err().code(), "image_unknown");
    }
    assert_eq!(dataset.classes()[0].images, [id], "what failed changed nothing");
    dataset.rename_class("apple", "apple").unwrap();
    // A name that was freed may be taken; the removed class cannot come back under it then.
    dataset.remove_class("apple").unwrap();
    dataset.add_class("apple").unwrap();
    assert_eq!(dataset.restore_class("apple").unwrap_err().code(), "class_name_taken");
    assert!(dataset.classes().iter().find(|class| class.name == "apple").unwrap().images.is_empty());
}
