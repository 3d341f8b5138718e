//! What networks are made of: plain descriptions of layers and the operations that they run. Backbones and heads are
//! built of these; nothing here knows either.

mod ops;
mod spec;

pub use ops::global_average;
pub(crate) use ops::{convolve, relu6};
pub use spec::{ConvSpec, StageSpec};

use serde::Serialize;

/// One tensor of a backbone or head: what it is and whether it trains.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct LayerReport {
    /// Name of the tensor.
    pub name: String,
    /// Stage that it belongs to.
    pub stage: String,
    /// What kind of layer it is in.
    pub kind: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its number of values.
    pub parameters: usize,
    /// Whether training can change it.
    pub trainable: bool,
    /// Why, or why not, in plain words.
    pub reason: String,
}
