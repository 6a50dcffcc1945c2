use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ikem_core::{Draw, FieldError};

use super::scan::Scan;
use super::scene::Studio;
use super::{LocatingBatch, LocatingConfig};
use crate::batches::{Cache, Source, Steps};
use crate::error::Error;
use crate::films::Film;
use crate::overlay::Lettering;

/// Makes batches of random scenes of films. Cheap to clone; clones share the cache of films.
///
/// A batch depends only on seed, epoch and step, not on workers, caching or earlier calls, so that training can resume
/// anywhere with [`batches`](Self::batches).
#[derive(Debug, Clone)]
pub struct LocatingLoader(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    films: Vec<Film>,
    /// For each film, the index of the first equal one: a film may be listed repeatedly to be used more often.
    firsts: Vec<usize>,
    config: LocatingConfig,
    lettering: Lettering,
    cache: Cache<Arc<Scan>>,
}

impl LocatingLoader {
    /// A loader of `films`. A film listed several times is used as often.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no films, a film has fewer than two vertebrae or a setting is out of range.
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

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &LocatingConfig {
        &self.0.config
    }

    /// The films, in order.
    #[must_use]
    pub fn films(&self) -> &[Film] {
        &self.0.films
    }

    /// The number of films.
    #[must_use]
    pub fn images(&self) -> usize {
        self.0.films.len()
    }

    /// The name of film `index`: its path.
    #[must_use]
    pub fn name(&self, index: usize) -> String {
        self.0.films.get(index).map(|film| film.path.display().to_string()).unwrap_or_default()
    }

    /// The number of batches per epoch.
    #[must_use]
    pub fn steps(&self) -> usize {
        let (scenes, size) = (self.scenes(), self.0.config.batch_size);
        if self.0.config.drop_last { scenes / size } else { scenes.div_ceil(size) }
    }

    /// The number of scenes per epoch, including those of a dropped batch.
    fn scenes(&self) -> usize {
        self.0.config.samples_per_epoch.unwrap_or(self.images())
    }

    /// Iterates over the batches of `epoch` from `step` on.
    ///
    /// A film that cannot be read gives an error in place of its batch; iteration continues with the next batch.
    #[must_use]
    pub fn batches(&self, epoch: u64, step: usize) -> LocatingBatches {
        LocatingBatches(Steps::new(self.clone(), epoch, step))
    }

    /// Makes one batch on the calling thread.
    ///
    /// # Errors
    /// Same as [`load_image`](crate::load_image).
    pub fn batch(&self, epoch: u64, step: usize) -> Result<LocatingBatch, Error> {
        let shared = &*self.0;
        let (size, grid) = (shared.config.batch_size, shared.config.size);
        let scan = |index: usize| self.scan(index);
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
        for (position, &index) in positions.zip(&batch.entries) {
            let round = (position / self.images()) as u64;
            let mut draw = Draw::new(shared.config.seed, &[epoch, round, index as u64]);
            let scene = studio.scene(index, &mut draw)?;
            batch.images.extend(scene.image);
            batch.targets.push(scene.target);
        }
        Ok(batch)
    }

    /// Film `index`, from the cache if possible.
    pub(super) fn scan(&self, index: usize) -> Result<Arc<Scan>, Error> {
        let shared = &*self.0;
        let first = shared.firsts.get(index).copied().unwrap_or(index);
        if let Some(scan) = shared.cache.get(first) {
            return Ok(scan);
        }
        let film = shared.films.get(first).ok_or_else(|| {
            FieldError::new("film", format!("an index below {}", shared.films.len()), index)
        })?;
        let scan = Arc::new(Scan::load(film, 2 * shared.config.size)?);
        shared.cache.keep(first, &scan, scan.bytes());
        Ok(scan)
    }

    /// The film indices for a range of positions in an epoch. All films occur once before any is repeated.
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

/// For each film, the index of the first equal one. The same image with other labels is a different film.
fn firsts(films: &[Film]) -> Vec<usize> {
    let mut known: BTreeMap<&Path, usize> = BTreeMap::new();
    let mut firsts = Vec::with_capacity(films.len());
    for (index, film) in films.iter().enumerate() {
        let first = *known.entry(&film.path).or_insert(index);
        firsts.push(if films.get(first) == Some(film) { first } else { index });
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

/// An iterator over the batches of one epoch; see [`LocatingLoader::batches`].
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
