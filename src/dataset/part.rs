//! What pictures are there for: to learn from, or to test with.

use super::{ClassId, Dataset, Lineage};
use crate::error::Result;
use crate::identity::ContentHash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a picture is there for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// To learn from: it trains, or is held out to choose by.
    #[default]
    Learn,
    /// The test set: it never trains and nothing is ever chosen by it, so what it measures is honest.
    Test,
}

impl Part {
    /// Whether it is for learning.
    pub fn is_learn(&self) -> bool {
        *self == Self::Learn
    }
}

/// Where a picture belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Its class.
    pub class: ClassId,
    /// Its capture group; see [`super::Sample::group`].
    pub group: Option<String>,
    /// What it is there for.
    pub part: Part,
}

impl Home {
    /// That of a picture to learn from.
    pub fn to_learn(class: ClassId, group: Option<String>) -> Self {
        Self { class, group, part: Part::Learn }
    }

    /// That of a picture of the test set.
    pub fn to_test(class: ClassId, group: Option<String>) -> Self {
        Self { class, group, part: Part::Test }
    }
}

impl Dataset {
    /// Puts a picture into the test set or takes it out of there.
    ///
    /// # Errors
    /// [`crate::Error::ImageUnknown`].
    pub fn set_part(&mut self, id: u32, part: Part) -> Result<()> {
        self.sample_mut(id)?.part = part;
        Ok(())
    }

    /// The class that a picture is shown in, and what it is there for; none where it or its class is removed.
    pub fn place_of(&self, id: u32) -> Option<(ClassId, Part)> {
        let class = self.class_of(id)?;
        self.sample(id).ok().map(|sample| (class, sample.part))
    }

    /// The test set: its pictures that are shown, with their classes.
    pub fn test_pictures(&self) -> impl Iterator<Item = (u32, ClassId)> {
        let shown = |(id, _)| Some((id, self.class_of(id)?));
        self.samples().filter(|(_, sample)| sample.part == Part::Test).filter_map(shown)
    }

    /// Pictures of the test set that say nothing of how a model does on new ones: those that trained it or that it was
    /// chosen by, and near-copies of such, through whatever other pictures they are related.
    pub fn leaks(&self, model: &Lineage) -> BTreeSet<u32> {
        let knows = |content: &ContentHash| model.trained.contains(content) || model.held_out.contains(content);
        let known = self.kin(|_| true).into_iter().filter(|kin| kin.contents.iter().any(knows));
        let is_test = |id: &u32| self.sample(*id).is_ok_and(|sample| sample.part == Part::Test);
        known.flat_map(|kin| kin.ids).filter(is_test).collect()
    }
}
