//! Rust values to JavaScript and back.

use crate::error::Error;
use js_sys::Reflect;
use serde::Serialize;
#[cfg(not(feature = "predict-only"))]
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;

/// A plain JavaScript value (objects, not Maps; null, not undefined, for what is missing).
pub(super) fn to_js(value: &impl Serialize) -> Result<JsValue, JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    value.serialize(&serializer).map_err(|e| error_to_js(&Error::Internal(e.to_string())))
}

/// A Rust value from a plain JavaScript one; `field` names it where it is of the wrong kind.
#[cfg(not(feature = "predict-only"))]
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
