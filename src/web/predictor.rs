//! A [`Predictor`] for JavaScript: all that there is in a module that only predicts.

use super::convert::{error_to_js, from_js, rgba, served, to_js};
use crate::engine::{EngineChoice, EngineReport, NONE_OFFERED};
use crate::predictor;
use wasm_bindgen::prelude::*;

type Answer = Result<JsValue, JsValue>;

/// A saved model on the CPU. Every call answers at once. What has the name of a method of the `Session` of the other packages says
/// the same.
#[wasm_bindgen]
pub struct Predictor {
    model: predictor::Predictor,
    engine: EngineReport,
}

#[wasm_bindgen]
impl Predictor {
    /// Reads a saved model, the bytes of its zip.
    pub fn load(file: Vec<u8>) -> Result<Predictor, JsValue> {
        Self::of_model(JsValue::from_str("cpu"), file, None, None)
    }

    /// The same on the backbone given where the file only refers to it; `engine` is what was asked for where there is no GPU.
    #[wasm_bindgen(js_name = ofModel)]
    pub fn of_model(
        engine: JsValue,
        file: Vec<u8>,
        config: Option<String>,
        weights: Option<Vec<u8>>,
    ) -> Result<Predictor, JsValue> {
        let choice: EngineChoice = from_js(engine, "engine")?;
        let served = served(config, weights)?;
        let model = predictor::Predictor::load_with(&file, |_| served).map_err(|e| error_to_js(&e))?;
        Ok(Self { model, engine: EngineReport::cpu_for(choice, NONE_OFFERED) })
    }

    /// Its classes, the side of what it sees in pixels, its architecture.
    pub fn about(&self) -> Answer {
        to_js(&self.model.about())
    }

    /// Which engine runs and why.
    pub fn engine(&self) -> Answer {
        to_js(&self.engine)
    }

    /// What the backbone is.
    pub fn backbone(&self) -> Answer {
        to_js(self.model.backbone())
    }

    /// The classes that it tells apart.
    #[wasm_bindgen(js_name = modelClasses)]
    pub fn model_classes(&self) -> Answer {
        to_js(&self.model.labels())
    }

    /// The report of its training, or null.
    pub fn report(&self) -> Answer {
        to_js(&self.model.report())
    }

    /// Classifies RGBA8 pixels, or `bgra`, most probable class first.
    pub fn predict(&self, pixels: Vec<u8>, bgra: bool, width: u32, height: u32) -> Answer {
        to_js(&self.model.predict(&rgba(pixels, bgra), width, height).map_err(|e| error_to_js(&e))?)
    }
}
