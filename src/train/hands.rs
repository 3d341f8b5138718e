//! A step of fine-tuning on the CPU: its batch falls into shares, and whoever has a core takes some.
//!
//! The shares are the same whoever there is, and what comes of them is summed up in one order.

use super::examples::Batch;
use super::network::Network;
use crate::crew::{Answered, Crew, Numbers, Outline, Task};
use crate::engine::Clock;
use crate::error::{Error, Result};
use crate::head::Standardisation;
use crate::nn::{Goal, read_all};
use burn::tensor::Tensor;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

/// Shares that a batch falls into at most.
const SHARES: usize = 4;

/// Gradients of parameters, `None` of those that do not train.
pub(super) type Gradients = Vec<Option<Tensor<1>>>;

/// Some rows of a batch, with what is wanted of them.
pub(super) struct Share {
    pub maps: Tensor<4>,
    pub mask: Option<Tensor<2>>,
    pub goal: Goal,
}

/// What is the same for all shares of a step.
#[derive(Clone, Copy)]
pub(super) struct Lesson {
    /// Stages of the tail before this one do not train.
    pub first_active: usize,
    /// The factor of the penalty on the head's weights, which the first share adds.
    pub penalty: Option<f64>,
}

/// Rows of each share of so many.
pub(super) fn shares(rows: usize) -> impl Iterator<Item = Range<usize>> {
    let each = rows.div_ceil(SHARES).max(1);
    (0..rows).step_by(each).map(move |start| start..(start + each).min(rows))
}

/// Which shares each of so many has. What is summed up first stays together, and who asks has the first, and no more than others.
fn assigned(shares: usize, hands: usize) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = std::iter::once(0..shares).collect();
    while parts.len() < hands {
        let largest = parts.iter().map(Range::len).max().unwrap_or(0);
        let Some(at) = parts.iter().position(|part| part.len() == largest && largest > 1) else { break };
        let Range { start, end } = parts[at].clone();
        let middle = middle(start..end);
        parts.splice(at..=at, [start..middle, middle..end]);
    }
    parts
}

/// Where a run of shares falls in two: what is before it is summed up, and what is behind it, and then both.
fn middle(part: Range<usize>) -> usize {
    part.start + part.len().next_power_of_two() / 2
}

/// The sum over a run of shares, in the order that never changes; `known` gives that of a run that there is a sum of.
fn summed(part: Range<usize>, known: &mut impl FnMut(&Range<usize>) -> Option<Gradients>) -> Option<Gradients> {
    if let Some(gradients) = known(&part) {
        return Some(gradients);
    }
    if part.len() < 2 {
        return None;
    }
    let middle = middle(part.clone());
    let (left, right) = (summed(part.start..middle, known)?, summed(middle..part.end, known)?);
    Some(added(left, right))
}

/// The sum of the gradients that there are.
pub(super) fn added(left: Gradients, right: Gradients) -> Gradients {
    let sum = |(a, b): (Option<Tensor<1>>, Option<Tensor<1>>)| match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    };
    left.into_iter().zip(right).map(sum).collect()
}

/// The gradients of some shares together, and the logits of each. `first` is whether these are the first of their batch.
pub(super) fn learn(
    network: &Network,
    shares: &mut [Option<Share>],
    first: bool,
    lesson: Lesson,
) -> Option<(Gradients, Vec<Tensor<2>>)> {
    let mut logits = Vec::with_capacity(shares.len());
    let gradients = summed(0..shares.len(), &mut |part| {
        let share = if part.len() == 1 { shares[part.start].take()? } else { return None };
        let penalty = lesson.penalty.filter(|_| first && part.start == 0);
        let Share { maps, mask, goal } = share;
        let (gradients, of) = network.gradients(Batch::Maps(maps), goal, mask, Lesson { penalty, ..lesson });
        logits.push(of);
        Some(gradients)
    });
    Some((gradients?, logits))
}

/// With how many hands a step is done soonest. Slow cores may cost more than they do: who has the step waits for them. Where that is so fewer
/// are tried, and more again now and then.
#[derive(Default)]
struct Team {
    /// How many there are.
    there: usize,
    /// How many are used.
    used: usize,
    /// How many are used for once.
    tried: Option<usize>,
    /// How often something was.
    trials: usize,
    /// Rows of the steps that count: of the largest, which are all but the last of an epoch.
    rows: usize,
    /// Seconds of the shortest step since the latest trial.
    shortest: f64,
    /// How many of them its own part took.
    own: f64,
    /// Steps that counted.
    steps: u32,
    /// The step behind which something is tried.
    next: u32,
}

