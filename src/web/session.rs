//! A [`Project`] behind an async lock, so that overlapping calls from JavaScript wait for each other.

use super::adapter;
use super::convert::{error_to_js, from_js, parse, rgba, served, to_js};
use super::crew::{JsCrew, JsNumbers, put};
use crate::backbone::{Backbone, BackboneReport, Outline, WeightStorage};
use crate::bundle::SavedBackbone;
use crate::classifier::Prediction;
use crate::dataset::{ClassId, Home, Part};
use crate::engine::{Engine, EngineChoice, EngineReport};
use crate::error::{Error, Result as CoreResult};
use crate::export::{ExportFormat, ExportOptions};
use crate::probe::Tried;
use crate::project::{Project, Written};
use crate::train::{self, EventKind, Member, TrainConfig, TrainEvent};
use async_lock::Mutex;
use js_sys::Float32Array;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use wasm_bindgen::prelude::*;

type Answer = Result<JsValue, JsValue>;

/// A training session. Every method but `engine` and `backbone` returns a promise.
#[wasm_bindgen]
pub struct Session {
    project: Mutex<Project>,
    /// Whether it is more than a model that predicts.
    trains: bool,
    // Beside the lock, so that they can be asked while a step waits for the GPU.
    engine: RefCell<EngineReport>,
    backbone: RefCell<BackboneReport>,
    /// What it is for another session, where it helps one: with the backbone of its own.
    member: Mutex<Option<(Arc<Backbone>, Member)>>,
}

/// The default training settings.
#[wasm_bindgen(js_name = defaultConfig)]
pub fn default_config() -> Answer {
    to_js(&TrainConfig::default())
}

/// The compiled code, a `WebAssembly.Module`: a worker that gets it need not compile it again.
#[wasm_bindgen]
pub fn code() -> JsValue {
    wasm_bindgen::module()
}

/// What each training setting may be, and when it matters.
#[wasm_bindgen(js_name = settingRules)]
pub fn setting_rules() -> Answer {
    to_js(&train::setting_rules())
}

/// Milliseconds of the browser's monotonic clock, as seconds; a worker has no `window`, so it is looked up globally.
fn clock() -> f64 {
    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = performance, js_name = now)]
        fn performance_now() -> f64;
    }
    performance_now() / 1000.0
}

/// Bytes that cached activations may take: an eighth of the device's memory, within what a tab can have. Browsers tell
/// it in gigabytes rounded down to a power of two, at most 8 or 32, or not at all: then 4 are assumed, a small tablet.
fn memory() -> u64 {
    let told = js_sys::Reflect::get(&js_sys::global(), &"navigator".into())
        .and_then(|navigator| js_sys::Reflect::get(&navigator, &"deviceMemory".into()));
    let gigabytes = told.ok().and_then(|value| value.as_f64()).unwrap_or(4.0);
    (gigabytes.clamp(1.0, 8.0) / 8.0 * f64::from(1 << 30)) as u64
}

/// A project whose backbone computes in that, where it is said.
fn computing_in(mut project: Project, arithmetic: Option<String>) -> CoreResult<Project> {
    if let Some(arithmetic) = arithmetic {
        project.set_arithmetic(arithmetic.parse()?)?;
    }
    Ok(project)
}

#[wasm_bindgen]
impl Session {
    /// Opens an engine (`auto`, `webgpu` or `cpu`) and loads a backbone from the text of its `config.json`, where there
    /// is one, and the bytes of its `model.safetensors`; `name` is that of its folder, where it has one. `arithmetic` is what it
    /// computes in on the CPU, `float` or `int8`, where that is not as its card says.
    pub async fn create(
        engine: String,
        config: Option<String>,
        weights: Vec<u8>,
        name: Option<String>,
        arithmetic: Option<String>,
    ) -> Result<Session, JsValue> {
        let (choice, backbone) = (choice(engine).await?, parse(config, &weights, name, arithmetic)?);
        // The stages are about to be made of it: that much memory less is needed at a time.
        drop(weights);
        Self::of(Project::new(choice, backbone, clock).await, true)
    }

