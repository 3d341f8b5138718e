//! Helpers of the worker, as a crew.

use crate::crew::{Answered, Crew, Numbers, Task};
use js_sys::{Float32Array, Promise};
use std::ops::Range;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    /// The worker's helpers; see `Crew` in `www/worker/session.ts`.
    #[derive(Clone)]
    pub type JsCrew;

    #[wasm_bindgen(method, structural)]
    fn members(this: &JsCrew) -> usize;

    #[wasm_bindgen(method, structural)]
    fn most(this: &JsCrew) -> usize;

    /// Of a `Float32Array` or null; it is never rejected.
    #[wasm_bindgen(method, structural)]
    fn ask(this: &JsCrew, member: usize, task: &str, values: Float32Array) -> Promise;

    /// Room for so many numbers that a member is to be asked with.
    #[wasm_bindgen(method, structural)]
    fn room(this: &JsCrew, member: usize, count: usize) -> Float32Array;

    /// What a member answered has been read.
    #[wasm_bindgen(method, structural)]
    fn spare(this: &JsCrew, member: usize, values: Float32Array);
}

/// Numbers in JavaScript's memory.
pub(super) struct JsNumbers(pub(super) Float32Array);

impl Numbers for JsNumbers {
    fn count(&self) -> usize {
        self.0.length() as usize
    }

    fn part(&self, range: Range<usize>) -> Vec<f32> {
        // A module's memory has no room for as many as `u32` has not.
        self.0.subarray(range.start as u32, range.end as u32).to_vec()
    }
}

/// Puts numbers where there is room for them, one part behind the other.
pub(super) fn put(parts: &[impl AsRef<[f32]>], room: &Float32Array) {
    let mut at = 0;
    for part in parts.iter().map(AsRef::as_ref) {
        let end = at + part.len() as u32;
        room.subarray(at, end).copy_from(part);
        at = end;
    }
}

/// What a member answered; the memory is its crew's again afterwards, since new memory takes longer than copying.
struct Heard {
    numbers: JsNumbers,
    crew: JsCrew,
    member: usize,
}

impl Numbers for Heard {
    fn count(&self) -> usize {
        self.numbers.count()
    }

    fn part(&self, range: Range<usize>) -> Vec<f32> {
        self.numbers.part(range)
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.crew.spare(self.member, self.numbers.0.clone());
    }
}

impl Crew for JsCrew {
    fn members(&self) -> usize {
        Self::members(self)
    }

    fn most(&self) -> usize {
        Self::most(self)
    }

    fn ask(&self, member: usize, task: &Task, values: &[&[f32]]) -> Answered {
        // A task is of plain numbers and words.
        let text = serde_json::to_string(task).unwrap_or_default();
        let room = self.room(member, values.iter().map(|part| part.len()).sum());
        put(values, &room);
        let answer = JsFuture::from(Self::ask(self, member, &text, room));
        let crew = self.clone();
        Box::pin(async move {
            let numbers = JsNumbers(answer.await.ok()?.dyn_into::<Float32Array>().ok()?);
            Some(Box::new(Heard { numbers, crew, member }) as Box<dyn Numbers>)
        })
    }
}
