//! MobileNetV3 (Howard and others, 2019, tables 1 and 2), large and small: timm's own, its ports of TensorFlow's
//! weights, and torchvision's.
//!
//! The published tables give each block's expanded channels; timm's factors (4.5, 3.67, 2.3 …) round to the same at
//! width 1 and say what they are at others. Early blocks have ReLU, later ones hard-swish. The last dense layer comes
//! after pooling and keeps its features at every width.

use super::mobile::{Group, Mobile, Port, Squeeze, Style, divisible, inverted, is_classifier, separable};
use super::{Architecture, HALF, IMAGENET, Known};
use crate::backbone::card::CardFile;
use crate::image::Interpolation::{Bicubic, Bilinear};
use crate::nn::Activation::{HardSigmoid, HardSwish, Relu};

const LARGE: [Group; 6] = [
    &[separable(3, 1, 16).with(Relu)],
    &[inverted(4.0, 3, 2, 24).with(Relu), inverted(3.0, 3, 1, 24).with(Relu)],
    &[inverted(3.0, 5, 2, 40).with(Relu).squeezed().times(3)],
    &[inverted(6.0, 3, 2, 80), inverted(2.5, 3, 1, 80), inverted(2.3, 3, 1, 80).times(2)],
    &[inverted(6.0, 3, 1, 112).squeezed().times(2)],
    &[inverted(6.0, 5, 2, 160).squeezed().times(3)],
];

const SMALL: [Group; 5] = [
    &[separable(3, 2, 16).with(Relu).squeezed()],
    &[inverted(4.5, 3, 2, 24).with(Relu), inverted(3.67, 3, 1, 24).with(Relu)],
    &[inverted(4.0, 5, 2, 40).squeezed(), inverted(6.0, 5, 1, 40).squeezed().times(2)],
    &[inverted(3.0, 5, 1, 48).squeezed().times(2)],
    &[inverted(6.0, 5, 2, 96).squeezed().times(3)],
];

/// A quarter of the expanded channels, rounded as all channels are.
const SQUEEZE: Squeeze =
    Squeeze { reduced: |_, hidden| divisible(hidden as f64 * 0.25), inner: Relu, gate: HardSigmoid };

pub(super) const KNOWN: &[Known] = &[
    Known::usual("mobilenetv3_large_100", "MobileNetV3 large", IMAGENET, Bicubic),
    Known::usual("mobilenetv3_large_075", "MobileNetV3 large 0.75", IMAGENET, Bilinear),
    Known::usual("mobilenetv3_small_100", "MobileNetV3 small", IMAGENET, Bicubic),
    Known::usual("mobilenetv3_small_075", "MobileNetV3 small 0.75", IMAGENET, Bicubic),
    Known::usual("mobilenetv3_small_050", "MobileNetV3 small 0.5", IMAGENET, Bicubic),
    Known::usual("tf_mobilenetv3_large_minimal_100", "MobileNetV3 large minimal", HALF, Bilinear),
    Known::usual("tf_mobilenetv3_small_minimal_100", "MobileNetV3 small minimal", HALF, Bilinear),
    // The same tensors as timm's, told apart by torchvision's names.
    Known::usual("mobilenet_v3_large", "MobileNetV3 large of torchvision", IMAGENET, Bilinear),
    Known::usual("mobilenet_v3_small", "MobileNetV3 small of torchvision", IMAGENET, Bilinear),
];

pub(super) fn of(card: &CardFile) -> Option<Architecture> {
    let (port, name) = match card.architecture.as_str() {
        "mobilenet_v3_large" => (Port::Torchvision, "large_100"),
        "mobilenet_v3_small" => (Port::Torchvision, "small_100"),
        timm => match timm.strip_prefix("tf_mobilenetv3_") {
            Some(name) => (Port::TensorFlow, name),
            None => (Port::Timm, timm.strip_prefix("mobilenetv3_")?),
        },
    };
    let (large, width, minimal) = match (name, port) {
        ("large_100", _) => (true, 1.0, false),
        ("large_075", _) => (true, 0.75, false),
        ("large_minimal_100", Port::TensorFlow) => (true, 1.0, true),
        ("small_100", _) => (false, 1.0, false),
        ("small_075", _) => (false, 0.75, false),
        ("small_050", Port::Timm) => (false, 0.5, false),
        ("small_minimal_100", Port::TensorFlow) => (false, 1.0, true),
        _ => return None,
    };
    // The minimal networks are made of what every accelerator has: 3×3 kernels, ReLU, no squeeze-and-excitation.
    let (activation, squeeze) = if minimal { (Relu, None) } else { (HardSwish, Some(SQUEEZE)) };
    let stem = if width < 0.75 { 16 } else { divisible(16.0 * width) };
    let (groups, last, features): (&[Group], _, _) = if large { (&LARGE, 960, 1280) } else { (&SMALL, 576, 1024) };
    let network =
        groups.iter().fold(Mobile::new(Style { width, activation, squeeze, port }, stem), |network, group| {
            network.group(group.iter().map(|row| if minimal { row.of_kernel(3) } else { *row }))
        });
    let stages = network.pooled(Some(last), features, false);
    Some(match (port, large) {
        (Port::Torchvision, true) => Architecture { stages, foreign: from_large, ignored: is_last_classifier },
        (Port::Torchvision, false) => Architecture { stages, foreign: from_small, ignored: is_last_classifier },
        _ => Architecture { stages, foreign: |_| None, ignored: is_classifier },
    })
}

