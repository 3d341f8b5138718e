//! Which engine suits a backbone: the one that was asked for, or the one that measures faster; and how long a picture
//! takes on a backbone before there are weights of it.

use crate::backbone::{Backbone, FrozenStages, Outline};
use crate::engine::{Clock, Engine, EngineChoice, EngineReport};
use crate::error::{Error, Result};
use crate::nn::{
    Activation, After, ConvSpec, DenseSpec, Freezing, NormSpec, Numbers, Read, Source, Stage, StageBuilder, StageSpec,
    WeightAndBias, dense, global_average,
};
use crate::params::{Group, Params, Slot};
use crate::train::{Objective, Optimizer, OptimizerKind, OptimizerSettings};
use burn::tensor::{Tensor, TensorData};
use std::sync::atomic::{AtomicBool, Ordering};

/// Stages that a software adapter is measured on: compiling the shaders of the whole backbone takes it ten seconds,
/// which nobody should wait for.
const SOFTWARE_STAGES: usize = 3;

/// Opens what was asked for; `auto` measures `backbone` on both and takes the faster. A GPU that computes something else than the
/// CPU is not used.
///
/// # Errors
/// [`Error::EngineUnavailable`] where the GPU was asked for and there is none.
pub async fn open(choice: EngineChoice, backbone: &Backbone, clock: Clock) -> Result<Engine> {
    match choice {
        EngineChoice::Cpu => Ok(Engine::of_cpu(EngineReport::cpu_for(choice, ""))),
        EngineChoice::Webgpu => {
            let gpu = match Engine::gpu("The WebGPU engine was asked for.").await {
                Ok(gpu) => test(&gpu, backbone).await.map(|()| gpu),
                refused => refused,
            };
            gpu.map_err(|reason| Error::EngineUnavailable(format!("no GPU can be used, {reason}")))
        }
        EngineChoice::Auto => match Engine::gpu("").await {
            Err(reason) => Ok(Engine::of_cpu(EngineReport::cpu_for(choice, &reason))),
            Ok(gpu) => faster(gpu, backbone, clock).await,
        },
    }
}

/// Why a GPU is not used that is there.
pub(crate) const WRONG: &str = "it computes wrong numbers";

/// Share of the largest value by which a GPU may differ.
const TOLERANCE: f32 = 1e-3;

/// Whether a GPU computes what the CPU does, in the first stages of a backbone.
async fn test(gpu: &Engine, backbone: &Backbone) -> std::result::Result<(), String> {
    let mut found = Vec::with_capacity(2);
    for engine in [&Engine::cpu(""), gpu] {
        let stages = FrozenStages::new(backbone, 0..SOFTWARE_STAGES.min(backbone.depth()), engine);
        let stages = stages.map_err(|error| error.to_string())?;
        match stages.rows(&picture(backbone), true).await {
            Ok(rows) => found.push(rows.concat()),
            Err(error) => {
                let reason = reason_of(error);
                Engine::refuse_gpu(&reason);
                return Err(reason);
            }
        }
    }
    if agree(&found[0], &found[1]) {
        return Ok(());
    }
    // Nobody else in this process is to use it either.
    Engine::refuse_gpu(WRONG);
    Err(WRONG.into())
}

/// Why a device does not answer.
fn reason_of(error: Error) -> String {
    match error {
        Error::DeviceLost(reason) => reason,
        other => other.to_string(),
    }
}

/// Stripes as bright as pictures are, `[3, size, size]`.
fn picture(backbone: &Backbone) -> Vec<f32> {
    waves(backbone.shape_at(0).iter().product())
}

/// Whether values are the same up to rounding; what is no number is not.
fn agree(expected: &[f32], found: &[f32]) -> bool {
    let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let close = |(a, b): (&f32, &f32)| (a - b).abs() <= TOLERANCE * largest;
    expected.len() == found.len() && expected.iter().zip(found).all(close)
}

/// Measures one picture on both engines and takes the faster one.
async fn faster(gpu: Engine, backbone: &Backbone, clock: Clock) -> Result<Engine> {
    let cpu = Engine::cpu("");
    let adapter = gpu.report().adapter.clone();
    let (stages, what, of) = if gpu.is_software() {
        let stages = SOFTWARE_STAGES.min(backbone.depth());
        let of = format!("The first {stages} stages of one picture take");
        (stages, format!("the software adapter {adapter}"), of)
    } else {
        (backbone.depth(), adapter, "One picture takes".into())
    };
    let (cpu_ms, expected) = milliseconds(&cpu, backbone, stages, clock).await?;
    let (gpu_ms, found) = match milliseconds(&gpu, backbone, stages, clock).await {
        Ok(measured) => measured,
        Err(error) => return Ok(Engine::after_loss(&reason_of(error))),
    };
    if !agree(&expected, &found) {
        Engine::refuse_gpu(WRONG);
        return Ok(Engine::of_cpu(EngineReport::cpu_for(EngineChoice::Auto, WRONG)));
    }
    let (engine, reason) = if gpu_ms < cpu_ms {
        (gpu, format!("{of} {gpu_ms:.1} ms on {what} and {cpu_ms:.1} ms on the CPU."))
    } else {
        (cpu, format!("{of} {cpu_ms:.1} ms on the CPU and {gpu_ms:.1} ms on {what}."))
    };
    Ok(engine.chosen(reason, [cpu_ms, gpu_ms]))
}

