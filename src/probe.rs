//! Which engine suits a backbone: the one that was asked for, or the one that measures faster.

use crate::backbone::{Backbone, FrozenStages};
use crate::engine::{Clock, Engine, EngineChoice};
use crate::error::{Error, Result};
use crate::nn::global_average;
use crate::params::read;
use burn::tensor::{Tensor, TensorData};

/// Stages that a software adapter is measured on: compiling the shaders of the whole backbone takes it ten seconds,
/// which nobody should wait for.
const SOFTWARE_STAGES: usize = 3;

/// Opens what was asked for; `auto` measures `backbone` on both and takes the faster.
///
/// # Errors
/// [`Error::EngineUnavailable`] where the GPU was asked for and there is none.
pub async fn open(choice: EngineChoice, backbone: &Backbone, clock: Clock) -> Result<Engine> {
    match choice {
        EngineChoice::Cpu => Ok(Engine::cpu("The CPU engine was asked for.")),
        EngineChoice::Webgpu => {
            let gpu = Engine::gpu("The WebGPU engine was asked for.").await;
            gpu.map_err(|reason| Error::EngineUnavailable(format!("no GPU can be used, {reason}")))
        }
        EngineChoice::Auto => match Engine::gpu("").await {
            Err(reason) => Ok(Engine::cpu(&format!("No GPU can be used: {reason}."))),
            Ok(gpu) => faster(gpu, backbone, clock).await,
        },
    }
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
    let cpu_ms = milliseconds(&cpu, backbone, stages, clock).await?;
    let gpu_ms = match milliseconds(&gpu, backbone, stages, clock).await {
        Ok(ms) => ms,
        Err(error) => return Ok(Engine::after_loss(&error.to_string())),
    };
    let (engine, reason) = if gpu_ms < cpu_ms {
        (gpu, format!("{of} {gpu_ms:.1} ms on {what} and {cpu_ms:.1} ms on the CPU."))
    } else {
        (cpu, format!("{of} {cpu_ms:.1} ms on the CPU and {gpu_ms:.1} ms on {what}."))
    };
    Ok(engine.chosen(reason, [cpu_ms, gpu_ms]))
}

/// Best of three runs of a grey picture through the first `stages` of the backbone, after one that compiles the shaders.
async fn milliseconds(engine: &Engine, backbone: &Backbone, stages: usize, clock: Clock) -> Result<f64> {
    let stages = FrozenStages::new(backbone, 0..stages, engine)?;
    let [channels, height, width] = backbone.shape_at(0);
    let mut best = f64::INFINITY;
    for run in 0..4 {
        let start = clock();
        let values = vec![0.5_f32; channels * height * width];
        let x = Tensor::<4>::from_data(TensorData::new(values, [1, channels, height, width]), engine.device());
        read(global_average(stages.forward(x))).await?;
        let elapsed = (clock() - start) * 1000.0;
        if run > 0 {
            best = best.min(elapsed);
            // Enough is known of something this slow.
            if elapsed > 300.0 {
                break;
            }
        }
    }
    Ok(best)
}
