//! The operations on the CPU.

use super::{Clamp, Compute, Goal, JOINED, Loss, Matrix, Move, Moving, Shape, Tensors, judged_in_two};
use crate::nn::cpu::threads;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{Shape as Dims, TensorData};
use headstart_kernels::elementwise::{columns, finish, sum, within};
use headstart_kernels::{Activation, DenseRows, PointwiseBatch};
use std::ops::Range;
use std::sync::Arc;

type Tensor = FloatTensor<Flex>;

impl Compute for Flex {
    fn convolved(x: Tensor, weight: Tensor, bias: Tensor, shape: Shape, clamp: Clamp) -> Tensor {
        let bias = Values::of(&bias);
        match shape {
            Shape::Pointwise(of, size) => {
                let (x, weight) = (Values::of(&x), Values::of(&weight));
                let (x, weight, bias) = (x.values(), weight.values(), bias.values());
                let (from, to) = (of.inputs * of.area, of.outputs * of.area);
                let mut y = vec![0.0; of.batch * to];
                in_groups(&mut y, to, x.len() * of.outputs, |group, y| {
                    of.forward(&x[group.start * from..group.end * from], weight, y);
                    let planes = y.chunks_exact_mut(of.area).zip(bias.iter().cycle());
                    planes.for_each(|(plane, bias)| finish(plane, *bias, activation(clamp)));
                });
                tensor(y, [of.batch, of.outputs, size[0], size[1]])
            }
            Shape::Depthwise([batch, channels], planes) => {
                let (x, weight) = (Values::of(&x), Values::of(&weight));
                let (x, weight, bias) = (x.values(), weight.values(), bias.values());
                let ([height, width], from) = (planes.output(), planes.size[0] * planes.size[1]);
                let to = height * width;
                let mut y = vec![0.0; batch * channels * to];
                let work = y.len() * planes.kernel[0] * planes.kernel[1];
                in_groups(&mut y, to, work, |group, y| {
                    let first = group.start % channels;
                    planes.forward(&x[group.start * from..group.end * from], weight, first, y);
                    let planes = y.chunks_exact_mut(to).zip(bias.iter().cycle().skip(first));
                    planes.for_each(|(plane, bias)| finish(plane, *bias, activation(clamp)));
                });
                tensor(y, [batch, channels, height, width])
            }
        }
    }

    fn unclamped(gradient: Tensor, y: Tensor, clamp: Clamp) -> Tensor {
        let shape = gradient.shape();
        let (mut gradient, y) = (owned(gradient), Values::of(&y));
        let most = if clamp == Clamp::Relu6 { 6.0 } else { f32::INFINITY };
        within(&mut gradient, y.values(), most);
        tensor(gradient, shape)
    }

    fn convolved_input(weight: Tensor, gradient: Tensor, dims: [usize; 4], shape: Shape) -> Tensor {
        let (weight, gradient) = (Values::of(&weight), Values::of(&gradient));
        let (weight, gradient) = (weight.values(), gradient.values());
        let mut y = vec![0.0; dims.iter().product()];
        match shape {
            Shape::Pointwise(of, _) => {
                let (from, to) = (of.outputs * of.area, of.inputs * of.area);
                in_groups(&mut y, to, gradient.len() * of.inputs, |group, y| {
                    of.input_gradient(&gradient[group.start * from..group.end * from], weight, y);
                });
            }
            Shape::Depthwise([_, channels], planes) => {
                let ([height, width], to) = (planes.output(), planes.size[0] * planes.size[1]);
                let from = height * width;
                let work = gradient.len() * planes.kernel[0] * planes.kernel[1];
                in_groups(&mut y, to, work, |group, y| {
                    let gradient = &gradient[group.start * from..group.end * from];
                    planes.input_gradient(gradient, weight, group.start % channels, y);
                });
            }
        }
        tensor(y, dims)
    }

