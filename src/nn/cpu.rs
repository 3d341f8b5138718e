//! Stages on the CPU: a network of our own kernels, which as many threads run as there are cores.

use super::lower::Lowering;
use crate::error::{Error, Result};
use headstart_kernels::{Arena, Input, Network};
use std::sync::{Mutex, PoisonError};

/// Stages in inference form for the CPU. Nothing in here knows burn, so that a module that only predicts has none of it.
pub(crate) struct CpuStages {
    network: Network,
    arenas: Mutex<Vec<Arena>>,
}

impl CpuStages {
    /// The stages that were lowered.
    pub(crate) fn new(layers: Lowering) -> Result<Self> {
        let (shape, layers) = layers.end();
        let network = Network::new(shape, layers);
        let network = network.map_err(|layer| Error::Internal(format!("layer {layer} does not fit its input")))?;
        Ok(Self { network, arenas: Mutex::new(Vec::new()) })
    }

    /// The shape `[channels, height, width]` of what comes out.
    pub(super) fn output_shape(&self) -> [usize; 3] {
        self.network.output_shape()
    }

    /// What comes out for each picture or map: all of it or, `pooled`, the means `[channels]`.
    pub(crate) fn rows(&self, inputs: &[Input<'_>], pooled: bool) -> Vec<Vec<f32>> {
        let run = if pooled { Network::run_pooled } else { Network::run };
        let threads = threads().min(inputs.len());
        if threads < 2 {
            return self.some(inputs, run);
        }
        std::thread::scope(|scope| {
            let parts = inputs.chunks(inputs.len().div_ceil(threads));
            let parts: Vec<_> = parts.map(|part| scope.spawn(move || self.some(part, run))).collect();
            let join = |part: std::thread::ScopedJoinHandle<'_, Vec<Vec<f32>>>| {
                part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            parts.into_iter().flat_map(join).collect()
        })
    }

    /// The same on this thread.
    fn some(&self, inputs: &[Input<'_>], run: Run) -> Vec<Vec<f32>> {
        // Whoever panicked with the lock held had taken or brought an arena, which is whole either way.
        let taken = || self.arenas.lock().unwrap_or_else(PoisonError::into_inner);
        let mut arena = taken().pop().unwrap_or_default();
        let rows = inputs.iter().map(|input| {
            let mut row = Vec::new();
            run(&self.network, *input, &mut arena, &mut row);
            row
        });
        let rows = rows.collect();
        taken().push(arena);
        rows
    }
}

type Run = fn(&Network, Input<'_>, &mut Arena, &mut Vec<f32>);

/// Threads that compute at a time; a browser's worker is one.
pub(super) fn threads() -> usize {
    if cfg!(target_arch = "wasm32") { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) }
}
