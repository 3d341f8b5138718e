//! What the browser's GPU adapter lacks, asked before burn opens it.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Why burn cannot use the adapter that the browser offers, or `None` where it can or where there is no adapter.
///
/// cubecl-wgpu 0.11 panics on an adapter without `timestamp-query`, and a panic cannot be caught here.
pub(super) async fn lack() -> Option<&'static str> {
    let gpu = get(&get(&js_sys::global(), "navigator")?, "gpu")?;
    let request: Function = get(&gpu, "requestAdapter")?.dyn_into().ok()?;
    let promise: Promise = request.call0(&gpu).ok()?.dyn_into().ok()?;
    let adapter = JsFuture::from(promise).await.ok()?;
    let features = get(&adapter, "features")?;
    let has: Function = get(&features, "has")?.dyn_into().ok()?;
    let found = has.call1(&features, &JsValue::from_str("timestamp-query")).ok()?;
    (!found.is_truthy()).then_some("its adapter lacks timestamp-query")
}

/// A property, where the object and the property are there.
fn get(object: &JsValue, key: &str) -> Option<JsValue> {
    let value = Reflect::get(object, &JsValue::from_str(key)).ok()?;
    (!value.is_undefined() && !value.is_null()).then_some(value)
}
