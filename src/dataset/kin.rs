//! Which pictures belong together: frames of one recording, and copies of one picture.

use super::{Dataset, Sample};
use crate::identity::ContentHash;
use std::collections::{BTreeMap, HashMap};

/// Pictures that are near-copies of each other, directly or through others, whatever class they are in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Kin {
    /// Their numbers, rising.
    pub ids: Vec<u32>,
    /// What they are.
    pub contents: Vec<ContentHash>,
}

impl Dataset {
    /// Some of the pictures in families of near-copies, in the order of their first picture. Removed pictures count: a
    /// frame of a recording is no new picture because the others were deleted.
    pub(super) fn kin(&self, among: impl Fn(&Sample) -> bool) -> Vec<Kin> {
        let samples: Vec<(u32, &Sample)> = self.samples().filter(|(_, sample)| among(sample)).collect();
        let mut parents: Vec<usize> = (0..samples.len()).collect();
        let mut first_of_group: HashMap<&str, usize> = HashMap::new();
        let mut first_of_content: HashMap<ContentHash, usize> = HashMap::new();
        for (index, (_, sample)) in samples.iter().enumerate() {
            let group = sample.group.as_deref().map(|group| *first_of_group.entry(group).or_insert(index));
            let equal = *first_of_content.entry(sample.content).or_insert(index);
            for other in group.into_iter().chain([equal]) {
                let (a, b) = (root(&mut parents, index), root(&mut parents, other));
                // The earlier picture leads, so that the families come in the order of their first picture.
                parents[a.max(b)] = a.min(b);
            }
        }
        let mut families: BTreeMap<usize, Kin> = BTreeMap::new();
        for (index, (id, sample)) in samples.iter().enumerate() {
            let family = families.entry(root(&mut parents, index)).or_default();
            family.ids.push(*id);
            family.contents.push(sample.content);
        }
        families.into_values().collect()
    }
}

/// The leader of a picture's family (union-find with path halving).
fn root(parents: &mut [usize], mut index: usize) -> usize {
    while parents[index] != index {
        parents[index] = parents[parents[index]];
        index = parents[index];
    }
    index
}
