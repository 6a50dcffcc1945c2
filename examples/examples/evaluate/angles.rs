//! The angles of labels, for which no network is needed.

use std::path::Path;

use anyhow::Result;
use ikem_eval::{Script, challenge_angles, write_angles};
use ikem_examples::Labelled;

/// Writes name and the challenge's three angles of every entry; those without angles have empty cells.
pub fn write(labelled: &Labelled, file: &Path) -> Result<()> {
    let angles = labelled.entries().iter().map(|entry| {
        let angles = challenge_angles(&entry.keypoints(), entry.size(), Script::Matlab);
        (entry.name(), angles.ok().map(|angles| angles.degrees))
    });
    Ok(write_angles(angles, file)?)
}