/// Best of three runs of a picture through the first `stages` of the backbone, after one that compiles the shaders, and what came
/// out.
async fn milliseconds(engine: &Engine, backbone: &Backbone, stages: usize, clock: Clock) -> Result<(f64, Vec<f32>)> {
    let stages = FrozenStages::new(backbone, 0..stages, engine)?;
    let x = picture(backbone);
    let (mut best, mut found) = (f64::INFINITY, Vec::new());
    for run in 0..4 {
        let start = clock();
        found = stages.rows(&x, true).await?.concat();
        let elapsed = (clock() - start) * 1000.0;
        if run > 0 {
            best = best.min(elapsed);
            // Enough is known of something this slow.
            if elapsed > 300.0 {
                break;
            }
        }
    }
    Ok((best, found))
}

/// Whether a step of training comes out on a GPU as it does on the CPU. Asked once, before something trains there: its kernels are
/// compiled then, for which nobody who only predicts should wait.
///
/// # Errors
/// [`Error::DeviceLost`].
pub(crate) async fn trains_alike(gpu: &Engine) -> Result<bool> {
    static KNOWN: AtomicBool = AtomicBool::new(false);
    if KNOWN.load(Ordering::Relaxed) {
        return Ok(true);
    }
    let alike = agree(&moved(&Engine::cpu("")).await?, &moved(gpu).await?);
    KNOWN.store(alike, Ordering::Relaxed);
    Ok(alike)
}

/// Pictures, channels and side of what a step is tried with, and its classes.
const TRIED: [usize; 4] = [3, 12, 7, 5];

/// The parameters of a block of convolutions and a dense layer after a step.
async fn moved(engine: &Engine) -> Result<Vec<f32>> {
    let [batch, channels, side, classes] = TRIED;
    let mut params = Params::new(engine.device());
    let mut block = StageBuilder::new("tried", channels);
    let x = block.conv(block.input(), ConvSpec::new("widen", 2 * channels).bias());
    let x = block.activate(x, Activation::Relu6);
    let x = block.conv(x, ConvSpec::depthwise("each").kernel(3).bias());
    let x = block.activate(x, Activation::Relu);
    let x = block.conv(x, ConvSpec::new("narrow", channels).bias());
    block.add(x, block.input());
    let stage = Stage::new(&block.end(), &mut Waves { params: &mut params })?;
    let [weight, bias] =
        [classes * channels, classes].map(|count| params.add("dense", &[count], waves(count), Group::Head, true));
    let x = Tensor::<1>::from_data(TensorData::from(waves(batch * channels * side * side).as_slice()), engine.device());
    let read: Read<'_> = &|slot| params.get(slot);
    let maps = stage.forward(x.reshape([batch, channels, side, side]).autodiff(), read);
    let logits = dense(global_average(maps), params.get(weight), params.get(bias));
    let labels: Vec<usize> = (0..batch).map(|at| at % classes).collect();
    let loss = Objective::CrossEntropy { smoothing: 0.1, weights: None }.loss(logits, &labels);
    let settings = OptimizerSettings { kind: OptimizerKind::Sgd, weight_decay: 0.01, momentum: 0.9, clip_norm: None };
    // With so high a rate the gradients show beside what the parameters were.
    Optimizer::new(settings).step(&mut params, &mut loss.backward(), |_| 10.0);
    Ok(params.snapshot().await?.iter().flatten().copied().collect())
}

/// Values from −1 to 1.
fn waves(count: usize) -> Vec<f32> {
    (0..count).map(|at| (at as f32 * 0.73).sin()).collect()
}

/// Parameters that are waves.
struct Waves<'a> {
    params: &'a mut Params,
}

impl Waves<'_> {
    fn slot(&mut self, name: &str, shape: &[usize]) -> Slot {
        self.params.add(name, shape, waves(shape.iter().product()), Group::Stage(0), true)
    }
}

