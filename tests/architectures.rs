//! Every architecture against timm (tests/golden/make_architectures_golden.py): feature maps at every cut, pooled
//! features, loss and gradients, counts, and the names of the tensors.

mod common;

use burn::tensor::{Tensor, TensorData};
use common::formula::{self, Description, File, Module, architecture, architectures};
use common::{Golden, assert_close, cross_entropy, engine, project};
use headstart::backbone::{Backbone, FrozenStages, TrainableStages};
use headstart::error::Error;
use headstart::features::{Cut, Embedder};
use headstart::image::Crop;
use headstart::nn::global_average;
use headstart::params::{Group, Params};
use pollster::block_on;
use safetensors::Dtype;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;

/// Largest difference, as a share of the largest value of the tensor.
const BOUND: f32 = 1e-4;

/// The same for the gradients of the first stage where everything trains: where rounding carries one of the units behind
/// it across the kink of a ReLU, as it does one or another of a million, they move by some per cent.
const BOUND_FROM_THE_FIRST: f32 = 0.1;

/// The labels of the two pictures.
const LABELS: [usize; 2] = [0, 2];

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("f32")
}

/// The names of MobileNetV2's tensors here, which are torchvision's, by timm's.
fn our_names() -> BTreeMap<String, String> {
    let text = fs::read_to_string(project("tests/golden/timm_names.json")).unwrap();
    let names: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
    names.into_iter().map(|(ours, timms)| (timms, ours)).collect()
}

/// An architecture with its weights.
struct Case {
    about: Description,
    expected: BTreeMap<String, Golden>,
    file: File,
    backbone: Backbone,
    /// Names of tensors here by timm's, where they differ.
    ours: BTreeMap<String, String>,
}

impl Case {
    fn new(name: &str) -> Self {
        let (about, expected) = architecture(name);
        let file = about.file();
        let backbone = Backbone::parse(&about.config(), &file.bytes()).expect("timm's complete list");
        let ours = if name.starts_with("mobilenetv2") { our_names() } else { BTreeMap::new() };
        Self { about, expected, file, backbone, ours }
    }

    fn name<'a>(&'a self, timms: &'a str) -> &'a str {
        self.ours.get(timms).map_or(timms, String::as_str)
    }

    fn input(&self) -> Tensor<4> {
        let size = self.about.size();
        Tensor::from_data(TensorData::new(formula::input(size), [2, 3, size, size]), engine().device())
    }

    /// Compares the sampled values and the largest magnitude of a tensor with row `row` of a golden one.
    fn compare(&self, key: &str, row: usize, label: &str, found: &[f32]) -> f32 {
        self.compare_within(BOUND, key, row, label, found)
    }

    fn compare_within(&self, bound: f32, key: &str, row: usize, label: &str, found: &[f32]) -> f32 {
        let (golden, largest) = (&self.expected[key], self.expected[&format!("{key}.max")].data[row]);
        let count = *golden.shape.last().expect("a row");
        let (mut sampled, highest) = formula::samples(label, found, count);
        let mut wanted = golden.data[row * count..(row + 1) * count].to_vec();
        assert!(found.iter().all(|x| x.is_finite()), "{label}: finite");
        sampled.push(highest);
        wanted.push(largest);
        assert_close(&format!("{}, {label}", self.about.architecture), &sampled, &wanted, bound)
    }

    /// Runs one stage after the other and compares the map behind each, then the pooled features.
    fn maps(&self, run: impl Fn(Range<usize>, Tensor<4>) -> Tensor<4>) -> f32 {
        let (mut x, mut worst) = (self.input(), 0.0_f32);
        for (stage, (_, shape)) in self.about.stages.iter().enumerate() {
            x = run(stage..stage + 1, x);
            assert_eq!(x.dims()[1..], shape[..], "behind stage {stage}");
            assert_eq!(self.backbone.shape_at(stage + 1)[..], shape[..], "shape told of boundary {}", stage + 1);
            worst = worst.max(self.compare("maps", stage, &format!("maps.{stage}"), &values(x.clone())));
        }
        worst.max(self.compare("features", 0, "features", &values(global_average(x))))
    }

    fn frozen(&self, range: Range<usize>, x: Tensor<4>) -> Tensor<4> {
        FrozenStages::new(&self.backbone, range, &engine()).unwrap().forward(&values(x))
    }

    fn trainable(&self, range: Range<usize>, x: Tensor<4>) -> Tensor<4> {
        let engine = engine();
        let mut params = Params::new(engine.device());
        let stages = TrainableStages::new(&self.backbone, range, &engine, &mut params, true).unwrap();
        stages.forward(x, &params.without_graph(), 0)
    }