    fn convolved_weight(x: Tensor, gradient: Tensor, dims: [usize; 4], shape: Shape) -> Tensor {
        let (x, gradient) = (Values::of(&x), Values::of(&gradient));
        let (x, gradient) = (x.values(), gradient.values());
        let mut y = vec![0.0; dims.iter().product()];
        match shape {
            Shape::Pointwise(of, _) => {
                let work = x.len() * of.outputs;
                in_groups(&mut y, of.inputs, work, |rows, y| of.weight_gradient(x, gradient, rows, y));
            }
            Shape::Depthwise(of, planes) => {
                let places = planes.kernel[0] * planes.kernel[1];
                let work = gradient.len() * places;
                in_groups(&mut y, places, work, |channels, y| planes.weight_gradient(x, gradient, of, channels, y));
            }
        }
        tensor(y, dims)
    }

    fn convolved_bias(gradient: Tensor) -> Tensor {
        let [_, channels, height, width] = gradient.shape().dims::<4>();
        let gradient = Values::of(&gradient);
        let mut sums = vec![0.0; channels];
        for (at, plane) in gradient.values().chunks_exact(height * width).enumerate() {
            sums[at % channels] += sum(plane);
        }
        tensor(sums, [channels])
    }

    fn averaged(x: Tensor) -> Tensor {
        let [batch, channels, height, width] = x.shape().dims::<4>();
        let (x, area) = (Values::of(&x), height * width);
        let means = x.values().chunks_exact(area).map(|plane| sum(plane) / area as f32);
        tensor(means.collect(), [batch, channels])
    }

    fn averaged_input(gradient: Tensor, of: [usize; 4]) -> Tensor {
        let (gradient, area) = (Values::of(&gradient), of[2] * of[3]);
        let mut planes = Vec::with_capacity(gradient.values().len() * area);
        for value in gradient.values() {
            planes.resize(planes.len() + area, value / area as f32);
        }
        tensor(planes, of)
    }

    fn added(a: Tensor, b: Tensor) -> Tensor {
        Self::float_add(a, b)
    }

    fn multiplied(x: Tensor, weight: Tensor, bias: Tensor, of: &Matrix) -> Tensor {
        let Matrix { batch, inputs, outputs, .. } = *of;
        let [x, weight, bias] = [x, weight, bias].map(|tensor| Values::of(&tensor));
        let mut y = vec![0.0; batch * outputs];
        let layer = DenseRows { inputs, outputs };
        layer.forward(x.values(), &rows_of(of), weight.values(), bias.values(), &mut y);
        if of.relu {
            finish(&mut y, 0.0, Activation::Relu);
        }
        tensor(y, [batch, outputs])
    }

    fn multiplied_input(weight: Tensor, gradient: Tensor, y: Option<Tensor>, of: &Matrix) -> Tensor {
        let Matrix { batch, inputs, outputs, .. } = *of;
        let (weight, gradient) = (Values::of(&weight), behind_relu(gradient, y));
        let mut to = vec![0.0; batch * inputs];
        // A product that a pointwise convolution has too.
        let product = PointwiseBatch { batch: 1, inputs: outputs, outputs: batch, area: inputs };
        product.forward(weight.values(), gradient.values(), &mut to);
        tensor(to, [batch, inputs])
    }

    fn multiplied_weights(x: Tensor, gradient: Tensor, y: Option<Tensor>, of: &Matrix) -> [Tensor; 2] {
        let Matrix { inputs, outputs, .. } = *of;
        let (x, gradient) = (Values::of(&x), behind_relu(gradient, y));
        let (mut y, layer) = (vec![0.0; outputs * inputs], DenseRows { inputs, outputs });
        layer.weight_gradient(x.values(), &rows_of(of), gradient.values(), 0..outputs, &mut y);
        [tensor(y, [outputs * inputs]), tensor(columns(gradient.values(), outputs), [outputs])]
    }

