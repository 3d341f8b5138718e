//! Frozen stages in eight bits: how near they come to floats, that nothing is taken for what the other computed, and that models
//! and projects keep what they were trained with.

mod common;
mod drawing;

use common::{bundled_backbone, default_backbone, engine, unpack};
use drawing::{Kind, clock, drawn, easy, open, probabilities, train};
use headstart::backbone::{Arithmetic, Backbone};
use headstart::bundle::{self, SavedBackbone};
use headstart::engine::EngineChoice;
use headstart::features::{Cut, Embedder};
use headstart::image::Crop;
use headstart::predictor::Predictor;
use headstart::project::Written;
use headstart::train::{EventKind, TrainConfig};
use headstart::{Error, Project};
use pollster::block_on;

fn in_eight_bits(backbone: &Backbone) -> Backbone {
    backbone.with_arithmetic(Arithmetic::Int8).unwrap()
}

/// Discs and stripes.
fn crops(backbone: &Backbone) -> Vec<Crop> {
    let crop = |kind, number| backbone.card().preprocess().crop(&drawn(kind, number), 64, 64).unwrap();
    (0..4).flat_map(|number| [crop(Kind::Disc, number), crop(Kind::Stripes, number)]).collect()
}

fn rows(backbone: &Backbone, cut: Cut, crops: &[Crop]) -> Vec<Vec<f32>> {
    let embedder = Embedder::new(backbone, cut, &engine()).unwrap();
    block_on(embedder.embed(&crops.iter().collect::<Vec<_>>())).unwrap().iter().map(|row| row.to_vec()).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn features_are_near_those_in_floats() {
    let backbone = bundled_backbone();
    let eight = in_eight_bits(&backbone);
    let crops = crops(&backbone);
    for cut in [Cut::features(&backbone), Cut::map(14)] {
        let (floats, wholes) = (rows(&backbone, cut, &crops), rows(&eight, cut, &crops));
        for (at, (a, b)) in floats.iter().zip(&wholes).enumerate() {
            assert_ne!(a, b, "something is computed otherwise");
            assert!(cosine(a, b) > 0.99, "{cut:?}, picture {at}: {}", cosine(a, b));
        }
        // The same picture is the same features, whatever it is computed with.
        assert_eq!(rows(&eight, cut, &crops[3..4])[0], wholes[3]);
    }
}

#[test]
fn neither_is_taken_for_the_other() {
    let backbone = default_backbone();
    let eight = in_eight_bits(&backbone);
    assert!(!backbone.computes_as(&eight));
    assert_eq!(backbone.content(), eight.content(), "its weights are the same");
    for boundary in 1..=backbone.depth() {
        assert_ne!(backbone.prefix(boundary), eight.prefix(boundary));
    }
    assert_eq!(eight.prefix(0), backbone.prefix(0), "pictures are prepared in the same way");
    let mut project = easy(backbone.clone());
    assert!(project.unprepared().is_empty());
    project.set_backbone(eight).unwrap();
    let unprepared = project.unprepared();
    assert_eq!(unprepared.len(), 20);
    for picture in unprepared {
        assert!(picture.pixels, "the pixels are those that there are");
        block_on(project.prepare_image(picture.id)).unwrap();
    }
    assert!(project.unprepared().is_empty());
    project.set_backbone(backbone).unwrap();
    assert!(project.unprepared().is_empty(), "going back costs nothing");
}

/// A head that was trained on features in eight bits answers with such, from a file too, whole or by reference.
#[test]
fn models_keep_what_they_were_trained_with() {
    let backbone = in_eight_bits(&default_backbone()).named("small");
    let mut project = easy(backbone);
    train(&mut project, &TrainConfig { epochs: 5.0, learning_rate: 0.01, ..TrainConfig::default() });
    let expected = probabilities(&mut project, Kind::Disc, 50);
    for saved in [SavedBackbone::Whole, SavedBackbone::Reference] {
        let file = project.save_as(saved).unwrap();
        let found = |_: &_| Some(default_backbone());
        let model = bundle::load_with(&file, found).unwrap();
        assert_eq!(model.backbone.card().arithmetic, Arithmetic::Int8);
        let predictor = Predictor::of(model.labels, model.head, &model.backbone).unwrap();
        let mut ranked = predictor.predict(&drawn(Kind::Disc, 50), 64, 64).unwrap();
        ranked.sort_by(|a, b| a.class_name.cmp(&b.class_name));
        let ranked: Vec<_> = ranked.into_iter().map(|p| (p.class_name, p.probability)).collect();
        assert_eq!(ranked, expected, "{saved:?}");
    }
    // On its own it goes on in floats.
    let floats = open(default_backbone());
    assert_eq!(floats.backbone().card().arithmetic, Arithmetic::Float);
}

/// What trains computes in floats, and so it stays: only what was frozen is in eight bits.
#[test]
fn stages_that_were_trained_stay_in_floats() {
    let backbone = in_eight_bits(&default_backbone());
    let depth = backbone.depth();
    let mut project = easy(backbone);
    let config = TrainConfig {
        epochs: 3.0,
        fine_tune_epochs: 2.0,
        fine_tune: "last:2".into(),
        // Where nothing is held out the last epoch's weights are kept.
        validation: 0.0,
        ..TrainConfig::default()
    };
    train(&mut project, &config);
    let file = project.save().unwrap();
    let model = bundle::load(&file).unwrap().backbone;
    assert!(!model.computes_as(project.backbone()), "it was fine-tuned");
    assert_eq!(model.card().float_stages, 2);
    let arithmetics: Vec<Arithmetic> = (0..depth).map(|stage| model.arithmetic(stage)).collect();
    assert!(arithmetics[..depth - 2].iter().all(|it| *it == Arithmetic::Int8));
    assert!(arithmetics[depth - 2..].iter().all(|it| *it == Arithmetic::Float));
    assert_eq!(model.prefix(depth - 2), project.backbone().prefix(depth - 2), "what was frozen is what it was");
    let expected = probabilities(&mut project, Kind::Stripes, 50);
    let mut again = open(default_backbone());
    again.load(&file).unwrap();
    assert_eq!(probabilities(&mut again, Kind::Stripes, 50), expected);
    // Trained further from there, what is in floats does not become fewer.
    let further = model.with_trained([]).unwrap();
    assert_eq!(further.card().float_stages, 2);
}

#[test]
fn projects_keep_it() {
    let mut project = easy(in_eight_bits(&default_backbone()));
    train(&mut project, &TrainConfig { epochs: 2.0, ..TrainConfig::default() });
    let expected = probabilities(&mut project, Kind::Disc, 50);
    let written = project.write(true).unwrap();
    let mut again = block_on(Project::open(EngineChoice::Cpu, default_backbone(), &written, clock)).unwrap();
    assert_eq!(again.backbone().card().arithmetic, Arithmetic::Int8);
    assert_eq!(probabilities(&mut again, Kind::Disc, 50), expected);
    // So does one in floats, whatever the card of its backbone says; one from before there was a choice is as the card says.
    let floats = easy(default_backbone()).write(true).unwrap();
    let open = |written: &Written| {
        let opened = block_on(Project::open(EngineChoice::Cpu, in_eight_bits(&default_backbone()), written, clock));
        opened.unwrap().backbone().card().arithmetic
    };
    assert_eq!(open(&floats), Arithmetic::Float);
    let older = Written { project: floats.project.replace(r#""arithmetic":"float","#, ""), ..floats.clone() };
    assert_ne!(older, floats);
    assert_eq!(open(&older), Arithmetic::Int8);
}

/// A run that was cut short goes on with features of the same kind only.
#[test]
fn checkpoints_know_it() {
    let config = TrainConfig { epochs: 4.0, ..TrainConfig::default() };
    let mut project = easy(in_eight_bits(&default_backbone()));
    project.start_training(&config).unwrap();
    while !matches!(block_on(project.step()).unwrap().kind, EventKind::Epoch) {}
    let checkpoint = block_on(project.checkpoint()).unwrap().expect("a checkpoint");
    assert!(easy(in_eight_bits(&default_backbone())).resume_training(&config, &checkpoint).is_ok());
    let refused = easy(default_backbone()).resume_training(&config, &checkpoint);
    assert_eq!(refused.unwrap_err().code(), "checkpoint_differs");
}

/// Other programs compute in floats: what an export is held to is what those say.
#[test]
fn cards_say_it_where_it_is_not_floats() {
    let backbone = default_backbone();
    assert!(!backbone.config().unwrap().contains("arithmetic"));
    let card = in_eight_bits(&backbone).config().unwrap();
    let weights = backbone.to_safetensors().unwrap();
    let again = Backbone::parse(&card, &weights).unwrap();
    assert!(again.computes_as(&in_eight_bits(&backbone)));
    let other = card.replace("int8", "int4");
    assert!(matches!(Backbone::parse(&other, &weights), Err(Error::BackboneConfigInvalid(_))));
    assert!("int4".parse::<Arithmetic>().is_err_and(|error| error.code() == "config_invalid"));
    let mut project = easy(in_eight_bits(&backbone));
    train(&mut project, &TrainConfig { epochs: 2.0, ..TrainConfig::default() });
    let entries = unpack(&project.save().unwrap());
    assert!(String::from_utf8_lossy(&entries["config.json"]).contains("\"arithmetic\": \"int8\""));
}
