//! What trains: a head, alone or with the last stages of the backbone in front of it.

use super::examples::Batch;
use super::hands::{Gradients, Lesson, added};
use crate::backbone::{Backbone, TrainableStages};
use crate::crew::{Numbers, Reader};
use crate::engine::Engine;
use crate::error::Result;
use crate::head::{Features, Head, Standardisation, TrainableHead};
use crate::nn::{Goal, Judged, on_device};
use crate::params::{Group, Param, Params, Snapshot};
use burn::tensor::Tensor;

/// The trainable part of the network on an engine.
pub(super) struct Network {
    pub(super) params: Params,
    pub(super) head: TrainableHead,
    tail: Option<TrainableStages>,
    /// Mean and scale of the features, `[features]` each, outside the graph.
    scaling: [Tensor<1>; 2],
}

/// Values of a [`Network`] in system memory.
#[derive(Clone)]
pub(super) struct Trained {
    /// The head, for standardised features.
    pub head: Head,
    /// Tensors of the backbone that trained, by name.
    pub backbone: Vec<(String, Vec<f32>)>,
}

impl Trained {
    /// Whether every weight is a number: on some devices a step that overflows shows in the weights before any loss.
    pub(super) fn are_finite(&self) -> bool {
        let head = self.head.tensors();
        let head = head.iter().flat_map(|(_, _, values)| values.iter());
        let backbone = self.backbone.iter().flat_map(|(_, values)| values);
        head.chain(backbone).all(|value| value.is_finite())
    }
}

impl Network {
    /// A head alone; `decays` says whether weight decay applies to it.
    pub(super) fn of_head(start: &Head, decays: bool, scaling: &Standardisation, engine: &Engine) -> Result<Self> {
        let mut params = Params::new(engine.device());
        let head = TrainableHead::new(start, decays, &mut params)?;
        Ok(Self { params, head, tail: None, scaling: constants(scaling, engine) })
    }

    /// A head with the stages from `boundary` on in front of it.
    pub(super) fn fine_tuned(
        start: &Head,
        decays: bool,
        scaling: &Standardisation,
        (backbone, boundary, train_norms): (&Backbone, usize, bool),
        engine: &Engine,
    ) -> Result<Self> {
        let mut network = Self::of_head(start, decays, scaling, engine)?;
        let stages = boundary..backbone.depth();
        network.tail = Some(TrainableStages::new(backbone, stages, engine, &mut network.params, train_norms)?);
        Ok(network)
    }

    /// Logits `[batch, classes]` with these parameters, which are outside of the autodiff graph.
    pub(super) fn logits(&self, batch: Batch, params: &Params) -> Tensor<2> {
        self.head.forward(self.features(batch, params, 0), params, |_| None)
    }

    /// What goes into the dense layers of the head; stages of the tail before `first_active` do not train in this step.
    fn features(&self, batch: Batch, params: &Params, first_active: usize) -> Features {
        let graph = params.is_autodiff();
        match batch {
            Batch::Pooled(Features::Values(x)) if graph => x.autodiff().into(),
            Batch::Pooled(x) => x,
            Batch::Maps(x) => {
                let mut x = if graph { x.autodiff() } else { x };
                if let Some(tail) = &self.tail {
                    x = tail.forward(x, params, first_active);
                }
                let [mean, scale] = self.scaling.clone().map(|c| if graph { c.autodiff() } else { c });
                let features = scale.dims()[0];
                let pooled = if self.head.wants_map() {
                    self.head.pool(x * scale.reshape([1, features, 1, 1]), params)
                } else {
                    let pooled = self.head.pool(x, params);
                    (pooled - mean.reshape([1, features])) * scale.reshape([1, features])
                };
                pooled.into()
            }
        }
    }

    /// Gradients of the loss, with the penalty added where there is one; and logits.
    pub(super) fn gradients(
        &self,
        batch: Batch,
        goal: Goal,
        mask: Option<Tensor<2>>,
        lesson: Lesson,
    ) -> (Gradients, Tensor<2>) {
        let mut mask = mask.map(Tensor::autodiff);
        let features = self.features(batch, &self.params, lesson.first_active);
        let Judged { loss, logits } = self.head.judged(features, &self.params, |_| mask.take(), goal);
        let gradients = self.params.gradients(&mut loss.backward());
        let Some(penalty) = lesson.penalty else { return (gradients, logits) };
        let penalty = self.head.half_squares(&self.params).mul_scalar(penalty);
        let of_penalty = self.params.gradients(&mut penalty.backward());
        (added(gradients, of_penalty), logits)
    }

    /// The same as another has told them: the gradients of those that are active, one behind the other, then the logits of so many
    /// rows each. `None` where it is something else.
    pub(super) fn understood(
        &self,
        active: &[bool],
        rows: &[usize],
        values: &dyn Numbers,
    ) -> Option<(Gradients, Vec<Tensor<2>>)> {
        let (device, mut reader) = (self.params.device(), Reader::new(values));
        let mut take = |count: usize| -> Option<Tensor<1>> { Some(on_device(reader.take(count)?, device)) };
        let mut gradients = Vec::with_capacity(active.len());
        for (param, active) in self.params.iter().zip(active) {
            gradients.push(if *active { Some(take(param.shape.iter().product())?) } else { None });
        }
        let classes = self.head.classes();
        let logits = rows.iter().map(|rows| Some(take(rows * classes)?.reshape([*rows, classes])));
        let logits = logits.collect::<Option<Vec<_>>>()?;
        reader.is_done().then_some((gradients, logits))
    }

    /// Gives the parameters the next values, one behind the other; `None`, and they stay as they are, where there are not as many.
    pub(super) fn recall(&mut self, values: &mut Reader<'_>) -> Option<()> {
        let of = |param: &Param| values.take(param.shape.iter().product());
        let values = self.params.iter().map(of).collect::<Option<Vec<_>>>()?;
        self.params.recall(values);
        Some(())
    }

    /// What it is with these values.
    pub(super) fn trained(&self, values: &Snapshot) -> Trained {
        let stages = self.params.iter().zip(values.iter()).filter(|(param, _)| param.group != Group::Head);
        Trained {
            backbone: stages.map(|(param, values)| (param.name.clone(), values.to_vec())).collect(),
            head: self.head.trained(values),
        }
    }
}

fn constants(scaling: &Standardisation, engine: &Engine) -> [Tensor<1>; 2] {
    [&scaling.mean, &scaling.scale].map(|values| on_device(values.clone(), engine.device()))
}