fn from_large(name: &str) -> Option<String> {
    from_torchvision(&LARGE, name)
}

fn from_small(name: &str) -> Option<String> {
    from_torchvision(&SMALL, name)
}

/// torchvision numbers stem, blocks and last convolution in one list; its first dense layer is timm's `conv_head`.
fn from_torchvision(groups: &[Group], name: &str) -> Option<String> {
    let (module, tensor) = name.rsplit_once('.')?;
    if module == "classifier.0" {
        return Some(format!("conv_head.{tensor}"));
    }
    let (at, place) = module.strip_prefix("features.")?.split_once('.')?;
    let at: usize = at.parse().ok()?;
    let rows = |rows: Group| rows.iter().flat_map(|row| std::iter::repeat_n(row, row.len()));
    let blocks: Vec<_> =
        (0..).zip(groups).flat_map(|(group, &of)| (0..).zip(rows(of)).map(move |at| (group, at))).collect();
    let ours = match (at, place) {
        (0, "0") => "conv_stem".to_string(),
        (0, "1") => "bn1".to_string(),
        (_, "0" | "1") if at == blocks.len() + 1 => {
            format!("blocks.{}.0.{}", groups.len(), if place == "0" { "conv" } else { "bn1" })
        }
        _ => {
            let (group, (index, row)): &(usize, (usize, _)) = blocks.get(at.checked_sub(1)?)?;
            format!("blocks.{group}.{index}.{}", row.torchvision(place.strip_prefix("block.")?)?)
        }
    };
    Some(format!("{ours}.{tensor}"))
}

/// The layer that names the classes of the pretraining.
fn is_last_classifier(name: &str) -> bool {
    is_classifier(name) || name.starts_with("classifier.3.")
}

#[cfg(test)]
mod tests {
    use super::super::mobile::counted;
    use super::*;

    /// As timm 1.0.31 counts them, without the classifier.
    #[test]
    fn has_timms_counts() {
        for (large, name) in
            [("mobilenetv3_large_100", "mobilenetv3_small_100"), ("mobilenet_v3_large", "mobilenet_v3_small")]
        {
            assert_eq!(counted(large), Some((17, [1280, 1, 1], 4_202_032, 215_309_760.0)));
            assert_eq!(counted(name), Some((13, [1024, 1, 1], 1_517_856, 55_486_400.0)));
        }
        assert_eq!(counted("tf_mobilenetv3_large_075"), Some((17, [1280, 1, 1], 2_712_528, 153_280_624.0)));
        assert_eq!(counted("mobilenetv3_small_075"), Some((13, [1024, 1, 1], 1_016_872, 42_375_344.0)));
        assert_eq!(counted("mobilenetv3_small_050"), Some((13, [1024, 1, 1], 568_224, 23_164_688.0)));
        assert_eq!(counted("tf_mobilenetv3_large_minimal_100"), Some((17, [1280, 1, 1], 2_643_288, 207_856_704.0)));
        assert_eq!(counted("tf_mobilenetv3_small_minimal_100"), Some((13, [1024, 1, 1], 1_019_736, 51_264_448.0)));
        for other in ["mobilenetv3_large_150d", "mobilenetv3_rw", "mobilenetv3_small_minimal_100", "mobilenetv3"] {
            assert_eq!(counted(other), None, "{other}");
        }
    }

    #[test]
    fn torchvisions_names_are_found_and_others_are_not() {
        for (theirs, ours) in [
            ("features.0.1.bias", "bn1.bias"),
            ("features.1.block.0.0.weight", "blocks.0.0.conv_dw.weight"),
            ("features.3.block.2.1.running_var", "blocks.1.1.bn3.running_var"),
            ("features.4.block.2.fc1.weight", "blocks.2.0.se.conv_reduce.weight"),
            ("features.4.block.3.0.weight", "blocks.2.0.conv_pwl.weight"),
            ("features.16.0.weight", "blocks.6.0.conv.weight"),
            ("classifier.0.bias", "conv_head.bias"),
        ] {
            assert_eq!(from_large(theirs).as_deref(), Some(ours));
        }
        assert_eq!(from_small("features.1.block.1.fc2.bias").as_deref(), Some("blocks.0.0.se.conv_expand.bias"));
        assert_eq!(from_small("features.12.1.weight").as_deref(), Some("blocks.5.0.bn1.weight"));
        for name in [
            "features.16.block.0.0.weight",
            "features.17.0.weight",
            "features.2.block.2.fc1.weight",
            "classifier.3.bias",
        ] {
            assert_eq!(from_large(name), None, "{name}");
        }
    }
}
