//! A head in the autodiff graph.

use super::{Activation, Convolution, Dense, Head};
use crate::error::{Error, Result};
use crate::nn::{After, ConvSpec, DenseSpec, NormSpec, Read, Source, Stage, dense, dense_of, gather, global_average};
use crate::params::{Group, Params, Slot, Snapshot};
use burn::tensor::Tensor;

/// A head in the autodiff graph; its parameters live in a [`Params`], dense weights as `[outputs, inputs]`.
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
    pub(crate) fn classes(&self) -> usize {
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
        mut dropout: impl FnMut([usize; 2]) -> Option<Tensor<2>>,
    ) -> Tensor<2> {
        let last = self.layers.len() - 1;
        let mut x = x.into();
        for (index, (weight, bias, _)) in self.layers.iter().enumerate() {
            let mask = if index == last { dropout(x.dims()) } else { None };
            let [weight, bias] = [weight, bias].map(|slot| params.get(*slot));
            let activation = (index < last).then_some(self.activation);
            let relu = activation == Some(Activation::Relu);
            let y = match (x, mask) {
                (Features::Rows { table, rows }, None) => dense_of(table, rows, weight, bias, relu),
                (x, mask) => {
                    let x = x.values(params.is_autodiff());
                    dense(if let Some(mask) = mask { x * mask } else { x }, weight, bias, relu)
                }
            };
            x = Features::Values(match activation {
                Some(activation) => activation.behind(y),
                None => y,
            });
        }
        x.values(params.is_autodiff())
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
