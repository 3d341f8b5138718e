//! Convolutions channel by channel, forward and their gradients, for training. Maps are `[batch, channels, height, width]`: as many
//! planes as a vector has values are turned so that the values of one place lie beside each other, computed at once, and turned back.
//! A plane's results do not depend on which others it is computed with.

use crate::lanes::{Lanes, Level, WIDEST, turn_back, turn_rows, with_level};
use std::iter::repeat_n;
use std::ops::Range;

/// A convolution channel by channel, of planes `[height, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planes {
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// From one window to the next, down and across.
    pub stride: [usize; 2],
    /// Zeros before and after, down and across.
    pub padding: [(usize, usize); 2],
    /// Height and width of the input.
    pub size: [usize; 2],
}

impl Planes {
    /// Height and width of the output.
    pub fn output(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let (before, after) = self.padding[axis];
            (self.size[axis] + before + after - self.kernel[axis]) / self.stride[axis] + 1
        })
    }

    /// The output `[planes, height, width]` for neighbouring planes `x`, of which the first is of the channel `first`; the weight
    /// `[channels, height, width]` is that of all channels.
    #[inline(never)]
    pub fn forward(&self, x: &[f32], weight: &[f32], first: usize, y: &mut [f32]) {
        self.forward_with(x, weight, first, y, Level::best());
    }

    /// The input's gradient for that of the output, of neighbouring planes as in [`Planes::forward`].
    #[inline(never)]
    pub fn input_gradient(&self, gradient: &[f32], weight: &[f32], first: usize, x: &mut [f32]) {
        self.input_gradient_with(gradient, weight, first, x, Level::best());
    }

    /// The weight's gradient `[channels, height, width]` of some channels, for all planes `x` and the output's gradient, of which
    /// there are `[pictures, channels]`.
    #[inline(never)]
    pub fn weight_gradient(
        &self,
        x: &[f32],
        gradient: &[f32],
        of: [usize; 2],
        channels: Range<usize>,
        weight: &mut [f32],
    ) {
        self.weight_gradient_with(x, gradient, of, channels, weight, Level::best());
    }

    fn forward_with(&self, x: &[f32], weight: &[f32], first: usize, y: &mut [f32], level: Level) {
        Correlation::forward(self).run(x, weight, first, y, level);
    }

    fn input_gradient_with(&self, gradient: &[f32], weight: &[f32], first: usize, x: &mut [f32], level: Level) {
        Correlation::backward(self).run(gradient, weight, first, x, level);
    }

    fn weight_gradient_with(
        &self,
        x: &[f32],
        gradient: &[f32],
        of: [usize; 2],
        channels: Range<usize>,
        weight: &mut [f32],
        level: Level,
    ) {
        let planes = of[0] * of[1];
        assert!(x.len() == planes * area(self.size) && gradient.len() == planes * area(self.output()));
        assert!(channels.end <= of[1] && weight.len() == channels.len() * area(self.kernel));
        let job = Gradient { of: self, x, gradient, counts: of, channels, weight };
        with_level!(level, sum_planes, job, Gradient<'_>);
    }
}

fn area([height, width]: [usize; 2]) -> usize {
    height * width
}

/// Room for a vector, aligned so that it lies within a cache line.
#[derive(Clone, Copy)]
#[repr(align(32))]
#[expect(dead_code, reason = "read as vectors")]
struct Room([f32; WIDEST]);

fn room(vectors: usize) -> Vec<Room> {
    vec![Room([0.0; WIDEST]); vectors]
}

/// Planes that have been turned, with zeros around.
struct Tile {
    /// A vector for each place, one directly after the other.
    values: Vec<Room>,
    /// Which place is which value's of a plane.
    places: Vec<usize>,
    /// Places of a row.
    line: usize,
}

impl Tile {
    /// For planes of `size`, with zeros before them until there are `padded` rows and columns.
    fn new(size: [usize; 2], before: [usize; 2], padded: [usize; 2]) -> Self {
        let places = (0..size[0]).flat_map(|y| (0..size[1]).map(move |x| (y + before[0]) * padded[1] + x + before[1]));
        Self { values: room(area(padded)), places: places.collect(), line: padded[1] }
    }

    /// The first vector.
    fn first(&self) -> *const f32 {
        self.values.as_ptr().cast()
    }

    fn first_mut(&mut self) -> *mut f32 {
        self.values.as_mut_ptr().cast()
    }

