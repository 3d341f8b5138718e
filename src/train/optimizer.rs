//! Adam, AdamW and SGD with momentum over a [`Params`], with a learning rate for each group.

use super::config::OptimizerKind;
use crate::nn::{Factors, Move, Moved, adam, adam_of, descend, on_device};
use crate::params::{Group, Param, Params, Slot};
use burn::tensor::{Device, Gradients, Tensor};

/// Decay of the first moment (Kingma and Ba 2015, algorithm 1; PyTorch's default).
const BETA1: f64 = 0.9;
/// Decay of the second moment.
const BETA2: f64 = 0.999;
/// Added to the root of the second moment.
const EPSILON: f64 = 1e-8;
/// Added to the norm by which clipping divides (PyTorch's `clip_grad_norm_`).
const CLIP_EPSILON: f64 = 1e-6;

/// What an [`Optimizer`] computes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimizerSettings {
    /// Which rule.
    pub kind: OptimizerKind,
    /// Weight decay d ≥ 0 of the parameters whose `decay` is set.
    ///
    /// Adam and SGD add d·p to the gradient, which is an L2 penalty of d/2·‖p‖², after clipping; AdamW takes it off
    /// the parameter itself, p − r·d·p, so that it never enters the moments.
    pub weight_decay: f64,
    /// SGD's momentum μ, 0 to below 1; the Adams do not use it.
    pub momentum: f64,
    /// The largest norm of all gradients together, above 0; none does not clip.
    pub clip_norm: Option<f64>,
}

impl OptimizerSettings {
    /// The same for a parameter, which may not decay.
    fn of(self, param: &Param) -> Self {
        Self { weight_decay: if param.decay { self.weight_decay } else { 0.0 }, ..self }
    }

    /// How a parameter moves in its so many-eth step.
    fn at(self, step: i32, rate: f64) -> Move {
        let decay = self.weight_decay;
        let (added, kept) = match self.kind {
            OptimizerKind::AdamW => (0.0, 1.0 - rate * decay),
            OptimizerKind::Adam | OptimizerKind::Sgd => (decay, 1.0),
        };
        let betas = if self.kind == OptimizerKind::Sgd { [self.momentum, 0.0] } else { [BETA1, BETA2] };
        // How far the moments have come from where they start, at zero.
        let [first, second] = betas.map(|beta| 1.0 - beta.powi(step));
        let rate = if self.kind == OptimizerKind::Sgd { rate } else { rate / first };
        Move {
            rate: rate as f32,
            added: added as f32,
            kept: kept as f32,
            decay: betas.map(|beta| beta as f32),
            new: betas.map(|beta| (1.0 - beta) as f32),
            root: second.sqrt().recip() as f32,
            epsilon: EPSILON as f32,
        }
    }
}

/// An optimiser: Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019) or SGD with momentum, as `torch.optim`
/// computes them.
///
/// With gradient g, rate r and t counted from 1 for each parameter by itself:
///
/// ```text
/// Adam, AdamW   m = 0.9·m + 0.1·g;  v = 0.999·v + 0.001·g²;  p −= r · (m / (1 − 0.9^t)) / (√(v / (1 − 0.999^t)) + 1e-8)
/// SGD           v = μ·v + g (v = g at t = 1: no dampening);  p −= r·v (no Nesterov)
/// clipping      g *= min(1, c / (‖g‖ + 1e-6)) with ‖g‖ over the gradients of all parameters, before all else
/// ```
pub struct Optimizer {
    settings: OptimizerSettings,
    states: Vec<State>,
}

/// What the optimiser remembers of one parameter.
#[derive(Default, Clone)]
struct State {
    /// Steps that this parameter has taken: one that starts to train later starts its bias correction then.
    steps: i32,
    /// Adam's first moment or SGD's velocity.
    first: Option<Tensor<1>>,
    /// Adam's second moment.
    second: Option<Tensor<1>>,
}

/// The same in system memory.
pub(super) struct Memory {
    pub steps: i32,
    pub first: Option<Vec<f32>>,
    pub second: Option<Vec<f32>>,
}

impl Optimizer {
    /// A fresh optimiser.
    pub fn new(settings: OptimizerSettings) -> Self {
        Self { settings, states: Vec::new() }
    }

    /// What it remembers on the device.
    pub(super) fn moments(&self) -> impl Iterator<Item = &Tensor<1>> {
        self.states.iter().flat_map(|state| [&state.first, &state.second]).flatten()
    }

    /// What it remembers, in the order of the parameters, out of the values of [`Optimizer::moments`]; nothing before the first
    /// step.
    pub(super) fn memory(&self, moments: Vec<Vec<f32>>) -> Vec<Memory> {
        let mut values = moments.into_iter();
        let mut kept = |moment: &Option<Tensor<1>>| moment.as_ref().and_then(|_| values.next());
        let memory = |State { steps, first, second }: &State| {
            let [first, second] = [first, second].map(&mut kept);
            Memory { steps: *steps, first, second }
        };
        self.states.iter().map(memory).collect()
    }

    /// Has it remember this.
    pub(super) fn recall(&mut self, memory: Vec<Memory>, device: &Device) {
        let moment = |values: Option<Vec<f32>>| values.map(|values| on_device(values, device));
        let state = |Memory { steps, first, second }| State { steps, first: moment(first), second: moment(second) };
        self.states = memory.into_iter().map(state).collect();
    }

