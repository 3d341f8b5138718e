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
