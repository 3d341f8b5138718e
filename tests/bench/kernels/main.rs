//! The kernels of the CPU engine on the shapes of MobileNetV2, on one thread, each beside the limit that this machine sets it: a roofline
//! (Williams, Waterman and Patterson, 2009), whose peak and bandwidths are measured in the same run. Every result is compared with its
//! definition before it is timed. Prints tables and writes target/bench-kernels/kernels.json.
//!
//! Times are criterion's medians. Beside them stands the fastest run: where the two are far apart, others were at work, and only the latter says
//! something of the kernel.
//!
//!     ./build.sh bench kernels
//!     ./build.sh bench kernels 'v2-1.0-224/depthwise'      # those whose names match
//!
//! - `probe` measures what a core and its memory can do, `machine` makes limits of it.
//! - `mobilenet_v2` has the networks, `frozen` their kernels in inference form, `training` those of fine-tuning's convolutions.
//! - `work` counts what a kernel has to do at least, `timer` is criterion, `report` what is told, in a `table`.

mod frozen;
mod machine;
mod mobilenet_v2;
mod numbers;
mod probe;
mod report;
mod table;
mod timer;
mod training;
mod work;

// What the engine keeps to itself and this needs: the vectors that it computes with, so that the peak is theirs, and the definitions
// that its own tests compare with.
#[path = "../../../src/kernels/lanes.rs"]
#[allow(dead_code, reason = "a limit needs less than a kernel")]
mod lanes;
#[path = "../../../src/kernels/reference.rs"]
mod reference;

/// Where `reference` looks for these.
mod network {
    pub(crate) use headstart_kernels::{Affine, Dense, Layer, Op};
}
use headstart_kernels::{Conv, Window};

use machine::Machine;
use mobilenet_v2::MobileNetV2;
use report::Report;
use std::error::Error;
use std::path::PathBuf;
use timer::Timer;

/// Width and side of the pictures: the smallest backbone of interest, the bundled one, and the published one.
const NETWORKS: [(f64, usize); 3] = [(0.5, 96), (0.75, 128), (1.0, 224)];

fn main() -> Result<(), Box<dyn Error>> {
    // Criterion writes there too.
    let folder =
        std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from).ok_or("start it as ./build.sh bench kernels")?;
    let mut timer = Timer::new(folder.join("criterion"));
    let before = Machine::measure();
    let (mut frozen, mut training) = (Vec::new(), Vec::new());
    for (width, side) in NETWORKS {
        let network = MobileNetV2::new(width, side);
        frozen.push(frozen::measure(&network, &mut timer)?);
        training.extend(training::measure(&network, &mut timer)?);
    }
    // Others may have been at work: what was reached at one of the two times can be reached.
    let machine = before.or_better(Machine::measure());
    let report = Report { machine, frozen, training };
    report.print();
    let path = folder.join("kernels.json");
    std::fs::write(&path, format!("{:#}\n", report.json()))?;
    println!("\n{}", path.display());
    Ok(())
}
