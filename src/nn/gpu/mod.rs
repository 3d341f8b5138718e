//! Stages on the GPU: a plan of our own kernels, one dispatch for nearly every layer.

mod launch;
mod operations;
mod plan;
mod program;
mod shaders;
mod training;

use self::plan::{Output, Plan, to_planes, to_vectors};
use super::lower::Lowering;
use crate::error::{Error, Result};
use crate::params::read;
use burn::tensor::{Device, Tensor, TensorData};
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
        let (plan, constants) =
            plan.map_err(|layer| Error::Internal(format!("layer {layer} does not fit its input")))?;
        Ok(Self { plan: Arc::new(plan), constants: flat(constants, device), shape, device: device.clone() })
    }

    /// `[batch, channels, height, width]` of the pictures or maps in `values`.
    pub(super) fn forward(&self, values: &[f32]) -> Tensor<4> {
        let [channels, height, width] = self.plan.output_shape();
        let some = self.passes(values, Output::Planes).map(|(y, batch)| y.reshape([batch, channels, height, width]));
        let mut some: Vec<Tensor<4>> = some.collect();
        match some.len() {
            1 => some.remove(0),
            0 => Tensor::zeros([0, channels, height, width], &self.device),
            _ => Tensor::cat(some, 0),
        }
    }

    /// What comes out for each picture or map, read back: `[channels, height, width]` or, `pooled`, the means `[channels]`.
    pub(super) async fn rows(&self, values: &[f32], pooled: bool) -> Result<Vec<Arc<[f32]>>> {
        let channels = self.plan.output_shape()[0];
        let output = if pooled { Output::Pooled } else { Output::Vectors };
        let mut rows = Vec::new();
        for (y, batch) in self.passes(values, output) {
            let y = read(y).await?;
            let each = y.chunks_exact(y.len() / batch);
            rows.extend(
                each.map(|row| if pooled { Arc::from(&row[..channels]) } else { Arc::from(to_planes(row, channels)) }),
            );
        }
        Ok(rows)
    }

    /// Runs as many at a time as fit; each with how many they were.
    fn passes<'a>(&'a self, values: &'a [f32], output: Output) -> impl Iterator<Item = (Tensor<1>, usize)> + 'a {
        let length: usize = self.shape.iter().product();
        values.chunks(self.plan.most() * length).map(move |some| {
            let batch = some.len() / length;
            let x = flat(to_vectors(some, self.shape), &self.device);
            (launch::run(x, self.constants.clone(), self.plan.clone(), batch, output), batch)
        })
    }
}

fn flat(mut values: Vec<f32>, device: &Device) -> Tensor<1> {
    // There are no buffers of nothing.
    if values.is_empty() {
        values.push(0.0);
    }
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device)
}