    /// Opens an engine with a saved model on its own backbone, or on the one given where the file only refers to it.
    #[wasm_bindgen(js_name = ofModel)]
    pub async fn of_model(
        engine: String,
        file: Vec<u8>,
        config: Option<String>,
        weights: Option<Vec<u8>>,
    ) -> Result<Session, JsValue> {
        let (choice, served) = (choice(engine).await?, served(config, weights)?);
        Self::of(Project::of_model(choice, &file, |_| served, clock).await, false)
    }

    /// The same as `create` with a project in its written form: what `write` gave. It computes in what it did, where `arithmetic` does not
    /// say otherwise.
    #[expect(clippy::too_many_arguments, reason = "JavaScript has no others")]
    pub async fn open(
        engine: String,
        config: Option<String>,
        weights: Vec<u8>,
        project: String,
        model: Option<Vec<u8>>,
        pictures: Option<Vec<u8>>,
        name: Option<String>,
        arithmetic: Option<String>,
    ) -> Result<Session, JsValue> {
        let (choice, backbone) = (choice(engine).await?, parse(config, &weights, name, None)?);
        drop(weights);
        let project = Project::open(choice, backbone, &Written { project, model, pictures }, clock).await;
        Self::of(project.and_then(|project| computing_in(project, arithmetic)), true)
    }

    /// Tries the GPU where that is still to be done, and has each kind of work done where it is faster. `kept` is what
    /// [`Session::engine`] gave after that on this device with this backbone at another time. The session answers everything else
    /// until it measures.
    #[wasm_bindgen(js_name = chooseEngines)]
    pub async fn choose_engines(&self, kept: JsValue) -> Answer {
        // What another version has kept may be anything.
        let kept: Option<EngineReport> = from_js(kept, "kept").unwrap_or_default();
        let backbone = self.project.lock().await.shared_backbone();
        let tried = Tried::new(&backbone, self.trains, kept).await;
        // Measured alone: a GPU is waited for, and whatever else computed meanwhile would be taken for its time.
        let mut project = self.project.lock().await;
        let adopted = project.adopt(tried).await;
        self.note_engine(&project);
        self.done(adopted)
    }

    /// What runs where, and why.
    pub fn engine(&self) -> Answer {
        to_js(&*self.engine.borrow())
    }

    /// What the backbone is.
    pub fn backbone(&self) -> Answer {
        to_js(&*self.backbone.borrow())
    }

    /// Its card, the text of a `config.json`, with what it computes in.
    pub async fn card(&self) -> Answer {
        let card = self.project.lock().await.backbone().config();
        card.map(JsValue::from).map_err(|e| error_to_js(&e))
    }

    /// Puts another backbone in the place of the present one.
    #[wasm_bindgen(js_name = setBackbone)]
    pub async fn set_backbone(
        &self,
        config: Option<String>,
        weights: Vec<u8>,
        name: Option<String>,
        arithmetic: Option<String>,
    ) -> Answer {
        let backbone = parse(config, &weights, name, arithmetic)?;
        drop(weights);
        let mut project = self.project.lock().await;
        let set = project.set_backbone(backbone);
        self.backbone.replace(project.backbone().report());
        self.note_engine(&project);
        self.done(set)
    }

    /// The pictures that the backbone has not seen, each with its number, `id`, and whether its pixels are there.
    pub async fn unprepared(&self) -> Answer {
        to_js(&self.project.lock().await.unprepared())
    }

    /// Gives a picture its pixels, RGBA8 or `bgra`, for the present backbone.
    #[wasm_bindgen(js_name = givePixels)]
    pub async fn give_pixels(&self, id: f64, pixels: Vec<u8>, bgra: bool, width: u32, height: u32) -> Answer {
        let mut project = self.project.lock().await;
        let given = project.give_pixels(image(id)?, &rgba(pixels, bgra), (width, height)).await;
        self.note_engine(&project);
        self.done(given)
    }

