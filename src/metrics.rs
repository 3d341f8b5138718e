//! What a trained model is worth: accuracy, loss, per-class figures and the confusion matrix.

use crate::train::{argmax, cross_entropy_of};
use serde::{Deserialize, Serialize};

/// Figures of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
pub struct ClassMetrics {
    /// The class.
    pub class: String,
    /// Of the pictures predicted as this class, the share that is; none where none was predicted so.
    pub precision: Option<f64>,
    /// Of the pictures of this class, the share predicted as it; none where there are none.
    pub recall: Option<f64>,
    /// Number of pictures of this class.
    pub support: u32,
}

/// A model measured on a set of labelled pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    /// Share of pictures whose most probable class is the right one, 0 to 1.
    pub accuracy: f64,
    /// Mean cross-entropy, natural logarithm, without label smoothing.
    pub loss: f64,
    /// Rows are actual classes, columns predicted ones.
    #[serde(alias = "confusion_matrix")]
    pub confusion_matrix: Vec<Vec<u32>>,
    /// A row a class.
    #[serde(alias = "per_class")]
    pub per_class: Vec<ClassMetrics>,
    /// Names of the classes, in the order of rows and columns.
    pub classes: Vec<String>,
    /// Number of pictures.
    pub images: u32,
}

impl Evaluation {
    /// Measures logits against labels; `rows` yields the logits of a picture and its label. `None` without pictures.
    pub fn measure<'a>(classes: &[String], rows: impl IntoIterator<Item = (&'a [f32], usize)>) -> Option<Self> {
        let mut confusion = vec![vec![0_u32; classes.len()]; classes.len()];
        let (mut images, mut correct, mut loss) = (0_u32, 0_u32, 0.0);
        for (logits, label) in rows {
            let predicted = argmax(logits);
            confusion[label][predicted] += 1;
            images += 1;
            correct += u32::from(predicted == label);
            loss += cross_entropy_of(logits, label, 0.0);
        }
        (images > 0).then(|| Self {
            accuracy: f64::from(correct) / f64::from(images),
            loss: loss / f64::from(images),
            per_class: per_class(classes, &confusion),
            confusion_matrix: confusion,
            classes: classes.to_vec(),
            images,
        })
    }
}

fn per_class(classes: &[String], confusion: &[Vec<u32>]) -> Vec<ClassMetrics> {
    let share = |part: u32, whole: u32| (whole > 0).then(|| f64::from(part) / f64::from(whole));
    let figures = |(index, class): (usize, &String)| {
        let support = confusion[index].iter().sum();
        let predicted = confusion.iter().map(|row| row[index]).sum();
        let hits = confusion[index][index];
        ClassMetrics { class: class.clone(), precision: share(hits, predicted), recall: share(hits, support), support }
    };
    classes.iter().enumerate().map(figures).collect()
}
