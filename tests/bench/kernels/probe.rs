//! What one core can do at most with the vectors that the engine chooses here: multiply and add, read, and copy.

use crate::lanes::{Lanes, Level, with_level};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Independent sums at once, at most.
const MOST_CHAINS: usize = 16;
const ROUNDS: usize = 1 << 16;

/// Floating-point operations a second: multiplications and additions in registers, as many at once as hide how long one takes.
pub(crate) fn peak(level: Level) -> f64 {
    // How many that are is the processor's: too few wait for results, too many leave the registers.
    let rates = [rate(level, 8, chains_of_8), rate(level, 12, chains_of_12), rate(level, MOST_CHAINS, chains_of_16)];
    rates.into_iter().fold(0.0, f64::max)
}

fn rate(level: Level, chains: usize, run: fn(Level, Chains<'_>)) -> f64 {
    let mut sums: Vec<f32> = (0..MOST_CHAINS * level.count()).map(|at| at as f32).collect();
    let took = least(20, || run(level, Chains { rounds: ROUNDS, sums: &mut sums }));
    (2 * ROUNDS * chains * level.count()) as f64 / took
}

struct Chains<'a> {
    rounds: usize,
    /// What the sums begin with and what they become.
    sums: &'a mut [f32],
}

macro_rules! chains_of {
    ($name:ident, $count:expr) => {
        fn $name(level: Level, job: Chains<'_>) {
            #[inline(always)]
            unsafe fn body<L: Lanes>(job: Chains<'_>) {
                // SAFETY: as the caller's.
                unsafe { chains::<L, { $count }>(job) }
            }
            with_level!(level, body, job, Chains<'_>);
        }
    };
}
chains_of!(chains_of_8, 8);
chains_of!(chains_of_12, 12);
chains_of!(chains_of_16, MOST_CHAINS);

#[inline(always)]
unsafe fn chains<L: Lanes, const COUNT: usize>(job: Chains<'_>) {
    assert!(job.sums.len() >= COUNT * L::COUNT);
    let at = job.sums.as_mut_ptr();
    // SAFETY: there are as many as were asked for.
    unsafe {
        // Each sum is halved and one added, so that all stay near 2; the product is that of a sum, so that it is computed every time.
        let (half, one) = (L::splat(black_box(0.5)), L::splat(black_box(1.0)));
        let mut sums = [half; COUNT];
        for (index, sum) in sums.iter_mut().enumerate() {
            *sum = L::load(at.add(index * L::COUNT));
        }
        for _ in 0..job.rounds {
            for sum in &mut sums {
                *sum = one.add_product(*sum, half);
            }
        }
        for (index, sum) in sums.into_iter().enumerate() {
            sum.store(at.add(index * L::COUNT));
        }
    }
}

/// Bytes a second of a working set of some size, counted as STREAM (McCalpin, 1995) does: once what is read, once what is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bandwidth {
    /// Of the working set.
    pub bytes: usize,
    /// y = Σ a.
    pub read: f64,
    /// a = b.
    pub copy: f64,
    /// a = b + s · c.
    pub triad: f64,
}

/// Bytes that are gone through in one measurement, at least.
const SAMPLE: usize = 32 << 20;

/// Bandwidths of working sets of these sizes in bytes.
pub(crate) fn bandwidths(level: Level, sizes: &[usize]) -> Vec<Bandwidth> {
    let largest = sizes.iter().copied().max().unwrap_or(0) / size_of::<f32>();
    // One value more than a cache line has, so that there is a place where one begins.
    let mut memory = vec![1.0_f32; largest + CACHE_LINE];
    let first = memory.as_ptr().align_offset(CACHE_LINE * size_of::<f32>());
    let memory = &mut memory[first..first + largest];
    let of = |bytes: &usize| {
        let floats = bytes / size_of::<f32>();
        let mut rate = |arrays: usize, run: fn(Level, Stream<'_>)| {
            let length = floats / arrays / STEP * STEP;
            let passes = (SAMPLE / bytes).max(1);
            let took = least(8, || {
                let (to, from) = memory[..arrays * length].split_at_mut(length);
                run(level, Stream { passes, to, from })
            });
            (passes * arrays * length * size_of::<f32>()) as f64 / took
        };
        Bandwidth { bytes: *bytes, read: rate(1, read), copy: rate(2, copy), triad: rate(3, triad) }
    };
    sizes.iter().map(of).collect()
}