    /// Embeds a picture whose pixels are there.
    #[wasm_bindgen(js_name = prepareImage)]
    pub async fn prepare_image(&self, id: f64) -> Answer {
        let mut project = self.project.lock().await;
        let prepared = project.prepare_image(image(id)?).await;
        self.note_engine(&project);
        self.done(prepared)
    }

    /// Says that a picture's pixels cannot be had for the present backbone.
    #[wasm_bindgen(js_name = leaveOut)]
    pub async fn leave_out(&self, id: f64) -> Answer {
        self.done(self.project.lock().await.leave_out(image(id)?))
    }

    /// Milliseconds that a picture takes on a backbone: by the text of its `config.json` alone, or by its weights where it
    /// has none; without either, on the present one.
    #[wasm_bindgen(js_name = measureBackbone)]
    pub async fn measure_backbone(
        &self,
        config: Option<String>,
        weights: Option<Vec<u8>>,
        arithmetic: Option<String>,
    ) -> Answer {
        let outline = match (config, weights) {
            (Some(config), _) => Outline::parse(&config),
            (None, Some(weights)) => Backbone::recognise(&weights).map(|backbone| backbone.outline()),
            (None, None) => Ok(self.project.lock().await.backbone().outline()),
        };
        let outline = outline.and_then(|outline| match arithmetic {
            Some(arithmetic) => Ok(outline.with_arithmetic(arithmetic.parse()?)),
            None => Ok(outline),
        });
        let outline = outline.map_err(|e| error_to_js(&e))?;
        let measured = self.project.lock().await.measure_backbone(&outline).await;
        measured.map(JsValue::from).map_err(|e| error_to_js(&e))
    }

    /// Every tensor of backbone and head in the state that these settings would have it in.
    pub async fn layers(&self, config: JsValue) -> Answer {
        let config: TrainConfig = from_js(config, "config")?;
        to_js(&self.project.lock().await.layers(&config).map_err(|e| error_to_js(&e))?)
    }

    /// What a training with these settings would need: time, memory, what trains.
    pub async fn estimate(&self, config: JsValue) -> Answer {
        let config: TrainConfig = from_js(config, "config")?;
        to_js(&self.project.lock().await.estimate(&config).map_err(|e| error_to_js(&e))?)
    }

    /// Whether a training with these settings could start now, from scratch and going on, and why not.
    pub async fn readiness(&self, config: JsValue) -> Answer {
        let config: TrainConfig = from_js(config, "config")?;
        to_js(&self.project.lock().await.readiness(&config))
    }

    /// Adds a class under the next free number or one of the caller's choice; gives its number.
    #[wasm_bindgen(js_name = addClass)]
    pub async fn add_class(&self, name: String, id: Option<f64>) -> Answer {
        let id = number(id)?;
        let mut project = self.project.lock().await;
        let dataset = project.dataset_mut();
        let added = match id.map(ClassId) {
            Some(id) => dataset.add_class_as(id, &name).map(|()| id),
            None => dataset.add_class(&name),
        };
        added.map(|id| JsValue::from(id.0)).map_err(|e| error_to_js(&e))
    }

    /// Gives a class another name, in a trained model too. A removed class is named by its number.
    #[wasm_bindgen(js_name = renameClass)]
    pub async fn rename_class(&self, class: JsValue, to: String) -> Answer {
        let mut project = self.project.lock().await;
        let class = class_of(&class, |name| project.dataset().class_named(name))?;
        self.done(project.rename_class(class, &to))
    }

    /// Removes a class with its pictures; `restoreClass` undoes it.
    #[wasm_bindgen(js_name = removeClass)]
    pub async fn remove_class(&self, class: JsValue) -> Answer {
        let mut project = self.project.lock().await;
        let class = class_of(&class, |name| project.dataset().class_named(name))?;
        self.done(project.remove_class(class))
    }

