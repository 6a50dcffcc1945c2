#![deny(missing_docs)]
//! Radiographs, labels and predictions: in from files, out to files, and into batches.
//!
//! - [`load_image`]: PNG, JPEG, TIFF, BMP and DICOM of any depth, with [`Limits`] that are checked before memory is
//!   taken; [`ImageKind`] says what a file is by its content, [`load_radiograph`] comes with the pixels' [`Spacing`](ikem_core::Spacing) where
//!   a DICOM file tells it.
//! - [`Manifest`], [`PredictionRecord`]: the project's JSON, COCO keypoints and CSV, each read back as it was written; [`LabelFile`]:
//!   labels as others write them.
//! - [`read_aasce`]: the AASCE data set as it is downloaded; what is wrong with it is told one by one.
//! - [`clean`]: labels looked through ([`audit`]), put right where there is one sure fix ([`repair`]), and reported.
//! - [`Pipeline`], [`Loader`]: images and keypoints changed together at random, in batches that depend on seed, epoch
//!   and step alone.
//! - [`Film`]: films whose vertebrae are marked without names; [`LocatingLoader`]: random scenes of them, for a network
//!   that finds the vertebral column on a whole film.
//! - [`overlay`], [`heatmap_overlay`]: pictures to look at. [`match_histogram`]: one film with another's look.
//! - [`Phantom`]: synthetic radiographs with exact landmarks.
//!
//! ```
//! use ikem_core::{Keypoints, Point, Size, Skeleton};
//! use ikem_data::{Manifest, ManifestEntry, Subset};
//!
//! let spine = Skeleton::spine();
//! let keypoints: Keypoints = (0..68).map(|i| Point::new(400.0, 30.0 * i as f32)).collect();
//! let entry = ManifestEntry::from_keypoints("a.png".into(), &keypoints, Size::new(900, 2300), Subset::Val, &spine);
//! let manifest = Manifest { entries: vec![entry] };
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("manifest.json");
//! manifest.write(&file)?;
//! assert_eq!(Manifest::read(&file, &spine)?, manifest);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aasce;
mod audit;
mod augment;
mod batches;
mod coco;
#[cfg(feature = "dicom")]
mod dicom;
mod error;
mod files;
mod films;
mod histogram;
mod image_file;
mod labels;
mod locating;
mod manifest;
mod names;
mod overlay;
mod phantom;
mod places;
mod prediction;
mod spacing;
mod tables;

pub use aasce::{Aasce, Problem, Split, Splitting, read_aasce, study_id};
pub use audit::{AuditReport, Fault, Finding, LabelPolicy, audit, clean, repair};
pub use augment::{
    Augmentation, AugmentationPlan, Bend, BrightnessContrast, Crop, Flip, Gamma, Noise, Pipeline, Rotation,
    Scaling, Surroundings, Translation,
};
pub use batches::{Batch, BatchConfig, Batches, Framing, Loader, Phantoms};
pub use coco::{coco_predictions, read_coco_predictions, write_coco_predictions};
pub use error::Error;
pub use files::{read_json, write_json};
pub use films::{Film, films_of_manifest, read_spinal_ai, read_whole_films};
pub use histogram::match_histogram;
pub use image_file::{
    ImageKind, Limits, Radiograph, decode_image, image_size, load_image, load_radiograph, load_resized,
};
pub use labels::{LabelFile, LeftOut};
pub use locating::{
    End, Fills, LocatingBatch, LocatingBatches, LocatingConfig, LocatingLoader, LocatingTarget, SceneConfig,
};
pub use manifest::{Manifest, ManifestEntry, Subset};
pub use names::{composed_name, is_same_name};
pub use overlay::{Picture, film_png, gray_png, heatmap_overlay, heatmap_png, overlay, write_gray_png};
pub use phantom::{Phantom, PhantomConfig, PhantomCurve, SpineShape};
pub use prediction::{PredictedKeypoint, PredictionRecord, Seen};
pub use spacing::image_spacing;
pub use tables::{csv_predictions, read_csv_predictions, write_csv_predictions};
