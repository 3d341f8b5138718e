//! Operations value by value and channel by channel.

/// `y` is the sum of values of one shape.
#[inline(never)]
pub(crate) fn add(inputs: &[&[f32]], y: &mut [f32]) {
    let [first, others @ ..] = inputs else { return };
    y.copy_from_slice(&first[..y.len()]);
    for other in others {
        y.iter_mut().zip(*other).for_each(|(y, x)| *y += x);
    }
}

/// `y` is `x` times a gate of one value a channel.
#[inline(never)]
pub(crate) fn scale(x: &[f32], gate: &[f32], y: &mut [f32], channels: usize) {
    let gate = &gate[..channels];
    for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
        y.iter_mut().zip(x).zip(gate).for_each(|((y, x), gate)| *y = x * gate);
    }
}

/// `y` is `x · scale + shift`, channel by channel.
#[inline(never)]
pub(crate) fn affine(x: &[f32], scale: &[f32], shift: &[f32], y: &mut [f32]) {
    let channels = scale.len();
    for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
        for (((y, x), scale), shift) in y.iter_mut().zip(x).zip(scale).zip(shift) {
            *y = x * scale + shift;
        }
    }
}

/// Values with their strides and channels, one behind the other along the channels.
#[inline(never)]
pub(crate) fn concat(inputs: &[(&[f32], usize, usize)], y: &mut [f32], stride: usize) {
    for (pixel, y) in y.chunks_exact_mut(stride).enumerate() {
        let mut at = 0;
        for (x, from, channels) in inputs {
            y[at..at + channels].copy_from_slice(&x[pixel * from..pixel * from + channels]);
            at += channels;
        }
    }
}