    /// Puts all pictures of a class into another, and removes the first.
    #[wasm_bindgen(js_name = mergeClasses)]
    pub async fn merge_classes(&self, from: JsValue, into: JsValue) -> Answer {
        let mut project = self.project.lock().await;
        let [from, into] = [from, into].map(|class| class_of(&class, |name| project.dataset().class_named(name)));
        let (from, into) = (from?, into?);
        self.done(project.merge_classes(from, into))
    }

    /// Brings back a removed class with its pictures; by name, the one of this name that was made last.
    #[wasm_bindgen(js_name = restoreClass)]
    pub async fn restore_class(&self, class: JsValue) -> Answer {
        let mut project = self.project.lock().await;
        let class = class_of(&class, |name| project.dataset().removed_class_named(name))?;
        self.done(project.restore_class(class))
    }

    /// The classes with the numbers of their pictures.
    pub async fn classes(&self) -> Answer {
        to_js(&self.project.lock().await.classes())
    }

    /// Embeds a picture of RGBA8 pixels, or `bgra`, and adds it to a class, to `learn` from or to `test` with, under the next free number or one
    /// of the caller's choice; gives its number. A picture that is known by this number and lacks its pixels gets them.
    #[wasm_bindgen(js_name = addImage)]
    #[allow(clippy::too_many_arguments)] // what JavaScript hands over as an object would have to be read piece by piece
    pub async fn add_image(
        &self,
        class: JsValue,
        pixels: Vec<u8>,
        bgra: bool,
        width: u32,
        height: u32,
        group: Option<String>,
        id: Option<f64>,
        part: Option<String>,
    ) -> Answer {
        let id = number(id)?;
        let mut project = self.project.lock().await;
        let home = home(&project, &class, group, part)?;
        let id = project.add_image_at(home, &rgba(pixels, bgra), (width, height), id).await;
        self.note_engine(&project);
        id.map(JsValue::from).map_err(|e| error_to_js(&e))
    }

    /// Looks at such a picture for another session, which adds what this gives, a `Uint8Array`; nothing of it stays.
    pub async fn study(&self, pixels: Vec<u8>, bgra: bool, width: u32, height: u32) -> Answer {
        let studied =
            self.project.lock().await.study(&rgba(pixels, bgra), (width, height)).await.map_err(|e| error_to_js(&e))?;
        Ok(js_sys::Uint8Array::from(studied.as_slice()).into())
    }

    /// Adds a picture that a session has looked at with `study`; gives its number, or null where that had another backbone.
    #[wasm_bindgen(js_name = addStudied)]
    pub async fn add_studied(
        &self,
        class: JsValue,
        studied: Vec<u8>,
        group: Option<String>,
        id: Option<f64>,
        part: Option<String>,
    ) -> Answer {
        let id = number(id)?;
        let mut project = self.project.lock().await;
        let home = home(&project, &class, group, part)?;
        let added = project.add_studied(home, &studied, id).map_err(|e| error_to_js(&e))?;
        Ok(added.map_or(JsValue::NULL, JsValue::from))
    }

    /// Has the pixels of a picture take less memory where that was put off; tells whether there was one.
    #[wasm_bindgen(js_name = packNext)]
    pub async fn pack_next(&self) -> Answer {
        Ok(self.project.lock().await.pack_next().into())
    }

    /// Embeds a picture, or some, in the other views that most trainings want; tells whether there may be more to do.
    #[wasm_bindgen(js_name = embedAhead)]
    pub async fn embed_ahead(&self) -> Answer {
        let mut project = self.project.lock().await;
        let left = project.embed_ahead().await;
        self.note_engine(&project);
        left.map(JsValue::from).map_err(|e| error_to_js(&e))
    }

    /// The same for one picture.
    #[wasm_bindgen(js_name = embedUsual)]
    pub async fn embed_usual(&self, id: f64) -> Answer {
        let mut project = self.project.lock().await;
        let embedded = project.embed_usual(image(id)?).await;
        self.note_engine(&project);
        self.done(embedded)
    }

