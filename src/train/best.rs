//! Which epoch's weights are kept.

use super::Phase;
use super::config::Monitor;
use super::fit::{LookBack, Validated};
use super::network::Trained;
use serde::{Deserialize, Serialize};

/// A fine-tuned model's validation loss may be this many times that of the head alone.
const LARGEST_LOSS: f64 = 1.1;

/// Where no pictures are held out, an epoch does not count that is worse than guessing on the pictures that it learned
/// from and this many times worse than one before it.
const ASTRAY: f64 = 2.0;

/// The best weights so far and where they came from.
#[derive(Clone)]
pub(super) struct Best {
    pub phase: Phase,
    /// Counted from 1 through all phases; 0 is the model that a warm start began with.
    pub epoch: u32,
    pub validated: Option<Validated>,
    pub values: Trained,
}

/// The figures that the epochs of a phase have to beat.
pub(super) struct Judge {
    rule: Rule,
    figures: Figures,
}

/// What a [`Judge`] has seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Figures {
    /// The best of the phases before, or the model that a warm start began with.
    before: Option<Validated>,
    best: Option<Validated>,
    /// The lowest loss on pictures that train, where none are held out.
    lowest: Option<f64>,
    /// Whether the best epoch counts only as long as the phase is cut short.
    provisional: bool,
}

/// What makes an epoch better.
#[derive(Clone, Copy)]
enum Rule {
    /// A lower loss.
    Loss,
    /// More pictures right.
    Accuracy,
    /// More pictures right, from this epoch on, and not for a much worse loss.
    FineTuning { from: u32 },
}

impl Judge {
    /// A judge for a phase of so many epochs.
    ///
    /// `Auto` goes by the loss while the head trains alone. While the backbone is fine-tuned the loss grows
    /// over-confident although the accuracy improves, so there it goes by the accuracy. Because few held-out pictures
    /// decide, it counts only the second half of the epochs, where the rate falls, and refuses a loss that is more
    /// than a tenth above what there was before. Over three seeds on four picture sets that gained 2.2 points on
    /// average and lost on none, where the best of all epochs lost 2 points on the smallest set and the lowest loss
    /// gained a third less.
    pub(super) fn new(monitor: Monitor, phase: Phase, epochs: u32, before: Option<Validated>) -> Self {
        let rule = match (monitor, phase) {
            (Monitor::Auto, Phase::FineTune) => Rule::FineTuning { from: epochs.div_ceil(2) },
            (Monitor::Accuracy, _) => Rule::Accuracy,
            (Monitor::Auto | Monitor::Loss, _) => Rule::Loss,
        };
        Self { rule, figures: Figures { before, best: None, lowest: None, provisional: false } }
    }

    /// The same, of a phase that began with a model which had this loss on pictures that train.
    pub(super) fn having_seen(self, lowest: Option<f64>) -> Self {
        Self { figures: Figures { lowest, ..self.figures }, ..self }
    }

    /// The lowest loss on pictures that train, as far as it was asked for.
    pub(super) fn lowest(&self) -> Option<f64> {
        self.figures.lowest
    }

    /// What it has seen.
    pub(super) fn figures(&self) -> &Figures {
        &self.figures
    }

    /// The same judge, having seen this.
    pub(super) fn recalling(self, figures: Figures) -> Self {
        Self { figures, ..self }
    }

    /// Whether, with this epoch, what an early one brought does not count any more.
    ///
    /// A run that is stopped early keeps the best of its early epochs rather than nothing; one that goes on chooses
    /// among the later ones.
    pub(super) fn starts_anew(&mut self, epoch: u32) -> bool {
        let over = self.figures.provisional && matches!(self.rule, Rule::FineTuning { from } if epoch >= from);
        if over {
            (self.figures.best, self.figures.provisional) = (None, false);
        }
        over
    }

