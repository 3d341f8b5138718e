//! The kernels that train: pointwise and depthwise convolutions of a batch with their gradients, and a head's dense layer, which is made
//! of the same products. The shapes are those of `last:3`, the last two blocks and the last convolution, as
//! `src/nn/operations/cpu.rs` calls them on one thread.

use crate::mobilenet_v2::MobileNetV2;
use crate::numbers::{Numbers, assert_near};
use crate::report::{Row, Step};
use crate::timer::{Stopwatch, Timer, Took};
use crate::work::{Work, bytes, multiplications};
use headstart_kernels::{Conv, Planes, PointwiseBatch};
use std::error::Error;
use std::hint::black_box;

/// Pictures in a batch, and in the shares that a batch is computed in.
const BATCHES: [usize; 2] = [16, 4];
/// Stages that train.
const STAGES: usize = 3;
/// Classes of the head.
const CLASSES: usize = 10;

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kernel {
    /// Σ over inputs of weight · x.
    Product(PointwiseBatch),
    /// Σ over outputs of weight · gradient.
    InputGradient(PointwiseBatch),
    /// Σ over pictures and pixels of gradient · x.
    WeightGradient(PointwiseBatch),
    /// Of so many pictures and channels, as the gradients are.
    DepthwiseForward([usize; 2], Planes),
    DepthwiseInput([usize; 2], Planes),
    DepthwiseWeight([usize; 2], Planes),
}

/// Every distinct kernel of a step, for batches of each size.
///
/// # Errors
/// Those of [`Timer::time`].
pub(crate) fn measure(network: &MobileNetV2, timer: &mut Timer) -> Result<Vec<Step>, Box<dyn Error>> {
    BATCHES.into_iter().map(|batch| measure_batch(network, batch, timer)).collect()
}

fn measure_batch(network: &MobileNetV2, batch: usize, timer: &mut Timer) -> Result<Step, Box<dyn Error>> {
    let name = format!("{}-training-{batch}", network.name());
    let mut kernels: Vec<(String, Kernel, usize)> = Vec::new();
    for (name, kernel) in step(network, batch) {
        match kernels.iter_mut().find(|(known, ..)| *known == name) {
            Some((.., count)) => *count += 1,
            None => kernels.push((name, kernel, 1)),
        }
    }
    let mut rows = Vec::new();
    for (kernel_name, kernel, count) in kernels {
        if let Some(seconds) = timer.time(&name, &kernel_name, || kernel.prepare(&kernel_name))? {
            rows.push(Row { name: kernel_name, count, seconds, work: kernel.work() });
        }
    }
    Ok(Step { name, batch, kernels: rows })
}

/// All kernels of one step, with their names.
fn step(network: &MobileNetV2, batch: usize) -> Vec<(String, Kernel)> {
    let mut kernels = Vec::new();
    let mut features = 0;
    // What is in front of the first convolution does not train.
    let mut wants_input = false;
    for stage in &network.stages[network.stages.len() - STAGES..] {
        let mut size = [stage.input[1], stage.input[2]];
        for conv in &stage.convs {
            let Conv { inputs, outputs, kernel, stride, padding, .. } = *conv;
            if conv.is_depthwise() {
                let planes = Planes { kernel, stride, padding, size };
                let shape = format!("{inputs}, {}x{}", size[0], size[1]);
                let of = [batch, inputs];
                kernels.push((format!("depthwise forward {shape}"), Kernel::DepthwiseForward(of, planes)));
                kernels.push((format!("depthwise weight gradient {shape}"), Kernel::DepthwiseWeight(of, planes)));
                kernels.push((format!("depthwise input gradient {shape}"), Kernel::DepthwiseInput(of, planes)));
            } else {
                let of = PointwiseBatch { batch, inputs, outputs, area: size[0] * size[1] };
                let shape = format!("{inputs} to {outputs}, {}x{}", size[0], size[1]);
                kernels.push((format!("pointwise forward {shape}"), Kernel::Product(of)));
                kernels.push((format!("pointwise weight gradient {shape}"), Kernel::WeightGradient(of)));
                if wants_input {
                    kernels.push((format!("pointwise input gradient {shape}"), Kernel::InputGradient(of)));
                }
            }
            wants_input = true;
            size = conv.size_of(size);
            features = outputs;
        }
    }
    let dense = |inputs, outputs, area| PointwiseBatch { batch: 1, inputs, outputs, area };
    let shape = format!("{features} to {CLASSES}");
    kernels.push((format!("dense forward {shape}"), Kernel::WeightGradient(dense(CLASSES, batch, features))));
    kernels.push((format!("dense input gradient {shape}"), Kernel::Product(dense(CLASSES, batch, features))));
    kernels.push((format!("dense weight gradient {shape}"), Kernel::Product(dense(batch, CLASSES, features))));
    kernels
}

