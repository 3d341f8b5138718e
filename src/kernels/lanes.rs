//! A few neighbouring floats that are computed with at once.

use crate::dots::Dots;

/// Floats in the widest vector there is: the stride of a pixel is a multiple of it, so that whole vectors can be read and
/// written whatever the number of channels.
pub(crate) const WIDEST: usize = 8;

/// Channels with what is added so that whole vectors cover them.
pub(crate) fn padded(channels: usize) -> usize {
    channels.next_multiple_of(WIDEST)
}

/// At least so many values; what they are does not matter.
pub(crate) fn room<T: Copy + Default>(values: &mut Vec<T>, length: usize) {
    if values.len() < length {
        values.resize(length, T::default());
    }
}

/// A vector of floats.
///
/// # Safety
/// `load` reads and `store` writes [`Lanes::COUNT`] floats, aligned as a float is; `splat_at` reads one. A type for which the
/// processor needs an extension may only be used inside of functions that have it enabled.
pub(crate) trait Lanes: Copy {
    /// Floats in a vector.
    const COUNT: usize;
    /// Rows of a matrix product that are summed up at once: as many as the registers hold sums for.
    const ROWS: usize;
    /// As many sums of products of bytes.
    type Dots: Dots<Floats = Self>;

    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn splat_at(from: *const f32) -> Self;
    unsafe fn splat(x: f32) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn times(self, other: Self) -> Self;
    /// self + a · b, rounded once or twice.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
    /// The larger, or `self` where that is no number.
    unsafe fn at_least(self, other: Self) -> Self;
    /// The smaller, or `self` where that is no number.
    unsafe fn at_most(self, other: Self) -> Self;
    /// What `of` makes of all values of each row, two vectors at a time.
    unsafe fn across(rows: [Self; 4], of: impl Fn(Self, Self) -> Self) -> [f32; 4];
    /// Turns a square: `to(i)` is given the value at `i` of each of the rows `from(0)`, `from(1)`, …, all [`Lanes::COUNT`] long.
    unsafe fn turn(from: impl Fn(usize) -> *const f32, to: impl Fn(usize) -> *mut f32);
}

/// Copies `count` floats: a few, for which calling the system's would take longer.
///
/// # Safety
/// There are as many on both sides, and what is written is not read.
#[inline(always)]
pub(crate) unsafe fn copy<L: Lanes>(from: *const f32, to: *mut f32, count: usize) {
    // SAFETY: as the caller's.
    unsafe {
        if count < L::COUNT {
            (0..count).for_each(|at| *to.add(at) = *from.add(at));
            return;
        }
        // The last vector reaches back over what is copied already.
        let last = count - L::COUNT;
        for at in (0..last).step_by(L::COUNT) {
            L::load(from.add(at)).store(to.add(at));
        }
        L::load(from.add(last)).store(to.add(last));
    }
}

/// Turns [`Lanes::COUNT`] rows of `length` values, of which `from` has the beginnings, square by square: `to(i)` is where the values
/// at `i` go.
///
/// # Safety
/// The rows are as long as is said, each place has room for a vector, and what is written is not read.
#[inline(always)]
pub(crate) unsafe fn turn_rows<L: Lanes>(
    length: usize,
    from: impl Fn(usize) -> *const f32,
    to: impl Fn(usize) -> *mut f32,
) {
    // SAFETY: as the caller's.
    unsafe {
        if length < L::COUNT {
            for (at, row) in (0..length).flat_map(|at| (0..L::COUNT).map(move |row| (at, row))) {
                *to(at).add(row) = *from(row).add(at);
            }
            return;
        }
        // The last square reaches back over what is turned already.
        let last = length - L::COUNT;
        for first in (0..last).step_by(L::COUNT).chain([last]) {
            L::turn(|row| from(row).add(first), |at| to(first + at));
        }
    }
}

