//! The kernels of the frozen pass: convolutions in inference form, inverted residual blocks, whole networks.

use crate::mobilenet_v2::{MobileNetV2, Stage};
use crate::numbers::{Numbers, assert_near};
use crate::reference::{self, Map};
use crate::report::{Pass, Row};
use crate::timer::{Stopwatch, Timer, Took};
use crate::work::{Work, bytes, multiplications, parameters};
use headstart_kernels::{Arena, Conv, Input, Layer, Network, Op, Window};
use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

/// How often a kernel is repeated in one network, so that taking the picture in is little beside it.
const COPIES: u32 = 8;

/// What is added before the activation of the last convolution.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shortcut {
    None,
    /// What goes in.
    Input,
    /// A value that was made before.
    Earlier,
}

/// One convolution or a block of some.
struct Kernel {
    name: String,
    /// How often a picture needs it.
    count: usize,
    input: [usize; 3],
    convs: Vec<Conv>,
    shortcut: Shortcut,
}

/// Every distinct convolution, every distinct block and the whole pass.
///
/// # Errors
/// Those of [`Timer::time`].
pub(crate) fn measure(network: &MobileNetV2, timer: &mut Timer) -> Result<Pass, Box<dyn Error>> {
    let (mut kernels, mut blocks) = (Vec::new(), Vec::new());
    for stage in &network.stages {
        single_kernels(stage).for_each(|kernel| add(&mut kernels, kernel));
        if stage.convs.len() == 3 {
            let shortcut = if stage.residual { Shortcut::Input } else { Shortcut::None };
            add(&mut blocks, Kernel::new(stage.input, stage.convs.clone(), shortcut));
        }
    }
    let group = network.name();
    let mut rows = |kernels: Vec<Kernel>| -> Result<Vec<Row>, Box<dyn Error>> {
        let mut rows = Vec::new();
        for kernel in kernels {
            if let Some(seconds) = timer.time(&group, &kernel.name, || kernel.prepare())? {
                let (count, work) = (kernel.count, kernel.work());
                rows.push(Row { name: kernel.name, count, seconds, work });
            }
        }
        Ok(rows)
    };
    let (kernels, blocks) = (rows(kernels)?, rows(blocks)?);
    let whole = timer.time(&group, "whole pass", || prepare_whole(network))?;
    Ok(Pass { name: group, kernels, blocks, whole })
}

/// Counts a kernel that is there already.
fn add(kernels: &mut Vec<Kernel>, kernel: Kernel) {
    match kernels.iter_mut().find(|known| known.name == kernel.name) {
        Some(known) => known.count += 1,
        None => kernels.push(kernel),
    }
}

/// The convolutions of a stage one by one.
fn single_kernels(stage: &Stage) -> impl Iterator<Item = Kernel> {
    let mut input = stage.input;
    stage.convs.iter().enumerate().map(move |(at, conv)| {
        let last = stage.residual && at + 1 == stage.convs.len();
        let kernel = Kernel::new(input, vec![conv.clone()], if last { Shortcut::Earlier } else { Shortcut::None });
        input = kernel.output();
        kernel
    })
}

impl Kernel {
    fn new(input: [usize; 3], convs: Vec<Conv>, shortcut: Shortcut) -> Self {
        let kind = match convs.as_slice() {
            [_, _, ..] => "block",
            [conv] if conv.is_depthwise() => "depthwise",
            [conv] if conv.kernel == [1, 1] => "pointwise",
            _ => "stem",
        };
        let outputs = convs.last().map_or(0, |conv| conv.outputs);
        let channels = if kind == "depthwise" { outputs.to_string() } else { format!("{} to {outputs}", input[0]) };
        let stride = convs.iter().map(|conv| conv.stride[0]).product::<usize>();
        let stride = if stride == 1 { String::new() } else { format!(", stride {stride}") };
        let plus = if shortcut == Shortcut::None { "" } else { ", shortcut" };
        let name = format!("{kind} {channels}, {}x{}{stride}{plus}", input[1], input[2]);
        Self { name, count: 1, input, convs, shortcut }
    }

    /// Shape `[channels, height, width]` of what comes out.
    fn output(&self) -> [usize; 3] {
        self.convs.iter().fold(self.input, |[_, height, width], conv| {
            let [height, width] = conv.size_of([height, width]);
            [conv.outputs, height, width]
        })
    }

