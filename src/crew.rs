//! Others that compute beside a project, each on a core of its own: in a browser these are workers with modules of their own.
//!
//! What they are asked is a [`Task`] with [`Numbers`], and numbers are the answer; [`crate::train::Member`] answers. Whatever is asked
//! comes out the same to the bit whoever computes it, so that nothing depends on how many there are, or on one that goes away.

use crate::error::Result;
use crate::head::{Activation, Convolution, Dense, Head};
use crate::nn::Goal;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::pin::Pin;

/// Numbers where whoever computed them has put them: millions, that are copied once.
pub trait Numbers {
    /// How many.
    fn count(&self) -> usize;

    /// Some of them, within their number.
    fn part(&self, range: Range<usize>) -> Vec<f32>;

    /// All of them.
    fn all(&self) -> Vec<f32> {
        self.part(0..self.count())
    }
}

impl Numbers for Vec<f32> {
    fn count(&self) -> usize {
        self.len()
    }

    fn part(&self, range: Range<usize>) -> Vec<f32> {
        self[range].to_vec()
    }
}

/// Numbers read one part behind the other.
pub(crate) struct Reader<'a> {
    of: &'a dyn Numbers,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(of: &'a dyn Numbers) -> Self {
        Self { of, at: 0 }
    }

    /// The next so many; `None` where there are not as many.
    pub(crate) fn take(&mut self, count: usize) -> Option<Vec<f32>> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.of.count())?;
        let start = std::mem::replace(&mut self.at, end);
        Some(self.of.part(start..end))
    }

    /// Whether all were read.
    pub(crate) fn is_done(&self) -> bool {
        self.at == self.of.count()
    }
}

/// Numbers, or nothing where who was asked does not answer.
pub type Answered = Pin<Box<dyn Future<Output = Option<Box<dyn Numbers>>>>>;

/// Whoever can be asked. All have the backbone of the project that asks, on the CPU engine.
pub trait Crew {
    /// How many there are by now.
    fn members(&self) -> usize;

    /// How many there may be.
    fn most(&self) -> usize;

    /// Asks one of them, counted from 0, with numbers one part behind the other. It begins at once, and not when the answer is waited for.
    fn ask(&self, member: usize, task: &Task, values: &[&[f32]]) -> Answered;
}

/// What a member is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case")]
pub enum Task {
    /// Activations at a cut, from those at another boundary: of pictures or maps, one behind the other.
    Embed {
        /// Where they come from; at 0 these are pictures, `[3, size, size]` each.
        from: usize,
        /// Where they go to.
        boundary: usize,
        /// Whether they are averaged there.
        pooled: bool,
    },
    /// To make the network that trains. The numbers are the shift and the scale of the features.
    Begin(Outline),
    /// The gradients of some shares together, and their logits. The numbers are all parameters, the maps, and the dropout's mask
    /// where there is one.
    Learn {
        /// What is wanted of each share.
        goals: Vec<Goal>,
        /// Stages of the tail before this one do not train.
        first_active: usize,
        /// Whether there is a mask.
        masked: bool,
    },
    /// The logits of some pictures. The numbers are all parameters and the maps.
    Look {
        /// How many.
        pictures: usize,
    },
}

/// What a network that trains is made of, but its numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outline {
    /// Stages of the backbone from here on train.
    pub boundary: usize,
    /// Whether batch normalisation's scale and shift do.
    pub train_norms: bool,
    /// Inputs and outputs of the head's convolution.
    convolution: Option<[usize; 2]>,
    /// Inputs and outputs of its dense layers.
    layers: Vec<[usize; 2]>,
    activation: String,
}

impl Outline {
    /// Of a head behind the stages from `boundary` on.
    pub fn of(head: &Head, boundary: usize, train_norms: bool) -> Self {
        Self {
            boundary,
            train_norms,
            convolution: head.convolution.as_ref().map(|conv| [conv.inputs, conv.outputs]),
            layers: head.layers.iter().map(|layer| [layer.inputs, layer.outputs]).collect(),
            activation: head.activation.name().into(),
        }
    }

    /// A head of zeros.
    ///
    /// # Errors
    /// [`crate::Error::ConfigInvalid`] for an activation that nobody knows.
    pub fn head(&self) -> Result<Head> {
        let zeros = |count: usize| vec![0.0; count];
        let convolution = self.convolution.map(|[inputs, outputs]| Convolution {
            inputs,
            outputs,
            weight: zeros(outputs * inputs * 9),
            bias: zeros(outputs),
        });
        let layer = |[inputs, outputs]: [usize; 2]| Dense {
            inputs,
            outputs,
            weight: zeros(outputs * inputs),
            bias: zeros(outputs),
        };
        let layers = self.layers.iter().copied().map(layer).collect();
        Ok(Head { convolution, layers, activation: Activation::parse(&self.activation)? })
    }
}
