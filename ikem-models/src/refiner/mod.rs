//! The corner refiner: a small network that sees one vertebra at a time, at the film's own resolution.

mod network;

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use ikem_core::{Frame, GrayImage, Hints, Keypoints, Point, Skeleton, Tones, Vertebra, in_order};
use rayon::prelude::*;

pub use network::{REFINED_CORNERS, RefinerConfig, RefinerLayers, RefinerNetwork, RefinerOutput};

use crate::cancel::Cancel;
use crate::checkpoint::PartCheckpoint;
use crate::error::{BuildError, BuildResult, Result};
use crate::prediction::Prediction;
use crate::predictor::Predictor;
use crate::prepared_image::{PreparedImage, TonedFilm};
use crate::threads::isolated;

/// A corner refiner's config and tensors.
pub type RefinerCheckpoint = PartCheckpoint<RefinerConfig>;

/// Places the corners of vertebrae more precisely. Clones share the weights.
///
/// The keypoint network sees the whole spine on a coarse grid, on which a pixel is several pixels of the film. Once it is known
/// where each vertebra roughly is, the refiner looks at a patch around it, turned like the vertebra, and finds its corners
/// there: above all, end plates are then tilted as they are on the film.
#[derive(Debug, Clone)]
pub struct CornerRefiner(Arc<RefinerNetwork>);

impl CornerRefiner {
    /// A refiner with the weights of a checkpoint.
    ///
    /// # Errors
    /// When the tensors are not those of the config's network, or the device fails.
    pub fn from_checkpoint(checkpoint: RefinerCheckpoint, device: &Device) -> Result<Self> {
        checkpoint.config.check()?;
        Self::build(checkpoint, device).map_err(BuildError::of_memory)
    }

    /// As [`from_checkpoint`](Self::from_checkpoint), for a config that was checked.
    pub(crate) fn build(checkpoint: RefinerCheckpoint, device: &Device) -> BuildResult<Self> {
        let RefinerCheckpoint { config, tensors } = checkpoint;
        Ok(Self(Arc::new(RefinerNetwork::frozen(config, tensors, device)?)))
    }

    /// The keypoints of a spine, in pixels of the film, with the corners of each vertebra where its patch of the film, a
    /// positive with bright bones, shows them. Vertebrae without all corners stay, and so do end plates that would cross
    /// their neighbours. Nothing changes unless the skeleton's vertebrae have four corners each.
    ///
    /// # Errors
    /// When the device fails.
    pub fn refine(&self, film: &GrayImage, skeleton: &Skeleton, keypoints: &Keypoints) -> Result<Keypoints> {
        let film = &TonedFilm { pixels: film.clone(), tones: Tones::IDENTITY };
        self.refine_until(film, (skeleton, keypoints), &Hints::new(), None)
    }

    /// As [`refine`](Self::refine), but for hinted corners, until `cancel` is cancelled.
    fn refine_until(
        &self,
        film: &TonedFilm,
        (skeleton, keypoints): (&Skeleton, &Keypoints),
        hints: &Hints,
        cancel: Option<&Cancel>,
    ) -> Result<Keypoints> {
        Cancel::check(cancel)?;
        let frames = skeleton.vertebrae().iter().zip(skeleton.vertebra_frames(keypoints));
        let frames: Vec<(&Vertebra, Frame)> =
            frames.filter_map(|(vertebra, frame)| Some((vertebra, frame?))).collect();
        if frames.is_empty() {
            return Ok(keypoints.clone());
        }
        let (size, patch) = (film.pixels.size(), self.0.config().patch());
        let half = 0.5 * self.0.config().size as f32;
        let offsets = isolated(|| self.offsets(film, &frames, cancel))?;
        let mut moved = keypoints.clone();
        for ((vertebra, frame), offsets) in frames.iter().zip(offsets.chunks_exact(2 * REFINED_CORNERS)) {
            for (index, (&corner, by)) in vertebra.corners.iter().zip(offsets.chunks_exact(2)).enumerate() {
                let on_patch = Frame::usual_corner(index, patch) + Point::new(by[0], by[1]) * half;
                let point = frame.to_image(on_patch, size, patch);
                if point.is_finite() && hints.get(corner).is_none() {
                    moved[corner] = size.nearest(point);
                }
            }
        }
        Ok(in_order(skeleton, keypoints, moved, hints))
    }

