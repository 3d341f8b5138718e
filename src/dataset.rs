//! Classes and pictures, and the split into training and validation pictures that is made once for a run.

use crate::error::{Error, Result};
use crate::image::Crop;
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::collections::BTreeMap;

/// One picture.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Index of its class in the dataset.
    class: usize,
    /// Capture group: pictures of one group (the frames of one recording) never straddle the split.
    group: Option<String>,
    removed: bool,
    /// The picture itself, ready for the backbone.
    pub crop: Crop,
}

/// One class.
#[derive(Debug, Clone)]
struct Class {
    name: String,
    removed: bool,
}

/// A class with its pictures, for display.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct ClassSummary {
    /// Its name.
    pub name: String,
    /// Numbers of its pictures, in order of arrival.
    pub images: Vec<u32>,
}

/// Classes and pictures. Removing only hides, so that every removal can be undone.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    classes: Vec<Class>,
    samples: Vec<Sample>,
}

/// A picture's number with its class as an index into [`Split::classes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labelled {
    /// The picture's number.
    pub id: u32,
    /// Index of its class in [`Split::classes`].
    pub label: usize,
}

/// Which pictures train and which validate. Made once, handed to everyone, never derived again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Names of the classes; labels are indices into it.
    pub classes: Vec<String>,
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

/// Pictures of one class by what an earlier split made of them.
#[derive(Default)]
struct Before {
    trained: Vec<u32>,
    held_out: Vec<u32>,
}

impl Before {
    fn of(split: &Split, images: &[u32]) -> Self {
        let among = |part: &[Labelled]| part.iter().map(|p| p.id).filter(|id| images.contains(id)).collect();
        Self { trained: among(&split.train), held_out: among(&split.validation) }
    }
}

impl Split {
    /// Gives a class another name.
    pub fn rename_class(&mut self, name: &str, to: &str) {
        rename(&mut self.classes, name, to);
    }
}

/// Renames a label, unless another has the new name already, as one of a loaded model may.
pub(crate) fn rename(labels: &mut [String], name: &str, to: &str) {
    if !labels.iter().any(|label| label == to) {
        labels.iter_mut().filter(|label| *label == name).for_each(|label| *label = to.to_string());
    }
}

/// Fills `held_out` up to the `wanted` pictures with whole groups, in random order.
fn draw(mut groups: Vec<Vec<u32>>, wanted: usize, held_out: &mut Vec<u32>, rng: &mut impl Rng) {
    groups.shuffle(rng);
    for group in groups {
        // A group goes to validation only where it fits: a long recording must not take the training pictures.
        if held_out.len() + group.len() <= wanted {
            held_out.extend(group);
        }
    }
}

impl Dataset {
    /// Adds a class at the end.
    ///
    /// # Errors
    /// [`Error::ClassNameEmpty`], [`Error::ClassNameTaken`].
    pub fn add_class(&mut self, name: &str) -> Result<()> {
        let name = self.free_name(name, None)?;
        self.classes.push(Class { name, removed: false });
        Ok(())
    }

    /// Gives a class another name; its pictures stay.
    ///
    /// # Errors
    /// [`Error::ClassUnknown`], [`Error::ClassNameEmpty`], [`Error::ClassNameTaken`].
    pub fn rename_class(&mut self, name: &str, to: &str) -> Result<()> {
        let index = self.class(name)?;
        self.classes[index].name = self.free_name(to, Some(index))?;
        Ok(())
    }

    /// Hides a class and its pictures.
    ///
    /// # Errors
    /// [`Error::ClassUnknown`].
    pub fn remove_class(&mut self, name: &str) -> Result<()> {
        let index = self.class(name)?;
        self.classes[index].removed = true;
        Ok(())
    }

    /// Brings the class of this name that was removed last back, with the pictures that it had.
    ///
    /// # Errors
    /// [`Error::ClassUnknown`] where none was removed, [`Error::ClassNameTaken`] where the name is in use again.
    pub fn restore_class(&mut self, name: &str) -> Result<()> {
        self.free_name(name, None)?;
        let class = self.classes.iter_mut().rev().find(|class| class.removed && class.name == name.trim());
        class.ok_or_else(|| Error::ClassUnknown(name.to_string()))?.removed = false;
        Ok(())
    }

