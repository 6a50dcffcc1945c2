//! The worst images as pictures.

use std::path::Path;

use anyhow::Result;
use ikem_core::Skeleton;
use ikem_data::overlay;
use ikem_eval::Played;
use ikem_examples::{Labelled, say};

/// Draws the `count` images with the largest error after all clicks: the first prediction, the last state with the
/// corrected points marked, and the labels.
pub(crate) fn draw(
    played: &[Played],
    labelled: &Labelled,
    skeleton: &Skeleton,
    count: usize,
    folder: &Path,
) -> Result<()> {
    let last = |place: usize| played[place].model_mre().last().copied().unwrap_or(0.0);
    let mut order: Vec<usize> = (0..played.len()).collect();
    order.sort_by(|a, b| last(*b).total_cmp(&last(*a)));
    for (rank, &place) in order.iter().take(count).enumerate() {
        let (game, entry) = (&played[place], &labelled.entries()[place]);
        say!("worst {}: {:.2} px after all clicks, {}", rank + 1, last(place), entry.name());
        let image = labelled.image(entry)?;
        let corrected: Vec<usize> =
            game.model.iter().filter_map(|step| step.click).map(|hint| hint.keypoint).collect();
        let (Some(first), Some(end)) = (game.model.first(), game.model.last()) else { continue };
        for (name, keypoints, hinted) in [
            ("first", &first.shown, &[][..]),
            ("last", &end.shown, &corrected[..]),
            ("labels", &game.truth.keypoints, &[]),
        ] {
            let picture = overlay(&image, skeleton, keypoints, hinted)?;
            picture.write_png(folder.join(format!("worst-{}-{name}.png", rank + 1)))?;
        }
    }
    Ok(())
}