/// The first trial follows so many steps, when what a browser compiles on the way is compiled, and each of the others four times as many.
const TRIED_AFTER: u32 = 8;
/// A step has to be that much shorter for another number of hands to be used from then on.
const SHORTER: f64 = 0.9;
/// Where its own part takes less of a step, much of it is waiting for others.
const OWN: f64 = 0.8;

impl Team {
    /// How many of these to use for the next step.
    fn hands(&mut self, there: usize) -> usize {
        if there != self.there {
            *self = Self { there, used: there, shortest: f64::INFINITY, next: TRIED_AFTER, ..Self::default() };
        }
        self.tried.unwrap_or(self.used)
    }

    /// A step of so many rows has taken that long, of which its own part took `own`.
    fn note(&mut self, rows: usize, own: f64, seconds: f64) {
        if rows < self.rows {
            return;
        }
        if rows > self.rows {
            (self.rows, self.shortest) = (rows, f64::INFINITY);
        }
        if let Some(tried) = self.tried.take() {
            if seconds < SHORTER * self.shortest {
                self.used = tried;
            }
            // The machine may be another by the next trial: warm, or busy.
            self.shortest = f64::INFINITY;
            return;
        }
        if seconds < self.shortest {
            (self.shortest, self.own) = (seconds, own);
        }
        self.steps += 1;
        if self.steps == self.next {
            self.next *= 4;
            let waits = self.own < OWN * self.shortest;
            let fewer = (waits && self.used > 1).then(|| self.used.div_ceil(2));
            let more = [2 * self.used, self.there].map(|more| more.min(self.there));
            let others: Vec<usize> = more.into_iter().filter(|more| *more > self.used).chain(fewer).collect();
            self.tried = others.get(self.trials % others.len().max(1)).copied();
            self.trials += 1;
        }
    }
}

/// Those who compute one network's steps: whoever trains it, and the members of a crew that have made it too.
pub(super) struct Hands {
    crew: Option<Rc<dyn Crew>>,
    clock: Clock,
    team: RefCell<Team>,
    outline: Outline,
    /// Shift and scale of the features.
    scaling: Vec<f32>,
    /// Members that were asked to begin.
    asked: Cell<usize>,
    /// Those that have begun, and answer.
    members: RefCell<Vec<usize>>,
}

impl Hands {
    pub(super) fn new(crew: Option<Rc<dyn Crew>>, outline: Outline, scaling: &Standardisation, clock: Clock) -> Self {
        let scaling = [&scaling.mean[..], &scaling.scale].concat();
        let (asked, members, team) = (Cell::new(0), RefCell::new(Vec::new()), RefCell::new(Team::default()));
        Self { crew, clock, team, outline, scaling, asked, members }
    }

    /// Has those begin that have come meanwhile.
    async fn gather(&self) {
        let Some(crew) = &self.crew else { return };
        let come = self.asked.replace(crew.members())..crew.members();
        let task = Task::Begin(self.outline.clone());
        let answers: Vec<_> = come.map(|member| (member, crew.ask(member, &task, &[&self.scaling]))).collect();
        for (member, answer) in answers {
            if answer.await.is_some() {
                self.members.borrow_mut().push(member);
            }
        }
    }

    /// What a member answers; one that does not is asked no more.
    async fn hear(&self, member: usize, answer: Answered) -> Option<Box<dyn Numbers>> {
        let answer = answer.await;
        if answer.is_none() {
            self.members.borrow_mut().retain(|other| *other != member);
        }
        answer
    }

