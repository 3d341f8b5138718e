//! A [`Project`] behind an async lock, so that overlapping calls from JavaScript wait for each other.

use super::adapter;
use super::convert::{error_to_js, from_js, to_js};
use crate::backbone::{Backbone, BackboneReport};
use crate::engine::{Engine, EngineChoice, EngineReport};
use crate::error::Error;
use crate::project::Project;
use crate::train::{self, TrainConfig};
use async_lock::Mutex;
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

type Answer = Result<JsValue, JsValue>;

/// A training session. Every method but `engine` and `backbone` returns a promise.
#[wasm_bindgen]
pub struct Session {
    project: Mutex<Project>,
    // Beside the lock, so that they can be asked while a step waits for the GPU.
    engine: RefCell<EngineReport>,
    backbone: BackboneReport,
}

/// The default training settings.
#[wasm_bindgen(js_name = defaultConfig)]
pub fn default_config() -> Answer {
    to_js(&TrainConfig::default())
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

#[wasm_bindgen]
impl Session {
    /// Opens an engine (`auto`, `webgpu` or `cpu`) and loads a backbone from the text of its `config.json` and the
    /// bytes of its `model.safetensors`.
    pub async fn create(engine: String, config: String, weights: Vec<u8>) -> Result<Session, JsValue> {
        let choice: EngineChoice = from_js(JsValue::from_str(&engine), "engine")?;
        let backbone = Backbone::parse(&config, &weights).map_err(|e| error_to_js(&e))?;
        let report = backbone.report();
        if choice != EngineChoice::Cpu
            && let Some(reason) = adapter::lack().await
        {
            Engine::refuse_gpu(reason);
        }
        let mut project = Project::new(choice, backbone, clock).await.map_err(|e| error_to_js(&e))?;
        project.set_memory(memory());
        let engine = RefCell::new(project.engine().clone());
        Ok(Self { project: Mutex::new(project), engine, backbone: report })
    }

    /// Which engine runs and why.
    pub fn engine(&self) -> Answer {
        to_js(&*self.engine.borrow())
    }

    /// What the backbone is.
    pub fn backbone(&self) -> Answer {
        to_js(&self.backbone)
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

    /// Adds a class.
    #[wasm_bindgen(js_name = addClass)]
    pub async fn add_class(&self, name: String) -> Answer {
        self.done(self.project.lock().await.dataset_mut().add_class(&name))
    }

    /// Gives a class another name, in a trained model too.
    #[wasm_bindgen(js_name = renameClass)]
    pub async fn rename_class(&self, name: String, to: String) -> Answer {
        self.done(self.project.lock().await.rename_class(&name, &to))
    }

    /// Removes a class with its pictures; `restoreClass` undoes it.
    #[wasm_bindgen(js_name = removeClass)]
    pub async fn remove_class(&self, name: String) -> Answer {
        self.done(self.project.lock().await.dataset_mut().remove_class(&name))
    }

    /// Brings back the class of this name that was removed last, with its pictures.
    #[wasm_bindgen(js_name = restoreClass)]
    pub async fn restore_class(&self, name: String) -> Answer {
        self.done(self.project.lock().await.dataset_mut().restore_class(&name))
    }

    /// The classes with the numbers of their pictures.
    pub async fn classes(&self) -> Answer {
        to_js(&self.project.lock().await.classes())
    }

    /// Embeds an RGBA8 picture and adds it to a class; gives its number.
    #[wasm_bindgen(js_name = addImage)]
    pub async fn add_image(
        &self,
        class_name: String,
        rgba: Vec<u8>,
        width: u32,
        height: u32,
        group: Option<String>,
    ) -> Answer {
        let mut project = self.project.lock().await;
        let id = project.add_image(&class_name, &rgba, (width, height), group).await;
        self.note_engine(&project);
        id.map(JsValue::from).map_err(|e| error_to_js(&e))
    }

    /// Moves a picture to another class.
    #[wasm_bindgen(js_name = moveImage)]
    pub async fn move_image(&self, id: u32, class_name: String) -> Answer {
        self.done(self.project.lock().await.dataset_mut().move_image(id, &class_name))
    }

    /// Removes a picture; `restoreImage` undoes it.
    #[wasm_bindgen(js_name = removeImage)]
    pub async fn remove_image(&self, id: u32) -> Answer {
        self.done(self.project.lock().await.dataset_mut().remove_image(id))
    }

    /// Brings a removed picture back.
    #[wasm_bindgen(js_name = restoreImage)]
    pub async fn restore_image(&self, id: u32) -> Answer {
        self.done(self.project.lock().await.dataset_mut().restore_image(id))
    }

    /// Checks settings and pictures and prepares a training.
    #[wasm_bindgen(js_name = startTraining)]
    pub async fn start_training(&self, config: JsValue) -> Answer {
        let config: TrainConfig = from_js(config, "config")?;
        self.done(self.project.lock().await.start_training(&config))
    }

    /// One step of the running training.
    pub async fn step(&self) -> Answer {
        let mut project = self.project.lock().await;
        let event = project.step().await;
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

    /// The report of the latest training that ended, or null.
    pub async fn report(&self) -> Answer {
        to_js(&self.project.lock().await.report())
    }

    /// Classifies an RGBA8 picture, most probable class first.
    pub async fn predict(&self, rgba: Vec<u8>, width: u32, height: u32) -> Answer {
        let mut project = self.project.lock().await;
        let ranked = project.predict(&rgba, width, height).await;
        self.note_engine(&project);
        to_js(&ranked.map_err(|e| error_to_js(&e))?)
    }

    /// Pooled features of an RGBA8 picture, a `Float32Array`.
    pub async fn embed(&self, rgba: Vec<u8>, width: u32, height: u32) -> Answer {
        let mut project = self.project.lock().await;
        let features = project.embed(&rgba, width, height).await;
        self.note_engine(&project);
        let features = features.map_err(|e| error_to_js(&e))?;
        Ok(js_sys::Float32Array::from(features.as_slice()).into())
    }

    /// Measures the model on the held-out pictures of the latest training.
    pub async fn evaluate(&self) -> Answer {
        let mut project = self.project.lock().await;
        let evaluation = project.evaluate().await;
        self.note_engine(&project);
        to_js(&evaluation.map_err(|e| error_to_js(&e))?)
    }

    /// The model as a zip file, a `Uint8Array`.
    pub async fn save(&self) -> Answer {
        let file = self.project.lock().await.save().map_err(|e| error_to_js(&e))?;
        Ok(js_sys::Uint8Array::from(file.as_slice()).into())
    }

    /// Replaces the model by a saved one.
    pub async fn load(&self, file: Vec<u8>) -> Answer {
        self.done(self.project.lock().await.load(&file))
    }

    /// Labels of the model, or null before there is one.
    #[wasm_bindgen(js_name = modelClasses)]
    pub async fn model_classes(&self) -> Answer {
        to_js(&self.project.lock().await.classifier().map(|classifier| &classifier.labels))
    }
}

impl Session {
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