    /// The features that there are of a picture, to be kept beside it, as a `Uint8Array`; null where there are none.
    #[wasm_bindgen(js_name = featuresOf)]
    pub async fn features_of(&self, id: f64) -> Answer {
        let features = self.project.lock().await.features_of(image(id)?).map_err(|e| error_to_js(&e))?;
        Ok(features.map_or(JsValue::NULL, |bytes| js_sys::Uint8Array::from(bytes.as_slice()).into()))
    }

    /// Takes features in that were kept of a picture that is about to be added. Tells whether they are of use.
    #[wasm_bindgen(js_name = offerFeatures)]
    pub async fn offer_features(&self, kept: Vec<u8>) -> Answer {
        Ok(self.project.lock().await.offer_features(&kept).into())
    }

    /// The number of the class that a picture is in, or null where it is removed or unknown.
    #[wasm_bindgen(js_name = classOf)]
    pub async fn class_of_image(&self, id: f64) -> Answer {
        to_js(&self.project.lock().await.dataset().class_of(image(id)?))
    }

    /// Whether a picture is there to `learn` from or to `test` with, or null where it is removed or unknown.
    #[wasm_bindgen(js_name = partOf)]
    pub async fn part_of_image(&self, id: f64) -> Answer {
        to_js(&self.project.lock().await.dataset().place_of(image(id)?).map(|(_, part)| part))
    }

    /// Puts a picture into the test set, or takes it out of there.
    #[wasm_bindgen(js_name = setPart)]
    pub async fn set_part(&self, id: f64, part: String) -> Answer {
        let part = part_named(part)?;
        self.done(self.project.lock().await.dataset_mut().set_part(image(id)?, part))
    }

    /// Moves a picture to another class.
    #[wasm_bindgen(js_name = moveImage)]
    pub async fn move_image(&self, id: f64, class: JsValue) -> Answer {
        let mut project = self.project.lock().await;
        let class = class_of(&class, |name| project.dataset().class_named(name))?;
        self.done(project.dataset_mut().move_image(image(id)?, class))
    }

    /// Removes a picture; `restoreImage` undoes it.
    #[wasm_bindgen(js_name = removeImage)]
    pub async fn remove_image(&self, id: f64) -> Answer {
        self.done(self.project.lock().await.dataset_mut().remove_image(image(id)?))
    }

    /// Brings a removed picture back.
    #[wasm_bindgen(js_name = restoreImage)]
    pub async fn restore_image(&self, id: f64) -> Answer {
        self.done(self.project.lock().await.dataset_mut().restore_image(image(id)?))
    }

    /// Frees removed pictures for good.
    #[wasm_bindgen(js_name = forgetImages)]
    pub async fn forget_images(&self, ids: Vec<f64>) -> Answer {
        let ids = ids.into_iter().map(image).collect::<Result<Vec<u32>, JsValue>>()?;
        self.done(self.project.lock().await.forget_images(&ids))
    }

    /// Checks settings and pictures and prepares a training, or one that goes on from a checkpoint.
    #[wasm_bindgen(js_name = startTraining)]
    pub async fn start_training(&self, config: JsValue, checkpoint: Option<Vec<u8>>) -> Answer {
        let config: TrainConfig = from_js(config, "config")?;
        let mut project = self.project.lock().await;
        self.done(match checkpoint {
            Some(checkpoint) => project.resume_training(&config, &checkpoint),
            None => project.start_training(&config),
        })
    }

    /// What the running training can go on from later, a `Uint8Array`; null but between two epochs.
    pub async fn checkpoint(&self) -> Answer {
        let checkpoint = self.project.lock().await.checkpoint().await.map_err(|e| error_to_js(&e))?;
        Ok(checkpoint.map_or(JsValue::NULL, |bytes| js_sys::Uint8Array::from(bytes.as_slice()).into()))
    }

