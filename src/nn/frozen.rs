//! Stages in inference form: networks of our own kernels on the CPU and on the GPU.

use super::Arithmetic;
use super::cpu::CpuStages;
#[cfg(feature = "gpu")]
use super::gpu::GpuStages;
use super::graph::StageSpec;
use super::lower::Lowering;
use super::spec::{ConvSpec, DenseSpec, NormSpec};
use super::transfer::shaped_on_device;
use crate::engine::Engine;
use crate::error::Result;
use burn::tensor::{Device, Tensor};
use headstart_kernels::Input;
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
    /// Whether they were made for a GPU: what is in eight bits is on the CPU all the same.
    for_gpu: bool,
    on: On,
}

enum On {
    Cpu(CpuStages, Device),
    #[cfg(feature = "gpu")]
    Gpu(Box<GpuStages>),
}

/// Stages one after the other, to be made [`Frozen`].
pub(crate) struct Freezing<'a> {
    shape: [usize; 3],
    engine: &'a Engine,
    layers: Lowering,
    /// Whether a stage computes in eight bits, which the CPU does and no GPU.
    in_eight_bits: bool,
}

impl<'a> Freezing<'a> {
    /// No stage yet, for what is of the shape `[channels, height, width]`.
    pub(crate) fn new(shape: [usize; 3], engine: &'a Engine) -> Self {
        Self { shape, engine, layers: Lowering::new(shape), in_eight_bits: false }
    }

    /// Puts a stage behind the last.
    pub(crate) fn push(&mut self, stage: &StageSpec, numbers: &mut dyn Numbers, arithmetic: Arithmetic) -> Result<()> {
        self.in_eight_bits |= arithmetic == Arithmetic::Int8;
        self.layers.push(stage, numbers, arithmetic)
    }

    /// The stages, ready to run.
    pub(crate) fn end(self) -> Result<Frozen> {
        let Self { shape, engine, layers, in_eight_bits } = self;
        let device = engine.device();
        let on = match engine.is_gpu() && !in_eight_bits {
            #[cfg(feature = "gpu")]
            true => On::Gpu(Box::new(GpuStages::new(layers, device)?)),
            _ => On::Cpu(CpuStages::new(layers)?, device.clone()),
        };
        Ok(Frozen { shape, for_gpu: engine.is_gpu(), on })
    }
}

impl Frozen {
    /// Whether they were made for such an engine.
    pub(crate) fn is_for(&self, engine: &Engine) -> bool {
        self.for_gpu == engine.is_gpu()
    }

    /// `values` are of some pictures or maps, `[batch, channels, height, width]`, to the same of the last stage.
    pub(crate) fn forward(&self, values: &[f32]) -> Tensor<4> {
        match &self.on {
            On::Cpu(stages, device) => {
                let [channels, height, width] = stages.output_shape();
                let rows = stages.rows(&self.maps(values), false);
                shaped_on_device(rows.concat(), [rows.len(), channels, height, width], device)
            }
            #[cfg(feature = "gpu")]
            On::Gpu(stages) => stages.forward(values),
        }
    }

    /// The same, read back, one row each: `[channels, height, width]` or, `pooled`, the means `[channels]`.
    pub(crate) async fn rows(&self, values: &[f32], pooled: bool) -> Result<Vec<Arc<[f32]>>> {
        match &self.on {
            On::Cpu(stages, _) => Ok(shared(stages.rows(&self.maps(values), pooled))),
            #[cfg(feature = "gpu")]
            On::Gpu(stages) => stages.rows(values, pooled).await,
        }
    }

    /// The same of pictures, each `[height, width, 3]` bytes, of which each channel is multiplied and added to.
    pub(crate) async fn picture_rows(
        &self,
        pictures: &[Arc<[u8]>],
        by: [[f32; 2]; 3],
        pooled: bool,
    ) -> Result<Vec<Arc<[f32]>>> {
        match &self.on {
            On::Cpu(stages, _) => {
                let inputs: Vec<Input<'_>> = pictures.iter().map(|rgb| Input::Picture { rgb, by }).collect();
                Ok(shared(stages.rows(&inputs, pooled)))
            }
            #[cfg(feature = "gpu")]
            On::Gpu(stages) => stages.picture_rows(pictures, by, pooled).await,
        }
    }

    fn maps<'a>(&self, values: &'a [f32]) -> Vec<Input<'a>> {
        values.chunks_exact(self.shape.iter().product()).map(Input::Map).collect()
    }
}

fn shared(rows: Vec<Vec<f32>>) -> Vec<Arc<[f32]>> {
    rows.into_iter().map(Arc::from).collect()
}