    /// Takes planes, of which `from` has the beginnings.
    #[inline(always)]
    unsafe fn take<L: Lanes>(&mut self, from: impl Fn(usize) -> *const f32) {
        let to = self.first_mut();
        // SAFETY: there are as many values in a plane as here are places, each with room for the widest vector.
        unsafe { turn_rows::<L>(self.places.len(), from, |at| to.add(self.places[at] * L::COUNT)) };
    }

    /// Gives planes, of which `to` has the beginnings.
    #[inline(always)]
    unsafe fn give<L: Lanes>(&self, to: impl Fn(usize) -> *mut f32) {
        let from = self.first();
        // SAFETY: as above.
        unsafe { turn_back::<L>(self.places.len(), |at| from.add(self.places[at] * L::COUNT), to) };
    }
}

/// Outputs at equal distances along a side, each a sum over neighbouring values with zeros around.
#[derive(Debug, Clone, Copy)]
struct Side {
    /// How many outputs.
    count: usize,
    /// Where the first lies, and how far the next is from it.
    to: usize,
    apart: usize,
    /// Where the values of the first begin, and how far those of the next are from there.
    from: usize,
    stride: usize,
    /// Values of each.
    kernel: usize,
    /// The place of the weight that the first is multiplied with, and how far the next lies before or after it.
    place: usize,
    step: isize,
}

impl Side {
    /// The zeros before a side and its length with all zeros, and the outputs of one of its convolutions.
    fn forward(planes: &Planes, axis: usize) -> (usize, usize, Vec<Self>) {
        let ((before, after), kernel, stride) = (planes.padding[axis], planes.kernel[axis], planes.stride[axis]);
        let count = planes.output()[axis];
        let side = Self { count, to: 0, apart: 1, from: 0, stride, kernel, place: 0, step: 1 };
        (before, planes.size[axis] + before + after, vec![side])
    }

    /// The same of the gradient. Values of the input as far apart as the windows were multiplied with the same places of the kernel:
    /// they are convolutions of the output's gradient with these, the last place first.
    fn backward(planes: &Planes, axis: usize) -> (usize, usize, Vec<Self>) {
        let (size, (padding, _)) = (planes.size[axis], planes.padding[axis]);
        let (kernel, stride) = (planes.kernel[axis], planes.stride[axis]);
        let phase = |phase: usize| {
            // The last window that the first value of the input belongs to, and that value.
            let last = padding.saturating_sub(phase).div_ceil(stride);
            let to = last * stride + phase - padding;
            let kernel = kernel.saturating_sub(phase).div_ceil(stride);
            let count = size.saturating_sub(to).div_ceil(stride);
            let place = (kernel.max(1) - 1) * stride + phase;
            (last, Self { count, to, apart: stride, from: 0, stride: 1, kernel, place, step: -(stride as isize) })
        };
        let mut sides: Vec<_> = (0..stride).map(phase).filter(|(_, side)| side.count > 0 && side.kernel > 0).collect();
        let before = sides.iter().map(|(last, side)| (side.kernel - 1).saturating_sub(*last)).max().unwrap_or(0);
        sides.iter_mut().for_each(|(last, side)| side.from = before + *last - (side.kernel - 1));
        let ends = sides.iter().map(|(_, side)| side.from + side.count - 1 + side.kernel);
        let length = ends.fold(before + planes.output()[axis], usize::max);
        (before, length, sides.into_iter().map(|(_, side)| side).collect())
    }

    /// The place of the weight that the value at `at` is multiplied with.
    fn place_of(&self, at: usize) -> usize {
        self.place.wrapping_add_signed(self.step * at as isize)
    }
}

/// What planes are correlated with.
struct Correlation {
    /// Height and width of what is taken, with the zeros before and with all zeros.
    size: [usize; 2],
    before: [usize; 2],
    padded: [usize; 2],
    /// Those of what is given; what no pass gives is zero.
    out: [usize; 2],
    passes: Vec<[Side; 2]>,
    kernel: [usize; 2],
}

impl Correlation {
    fn forward(planes: &Planes) -> Self {
        let sides = [0, 1].map(|axis| Side::forward(planes, axis));
        Self::new(planes.size, planes.output(), planes.kernel, sides)
    }

    fn backward(planes: &Planes) -> Self {
        let sides = [0, 1].map(|axis| Side::backward(planes, axis));
        Self::new(planes.output(), planes.size, planes.kernel, sides)
    }

