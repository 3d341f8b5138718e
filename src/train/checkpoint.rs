//! A training between two epochs in a form that can be kept, so that it goes on where the tab or the program was closed.
//!
//! It is a safetensors file: the values that train, what the optimiser remembers of each and the best weights so far as
//! tensors, all else as JSON in its header, under `headstart_checkpoint`. On the same engine a training that was cut
//! short and went on gives the same figures, to the bit, as one that never stopped.

use super::Phase;
use super::best::{Best, Figures};
use super::fit::Validated;
use super::hint::Watch;
use super::network::Trained;
use super::optimizer::Memory;
use super::schedule::Plateau;
use crate::dataset::Warning;
use crate::error::{Error, Result};
use crate::head::{Head, Standardisation};
use crate::identity::ContentHash;
use safetensors::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// Version of the form, raised when an older reader would misread a newer one.
const VERSION: u32 = 2;

/// The key of the JSON in the file's header.
const RECORD: &str = "headstart_checkpoint";

/// A training between two epochs.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    record: Record,
    tensors: Tensors,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    version: u32,
    /// What it is a training of; see [`Checkpoint::is_about`].
    about: ContentHash,
    run: RunRecord,
    fit: FitRecord,
    best: Option<BestRecord>,
    settled: Option<BestRecord>,
}

/// What a run remembers apart from its present phase.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RunRecord {
    pub figures: Figures,
    pub watch: Watch,
    /// Epochs of phases that are over, and the seconds that they took.
    pub epochs_before: u32,
    pub seconds_before: f64,
    pub hint: Option<Warning>,
}

/// What a phase remembers, without tensors.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FitRecord {
    pub phase: Phase,
    /// Epochs of the phase that ended, 1 or more.
    pub epoch: u32,
    pub seconds: f64,
    pub plateau: Plateau,
    /// How many numbers were drawn for shuffling, and for all else.
    pub drawn: [u64; 2],
    /// The order in which the pictures came last.
    pub order: Vec<usize>,
    /// Parameters that train, and the steps that each has taken.
    pub steps: Vec<i32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct BestRecord {
    phase: Phase,
    epoch: u32,
    validated: Option<Validated>,
    /// Tensors of the backbone that belong to it.
    backbone: Vec<String>,
}

/// Tensors on their way into a checkpoint or out of one, by name; each is taken once.
#[derive(Debug, Clone, Default)]
pub(super) struct Tensors(BTreeMap<String, Vec<f32>>);

impl Tensors {
    fn put(&mut self, name: impl Into<String>, values: Vec<f32>) {
        self.0.insert(name.into(), values);
    }

    fn take(&mut self, name: &str, length: usize) -> Result<Vec<f32>> {
        let found = self.0.remove(name).filter(|values| values.len() == length);
        found.ok_or_else(|| invalid(format!("{name} is missing or has another size")))
    }
}

/// A phase as a checkpoint has it.
pub(super) struct FitMemory {
    pub record: FitRecord,
    /// The values of each parameter.
    pub values: Vec<Vec<f32>>,
    /// What the optimiser remembers of each.
    pub optimizer: Vec<Memory>,
}

/// A run as a checkpoint has it.
pub(super) struct RunMemory {
    pub record: RunRecord,
    pub fit: FitMemory,
    pub best: Option<Best>,
    pub settled: Option<Best>,
}

impl Checkpoint {
    /// Of a run about some pictures and settings.
    pub(super) fn of(about: ContentHash, scaling: &Standardisation, run: RunMemory) -> Self {
        let mut tensors = Tensors::default();
        let RunMemory { record, fit, best, settled } = run;
        tensors.put("scaling.mean", scaling.mean.clone());
        tensors.put("scaling.scale", scaling.scale.clone());
        for (index, values) in fit.values.into_iter().enumerate() {
            tensors.put(format!("parameter.{index}"), values);
        }
        for (index, Memory { first, second, .. }) in fit.optimizer.into_iter().enumerate() {
            let moments = [("first", first), ("second", second)];
            for (name, values) in moments.into_iter().filter_map(|(name, values)| Some((name, values?))) {
                tensors.put(format!("{name}.{index}"), values);
            }
        }
        let best = best.map(|best| BestRecord::of(best, "best", &mut tensors));
        let settled = settled.map(|best| BestRecord::of(best, "settled", &mut tensors));
        let record = Record { version: VERSION, about, run: record, fit: fit.record, best, settled };
        Self { record, tensors }
    }

    /// Whether it is of this training: the same pictures in the same split, settings and backbone.
    pub fn is_about(&self, about: ContentHash) -> bool {
        self.record.about == about
    }

    /// Which phase it is in.
    pub(super) fn phase(&self) -> Phase {
        self.record.fit.phase
    }

    /// What its features were standardised by, of which there are so many.
    pub(super) fn scaling(&mut self, features: usize) -> Result<Standardisation> {
        let mut take = |name| self.tensors.take(name, features);
        Ok(Standardisation { mean: take("scaling.mean")?, scale: take("scaling.scale")? })
    }

