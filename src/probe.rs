//! Which engine suits a backbone: the one that was asked for, or for each kind of work the one that measures faster; and how long
//! a picture takes on a backbone before there are weights of it.

use crate::backbone::{Backbone, FrozenStages, Outline, TrainableStages};
use crate::engine::{Clock, Engine, EngineChoice, EngineKind, EngineReport, Workload, WorkloadReport};
use crate::engines::Engines;
use crate::error::{Error, Result};
use crate::head::{Head, HeadKind, TrainableHead};
use crate::image::{Crop, Preprocess};
use crate::nn::{
    Activation, After, Arithmetic, ConvSpec, DenseSpec, Factors, Freezing, Judged, Move, Moved, NormSpec, Numbers,
    Read, Source, Stage, StageBuilder, StageSpec, WeightAndBias, adam, adam_of, dense, gather, global_average, judged,
    on_device, read_all,
};
use crate::params::{Group, Params, Slot};
use crate::train::{Objective, Optimizer, OptimizerKind, OptimizerSettings};
use burn::tensor::Tensor;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stages that a software adapter is measured on: it takes seconds for the whole of a large backbone.
const SOFTWARE_STAGES: usize = 3;

/// Opens what was asked for. With `auto` that is the CPU as long as a GPU is still to be tried: see [`Tried`]. A GPU that computes
/// something else than the CPU is not used.
///
/// # Errors
/// [`Error::EngineUnavailable`] where the GPU was asked for and there is none.
pub async fn open(choice: EngineChoice, backbone: &Backbone) -> Result<Engines> {
    match choice {
        EngineChoice::Cpu => Ok(Engines::all(Engine::of_cpu(EngineReport::cpu_for(choice, "")))),
        EngineChoice::Webgpu => {
            let gpu = match Engine::gpu("The WebGPU engine was asked for.").await {
                Ok(gpu) => test(&gpu, backbone).await.map(|()| gpu),
                refused => refused,
            };
            gpu.map(Engines::all).map_err(|reason| Error::EngineUnavailable(format!("no GPU can be used, {reason}")))
        }
        EngineChoice::Auto => Ok(match Engine::lack_of_gpu() {
            Some(lack) => without_gpu(&lack),
            None => Engines::undecided(),
        }),
    }
}

/// The same for who only predicts, with nothing left to try.
///
/// # Errors
/// As [`open`].
pub async fn decide(choice: EngineChoice, backbone: &Backbone, clock: Clock) -> Result<Engines> {
    let engines = open(choice, backbone).await?;
    if !engines.report().undecided {
        return Ok(engines);
    }
    Ok(chosen(Tried::new(backbone, false, None).await, backbone, clock).await)
}

/// The engines that [`Tried::choose`] chooses, or those to go on with where no GPU is to be used.
pub(crate) async fn chosen(tried: std::result::Result<Tried, Engines>, backbone: &Backbone, clock: Clock) -> Engines {
    match tried {
        Ok(tried) => tried.choose(backbone, clock).await,
        Err(engines) => engines,
    }
}

/// A GPU whose kernels are compiled, and which computes right: ready to have an engine chosen for each kind of work, the one that
/// measures faster. Of who only predicts nothing else is measured, and everything follows that.
pub struct Tried {
    gpu: Engine,
    trains: bool,
    kept: Option<EngineReport>,
}

impl Tried {
    /// Tries the GPU with a backbone. `kept` is what was measured with it on this device before: then it is not measured again.
    ///
    /// # Errors
    /// The engines to go on with, where no GPU is to be used.
    pub async fn new(
        backbone: &Backbone,
        trains: bool,
        kept: Option<EngineReport>,
    ) -> std::result::Result<Self, Engines> {
        let is_whole = |report: &EngineReport| Workload::ALL.iter().all(|each| report.milliseconds(*each).is_some());
        let kept = kept.filter(is_whole);
        if let Some(kept) = kept.as_ref().filter(|report| report.kind == EngineKind::Cpu) {
            return Err(Engines::all(Engine::of_cpu(kept.clone())));
        }
        let gpu = Engine::gpu("").await.map_err(|lack| without_gpu(&lack))?;
        test(&gpu, backbone).await.map_err(|reason| without_gpu(&reason))?;
        if trains {
            match trains_alike(&gpu).await {
                Ok(true) => {}
                Ok(false) => {
                    Engine::refuse_gpu(WRONG);
                    return Err(without_gpu(WRONG));
                }
                Err(error) => return Err(after(error)),
            }
        }
        Ok(Self { gpu, trains, kept })
    }