    /// Adds a picture and returns its number.
    ///
    /// # Errors
    /// [`Error::ClassUnknown`].
    pub fn add_image(&mut self, class: &str, crop: Crop, group: Option<String>) -> Result<u32> {
        let class = self.class(class)?;
        self.samples.push(Sample { class, group, removed: false, crop });
        Ok(self.samples.len() as u32 - 1)
    }

    /// Hides a picture.
    ///
    /// # Errors
    /// [`Error::ImageUnknown`].
    pub fn remove_image(&mut self, id: u32) -> Result<()> {
        self.sample_mut(id)?.removed = true;
        Ok(())
    }

    /// Brings a removed picture back.
    ///
    /// # Errors
    /// [`Error::ImageUnknown`].
    pub fn restore_image(&mut self, id: u32) -> Result<()> {
        self.sample_mut(id)?.removed = false;
        Ok(())
    }

    /// Moves a picture to another class.
    ///
    /// # Errors
    /// [`Error::ImageUnknown`], [`Error::ClassUnknown`].
    pub fn move_image(&mut self, id: u32, class: &str) -> Result<()> {
        let class = self.class(class)?;
        self.sample_mut(id)?.class = class;
        Ok(())
    }

    /// The picture of this number, removed or not.
    ///
    /// # Errors
    /// [`Error::ImageUnknown`].
    pub fn sample(&self, id: u32) -> Result<&Sample> {
        self.samples.get(id as usize).ok_or(Error::ImageUnknown(id))
    }

    /// The classes in order with their pictures, without what was removed.
    pub fn classes(&self) -> Vec<ClassSummary> {
        self.live_classes()
            .map(|(index, class)| ClassSummary { name: class.name.clone(), images: self.images_of(index) })
            .collect()
    }

    /// Splits the pictures, stratified by class: about `share` of each class is held out, in whole capture groups.
    ///
    /// The same seed and pictures give the same split. Every class keeps a training picture at least. Pictures that
    /// came without a group count as a group each.
    ///
    /// # Errors
    /// [`Error::TooFewClasses`], [`Error::ClassWithoutPictures`].
    pub fn split(&self, share: f64, seed: u64) -> Result<Split> {
        self.split_after(share, seed, None)
    }

