//! Pixels that are kept as they came until there is nothing else to do: packing a picture takes a fifth of the time that
//! embedding it does.

use crate::dataset::Dataset;
use std::collections::VecDeque;

/// So many bytes of pixels may wait to be packed: 200 pictures of 224 pixels, 600 of 128.
const MOST_BYTES: usize = 32 << 20;

/// Pictures whose pixels wait.
#[derive(Default)]
pub(super) struct Unpacked {
    /// Their numbers and how many bytes each has, those first that have waited longest.
    waiting: VecDeque<(u32, usize)>,
    bytes: usize,
}

impl Unpacked {
    /// A picture has its pixels. Those that have waited longest are packed where too many wait.
    pub(super) fn add(&mut self, dataset: &mut Dataset, id: u32, bytes: usize) {
        self.waiting.push_back((id, bytes));
        self.bytes += bytes;
        while self.bytes > MOST_BYTES && self.pack_next(dataset) {}
    }

    /// Packs the picture that has waited longest; tells whether there was one.
    pub(super) fn pack_next(&mut self, dataset: &mut Dataset) -> bool {
        let Some((id, bytes)) = self.waiting.pop_front() else { return false };
        self.bytes -= bytes;
        // It may have been forgotten meanwhile.
        dataset.pack(id);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{ClassId, Home};
    use crate::identity::Hasher;
    use crate::image::{Crop, Picture};

    const SIDE: usize = 1024;
    const PLAIN: usize = SIDE * SIDE * 3;

    fn with_pictures(count: usize) -> (Dataset, Unpacked, Vec<u32>) {
        let (mut dataset, mut unpacked) = (Dataset::default(), Unpacked::default());
        let class = dataset.add_class("any").unwrap();
        let ids = (0..count).map(|_| add(&mut dataset, &mut unpacked, class)).collect();
        (dataset, unpacked, ids)
    }

    fn add(dataset: &mut Dataset, unpacked: &mut Unpacked, class: ClassId) -> u32 {
        let crop = Crop::new(SIDE, vec![7; PLAIN]).unwrap();
        let picture = Picture { content: Hasher::new().end(), crop };
        let id = dataset.add_picture(None, Home::to_learn(class, None), picture).unwrap();
        unpacked.add(dataset, id, PLAIN);
        id
    }

    fn is_plain(dataset: &Dataset, id: u32) -> bool {
        dataset.sample(id).unwrap().crop.as_ref().unwrap().bytes() == PLAIN
    }

    #[test]
    fn pixels_wait_until_somebody_has_time() {
        let (mut dataset, mut unpacked, ids) = with_pictures(2);
        assert!(ids.iter().all(|id| is_plain(&dataset, *id)));
        assert!(unpacked.pack_next(&mut dataset));
        assert_eq!(ids.iter().map(|id| is_plain(&dataset, *id)).collect::<Vec<_>>(), [false, true]);
        assert!(unpacked.pack_next(&mut dataset));
        assert!(!unpacked.pack_next(&mut dataset), "all are packed");
        assert_eq!(unpacked.bytes, 0);
        let crop = dataset.sample(ids[0]).unwrap().crop.as_ref().unwrap();
        assert_eq!(&*crop.rgb(), [7; PLAIN], "they show what they did");
    }

    #[test]
    fn only_so_many_bytes_wait() {
        let (dataset, unpacked, ids) = with_pictures(MOST_BYTES / PLAIN + 3);
        assert!(unpacked.bytes <= MOST_BYTES);
        let waiting = ids.iter().filter(|id| is_plain(&dataset, **id)).count();
        assert_eq!(waiting, MOST_BYTES / PLAIN, "and those that have waited longest are packed");
        assert!(!is_plain(&dataset, ids[0]) && is_plain(&dataset, ids[ids.len() - 1]));
    }

    #[test]
    fn a_forgotten_picture_is_passed_over() {
        let (mut dataset, mut unpacked, ids) = with_pictures(1);
        dataset.remove_image(ids[0]).unwrap();
        dataset.forget_image(ids[0]);
        assert!(unpacked.pack_next(&mut dataset));
        assert!(dataset.sample(ids[0]).unwrap().crop.is_none());
    }
}
