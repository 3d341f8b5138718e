//! What a model has seen: it outlives splits, deletions and further trainings.

use crate::identity::ContentHash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The pictures that trained a model, or one that it goes on from, by what they are: a picture that is deleted, forgotten
/// and added again is still one that the model knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// Pictures that trained it.
    pub trained: BTreeSet<ContentHash>,
    /// Pictures that were held out and never trained it.
    pub held_out: BTreeSet<ContentHash>,
    /// Whether it, or one that it goes on from, came from a file that does not tell which pictures it has seen.
    pub unknown: bool,
}

impl Lineage {
    /// That of a model from a file.
    pub fn of_a_file() -> Self {
        Self { unknown: true, ..Self::default() }
    }

    /// That of a model that goes on from this one's, trained on some pictures while others were held out.
    pub fn after(
        &self,
        trained: impl IntoIterator<Item = ContentHash>,
        held_out: impl IntoIterator<Item = ContentHash>,
    ) -> Self {
        let mut after = self.clone();
        after.trained.extend(trained);
        after.held_out.extend(held_out);
        after.held_out = &after.held_out - &after.trained;
        after
    }
}
