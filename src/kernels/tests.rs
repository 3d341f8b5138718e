//! The fast operations beside those of `reference`, with the vectors of every level that this machine has.

use crate::lanes::Level;
use crate::reference::{Map, run};
use crate::{Activation, Affine, Arena, Arithmetic, Conv, Dense, Input, Layer, Network, Op, Window};

/// Numbers that look like any others, of a seed.
struct Numbers(u32);

impl Numbers {
    fn next(&mut self) -> f32 {
        // Numerical Recipes' linear congruence; its high bits are good enough here.
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    fn many(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }

    fn conv(&mut self, inputs: usize, outputs: usize, kernel: [usize; 2], stride: [usize; 2]) -> Conv {
        Conv {
            inputs,
            outputs,
            kernel,
            stride,
            padding: kernel.map(|side| (side / 2, side / 2)),
            groups: 1,
            weight: self.many(outputs * inputs * kernel[0] * kernel[1]),
            bias: Some(self.many(outputs)),
            activation: Activation::Relu6,
            arithmetic: Arithmetic::Floats,
        }
    }

    fn depthwise(&mut self, channels: usize, kernel: [usize; 2], stride: [usize; 2]) -> Conv {
        let conv = self.conv(1, channels, kernel, stride);
        Conv { inputs: channels, groups: channels, ..conv }
    }
}

fn levels() -> Vec<Level> {
    let mut levels = vec![Level::Four, Level::best()];
    levels.dedup();
    levels
}

/// Compares a network with its definition; each value within 1e-5 of the largest.
fn compare(shape: [usize; 3], layers: &[Layer], numbers: &mut Numbers) {
    let picture = numbers.many(shape.iter().product());
    let expected = run(Map { shape, values: picture.iter().map(|x| f64::from(*x)).collect() }, layers);
    let largest = expected.values.iter().fold(1e-3_f64, |largest, x| largest.max(x.abs()));
    for level in levels() {
        let network = Network::with_level(shape, layers.to_vec(), level).unwrap();
        assert_eq!((network.input_shape(), network.output_shape()), (shape, expected.shape));
        let (mut arena, mut found, mut again) = (Arena::default(), Vec::new(), Vec::new());
        network.run(Input::Map(&picture), &mut arena, &mut found);
        network.run(Input::Map(&picture), &mut arena, &mut again);
        assert_eq!(found, again, "what an earlier run has left must not matter");
        assert_eq!(found.len(), expected.values.len());
        for (at, (found, expected)) in found.iter().zip(&expected.values).enumerate() {
            let apart = (f64::from(*found) - expected).abs();
            assert!(apart <= 1e-5 * largest, "{level:?} {layers:?}: value {at} is {found} and not {expected}");
        }
        let mut pooled = Vec::new();
        network.run_pooled(Input::Map(&picture), &mut arena, &mut pooled);
        let pixels = expected.shape[1] * expected.shape[2];
        for (found, of) in pooled.iter().zip(expected.values.chunks_exact(pixels)) {
            assert!((f64::from(*found) - of.iter().sum::<f64>() / pixels as f64).abs() <= 1e-5 * largest);
        }
    }
}

fn alone(op: Op) -> Vec<Layer> {
    vec![Layer { op, inputs: vec![0] }]
}

#[test]
fn products() {
    let mut numbers = Numbers(1);
    for pixels in [1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 49] {
        for (inputs, outputs) in [(1, 1), (3, 4), (4, 5), (5, 8), (8, 12), (9, 17), (33, 31), (200, 24)] {
            let conv = numbers.conv(inputs, outputs, [1, 1], [1, 1]);
            compare([inputs, 1, pixels], &alone(Op::Conv(conv)), &mut numbers);
        }
    }
}

#[test]
fn convolutions() {
    let mut numbers = Numbers(2);
    for kernel in [[1, 1], [3, 3], [5, 5], [1, 7], [7, 1], [2, 3]] {
        for stride in [[1, 1], [2, 2], [3, 1]] {
            for (inputs, outputs) in [(3, 8), (8, 3), (16, 20)] {
                for size in [[9, 8], [7, 13]] {
                    let conv = numbers.conv(inputs, outputs, kernel, stride);
                    compare([inputs, size[0], size[1]], &alone(Op::Conv(conv.clone())), &mut numbers);
                    let uneven = Conv { padding: [(0, 1), (1, 2)], bias: None, ..conv };
                    compare([inputs, size[0], size[1]], &alone(Op::Conv(uneven)), &mut numbers);
                }
            }
        }
    }
}

#[test]
fn bytes_of_a_picture() {
    let mut numbers = Numbers(10);
    let by = [[0.01, -1.2], [0.02, 0.3], [-0.005, 0.0]];
    for size in [[9, 8], [7, 13], [1, 1], [12, 16]] {
        let rgb: Vec<u8> = (0..size[0] * size[1] * 3).map(|at| (at * 89 % 256) as u8).collect();
        let mut planes = Vec::new();
        crate::pixels::normalise(&rgb, by, &mut planes);
        // Read where it lies, gathered as two ask for it, and pixel by pixel.
        let [first, second] = [(); 2].map(|()| Op::Conv(numbers.conv(3, 8, [3, 3], [2, 2])));
        let two = [first.clone(), second].map(|op| Layer { op, inputs: vec![0] });
        let sum = Layer { op: Op::Add(Activation::None), inputs: vec![1, 2] };
        let pointwise = numbers.conv(3, 5, [1, 1], [1, 1]);
        for layers in [alone(first), [&two[..], &[sum]].concat(), alone(Op::Conv(pointwise))] {
            for level in levels() {
                let network = Network::with_level([3, size[0], size[1]], layers.clone(), level).unwrap();
                let [of_bytes, of_planes] = [Input::Picture { rgb: &rgb, by }, Input::Map(&planes)].map(|input| {
                    let mut out = Vec::new();
                    network.run(input, &mut Arena::default(), &mut out);
                    out
                });
                assert_eq!(of_bytes, of_planes, "{level:?} {layers:?} {size:?}");
            }
        }
    }
}

/// Many pixels and a deep weight, so that there is more than one block.
#[test]
fn blocks() {
    let mut numbers = Numbers(3);
    let conv = numbers.conv(40, 20, [3, 3], [1, 1]);
    compare([40, 12, 11], &alone(Op::Conv(conv)), &mut numbers);
    let pointwise = numbers.conv(130, 40, [1, 1], [1, 1]);
    compare([130, 15, 13], &alone(Op::Conv(pointwise)), &mut numbers);
}

#[test]
fn groups() {
    let mut numbers = Numbers(4);
    for (groups, inputs, outputs) in [(2, 6, 8), (3, 9, 15), (4, 4, 8)] {
        for kernel in [[1, 1], [3, 3]] {
            let conv = numbers.conv(inputs / groups, outputs, kernel, [1, 1]);
            compare([inputs, 6, 5], &alone(Op::Conv(Conv { inputs, groups, ..conv })), &mut numbers);
        }
    }
}

#[test]
fn depthwise() {
    let mut numbers = Numbers(5);
    for kernel in [[3, 3], [5, 5], [2, 2], [7, 7], [1, 3]] {
        for stride in [[1, 1], [2, 2], [2, 1]] {
            for size in [[1, 1], [2, 3], [3, 3], [4, 4], [5, 6], [7, 7], [9, 12], [14, 21]] {
                for channels in [2, 8, 13, 24] {
                    let conv = numbers.depthwise(channels, kernel, stride);
                    if conv.size_of(size).contains(&0) {
                        continue;
                    }
                    compare([channels, size[0], size[1]], &alone(Op::Conv(conv.clone())), &mut numbers);
                    // TensorFlow's "same".
                    let same = Conv { padding: kernel.map(|side| ((side - 1) / 2, side / 2)), ..conv.clone() };
                    compare([channels, size[0], size[1]], &alone(Op::Conv(same)), &mut numbers);
                    // Windows that lie wholly outside.
                    let far = Conv { padding: [(1, 6), (13, 9)], ..conv };
                    compare([channels, size[0], size[1]], &alone(Op::Conv(far)), &mut numbers);
                }
            }
        }
    }
}

#[test]
fn activations() {
    let mut numbers = Numbers(6);
    let all = [
        Activation::None,
        Activation::Relu,
        Activation::Relu6,
        Activation::Silu,
        Activation::HardSwish,
        Activation::HardSigmoid,
        Activation::Sigmoid,
    ];
    for activation in all {
        let pointwise = Conv { activation, ..numbers.conv(24, 10, [1, 1], [1, 1]) };
        compare([24, 5, 7], &alone(Op::Conv(pointwise)), &mut numbers);
        let gathered = Conv { activation, ..numbers.conv(3, 10, [3, 3], [2, 2]) };
        compare([3, 11, 7], &alone(Op::Conv(gathered)), &mut numbers);
        let depthwise = Conv { activation, ..numbers.depthwise(10, [3, 3], [1, 1]) };
        compare([10, 6, 7], &alone(Op::Conv(depthwise)), &mut numbers);
        compare([10, 6, 7], &alone(Op::Activate(activation)), &mut numbers);
    }
}

#[test]
fn pooling() {
    let mut numbers = Numbers(7);
    for padding in [[(0, 0); 2], [(1, 1); 2], [(0, 1), (1, 0)]] {
        for (kernel, stride) in [(2, 2), (3, 2), (3, 1)] {
            let window = Window { kernel, stride, padding };
            compare([5, 7, 8], &alone(Op::MaxPool(window)), &mut numbers);
            compare([5, 7, 8], &alone(Op::AveragePool(window)), &mut numbers);
        }
    }
    compare([11, 7, 5], &alone(Op::GlobalAverage), &mut numbers);
}

#[test]
fn small_graphs() {
    let mut numbers = Numbers(8);
    let layer = |op, inputs: &[usize]| Layer { op, inputs: inputs.to_vec() };
    // An inverted residual block with squeeze-and-excitation, whose shortcut is added in the product.
    let expand = numbers.conv(12, 30, [1, 1], [1, 1]);
    let depthwise = Conv { activation: Activation::Silu, ..numbers.depthwise(30, [3, 3], [1, 1]) };
    let mut dense = |inputs: usize, outputs: usize| Dense {
        inputs,
        outputs,
        weight: numbers.many(inputs * outputs),
        bias: Some(numbers.many(outputs)),
    };
    let (reduce, widen) = (dense(30, 6), dense(6, 30));
    let project = Conv { activation: Activation::None, ..numbers.conv(30, 12, [1, 1], [1, 1]) };
    let block = [
        layer(Op::Conv(expand), &[0]),
        layer(Op::Conv(depthwise), &[1]),
        layer(Op::GlobalAverage, &[2]),
        layer(Op::Dense(reduce), &[3]),
        layer(Op::Activate(Activation::Relu), &[4]),
        layer(Op::Dense(widen), &[5]),
        layer(Op::Activate(Activation::Sigmoid), &[6]),
        layer(Op::Scale, &[2, 7]),
        layer(Op::Conv(project), &[8, 0]),
    ];
    compare([12, 6, 7], &block, &mut numbers);
    // Branches that are put together, and a sum with an activation; one value is taken twice.
    let branches = [
        layer(Op::Conv(numbers.conv(5, 9, [1, 1], [1, 1])), &[0]),
        layer(Op::Conv(numbers.conv(5, 7, [3, 3], [1, 1])), &[0]),
        layer(Op::Concat, &[1, 2, 0]),
        layer(Op::Affine(Affine { scale: numbers.many(21), shift: numbers.many(21) }), &[3]),
        layer(Op::Add(Activation::Relu), &[4, 3, 3]),
        layer(Op::Conv(Conv { activation: Activation::Relu, ..numbers.conv(21, 21, [3, 3], [1, 1]) }), &[5, 5]),
    ];
    compare([5, 6, 4], &branches, &mut numbers);
    // Nothing at all.
    compare([5, 6, 4], &[], &mut numbers);
}

/// What is quantised is told by `reference`; from there on the two compute the same.
#[test]
fn products_in_eight_bits() {
    let mut numbers = Numbers(11);
    let eight = |conv: Conv| Conv { arithmetic: Arithmetic::EightBits, ..conv };
    for pixels in [2, 3, 4, 5, 7, 13, 49] {
        for (inputs, outputs) in [(8, 4), (9, 5), (15, 8), (16, 12), (24, 17), (33, 31), (200, 24)] {
            let conv = eight(numbers.conv(inputs, outputs, [1, 1], [1, 1]));
            compare([inputs, 1, pixels], &alone(Op::Conv(conv)), &mut numbers);
        }
    }
    for activation in [Activation::None, Activation::HardSwish] {
        let conv = Conv { activation, ..eight(numbers.conv(130, 40, [1, 1], [1, 1])) };
        compare([130, 15, 13], &alone(Op::Conv(conv)), &mut numbers);
    }
    for (kernel, stride) in [([3, 3], [1, 1]), ([3, 3], [2, 2]), ([1, 1], [2, 2]), ([1, 7], [1, 1]), ([5, 5], [1, 1])] {
        for (inputs, outputs) in [(8, 8), (19, 7), (40, 20)] {
            let conv = eight(numbers.conv(inputs, outputs, kernel, stride));
            compare([inputs, 12, 11], &alone(Op::Conv(conv.clone())), &mut numbers);
            let uneven = Conv { padding: [(0, 1), (1, 2)], bias: None, ..conv };
            compare([inputs, 9, 8], &alone(Op::Conv(uneven)), &mut numbers);
        }
    }
    let shortcut = eight(numbers.conv(12, 12, [1, 1], [1, 1]));
    compare([12, 5, 4], &[Layer { op: Op::Conv(shortcut), inputs: vec![0, 0] }], &mut numbers);
}

/// Of what nothing can be made whole numbers: nothing but zeros, and weights of which a channel has none.
#[test]
fn zeros_in_eight_bits() {
    let mut numbers = Numbers(12);
    let conv = Conv { arithmetic: Arithmetic::EightBits, ..numbers.conv(16, 8, [1, 1], [1, 1]) };
    let run = |conv: &Conv, picture: &[f32]| {
        let network = Network::new([16, 2, 2], alone(Op::Conv(conv.clone()))).unwrap();
        let mut out = Vec::new();
        network.run(Input::Map(picture), &mut Arena::default(), &mut out);
        out
    };
    let bias: Vec<f32> = conv.bias.iter().flatten().map(|bias| conv.activation.of(*bias)).collect();
    let expected: Vec<f32> = bias.iter().flat_map(|bias| [*bias; 4]).collect();
    assert_eq!(run(&conv, &[0.0; 64]), expected);
    let silent = Conv { weight: vec![0.0; 128], ..conv };
    assert_eq!(run(&silent, &numbers.many(64)), expected);
}

/// The same numbers whether convolutions are computed together or each by itself: a pixel's scale is its own.
#[test]
fn strips_in_eight_bits() {
    let mut numbers = Numbers(13);
    let eight = |conv: Conv| Conv { arithmetic: Arithmetic::EightBits, ..conv };
    for (size, middle, stride) in [([40, 40], 40, 1), ([41, 39], 40, 2), ([50, 64], 33, 2)] {
        let expand = eight(numbers.conv(12, middle, [1, 1], [1, 1]));
        let depthwise = numbers.depthwise(middle, [3, 3], [stride; 2]);
        let project = eight(Conv { activation: Activation::None, ..numbers.conv(middle, 6, [1, 1], [1, 1]) });
        let picture = numbers.many(12 * size[0] * size[1]);
        for level in levels() {
            let run = |shape: [usize; 3], layers: Vec<Layer>, picture: &[f32]| {
                let network = Network::with_level(shape, layers, level).unwrap();
                let mut out = Vec::new();
                network.run(Input::Map(picture), &mut Arena::default(), &mut out);
                (network.output_shape(), out)
            };
            let ops = [&expand, &depthwise, &project].map(|conv| Op::Conv(conv.clone()));
            let chain = ops.iter().enumerate().map(|(at, op)| Layer { op: op.clone(), inputs: vec![at] }).collect();
            let together = run([12, size[0], size[1]], chain, &picture);
            let first = ([12, size[0], size[1]], picture.clone());
            let apart = ops.into_iter().fold(first, |(shape, values), op| run(shape, alone(op), &values));
            assert_eq!(together, apart);
        }
    }
}

/// Large enough that there are strips, of one row and of many, with and without a shortcut.
#[test]
fn blocks_strip_by_strip() {
    let mut numbers = Numbers(10);
    let layer = |op, inputs: &[usize]| Layer { op, inputs: inputs.to_vec() };
    for (size, middle, stride, kernel) in
        [([40, 40], 40, 1, 3), ([41, 39], 40, 2, 3), ([33, 130], 24, 1, 5), ([50, 64], 33, 2, 5), ([9, 1000], 24, 2, 3)]
    {
        for activation in [Activation::Relu6, Activation::HardSwish] {
            let expand = Conv { activation, ..numbers.conv(6, middle, [1, 1], [1, 1]) };
            let depthwise = Conv { activation, ..numbers.depthwise(middle, [kernel; 2], [stride; 2]) };
            let same = Conv { padding: [(0, 1), ((kernel - 1) / 2, kernel / 2)], ..depthwise.clone() };
            let project = Conv { activation: Activation::None, ..numbers.conv(middle, 6, [1, 1], [1, 1]) };
            for depthwise in [depthwise, same] {
                let keeps = depthwise.size_of(size) == size;
                let inputs: &[usize] = if keeps { &[2, 0] } else { &[2] };
                let layers = [
                    layer(Op::Conv(expand.clone()), &[0]),
                    layer(Op::Conv(depthwise), &[1]),
                    layer(Op::Conv(project.clone()), inputs),
                ];
                compare([6, size[0], size[1]], &layers, &mut numbers);
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let mut numbers = Numbers(9);
    let fits = Layer { op: Op::Conv(numbers.conv(5, 9, [1, 1], [1, 1])), inputs: vec![0] };
    let refused = |op: Op, inputs: &[usize]| {
        let layers = vec![fits.clone(), Layer { op, inputs: inputs.to_vec() }];
        assert_eq!(Network::new([5, 6, 4], layers).err(), Some(1));
    };
    let conv = numbers.conv(9, 9, [1, 1], [1, 1]);
    refused(Op::Conv(Conv { inputs: 8, ..conv.clone() }), &[1]);
    refused(Op::Conv(Conv { groups: 0, ..conv.clone() }), &[1]);
    refused(Op::Conv(Conv { weight: vec![0.0; 80], ..conv.clone() }), &[1]);
    refused(Op::Conv(Conv { bias: Some(vec![0.0; 8]), ..conv.clone() }), &[1]);
    refused(Op::Conv(conv.clone()), &[]);
    refused(Op::Conv(conv.clone()), &[2]);
    refused(Op::Conv(conv), &[1, 0]);
    refused(Op::Conv(numbers.conv(9, 9, [20, 1], [1, 1])).without_padding(), &[1]);
    refused(Op::Conv(numbers.depthwise(9, [3, 3], [1, 1])), &[1, 1]);
    refused(Op::Scale, &[1]);
    refused(Op::Add(Activation::None), &[1, 0]);
    refused(Op::Dense(Dense { inputs: 9, outputs: 1, weight: vec![0.0; 9], bias: None }), &[1]);
    refused(Op::Affine(Affine { scale: vec![0.0; 9], shift: vec![0.0; 8] }), &[1]);
}

impl Op {
    fn without_padding(self) -> Self {
        match self {
            Self::Conv(conv) => Self::Conv(Conv { padding: [(0, 0); 2], ..conv }),
            other => other,
        }
    }
}
