//! Cross-entropy with label smoothing, in the graph for gradients and in plain numbers for reports.

use burn::tensor::{Device, Tensor, TensorData, activation::log_softmax};

/// Mean cross-entropy between logits `[batch, classes]` and `labels`, as a tensor `[1]` of the logits' graph.
///
/// With smoothing ε the target is (1 − ε) on the label plus ε / classes on every class (Szegedy and others 2016;
/// PyTorch's `label_smoothing`).
pub fn cross_entropy(logits: Tensor<2>, labels: &[usize], smoothing: f64, device: &Device) -> Tensor<1> {
    let [batch, classes] = logits.dims();
    let off = (smoothing / classes as f64 / batch as f64) as f32;
    let on = ((1.0 - smoothing) / batch as f64) as f32 + off;
    let mut targets = vec![off; batch * classes];
    for (row, label) in labels.iter().enumerate() {
        targets[row * classes + label] = on;
    }
    // The device of the logits' own graph: the constant must carry the same autodiff context.
    let targets = Tensor::<2>::from_data(TensorData::new(targets, [batch, classes]), device);
    let targets = if logits.is_autodiff() { targets.autodiff() } else { targets };
    (log_softmax(logits, 1) * targets).sum().neg()
}

/// Softmax of one row of logits, computed in f64 and shifted by the largest so that nothing overflows.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|l| (f64::from(*l) - f64::from(largest)).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

/// Cross-entropy of one row of logits, as [`cross_entropy`] has it.
pub fn cross_entropy_of(logits: &[f32], label: usize, smoothing: f64) -> f64 {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let log_sum = largest + logits.iter().map(|l| (f64::from(*l) - largest).exp()).sum::<f64>().ln();
    let mean_logit = logits.iter().map(|l| f64::from(*l)).sum::<f64>() / logits.len() as f64;
    log_sum - (1.0 - smoothing) * f64::from(logits[label]) - smoothing * mean_logit
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