    /// Steps of the running training for so many milliseconds, one at least: up to the first that ends an epoch or begins or ends a
    /// phase. Gives the last one's event, for the steps of a small head take less time than it takes to tell of them.
    pub async fn step(&self, milliseconds: f64) -> Answer {
        let mut project = self.project.lock().await;
        let until = clock() + milliseconds / 1000.0;
        let mut phase = None;
        let event = loop {
            let event = project.step().await;
            let Ok(TrainEvent { kind: EventKind::Step, step, steps, phase: of, .. }) = &event else { break event };
            if step == steps || *phase.get_or_insert(*of) != *of || clock() >= until {
                break event;
            }
        };
        self.note_engine(&project);
        to_js(&event.map_err(|e| error_to_js(&e))?)
    }

    /// Stops the running training; the best weights so far are the model.
    #[wasm_bindgen(js_name = cancelTraining)]
    pub async fn cancel_training(&self) -> Answer {
        let mut project = self.project.lock().await;
        let result = project.cancel_training().await;
        self.note_engine(&project);
        self.done(result)
    }

    /// Stops the running training; the following steps measure the best weights so far and make them the model.
    #[wasm_bindgen(js_name = stopTraining)]
    pub async fn stop_training(&self) -> Answer {
        let mut project = self.project.lock().await;
        let result = project.stop_training().await;
        self.note_engine(&project);
        self.done(result)
    }

    /// Says who helps where a training computes on the CPU.
    #[wasm_bindgen(js_name = setCrew)]
    pub async fn set_crew(&self, crew: JsCrew) {
        self.project.lock().await.set_crew(Rc::new(crew));
    }

    /// Does a part of another session's work, which has the same backbone.
    #[wasm_bindgen(js_name = help)]
    pub async fn help(&self, task: String, values: Float32Array) -> Answer {
        let backbone = self.project.lock().await.shared_backbone();
        let mut member = self.member.lock().await;
        let member = match &mut *member {
            Some((of, member)) if of.is_same(&backbone) => member,
            other => &mut other.insert((backbone.clone(), Member::new(backbone))).1,
        };
        let (buffer, numbers) = (values.buffer(), JsNumbers(values));
        let answer = member.answer(&task, &numbers).await.map_err(|e| error_to_js(&e))?;
        let count = answer.iter().map(Vec::len).sum::<usize>() as u32;
        // Where the question was there is room for most answers.
        let room = match buffer.byte_length() >= count * size_of::<f32>() as u32 {
            true => Float32Array::new_with_byte_offset_and_length(&buffer, 0, count),
            false => Float32Array::new_with_length(count),
        };
        put(&answer, &room);
        Ok(room.into())
    }

    /// The report of the latest training that ended, or null.
    pub async fn report(&self) -> Answer {
        to_js(&self.project.lock().await.report())
    }

    /// Classifies a picture of RGBA8 pixels, or `bgra`, most probable class first.
    pub async fn predict(&self, pixels: Vec<u8>, bgra: bool, width: u32, height: u32) -> Answer {
        let mut project = self.project.lock().await;
        let ranked = project.predict(&rgba(pixels, bgra), width, height).await;
        self.note_engine(&project);
        to_js(&ranked.map_err(|e| error_to_js(&e))?)
    }

    /// Pooled features of such a picture, a `Float32Array`.
    pub async fn embed(&self, pixels: Vec<u8>, bgra: bool, width: u32, height: u32) -> Answer {
        let mut project = self.project.lock().await;
        let features = project.embed(&rgba(pixels, bgra), width, height).await;
        self.note_engine(&project);
        let features = features.map_err(|e| error_to_js(&e))?;
        Ok(Float32Array::from(features.as_slice()).into())
    }

    /// Measures the model on the held-out pictures of the latest training.
    pub async fn evaluate(&self) -> Answer {
        let mut project = self.project.lock().await;
        let evaluation = project.evaluate().await;
        self.note_engine(&project);
        to_js(&evaluation.map_err(|e| error_to_js(&e))?)
    }

