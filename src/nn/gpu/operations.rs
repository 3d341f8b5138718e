//! The operations that train, on the GPU. Maps that come out of them are vectors for whoever knows, and for everybody else
//! `[batch, channels, height, width]` with strides that say where each value is.

use super::launch::{Info, Text, Work, floats, part};
use super::plan::{BUSY, LANES, global_average, numbers, run, strides, tile, vectors};
use super::program::Element;
use super::shaders::{Map, Shader};
use super::training::{
    DENSE_PARTS, DENSE_ROWS, JUDGED, Rows, Several, Training, Wanted, Weights, outputs_each, outputs_wide, room_for,
};
use crate::nn::operations::{Clamp, Compute, Goal, Loss, Matrix, Move, Moving, Shape, Tensors, judged_in_two};
use burn::backend::TensorMetadata;
use burn::tensor::Shape as Dims;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::server::Handle;
use burn_cubecl::cubecl::zspace::{Strides, metadata::Metadata};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::{CubeBackend, tensor::CubeTensor};
use headstart_kernels::{Activation, Planes, PointwiseBatch};
use std::sync::Arc;

/// Pixels that a part of a sum has at least.
const LEAST: usize = 64;

impl Compute for CubeBackend {
    fn convolved(x: CubeTensor, weight: CubeTensor, bias: CubeTensor, shape: Shape, clamp: Clamp) -> CubeTensor {
        let on = On::that_of(&x);
        let (x, weight, bias) = (on.vectors(x), into_contiguous(weight), into_contiguous(bias));
        let activation = match clamp {
            Clamp::None => Activation::None,
            Clamp::Relu => Activation::Relu,
            Clamp::Relu6 => Activation::Relu6,
        };
        match shape {
            Shape::Pointwise(of, [height, width]) => {
                let PointwiseBatch { batch, inputs, outputs, area } = of;
                let tile = tile(batch * area, vectors(outputs));
                let stride = vectors(outputs).next_multiple_of(tile.vectors);
                let weight =
                    on.matrix(weight.handle, [inputs, outputs], [vectors(inputs) * LANES, stride * LANES], true);
                let bias = on.matrix(bias.handle, [1, outputs], [1, stride * LANES], false);
                let shader = Shader::Pointwise { tile, activation, shortcut: false, bias: true };
                let y = on.product(shader, tile.vectors, [x, weight, bias], [batch * area, inputs, outputs, stride]);
                on.maps(y, [batch, outputs, height, width])
            }
            Shape::Depthwise([batch, channels], planes) => {
                let Planes { kernel, stride, padding: [(top, _), (left, _)], size: [height, width] } = planes;
                let (of, [out_height, out_width]) = (vectors(channels), planes.output());
                let weight = on.per_channel(weight.handle, channels, kernel);
                let bias = on.matrix(bias.handle, [1, channels], [1, of * LANES], false);
                let run = run(stride, out_width);
                let (runs, y) = (out_width.div_ceil(run), on.floats(batch * out_height * out_width * of * LANES));
                let rows = batch * out_height * runs;
                let numbers = numbers([of, height, width, out_height, out_width, top, left, runs]);
                let text = Text::Frozen(Shader::Depthwise { run, kernel, stride, activation });
                let info = Info::new(rows, &numbers);
                Work { text, columns: of, lines: rows, info }.launch(&on.client, [x, weight, bias], [y.clone()]);
                on.maps(y, [batch, channels, out_height, out_width])
            }
        }
    }

    fn unclamped(gradient: CubeTensor, y: CubeTensor, clamp: Clamp) -> CubeTensor {
        let (on, dims @ [batch, channels, height, width]) = (On::that_of(&gradient), y.shape().dims::<4>());
        let (rows, of) = (batch * height * width, vectors(channels));
        let (inputs, out) = ([on.vectors(gradient), on.vectors(y)], on.floats(rows * of * LANES));
        let text = Text::Training(Training::Unclamp { most: clamp == Clamp::Relu6 });
        let info = Info::new(rows, &numbers([of]));
        Work { text, columns: of, lines: rows, info }.launch(&on.client, inputs, [out.clone()]);
        on.maps(out, dims)
    }

