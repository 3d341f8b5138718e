//! Dispatches, put before burn's GPU: a plan's as one operation of our own.

use super::plan::{LANES, Output, Plan, Step, numbers, strides};
use super::program::Program;
use super::shaders::Shader;
use super::training::Training;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{DType, Int, Shape, Tensor};
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::ir::attributes::BufferIOAttr;
use burn_cubecl::cubecl::prelude::{CubeCount, CubeDim, KernelId};
use burn_cubecl::cubecl::server::{Handle, KernelArguments, MetadataBindingInfo};
use burn_cubecl::cubecl::zspace::{Strides, metadata::Metadata};
use burn_cubecl::template::{KernelSource, SourceKernel, SourceTemplate};
use burn_cubecl::{CubeBackend, tensor::CubeTensor};
use std::ops::Range;
use std::sync::Arc;

/// What comes out of `x`, vectors of `batch` pictures or maps: `[batch, channels, height, width]`, of which pooled height and width
/// are 1.
pub(super) fn run(x: Tensor<1>, constants: Tensor<1>, plan: Arc<Plan>, batch: usize, output: Output) -> Tensor<4> {
    let y = <Dispatch as Planned>::planned(x.into_dispatch(), constants.into_dispatch(), plan, batch, output);
    Tensor::from_dispatch(y)
}

/// Vectors of so many pixels of RGB bytes, four bytes a word and the first the lowest; each channel is multiplied and added to.
pub(super) fn pixels(words: Tensor<1, Int>, count: usize, by: [[f32; 2]; 3]) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as Planned>::pixels(words.into_dispatch(), count, by))
}

/// The operations, on whatever burn computes on through CubeCL.
#[backend_extension(Cube)]
pub trait Planned: Backend {
    /// See [`run`].
    fn planned(
        x: FloatTensor<Self>,
        constants: FloatTensor<Self>,
        plan: Arc<Plan>,
        batch: usize,
        output: Output,
    ) -> FloatTensor<Self>;
    /// See [`pixels`].
    fn pixels(words: IntTensor<Self>, count: usize, by: [[f32; 2]; 3]) -> FloatTensor<Self>;
}

impl Planned for CubeBackend {
    fn planned(x: CubeTensor, constants: CubeTensor, plan: Arc<Plan>, batch: usize, output: Output) -> CubeTensor {
        let (last, more) = plan.last(output);
        let steps: Vec<&Step> = plan.steps().iter().chain(&more).collect();
        let result = more.as_ref().map_or(last, |step| step.output);
        let length = |value: usize| {
            let ends = more.is_some() && value == result;
            if ends { plan.output_length(output) } else { plan.length(value) }
        };
        let mut values: Vec<Option<Handle>> = vec![None; steps.iter().map(|step| step.output).max().unwrap_or(0) + 1];
        let client = &x.client;
        values[0] = Some(x.handle.clone());
        for (at, step) in steps.iter().enumerate() {
            // Several steps may write parts of one value.
            let y = values[step.output].take();
            let y = y.unwrap_or_else(|| floats(client, batch * length(step.output)));
            let constant = |range: &Range<usize>| part(&constants.handle, constants.meta.shape().num_elements(), range);
            let inputs = step.inputs.iter().filter_map(|input| values[*input].clone());
            let inputs: Vec<Handle> = inputs.chain(step.constants.iter().map(constant)).collect();
            let rows = batch * step.rows;
            Work {
                text: Text::Frozen(step.shader),
                columns: step.columns,
                lines: rows.div_ceil(step.each),
                info: Info::new(rows, &step.numbers),
            }
            .launch(client, inputs, [y.clone()]);
            values[step.output] = Some(y);
            // A buffer that nobody reads again is another value's next.
            for input in &step.inputs {
                if *input != result && !steps[at + 1..].iter().any(|later| later.inputs.contains(input)) {
                    values[*input] = None;
                }
            }
        }
        let handle = values[result].take().unwrap_or_else(|| x.handle.clone());
        let [channels, height, width] = plan.output_shape();
        let metadata = match output {
            Output::Vectors => {
                let shape = Shape::from([batch, channels, height, width]);
                Metadata::new(shape, Strides::from(strides(plan.output_shape())))
            }
            Output::Pooled => {
                let width = plan.output_length(output);
                Metadata::new(Shape::from([batch, channels, 1, 1]), Strides::from([width, 1, 1, 1]))
            }
        };
        CubeTensor::new(x.client.clone(), handle, metadata, x.device.clone(), x.dtype)
    }

