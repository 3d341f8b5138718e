//! Training: settings → [`ValidConfig`] → [`Run`], which is pulled step by step and tells of each in a [`TrainEvent`].

mod best;
mod checkpoint;
mod config;
mod event;
mod examples;
mod fit;
mod hands;
mod hint;
mod loss;
mod member;
mod network;
mod optimizer;
mod rules;
mod run;
mod schedule;

use std::pin::Pin;

pub use checkpoint::Checkpoint;
pub use config::{FineTune, Monitor, OptimizerKind, TrainConfig, ValidConfig};
pub use event::{EventKind, GroupRate, Phase, TrainEvent};
pub use examples::{Batch, Examples};
pub use loss::{Objective, argmax, balanced_weights, cross_entropy_of, softmax};
pub use member::Member;
pub use optimizer::{Optimizer, OptimizerSettings};
pub use rules::{
    NumberRange, PartName, SettingChoice, SettingCondition, SettingKind, SettingPart, SettingRule, SettingRules,
    SettingValue, setting_rules,
};
pub use run::{Outcome, Run, Start, Stopped, Tail};
pub use schedule::{Pace, Schedule};

/// What a step of a head need not have within, in a function of its own. A browser compiles what is called often once more, whole; a step that
/// has all of a training within keeps it busy for longer than a head trains.
#[inline(never)]
pub(crate) fn apart<'a, T>(other: impl Future<Output = T> + 'a) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    Box::pin(other)
}
