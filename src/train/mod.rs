//! Training: settings → [`ValidConfig`] → [`Run`], which is pulled step by step and tells of each in a [`TrainEvent`].

mod config;
mod event;
mod examples;
mod loss;
mod optimizer;
mod run;
mod schedule;

pub use config::{FineTune, OptimizerKind, TrainConfig, ValidConfig};
pub use event::{EventKind, Phase, TrainEvent};
pub use examples::Examples;
pub use loss::{Objective, argmax, balanced_weights, cross_entropy_of, softmax};
pub use optimizer::{Optimizer, OptimizerSettings};
pub use run::{Outcome, Run, Stopped};
pub use schedule::{Pace, Schedule};