    /// The one picture, through the preparation of pictures too.
    fn picture(&self) -> f32 {
        let size = self.about.size();
        let embedder = Embedder::new(&self.backbone, Cut::features(&self.backbone), &engine()).unwrap();
        let rows = block_on(embedder.embed(&[&Crop::new(size, formula::picture(size)).unwrap()])).unwrap();
        let name = format!("{}, picture", self.about.architecture);
        assert_close(&name, &rows[0], &self.expected["picture"].data, BOUND)
    }

    /// Loss and gradients where the stages from a boundary on train with a linear head of 3 classes: the largest
    /// differences in the tail and in the first stage, and how many tensors were compared.
    fn gradients(&self, boundary: usize) -> ([f32; 2], usize) {
        let engine = engine();
        let mut params = Params::new(engine.device());
        let depth = self.backbone.depth();
        let stages = TrainableStages::new(&self.backbone, boundary..depth, &engine, &mut params, true).unwrap();
        let y = stages.forward(self.frozen(0..boundary, self.input()).autodiff(), &params, 0);
        let features = global_average(y);
        let width = features.dims()[1];
        let mut head = |part: &str, shape: &[usize]| {
            let name = format!("head.{part}");
            params.add(&name, shape, formula::values(&name, shape, self.about.gain), Group::Head, false)
        };
        let (weight, bias) = (head("weight", &[3, width]), head("bias", &[3]));
        let weight = params.get(weight).reshape([3, width]).transpose();
        let logits = features.matmul(weight) + params.get(bias).reshape([1, 3]);
        let loss = cross_entropy(0.0).loss(logits, &LABELS);
        let mut worst = [assert_close("loss", &values(loss.clone().inner()), &self.expected["loss"].data, BOUND), 0.0];
        let mut found = loss.backward();
        let gradients = params.gradients(&mut found);
        let rows: BTreeMap<&str, (usize, &String)> =
            self.about.gradients.iter().enumerate().map(|(row, name)| (self.name(name), (row, name))).collect();
        let mut compared = 0;
        for (param, gradient) in params.iter().zip(gradients) {
            let Some((row, name)) = rows.get(param.name.as_str()) else { continue };
            let gradient = values(gradient.unwrap_or_else(|| panic!("{} has a gradient", param.name)));
            let first = usize::from(param.group == Group::Stage(0));
            let bound = [BOUND, BOUND_FROM_THE_FIRST][first];
            worst[first] = worst[first].max(self.compare_within(bound, "gradients", *row, name, &gradient));
            compared += 1;
        }
        (worst, compared)
    }

    fn numbers(&self) {
        let (about, backbone) = (&self.about, &self.backbone);
        let depth = backbone.depth();
        assert_eq!(depth, about.stages.len(), "stages");
        let frozen = self.maps(|range, x| self.frozen(range, x));
        let trainable = self.maps(|range, x| self.trainable(range, x));
        // Behind the maps, which name the stage that is wrong.
        assert_eq!(backbone.parameters(), about.parameters, "parameters");
        assert_eq!(backbone.multiplications(0..depth), about.multiplications, "multiplications");
        let picture = self.picture();
        let ([tail, _], in_tail) = self.gradients(depth - about.tail);
        let ([whole, first], in_whole) = self.gradients(0);
        assert!(in_tail > 2 && in_tail < in_whole, "the tail's gradients were compared: {in_tail}");
        assert_eq!(in_whole, about.gradients.len(), "every golden gradient was compared");
        println!(
            "{}: frozen {frozen:.1e}, trainable {trainable:.1e}, picture {picture:.1e}, \
             loss and gradients of the last {} {tail:.1e}, with all unfrozen {whole:.1e}, of the first {first:.1e}",
            about.architecture, about.tail
        );
    }

    /// What a card may say in timm's layout: the published size, and what older versions wrote as `num_features`.
    fn cards(&self) {
        let bytes = self.file.bytes();
        let pooled = self.expected["picture"].data.len();
        let published = &self.about.published;
        let mut config = self.about.config.clone();
        for features in [published.num_features, published.head_hidden_size] {
            config["num_features"] = features.into();
            config["pretrained_cfg"]["input_size"] = [3, published.input_size, published.input_size].into();
            config["pretrained_cfg"]["crop_pct"] = published.crop_pct.into();
            let backbone = Backbone::parse(&config.to_string(), &bytes).expect("timm's card");
            let (card, depth) = (backbone.card(), backbone.depth());
            assert_eq!((card.num_features, card.crop_pct), (pooled, published.crop_pct), "num_features {features}");
            assert_eq!(backbone.shape_at(depth)[0], pooled);
            assert_eq!(backbone.multiplications(0..depth), published.multiplications, "at {}", published.input_size);
        }
        // Without a card it is told by its tensors; TensorFlow's ports have the same as timm's own.
        let recognised = Backbone::recognise(&bytes).expect("a known architecture");
        assert_eq!(recognised.card().architecture, self.about.architecture.trim_start_matches("tf_"));
    }