    fn convolved_input(weight: CubeTensor, gradient: CubeTensor, of: [usize; 4], shape: Shape) -> CubeTensor {
        let on = On::that_of(&gradient);
        let (gradient, weight) = (on.vectors(gradient), into_contiguous(weight).handle);
        match shape {
            Shape::Pointwise(PointwiseBatch { batch, inputs, outputs, area }, _) => {
                let tile = tile(batch * area, vectors(inputs));
                let stride = vectors(inputs).next_multiple_of(tile.vectors);
                let room = [vectors(outputs) * LANES, stride * LANES];
                let weight = on.matrix(weight, [outputs, inputs], room, false);
                let shader = Shader::Pointwise { tile, activation: Activation::None, shortcut: false, bias: false };
                let y = on.product(shader, tile.vectors, [gradient, weight], [batch * area, outputs, inputs, stride]);
                on.maps(y, of)
            }
            Shape::Depthwise([batch, channels], planes) => {
                let Planes { kernel, stride, size: [height, width], .. } = planes;
                let weight = on.per_channel(weight, channels, kernel);
                let (rows, columns) = (batch * height * width, vectors(channels));
                let y = on.floats(rows * columns * LANES);
                let text = Text::Training(Training::DepthwiseInput { kernel, stride });
                let info = Info::new(rows, &plane_numbers(channels, planes));
                Work { text, columns, lines: rows, info }.launch(&on.client, [weight, gradient], [y.clone()]);
                on.maps(y, of)
            }
        }
    }

    fn convolved_weight(x: CubeTensor, gradient: CubeTensor, of: [usize; 4], shape: Shape) -> CubeTensor {
        let on = On::that_of(&gradient);
        let inputs = [on.vectors(x), on.vectors(gradient)];
        let y = match shape {
            Shape::Pointwise(PointwiseBatch { batch, inputs: from, outputs: to, area }, _) => {
                let (columns, groups, pixels) = (vectors(from), to.div_ceil(8), batch * area);
                let (parts, each) = parts(columns * groups, pixels, LEAST);
                let y = on.floats(parts * from * to);
                let text = Text::Training(Training::PointwiseWeight);
                let numbers = numbers([columns, vectors(to), from, to, groups, pixels, each]);
                let info = Info::new(parts * groups, &numbers);
                Work { text, columns, lines: parts * groups, info }.launch(&on.client, inputs, [y.clone()]);
                on.sum(y, parts, from * to)
            }
            Shape::Depthwise([batch, channels], planes) => {
                let Planes { kernel, stride, .. } = planes;
                let (columns, places) = (vectors(channels), kernel[0] * kernel[1]);
                let [height, width] = planes.output();
                let (parts, each) = parts(columns * places, batch * height, LEAST.div_ceil(width));
                let y = on.floats(parts * channels * places);
                let text = Text::Training(Training::DepthwiseWeight { kernel, stride });
                let mut all = plane_numbers(channels, planes);
                all.extend(numbers([batch * height, each]));
                let info = Info::new(parts * places, &all);
                Work { text, columns, lines: parts * places, info }.launch(&on.client, inputs, [y.clone()]);
                on.sum(y, parts, channels * places)
            }
        };
        on.tensor(y, of)
    }

    fn convolved_bias(gradient: CubeTensor) -> CubeTensor {
        let (on, [batch, channels, height, width]) = (On::that_of(&gradient), gradient.shape().dims::<4>());
        let (x, of) = (on.vectors(gradient), vectors(channels));
        let y = on.floats(of * LANES);
        let info = Info::new(1, &numbers([of, batch * height * width]));
        // A workgroup for each vector.
        let columns = of * Training::Channels.workgroup()[0];
        Work { text: Text::Training(Training::Channels), columns, lines: 1, info }.launch(&on.client, [x], [y.clone()]);
        on.tensor(part(&y, of * LANES, &(0..channels)), [channels])
    }

    fn averaged(x: CubeTensor) -> CubeTensor {
        let (on, [batch, channels, height, width]) = (On::that_of(&x), x.shape().dims::<4>());
        let (step, of) = (global_average(0, 1, [channels, height, width]), vectors(channels));
        let (x, y) = (on.vectors(x), on.floats(batch * of * LANES));
        let info = Info::new(batch, &step.numbers);
        let work = Work { text: Text::Frozen(step.shader), columns: step.columns, lines: batch, info };
        work.launch(&on.client, [x], [y.clone()]);
        on.rows(y, [batch, channels])
    }

    fn averaged_input(gradient: CubeTensor, dims @ [batch, channels, height, width]: [usize; 4]) -> CubeTensor {
        let (on, of, area) = (On::that_of(&gradient), vectors(channels), height * width);
        let gradient = into_contiguous(gradient).handle;
        let gradient = on.matrix(gradient, [batch, channels], [batch, of * LANES], false);
        let y = on.floats(batch * area * of * LANES);
        let info = Info::new(batch * area, &numbers([of, area]));
        let work = Work { text: Text::Training(Training::Spread), columns: of, lines: batch * area, info };
        work.launch(&on.client, [gradient], [y.clone()]);
        on.maps(y, dims)
    }

