//! The model of a project: what it tells apart, how it came about, and which pictures it has seen.

use crate::backbone::Backbone;
use crate::classifier::{Classifier, ModelClass};
use crate::dataset::{Class, ClassId, Dataset, Labelled, Lineage};
use crate::error::{Error, Result};
use crate::head::HeadKind;
use crate::identity::ContentHash;
use crate::image::Preparation;
use crate::report::TrainReport;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A trained or loaded model.
pub(super) struct Model {
    pub classifier: Classifier,
    pub report: Option<TrainReport>,
    pub lineage: Lineage,
    /// Pictures that were held out from its training, to measure it on; none of a model from a file.
    pub held_out: Vec<HeldOut>,
}

/// A picture that was held out, and what it was: its number may be another picture's later.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct HeldOut {
    #[serde(flatten)]
    pub picture: Labelled,
    pub content: ContentHash,
}

impl Model {
    /// Gives a class another name: the label changes, the weights need not.
    pub(super) fn rename_class(&mut self, id: ClassId, to: &str) {
        for label in self.classifier.labels.iter_mut().filter(|label| label.id == Some(id)) {
            label.name = to.to_string();
        }
        if let Some(report) = &mut self.report {
            report.rename_class(id, to);
        }
    }

    /// The classes of a dataset in the order of the model's outputs. Those of a model from a file are found by their
    /// names.
    ///
    /// # Errors
    /// [`Error::ModelClassesDiffer`] where the dataset has not just these classes.
    fn classes_in(&self, dataset: &Dataset) -> Result<Vec<ClassId>> {
        let live: Vec<_> = dataset.live_classes().collect();
        let found = |label: &ModelClass| {
            let same = |class: &&&Class| match label.id {
                Some(id) => class.id == id,
                None => class.name == label.name,
            };
            live.iter().find(same).map(|class| class.id)
        };
        let classes: Option<Vec<ClassId>> = self.classifier.labels.iter().map(found).collect();
        let distinct = |classes: &Vec<ClassId>| classes.iter().collect::<BTreeSet<_>>().len() == live.len();
        let classes = classes.filter(|classes| classes.len() == live.len() && distinct(classes));
        classes.ok_or_else(|| Error::ModelClassesDiffer(self.classifier.names().join(", ")))
    }

    /// The classes in the order of the model's outputs, where training can go on from it with this head beside this
    /// backbone.
    ///
    /// # Errors
    /// [`Error::ModelClassesDiffer`], [`Error::ModelHeadDiffers`], [`Error::ModelPreparesOtherwise`],
    /// [`Error::ModelBackboneDiffers`].
    pub(super) fn can_go_on(&self, dataset: &Dataset, head: HeadKind, present: &Backbone) -> Result<Vec<ClassId>> {
        let classes = self.classes_in(dataset)?;
        let Classifier { head: own, backbone, .. } = &self.classifier;
        if self.preparation() != present.card().preprocess().preparation() {
            return Err(Error::ModelPreparesOtherwise);
        }
        if !alike(backbone, present) {
            return Err(Error::ModelBackboneDiffers(backbone.card().architecture.clone()));
        }
        if !own.is_of(head, backbone.card().num_features, classes.len()) {
            return Err(Error::ModelHeadDiffers(own.describe()));
        }
        Ok(classes)
    }

    /// How it wants its pictures.
    pub(super) fn preparation(&self) -> Preparation {
        self.classifier.embedder.preprocess().preparation()
    }

    /// Its backbone.
    pub(super) fn backbone(&self) -> &Arc<Backbone> {
        &self.classifier.backbone
    }
}

/// Whether one backbone can be the other fine-tuned: as many stages, with activations of the same shapes between them.
fn alike(one: &Backbone, other: &Backbone) -> bool {
    let shapes = |of: &Backbone| (0..=of.depth()).map(|boundary| of.shape_at(boundary)).collect::<Vec<_>>();
    shapes(one) == shapes(other)
}