impl Kernel {
    /// Floats of what it takes and of what it gives.
    fn lengths(self) -> ([usize; 2], usize) {
        match self {
            Self::Product(PointwiseBatch { batch, inputs, outputs, area }) => {
                ([batch * inputs * area, outputs * inputs], batch * outputs * area)
            }
            Self::WeightGradient(PointwiseBatch { batch, inputs, outputs, area }) => {
                ([batch * inputs * area, batch * outputs * area], outputs * inputs)
            }
            Self::InputGradient(PointwiseBatch { batch, inputs, outputs, area }) => {
                ([batch * outputs * area, outputs * inputs], batch * inputs * area)
            }
            Self::DepthwiseForward([batch, channels], planes) => {
                let [input, output] = areas(&planes).map(|area| batch * channels * area);
                ([input, channels * places(&planes)], output)
            }
            Self::DepthwiseInput([batch, channels], planes) => {
                let [input, output] = areas(&planes).map(|area| batch * channels * area);
                ([channels * places(&planes), output], input)
            }
            Self::DepthwiseWeight([batch, channels], planes) => {
                let [input, output] = areas(&planes).map(|area| batch * channels * area);
                ([input, output], channels * places(&planes))
            }
        }
    }

    fn work(self) -> Work {
        let multiplications = match self {
            Self::Product(PointwiseBatch { batch, inputs, outputs, area })
            | Self::InputGradient(PointwiseBatch { batch, inputs, outputs, area })
            | Self::WeightGradient(PointwiseBatch { batch, inputs, outputs, area }) => batch * inputs * outputs * area,
            Self::DepthwiseForward(of, planes)
            | Self::DepthwiseInput(of, planes)
            | Self::DepthwiseWeight(of, planes) => {
                let Planes { kernel, stride, padding, size } = planes;
                let (batch, [inputs, outputs, groups]) = (of[0], [of[1]; 3]);
                let (weight, bias, activation) = (Vec::new(), None, Default::default());
                let conv = Conv { inputs, outputs, kernel, stride, padding, groups, weight, bias, activation };
                batch * multiplications(&conv, size)
            }
        };
        let ([a, b], out) = self.lengths();
        let bytes = bytes(a + b + out);
        Work { flops: 2.0 * multiplications as f64, bytes, working_set: bytes }
    }

    /// Compares it with its definition, then gives what times it.
    fn prepare(self, name: &str) -> impl FnMut(u64) -> Took + use<> {
        let mut numbers = Numbers::new(4);
        let (lengths, length) = self.lengths();
        let [a, b] = lengths.map(|length| numbers.many(length, 1.0));
        let mut y = vec![0.0; length];
        self.compute(&a, &b, &mut y);
        let mut expected = vec![0.0; length];
        self.define(&a, &b, &mut expected);
        assert_near(&y, &expected, name);
        let mut stopwatch = Stopwatch::new();
        move |iterations| {
            stopwatch.time(iterations, || {
                self.compute(black_box(&a), black_box(&b), &mut y);
                black_box(&y);
            })
        }
    }

