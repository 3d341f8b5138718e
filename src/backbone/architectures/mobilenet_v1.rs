//! MobileNetV1 (Howard and others, 2017, table 1), as timm has it: ReLU6 where the paper has ReLU.

use super::mobile::{Group, Mobile, Port, Style, divisible, is_classifier, separable_active};
use super::{Architecture, HALF, Known};
use crate::backbone::card::CardFile;
use crate::image::Interpolation::Bicubic;
use crate::nn::Activation::Relu6;

const GROUPS: [Group; 5] = [
    &[separable_active(3, 1, 64)],
    &[separable_active(3, 2, 128).times(2)],
    &[separable_active(3, 2, 256).times(2)],
    &[separable_active(3, 2, 512).times(6)],
    &[separable_active(3, 2, 1024).times(2)],
];

pub(super) const KNOWN: &[Known] = &[
    Known::usual("mobilenetv1_100", "MobileNetV1", HALF, Bicubic),
    Known::usual("mobilenetv1_100h", "MobileNetV1 with a last convolution", HALF, Bicubic),
    Known { crop_pct: 0.9, ..Known::usual("mobilenetv1_125", "MobileNetV1 1.25", HALF, Bicubic) },
];

pub(super) fn of(card: &CardFile) -> Option<Architecture> {
    let (width, last) = match card.architecture.as_str() {
        "mobilenetv1_100" => (1.0, false),
        "mobilenetv1_100h" => (1.0, true),
        "mobilenetv1_125" => (1.25, false),
        _ => return None,
    };
    let style = Style { width, activation: Relu6, squeeze: None, port: Port::Timm };
    let network = Mobile::new(style, divisible(32.0 * width));
    let network = network.groups(&GROUPS);
    let stages = if last { network.convolution(1024) } else { network.end() };
    Some(Architecture { stages, foreign: |_| None, ignored: is_classifier })
}

#[cfg(test)]
mod tests {
    use super::super::mobile::counted;

    /// As timm 1.0.31 counts them, without the classifier.
    #[test]
    fn has_timms_counts() {
        assert_eq!(counted("mobilenetv1_100"), Some((14, [1024, 7, 7], 3_206_976, 567_716_352.0)));
        assert_eq!(counted("mobilenetv1_100h"), Some((15, [1024, 7, 7], 4_257_600, 619_096_576.0)));
        assert_eq!(counted("mobilenetv1_125"), Some((14, [1280, 7, 7], 4_989_840, 878_236_800.0)));
        assert_eq!(counted("mobilenetv1_050"), None);
    }
}
