//! Patches around the vertebrae of labelled images.

use candle_core::{Device, Tensor};
use ikem_core::{Draw, Frame, GrayImage, Keypoints, Point, Resampling, Size, Skeleton, Tones, resample};
use ikem_data::{Batch, Error as DataError};
use ikem_models::{REFINED_CORNERS, RefinerConfig};
use rayon::prelude::*;

use super::config::Jitter;
use crate::error::Result;

/// Patches around vertebrae, and where their corners are.
#[derive(Debug, Default)]
pub(super) struct Patches {
    pixels: Vec<f32>,
    /// Of each patch, as the network's offsets: x and y of its corners in turn, from their usual places, in half sides.
    offsets: Vec<f32>,
    count: usize,
}

/// How patches are cut.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    pub skeleton: Skeleton,
    pub refiner: RefinerConfig,
    pub jitter: Jitter,
    pub seed: u64,
}

impl Cut {
    /// A patch around each vertebra of a batch's images whose corners are all seen, from a frame that is jittered at random:
    /// the same for the same epoch, step and image.
    pub(super) fn patches(&self, batch: &Batch) -> Result<Patches, DataError> {
        let images: Vec<&[f32]> = batch.images.chunks_exact(batch.grid.area().max(1)).collect();
        let of_image = |(index, pixels): (usize, &&[f32])| {
            let draw = Draw::new(self.seed, &[batch.epoch, batch.step as u64, index as u64]);
            let (image, keypoints) = square_pixels(batch, index, pixels)?;
            self.of_image(&image, &keypoints, draw)
        };
        let cut: Vec<Patches> =
            images.par_iter().enumerate().map(of_image).collect::<Result<_, DataError>>()?;
        Ok(cut.into_iter().fold(Patches::default(), Patches::and))
    }

    fn of_image(
        &self,
        image: &GrayImage,
        keypoints: &Keypoints,
        mut draw: Draw,
    ) -> Result<Patches, DataError> {
        let (size, patch) = (image.size(), self.refiner.patch());
        let half = 0.5 * self.refiner.size as f32;
        let mut patches = Patches::default();
        let frames = self.skeleton.vertebra_frames(keypoints).into_iter();
        for (vertebra, frame) in self.skeleton.vertebrae().iter().zip(frames) {
            let Some(frame) = frame.and_then(|frame| self.jitter.applied(&frame, &mut draw)) else {
                continue;
            };
            patches.pixels.extend(frame.patch(image, Tones::IDENTITY, patch)?);
            for (index, &corner) in vertebra.corners.iter().enumerate() {
                let by = frame.to_grid(keypoints[corner], size, patch) - Frame::usual_corner(index, patch);
                patches.offsets.extend([by.x / half, by.y / half]);
            }
            patches.count += 1;
        }
        Ok(patches)
    }
}

impl Patches {
    fn and(mut self, mut other: Self) -> Self {
        self.pixels.append(&mut other.pixels);
        self.offsets.append(&mut other.offsets);
        Self { count: self.count + other.count, ..self }
    }

    /// The number of patches.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// The patches (B, 1, S, S) and the offsets (B, 8).
    pub(super) fn tensors(&self, refiner: RefinerConfig, device: &Device) -> Result<(Tensor, Tensor)> {
        let Size { width, height } = refiner.patch();
        let pixels = Tensor::from_slice(&self.pixels, (self.count, 1, height, width), device)?;
        Ok((pixels, Tensor::from_slice(&self.offsets, (self.count, 2 * REFINED_CORNERS), device)?))
    }
}

impl Jitter {
    /// A frame, moved, turned and resized at random; `None` if it is none any more.
    fn applied(&self, frame: &Frame, draw: &mut Draw) -> Option<Frame> {
        let [across, along] = draw.normal_pair();
        let [turn, _] = draw.normal_pair();
        let [wider, higher] = draw.normal_pair();
        let [x, y] = frame.center();
        let (sin, cos) = libm::sincos(frame.degrees().to_radians());
        let (across, along) = (self.across * across * frame.width(), self.along * along * frame.height());
        let (x, y) = (x + cos * across - sin * along, y + sin * across + cos * along);
        let width = frame.width() * libm::exp(self.size * wider);
        let height = frame.height() * libm::exp(self.size * higher);
        let jittered = Frame::new(x - 0.5 * width, y - 0.5 * height, width, height).ok()?;
        let jittered = jittered.turned(frame.degrees() + self.degrees * turn);
        Some(if frame.is_mirrored() { jittered.flipped() } else { jittered })
    }
}

