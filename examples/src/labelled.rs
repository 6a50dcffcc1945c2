use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ikem_core::{GrayImage, Skeleton, Spacing};
use ikem_data::{
    LabelFile, LeftOut, Limits, Manifest, ManifestEntry, Radiograph, Subset, image_spacing, load_radiograph,
};
use ikem_eval::GroundTruth;
use ikem_files::FilePlan;

use crate::{say, settle_left_out, take_out_broken};

/// Labelled images: entries of a manifest, and the folder their paths begin in.
#[derive(Debug, Clone)]
pub struct Labelled {
    root: PathBuf,
    data: PathBuf,
    entries: Vec<ManifestEntry>,
    left_out: Vec<LeftOut>,
    /// How many films have no labels at all.
    unlabelled: usize,
    has_sets: bool,
}

impl Labelled {
    /// All entries of a manifest, or of labels as other programs write them; without `root` the images are looked for beside it.
    ///
    /// # Errors
    /// When the file can't be read, or has films whose labels can't be used.
    pub fn read(data: &Path, root: Option<&Path>, skeleton: &Skeleton) -> Result<Self> {
        let mut labelled = Self::read_in_part(data, root, skeleton)?;
        if !labelled.left_out.is_empty() {
            let films = std::mem::take(&mut labelled.left_out);
            return Err(ikem_data::Error::Unusable { path: data.to_owned(), films }.into());
        }
        Ok(labelled)
    }

    /// Without those whose labels can't be used; images are not looked at. What is left out is printed, with the number of films
    /// without labels and of keypoints that are not seen.
    ///
    /// # Errors
    /// When there are such and they are not to be left out (`skip_broken`); the message names all of them.
    pub fn labelled_in_full(self, skip_broken: bool) -> Result<Self> {
        settle_left_out(&self.left_out, self.entries.len() + self.left_out.len(), &self.data, skip_broken)?;
        match self.unlabelled {
            0 => {}
            1 => say!("{}: 1 film has no labels and does not count", self.data.display()),
            films => say!("{}: {films} films have no labels and do not count", self.data.display()),
        }
        let absent =
            |entry: &ManifestEntry| entry.keypoints().iter().filter(|point| point.is_absent()).count();
        let absent: Vec<usize> = self.entries.iter().map(absent).filter(|&count| count > 0).collect();
        if !absent.is_empty() {
            let (keypoints, films) = (absent.iter().sum::<usize>(), absent.len());
            say!(
                "{}: {keypoints} keypoints of {films} films are not seen and do not count",
                self.data.display()
            );
        }
        Ok(self)
    }

    /// As [`labelled_in_full`](Self::labelled_in_full), and without those whose image is there and its spacing cannot be read.
    ///
    /// # Errors
    /// As [`labelled_in_full`](Self::labelled_in_full).
    pub fn with_sound_spacing(self, skip_broken: bool) -> Result<Self> {
        self.without_broken(|labelled, entry| labelled.spacing(entry).map(drop)).labelled_in_full(skip_broken)
    }

