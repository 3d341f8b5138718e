//! Which pictures train and which are held out.

use super::kin::Kin;
use super::{ClassId, Dataset, Lineage};
use crate::error::{Error, Result};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A picture's number with its class as an index into [`Split::classes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Labelled {
    /// The picture's number.
    pub id: u32,
    /// Index of its class in [`Split::classes`].
    pub label: usize,
}

/// Which pictures train and which validate. Made once, handed to everyone, never derived again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The classes; labels are indices into it.
    pub classes: Vec<ClassId>,
    /// Pictures that train.
    pub train: Vec<Labelled>,
    /// Pictures held out. Empty where there are too few to hold any out.
    pub validation: Vec<Labelled>,
    /// What a person should know of this split.
    pub warnings: Vec<Warning>,
}

/// A remark that comes with a result: a stable code and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct Warning {
    /// Stable name for programs.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
}

/// Pictures that stay on one side of the split together.
struct Family {
    kin: Kin,
    /// How many of them each class has, by its label.
    counts: BTreeMap<usize, usize>,
    /// The label of most of them.
    home: usize,
    held_out: bool,
}

/// A class on its way into a split.
struct Quota {
    pictures: usize,
    /// How many are to be held out.
    wanted: usize,
    held_out: usize,
    families: usize,
    /// How many of these trained the model that training goes on from.
    trained: usize,
}

impl Dataset {
    /// Splits the pictures, stratified by class: about `share` of each class is held out, in whole families of
    /// near-copies (capture groups and equal pictures, across all classes). Pictures of the test set take no part, not even
    /// as near-copies of others.
    ///
    /// The same seed and pictures give the same split. Every class keeps a training picture at least.
    ///
    /// # Errors
    /// [`Error::TooFewClasses`], [`Error::ClassWithoutPictures`].
    pub fn split(&self, share: f64, seed: u64) -> Result<Split> {
        let classes: Vec<ClassId> = self.live_classes().map(|class| class.id).collect();
        self.split_after(&classes, share, seed, &Lineage::default())
    }

    /// The same for a training that goes on from a model, with the labels in the order of `classes`: pictures that
    /// trained it go on training, and their near-copies with them, for they say nothing of how it does on new ones; what
    /// was held out stays so, as long as every class keeps a training picture. Pictures that came since are divided so
    /// that the shares are kept.
    ///
    /// # Errors
    /// [`Error::TooFewClasses`], [`Error::ClassWithoutPictures`].
    pub fn split_after(&self, classes: &[ClassId], share: f64, seed: u64, before: &Lineage) -> Result<Split> {
        if classes.len() < 2 {
            return Err(Error::TooFewClasses(classes.len()));
        }
        let usable = self.usable();
        if let Some(empty) = classes.iter().find(|id| usable.get(id).is_none_or(Vec::is_empty)) {
            return Err(Error::ClassWithoutPictures(self.name_of(*empty)));
        }
        let label_of: BTreeMap<ClassId, usize> = classes.iter().enumerate().map(|(label, id)| (*id, label)).collect();
        let labels: BTreeMap<u32, usize> = usable
            .iter()
            .filter_map(|(class, ids)| Some((ids, *label_of.get(class)?)))
            .flat_map(|(ids, label)| ids.iter().map(move |id| (*id, label)))
            .collect();
        let mut families = families(self.kin(|sample| sample.part.is_learn()), &labels);
        let mut quotas = quotas(&families, classes.len(), share);
        keep_apart(&mut families, &mut quotas, before, &mut ChaCha8Rng::seed_from_u64(seed));
        let mut split =
            Split { classes: classes.to_vec(), train: Vec::new(), validation: Vec::new(), warnings: Vec::new() };
        let held_out: BTreeSet<u32> =
            families.iter().filter(|family| family.held_out).flat_map(|family| family.kin.ids.clone()).collect();
        // Class by class, as the pictures came.
        let mut pictures: Vec<Labelled> = labels.into_iter().map(|(id, label)| Labelled { id, label }).collect();
        pictures.sort_by_key(|picture| (picture.label, picture.id));
        (split.validation, split.train) = pictures.into_iter().partition(|picture| held_out.contains(&picture.id));
        split.warnings = self.warnings(&quotas, classes, share, before, &split);
        Ok(split)
    }

