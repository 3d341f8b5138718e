//! A head that trains, in the autodiff graph or layer by layer without one.

use super::{Activation, Convolution, Dense, Head};
use crate::error::{Error, Result};
use crate::nn::{
    After, ConvSpec, DenseSpec, Factors, Goal, Judged, NormSpec, Read, Source, Stage, dense, gather, global_average,
    judged,
};
use crate::params::{Group, Params, Slot, Snapshot};
use burn::tensor::Tensor;
use std::sync::Arc;

/// A head that trains; its parameters live in a [`Params`], dense weights as `[outputs, inputs]`.
pub struct TrainableHead {
    convolution: Option<TrainableConvolution>,
    layers: Vec<(Slot, Slot, [usize; 2])>,
    activation: Activation,
}

/// Pooled features of some pictures.
pub enum Features {
    /// `[batch, features]`.
    Values(Tensor<2>),
    /// Some rows of a table `[all, features]` outside of any graph.
    Rows {
        /// All rows that there are.
        table: Tensor<2>,
        /// The places of those that are meant.
        rows: Vec<u32>,
    },
}

impl From<Tensor<2>> for Features {
    fn from(values: Tensor<2>) -> Self {
        Self::Values(values)
    }
}

impl Features {
    /// `[batch, features]`.
    fn dims(&self) -> [usize; 2] {
        match self {
            Self::Values(values) => values.dims(),
            Self::Rows { table, rows } => [rows.len(), table.dims()[1]],
        }
    }

    /// What a dense layer takes: all rows of a tensor, or those that are named.
    fn rows(self) -> (Tensor<2>, Option<Arc<[u32]>>) {
        match self {
            Self::Values(values) => (values, None),
            Self::Rows { table, rows } => (table, Some(rows.into())),
        }
    }

    /// The values, of rows as a constant of a graph or without one.
    pub(crate) fn values(self, graph: bool) -> Tensor<2> {
        match self {
            Self::Values(values) => values,
            Self::Rows { table, rows } => {
                let values = gather(table, rows);
                if graph { values.autodiff() } else { values }
            }
        }
    }
}

struct TrainableConvolution {
    weight: Slot,
    bias: Slot,
    channels: [usize; 2],
    stage: Stage,
}

impl TrainableHead {
    /// Adds the tensors of `start` to `params`; `decays` says whether weight decay applies to its weights.
    ///
    /// # Errors
    /// [`crate::Error::Internal`], never for a head that was checked.
    pub fn new(start: &Head, decays: bool, params: &mut Params) -> Result<Self> {
        let convolution = start.convolution.as_ref().map(|conv| -> Result<_> {
            let shape = [conv.outputs, conv.inputs, 3, 3];
            let weight = params.add("head.conv.weight", &shape, conv.weight.clone(), Group::Head, decays);
            let bias = params.add("head.conv.bias", &shape[..1], conv.bias.clone(), Group::Head, false);
            let [of_weight, of_bias] = [weight, bias].map(Some);
            let stage = Stage::new(&conv.stage(), &mut Slots { weight: of_weight, bias: of_bias })?;
            Ok(TrainableConvolution { weight, bias, channels: [conv.inputs, conv.outputs], stage })
        });
        let layers = start.layers.iter().enumerate().map(|(index, layer)| {
            let shape = [layer.outputs, layer.inputs];
            let weight = layer.weight.clone();
            let weight = params.add(&format!("head.{index}.weight"), &shape, weight, Group::Head, decays);
            let bias = params.add(&format!("head.{index}.bias"), &shape[..1], layer.bias.clone(), Group::Head, false);
            (weight, bias, shape)
        });
        let layers = layers.collect();
        Ok(Self { layers, convolution: convolution.transpose()?, activation: start.activation })
    }

    /// How many values of a picture dropout may drop: what goes into the last layer.
    pub(crate) fn droppable(&self) -> usize {
        self.layers.last().map_or(0, |(.., [_, inputs])| *inputs)
    }