/// The same the other way: what [`turn_rows`] has turned goes back to rows.
///
/// # Safety
/// As there.
#[inline(always)]
pub(crate) unsafe fn turn_back<L: Lanes>(
    length: usize,
    from: impl Fn(usize) -> *const f32,
    to: impl Fn(usize) -> *mut f32,
) {
    // SAFETY: as the caller's.
    unsafe {
        if length < L::COUNT {
            for (at, row) in (0..length).flat_map(|at| (0..L::COUNT).map(move |row| (at, row))) {
                *to(row).add(at) = *from(at).add(row);
            }
            return;
        }
        let last = length - L::COUNT;
        for first in (0..last).step_by(L::COUNT).chain([last]) {
            L::turn(|at| from(first + at), |row| to(row).add(first));
        }
    }
}

/// Which vectors this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Four floats.
    Four,
    /// Eight, with multiplication and addition as one operation (AVX2 and FMA).
    #[cfg(target_arch = "x86_64")]
    Eight,
}

impl Level {
    /// The best that there is.
    pub(crate) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            return Self::Eight;
        }
        Self::Four
    }

    /// Floats in a vector.
    pub(crate) fn count(self) -> usize {
        match self {
            Self::Four => 4,
            #[cfg(target_arch = "x86_64")]
            Self::Eight => 8,
        }
    }
}