    fn new(size: [usize; 2], out: [usize; 2], kernel: [usize; 2], sides: [(usize, usize, Vec<Side>); 2]) -> Self {
        let [(top, height, down), (left, width, across)] = sides;
        let passes = down.iter().flat_map(|y| across.iter().map(move |x| [*y, *x])).collect();
        Self { size, before: [top, left], padded: [height, width], out, passes, kernel }
    }

    fn run(&self, x: &[f32], weight: &[f32], first: usize, y: &mut [f32], level: Level) {
        let planes = x.len() / area(self.size);
        assert!(x.len() == planes * area(self.size) && y.len() == planes * area(self.out));
        assert!(weight.len().is_multiple_of(area(self.kernel)) && (planes == 0 || !weight.is_empty()));
        let job = Job { of: self, x, weight, first, y };
        with_level!(level, correlate, job, Job<'_>);
    }
}

struct Job<'a> {
    of: &'a Correlation,
    x: &'a [f32],
    weight: &'a [f32],
    /// The channel of the first plane.
    first: usize,
    y: &'a mut [f32],
}

#[inline(always)]
unsafe fn correlate<L: Lanes>(job: Job<'_>) {
    let of = job.of;
    let [size, out, places] = [of.size, of.out, of.kernel].map(area);
    let (planes, channels) = (job.x.len() / size, job.weight.len() / places);
    let mut x = Tile::new(of.size, of.before, of.padded);
    let mut y = Tile::new(of.out, [0, 0], of.out);
    let [mut weight, mut ordered] = [0; 2].map(|_| Tile::new(of.kernel, [0, 0], of.kernel));
    let groups = planes.div_ceil(L::COUNT);
    // The same channels come again after so many groups, if they all are whole; their weights are turned once.
    let whole = planes.is_multiple_of(L::COUNT) && channels.is_multiple_of(L::COUNT);
    let apart = if whole { groups.min(channels / L::COUNT) } else { groups };
    for kind in 0..apart {
        // Beyond the last plane is the last again, and gives again what it gave.
        let plane = |group: usize, at: usize| (group * L::COUNT + at).min(planes - 1);
        // SAFETY: there are so many planes of `x` and of `y`, and their channels have weights; the passes are within the tiles.
        unsafe {
            weight.take::<L>(|at| job.weight.as_ptr().add((job.first + plane(kind, at)) % channels * places));
            order::<L>(of, &weight, &mut ordered);
            for group in (kind..groups).step_by(apart) {
                x.take::<L>(|at| job.x.as_ptr().add(plane(group, at) * size));
                let mut weight = ordered.first();
                for [down, across] in &of.passes {
                    pass::<L>(&x, weight, *down, *across, &mut y);
                    weight = weight.add(down.kernel * across.kernel * L::COUNT);
                }
                let to = job.y.as_mut_ptr();
                y.give::<L>(|at| to.add(plane(group, at) * out));
            }
        }
    }
}

/// The weight in the order in which passes read it.
#[inline(always)]
unsafe fn order<L: Lanes>(of: &Correlation, weight: &Tile, to: &mut Tile) {
    let mut to = to.first_mut();
    for [down, across] in &of.passes {
        for row in (0..down.kernel).map(|at| down.place_of(at)) {
            for column in (0..across.kernel).map(|at| across.place_of(at)) {
                // SAFETY: both are as large as the kernel, of which each place belongs to one pass.
                unsafe {
                    L::load(weight.first().add((row * of.kernel[1] + column) * L::COUNT)).store(to);
                    to = to.add(L::COUNT);
                }
            }
        }
    }
}

/// All outputs of two sides.
#[inline(always)]
unsafe fn pass<L: Lanes>(x: &Tile, weight: *const f32, down: Side, across: Side, y: &mut Tile) {
    let (line, to_line) = (x.line * L::COUNT, y.line * L::COUNT);
    for row in 0..down.count {
        // SAFETY: as the caller's.
        unsafe {
            let row = Row {
                x: x.first().add((down.from + row * down.stride) * line + across.from * L::COUNT),
                line,
                lines: down.kernel,
                weight,
                y: y.first_mut().add((down.to + row * down.apart) * to_line + across.to * L::COUNT),
                apart: across.apart * L::COUNT,
                count: across.count,
            };
            match (across.kernel, across.stride) {
                (1, 1) => row.compute::<L, 1, 1>(),
                (2, 1) => row.compute::<L, 2, 1>(),
                (3, 1) => row.compute::<L, 3, 1>(),
                (5, 1) => row.compute::<L, 5, 1>(),
                (3, 2) => row.compute::<L, 3, 2>(),
                (5, 2) => row.compute::<L, 5, 2>(),
                (kernel, stride) => row.compute_any::<L>(kernel, stride),
            }
        }
    }
}

