//! Maps in factored form: Gaussians, and heatmaps of small logits.

use super::gaussian::Gaussian;
use super::rows::{GridSamples, Logits};
use crate::error::{LARGEST_SIDE, MOST, Result, check_len, check_range, elements};
use crate::simd::Element;

/// Maps `[n, channels, h, w]` in factored form: some channels hold Gaussians, the last ones the heatmaps of logits;
/// elsewhere they are zero.
#[derive(Clone, Copy, Debug)]
pub struct KnownMaps<'a, T> {
    /// Channels.
    pub channels: usize,
    /// The Gaussians of each image, each with its channel.
    pub gaussians: &'a [Vec<(usize, Gaussian<'a>)>],
    /// The heatmaps of these logits are the last channels; n times as many planes.
    pub logits: Option<Logits<'a, T>>,
    /// Height and width.
    pub size: (usize, usize),
}

impl<'a, T: Element> KnownMaps<'a, T> {
    /// Images.
    #[must_use]
    pub const fn images(&self) -> usize {
        self.gaussians.len()
    }

    pub(crate) fn check(&self) -> Result<()> {
        let (n, (h, w)) = (self.images(), self.size);
        elements("maps", &[n, self.channels, h, w])?;
        check_range("channels", self.channels, 1, MOST)?;
        check_range("height of the maps", h, 0, LARGEST_SIDE)?;
        check_range("width of the maps", w, 0, LARGEST_SIDE)?;
        for (channel, gaussian) in self.gaussians.iter().flatten() {
            gaussian.check(self.size)?;
            check_range("channel of a Gaussian", *channel, 0, self.channels - 1)?;
        }
        if let Some(logits) = self.logits {
            logits.check()?;
            check_len("planes of logits", n * self.heatmaps(), logits.planes)?;
            check_range("heatmaps of an image", self.heatmaps(), 0, self.channels)?;
        }
        Ok(())
    }

    /// Channels of an image that are heatmaps.
    #[inline]
    pub(crate) fn heatmaps(&self) -> usize {
        self.logits.map_or(0, |logits| logits.planes / self.images().max(1))
    }

    /// The logits of one image.
    pub(crate) fn logits_of(&self, image: usize) -> Logits<'a, T> {
        let (planes, none) = (self.heatmaps(), Logits { data: &[], planes: 0, size: (0, 0) });
        self.logits.map_or(none, |Logits { data, size, .. }| {
            let len = planes * size.0 * size.1;
            Logits { data: &data[image * len..][..len], planes, size }
        })
    }

    /// The samples that the grid takes of the logits.
    pub(crate) fn samples(&self) -> GridSamples<T> {
        let from = self.logits.map_or((1, 1), |logits| logits.size);
        GridSamples::new(from, self.size)
    }
}