    fn pixels(words: CubeTensor, count: usize, by: [[f32; 2]; 3]) -> CubeTensor {
        let CubeTensor { client, device, .. } = words.clone();
        let y = floats(&client, count * LANES);
        let last = words.meta.shape().num_elements().saturating_sub(1);
        let [wide, _] = Shader::Pixels.workgroup();
        let info =
            Info::new(1, &numbers([count, last])).floats(by.map(|[scale, _]| scale)).floats(by.map(|[_, shift]| shift));
        let work = Work { text: Text::Frozen(Shader::Pixels), columns: wide, lines: count.div_ceil(wide), info };
        work.launch(&client, [words.handle], [y.clone()]);
        CubeTensor::new_contiguous(client, device, Shape::from([count * LANES]), y, DType::F32)
    }
}

/// Room for so many floats.
pub(super) fn floats(client: &Client, count: usize) -> Handle {
    client.empty(count * size_of::<f32>())
}

/// A part of so many floats.
pub(super) fn part(of: &Handle, length: usize, range: &Range<usize>) -> Handle {
    let [start, end] = [range.start, length - range.end].map(|at| (at * size_of::<f32>()) as u64);
    of.clone().offset_start(start).offset_end(end)
}

/// The numbers of a dispatch, as its text wants them.
pub(super) struct Info {
    words: Vec<u32>,
    /// Whether they are hardly ever the same again.
    passing: bool,
}

/// CubeCL keeps a buffer for each of the latest 512 lists of words it has seen that are no longer than this. Those of a step are
/// not seen again: they would only make it create buffers.
const LONGEST_KEPT: usize = 2048 / size_of::<u32>();

impl Info {
    /// The rows, then whole numbers.
    pub(super) fn new(rows: usize, numbers: &[u32]) -> Self {
        Self { words: std::iter::once(rows as u32).chain(numbers.iter().copied()).collect(), passing: false }
    }

    /// The same, which are others at every step.
    pub(super) fn passing(self) -> Self {
        Self { passing: true, ..self }
    }

    pub(super) fn floats<const N: usize>(mut self, floats: [f32; N]) -> Self {
        self.words.extend(floats.map(f32::to_bits));
        self
    }

    /// A list, which begins with a vector of four and has room for so many.
    pub(super) fn words(mut self, words: impl IntoIterator<Item = u32>, room: usize) -> Self {
        self.fill();
        let end = self.words.len() + room;
        self.words.extend(words);
        self.words.resize(end, 0);
        self
    }

    /// Up to a whole vector of four, as uniforms are laid out.
    fn fill(&mut self) {
        self.words.resize(self.words.len().next_multiple_of(4), 0);
    }

    /// All of them, two and two.
    fn pairs(mut self) -> Vec<u64> {
        self.fill();
        if self.passing {
            self.words.resize(self.words.len().max(LONGEST_KEPT + 4), 0);
        }
        self.words.chunks_exact(2).map(|words| u64::from(words[0]) | u64::from(words[1]) << 32).collect()
    }
}

/// One dispatch.
pub(super) struct Work {
    pub text: Text,
    /// Invocations along x.
    pub columns: usize,
    /// Invocations along y.
    pub lines: usize,
    pub info: Info,
}

/// Workgroups of a dispatch in one direction: the least that an adapter has to allow.
const MOST_GROUPS: usize = 65_535;

impl Work {
    pub(super) fn launch(
        self,
        client: &Client,
        inputs: impl IntoIterator<Item = Handle>,
        outputs: impl IntoIterator<Item = Handle>,
    ) {
        let [wide, high] = self.text.workgroup();
        let (columns, lines) = (self.columns.div_ceil(wide), self.lines.div_ceil(high));
        let deep = lines.div_ceil(MOST_GROUPS);
        let count = CubeCount::Static(columns as u32, lines.div_ceil(deep.max(1)) as u32, deep as u32);
        let mut arguments = KernelArguments::new();
        for input in inputs {
            arguments = arguments.with_buffer_io(input.binding(), BufferIOAttr::ReadOnly);
        }
        for output in outputs {
            arguments = arguments.with_buffer_io(output.binding(), BufferIOAttr::ReadWrite);
        }
        arguments.info = MetadataBindingInfo::custom(self.info.pairs());
        let kernel = SourceKernel::new(self.text, CubeDim::new_2d(wide as u32, high as u32));
        client.launch(Box::new(kernel), count, arguments);
    }
}

/// The text of a dispatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Text {
    Frozen(Shader),
    Training(Training),
}

impl Text {
    /// Width and height of a workgroup.
    fn workgroup(self) -> [usize; 2] {
        match self {
            Self::Frozen(shader) => shader.workgroup(),
            Self::Training(training) => training.workgroup(),
        }
    }

    fn program(self) -> Program {
        match self {
            Self::Frozen(shader) => shader.program(),
            Self::Training(training) => training.program(),
        }
    }
}

impl KernelSource for Text {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(self.program().text())
    }

    fn id(&self) -> KernelId {
        let [wide, high] = self.workgroup();
        KernelId::new::<Self>().info(*self).cube_dim(CubeDim::new_2d(wide as u32, high as u32).into())
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}
