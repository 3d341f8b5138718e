//! Networks as data: stages as small graphs of a closed set of operations, and what runs them. Backbones and heads are
//! built of these; nothing here knows either.

mod arithmetic;
mod cpu;
mod frozen;
#[cfg(feature = "gpu")]
mod gpu;
mod graph;
mod kernels;
mod lower;
mod operations;
mod spec;
mod stage;
mod transfer;

pub use arithmetic::Arithmetic;
pub(crate) use cpu::CpuStages;
pub(crate) use frozen::{Freezing, Frozen, Numbers, WeightAndBias};
pub use graph::{Node, Role, StageBuilder, StageSpec, TensorSpec, Value};
pub use kernels::global_average;
pub(crate) use lower::Lowering;
pub(crate) use operations::{Factors, Move, Moved, adam, adam_of, dense, descend, gather, judged, loss};
pub use operations::{Goal, Judged, Loss};
pub use spec::{Activation, ConvSpec, DenseSpec, NormSpec, Op, Padding, Window};
pub use stage::Slot;
pub(crate) use stage::{After, FixedNorm, Read, Source, Stage, TrainedNorm};
pub(crate) use transfer::{on_device, read_all, shaped_on_device};

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