    /// The gradients of all shares of a batch together, and the logits of each.
    ///
    /// # Errors
    /// [`Error::Internal`], never where there is a share.
    pub(super) async fn learn(
        &self,
        network: &Network,
        shares: Vec<Share>,
        lesson: Lesson,
    ) -> Result<(Gradients, Vec<Tensor<2>>)> {
        let missing = || Error::Internal("a share of a batch is missing".into());
        self.gather().await;
        let members = self.members.borrow().clone();
        let start = (self.clock)();
        let hands = self.team.borrow_mut().hands(1 + members.len());
        let (parts, count) = (assigned(shares.len(), hands), shares.len());
        let all_rows: usize = shares.iter().map(|share| share.goal.labels.len()).sum();
        let mut shares: Vec<Option<Share>> = shares.into_iter().map(Some).collect();
        let mut asked = Vec::new();
        if let Some(crew) = self.crew.as_ref().filter(|_| parts.len() > 1) {
            let params = network.params.snapshot().await?;
            for (part, member) in parts[1..].iter().zip(members) {
                let of: Vec<&Share> = shares[part.clone()].iter().flatten().collect();
                let maps = of.iter().map(|share| share.maps.clone().flatten(0, 3));
                let masks = of.iter().filter_map(|share| share.mask.clone()).map(|mask| mask.flatten(0, 1));
                let rest = read_all(maps.chain(masks)).await?;
                let values: Vec<&[f32]> = params.iter().chain(rest.iter().map(Vec::as_slice)).collect();
                let goals = of.iter().map(|share| share.goal.clone()).collect();
                let masked = of.iter().any(|share| share.mask.is_some());
                let task = Task::Learn { goals, first_active: lesson.first_active, masked };
                asked.push((part.clone(), member, crew.ask(member, &task, &values)));
            }
        }
        let began = (self.clock)();
        let (own, mut logits) = learn(network, &mut shares[parts[0].clone()], true, lesson).ok_or_else(missing)?;
        let seconds_alone = (self.clock)() - began;
        let active: Vec<bool> = own.iter().map(Option::is_some).collect();
        let mut sums = BTreeMap::from([(parts[0].start, (parts[0].end, own))]);
        for (part, member, answer) in asked {
            let rows: Vec<usize> = shares[part.clone()].iter().flatten().map(|share| share.goal.labels.len()).collect();
            let heard = self.hear(member, answer).await;
            let found = match heard.and_then(|values| network.understood(&active, &rows, &*values)) {
                Some(found) => found,
                None => learn(network, &mut shares[part.clone()], false, lesson).ok_or_else(missing)?,
            };
            sums.insert(part.start, (part.end, found.0));
            logits.extend(found.1);
        }
        let mut known = |part: &Range<usize>| {
            let there = sums.get(&part.start).is_some_and(|(end, _)| *end == part.end);
            if there { sums.remove(&part.start).map(|(_, gradients)| gradients) } else { None }
        };
        let sum = summed(0..count, &mut known).ok_or_else(missing)?;
        self.team.borrow_mut().note(all_rows, seconds_alone, (self.clock)() - start);
        Ok((sum, logits))
    }

    /// How many batches are best looked at together.
    pub(super) fn at_once(&self) -> usize {
        self.team.borrow_mut().hands(1 + self.members.borrow().len())
    }

    /// The logits of batches, outside of the graph.
    ///
    /// # Errors
    /// Those of reading them.
    pub(super) async fn look(&self, network: &Network, batches: Vec<Batch>) -> Result<Vec<Vec<f32>>> {
        let mut members = self.members.borrow().clone();
        members.truncate(batches.len().saturating_sub(1));
        let params = network.params.without_graph();
        let told = if members.is_empty() { None } else { Some(params.snapshot().await?) };
        // All are asked before anything is computed here.
        let mut asked = BTreeMap::new();
        for ((at, batch), member) in batches.iter().enumerate().skip(1).zip(members) {
            let (Batch::Maps(x), Some(crew), Some(told)) = (batch, &self.crew, &told) else { break };
            let pictures = x.dims()[0];
            let maps = read_all([x.clone().flatten(0, 3)]).await?;
            let values: Vec<&[f32]> = told.iter().chain(maps.iter().map(Vec::as_slice)).collect();
            asked.insert(at, (member, pictures, crew.ask(member, &Task::Look { pictures }, &values)));
        }
        let mut logits = Vec::with_capacity(batches.len());
        for (at, batch) in batches.into_iter().enumerate() {
            let mut heard = None;
            if let Some((member, pictures, answer)) = asked.remove(&at) {
                let whole = pictures * network.head.classes();
                heard = self.hear(member, answer).await.filter(|values| values.count() == whole);
            }
            logits.push(match heard {
                Some(values) => values.all(),
                None => read_all([network.logits(batch, &params).flatten(0, 1)]).await?.concat(),
            });
        }
        Ok(logits)
    }
}

#[cfg(test)]
mod tests {
    use super::{Team, assigned, shares, summed};
    use crate::nn::on_device;
    use burn::tensor::Device;

    #[test]
    fn a_batch_falls_into_four_shares_at_most() {
        let of = |rows| shares(rows).map(|share| share.len()).collect::<Vec<_>>();
        assert_eq!(of(16), [4; 4]);
        assert_eq!(of(9), [3; 3]);
        assert_eq!(of(3), [1; 3]);
        assert_eq!(of(0), [0; 0]);
    }

