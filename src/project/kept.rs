//! Features of pictures, kept outside of a project beside the pictures themselves: one that comes back need not be
//! embedded again.
//!
//! They are known by content as in the store: by the picture's, and by that of the stages that it went through. What was
//! computed of another picture, or by another backbone, is passed over.
//!
//! A picture that another session has looked at comes in the same form, with its pixels.

use super::{ADDED, Project, USUAL_VIEWS};
use crate::activations::{Place, Precision, Views};
use crate::dataset::Home;
use crate::error::{Error, Result};
use crate::features::{Cut, Row, View};
use crate::identity::ContentHash;
use crate::image::{Crop, Picture};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::HashMap;
use std::sync::Arc;

/// What the file says of itself: the hashes of the picture and of the stages, in one entry, as those of a file are in no
/// order and the same features are to be the same bytes.
const ABOUT: &str = "picture and stages";

/// How the pixels were prepared that are in it, as JSON, and the tensor of their bytes `[size, size, 3]`.
const PREPARATION: &str = "preparation";
const PIXELS: &str = "pixels";

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
        let about = HashMap::from([(ABOUT.to_string(), self.about(content))]);
        safetensors::serialize(tensors, Some(about)).map(Some).map_err(internal)
    }

    fn about(&self, content: ContentHash) -> String {
        format!("{content} {}", self.backbone.prefix(Cut::features(&self.backbone).boundary))
    }

    /// Looks at an RGBA8 picture for another session, which adds it with [`Project::add_studied`]: all that there is to be
    /// known of it, as safetensors. Nothing of it stays.
    ///
    /// # Errors
    /// [`Error::PictureEmpty`].
    pub async fn study(&mut self, rgba: &[u8], size: (u32, u32)) -> Result<Vec<u8>> {
        let Picture { content, crop } = self.embedder.preprocess().picture(rgba, size.0, size.1)?;
        let features = self.embedded(&[&crop]).await?;
        let features: Vec<u8> = features[0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let pixels = crop.rgb();
        let tensors = [
            (name(ADDED), TensorView::new(Dtype::F32, vec![features.len() / 4], &features).map_err(internal)?),
            (PIXELS, TensorView::new(Dtype::U8, vec![crop.size(), crop.size(), 3], &pixels).map_err(internal)?),
        ];
        let preparation = serde_json::to_string(&self.preparation()).map_err(internal)?;
        let about = [(ABOUT, self.about(content)), (PREPARATION, preparation)];
        let about = about.into_iter().map(|(key, text)| (key.to_string(), text)).collect();
        safetensors::serialize(tensors, Some(about)).map_err(internal)
    }

    /// Adds a picture that another session has looked at, as [`Project::add_image_at`] does one that none has. None where it is
    /// not what this session would have made of it: the other one may have had another backbone.
    ///
    /// # Errors
    /// As [`Project::add_image_at`].
    pub fn add_studied(&mut self, home: Home, studied: &[u8], id: Option<u32>) -> Result<Option<u32>> {
        let Some((picture, features)) = self.read_studied(studied) else { return Ok(None) };
        self.dataset.can_add(home.class, id)?;
        let picture = match id {
            Some(id) => self.dataset.known(id, picture),
            None => picture,
        };
        let place = Place::new(&self.backbone, Cut::features(&self.backbone));
        self.store.offer(place, Views::plain().key(picture.content, ADDED), features);
        self.keep(id, home, picture).map(Some)
    }

    fn read_studied(&self, studied: &[u8]) -> Option<(Picture, Arc<[f32]>)> {
        let (_, metadata) = SafeTensors::read_metadata(studied).ok()?;
        let preparation = metadata.metadata().as_ref()?.get(PREPARATION)?;
        if serde_json::from_str(preparation).ok() != Some(self.preparation()) {
            return None;
        }
        let tensors = SafeTensors::deserialize(studied).ok()?;
        let content = self.of_these_stages(studied)?;
        let pixels = tensors.tensor(PIXELS).ok().filter(|pixels| pixels.dtype() == Dtype::U8)?;
        let crop = Crop::new(self.preparation().size, pixels.data()).ok()?;
        let features = self.features_in(&tensors, ADDED)??;
        Some((Picture { content, crop }, features))
    }

    /// Takes features in that [`Project::features_of`] gave, where there is room for them; a picture of this content that
    /// is added then is not embedded. Tells whether they are those of the present backbone.
    pub fn offer_features(&mut self, kept: &[u8]) -> bool {
        let Some(content) = self.of_these_stages(kept) else { return false };
        let Ok(tensors) = SafeTensors::deserialize(kept) else { return false };
        let (place, views) = (Place::new(&self.backbone, Cut::features(&self.backbone)), Views::plain());
        for view in USUAL_VIEWS {
            match self.features_in(&tensors, view) {
                None => continue,
                Some(None) => return false,
                Some(Some(values)) => self.store.offer(place, views.key(content, view), values),
            }
        }
        true
    }

    /// Of which picture a file is; none where its features come from other stages than those of the present backbone.
    fn of_these_stages(&self, kept: &[u8]) -> Option<ContentHash> {
        let (content, stages) = about(kept)?;
        (stages == self.backbone.prefix(Cut::features(&self.backbone).boundary)).then_some(content)
    }

    /// The features in one view: none where the file has none, and none within where these are none of the present backbone.
    fn features_in(&self, tensors: &SafeTensors<'_>, view: View) -> Option<Option<Arc<[f32]>>> {
        let tensor = tensors.tensor(name(view)).ok()?;
        let values: Arc<[f32]> =
            tensor.data().as_chunks().0.iter().map(|bytes: &[u8; 4]| f32::from_le_bytes(*bytes)).collect();
        let width = Cut::features(&self.backbone).width(&self.backbone);
        let fits = tensor.dtype() == Dtype::F32 && values.len() == width && values.iter().all(|x| x.is_finite());
        Some(fits.then_some(values))
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