    fn lost(logits: Tensor, goal: &Goal) -> [Tensor; 2] {
        let (mut rows, classes) = (owned(logits), goal.classes);
        let mut powers = vec![0.0; classes];
        let mut loss = 0.0;
        for (row, label) in rows.chunks_exact_mut(classes).zip(&goal.labels) {
            match goal.loss {
                Loss::CrossEntropy { .. } => {
                    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    powers.iter_mut().zip(&*row).for_each(|(power, logit)| *power = (logit - largest).exp());
                    let sum: f32 = powers.iter().sum();
                    let log_sum = largest + sum.ln();
                    let whole: f32 = (0..classes).map(|class| goal.target(*label, class)).sum();
                    for (class, (logit, power)) in row.iter_mut().zip(&powers).enumerate() {
                        let target = goal.target(*label, class);
                        loss += target * (log_sum - *logit);
                        *logit = power / sum * whole - target;
                    }
                }
                Loss::SquaredHinge { rows: count } => {
                    for (class, logit) in row.iter_mut().enumerate() {
                        let side = goal.target(*label, class);
                        // What is no number stays none, so that it shows.
                        let short = 1.0 - side * *logit;
                        let short = if short < 0.0 { 0.0 } else { short };
                        loss += short * short / count;
                        *logit = -2.0 * side * short / count;
                    }
                }
            }
        }
        [tensor(vec![loss], [1]), tensor(rows, [goal.labels.len(), classes])]
    }

    fn judged(x: Tensor, weight: Tensor, bias: Tensor, of: &Matrix, goal: &Goal) -> [Tensor; 2] {
        judged_in_two::<Self>([x, weight, bias], of, goal)
    }
}

impl Moving for Flex {
    fn gather(table: Tensor, rows: Arc<[u32]>) -> Tensor {
        let [_, width] = table.shape().dims::<2>();
        let table = Values::of(&table);
        let mut values = Vec::with_capacity(rows.len() * width);
        for row in rows.iter() {
            values.extend_from_slice(&table.values()[*row as usize * width..][..width]);
        }
        tensor(values, [rows.len(), width])
    }

    fn join(parts: Tensors<Self>) -> Tensor {
        let mut values = Vec::new();
        for part in parts.0 {
            values.extend_from_slice(Values::of(&part).values());
            values.resize(values.len().next_multiple_of(JOINED), 0.0);
        }
        let length = values.len();
        tensor(values, [length])
    }

    fn adam(states: Tensors<Self>, gradients: Tensors<Self>, by: Arc<[Move]>) -> Vec<Tensor> {
        let mut after = Vec::with_capacity(states.0.len());
        let mut states = states.0.into_iter().map(owned);
        for (gradient, by) in gradients.0.iter().zip(&*by) {
            let (Some(mut value), Some(mut first), Some(mut second)) = (states.next(), states.next(), states.next())
            else {
                break;
            };
            by.adam(&mut value, &mut first, &mut second, Values::of(gradient).values());
            let length = value.len();
            after.extend([value, first, second].map(|values| tensor(values, [length])));
        }
        after
    }

    fn adam_of(x: Tensor, gradient: Tensor, states: Tensors<Self>, of: Matrix, by: Arc<[Move]>) -> Vec<Tensor> {
        let (layer, rows) = (DenseRows { inputs: of.inputs, outputs: of.outputs }, rows_of(&of));
        let (x, gradient) = (Values::of(&x), Values::of(&gradient));
        let mut states: Vec<Vec<f32>> = states.0.into_iter().map(owned).collect();
        if let ([value, first, second, bias, bias_first, bias_second], [by, by_bias]) = (&mut states[..], &*by) {
            // Of few outputs at a time: what is added up is still near when the parameter moves.
            let mut found = vec![0.0; MOVED_AT_ONCE.min(of.outputs) * of.inputs];
            for start in (0..of.outputs).step_by(MOVED_AT_ONCE) {
                let outputs = start..(start + MOVED_AT_ONCE).min(of.outputs);
                let part = outputs.start * of.inputs..outputs.end * of.inputs;
                let found = &mut found[..part.len()];
                layer.weight_gradient(x.values(), &rows, gradient.values(), outputs, found);
                let [value, first, second] = [&mut *value, first, second].map(|values| &mut values[part.clone()]);
                by.adam(value, first, second, found);
            }
            by_bias.adam(bias, bias_first, bias_second, &columns(gradient.values(), of.outputs));
        }
        let after = states.into_iter().map(|values| (values.len(), values));
        after.map(|(length, values)| tensor(values, [length])).collect()
    }

