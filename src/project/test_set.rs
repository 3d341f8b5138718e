//! The test set: a model is measured on pictures that it neither learned from nor was chosen by.
//!
//! Whoever puts a picture there twice, once to learn from and once to test with, would read a figure that flatters. So what
//! the model knows, and near-copies of that, are left out of the figures, and a remark says how many they are.

use super::Project;
use super::measure::Gauge;
use crate::activations::Views;
use crate::classifier::{ModelClass, Prediction};
use crate::dataset::{ClassId, Labelled, Lineage, Warning};
use crate::engine::Workload;
use crate::error::{Error, Result};
use crate::image::{Picture, Preparation};
use crate::metrics::Evaluation;
use crate::train::{argmax, softmax};
use serde::Serialize;

/// What a model makes of one picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct Answer {
    /// The picture's number.
    pub id: u32,
    /// Its class, as an index into the classes of the evaluation.
    pub label: usize,
    /// The most probable class, as an index too.
    pub predicted: usize,
    /// The probability of that, 0 to 1.
    pub probability: f64,
}

/// What a picture is to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "kebab-case")]
pub enum PictureRole {
    /// It was trained on: that it is told right says little.
    Trained,
    /// It was held out from the training and chose which epoch was kept.
    HeldOut,
    /// It is of the test set.
    Test,
    /// It came later.
    New,
    /// The model came from a file, which does not tell what it has seen.
    Unknown,
}

/// What a model makes of one of the project's own pictures.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct PictureAnswer {
    /// The picture's number.
    pub id: u32,
    /// The class that it is in.
    pub class_id: ClassId,
    /// What it is to the model.
    pub role: PictureRole,
    /// Every class of the model with its probability, the most probable first; empty where the picture's pixels are not there for
    /// the model's backbone.
    pub predictions: Vec<Prediction>,
}

/// A model measured on the pictures that were held out from its training, as it was trained: classes that were removed since are there.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct ValidationEvaluation {
    /// The figures.
    #[serde(flatten)]
    pub figures: Evaluation,
    /// What the model makes of each picture, by rising number.
    pub answers: Vec<Answer>,
}

/// A model measured on the test set.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct TestEvaluation {
    /// The figures.
    #[serde(flatten)]
    pub figures: Evaluation,
    /// What the model makes of each picture, by rising number.
    pub answers: Vec<Answer>,
    /// Numbers of the pictures that are left out because the model knows them, or near-copies of them.
    pub leaks: Vec<u32>,
    /// What a person should know of these figures.
    pub warnings: Vec<Warning>,
}

/// The pictures that a model is measured on, as they are at one moment.
pub(super) struct TestSet {
    pub labelled: Vec<Labelled>,
    pub pictures: Vec<Picture>,
    leaks: Vec<u32>,
    /// How many have no pixels for the model's backbone, and how many are of classes that it does not tell apart.
    unreadable: usize,
    unknown: usize,
    /// Whether nobody knows which pictures the model has seen.
    doubtful: bool,
}

/// A model in so far as it matters for which pictures it can be measured on.
pub(super) struct Subject<'a> {
    pub labels: &'a [ModelClass],
    pub lineage: &'a Lineage,
    pub preparation: Preparation,
}

impl TestSet {
    /// How many pictures it is measured on.
    pub(super) fn len(&self) -> usize {
        self.labelled.len()
    }

    /// What a person should know of the figures. Without a picture in it there is nothing to remark.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let mut warn = |count: usize, code: &str, [one, many]: [&str; 2]| {
            let message = match count {
                0 => return,
                1 => format!("1 test picture {one}"),
                _ => format!("{count} test pictures {many}"),
            };
            warnings.push(Warning { code: code.into(), message });
        };
        let leaks = [
            "is also among the training pictures, or nearly so, and is left out of the test figures.",
            "are also among the training pictures, or nearly so, and are left out of the test figures.",
        ];
        warn(self.leaks.len(), "test_pictures_known", leaks);
        let unknown = [
            "is of a class that the model does not tell apart, and is left out of the test figures.",
            "are of classes that the model does not tell apart, and are left out of the test figures.",
        ];
        warn(self.unknown, "test_class_unknown", unknown);
        let unreadable = [
            "is not prepared for the model's backbone, and is left out of the test figures.",
            "are not prepared for the model's backbone, and are left out of the test figures.",
        ];
        warn(self.unreadable, "test_pictures_missing", unreadable);
        if self.doubtful && self.len() > 0 {
            let message = "The model came from a file, so some of the test pictures may be ones that it was trained on: the \
                           test figures may flatter.";
            warnings.push(Warning { code: "test_may_have_trained".into(), message: message.into() });
        }
        warnings
    }

    /// The figures; none where there was nothing to measure.
    pub(super) fn evaluation(&self, names: &[String], logits: &[Vec<f32>]) -> Option<Evaluation> {
        let labels = self.labelled.iter().map(|picture| picture.label);
        Evaluation::measure(names, logits.iter().map(Vec::as_slice).zip(labels))
    }
}