/// Image `index` of a batch with values of 0…1 and its keypoints, stretched so that its pixels are square on the film.
fn square_pixels(batch: &Batch, index: usize, pixels: &[f32]) -> Result<(GrayImage, Keypoints), DataError> {
    let image = GrayImage::new(batch.grid, pixels.iter().map(|value| 0.5 * (value + 1.0)).collect())?;
    let keypoints = batch.keypoints[index].clone();
    let aspect = batch.frames.get(index).map_or(1.0, |frame| frame.width() / frame.height());
    let width = (aspect * batch.grid.height as f64).round().clamp(1.0, 4.0 * batch.grid.width as f64);
    let size = Size::new(width as usize, batch.grid.height);
    if size == batch.grid {
        return Ok((image, keypoints));
    }
    let keypoints = keypoints.iter().map(|point: &Point| point.rescaled(batch.grid, size)).collect();
    Ok((resample(&image, size, Resampling::Area)?, keypoints))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUT: RefinerConfig = RefinerConfig { size: 32, width: 2, hidden: 4 };

    fn cut(jitter: Jitter) -> Cut {
        Cut { skeleton: Skeleton::spine(), refiner: CUT, jitter, seed: 3 }
    }

    /// Two images of 200 × 900 pixels, whose pixels are twice as wide as high on the film; a corner of one is absent.
    fn batch() -> Batch {
        let grid = Size::new(200, 900);
        let corner = |k: usize| {
            Point::new(90.0 + 20.0 * (k % 2) as f32, (30 + 50 * (k / 4) + 30 * (k % 4 / 2)) as f32)
        };
        let spine: Keypoints = (0..68).map(corner).collect();
        let mut partly = spine.clone();
        partly[6] = Point::ABSENT;
        let frame = Frame::new(0.0, 0.0, 400.0, 900.0).expect("a frame");
        Batch {
            epoch: 1,
            step: 2,
            entries: vec![0, 1],
            grid,
            images: (0..2 * grid.area()).map(|i| ((i * 7919) % 997) as f32 / 498.0 - 1.0).collect(),
            keypoints: vec![spine, partly],
            sizes: vec![Size::new(400, 900); 2],
            frames: vec![frame; 2],
        }
    }

    const STILL: Jitter = Jitter { across: 0.0, along: 0.0, degrees: 0.0, size: 0.0 };

    #[test]
    fn unjittered_corners_are_in_their_usual_places() {
        let patches = cut(STILL).patches(&batch()).expect("patches");
        assert_eq!(patches.len(), 33);
        // The distance between vertebrae is 50 pixels, of which 0.8 is 40; the vertebrae are 30 high, 40 wide when stretched.
        for corners in patches.offsets.chunks_exact(8) {
            for (index, by) in corners.chunks_exact(2).enumerate() {
                let expected = (40.0 - 30.0) / (40.0 * 2.3) * if index < 2 { 1.0 } else { -1.0 };
                assert!(by[0].abs() < 0.03 && (by[1] - expected).abs() < 0.03, "{index}: {by:?}");
            }
        }
        let (pixels, offsets) = patches.tensors(CUT, &Device::Cpu).expect("tensors");
        assert_eq!((pixels.dims(), offsets.dims()), (&[33, 1, 32, 32][..], &[33, 8][..]));
    }

    #[test]
    fn jittered_frames_have_the_spread_that_is_asked_for_and_depend_on_the_step_alone() {
        let jitter = Jitter { across: 0.05, ..STILL };
        let of_step = |step| cut(jitter).patches(&Batch { step, ..batch() }).expect("patches");
        let (a, b, c) = (of_step(2), of_step(2), of_step(3));
        assert_eq!((&a.pixels, &a.offsets), (&b.pixels, &b.offsets));
        assert_ne!(a.offsets, c.offsets);
        let shifts: Vec<f32> = (0..20).flat_map(|step| of_step(step).offsets).step_by(8).collect();
        let deviation = (shifts.iter().map(|by| by * by).sum::<f32>() / shifts.len() as f32).sqrt();
        // In half sides.
        assert!((deviation / 2.0 - 0.05).abs() < 0.005, "{deviation}");
    }
}
