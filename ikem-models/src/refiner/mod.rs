//! The corner refiner: a small network that sees one vertebra at a time, at the film's own resolution.

mod network;

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use ikem_core::{Frame, GrayImage, Hints, Keypoints, Point, Skeleton, Tones, in_order};
use rayon::prelude::*;

pub use network::{REFINED_CORNERS, RefinerConfig, RefinerNetwork, RefinerOutput};

use crate::cancel::Cancel;
use crate::checkpoint::PartCheckpoint;
use crate::error::{BuildError, BuildResult, Result};
use crate::prediction::Prediction;
use crate::predictor::{Predictor, PreparedImage, TonedFilm};
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
        let mut refined = self.refine_until(film, skeleton, (&[keypoints], &Hints::new()), None)?;
        Ok(refined.pop().unwrap_or_else(|| keypoints.clone()))
    }

    /// As [`refine`](Self::refine), for several spines on a film in one pass, but for hinted corners, until `cancel` is cancelled.
    fn refine_until(
        &self,
        film: &TonedFilm,
        skeleton: &Skeleton,
        (spines, hints): (&[&Keypoints], &Hints),
        cancel: Option<&Cancel>,
    ) -> Result<Vec<Keypoints>> {
        Cancel::check(cancel)?;
        let (size, patch) = (film.pixels.size(), self.0.config().patch());
        let vertebrae = |(spine, keypoints): (usize, &&Keypoints)| {
            let frames = skeleton.vertebra_frames(keypoints).into_iter().enumerate();
            frames.filter_map(|(level, frame)| Some((spine, level, frame?))).collect::<Vec<_>>()
        };
        let frames: Vec<(usize, usize, Frame)> = spines.iter().enumerate().flat_map(vertebrae).collect();
        let mut moved: Vec<Keypoints> = spines.iter().map(|&keypoints| keypoints.clone()).collect();
        if frames.is_empty() {
            return Ok(moved);
        }
        isolated(|| {
            let patches: Vec<Vec<f32>> = frames
                .par_iter()
                .map(|(_, _, frame)| Ok(frame.patch(&film.pixels, film.tones, patch)?))
                .collect::<Result<_>>()?;
            let shape = (frames.len(), 1, patch.height, patch.width);
            let patches = Tensor::from_vec(patches.concat(), shape, self.0.device())?;
            let offsets = self.0.forward_until(&patches, cancel)?.offsets;
            let offsets =
                offsets.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
            for ((spine, level, frame), offsets) in
                frames.iter().zip(offsets.chunks_exact(2 * REFINED_CORNERS))
            {
                let corners = skeleton.vertebrae().get(*level).map_or(&[][..], |vertebra| &vertebra.corners);
                for (index, (&corner, by)) in corners.iter().zip(offsets.chunks_exact(2)).enumerate() {
                    if hints.get(corner).is_some() {
                        continue;
                    }
                    let half = 0.5 * self.0.config().size as f32;
                    let on_patch = Frame::usual_corner(index, patch) + Point::new(by[0], by[1]) * half;
                    moved[*spine][corner] = size.nearest(frame.to_image(on_patch, size, patch));
                }
            }
            Ok(spines.iter().zip(moved).map(|(before, moved)| in_order(skeleton, before, moved)).collect())
        })
    }
}

impl Predictor {
    /// A prediction for `image` with refined corners, if there is a refiner; in its alternatives, too. Hinted corners stay.
    pub(crate) fn refined(
        &self,
        image: &PreparedImage,
        hints: &Hints,
        prediction: Prediction,
    ) -> Result<Prediction> {
        let (Some(refiner), Some(film)) = (self.refiner(), &image.film) else { return Ok(prediction) };
        let alternatives = prediction.alternatives.iter().map(|other| &other.keypoints);
        let spines: Vec<&Keypoints> = [&prediction.keypoints].into_iter().chain(alternatives).collect();
        let skeleton = &self.config().skeleton;
        let mut refined = refiner.refine_until(film, skeleton, (&spines, hints), self.cancel())?.into_iter();
        let keypoints = refined.next().unwrap_or_default();
        let mut alternatives = prediction.alternatives;
        for (other, keypoints) in alternatives.iter_mut().zip(refined) {
            other.keypoints = keypoints;
        }
        Ok(Prediction { keypoints, alternatives, ..prediction })
    }
}

#[cfg(test)]
mod tests {
    use ikem_core::{ColumnEvidence, Heatmaps, Hint, Recount, Size, decode_column};

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

    /// Another count with these keypoints.
    fn recount(keypoints: &Keypoints) -> Recount {
        let grid = Size::new(100, 250);
        let spine: Keypoints = spine().iter().map(|&point| point * 0.25).collect();
        let maps = Heatmaps::gaussian(&spine, grid, 2.0);
        let seen = ColumnEvidence::new(&spine, maps.view());
        let column = decode_column(&Skeleton::spine(), &seen, grid, &[]).expect("a column");
        let mut found = column.alternatives.into_iter().next().expect("another count");
        found.keypoints = keypoints.clone();
        found
    }

    #[test]
    fn predictions_and_their_alternatives_are_refined_where_no_hint_is() {
        let network = NetworkConfig::Unet(UnetConfig { width: 2, gate_width: None, ..UnetConfig::default() });
        let config = ModelConfig { size: Size::new(64, 96), ..ModelConfig::new(network) };
        let plain = Predictor::builder().untrained(&config, 1).expect("a predictor");
        let predictor = plain.clone().with_refiner(Some(refiner()));
        let (film, skeleton) = (film(), Skeleton::spine());
        let image = predictor.prepare(&film, &View::whole(film.size())).expect("an image");
        let mut prediction = predictor.predict_prepared(&image, &Hints::new(), None).expect("a prediction");
        let lower: Keypoints = spine().iter().map(|&point| point + Point::new(0.0, 50.0)).collect();
        prediction.keypoints = spine();
        prediction.alternatives = vec![recount(&lower)];

        let hints: Hints = [Hint::new(21, Point::new(220.0, 330.0))].into_iter().collect();
        let refined = predictor.refined(&image, &hints, prediction.clone()).expect("refined");
        let expected = refiner().refine(&film, &skeleton, &spine()).expect("refined");
        assert_ne!(expected, spine());
        for (index, &point) in refined.keypoints.iter().enumerate() {
            assert_eq!(point, if index == 21 { spine()[21] } else { expected[index] }, "{index}");
        }
        let alternative = predictor.refined(&image, &Hints::new(), prediction.clone()).expect("refined");
        let expected = refiner().refine(&film, &skeleton, &lower).expect("refined");
        assert_eq!(alternative.alternatives[0].keypoints, expected);
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
