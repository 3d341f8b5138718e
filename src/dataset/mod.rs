//! Classes and pictures by their numbers, and the split into training and validation pictures that is made once for a
//! run.
//!
//! A class or a picture is known by its id alone; a class's name is a label on it that may change. Ids are never given
//! twice: a class that is deleted and made again is another class.

mod kin;
mod lineage;
mod split;

pub use lineage::Lineage;
pub use split::{Labelled, Split, Warning};

use crate::error::{Error, Result};
use crate::identity::ContentHash;
use crate::image::Crop;
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
}

/// One picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Its class.
    pub class: ClassId,
    /// Capture group: pictures of one group (the frames of one recording) never straddle the split.
    pub group: Option<String>,
    /// What the picture is, by its crop: equal pictures never straddle the split either.
    pub content: ContentHash,
    /// Whether it is hidden.
    pub removed: bool,
    /// The picture itself, ready for the backbone. None where it was forgotten, or where a project was opened of which
    /// the pictures are still to come: such a picture takes no part in anything until it is there again.
    #[serde(skip)]
    pub crop: Option<Crop>,
}

/// A class with its pictures, for display.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct ClassSummary {
    /// Its number.
    pub id: ClassId,
    /// Its name.
    pub name: String,
    /// Numbers of its pictures, rising.
    pub images: Vec<u32>,
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
        self.classes.push(Class { id, name, removed: false });
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
        self.classes[index].removed = false;
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

    /// Adds a picture and gives its number.
    ///
    /// # Errors
    /// [`Error::ClassUnknown`].
    pub fn add_image(&mut self, class: ClassId, crop: Crop, group: Option<String>) -> Result<u32> {
        let id = self.next_image;
        self.add_image_as(id, class, crop, group)?;
        Ok(id)
    }

    /// Adds a picture under a number of the caller's choice. Where a picture of this number is known whose pixels are
    /// missing, it gets them and keeps its class and group; one that was removed too is shown again, in the class and
    /// group that it is given. If they are the pixels of another picture, it is that one from now on.
    ///
    /// # Errors
    /// [`Error::IdTaken`], [`Error::ClassUnknown`].
    pub fn add_image_as(&mut self, id: u32, class: ClassId, crop: Crop, group: Option<String>) -> Result<()> {
        self.can_add(class, Some(id))?;
        let content = crop.content();
        if let Some(sample) = self.samples.get_mut(&id) {
            if sample.removed {
                (sample.class, sample.group, sample.removed) = (class, group, false);
            }
            (sample.content, sample.crop) = (content, Some(crop));
            return Ok(());
        }
        self.samples.insert(id, Sample { class, group, content, removed: false, crop: Some(crop) });
        self.next_image = self.next_image.max(id + 1);
        Ok(())
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
        if sample.removed && sample.crop.is_none() {
            return Err(Error::ImageUnknown(id));
        }
        sample.removed = false;
        Ok(())
    }

    /// Hides a picture and lets go of its pixels; gives what it was. That it was there is remembered: it may have trained
    /// the model.
    pub(crate) fn forget_image(&mut self, id: u32) -> Option<ContentHash> {
        let sample = self.samples.get_mut(&id)?;
        (sample.removed, sample.crop) = (true, None);
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
        let mut images: BTreeMap<ClassId, Vec<u32>> = BTreeMap::new();
        for (id, sample) in self.samples.iter().filter(|(_, sample)| !sample.removed) {
            images.entry(sample.class).or_default().push(*id);
        }
        let summary = |class: &Class| ClassSummary {
            id: class.id,
            name: class.name.clone(),
            images: images.remove(&class.id).unwrap_or_default(),
        };
        self.classes.iter().filter(|class| !class.removed).map(summary).collect()
    }

    /// Pictures that can train, by class: those that are neither removed nor without pixels.
    pub fn usable(&self) -> BTreeMap<ClassId, Vec<u32>> {
        let live: BTreeSet<ClassId> = self.live_classes().map(|class| class.id).collect();
        let mut usable: BTreeMap<ClassId, Vec<u32>> = live.iter().map(|id| (*id, Vec::new())).collect();
        for (id, sample) in self.samples.iter().filter(|(_, sample)| !sample.removed && sample.crop.is_some()) {
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

    /// Gives some pictures their pixels, by what they are.
    pub(crate) fn give_pixels(&mut self, ids: &[u32], crop: impl Fn(ContentHash) -> Option<Crop>) {
        for id in ids {
            if let Some(sample) = self.samples.get_mut(id) {
                sample.crop = crop(sample.content);
            }
        }
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
