//! Helpers of the worker, as a crew.

use crate::crew::{Answered, Crew, Task};
use js_sys::{Float32Array, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    /// The worker's helpers; see `Crew` in `www/worker/session.ts`.
    pub type JsCrew;

    #[wasm_bindgen(method, structural)]
    fn members(this: &JsCrew) -> usize;

    #[wasm_bindgen(method, structural)]
    fn most(this: &JsCrew) -> usize;

    /// Of a `Float32Array` or null; it is never rejected.
    #[wasm_bindgen(method, structural)]
    fn ask(this: &JsCrew, member: usize, task: &str, values: Float32Array) -> Promise;
}

impl Crew for JsCrew {
    fn members(&self) -> usize {
        Self::members(self)
    }

    fn most(&self) -> usize {
        Self::most(self)
    }

    fn ask(&self, member: usize, task: &Task, values: Vec<f32>) -> Answered {
        // A task is of plain numbers and words.
        let text = serde_json::to_string(task).unwrap_or_default();
        let answer = JsFuture::from(Self::ask(self, member, &text, Float32Array::from(values.as_slice())));
        Box::pin(async move {
            let values = answer.await.ok()?.dyn_into::<Float32Array>().ok()?;
            Some(values.to_vec())
        })
    }
}