    /// How many classes it tells apart.
    pub fn classes(&self) -> usize {
        self.layers.last().map_or(0, |(.., [outputs, _])| *outputs)
    }

    /// Whether it wants the feature map and not the pooled features.
    pub fn wants_map(&self) -> bool {
        self.convolution.is_some()
    }

    /// The convolution and the pooling: `[batch, channels, height, width]` → `[batch, features]` of the dense layers.
    pub fn pool(&self, x: Tensor<4>, params: &Params) -> Tensor<2> {
        let read: Read<'_> = &|slot| params.get(slot);
        global_average(match &self.convolution {
            Some(convolution) => convolution.stage.forward(x, read),
            None => x,
        })
    }

    /// Logits `[batch, classes]` of features, in the graph of the parameters.
    ///
    /// `dropout` gives, for a shape, the mask to multiply with, or `None` where nothing is dropped.
    pub fn forward(
        &self,
        x: impl Into<Features>,
        params: &Params,
        dropout: impl FnMut([usize; 2]) -> Option<Tensor<2>>,
    ) -> Tensor<2> {
        let (x, [weight, bias]) = self.before_last(x.into(), params, dropout);
        let (x, rows) = x.rows();
        dense(x, rows, weight, bias, false)
    }

    /// The same logits, with the gradient of what they should be, for parameters of a graph: what training takes.
    pub fn judged(
        &self,
        x: impl Into<Features>,
        params: &Params,
        dropout: impl FnMut([usize; 2]) -> Option<Tensor<2>>,
        goal: Goal,
    ) -> Judged {
        let (x, [weight, bias]) = self.before_last(x.into(), params, dropout);
        let (x, rows) = x.rows();
        judged(x, rows, weight, bias, goal)
    }

    /// Whether [`TrainableHead::learn`] is for it: dense layers with nothing but ReLU in between.
    pub(crate) fn needs_no_graph(&self) -> bool {
        self.convolution.is_none() && (self.layers.len() == 1 || self.activation == Activation::Relu)
    }

    /// A step without a graph: the logits `[batch, classes]` of features, and for each layer from the last one on, to `learn` from,
    /// its weight and bias with what their gradients are made of. `mask` is what dropout multiplies with.
    pub(crate) fn learn(
        &self,
        x: impl Into<Features>,
        params: &mut Params,
        mask: Option<Tensor<2>>,
        goal: Goal,
        mut learn: impl FnMut(&mut Params, [Slot; 2], Factors),
    ) -> Tensor<2> {
        let values = |params: &Params, slots: [Slot; 2]| slots.map(|slot| params.get_constant(slot));
        let (mut x, mut passed) = (x.into(), Vec::with_capacity(self.layers.len()));
        let (last, hidden) = (&self.layers[self.layers.len() - 1], &self.layers[..self.layers.len() - 1]);
        for (weight, bias, _) in hidden {
            let (of, rows) = x.rows();
            let slots = [*weight, *bias];
            let [weight, bias] = values(params, slots);
            x = Features::Values(dense(of.clone(), rows.clone(), weight, bias, true));
            passed.push((slots, of, rows));
        }
        if let Some(mask) = &mask {
            x = Features::Values(x.values(false) * mask.clone());
        }
        let (x, rows) = x.rows();
        let mut slots = [last.0, last.1];
        let [weight, bias] = values(params, slots);
        let (mut factors, logits) = Factors::judged(x, rows, weight, bias, goal);
        let mut mask = mask;
        while let Some((before, x, rows)) = passed.pop() {
            // The weight as it was when all went through.
            let mut gradient = factors.back(params.get_constant(slots[0]));
            if let Some(mask) = mask.take() {
                gradient = gradient * mask;
            }
            learn(params, slots, factors);
            (slots, factors) = (before, Factors { x, rows, gradient });
        }
        learn(params, slots, factors);
        logits
    }

