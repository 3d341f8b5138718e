//! EfficientNet-B0 (Tan and Le, 2019, table 1) and EfficientNet-Lite0, which has ReLU6 for SiLU and no
//! squeeze-and-excitation; timm's own, its ports of TensorFlow's weights, and torchvision's B0.

use super::mobile::{Group, Mobile, Port, Squeeze, Style, inverted, is_classifier, separable};
use super::{Architecture, IMAGENET, Known};
use crate::backbone::card::CardFile;
use crate::image::Interpolation::Bicubic;
use crate::nn::Activation::{Relu6, Sigmoid, Silu};

const GROUPS: [Group; 7] = [
    &[separable(3, 1, 16).squeezed()],
    &[inverted(6.0, 3, 2, 24).squeezed().times(2)],
    &[inverted(6.0, 5, 2, 40).squeezed().times(2)],
    &[inverted(6.0, 3, 2, 80).squeezed().times(3)],
    &[inverted(6.0, 5, 1, 112).squeezed().times(3)],
    &[inverted(6.0, 5, 2, 192).squeezed().times(4)],
    &[inverted(6.0, 3, 1, 320).squeezed()],
];

/// A quarter of the block's input channels, whatever it expands them to.
const SQUEEZE: Squeeze =
    Squeeze { reduced: |inputs, _| (inputs as f64 * 0.25).round_ties_even() as usize, inner: Silu, gate: Sigmoid };

pub(super) const KNOWN: &[Known] = &[
    Known::usual("efficientnet_b0", "EfficientNet-B0", IMAGENET, Bicubic),
    Known::usual("efficientnet_lite0", "EfficientNet-Lite0", IMAGENET, Bicubic),
];

pub(super) fn of(card: &CardFile) -> Option<Architecture> {
    let (port, name) = match card.architecture.strip_prefix("tf_") {
        Some(name) => (Port::TensorFlow, name),
        None => (Port::Timm, card.architecture.as_str()),
    };
    let (activation, squeeze) = match name {
        "efficientnet_b0" => (Silu, Some(SQUEEZE)),
        "efficientnet_lite0" => (Relu6, None),
        _ => return None,
    };
    let network = Mobile::new(Style { width: 1.0, activation, squeeze, port }, 32);
    let network = network.groups(&GROUPS);
    let stages = network.convolution(1280);
    Some(if card.architecture == "efficientnet_b0" {
        Architecture { stages, foreign: from_torchvision, ignored: is_either_classifier }
    } else {
        Architecture { stages, foreign: |_| None, ignored: is_classifier }
    })
}

/// torchvision numbers stem, groups of blocks and last convolution in one list, and the blocks within their group.
fn from_torchvision(name: &str) -> Option<String> {
    let (module, tensor) = name.rsplit_once('.')?;
    let ours = match module.strip_prefix("features.")? {
        "0.0" => "conv_stem".to_string(),
        "0.1" => "bn1".to_string(),
        "8.0" => "conv_head".to_string(),
        "8.1" => "bn2".to_string(),
        block => {
            let (group, rest) = block.split_once('.')?;
            let (index, place) = rest.split_once(".block.")?;
            let (group, index): (usize, usize) = (group.parse().ok()?, index.parse().ok()?);
            let group = group.checked_sub(1)?;
            let row = GROUPS.get(group)?.first().filter(|row| index < row.len())?;
            format!("blocks.{group}.{index}.{}", row.torchvision(place)?)
        }
    };
    Some(format!("{ours}.{tensor}"))
}

fn is_either_classifier(name: &str) -> bool {
    is_classifier(name) || name.starts_with("classifier.1.")
}

#[cfg(test)]
mod tests {
    use super::super::mobile::counted;
    use super::*;

    /// As timm 1.0.31 counts them, without the classifier.
    #[test]
    fn has_timms_counts() {
        for name in ["efficientnet_b0", "tf_efficientnet_b0"] {
            assert_eq!(counted(name), Some((18, [1280, 7, 7], 4_007_548, 384_534_752.0)));
        }
        for name in ["efficientnet_lite0", "tf_efficientnet_lite0"] {
            assert_eq!(counted(name), Some((18, [1280, 7, 7], 3_371_008, 383_907_552.0)));
        }
        assert_eq!(counted("efficientnet_b1"), None);
    }

    #[test]
    fn torchvisions_names_are_found_and_others_are_not() {
        for (theirs, ours) in [
            ("features.0.0.weight", "conv_stem.weight"),
            ("features.1.0.block.1.fc1.weight", "blocks.0.0.se.conv_reduce.weight"),
            ("features.3.1.block.3.1.bias", "blocks.2.1.bn3.bias"),
            ("features.8.1.running_mean", "bn2.running_mean"),
        ] {
            assert_eq!(from_torchvision(theirs).as_deref(), Some(ours));
        }
        for name in
            ["features.1.1.block.0.0.weight", "features.9.0.weight", "features.0.block.0.0.weight", "classifier.1.bias"]
        {
            assert_eq!(from_torchvision(name), None, "{name}");
        }
    }
}