    /// As [`read`](Self::read); films whose labels can't be used are left out, which [`sound`](Self::sound) settles.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn read_in_part(data: &Path, root: Option<&Path>, skeleton: &Skeleton) -> Result<Self> {
        let root = root.or_else(|| data.parent()).map(Path::to_owned).unwrap_or_default();
        let LabelFile { manifest, left_out, unlabelled, has_sets } = LabelFile::read(data, skeleton)?;
        Ok(Self { root, data: data.to_owned(), entries: manifest.entries, left_out, unlabelled, has_sets })
    }

    /// Only those whose image can be decoded and has the size that the labels say: all are looked at. What is left out is printed.
    ///
    /// # Errors
    /// When there are others and they are not to be left out (`skip_broken`); the message names all of them.
    pub fn sound(self, skip_broken: bool) -> Result<Self> {
        self.without_broken(|labelled, entry| labelled.image(entry).map(drop)).labelled_in_full(skip_broken)
    }

    /// Without those at which `look` fails.
    fn without_broken(mut self, look: impl Fn(&Self, &ManifestEntry) -> Result<()> + Sync) -> Self {
        let mut entries = std::mem::take(&mut self.entries);
        let broken =
            take_out_broken(&mut entries, |entry| entry.image_path.clone(), |entry| look(&self, entry));
        self.entries = entries;
        self.left_out.extend(broken);
        self
    }

    /// The films that are left out.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Whether the file says which set an image belongs to.
    #[must_use]
    pub const fn has_sets(&self) -> bool {
        self.has_sets
    }

    /// Only those of `set`; all of a file that names no sets, which is told.
    ///
    /// # Errors
    /// When there are none.
    pub fn of_set(mut self, set: Subset) -> Result<Self> {
        self.entries.retain(|entry| entry.set == set || !self.has_sets);
        if self.entries.is_empty() {
            bail!("the manifest has no entry of the set {:?}", set.name());
        }
        if !self.has_sets {
            say!("{} names no sets: all {} images are used", self.data.display(), self.entries.len());
        }
        Ok(self)
    }

    /// All but those of `set`, where the file names sets.
    #[must_use]
    pub fn without_set(mut self, set: Subset) -> Self {
        self.entries.retain(|entry| entry.set != set || !self.has_sets);
        self
    }

    /// A line that names films in both the training and the validation set; `None` if there are none.
    #[must_use]
    pub fn in_two_sets(&self) -> Option<String> {
        const NAMED: usize = 5;
        let entries_of = |set: Subset| self.entries.iter().filter(move |entry| entry.set == set);
        let learnt: BTreeSet<&str> =
            entries_of(Subset::Train).map(|entry| entry.image_path.as_str()).collect();
        let both: BTreeSet<&str> = entries_of(Subset::Val)
            .map(|entry| entry.image_path.as_str())
            .filter(|path| learnt.contains(path))
            .collect();
        let named = both.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = if both.len() > NAMED { " and others" } else { "" };
        (!both.is_empty() && self.has_sets).then(|| {
            let count = both.len();
            format!(
                "{count} films are both in the training and in the validation set, which makes the validation error too \
                 small: {named}{more}"
            )
        })
    }

    /// The folder that image paths begin in.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Only that of `image`, by its path in the manifest or by its file's name.
    ///
    /// # Errors
    /// When there is none.
    pub fn of_image(self, image: &Path) -> Result<Self> {
        let Self { entries, .. } = self;
        let manifest = Manifest { entries };
        let entry = manifest
            .find(image)
            .with_context(|| format!("the manifest has no entry of {}", image.display()))?;
        Ok(Self { entries: vec![entry.clone()], ..self })
    }

    /// The entries.
    #[must_use]
    pub fn entries(&self) -> &[ManifestEntry] {
        &self.entries
    }

    /// Notes the images as files that are read.
    pub fn note_files(&self, plan: &mut FilePlan) {
        for entry in &self.entries {
            plan.reads("the labelled image", self.root.join(&entry.image_path));
        }
    }

    /// The image of an entry.
    ///
    /// # Errors
    /// When it can't be read, or has another size than the manifest says.
    pub fn image(&self, entry: &ManifestEntry) -> Result<GrayImage> {
        Ok(self.radiograph(entry)?.image)
    }

    /// The image of an entry, with the spacing of its pixels where the file tells it.
    ///
    /// # Errors
    /// As [`image`](Self::image).
    pub fn radiograph(&self, entry: &ManifestEntry) -> Result<Radiograph> {
        let path = self.root.join(&entry.image_path);
        let radiograph = load_radiograph(&path, &Limits::default())?;
        let found = radiograph.image.size();
        if found != entry.size() {
            bail!("{}: the image is {found}; the manifest says {}", path.display(), entry.size());
        }
        Ok(radiograph)
    }

    /// The spacing of an entry's pixels, if the image is there and tells it.
    ///
    /// # Errors
    /// When the image is there and can't be read.
    pub fn spacing(&self, entry: &ManifestEntry) -> Result<Option<Spacing>> {
        let path = self.root.join(&entry.image_path);
        if path.is_file() { Ok(image_spacing(&path, &Limits::default())?) } else { Ok(None) }
    }

    /// The labels of an entry.
    ///
    /// # Errors
    /// When they are no keypoints of an image.
    pub fn truth(&self, entry: &ManifestEntry) -> Result<GroundTruth> {
        Ok(GroundTruth::new(&entry.image_path, entry.size(), entry.keypoints())?)
    }
}

#[cfg(test)]
mod tests {
    use ikem_core::Size;

    use super::*;

    #[test]
    fn films_in_both_sets_are_told() {
        let skeleton = Skeleton::numbered(2);
        let entry = |name: &str, set| {
            ManifestEntry::new(name.to_owned(), vec![[0.5; 2]; 2], Size::new(9, 9), set, &skeleton)
        };
        let labelled = |entries| Labelled {
            root: PathBuf::new(),
            data: PathBuf::new(),
            entries,
            left_out: Vec::new(),
            unlabelled: 0,
            has_sets: true,
        };
        let apart = vec![entry("a", Subset::Train), entry("a", Subset::Train), entry("b", Subset::Val)];
        assert_eq!(labelled(apart).in_two_sets(), None);
        let mixed = vec![entry("a", Subset::Train), entry("a", Subset::Val), entry("b", Subset::Val)];
        let line = labelled(mixed).in_two_sets().expect("a line");
        assert!(line.starts_with("1 films are both in") && line.ends_with(": a"), "{line}");
    }
}
