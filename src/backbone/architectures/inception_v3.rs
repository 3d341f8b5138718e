//! InceptionV3 (Szegedy and others, 2015, table 1), in the form of TensorFlow's slim that torchvision and timm share.
//!
//! Pictures of 299 px go to −1…1. torchvision's own loader normalises them as for its other networks and has the
//! network turn that into −1…1 (`transform_input`), which comes to a mean and deviation of one half; timm's cards say
//! so, but for the weights from Gluon, whose card is honoured as it is.

use super::{Architecture, HALF, Known};
use crate::backbone::CardFile;
use crate::image::Interpolation;
use crate::nn::{Activation, ConvSpec, Padding, StageBuilder, StageSpec, Value, Window};

/// BatchNorm's ε, as TensorFlow has it.
const EPSILON: f64 = 1e-3;

/// The preparation of timm's default weights, `tv_in1k`.
pub(super) const KNOWN: &[Known] =
    &[Known { input_size: 299, ..Known::usual("inception_v3", "InceptionV3", HALF, Interpolation::Bicubic) }];

/// The names with a prefix are those that timm gave to other weights of the same network before it had tags for them.
pub(super) fn of(card: &CardFile) -> Option<Architecture> {
    match card.architecture.as_str() {
        "inception_v3" | "tf_inception_v3" | "adv_inception_v3" | "gluon_inception_v3" => Some(Architecture {
            stages: stages(),
            foreign: |_| None,
            ignored: |name| name.starts_with("AuxLogits.") || matches!(name, "fc.weight" | "fc.bias"),
        }),
        _ => None,
    }
}

/// The five convolutions of the stem, two with max pooling behind them, and eleven blocks of branches side by side.
fn stages() -> Vec<StageSpec> {
    let mut stages: Vec<StageSpec> = STEM.iter().enumerate().map(|(at, &layer)| stem(at, layer)).collect();
    stages.extend([
        block_35("Mixed_5b", 192, 32),
        block_35("Mixed_5c", 256, 64),
        block_35("Mixed_5d", 288, 64),
        reduction_17("Mixed_6a", 288),
        block_17("Mixed_6b", 128),
        block_17("Mixed_6c", 160),
        block_17("Mixed_6d", 160),
        block_17("Mixed_6e", 192),
        reduction_8("Mixed_7a", 768),
        block_8("Mixed_7b", 1280),
        block_8("Mixed_7c", 2048),
    ]);
    stages
}

