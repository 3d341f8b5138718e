//! What training minimises, in the graph for gradients and in plain numbers for reports.

use crate::nn::{self, Goal, Loss};
use burn::tensor::Tensor;

/// What training minimises, up to the L2 penalty that an optimiser's weight decay adds.
#[derive(Debug, Clone, PartialEq)]
pub enum Objective {
    /// Cross-entropy of softmax, as `torch.nn.CrossEntropyLoss(weight, label_smoothing)`.
    ///
    /// With logarithms of probabilities ℓ, label y, smoothing ε, C classes and class weights w (1 where there are
    /// none), a picture's loss is (1 − ε)·w_y·(−ℓ_y) + ε/C·Σ_c w_c·(−ℓ_c) (Szegedy and others 2016); the mean over
    /// pictures is weighted: their sum divided by Σ w_y.
    CrossEntropy {
        /// ε, the share of the label that is spread over all classes, 0 to below 1.
        smoothing: f64,
        /// Weight of each class, `[classes]`, none of them negative.
        weights: Option<Vec<f32>>,
    },
    /// The squared hinge loss of a linear support-vector machine, one class against the rest: the mean over pictures
    /// of Σ_c max(0, 1 − t_c·f_c)² with logits f and t = 1 for the label, −1 for every other class.
    ///
    /// With a penalty of (‖W‖² + ‖b‖²) / (2·C·n) this is scikit-learn's `LinearSVC(C=C, dual=False)` on n pictures.
    SquaredHinge,
}

impl Objective {
    /// The loss of logits `[batch, classes]` for `labels` `[batch]`, as a tensor `[1]` of the logits' graph.
    pub fn loss(&self, logits: Tensor<2>, labels: &[usize]) -> Tensor<1> {
        let [_, classes] = logits.dims();
        nn::loss(logits, self.goal(labels, labels, classes))
    }

    /// What is wanted of rows with some labels of a batch with others too: the losses of its parts add up to that of the batch.
    pub fn goal(&self, labels: &[usize], batch: &[usize], classes: usize) -> Goal {
        let loss = match self {
            Self::CrossEntropy { smoothing, .. } => {
                let total: f64 = batch.iter().map(|label| self.class_weight(*label)).sum();
                let weights = (0..classes).map(|class| (self.class_weight(class) / total) as f32).collect();
                Loss::CrossEntropy { smoothing: *smoothing as f32, weights }
            }
            Self::SquaredHinge => Loss::SquaredHinge { rows: batch.len() as f32 },
        };
        // There are fewer classes than four thousand million.
        let labels = labels.iter().map(|label| *label as u32).collect();
        Goal { labels, classes, loss }
    }

    /// The loss of one row of logits times its weight, and that weight: Σ of the first over Σ of the second is what
    /// [`Objective::loss`] has for the same rows. Computed in f64.
    pub fn of_row(&self, logits: &[f32], label: usize) -> (f64, f64) {
        match self {
            Self::CrossEntropy { smoothing, weights: None } => (cross_entropy_of(logits, label, *smoothing), 1.0),
            Self::CrossEntropy { smoothing, weights: Some(weights) } => {
                let log_sum = log_sum(logits);
                let surprises = logits.iter().zip(weights).map(|(l, w)| f64::from(*w) * (log_sum - f64::from(*l)));
                let spread = surprises.sum::<f64>() / logits.len() as f64;
                let weight = self.class_weight(label);
                let own = weight * (log_sum - f64::from(logits[label]));
                ((1.0 - smoothing) * own + smoothing * spread, weight)
            }
            Self::SquaredHinge => {
                let short = |(class, logit): (usize, &f32)| (1.0 - sign(label, class) * f64::from(*logit)).max(0.0);
                (logits.iter().enumerate().map(short).map(|short| short * short).sum(), 1.0)
            }
        }
    }

    fn class_weight(&self, class: usize) -> f64 {
        match self {
            Self::CrossEntropy { weights: Some(weights), .. } => f64::from(weights[class]),
            _ => 1.0,
        }
    }
}

/// Target of a class against the rest: 1 for the label, −1 otherwise.
fn sign(label: usize, class: usize) -> f64 {
    if class == label { 1.0 } else { -1.0 }
}

/// Weights under which every class counts the same, `[classes]`: n / (classes · count), as scikit-learn's
/// `class_weight="balanced"`. A class without pictures weighs nothing. Labels lie below `classes`.
pub fn balanced_weights(labels: &[usize], classes: usize) -> Vec<f32> {
    let mut counts = vec![0_usize; classes];
    for label in labels {
        counts[*label] += 1;
    }
    let weight = |count| if count == 0 { 0.0 } else { labels.len() as f64 / (classes * count) as f64 };
    counts.into_iter().map(|count| weight(count) as f32).collect()
}

/// Softmax of one row of logits, computed in f64 and shifted by the largest so that nothing overflows.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|l| (f64::from(*l) - f64::from(largest)).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

/// Logarithm of Σ exp, shifted by the largest so that nothing overflows.
fn log_sum(logits: &[f32]) -> f64 {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    largest + logits.iter().map(|l| (f64::from(*l) - largest).exp()).sum::<f64>().ln()
}

/// Cross-entropy of one row of logits without class weights, as [`Objective::CrossEntropy`] has it.
pub fn cross_entropy_of(logits: &[f32], label: usize, smoothing: f64) -> f64 {
    let mean_logit = logits.iter().map(|l| f64::from(*l)).sum::<f64>() / logits.len() as f64;
    log_sum(logits) - (1.0 - smoothing) * f64::from(logits[label]) - smoothing * mean_logit
}

/// Index of the largest logit, the first of equals.
pub fn argmax(logits: &[f32]) -> usize {
    let mut best = 0;
    for (index, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = index;
        }
    }
    best
}
