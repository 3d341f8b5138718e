//! What each setting may be, what it is where nothing else is asked for, and beside which others it makes a difference:
//! one table, which [`TrainConfig::check`] goes by and the page is served.

use super::config::{CLASS_WEIGHTS, MONITORS, OPTIMIZERS, SCHEDULES, TrainConfig};
use crate::error::{Error, Result};
use crate::head::Activation;
use serde::Serialize;
use std::fmt;

/// The rules of all settings.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct SettingRules {
    /// One a setting, in the order of the settings.
    pub settings: Vec<SettingRule>,
}

/// What one setting may be and when it matters.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct SettingRule {
    /// Its name in the settings.
    #[cfg_attr(test, ts(type = "keyof TrainConfig"))]
    pub name: &'static str,
    /// What it may be.
    #[serde(flatten)]
    pub kind: SettingKind,
    /// It makes a difference where each of these lists holds, and a list does where any of its conditions does.
    pub when: Vec<Vec<SettingCondition>>,
}

/// The kinds of settings.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "types.ts"))]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum SettingKind {
    /// A number.
    Number {
        /// What it may be.
        range: NumberRange,
        /// What it is where nothing else is asked for.
        default: f64,
        /// Where it is in the settings.
        #[serde(skip)]
        of: fn(&TrainConfig) -> f64,
    },
    /// One of a few words, some of which take a number along.
    Choice {
        /// The words.
        choices: Vec<SettingChoice>,
        /// What it is where nothing else is asked for.
        default: String,
    },
    /// Yes or no.
    Flag {
        /// What it is where nothing else is asked for.
        default: bool,
    },
}

/// The numbers that something may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct NumberRange {
    /// The lower end.
    pub min: f64,
    /// The upper end, or none where something else sets it: a backbone has so many stages.
    pub max: Option<f64>,
    /// Whether the lower end itself is none of them.
    pub min_excluded: bool,
    /// Whether the upper end itself is none of them.
    pub max_excluded: bool,
    /// Whether only whole numbers are.
    pub whole: bool,
}

/// A word that a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct SettingChoice {
    /// The word.
    pub value: &'static str,
    /// The number that it takes along after a colon.
    pub part: Option<SettingPart>,
}

/// A number that is part of a setting: the units of `mlp:128`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub struct SettingPart {
    /// What it is called.
    pub name: PartName,
    /// What it may be.
    pub range: NumberRange,
    /// What to begin with where nothing else is asked for.
    pub default: f64,
}

/// What the parts of settings are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "camelCase")]
pub enum PartName {
    /// Of the hidden layer of an MLP.
    Units,
    /// Of a head's convolution.
    Channels,
    /// `C` of an SVM.
    Margin,
    /// Of the backbone, counted from its end.
    Stages,
}

/// Something that another setting, or a part of one, has to be.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum SettingCondition {
    /// One of these words.
    Is {
        /// The setting.
        #[cfg_attr(test, ts(type = "keyof TrainConfig | PartName"))]
        setting: &'static str,
        /// The words.
        is: Vec<&'static str>,
    },
    /// Anything but this.
    IsNot {
        /// The setting.
        #[cfg_attr(test, ts(type = "keyof TrainConfig | PartName"))]
        setting: &'static str,
        /// What it must not be.
        is_not: SettingValue,
    },
}

