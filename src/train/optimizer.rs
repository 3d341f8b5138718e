//! Adam and AdamW over a [`Params`], with a learning rate for each group.

use super::config::OptimizerKind;
use crate::params::{Group, Params};
use burn::tensor::{Gradients, Tensor};

/// Decay of the first moment (Kingma and Ba 2015, algorithm 1; PyTorch's default).
const BETA1: f64 = 0.9;
/// Decay of the second moment.
const BETA2: f64 = 0.999;
/// Added to the root of the second moment.
const EPSILON: f64 = 1e-8;

/// Learning rates of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// For the head.
    pub head: f64,
    /// For fine-tuned stages.
    pub backbone: f64,
}

/// Adam (Kingma and Ba 2015) or AdamW (Loshchilov and Hutter 2019), as PyTorch computes them.
pub struct Optimizer {
    kind: OptimizerKind,
    weight_decay: f64,
    step: i32,
    moments: Vec<Option<(Tensor<1>, Tensor<1>)>>,
}

impl Optimizer {
    /// A fresh optimiser; `weight_decay` applies to parameters whose `decay` is set.
    pub fn new(kind: OptimizerKind, weight_decay: f64) -> Self {
        Self { kind, weight_decay, step: 0, moments: Vec::new() }
    }

    /// One step: moves every parameter that has a gradient.
    pub fn step(&mut self, params: &mut Params, gradients: &mut Gradients, rates: Rates) {
        let mut gradients = params.gradients(gradients);
        self.step += 1;
        self.moments.resize(gradients.len(), None);
        let corrections = (1.0 - BETA1.powi(self.step), 1.0 - BETA2.powi(self.step));
        params.update(|index, param, value| match gradients[index].take() {
            Some(gradient) => {
                let rate = match param.group {
                    Group::Head => rates.head,
                    Group::Backbone => rates.backbone,
                };
                let decay = if param.decay { self.weight_decay } else { 0.0 };
                let (value, gradient) = self.decayed(value, gradient, rate, decay);
                let (first, second) = moments(self.moments[index].take(), gradient);
                let update = first.clone().div_scalar(corrections.0)
                    / second.clone().div_scalar(corrections.1).sqrt().add_scalar(EPSILON);
                self.moments[index] = Some((first, second));
                value - update.mul_scalar(rate)
            }
            None => value,
        });
    }

    /// Applies weight decay: to the value itself (AdamW) or to the gradient (Adam).
    fn decayed(&self, value: Tensor<1>, gradient: Tensor<1>, rate: f64, decay: f64) -> (Tensor<1>, Tensor<1>) {
        match self.kind {
            _ if decay == 0.0 => (value, gradient),
            OptimizerKind::AdamW => (value.mul_scalar(1.0 - rate * decay), gradient),
            OptimizerKind::Adam => {
                let gradient = gradient + value.clone().mul_scalar(decay);
                (value, gradient)
            }
        }
    }
}

/// The moments after this gradient.
fn moments(before: Option<(Tensor<1>, Tensor<1>)>, gradient: Tensor<1>) -> (Tensor<1>, Tensor<1>) {
    let square = gradient.clone().mul_scalar(1.0 - BETA2) * gradient.clone();
    let gradient = gradient.mul_scalar(1.0 - BETA1);
    match before {
        Some((first, second)) => (first.mul_scalar(BETA1) + gradient, second.mul_scalar(BETA2) + square),
        None => (gradient, square),
    }
}
