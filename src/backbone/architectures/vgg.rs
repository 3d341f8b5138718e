//! VGG16 with and without BatchNorm (Simonyan and Zisserman, 2014, configuration D): its thirteen convolutions.
//!
//! The two hidden dense layers of 4096 units are left out. They hold 120 of the 138 million parameters and want maps of
//! exactly 7×7, while the average over the last map, 512 numbers, is what transfer learning uses. So the features are
//! the 512 of `forward_features`, and not the 4096 before timm's classifier.

use super::{Architecture, IMAGENET, Known};
use crate::backbone::CardFile;
use crate::image::Interpolation;
use crate::nn::{Activation, ConvSpec, Padding, StageBuilder, StageSpec, Window};

/// BatchNorm's ε, PyTorch's default.
const EPSILON: f64 = 1e-5;

/// Output channels of the convolutions between one max pooling and the next.
const GROUPS: [&[usize]; 5] = [&[64, 64], &[128, 128], &[256, 256, 256], &[512, 512, 512], &[512, 512, 512]];

/// The preparation of timm's only weights of either, `tv_in1k`.
pub(super) const KNOWN: &[Known] = &[
    Known::usual("vgg16", "VGG16", IMAGENET, Interpolation::Bilinear),
    Known::usual("vgg16_bn", "VGG16 with BatchNorm", IMAGENET, Interpolation::Bilinear),
];

pub(super) fn of(card: &CardFile) -> Option<Architecture> {
    let stages = match card.architecture.as_str() {
        "vgg16" => stages(false),
        "vgg16_bn" => stages(true),
        _ => return None,
    };
    Some(Architecture { stages, foreign: |_| None, ignored })
}

/// The dense layers, by timm's and by torchvision's names. Those of the convolutions are the same for both.
fn ignored(name: &str) -> bool {
    let layer = name.strip_suffix(".weight").or_else(|| name.strip_suffix(".bias"));
    let dense = ["pre_logits.fc1", "pre_logits.fc2", "head.fc", "classifier.0", "classifier.3", "classifier.6"];
    layer.is_some_and(|layer| dense.contains(&layer))
}

/// A stage a convolution, with the max pooling behind it. Tensors are numbered by their place in a row of all layers,
/// activations and poolings counted.
fn stages(batch_norm: bool) -> Vec<StageSpec> {
    let mut stages = Vec::new();
    let (mut place, mut channels) = (0, 3);
    for group in GROUPS {
        for (at, &outputs) in group.iter().enumerate() {
            let mut stage = StageBuilder::new(format!("convolution {}", stages.len() + 1), channels);
            let x = stage.input();
            let mut x = stage.conv(x, ConvSpec::new(format!("features.{place}"), outputs).kernel(3).bias());
            if batch_norm {
                place += 1;
                x = stage.norm(x, format!("features.{place}"), EPSILON);
            }
            let x = stage.activate(x, Activation::Relu);
            place += 2;
            if at + 1 == group.len() {
                stage.max_pool(x, Window { kernel: 2, stride: 2, padding: Padding::None });
                place += 1;
            }
            stages.push(stage.end());
            channels = outputs;
        }
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::super::testing::{card, counts, names, shapes};
    use super::*;

    /// timm 1.0.31's counts of the convolutions; its 138,357,544 and 138,365,992 are with the dense layers.
    #[test]
    fn shapes_and_counts_are_the_published_ones() {
        for (name, parameters) in [("vgg16", 14_714_688), ("vgg16_bn", 14_723_136)] {
            let network = of(&card(name)).unwrap();
            let shapes = shapes(&network, 224);
            assert_eq!(shapes.len(), 13, "{name}");
            assert_eq!([0, 1, 12].map(|at| shapes[at]), [[64, 224, 224], [64, 112, 112], [512, 7, 7]], "{name}");
            assert_eq!(counts(&network, 224), (parameters, 15_346_630_656.0), "{name}");
        }
    }

    #[test]
    fn tensors_have_the_names_of_timm() {
        let plain = names(&of(&card("vgg16")).unwrap());
        assert_eq!(plain[..4], ["features.0.weight", "features.0.bias", "features.2.weight", "features.2.bias"]);
        assert_eq!(plain.last().unwrap(), "features.28.bias");
        let normalised = names(&of(&card("vgg16_bn")).unwrap());
        assert_eq!(normalised[..3], ["features.0.weight", "features.0.bias", "features.1.weight"]);
        assert_eq!(normalised.last().unwrap(), "features.41.running_var");
        for name in ["pre_logits.fc1.weight", "head.fc.bias", "classifier.0.weight", "classifier.6.bias"] {
            assert!(ignored(name), "{name}");
        }
        assert!(!ignored("features.0.weight") && !ignored("classifier.1.weight") && !ignored("head.fc"));
    }

    #[test]
    fn other_networks_are_not_taken_for_it() {
        assert!(["vgg19", "vgg11_bn", "repvgg_a0", "vgg"].iter().all(|name| of(&card(name)).is_none()));
    }
}
