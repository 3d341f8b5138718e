//! Adam, AdamW and SGD with momentum over a [`Params`], with a learning rate for each group.

use super::config::OptimizerKind;
use crate::error::Result;
use crate::params::{Group, Param, Params, on_device, read};
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

    /// What it remembers, in the order of the parameters; nothing before the first step.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`].
    pub(super) async fn memory(&self) -> Result<Vec<Memory>> {
        let mut memory = Vec::with_capacity(self.states.len());
        for State { steps, first, second } in &self.states {
            memory.push(Memory { steps: *steps, first: kept(first).await?, second: kept(second).await? });
        }
        Ok(memory)
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
        let mut gradients = params.gradients(gradients);
        if let Some(largest) = self.settings.clip_norm {
            clip(&mut gradients, largest);
        }
        self.states.resize(gradients.len(), State::default());
        params.update(|index, param, value| {
            let Some(gradient) = gradients[index].take() else { return value };
            let (state, settings, rate) = (&mut self.states[index], self.settings.of(param), rate(param.group));
            // What lies in system memory is gone through once; a tensor operation would do so a dozen times.
            match value.device() == Device::flex() {
                true => state.moved_at_once(settings, value, gradient, rate),
                false => state.moved(settings, value, gradient, rate),
            }
        });
    }
}

impl State {
    /// The parameter's value after this step.
    fn moved(&mut self, settings: OptimizerSettings, value: Tensor<1>, gradient: Tensor<1>, rate: f64) -> Tensor<1> {
        let decay = settings.weight_decay;
        let (value, gradient) = match settings.kind {
            _ if decay == 0.0 => (value, gradient),
            OptimizerKind::AdamW => (value.mul_scalar(1.0 - rate * decay), gradient),
            OptimizerKind::Adam | OptimizerKind::Sgd => {
                let gradient = gradient + value.clone().mul_scalar(decay);
                (value, gradient)
            }
        };
        self.steps += 1;
        let direction = match settings.kind {
            OptimizerKind::Adam | OptimizerKind::AdamW => self.adam(gradient),
            OptimizerKind::Sgd if settings.momentum > 0.0 => self.velocity(gradient, settings.momentum),
            OptimizerKind::Sgd => gradient,
        };
        value - direction.mul_scalar(rate)
    }

    /// The same on the CPU.
    fn moved_at_once(
        &mut self,
        settings: OptimizerSettings,
        value: Tensor<1>,
        gradient: Tensor<1>,
        rate: f64,
    ) -> Tensor<1> {
        let device = value.device();
        let (mut values, gradients) = (floats(value), floats(gradient));
        let decay = settings.weight_decay;
        let (added, kept) = match settings.kind {
            OptimizerKind::AdamW => (0.0, (1.0 - rate * decay) as f32),
            OptimizerKind::Adam | OptimizerKind::Sgd => (decay as f32, 1.0),
        };
        self.steps += 1;
        let rate = rate as f32;
        let moment = |moment: Option<Tensor<1>>| moment.map_or_else(|| vec![0.0; gradients.len()], floats);
        let pairs = values.iter_mut().zip(&gradients);
        match settings.kind {
            OptimizerKind::Adam | OptimizerKind::AdamW => {
                let (mut first, mut second) = (moment(self.first.take()), moment(self.second.take()));
                let [beta1, beta2] = [BETA1, BETA2].map(|beta| beta as f32);
                let [new1, new2] = [BETA1, BETA2].map(|beta| (1.0 - beta) as f32);
                let [bias1, bias2] = [BETA1, BETA2].map(|beta| (1.0 - beta.powi(self.steps)) as f32);
                for ((value, gradient), (first, second)) in pairs.zip(first.iter_mut().zip(&mut second)) {
                    let gradient = gradient + *value * added;
                    *first = *first * beta1 + gradient * new1;
                    *second = *second * beta2 + gradient * gradient * new2;
                    let direction = *first / bias1 / ((*second / bias2).sqrt() + EPSILON as f32);
                    *value = *value * kept - direction * rate;
                }
                (self.first, self.second) = (Some(on_device(first, &device)), Some(on_device(second, &device)));
            }
            OptimizerKind::Sgd if settings.momentum > 0.0 => {
                let (mut first, momentum) = (moment(self.first.take()), settings.momentum as f32);
                for ((value, gradient), first) in pairs.zip(&mut first) {
                    *first = *first * momentum + (gradient + *value * added);
                    *value -= *first * rate;
                }
                self.first = Some(on_device(first, &device));
            }
            OptimizerKind::Sgd => {
                pairs.for_each(|(value, gradient)| *value -= (gradient + *value * added) * rate);
            }
        }
        on_device(values, &device)
    }

