//! Stages on an engine: frozen ones with BatchNorm folded, and trainable ones with their parameters.

use super::{Arithmetic, Backbone, fold::Norm, fold::fold};
use crate::{
    engine::Engine,
    error::Result,
    nn::{
        After, ConvSpec, DenseSpec, FixedNorm, Freezing, Frozen, NormSpec, Numbers, Read, Source, Stage, StageSpec,
        TrainedNorm, WeightAndBias, on_device,
    },
    params::{Group, Params, Slot},
};
use burn::tensor::{Device, Tensor};
use std::ops::Range;
use std::sync::Arc;

/// A run of stages in inference form on one engine.
pub struct FrozenStages(Frozen);

impl FrozenStages {
    /// Folds the stages of `range` and brings them to the engine.
    ///
    /// # Errors
    /// [`crate::Error::BackboneTensorMissing`] where the weights are not those of the backbone's architecture.
    pub fn new(backbone: &Backbone, range: Range<usize>, engine: &Engine) -> Result<Self> {
        Self::followed(backbone, range, None, engine)
    }

    /// The same for inputs of another height and width than the backbone's pictures have at that boundary.
    ///
    /// # Errors
    /// As [`FrozenStages::new`].
    pub fn of_size(backbone: &Backbone, range: Range<usize>, size: [usize; 2], engine: &Engine) -> Result<Self> {
        let [channels, ..] = backbone.shape_at(range.start);
        Self::freeze(backbone, range, [channels, size[0], size[1]], None, engine)
    }

    /// The same with a stage behind the last that has numbers of its own.
    pub(crate) fn followed(
        backbone: &Backbone,
        range: Range<usize>,
        by: Option<(&StageSpec, &mut dyn Numbers)>,
        engine: &Engine,
    ) -> Result<Self> {
        let shape = backbone.shape_at(range.start);
        Self::freeze(backbone, range, shape, by, engine)
    }

    fn freeze(
        backbone: &Backbone,
        range: Range<usize>,
        shape: [usize; 3],
        by: Option<(&StageSpec, &mut dyn Numbers)>,
        engine: &Engine,
    ) -> Result<Self> {
        let mut freezing = Freezing::new(shape, engine);
        let mut numbers = backbone.folded();
        for index in range {
            freezing.push(&backbone.stages()[index], &mut numbers, backbone.arithmetic(index))?;
        }
        if let Some((stage, numbers)) = by {
            freezing.push(stage, numbers, Arithmetic::Float)?;
        }
        Ok(Self(freezing.end()?))
    }

    /// Whether they were made for such an engine.
    pub(crate) fn is_for(&self, engine: &Engine) -> bool {
        self.0.is_for(engine)
    }

    /// Runs the stages: values `[batch, channels, height, width]` to the same of the last stage.
    pub fn forward(&self, values: &[f32]) -> Tensor<4> {
        self.0.forward(values)
    }

    /// The same, read back, one row for each of the batch: `[channels, height, width]` or, `pooled`, the means over height
    /// and width, `[channels]`.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`].
    pub async fn rows(&self, values: &[f32], pooled: bool) -> Result<Vec<Arc<[f32]>>> {
        self.0.rows(values, pooled).await
    }

    /// The same of pictures, RGB bytes row by row, of which each channel is multiplied and added to.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`].
    pub(crate) async fn picture_rows(
        &self,
        pictures: &[Arc<[u8]>],
        by: [[f32; 2]; 3],
        pooled: bool,
    ) -> Result<Vec<Arc<[f32]>>> {
        self.0.picture_rows(pictures, by, pooled).await
    }
}

/// The trainable tail of a backbone; its parameters live in a [`Params`].
///
/// Constants stay outside the autodiff graph: combined with a parameter of the graph they count as such, and an
/// evaluation with [`Params::without_graph`] stays without one.
pub struct TrainableStages {
    stages: Vec<Stage>,
}

impl TrainableStages {
    /// Adds the parameters of the stages of `range` to `params`, under our names, each in the [`Group::Stage`] of its
    /// stage.
    ///
    /// `train_norms` says whether BatchNorm's γ and β train; its statistics never do. Where BatchNorm is folded into
    /// the convolutions, their biases train in either case.
    ///
    /// # Errors
    /// [`crate::Error::BackboneTensorMissing`] where the weights are not those of the backbone's architecture.
    pub fn new(
        backbone: &Backbone,
        range: Range<usize>,
        engine: &Engine,
        params: &mut Params,
        train_norms: bool,
    ) -> Result<Self> {
        let mut stages = Vec::with_capacity(range.len());
        for index in range {
            let group = Group::Stage(index);
            let mut source = Trainable { backbone, group, device: engine.device(), params, train_norms };
            stages.push(Stage::new(&backbone.stages()[index], &mut source)?);
        }
        Ok(Self { stages })
    }