/// What a setting is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(untagged)]
pub enum SettingValue {
    /// A number.
    Number(f64),
    /// A word.
    Word(&'static str),
}

/// Units of an MLP's hidden layer.
pub(super) const UNITS: SettingPart =
    SettingPart { name: PartName::Units, range: NumberRange::whole(1, 4096), default: 128.0 };

/// Channels of a convolutional head.
pub(super) const CHANNELS: SettingPart =
    SettingPart { name: PartName::Channels, range: NumberRange::whole(1, 512), default: 64.0 };

/// `C` of an SVM. The default is the best of 0.0001 to 1 on four picture sets with two backbones (mean test accuracy
/// 75.2 %, against 74.7 % at 0.01 and 72.5 % at 0.1), features standardised as here.
pub(super) const MARGIN: SettingPart =
    SettingPart { name: PartName::Margin, range: NumberRange::above(0.0, 1e6), default: 0.001 };

/// Stages that train; a backbone says itself how many there are.
pub(super) const STAGES: SettingPart = SettingPart {
    name: PartName::Stages,
    range: NumberRange { max: None, ..NumberRange::whole(1, u32::MAX) },
    default: 3.0,
};

/// The rules of every setting of [`TrainConfig`].
pub fn setting_rules() -> SettingRules {
    use NumberRange as R;
    let defaults = TrainConfig::default();
    let number = |name, range, of: fn(&TrainConfig) -> f64| {
        SettingRule::new(name, SettingKind::Number { range, default: of(&defaults), of })
    };
    let choice = |name, choices, default: &str| {
        SettingRule::new(name, SettingKind::Choice { choices, default: default.to_string() })
    };
    let flag = |name, default| SettingRule::new(name, SettingKind::Flag { default });
    let heads = vec![word("linear"), UNITS.of("mlp"), CHANNELS.of("conv"), MARGIN.of("svm")];
    let fine_tunes = || [is_not("fineTune", "none")];
    // Of a single stage none comes before another.
    let several = || [is("fineTune", &["all"]), is_not("stages", 1.0)];
    let reduces = || [is("schedule", &["step", "plateau"])];
    // A margin is no distribution over classes that could be smoothed, and its loss counts every picture alike.
    let no_margin = || [is_not("head", "svm")];
    let held_out = || [is_not("validation", 0.0)];
    let augments = [is_not("zoom", 1.0), is_not("rotation", 0.0), is_not("brightness", 0.0), is_not("contrast", 0.0)];
    let settings = vec![
        choice("head", heads, &defaults.head),
        choice("activation", words(&Activation::ALL.map(Activation::name)), &defaults.activation)
            .when([is("head", &["mlp"])]),
        choice("fineTune", vec![word("none"), STAGES.of("last"), word("all")], &defaults.fine_tune),
        number("epochs", R::whole(1, 1000), |c| c.epochs),
        number("fineTuneEpochs", R::whole(1, 1000), |c| c.fine_tune_epochs).when(fine_tunes()),
        number("learningRate", R::above(0.0, 1.0), |c| c.learning_rate),
        number("backboneLearningRate", R::above(0.0, 1.0), |c| c.backbone_learning_rate).when(fine_tunes()),
        number("headLearningRate", R::above(0.0, 1.0), |c| c.head_learning_rate).when(fine_tunes()),
        number("depthDecay", R::above(0.0, 1.0), |c| c.depth_decay).when(fine_tunes()).when(several()),
        number("unfreezeEvery", R::whole(0, 1000), |c| c.unfreeze_every).when(fine_tunes()).when(several()),
        flag("trainNorms", defaults.train_norms).when(fine_tunes()),
        number("batchSize", R::whole(1, 1024), |c| c.batch_size),
        choice("optimizer", words(&OPTIMIZERS.map(|(word, _)| word)), &defaults.optimizer),
        number("momentum", R::below(0.0, 1.0), |c| c.momentum).when([is("optimizer", &["sgd"])]),
        number("clipNorm", R::between(0.0, 1e6), |c| c.clip_norm),
        choice("schedule", words(&SCHEDULES.map(|(word, _)| word)), &defaults.schedule),
        number("warmUp", R::below(0.0, 1.0), |c| c.warm_up),
        number("stepEvery", R::whole(1, 1000), |c| c.step_every).when(reduces()),
        number("stepFactor", R::above(0.0, 1.0), |c| c.step_factor).when(reduces()),
        number("weightDecay", R::between(0.0, 1.0), |c| c.weight_decay),
        number("labelSmoothing", R::below(0.0, 1.0), |c| c.label_smoothing).when(no_margin()),
        choice("classWeights", words(&CLASS_WEIGHTS.map(|(word, _)| word)), &defaults.class_weights).when(no_margin()),
        number("dropout", R::below(0.0, 1.0), |c| c.dropout),
        flag("flip", defaults.flip),
        number("zoom", R::between(0.05, 1.0), |c| c.zoom),
        number("rotation", R::between(0.0, 180.0), |c| c.rotation),
        number("brightness", R::below(0.0, 1.0), |c| c.brightness),
        number("contrast", R::below(0.0, 1.0), |c| c.contrast),
        // Where the whole network trains nothing is cached, and every variant is a fresh one.
        number("variants", R::whole(1, 64), |c| c.variants).when([is_not("fineTune", "all")]).when(augments),
        number("validation", R::between(0.0, 0.9), |c| c.validation),
        number("patience", R::whole(0, 1000), |c| c.patience).when(held_out()),
        choice("monitor", words(&MONITORS.map(|(word, _)| word)), &defaults.monitor).when(held_out()),
        flag("warmStart", defaults.warm_start),
        number("memoryLimit", R::between(0.0, 65536.0), |c| c.memory_limit),
        number("seed", R::whole(0, u32::MAX), |c| c.seed),
    ];
    SettingRules { settings }
}

impl SettingRules {
    /// Checks every setting that is a number.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`] naming the setting, its value and its range.
    pub(super) fn check_numbers(&self, config: &TrainConfig) -> Result<()> {
        for SettingRule { name, kind, .. } in &self.settings {
            if let SettingKind::Number { range, of, .. } = kind
                && !range.holds(of(config))
            {
                return Err(invalid(name, of(config), range));
            }
        }
        Ok(())
    }
}

impl SettingRule {
    fn new(name: &'static str, kind: SettingKind) -> Self {
        Self { name, kind, when: Vec::new() }
    }