    /// Measures the model on the test set.
    #[wasm_bindgen(js_name = evaluateOnTest)]
    pub async fn evaluate_on_test(&self) -> Answer {
        let mut project = self.project.lock().await;
        let evaluation = project.evaluate_on_test().await;
        self.note_engine(&project);
        to_js(&evaluation.map_err(|e| error_to_js(&e))?)
    }

    /// Figures of what the model said of pictures: an array of `[name of the class, predictions]`.
    #[wasm_bindgen(js_name = measureAnswers)]
    pub async fn measure_answers(&self, answered: JsValue) -> Answer {
        let answered: Vec<(String, Vec<Prediction>)> = from_js(answered, "answers")?;
        let evaluation = self.project.lock().await.measure_answers(&answered);
        to_js(&evaluation.map_err(|e| error_to_js(&e))?)
    }

    /// What the model makes of a picture of the project.
    pub async fn answer(&self, id: f64) -> Answer {
        let mut project = self.project.lock().await;
        let answered = project.answer(image(id)?).await;
        self.note_engine(&project);
        to_js(&answered.map_err(|e| error_to_js(&e))?)
    }

    /// The model as a zip file, a `Uint8Array`, with the `whole` backbone or with a `reference` to it.
    pub async fn save(&self, backbone: JsValue) -> Answer {
        let backbone: SavedBackbone = from_js(backbone, "backbone")?;
        let file = self.project.lock().await.save_as(backbone).map_err(|e| error_to_js(&e))?;
        Ok(js_sys::Uint8Array::from(file.as_slice()).into())
    }

    /// The model in the format of another program: `{ extension, bytes }`, its weights stored as `f32`, `f16` or `int8`, called by
    /// a name. `page` is an array of the page's files, `[name, bytes]` each, for a page of its own.
    pub async fn export(
        &self,
        format: String,
        weights: String,
        bare: bool,
        name: String,
        page: js_sys::Array,
    ) -> Answer {
        let export = async || {
            let (format, weights) = (format.parse::<ExportFormat>()?, weights.parse::<WeightStorage>()?);
            let page = page.iter().filter_map(|file| named_file(&file)).collect();
            self.project.lock().await.export(format, &ExportOptions { weights, bare, name, page })
        };
        let exported = export().await.map_err(|e| error_to_js(&e))?;
        let bytes = js_sys::Uint8Array::from(exported.bytes.as_slice());
        let pair = [("extension", exported.extension.into()), ("bytes", bytes.into())];
        let entries: js_sys::Array =
            pair.map(|(key, value)| js_sys::Array::of2(&JsValue::from_str(key), &value)).iter().collect();
        js_sys::Object::from_entries(&entries).map(JsValue::from)
    }

    /// Replaces the model by a saved one, on the backbone given where the file only refers to one that is not the
    /// session's own.
    pub async fn load(&self, file: Vec<u8>, config: Option<String>, weights: Option<Vec<u8>>) -> Answer {
        let served = served(config, weights)?;
        self.done(self.project.lock().await.load_with(&file, |_| served))
    }

    /// The classes that the model tells apart, or null before there is one.
    #[wasm_bindgen(js_name = modelClasses)]
    pub async fn model_classes(&self) -> Answer {
        to_js(&self.project.lock().await.classifier().map(|classifier| &classifier.labels))
    }

    /// The project in its written form, with the prepared pixels of its pictures or without: an object with `project`
    /// (text), `model` and `pictures` (`Uint8Array` or null).
    pub async fn write(&self, pictures: bool) -> Answer {
        let written = self.project.lock().await.write(pictures).map_err(|e| error_to_js(&e))?;
        let bytes = |bytes: Option<Vec<u8>>| -> JsValue {
            bytes.map_or(JsValue::NULL, |bytes| js_sys::Uint8Array::from(bytes.as_slice()).into())
        };
        let object = js_sys::Object::new();
        let parts = [
            ("project", JsValue::from_str(&written.project)),
            ("model", bytes(written.model)),
            ("pictures", bytes(written.pictures)),
        ];
        for (key, value) in parts {
            js_sys::Reflect::set(&object, &JsValue::from_str(key), &value)?;
        }
        Ok(object.into())
    }
}

