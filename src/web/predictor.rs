//! A [`Predictor`] for JavaScript: all that there is in a module that only predicts.

use super::convert::{error_to_js, to_js};
use crate::predictor;
use wasm_bindgen::prelude::*;

/// A saved model on the CPU. Every call answers at once.
#[wasm_bindgen]
pub struct Predictor(predictor::Predictor);

#[wasm_bindgen]
impl Predictor {
    /// Reads a saved model, the bytes of its zip.
    pub fn load(file: Vec<u8>) -> Result<Predictor, JsValue> {
        predictor::Predictor::load(&file).map(Self).map_err(|e| error_to_js(&e))
    }

    /// Its classes, the side of what it sees in pixels, its architecture.
    pub fn about(&self) -> Result<JsValue, JsValue> {
        to_js(&self.0.about())
    }

    /// Classifies RGBA8 pixels, most probable class first.
    pub fn predict(&self, rgba: &[u8], width: u32, height: u32) -> Result<JsValue, JsValue> {
        to_js(&self.0.predict(rgba, width, height).map_err(|e| error_to_js(&e))?)
    }
}