    fn added(a: CubeTensor, b: CubeTensor) -> CubeTensor {
        let (on, dims @ [batch, channels, height, width]) = (On::that_of(&a), a.shape().dims::<4>());
        let (of, area) = (vectors(channels), height * width);
        let (inputs, y) = ([on.vectors(a), on.vectors(b)], on.floats(batch * area * of * LANES));
        let text = Text::Frozen(Shader::Map(Map::Add(2, Activation::None)));
        let info = Info::new(batch * area, &numbers([of, area]));
        Work { text, columns: of, lines: batch * area, info }.launch(&on.client, inputs, [y.clone()]);
        on.maps(y, dims)
    }

    fn multiplied(x: CubeTensor, weight: CubeTensor, bias: CubeTensor, of: &Matrix) -> CubeTensor {
        let (on, &Matrix { batch, inputs, outputs, relu, .. }) = (On::that_of(&x), of);
        let y = on.floats(batch * outputs);
        let element = Element::of(inputs);
        let (info, rows) = listed(Info::new(batch, &numbers([element.count(inputs), outputs])), of);
        let buffers = [x, weight, bias].map(|tensor| into_contiguous(tensor).handle);
        let (text, columns, lines) = if element == Element::Vector {
            let wide = outputs_wide(outputs);
            let text = Training::DenseTile { rows, relu, wide };
            (text, outputs.div_ceil(wide) * DENSE_PARTS, batch.div_ceil(DENSE_ROWS))
        } else {
            (Training::Dense { rows, relu }, outputs, batch)
        };
        Work { text: Text::Training(text), columns, lines, info }.launch(&on.client, buffers, [y.clone()]);
        on.tensor(y, [batch, outputs])
    }

    fn multiplied_input(
        weight: CubeTensor,
        gradient: CubeTensor,
        result: Option<CubeTensor>,
        of: &Matrix,
    ) -> CubeTensor {
        dense_input([weight, gradient], result, None, of)
    }

    fn multiplied_weights(
        x: CubeTensor,
        gradient: CubeTensor,
        result: Option<CubeTensor>,
        of: &Matrix,
    ) -> [CubeTensor; 2] {
        let (on, &Matrix { inputs, outputs, .. }) = (On::that_of(&gradient), of);
        let [y, of_bias] = [outputs * inputs, outputs].map(|count| on.floats(count));
        let (weights, columns, info) = summed(of, |info| info);
        let text = Text::Training(Training::DenseWeights { of: weights, clamped: result.is_some() });
        let buffers = [x, gradient].into_iter().chain(result).map(|tensor| into_contiguous(tensor).handle);
        let work = Work { text, columns, lines: outputs.div_ceil(weights.each), info };
        work.launch(&on.client, buffers, [y.clone(), of_bias.clone()]);
        [on.tensor(y, [outputs * inputs]), on.tensor(of_bias, [outputs])]
    }

    fn lost(logits: CubeTensor, goal: &Goal) -> [CubeTensor; 2] {
        let (on, [batch, classes]) = (On::that_of(&logits), [goal.labels.len(), goal.classes]);
        let [gradient, sum] = [batch * classes, 1].map(|count| on.floats(count));
        let (info, wanted) = aimed(Info::new(batch, &numbers([classes])), goal);
        let work = Work { text: Text::Training(Training::Loss(wanted)), columns: 1, lines: 1, info };
        work.launch(&on.client, [into_contiguous(logits).handle], [gradient.clone(), sum.clone()]);
        [on.tensor(sum, [1]), on.tensor(gradient, [batch, classes])]
    }

    fn judged(x: CubeTensor, weight: CubeTensor, bias: CubeTensor, of: &Matrix, goal: &Goal) -> [CubeTensor; 2] {
        let &Matrix { batch, inputs, outputs, .. } = of;
        if Element::of(inputs) != Element::Vector || outputs > JUDGED {
            return judged_in_two::<Self>([x, weight, bias], of, goal);
        }
        let on = On::that_of(&x);
        let [logits, gradient] = [(); 2].map(|()| on.floats(batch * outputs));
        let (info, wanted) = aimed(Info::new(batch, &numbers([vectors(inputs), outputs])), goal);
        let (info, rows) = listed(info, of);
        let text = Text::Training(Training::Judge { rows, wanted, wide: outputs_wide(outputs) });
        let buffers = [x, weight, bias].map(|tensor| into_contiguous(tensor).handle);
        let work = Work { text, columns: DENSE_PARTS, lines: batch.div_ceil(DENSE_ROWS), info };
        work.launch(&on.client, buffers, [logits.clone(), gradient.clone()]);
        [logits, gradient].map(|of| on.tensor(of, [batch, outputs]))
    }
}

