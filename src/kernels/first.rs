//! A network's first convolution. What goes in is laid out with its border of zeros around it, so that every window lies in the picture
//! as lines of neighbours, and the product reads them where they are: gathering them took as long as multiplying.

use crate::activation::Activation;
use crate::lanes::{Level, padded};
use crate::network::Input;
use crate::pixels::normalise_pixels;
use crate::product::{Packed, Product, Windows};

/// A convolution of what goes into a network, for one size of it.
pub(crate) struct First {
    pub weight: Packed,
    pub bias: Vec<f32>,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [(usize, usize); 2],
    pub inputs: usize,
    pub outputs: usize,
    pub activation: Activation,
    /// Height and width of what goes in.
    pub size: [usize; 2],
}

impl First {
    /// Height and width with the border.
    fn bordered(&self) -> [usize; 2] {
        [0, 1].map(|side| self.size[side] + self.padding[side].0 + self.padding[side].1)
    }

    /// How many values there are with the border.
    pub(crate) fn len(&self) -> usize {
        self.bordered().iter().product::<usize>() * self.inputs
    }

    /// Lays what goes in out as `[height, width, channels]` with the border.
    #[inline(never)]
    pub(crate) fn lay(&self, input: Input<'_>, to: &mut [f32]) {
        let [(top, _), (left, _)] = self.padding;
        let ([height, width], [_, across]) = (self.size, self.bordered());
        let line = across * self.inputs;
        let (before, rest) = to.split_at_mut(top * line);
        let (within, after) = rest.split_at_mut(height * line);
        before.fill(0.0);
        after.fill(0.0);
        for (row, to) in within.chunks_exact_mut(line).enumerate() {
            let (before, rest) = to.split_at_mut(left * self.inputs);
            let (to, after) = rest.split_at_mut(width * self.inputs);
            before.fill(0.0);
            after.fill(0.0);
            match input {
                Input::Map(values) => {
                    let planes = values.chunks_exact(height * width).map(|plane| &plane[row * width..][..width]);
                    for (channel, plane) in planes.enumerate() {
                        let pixels = to.chunks_exact_mut(self.inputs).zip(plane);
                        pixels.for_each(|(to, value)| to[channel] = *value);
                    }
                }
                Input::Picture { rgb, by } => normalise_pixels(&rgb[row * to.len()..][..to.len()], by, to),
            }
        }
    }

    /// Of what [`First::lay`] has laid out, to `out` pixels.
    #[inline(never)]
    pub(crate) fn run(&self, x: &[f32], y: &mut [f32], out: [usize; 2], level: Level) {
        let ([height, width], out_stride) = (self.bordered(), padded(self.outputs));
        // The last window of each side ends within.
        let fits = |side: usize, length: usize| (out[side] - 1) * self.stride[side] + self.kernel[side] <= length;
        assert!(self.weight.depth() == self.kernel[0] * self.kernel[1] * self.inputs);
        assert!(x.len() == self.len() && fits(0, height) && fits(1, width) && y.len() >= out[0] * out[1] * out_stride);
        let (range, cut) = self.activation.range();
        let line = self.kernel[1] * self.inputs;
        for (row, y) in y.chunks_exact_mut(out[1] * out_stride).take(out[0]).enumerate() {
            let product = Product {
                left: x[row * self.stride[0] * width * self.inputs..].as_ptr(),
                left_stride: self.stride[1] * self.inputs,
                rows: out[1],
                right: &self.weight,
                bias: &self.bias,
                shortcut: std::ptr::null(),
                range,
                out: y.as_mut_ptr(),
                out_stride,
            };
            // SAFETY: the lengths were compared; a row of the output is filled up to whole vectors.
            unsafe { Windows { product, lines: self.kernel[0], jump: width * self.inputs - line }.compute(level) };
            if !cut {
                self.activation.apply(y);
            }
        }
    }
}
