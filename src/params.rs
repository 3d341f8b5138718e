//! Trainable tensors in one list, so that an optimiser, a snapshot or a count needs no knowledge of the network.
//!
//! Every parameter is held flat, as a leaf of the autodiff graph; layers reshape it when they use it, which costs
//! nothing.

use crate::error::Result;
pub use crate::nn::Slot;
use crate::nn::{on_device, read_all};
use burn::tensor::{Device, Gradients, Tensor};

/// Which learning rate a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The new head.
    Head,
    /// A fine-tuned stage of the backbone: its index among all stages, from 0.
    Stage(usize),
}

/// One trainable tensor.
pub struct Param {
    /// Its name in saved files.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its learning-rate group.
    pub group: Group,
    /// Whether weight decay applies: to weights it does, to biases and BatchNorm's affine it does not.
    pub decay: bool,
    value: Tensor<1>,
}

/// All trainable tensors of a run on one device.
pub struct Params {
    items: Vec<Param>,
    device: Device,
}

/// Values of all parameters at one moment, in system memory so that they survive the loss of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot(Vec<Vec<f32>>);

impl Params {
    /// An empty list on `device`, which must not be an autodiff device.
    pub fn new(device: &Device) -> Self {
        Self { items: Vec::new(), device: device.clone() }
    }

    /// Adds a parameter with its first values.
    pub fn add(&mut self, name: &str, shape: &[usize], values: Vec<f32>, group: Group, decay: bool) -> Slot {
        debug_assert_eq!(values.len(), shape.iter().product::<usize>(), "{name}");
        let value = on_device(values, &self.device).autodiff().require_grad();
        self.items.push(Param { name: name.to_string(), shape: shape.to_vec(), group, decay, value });
        Slot(self.items.len() - 1)
    }

    /// The parameter as a tensor of the graph, `[number of values]`.
    pub fn get(&self, slot: Slot) -> Tensor<1> {
        self.items[slot.0].value.clone()
    }

    /// The parameter as a constant, `[number of values]`: whatever is computed with it alone is not recorded.
    pub fn get_constant(&self, slot: Slot) -> Tensor<1> {
        self.items[slot.0].value.clone().inner()
    }

    /// The parameters, in order of addition.
    pub fn iter(&self) -> impl Iterator<Item = &Param> {
        self.items.iter()
    }

    /// Whether they are leaves of an autodiff graph.
    pub fn is_autodiff(&self) -> bool {
        self.items.first().is_some_and(|item| item.value.is_autodiff())
    }

    /// Number of parameters' values.
    pub fn count(&self) -> usize {
        self.items.iter().map(|p| p.shape.iter().product::<usize>()).sum()
    }

    /// Takes the gradient of each parameter, in order; `None` where the loss does not depend on it.
    pub fn gradients(&self, gradients: &mut Gradients) -> Vec<Option<Tensor<1>>> {
        self.items.iter().map(|p| p.value.grad_remove(gradients)).collect()
    }

    /// Replaces the values of some parameters, by their places, by what `update` makes of them: in the same order, without graph.
    pub fn update(&mut self, which: &[usize], update: impl FnOnce(Vec<Tensor<1>>) -> Vec<Tensor<1>>) {
        // The leaves are taken out so that the update owns the only handles and works in place.
        let none = Tensor::empty([1], &self.device);
        let mut take = |index: &usize| std::mem::replace(&mut self.items[*index].value, none.clone()).inner();
        let values = which.iter().map(&mut take).collect();
        for (index, next) in which.iter().zip(update(values)) {
            self.items[*index].value = next.autodiff().require_grad();
        }
    }

    /// Gives each parameter other values, in order, of its length.
    pub fn recall(&mut self, values: impl IntoIterator<Item = Vec<f32>>) {
        for (item, values) in self.items.iter_mut().zip(values) {
            item.value = on_device(values, &self.device).autodiff().require_grad();
        }
    }

    /// The same parameters outside the autodiff graph, sharing their memory: for evaluation.
    pub fn without_graph(&self) -> Self {
        let items = self.items.iter().map(|p| Param {
            name: p.name.clone(),
            shape: p.shape.clone(),
            value: p.value.clone().inner(),
            ..*p
        });
        Self { items: items.collect(), device: self.device.clone() }
    }

    /// Where they are.
    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// The values of each parameter, in order, outside the autodiff graph.
    pub(crate) fn values(&self) -> impl Iterator<Item = Tensor<1>> {
        self.items.iter().map(|item| item.value.clone().inner())
    }

    /// Reads the values back to system memory.
    ///
    /// # Errors
    /// [`crate::error::Error::DeviceLost`] where the device does not answer.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        Ok(Snapshot(read_all(self.values()).await?))
    }
}

impl Snapshot {
    /// Of the values of each parameter, in order.
    pub(crate) fn of(values: Vec<Vec<f32>>) -> Self {
        Self(values)
    }

    /// The values of one parameter.
    pub fn get(&self, slot: Slot) -> &[f32] {
        &self.0[slot.0]
    }

    /// The values of each parameter, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[f32]> {
        self.0.iter().map(Vec::as_slice)
    }
}