    fn back(x: Tensor, weight: Tensor, gradient: Tensor, of: Matrix) -> Tensor {
        Self::unclamped(Self::multiplied_input(weight, gradient, None, &of), x, Clamp::Relu)
    }

    fn descend(states: Tensors<Self>, gradients: Tensors<Self>, by: Arc<[Move]>) -> Vec<Tensor> {
        let mut after = Vec::with_capacity(states.0.len());
        let mut states = states.0.into_iter().map(owned);
        for (gradient, by) in gradients.0.iter().zip(&*by) {
            let (Some(mut value), Some(mut velocity)) = (states.next(), states.next()) else { break };
            by.descend(&mut value, &mut velocity, Values::of(gradient).values());
            let length = value.len();
            after.extend([value, velocity].map(|values| tensor(values, [length])));
        }
        after
    }
}

/// Outputs of a dense layer that are moved at a time.
const MOVED_AT_ONCE: usize = 4;

/// The rows that a dense layer is of: all that there are, where none are named.
fn rows_of(of: &Matrix) -> Arc<[u32]> {
    of.rows.clone().unwrap_or_else(|| (0..of.batch as u32).collect())
}

/// A gradient, of a result that is given where it was not let below 0.
fn behind_relu(gradient: Tensor, y: Option<Tensor>) -> Values {
    Values::of(&match y {
        Some(y) => Flex::unclamped(gradient, y, Clamp::Relu),
        None => gradient,
    })
}

/// What an operation ends with.
fn activation(clamp: Clamp) -> Activation {
    match clamp {
        Clamp::None => Activation::None,
        Clamp::Relu => Activation::Relu,
        Clamp::Relu6 => Activation::Relu6,
    }
}

/// Multiplications for which another thread is worth starting.
const WORTH_A_THREAD: usize = 1 << 20;

/// Computes groups of neighbouring parts of `length` values, each wholly on one thread: what comes out does not depend on how many there are.
fn in_groups(y: &mut [f32], length: usize, work: usize, compute: impl Fn(Range<usize>, &mut [f32]) + Sync) {
    let parts = y.len() / length.max(1);
    let threads = threads().min(work / WORTH_A_THREAD).clamp(1, parts.max(1));
    if threads == 1 {
        return compute(0..parts, y);
    }
    let share = parts.div_ceil(threads);
    std::thread::scope(|scope| {
        for (at, y) in y.chunks_mut(share * length).enumerate() {
            let (first, compute) = (at * share, &compute);
            scope.spawn(move || compute(first..first + y.len() / length, y));
        }
    });
}

/// A tensor whose values lie one after the other.
struct Values(Tensor);

impl Values {
    fn of(tensor: &Tensor) -> Self {
        // Burn's function looks at that too, but is so large that a browser, which compiles what is called often once more, is busy with
        // it for longer than a head trains.
        let starts_here = tensor.layout().start_offset() == 0;
        Self(if tensor.is_contiguous() && starts_here { tensor.clone() } else { tensor.to_contiguous() })
    }

    /// Row-major.
    fn values(&self) -> &[f32] {
        // Everything here is made of 32-bit floats, and contiguous.
        self.0.as_slice().unwrap_or_default()
    }
}

/// The values themselves, without a copy where nobody else has them.
fn owned(tensor: Tensor) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap_or_default()
}

fn tensor(values: Vec<f32>, dims: impl Into<Dims>) -> Tensor {
    Tensor::from_data(TensorData::new(values, dims))
}
