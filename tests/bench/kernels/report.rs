//! What is told: tables for people, JSON for programs.

use crate::machine::{Limit, Machine};
use crate::table;
use crate::timer::Seconds;
use crate::work::Work;
use serde_json::{Value, json};

/// A kernel and its time.
pub(crate) struct Row {
    pub name: String,
    /// How often a pass or a step needs it.
    pub count: usize,
    pub seconds: Seconds,
    pub work: Work,
}

/// The frozen pass of a network.
pub(crate) struct Pass {
    pub name: String,
    /// Every convolution by itself.
    pub kernels: Vec<Row>,
    /// The inverted residual blocks as the engine computes them: large ones strip by strip.
    pub blocks: Vec<Row>,
    /// A picture from its pixels to its features, where that was measured.
    pub whole: Option<Seconds>,
}

/// A step of training.
pub(crate) struct Step {
    pub name: String,
    pub batch: usize,
    pub kernels: Vec<Row>,
}

/// All that was measured.
pub(crate) struct Report {
    pub machine: Machine,
    pub frozen: Vec<Pass>,
    pub training: Vec<Step>,
}

/// Kernels together, each as often as it is needed.
struct Sum {
    seconds: Seconds,
    limit: f64,
}

impl Sum {
    fn of(rows: &[Row], machine: &Machine) -> Self {
        let sum = |of: &dyn Fn(&Row) -> f64| rows.iter().map(|row| row.count as f64 * of(row)).sum::<f64>();
        let seconds = Seconds { median: sum(&|row| row.seconds.median), fastest: sum(&|row| row.seconds.fastest) };
        Self { seconds, limit: sum(&|row| machine.limit(row.work).seconds) }
    }

    /// Of some seconds, and so weighted by time.
    fn percent(&self, seconds: f64) -> f64 {
        100.0 * self.limit / seconds
    }

    /// For people: what takes these seconds beside the limit.
    fn told(&self, of: Seconds, what: &str) -> String {
        let [median, fastest] = [of.median, of.fastest].map(|seconds| self.percent(seconds));
        let [median_ms, fastest_ms, limit] = [of.median, of.fastest, self.limit].map(|seconds| seconds * 1e3);
        format!(
            "{median:.0} % of the limit: {median_ms:.2} ms {what}, limit {limit:.2} (fastest {fastest_ms:.2}, {fastest:.0} %)"
        )
    }
}

impl Row {
    /// Seconds beyond the limit, as often as it is needed: at its fastest, so that they are the kernel's own and not those of whoever
    /// else was at work.
    fn lost(&self, limit: Limit) -> f64 {
        self.count as f64 * (self.seconds.fastest - limit.seconds)
    }

    fn cells(&self, machine: &Machine) -> [String; COLUMNS.len()] {
        let (limit, Work { flops, bytes, .. }, seconds) = (machine.limit(self.work), self.work, self.seconds.median);
        let by = format!("{:.0} GB/s, {}", limit.bandwidth / 1e9, table::size(limit.level));
        [
            self.name.clone(),
            self.count.to_string(),
            format!("{:.1}", seconds * 1e6),
            format!("{:.1}", self.seconds.fastest * 1e6),
            format!("{:.1}", flops / seconds / 1e9),
            format!("{:.1}", bytes / seconds / 1e9),
            format!("{:.1}", self.work.intensity()),
            format!("{:.1}", limit.flops / 1e9),
            if limit.by_memory { by } else { "peak".into() },
            format!("{:.0}", 100.0 * limit.seconds / seconds),
            format!("{:.0}", self.lost(limit) * 1e6),
        ]
    }

    fn json(&self, machine: &Machine) -> Value {
        let (limit, Work { flops, bytes, working_set }) = (machine.limit(self.work), self.work);
        let seconds = self.seconds.median;
        json!({
            "kernel": self.name,
            "count": self.count,
            "microseconds": seconds * 1e6,
            "fastestMicroseconds": self.seconds.fastest * 1e6,
            "flops": flops,
            "bytes": bytes,
            "gflops": flops / seconds / 1e9,
            "gbs": bytes / seconds / 1e9,
            "flopsPerByte": self.work.intensity(),
            "workingSetBytes": working_set,
            "limit": {
                "gflops": limit.flops / 1e9,
                "by": if limit.by_memory { "memory" } else { "peak" },
                "bandwidthGBs": limit.bandwidth / 1e9,
                "bandwidthOfBytes": limit.level,
            },
            "percentOfLimit": 100.0 * limit.seconds / seconds,
            "lostMicroseconds": self.lost(limit) * 1e6,
        })
    }
}

