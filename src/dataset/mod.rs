//! Classes and pictures by their numbers, and the split into training and validation pictures that is made once for a
//! run.
//!
//! A class or a picture is known by its id alone; a class's name is a label on it that may change. Ids are never given
//! twice: a class that is deleted and made again is another class.

mod kin;
mod lineage;
mod part;
mod split;

pub use lineage::Lineage;
pub use part::{Home, Part};
pub use split::{Labelled, Split, Warning};

use crate::error::{Error, Result};
use crate::identity::ContentHash;
use crate::image::{Crop, Picture, Preparation};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Number of a class, stable for the life of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct ClassId(pub u32);

impl fmt::Display for ClassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// Its number.
    pub id: ClassId,
    /// What a person calls it.
    pub name: String,
    /// Whether it is hidden with its pictures.
    pub removed: bool,
    /// The class that has its pictures since it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<ClassId>,
}

/// One picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Its class.
    pub class: ClassId,
    /// Capture group: pictures of one group (the frames of one recording) never straddle the split.
    pub group: Option<String>,
    /// What it is there for.
    #[serde(default, skip_serializing_if = "Part::is_learn")]
    pub part: Part,
    /// What the picture is, whatever it is prepared for: equal pictures never straddle the split either.
    pub content: ContentHash,
    /// Whether it is hidden.
    pub removed: bool,
    /// The picture itself, ready for the backbone. None where it was forgotten, or where its pixels are still to come
    /// because a project was opened without them or the backbone is another now: such a picture takes no part in
    /// anything until it is there again.
    #[serde(skip)]
    pub crop: Option<Crop>,
    /// The picture as a backbone before wanted it, prepared in another way: going back needs nothing else.
    #[serde(skip)]
    pub earlier: Option<(Preparation, Crop)>,
    /// Whether its pixels cannot be had for the present backbone: nobody waits for them.
    #[serde(skip)]
    pub unreadable: bool,
}

impl Sample {
    /// Its pixels in one preparation, where `present` is that of the backbone that there is.
    pub fn prepared(&self, preparation: Preparation, present: Preparation) -> Option<&Crop> {
        if preparation == present {
            return self.crop.as_ref();
        }
        self.earlier.as_ref().filter(|(of, _)| *of == preparation).map(|(_, crop)| crop)
    }

    /// Whether anything is left of what is on it.
    pub fn has_pixels(&self) -> bool {
        self.crop.is_some() || self.earlier.is_some()
    }

    /// Whether its pixels are to come since the backbone was changed.
    fn is_awaited(&self) -> bool {
        self.crop.is_none() && self.earlier.is_some() && !self.unreadable
    }
}

/// A class with its pictures, for display.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct ClassSummary {
    /// Its number.
    pub id: ClassId,
    /// Its name.
    pub name: String,
    /// Numbers of the pictures that it is learned from, rising.
    pub images: Vec<u32>,
    /// Numbers of its pictures in the test set, rising.
    pub test: Vec<u32>,
}

/// Classes and pictures. Removing only hides, so that every removal can be undone, until a picture is forgotten.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    classes: Vec<Class>,
    samples: BTreeMap<u32, Sample>,
    next_class: u32,
    next_image: u32,
}

impl Dataset {
    /// Adds a class at the end and gives its number.
    ///
    /// # Errors
    /// [`Error::ClassNameEmpty`], [`Error::ClassNameTaken`].
    pub fn add_class(&mut self, name: &str) -> Result<ClassId> {
        let id = ClassId(self.next_class);
        self.add_class_as(id, name)?;
        Ok(id)
    }

    /// Adds a class under a number of the caller's choice.
    ///
    /// # Errors
    /// [`Error::IdTaken`], [`Error::ClassNameEmpty`], [`Error::ClassNameTaken`].
    pub fn add_class_as(&mut self, id: ClassId, name: &str) -> Result<()> {
        // The largest number has no next one, and none is ever given twice.
        if id.0 == u32::MAX || self.classes.iter().any(|class| class.id == id) {
            return Err(Error::IdTaken(id.0));
        }
        let name = self.free_name(name, None)?;
        self.classes.push(Class { id, name, removed: false, merged_into: None });
        self.next_class = self.next_class.max(id.0 + 1);
        Ok(())
    }

    /// Gives a class another name, a removed one too.
    ///
    /// # Errors
    /// [`Error::ClassUnknown`], [`Error::ClassNameEmpty`], [`Error::ClassNameTaken`].
    pub fn rename_class(&mut self, id: ClassId, to: &str) -> Result<()> {
        let index = self.index_of(id)?;
        self.classes[index].name = self.free_name(to, Some(id))?;
        Ok(())
    }

