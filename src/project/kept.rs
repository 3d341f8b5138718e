//! Features of pictures, kept outside of a project beside the pictures themselves: one that comes back need not be
//! embedded again.
//!
//! They are known by content as in the store: by the picture's, and by that of the stages that it went through. What was
//! computed of another picture, or by another backbone, is passed over.

use super::{Project, USUAL_VIEWS};
use crate::activations::{Place, Precision, Views};
use crate::error::{Error, Result};
use crate::features::{Cut, Row, View};
use crate::identity::ContentHash;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::HashMap;

/// What the file says of itself: the hashes of the picture and of the stages, in one entry, as those of a file are in no
/// order and the same features are to be the same bytes.
const ABOUT: &str = "picture and stages";

impl Project {
    /// The features that there are of a picture, as safetensors, a tensor a view; none where there are none.
    ///
    /// # Errors
    /// [`Error::ImageUnknown`].
    pub fn features_of(&self, id: u32) -> Result<Option<Vec<u8>>> {
        let content = self.dataset.sample(id)?.content;
        let (cut, views) = (Cut::features(&self.backbone), Views::plain());
        let place = Place::new(&self.backbone, cut);
        let bytes = |view: &View| match self.store.get(place, Precision::Full, &views.key(content, *view))? {
            Row::Full(values) => Some((name(*view), values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())),
            Row::Half(_) => None,
        };
        let rows: Vec<(&str, Vec<u8>)> = USUAL_VIEWS.iter().filter_map(bytes).collect();
        if rows.is_empty() {
            return Ok(None);
        }
        let mut tensors = Vec::with_capacity(rows.len());
        for (name, bytes) in &rows {
            tensors.push((*name, TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes).map_err(internal)?));
        }
        let about = format!("{content} {}", self.backbone.prefix(cut.boundary));
        let about = HashMap::from([(ABOUT.to_string(), about)]);
        safetensors::serialize(tensors, Some(about)).map(Some).map_err(internal)
    }

    /// Takes features in that [`Project::features_of`] gave, where there is room for them; a picture of this content that
    /// is added then is not embedded. Tells whether they are those of the present backbone.
    pub fn offer_features(&mut self, kept: &[u8]) -> bool {
        let (cut, views) = (Cut::features(&self.backbone), Views::plain());
        let Some((content, stages)) = about(kept) else { return false };
        let Ok(tensors) = SafeTensors::deserialize(kept) else { return false };
        if stages != self.backbone.prefix(cut.boundary) {
            return false;
        }
        let width = cut.width(&self.backbone);
        let place = Place::new(&self.backbone, cut);
        for view in USUAL_VIEWS {
            let Ok(tensor) = tensors.tensor(name(view)) else { continue };
            let values: Vec<f32> =
                tensor.data().as_chunks().0.iter().map(|bytes: &[u8; 4]| f32::from_le_bytes(*bytes)).collect();
            let fits = tensor.dtype() == Dtype::F32 && values.len() == width && values.iter().all(|x| x.is_finite());
            if !fits {
                return false;
            }
            self.store.offer(place, views.key(content, view), values.into());
        }
        true
    }
}

/// Of which picture a file is, and what the stages compute that it went through.
fn about(kept: &[u8]) -> Option<(ContentHash, ContentHash)> {
    let (_, metadata) = SafeTensors::read_metadata(kept).ok()?;
    let (picture, stages) = metadata.metadata().as_ref()?.get(ABOUT)?.split_once(' ')?;
    Some((ContentHash::parse(picture)?, ContentHash::parse(stages)?))
}

fn name(view: View) -> &'static str {
    match view {
        View::Mirrored => "mirrored",
        View::Plain | View::Variant(_) => "plain",
    }
}

fn internal(reason: impl ToString) -> Error {
    Error::Internal(reason.to_string())
}