impl Moving for CubeBackend {
    fn gather(table: CubeTensor, rows: Arc<[u32]>) -> CubeTensor {
        let (on, [_, width]) = (On::that_of(&table), table.shape().dims::<2>());
        let y = on.floats(rows.len() * width);
        let of = Element::of(width);
        let columns = of.count(width);
        let (info, picked) = named(Info::new(rows.len(), &numbers([columns])), &rows);
        let text = Text::Training(Training::Gather { rows: picked, of });
        let work = Work { text, columns, lines: rows.len(), info };
        work.launch(&on.client, [into_contiguous(table).handle], [y.clone()]);
        on.tensor(y, [rows.len(), width])
    }

    fn join(Tensors(parts): Tensors<Self>) -> CubeTensor {
        let on = On::that_of(&parts[0]);
        let lengths: Vec<usize> = parts.iter().map(|part| part.shape().num_elements()).collect();
        let total = lengths.iter().map(|length| vectors(*length)).sum::<usize>();
        let (y, mut first) = (on.floats(total * LANES), 0);
        for (parts, lengths) in parts.chunks(Several::MOST).zip(lengths.chunks(Several::MOST)) {
            let (mut numbers, mut end) = (numbers([first]), 0);
            for length in lengths {
                end += vectors(*length);
                numbers.extend([end as u32, *length as u32]);
            }
            let text = Training::Join(Several::of(lengths.iter().copied()));
            let inputs = parts.iter().map(|part| into_contiguous(part.clone()).handle);
            on.along(text, end, Info::new(1, &numbers)).launch(&on.client, inputs, [y.clone()]);
            first += end;
        }
        on.tensor(y, [total * LANES])
    }

    fn adam(states: Tensors<Self>, gradients: Tensors<Self>, by: Arc<[Move]>) -> Vec<CubeTensor> {
        moved::<3>(states, gradients, &by, Training::Adam, adam_numbers)
    }

    fn adam_of(
        x: CubeTensor,
        gradient: CubeTensor,
        states: Tensors<Self>,
        of: Matrix,
        by: Arc<[Move]>,
    ) -> Vec<CubeTensor> {
        let states: Vec<CubeTensor> = states.0.into_iter().map(of_its_own).collect();
        let (weights, columns, info) = summed(&of, |info| by.iter().copied().fold(info, adam_numbers));
        let text = Text::Training(Training::AdamOf(weights));
        let inputs = [x.clone(), gradient].map(|tensor| into_contiguous(tensor).handle);
        let work = Work { text, columns, lines: of.outputs.div_ceil(weights.each), info: info.passing() };
        work.launch(&x.client, inputs, states.iter().map(|state| state.handle.clone()));
        states
    }

    fn back(x: CubeTensor, weight: CubeTensor, gradient: CubeTensor, of: Matrix) -> CubeTensor {
        dense_input([weight, gradient], None, Some(x), &of)
    }

    fn descend(states: Tensors<Self>, gradients: Tensors<Self>, by: Arc<[Move]>) -> Vec<CubeTensor> {
        moved::<2>(states, gradients, &by, Training::Descend, |info, by| info.floats([by.rate, by.added, by.decay[0]]))
    }
}

/// The gradient of a dense layer's input from its weight and the gradient of its result; where the result, or the input, was not let
/// below 0, from that too.
fn dense_input(
    weight_and_gradient: [CubeTensor; 2],
    result: Option<CubeTensor>,
    x: Option<CubeTensor>,
    of: &Matrix,
) -> CubeTensor {
    let (on, &Matrix { batch, inputs, outputs, .. }) = (On::that_of(&weight_and_gradient[0]), of);
    let y = on.floats(batch * inputs);
    let info = Info::new(batch, &numbers([inputs, outputs]));
    let text = Text::Training(Training::DenseInput { clamped: result.is_some(), above: x.is_some() });
    let buffers = weight_and_gradient.into_iter().chain(result).chain(x).map(|tensor| into_contiguous(tensor).handle);
    Work { text, columns: inputs, lines: batch, info }.launch(&on.client, buffers, [y.clone()]);
    on.tensor(y, [batch, inputs])
}

