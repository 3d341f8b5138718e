//! What timm calls a network that it has too, and its tensors.

use super::{mobilenet_v2, of};
use crate::backbone::Backbone;
use crate::backbone::card::CardFile;
use std::collections::BTreeMap;

/// timm's names of a network.
pub(crate) struct TimmNames {
    /// What `timm.create_model` is asked for.
    pub architecture: String,
    /// Its classifier, a dense layer.
    pub classifier: &'static str,
    /// timm's module by ours, where they are not called the same.
    modules: BTreeMap<String, String>,
}

impl TimmNames {
    /// timm's name of a tensor; none where timm has it not.
    pub(crate) fn of(&self, tensor: &str) -> Option<String> {
        if self.modules.is_empty() {
            return Some(tensor.to_string());
        }
        let (module, part) = tensor.rsplit_once('.')?;
        Some(format!("{}.{part}", self.modules.get(module)?))
    }
}

/// timm's names of a backbone; none where timm has no such network that a dense layer can be put behind.
pub(crate) fn timm_names(backbone: &Backbone) -> Option<TimmNames> {
    let own = backbone.card().architecture.as_str();
    let architecture = if own == "mobilenet_v2" { "mobilenetv2_100" } else { own };
    // The others are torchvision's, or have more between their features and the classifier.
    let classifier = match architecture.trim_start_matches("tf_").split('_').next()? {
        "mobilenetv1" | "mobilenetv2" | "mobilenetv3" | "mobilenetv4" | "lcnet" | "efficientnet" => "classifier",
        "resnet18" | "resnet26" | "resnet34" | "resnet50" | "inception" => "fc",
        _ => return None,
    };
    let modules = match architecture.strip_prefix("mobilenetv2_") {
        Some(_) if !mobilenet_v2::KNOWN.iter().any(|known| known.architecture == architecture) => return None,
        Some(_) => mobilenet_v2::timm_modules(),
        None => BTreeMap::new(),
    };
    // A card may say a width or a number of features of its own.
    let usual = of(&CardFile::named(architecture).ok()?).ok()?.stages;
    let shapes = |stages: &[crate::nn::StageSpec]| -> Vec<_> {
        stages.iter().flat_map(|stage| stage.tensors(false)).map(|tensor| (tensor.name, tensor.shape)).collect()
    };
    (shapes(&usual) == shapes(backbone.stages())).then(|| TimmNames {
        architecture: architecture.into(),
        classifier,
        modules,
    })
}
