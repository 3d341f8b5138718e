//! Where the arithmetic runs: WebGPU or the CPU, and why.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::sync::Mutex;

/// Seconds since some fixed moment. Core has no clock of its own: whoever calls it brings one.
pub type Clock = fn() -> f64;

/// What the user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// Whichever measures faster on this machine.
    Auto,
    /// The GPU or an error.
    Webgpu,
    /// The CPU.
    Cpu,
}

/// What was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// burn-wgpu: WebGPU in a browser; Vulkan, Metal or DirectX natively.
    Webgpu,
    /// burn-flex: SIMD on the CPU.
    Cpu,
}

/// A kind of work, for each of which an engine is chosen by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// Pictures that were added go through the backbone, in two views each.
    Embedding,
    /// One picture is classified.
    Prediction,
    /// A head trains on features.
    Head,
    /// Stages of the backbone train with it.
    FineTuning,
}

impl Workload {
    /// All of them, in the order that they are declared in.
    pub const ALL: [Self; 4] = [Self::Embedding, Self::Prediction, Self::Head, Self::FineTuning];
}

/// What a kind of work runs on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct WorkloadReport {
    /// The work.
    pub workload: Workload,
    /// The engine.
    pub kind: EngineKind,
    /// Time that a piece of it (a picture, a step) took on the CPU, where it was measured.
    pub cpu_milliseconds: Option<f64>,
    /// The same on the GPU.
    pub gpu_milliseconds: Option<f64>,
}

/// What runs where, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct EngineReport {
    /// The GPU where any work runs on it, otherwise the CPU.
    pub kind: EngineKind,
    /// Name of the GPU adapter, or `CPU`.
    pub adapter: String,
    /// Why, in one sentence.
    pub reason: String,
    /// Whether a GPU is still to be tried: until then everything runs on the CPU.
    pub undecided: bool,
    /// Each kind of work.
    pub workloads: Vec<WorkloadReport>,
}

/// A device to compute on.
#[derive(Debug, Clone)]
pub struct Engine {
    device: Device,
    report: EngineReport,
    software: bool,
}

/// The GPU of this process, or why it has none to use: burn can be given each adapter only once.
static GPU: Mutex<Option<std::result::Result<Gpu, String>>> = Mutex::new(None);

#[derive(Clone)]
struct Gpu {
    device: Device,
    adapter: String,
    software: bool,
}

impl EngineReport {
    /// One engine for everything.
    fn all(kind: EngineKind, adapter: String, reason: String) -> Self {
        let on = |workload| WorkloadReport { workload, kind, cpu_milliseconds: None, gpu_milliseconds: None };
        Self { kind, adapter, reason, undecided: false, workloads: Workload::ALL.map(on).into() }
    }

    /// The CPU, with the reason for it.
    pub(crate) fn cpu(reason: &str) -> Self {
        Self::all(EngineKind::Cpu, "CPU".into(), reason.into())
    }

    /// What a piece of some work took on the CPU and on the GPU, where that was measured.
    pub(crate) fn milliseconds(&self, workload: Workload) -> Option<[f64; 2]> {
        let of = self.about(workload)?;
        Some([of.cpu_milliseconds?, of.gpu_milliseconds?])
    }

    /// What a kind of work runs on.
    pub(crate) fn kind_of(&self, workload: Workload) -> EngineKind {
        self.about(workload).map_or(self.kind, |report| report.kind)
    }

    fn about(&self, workload: Workload) -> Option<&WorkloadReport> {
        self.workloads.iter().find(|report| report.workload == workload)
    }

    /// The CPU because it was asked for, or because no GPU can be used, for a reason.
    pub(crate) fn cpu_for(choice: EngineChoice, lack: &str) -> Self {
        match choice {
            EngineChoice::Cpu => Self::cpu("The CPU engine was asked for."),
            EngineChoice::Auto | EngineChoice::Webgpu => Self::cpu(&format!("No GPU can be used: {lack}.")),
        }
    }
}

/// Why there is no GPU in a browser that has none, or keeps it to itself.
pub(crate) const NONE_OFFERED: &str = "none is offered here";

impl Engine {
    /// The CPU, with the reason that the report will show.
    pub fn cpu(reason: &str) -> Self {
        Self::of_cpu(EngineReport::cpu(reason))
    }

    /// The CPU with its report.
    pub(crate) fn of_cpu(report: EngineReport) -> Self {
        Self { device: Device::flex(), report, software: false }
    }

    /// The GPU of this process, with the reason that the report will show.
    ///
    /// # Errors
    /// Why it cannot be used, in words.
    pub async fn gpu(reason: &str) -> std::result::Result<Self, String> {
        Ok(Gpu::open().await?.engine(reason.into()))
    }