    /// Measures, which takes some 300 ms on hardware; nothing else is to compute meanwhile.
    pub async fn choose(self, backbone: &Backbone, clock: Clock) -> Engines {
        let measured = match &self.kept {
            Some(kept) => Ok(kept.workloads.clone()),
            None => self.measured(backbone, clock).await,
        };
        match measured {
            Ok(workloads) => {
                let reason = reason_for(&workloads, &self.gpu);
                Engines::by_workload(self.gpu, workloads, reason)
            }
            Err(error) => after(error),
        }
    }
}

/// What goes on where a GPU fails while it is tried.
fn after(error: Error) -> Engines {
    match error {
        Error::DeviceLost(reason) => Engines::all(Engine::after_loss(&reason)),
        other => without_gpu(&other.to_string()),
    }
}

/// The CPU, where `auto` finds no GPU to use.
pub(crate) fn without_gpu(lack: &str) -> Engines {
    Engines::all(Engine::of_cpu(EngineReport::cpu_for(EngineChoice::Auto, lack)))
}

/// What was measured, in a sentence.
fn reason_for(workloads: &[WorkloadReport], gpu: &Engine) -> String {
    let (adapter, of) = match gpu.is_software() {
        true => (format!("the software adapter {}", gpu.report().adapter), "for the first stages of a picture"),
        false => (gpu.report().adapter.clone(), "a picture"),
    };
    let same = workloads.windows(2).all(|two| two[0].kind == two[1].kind);
    let picture = workloads.iter().find(|each| each.workload == Workload::Prediction);
    match picture {
        Some(WorkloadReport { kind, cpu_milliseconds: Some(cpu), gpu_milliseconds: Some(gpu), .. }) if same => {
            match kind {
                EngineKind::Cpu => format!("It measured faster: {cpu:.1} ms {of}, and {gpu:.1} ms on {adapter}."),
                EngineKind::Webgpu => {
                    format!("It measured faster: {gpu:.1} ms {of} on {adapter}, and {cpu:.1} ms on the CPU.")
                }
            }
        }
        _ => format!("Each is done where it measured faster, on {adapter} or the CPU."),
    }
}

/// Why a GPU is not used that is there.
pub(crate) const WRONG: &str = "it computes wrong numbers";

/// Share of the largest value by which a GPU may differ.
const TOLERANCE: f32 = 1e-3;

/// Stages of a backbone that a GPU is tried with.
fn tried_stages(gpu: &Engine, backbone: &Backbone) -> usize {
    if gpu.is_software() { SOFTWARE_STAGES.min(backbone.depth()) } else { backbone.depth() }
}

