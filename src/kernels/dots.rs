//! Sums of products of small whole numbers, a few columns at once: of one row's neighbouring values with as many weights of each
//! column.
//!
//! Values are 0 to 127 and weights −127 to 127, so that WebAssembly's relaxed dot product, which leaves to the processor what a
//! larger value means and whether two products together are cut to 16 bits, has nothing to leave. Sums are exact: of the same
//! values they are the same on every processor.

use crate::lanes::Lanes;

/// A value of a row, 0 to [`LARGEST`].
#[cfg(not(all(target_arch = "wasm32", not(feature = "relaxed-simd"))))]
pub(crate) type Value = u8;
/// A weight of a column, −127 to 127.
#[cfg(not(all(target_arch = "wasm32", not(feature = "relaxed-simd"))))]
pub(crate) type Weight = i8;
// WebAssembly without relaxed SIMD multiplies and adds 16 bits at a time, and no fewer.
#[cfg(all(target_arch = "wasm32", not(feature = "relaxed-simd")))]
pub(crate) type Value = i16;
#[cfg(all(target_arch = "wasm32", not(feature = "relaxed-simd")))]
pub(crate) type Weight = i16;

/// The largest value.
pub(crate) const LARGEST: u8 = 127;

/// Neighbouring values that are multiplied and summed up at once: 32 bits of them.
pub(crate) const STEP: usize = 4 / size_of::<Value>();

/// Rows whose values lie beside each other: [`STEP`] of the first, then as many of the second, …
pub(crate) const ROWS: usize = 4;

/// Neighbouring floats of a row that are made values at once.
pub(crate) const GROUP: usize = 4;

/// A number that, added to a small float, leaves the nearest whole number in the last bits: 1.5 · 2²³.
pub(crate) const ROUND: f32 = 12_582_912.0;

/// A sum for each of some columns, or what is multiplied for them.
///
/// # Safety
/// `load` reads [`STEP`] weights of each column, `splat_at` as many values. A type for which the processor needs an extension may
/// only be used inside of functions that have it enabled.
pub(crate) trait Dots: Copy {
    /// A float for each sum.
    type Floats: Lanes;