    fn adam(&mut self, gradient: Tensor<1>) -> Tensor<1> {
        let square = gradient.clone().square().mul_scalar(1.0 - BETA2);
        let first = decayed(self.first.take(), BETA1, gradient.mul_scalar(1.0 - BETA1));
        let second = decayed(self.second.take(), BETA2, square);
        self.first = Some(first.clone());
        self.second = Some(second.clone());
        let root = second.div_scalar(1.0 - BETA2.powi(self.steps)).sqrt();
        first.div_scalar(1.0 - BETA1.powi(self.steps)) / root.add_scalar(EPSILON)
    }

    fn velocity(&mut self, gradient: Tensor<1>, momentum: f64) -> Tensor<1> {
        let velocity = decayed(self.first.take(), momentum, gradient);
        self.first = Some(velocity.clone());
        velocity
    }
}

/// The values of a tensor of the CPU.
fn floats(tensor: Tensor<1>) -> Vec<f32> {
    // Every parameter, gradient and moment is made of 32-bit floats.
    tensor.into_data().try_into_vec().unwrap_or_default()
}

async fn kept(moment: &Option<Tensor<1>>) -> Result<Option<Vec<f32>>> {
    match moment {
        Some(moment) => read(moment.clone()).await.map(Some),
        None => Ok(None),
    }
}

/// `before · by + new`, or `new` where there is nothing before.
fn decayed(before: Option<Tensor<1>>, by: f64, new: Tensor<1>) -> Tensor<1> {
    match before {
        Some(before) => before.mul_scalar(by) + new,
        None => new,
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

    fn wave(count: usize, step: f32) -> Tensor<1> {
        on_device((0..count).map(|at| (at as f32 * step).sin()).collect(), &Device::flex())
    }

    /// The tensor operations, which run on a GPU, and the one pass over system memory.
    #[test]
    fn both_ways_move_alike() {
        assert_eq!(wave(1, 1.0).device(), Device::flex(), "how a step knows which way to go");
        let adams = [OptimizerKind::Adam, OptimizerKind::AdamW].map(|kind| (kind, 0.0));
        for (kind, momentum) in adams.into_iter().chain([0.0, 0.9].map(|momentum| (OptimizerKind::Sgd, momentum))) {
            for (decays, weight_decay) in [(true, 0.01), (false, 0.01), (true, 0.0)] {
                let settings = OptimizerSettings { kind, weight_decay, momentum, clip_norm: None };
                let mut params = Params::new(&Device::flex());
                params.add("w", &[37], vec![0.0; 37], Group::Head, decays);
                let param = params.iter().next().unwrap();
                let (mut one, mut other) = (State::default(), State::default());
                let (mut a, mut b) = (wave(37, 0.9), wave(37, 0.9));
                for step in 1..6 {
                    let gradient = || wave(37, 0.3 * step as f32);
                    a = one.moved(settings.of(param), a, gradient(), 0.05);
                    b = other.moved_at_once(settings.of(param), b, gradient(), 0.05);
                    let (a, b) = (floats(a.clone()), floats(b.clone()));
                    for (a, b) in a.iter().zip(&b) {
                        assert!((a - b).abs() < 1e-6, "{kind:?}, step {step}: {a} and {b}");
                    }
                }
                assert_eq!(one.steps, other.steps);
                let moments = |state: &State| [&state.first, &state.second].map(|it| it.clone().map(floats));
                for (a, b) in moments(&one).iter().zip(moments(&other)) {
                    assert_eq!(a.is_some(), b.is_some());
                    assert!(a.iter().flatten().zip(b.iter().flatten()).all(|(a, b)| (a - b).abs() < 1e-6));
                }
            }
        }
    }
}
