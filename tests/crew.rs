//! Others that compute beside a training: whoever there is, and whoever goes away, it comes out the same to the bit.

mod common;
mod drawing;

use common::default_backbone;
use drawing::{easy, train};
use headstart::Project;
use headstart::backbone::Backbone;
use headstart::crew::{Answered, Crew, Numbers, Task};
use headstart::train::{Member, TrainConfig, TrainEvent};
use pollster::block_on;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Members in this very thread.
#[derive(Default)]
struct Near {
    members: Vec<RefCell<Member>>,
    /// How many there are at first; the others come when something is asked.
    early: usize,
    /// Each stops answering after so many tasks.
    patience: Option<usize>,
    answered: Vec<Cell<usize>>,
    tasks: RefCell<BTreeMap<String, usize>>,
}

impl Near {
    fn new(backbone: &Backbone, count: usize) -> Self {
        let member = |_| RefCell::new(Member::new(Arc::new(backbone.clone())));
        Self {
            members: (0..count).map(member).collect(),
            early: count,
            answered: vec![Cell::new(0); count],
            ..Self::default()
        }
    }

    /// How often something was asked for.
    fn times(&self, task: &str) -> usize {
        self.tasks.borrow().get(task).copied().unwrap_or(0)
    }
}

impl Crew for Near {
    fn members(&self) -> usize {
        if self.tasks.borrow().is_empty() { self.early } else { self.members.len() }
    }

    fn most(&self) -> usize {
        self.members.len()
    }

    fn ask(&self, member: usize, task: &Task, values: &[&[f32]]) -> Answered {
        let (text, count) = (serde_json::to_string(task).unwrap(), &self.answered[member]);
        let name = serde_json::from_str::<serde_json::Value>(&text).unwrap()["task"].as_str().unwrap().to_string();
        *self.tasks.borrow_mut().entry(name).or_default() += 1;
        count.set(count.get() + 1);
        let there = self.patience.is_none_or(|patience| count.get() <= patience);
        let answer = there.then(|| {
            let answer = block_on(self.members[member].borrow_mut().answer(&text, &values.concat()));
            Box::new(answer.expect("an answer").concat()) as Box<dyn Numbers>
        });
        Box::pin(std::future::ready(answer))
    }
}

/// What a training told, and the model that it left.
fn outcome(crew: Option<Rc<Near>>, config: &TrainConfig) -> (Vec<(u64, Option<u64>)>, Vec<u8>) {
    let mut project = easy(default_backbone());
    if let Some(crew) = crew {
        project.set_crew(crew);
    }
    let events = train(&mut project, config);
    let of = |event: &TrainEvent| (event.loss.to_bits(), event.validation_loss.map(f64::to_bits));
    let losses = events.iter().filter(|event| event.epoch > 0).map(of).collect();
    (losses, model(&project))
}

/// The weights, without the report, which tells of times.
fn model(project: &Project) -> Vec<u8> {
    common::unpack(&project.save().unwrap()).remove("model.safetensors").expect("weights")
}

fn config() -> TrainConfig {
    TrainConfig {
        fine_tune: "last:2".into(),
        epochs: 1.0,
        fine_tune_epochs: 2.0,
        batch_size: 7.0,
        dropout: 0.2,
        monitor: "loss".into(),
        ..TrainConfig::default()
    }
}

#[test]
fn a_training_comes_out_the_same_with_any_number_of_members() {
    let variants = [
        config(),
        TrainConfig { train_norms: true, unfreeze_every: 1.0, dropout: 0.0, clip_norm: 0.5, ..config() },
        TrainConfig { head: "svm:1".into(), label_smoothing: 0.0, dropout: 0.0, optimizer: "sgd".into(), ..config() },
        TrainConfig { head: "conv:8".into(), class_weights: "balanced".into(), ..config() },
        // Nothing is held out, and what is looked at instead takes several passes.
        TrainConfig { fine_tune: "all".into(), validation: 0.0, fine_tune_epochs: 1.0, ..config() },
    ];
    for config in variants {
        let alone = outcome(None, &config);
        for count in 1..4 {
            let crew = Rc::new(Near::new(&default_backbone(), count));
            assert!(outcome(Some(crew.clone()), &config) == alone, "{count} members, {}", config.head);
            assert_eq!(crew.times("begin"), count, "{}", config.head);
            let all = config.fine_tune == "all";
            assert_eq!(crew.times("embed") > 0, !all, "{:?}", crew.tasks.borrow());
            assert!(crew.times("look") > 0 && crew.times("learn") > 0, "{:?}", crew.tasks.borrow());
        }
    }
}

#[test]
fn members_may_come_late_and_stop_answering() {
    let alone = outcome(None, &config());
    for patience in [1, 2, 4, 6] {
        let near = Near { early: 1, patience: Some(patience), ..Near::new(&default_backbone(), 2) };
        let crew = Rc::new(near);
        assert!(outcome(Some(crew.clone()), &config()) == alone, "{patience} answers each");
        assert!(crew.answered.iter().all(|count| count.get() > 0), "both were asked");
    }
}

/// Another backbone than the project's is nothing that they have.
#[test]
fn members_are_not_asked_about_a_model_that_was_fine_tuned() {
    let mut project = easy(default_backbone());
    train(&mut project, &config());
    let crew = Rc::new(Near::new(&default_backbone(), 1));
    project.set_crew(crew.clone());
    train(&mut project, &TrainConfig { warm_start: true, ..config() });
    assert_eq!(crew.times("learn") + crew.times("embed"), 0);
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut member = Member::new(Arc::new(default_backbone()));
    let mut ask =
        |task: &str, values: &[f32]| block_on(member.answer(task, &values.to_vec())).map_err(|error| error.code());
    assert_eq!(ask("nothing", &[]), Err("internal"));
    assert_eq!(ask(r#"{"task":"look","pictures":1}"#, &[0.0; 8]), Err("internal"), "before there is a network");
    assert_eq!(ask(r#"{"task":"embed","from":3,"boundary":2,"pooled":false}"#, &[0.0; 8]), Err("internal"));
    assert_eq!(ask(r#"{"task":"embed","from":0,"boundary":99,"pooled":false}"#, &[0.0; 8]), Err("internal"));
}
