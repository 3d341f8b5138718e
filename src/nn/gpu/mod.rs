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
use super::transfer::{on_device, read_all};
use crate::error::{Error, Result};
use burn::backend::Dispatch;
use burn::backend::ops::IntTensorOps;
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
        let mut some: Vec<Tensor<4>> =
            self.inputs(values).map(|(x, count)| self.pass(x, count, Output::Vectors)).collect();
        let [channels, height, width] = self.plan.output_shape();
        match some.len() {
            1 => some.remove(0),
            0 => Tensor::zeros([0, channels, height, width], &self.device),
            _ => Tensor::cat(some, 0),
        }
    }

    /// What comes out for each picture or map, read back: `[channels, height, width]` or, `pooled`, the means `[channels]`.
    pub(super) async fn rows(&self, values: &[f32], pooled: bool) -> Result<Vec<Arc<[f32]>>> {
        self.read(self.inputs(values), pooled).await
    }

    /// The same of pictures, each `[height, width, 3]` bytes, of which each channel is multiplied and added to.
    pub(super) async fn picture_rows(
        &self,
        pictures: &[Arc<[u8]>],
        by: [[f32; 2]; 3],
        pooled: bool,
    ) -> Result<Vec<Arc<[f32]>>> {
        let inputs = pictures.chunks(self.plan.most()).map(|some| {
            let rgb = some.concat();
            let words = rgb.chunks(4).map(|bytes| {
                let mut word = [0; 4];
                word[..bytes.len()].copy_from_slice(bytes);
                i32::from_le_bytes(word)
            });
            let words: Vec<i32> = words.collect();
            let count = words.len();
            let words = Dispatch::int_from_data(TensorData::new(words, [count]), self.device.as_dispatch());
            (launch::pixels(Tensor::from_dispatch(words), rgb.len() / 3, by), some.len())
        });
        self.read(inputs, pooled).await
    }

    /// What comes out of inputs, each of so many pictures or maps, read back.
    async fn read(&self, inputs: impl Iterator<Item = (Tensor<1>, usize)>, pooled: bool) -> Result<Vec<Arc<[f32]>>> {
        let output = if pooled { Output::Pooled } else { Output::Vectors };
        let mut rows = Vec::new();
        for (x, count) in inputs {
            let y = self.pass(x, count, output);
            let length = y.dims()[1..].iter().product();
            rows.extend(read_all([y.flatten(0, 3)]).await?.concat().chunks_exact(length).map(Arc::from));
        }
        Ok(rows)
    }

    /// As many at a time as fit, as vectors, and how many.
    fn inputs<'a>(&'a self, values: &'a [f32]) -> impl Iterator<Item = (Tensor<1>, usize)> + 'a {
        let length: usize = self.shape.iter().product();
        values
            .chunks(self.plan.most() * length)
            .map(move |some| (on_device(to_vectors(some, self.shape), &self.device), some.len() / length))
    }

    fn pass(&self, x: Tensor<1>, count: usize, output: Output) -> Tensor<4> {
        launch::run(x, self.constants.clone(), self.plan.clone(), count, output)
    }
}
