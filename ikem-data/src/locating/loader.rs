use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ikem_core::{Draw, FieldError};

use super::scan::Scan;
use super::scene::Studio;
use super::{LocatingBatch, LocatingConfig};
use crate::batches::{Cache, Source, Steps};
use crate::overlay::Lettering;
use crate::{Error, Film};

/// Makes batches of random scenes of films. Cheap to clone; clones share the films that are kept.
///
/// Every batch is a function of the seed, its epoch and its step alone: not of workers, of what was asked for before,
/// or of what is kept. So training resumes anywhere with [`batches`](Self::batches).
#[derive(Debug, Clone)]
pub struct LocatingLoader(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    films: Vec<Film>,
    /// For each film the first that is the same: a film may stand in the list again, to be seen more often.
    firsts: Vec<usize>,
    config: LocatingConfig,
    lettering: Lettering,
    cache: Cache<Arc<Scan>>,
}

impl LocatingLoader {
    /// A loader of `films`. One that stands in the list more than once is seen as often.
    ///
    /// # Errors
    /// [`Error::Argument`] when there are no films, one has fewer than two vertebrae or a setting is out of its range,
    /// which it names.
    pub fn new(films: Vec<Film>, config: LocatingConfig) -> Result<Self, Error> {
        config.check()?;
        let films_are = |found: String| {
            let expected = "at least one, each with two vertebrae or more";
            Err(FieldError::new("films", expected, found).into())
        };
        if films.is_empty() {
            return films_are("none".to_owned());
        }
        if let Some(film) = films.iter().find(|film| film.vertebrae.len() < 2) {
            return films_are(format!("{} with {} vertebrae", film.path.display(), film.vertebrae.len()));
        }
        let firsts = firsts(&films);
        let cache = Cache::new(config.cache_bytes);
        let lettering = Lettering::new()?;
        Ok(Self(Arc::new(Shared { films, firsts, config, lettering, cache })))
    }

    /// How batches are made.
    #[must_use]
    pub fn config(&self) -> &LocatingConfig {
        &self.0.config
    }

    /// The films, in the list's order.
    #[must_use]
    pub fn films(&self) -> &[Film] {
        &self.0.films
    }

    /// How many films there are.
    #[must_use]
    pub fn images(&self) -> usize {
        self.0.films.len()
    }

    /// What the film at a place of the list is called: its path.
    #[must_use]
    pub fn name(&self, place: usize) -> String {
        self.0.films.get(place).map(|film| film.path.display().to_string()).unwrap_or_default()
    }

    /// How many batches an epoch has.
    #[must_use]
    pub fn steps(&self) -> usize {
        let (scenes, size) = (self.scenes(), self.0.config.batch_size);
        if self.0.config.drop_last { scenes / size } else { scenes.div_ceil(size) }
    }

    /// How many scenes an epoch has, those of a dropped batch included.
    fn scenes(&self) -> usize {
        self.0.config.samples_per_epoch.unwrap_or(self.images())
    }

    /// The batches of `epoch` from `step` on.
    ///
    /// A film that can't be read gives an error in place of its batch; the next call goes on with the next batch.
    #[must_use]
    pub fn batches(&self, epoch: u64, step: usize) -> LocatingBatches {
        LocatingBatches(Steps::new(self.clone(), epoch, step))
    }

    /// One batch, made here and now.
    ///
    /// # Errors
    /// What [`load_image`](crate::load_image) tells of a film.
    pub fn batch(&self, epoch: u64, step: usize) -> Result<LocatingBatch, Error> {
        let shared = &*self.0;
        let (size, grid) = (shared.config.batch_size, shared.config.size);
        let scan = |place: usize| self.scan(place);
        let studio = Studio {
            config: &shared.config,
            lettering: &shared.lettering,
            films: self.images(),
            scan: &scan,
        };
        let start = step.saturating_mul(size);
        let positions = start.min(self.scenes())..start.saturating_add(size).min(self.scenes());
        let order = self.order(epoch, positions.clone());
        let mut batch = LocatingBatch {
            epoch,
            step,
            images: Vec::with_capacity(order.len() * grid * grid),
            targets: Vec::with_capacity(order.len()),
            entries: order,
        };
        for (position, &place) in positions.zip(&batch.entries) {
            let round = (position / self.images()) as u64;
            let mut draw = Draw::new(shared.config.seed, &[epoch, round, place as u64]);
            let scene = studio.scene(place, &mut draw)?;
            batch.images.extend(scene.image);
            batch.targets.push(scene.target);
        }
        Ok(batch)
    }

    /// The film at a place of the list, as it is kept.
    pub(super) fn scan(&self, place: usize) -> Result<Arc<Scan>, Error> {
        let shared = &*self.0;
        let first = shared.firsts.get(place).copied().unwrap_or(place);
        if let Some(scan) = shared.cache.get(first) {
            return Ok(scan);
        }
        let film = shared.films.get(first).ok_or_else(|| {
            FieldError::new("film", format!("an index below {}", shared.films.len()), place)
        })?;
        let scan = Arc::new(Scan::load(film, 2 * shared.config.size)?);
        shared.cache.keep(first, &scan, scan.bytes());
        Ok(scan)
    }

    /// The films of some of an epoch's scenes, in order. All films come once before any comes again.
    fn order(&self, epoch: u64, positions: std::ops::Range<usize>) -> Vec<usize> {
        let images = self.images();
        let mut orders: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let film = |position: usize| {
            let order = orders.entry(position / images).or_insert_with_key(|&round| {
                let mut order: Vec<usize> = (0..images).collect();
                if self.0.config.shuffle {
                    Draw::new(self.0.config.seed, &[epoch, round as u64]).shuffle(&mut order);
                }
                order
            });
            order[position % images]
        };
        positions.map(film).collect()
    }

    #[cfg(test)]
    pub(super) fn cached(&self) -> (usize, usize) {
        self.0.cache.held()
    }
}

/// For each film the first that is the same. The same image with other labels is another film.
fn firsts(films: &[Film]) -> Vec<usize> {
    let mut known: BTreeMap<&Path, usize> = BTreeMap::new();
    let mut firsts = Vec::with_capacity(films.len());
    for (place, film) in films.iter().enumerate() {
        let first = *known.entry(&film.path).or_insert(place);
        firsts.push(if films.get(first) == Some(film) { first } else { place });
    }
    firsts
}

impl Source for LocatingLoader {
    type Batch = LocatingBatch;

    fn steps(&self) -> usize {
        self.steps()
    }

    fn ahead(&self) -> (usize, usize) {
        (self.0.config.workers, self.0.config.prefetch)
    }

    fn batch(&self, epoch: u64, step: usize) -> Result<LocatingBatch, Error> {
        self.batch(epoch, step)
    }
}

/// The batches of one epoch. See [`LocatingLoader::batches`].
#[derive(Debug)]
pub struct LocatingBatches(Steps<LocatingLoader>);

impl Iterator for LocatingBatches {
    type Item = Result<LocatingBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for LocatingBatches {}