/// A row of outputs: the pointers are to its first, and to the values and the weight that it is made of.
struct Row {
    x: *const f32,
    /// From one line of values to the next, and how many.
    line: usize,
    lines: usize,
    weight: *const f32,
    y: *mut f32,
    /// From one output to the next, and how many.
    apart: usize,
    count: usize,
}

/// Outputs beside each other that are computed at once.
const TOGETHER: usize = 4;

impl Row {
    #[inline(always)]
    unsafe fn compute<L: Lanes, const KERNEL: usize, const STRIDE: usize>(&self) {
        let mut column = 0;
        // SAFETY: as the caller's.
        unsafe {
            while column + TOGETHER <= self.count {
                self.some::<L, KERNEL, STRIDE, TOGETHER>(column);
                column += TOGETHER;
            }
            match self.count - column {
                1 => self.some::<L, KERNEL, STRIDE, 1>(column),
                2 => self.some::<L, KERNEL, STRIDE, 2>(column),
                3 => self.some::<L, KERNEL, STRIDE, 3>(column),
                _ => {}
            }
        }
    }

    /// A few outputs, for which each value and weight is read once.
    #[inline(always)]
    unsafe fn some<L: Lanes, const KERNEL: usize, const STRIDE: usize, const COUNT: usize>(&self, column: usize) {
        // SAFETY: as the caller's.
        unsafe {
            let mut sums = [L::splat(0.0); COUNT];
            let (mut x, mut weight) = (self.x.add(column * STRIDE * L::COUNT), self.weight);
            for _ in 0..self.lines {
                let mut factors = [L::splat(0.0); KERNEL];
                for (place, factor) in factors.iter_mut().enumerate() {
                    *factor = L::load(weight.add(place * L::COUNT));
                }
                for at in 0..(COUNT - 1) * STRIDE + KERNEL {
                    let value = L::load(x.add(at * L::COUNT));
                    for (index, sum) in sums.iter_mut().enumerate() {
                        if at >= index * STRIDE && at < index * STRIDE + KERNEL {
                            *sum = sum.add_product(value, factors[at - index * STRIDE]);
                        }
                    }
                }
                x = x.add(self.line);
                weight = weight.add(KERNEL * L::COUNT);
            }
            for (index, sum) in sums.into_iter().enumerate() {
                sum.store(self.y.add((column + index) * self.apart));
            }
        }
    }

    /// With any kernel and stride, one output after the other.
    #[inline(always)]
    unsafe fn compute_any<L: Lanes>(&self, kernel: usize, stride: usize) {
        // SAFETY: as the caller's.
        unsafe {
            for column in 0..self.count {
                let mut sum = L::splat(0.0);
                for (line, place) in (0..self.lines).flat_map(|line| (0..kernel).map(move |place| (line, place))) {
                    let x = self.x.add(line * self.line + (column * stride + place) * L::COUNT);
                    sum = sum.add_product(L::load(x), L::load(self.weight.add((line * kernel + place) * L::COUNT)));
                }
                sum.store(self.y.add(column * self.apart));
            }
        }
    }
}

struct Gradient<'a> {
    of: &'a Planes,
    x: &'a [f32],
    gradient: &'a [f32],
    /// Pictures and channels.
    counts: [usize; 2],
    channels: Range<usize>,
    weight: &'a mut [f32],
}

#[inline(always)]
unsafe fn sum_planes<L: Lanes>(job: Gradient<'_>) {
    let (of, [pictures, channels]) = (job.of, job.counts);
    let [size, out, places] = [of.size, of.output(), of.kernel].map(area);
    let [(top, height), (left, width)] = [0, 1].map(|axis| {
        let (before, after) = of.padding[axis];
        (before, of.size[axis] + before + after)
    });
    let mut x = Tile::new(of.size, [top, left], [height, width]);
    let mut gradient = Tile::new(of.output(), [0, 0], of.output());
    let mut weight = Tile::new(of.kernel, [0, 0], of.kernel);
    for first in job.channels.clone().step_by(L::COUNT) {
        // Beyond the last channel is the last again, and gives again what it gave.
        let channel = |at: usize| (first + at).min(job.channels.end - 1);
        weight.values.fill(Room([0.0; WIDEST]));
        // SAFETY: there are so many planes of either kind, and so many channels of the weight.
        unsafe {
            for picture in 0..pictures {
                let plane = |at| picture * channels + channel(at);
                x.take::<L>(|at| job.x.as_ptr().add(plane(at) * size));
                gradient.take::<L>(|at| job.gradient.as_ptr().add(plane(at) * out));
                add_sums::<L>(of, &x, &gradient, &mut weight);
            }
            let to = job.weight.as_mut_ptr();
            weight.give::<L>(|at| to.add((channel(at) - job.channels.start) * places));
        }
    }
}

