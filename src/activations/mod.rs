//! The store of activations: what was computed of which picture, where in which network, so that nothing is computed
//! twice while there is room to keep it.
//!
//! A row is known by its contents alone: the picture's, those of the frozen stages that it went through, the cut, the
//! view and what the view was made with, and the precision. Renaming, moving, deleting and adding again, another
//! backbone and back: whatever is the same is found again.

mod embedding;

pub use embedding::Embedding;

use crate::augment::Augment;
use crate::backbone::Backbone;
use crate::features::{Cut, Row, View};
use crate::identity::{ContentHash, Hasher};
use crate::image::{Crop, Picture};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A cut of a network, by what the stages before it compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    prefix: ContentHash,
    cut: Cut,
}

impl Place {
    /// A cut of a backbone.
    pub fn new(backbone: &Backbone, cut: Cut) -> Self {
        Self { prefix: backbone.prefix(cut.boundary), cut }
    }
}

/// At which precision rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32-bit floats, as they were computed.
    Full,
    /// 16-bit floats.
    Half,
}

/// What random variants of pictures are made with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// How much pictures are changed.
    pub augment: Augment,
    /// Seed of the changes.
    pub seed: u32,
}

impl Recipe {
    fn hash(&self) -> ContentHash {
        let Augment { flip, zoom, rotation, brightness, contrast } = self.augment;
        let mut hasher = Hasher::new();
        hasher.bytes(&[u8::from(flip)]);
        for value in [zoom, rotation, brightness, contrast] {
            hasher.bytes(&value.to_le_bytes());
        }
        hasher.bytes(&self.seed.to_le_bytes());
        hasher.end()
    }
}

/// A picture in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    picture: ContentHash,
    view: View,
    /// What a random variant was made with; the other views need nothing.
    recipe: Option<ContentHash>,
}

/// Names the views of pictures as one training has them, and makes them.
#[derive(Debug, Clone, Copy)]
pub struct Views {
    recipe: Recipe,
    hash: ContentHash,
}

impl Views {
    /// Views whose random variants are made by a recipe.
    pub fn new(recipe: Recipe) -> Self {
        Self { recipe, hash: recipe.hash() }
    }

    /// Views without random variants.
    pub fn plain() -> Self {
        let augment = Augment { flip: false, zoom: 1.0, rotation: 0.0, brightness: 0.0, contrast: 0.0 };
        Self::new(Recipe { augment, seed: 0 })
    }

    /// The key of a picture in a view.
    pub fn key(&self, picture: ContentHash, view: View) -> Key {
        let recipe = matches!(view, View::Variant(_)).then_some(self.hash);
        Key { picture, view, recipe }
    }

    /// A picture in a view. A random variant depends on the recipe, on what the picture is and on the variant's number,
    /// on nothing else.
    pub fn render(&self, picture: &Picture, view: View) -> Crop {
        match view {
            View::Plain => picture.crop.clone(),
            View::Mirrored => picture.crop.mirrored(),
            View::Variant(number) => {
                let mut hasher = Hasher::new();
                hasher.hash(picture.content);
                hasher.bytes(&self.recipe.seed.to_le_bytes());
                let mut rng = ChaCha8Rng::seed_from_u64(hasher.end().low());
                rng.set_stream(u64::from(number));
                self.recipe.augment.apply(&picture.crop, &mut rng)
            }
        }
    }
}

/// Rows that a training needs at one cut.
#[derive(Debug, Clone, PartialEq)]
pub struct Need {
    /// Where.
    pub cut: Cut,
    /// At which precision.
    pub precision: Precision,
    /// In which views; a held-out picture is only needed as it is.
    pub views: Vec<View>,
}

/// Rows of one cut at one precision.
#[derive(Default)]
struct Shelf {
    rows: HashMap<Key, Row>,
    bytes: usize,
    /// When it was last needed: the larger, the later.
    used: u64,
}

impl Shelf {
    fn insert(&mut self, key: Key, row: Row) {
        self.bytes += row.bytes();
        if let Some(old) = self.rows.insert(key, row) {
            self.bytes -= old.bytes();
        }
    }

    fn remove(&mut self, key: &Key) -> Option<Row> {
        let row = self.rows.remove(key)?;
        self.bytes -= row.bytes();
        Some(row)
    }

    fn retain(&mut self, keep: impl Fn(&Key) -> bool) {
        let mut bytes = 0;
        self.rows.retain(|key, row| {
            let kept = keep(key);
            bytes += if kept { row.bytes() } else { 0 };
            kept
        });
        self.bytes = bytes;
    }
}

/// Activations of pictures, within a limit of memory.
pub struct Store {
    shelves: HashMap<(Place, Precision), Shelf>,
    limit: u64,
    /// Bytes of rows that a training is going to insert.
    reserved: u64,
    /// Counts what was asked for.
    clock: u64,
}

impl Store {
    /// An empty store that may take so many bytes.
    pub fn new(limit: u64) -> Self {
        Self { shelves: HashMap::new(), limit, reserved: 0, clock: 0 }
    }

    /// Bytes that it may take where a training does not say otherwise.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Says how many bytes it may take.
    pub fn set_limit(&mut self, bytes: u64) {
        self.limit = bytes;
    }

    /// Bytes that the rows take.
    pub fn bytes(&self) -> usize {
        self.shelves.values().map(|shelf| shelf.bytes).sum()
    }

    /// Keeps a row that somebody needs, whatever the limit: who needs it has planned for it.
    pub fn insert(&mut self, place: Place, precision: Precision, key: Key, values: Arc<[f32]>) {
        let row = match precision {
            Precision::Full => Row::Full(values),
            Precision::Half => Row::half(&values),
        };
        self.reserved = self.reserved.saturating_sub(row.bytes() as u64);
        self.shelves.entry((place, precision)).or_default().insert(key, row);
    }