    /// Makes a difference only where any of these holds, too.
    fn when(mut self, any: impl Into<Vec<SettingCondition>>) -> Self {
        self.when.push(any.into());
        self
    }
}

impl SettingPart {
    /// What was written after the colon; nothing there is the default. `None` where it is not in range.
    pub(super) fn read(&self, text: Option<&str>) -> Option<f64> {
        let value = match text {
            None => self.default,
            Some(text) if self.range.whole => text.parse::<u64>().ok()? as f64,
            Some(text) => text.parse().ok()?,
        };
        self.range.holds(value).then_some(value)
    }

    const fn of(self, value: &'static str) -> SettingChoice {
        SettingChoice { value, part: Some(self) }
    }
}

impl NumberRange {
    const fn between(min: f64, max: f64) -> Self {
        Self { min, max: Some(max), min_excluded: false, max_excluded: false, whole: false }
    }

    /// Without the lower end.
    const fn above(min: f64, max: f64) -> Self {
        Self { min_excluded: true, ..Self::between(min, max) }
    }

    /// Without the upper end.
    const fn below(min: f64, max: f64) -> Self {
        Self { max_excluded: true, ..Self::between(min, max) }
    }

    const fn whole(min: u32, max: u32) -> Self {
        Self { whole: true, ..Self::between(min as f64, max as f64) }
    }

    /// Its ends in words: “1 to 64”.
    pub(super) fn ends(&self) -> String {
        let max = self.max.map_or_else(String::new, |max| format!(" to {max}"));
        format!("{}{max}", self.min)
    }

    fn holds(&self, value: f64) -> bool {
        let from = if self.min_excluded { value > self.min } else { value >= self.min };
        let to = self.max.is_none_or(|max| if self.max_excluded { value < max } else { value <= max });
        value.is_finite() && from && to && !(self.whole && value.fract() != 0.0)
    }
}

impl fmt::Display for NumberRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.whole {
            write!(f, "a whole number ")?;
        }
        write!(f, "{} {}", if self.min_excluded { "above" } else { "from" }, self.min)?;
        match self.max {
            None => Ok(()),
            Some(max) if self.max_excluded => {
                write!(f, " {} below {max}", if self.min_excluded { "and" } else { "to" })
            }
            Some(max) => write!(f, " {} {max}", if self.min_excluded { "and at most" } else { "to" }),
        }
    }
}

impl From<f64> for SettingValue {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<&'static str> for SettingValue {
    fn from(value: &'static str) -> Self {
        Self::Word(value)
    }
}

/// What the word of a setting stands for.
///
/// # Errors
/// [`Error::ConfigInvalid`] naming the setting, its value and the words.
pub(super) fn choose<T: Copy>(setting: &'static str, text: &str, words: &[(&'static str, T)]) -> Result<T> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let expected = match words.split_last() {
            Some((last, [])) => (*last).to_string(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        };
        invalid(setting, text, expected)
    })
}

