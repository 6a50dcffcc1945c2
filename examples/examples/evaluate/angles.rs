//! The angles of labels, for which no network is needed.

use std::path::Path;

use anyhow::Result;
use ikem_core::Spacing;
use ikem_eval::{Script, challenge_angles, write_angles};
use ikem_examples::Labelled;

/// Writes name and the challenge's three angles of every entry, in square pixels where `spacing`, or else the image, tells
/// their sides; those without angles have empty cells.
pub(crate) fn write(labelled: &Labelled, spacing: Option<Spacing>, file: &Path) -> Result<()> {
    let mut rows = Vec::new();
    for entry in labelled.entries() {
        let spacing = spacing.map_or_else(|| labelled.spacing(entry), |spacing| Ok(Some(spacing)))?;
        let labels = entry.keypoints();
        let labels = spacing.map_or_else(|| labels.clone(), |spacing| spacing.squared(&labels));
        let angles = challenge_angles(&labels, entry.size(), Script::Matlab);
        rows.push((entry.name(), angles.ok().map(|angles| angles.degrees)));
    }
    Ok(write_angles(file, rows)?)
}