    /// Keeps a row that may be of use, if there is room for it.
    pub fn offer(&mut self, place: Place, key: Key, values: Arc<[f32]>) {
        let row = Row::Full(values);
        if self.has_room(row.bytes()) {
            self.shelves.entry((place, Precision::Full)).or_default().insert(key, row);
        }
    }

    /// Whether so many bytes would be taken that are only offered.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.bytes() as u64 + self.reserved + bytes as u64 <= self.limit
    }

    /// A row at a precision.
    pub fn get(&self, place: Place, precision: Precision, key: &Key) -> Option<&Row> {
        self.shelves.get(&(place, precision))?.rows.get(key)
    }

    /// How many of these rows there are.
    pub fn count<'a>(&self, place: Place, precision: Precision, keys: impl IntoIterator<Item = &'a Key>) -> usize {
        let shelf = self.shelves.get(&(place, precision));
        shelf.map_or(0, |shelf| keys.into_iter().filter(|key| shelf.rows.contains_key(key)).count())
    }

    /// The map from which a row at a boundary costs least: the latest one before it, or at it, that is kept of this
    /// picture in this view, with its boundary. Only at full precision, so that what is computed does not depend on what
    /// happened to be kept.
    pub(crate) fn nearest(&self, backbone: &Backbone, boundary: usize, key: &Key) -> Option<(usize, &Row)> {
        (1..=boundary).rev().find_map(|at| {
            let row = self.get(Place::new(backbone, Cut::map(at)), Precision::Full, key)?;
            Some((at, row))
        })
    }

    /// Makes room: what these needs do not name goes, the longest unused first, until it fits into the limit beside
    /// what they name. Rows at half precision are made of those at full where these are there, and the other way round
    /// never.
    pub fn make_room(&mut self, backbone: &Backbone, needs: &[(Need, Vec<Key>)], limit: u64) {
        self.clock += 1;
        let mut wanted: HashMap<(Place, Precision), HashSet<Key>> = HashMap::new();
        let mut planned = 0_u64;
        for (need, keys) in needs {
            let place = Place::new(backbone, need.cut);
            if need.precision == Precision::Half {
                self.halve(place, keys);
            }
            let of = wanted.entry((place, need.precision)).or_default();
            let before = of.len();
            of.extend(keys.iter().copied());
            planned += (of.len() - before) as u64 * need.bytes_a_row(backbone) as u64;
        }
        for at in wanted.keys() {
            self.shelves.entry(*at).or_default().used = self.clock;
        }
        let is_wanted = |at: &(Place, Precision), key: &Key| wanted.get(at).is_some_and(|keys| keys.contains(key));
        let spare = |at: &(Place, Precision), shelf: &Shelf| -> u64 {
            shelf.rows.iter().filter(|(key, _)| !is_wanted(at, key)).map(|(_, row)| row.bytes() as u64).sum()
        };
        let mut spares: Vec<_> = self.shelves.iter().map(|(at, shelf)| (shelf.used, *at, spare(at, shelf))).collect();
        // Of those that were used at the same time the later ones first, and in an order that does not change.
        spares.sort_by_key(|(used, (place, precision), _)| {
            (*used, place.prefix, place.cut.boundary, place.cut.pooled, *precision == Precision::Half)
        });
        let mut over = (planned + spares.iter().map(|(.., bytes)| bytes).sum::<u64>()).saturating_sub(limit);
        for (_, at, bytes) in spares {
            if over == 0 {
                break;
            }
            over = over.saturating_sub(bytes);
            if let Some(shelf) = self.shelves.get_mut(&at) {
                shelf.retain(|key| is_wanted(&at, key));
            }
        }
        self.shelves.retain(|_, shelf| !shelf.rows.is_empty() || shelf.used == self.clock);
        let there = wanted.iter().filter_map(|(at, keys)| Some((self.shelves.get(at)?, keys)));
        let there: u64 = there
            .flat_map(|(shelf, keys)| keys.iter().filter_map(|key| shelf.rows.get(key)))
            .map(|row| row.bytes() as u64)
            .sum();
        self.reserved = planned.saturating_sub(there);
    }

    /// Rows at half precision out of those that are there at full, which make way for them one by one.
    fn halve(&mut self, place: Place, keys: &[Key]) {
        let Some(mut full) = self.shelves.remove(&(place, Precision::Full)) else { return };
        let half = self.shelves.entry((place, Precision::Half)).or_default();
        for key in keys {
            if let Some(Row::Full(values)) = full.remove(key) {
                half.insert(*key, Row::half(&values));
            }
        }
        self.shelves.insert((place, Precision::Full), full);
    }

    /// Forgets all rows of some pictures.
    pub fn forget(&mut self, pictures: &HashSet<ContentHash>) {
        self.shelves.values_mut().for_each(|shelf| shelf.retain(|key| !pictures.contains(&key.picture)));
    }
}

impl Need {
    /// Bytes of one picture in one view.
    pub fn bytes_a_row(&self, backbone: &Backbone) -> usize {
        let each = match self.precision {
            Precision::Full => size_of::<f32>(),
            Precision::Half => size_of::<half::f16>(),
        };
        self.cut.width(backbone) * each
    }

    /// The keys of this need: the training pictures in all its views, picture by picture, then the held-out ones as they
    /// are.
    pub fn keys(&self, views: &Views, train: &[Picture], held_out: &[Picture]) -> Vec<Key> {
        let train = train.iter().flat_map(|picture| self.views.iter().map(|view| views.key(picture.content, *view)));
        train.chain(held_out.iter().map(|picture| views.key(picture.content, View::Plain))).collect()
    }
}
