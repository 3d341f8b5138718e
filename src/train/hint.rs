//! Remarks on a training that goes wrong in one of the two usual ways.

use super::Phase;
use super::fit::Validated;
use crate::dataset::Warning;
use serde::{Deserialize, Serialize};

/// Overfitting is told where training accuracy is this far ahead...
const GAP: f64 = 0.15;
/// ...and the validation loss has not got better for this many epochs.
const STALE: u32 = 3;
/// Forgetting is told where this share of the held-out pictures is lost to what there was before,
const LOST: f64 = 0.05;
/// but not for less than so many pictures.
const LOST_PICTURES: usize = 2;

/// Watches a phase.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Watch {
    phase: Phase,
    before: Option<Validated>,
    /// None before the first epoch ended.
    lowest: Option<f64>,
    stale: u32,
}

impl Watch {
    pub(super) fn new(phase: Phase, before: Option<Validated>) -> Self {
        Self { phase, before, lowest: None, stale: 0 }
    }

    /// Looks at the end of an epoch.
    pub(super) fn epoch(&mut self, accuracy: f64, validated: Option<Validated>) -> Option<Warning> {
        let now = validated?;
        if self.lowest.is_none_or(|lowest| now.loss < lowest) {
            (self.lowest, self.stale) = (Some(now.loss), 0);
        } else {
            self.stale = self.stale.saturating_add(1);
        }
        let percent = |share: f64| (share * 100.0).round();
        if let Some(before) = self.before.filter(|_| self.phase == Phase::FineTune)
            && before.hits >= now.hits + LOST_PICTURES
            && before.accuracy() - now.accuracy() >= LOST
        {
            return Some(Warning {
                code: "forgetting".into(),
                message: format!(
                    "Fine-tuning recognises fewer of the held-out pictures than before ({} % instead of {} %): the \
                     backbone forgets what it knew. A lower backbone learning rate or fewer unfrozen blocks help. \
                     The best weights so far are kept.",
                    percent(now.accuracy()),
                    percent(before.accuracy())
                ),
            });
        }
        (accuracy - now.accuracy() >= GAP && self.stale >= STALE).then(|| Warning {
            code: "overfitting".into(),
            message: format!(
                "{} % of the training pictures are right, but only {} % of the held-out ones, and their loss has not \
                 got better for {} epochs: the model learns the pictures by heart. More pictures, more augmentation \
                 or fewer epochs help.",
                percent(accuracy),
                percent(now.accuracy()),
                self.stale
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(loss: f64, hits: usize) -> Option<Validated> {
        Some(Validated { loss, hits, seen: 100 })
    }

    #[test]
    fn a_gap_alone_is_no_overfitting() {
        let mut watch = Watch::new(Phase::Head, None);
        let told: Vec<bool> =
            [0.9, 0.8, 0.7, 0.6, 0.5].iter().map(|loss| watch.epoch(1.0, at(*loss, 80)).is_some()).collect();
        assert_eq!(told, [false; 5]);
    }

    #[test]
    fn a_gap_with_a_rising_loss_is_told() {
        let mut watch = Watch::new(Phase::Head, None);
        let codes: Vec<Option<String>> =
            [0.5, 0.6, 0.7, 0.8].iter().map(|loss| watch.epoch(0.98, at(*loss, 80)).map(|hint| hint.code)).collect();
        assert_eq!(codes, [None, None, None, Some("overfitting".to_string())]);
        assert!(watch.epoch(0.9, at(0.9, 80)).is_none(), "a small gap is not worth a word");
    }

    #[test]
    fn losing_held_out_pictures_is_forgetting() {
        let mut watch = Watch::new(Phase::FineTune, at(0.5, 90));
        assert!(watch.epoch(0.9, at(0.5, 86)).is_none());
        assert_eq!(watch.epoch(0.9, at(0.5, 85)).unwrap().code, "forgetting");
        assert!(Watch::new(Phase::FineTune, None).epoch(0.9, at(0.5, 10)).is_none(), "nothing to compare with");
        assert!(watch.epoch(0.9, None).is_none(), "nothing held out");
    }
}
