//! What a kernel has to do at least.

use headstart_kernels::Conv;

/// Floating-point operations, and bytes that have to be read or written once.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Work {
    /// A multiplication and an addition are two; bias, shortcut and activation are not counted.
    pub flops: f64,
    /// Inputs, weights and outputs as 32-bit floats.
    pub bytes: f64,
    /// Bytes between two uses of the same value: the cache that holds so many is where the values come from.
    pub working_set: f64,
}

impl Work {
    /// Floating-point operations a byte.
    pub(crate) fn intensity(self) -> f64 {
        self.flops / self.bytes
    }
}

/// Bytes of so many floats.
pub(crate) fn bytes(floats: usize) -> f64 {
    (floats * size_of::<f32>()) as f64
}

/// Multiplications of a convolution of one picture of this size; zeros over the edge are not multiplied.
pub(crate) fn multiplications(conv: &Conv, size: [usize; 2]) -> usize {
    let out = conv.size_of(size);
    let places = [0, 1].map(|axis| {
        (0..out[axis])
            .map(|at| {
                let (start, before) = (at * conv.stride[axis], conv.padding[axis].0);
                let end = (start + conv.kernel[axis]).min(size[axis] + before);
                end.saturating_sub(start.max(before))
            })
            .sum::<usize>()
    });
    places[0] * places[1] * conv.outputs * (conv.inputs / conv.groups)
}

/// Floats of a convolution's weight and bias.
pub(crate) fn parameters(conv: &Conv) -> usize {
    conv.weight.len() + conv.bias.as_ref().map_or(0, Vec::len)
}
