//! Pictures that tests draw themselves, and a project filled with them.
#![allow(dead_code)] // every test file uses a part of it

use headstart::Project;
use headstart::backbone::Backbone;
use headstart::dataset::ClassId;
use headstart::engine::EngineChoice;
use headstart::train::{EventKind, TrainConfig, TrainEvent};
use pollster::block_on;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::OnceLock;
use std::time::Instant;

/// Side of every drawn picture in pixels.
pub const SIDE: u32 = 64;

/// What is drawn.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A red disc somewhere on white.
    Disc,
    /// Upright blue stripes on white.
    Stripes,
    /// Noise of all colours: nothing can be learnt from it.
    Noise,
}

/// An RGBA8 picture; the same kind and number give the same one.
pub fn drawn(kind: Kind, number: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(number * 3 + kind as u64);
    let (x0, y0) = (rng.random_range(20..44) as f32, rng.random_range(20..44) as f32);
    let (radius, period) = (rng.random_range(12..20) as f32, rng.random_range(6..12));
    let mut rgba = Vec::with_capacity((SIDE * SIDE * 4) as usize);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let grain = rng.random_range(0..24);
            let white = [255 - grain; 3];
            let [r, g, b] = match kind {
                Kind::Disc if (x as f32 - x0).hypot(y as f32 - y0) < radius => [220, 30 + grain, 30],
                Kind::Stripes if (x / period) % 2 == 0 => [30, 30 + grain, 200],
                Kind::Noise => [rng.random(), rng.random(), rng.random()],
                _ => white,
            };
            rgba.extend([r, g, b, 255]);
        }
    }
    rgba
}

pub fn clock() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

pub fn open(backbone: Backbone) -> Project {
    block_on(Project::new(EngineChoice::Cpu, backbone, clock)).expect("the CPU engine opens")
}

/// The class of this name.
pub fn class(project: &Project, name: &str) -> ClassId {
    project.dataset().class_named(name).expect("a class")
}

/// Adds a class, or more pictures to it: `count` pictures of a kind, numbered from `first`. They are there as a page has them a moment
/// later, with all that is computed while there is nothing else to do.
pub fn add(project: &mut Project, class: &str, kind: Kind, first: u64, count: u64) -> Vec<u32> {
    let known = project.dataset().class_named(class);
    let class = known.unwrap_or_else(|_| project.dataset_mut().add_class(class).unwrap());
    let numbers = first..first + count;
    let ids = numbers.map(|n| add_one(project, class, kind, n, None)).collect();
    rest(project);
    ids
}

/// Computes ahead what there is to.
pub fn rest(project: &mut Project) {
    while block_on(project.embed_ahead()).expect("embedding") {}
}

/// Adds one picture.
pub fn add_one(project: &mut Project, class: ClassId, kind: Kind, number: u64, group: Option<&str>) -> u32 {
    let group = group.map(String::from);
    block_on(project.add_image(class, &drawn(kind, number), (SIDE, SIDE), group, None)).expect("a picture")
}

/// Discs and stripes, ten pictures each, which any head learns.
pub fn easy(backbone: Backbone) -> Project {
    let mut project = open(backbone);
    add(&mut project, "disc", Kind::Disc, 0, 10);
    add(&mut project, "stripes", Kind::Stripes, 0, 10);
    project
}

/// Two classes of noise, fifteen pictures each: whatever a head learns of them is wrong on others.
pub fn hopeless(backbone: Backbone) -> Project {
    let mut project = open(backbone);
    add(&mut project, "one", Kind::Noise, 0, 15);
    add(&mut project, "other", Kind::Noise, 100, 15);
    project
}

/// Steps until training is over and gives all its events.
pub fn finish(project: &mut Project) -> Vec<TrainEvent> {
    let mut events = Vec::new();
    while events.last().is_none_or(|event: &TrainEvent| event.kind != EventKind::Done) {
        events.push(block_on(project.step()).expect("a step"));
    }
    events
}

/// A whole training.
pub fn train(project: &mut Project, config: &TrainConfig) -> Vec<TrainEvent> {
    project.start_training(config).expect("training starts");
    finish(project)
}

/// Probabilities of a drawn picture by class name, sorted by name.
pub fn probabilities(project: &mut Project, kind: Kind, number: u64) -> Vec<(String, f64)> {
    let ranked = block_on(project.predict(&drawn(kind, number), SIDE, SIDE)).expect("a prediction");
    let mut pairs: Vec<_> = ranked.into_iter().map(|p| (p.class_name, p.probability)).collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs
}
