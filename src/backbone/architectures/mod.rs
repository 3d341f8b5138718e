//! The architectures that are known: a file each, with its stages and its tables of names.

mod efficientnet;
mod inception_v3;
mod lcnet;
mod mobile;
mod mobilenet_v1;
mod mobilenet_v2;
mod mobilenet_v3;
mod mobilenet_v4;
mod resnet;
#[cfg(test)]
mod testing;
mod timm;
mod vgg;

pub(crate) use timm::timm_names;

use super::card::CardFile;
use crate::error::{Error, Result};
use crate::image::Interpolation;
use crate::nn::StageSpec;

/// The shape of a network and the names of its tensors.
pub(crate) struct Architecture {
    /// Its stages, in order.
    pub stages: Vec<StageSpec>,
    /// Our name of a tensor that another publisher names, or `None` where that is no name of this architecture.
    pub foreign: fn(&str) -> Option<String>,
    /// Whether a tensor is none of the features: of the pretraining's classifier, or of an auxiliary one.
    pub ignored: fn(&str) -> bool,
}

/// An architecture as it is usually published: what a file without a card is taken for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// timm's name of it.
    pub architecture: &'static str,
    /// What a person calls it.
    pub label: &'static str,
    /// Side of the picture in pixels.
    pub input_size: usize,
    /// Mean of each channel on the scale 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation of each channel on the scale 0 to 1.
    pub std: [f32; 3],
    /// Resampling filter.
    pub interpolation: Interpolation,
    /// Share of the centre square that is kept.
    pub crop_pct: f64,
}

/// Mean and standard deviation of ImageNet's pictures, which most backbones are normalised with.
const IMAGENET: [[f32; 3]; 2] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];
/// From −1 to 1.
const HALF: [[f32; 3]; 2] = [[0.5; 3]; 2];

impl Known {
    /// At 224 pixels, which most are published for, and with timm's usual share of the picture.
    const fn usual(
        architecture: &'static str,
        label: &'static str,
        [mean, std]: [[f32; 3]; 2],
        interpolation: Interpolation,
    ) -> Self {
        Self { architecture, label, input_size: 224, mean, std, interpolation, crop_pct: 0.875 }
    }
}

/// A family of architectures: what it makes of a card, and what of it can be recognised.
struct Family {
    of: fn(&CardFile) -> Option<Architecture>,
    known: &'static [Known],
}

const FAMILIES: &[Family] = &[
    Family { of: mobilenet_v2::of, known: mobilenet_v2::KNOWN },
    Family { of: mobilenet_v3::of, known: mobilenet_v3::KNOWN },
    Family { of: mobilenet_v4::of, known: mobilenet_v4::KNOWN },
    Family { of: mobilenet_v1::of, known: mobilenet_v1::KNOWN },
    Family { of: lcnet::of, known: lcnet::KNOWN },
    Family { of: efficientnet::of, known: efficientnet::KNOWN },
    Family { of: resnet::of, known: resnet::KNOWN },
    Family { of: inception_v3::of, known: inception_v3::KNOWN },
    Family { of: vgg::of, known: vgg::KNOWN },
];

/// The architecture that a card names.
///
/// # Errors
/// [`Error::BackboneUnsupported`].
pub(super) fn of(card: &CardFile) -> Result<Architecture> {
    let found = FAMILIES.iter().find_map(|family| (family.of)(card));
    found.ok_or_else(|| Error::BackboneUnsupported(card.architecture.clone()))
}

/// What can be recognised, the likeliest first where the tensors fit several.
pub(super) fn known() -> impl Iterator<Item = &'static Known> {
    FAMILIES.iter().flat_map(|family| family.known)
}

/// What a person calls the architecture of this name: the label of the one that is known by it, or the name.
pub(super) fn label(architecture: &str) -> &str {
    known().find(|known| known.architecture == architecture).map_or(architecture, |known| known.label)
}