    fn work(&self) -> Work {
        let (mut flops, mut weights, mut size) = (0, 0, [self.input[1], self.input[2]]);
        for conv in &self.convs {
            flops += 2 * multiplications(conv, size);
            weights += parameters(conv);
            size = conv.size_of(size);
        }
        let (input, output) = (self.input.iter().product::<usize>(), self.output().iter().product::<usize>());
        let shortcut = if self.shortcut == Shortcut::Earlier { output } else { 0 };
        let maps = bytes(input + output + shortcut);
        Work {
            flops: flops as f64,
            bytes: maps + bytes(weights),
            // As in a network, every copy has weights of its own.
            working_set: maps + f64::from(COPIES + 1) * bytes(weights),
        }
    }

    /// So many of it, all of the same input; of each result one pixel is taken, so that its place is free for the next.
    fn layers(&self, copies: u32) -> Vec<Layer> {
        let mut layers = Vec::new();
        let mut earlier = None;
        for copy in 1..=copies {
            let mut value = 0;
            for (at, conv) in self.convs.iter().enumerate() {
                let mut inputs = vec![value];
                match self.shortcut {
                    Shortcut::Input if at + 1 == self.convs.len() => inputs.push(0),
                    Shortcut::Earlier => inputs.extend(earlier),
                    _ => {}
                }
                layers.push(Layer { op: Op::Conv(conv.clone()), inputs });
                value = layers.len();
            }
            earlier = Some(value);
            // A shortcut takes what the copy before has made.
            if self.shortcut != Shortcut::Earlier || copy == copies {
                let side = self.output()[1].max(self.output()[2]);
                let pixel = Window { kernel: 1, stride: side, padding: [(0, 0); 2] };
                layers.push(Layer { op: Op::AveragePool(pixel), inputs: vec![value] });
            }
        }
        layers
    }

    /// Compares it with its definition, then gives what times it: networks of one more and of one differ by [`COPIES`] of it, and in
    /// nothing else.
    fn prepare(&self) -> impl FnMut(u64) -> Took + use<> {
        let picture = Numbers::new(2).many(self.input.iter().product(), 1.0);
        let mut arena = Arena::default();
        // The first has nothing that it could add.
        let mut layers = self.layers(if self.shortcut == Shortcut::Earlier { 2 } else { 1 });
        layers.pop();
        let expected = reference::run(map(self.input, &picture), &layers);
        let mut out = Vec::new();
        network(self.input, layers).run(Input::Map(&picture), &mut arena, &mut out);
        assert_near(&out, &expected.values, &self.name);

        let [mut many, mut one] =
            [COPIES + 1, 1].map(|copies| (network(self.input, self.layers(copies)), Stopwatch::new()));
        move |iterations| {
            let mut run = |(network, stopwatch): &mut (Network, Stopwatch)| {
                stopwatch.time(iterations, || {
                    out.clear();
                    network.run(black_box(Input::Map(&picture)), &mut arena, &mut out);
                    black_box(&out);
                })
            };
            let (many, one) = (run(&mut many), run(&mut one));
            // Criterion takes no time at all for a mistake.
            let apart = |many: Duration, one| (many.saturating_sub(one) / COPIES).max(Duration::from_nanos(1));
            Took { all: apart(many.all, one.all), fastest: apart(many.fastest, one.fastest) }
        }
    }
}

/// All of a network from a picture to its features, as the engine is used.
fn prepare_whole(of: &MobileNetV2) -> impl FnMut(u64) -> Took + use<> {
    let (shape, layers) = (of.stages[0].input, of.layers());
    let picture = Numbers::new(3).many(shape.iter().product(), 1.0);
    let expected = reference::run(map(shape, &picture), &layers);
    let area = expected.shape[1] * expected.shape[2];
    let means = expected.values.chunks_exact(area).map(|plane| plane.iter().sum::<f64>() / area as f64);
    let network = network(shape, layers);
    let (mut arena, mut out) = (Arena::default(), Vec::new());
    network.run_pooled(Input::Map(&picture), &mut arena, &mut out);
    assert_near(&out, &means.collect::<Vec<_>>(), &of.name());
    let mut stopwatch = Stopwatch::new();
    move |iterations| {
        stopwatch.time(iterations, || {
            out.clear();
            network.run_pooled(black_box(Input::Map(&picture)), &mut arena, &mut out);
            black_box(&out);
        })
    }
}

fn map(shape: [usize; 3], values: &[f32]) -> Map {
    Map { shape, values: values.iter().map(|value| f64::from(*value)).collect() }
}

fn network(shape: [usize; 3], layers: Vec<Layer>) -> Network {
    Network::new(shape, layers).unwrap_or_else(|layer| panic!("layer {layer} does not fit its input"))
}