    /// The run again, whose heads are like `head`; `sizes` are those of the tensors of the backbone that train.
    pub(super) fn into_memory(
        self,
        head: &Head,
        sizes: &HashMap<&str, usize>,
        parameters: &[usize],
    ) -> Result<RunMemory> {
        let Self { record, mut tensors } = self;
        let Record { run, fit, best, settled, .. } = record;
        if fit.steps.len() > parameters.len() {
            return Err(invalid("more of it trains than there is"));
        }
        let sized = || parameters.iter().copied().enumerate();
        let values = sized().map(|(index, length)| tensors.take(&format!("parameter.{index}"), length));
        let values = values.collect::<Result<Vec<_>>>()?;
        let mut optimizer = Vec::with_capacity(fit.steps.len());
        for ((index, length), steps) in sized().zip(&fit.steps) {
            let mut moment = |name: &str| {
                let name = format!("{name}.{index}");
                tensors.0.contains_key(&name).then(|| tensors.take(&name, length)).transpose()
            };
            optimizer.push(Memory { steps: *steps, first: moment("first")?, second: moment("second")? });
        }
        let mut best_of = |record: Option<BestRecord>, name| {
            record.map(|record| record.into_best(name, head, sizes, &mut tensors)).transpose()
        };
        let (best, settled) = (best_of(best, "best")?, best_of(settled, "settled")?);
        Ok(RunMemory { record: run, fit: FitMemory { record: fit, values, optimizer }, best, settled })
    }

    /// The file.
    ///
    /// # Errors
    /// [`Error::Internal`] where writing fails.
    pub fn write(&self) -> Result<Vec<u8>> {
        let record = serde_json::to_string(&self.record).map_err(internal)?;
        // Their bytes are made one tensor after the other: together they would take as much memory once more.
        let views = self.tensors.0.iter().map(|(name, values)| (&**name, Floats { values, shape: [values.len()] }));
        safetensors::serialize(views, Some(HashMap::from([(RECORD.to_string(), record)]))).map_err(internal)
    }

    /// Reads what [`Checkpoint::write`] gave.
    ///
    /// # Errors
    /// [`Error::CheckpointInvalid`].
    pub fn read(file: &[u8]) -> Result<Self> {
        let tensors = SafeTensors::deserialize(file).map_err(invalid)?;
        let (_, header) = SafeTensors::read_metadata(file).map_err(invalid)?;
        let record = header.metadata().as_ref().and_then(|metadata| metadata.get(RECORD));
        let record = record.ok_or_else(|| invalid("it says nothing of a training"))?;
        let record: Record = serde_json::from_str(record).map_err(invalid)?;
        if record.version != VERSION {
            return Err(invalid(format!("it is of version {}, this program reads {VERSION}", record.version)));
        }
        let mut read = Tensors::default();
        for (name, view) in tensors.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(invalid(format!("{name} is not of 32-bit floats")));
            }
            let values: Vec<f32> =
                view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            if !values.iter().all(|value| value.is_finite()) {
                return Err(invalid(format!("{name} holds values that are no numbers")));
            }
            read.put(name, values);
        }
        Ok(Self { record, tensors: read })
    }
}

impl BestRecord {
    fn of(best: Best, name: &str, tensors: &mut Tensors) -> Self {
        let Best { phase, epoch, validated, values: Trained { head, backbone } } = best;
        for (of, _, values) in head.tensors() {
            tensors.put(format!("{name}.{of}"), values.to_vec());
        }
        let names = backbone.iter().map(|(of, _)| of.clone()).collect();
        for (of, values) in backbone {
            tensors.put(format!("{name}.backbone.{of}"), values);
        }
        Self { phase, epoch, validated, backbone: names }
    }

    fn into_best(self, name: &str, head: &Head, sizes: &HashMap<&str, usize>, tensors: &mut Tensors) -> Result<Best> {
        let Self { phase, epoch, validated, backbone } = self;
        let head = head.filled(|of, length| tensors.take(&format!("{name}.{of}"), length))?;
        let take = |of: String| {
            let size = *sizes.get(&*of).ok_or_else(|| invalid(format!("{of} does not train")))?;
            let values = tensors.take(&format!("{name}.backbone.{of}"), size)?;
            Ok((of, values))
        };
        let backbone = backbone.into_iter().map(take).collect::<Result<Vec<_>>>()?;
        Ok(Best { phase, epoch, validated, values: Trained { head, backbone } })
    }
}

/// What is wrong with a checkpoint.
pub(super) fn invalid(reason: impl ToString) -> Error {
    Error::CheckpointInvalid(reason.to_string())
}

fn internal(reason: impl ToString) -> Error {
    Error::Internal(reason.to_string())
}

/// A tensor `[values]` whose bytes are made when they are asked for.
struct Floats<'a> {
    values: &'a [f32],
    shape: [usize; 1],
}

impl View for Floats<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        self.values.len() * 4
    }
}
