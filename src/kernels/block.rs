//! A pointwise convolution, a depthwise one and a pointwise one, strip by strip: what lies between them is the largest value
//! of most mobile networks, and so it never leaves the cache.

use crate::conv::{Picture, Ready, Work};
use crate::depthwise::Depthwise;
use crate::lanes::Level;

/// Bytes between the first two convolutions from which strips are worth their bookkeeping, and that a strip has about.
const STRIP: usize = 192 << 10;

/// Three convolutions that are computed together.
pub(crate) struct Block {
    pub expand: Ready,
    pub depthwise: Ready,
    pub project: Ready,
    /// Height and width before the depthwise convolution.
    pub size: [usize; 2],
    /// From one pixel to the next between the convolutions.
    pub channels: usize,
}

impl Block {
    /// Whether three convolutions, the first of which gives values of this size, are one of these and large enough.
    pub(crate) fn is_one(parts: [&Ready; 3], size: [usize; 2], channels: usize) -> bool {
        let [expand, Ready::Depthwise(_), project] = parts else { return false };
        let large = size[0] * size[1] * channels * size_of::<f32>() > STRIP;
        expand.pointwise().is_some() && project.pointwise().is_some() && large
    }

    /// `x` to `y`, which has rows of `width` pixels, each of them `stride` floats.
    #[inline(never)]
    pub(crate) fn run(
        &self,
        x: Picture<'_>,
        shortcut: Option<&[f32]>,
        y: &mut [f32],
        [width, stride]: [usize; 2],
        work: &mut Work,
        level: Level,
    ) {
        let (Some(expand), Ready::Depthwise(depthwise), Some(project)) =
            (self.expand.pointwise(), &self.depthwise, self.project.pointwise())
        else {
            return;
        };
        let Work { floats: [between, convolved], rows: quantised, .. } = work;
        let [height, in_width] = self.size;
        let line = in_width * self.channels;
        let (out_height, strip) = (y.len() / (width * stride), strip(depthwise, height, line));
        // Rows that are in `between`.
        let mut held = 0..0;
        for first in (0..out_height).step_by(strip) {
            let rows = first..(first + strip).min(out_height);
            let needed = depthwise.rows_for(rows.clone(), height);
            // What the strip before has left is moved to the front.
            let kept = needed.start.clamp(held.start, held.end)..held.end;
            between.copy_within((kept.start - held.start) * line..(kept.end - held.start) * line, 0);
            let start = if kept.is_empty() { needed.start } else { kept.start };
            between.resize(between.len().max((needed.end - start) * line), 0.0);
            let (from, new) = (start + kept.len(), needed.end.saturating_sub(start + kept.len()));
            let pixels = new * in_width;
            expand.run_pixels(
                &x.values[from * in_width * x.stride..],
                x.stride,
                None,
                &mut between[kept.len() * line..kept.len() * line + new * line],
                pixels,
                quantised,
                level,
            );
            held = start..needed.end.max(start);
            let count = rows.len() * width;
            convolved.resize(convolved.len().max(count * self.channels), 0.0);
            let to = &mut convolved[..count * self.channels];
            depthwise.run_rows(between, held.clone(), self.size, to, rows.clone(), width, level);
            let at = first * width * stride;
            let shortcut = shortcut.map(|values| &values[at..]);
            project.run_pixels(to, self.channels, shortcut, &mut y[at..at + count * stride], count, quantised, level);
        }
    }
}

/// Rows of the output at a time.
fn strip(depthwise: &Depthwise, height: usize, line: usize) -> usize {
    let lines = (STRIP / (line * size_of::<f32>())).max(1);
    (1..)
        .take_while(|rows| depthwise.rows_for(height / 4..height / 4 + rows, usize::MAX).len() <= lines)
        .last()
        .unwrap_or(1)
}
