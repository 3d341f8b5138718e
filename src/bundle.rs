//! The saved model: a zip of `model.safetensors`, `config.json`, `preprocessor_config.json` and `report.json`.
//!
//! `config.json` is the backbone's card with `id2label` beside it, in the names that Hugging Face tools read.
//! Tensors keep their torchvision names; those of the head are `head.N.weight`, `head.N.bias` and,
//! where it has a convolution, `head.conv.weight` and `head.conv.bias`.
//!
//! `backbone` in `config.json` says which one the model's came from, by name and content. A model that was saved by
//! reference holds only the tensors that training changed in it; whoever opens it brings the backbone itself.

use crate::archive::{Archive, Packed, pack};
use crate::backbone::{Array, Backbone, CardFile, Reference, array, is_scale, write};
use crate::classifier::{Model, ModelClass};
use crate::error::{Error, Result};
use crate::head::{Activation, Convolution, Dense, Head};
use crate::report::TrainReport;
use safetensors::{SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Cursor;

/// Version of the layout, raised when an older reader would misread a newer file.
const VERSION: u32 = 2;

/// The version before reports were spelled in camelCase. A model without one is still written in it.
const VERSION_WITHOUT_REPORT: u32 = 1;

/// No entry of a real model is larger: a zip that unpacks to more is refused before it fills the memory.
const LARGEST_ENTRY: u64 = 256 << 20;

/// What a saved model holds.
#[derive(Debug)]
pub struct Saved {
    /// The classes, which a file knows by name.
    pub labels: Vec<ModelClass>,
    /// The head.
    pub head: Head,
    /// The backbone.
    pub backbone: Backbone,
    /// The report of its training, where it came with one.
    pub report: Option<TrainReport>,
}

/// How much of its backbone a saved model holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "lowercase")]
pub enum SavedBackbone {
    /// All of it: the file needs nothing else.
    #[default]
    Whole,
    /// What training changed; the rest is found by the backbone's name.
    Reference,
}

#[derive(Serialize, Deserialize)]
struct Config {
    headstart_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backbone: Option<Origin>,
    #[serde(flatten)]
    card: CardFile,
    id2label: BTreeMap<usize, String>,
    label2id: BTreeMap<String, usize>,
    /// What follows the head's hidden layer; ReLU where the file does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head_activation: Option<String>,
}

/// The backbone that a model's came from, and how much of it is in the file.
#[derive(Serialize, Deserialize)]
struct Origin {
    #[serde(flatten)]
    reference: Reference,
    #[serde(default)]
    saved: SavedBackbone,
}

/// How pictures are prepared, in the names of Hugging Face's image processors; for other programs, not read here.
#[derive(Serialize)]
struct PreprocessorConfig {
    do_center_crop: bool,
    do_resize: bool,
    do_rescale: bool,
    do_normalize: bool,
    crop_pct: f64,
    size: BTreeMap<&'static str, usize>,
    resample: &'static str,
    antialias: bool,
    rescale_factor: f64,
    image_mean: [f32; 3],
    image_std: [f32; 3],
    steps: &'static str,
}

/// Packs a model with all of its backbone.
///
/// # Errors
/// [`Error::Internal`] where packing fails.
pub fn save(model: Model<'_>, report: Option<&TrainReport>) -> Result<Vec<u8>> {
    save_as(model, report, SavedBackbone::Whole)
}

/// Packs a model with so much of its backbone.
///
/// # Errors
/// [`Error::ModelBackboneUnnamed`], and [`Error::Internal`] where packing fails.
pub fn save_as(model: Model<'_>, report: Option<&TrainReport>, saved: SavedBackbone) -> Result<Vec<u8>> {
    // JSON has no way to write a figure that is no number, and a file with a gap could not be read.
    let report = report.filter(|report| report.is_finite());
    let mut files = vec![
        // Weights hardly compress; storing them lets other tools map them.
        ("model.safetensors", Packed::Stored, weights(model, saved)?),
        ("config.json", Packed::Deflated, json(&config(model, saved, report.is_some()))?),
        ("preprocessor_config.json", Packed::Deflated, preprocessor(model.backbone)?),
    ];
    if let Some(report) = report {
        let mut report = serde_json::to_value(report).map_err(internal)?;
        // Numbers of classes mean something in their own project only.
        report.as_object_mut().map(|fields| fields.remove("classIds"));
        files.push(("report.json", Packed::Deflated, json(&report)?));
    }
    pack(files.iter().map(|(name, packed, bytes)| (*name, *packed, bytes.as_slice())))
}

/// Reads a saved model that holds its backbone, and checks all of it.
///
/// # Errors
/// [`Error::ModelFileInvalid`], [`Error::ModelNeedsBackbone`] and the `Backbone…` errors.
pub fn load(file: &[u8]) -> Result<Saved> {
    load_with(file, |_| None)
}

/// Reads a saved model and checks all of it; `find` is asked for its backbone where the file does not hold it.
///
/// # Errors
/// As [`load`], and [`Error::ModelBackboneChanged`] where what was found is not what the model was saved with.
pub fn load_with(file: &[u8], find: impl FnOnce(&Reference) -> Option<Backbone>) -> Result<Saved> {
    let mut zip = Archive::open(Cursor::new(file)).map_err(unreadable)?;
    let config: Config = serde_json::from_slice(&entry(&mut zip, "config.json")?).map_err(invalid)?;
    let version = config.headstart_version;
    if !(VERSION_WITHOUT_REPORT..=VERSION).contains(&version) {
        let expected = format!("{VERSION_WITHOUT_REPORT} to {VERSION}");
        return Err(invalid(format!("it is of version {version}, this program reads {expected}")));
    }
    let bytes = entry(&mut zip, "model.safetensors")?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(invalid)?;
    let (head, rest): (Vec<_>, Vec<_>) = tensors.iter().partition(|(name, _)| name.starts_with("head."));
    let read = |part: &[(&str, TensorView<'_>)]| {
        let names = part.iter().map(|(name, _)| *name).filter(|name| !is_scale(&tensors, name));
        names.map(|name| Ok((name.to_string(), array(&tensors, name)?))).collect::<Result<BTreeMap<_, _>>>()
    };
    let head = read(&head)?;
    let labels: Vec<ModelClass> = config.id2label.into_values().map(ModelClass::named).collect();
    if config.backbone.as_ref().is_some_and(|origin| !origin.reference.is_plain()) {
        return Err(invalid("the name of its backbone is none of a folder"));
    }
    let backbone = match config.backbone {
        Some(Origin { reference, saved: SavedBackbone::Reference }) => {
            let found = find(&reference).ok_or_else(|| Error::ModelNeedsBackbone(reference.name.clone()))?;
            if found.content() != reference.hash {
                return Err(Error::ModelBackboneChanged(reference.name));
            }
            let changed = found.named(&reference.name).with_changed(read(&rest)?)?;
            changed.computing_in(config.card.arithmetic, config.card.float_stages)?
        }
        origin => {
            let card = serde_json::to_string(&config.card).map_err(internal)?;
            let backbone = Backbone::parse(&card, &safetensors::serialize(rest, None).map_err(internal)?)?;
            backbone.that_came_from(origin.map(|origin| origin.reference))
        }
    };
    let activation = match config.head_activation {
        Some(name) => Activation::parse(&name).map_err(invalid)?,
        None => Activation::default(),
    };
    let head = read_head(&head, backbone.card().num_features, labels.len(), activation)?;
    // A model without a report is fine, one with a damaged report is not.
    let report = match zip.has("report.json") {
        true => read_report(&entry(&mut zip, "report.json")?)?,
        false => None,
    };
    Ok(Saved { labels, head, backbone, report })
}

/// The report, unless it tells of a model that had gone astray: earlier versions wrote a loss that was no number as null.
fn read_report(bytes: &[u8]) -> Result<Option<TrainReport>> {
    let report: serde_json::Value = serde_json::from_slice(bytes).map_err(invalid)?;
    if report.get("train_loss").is_some_and(serde_json::Value::is_null) {
        return Ok(None);
    }
    let report: TrainReport = serde_json::from_value(report).map_err(invalid)?;
    Ok(Some(report.without_ids()))
}

fn config(model: Model<'_>, saved: SavedBackbone, has_report: bool) -> Config {
    let names = model.names();
    let labels = || names.iter().cloned().enumerate();
    Config {
        headstart_version: if has_report { VERSION } else { VERSION_WITHOUT_REPORT },
        backbone: model.backbone.reference().cloned().map(|reference| Origin { reference, saved }),
        card: model.backbone.card().to_file(),
        id2label: labels().collect(),
        label2id: labels().map(|(id, label)| (label, id)).collect(),
        head_activation: (model.head.layers.len() > 1).then(|| model.head.activation.name().to_string()),
    }
}

/// The text of `preprocessor_config.json`: how pictures are prepared for a backbone.
pub(crate) fn preprocessor(backbone: &Backbone) -> Result<Vec<u8>> {
    let card = backbone.card();
    json(&PreprocessorConfig {
        do_center_crop: true,
        do_resize: true,
        do_rescale: true,
        do_normalize: true,
        crop_pct: card.crop_pct,
        size: BTreeMap::from([("height", card.input_size), ("width", card.input_size)]),
        resample: card.interpolation.name(),
        antialias: true,
        rescale_factor: 1.0 / 255.0,
        image_mean: card.mean,
        image_std: card.std,
        steps: "put transparent pictures on white; crop the centre square times crop_pct; resize it to size with \
                antialiasing; multiply by rescale_factor; subtract image_mean and divide by image_std",
    })
}

fn weights(model: Model<'_>, saved: SavedBackbone) -> Result<Vec<u8>> {
    let backbone = match saved {
        SavedBackbone::Whole => model.backbone.weights().iter().collect(),
        SavedBackbone::Reference => model.backbone.changed()?,
    };
    let head = model.head.tensors().into_iter().map(|(name, shape, data)| (name, Array::new(shape, data.to_vec())));
    let head: Vec<(String, Array)> = head.collect();
    write(backbone.into_iter().chain(head.iter().map(|(name, array)| (name.as_str(), array))))
}

fn read_head(
    tensors: &BTreeMap<String, Array>,
    features: usize,
    classes: usize,
    activation: Activation,
) -> Result<Head> {
    let convolution = read_convolution(tensors, features)?;
    let features = convolution.as_ref().map_or(features, |conv| conv.outputs);
    let mut layers: Vec<Dense> = Vec::new();
    while let Some(weight) = tensors.get(&format!("head.{}.weight", layers.len())) {
        let name = format!("head.{}", layers.len());
        let bias = tensors.get(&format!("{name}.bias")).ok_or_else(|| invalid(format!("{name}.bias is missing")))?;
        let inputs = layers.last().map_or(features, |layer| layer.outputs);
        let [outputs, found] = weight.shape[..] else {
            return Err(invalid(format!("{name}.weight is no matrix")));
        };
        if outputs == 0 || found != inputs || bias.shape != [outputs] {
            return Err(invalid(format!("{name} does not fit the layer before it")));
        }
        layers.push(Dense { inputs, outputs, weight: weight.data.clone(), bias: bias.data.clone() });
    }
    if let Some((name, _)) = tensors.iter().find(|(_, array)| array.data.iter().any(|x| !x.is_finite())) {
        return Err(invalid(format!("{name} holds values that are not finite numbers")));
    }
    if classes == 0 || layers.last().is_none_or(|layer| layer.outputs != classes) {
        return Err(invalid(format!("its head does not give one value for each of its {classes} labels")));
    }
    if tensors.len() != 2 * layers.len() + if convolution.is_some() { 2 } else { 0 } {
        return Err(invalid("it has more tensors in its head than layers"));
    }
    Ok(Head { convolution, layers, activation })
}

fn read_convolution(tensors: &BTreeMap<String, Array>, features: usize) -> Result<Option<Convolution>> {
    let Some(weight) = tensors.get("head.conv.weight") else { return Ok(None) };
    let bias = tensors.get("head.conv.bias").ok_or_else(|| invalid("head.conv.bias is missing"))?;
    let [outputs, inputs, 3, 3] = weight.shape[..] else {
        return Err(invalid("head.conv.weight is no 3×3 convolution"));
    };
    if outputs == 0 || inputs != features || bias.shape != [outputs] {
        return Err(invalid("head.conv does not fit the backbone"));
    }
    Ok(Some(Convolution { inputs, outputs, weight: weight.data.clone(), bias: bias.data.clone() }))
}

fn entry(zip: &mut Archive<Cursor<&[u8]>>, name: &str) -> Result<Vec<u8>> {
    let bytes = zip.read(name, LARGEST_ENTRY).map_err(unreadable)?;
    bytes.ok_or_else(|| invalid(format!("it has no {name}")))
}

/// What is wrong with its zip is wrong with the model.
fn unreadable(error: Error) -> Error {
    match error {
        Error::ZipInvalid(reason) => invalid(reason),
        other => invalid(other.to_string().trim_end_matches('.')),
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(internal)
}

fn invalid(reason: impl ToString) -> Error {
    Error::ModelFileInvalid(reason.to_string())
}

fn internal(reason: impl ToString) -> Error {
    Error::Internal(reason.to_string())
}
