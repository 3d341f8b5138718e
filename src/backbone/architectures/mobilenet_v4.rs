//! MobileNetV4 conv small (Qin and others, 2024, table of the appendix), of any of timm's widths: ReLU throughout,
//! universal inverted blocks, and a last layer with BatchNorm after pooling.

use super::mobile::{Group, Mobile, Port, Style, is_classifier, plain, universal};
use super::{Architecture, HALF, IMAGENET, Known};
use crate::backbone::card::CardFile;
use crate::image::Interpolation::Bicubic;
use crate::nn::Activation::Relu;

const SMALL: [Group; 4] = [
    &[plain(3, 2, 32), plain(1, 1, 32)],
    &[plain(3, 2, 96), plain(1, 1, 64)],
    &[universal(3.0, [5, 5], 2, 96), universal(2.0, [0, 3], 1, 96).times(4), universal(4.0, [3, 0], 1, 96)],
    &[
        universal(6.0, [3, 3], 2, 128),
        universal(4.0, [5, 5], 1, 128),
        universal(4.0, [0, 5], 1, 128),
        universal(3.0, [0, 5], 1, 128),
        universal(4.0, [0, 3], 1, 128).times(2),
    ],
];

pub(super) const KNOWN: &[Known] = &[
    Known::usual("mobilenetv4_conv_small", "MobileNetV4 conv small", IMAGENET, Bicubic),
    Known::usual("mobilenetv4_conv_small_050", "MobileNetV4 conv small 0.5", HALF, Bicubic),
    Known::usual("mobilenetv4_conv_small_035", "MobileNetV4 conv small 0.35", HALF, Bicubic),
];

pub(super) fn of(card: &CardFile) -> Option<Architecture> {
    let width = match card.architecture.as_str() {
        "mobilenetv4_conv_small" => 1.0,
        "mobilenetv4_conv_small_050" => 0.5,
        "mobilenetv4_conv_small_035" => 0.35,
        _ => return None,
    };
    // The stem keeps its channels at every width.
    let style = Style { width, activation: Relu, squeeze: None, port: Port::Timm };
    let network = Mobile::new(style, 32).groups(&SMALL);
    Some(Architecture { stages: network.pooled(Some(960), 1280, true), foreign: |_| None, ignored: is_classifier })
}

#[cfg(test)]
mod tests {
    use super::super::mobile::counted;

    /// As timm 1.0.31 counts them, without the classifier.
    #[test]
    fn has_timms_counts() {
        assert_eq!(counted("mobilenetv4_conv_small"), Some((18, [1280, 1, 1], 2_493_024, 184_725_568.0)));
        assert_eq!(counted("mobilenetv4_conv_small_050"), Some((18, [1280, 1, 1], 957_952, 63_461_408.0)));
        assert_eq!(counted("mobilenetv4_conv_small_035"), Some((18, [1280, 1, 1], 624_384, 46_443_040.0)));
        assert_eq!(counted("mobilenetv4_conv_medium"), None);
    }
}
