//! The roofline of one core: what it computes at most, given what has to be moved for it.

use crate::lanes::Level;
use crate::probe::{Bandwidth, bandwidths, peak};
use crate::work::Work;
use serde_json::{Value, json};

/// What this machine can do on one core.
pub(crate) struct Machine {
    /// Floats in a vector of the engine's.
    lanes: usize,
    /// Floating-point operations a second.
    pub peak: f64,
    /// Of working sets from small to large.
    pub bandwidths: Vec<Bandwidth>,
}

/// What a kernel can reach.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// Seconds, at least.
    pub seconds: f64,
    /// Floating-point operations a second, at most.
    pub flops: f64,
    /// The working set whose bandwidth was taken, in bytes.
    pub level: usize,
    /// That bandwidth, in bytes a second.
    pub bandwidth: f64,
    /// Whether it is the bandwidth that limits it.
    pub by_memory: bool,
}

impl Machine {
    /// Measures it, in some seconds. Sizes go from half of a small first-level cache to beyond the last level of most processors.
    pub(crate) fn measure() -> Self {
        let level = Level::best();
        let sizes: Vec<usize> = (14..=28).map(|power| 1 << power).collect();
        Self { lanes: level.count(), peak: peak(level), bandwidths: bandwidths(level, &sizes) }
    }

    /// The better of two measurements, figure by figure.
    pub(crate) fn or_better(self, other: Self) -> Self {
        let pairs = self.bandwidths.iter().zip(&other.bandwidths);
        let bandwidths = pairs.map(|(a, b)| Bandwidth {
            bytes: a.bytes,
            read: a.read.max(b.read),
            copy: a.copy.max(b.copy),
            triad: a.triad.max(b.triad),
        });
        let bandwidths = bandwidths.collect();
        Self { lanes: self.lanes, peak: self.peak.max(other.peak), bandwidths }
    }

    /// The limit of a kernel: min(peak, bandwidth · intensity), with the bandwidth of the level that holds its working set.
    ///
    /// That is the largest measured size which is not larger: where a cache ends between two sizes, the limit is rather too high than
    /// too low. Of read, copy and triad the fastest counts, for the same reason.
    pub(crate) fn limit(&self, work: Work) -> Limit {
        let fitting = self.bandwidths.iter().rev().find(|at| at.bytes as f64 <= work.working_set);
        let (level, bandwidth) = fitting
            .or(self.bandwidths.first())
            .map_or((0, f64::INFINITY), |at| (at.bytes, at.read.max(at.copy).max(at.triad)));
        let flops = self.peak.min(bandwidth * work.intensity());
        Limit { seconds: work.flops / flops, flops, level, bandwidth, by_memory: flops < self.peak }
    }

    /// Which vectors were measured.
    pub(crate) fn vectors(&self) -> String {
        format!("vectors of {} floats", self.lanes)
    }

    pub(crate) fn json(&self) -> Value {
        let bandwidth = |at: &Bandwidth| json!({ "bytes": at.bytes, "readGBs": at.read / 1e9, "copyGBs": at.copy / 1e9, "triadGBs": at.triad / 1e9 });
        json!({
            "floatsPerVector": self.lanes,
            "peakGflops": self.peak / 1e9,
            "bandwidths": self.bandwidths.iter().map(bandwidth).collect::<Vec<_>>(),
        })
    }
}
