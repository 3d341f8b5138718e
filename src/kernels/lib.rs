//! Convolutional networks in inference form on one CPU core: what the frozen part of a backbone runs on.
//!
//! A [`Network`] is made once of [`Layer`]s with their weights and then run picture by picture. Values are laid out
//! `[height, width, channels]`, so that every operation works on neighbouring channels with whole vectors and a pointwise
//! convolution is one matrix product. Weights are packed in the order in which they are read; bias, shortcut and activation
//! are computed while a result is still in registers. Nothing is allocated while a network runs but what an [`Arena`] has not
//! held before.
//!
//! - `lanes` is the vector: 128 bits of WebAssembly's SIMD, 256 of AVX2 where a native machine has it, or four floats.
//! - `product` is the matrix product, `conv` what makes convolutions of it, `depthwise` the convolution channel by channel,
//!   `first` the first one of a picture, `pool` and `pointwise` everything else. `block` computes an inverted residual block strip by strip.
//! - `eight_bits` is the matrix product of whole numbers of eight bits, `dots` its vector.
//! - `training` has pointwise convolutions of whole batches and their gradients, on values as burn lays them out, `planes` those
//!   channel by channel, `dense` dense layers.
//! - `elementwise` and `pixels` are loops over values and over the bytes of pictures, which only become vectors here.
//! - `reference` has each operation as its definition reads; the tests compare with it.
//!
//! The crate stands by itself, so that it is optimised for speed where the rest of the module is for size. What is called from there is never
//! inlined: it would be optimised as its caller is.

#![warn(missing_docs)]

mod activation;
mod block;
mod conv;
mod dense;
mod depthwise;
mod dots;
mod eight_bits;
pub mod elementwise;
mod first;
mod lanes;
mod network;
pub mod pixels;
mod planes;
mod pointwise;
mod pool;
mod product;
#[cfg(test)]
mod reference;
mod training;

pub use activation::Activation;
pub use conv::{Arithmetic, Conv};
pub use dense::DenseRows;
pub use elementwise::Move;
pub use network::{Affine, Arena, Dense, Input, Layer, Network, Op};
pub use planes::Planes;
pub use pool::Window;
pub use training::PointwiseBatch;

#[cfg(test)]
mod tests;
