//! The card of a backbone: its `config.json`, in the layout that timm publishes.

use super::architectures::{Known, known};
use crate::error::{Error, Result};
use crate::image::{Interpolation, Preprocess};
use crate::nn::Arithmetic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What `config.json` says of a backbone, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// Name of the architecture, such as `mobilenetv2_050`.
    pub architecture: String,
    /// Width multiplier of a MobileNetV2, where the card says it and not the architecture's name alone.
    pub width: Option<f64>,
    /// Whether the first block of a MobileNetV2 has a 1×1 expansion, as GluonCV's does and torchvision's does not.
    pub expand_first: Option<bool>,
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
    /// What frozen stages compute in, on the CPU.
    pub arithmetic: Arithmetic,
    /// How many of the last stages compute in floats in any case, because they were trained so.
    pub float_stages: usize,
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
    /// Arguments that timm made the model with, where they were not the architecture's own.
    #[serde(default, skip_serializing)]
    pub model_args: BTreeMap<String, serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fine_tune: Option<FineTuneLimit>,
    /// Not timm's: see [`Card::arithmetic`].
    #[serde(default, skip_serializing_if = "Arithmetic::is_float")]
    pub arithmetic: Arithmetic,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub float_stages: usize,
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

/// Those of timm's `model_args` that change nothing of what the features are.
const HARMLESS_ARGS: [&str; 5] = ["num_classes", "in_chans", "drop_rate", "drop_path_rate", "drop_connect_rate"];

fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn bilinear() -> String {
    "bilinear".into()
}

fn whole() -> f64 {
    1.0
}

impl Card {
    /// Reads and checks a `config.json`, all of it but the architecture.
    ///
    /// # Errors
    /// [`Error::BackboneConfigInvalid`].
    pub fn parse(json: &str) -> Result<Self> {
        Self::check(&CardFile::parse(json)?, 0)
    }

    /// Checks what a `config.json` says of a backbone with so many features.
    pub(super) fn check(file: &CardFile, features: usize) -> Result<Self> {
        let cfg = &file.pretrained_cfg;
        let bad = |what: String| Err(Error::BackboneConfigInvalid(what));
        if let Some(name) = file.model_args.keys().find(|name| !HARMLESS_ARGS.contains(&name.as_str())) {
            return bad(format!("its model_args change the network by “{name}”, which is not supported"));
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
            num_features: features,
            architecture: file.architecture.clone(),
            width: file.width,
            expand_first: file.expand_first,
            input_size: side,
            mean: cfg.mean,
            std: cfg.std,
            interpolation,
            crop_pct: cfg.crop_pct,
            fine_tune: file.fine_tune.clone(),
            arithmetic: file.arithmetic,
            float_stages: file.float_stages,
            license: file.license.clone(),
            source: file.source.clone(),
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
            width: self.width,
            num_features: Some(self.num_features),
            expand_first: self.expand_first,
            pretrained_cfg: PretrainedCfg {
                input_size: [3, self.input_size, self.input_size],
                mean: self.mean,
                std: self.std,
                interpolation: self.interpolation.name().into(),
                crop_pct: self.crop_pct,
            },
            model_args: BTreeMap::new(),
            fine_tune: self.fine_tune.clone(),
            arithmetic: self.arithmetic,
            float_stages: self.float_stages,
            license: self.license.clone(),
            source: self.source.clone(),
        }
    }
}

impl CardFile {
    /// Reads a `config.json`.
    pub(super) fn parse(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|e| Error::BackboneConfigInvalid(format!("it is not a timm card, {e}")))
    }

    /// The card of an architecture as it is usually published, for weights that came without one.
    pub(super) fn of(known: &Known) -> Self {
        Self {
            architecture: known.architecture.into(),
            width: None,
            num_features: None,
            expand_first: None,
            pretrained_cfg: PretrainedCfg {
                input_size: [3, known.input_size, known.input_size],
                mean: known.mean,
                std: known.std,
                interpolation: known.interpolation.name().into(),
                crop_pct: known.crop_pct,
            },
            model_args: BTreeMap::new(),
            fine_tune: None,
            arithmetic: Arithmetic::Float,
            float_stages: 0,
            license: String::new(),
            source: String::new(),
        }
    }

    /// The same by the architecture's name; for one that is not [`Known`], as most are published.
    pub(super) fn named(architecture: &str) -> Result<Self> {
        let usual = known().find(|known| known.architecture == architecture).or_else(|| known().next());
        let usual = usual.ok_or_else(|| Error::BackboneUnsupported(architecture.into()))?;
        Ok(Self { architecture: architecture.into(), ..Self::of(usual) })
    }
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
        assert_eq!((card.architecture.as_str(), card.input_size), ("mobilenetv2_050", 96));
        assert_eq!(card.interpolation, Interpolation::Bilinear);
    }

    #[test]
    fn names_what_is_wrong() {
        for (replace, by, code) in [
            ("[3,96,96]", "[1,96,96]", "backbone_config_invalid"),
            ("[3,96,96]", "[3,96,64]", "backbone_config_invalid"),
            ("0.2,0.2]", "0.2,0]", "backbone_config_invalid"),
            ("{", "", "backbone_config_invalid"),
        ] {
            assert_eq!(card(replace, by).unwrap_err().code(), code, "{replace} → {by}");
        }
    }
}
