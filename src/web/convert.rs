//! Rust values to JavaScript and back.

use crate::backbone::Backbone;
use crate::error::Error;
use headstart_kernels::pixels::exchange_red_and_blue;
use js_sys::Reflect;
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;

/// A plain JavaScript value (objects, not Maps; null, not undefined, for what is missing).
pub(super) fn to_js(value: &impl Serialize) -> Result<JsValue, JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    value.serialize(&serializer).map_err(|e| error_to_js(&Error::Internal(e.to_string())))
}

/// A Rust value from a plain JavaScript one; `field` names it where it is of the wrong kind.
pub(super) fn from_js<T: DeserializeOwned>(value: JsValue, field: &'static str) -> Result<T, JsValue> {
    let shown = js_sys::JSON::stringify(&value).map(String::from).unwrap_or_default();
    serde_wasm_bindgen::from_value(value).map_err(|e| {
        let reason = e.to_string();
        let reason = reason.trim_start_matches("Error: ");
        error_to_js(&Error::ConfigInvalid { field, value: shown, expected: format!("of the right kind ({reason})") })
    })
}

/// A JavaScript `Error` with `code` and `value` beside its message.
pub(super) fn error_to_js(error: &Error) -> JsValue {
    let object = js_sys::Error::new(&error.to_string());
    let value = error.value().map_or(JsValue::UNDEFINED, |v| JsValue::from_str(&v));
    for (key, value) in [("code", JsValue::from_str(error.code())), ("value", value)] {
        // Setting a property of an object that was just made cannot fail.
        let _ = Reflect::set(&object, &JsValue::from_str(key), &value);
    }
    object.into()
}

/// RGBA8 pixels of those that a browser has, which is blue first in most.
pub(super) fn rgba(mut pixels: Vec<u8>, bgra: bool) -> Vec<u8> {
    if bgra {
        exchange_red_and_blue(pixels.as_chunks_mut().0);
    }
    pixels
}

/// A backbone with its card, or without one where the weights tell what they are.
pub(super) fn parse(
    config: Option<String>,
    weights: &[u8],
    name: Option<String>,
    arithmetic: Option<String>,
) -> Result<Backbone, JsValue> {
    let backbone = match config {
        Some(config) => Backbone::parse(&config, weights),
        None => Backbone::recognise(weights),
    };
    let backbone = backbone.and_then(|backbone| match arithmetic {
        Some(arithmetic) => backbone.with_arithmetic(arithmetic.parse()?),
        None => Ok(backbone),
    });
    let backbone = backbone.map_err(|e| error_to_js(&e))?;
    Ok(match name {
        Some(name) => backbone.named(&name),
        None => backbone,
    })
}

/// The backbone that a model refers to, where it was brought.
pub(super) fn served(config: Option<String>, weights: Option<Vec<u8>>) -> Result<Option<Backbone>, JsValue> {
    weights.map(|weights| parse(config, &weights, None, None)).transpose()
}
