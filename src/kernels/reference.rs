//! Every operation as its definition reads, on `[channels, height, width]`: slow, and what the fast ones are compared with.

use crate::dots::ROUND;
use crate::eight_bits::ABOVE;
use crate::network::{Affine, Dense, Layer, Op};
use crate::{Arithmetic, Conv, Window};

/// A value with its shape.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    pub shape: [usize; 3],
    pub values: Vec<f64>,
}

impl Map {
    fn new(shape: [usize; 3], value: impl Fn([usize; 3]) -> f64) -> Self {
        let [channels, height, width] = shape;
        let at = |i: usize| [i / (height * width), i / width % height, i % width];
        Self { shape, values: (0..channels * height * width).map(|i| value(at(i))).collect() }
    }

    fn get(&self, [channel, y, x]: [usize; 3]) -> f64 {
        let [_, height, width] = self.shape;
        self.values[(channel * height + y) * width + x]
    }

    /// The value there, if `y` and `x`, counted from as far before the edge as is said, are within it.
    fn find(&self, channel: usize, y: usize, x: usize, before: [usize; 2]) -> Option<f64> {
        let (y, x) = (y.checked_sub(before[0])?, x.checked_sub(before[1])?);
        (y < self.shape[1] && x < self.shape[2]).then(|| self.get([channel, y, x]))
    }
}

/// What layers give for a picture.
pub(crate) fn run(picture: Map, layers: &[Layer]) -> Map {
    let mut values = vec![picture];
    for Layer { op, inputs } in layers {
        let inputs: Vec<&Map> = inputs.iter().map(|input| &values[*input]).collect();
        values.push(of(op, &inputs));
    }
    values.remove(layers.len())
}

fn of(op: &Op, inputs: &[&Map]) -> Map {
    let x = inputs[0];
    match op {
        Op::Conv(conv) => convolve(conv, x, inputs.get(1).copied()),
        Op::Dense(Dense { inputs, outputs, weight, bias }) => Map::new([*outputs, 1, 1], |[row, ..]| {
            let sum: f64 = (0..*inputs).map(|i| f64::from(weight[row * inputs + i]) * x.values[i]).sum();
            sum + bias.as_ref().map_or(0.0, |bias| f64::from(bias[row]))
        }),
        Op::Affine(Affine { scale, shift }) => {
            Map::new(x.shape, |at| x.get(at) * f64::from(scale[at[0]]) + f64::from(shift[at[0]]))
        }
        Op::Activate(activation) => Map::new(x.shape, |at| f64::from(activation.of(x.get(at) as f32))),
        Op::MaxPool(window) => pool(window, x, |values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        Op::AveragePool(window) => {
            let area = (window.kernel * window.kernel) as f64;
            pool(window, x, |values| values.iter().sum::<f64>() / area)
        }
        Op::GlobalAverage => {
            let [channels, height, width] = x.shape;
            let of = |channel: usize| x.values[channel * height * width..][..height * width].iter().sum::<f64>();
            Map::new([channels, 1, 1], |[channel, ..]| of(channel) / (height * width) as f64)
        }
        Op::Scale => Map::new(x.shape, |at| x.get(at) * inputs[1].values[at[0]]),
        Op::Add(activation) => Map::new(x.shape, |at| {
            f64::from(activation.of(inputs.iter().map(|input| input.get(at)).sum::<f64>() as f32))
        }),
        Op::Concat => {
            let channels = inputs.iter().map(|input| input.shape[0]).sum();
            let values = inputs.iter().flat_map(|input| input.values.iter().copied()).collect();
            Map { shape: [channels, x.shape[1], x.shape[2]], values }
        }
    }
}

/// Values and weights as whole numbers times their scales: each pixel's or, where a window is larger, the picture's, and each output
/// channel's.
fn in_eight_bits(conv: &Conv, x: &Map) -> (Conv, Map) {
    let [channels, height, width] = x.shape;
    let area = height * width;
    let mut x = x.clone();
    let alone = (conv.kernel, conv.stride, conv.padding) == ([1, 1], [1, 1], [(0, 0); 2]);
    let parts: Vec<Vec<usize>> = match alone {
        true => (0..area).map(|pixel| (0..channels).map(|channel| channel * area + pixel).collect()).collect(),
        false => vec![(0..channels * area).collect()],
    };
    for part in parts {
        let values = part.iter().map(|at| x.values[*at] as f32);
        let (least, most) = values.fold((0.0_f32, 0.0_f32), |(least, most), x| (least.min(x), most.max(x)));
        if most > least {
            let by = 126.0 / (most - least);
            let zero = (ABOVE - least * by).round_ties_even();
            let step = f64::from((most - least) / 126.0);
            // A half is rounded as the engine does, which adds before it rounds.
            let whole = |x: f64| f64::from((x as f32 * by + (zero + ROUND)) - ROUND - zero);
            part.into_iter().for_each(|at| x.values[at] = whole(x.values[at]) * step);
        }
    }
    let mut conv = Conv { arithmetic: Arithmetic::Floats, ..conv.clone() };
    let depth = conv.weight.len() / conv.outputs;
    for column in conv.weight.chunks_exact_mut(depth) {
        let largest = column.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        column.iter_mut().for_each(|x| *x = (*x / largest * 127.0).round() * (largest / 127.0));
    }
    (conv, x)
}

fn convolve(conv: &Conv, x: &Map, shortcut: Option<&Map>) -> Map {
    if conv.arithmetic == Arithmetic::EightBits {
        let (conv, x) = in_eight_bits(conv, x);
        return convolve(&conv, &x, shortcut);
    }
    let [height, width] = conv.size_of([x.shape[1], x.shape[2]]);
    let (inputs, outputs) = (conv.inputs / conv.groups, conv.outputs / conv.groups);
    Map::new([conv.outputs, height, width], |at| {
        let [channel, y, column] = at;
        let mut sum = conv.bias.as_ref().map_or(0.0, |bias| f64::from(bias[channel]));
        for input in 0..inputs {
            for row in 0..conv.kernel[0] {
                for place in 0..conv.kernel[1] {
                    let weight =
                        conv.weight[((channel * inputs + input) * conv.kernel[0] + row) * conv.kernel[1] + place];
                    let (y, column) = (y * conv.stride[0] + row, column * conv.stride[1] + place);
                    let before = [conv.padding[0].0, conv.padding[1].0];
                    let value = x.find(channel / outputs * inputs + input, y, column, before);
                    sum += f64::from(weight) * value.unwrap_or(0.0);
                }
            }
        }
        let sum = sum + shortcut.map_or(0.0, |shortcut| shortcut.get(at));
        f64::from(conv.activation.of(sum as f32))
    })
}

fn pool(window: &Window, x: &Map, of: impl Fn(&[f64]) -> f64) -> Map {
    let [height, width] = window.size_of([x.shape[1], x.shape[2]]);
    Map::new([x.shape[0], height, width], |[channel, y, column]| {
        let places = (0..window.kernel * window.kernel).map(|place| {
            let (y, column) =
                (y * window.stride + place / window.kernel, column * window.stride + place % window.kernel);
            x.find(channel, y, column, [window.padding[0].0, window.padding[1].0])
        });
        of(&places.flatten().collect::<Vec<f64>>())
    })
}