/// A setting that cannot be this.
pub(super) fn invalid(field: &'static str, value: impl ToString, expected: impl ToString) -> Error {
    Error::ConfigInvalid { field, value: value.to_string(), expected: expected.to_string() }
}

fn words(values: &[&'static str]) -> Vec<SettingChoice> {
    values.iter().copied().map(word).collect()
}

const fn word(value: &'static str) -> SettingChoice {
    SettingChoice { value, part: None }
}

fn is(setting: &'static str, words: &[&'static str]) -> SettingCondition {
    SettingCondition::Is { setting, is: words.to_vec() }
}

fn is_not(setting: &'static str, value: impl Into<SettingValue>) -> SettingCondition {
    SettingCondition::IsNot { setting, is_not: value.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::ValidConfig;
    use serde_json::{Map, Value, json};
    use std::collections::BTreeSet;

    fn check(setting: &str, value: impl Into<Value>) -> Result<ValidConfig> {
        let config: TrainConfig = serde_json::from_value(json!({ setting: value.into() })).unwrap();
        config.check()
    }

    /// That a setting cannot be this, and that the message says what it may be.
    fn assert_refused(setting: &str, value: impl Into<Value>, expected: &[&str]) {
        let value = value.into();
        let error = check(setting, value.clone()).expect_err(&format!("{setting} cannot be {value}"));
        assert_eq!(error.code(), "config_invalid");
        assert!(error.value().unwrap().starts_with(&format!("{setting}=")), "{error}");
        for words in expected {
            assert!(error.to_string().contains(words), "“{error}” does not say “{words}”");
        }
    }

    /// The numbers at the ends of a range and beside them: those that it holds and those that it does not.
    fn edges(range: &NumberRange) -> (Vec<f64>, Vec<f64>) {
        let (mut held, mut refused) = (Vec::new(), Vec::new());
        if range.whole {
            held.push(range.min);
            held.extend(range.max);
            refused.extend([range.min - 1.0, range.min + 0.5]);
            refused.extend(range.max.map(|max| max + 1.0));
        } else {
            let (inside, outside) = (range.min.next_up(), range.min.next_down());
            if range.min_excluded { &mut refused } else { &mut held }.push(range.min);
            held.push(inside);
            refused.push(outside);
            let max = range.max.expect("every such range has two ends");
            if range.max_excluded { &mut refused } else { &mut held }.push(max);
            held.push(max.next_down());
            refused.push(max.next_up());
        }
        (held, refused)
    }

    #[test]
    fn every_setting_has_its_rule_and_its_default() {
        let Value::Object(defaults) = serde_json::to_value(TrainConfig::default()).unwrap() else { unreachable!() };
        let told = setting_rules().settings.into_iter().map(|SettingRule { name, kind, .. }| {
            let default = match kind {
                SettingKind::Number { default, .. } => default.into(),
                SettingKind::Choice { default, .. } => default.into(),
                SettingKind::Flag { default } => default.into(),
            };
            (name.to_string(), default)
        });
        assert_eq!(told.collect::<Map<String, Value>>(), defaults);
    }

    #[test]
    fn a_number_is_taken_up_to_its_ends_and_refused_beyond() {
        for SettingRule { name, kind, .. } in setting_rules().settings {
            let SettingKind::Number { range, default, .. } = kind else { continue };
            let (held, refused) = edges(&range);
            for value in held.into_iter().chain([default]) {
                check(name, value).unwrap();
            }
            for value in refused {
                assert_refused(name, value, &[&range.to_string()]);
            }
        }
    }

    #[test]
    fn a_part_is_taken_up_to_its_ends_and_refused_beyond() {
        let mut parts = Vec::new();
        for SettingRule { name, kind, .. } in setting_rules().settings {
            let SettingKind::Choice { choices, .. } = kind else { continue };
            for SettingChoice { value: word, part } in choices {
                let Some(SettingPart { name: part, range, default }) = part else { continue };
                let (held, refused) = edges(&range);
                for value in held.into_iter().chain([default]) {
                    check(name, format!("{word}:{value}")).unwrap();
                }
                let ends = [range.min.to_string(), range.max.map_or_else(String::new, |max| max.to_string())];
                for value in refused {
                    assert_refused(name, format!("{word}:{value}"), &[word, &ends[0], &ends[1]]);
                }
                for text in ["", "x", "NaN", "inf"] {
                    assert_refused(name, format!("{word}:{text}"), &[word]);
                }
                parts.push(part);
            }
        }
        assert_eq!(parts, [PartName::Units, PartName::Channels, PartName::Margin, PartName::Stages]);
        assert_eq!(check("head", "mlp").unwrap().head, check("head", "mlp:128").unwrap().head);
    }

    #[test]
    fn each_word_is_taken_and_any_other_refused() {
        for SettingRule { name, kind, .. } in setting_rules().settings {
            let SettingKind::Choice { choices, default } = kind else { continue };
            check(name, default).unwrap();
            for SettingChoice { value, part } in &choices {
                let text = part.map_or_else(|| (*value).to_string(), |part| format!("{value}:{}", part.default));
                check(name, text).unwrap();
                if part.is_none() {
                    assert_refused(name, format!("{value}:1"), &[value]);
                }
            }
            let words: Vec<&str> = choices.iter().map(|choice| choice.value).collect();
            assert_refused(name, "zigzag", &words);
        }
    }

    #[test]
    fn conditions_are_about_settings_and_values_that_there_are() {
        let rules = setting_rules().settings;
        let mut words = BTreeSet::new();
        let mut numbers = BTreeSet::new();
        for SettingRule { name, kind, .. } in &rules {
            match kind {
                SettingKind::Number { .. } => drop(numbers.insert((*name).to_string())),
                SettingKind::Choice { choices, .. } => {
                    words.extend(choices.iter().map(|choice| (*name, choice.value)));
                    let parts = choices.iter().filter_map(|choice| choice.part);
                    numbers.extend(parts.map(|part| serde_json::to_value(part.name).unwrap().as_str().unwrap().into()));
                }
                SettingKind::Flag { .. } => {}
            }
        }
        for condition in rules.iter().flat_map(|rule| rule.when.iter().flatten()) {
            match condition {
                SettingCondition::Is { setting, is } => {
                    assert!(is.iter().all(|word| words.contains(&(setting, word))), "{condition:?}");
                }
                SettingCondition::IsNot { setting, is_not: SettingValue::Word(word) } => {
                    assert!(words.contains(&(setting, word)), "{condition:?}");
                }
                SettingCondition::IsNot { setting, is_not: SettingValue::Number(_) } => {
                    assert!(numbers.contains(*setting), "{condition:?}");
                }
            }
        }
    }

    #[test]
    fn ranges_read_as_sentences_do() {
        for (range, words) in [
            (NumberRange::whole(1, 1000), "a whole number from 1 to 1000"),
            (NumberRange { max: None, ..NumberRange::whole(1, 2) }, "a whole number from 1"),
            (NumberRange::above(0.0, 1.0), "above 0 and at most 1"),
            (NumberRange::below(0.0, 1.0), "from 0 to below 1"),
            (NumberRange::between(0.05, 1.0), "from 0.05 to 1"),
            (NumberRange { max_excluded: true, ..NumberRange::above(0.0, 1e6) }, "above 0 and below 1000000"),
        ] {
            assert_eq!(range.to_string(), words);
        }
        let told = |config: TrainConfig| config.check().unwrap_err().to_string();
        let default = TrainConfig::default;
        for (config, message) in [
            (
                TrainConfig { head: "mlp:0".into(), ..default() },
                "The setting head cannot be mlp:0: it must be mlp:UNITS with 1 to 4096 units.",
            ),
            (
                TrainConfig { head: "svm:0".into(), ..default() },
                "The setting head cannot be svm:0: it must be svm:C with C above 0 and at most 1000000.",
            ),
            (
                TrainConfig { fine_tune: "last".into(), ..default() },
                "The setting fineTune cannot be last: it must be none, last:N with N from 1, or all.",
            ),
            (
                TrainConfig { schedule: "up".into(), ..default() },
                "The setting schedule cannot be up: it must be cosine, constant, step or plateau.",
            ),
        ] {
            assert_eq!(told(config), message);
        }
    }

    /// The page's own tests have no wasm to ask: they read this file, as the page's code reads the types beside it.
    #[test]
    fn export_rules() {
        let text = serde_json::to_string_pretty(&setting_rules()).unwrap() + "\n";
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/www/generated/rules.json"), text).unwrap();
    }
}
