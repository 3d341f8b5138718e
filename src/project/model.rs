//! The model of a project: what it tells apart, how it came about, and which pictures it has seen.

use crate::backbone::Backbone;
use crate::bundle;
use crate::classifier::{Classifier, ModelClass};
use crate::dataset::{Class, ClassId, Dataset, Labelled, Lineage};
use crate::error::{Error, Result};
use crate::head::{Head, HeadKind};
use crate::identity::ContentHash;
use crate::image::Preparation;
use crate::report::TrainReport;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A trained or loaded model.
pub(super) struct Model {
    /// As it was trained.
    pub classifier: Classifier,
    /// What answers instead, where some of its classes were removed since.
    reduced: Option<Classifier>,
    pub report: Option<TrainReport>,
    pub lineage: Lineage,
    /// Pictures that were held out from its training, to measure it on; none of a model from a file.
    pub held_out: Vec<HeldOut>,
}

/// What a training goes on from.
pub(super) struct Onward {
    /// The classes, in the order of the head's outputs.
    pub classes: Vec<ClassId>,
    /// The head.
    pub head: Head,
    /// Whether some of its outputs are of classes that the model did not know.
    pub grown: bool,
}

/// A picture that was held out, and what it was: its number may be another picture's later.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct HeldOut {
    #[serde(flatten)]
    pub picture: Labelled,
    pub content: ContentHash,
}

impl Model {
    /// A model that tells apart what it was trained to.
    pub(super) fn new(
        classifier: Classifier,
        report: Option<TrainReport>,
        lineage: Lineage,
        held_out: Vec<HeldOut>,
    ) -> Self {
        Self { classifier, reduced: None, report, lineage, held_out }
    }

    /// What answers.
    pub(super) fn answering(&self) -> &Classifier {
        self.reduced.as_ref().unwrap_or(&self.classifier)
    }

    /// Leaves out what it says of classes that were removed, so that the others share all of the probability, and takes in again what
    /// was brought back.
    pub(super) fn follow(&mut self, dataset: &Dataset) {
        let Classifier { labels, head, .. } = &self.classifier;
        self.reduced = left(labels, dataset).map(|kept| {
            let (labels, head) = reduced(labels, head, &kept);
            Classifier { labels, head, ..self.classifier.clone() }
        });
    }

    /// The report of the training that it comes from, as long as it answers as it was trained to.
    pub(super) fn answering_report(&self) -> Option<&TrainReport> {
        self.report.as_ref().filter(|_| self.reduced.is_none())
    }

    /// Gives a class another name: the label changes, the weights need not.
    pub(super) fn rename_class(&mut self, id: ClassId, to: &str) {
        let labels = std::iter::once(&mut self.classifier).chain(&mut self.reduced).flat_map(|it| &mut it.labels);
        for label in labels.filter(|label| label.id == Some(id)) {
            label.name = to.to_string();
        }
        if let Some(report) = &mut self.report {
            report.rename_class(id, to);
        }
    }

    /// The classes of a dataset, each with the model's output for it: those that it tells apart first, in the order of its
    /// outputs, then those that are new. Classes of a model from a file are found by their names.
    ///
    /// # Errors
    /// [`Error::ModelClassesDiffer`] where the dataset has none of the model's classes.
    fn classes_in(&self, dataset: &Dataset) -> Result<Vec<(ClassId, Option<usize>)>> {
        let mut left: Vec<&Class> = dataset.live_classes().collect();
        let mut classes = Vec::with_capacity(left.len());
        for (output, label) in self.classifier.labels.iter().enumerate() {
            let same = |class: &&Class| match label.id {
                Some(id) => class.id == id,
                None => class.name == label.name,
            };
            if let Some(at) = left.iter().position(same) {
                classes.push((left.remove(at).id, Some(output)));
            }
        }
        if classes.is_empty() {
            return Err(Error::ModelClassesDiffer(self.classifier.names().join(", ")));
        }
        classes.extend(left.into_iter().map(|class| (class.id, None)));
        Ok(classes)
    }

    /// What training goes on from, where it can with this kind of head beside this backbone: the model's own head, without the
    /// outputs of classes that are gone and with new ones for those that came.
    ///
    /// # Errors
    /// [`Error::ModelClassesDiffer`], [`Error::ModelHeadDiffers`], [`Error::ModelPreparesOtherwise`],
    /// [`Error::ModelBackboneDiffers`].
    pub(super) fn can_go_on(&self, dataset: &Dataset, head: HeadKind, present: &Backbone) -> Result<Onward> {
        let classes = self.classes_in(dataset)?;
        let Classifier { head: own, backbone, .. } = &self.classifier;
        if self.preparation() != present.card().preprocess().preparation() {
            return Err(Error::ModelPreparesOtherwise);
        }
        if !alike(backbone, present) {
            return Err(Error::ModelBackboneDiffers(backbone.card().architecture.clone()));
        }
        if !own.is_of(head, backbone.card().num_features, self.classifier.labels.len()) {
            return Err(Error::ModelHeadDiffers(own.describe()));
        }
        let (classes, outputs): (Vec<ClassId>, Vec<Option<usize>>) = classes.into_iter().unzip();
        Ok(Onward { classes, head: own.with_outputs(&outputs), grown: outputs.contains(&None) })
    }

    /// As a zip file, with what it says of removed classes: they may come back.
    pub(super) fn written(&self) -> Result<Vec<u8>> {
        bundle::save(self.classifier.model(), self.report.as_ref())
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

/// Which of a model's outputs are of classes that were not removed; none where all are, or fewer than two.
pub(super) fn left(labels: &[ModelClass], dataset: &Dataset) -> Option<Vec<usize>> {
    let is_there = |label: &ModelClass| !label.id.is_some_and(|id| dataset.is_gone(id));
    let kept: Vec<usize> = (0..labels.len()).filter(|at| is_there(&labels[*at])).collect();
    (kept.len() >= 2 && kept.len() < labels.len()).then_some(kept)
}

/// A model with some of its outputs.
pub(super) fn reduced(labels: &[ModelClass], head: &Head, kept: &[usize]) -> (Vec<ModelClass>, Head) {
    let outputs: Vec<Option<usize>> = kept.iter().copied().map(Some).collect();
    (kept.iter().map(|at| labels[*at].clone()).collect(), head.with_outputs(&outputs))
}

/// Whether one backbone can be the other fine-tuned: as many stages, with activations of the same shapes between them.
fn alike(one: &Backbone, other: &Backbone) -> bool {
    let shapes = |of: &Backbone| (0..=of.depth()).map(|boundary| of.shape_at(boundary)).collect::<Vec<_>>();
    shapes(one) == shapes(other)
}
