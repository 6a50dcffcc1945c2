use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ikem_core::{GrayImage, Skeleton, Spacing};
use ikem_data::{Limits, Manifest, ManifestEntry, Radiograph, Set, image_spacing, load_radiograph};
use ikem_eval::GroundTruth;
use ikem_files::Plan;

/// Labelled images: entries of a manifest, and the folder their paths begin in.
#[derive(Debug, Clone)]
pub struct Labelled {
    root: PathBuf,
    entries: Vec<ManifestEntry>,
}

impl Labelled {
    /// All entries of `manifest`; without `root` the images are looked for beside it.
    ///
    /// # Errors
    /// When the manifest can't be read.
    pub fn read(manifest: &Path, root: Option<&Path>, skeleton: &Skeleton) -> Result<Self> {
        let root = root.or_else(|| manifest.parent()).map(Path::to_owned).unwrap_or_default();
        Ok(Self { root, entries: Manifest::read(manifest, skeleton)?.entries })
    }

    /// Only those of `set`.
    ///
    /// # Errors
    /// When there are none.
    pub fn of_set(mut self, set: Set) -> Result<Self> {
        self.entries.retain(|entry| entry.set == set);
        if self.entries.is_empty() {
            bail!("the manifest has no entry of the set {:?}", set.name());
        }
        Ok(self)
    }

    /// Only that of `image`, by its path in the manifest or by its file's name.
    ///
    /// # Errors
    /// When there is none.
    pub fn of_image(self, image: &Path) -> Result<Self> {
        let Self { root, entries } = self;
        let manifest = Manifest { entries };
        let entry = manifest
            .find(image)
            .with_context(|| format!("the manifest has no entry of {}", image.display()))?;
        Ok(Self { root, entries: vec![entry.clone()] })
    }

    /// The entries.
    #[must_use]
    pub fn entries(&self) -> &[ManifestEntry] {
        &self.entries
    }

    /// Notes the images as files that are read.
    pub fn note_files(&self, plan: &mut Plan) {
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