/// What a step of Adam is told.
fn adam_numbers(info: Info, Move { rate, added, kept, decay, new, root, epsilon }: Move) -> Info {
    info.floats([rate, added, kept, decay[0], decay[1], new[0], new[1], root, epsilon])
}

/// How the gradients of a dense layer's weight and bias are added up, in how many columns, and what the text is told, with the numbers
/// that `more` adds.
fn summed(of: &Matrix, more: impl FnOnce(Info) -> Info) -> (Weights, usize, Info) {
    let &Matrix { batch, inputs, outputs, .. } = of;
    let element = Element::of(inputs);
    let columns = element.count(inputs);
    let (info, rows) = listed(more(Info::new(outputs, &numbers([columns, outputs, batch]))), of);
    (Weights { of: element, rows, each: outputs_each(outputs) }, columns + 1, info)
}

/// Parameters with `N` states each, moved in place, as many in a dispatch as it may bind.
fn moved<const N: usize>(
    Tensors(states): Tensors<CubeBackend>,
    Tensors(gradients): Tensors<CubeBackend>,
    by: &[Move],
    text: fn(Several) -> Training,
    told: impl Fn(Info, Move) -> Info,
) -> Vec<CubeTensor> {
    let states: Vec<CubeTensor> = states.into_iter().map(of_its_own).collect();
    let at_once = (Several::MOST + 1) / (N + 1);
    let parts = states.chunks(at_once * N).zip(gradients.chunks(at_once)).zip(by.chunks(at_once));
    for ((states, gradients), by) in parts {
        let on = On::that_of(&states[0]);
        let lengths: Vec<usize> = gradients.iter().map(|gradient| gradient.shape().num_elements()).collect();
        let several = Several::of(lengths.iter().copied());
        let counts: Vec<usize> = several.elements().zip(&lengths).map(|(of, length)| of.count(*length)).collect();
        let numbers: Vec<u32> = counts.iter().map(|count| *count as u32).collect();
        let info = by.iter().fold(Info::new(1, &numbers), |info, by| told(info, *by)).passing();
        let inputs = gradients.iter().map(|gradient| into_contiguous(gradient.clone()).handle);
        let outputs = states.iter().map(|state| state.handle.clone());
        on.along(text(several), counts.iter().sum(), info).launch(&on.client, inputs, outputs);
    }
    states
}

/// A tensor that nobody else sees change.
fn of_its_own(tensor: CubeTensor) -> CubeTensor {
    if tensor.is_contiguous() && tensor.can_mut() { tensor } else { tensor.copy() }
}

/// What a loss's text is told.
fn aimed(info: Info, Goal { labels, classes, loss }: &Goal) -> (Info, Wanted) {
    let (hinge, factor, weights) = match loss {
        Loss::CrossEntropy { smoothing, weights } => (false, *smoothing, weights.as_slice()),
        Loss::SquaredHinge { rows } => (true, *rows, &[][..]),
    };
    let room = room_for(labels.len());
    let info = info.floats([factor]).words(labels.iter().copied(), room);
    let info = info.words(weights.iter().map(|weight| weight.to_bits()), *classes).passing();
    (info, Wanted { hinge, labels: room, classes: *classes })
}

/// What a dense layer's text is told of its rows.
fn listed(info: Info, of: &Matrix) -> (Info, Rows) {
    match &of.rows {
        Some(rows) => named(info, rows),
        None => (info, Rows::All),
    }
}

/// What a text is told of the rows of a table that it is of.
fn named(info: Info, rows: &[u32]) -> (Info, Rows) {
    (info.words(rows.iter().copied(), room_for(rows.len())).passing(), Rows::listed(rows.len()))
}

/// Parts of a sum over so many, where there are so many sums, and how many a part has.
fn parts(sums: usize, over: usize, least: usize) -> (usize, usize) {
    let parts = (BUSY / sums.max(1)).min(over / least).max(1);
    let each = over.div_ceil(parts);
    (over.div_ceil(each), each)
}

/// The numbers of a gradient of a convolution channel by channel.
fn plane_numbers(channels: usize, planes: Planes) -> Vec<u32> {
    let ([height, width], [out_height, out_width]) = (planes.size, planes.output());
    let [(top, _), (left, _)] = planes.padding;
    numbers([vectors(channels), height, width, out_height, out_width, top, left, channels])
}