    fn compute(self, a: &[f32], b: &[f32], y: &mut [f32]) {
        match self {
            Self::Product(of) => of.forward(a, b, y),
            Self::InputGradient(of) => of.input_gradient(a, b, y),
            Self::WeightGradient(of) => of.weight_gradient(a, b, 0..of.outputs, y),
            Self::DepthwiseForward(_, planes) => planes.forward(a, b, 0, y),
            Self::DepthwiseInput(_, planes) => planes.input_gradient(b, a, 0, y),
            Self::DepthwiseWeight(of, planes) => planes.weight_gradient(a, b, of, 0..of[1], y),
        }
    }

    /// The same as its definition reads.
    fn define(self, a: &[f32], b: &[f32], y: &mut [f64]) {
        let product = |a: f32, b: f32| f64::from(a) * f64::from(b);
        match self {
            Self::Product(PointwiseBatch { batch, inputs, outputs, area }) => {
                for (picture, output, input) in indices([batch, outputs, inputs]) {
                    let y = &mut y[(picture * outputs + output) * area..][..area];
                    let x = &a[(picture * inputs + input) * area..][..area];
                    y.iter_mut().zip(x).for_each(|(y, x)| *y += product(*x, b[output * inputs + input]));
                }
            }
            Self::InputGradient(PointwiseBatch { batch, inputs, outputs, area }) => {
                for (picture, output, input) in indices([batch, outputs, inputs]) {
                    let y = &mut y[(picture * inputs + input) * area..][..area];
                    let gradient = &a[(picture * outputs + output) * area..][..area];
                    y.iter_mut().zip(gradient).for_each(|(y, g)| *y += product(*g, b[output * inputs + input]));
                }
            }
            Self::WeightGradient(PointwiseBatch { batch, inputs, outputs, area }) => {
                for (picture, output, input) in indices([batch, outputs, inputs]) {
                    let x = &a[(picture * inputs + input) * area..][..area];
                    let gradient = &b[(picture * outputs + output) * area..][..area];
                    y[output * inputs + input] += x.iter().zip(gradient).map(|(a, b)| product(*a, *b)).sum::<f64>();
                }
            }
            Self::DepthwiseForward(count, planes) => pairs(count, &planes, |weight, input, output| {
                y[output] += product(a[input], b[weight]);
            }),
            Self::DepthwiseInput(count, planes) => pairs(count, &planes, |weight, input, output| {
                y[input] += product(a[weight], b[output]);
            }),
            Self::DepthwiseWeight(count, planes) => pairs(count, &planes, |weight, input, output| {
                y[weight] += product(a[input], b[output]);
            }),
        }
    }
}

/// Values of a plane of the input and of the output.
fn areas(planes: &Planes) -> [usize; 2] {
    [planes.size, planes.output()].map(|[height, width]| height * width)
}

fn places(planes: &Planes) -> usize {
    planes.kernel[0] * planes.kernel[1]
}

fn indices([a, b, c]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a * b * c).map(move |at| (at / (b * c), at / c % b, at % c))
}

/// Every value of a depthwise convolution's weight with those of input and output that it connects, by their places in memory.
fn pairs([batch, channels]: [usize; 2], planes: &Planes, mut each: impl FnMut(usize, usize, usize)) {
    let Planes { kernel, stride, padding, size } = *planes;
    let (out, [area, out_area]) = (planes.output(), areas(planes));
    for (plane, at, place) in indices([batch * channels, out_area, places(planes)]) {
        let row = (at / out[1] * stride[0] + place / kernel[1]).checked_sub(padding[0].0).filter(|row| *row < size[0]);
        let column = (at % out[1] * stride[1] + place % kernel[1]).checked_sub(padding[1].0).filter(|at| *at < size[1]);
        if let (Some(row), Some(column)) = (row, column) {
            let weight = plane % channels * places(planes) + place;
            each(weight, plane * area + row * size[1] + column, plane * out_area + at);
        }
    }
}