impl Source for Waves<'_> {
    fn conv(&mut self, conv: &ConvSpec, _: Option<&NormSpec>) -> Result<(Slot, After)> {
        let weight = self.slot(&conv.name, &conv.weight_shape());
        Ok((weight, After::Bias(self.slot(&conv.name, &[conv.outputs]))))
    }

    fn norm(&mut self, norm: &NormSpec) -> Result<After> {
        Err(Error::Internal(format!("nothing is tried with {}", norm.name)))
    }

    fn dense(&mut self, dense: &DenseSpec) -> Result<(Slot, Option<Slot>)> {
        Err(Error::Internal(format!("nothing is tried with {}", dense.name)))
    }
}

/// Seconds after which a stage is not run once more.
const ENOUGH: f64 = 0.02;

/// Milliseconds that a picture takes on a backbone, with weights that are made up. One stage is there at a time, so that
/// the memory is that of the largest.
///
/// # Errors
/// [`Error::DeviceLost`].
pub async fn measure(outline: &Outline, engine: &Engine, clock: Clock) -> Result<f64> {
    let mut sum = 0.0;
    for (stage, shape) in &outline.stages {
        sum += milliseconds_of(stage, *shape, engine, clock).await?;
    }
    Ok(sum)
}

async fn milliseconds_of(stage: &StageSpec, shape: [usize; 3], engine: &Engine, clock: Clock) -> Result<f64> {
    let mut freezing = Freezing::new(shape, engine);
    // Waiting for a GPU takes as long as a small stage does, which is why it is waited for after one pass and after three.
    let passes: &[usize] = if engine.is_gpu() { &[1, 3] } else { &[1] };
    freezing.push(stage, &mut MadeUp)?;
    let stage = freezing.end()?;
    let x = vec![0.5_f32; shape.iter().product()];
    let mut least = vec![f64::INFINITY; passes.len()];
    let begin = clock();
    // The first run compiles: shaders, or in a browser the loops themselves. Of something slow a second one tells enough.
    for run in 0..5 {
        if run > 1 && clock() - begin > ENOUGH {
            break;
        }
        for (least, passes) in least.iter_mut().zip(passes) {
            let start = clock();
            for _ in 1..*passes {
                stage.forward(&x);
            }
            stage.rows(&x, true).await?;
            *least = least.min((clock() - start) * 1000.0);
        }
    }
    Ok(match least.as_slice() {
        [once, thrice] => ((thrice - once) / 2.0).max(0.0),
        least => least.iter().sum(),
    })
}

/// Numbers that are as good as any other where only time matters.
struct MadeUp;

fn made_up(shape: &[usize]) -> Vec<f32> {
    vec![0.01; shape.iter().product()]
}

impl Numbers for MadeUp {
    fn conv(&mut self, conv: &ConvSpec, norm: Option<&NormSpec>) -> Result<WeightAndBias> {
        let bias = conv.bias || norm.is_some();
        Ok((made_up(&conv.weight_shape()), bias.then(|| made_up(&[conv.outputs]))))
    }

    fn norm(&mut self, norm: &NormSpec) -> Result<[Vec<f32>; 2]> {
        Ok([made_up(&[norm.channels]), made_up(&[norm.channels])])
    }

    fn dense(&mut self, dense: &DenseSpec) -> Result<WeightAndBias> {
        Ok((made_up(&[dense.outputs, dense.inputs]), dense.bias.then(|| made_up(&[dense.outputs]))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step moves every parameter by more than what engines may differ by, so that a kernel that does nothing shows.
    #[test]
    fn a_step_that_is_tried_moves_everything() {
        let after = pollster::block_on(moved(&Engine::cpu(""))).unwrap();
        let [_, channels, _, classes] = TRIED;
        let shapes =
            [2 * channels * channels, 2 * channels, 18 * channels, 2 * channels, 2 * channels * channels, channels];
        let before = shapes.into_iter().chain([classes * channels, classes]).map(waves);
        let mut after = after.as_slice();
        let largest = after.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        for before in before {
            let (own, rest) = after.split_at(before.len());
            after = rest;
            let moved = own.iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(moved > 20.0 * TOLERANCE * largest, "{moved} of {largest}");
        }
        assert!(after.is_empty());
    }

    #[test]
    fn what_is_not_the_same_or_no_number_does_not_agree() {
        assert!(agree(&[1.0, -2.0], &[1.001, -2.0]));
        assert!(!agree(&[1.0, -2.0], &[1.003, -2.0]));
        assert!(!agree(&[1.0, -2.0], &[f32::NAN, -2.0]));
        assert!(!agree(&[1.0, -2.0], &[1.0]));
        assert!(!agree(&[1.0, f32::INFINITY], &[1.0, f32::INFINITY]));
    }
}
