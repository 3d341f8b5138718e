//! Which engine each kind of work runs on: one for everything, or each where it measured faster.

use crate::engine::{Engine, EngineKind, EngineReport, Workload, WorkloadReport};

/// The engines of a session.
#[derive(Debug, Clone)]
pub struct Engines {
    cpu: Engine,
    /// Where there is one that is used.
    gpu: Option<Engine>,
    report: EngineReport,
}

impl Engines {
    /// One engine for everything.
    pub fn all(engine: Engine) -> Self {
        let report = engine.report().clone();
        match engine.is_gpu() {
            true => Self { cpu: Engine::cpu(""), gpu: Some(engine), report },
            false => Self { cpu: engine, gpu: None, report },
        }
    }

    /// The CPU until a GPU has been tried.
    pub(crate) fn undecided() -> Self {
        let mut engines = Self::all(Engine::cpu("Whether the GPU is faster is being measured."));
        engines.report.undecided = true;
        engines
    }

    /// The same for another backbone, where these were measured: what was faster with one need not be with another.
    pub(crate) fn for_another_backbone(&self) -> Self {
        if self.report.milliseconds(Workload::Prediction).is_some() { Self::undecided() } else { self.clone() }
    }

    /// A GPU and the CPU, each for some work, for a reason.
    pub(crate) fn by_workload(gpu: Engine, workloads: Vec<WorkloadReport>, reason: String) -> Self {
        let used = workloads.iter().any(|each| each.kind == EngineKind::Webgpu);
        let adapter = gpu.report().adapter.clone();
        let report = match used {
            true => EngineReport { kind: EngineKind::Webgpu, adapter, reason, undecided: false, workloads },
            false => EngineReport { workloads, ..EngineReport::cpu(&reason) },
        };
        Self { cpu: Engine::cpu(""), gpu: used.then_some(gpu), report }
    }

    /// What a kind of work runs on.
    pub fn of(&self, workload: Workload) -> &Engine {
        match (&self.gpu, self.report.kind_of(workload)) {
            (Some(gpu), EngineKind::Webgpu) => gpu,
            _ => &self.cpu,
        }
    }

    /// How many times as long the same takes on the engine of the first kind of work as on that of the second, as far as that was
    /// measured: by a picture that was embedded on both.
    pub(crate) fn against(&self, workloads: [Workload; 2]) -> f64 {
        let Some([cpu, gpu]) = self.report.milliseconds(Workload::Embedding) else { return 1.0 };
        match workloads.map(|workload| self.of(workload).is_gpu()) {
            [true, false] => gpu / cpu,
            [false, true] => cpu / gpu,
            _ => 1.0,
        }
    }

    /// What runs where, and why.
    pub fn report(&self) -> &EngineReport {
        &self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_measured_again_for_another_backbone_and_what_was_asked_for_stays() {
        let asked = Engines::all(Engine::cpu("The CPU engine was asked for."));
        assert_eq!(asked.for_another_backbone().report(), asked.report());
        let of = |workload| WorkloadReport {
            workload,
            kind: EngineKind::Cpu,
            cpu_milliseconds: Some(1.0),
            gpu_milliseconds: Some(2.0),
        };
        let report = EngineReport { workloads: Workload::ALL.map(of).into(), ..EngineReport::cpu("It was faster.") };
        let measured = Engines::all(Engine::of_cpu(report)).for_another_backbone();
        assert!(measured.report().undecided);
        assert!(Workload::ALL.iter().all(|workload| !measured.of(*workload).is_gpu()));
    }
}
