//! Criterion, asked for medians.

use criterion::Criterion;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Takes the time of one kernel after the other.
pub(crate) struct Timer {
    criterion: Criterion,
    /// Where criterion writes what it has found.
    folder: PathBuf,
}

/// What some iterations took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    pub all: Duration,
    /// The fastest iteration, of these and all before.
    pub fastest: Duration,
}

/// Seconds an iteration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seconds {
    pub median: f64,
    /// Where the median is far above it, others were at work.
    pub fastest: f64,
}

impl Timer {
    /// With what the command line says. Times are short, for there are many kernels and none takes long.
    pub(crate) fn new(folder: PathBuf) -> Self {
        let criterion = Criterion::default()
            .without_plots()
            .sample_size(20)
            .nresamples(2000)
            .warm_up_time(Duration::from_millis(100))
            .measurement_time(Duration::from_millis(300))
            .configure_from_args();
        Self { criterion, folder }
    }

    /// Times what `prepare` gives, which computes some iterations; none where the command line leaves it out.
    ///
    /// # Errors
    /// Where what criterion wrote cannot be read.
    pub(crate) fn time<Run: FnMut(u64) -> Took>(
        &mut self,
        group: &str,
        name: &str,
        prepare: impl FnOnce() -> Run,
    ) -> Result<Option<Seconds>, Box<dyn Error>> {
        let path = self.folder.join(group).join(name).join("new/estimates.json");
        // That of an earlier run would be taken for this one's.
        if path.exists() {
            fs::remove_file(&path)?;
        }
        let (mut prepare, mut run, mut fastest) = (Some(prepare), None, Duration::MAX);
        self.criterion.benchmark_group(group).bench_function(name, |bencher| {
            if let Some(prepare) = prepare.take() {
                run = Some(prepare());
            }
            if let Some(run) = &mut run {
                bencher.iter_custom(|iterations| {
                    let took = run(iterations);
                    fastest = took.fastest;
                    took.all
                });
            }
        });
        if !path.exists() {
            return Ok(None);
        }
        let estimates: serde_json::Value = serde_json::from_slice(&fs::read(&path)?)?;
        let nanoseconds = estimates["median"]["point_estimate"].as_f64().ok_or("criterion has found no median")?;
        Ok(Some(Seconds { median: nanoseconds / 1e9, fastest: fastest.as_secs_f64() }))
    }
}

/// Counts iterations of one thing.
pub(crate) struct Stopwatch {
    fastest: Duration,
}

impl Stopwatch {
    pub(crate) fn new() -> Self {
        Self { fastest: Duration::MAX }
    }

    /// Each by itself: reading the clock takes nothing beside what is computed here.
    pub(crate) fn time(&mut self, iterations: u64, mut run: impl FnMut()) -> Took {
        let mut all = Duration::ZERO;
        for _ in 0..iterations {
            let began = Instant::now();
            run();
            let took = began.elapsed();
            self.fastest = self.fastest.min(took);
            all += took;
        }
        Took { all, fastest: self.fastest }
    }
}