    /// Runs the stages: `[batch, channels, height, width]` to the same of the last stage.
    ///
    /// The stages from `first_active` (counted from the first of the tail; 0 is all of them) run inside the autodiff
    /// graph of `params`. Those before it run outside with the values that their parameters have now, so that they
    /// get no gradient and cost no backward pass.
    pub fn forward(&self, x: Tensor<4>, params: &Params, first_active: usize) -> Tensor<4> {
        let (passive, active) = self.stages.split_at(first_active.min(self.stages.len()));
        let x = if passive.is_empty() {
            x
        } else {
            let in_graph = x.is_autodiff();
            let read: Read<'_> = &|slot| params.get_constant(slot);
            let y = passive.iter().fold(x.inner(), |x, stage| stage.forward(x, read));
            if in_graph { y.autodiff() } else { y }
        };
        let read: Read<'_> = &|slot| params.get(slot);
        active.iter().fold(x, |x, stage| stage.forward(x, read))
    }
}

impl Backbone {
    /// Its numbers in inference form.
    pub(crate) fn folded(&self) -> impl Numbers {
        Folded { backbone: self }
    }
}

/// The numbers of a backbone in inference form.
struct Folded<'a> {
    backbone: &'a Backbone,
}

impl Folded<'_> {
    fn get(&self, name: &str, part: &str) -> Result<Vec<f32>> {
        Ok(self.backbone.weights().get(&format!("{name}.{part}"))?.data.clone())
    }
}

impl Numbers for Folded<'_> {
    fn conv(&mut self, conv: &ConvSpec, norm: Option<&NormSpec>) -> Result<WeightAndBias> {
        let folded = fold(self.backbone.weights(), conv, norm)?;
        Ok((folded.weight, folded.bias))
    }

    fn norm(&mut self, norm: &NormSpec) -> Result<[Vec<f32>; 2]> {
        Ok(scale_and_shift(&Norm::read(self.backbone.weights(), norm)?))
    }

    fn dense(&mut self, dense: &DenseSpec) -> Result<WeightAndBias> {
        let bias = dense.bias.then(|| self.get(&dense.name, "bias")).transpose()?;
        Ok((self.get(&dense.name, "weight")?, bias))
    }
}

/// Parameters of a backbone, added to a run's, and constants where nothing trains.
struct Trainable<'a> {
    backbone: &'a Backbone,
    group: Group,
    device: &'a Device,
    params: &'a mut Params,
    train_norms: bool,
}

impl Trainable<'_> {
    fn param(&mut self, name: &str, part: &str, decay: bool) -> Result<Slot> {
        let name = format!("{name}.{part}");
        let array = self.backbone.weights().get(&name)?;
        Ok(self.params.add(&name, &array.shape, array.data.clone(), self.group, decay))
    }

    fn affine(&mut self, spec: &NormSpec, bias: Option<Slot>) -> Result<After> {
        if !self.train_norms {
            return Ok(affine(&Norm::read(self.backbone.weights(), spec)?, bias, self.device));
        }
        let (gamma, beta) = (self.param(&spec.name, "weight", false)?, self.param(&spec.name, "bias", false)?);
        let norm = Norm::read(self.backbone.weights(), spec)?;
        let inverse_std = (0..spec.channels).map(|channel| norm.inverse_std(channel) as f32).collect();
        let (mean, inverse_std) = (on_device(norm.mean.to_vec(), self.device), on_device(inverse_std, self.device));
        Ok(After::Norm(Box::new(TrainedNorm { gamma, beta, mean, inverse_std, bias })))
    }
}

impl Source for Trainable<'_> {
    fn conv(&mut self, conv: &ConvSpec, norm: Option<&NormSpec>) -> Result<(Slot, After)> {
        let weight = self.param(&conv.name, "weight", true)?;
        let norm_is_folded = norm.is_some() && self.backbone.weights().folded();
        let bias = (conv.bias || norm_is_folded).then(|| self.param(&conv.name, "bias", false)).transpose()?;
        let after = match norm.filter(|_| !norm_is_folded) {
            Some(norm) => self.affine(norm, bias)?,
            None => bias.map_or(After::Nothing, After::Bias),
        };
        Ok((weight, after))
    }

    fn norm(&mut self, norm: &NormSpec) -> Result<After> {
        self.affine(norm, None)
    }

    fn dense(&mut self, dense: &DenseSpec) -> Result<(Slot, Option<Slot>)> {
        let weight = self.param(&dense.name, "weight", true)?;
        let bias = dense.bias.then(|| self.param(&dense.name, "bias", false)).transpose()?;
        Ok((weight, bias))
    }
}

/// What a BatchNorm computes, channel by channel, as x·scale + shift.
fn scale_and_shift(norm: &Norm<'_>) -> [Vec<f32>; 2] {
    let channels = (0..norm.mean.len()).map(|channel| norm.affine(channel));
    let (scale, shift) = channels.map(|(scale, shift)| (scale as f32, shift as f32)).unzip();
    [scale, shift]
}

/// A BatchNorm in which nothing trains.
fn affine(norm: &Norm<'_>, bias: Option<Slot>, device: &Device) -> After {
    let [scale, shift] = scale_and_shift(norm).map(|values| on_device(values, device));
    After::Affine(Box::new(FixedNorm { scale, shift, bias }))
}