    /// What goes into the last layer, and its weight and bias.
    fn before_last(
        &self,
        mut x: Features,
        params: &Params,
        mut dropout: impl FnMut([usize; 2]) -> Option<Tensor<2>>,
    ) -> (Features, [Tensor<1>; 2]) {
        let read = |(weight, bias, _): &(Slot, Slot, _)| [weight, bias].map(|slot| params.get(*slot));
        let (last, hidden) = (&self.layers[self.layers.len() - 1], &self.layers[..self.layers.len() - 1]);
        for [weight, bias] in hidden.iter().map(read) {
            let (of, rows) = x.rows();
            let y = dense(of, rows, weight, bias, self.activation == Activation::Relu);
            x = Features::Values(self.activation.behind(y));
        }
        if let Some(mask) = dropout(x.dims()) {
            x = Features::Values(x.values(params.is_autodiff()) * mask);
        }
        (x, read(last))
    }

    /// Half the sum of squares of all weights and biases of the dense layers, a tensor `[1]` of the graph: the penalty
    /// of a linear SVM, which takes the bias in as LIBLINEAR does.
    pub fn half_squares(&self, params: &Params) -> Tensor<1> {
        let square = |slot: &Slot| {
            let value = params.get(*slot);
            (value.clone() * value).sum()
        };
        let (first, rest) = (&self.layers[0], &self.layers[1..]);
        let sum = square(&first.0) + square(&first.1);
        rest.iter().fold(sum, |sum, layer| sum + square(&layer.0) + square(&layer.1)).mul_scalar(0.5)
    }

    /// The head with the values of a snapshot, as it is for standardised features.
    pub fn trained(&self, values: &Snapshot) -> Head {
        let dense = |(weight, bias, [outputs, inputs]): &(Slot, Slot, [usize; 2])| Dense {
            inputs: *inputs,
            outputs: *outputs,
            weight: values.get(*weight).to_vec(),
            bias: values.get(*bias).to_vec(),
        };
        let convolution = self.convolution.as_ref().map(|conv| Convolution {
            inputs: conv.channels[0],
            outputs: conv.channels[1],
            weight: values.get(conv.weight).to_vec(),
            bias: values.get(conv.bias).to_vec(),
        });
        Head { convolution, layers: self.layers.iter().map(dense).collect(), activation: self.activation }
    }
}

/// The parameters of a head's convolution, to be taken once.
struct Slots {
    weight: Option<Slot>,
    bias: Option<Slot>,
}

impl Source for Slots {
    fn conv(&mut self, conv: &ConvSpec, _: Option<&NormSpec>) -> Result<(Slot, After)> {
        let taken = || Error::Internal(format!("the numbers of {} were taken already", conv.name));
        Ok((self.weight.take().ok_or_else(taken)?, After::Bias(self.bias.take().ok_or_else(taken)?)))
    }

    fn norm(&mut self, norm: &NormSpec) -> Result<After> {
        Err(Error::Internal(format!("a head has no batch normalisation {}", norm.name)))
    }

    fn dense(&mut self, dense: &DenseSpec) -> Result<(Slot, Option<Slot>)> {
        Err(Error::Internal(format!("{} is no part of a stage", dense.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::HeadKind;
    use burn::tensor::Device;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn dense_layers_need_no_graph_but_for_slopes_that_do_not_show_in_what_comes_out() {
        let needs_none = |kind| {
            let start = Head::fresh(kind, 8, 3, &mut ChaCha8Rng::seed_from_u64(0));
            TrainableHead::new(&start, true, &mut Params::new(&Device::flex())).unwrap().needs_no_graph()
        };
        let mlp = |activation| HeadKind::Mlp { hidden: 4, activation };
        assert!(needs_none(HeadKind::Linear));
        assert_eq!(Activation::ALL.map(|activation| needs_none(mlp(activation))), [true, false, false]);
        assert!(!needs_none(HeadKind::Conv { channels: 4 }));
    }
}
