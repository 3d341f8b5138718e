//! Pictures that were looked at ahead of their turn, mostly by another session: what was found out, to be added as it is.
//!
//! Whoever computes the same has the same code, so this is no file format: two hashes, the features and the pixels, one behind the
//! other, in little-endian order. It is read and written for every picture of many.

use super::{ADDED, Project};
use crate::activations::{Precision, Views};
use crate::dataset::Home;
use crate::error::Result;
use crate::features::{Cut, Row};
use crate::identity::ContentHash;
use crate::image::{Crop, Picture};
use std::sync::Arc;

impl Project {
    /// Looks at an RGBA8 picture for another session, or ahead of its turn; what this gives is added with [`Project::add_studied`].
    /// Nothing of it stays.
    ///
    /// # Errors
    /// [`crate::Error::PictureEmpty`].
    pub async fn study(&mut self, rgba: &[u8], size: (u32, u32)) -> Result<Vec<u8>> {
        let Picture { content, crop } = self.embedder.preprocess().picture(rgba, size.0, size.1)?;
        let kept = match self.store.get(self.features_place(), Precision::Full, &Views::plain().key(content, ADDED)) {
            Some(Row::Full(row)) => Some(row.clone()),
            _ => None,
        };
        let features = match kept {
            Some(row) => row,
            None => {
                let start = (self.clock)();
                let rows = self.embedded(&[&crop]).await?;
                self.timing.added(1, (self.clock)() - start);
                rows[0].clone()
            }
        };
        let pixels = crop.rgb();
        let mut studied = Vec::with_capacity(2 * ContentHash::BYTES + size_of_val(&features[..]) + pixels.len());
        studied.extend_from_slice(&content.to_bytes());
        studied.extend_from_slice(&self.maker().to_bytes());
        studied.extend(features.iter().flat_map(|x| x.to_le_bytes()));
        studied.extend_from_slice(&pixels);
        Ok(studied)
    }

    /// Adds a picture that was looked at with [`Project::study`], as [`Project::add_image_at`] does one that none has. None where it is
    /// not what this session would have made of it: the other one may have had another backbone.
    ///
    /// # Errors
    /// As [`Project::add_image_at`].
    pub fn add_studied(&mut self, home: Home, studied: &[u8], id: Option<u32>) -> Result<Option<u32>> {
        let Some((picture, features)) = self.read_studied(studied) else { return Ok(None) };
        let picture = self.admitted(&home, id, picture)?;
        self.store.offer(self.features_place(), Views::plain().key(picture.content, ADDED), features);
        self.keep(id, home, picture).map(Some)
    }

    fn read_studied(&self, studied: &[u8]) -> Option<(Picture, Arc<[f32]>)> {
        let (content, rest) = studied.split_first_chunk()?;
        let (maker, rest) = rest.split_first_chunk()?;
        if ContentHash::from_bytes(*maker) != self.maker() {
            return None;
        }
        let width = Cut::features(&self.backbone).width(&self.backbone);
        let (features, pixels) = rest.split_at_checked(width * size_of::<f32>())?;
        let features: Arc<[f32]> = features.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let crop = Crop::new(self.preparation().size, pixels).ok()?;
        let content = ContentHash::from_bytes(*content);
        features.iter().all(|x| x.is_finite()).then_some((Picture { content, crop }, features))
    }

    /// All that decides what a session finds out about a picture.
    fn maker(&self) -> ContentHash {
        let stages = self.backbone.prefix(Cut::features(&self.backbone).boundary);
        ContentHash::of(format!("{stages} {:?}", self.preparation()).as_bytes())
    }
}