    /// The offsets of the corners in these frames, eight numbers for each.
    fn offsets(
        &self,
        film: &TonedFilm,
        frames: &[(&Vertebra, Frame)],
        cancel: Option<&Cancel>,
    ) -> Result<Vec<f32>> {
        let patch = self.0.config().patch();
        let cut = |(_, frame): &(&Vertebra, Frame)| Ok(frame.patch(&film.pixels, film.tones, patch)?);
        let patches: Vec<Vec<f32>> = frames.par_iter().map(cut).collect::<Result<_>>()?;
        let shape = (frames.len(), 1, patch.height, patch.width);
        let patches = Tensor::from_vec(patches.concat(), shape, self.0.device())?;
        let offsets = self.0.forward_until(&patches, cancel)?.offsets;
        Ok(offsets.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
    }
}

impl Predictor {
    /// A prediction for `image` with refined corners, if there is a refiner. Hinted corners stay.
    pub(crate) fn refined(
        &self,
        image: &PreparedImage,
        hints: &Hints,
        prediction: Prediction,
    ) -> Result<Prediction> {
        let keypoints = self.refined_keypoints(image, hints, &prediction.keypoints)?;
        Ok(Prediction { keypoints, ..prediction })
    }

    /// The same for keypoints on the film.
    pub(crate) fn refined_keypoints(
        &self,
        image: &PreparedImage,
        hints: &Hints,
        keypoints: &Keypoints,
    ) -> Result<Keypoints> {
        match (self.refiner(), &image.film) {
            (Some(refiner), Some(film)) => {
                refiner.refine_until(film, (&self.config().skeleton, keypoints), hints, self.cancel())
            }
            _ => Ok(keypoints.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ikem_core::{Hint, Size};

    use super::*;
    use crate::{Mode, ModelConfig, NetworkConfig, UnetConfig, View};

    const CONFIG: RefinerConfig = RefinerConfig { size: 32, width: 2, hidden: 4 };

    fn fresh() -> RefinerNetwork {
        RefinerNetwork::fresh(CONFIG, 7, &Device::Cpu).expect("a network")
    }

    /// Moves corners by a few pixels, as an untrained network does with its last layer's values made small.
    fn refiner() -> CornerRefiner {
        let mut tensors = fresh().parameters().state_dict();
        for (_, tensor) in tensors.iter_mut().filter(|(name, _)| name.starts_with("head.1.")) {
            *tensor = (&*tensor * 0.05).expect("a tensor");
        }
        let checkpoint = RefinerCheckpoint { config: CONFIG, tensors };
        CornerRefiner::from_checkpoint(checkpoint, &Device::Cpu).expect("a refiner")
    }

    fn film() -> GrayImage {
        let size = Size::new(400, 1000);
        let pixels = (0..size.area()).map(|i| ((i * 7919) % 997) as f32 / 996.0).collect();
        GrayImage::new(size, pixels).expect("pixels")
    }

    fn spine() -> Keypoints {
        let corner = |k: usize| {
            Point::new(180.0 + 40.0 * (k % 2) as f32, (80 + 50 * (k / 4) + 30 * (k % 4 / 2)) as f32)
        };
        (0..68).map(corner).collect()
    }

    #[test]
    fn inference_is_the_trained_network() {
        let fresh = fresh();
        let tensors = fresh.parameters().state_dict();
        let frozen = RefinerNetwork::frozen(CONFIG, tensors, &Device::Cpu).expect("frozen");
        let patches = Tensor::rand(-1_f32, 1.0, (3, 1, 32, 32), &Device::Cpu).expect("patches");
        let [a, b] = [&fresh, &frozen].map(|network| network.forward(&patches, Mode::Eval).expect("corners"));
        for (a, b) in [(a.offsets, b.offsets), (a.spreads, b.spreads)] {
            assert_eq!(a.dims(), [3, 8]);
            let off = (a - b).and_then(|d| d.abs()?.max_all()?.to_scalar::<f32>()).expect("a number");
            assert!(off < 1e-5, "{off}");
        }
    }

    #[test]
    fn a_mirror_image_is_refined_alike() {
        let (film, spine, refiner) = (film(), spine(), refiner());
        let width = film.size().width;
        let mirrored = film.pixels().chunks_exact(width).flat_map(|row| row.iter().rev().copied()).collect();
        let mirrored = GrayImage::new(film.size(), mirrored).expect("pixels");
        // The corners that are on the left in the mirror keep the names that they have without.
        let mirror = |points: &Keypoints| -> Keypoints {
            points.iter().map(|point| Point::new(width as f32 - 1.0 - point.x, point.y)).collect()
        };
        let skeleton = Skeleton::spine();
        let found = refiner.refine(&film, &skeleton, &spine).expect("refined");
        let other = refiner.refine(&mirrored, &skeleton, &mirror(&spine)).expect("refined");
        let farthest = found.distances(&spine).fold(0.0, f32::max);
        assert!(farthest > 3.0, "{farthest} px");
        for (a, b) in mirror(&found).iter().zip(other.iter()) {
            // Twice half a pixel of the film, by the convention of frames.
            assert!(a.distance(*b) < 1.5, "{a:?} {b:?}");
        }
    }

    #[test]
    fn other_skeletons_and_absent_corners_stay() {
        let (film, spine, refiner) = (film(), spine(), refiner());
        let numbered = refiner.refine(&film, &Skeleton::numbered(68), &spine).expect("keypoints");
        assert_eq!(numbered, spine);
        let mut partly = spine.clone();
        partly[9] = Point::ABSENT;
        let refined = refiner.refine(&film, &Skeleton::spine(), &partly).expect("keypoints");
        assert!(refined[9].is_absent());
        assert_eq!((refined[8], refined[10], refined[11]), (spine[8], spine[10], spine[11]));
        let whole = refiner.refine(&film, &Skeleton::spine(), &spine).expect("keypoints");
        assert_ne!(whole[20], spine[20]);
    }

    #[test]
    fn predictions_are_refined_where_no_hint_is() {
        let network = NetworkConfig::Unet(UnetConfig { width: 2, gate_width: None, ..UnetConfig::default() });
        let config = ModelConfig { size: Size::new(64, 96), ..ModelConfig::new(network) };
        let plain = Predictor::builder().untrained(&config, 1).expect("a predictor");
        let predictor = plain.clone().with_refiner(Some(refiner()));
        let (film, skeleton) = (film(), Skeleton::spine());
        let image = predictor.prepare(&film, &View::whole(film.size())).expect("an image");
        let mut prediction = predictor.predict_prepared(&image, &Hints::new(), None).expect("a prediction");
        prediction.keypoints = spine();
        let hints: Hints = [Hint::new(21, Point::new(220.0, 330.0))].into_iter().collect();
        let refined = predictor.refined(&image, &hints, prediction.clone()).expect("refined");
        let expected = refiner().refine(&film, &skeleton, &spine()).expect("refined");
        assert_ne!(expected, spine());
        for (index, &point) in refined.keypoints.iter().enumerate() {
            assert_eq!(point, if index == 21 { spine()[21] } else { expected[index] }, "{index}");
        }
        assert_eq!(plain.refined(&image, &hints, prediction.clone()).expect("the same"), prediction);
    }

    #[test]
    fn each_field_out_of_range_is_named() {
        for (config, field) in [
            (RefinerConfig { size: 40, ..CONFIG }, "refiner.size"),
            (RefinerConfig { size: 0, ..CONFIG }, "refiner.size"),
            (RefinerConfig { width: 0, ..CONFIG }, "refiner.width"),
            (RefinerConfig { hidden: 0, ..CONFIG }, "refiner.hidden"),
        ] {
            let error = config.check().expect_err(field).to_string();
            assert!(error.contains(field), "{error}");
        }
    }
}