/// The stem: module, input and output channels, kernel, stride, padding, and whether max pooling follows.
type StemLayer = (&'static str, usize, usize, usize, usize, Padding, bool);
const STEM: [StemLayer; 5] = [
    ("Conv2d_1a_3x3", 3, 32, 3, 2, Padding::None, false),
    ("Conv2d_2a_3x3", 32, 32, 3, 1, Padding::None, false),
    ("Conv2d_2b_3x3", 32, 64, 3, 1, Padding::Half, true),
    ("Conv2d_3b_1x1", 64, 80, 1, 1, Padding::None, false),
    ("Conv2d_4a_3x3", 80, 192, 3, 1, Padding::None, true),
];

fn stem(at: usize, (module, inputs, outputs, kernel, stride, padding, pooled): StemLayer) -> StageSpec {
    let mut stage = StageBuilder::new(format!("convolution {}", at + 1), inputs);
    let x = stage.input();
    let conv = ConvSpec::new(format!("{module}.conv"), outputs).kernel(kernel).stride(stride).padding(padding);
    let x = unit(&mut stage, x, conv, module);
    if pooled {
        stage.max_pool(x, HALVED);
    }
    stage.end()
}

/// Three branches of convolutions of up to 5×5, and pooling, on maps of 35×35.
fn block_35(module: &'static str, channels: usize, pooled: usize) -> StageSpec {
    let mut block = Block::new(module, channels);
    let branches = [
        block.branch(&[("branch1x1", 64, [1, 1])]),
        block.branch(&[("branch5x5_1", 48, [1, 1]), ("branch5x5_2", 64, [5, 5])]),
        block.branch(&[("branch3x3dbl_1", 64, [1, 1]), ("branch3x3dbl_2", 96, [3, 3]), ("branch3x3dbl_3", 96, [3, 3])]),
        block.pooled(pooled),
    ];
    block.end(&branches)
}

/// From 35×35 to 17×17.
fn reduction_17(module: &'static str, channels: usize) -> StageSpec {
    let mut block = Block::new(module, channels);
    let double = block.branch(&[("branch3x3dbl_1", 64, [1, 1]), ("branch3x3dbl_2", 96, [3, 3])]);
    let branches = [
        block.halved(block.input, "branch3x3", 384),
        block.halved(double, "branch3x3dbl_3", 96),
        block.stage.max_pool(block.input, HALVED),
    ];
    block.end(&branches)
}

/// 7×7 convolutions as pairs of 1×7 and 7×1, on maps of 17×17.
fn block_17(module: &'static str, width: usize) -> StageSpec {
    let mut block = Block::new(module, 768);
    let branches = [
        block.branch(&[("branch1x1", 192, [1, 1])]),
        block.branch(&[("branch7x7_1", width, [1, 1]), ("branch7x7_2", width, [1, 7]), ("branch7x7_3", 192, [7, 1])]),
        block.branch(&[
            ("branch7x7dbl_1", width, [1, 1]),
            ("branch7x7dbl_2", width, [7, 1]),
            ("branch7x7dbl_3", width, [1, 7]),
            ("branch7x7dbl_4", width, [7, 1]),
            ("branch7x7dbl_5", 192, [1, 7]),
        ]),
        block.pooled(192),
    ];
    block.end(&branches)
}

/// From 17×17 to 8×8.
fn reduction_8(module: &'static str, channels: usize) -> StageSpec {
    let mut block = Block::new(module, channels);
    let single = block.branch(&[("branch3x3_1", 192, [1, 1])]);
    let row = [("branch7x7x3_1", 192, [1, 1]), ("branch7x7x3_2", 192, [1, 7]), ("branch7x7x3_3", 192, [7, 1])];
    let square = block.branch(&row);
    let branches = [
        block.halved(single, "branch3x3_2", 320),
        block.halved(square, "branch7x7x3_4", 192),
        block.stage.max_pool(block.input, HALVED),
    ];
    block.end(&branches)
}

/// 3×3 convolutions as 1×3 beside 3×1, on maps of 8×8.
fn block_8(module: &'static str, channels: usize) -> StageSpec {
    let mut block = Block::new(module, channels);
    let single = block.branch(&[("branch3x3_1", 384, [1, 1])]);
    let double = block.branch(&[("branch3x3dbl_1", 448, [1, 1]), ("branch3x3dbl_2", 384, [3, 3])]);
    let branches = [
        block.branch(&[("branch1x1", 320, [1, 1])]),
        block.unit(single, "branch3x3_2a", 384, [1, 3]),
        block.unit(single, "branch3x3_2b", 384, [3, 1]),
        block.unit(double, "branch3x3dbl_3a", 384, [1, 3]),
        block.unit(double, "branch3x3dbl_3b", 384, [3, 1]),
        block.pooled(192),
    ];
    block.end(&branches)
}

/// What halves the size at every reduction, the stem's included: a row or column too few at the edge is left out.
const HALVED: Window = Window { kernel: 3, stride: 2, padding: Padding::None };

/// An inception block under construction.
struct Block {
    stage: StageBuilder,
    module: &'static str,
    input: Value,
}

impl Block {
    fn new(module: &'static str, channels: usize) -> Self {
        let stage = StageBuilder::new(module.replace('_', " "), channels);
        Self { input: stage.input(), stage, module }
    }

    /// Convolutions in a row behind the block's input, each name, outputs and kernel (height, width), all of stride 1.
    fn branch(&mut self, layers: &[(&str, usize, [usize; 2])]) -> Value {
        layers.iter().fold(self.input, |x, &(name, outputs, kernel)| self.unit(x, name, outputs, kernel))
    }

    fn unit(&mut self, x: Value, name: &str, outputs: usize, kernel: [usize; 2]) -> Value {
        let name = format!("{}.{name}", self.module);
        unit(&mut self.stage, x, ConvSpec::new(format!("{name}.conv"), outputs).kernel_of(kernel), &name)
    }

    /// A 3×3 convolution of stride 2 without padding.
    fn halved(&mut self, x: Value, name: &str, outputs: usize) -> Value {
        let name = format!("{}.{name}", self.module);
        let conv = ConvSpec::new(format!("{name}.conv"), outputs).kernel(3).stride(2).padding(Padding::None);
        unit(&mut self.stage, x, conv, &name)
    }

    /// The branch of every block that keeps the size: a 3×3 average, then a 1×1 convolution.
    fn pooled(&mut self, outputs: usize) -> Value {
        let window = Window { kernel: 3, stride: 1, padding: Padding::Half };
        let x = self.stage.average_pool(self.input, window);
        self.unit(x, "branch_pool", outputs, [1, 1])
    }

    fn end(mut self, branches: &[Value]) -> StageSpec {
        self.stage.concat(branches);
        self.stage.end()
    }
}

/// Convolution, BatchNorm and ReLU; `name` is that of the module that holds the first two.
fn unit(stage: &mut StageBuilder, x: Value, conv: ConvSpec, name: &str) -> Value {
    let x = stage.conv(x, conv);
    let x = stage.norm(x, format!("{name}.bn"), EPSILON);
    stage.activate(x, Activation::Relu)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{card, counts, names, shapes};
    use super::*;

    /// timm 1.0.31's counts without the classifier; with it there are 23,834,568 parameters.
    #[test]
    fn shapes_and_counts_are_the_published_ones() {
        let network = of(&card("inception_v3")).unwrap();
        let expected = [
            [32, 149, 149],
            [32, 147, 147],
            [64, 73, 73],
            [80, 73, 73],
            [192, 35, 35],
            [256, 35, 35],
            [288, 35, 35],
            [288, 35, 35],
            [768, 17, 17],
            [768, 17, 17],
            [768, 17, 17],
            [768, 17, 17],
            [768, 17, 17],
            [1280, 8, 8],
            [2048, 8, 8],
            [2048, 8, 8],
        ];
        assert_eq!(shapes(&network, 299), expected);
        assert_eq!(counts(&network, 299), (21_785_568, 5_711_168_096.0));
        assert_eq!([0, 5, 15].map(|at| network.stages[at].name.as_str()), ["convolution 1", "Mixed 5b", "Mixed 7c"]);
    }

    #[test]
    fn tensors_have_the_names_of_timm() {
        let network = of(&card("inception_v3")).unwrap();
        let names = names(&network);
        assert_eq!(names[..2], ["Conv2d_1a_3x3.conv.weight", "Conv2d_1a_3x3.bn.weight"]);
        assert!(names.contains(&"Mixed_7c.branch3x3dbl_3b.bn.running_var".into()));
        assert_eq!(names.len(), 94 * 5, "94 convolutions, each with its BatchNorm");
        for name in ["AuxLogits.conv0.conv.weight", "AuxLogits.fc.bias", "fc.weight", "fc.bias"] {
            assert!((network.ignored)(name), "{name}");
        }
        assert!(!(network.ignored)("Mixed_5b.branch1x1.conv.weight"));
    }

    #[test]
    fn every_name_of_it_is_known_and_others_are_not() {
        assert!(of(&card("tf_inception_v3")).is_some(), "timm's name until 2023 for inception_v3.tf_in1k");
        assert!(["inception_v4", "inception_resnet_v2", "inception"].iter().all(|name| of(&card(name)).is_none()));
    }
}
