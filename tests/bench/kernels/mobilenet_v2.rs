//! MobileNetV2 as the engine is given it: BatchNorm folded, weights made up. Its shape is that of
//! `src/backbone/architectures/mobilenet_v2.rs`.

use crate::numbers::Numbers;
use headstart_kernels::{Activation, Conv, Layer, Op};

/// Expansion, output channels, repeats and stride of each group of blocks (Sandler and others, 2018, table 2).
const GROUPS: [(usize, usize, usize, usize); 7] =
    [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

/// A network for pictures of one size.
pub(crate) struct MobileNetV2 {
    pub width: f64,
    pub side: usize,
    /// The stem, the blocks, the last convolution.
    pub stages: Vec<Stage>,
}

/// Convolutions one after the other, which fine-tuning unfreezes together.
pub(crate) struct Stage {
    /// Shape `[channels, height, width]` of what goes in.
    pub input: [usize; 3],
    pub convs: Vec<Conv>,
    /// Whether what goes in is added to what comes out.
    pub residual: bool,
}

impl MobileNetV2 {
    pub(crate) fn new(width: f64, side: usize) -> Self {
        let mut numbers = Numbers::new(1);
        let stem = conv([3, divisible(32.0 * width)], 3, 2, 1, Activation::Relu6, &mut numbers);
        let mut shape = [3, side, side];
        let mut stages = vec![stage(&mut shape, vec![stem], false)];
        for (expansion, base, repeats, first_stride) in GROUPS {
            for repeat in 0..repeats {
                let stride = if repeat == 0 { first_stride } else { 1 };
                let (inputs, outputs) = (shape[0], divisible(base as f64 * width));
                let middle = inputs * expansion;
                let mut convs = Vec::new();
                if expansion != 1 {
                    convs.push(conv([inputs, middle], 1, 1, 1, Activation::Relu6, &mut numbers));
                }
                convs.push(conv([middle; 2], 3, stride, middle, Activation::Relu6, &mut numbers));
                convs.push(conv([middle, outputs], 1, 1, 1, Activation::None, &mut numbers));
                stages.push(stage(&mut shape, convs, stride == 1 && inputs == outputs));
            }
        }
        let features = divisible(1280.0 * width.max(1.0));
        let last = conv([shape[0], features], 1, 1, 1, Activation::Relu6, &mut numbers);
        stages.push(stage(&mut shape, vec![last], false));
        Self { width, side, stages }
    }

    /// What files and benchmarks call it.
    pub(crate) fn name(&self) -> String {
        format!("mobilenet-v2-{:?}-{}", self.width, self.side)
    }

    /// All of it as layers.
    pub(crate) fn layers(&self) -> Vec<Layer> {
        let mut layers = Vec::new();
        for stage in &self.stages {
            let first = layers.len();
            for (at, conv) in stage.convs.iter().enumerate() {
                let mut inputs = vec![layers.len()];
                if stage.residual && at + 1 == stage.convs.len() {
                    inputs.push(first);
                }
                layers.push(Layer { op: Op::Conv(conv.clone()), inputs });
            }
        }
        layers
    }
}

/// Rounds channels to a multiple of 8, at least 8 and never down by more than a tenth, as the reference implementation does.
fn divisible(channels: f64) -> usize {
    let rounded = ((channels + 4.0) as usize / 8 * 8).max(8);
    if (rounded as f64) < 0.9 * channels { rounded + 8 } else { rounded }
}

/// A stage of what has this shape, which becomes that of what comes out.
fn stage(shape: &mut [usize; 3], convs: Vec<Conv>, residual: bool) -> Stage {
    let input = *shape;
    for conv in &convs {
        let [height, width] = conv.size_of([shape[1], shape[2]]);
        *shape = [conv.outputs, height, width];
    }
    Stage { input, convs, residual }
}

fn conv(
    [inputs, outputs]: [usize; 2],
    kernel: usize,
    stride: usize,
    groups: usize,
    activation: Activation,
    numbers: &mut Numbers,
) -> Conv {
    let depth = inputs / groups * kernel * kernel;
    // Values stay of one size from layer to layer (He and others, 2015): neither denormal, which is slow, nor all cut to 6.
    let gain = if activation == Activation::None { 1.0 } else { 2.0 };
    let scale = (3.0 * gain / depth as f32).sqrt();
    Conv {
        inputs,
        outputs,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [(kernel / 2, kernel / 2); 2],
        groups,
        weight: numbers.many(outputs * depth, scale),
        bias: Some(numbers.many(outputs, 0.1)),
        activation,
    }
}