    unsafe fn zeros() -> Self;
    /// Weights, those of one column after those of the other.
    unsafe fn load(from: *const Weight) -> Self;
    /// The same values for every column.
    unsafe fn splat_at(from: *const Value) -> Self;
    /// The sums and the products.
    unsafe fn add_products(self, weights: Self, values: Self) -> Self;
    /// The sums as floats.
    unsafe fn floats(self) -> Self::Floats;
    /// Makes whole numbers of `groups` times [`GROUP`] floats of each of [`ROWS`] rows: multiplies with the row's first number, adds its
    /// second, which has [`ROUND`] in it, and writes the last seven bits; those of the rows beside each other.
    unsafe fn quantise(from: [*const f32; ROWS], groups: usize, by: [[f32; 2]; ROWS], to: *mut Value);
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use array::Four;
#[cfg(target_arch = "wasm32")]
pub(crate) use wasm::Four;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::Eight;

/// [`Dots::quantise`] as it reads; the compiler makes vectors of it.
#[cfg(not(target_arch = "wasm32"))]
#[inline(always)]
unsafe fn quantise(from: [*const f32; ROWS], groups: usize, by: [[f32; 2]; ROWS], to: *mut Value) {
    for (group, row) in (0..groups).flat_map(|group| (0..ROWS).map(move |row| (group, row))) {
        let [by, zero] = by[row];
        // SAFETY: as the trait's.
        unsafe {
            let from = from[row].add(group * GROUP).cast::<[f32; GROUP]>().read_unaligned();
            let values = from.map(|x| (x * by + zero).to_bits() as u8 & LARGEST);
            to.add((group * ROWS + row) * GROUP).cast::<[Value; GROUP]>().write_unaligned(values);
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod wasm {
    use super::{Dots, GROUP, LARGEST, ROWS, Value, Weight};
    use core::arch::wasm32::*;

    /// 128 bits.
    #[derive(Clone, Copy)]
    pub(crate) struct Four(v128);

    // SAFETY of all: what the trait asks of the caller.
    impl Dots for Four {
        type Floats = crate::lanes::Four;

        #[inline(always)]
        unsafe fn zeros() -> Self {
            Self(i32x4_splat(0))
        }
        #[inline(always)]
        unsafe fn load(from: *const Weight) -> Self {
            Self(unsafe { v128_load(from.cast()) })
        }
        #[inline(always)]
        unsafe fn splat_at(from: *const Value) -> Self {
            Self(unsafe { v128_load32_splat(from.cast()) })
        }
        #[inline(always)]
        unsafe fn add_products(self, weights: Self, values: Self) -> Self {
            #[cfg(feature = "relaxed-simd")]
            let sums = i32x4_relaxed_dot_i8x16_i7x16_add(weights.0, values.0, self.0);
            #[cfg(not(feature = "relaxed-simd"))]
            let sums = i32x4_add(self.0, i32x4_dot_i16x8(weights.0, values.0));
            Self(sums)
        }
        #[inline(always)]
        unsafe fn floats(self) -> Self::Floats {
            crate::lanes::Four::of(f32x4_convert_i32x4(self.0))
        }
        #[inline(always)]
        unsafe fn quantise(mut from: [*const f32; ROWS], groups: usize, by: [[f32; 2]; ROWS], mut to: *mut Value) {
            let by = by.map(|by| by.map(|by| f32x4_splat(by)));
            for _ in 0..groups {
                let rounded: [v128; ROWS] = core::array::from_fn(|row| {
                    let [by, zero] = by[row];
                    let x = unsafe { v128_load(from[row].cast()) };
                    #[cfg(feature = "relaxed-simd")]
                    let rounded = f32x4_relaxed_madd(x, by, zero);
                    #[cfg(not(feature = "relaxed-simd"))]
                    let rounded = f32x4_add(f32x4_mul(x, by), zero);
                    rounded
                });
                unsafe {
                    store(rounded, to);
                    to = to.add(ROWS * GROUP);
                    from = from.map(|row| row.add(GROUP));
                }
            }
        }
    }

    /// What `ROUND` is in bits.
    const BITS: u32 = super::ROUND.to_bits();

    /// Writes the values of four rows. Put together in one vector they need one shuffle: narrowing instructions take three times as
    /// long. What the upper bits of `ROUND` add up to is taken away once.
    #[cfg(feature = "relaxed-simd")]
    #[inline(always)]
    unsafe fn store([a, b, c, d]: [v128; ROWS], to: *mut Value) {
        const OVER: u32 = BITS.wrapping_add(BITS << 8).wrapping_add(BITS << 16).wrapping_add(BITS << 24);
        let (ab, cd) = (i32x4_add(a, i32x4_shl(b, 8)), i32x4_add(i32x4_shl(c, 16), i32x4_shl(d, 24)));
        let all = i32x4_sub(i32x4_add(ab, cd), i32x4_splat(OVER as i32));
        let all = v128_and(all, u8x16_splat(LARGEST));
        let rows = i8x16_shuffle::<0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15>(all, all);
        unsafe { v128_store(to.cast(), rows) };
    }

    #[cfg(not(feature = "relaxed-simd"))]
    #[inline(always)]
    unsafe fn store([a, b, c, d]: [v128; ROWS], to: *mut Value) {
        const OVER: u32 = BITS.wrapping_add(BITS << 16);
        let two = |a: v128, b: v128| {
            let both = i32x4_sub(i32x4_add(a, i32x4_shl(b, 16)), i32x4_splat(OVER as i32));
            v128_and(both, u16x8_splat(u16::from(LARGEST)))
        };
        let (ab, cd) = (two(a, b), two(c, d));
        unsafe {
            v128_store(to.cast(), i16x8_shuffle::<0, 2, 1, 3, 8, 10, 9, 11>(ab, cd));
            v128_store(to.add(8).cast(), i16x8_shuffle::<4, 6, 5, 7, 12, 14, 13, 15>(ab, cd));
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Dots, ROWS, Value, Weight};
    use core::arch::x86_64::*;

    /// 256 bits of AVX2.
    #[derive(Clone, Copy)]
    pub(crate) struct Eight(__m256i);

    // SAFETY of all: what the trait asks of the caller.
    impl Dots for Eight {
        type Floats = crate::lanes::Eight;

        #[inline(always)]
        unsafe fn zeros() -> Self {
            Self(unsafe { _mm256_setzero_si256() })
        }
        #[inline(always)]
        unsafe fn load(from: *const Weight) -> Self {
            Self(unsafe { _mm256_loadu_si256(from.cast()) })
        }
        #[inline(always)]
        unsafe fn splat_at(from: *const Value) -> Self {
            Self(unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) })
        }
        #[inline(always)]
        unsafe fn add_products(self, weights: Self, values: Self) -> Self {
            unsafe {
                let pairs = _mm256_maddubs_epi16(values.0, weights.0);
                Self(_mm256_add_epi32(self.0, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))))
            }
        }
        #[inline(always)]
        unsafe fn floats(self) -> Self::Floats {
            crate::lanes::Eight::of(unsafe { _mm256_cvtepi32_ps(self.0) })
        }
        #[inline(always)]
        unsafe fn quantise(from: [*const f32; ROWS], groups: usize, by: [[f32; 2]; ROWS], to: *mut Value) {
            unsafe { super::quantise(from, groups, by, to) }
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod array {
    use super::{Dots, ROWS, Value, Weight};
    use std::array::from_fn;

    /// Four sums, or four times the bytes that are multiplied for one.
    #[derive(Clone, Copy)]
    pub(crate) struct Four([i32; 4]);

    // SAFETY of all: what the trait asks of the caller.
    impl Dots for Four {
        type Floats = crate::lanes::Four;

        #[inline(always)]
        unsafe fn zeros() -> Self {
            Self([0; 4])
        }
        #[inline(always)]
        unsafe fn load(from: *const Weight) -> Self {
            Self(unsafe { from.cast::<[i32; 4]>().read_unaligned() })
        }
        #[inline(always)]
        unsafe fn splat_at(from: *const Value) -> Self {
            Self([unsafe { from.cast::<i32>().read_unaligned() }; 4])
        }
        #[inline(always)]
        unsafe fn add_products(self, weights: Self, values: Self) -> Self {
            let product = |weights: i32, values: i32| {
                let pairs = weights.to_ne_bytes().into_iter().zip(values.to_ne_bytes());
                pairs.map(|(weight, value)| i32::from(weight as i8) * i32::from(value)).sum::<i32>()
            };
            Self(from_fn(|at| self.0[at] + product(weights.0[at], values.0[at])))
        }
        #[inline(always)]
        unsafe fn floats(self) -> Self::Floats {
            crate::lanes::Four::of(self.0.map(|sum| sum as f32))
        }
        #[inline(always)]
        unsafe fn quantise(from: [*const f32; ROWS], groups: usize, by: [[f32; 2]; ROWS], to: *mut Value) {
            unsafe { super::quantise(from, groups, by, to) }
        }
    }
}
