//! Computing on the GPU with kernels of our own, in WGSL. Maps are `[batch, height, width, vectors]` of four channels each.
//!
//! - `program` is a kernel's text around its body; `shaders` has the bodies of what is frozen, `training` of what trains.
//! - `plan` makes a list of dispatches of frozen layers, nearly one for each.
//! - `launch` puts dispatches before burn's GPU; `operations` are those that train.

mod launch;
mod operations;
mod plan;
mod program;
mod shaders;
mod training;

use self::plan::{Output, Plan, to_vectors};
use super::lower::Lowering;
use crate::error::{Error, Result};
use crate::params::{on_device, read_all};
use burn::tensor::{Device, Tensor};
use std::sync::Arc;

/// Stages in inference form for the GPU.
pub(super) struct GpuStages {
    plan: Arc<Plan>,
    /// Their numbers, one behind the other.
    constants: Tensor<1>,
    shape: [usize; 3],
    device: Device,
}

impl GpuStages {
    /// The stages that were lowered.
    pub(super) fn new(layers: Lowering, device: &Device) -> Result<Self> {
        let (shape, layers) = layers.end();
        let plan = Plan::new(shape, layers);
        let (plan, mut constants) =
            plan.map_err(|layer| Error::Internal(format!("layer {layer} does not fit its input")))?;
        if constants.is_empty() {
            // There are no buffers of nothing.
            constants.push(0.0);
        }
        Ok(Self { plan: Arc::new(plan), constants: on_device(constants, device), shape, device: device.clone() })
    }

    /// `[batch, channels, height, width]` of the pictures or maps in `values`.
    pub(super) fn forward(&self, values: &[f32]) -> Tensor<4> {
        let mut some: Vec<Tensor<4>> = self.passes(values, Output::Vectors).collect();
        let [channels, height, width] = self.plan.output_shape();
        match some.len() {
            1 => some.remove(0),
            0 => Tensor::zeros([0, channels, height, width], &self.device),
            _ => Tensor::cat(some, 0),
        }
    }

    /// What comes out for each picture or map, read back: `[channels, height, width]` or, `pooled`, the means `[channels]`.
    pub(super) async fn rows(&self, values: &[f32], pooled: bool) -> Result<Vec<Arc<[f32]>>> {
        let output = if pooled { Output::Pooled } else { Output::Vectors };
        let mut rows = Vec::new();
        for y in self.passes(values, output) {
            let length = y.dims()[1..].iter().product();
            rows.extend(read_all([y.flatten(0, 3)]).await?.concat().chunks_exact(length).map(Arc::from));
        }
        Ok(rows)
    }

    /// Runs as many at a time as fit.
    fn passes<'a>(&'a self, values: &'a [f32], output: Output) -> impl Iterator<Item = Tensor<4>> + 'a {
        let length: usize = self.shape.iter().product();
        values.chunks(self.plan.most() * length).map(move |some| {
            let x = on_device(to_vectors(some, self.shape), &self.device);
            launch::run(x, self.constants.clone(), self.plan.clone(), some.len() / length, output)
        })
    }
}
