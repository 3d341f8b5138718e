//! ResNet-18, 34 and 50 (He and others, 2015, table 1), and timm's 26. A bottleneck has its stride in the 3×3
//! convolution, as those of torchvision and timm have it (often called v1.5), and not in the first 1×1 as in the paper.
//!
//! timm's names of the tensors are torchvision's. Variants whose stem, blocks or pooling differ (`resnet50d`,
//! `resnext50_32x4d`, `wide_resnet50_2`, `resnetblur50`, …) have names of their own and are other architectures; those
//! with blur pooling have the same tensors as a plain one, so that only their card tells them apart.

use super::{Architecture, IMAGENET, Known};
use crate::backbone::CardFile;
use crate::image::Interpolation;
use crate::nn::{Activation, ConvSpec, Padding, StageBuilder, StageSpec, Value, Window};

/// BatchNorm's ε, PyTorch's default.
const EPSILON: f64 = 1e-5;

/// The preparation of timm's default weights, `a1_in1k`.
const fn known(architecture: &'static str, label: &'static str) -> Known {
    Known { crop_pct: 0.95, ..Known::usual(architecture, label, IMAGENET, Interpolation::Bicubic) }
}

pub(super) const KNOWN: &[Known] = &[
    known("resnet18", "ResNet-18"),
    // Its default weights are `bt_in1k`.
    Known::usual("resnet26", "ResNet-26", IMAGENET, Interpolation::Bicubic),
    known("resnet34", "ResNet-34"),
    known("resnet50", "ResNet-50"),
];

/// The names with a prefix are those that timm gave to weights of the same network before it had tags for them.
pub(super) fn of(card: &CardFile) -> Option<Architecture> {
    let stages = match card.architecture.as_str() {
        "resnet18" | "gluon_resnet18_v1b" | "ssl_resnet18" | "swsl_resnet18" => stages([2, 2, 2, 2], false),
        "resnet26" => stages([2, 2, 2, 2], true),
        "resnet34" | "gluon_resnet34_v1b" | "tv_resnet34" => stages([3, 4, 6, 3], false),
        "resnet50" | "gluon_resnet50_v1b" | "ssl_resnet50" | "swsl_resnet50" | "tv_resnet50" => {
            stages([3, 4, 6, 3], true)
        }
        _ => return None,
    };
    Some(Architecture { stages, foreign: |_| None, ignored: |name| matches!(name, "fc.weight" | "fc.bias") })
}

/// The stem, then the blocks of four groups, each twice as wide as the one before it and at half its size.
fn stages(repeats: [usize; 4], bottleneck: bool) -> Vec<StageSpec> {
    let mut stages = vec![stem()];
    let mut channels = 64;
    for (group, repeats) in repeats.into_iter().enumerate() {
        let width = 64 << group;
        let outputs = if bottleneck { 4 * width } else { width };
        for repeat in 0..repeats {
            let stride = if group > 0 && repeat == 0 { 2 } else { 1 };
            let layers = if bottleneck {
                vec![(1, 1, width), (3, stride, width), (1, 1, outputs)]
            } else {
                vec![(3, stride, width), (3, 1, outputs)]
            };
            let stage = StageBuilder::new(format!("block {}", stages.len()), channels);
            stages.push(block(stage, &format!("layer{}.{repeat}", group + 1), &layers));
            channels = outputs;
        }
    }
    stages
}

/// 7×7 convolution at half the size and max pooling at a quarter.
fn stem() -> StageSpec {
    let mut stage = StageBuilder::new("stem", 3);
    let x = stage.input();
    let x = stage.conv(x, ConvSpec::new("conv1", 64).kernel(7).stride(2));
    let x = stage.norm(x, "bn1", EPSILON);
    let x = stage.activate(x, Activation::Relu);
    stage.max_pool(x, Window { kernel: 3, stride: 2, padding: Padding::Half });
    stage.end()
}

