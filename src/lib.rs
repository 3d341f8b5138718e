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
//! - [`backbone`] is a list of stages with pretrained weights that can be cut at any boundary: the frozen prefix runs
//!   with BatchNorm folded, the tail can train.
//! - [`features`] runs the prefix once a picture and keeps what comes out: F = 1280 numbers for a frozen backbone, the
//!   feature map `[channels, height, width]` at the boundary where stages train.
//! - [`dataset`] holds classes and pictures and makes the [`dataset::Split`] into training and validation pictures,
//!   once a run; everyone is handed it.
//! - [`train`] checks the settings ([`train::TrainConfig`] → [`train::ValidConfig`]) and trains a [`head`] on cached
//!   features, then, where asked, the last stages of the backbone with it, one pulled step at a time ([`train::Run`]).
//! - [`classifier`] predicts, [`metrics`] measures, [`bundle`] saves and loads.
//! - [`engine`] picks the device (WebGPU or CPU) and says why.
//! - [`project`] ties these into one session, which the command line (`src/bin`) and the browser (`web`) both drive.
//!
//! Core knows no JavaScript, files, timers or DOM. Whatever waits for a device is `async`; times come from a
//! [`engine::Clock`] that the caller brings. Probabilities and shares run from 0 to 1, times are in seconds unless a
//! name says milliseconds.

#![warn(missing_docs)]
// JavaScript cannot catch a panic: whatever can fail is an error value.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod augment;
pub mod backbone;
pub mod bundle;
pub mod classifier;
pub mod dataset;
pub mod engine;
pub mod error;
pub mod features;
pub mod head;
pub mod image;
pub mod metrics;
pub mod params;
pub mod project;
pub mod report;
pub mod train;

#[cfg(target_arch = "wasm32")]
mod web;

pub use error::{Error, Result};
pub use project::Project;
