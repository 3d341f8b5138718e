//! Which backbone another one came from, so that a saved model can say so, or refer to it instead of holding it.

use super::array::Array;
use super::{Backbone, Card, Weights, architectures};
use crate::error::{Error, Result};
use crate::identity::{ContentHash, Hasher};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A backbone as others find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The name of its folder.
    pub name: String,
    /// What it is: [`Backbone::content`].
    pub hash: ContentHash,
}

/// Where a backbone came from, and what has become of it since.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Origin {
    reference: Reference,
    /// Tensors that training has changed since; none where that is not known.
    changed: Option<BTreeSet<String>>,
}

impl Origin {
    pub(super) fn change(mut self, names: impl IntoIterator<Item = String>) -> Self {
        if let Some(changed) = &mut self.changed {
            changed.extend(names);
        }
        self
    }
}

impl Reference {
    /// Whether the name is one of a folder and leads nowhere else: files come from anywhere.
    pub(crate) fn is_plain(&self) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        !self.name.is_empty() && !self.name.starts_with('.') && self.name.chars().all(plain)
    }
}

impl Backbone {
    /// What it is by content: all tensors by their names, and how its pictures are prepared. Whoever has a backbone of
    /// this content computes the same in the same arithmetic, in this version and in later ones.
    pub fn content(&self) -> ContentHash {
        self.content
    }

    /// The same backbone, known by the name of its folder; a name that could not be read again is none.
    pub fn named(self, name: &str) -> Self {
        let reference = Reference { name: name.to_string(), hash: self.content };
        let origin = reference.is_plain().then(|| Origin { reference, changed: Some(BTreeSet::new()) });
        Self { origin, ..self }
    }

    /// The backbone that it is or came from, where that has a name.
    pub fn reference(&self) -> Option<&Reference> {
        self.origin.as_ref().map(|origin| &origin.reference)
    }

    /// The same backbone, which says of itself that it came from another one.
    pub(crate) fn that_came_from(self, reference: Option<Reference>) -> Self {
        let changed = |reference: &Reference| (reference.hash == self.content).then(BTreeSet::new);
        let origin = reference.map(|reference| Origin { changed: changed(&reference), reference });
        Self { origin, ..self }
    }

    /// The same backbone; where it came from that other one, it is known from then on what was changed.
    pub(crate) fn compared_with(mut self, other: &Self) -> Self {
        if let Some(origin) = self.origin.as_mut().filter(|origin| origin.reference.hash == other.content) {
            let same = |name: &str, array: &Array| other.weights.find(name).is_some_and(|own| own.data == array.data);
            let changed = self.weights.iter().filter(|(name, array)| !same(name, array));
            origin.changed = Some(changed.map(|(name, _)| name.to_string()).collect());
        }
        self
    }

    /// The tensors that whoever has the backbone of its [`Backbone::reference`] needs to make this one of it.
    ///
    /// # Errors
    /// [`Error::ModelBackboneUnnamed`] where it came from none with a name, or is not known what was changed since.
    pub(crate) fn changed(&self) -> Result<Vec<(&str, &Array)>> {
        let changed = self.origin.as_ref().and_then(|origin| origin.changed.as_ref());
        let changed = changed.ok_or(Error::ModelBackboneUnnamed)?;
        Ok(self.weights.iter().filter(|(name, _)| changed.contains(*name)).collect())
    }

    /// The backbone with the tensors that [`Backbone::changed`] gave.
    ///
    /// # Errors
    /// The `BackboneTensor…` errors for tensors that are not its own.
    pub(crate) fn with_changed(&self, tensors: BTreeMap<String, Array>) -> Result<Self> {
        let names: Vec<String> = tensors.keys().cloned().collect();
        let weights = self.weights.with(tensors, &architectures::of(&self.card.to_file())?)?;
        let changed = Self::of(self.card.clone(), self.stages.clone(), self.shapes.clone(), weights)?;
        Ok(Self { origin: self.origin.clone().map(|origin| origin.change(names)), ..changed })
    }
}

/// The hash of each tensor's values.
pub(super) fn tensors(weights: &Weights) -> BTreeMap<&str, ContentHash> {
    let hash = |array: &Array| {
        let mut hasher = Hasher::new();
        hasher.floats(&array.data);
        hasher.end()
    };
    weights.iter().map(|(name, array)| (name, hash(array))).collect()
}

/// How pictures are prepared.
pub(super) fn preparation(card: &Card) -> ContentHash {
    let mut hasher = Hasher::new();
    hasher.bytes(format!("{} {}", card.input_size, card.interpolation.name()).as_bytes());
    hasher.floats(&card.mean);
    hasher.floats(&card.std);
    hasher.bytes(&card.crop_pct.to_le_bytes());
    hasher.end()
}

/// See [`Backbone::content`].
pub(super) fn content(preparation: ContentHash, tensors: &BTreeMap<&str, ContentHash>) -> ContentHash {
    let mut hasher = Hasher::new();
    hasher.hash(preparation);
    for (name, hash) in tensors {
        hasher.bytes(format!("{name}\n").as_bytes());
        hasher.hash(*hash);
    }
    hasher.end()
}
