//! Headstart trains an image classifier where the pictures are: in a browser tab, or on the command line.
//!
//! # The tour
//!
//! A picture comes in as RGBA8 and leaves as one probability a class:
//!
//! ```text
//! RGBA8 [h, w, 4] ── image ──▶ crop u8 [S, S, 3] ── features ──▶ pooled f32 [F] ── head ──▶ logits [classes]
//! ```
//!
//! - [`image`] crops the centre square, shrinks it to the backbone's input size S and normalises it to
//!   `[batch, 3, S, S]`.
//! - [`augment`] changes crops at random, so that training sees more than there are.
//! - [`nn`] describes networks as data, stages that are small graphs of operations, and runs them; [`backbone`] is a list
//!   of stages with pretrained weights, an architecture a file, that can be cut at any boundary: the frozen prefix runs with BatchNorm folded, the tail can train.
//!   Frozen stages run on kernels of our own, on the CPU (the crate `headstart-kernels` in `src/kernels`) and on the GPU; what
//!   trains are operations of our own in burn's graph, and burn's where there is none; a head alone trains without a graph, where that
//!   can be. On the CPU frozen stages compute in floats or in
//!   eight bits ([`nn::Arithmetic`]), which is a part of what a prefix is.
//! - [`features`] runs the prefix: F numbers (1280 of the bundled one) for a frozen backbone, the feature map `[channels, height, width]` at
//!   the boundary where stages train. [`activations`] is the store of what came out, by content, within a limit of memory.
//! - [`dataset`] holds classes and pictures by their ids and makes the [`dataset::Split`] into training and validation
//!   pictures, once a run; everyone is handed it. What a model has seen is its [`dataset::Lineage`]. Pictures of the test
//!   set ([`dataset::Part`]) are in no split.
//! - [`train`] checks the settings ([`train::TrainConfig`] → [`train::ValidConfig`]) and trains a [`head`] on cached
//!   features, then, where asked, the last stages of the backbone with it, one pulled step at a time ([`train::Run`]).
//! - [`classifier`] predicts, [`metrics`] measures, [`bundle`] saves and loads. [`predictor`] is a saved model that does nothing else.
//! - [`crew`] are others with a core each, who compute parts of what a project does on the CPU.
//! - [`engine`] is a device, WebGPU or CPU; [`engines`] says which each kind of work runs on, and [`probe`] measures that for a backbone.
//! - [`project`] ties these into one session, which the command line (`src/bin`) and the browser (`web`) both drive. It has
//!   one written form ([`project::Written`]), and with its pictures it is one file ([`project_file`]).
//!
//! # One picture's way
//!
//! 1. `image::Preprocess::picture` makes RGBA8 an [`image::Picture`]: a crop of `[S, S, 3]` bytes, and its content, a hash
//!    that is the same for every S.
//! 2. `dataset::Dataset::add_image` gives it an id, in a class that has one.
//! 3. `activations::Views::render` makes the view in which it is added, as it is; mirrored, as most trainings want it too, it
//!    is looked at when there is time ([`Project::embed_ahead`]), or by the training.
//! 4. `features::Embedder` runs the frozen stages, which normalise it, `[1, 3, S, S]` → `[1, F]`.
//! 5. The `activations::Store` keeps the rows under content, stages, cut and view.
//! 6. A training that wants others has `activations::Embedding::rows` compute them from the nearest that are kept.
//! 7. `train::Examples` makes batches `[batch, F]` of rows, standardised by [`head::Standardisation`].
//! 8. `train::Run::step` moves the head; the best epoch's weights are folded back to features as they are.
//! 9. `classifier::Classifier::predict` does 1 and 5 with a new picture, and `head::Head::logits` gives `[classes]`.
//! 10. Softmax makes them probabilities, each with the id and the present name of its class.
//!
//! Core knows no JavaScript, files, timers or DOM. Whatever waits for a device is `async`; times come from a
//! [`engine::Clock`] that the caller brings. Probabilities and shares run from 0 to 1, times are in seconds unless a
//! name says milliseconds.

#![warn(missing_docs)]
// JavaScript cannot catch a panic: whatever can fail is an error value.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod activations;
mod archive;
pub mod augment;
pub mod backbone;
pub mod bundle;
pub mod classifier;
pub mod crew;
pub mod dataset;
pub mod engine;
pub mod engines;
pub mod error;
pub mod export;
pub mod features;
pub mod head;
pub mod identity;
pub mod image;
pub mod metrics;
pub mod nn;
pub mod params;
pub mod predictor;
pub mod probe;
pub mod project;
pub mod project_file;
pub mod report;
pub mod train;

#[cfg(target_arch = "wasm32")]
mod web;

pub use error::{Error, Result};
pub use project::Project;