/// Where a tensor is, for more of them.
struct On {
    client: Client,
    of: CubeTensor,
}

impl On {
    fn that_of(tensor: &CubeTensor) -> Self {
        Self { client: tensor.client.clone(), of: tensor.clone() }
    }

    fn floats(&self, count: usize) -> Handle {
        floats(&self.client, count)
    }

    /// A tensor whose values lie one after the other.
    fn tensor<const D: usize>(&self, handle: Handle, dims: [usize; D]) -> CubeTensor {
        let CubeTensor { device, dtype, .. } = &self.of;
        CubeTensor::new_contiguous(self.client.clone(), device.clone(), Dims::from(dims), handle, *dtype)
    }

    /// Rows that are filled up to vectors.
    fn rows(&self, handle: Handle, dims @ [_, columns]: [usize; 2]) -> CubeTensor {
        let CubeTensor { device, dtype, .. } = &self.of;
        let metadata = Metadata::new(Dims::from(dims), Strides::from([vectors(columns) * LANES, 1]));
        CubeTensor::new(self.client.clone(), handle, metadata, device.clone(), *dtype)
    }

    /// Maps whose values are vectors.
    fn maps(&self, handle: Handle, dims @ [_, channels, height, width]: [usize; 4]) -> CubeTensor {
        let CubeTensor { device, dtype, .. } = &self.of;
        let metadata = Metadata::new(Dims::from(dims), Strides::from(strides([channels, height, width])));
        CubeTensor::new(self.client.clone(), handle, metadata, device.clone(), *dtype)
    }

    /// The vectors of maps, of any strides.
    fn vectors(&self, x: CubeTensor) -> Handle {
        let [batch, channels, height, width] = x.shape().dims::<4>();
        if x.meta.strides()[..] == strides([channels, height, width])[..] {
            return x.handle;
        }
        let (rows, stride, area) = (batch * height * width, vectors(channels) * LANES, height * width);
        let y = self.floats(rows * stride);
        let info = Info::new(rows, &numbers([channels, stride, area]));
        let work = Work { text: Text::Training(Training::Vectors), columns: stride, lines: rows, info };
        work.launch(&self.client, [into_contiguous(x).handle], [y.clone()]);
        y
    }

    /// A matrix, or the transpose of one, with zeros around it up to `room`.
    fn matrix(&self, of: Handle, size: [usize; 2], room: [usize; 2], transposed: bool) -> Handle {
        if size == room && !transposed {
            return of;
        }
        let ([height, width], [rows, stride]) = (size, room);
        let y = self.floats(rows * stride);
        let info = Info::new(rows, &numbers([height, width, stride]));
        let text = Text::Training(Training::Matrix { transposed });
        Work { text, columns: stride, lines: rows, info }.launch(&self.client, [of], [y.clone()]);
        y
    }

    /// Weights `[channels, places]` as `[places, vectors]`.
    fn per_channel(&self, weight: Handle, channels: usize, kernel: [usize; 2]) -> Handle {
        let places = kernel[0] * kernel[1];
        self.matrix(weight, [places, channels], [places, vectors(channels) * LANES], true)
    }

    /// A product of so many rows of `inputs` channels, to `outputs` of them.
    fn product<const N: usize>(
        &self,
        shader: Shader,
        each: usize,
        buffers: [Handle; N],
        [rows, inputs, outputs, stride]: [usize; 4],
    ) -> Handle {
        let (from, to) = (vectors(inputs), vectors(outputs));
        let y = self.floats(rows * to * LANES);
        let info = Info::new(rows, &numbers([from, to, stride]));
        let pixels = if let Shader::Pointwise { tile, .. } = shader { tile.pixels } else { 1 };
        let work = Work { text: Text::Frozen(shader), columns: to.div_ceil(each), lines: rows.div_ceil(pixels), info };
        work.launch(&self.client, buffers, [y.clone()]);
        y
    }

    /// The sum of parts of so many floats each.
    fn sum(&self, of: Handle, parts: usize, count: usize) -> Handle {
        if parts == 1 {
            return of;
        }
        let y = self.floats(count);
        self.along(Training::Parts, count, Info::new(1, &numbers([count, parts]))).launch(
            &self.client,
            [of],
            [y.clone()],
        );
        y
    }

    /// A dispatch over so many floats.
    fn along(&self, text: Training, count: usize, info: Info) -> Work {
        let wide = text.workgroup()[0];
        Work { text: Text::Training(text), columns: wide, lines: count.div_ceil(wide), info }
    }
}