/// Runs `$body`, a generic function of one argument that takes a type of [`Lanes`], with the vectors of a [`Level`].
macro_rules! with_level {
    ($level:expr, $body:ident, $job:expr, $type:ty) => {{
        #[cfg_attr(all(target_arch = "wasm32", feature = "relaxed-simd"), target_feature(enable = "relaxed-simd"))]
        unsafe fn four(job: $type) {
            // SAFETY: as the caller's.
            unsafe { $body::<crate::lanes::Four>(job) }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        unsafe fn eight(job: $type) {
            // SAFETY: the caller has seen that the processor has the extensions.
            unsafe { $body::<crate::lanes::Eight>(job) }
        }
        match $level {
            // SAFETY: these vectors need nothing that is not always there, or that the module is made for.
            crate::lanes::Level::Four => unsafe { four($job) },
            // SAFETY: the level is only chosen where the processor has them.
            #[cfg(target_arch = "x86_64")]
            crate::lanes::Level::Eight => unsafe { eight($job) },
        }
    }};
}
pub(crate) use with_level;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use array::Four;
#[cfg(target_arch = "wasm32")]
pub(crate) use wasm::Four;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::Eight;

#[cfg(target_arch = "wasm32")]
mod wasm {
    use super::Lanes;
    use core::arch::wasm32::*;

    /// 128 bits.
    #[derive(Clone, Copy)]
    pub(crate) struct Four(v128);

    impl Four {
        /// Of this vector.
        pub(crate) fn of(values: v128) -> Self {
            Self(values)
        }
    }

    // SAFETY of all: what the trait asks of the caller.
    impl Lanes for Four {
        const COUNT: usize = 4;
        // Six are slower with relaxed SIMD too: the engine keeps a register for itself.
        const ROWS: usize = 4;
        type Dots = crate::dots::Four;

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            Self(unsafe { v128_load(from.cast()) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { v128_store(to.cast(), self.0) }
        }
        #[inline(always)]
        unsafe fn splat_at(from: *const f32) -> Self {
            Self(unsafe { v128_load32_splat(from.cast()) })
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            Self(f32x4_splat(x))
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0))
        }
        #[inline(always)]
        unsafe fn times(self, other: Self) -> Self {
            Self(f32x4_mul(self.0, other.0))
        }
        #[inline(always)]
        unsafe fn add_product(self, a: Self, b: Self) -> Self {
            #[cfg(feature = "relaxed-simd")]
            let sum = f32x4_relaxed_madd(a.0, b.0, self.0);
            #[cfg(not(feature = "relaxed-simd"))]
            let sum = f32x4_add(self.0, f32x4_mul(a.0, b.0));
            Self(sum)
        }
        // One instruction on every processor, where the maximum that spreads NaN takes several.
        #[inline(always)]
        unsafe fn at_least(self, other: Self) -> Self {
            Self(f32x4_pmax(self.0, other.0))
        }
        #[inline(always)]
        unsafe fn at_most(self, other: Self) -> Self {
            Self(f32x4_pmin(self.0, other.0))
        }
        #[inline(always)]
        unsafe fn across(rows: [Self; 4], of: impl Fn(Self, Self) -> Self) -> [f32; 4] {
            let [a, b, c, d] = rows.map(|row| row.0);
            let ab = of(Self(i32x4_shuffle::<0, 4, 1, 5>(a, b)), Self(i32x4_shuffle::<2, 6, 3, 7>(a, b)));
            let cd = of(Self(i32x4_shuffle::<0, 4, 1, 5>(c, d)), Self(i32x4_shuffle::<2, 6, 3, 7>(c, d)));
            let all = of(Self(i64x2_shuffle::<0, 2>(ab.0, cd.0)), Self(i64x2_shuffle::<1, 3>(ab.0, cd.0)));
            let mut results = [0.0; 4];
            unsafe { all.store(results.as_mut_ptr()) };
            results
        }
        #[inline(always)]
        unsafe fn turn(from: impl Fn(usize) -> *const f32, to: impl Fn(usize) -> *mut f32) {
            unsafe {
                let [a, b, c, d] = [0, 1, 2, 3].map(|row| v128_load(from(row).cast()));
                let (ab, cd) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<0, 4, 1, 5>(c, d));
                v128_store(to(0).cast(), i64x2_shuffle::<0, 2>(ab, cd));
                v128_store(to(1).cast(), i64x2_shuffle::<1, 3>(ab, cd));
                let (ab, cd) = (i32x4_shuffle::<2, 6, 3, 7>(a, b), i32x4_shuffle::<2, 6, 3, 7>(c, d));
                v128_store(to(2).cast(), i64x2_shuffle::<0, 2>(ab, cd));
                v128_store(to(3).cast(), i64x2_shuffle::<1, 3>(ab, cd));
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use core::arch::x86_64::*;

    /// 256 bits of AVX2, with FMA.
    #[derive(Clone, Copy)]
    pub(crate) struct Eight(__m256);

    impl Eight {
        /// Of this vector.
        pub(crate) fn of(values: __m256) -> Self {
            Self(values)
        }
    }

    // SAFETY of all: what the trait asks of the caller.
    impl Lanes for Eight {
        const COUNT: usize = 8;
        const ROWS: usize = 6;
        type Dots = crate::dots::Eight;

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            Self(unsafe { _mm256_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { _mm256_storeu_ps(to, self.0) }
        }
        #[inline(always)]
        unsafe fn splat_at(from: *const f32) -> Self {
            Self(unsafe { _mm256_set1_ps(*from) })
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            Self(unsafe { _mm256_set1_ps(x) })
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            Self(unsafe { _mm256_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn times(self, other: Self) -> Self {
            Self(unsafe { _mm256_mul_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn add_product(self, a: Self, b: Self) -> Self {
            Self(unsafe { _mm256_fmadd_ps(a.0, b.0, self.0) })
        }
        // The second operand is what comes out where one is no number.
        #[inline(always)]
        unsafe fn at_least(self, other: Self) -> Self {
            Self(unsafe { _mm256_max_ps(other.0, self.0) })
        }
        #[inline(always)]
        unsafe fn at_most(self, other: Self) -> Self {
            Self(unsafe { _mm256_min_ps(other.0, self.0) })
        }
        #[inline(always)]
        unsafe fn across(rows: [Self; 4], of: impl Fn(Self, Self) -> Self) -> [f32; 4] {
            rows.map(|row| unsafe {
                let row = of(row, Self(_mm256_permute2f128_ps::<1>(row.0, row.0)));
                let row = of(row, Self(_mm256_shuffle_ps::<0x4e>(row.0, row.0)));
                _mm256_cvtss_f32(of(row, Self(_mm256_shuffle_ps::<0xb1>(row.0, row.0))).0)
            })
        }
        #[inline(always)]
        unsafe fn turn(from: impl Fn(usize) -> *const f32, to: impl Fn(usize) -> *mut f32) {
            unsafe {
                // Four values of all rows at a time: a row's and those of the fourth after it are the halves of a vector.
                for first in [0, 4] {
                    let mut rows = [_mm256_setzero_ps(); 4];
                    for (at, row) in rows.iter_mut().enumerate() {
                        let low = _mm256_castps128_ps256(_mm_loadu_ps(from(at).add(first)));
                        *row = _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(from(at + 4).add(first)));
                    }
                    let [a, b, c, d] = rows;
                    let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
                    _mm256_storeu_ps(to(first), _mm256_shuffle_ps::<0x44>(ab, cd));
                    _mm256_storeu_ps(to(first + 1), _mm256_shuffle_ps::<0xee>(ab, cd));
                    let (ab, cd) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
                    _mm256_storeu_ps(to(first + 2), _mm256_shuffle_ps::<0x44>(ab, cd));
                    _mm256_storeu_ps(to(first + 3), _mm256_shuffle_ps::<0xee>(ab, cd));
                }
            }
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod array {
    use super::Lanes;
    use std::array::from_fn;

    /// Four floats that the compiler may keep in a vector.
    #[derive(Clone, Copy)]
    pub(crate) struct Four([f32; 4]);

    impl Four {
        /// Of these floats.
        pub(crate) fn of(values: [f32; 4]) -> Self {
            Self(values)
        }
    }

    // SAFETY of all: what the trait asks of the caller.
    impl Lanes for Four {
        const COUNT: usize = 4;
        const ROWS: usize = 4;
        type Dots = crate::dots::Four;

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            Self(unsafe { from.cast::<[f32; 4]>().read_unaligned() })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { to.cast::<[f32; 4]>().write_unaligned(self.0) }
        }
        #[inline(always)]
        unsafe fn splat_at(from: *const f32) -> Self {
            Self([unsafe { *from }; 4])
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            Self([x; 4])
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            Self(from_fn(|i| self.0[i] + other.0[i]))
        }
        #[inline(always)]
        unsafe fn times(self, other: Self) -> Self {
            Self(from_fn(|i| self.0[i] * other.0[i]))
        }
        #[inline(always)]
        unsafe fn add_product(self, a: Self, b: Self) -> Self {
            Self(from_fn(|i| self.0[i] + a.0[i] * b.0[i]))
        }
        #[inline(always)]
        unsafe fn at_least(self, other: Self) -> Self {
            Self(from_fn(|i| if self.0[i] < other.0[i] { other.0[i] } else { self.0[i] }))
        }
        #[inline(always)]
        unsafe fn at_most(self, other: Self) -> Self {
            Self(from_fn(|i| if other.0[i] < self.0[i] { other.0[i] } else { self.0[i] }))
        }
        #[inline(always)]
        unsafe fn across(rows: [Self; 4], of: impl Fn(Self, Self) -> Self) -> [f32; 4] {
            let column = |at: usize| Self(rows.map(|row| row.0[at]));
            of(of(column(0), column(1)), of(column(2), column(3))).0
        }
        #[inline(always)]
        unsafe fn turn(from: impl Fn(usize) -> *const f32, to: impl Fn(usize) -> *mut f32) {
            unsafe {
                let rows: [[f32; 4]; 4] = from_fn(|row| from(row).cast::<[f32; 4]>().read_unaligned());
                (0..4).for_each(|at| Self(from_fn(|row| rows[row][at])).store(to(at)));
            }
        }
    }
}
