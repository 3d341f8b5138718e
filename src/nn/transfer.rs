//! Values on their way to a device and back.

use super::operations::{JOINED, join};
use crate::error::{Error, Result};
use burn::backend::Dispatch;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::{Device, Tensor, TensorData, Transaction};

/// Puts values on a device, outside the autodiff graph.
pub(crate) fn on_device(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let length = values.len();
    shaped_on_device(values, [length], device)
}

/// The same in a shape.
///
/// Past `Tensor::from_data`, which converts from every type of number to every other one: 108 kB of code that a browser would have to
/// compile.
pub(crate) fn shaped_on_device<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::float_from_data(TensorData::new(values, shape), device.as_dispatch()))
}

/// Whether a tensor is in system memory.
fn is_near(tensor: &Tensor<1>) -> bool {
    tensor.device() == Device::flex()
}

/// Floats that are read in one piece at most: a GPU has to bind them beside what they are put together of.
const LARGEST_JOINED: usize = 1 << 22;

/// Reads tensors back to system memory; a GPU is waited for once, for few large pieces and not for many small ones.
///
/// # Errors
/// [`Error::DeviceLost`] where the device does not answer.
pub(crate) async fn read_all(tensors: impl IntoIterator<Item = Tensor<1>>) -> Result<Vec<Vec<f32>>> {
    let mut groups: Vec<Vec<Tensor<1>>> = Vec::new();
    let (mut lengths, mut room) = (Vec::new(), 0);
    for tensor in tensors {
        let [length] = tensor.dims();
        match groups.last_mut() {
            // In system memory nothing is waited for.
            Some(group) if length <= room && !is_near(&tensor) => group.push(tensor),
            _ => {
                groups.push(vec![tensor]);
                room = LARGEST_JOINED;
            }
        }
        room = room.saturating_sub(length.next_multiple_of(JOINED));
        lengths.push((groups.len() - 1, length));
    }
    let pieces = groups.into_iter().map(|mut group| match group.len() {
        1 => group.remove(0),
        _ => join(group),
    });
    let transaction = pieces.fold(Transaction::default(), Transaction::register);
    let pieces = transaction.execute_async().await.map_err(|e| Error::DeviceLost(format!("{e:?}")))?;
    let pieces = pieces.into_iter().map(|data| data.try_into_vec().map_err(|e| Error::Internal(format!("{e:?}"))));
    let pieces: Vec<Vec<f32>> = pieces.collect::<Result<_>>()?;
    if pieces.len() == lengths.len() {
        return Ok(pieces);
    }
    let (mut from, mut of) = (0, 0);
    let part = |(piece, length): (usize, usize)| {
        (from, of) = (if piece == of { from } else { 0 }, piece);
        let values = pieces[piece][from..from + length].to_vec();
        from += length.next_multiple_of(JOINED);
        values
    };
    Ok(lengths.into_iter().map(part).collect())
}