    #[test]
    fn who_asks_has_the_first_shares_and_no_more_than_others() {
        let all = |shares| std::iter::once(0..shares).collect::<Vec<_>>();
        assert_eq!(assigned(4, 1), all(4));
        assert_eq!(assigned(4, 2), [0..2, 2..4]);
        assert_eq!(assigned(4, 3), [0..1, 1..2, 2..4]);
        assert_eq!(assigned(4, 9), [0..1, 1..2, 2..3, 3..4]);
        assert_eq!(assigned(3, 2), [0..2, 2..3]);
        assert_eq!(assigned(1, 4), all(1));
    }

    /// The hands of each of some steps, of which one takes as long, its own part and in all, as `seconds` says of the hands.
    fn used(team: &mut Team, steps: usize, there: usize, seconds: impl Fn(usize) -> (f64, f64)) -> Vec<usize> {
        let step = |_| {
            let hands = team.hands(there);
            let (own, all) = seconds(hands);
            team.note(16, own, all);
            hands
        };
        (0..steps).map(step).collect()
    }

    fn times(hands: &[usize], count: usize) -> usize {
        hands.iter().filter(|hands| **hands == count).count()
    }

    #[test]
    fn as_many_are_used_as_make_a_step_short() {
        // Each does its part.
        let all = used(&mut Team::default(), 600, 4, |hands| (0.9 / hands as f64, 1.0 / hands as f64));
        assert_eq!(times(&all, 4), 600);
        // The second core is as slow as three: it is left, and tried again after 32, 128 and 512 steps.
        let slow = |hands| if hands == 1 { (1.0, 1.0) } else { (0.5, 1.5) };
        let mut team = Team::default();
        let first = used(&mut team, 600, 2, slow);
        assert_eq!((&first[..8], times(&first, 2)), (&[2; 8][..], 8 + 3));
        // It has become as fast as the first one by the next time.
        let fast = |hands| if hands == 1 { (1.0, 1.0) } else { (0.5, 0.5) };
        let then = used(&mut team, 2000, 2, fast);
        assert_eq!((then[0], then[1999]), (1, 2));
        // Whoever comes meanwhile is used.
        assert_eq!(used(&mut team, 1, 3, slow), [3]);
        // Two cores are fast and two are slow: three and four are tried again, and one.
        let two = |hands| [(1.0, 1.0), (0.5, 0.5), (0.3, 0.8), (0.25, 0.8)][hands - 1];
        let some = used(&mut Team::default(), 600, 4, two);
        assert_eq!((times(&some, 4), times(&some, 2)), (8 + 3, 589));
        // Slow as they are, they are better than nobody.
        let help = used(&mut Team::default(), 600, 2, |hands| if hands == 1 { (1.0, 1.0) } else { (0.5, 0.95) });
        assert_eq!(times(&help, 1), 4);
    }

    #[test]
    fn short_steps_of_few_rows_are_not_compared() {
        let mut team = Team::default();
        for _ in 0..8 {
            assert_eq!(team.hands(2), 2);
            team.note(16, 0.5, 1.0);
            team.note(3, 0.1, 0.1);
        }
        assert_eq!(team.hands(2), 1);
        team.note(3, 0.1, 0.1);
        assert_eq!(team.hands(2), 1, "that was no trial");
        team.note(16, 1.9, 1.9);
        assert_eq!(team.hands(2), 2);
    }

    /// Of numbers whose sum depends on the order.
    #[test]
    fn shares_are_summed_up_in_one_order_whoever_has_them() {
        let numbers = [1.0e8_f32, 3.0, -1.0e8, 7.0];
        let of = |part: &std::ops::Range<usize>| vec![Some(on_device(vec![numbers[part.start]], &Device::flex()))];
        let sum = |hands: usize| {
            let parts = assigned(4, hands);
            let alone = |part| summed(part, &mut |part| (part.len() == 1).then(|| of(part))).unwrap();
            let mut sums: Vec<_> = parts.into_iter().map(|part| (part.clone(), Some(alone(part)))).collect();
            let all =
                summed(0..4, &mut |part| sums.iter_mut().find(|(of, _)| of == part).and_then(|(_, sum)| sum.take()));
            all.unwrap().remove(0).unwrap().into_scalar::<f32>()
        };
        for hands in 1..5 {
            assert_eq!(sum(hands), (1.0e8 + 3.0) + (-1.0e8 + 7.0), "{hands}");
        }
    }
}