    /// Hides a class and its pictures.
    ///
    /// # Errors
    /// [`Error::ClassUnknown`].
    pub fn remove_class(&mut self, id: ClassId) -> Result<()> {
        self.live(id)?;
        let index = self.index_of(id)?;
        self.classes[index].removed = true;
        Ok(())
    }

    /// Whether a class is removed, and so is what it was merged into, if it was.
    pub(crate) fn is_gone(&self, id: ClassId) -> bool {
        let removed = |id: ClassId| self.classes.iter().find(|class| class.id == id && class.removed);
        let mut class = removed(id);
        // As often as there are classes: a file may say that two were merged into each other.
        for _ in &self.classes {
            match class {
                Some(Class { merged_into: Some(into), .. }) => class = removed(*into),
                _ => break,
            }
        }
        class.is_some()
    }

    /// Brings a removed class back, with the pictures that it had.
    ///
    /// # Errors
    /// [`Error::ClassUnknown`] where it is not there or not removed, [`Error::ClassNameTaken`] where its name is in use
    /// again.
    pub fn restore_class(&mut self, id: ClassId) -> Result<()> {
        let index = self.index_of(id)?;
        let class = &self.classes[index];
        if !class.removed {
            return Err(Error::ClassUnknown(class.name.clone()));
        }
        self.free_name(&class.name, None)?;
        (self.classes[index].removed, self.classes[index].merged_into) = (false, None);
        Ok(())
    }

    /// The class of this name.
    ///
    /// # Errors
    /// [`Error::ClassUnknown`].
    pub fn class_named(&self, name: &str) -> Result<ClassId> {
        let name = name.trim();
        let found = self.live_classes().find(|class| class.name == name);
        found.map(|class| class.id).ok_or_else(|| Error::ClassUnknown(name.to_string()))
    }

    /// The class of this name that was made last among those that are removed.
    ///
    /// # Errors
    /// [`Error::ClassUnknown`].
    pub fn removed_class_named(&self, name: &str) -> Result<ClassId> {
        let name = name.trim();
        let found = self.classes.iter().rev().find(|class| class.removed && class.name == name);
        found.map(|class| class.id).ok_or_else(|| Error::ClassUnknown(name.to_string()))
    }

    /// What a class is called, removed or not; its number where there is none.
    pub fn name_of(&self, id: ClassId) -> String {
        self.classes.iter().find(|class| class.id == id).map_or_else(|| id.to_string(), |class| class.name.clone())
    }

    /// Adds a picture to learn from and gives its number.
    ///
    /// # Errors
    /// [`Error::ClassUnknown`].
    pub fn add_image(&mut self, class: ClassId, picture: Picture, group: Option<String>) -> Result<u32> {
        self.add_picture(None, Home::to_learn(class, group), picture)
    }

    /// The same under a number of the caller's choice; see [`Dataset::add_picture`].
    ///
    /// # Errors
    /// [`Error::IdTaken`], [`Error::ClassUnknown`].
    pub fn add_image_as(&mut self, id: u32, class: ClassId, picture: Picture, group: Option<String>) -> Result<()> {
        self.add_picture(Some(id), Home::to_learn(class, group), picture).map(drop)
    }

    /// Adds a picture under a number of the caller's choice or the next free one, which it gives. Where a picture of this
    /// number is shown whose pixels are missing, it gets them and stays where it is, and the picture that it was: another
    /// decoder may have read its file. One that was removed too is shown again, where it is told to; if they are the pixels
    /// of another picture, it is that one from now on. Pixels are kept as they are given: see [`Crop::packed`].
    ///
    /// # Errors
    /// [`Error::IdTaken`], [`Error::ClassUnknown`].
    pub fn add_picture(&mut self, id: Option<u32>, home: Home, picture: Picture) -> Result<u32> {
        let Home { class, group, part } = home;
        self.can_add(class, id)?;
        let id = id.unwrap_or(self.next_image);
        let Picture { content, crop } = self.known(id, picture);
        let crop = Some(crop);
        if let Some(sample) = self.samples.get_mut(&id) {
            if sample.removed {
                (sample.class, sample.group, sample.part, sample.removed) = (class, group, part, false);
            }
            if sample.content != content {
                (sample.content, sample.earlier) = (content, None);
            }
            sample.crop = crop;
            return Ok(id);
        }
        let sample = Sample { class, group, part, content, removed: false, crop, earlier: None, unreadable: false };
        self.samples.insert(id, sample);
        self.next_image = self.next_image.max(id + 1);
        Ok(id)
    }

    /// The picture as it is known under a number: where that is shown already and lacks its pixels only, it is the picture
    /// that it was.
    pub(crate) fn known(&self, id: u32, picture: Picture) -> Picture {
        let known = self.samples.get(&id).filter(|sample| sample.crop.is_none() && !sample.removed);
        let content = known.map_or(picture.content, |sample| sample.content);
        Picture { content, ..picture }
    }