    /// The error that a changed file gives.
    fn error(&self, change: impl FnOnce(&mut File)) -> Error {
        let mut file = self.file.clone();
        change(&mut file);
        Backbone::parse(&self.about.config(), &file.bytes()).expect_err("a file that lacks something")
    }

    fn names(&self) {
        let unused = |name: &String| self.about.unused.iter().any(|module| name.starts_with(&format!("{module}.")));
        let used: Vec<&String> =
            self.file.0.keys().filter(|name| !name.ends_with("num_batches_tracked") && !unused(name)).collect();
        let step = used.len() / 5;
        for name in used.iter().skip(step / 2).step_by(step) {
            let error = self.error(|file| drop(file.0.remove(*name)));
            let told = error.value().unwrap_or_default();
            assert_eq!(error.code(), "backbone_tensor_missing", "{name}: {error}");
            assert!(told == **name || told == self.name(name), "{name} is missing: {error}");

            // As many values, otherwise arranged.
            let error = self.error(|file| file.0.get_mut(*name).unwrap().shape.insert(0, 1));
            let told = error.value().unwrap_or_default();
            assert_eq!(error.code(), "backbone_tensor_shape", "{name}: {error}");
            assert!(told == **name || told == self.name(name), "{name} is misshapen: {error}");

            // A stranger beside it, which no architecture has.
            let (module, part) = name.rsplit_once('.').unwrap();
            let stranger = format!("{module}.9.{part}");
            let tensor = formula::Stored { dtype: Dtype::F32, shape: vec![1], bytes: vec![0; 4] };
            let error = self.error(|file| drop(file.0.insert(stranger.clone(), tensor)));
            assert_eq!((error.code(), error.value()), ("backbone_tensor_unknown", Some(stranger)), "{error}");
        }
    }

    /// torchvision's list gives torchvision's features.
    fn torchvision(&self) {
        let Some((config, file)) = self.about.torchvisions() else { return };
        let backbone = Backbone::parse(&config, &file.bytes()).expect("torchvision's complete list");
        assert_eq!(backbone.parameters(), self.about.parameters);
        let features = |backbone: &Backbone| {
            let stages = FrozenStages::new(backbone, 0..backbone.depth(), &engine()).unwrap();
            values(global_average(stages.forward(&values(self.input()))))
        };
        let theirs = features(&backbone);
        let worst = self.compare("torchvision", 0, "features", &theirs);
        // The same tensors are the same network, but for MobileNetV3's, whose norms have another ε there.
        let alike = theirs == features(&self.backbone);
        assert_eq!(alike, !self.about.architecture.starts_with("mobilenetv3"), "as under timm's names");
        println!("{} of torchvision: {worst:.1e}", self.about.torchvision.as_ref().unwrap().architecture);
    }
}

macro_rules! architectures {
    ($($name:ident)*) => {
        $(mod $name {
            use super::Case;

            #[test]
            fn computes_what_timm_does() {
                Case::new(stringify!($name)).numbers();
            }

            #[test]
            fn its_cards_and_tensors_are_known_and_others_named() {
                let case = Case::new(stringify!($name));
                case.cards();
                case.names();
                case.torchvision();
            }
        })*

        #[test]
        fn every_golden_architecture_is_tested() {
            let mut tested = vec![$(stringify!($name)),*];
            tested.sort_unstable();
            assert_eq!(tested, architectures());
        }
    };
}

architectures! {
    efficientnet_b0 efficientnet_lite0 inception_v3 lcnet_050 mobilenetv1_100 mobilenetv2_050 mobilenetv2_100
    mobilenetv3_large_100 mobilenetv3_small_100 mobilenetv4_conv_small resnet18 resnet26 resnet34 resnet50
    tf_efficientnet_b0 tf_efficientnet_lite0 vgg16 vgg16_bn
}

/// The formula here is the script's, bit for bit.
#[test]
fn the_formula_is_the_scripts() {
    let mut compared = 0;
    for name in architectures() {
        let (about, _) = architecture(&name);
        for (tensor, index, expected) in &about.examples {
            let (module, part) = tensor.rsplit_once('.').unwrap();
            let Module(_, _, shape) = about.modules.iter().find(|Module(name, ..)| name == module).unwrap();
            let shape = if part == "weight" { shape.as_slice() } else { &shape[..1] };
            assert_eq!(formula::values(tensor, shape, about.gain)[*index].to_bits(), expected.to_bits(), "{tensor}");
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared} values");
}