    /// The same for a training that goes on from a model: what `before` held out stays held out and what trained goes
    /// on training, for a picture that trained the model says nothing of how it does on new ones. Pictures that came
    /// since are divided so that the shares are kept.
    ///
    /// # Errors
    /// [`Error::TooFewClasses`], [`Error::ClassWithoutPictures`].
    pub fn split_after(&self, share: f64, seed: u64, before: Option<&Split>) -> Result<Split> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut split = Split { classes: Vec::new(), train: Vec::new(), validation: Vec::new(), warnings: Vec::new() };
        let count = self.live_classes().count();
        if count < 2 {
            return Err(Error::TooFewClasses(count));
        }
        for (index, class) in self.live_classes() {
            let images = self.images_of(index);
            if images.is_empty() {
                return Err(Error::ClassWithoutPictures(class.name.clone()));
            }
            let label = split.classes.len();
            split.classes.push(class.name.clone());
            let before = before.map(|before| Before::of(before, &images)).unwrap_or_default();
            let held_out = self.held_out(&images, &before, share, &mut rng, &class.name, &mut split.warnings);
            for id in images {
                let part = if held_out.contains(&id) { &mut split.validation } else { &mut split.train };
                part.push(Labelled { id, label });
            }
        }
        if share > 0.0 && split.validation.is_empty() {
            split.warnings.push(Warning {
                code: "no_validation".into(),
                message: "There are too few pictures to hold any out, so how well the model does on new pictures is \
                          not known. Add more pictures to find out."
                    .into(),
            });
        }
        Ok(split)
    }

    /// Chooses the pictures of one class to hold out.
    fn held_out(
        &self,
        images: &[u32],
        before: &Before,
        share: f64,
        rng: &mut impl Rng,
        name: &str,
        warnings: &mut Vec<Warning>,
    ) -> Vec<u32> {
        // Whatever the share, one picture at least is left to train on.
        let wanted = ((images.len() as f64 * share).round() as usize).min(images.len() - 1);
        if wanted == 0 {
            return Vec::new();
        }
        let mut groups: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for &id in images {
            groups.entry(self.group_key(id)).or_default().push(id);
        }
        if !before.trained.is_empty() || !before.held_out.is_empty() {
            return self.held_out_after(groups, before, wanted, rng);
        }
        if groups.len() == 1 {
            // One recording only. Its last frames are held out, the ones least like the first; still too alike.
            warnings.push(Warning {
                code: "one_recording".into(),
                message: format!(
                    "All pictures of “{name}” come from one recording, so the validation accuracy flatters: its \
                     pictures are all alike. Record the class twice at least."
                ),
            });
            return images[images.len() - wanted..].to_vec();
        }
        let mut held_out = Vec::new();
        draw(groups.into_values().collect(), wanted, &mut held_out, rng);
        if held_out.is_empty() {
            warnings.push(Warning {
                code: "no_validation_for_class".into(),
                message: format!(
                    "The recordings of “{name}” are too long to hold one out, so none of its pictures validates. \
                     Record it in more, shorter takes."
                ),
            });
        }
        held_out
    }

    /// Chooses the pictures of one class to hold out where some were divided before.
    fn held_out_after(
        &self,
        groups: BTreeMap<String, Vec<u32>>,
        before: &Before,
        wanted: usize,
        rng: &mut impl Rng,
    ) -> Vec<u32> {
        let mut held_out = before.held_out.clone();
        let known = |id: &u32| before.trained.contains(id) || before.held_out.contains(id);
        // New frames of a recording that trained are too much like it; those of one that was held out stay with it.
        let (fresh, begun): (Vec<_>, Vec<_>) = groups.into_values().partition(|group| !group.iter().any(known));
        for group in begun {
            if !group.iter().any(|id| before.trained.contains(id)) {
                held_out.extend(group.into_iter().filter(|id| !before.held_out.contains(id)));
            }
        }
        draw(fresh, wanted, &mut held_out, rng);
        held_out
    }

    /// What keeps pictures together; the prefixes keep a picture without a group from falling into a group that is
    /// named like a number.
    fn group_key(&self, id: u32) -> String {
        match &self.samples[id as usize].group {
            Some(group) => format!("g{group}"),
            None => format!("i{id:010}"),
        }
    }

    fn live_classes(&self) -> impl Iterator<Item = (usize, &Class)> {
        self.classes.iter().enumerate().filter(|(_, class)| !class.removed)
    }

    fn images_of(&self, class: usize) -> Vec<u32> {
        let live = self.samples.iter().enumerate().filter(|(_, s)| s.class == class && !s.removed);
        live.map(|(id, _)| id as u32).collect()
    }

    fn class(&self, name: &str) -> Result<usize> {
        let name = name.trim();
        let found = self.live_classes().find(|(_, class)| class.name == name).map(|(index, _)| index);
        found.ok_or_else(|| Error::ClassUnknown(name.to_string()))
    }

    fn free_name(&self, name: &str, but: Option<usize>) -> Result<String> {
        let name = name.trim();
        if name.is_empty() {
            return Err(Error::ClassNameEmpty);
        }
        if self.live_classes().any(|(index, class)| class.name == name && Some(index) != but) {
            return Err(Error::ClassNameTaken(name.to_string()));
        }
        Ok(name.to_string())
    }

    fn sample_mut(&mut self, id: u32) -> Result<&mut Sample> {
        self.samples.get_mut(id as usize).ok_or(Error::ImageUnknown(id))
    }
}
