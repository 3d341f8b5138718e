//! PP-LCNet (Cui and others, 2021, table 1): MobileNetV1's blocks with hard-swish, larger kernels late and
//! squeeze-and-excitation in the last two blocks, and MobileNetV3's last layer after pooling.

use super::mobile::{Group, Mobile, Port, Squeeze, Style, divisible, is_classifier, separable_active};
use super::{Architecture, IMAGENET, Known};
use crate::backbone::card::CardFile;
use crate::image::Interpolation::{Bicubic, Bilinear};
use crate::nn::Activation::{HardSigmoid, HardSwish, Relu};

const GROUPS: [Group; 6] = [
    &[separable_active(3, 1, 32)],
    &[separable_active(3, 2, 64).times(2)],
    &[separable_active(3, 2, 128).times(2)],
    &[separable_active(3, 2, 256), separable_active(5, 1, 256)],
    &[separable_active(5, 1, 256).times(4)],
    &[separable_active(5, 2, 512).squeezed().times(2)],
];

/// A quarter of the gated channels, not rounded to a multiple of 8.
const SQUEEZE: Squeeze =
    Squeeze { reduced: |_, hidden| (hidden as f64 * 0.25).round_ties_even() as usize, inner: Relu, gate: HardSigmoid };

pub(super) const KNOWN: &[Known] = &[
    Known::usual("lcnet_100", "LCNet", IMAGENET, Bicubic),
    Known::usual("lcnet_075", "LCNet 0.75", IMAGENET, Bicubic),
    Known::usual("lcnet_050", "LCNet 0.5", IMAGENET, Bicubic),
    Known::usual("lcnet_035", "LCNet 0.35", IMAGENET, Bilinear),
    Known::usual("lcnet_150", "LCNet 1.5", IMAGENET, Bilinear),
];

pub(super) fn of(card: &CardFile) -> Option<Architecture> {
    let width = match card.architecture.as_str() {
        "lcnet_035" => 0.35,
        "lcnet_050" => 0.5,
        "lcnet_075" => 0.75,
        "lcnet_100" => 1.0,
        "lcnet_150" => 1.5,
        _ => return None,
    };
    let style = Style { width, activation: HardSwish, squeeze: Some(SQUEEZE), port: Port::Timm };
    let network = Mobile::new(style, divisible(16.0 * width));
    let network = network.groups(&GROUPS);
    Some(Architecture { stages: network.pooled(None, 1280, false), foreign: |_| None, ignored: is_classifier })
}

#[cfg(test)]
mod tests {
    use super::super::mobile::counted;

    /// As timm 1.0.31 counts them, without the classifier.
    #[test]
    fn has_timms_counts() {
        for (name, parameters, multiplications) in [
            ("lcnet_035", 363_370, 26_077_832.0),
            ("lcnet_050", 599_856, 43_451_008.0),
            ("lcnet_075", 1_077_288, 93_506_496.0),
            ("lcnet_100", 1_672_800, 154_420_480.0),
            ("lcnet_150", 3_220_112, 332_908_416.0),
        ] {
            assert_eq!(counted(name), Some((15, [1280, 1, 1], parameters, multiplications)), "{name}");
        }
    }
}
