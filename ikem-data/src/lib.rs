#![deny(missing_docs)]
//! Radiographs, labels and predictions: in from files, out to files, and into batches.
//!
//! - [`load_image`]: PNG, JPEG, TIFF, BMP and DICOM of 8 and 16 bits, with [`Limits`] that are checked before memory is
//!   taken; [`load_radiograph`] with the pixels' [`Spacing`] where a DICOM file tells it.
//! - [`Manifest`], [`Prediction`]: the project's JSON, COCO keypoints and CSV, each read back as it was written.
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
//! use ikem_data::{Manifest, ManifestEntry, Set};
//!
//! let spine = Skeleton::spine();
//! let keypoints: Keypoints = (0..68).map(|i| Point::new(400.0, 30.0 * i as f32)).collect();
//! let entry = ManifestEntry::from_keypoints("a.png".into(), &keypoints, Size::new(900, 2300), Set::Val, &spine);
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
mod locating;
mod manifest;
mod overlay;
mod phantom;
mod prediction;
mod spacing;
mod tables;

pub use aasce::{Aasce, Problem, Split, Splitting, read_aasce, study};
pub use audit::{AuditReport, Fault, Finding, LabelPolicy, audit, clean, repair};
pub use augment::{
    Augmentation, Bend, BrightnessContrast, Crop, Draw, Flip, Gamma, Noise, Pipeline, Plan, Rotation,
    Scaling, Surroundings, Translation,
};
pub use batches::{Batch, BatchConfig, Batches, Framing, Loader, Phantoms};
pub use coco::{coco_predictions, read_coco_predictions, write_coco_predictions};
pub use error::Error;
pub use files::{read_json, write_json};
pub use films::{Film, films_of_manifest, read_spinal_ai, read_whole_films};
pub use histogram::match_histogram;
pub use image_file::{
    Limits, Radiograph, decode_image, image_size, load_image, load_radiograph, load_resized,
};
pub use locating::{
    End, Fills, LocatingBatch, LocatingBatches, LocatingConfig, LocatingLoader, LocatingTarget, SceneConfig,
};
pub use manifest::{Manifest, ManifestEntry, Set};
pub use overlay::{Picture, gray_png, heatmap_overlay, heatmap_png, overlay, write_gray_png};
pub use phantom::{Curve, Phantom, PhantomConfig, PhantomError, SpineShape};
pub use prediction::{PredictedKeypoint, Prediction, Seen};
pub use spacing::{Spacing, SpacingPlane};
pub use tables::{csv_predictions, read_csv_predictions, write_csv_predictions};
