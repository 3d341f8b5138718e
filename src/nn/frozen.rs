//! Stages in inference form: on the CPU they are a network of our own kernels, on the GPU the interpreter runs them with
//! constants.

use super::cpu::CpuStages;
use super::graph::StageSpec;
use super::kernels::{Kernels, global_average, kernels};
use super::lower::Lowering;
use super::spec::{ConvSpec, DenseSpec, NormSpec};
use super::stage::{After, FixedNorm, Held, Read, Source, Stage};
use crate::engine::Engine;
use crate::error::Result;
use crate::params::{Params, read};
use burn::tensor::{Device, Tensor, TensorData};
use std::sync::Arc;

/// A weight and, where there is one, a bias.
pub(crate) type WeightAndBias = (Vec<f32>, Option<Vec<f32>>);

/// Where the numbers of a stage in inference form come from.
pub(crate) trait Numbers {
    /// The weight of a convolution, of [`ConvSpec::weight_shape`], and its bias `[outputs]`, with the BatchNorm behind it
    /// folded in.
    fn conv(&mut self, conv: &ConvSpec, norm: Option<&NormSpec>) -> Result<WeightAndBias>;
    /// Scale and shift `[channels]` of a BatchNorm that is not behind a convolution.
    fn norm(&mut self, norm: &NormSpec) -> Result<[Vec<f32>; 2]>;
    /// The weight `[outputs, inputs]` and the bias of a dense layer.
    fn dense(&mut self, dense: &DenseSpec) -> Result<WeightAndBias>;
}

/// Stages that nothing trains, on an engine, for pictures or maps of one shape.
pub(crate) struct Frozen {
    shape: [usize; 3],
    device: Device,
    on: On,
}

enum On {
    Cpu(CpuStages),
    Gpu { stages: Vec<Stage>, kernels: &'static dyn Kernels, none: Params },
}

/// Stages one after the other, to be made [`Frozen`].
pub(crate) struct Freezing<'a> {
    shape: [usize; 3],
    engine: &'a Engine,
    /// Those for the CPU.
    layers: Lowering,
    /// Those for the GPU.
    stages: Vec<Stage>,
}

impl<'a> Freezing<'a> {
    /// No stage yet, for what is of the shape `[channels, height, width]`.
    pub(crate) fn new(shape: [usize; 3], engine: &'a Engine) -> Self {
        Self { shape, engine, layers: Lowering::new(shape), stages: Vec::new() }
    }

    /// Puts a stage behind the last.
    pub(crate) fn push(&mut self, stage: &StageSpec, numbers: &mut dyn Numbers) -> Result<()> {
        if self.engine.is_gpu() {
            let mut source = Constants { numbers, device: self.engine.device() };
            self.stages.push(Stage::new(stage, &mut source)?);
        } else {
            self.layers.push(stage, numbers)?;
        }
        Ok(())
    }

    /// The stages, ready to run.
    pub(crate) fn end(self) -> Result<Frozen> {
        let device = self.engine.device().clone();
        let on = if self.engine.is_gpu() {
            On::Gpu { stages: self.stages, kernels: kernels(self.engine), none: Params::new(&device) }
        } else {
            On::Cpu(CpuStages::new(self.layers)?)
        };
        Ok(Frozen { shape: self.shape, device, on })
    }
}

impl Frozen {
    /// `values` are of some pictures or maps, `[batch, channels, height, width]`, to the same of the last stage.
    pub(crate) fn forward(&self, values: Vec<f32>) -> Tensor<4> {
        let batch = self.batch(&values);
        match &self.on {
            On::Cpu(stages) => {
                let [channels, height, width] = stages.output_shape();
                let rows = stages.rows(&values, batch, false);
                let data = TensorData::new(rows.concat(), [batch, channels, height, width]);
                Tensor::from_data(data, &self.device)
            }
            On::Gpu { stages, kernels, none } => {
                let [channels, height, width] = self.shape;
                let x = TensorData::new(values, [batch, channels, height, width]);
                let read: Read<'_> = &|slot| none.get_constant(slot);
                let x = Tensor::from_data(x, &self.device);
                stages.iter().fold(x, |x, stage| stage.forward(x, read, *kernels))
            }
        }
    }

    /// The same, read back, one row each: `[channels, height, width]` or, `pooled`, the means `[channels]`.
    pub(crate) async fn rows(&self, values: Vec<f32>, pooled: bool) -> Result<Vec<Arc<[f32]>>> {
        let batch = self.batch(&values);
        if batch == 0 {
            return Ok(Vec::new());
        }
        if let On::Cpu(stages) = &self.on {
            return Ok(stages.rows(&values, batch, pooled).into_iter().map(Arc::from).collect());
        }
        let y = self.forward(values);
        let values = if pooled { read(global_average(y)).await? } else { read(y).await? };
        Ok(values.chunks_exact(values.len() / batch).map(Arc::from).collect())
    }

    fn batch(&self, values: &[f32]) -> usize {
        values.len() / self.shape.iter().product::<usize>()
    }
}

/// The numbers as constants of a device.
struct Constants<'a> {
    numbers: &'a mut dyn Numbers,
    device: &'a Device,
}

impl Constants<'_> {
    fn held(&self, (weight, bias): WeightAndBias) -> (Held, Option<Held>) {
        (Held::constant(weight, self.device), bias.map(|bias| Held::constant(bias, self.device)))
    }
}

impl Source for Constants<'_> {
    fn conv(&mut self, conv: &ConvSpec, norm: Option<&NormSpec>) -> Result<(Held, After)> {
        let numbers = self.numbers.conv(conv, norm)?;
        let (weight, bias) = self.held(numbers);
        Ok((weight, bias.map_or(After::Nothing, After::Bias)))
    }

    fn norm(&mut self, norm: &NormSpec) -> Result<After> {
        let [scale, shift] = self.numbers.norm(norm)?.map(|values| {
            let length = values.len();
            Tensor::from_data(TensorData::new(values, [length]), self.device)
        });
        Ok(After::Affine(Box::new(FixedNorm { scale, shift, bias: None })))
    }

    fn dense(&mut self, dense: &DenseSpec) -> Result<(Held, Option<Held>)> {
        let numbers = self.numbers.dense(dense)?;
        Ok(self.held(numbers))
    }
}
