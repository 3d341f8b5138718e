//! The card of a backbone: its `config.json`, in the layout that timm publishes.

use crate::error::{Error, Result};
use crate::image::{Interpolation, Preprocess};
use serde::{Deserialize, Serialize};

/// What `config.json` says of a backbone, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// Name of the architecture, such as `mobilenetv2_050`.
    pub architecture: String,
    /// Width multiplier, 0.1 to 4.
    pub width: f64,
    /// Whether the first block has a 1×1 expansion, as GluonCV's does and torchvision's does not.
    pub expand_first: bool,
    /// Length of the pooled feature vector.
    pub num_features: usize,
    /// Side of the square input in pixels.
    pub input_size: usize,
    /// Mean of each channel on the scale 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation of each channel on the scale 0 to 1.
    pub std: [f32; 3],
    /// Resampling filter for shrinking pictures.
    pub interpolation: Interpolation,
    /// Share of the centre square that is kept.
    pub crop_pct: f64,
    /// How far it can be fine-tuned, where the card sets a limit.
    pub fine_tune: Option<FineTuneLimit>,
    /// Licence of the weights, empty where the card does not say.
    pub license: String,
    /// Where the weights come from, empty where the card does not say.
    pub source: String,
}

/// A limit to fine-tuning, such as that of a quantised or inference-only export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FineTuneLimit {
    /// How many of the last stages can be trained at most; 0 is the head only.
    pub last: usize,
    /// Why, in words that end a sentence.
    pub reason: String,
}

/// `config.json` as it lies on disk.
#[derive(Serialize, Deserialize)]
pub(crate) struct CardFile {
    pub architecture: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_features: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expand_first: Option<bool>,
    pub pretrained_cfg: PretrainedCfg,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fine_tune: Option<FineTuneLimit>,
    #[serde(default)]
    pub license: String,
    #[serde(default)]
    pub source: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PretrainedCfg {
    pub input_size: [usize; 3],
    pub mean: [f32; 3],
    pub std: [f32; 3],
    #[serde(default = "bilinear")]
    pub interpolation: String,
    #[serde(default = "whole")]
    pub crop_pct: f64,
}

fn bilinear() -> String {
    "bilinear".into()
}

fn whole() -> f64 {
    1.0
}

impl Card {
    /// Reads and checks a `config.json`.
    ///
    /// # Errors
    /// [`Error::BackboneConfigInvalid`] and [`Error::BackboneUnsupported`].
    pub fn parse(json: &str) -> Result<Self> {
        let file: CardFile = serde_json::from_str(json)
            .map_err(|e| Error::BackboneConfigInvalid(format!("it is not a timm card, {e}")))?;
        Self::check(file)
    }

    fn check(file: CardFile) -> Result<Self> {
        let cfg = file.pretrained_cfg;
        let bad = |what: String| Err(Error::BackboneConfigInvalid(what));
        let width = match file.width.or_else(|| width_of(&file.architecture)) {
            Some(width) => width,
            None => return Err(Error::BackboneUnsupported(file.architecture)),
        };
        if !file.architecture.starts_with("mobilenet") {
            return Err(Error::BackboneUnsupported(file.architecture));
        }
        if !(0.1..=4.0).contains(&width) {
            return bad(format!("width {width} is not between 0.1 and 4"));
        }
        let [channels, height, side] = cfg.input_size;
        if channels != 3 || height != side || !(32..=1024).contains(&side) {
            return bad(format!("input_size {:?} is not [3, n, n] with n from 32 to 1024", cfg.input_size));
        }
        if cfg.std.iter().any(|s| !s.is_finite() || *s <= 0.0) || cfg.mean.iter().any(|m| !m.is_finite()) {
            return bad(format!("mean {:?} and std {:?} must be finite, std above 0", cfg.mean, cfg.std));
        }
        if !(cfg.crop_pct > 0.0 && cfg.crop_pct <= 1.0) {
            return bad(format!("crop_pct {} is not above 0 and at most 1", cfg.crop_pct));
        }
        if file.num_features == Some(0) {
            return bad("num_features is 0".into());
        }
        let interpolation = match cfg.interpolation.as_str() {
            "bilinear" => Interpolation::Bilinear,
            "bicubic" => Interpolation::Bicubic,
            other => return bad(format!("interpolation “{other}” is neither bilinear nor bicubic")),
        };
        Ok(Self {
            num_features: file.num_features.unwrap_or_else(|| super::mobilenet_v2::features(width)),
            architecture: file.architecture,
            width,
            expand_first: file.expand_first.unwrap_or(false),
            input_size: side,
            mean: cfg.mean,
            std: cfg.std,
            interpolation,
            crop_pct: cfg.crop_pct,
            fine_tune: file.fine_tune,
            license: file.license,
            source: file.source,
        })
    }

    /// How pictures are prepared for this backbone.
    pub fn preprocess(&self) -> Preprocess {
        Preprocess {
            size: self.input_size,
            mean: self.mean,
            std: self.std,
            crop: self.crop_pct,
            interpolation: self.interpolation,
        }
    }

    /// The card as a `config.json` value.
    pub(crate) fn to_file(&self) -> CardFile {
        CardFile {
            architecture: self.architecture.clone(),
            width: Some(self.width),
            num_features: Some(self.num_features),
            expand_first: Some(self.expand_first),
            pretrained_cfg: PretrainedCfg {
                input_size: [3, self.input_size, self.input_size],
                mean: self.mean,
                std: self.std,
                interpolation: self.interpolation.name().into(),
                crop_pct: self.crop_pct,
            },
            fine_tune: self.fine_tune.clone(),
            license: self.license.clone(),
            source: self.source.clone(),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn card(replace: &str, by: &str) -> Result<Card> {
        let json = r#"{"architecture":"mobilenetv2_050","pretrained_cfg":{"input_size":[3,96,96],
            "mean":[0.5,0.5,0.5],"std":[0.2,0.2,0.2]}}"#;
        assert!(json.contains(replace), "the test replaces something that is there");
        Card::parse(&json.replace(replace, by))
    }

    #[test]
    fn reads_a_plain_timm_card() {
        let card = card("0.5", "0.5").unwrap();
        assert_eq!((card.width, card.input_size, card.num_features), (0.5, 96, 1280));
        assert_eq!(card.interpolation, Interpolation::Bilinear);
    }

    #[test]
    fn names_what_is_wrong() {
        for (replace, by, code) in [
            ("mobilenetv2_050", "resnet50", "backbone_unsupported"),
            ("mobilenetv2_050", "mobilenetv2_110d", "backbone_unsupported"),
            ("[3,96,96]", "[1,96,96]", "backbone_config_invalid"),
            ("[3,96,96]", "[3,96,64]", "backbone_config_invalid"),
            ("0.2,0.2]", "0.2,0]", "backbone_config_invalid"),
            ("{", "", "backbone_config_invalid"),
        ] {
            assert_eq!(card(replace, by).unwrap_err().code(), code, "{replace} → {by}");
        }
    }
}