/// Floats in 64 bytes.
const CACHE_LINE: usize = 16;
/// Vectors in one turn of a loop, so that counting costs nothing.
const UNROLLED: usize = 8;
/// Floats in one turn of a loop with the widest vectors.
const STEP: usize = UNROLLED * crate::lanes::WIDEST;

struct Stream<'a> {
    /// How often it is gone through.
    passes: usize,
    to: &'a mut [f32],
    /// One or two arrays as long as `to`, or none.
    from: &'a [f32],
}

fn read(level: Level, job: Stream<'_>) {
    #[inline(always)]
    unsafe fn body<L: Lanes>(job: Stream<'_>) {
        let (length, to) = (job.to.len() / STEP * STEP, job.to.as_mut_ptr());
        // SAFETY: what is read is within the array, and it is not empty.
        unsafe {
            let mut sums = [L::splat(0.0); UNROLLED];
            for _ in 0..job.passes {
                let from = black_box(to.cast_const());
                for at in (0..length).step_by(UNROLLED * L::COUNT) {
                    for (index, sum) in sums.iter_mut().enumerate() {
                        *sum = sum.add(L::load(from.add(at + index * L::COUNT)));
                    }
                }
            }
            // As small as they were, and yet of all that was read.
            let sum = sums.into_iter().fold(L::splat(0.0), |all, sum| all.add(sum));
            sum.at_least(L::splat(1.0)).at_most(L::splat(1.0)).store(to);
        }
    }
    with_level!(level, body, job, Stream<'_>);
}

fn copy(level: Level, job: Stream<'_>) {
    #[inline(always)]
    unsafe fn body<L: Lanes>(job: Stream<'_>) {
        assert!(job.from.len() >= job.to.len());
        let length = job.to.len() / STEP * STEP;
        for _ in 0..job.passes {
            let (to, from) = (black_box(job.to.as_mut_ptr()), black_box(job.from.as_ptr()));
            for at in (0..length).step_by(UNROLLED * L::COUNT) {
                for index in 0..UNROLLED {
                    let at = at + index * L::COUNT;
                    // SAFETY: within both arrays.
                    unsafe { L::load(from.add(at)).store(to.add(at)) };
                }
            }
        }
    }
    with_level!(level, body, job, Stream<'_>);
}

fn triad(level: Level, job: Stream<'_>) {
    #[inline(always)]
    unsafe fn body<L: Lanes>(job: Stream<'_>) {
        let length = job.to.len() / STEP * STEP;
        let (b, c) = job.from.split_at(job.to.len());
        assert!(c.len() >= length);
        for _ in 0..job.passes {
            let (to, b, c) = (black_box(job.to.as_mut_ptr()), black_box(b.as_ptr()), black_box(c.as_ptr()));
            // SAFETY: within the three arrays.
            unsafe {
                let factor = L::splat(black_box(0.0));
                for at in (0..length).step_by(UNROLLED * L::COUNT) {
                    for index in 0..UNROLLED {
                        let at = at + index * L::COUNT;
                        L::load(b.add(at)).add_product(L::load(c.add(at)), factor).store(to.add(at));
                    }
                }
            }
        }
    }
    with_level!(level, body, job, Stream<'_>);
}

/// The least of the seconds that it takes: what can be reached, whatever else the machine does now and then.
fn least(samples: usize, mut run: impl FnMut()) -> f64 {
    let mut least = Duration::MAX;
    for _ in 0..samples {
        let began = Instant::now();
        run();
        least = least.min(began.elapsed());
    }
    least.as_secs_f64()
}
