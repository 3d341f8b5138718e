//! A fine-tuned backbone with a linear head, as timm and, through it, transformers read it: `model.safetensors` with timm's
//! names, `config.json` and `preprocessor_config.json`.

use super::{File, unsupported};
use crate::backbone::{Array, Backbone, WeightStorage, timm_names, write};
use crate::bundle;
use crate::classifier::Model;
use crate::error::{Error, Result};
use crate::nn::{Op, StageSpec};
use serde_json::json;

/// `model.safetensors`, `config.json` and `preprocessor_config.json`.
pub(super) fn files(model: Model<'_>, weights: WeightStorage) -> Result<Vec<File>> {
    if weights == WeightStorage::Int8 {
        return Err(unsupported("timm", "timm reads no 8-bit weights: take f16 or f32"));
    }
    let [layer] = model.head.layers.as_slice() else {
        return Err(unsupported("timm", "its networks end in one dense layer, and this head has more"));
    };
    if model.head.convolution.is_some() {
        return Err(unsupported("timm", "its networks have no convolution in their heads"));
    }
    let card = model.backbone.card();
    let other = || unsupported("timm", format!("timm has no network like this “{}”", card.architecture));
    let names = timm_names(model.backbone).ok_or_else(other)?;
    let mut tensors = Vec::new();
    for (name, array) in unfolded(model.backbone)? {
        tensors.push((names.of(&name).ok_or_else(|| Error::BackboneTensorUnknown(name.clone()))?, array));
    }
    let head =
        [("weight", vec![layer.outputs, layer.inputs], &layer.weight), ("bias", vec![layer.outputs], &layer.bias)];
    for (part, shape, values) in head {
        tensors.push((format!("{}.{part}", names.classifier), Array::new(shape, values.clone())));
    }
    for (name, array) in &mut tensors {
        *array = array.stored_as(name, weights);
    }
    let labels = model.names();
    let config = json!({
        "architecture": names.architecture,
        "num_classes": labels.len(),
        "num_features": card.num_features,
        "global_pool": "avg",
        "label_names": labels,
        "pretrained_cfg": {
            "custom_load": false,
            "input_size": [3, card.input_size, card.input_size],
            "fixed_input_size": false,
            "interpolation": card.interpolation.name(),
            "crop_pct": card.crop_pct,
            "crop_mode": "center",
            "mean": card.mean,
            "std": card.std,
            "num_classes": labels.len(),
            "classifier": names.classifier,
            "license": card.license,
        },
    });
    Ok(vec![
        File::new("model.safetensors", write(tensors.iter().map(|(name, array)| (name.as_str(), array)))?),
        File::json("config.json", &config)?,
        File::new("preprocessor_config.json", bundle::preprocessor(model.backbone)?),
    ])
}

/// All tensors of a backbone under our names, BatchNorm by itself: where it is folded into a convolution, one that computes
/// x + bias stands for it.
fn unfolded(backbone: &Backbone) -> Result<Vec<(String, Array)>> {
    let weights = backbone.weights();
    let mut tensors: Vec<(String, Array)> = Vec::new();
    if !weights.folded() {
        return Ok(weights.iter().map(|(name, array)| (name.to_string(), array.clone())).collect());
    }
    for (stage, at, node) in backbone.stages().iter().flat_map(operations) {
        let mut take = |name: String| -> Result<()> {
            let array = weights.get(&name)?.clone();
            tensors.push((name, array));
            Ok(())
        };
        match node {
            Op::Conv(conv) => {
                take(format!("{}.weight", conv.name))?;
                let Some((_, norm)) = stage.norm_behind(at) else {
                    if conv.bias {
                        take(format!("{}.bias", conv.name))?;
                    }
                    continue;
                };
                let bias = weights.get(&format!("{}.bias", conv.name))?.data.clone();
                let all = |value: f64| vec![value as f32; norm.channels];
                let parts = [
                    ("weight", all(1.0)),
                    ("bias", bias),
                    ("running_mean", all(0.0)),
                    ("running_var", all(1.0 - norm.epsilon)),
                ];
                for (part, values) in parts {
                    tensors.push((format!("{}.{part}", norm.name), Array::new(vec![norm.channels], values)));
                }
                if conv.bias {
                    tensors
                        .push((format!("{}.bias", conv.name), Array::new(vec![conv.outputs], vec![0.0; conv.outputs])));
                }
            }
            Op::Norm(norm) if !stage.is_folded(at) => {
                for part in ["weight", "bias", "running_mean", "running_var"] {
                    take(format!("{}.{part}", norm.name))?;
                }
            }
            Op::Dense(dense) => {
                take(format!("{}.weight", dense.name))?;
                if dense.bias {
                    take(format!("{}.bias", dense.name))?;
                }
            }
            _ => {}
        }
    }
    Ok(tensors)
}

fn operations(stage: &StageSpec) -> impl Iterator<Item = (&StageSpec, usize, &Op)> {
    stage.nodes().iter().enumerate().map(move |(at, node)| (stage, at, &node.op))
}