    /// Whether an epoch, counted from 1, is the best so far. Of epochs with as many pictures right the later one is,
    /// for it has seen a lower rate. Without held-out pictures the latest is, unless the training has gone
    /// astray: `seen` is how pictures that train fare, which is only asked then.
    pub(super) fn improves(&mut self, epoch: u32, validated: Option<Validated>, seen: Option<LookBack>) -> bool {
        let Some(new) = validated else { return seen.is_none_or(|seen| self.is_on_course(seen)) };
        let Figures { before, best, .. } = self.figures;
        let better = match self.rule {
            Rule::Loss => [before, best].into_iter().flatten().all(|old| new.loss < old.loss),
            Rule::Accuracy => {
                before.is_none_or(|old| new.hits > old.hits) && best.is_none_or(|old| new.hits >= old.hits)
            }
            Rule::FineTuning { from } => {
                self.figures.provisional = epoch < from;
                best.is_none_or(|old| new.hits >= old.hits)
                    && before.is_none_or(|old| new.hits > old.hits && new.loss <= LARGEST_LOSS * old.loss)
            }
        };
        if better {
            self.figures.best = Some(new);
        }
        better
    }

    fn is_on_course(&mut self, seen: LookBack) -> bool {
        let lowest = self.figures.lowest.unwrap_or(f64::INFINITY);
        self.figures.lowest = Some(lowest.min(seen.loss));
        seen.loss <= (ASTRAY * lowest).max(seen.guessing)
    }

    /// The first epoch that counts: patience begins with it.
    pub(super) fn first(&self) -> u32 {
        match self.rule {
            Rule::FineTuning { from } => from,
            Rule::Loss | Rule::Accuracy => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hits: usize, loss: f64) -> Option<Validated> {
        Some(Validated { loss, hits, seen: 60 })
    }

    fn back(loss: f64) -> Option<LookBack> {
        Some(LookBack { loss, guessing: 0.7 })
    }

    fn judged(monitor: Monitor, before: Option<Validated>, epochs: &[(usize, f64)]) -> Vec<bool> {
        let mut judge = Judge::new(monitor, Phase::FineTune, epochs.len() as u32, before);
        let ends = (1..).zip(epochs).map(|(epoch, (hits, loss))| {
            judge.starts_anew(epoch);
            judge.improves(epoch, at(*hits, *loss), None)
        });
        ends.collect()
    }

    #[test]
    fn fine_tuning_has_to_be_better_in_its_second_half() {
        let before = at(50, 0.5);
        let epochs = [(55, 0.4), (51, 0.4), (51, 0.54), (50, 0.3), (52, 0.6), (51, 0.5)];
        assert_eq!(judged(Monitor::Auto, before, &epochs), [true, false, true, false, false, true]);
        assert_eq!(judged(Monitor::Auto, before, &[(50, 0.1); 4]), [false; 4]);
        assert_eq!(judged(Monitor::Auto, None, &[(50, 0.1); 4]), [true, true, true, true]);
        let mut judge = Judge::new(Monitor::Auto, Phase::FineTune, 4, before);
        let anew: Vec<bool> =
            (1..=4).map(|epoch| (judge.starts_anew(epoch), judge.improves(epoch, at(51, 0.4), None)).0).collect();
        assert_eq!(anew, [false, true, false, false], "from the middle on the early epochs do not count");
    }

    #[test]
    fn a_chosen_figure_counts_in_every_epoch() {
        let before = at(50, 0.5);
        let epochs = [(51, 0.6), (50, 0.4), (51, 0.45), (52, 0.3)];
        assert_eq!(judged(Monitor::Accuracy, before, &epochs), [true, false, true, true]);
        assert_eq!(judged(Monitor::Loss, before, &epochs), [false, true, false, true]);
    }

    #[test]
    fn without_held_out_pictures_the_latest_is_best() {
        let mut judge = Judge::new(Monitor::Auto, Phase::FineTune, 4, None);
        let losses = [0.9, 0.3, 0.65, 0.2];
        assert!((1..).zip(losses).all(|(epoch, loss)| judge.improves(epoch, None, back(loss))));
    }

    #[test]
    fn without_held_out_pictures_a_training_that_goes_astray_keeps_what_it_had() {
        let mut judge = Judge::new(Monitor::Auto, Phase::Head, 5, None);
        let losses = [0.9, 0.4, 5.0, 80.0, 0.5];
        let kept: Vec<bool> = (1..).zip(losses).map(|(epoch, loss)| judge.improves(epoch, None, back(loss))).collect();
        assert_eq!(kept, [true, true, false, false, true]);
    }
}
