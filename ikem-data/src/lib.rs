#![deny(missing_docs)]
//! Radiographs, labels and predictions: in from files, out to files.

mod aasce;
mod audit;
mod augment;
mod batches;
mod coco;
mod error;
mod files;
mod histogram;
mod image_file;
mod manifest;
mod overlay;
mod phantom;
mod prediction;
mod tables;

pub use aasce::{Aasce, Problem, Split, Splitting, read_aasce, study};
pub use audit::{AuditReport, Fault, Finding, LabelPolicy, audit, clean, repair};
pub use augment::{
    Affine, Augmentation, BrightnessContrast, Crop, Draw, Flip, Gamma, Noise, Pipeline, Plan, Rotation,
    Scaling, Translation,
};
pub use batches::{Batch, BatchConfig, Batches, Loader};
pub use coco::{read_coco_predictions, write_coco_predictions};
pub use error::Error;
pub use histogram::match_histogram;
pub use image_file::{Limits, decode_image, image_size, load_image, load_resized};
pub use manifest::{Manifest, ManifestEntry, Set};
pub use overlay::{Picture, heatmap_overlay, overlay, write_gray_png};
pub use phantom::{Curve, Phantom, PhantomConfig, PhantomError, SpineShape};
pub use prediction::{PredictedKeypoint, Prediction};
pub use tables::{read_csv_predictions, write_csv_predictions};