    /// Whether a picture can be added to a class under a number, or under the next free one.
    ///
    /// # Errors
    /// As [`Dataset::add_image_as`].
    pub fn can_add(&self, class: ClassId, id: Option<u32>) -> Result<()> {
        match id.and_then(|id| Some((id, self.samples.get(&id)?))) {
            // One that is shown keeps its class; one that was removed comes into the given one.
            Some((_, sample)) if sample.crop.is_none() && !sample.removed => return Ok(()),
            Some((_, sample)) if sample.crop.is_none() => return self.live(class).map(|_| ()),
            Some((id, _)) => return Err(Error::IdTaken(id)),
            None => {}
        }
        // The largest number has no next one, and none is ever given twice.
        match id.unwrap_or(self.next_image) {
            u32::MAX => Err(Error::IdTaken(u32::MAX)),
            _ => self.live(class).map(|_| ()),
        }
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
    /// [`Error::ImageUnknown`], also where it was forgotten.
    pub fn restore_image(&mut self, id: u32) -> Result<()> {
        let sample = self.sample_mut(id)?;
        if sample.removed && !sample.has_pixels() {
            return Err(Error::ImageUnknown(id));
        }
        sample.removed = false;
        Ok(())
    }

    /// Hides a picture and lets go of its pixels; gives what it was. That it was there is remembered: it may have trained
    /// the model.
    pub(crate) fn forget_image(&mut self, id: u32) -> Option<ContentHash> {
        let sample = self.samples.get_mut(&id)?;
        (sample.removed, sample.crop, sample.earlier) = (true, None, None);
        Some(sample.content)
    }

    /// Moves a picture to another class.
    ///
    /// # Errors
    /// [`Error::ImageUnknown`], [`Error::ClassUnknown`].
    pub fn move_image(&mut self, id: u32, class: ClassId) -> Result<()> {
        self.live(class)?;
        self.sample_mut(id)?.class = class;
        Ok(())
    }

    /// Puts all pictures of a class into another, removed ones too, and removes the first.
    ///
    /// # Errors
    /// [`Error::ClassUnknown`].
    pub fn merge_classes(&mut self, from: ClassId, into: ClassId) -> Result<()> {
        self.live(from)?;
        self.live(into)?;
        if from == into {
            return Ok(());
        }
        self.samples.values_mut().filter(|sample| sample.class == from).for_each(|sample| sample.class = into);
        self.remove_class(from)?;
        let index = self.index_of(from)?;
        self.classes[index].merged_into = Some(into);
        Ok(())
    }

    /// The picture of this number, removed or not.
    ///
    /// # Errors
    /// [`Error::ImageUnknown`].
    pub fn sample(&self, id: u32) -> Result<&Sample> {
        self.samples.get(&id).ok_or(Error::ImageUnknown(id))
    }

    /// All pictures with their numbers, removed or not.
    pub fn samples(&self) -> impl Iterator<Item = (u32, &Sample)> {
        self.samples.iter().map(|(id, sample)| (*id, sample))
    }

    /// The class that a picture is shown in; none where it or its class is removed.
    pub fn class_of(&self, id: u32) -> Option<ClassId> {
        let sample = self.samples.get(&id).filter(|sample| !sample.removed)?;
        self.live(sample.class).ok().map(|class| class.id)
    }

    /// The classes in order with their pictures, without what was removed.
    pub fn classes(&self) -> Vec<ClassSummary> {
        let mut images: BTreeMap<(ClassId, Part), Vec<u32>> = BTreeMap::new();
        for (id, sample) in self.samples.iter().filter(|(_, sample)| !sample.removed) {
            images.entry((sample.class, sample.part)).or_default().push(*id);
        }
        let mut of = |class, part| images.remove(&(class, part)).unwrap_or_default();
        let summary = |class: &Class| ClassSummary {
            id: class.id,
            name: class.name.clone(),
            images: of(class.id, Part::Learn),
            test: of(class.id, Part::Test),
        };
        self.classes.iter().filter(|class| !class.removed).map(summary).collect()
    }

    /// Pictures that can train, by class: those to learn from that are neither removed nor without pixels.
    pub fn usable(&self) -> BTreeMap<ClassId, Vec<u32>> {
        let live: BTreeSet<ClassId> = self.live_classes().map(|class| class.id).collect();
        let mut usable: BTreeMap<ClassId, Vec<u32>> = live.iter().map(|id| (*id, Vec::new())).collect();
        let can_train = |sample: &Sample| sample.part.is_learn() && !sample.removed && sample.crop.is_some();
        for (id, sample) in self.samples.iter().filter(|(_, sample)| can_train(sample)) {
            if let Some(images) = usable.get_mut(&sample.class) {
                images.push(*id);
            }
        }
        usable
    }

    /// Classes that are not removed, in order.
    pub fn live_classes(&self) -> impl Iterator<Item = &Class> {
        self.classes.iter().filter(|class| !class.removed)
    }

    /// Gives a picture its pixels in one preparation; it stays the picture that it was. `present` is the preparation of
    /// the backbone that there is.
    ///
    /// # Errors
    /// [`Error::ImageUnknown`].
    pub(crate) fn give_pixels(&mut self, id: u32, crop: Crop, of: Preparation, present: Preparation) -> Result<()> {
        let sample = self.sample_mut(id)?;
        if of == present {
            sample.crop = Some(crop);
        } else {
            sample.earlier = Some((of, crop));
        }
        Ok(())
    }

    /// Keeps the pixels of a picture in less memory, where there are any.
    pub(crate) fn pack(&mut self, id: u32) {
        if let Some(sample) = self.samples.get_mut(&id) {
            sample.crop = sample.crop.take().map(Crop::packed);
            sample.earlier = sample.earlier.take().map(|(of, crop)| (of, crop.packed()));
        }
    }

    /// Makes ready for a backbone that wants pictures in another way: each keeps its pixels as they were before, and has
    /// those of the new one where these were kept.
    pub(crate) fn prepare_for(&mut self, to: Preparation, from: Preparation) {
        // What is half done is no better a place to go back to than what was whole.
        let unfinished = self.awaited() > 0;
        for sample in self.samples.values_mut() {
            sample.unreadable = false;
            if to == from {
                continue;
            }
            let present = sample.crop.take().map(|crop| (from, crop));
            match sample.earlier.take() {
                Some((of, crop)) if of == to => (sample.crop, sample.earlier) = (Some(crop), present),
                earlier if unfinished => sample.earlier = earlier.or(present),
                earlier => sample.earlier = present.or(earlier),
            }
        }
    }

    /// Gives up waiting for the pixels of a picture.
    ///
    /// # Errors
    /// [`Error::ImageUnknown`].
    pub(crate) fn leave_out(&mut self, id: u32) -> Result<()> {
        self.sample_mut(id)?.unreadable = true;
        Ok(())
    }

    /// How many pictures to learn from that are shown wait for their pixels since the backbone was changed. Nothing waits
    /// for those of the test set: a test that lacks some says so.
    pub fn awaited(&self) -> usize {
        let shown = |sample: &&Sample| sample.part.is_learn() && !sample.removed && self.live(sample.class).is_ok();
        self.samples.values().filter(|sample| sample.is_awaited()).filter(shown).count()
    }

    /// Pictures that wait for their pixels since the backbone was changed, first those that are shown.
    pub(crate) fn awaiting(&self) -> Vec<u32> {
        let awaited = self.samples.iter().filter(|(_, sample)| sample.is_awaited()).map(|(id, _)| *id);
        let (mut shown, hidden): (Vec<u32>, Vec<u32>) = awaited.partition(|id| self.class_of(*id).is_some());
        shown.extend(hidden);
        shown
    }

    /// Whether what was read from a file holds together: names, numbers, and every picture's class.
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        let mut ids = BTreeSet::new();
        let mut names = BTreeSet::new();
        for class in &self.classes {
            if !ids.insert(class.id) || class.id.0 >= self.next_class {
                return Err(format!("the class number {} does not fit", class.id));
            }
            let name = class.name.trim();
            if name.is_empty() || name != class.name || (!class.removed && !names.insert(name)) {
                return Err(format!("the class name “{}” is empty, padded or there twice", class.name));
            }
        }
        match self.samples.iter().find(|(id, sample)| **id >= self.next_image || !ids.contains(&sample.class)) {
            Some((id, _)) => Err(format!("the picture number {id} does not fit")),
            None => Ok(()),
        }
    }

    fn live(&self, id: ClassId) -> Result<&Class> {
        self.live_classes().find(|class| class.id == id).ok_or_else(|| Error::ClassUnknown(self.name_of(id)))
    }

    fn index_of(&self, id: ClassId) -> Result<usize> {
        let found = self.classes.iter().position(|class| class.id == id);
        found.ok_or_else(|| Error::ClassUnknown(id.to_string()))
    }

    fn free_name(&self, name: &str, but: Option<ClassId>) -> Result<String> {
        let name = name.trim();
        if name.is_empty() {
            return Err(Error::ClassNameEmpty);
        }
        if self.live_classes().any(|class| class.name == name && Some(class.id) != but) {
            return Err(Error::ClassNameTaken(name.to_string()));
        }
        Ok(name.to_string())
    }

    fn sample_mut(&mut self, id: u32) -> Result<&mut Sample> {
        self.samples.get_mut(&id).ok_or(Error::ImageUnknown(id))
    }
}
