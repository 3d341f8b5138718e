//! Pooling: what is made of the values of a window, channel by channel.

use crate::conv::Picture;

/// The square window of a pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its side.
    pub kernel: usize,
    /// Step from one output to the next.
    pub stride: usize,
    /// What is added before and after, of `[height, width]`.
    pub padding: [(usize, usize); 2],
}

impl Window {
    /// Height and width of what comes out of a picture of this size.
    pub fn size_of(&self, size: [usize; 2]) -> [usize; 2] {
        [0, 1].map(|side| {
            let (before, after) = self.padding[side];
            (size[side] + before + after).checked_sub(self.kernel).map_or(0, |rest| rest / self.stride + 1)
        })
    }
}

/// What a window becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// Its largest value; what lies over the edge never is.
    Largest,
    /// Its mean, zeros over the edge counted.
    Mean,
}

/// `x` to `y` of the size `out`.
#[inline(never)]
pub(crate) fn pool(window: Window, of: Of, x: Picture<'_>, y: &mut [f32], out: [usize; 2]) {
    let channels = x.stride;
    let scale = 1.0 / (window.kernel * window.kernel) as f32;
    let within = |at: usize, side: usize| {
        let (start, before) = (at * window.stride, window.padding[side].0);
        let end = (start + window.kernel).saturating_sub(before).min(x.size[side]);
        start.saturating_sub(before)..end
    };
    for (index, y) in y.chunks_exact_mut(channels).take(out[0] * out[1]).enumerate() {
        let (rows, columns) = (within(index / out[1], 0), within(index % out[1], 1));
        y.fill(if of == Of::Largest { f32::NEG_INFINITY } else { 0.0 });
        for row in rows {
            for column in columns.clone() {
                let x = &x.values[(row * x.size[1] + column) * channels..][..channels];
                match of {
                    Of::Largest => {
                        y.iter_mut().zip(x).for_each(|(y, x)| *y = if *x > *y || x.is_nan() { *x } else { *y })
                    }
                    Of::Mean => y.iter_mut().zip(x).for_each(|(y, x)| *y += x),
                }
            }
        }
        if of == Of::Mean {
            y.iter_mut().for_each(|y| *y *= scale);
        }
    }
}

/// The mean over all pixels.
#[inline(never)]
pub(crate) fn global_average(x: Picture<'_>, y: &mut [f32]) {
    let pixels = x.size[0] * x.size[1];
    let y = &mut y[..x.stride];
    y.fill(0.0);
    for pixel in x.values.chunks_exact(x.stride).take(pixels) {
        y.iter_mut().zip(pixel).for_each(|(y, x)| *y += x);
    }
    let scale = 1.0 / pixels as f32;
    y.iter_mut().for_each(|y| *y *= scale);
}