/// A residual block of convolutions, each `(kernel, stride, outputs)`. The shortcut is the input itself or, where size
/// or channels change, a 1×1 convolution of it.
fn block(mut stage: StageBuilder, prefix: &str, layers: &[(usize, usize, usize)]) -> StageSpec {
    let input = stage.input();
    let (mut x, mut reduction) = (input, 1);
    for (at, &(kernel, stride, outputs)) in layers.iter().enumerate() {
        if at > 0 {
            x = stage.activate(x, Activation::Relu);
        }
        let at = at + 1;
        let conv = ConvSpec::new(format!("{prefix}.conv{at}"), outputs).kernel(kernel).stride(stride);
        x = normalised(&mut stage, x, conv, format!("{prefix}.bn{at}"));
        reduction *= stride;
    }
    let outputs = stage.channels(x);
    let shortcut = if reduction == 1 && stage.channels(input) == outputs {
        input
    } else {
        let conv = ConvSpec::new(format!("{prefix}.downsample.0"), outputs).stride(reduction);
        normalised(&mut stage, input, conv, format!("{prefix}.downsample.1"))
    };
    let sum = stage.add(x, shortcut);
    stage.activate(sum, Activation::Relu);
    stage.end()
}

fn normalised(stage: &mut StageBuilder, x: Value, conv: ConvSpec, norm: impl Into<String>) -> Value {
    let x = stage.conv(x, conv);
    stage.norm(x, norm, EPSILON)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{card, counts, names, shapes};
    use super::*;

    /// timm 1.0.31's counts without the classifier, and torchvision's with it, 11,689,512, 21,797,672 and 25,557,032.
    #[test]
    fn shapes_and_counts_are_the_published_ones() {
        for (name, stages, features, parameters, multiplications) in [
            ("resnet18", 9, 512, 11_176_512, 1_813_561_344.0),
            ("resnet26", 9, 2048, 13_946_176, 2_340_208_640.0),
            ("resnet34", 17, 512, 21_284_672, 3_663_249_408.0),
            ("resnet50", 17, 2048, 23_508_032, 4_087_136_256.0),
        ] {
            let network = of(&card(name)).unwrap();
            let shapes = shapes(&network, 224);
            assert_eq!(shapes.len(), stages, "{name}");
            assert_eq!((shapes[0], shapes[stages - 1]), ([64, 56, 56], [features, 7, 7]), "{name}");
            assert_eq!(counts(&network, 224), (parameters, multiplications), "{name}");
        }
        let last_of_each_group = [3, 7, 13, 16].map(|at| shapes(&of(&card("resnet50")).unwrap(), 224)[at]);
        assert_eq!(last_of_each_group, [[256, 56, 56], [512, 28, 28], [1024, 14, 14], [2048, 7, 7]]);
    }

    #[test]
    fn tensors_have_the_names_of_timm() {
        let basic = names(&of(&card("resnet18")).unwrap());
        assert_eq!(basic[..2], ["conv1.weight", "bn1.weight"]);
        assert!(basic.contains(&"layer2.0.downsample.1.running_var".into()));
        assert!(
            !basic.iter().any(|name| name.starts_with("layer1.0.downsample")),
            "the first group keeps its channels"
        );
        let bottleneck = names(&of(&card("resnet50")).unwrap());
        assert!(bottleneck.contains(&"layer1.0.downsample.0.weight".into()), "a bottleneck's first group widens");
        assert!(bottleneck.contains(&"layer4.2.bn3.bias".into()));
        let ignored = of(&card("resnet50")).unwrap().ignored;
        assert!(ignored("fc.weight") && ignored("fc.bias") && !ignored("fc.1.weight"));
    }

    #[test]
    fn other_networks_are_not_taken_for_it() {
        for name in ["resnet50d", "resnet50_gn", "resnext50_32x4d", "wide_resnet50_2", "resnetblur50", "resnet101"] {
            assert!(of(&card(name)).is_none(), "{name}");
        }
        assert!(of(&card("tv_resnet50")).is_some(), "timm's name until 2023 for resnet50.tv_in1k");
    }
}
