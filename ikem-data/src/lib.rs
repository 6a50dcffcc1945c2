#![forbid(unsafe_code)]
#![deny(missing_docs)]
//! Data in and out: radiographs, labels and predictions, and the batches that networks train on.
//!
//! - [`load_image`] decodes PNG, JPEG, TIFF, BMP and DICOM of any bit depth and checks [`Limits`] before it allocates.
//!   [`ImageKind`] detects a file's format from its content. [`load_radiograph`] also returns the pixel [`Spacing`](ikem_core::Spacing) if
//!   a DICOM file has one.
//! - [`Manifest`] and [`PredictionRecord`] read and write the project's JSON; COCO keypoints and CSV are supported too.
//!   [`LabelFile`] reads labels that other tools wrote in these formats.
//! - [`read_aasce`] reads the AASCE data set as downloaded and lists each problem it finds.
//! - [`audit`] checks labels, [`repair`] fixes faults that have a single certain fix, and [`clean`] does both and
//!   reports.
//! - [`Pipeline`] augments images together with their keypoints; [`Loader`] makes batches that depend only on seed,
//!   epoch and step.
//! - [`Film`] is a radiograph whose vertebrae are marked but not named; [`LocatingLoader`] draws random scenes of such
//!   films to train a network that finds the spine on a whole film.
//! - [`overlay`], [`annotated_overlay`] and [`heatmap_overlay`] render results. [`match_histogram`] gives one film the grey levels of another.
//! - [`Phantom`] generates synthetic radiographs with exact landmarks.
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
mod decoded;
#[cfg(feature = "dicom")]
mod dicom;
mod error;
mod files;
mod films;
mod histogram;
mod image_file;
mod jpeg_stream;
mod labels;
mod left_out;
mod limits;
#[cfg(feature = "drawing")]
mod locating;
mod manifest;
mod manifest_index;
mod names;
mod overlay;
mod phantom;
mod prediction;
mod review;
mod spacing;
mod tables;

pub use aasce::{Aasce, Problem, Split, Splitting, read_aasce, study_id};
pub use audit::{AuditReport, Fault, Finding, LabelPolicy, audit, clean, repair};
pub use augment::{
    Augmentation, AugmentationPlan, Bend, BrightnessContrast, Crop, Flip, Gamma, Implants, Noise, Pipeline,
    Rotation, Scaling, Surroundings, Translation,
};
pub use batches::{Batch, BatchConfig, Batches, Framing, ImagesInMemory, LabelledImage, Loader, Phantoms};
pub use coco::{coco_predictions, read_coco_predictions, write_coco_predictions};
pub use error::Error;
pub use files::{read_json, write_json};
pub use films::{Film, films_of_manifest, read_spinal_ai, read_whole_films, take_names};
pub use histogram::match_histogram;
pub use image_file::{
    ImageKind, Radiograph, decode_image, decode_radiograph, image_size, load_image, load_radiograph,
    load_resized,
};
pub use labels::LabelFile;
pub use left_out::LeftOut;
pub use limits::Limits;
#[cfg(feature = "drawing")]
pub use locating::{
    End, Fills, LocatingBatch, LocatingBatches, LocatingConfig, LocatingLoader, LocatingTarget, SceneConfig,
};
pub use manifest::{Manifest, ManifestEntry, Subset};
pub use manifest_index::ManifestIndex;
pub use names::{composed_name, is_same_name};
#[cfg(feature = "drawing")]
pub use overlay::{Annotations, MarkedAngle, Picture, annotated_overlay, heatmap_overlay, overlay};
pub use overlay::{film_png, gray_png, heatmap_png, is_overlay, write_gray_png};
pub use phantom::{Phantom, PhantomConfig, PhantomCurve, SpineShape};
pub use prediction::{PredictedKeypoint, PredictionRecord, Seen};
pub use review::{Review, Verdict};
pub use spacing::image_spacing;
pub use tables::{csv_predictions, csv_table, read_csv_predictions, spreadsheet_cell, write_csv_predictions};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