    /// One step: moves every parameter that has a gradient, with its group's learning rate. The others stay as they
    /// are, to the bit: without a gradient there is no decay and no momentum either.
    ///
    /// Nothing is read back from the device.
    pub fn step(&mut self, params: &mut Params, gradients: &mut Gradients, rate: impl Fn(Group) -> f64) {
        let gradients = params.gradients(gradients);
        self.apply(params, gradients, rate);
    }

    /// The same with the gradient of each parameter, where it has one.
    pub(super) fn apply(
        &mut self,
        params: &mut Params,
        mut gradients: Vec<Option<Tensor<1>>>,
        rate: impl Fn(Group) -> f64,
    ) {
        if let Some(largest) = self.settings.clip_norm {
            clip(&mut gradients, largest);
        }
        let which: Vec<usize> = (0..gradients.len()).filter(|index| gradients[*index].is_some()).collect();
        let gradients: Vec<Tensor<1>> = gradients.into_iter().flatten().collect();
        let by = self.begin(params, &which, rate);
        let settings = self.settings;
        params.update(&which, |values| {
            if settings.kind != OptimizerKind::Sgd {
                self.moved(&which, values, by, |all| adam(all, gradients))
            } else if settings.momentum > 0.0 {
                self.moved(&which, values, by, |all| descend(all, gradients))
            } else {
                let each = values.into_iter().zip(gradients).zip(by);
                each.map(|((value, gradient), by)| {
                    value.clone() - (gradient + value.mul_scalar(by.added)).mul_scalar(by.rate)
                })
                .collect()
            }
        });
    }

    /// Whether a layer's parameters can be moved for themselves, as [`Optimizer::learn`] does.
    pub(super) fn takes_factors(&self) -> bool {
        self.settings.kind != OptimizerKind::Sgd && self.settings.clip_norm.is_none()
    }

    /// The step of a dense layer's weight and bias, by what their gradients are made of.
    pub(crate) fn learn(&mut self, params: &mut Params, layer: [Slot; 2], by: Factors, rate: impl Fn(Group) -> f64) {
        let which = layer.map(|Slot(index)| index);
        let moves = self.begin(params, &which, rate);
        params
            .update(&which, |values| self.moved(&which, values, moves, |weight_and_bias| adam_of(by, weight_and_bias)));
    }

    /// Counts a step of these parameters: how each moves in it.
    fn begin(&mut self, params: &Params, which: &[usize], rate: impl Fn(Group) -> f64) -> Vec<Move> {
        let params: Vec<&Param> = params.iter().collect();
        self.states.resize(params.len(), State::default());
        let of = |index: &usize| {
            let (param, State { steps, .. }) = (params[*index], &mut self.states[*index]);
            *steps += 1;
            self.settings.of(param).at(*steps, rate(param.group))
        };
        which.iter().map(of).collect()
    }

    /// The values after a step of the parameters at these places, each of which has `N` states.
    fn moved<const N: usize>(
        &mut self,
        which: &[usize],
        values: Vec<Tensor<1>>,
        by: Vec<Move>,
        step: impl FnOnce(Vec<Moved<N>>) -> Vec<[Tensor<1>; N]>,
    ) -> Vec<Tensor<1>> {
        let all = which.iter().zip(values).zip(by).map(|((index, value), by)| {
            let State { first, second, .. } = &mut self.states[*index];
            let moments = [first, second];
            let state = std::array::from_fn(|at| match at.checked_sub(1) {
                None => value.clone(),
                Some(at) => moments[at].take().unwrap_or_else(|| value.zeros_like()),
            });
            Moved { state, by }
        });
        let after = step(all.collect());
        let put = |(index, state): (&usize, [Tensor<1>; N])| {
            let State { first, second, .. } = &mut self.states[*index];
            for (moment, after) in [first, second].into_iter().zip(&state[1..]) {
                *moment = Some(after.clone());
            }
            state[0].clone()
        };
        which.iter().zip(after).map(put).collect()
    }
}

/// Scales all gradients so that their common norm is at most `largest` (PyTorch's `clip_grad_norm_`).
///
/// The norm stays a tensor: reading it would wait for the device at every step.
fn clip(gradients: &mut [Option<Tensor<1>>], largest: f64) {
    let squares = gradients.iter().flatten().map(|gradient| gradient.clone().square().sum());
    let Some(sum) = squares.reduce(|a, b| a + b) else { return };
    let scale = sum.sqrt().add_scalar(CLIP_EPSILON).recip().mul_scalar(largest).clamp_max(1.0);
    for gradient in gradients.iter_mut() {
        *gradient = gradient.take().map(|gradient| gradient * scale.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adam_that_clips_nothing_takes_a_layer_at_a_time() {
        let takes = |kind, clip_norm| {
            Optimizer::new(OptimizerSettings { kind, weight_decay: 0.1, momentum: 0.0, clip_norm }).takes_factors()
        };
        assert!(takes(OptimizerKind::Adam, None) && takes(OptimizerKind::AdamW, None));
        assert!(!takes(OptimizerKind::Sgd, None));
        assert!(!takes(OptimizerKind::Adam, Some(1.0)) && !takes(OptimizerKind::AdamW, Some(1.0)));
    }
}
