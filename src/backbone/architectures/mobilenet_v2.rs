//! The shape of MobileNetV2 (Sandler and others, 2018, table 2) as a list of stages.

use super::mobile::divisible;
use super::{Architecture, IMAGENET, Known};
use crate::backbone::card::CardFile;
use crate::image::Interpolation::Bicubic;
use crate::nn::{Activation, ConvSpec, StageBuilder, StageSpec};
use std::collections::BTreeMap;

/// BatchNorm's ε: PyTorch's and timm's default.
const EPSILON: f64 = 1e-5;

/// Expansion, output channels, repeats and stride of each group of blocks (table 2 of the paper).
const GROUPS: [(usize, usize, usize, usize); 7] =
    [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

/// Length of the pooled feature vector: 1280, or more for widths above 1.
fn features(width: f64) -> usize {
    divisible(1280.0 * width.max(1.0))
}

/// What can be recognised by its tensors, at timm's defaults.
pub(super) const KNOWN: &[Known] = &[
    Known::usual("mobilenetv2_100", "MobileNetV2 1.0", IMAGENET, Bicubic),
    Known::usual("mobilenetv2_140", "MobileNetV2 1.4", IMAGENET, Bicubic),
    Known::usual("mobilenetv2_075", "MobileNetV2 0.75", IMAGENET, Bicubic),
    Known::usual("mobilenetv2_050", "MobileNetV2 0.5", IMAGENET, Bicubic),
    Known::usual("mobilenetv2_035", "MobileNetV2 0.35", IMAGENET, Bicubic),
];

/// MobileNetV2 of the width that the card or its architecture's name says.
pub(super) fn of(card: &CardFile) -> Option<Architecture> {
    let named = ["mobilenetv2", "mobilenet_v2"].iter().any(|name| card.architecture.starts_with(name));
    let width = card.width.filter(|_| named).or_else(|| width_of(&card.architecture))?;
    // Beyond these there are no weights, and rounding would end in layers of nothing.
    if !(0.1..=4.0).contains(&width) {
        return None;
    }
    let expand_first = card.expand_first.unwrap_or(false);
    let features = card.num_features.unwrap_or_else(|| features(width));
    Some(Architecture {
        stages: stages(width, expand_first, features),
        foreign: if expand_first { |name| from_timm(name, true) } else { |name| from_timm(name, false) },
        ignored: |name| name.starts_with("classifier."),
    })
}

/// The width in names such as `mobilenetv2_050`; timm's deeper variants (`mobilenetv2_110d`) are not read.
fn width_of(architecture: &str) -> Option<f64> {
    if architecture == "mobilenet_v2" {
        return Some(1.0);
    }
    let digits = architecture.strip_prefix("mobilenetv2_")?;
    let percent: u32 = digits.parse().ok()?;
    Some(f64::from(percent) / 100.0)
}

/// The stages: 0 is the stem, then 17 inverted residual blocks, then the last convolution.
///
/// Tensor names are torchvision's.
fn stages(width: f64, expand_first: bool, num_features: usize) -> Vec<StageSpec> {
    let mut channels = divisible(32.0 * width);
    let mut stages = vec![convolution("stem", 0, 3, ConvSpec::new("features.0.0", channels).kernel(3).stride(2))];
    for (expansion, base, repeats, first_stride) in GROUPS {
        let outputs = divisible(base as f64 * width);
        for repeat in 0..repeats {
            let stride = if repeat == 0 { first_stride } else { 1 };
            let index = stages.len();
            stages.push(block(index, channels, outputs, expansion, stride, expansion != 1 || expand_first));
            channels = outputs;
        }
    }
    let last = stages.len();
    let conv = ConvSpec::new(format!("features.{last}.0"), num_features);
    stages.push(convolution("last convolution", last, channels, conv));
    stages
}

/// A stage of one convolution with BatchNorm and ReLU6.
fn convolution(name: &str, index: usize, inputs: usize, conv: ConvSpec) -> StageSpec {
    let mut stage = StageBuilder::new(name, inputs);
    let x = stage.conv(stage.input(), conv);
    let x = stage.norm(x, format!("features.{index}.1"), EPSILON);
    stage.activate(x, Activation::Relu6);
    stage.end()
}

/// An inverted residual block: 1×1 expansion, 3×3 depthwise, 1×1 linear projection.
fn block(index: usize, inputs: usize, outputs: usize, expansion: usize, stride: usize, expand: bool) -> StageSpec {
    let prefix = format!("features.{index}.conv");
    let mut stage = StageBuilder::new(format!("block {index}"), inputs);
    let mut x = stage.input();
    if expand {
        x = stage.conv(x, ConvSpec::new(format!("{prefix}.0.0"), inputs * expansion));
        x = stage.norm(x, format!("{prefix}.0.1"), EPSILON);
        x = stage.activate(x, Activation::Relu6);
    }
    let at = usize::from(expand);
    x = stage.conv(x, ConvSpec::depthwise(format!("{prefix}.{at}.0")).kernel(3).stride(stride));
    x = stage.norm(x, format!("{prefix}.{at}.1"), EPSILON);
    x = stage.activate(x, Activation::Relu6);
    x = stage.conv(x, ConvSpec::new(format!("{prefix}.{}", at + 1), outputs));
    x = stage.norm(x, format!("{prefix}.{}", at + 2), EPSILON);
    if stride == 1 && inputs == outputs {
        stage.add(x, stage.input());
    }
    stage.end()
}

/// The torchvision name of a tensor that timm names, or `None` where it is no timm name of this architecture.
///
/// timm numbers blocks within their group: `blocks.2.1.conv_dw.weight` is the second block of the third group.
fn from_timm(name: &str, expand_first: bool) -> Option<String> {
    let (module, tensor) = name.rsplit_once('.')?;
    let last = 1 + GROUPS.iter().map(|group| group.2).sum::<usize>();
    let at = match module {
        "conv_stem" => "features.0.0".to_string(),
        "bn1" => "features.0.1".to_string(),
        "conv_head" => format!("features.{last}.0"),
        "bn2" => format!("features.{last}.1"),
        _ => {
            let mut parts = module.strip_prefix("blocks.")?.split('.');
            let group: usize = parts.next()?.parse().ok()?;
            let repeat: usize = parts.next()?.parse().ok()?;
            let layer = parts.next()?;
            if parts.next().is_some() || group >= GROUPS.len() || repeat >= GROUPS[group].2 {
                return None;
            }
            let index = 1 + GROUPS[..group].iter().map(|g| g.2).sum::<usize>() + repeat;
            let expanded = group > 0 || expand_first;
            let place = match (expanded, layer) {
                (true, "conv_pw") | (false, "conv_dw") => "0.0",
                (true, "bn1") | (false, "bn1") => "0.1",
                (true, "conv_dw") => "1.0",
                (true, "bn2") => "1.1",
                (true, "conv_pwl") => "2",
                (true, "bn3") => "3",
                (false, "conv_pw") => "1",
                (false, "bn2") => "2",
                _ => return None,
            };
            format!("features.{index}.conv.{place}")
        }
    };
    Some(format!("{at}.{tensor}"))
}

/// timm's module by ours, of every width; only those without an expansion in the first block are timm's.
pub(super) fn timm_modules() -> BTreeMap<String, String> {
    let ends = ["conv_stem", "bn1", "conv_head", "bn2"].map(String::from);
    let places = GROUPS.iter().enumerate().flat_map(|(group, of)| (0..of.2).map(move |repeat| (group, repeat)));
    let layers = ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"];
    let blocks = places.flat_map(|(group, repeat)| layers.map(|layer| format!("blocks.{group}.{repeat}.{layer}")));
    let named = |module: String| {
        let ours = from_timm(&format!("{module}.weight"), false)?;
        Some((ours.strip_suffix(".weight")?.to_string(), module))
    };
    ends.into_iter().chain(blocks).filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_one_has_the_published_shape() {
        let stages = stages(1.0, false, features(1.0));
        assert_eq!(stages.len(), 19);
        assert_eq!(stages[17].outputs, 320);
        // 2,223,872 parameters without the classifier, BatchNorm affine included (torchvision's count).
        let tensors = stages.iter().flat_map(|stage| stage.tensors(false)).filter(|tensor| !tensor.role.is_statistic());
        let parameters: usize = tensors.map(|tensor| tensor.shape.iter().product::<usize>()).sum();
        assert_eq!(parameters, 2_223_872);
    }

    #[test]
    fn timm_names_are_found_and_others_are_not() {
        assert_eq!(from_timm("blocks.2.1.conv_dw.weight", false).unwrap(), "features.5.conv.1.0.weight");
        assert_eq!(from_timm("blocks.0.0.bn2.running_mean", false).unwrap(), "features.1.conv.2.running_mean");
        assert_eq!(from_timm("blocks.0.1.bn2.weight", false), None);
        assert_eq!(from_timm("blocks.1.0.conv_up.weight", false), None);
        assert_eq!(from_timm("layer1.0.weight", false), None);
    }
}
