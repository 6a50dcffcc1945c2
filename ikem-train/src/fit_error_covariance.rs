use std::path::Path;

use ikem_core::{ErrorCovariance, Keypoints};
use ikem_data::Loader;
use ikem_models::{Checkpoint, Device, Network, Precision};

use crate::error::Result;
use crate::strategy::{Interaction, Placing};
use crate::validation::pixels;

/// Fits the covariance of the errors of a checkpoint's predictions without hints on the images of `loader`, and writes
/// it into the checkpoint; one that has a covariance already is left as it is. Before each batch, `go_on` receives the
/// number of batches done and returns whether to continue. Returns whether the fit was completed.
///
/// # Errors
/// When the checkpoint or an image cannot be read, or the disk or the device fails.
pub(crate) fn fit_error_covariance(
    path: &Path,
    loader: &Loader,
    device: &Device,
    mut go_on: impl FnMut(usize) -> bool,
) -> Result<bool> {
    let mut checkpoint = Checkpoint::read(path)?;
    if checkpoint.errors.is_some() {
        return Ok(true);
    }
    let network = Network::trainable(&checkpoint.config, checkpoint.tensors.clone(), device)?;
    let mut images: Vec<(Keypoints, Keypoints)> = Vec::new();
    for (done, batch) in loader.batches(0, 0).enumerate() {
        if !go_on(done) {
            return Ok(false);
        }
        let batch = batch?;
        let pixels = pixels(&batch, &network)?;
        let mut interaction = Interaction::new(&network, pixels, &batch.keypoints, Placing::default());
        interaction.predict()?;
        images.extend(interaction.keypoints().iter().cloned().zip(batch.keypoints.iter().cloned()));
    }
    // Errors are only compared where all are known.
    let whole = |(_, target): &&(Keypoints, Keypoints)| !target.iter().any(|point| point.is_absent());
    let pairs = images.iter().filter(whole).map(|(predicted, target)| (predicted, target));
    checkpoint.errors =
        ErrorCovariance::of(checkpoint.config.keypoints(), pairs).map_err(ikem_models::Error::from)?;
    checkpoint.write(path, Precision::Single)?;
    Ok(true)
}
