//! The shape of MobileNetV2 (Sandler and others, 2018, table 2) as a list of stages.

use crate::nn::{ConvSpec, StageSpec};

/// Expansion, output channels, repeats and stride of each group of blocks (table 2 of the paper).
const GROUPS: [(usize, usize, usize, usize); 7] =
    [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

/// Rounds to a multiple of 8 and never down by more than a tenth, as the reference implementation does.
fn divisible(channels: f64) -> usize {
    let rounded = (((channels + 4.0) / 8.0) as usize * 8).max(8);
    if (rounded as f64) < 0.9 * channels { rounded + 8 } else { rounded }
}

/// Length of the pooled feature vector: 1280, or more for widths above 1.
pub(crate) fn features(width: f64) -> usize {
    divisible(1280.0 * width.max(1.0))
}

/// The stages: 0 is the stem, then 17 inverted residual blocks, then the last convolution.
///
/// Tensor names are torchvision's.
pub(crate) fn stages(width: f64, expand_first: bool, num_features: usize) -> Vec<StageSpec> {
    let mut channels = divisible(32.0 * width);
    let stem = ConvSpec::new("features.0.0", "features.0.1", 3, channels).kernel(3).stride(2);
    let mut stages = vec![StageSpec { name: "stem".into(), convs: vec![stem], residual: false }];
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
    stages.push(StageSpec {
        name: "last convolution".into(),
        convs: vec![ConvSpec::new(
            &format!("features.{last}.0"),
            &format!("features.{last}.1"),
            channels,
            num_features,
        )],
        residual: false,
    });
    stages
}

/// An inverted residual block: 1×1 expansion, 3×3 depthwise, 1×1 linear projection.
fn block(index: usize, inputs: usize, outputs: usize, expansion: usize, stride: usize, expand: bool) -> StageSpec {
    let hidden = inputs * expansion;
    let prefix = format!("features.{index}.conv");
    let mut convs = Vec::with_capacity(3);
    if expand {
        convs.push(ConvSpec::new(&format!("{prefix}.0.0"), &format!("{prefix}.0.1"), inputs, hidden));
    }
    let at = convs.len();
    convs.push(
        ConvSpec::new(&format!("{prefix}.{at}.0"), &format!("{prefix}.{at}.1"), hidden, hidden)
            .kernel(3)
            .stride(stride)
            .depthwise(),
    );
    convs.push(
        ConvSpec::new(&format!("{prefix}.{}", at + 1), &format!("{prefix}.{}", at + 2), hidden, outputs).linear(),
    );
    StageSpec { name: format!("block {index}"), convs, residual: stride == 1 && inputs == outputs }
}

/// The torchvision name of a tensor that timm names, or `None` where it is no timm name of this architecture.
///
/// timm numbers blocks within their group: `blocks.2.1.conv_dw.weight` is the second block of the third group.
pub(crate) fn from_timm(name: &str, expand_first: bool) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_one_has_the_published_shape() {
        let stages = stages(1.0, false, features(1.0));
        assert_eq!(stages.len(), 19);
        assert_eq!(stages[17].convs[2].outputs, 320);
        // 2,223,872 parameters without the classifier, BatchNorm affine included (torchvision's count).
        let parameters: usize = stages
            .iter()
            .flat_map(|s| &s.convs)
            .map(|c| c.weight_shape().iter().product::<usize>() + 2 * c.outputs)
            .sum();
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