    fn warnings(
        &self,
        quotas: &[Quota],
        classes: &[ClassId],
        share: f64,
        before: &Lineage,
        split: &Split,
    ) -> Vec<Warning> {
        let warning = |code: &str, message: String| Warning { code: code.into(), message };
        let mut warnings = Vec::new();
        for (quota, class) in quotas.iter().zip(classes).filter(|(quota, _)| quota.wanted > 0 && quota.held_out == 0) {
            let name = self.name_of(*class);
            warnings.push(if quota.families == 1 {
                let message = format!(
                    "All pictures of “{name}” come from one recording or are copies of one picture: too alike to \
                     learn from some and check with others, so none of them is held out. Record the class twice at least."
                );
                warning("one_recording", message)
            } else if quota.trained == quota.families {
                let message = format!(
                    "All pictures of “{name}” have trained the model already, so none of them can check it. Add new ones."
                );
                warning("all_have_trained", message)
            } else {
                let message = format!(
                    "No recording of “{name}” is short enough to be held out with all that belongs to it, so none of its \
                     pictures validates. Record it in more, shorter takes."
                );
                warning("no_validation_for_class", message)
            });
        }
        if share > 0.0 && split.validation.is_empty() {
            let message = "There are too few pictures to hold any out, so how well the model does on new pictures is \
                           not known. Add more pictures to find out.";
            warnings.push(warning("no_validation", message.into()));
        }
        if before.unknown && !split.validation.is_empty() {
            let message = "The model that training went on from came from a file, so some of the held-out pictures may \
                           be ones that it was trained on: the validation figures may flatter.";
            warnings.push(warning("held_out_may_have_trained", message.into()));
        }
        warnings
    }
}

/// Families with the labels of their pictures; pictures without a label are none of this split's, but make kin of others.
fn families(kin: Vec<Kin>, labels: &BTreeMap<u32, usize>) -> Vec<Family> {
    let family = |mut kin: Kin| {
        kin.ids.retain(|id| labels.contains_key(id));
        let mut counts = BTreeMap::new();
        for id in &kin.ids {
            *counts.entry(labels[id]).or_insert(0) += 1;
        }
        // Of two classes with as many, the first.
        let home = counts.iter().max_by_key(|(label, count)| (**count, std::cmp::Reverse(**label)));
        let home = home.map(|(label, _)| *label)?;
        Some(Family { kin, counts, home, held_out: false })
    };
    kin.into_iter().filter_map(family).collect()
}

fn quotas(families: &[Family], classes: usize, share: f64) -> Vec<Quota> {
    let quota = |label: usize| {
        let counts: Vec<usize> = families.iter().filter_map(|family| family.counts.get(&label).copied()).collect();
        let pictures = counts.iter().sum::<usize>();
        // Whatever the share, one picture at least is left to train on.
        let wanted = ((pictures as f64 * share).round() as usize).min(pictures - 1);
        Quota { pictures, wanted, held_out: 0, families: counts.len(), trained: 0 }
    };
    (0..classes).map(quota).collect()
}

/// Decides which families are held out.
fn keep_apart(families: &mut [Family], quotas: &mut [Quota], before: &Lineage, rng: &mut impl Rng) {
    let known =
        |family: &Family, among: &BTreeSet<_>| family.kin.contents.iter().any(|content| among.contains(content));
    let mut fresh = Vec::new();
    for (index, family) in families.iter_mut().enumerate() {
        if known(family, &before.trained) {
            family.counts.keys().for_each(|label| quotas[*label].trained += 1);
            continue;
        }
        if known(family, &before.held_out) {
            hold_out(family, quotas, true);
        } else {
            fresh.push(index);
        }
    }
    for label in 0..quotas.len() {
        let mut own: Vec<usize> = fresh.iter().copied().filter(|index| families[*index].home == label).collect();
        own.shuffle(rng);
        for index in own {
            // A family is held out only where it fits: a long recording must not take the training pictures.
            let fits = |(label, count): (&usize, &usize)| quotas[*label].held_out + count <= quotas[*label].wanted;
            if families[index].counts.iter().all(fits) {
                hold_out(&mut families[index], quotas, true);
            }
        }
    }
    // What was held out before may be all that is left of a class: the smallest family of it trains then.
    for label in 0..quotas.len() {
        if quotas[label].held_out < quotas[label].pictures {
            continue;
        }
        let smallest = families.iter_mut().filter(|family| family.counts.contains_key(&label));
        if let Some(family) = smallest.min_by_key(|family| family.kin.ids.len()) {
            hold_out(family, quotas, false);
        }
    }
}

fn hold_out(family: &mut Family, quotas: &mut [Quota], held_out: bool) {
    family.held_out = held_out;
    for (label, count) in &family.counts {
        let quota = &mut quotas[*label];
        quota.held_out = if held_out { quota.held_out + count } else { quota.held_out - count };
    }
}
