//! Sums of products of small whole numbers, a few columns at once: of one row's neighbouring values with as many weights of each
//! column.
//!
//! Values are 0 to 127 and weights −127 to 127, so that WebAssembly's relaxed dot product, which leaves to the processor what a
//! larger value means and whether two products together are cut to 16 bits, has nothing to leave. Sums are exact: they are the
//! same on every processor.

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

/// Values that are made of floats at once.
pub(crate) const GROUP: usize = 8;

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
    /// Multiplies [`GROUP`] floats, adds `zero` with [`ROUND`] and writes the last seven bits of each.
    unsafe fn quantise(from: *const f32, by: f32, zero: f32, to: *mut Value);
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
unsafe fn quantise(from: *const f32, by: f32, zero: f32, to: *mut Value) {
    // SAFETY: as the trait's.
    unsafe {
        let from = from.cast::<[f32; GROUP]>().read_unaligned();
        to.cast::<[Value; GROUP]>().write_unaligned(from.map(|x| (x * by + zero).to_bits() as u8 & LARGEST));
    }
}

#[cfg(target_arch = "wasm32")]
mod wasm {
    use super::{Dots, LARGEST, Value, Weight};
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
        unsafe fn quantise(from: *const f32, by: f32, zero: f32, to: *mut Value) {
            let four = |at: usize| {
                let x = unsafe { v128_load(from.add(at).cast()) };
                // Rounded twice, as everywhere, so that values are the same with relaxed SIMD and without.
                let rounded = f32x4_add(f32x4_mul(x, f32x4_splat(by)), f32x4_splat(zero));
                v128_and(rounded, i32x4_splat(i32::from(LARGEST)))
            };
            let values = i16x8_narrow_i32x4(four(0), four(4));
            unsafe {
                #[cfg(feature = "relaxed-simd")]
                v128_store64_lane::<0>(u8x16_narrow_i16x8(values, values), to.cast());
                #[cfg(not(feature = "relaxed-simd"))]
                v128_store(to.cast(), values);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Dots, Value, Weight};
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
        unsafe fn quantise(from: *const f32, by: f32, zero: f32, to: *mut Value) {
            unsafe { super::quantise(from, by, zero, to) }
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod array {
    use super::{Dots, Value, Weight};
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
        unsafe fn quantise(from: *const f32, by: f32, zero: f32, to: *mut Value) {
            unsafe { super::quantise(from, by, zero, to) }
        }
    }
}