/// Whether a GPU computes what the CPU does with a backbone; its kernels are compiled then.
async fn test(gpu: &Engine, backbone: &Backbone) -> std::result::Result<(), String> {
    let by = backbone.card().preprocess();
    let picture = stripes(&by).map_err(|error| error.to_string())?;
    // What is in eight bits is on the CPU with either.
    let backbone = &backbone.with_arithmetic(Arithmetic::Float).map_err(|error| error.to_string())?;
    let mut found = Vec::with_capacity(2);
    for engine in [&Engine::cpu(""), gpu] {
        let stages = FrozenStages::new(backbone, 0..tried_stages(gpu, backbone), engine);
        let stages = stages.map_err(|error| error.to_string())?;
        match looked_at(&stages, &by, &picture, 1).await {
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

/// Stripes as bright as pictures are.
fn stripes(by: &Preprocess) -> Result<Crop> {
    let bytes = waves(by.size * by.size * 3).into_iter().map(|wave| (127.5 * (wave + 1.0)) as u8);
    Crop::new(by.size, bytes.collect::<Vec<u8>>())
}

/// What stages make of a picture so many times.
async fn looked_at(stages: &FrozenStages, by: &Preprocess, picture: &Crop, times: usize) -> Result<Vec<Arc<[f32]>>> {
    stages.picture_rows(&vec![picture.rgb(); times], by.normalisation(), true).await
}

/// Whether values are the same up to rounding; what is no number is not.
fn agree(expected: &[f32], found: &[f32]) -> bool {
    let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let close = |(a, b): (&f32, &f32)| (a - b).abs() <= TOLERANCE * largest;
    expected.len() == found.len() && expected.iter().zip(found).all(close)
}

impl Tried {
    /// How long a piece of each kind of work takes on the CPU and on the GPU, and which is faster.
    async fn measured(&self, backbone: &Backbone, clock: Clock) -> Result<Vec<WorkloadReport>> {
        let cpu = Engine::cpu("");
        let stages = tried_stages(&self.gpu, backbone);
        let mut workloads: Vec<WorkloadReport> = Vec::with_capacity(Workload::ALL.len());
        // What is not measured follows predictions, which always are.
        for workload in std::iter::once(Workload::Prediction).chain(Workload::ALL) {
            if workloads.iter().any(|each| each.workload == workload) {
                continue;
            }
            if !self.trains && workload != Workload::Prediction {
                let kind = workloads[0].kind;
                workloads.push(WorkloadReport { workload, kind, cpu_milliseconds: None, gpu_milliseconds: None });
                continue;
            }
            let mut took = [0.0; 2];
            for (took, engine) in took.iter_mut().zip([&cpu, &self.gpu]) {
                *took = match workload {
                    // To the CPU two pictures are twice the work.
                    Workload::Embedding if !engine.is_gpu() => workloads[0].cpu_milliseconds.unwrap_or_default(),
                    Workload::Prediction => pass_milliseconds(engine, backbone, (stages, 1), clock).await?,
                    // A picture is added in two views.
                    Workload::Embedding => pass_milliseconds(engine, backbone, (stages, 2), clock).await?,
                    Workload::Head => step_milliseconds(engine, backbone, (0, 16), clock).await?,
                    Workload::FineTuning => {
                        let stages = backbone.fine_tunable().min(TRIED_STAGES);
                        step_milliseconds(engine, backbone, (stages, 4), clock).await?
                    }
                };
            }
            // What is in eight bits is computed on the CPU in either case.
            let pictures = matches!(workload, Workload::Prediction | Workload::Embedding);
            let on_cpu = pictures && backbone.arithmetic(0) == Arithmetic::Int8;
            let kind = if took[1] < took[0] && !on_cpu { EngineKind::Webgpu } else { EngineKind::Cpu };
            let [cpu_milliseconds, gpu_milliseconds] = took.map(Some);
            workloads.push(WorkloadReport { workload, kind, cpu_milliseconds, gpu_milliseconds });
        }
        workloads.sort_by_key(|each| Workload::ALL.iter().position(|workload| *workload == each.workload));
        Ok(workloads)
    }
}

/// Stages that a step of fine-tuning is measured on.
const TRIED_STAGES: usize = 2;

/// Seconds after which nothing is measured once more: four kinds of work on two engines are to take less than 300 ms where that
/// is possible.
const ENOUGH: f64 = 0.02;

/// Runs that are measured at most.
const MOST_RUNS: usize = 8;

/// Seconds that a run is to take at least, where it takes no more than so many pieces: clocks of browsers may tick only every
/// millisecond, and a GPU that is waited for after each piece is slower than one that is not.
const LONG_ENOUGH: f64 = 0.004;
const MOST_PIECES: u32 = 32;

/// Seconds that a piece of work takes, in the fastest of some runs after one that is not measured, unless that has taken the CPU long
/// enough. `run` is told how many pieces are wanted.
async fn fastest(engine: &Engine, clock: Clock, mut run: impl AsyncFnMut(u32) -> Result<()>) -> Result<f64> {
    let start = clock();
    run(1).await?;
    let (begin, mut best, mut pieces) = (clock(), f64::INFINITY, 1);
    if !engine.is_gpu() && begin - start > ENOUGH {
        return Ok(begin - start);
    }
    for round in 0..MOST_RUNS {
        // Of something slow two runs tell enough.
        if round > 1 && clock() - begin > ENOUGH {
            break;
        }
        let start = clock();
        run(pieces).await?;
        let seconds = (clock() - start) / f64::from(pieces);
        best = best.min(seconds.max(f64::EPSILON));
        pieces = ((LONG_ENOUGH / seconds.max(f64::EPSILON)).ceil() as u32).clamp(1, MOST_PIECES);
    }
    Ok(best)
}

/// Milliseconds that so many pictures take together through the first so many stages, each.
async fn pass_milliseconds(
    engine: &Engine,
    backbone: &Backbone,
    (stages, pictures): (usize, usize),
    clock: Clock,
) -> Result<f64> {
    let stages = FrozenStages::new(backbone, 0..stages, engine)?;
    // Made before anything is measured.
    let by = backbone.card().preprocess();
    let picture = stripes(&by)?;
    let seconds = fastest(engine, clock, async |passes| {
        for _ in 0..passes {
            looked_at(&stages, &by, &picture, pictures).await?;
        }
        Ok(())
    });
    Ok(seconds.await? * 1000.0 / pictures as f64)
}

/// Classes of a head that is tried.
const TRIED_CLASSES: usize = 10;

/// Milliseconds that a step takes in which a head and the last so many stages train, on so many pictures.
async fn step_milliseconds(
    engine: &Engine,
    backbone: &Backbone,
    (stages, batch): (usize, usize),
    clock: Clock,
) -> Result<f64> {
    let (depth, mut params) = (backbone.depth(), Params::new(engine.device()));
    let tail = TrainableStages::new(backbone, depth - stages..depth, engine, &mut params, false)?;
    let features = backbone.shape_at(depth)[0];
    let start = Head::fresh(HeadKind::Linear, features, TRIED_CLASSES, &mut ChaCha8Rng::seed_from_u64(0));
    let head = TrainableHead::new(&start, true, &mut params)?;
    let [channels, height, width] = backbone.shape_at(depth - stages);
    let x = on_device(waves(batch * channels * height * width), engine.device());
    let labels: Vec<usize> = (0..batch).map(|at| at % TRIED_CLASSES).collect();
    let objective = Objective::CrossEntropy { smoothing: 0.0, weights: None };
    let settings = OptimizerSettings { kind: OptimizerKind::Adam, weight_decay: 0.0, momentum: 0.0, clip_norm: None };
    let mut optimizer = Optimizer::new(settings);
    let seconds = fastest(engine, clock, async |steps| {
        for _ in 0..steps {
            let (x, goal) = (x.clone(), objective.goal(&labels, &labels, TRIED_CLASSES));
            // Each as it trains.
            if stages == 0 {
                let x = x.slice(0..batch * features).reshape([batch, features]);
                head.learn(x, &mut params, None, goal, |params, layer, by| {
                    optimizer.learn(params, layer, by, |_| 1e-3);
                });
            } else {
                let maps = tail.forward(x.reshape([batch, channels, height, width]).autodiff(), &params, 0);
                let Judged { loss, .. } = head.judged(global_average(maps), &params, |_| None, goal);
                optimizer.step(&mut params, &mut loss.backward(), |_| 1e-3);
            }
        }
        read_all(params.values().last()).await?;
        Ok(())
    })
    .await?;
    Ok(seconds * 1000.0)
}

/// Whether a step of training comes out on a GPU as it does on the CPU. Asked once, before something trains there, or is measured:
/// its kernels are compiled then, for which nobody who only predicts should wait.
///
/// # Errors
/// [`Error::DeviceLost`].
pub(crate) async fn trains_alike(gpu: &Engine) -> Result<bool> {
    static KNOWN: AtomicBool = AtomicBool::new(false);
    if KNOWN.load(Ordering::Relaxed) {
        return Ok(true);
    }
    let cpu = Engine::cpu("");
    // Each tensor by itself: beside the values of one the error of another may be small.
    let each = |expected: Vec<Vec<f32>>, found: Vec<Vec<f32>>| {
        expected.len() == found.len() && expected.iter().zip(&found).all(|(a, b)| agree(a, b))
    };
    let alike = agree(&moved(&cpu).await?, &moved(gpu).await?) && each(brought(&cpu).await?, brought(gpu).await?);
    KNOWN.store(alike, Ordering::Relaxed);
    Ok(alike)
}

/// Pictures, channels and side of what a step is tried with, and its classes.
const TRIED: [usize; 4] = [3, 12, 7, 6];

/// What comes out of dense layers of more than one tile, and their gradients; and, of whole vectors and of others, values that Adam has
/// moved and rows of a table.
async fn brought(engine: &Engine) -> Result<Vec<Vec<f32>>> {
    let by =
        Move { rate: 1.0, added: 0.01, kept: 0.99, decay: [0.9, 0.99], new: [0.1, 0.01], root: 10.0, epsilon: 1e-3 };
    let [batch, inputs, outputs] = [5, 72, 6];
    let [x, weight, bias] =
        [batch * inputs, outputs * inputs, outputs].map(|count| on_device(waves(count), engine.device()));
    let x = x.reshape([batch, inputs]);
    let mut all = vec![dense(x.clone(), None, weight.clone(), bias.clone(), false).flatten(0, 1)];
    // On rows of a table, and not on all of them, and with a hidden layer.
    let second = on_device(second_waves(outputs), engine.device());
    let [weight, bias, second] = [weight, bias, second].map(|value| value.autodiff().require_grad());
    let hidden = dense(x.clone(), Some([4, 0, 3, 3].into()), weight.clone(), bias.clone(), true);
    let logits = dense(hidden.clone(), None, second.clone(), bias.clone(), true);
    all.extend([&hidden, &logits].map(|values| values.clone().inner().flatten(0, 1)));
    let objective = Objective::CrossEntropy { smoothing: 0.0, weights: None };
    let labels = [0, 5, 2, 1];
    let gradients = objective.loss(logits, &labels).backward();
    all.extend([&weight, &bias, &second].into_iter().filter_map(|value| value.grad(&gradients)));
    // More rows than a workgroup has.
    let labels = [0, 5, 2, 1, 4];
    let goal = objective.goal(&labels, &labels, outputs);
    let Judged { loss, logits } = judged(x.clone(), Some([1, 4, 2, 1, 0].into()), weight.clone(), bias.clone(), goal);
    all.push(logits.flatten(0, 1));
    let gradients = loss.backward();
    all.extend([&weight, &bias].into_iter().filter_map(|value| value.grad(&gradients)));
    // As a head alone does, without a graph.
    let [weight, bias, second] = [weight, bias, second].map(Tensor::inner);
    let rows = Some([4, 0, 3, 3, 1].into());
    let hidden = dense(x.clone(), rows.clone(), weight.clone(), bias.clone(), true);
    let goal = objective.goal(&labels, &labels, outputs);
    let (factors, logits) = Factors::judged(hidden, None, second.clone(), bias.clone(), goal);
    let before = Factors { x, rows, gradient: factors.back(second.clone()) };
    all.push(logits.flatten(0, 1));
    for (layer, weight) in [(factors, second), (before, weight)] {
        let by_both =
            [weight, bias.clone()].map(|value| Moved { state: [value.clone(), value.clone(), value.square()], by });
        all.extend(adam_of(layer, by_both.into()).into_iter().flatten());
    }
    let (mut moving, mut along) = (Vec::new(), Vec::new());
    for width in [12, 13] {
        let [value, gradient, first] =
            [0.0, 1.0, 2.0].map(|shift| on_device(waves(3 * width), engine.device()) + shift);
        let second = gradient.clone().square();
        moving.push(Moved { state: [value.clone(), first, second], by });
        along.push(gradient);
        all.push(gather(value.reshape([3, width]), vec![2, 0, 2, 1, 1]).flatten(0, 1));
    }
    all.extend(adam(moving, along).into_iter().flatten());
    read_all(all).await
}

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
    let x = on_device(waves(batch * channels * side * side), engine.device());
    let read: Read<'_> = &|slot| params.get(slot);
    let maps = stage.forward(x.reshape([batch, channels, side, side]).autodiff(), read);
    let labels: Vec<usize> = (0..batch).map(|at| at % classes).collect();
    let goal = Objective::CrossEntropy { smoothing: 0.1, weights: None }.goal(&labels, &labels, classes);
    let Judged { loss, .. } = judged(global_average(maps), None, params.get(weight), params.get(bias), goal);
    let settings = OptimizerSettings { kind: OptimizerKind::Sgd, weight_decay: 0.01, momentum: 0.9, clip_norm: None };
    // With so high a rate the gradients show beside what the parameters were.
    Optimizer::new(settings).step(&mut params, &mut loss.backward(), |_| 10.0);
    Ok(params.snapshot().await?.iter().flatten().copied().collect())
}

/// Values from −1 to 1.
fn waves(count: usize) -> Vec<f32> {
    (0..count).map(|at| (at as f32 * 0.73).sin()).collect()
}

/// The weight of a second layer: behind it values are on both sides of zero.
fn second_waves(outputs: usize) -> Vec<f32> {
    waves(outputs * outputs).into_iter().map(|value| value + 0.05).collect()
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

/// Milliseconds that a picture takes on a backbone, with weights that are made up. One stage is there at a time, so that
/// the memory is that of the largest.
///
/// # Errors
/// [`Error::DeviceLost`].
pub async fn measure(outline: &Outline, engine: &Engine, clock: Clock) -> Result<f64> {
    let mut sum = 0.0;
    for (index, (stage, shape)) in outline.stages.iter().enumerate() {
        sum += milliseconds_of(stage, *shape, outline.arithmetic(index), engine, clock).await?;
    }
    Ok(sum)
}

async fn milliseconds_of(
    stage: &StageSpec,
    shape: [usize; 3],
    arithmetic: Arithmetic,
    engine: &Engine,
    clock: Clock,
) -> Result<f64> {
    let mut freezing = Freezing::new(shape, engine);
    // Waiting for a GPU takes as long as a small stage does, which is why it is waited for after one pass and after three.
    let passes: &[usize] = if engine.is_gpu() { &[1, 3] } else { &[1] };
    freezing.push(stage, &mut MadeUp, arithmetic)?;
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

    /// Of both layers of [`super::brought`]: where nothing lay below 0, whether it is left out could not be told.
    #[test]
    fn values_on_both_sides_of_zero_are_tried_and_none_so_near_that_rounding_decides() {
        let [inputs, outputs] = [72, 6];
        let layer = |x: &[f32], weight: &[f32]| -> Vec<f32> {
            let of = |(weight, bias): (&[f32], f32)| x.iter().zip(weight).map(|(x, w)| x * w).sum::<f32>() + bias;
            weight.chunks_exact(x.len()).zip(waves(outputs)).map(of).collect()
        };
        let x = waves(5 * inputs);
        for row in [4, 0, 3, 1] {
            let hidden = layer(&x[row * inputs..][..inputs], &waves(outputs * inputs));
            let positive: Vec<f32> = hidden.iter().map(|value| value.max(0.0)).collect();
            for values in [hidden, layer(&positive, &second_waves(outputs))] {
                assert!(values.iter().all(|value| value.abs() > 0.1), "{values:?}");
                assert!(
                    values.iter().any(|value| *value < 0.0) && values.iter().any(|value| *value > 0.0),
                    "{values:?}"
                );
            }
        }
    }
}