    /// Whether it is a GPU that the CPU emulates.
    pub(crate) fn is_software(&self) -> bool {
        self.software
    }

    /// burn's device, without autodiff.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether it is the GPU.
    pub fn is_gpu(&self) -> bool {
        self.report.kind == EngineKind::Webgpu
    }

    /// What runs and why.
    pub fn report(&self) -> &EngineReport {
        &self.report
    }

    /// Why no GPU can be used, as far as that is known without asking for one.
    pub(crate) fn lack_of_gpu() -> Option<String> {
        if let Err(lack) = adapter::there_may_be_one() {
            return Some(lack);
        }
        GPU.lock().map_or_else(|error| Some(error.to_string()), |gpu| gpu.as_ref().and_then(|gpu| gpu.clone().err()))
    }

    /// What goes on after the GPU was lost: the CPU. The GPU is not asked again in this process.
    pub fn after_loss(reason: &str) -> Self {
        Self::refuse_gpu("it was lost earlier");
        Self::cpu(&format!("The GPU stopped answering ({reason}), so the CPU goes on."))
    }

    /// What takes the place of a GPU that cannot be relied on, for a reason.
    pub(crate) fn instead_of_gpu(reason: &str) -> Self {
        Self::refuse_gpu(reason);
        Self::cpu(&format!("The GPU is not used, because {reason}."))
    }

    /// Has every later attempt to open the GPU of this process fail for this reason.
    pub fn refuse_gpu(reason: &str) {
        // A poisoned lock means that opening the GPU panicked; then it cannot be used either way.
        if let Ok(mut gpu) = GPU.lock() {
            *gpu = Some(Err(reason.into()));
        }
    }
}

impl Gpu {
    /// Initialises the GPU once, and says in words why it cannot be used.
    async fn open() -> std::result::Result<Self, String> {
        let known = GPU.lock().map_err(|e| e.to_string())?.clone();
        if let Some(known) = known {
            return known;
        }
        let gpu = adapter::open().await?;
        *GPU.lock().map_err(|e| e.to_string())? = Some(Ok(gpu.clone()));
        Ok(gpu)
    }

    fn engine(self, reason: String) -> Engine {
        let report = EngineReport::all(EngineKind::Webgpu, self.adapter, reason);
        Engine { device: self.device, report, software: self.software }
    }
}

#[cfg(feature = "gpu")]
mod adapter {
    use super::Gpu;
    use burn::tensor::Device;
    use burn::tensor::wgpu::{WgpuInitError, wgpu::DeviceType};

    /// That shows when it is opened.
    pub(super) fn there_may_be_one() -> Result<(), String> {
        Ok(())
    }

    /// Has burn take the adapter that is offered.
    pub(super) async fn open() -> Result<Gpu, String> {
        let (device, setup) = Device::wgpu_options().init_with_setup_async().await.map_err(|e| in_words(&e))?;
        let info = setup.adapter.get_info();
        // Browsers mostly keep the name to themselves.
        let name = if info.name.is_empty() { "WebGPU".into() } else { info.name };
        let software = info.device_type == DeviceType::Cpu || is_software(&name);
        Ok(Gpu { device, adapter: name, software })
    }

    /// Why there is no GPU, for a person. The details of each graphics interface go to the log.
    fn in_words(error: &WgpuInitError) -> String {
        log::info!("{error}");
        match error {
            WgpuInitError::AdapterUnavailable { .. } | WgpuInitError::UnsupportedGraphicsApi { .. } => {
                super::NONE_OFFERED.into()
            }
            WgpuInitError::RequestDevice { message } => format!("it refused to start, {message}"),
            other => other.to_string(),
        }
    }

    /// Adapters that emulate a GPU on the CPU, by the names they give themselves.
    fn is_software(name: &str) -> bool {
        let name = name.to_lowercase();
        ["swiftshader", "llvmpipe", "basic render", "warp", "software"].iter().any(|s| name.contains(s))
    }
}

#[cfg(not(feature = "gpu"))]
mod adapter {
    use super::Gpu;

    /// There is nothing to open a GPU with. The page fetches such a build only where no GPU is offered.
    pub(super) fn there_may_be_one() -> Result<(), String> {
        let native = "this build has none (it was built without the feature `gpu`)";
        Err(if cfg!(target_arch = "wasm32") { super::NONE_OFFERED } else { native }.into())
    }

    pub(super) async fn open() -> Result<Gpu, String> {
        there_may_be_one().and(Err(super::NONE_OFFERED.into()))
    }
}