/// What was asked for, once it is known whether the browser's adapter can be used.
async fn choice(engine: String) -> Result<EngineChoice, JsValue> {
    let choice: EngineChoice = from_js(JsValue::from_str(&engine), "engine")?;
    if choice != EngineChoice::Cpu
        && let Some(reason) = adapter::lack().await
    {
        Engine::refuse_gpu(reason);
    }
    Ok(choice)
}

/// A class by its number, or by its name as `find` understands it.
fn class_of(class: &JsValue, find: impl Fn(&str) -> CoreResult<ClassId>) -> Result<ClassId, JsValue> {
    let found = match (class.as_string(), class.as_f64()) {
        (Some(name), _) => find(&name),
        (None, Some(id)) => whole(id).map(ClassId).ok_or_else(|| Error::ClassUnknown(id.to_string())),
        (None, None) => Err(Error::ClassUnknown(format!("{class:?}"))),
    };
    found.map_err(|e| error_to_js(&e))
}

/// Where a picture is to be put: into a class, to learn from where nothing is said.
fn home(project: &Project, class: &JsValue, group: Option<String>, part: Option<String>) -> Result<Home, JsValue> {
    let part = part.map(part_named).transpose()?.unwrap_or_default();
    let class = class_of(class, |name| project.dataset().class_named(name))?;
    Ok(Home { class, group, part })
}

/// What a picture is there for.
fn part_named(part: String) -> Result<Part, JsValue> {
    from_js(JsValue::from_str(&part), "part")
}

/// A picture's number, which JavaScript hands over as a number of any kind.
fn image(id: f64) -> Result<u32, JsValue> {
    // What is no whole number names no picture; the value told is the nearest that could.
    whole(id).ok_or_else(|| error_to_js(&Error::ImageUnknown(id as u32)))
}

/// A number of the caller's choice, where there is one.
fn number(id: Option<f64>) -> Result<Option<u32>, JsValue> {
    let refused = |id: f64| {
        let expected = format!("a whole number from 0 to {}", u32::MAX - 1);
        error_to_js(&Error::ConfigInvalid { field: "id", value: id.to_string(), expected })
    };
    id.map(|id| whole(id).filter(|id| *id < u32::MAX).ok_or_else(|| refused(id))).transpose()
}

fn whole(number: f64) -> Option<u32> {
    (number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number)).then_some(number as u32)
}

impl Session {
    fn of(project: CoreResult<Project>, trains: bool) -> Result<Self, JsValue> {
        let mut project = project.map_err(|e| error_to_js(&e))?;
        project.set_memory(memory());
        let (engine, backbone) = (RefCell::new(project.engine().clone()), RefCell::new(project.backbone().report()));
        Ok(Self { project: Mutex::new(project), trains, engine, backbone, member: Mutex::new(None) })
    }

    fn done(&self, result: Result<(), Error>) -> Answer {
        result.map(|()| JsValue::UNDEFINED).map_err(|e| error_to_js(&e))
    }

    /// The engine changes when a GPU is lost.
    fn note_engine(&self, project: &Project) {
        if *self.engine.borrow() != *project.engine() {
            self.engine.replace(project.engine().clone());
        }
    }
}

/// A file that JavaScript hands over as its name and its bytes.
fn named_file(file: &JsValue) -> Option<(String, Vec<u8>)> {
    let file: &js_sys::Array = file.dyn_ref()?;
    let bytes: js_sys::Uint8Array = file.get(1).dyn_into().ok()?;
    Some((file.get(0).as_string()?, bytes.to_vec()))
}