/// Adds what one picture's planes give to the sum of each place of the kernel.
#[inline(always)]
unsafe fn add_sums<L: Lanes>(of: &Planes, x: &Tile, gradient: &Tile, sums: &mut Tile) {
    let [height, width] = of.kernel;
    // SAFETY: as the caller's; the places are within the kernel.
    unsafe {
        match (height, width) {
            (3, 3) => add_places::<L, 3, 3>(of, x, gradient, [0, 0], sums),
            (_, 3) => (0..height).for_each(|row| add_places::<L, 1, 3>(of, x, gradient, [row, 0], sums)),
            (_, 5) => (0..height).for_each(|row| add_places::<L, 1, 5>(of, x, gradient, [row, 0], sums)),
            _ => {
                let places = (0..height).flat_map(|row| repeat_n(row, width).zip(0..width));
                places.for_each(|(row, column)| add_places::<L, 1, 1>(of, x, gradient, [row, column], sums));
            }
        }
    }
}

/// Adds to the sums of some neighbouring places of the kernel, from `first` on.
#[inline(always)]
unsafe fn add_places<L: Lanes, const HEIGHT: usize, const WIDTH: usize>(
    of: &Planes,
    x: &Tile,
    gradient: &Tile,
    first: [usize; 2],
    to: &mut Tile,
) {
    let [rows, columns] = of.output();
    // SAFETY: as the caller's.
    unsafe {
        let mut sums = [[L::splat(0.0); WIDTH]; HEIGHT];
        let mut gradient = gradient.first();
        for row in 0..rows {
            let from = (first[0] + row * of.stride[0]) * x.line + first[1];
            let mut x_row = x.first().add(from * L::COUNT);
            for _ in 0..columns {
                let share = L::load(gradient);
                for (line, sums) in sums.iter_mut().enumerate() {
                    for (place, sum) in sums.iter_mut().enumerate() {
                        *sum = sum.add_product(share, L::load(x_row.add((line * x.line + place) * L::COUNT)));
                    }
                }
                gradient = gradient.add(L::COUNT);
                x_row = x_row.add(of.stride[1] * L::COUNT);
            }
        }
        for (line, sums) in sums.into_iter().enumerate() {
            for (place, sum) in sums.into_iter().enumerate() {
                let at = ((first[0] + line) * of.kernel[1] + first[1] + place) * L::COUNT;
                let to = to.first_mut().add(at);
                L::load(to).add(sum).store(to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::tests::{assert_near, levels, wave};

    #[test]
    fn gradients_of_planes_are_those_of_the_definition() {
        for (kernel, stride, padding, size) in [
            ([3, 3], [1, 1], [(1, 1), (1, 1)], [7, 7]),
            ([3, 3], [2, 2], [(1, 1), (1, 1)], [8, 9]),
            ([3, 3], [2, 2], [(0, 1), (0, 1)], [8, 8]),
            ([5, 5], [1, 1], [(2, 2), (2, 2)], [4, 6]),
            ([5, 2], [2, 1], [(2, 2), (0, 1)], [6, 6]),
            ([3, 3], [1, 1], [(0, 0), (0, 0)], [3, 3]),
            ([1, 1], [1, 1], [(0, 0), (0, 0)], [1, 1]),
            // What some backbones might have: no window at the end, windows apart from each other, more zeros than the kernel reaches.
            ([1, 1], [2, 2], [(0, 0), (0, 0)], [4, 5]),
            ([2, 2], [3, 3], [(0, 0), (1, 0)], [9, 8]),
            ([3, 4], [1, 2], [(4, 3), (1, 5)], [5, 4]),
            ([7, 7], [2, 2], [(3, 3), (3, 3)], [10, 11]),
        ] {
            planes_are_as_defined(Planes { kernel, stride, padding, size }, [1, 1]);
            planes_are_as_defined(Planes { kernel, stride, padding, size }, [3, 5]);
        }
    }

    #[test]
    fn planes_of_small_maps() {
        for (kernel, stride) in [(3, 1), (3, 2), (5, 1), (5, 2)] {
            for side in [1, 2, 3, 4, 7, 14] {
                let padding = [(kernel / 2, kernel / 2); 2];
                let planes = Planes { kernel: [kernel; 2], stride: [stride; 2], padding, size: [side; 2] };
                for batch in [1, 3, 4, 16] {
                    planes_are_as_defined(planes, [batch, 13]);
                }
                planes_are_as_defined(planes, [2, 8]);
            }
        }
    }

    /// Places of a plane of the output, of the kernel and of the input that belong together.
    fn connections(planes: &Planes) -> Vec<[usize; 3]> {
        let Planes { kernel, stride, padding, size } = *planes;
        let out = planes.output();
        let mut all = Vec::new();
        for (y, x) in (0..out[0]).flat_map(|y| (0..out[1]).map(move |x| (y, x))) {
            for (ky, kx) in (0..kernel[0]).flat_map(|y| (0..kernel[1]).map(move |x| (y, x))) {
                let row = (y * stride[0] + ky).checked_sub(padding[0].0).filter(|row| *row < size[0]);
                let column = (x * stride[1] + kx).checked_sub(padding[1].0).filter(|at| *at < size[1]);
                if let (Some(row), Some(column)) = (row, column) {
                    all.push([y * out[1] + x, ky * kernel[1] + kx, row * size[1] + column]);
                }
            }
        }
        all
    }

    fn planes_are_as_defined(planes: Planes, [batch, channels]: [usize; 2]) {
        let (size, out, places) = (area(planes.size), area(planes.output()), area(planes.kernel));
        let (x, weight) = (wave(batch * channels * size, 0.7), wave(channels * places, 1.3));
        let gradient = wave(batch * channels * out, 0.3);
        let mut expected = vec![0.0; gradient.len()];
        let mut expected_x = vec![0.0; x.len()];
        let mut expected_w = vec![0.0; weight.len()];
        let connections = connections(&planes);
        for plane in 0..batch * channels {
            for [to, place, from] in &connections {
                let (to, place, from) = (plane * out + to, plane % channels * places + place, plane * size + from);
                expected[to] += f64::from(x[from]) * f64::from(weight[place]);
                expected_x[from] += f64::from(gradient[to]) * f64::from(weight[place]);
                expected_w[place] += f64::from(gradient[to]) * f64::from(x[from]);
            }
        }
        for level in levels() {
            let what = format!("{level:?} {planes:?}, {batch} of {channels}");
            let [mut y, mut dx, mut dw] = [gradient.len(), x.len(), weight.len()].map(|length| vec![f32::NAN; length]);
            planes.forward_with(&x, &weight, 0, &mut y, level);
            planes.input_gradient_with(&gradient, &weight, 0, &mut dx, level);
            planes.weight_gradient_with(&x, &gradient, [batch, channels], 0..channels, &mut dw, level);
            assert_near(&y, &expected, &format!("{what}: forward"));
            assert_near(&dx, &expected_x, &format!("{what}: input"));
            assert_near(&dw, &expected_w, &format!("{what}: weight"));
            // To the bit what they are in other company.
            let [mut y_apart, mut dx_apart, mut dw_apart] = [&y, &dx, &dw].map(|values| vec![f32::NAN; values.len()]);
            for planes_of in [0..1, 1..batch * channels / 2, (batch * channels / 2).max(1)..batch * channels] {
                let first = planes_of.start % channels;
                let [x_of, y_of] =
                    [size, out].map(|area| planes_of.start * area..planes_of.end.max(planes_of.start) * area);
                planes.forward_with(&x[x_of.clone()], &weight, first, &mut y_apart[y_of.clone()], level);
                planes.input_gradient_with(&gradient[y_of], &weight, first, &mut dx_apart[x_of], level);
            }
            for channel in 0..channels {
                let dw = &mut dw_apart[channel * places..][..places];
                planes.weight_gradient_with(&x, &gradient, [batch, channels], channel..channel + 1, dw, level);
            }
            assert_eq!((y_apart, dx_apart, dw_apart), (y, dx, dw), "{what}");
        }
    }
}