const COLUMNS: [&str; 11] =
    ["kernel", "times", "µs", "fastest", "GFLOP/s", "GB/s", "FLOP/byte", "limit GFLOP/s", "by", "%", "µs lost"];

impl Report {
    pub(crate) fn print(&self) {
        let machine = &self.machine;
        println!("\nOne core, {}: {:.1} GFLOP/s", machine.vectors(), machine.peak / 1e9);
        let rate = |bytes: f64| format!("{:.1}", bytes / 1e9);
        let bandwidths = machine.bandwidths.iter();
        let rows = bandwidths.map(|at| [table::size(at.bytes), rate(at.read), rate(at.copy), rate(at.triad)]);
        table::print(&["working set", "read GB/s", "copy GB/s", "triad GB/s"], rows.collect());
        for Pass { name, kernels, blocks, .. } in &self.frozen {
            kernel_table(&format!("{name}, convolutions one by one"), kernels, machine);
            kernel_table(&format!("{name}, blocks of three"), blocks, machine);
        }
        for Step { name, batch, kernels } in &self.training {
            kernel_table(&format!("{name}, last:3, batches of {batch}"), kernels, machine);
        }
        println!("\nPercent of the limit, weighted by time, and the three kernels that lose most");
        for Pass { name, kernels, whole, .. } in &self.frozen {
            if let (Some(whole), false) = (whole, kernels.is_empty()) {
                let sum = Sum::of(kernels, machine);
                println!("{name}: {}", sum.told(*whole, "a picture"));
                println!("  one by one {}", sum.told(sum.seconds, "together"));
                worst(kernels, machine);
            }
        }
        for Step { name, kernels, .. } in self.training.iter().filter(|step| !step.kernels.is_empty()) {
            let sum = Sum::of(kernels, machine);
            println!("{name}: {}", sum.told(sum.seconds, "a step"));
            worst(kernels, machine);
        }
    }

    pub(crate) fn json(&self) -> Value {
        let machine = &self.machine;
        let rows = |rows: &[Row]| rows.iter().map(|row| row.json(machine)).collect::<Vec<_>>();
        let of = |seconds: Seconds, sum: &Sum| {
            json!({
                "milliseconds": seconds.median * 1e3,
                "fastestMilliseconds": seconds.fastest * 1e3,
                "percentOfLimit": sum.percent(seconds.median),
            })
        };
        let pass = |pass: &Pass| {
            let sum = Sum::of(&pass.kernels, machine);
            json!({
                "network": pass.name,
                "limitMilliseconds": sum.limit * 1e3,
                "whole": pass.whole.map(|seconds| of(seconds, &sum)),
                "oneByOne": of(sum.seconds, &sum),
                "kernels": rows(&pass.kernels),
                "blocks": rows(&pass.blocks),
            })
        };
        let step = |step: &Step| {
            let sum = Sum::of(&step.kernels, machine);
            json!({
                "network": step.name,
                "batch": step.batch,
                "limitMilliseconds": sum.limit * 1e3,
                "oneByOne": of(sum.seconds, &sum),
                "kernels": rows(&step.kernels),
            })
        };
        json!({
            "machine": machine.json(),
            "frozen": self.frozen.iter().map(pass).collect::<Vec<_>>(),
            "training": self.training.iter().map(step).collect::<Vec<_>>(),
        })
    }
}

fn kernel_table(title: &str, rows: &[Row], machine: &Machine) {
    if !rows.is_empty() {
        println!("\n{title}");
        table::print(&COLUMNS, rows.iter().map(|row| row.cells(machine)).collect());
    }
}

/// Those beyond whose limit most time goes.
fn worst(rows: &[Row], machine: &Machine) {
    let mut rows: Vec<(f64, &Row)> = rows.iter().map(|row| (row.lost(machine.limit(row.work)), row)).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (lost, row) in rows.iter().take(3) {
        println!("  {:.0} µs: {} × {}", lost * 1e6, row.count, row.name);
    }
}