impl Project {
    /// Which pictures of the test set a model can be measured on.
    pub(super) fn test_set(&self, model: &Subject) -> TestSet {
        let leaks = self.dataset.leaks(model.lineage);
        let mut set = TestSet {
            labelled: Vec::new(),
            pictures: Vec::new(),
            leaks: Vec::new(),
            unreadable: 0,
            unknown: 0,
            doubtful: model.lineage.unknown,
        };
        for (id, class) in self.dataset.test_pictures() {
            let Some(label) = self.label_of(class, model.labels) else {
                set.unknown += 1;
                continue;
            };
            if leaks.contains(&id) {
                set.leaks.push(id);
            } else if let Some(picture) = self.picture_for(id, model.preparation) {
                set.labelled.push(Labelled { id, label });
                set.pictures.push(picture);
            } else {
                set.unreadable += 1;
            }
        }
        set
    }

    /// Which of a model's classes this one is: the very one, or the one of its name for a model from a file.
    fn label_of(&self, class: ClassId, labels: &[ModelClass]) -> Option<usize> {
        let name = self.dataset.name_of(class);
        labels.iter().position(|label| label.id.map_or(label.name == name, |id| id == class))
    }

    /// Measures the model on the test set. What it knows of it, near-copies included, is left out and told.
    ///
    /// # Errors
    /// [`Error::NotTrained`] without a model, [`Error::NoTestPictures`] where nothing is left to measure it on.
    pub async fn evaluate_on_test(&mut self) -> Result<TestEvaluation> {
        match self.tested().await {
            Err(Error::DeviceLost(reason)) => {
                self.go_on_without_gpu(&reason)?;
                self.tested().await
            }
            evaluation => evaluation,
        }
    }

    async fn tested(&self) -> Result<TestEvaluation> {
        let model = self.model.as_ref().ok_or(Error::NotTrained)?;
        let (classifier, lineage) = (model.answering(), &model.lineage);
        let subject = Subject { labels: &classifier.labels, lineage, preparation: model.preparation() };
        let set = self.test_set(&subject);
        let pictures: Vec<&Picture> = set.pictures.iter().collect();
        let mut gauge = Gauge::new(classifier, self.engines.of(Workload::Embedding));
        let logits = gauge.logits(classifier, &self.store, &Views::plain(), &pictures).await?;
        let figures = set.evaluation(&classifier.names(), &logits).ok_or(Error::NoTestPictures)?;
        let answers = set.labelled.iter().zip(&logits).map(|(picture, logits)| answer(*picture, logits)).collect();
        let warnings = set.warnings();
        Ok(TestEvaluation { figures, answers, leaks: set.leaks, warnings })
    }

    /// Figures of answers that the model has given to pictures of known classes, which need not be the project's: the name of the class
    /// of each, and what [`Project::predict`] said.
    ///
    /// # Errors
    /// [`Error::NotTrained`]; [`Error::ClassUnknown`] for a class that the model does not tell apart, or an answer of another model's;
    /// [`Error::NoTestPictures`] without an answer.
    pub fn measure_answers(&self, answered: &[(String, Vec<Prediction>)]) -> Result<Evaluation> {
        let model = self.classifier().ok_or(Error::NotTrained)?;
        let names = model.names();
        let unknown = |name: &String| Error::ClassUnknown(name.clone());
        let row = |(name, predictions): &(String, Vec<Prediction>)| {
            let label = names.iter().position(|known| known == name).ok_or_else(|| unknown(name))?;
            let logits = model.labels.iter().map(|ModelClass { id, name }| {
                let is_it = |it: &&Prediction| it.class_id == *id && (id.is_some() || it.class_name == *name);
                let of = predictions.iter().find(is_it);
                // The logarithm of a probability is a logit; of one too small for 32 bits there is none.
                of.map(|it| it.probability.max(f32::MIN_POSITIVE.into()).ln() as f32).ok_or_else(|| unknown(name))
            });
            Ok((logits.collect::<Result<Vec<f32>>>()?, label))
        };
        let rows = answered.iter().map(row).collect::<Result<Vec<_>>>()?;
        let rows = rows.iter().map(|(logits, label)| (logits.as_slice(), *label));
        Evaluation::measure(&names, rows).ok_or(Error::NoTestPictures)
    }
}

pub(super) fn answer(Labelled { id, label }: Labelled, logits: &[f32]) -> Answer {
    let predicted = argmax(logits);
    Answer { id, label, predicted, probability: softmax(logits)[predicted] }
}
