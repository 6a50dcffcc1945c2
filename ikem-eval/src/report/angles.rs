use ikem_core::{Keypoints, Skeleton};
use serde::{Deserialize, Serialize};

use super::estimate::{estimate, estimates};
use crate::bootstrap::{Interval, Resamples};
use crate::cobb::{AngleAgreement, CobbCurve, Script, challenge_angles, clinical_curves, smape};
use crate::play::Played;
use crate::truth::GroundTruth;

/// The smallest angle of a curve other than the major one, in degrees.
const MINIMUM: f64 = 10.0;

/// Agreement of the Cobb angles of the model's keypoints with those of the labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AngleFigures {
    /// The challenge's three angles by its MATLAB script.
    pub matlab: ScriptFigures,
    /// The same by the Python port.
    pub python_port: ScriptFigures,
    /// The major curve, measured between end plates.
    pub clinical: ClinicalFigures,
}

/// The challenge's three angles after 0, 1, … N clicks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ScriptFigures {
    /// The number of images without measurable angles after each number of clicks; they are left out.
    pub unmeasured: Vec<usize>,
    /// Symmetric mean absolute percentage error in percent; the angles of an image are summed first.
    pub smape: Vec<Option<f64>>,
    /// Interval of [`smape`](Self::smape).
    pub smape_interval: Vec<Option<Interval>>,
    /// Agreement of the first, second and third angle in degrees.
    pub angles: Vec<Option<[AngleAgreement; 3]>>,
    /// Interval of the mean absolute error of each angle.
    pub mae_interval: Vec<[Option<Interval>; 3]>,
}

/// The major curve after 0, 1, … N clicks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClinicalFigures {
    /// Agreement of its angle in degrees.
    pub major: Vec<Option<AngleAgreement>>,
    /// Interval of the mean absolute error of its angle.
    pub mae_interval: Vec<Option<Interval>>,
    /// The fraction of images whose severity matches that of the labels.
    pub severity: Vec<Option<f64>>,
    /// Interval of [`severity`](Self::severity).
    pub severity_interval: Vec<Option<Interval>>,
    /// The fraction of images whose major curve is convex to the same side as that of the labels.
    pub side: Vec<Option<f64>>,
    /// Interval of [`side`](Self::side).
    pub side_interval: Vec<Option<Interval>>,
    /// The fraction of images whose major curve has its apex in the same region as that of the labels.
    pub region: Vec<Option<f64>>,
    /// Interval of [`region`](Self::region).
    pub region_interval: Vec<Option<Interval>>,
}

/// The angles of one set of keypoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MeasuredAngles {
    /// The challenge's, by its MATLAB script, in degrees.
    pub matlab: [f64; 3],
    /// The same by the Python port.
    pub python_port: [f64; 3],
    /// The clinical curves, from the top.
    pub curves: Vec<CobbCurve>,
}

impl MeasuredAngles {
    /// Measures keypoints on the image of `truth`, in square pixels; `None` if the skeleton is no spine or an angle is
    /// undefined.
    pub(super) fn new(keypoints: &Keypoints, truth: &GroundTruth, skeleton: &Skeleton) -> Option<Self> {
        if !skeleton.is_spine() {
            return None;
        }
        let keypoints = &truth.squared(keypoints);
        let script =
            |script| challenge_angles(keypoints, truth.size, script).ok().map(|angles| angles.degrees);
        Some(Self {
            matlab: script(Script::Matlab)?,
            python_port: script(Script::PythonPort)?,
            curves: clinical_curves(keypoints, MINIMUM).ok()?,
        })
    }

    fn major(&self) -> Option<&CobbCurve> {
        self.curves.iter().find(|curve| curve.major)
    }
}

/// The angles of a prediction and of its labels.
type Pair = (MeasuredAngles, MeasuredAngles);

impl AngleFigures {
    /// `None` if the labels have no angles.
    pub(super) fn new(
        played: &[&Played],
        skeleton: &Skeleton,
        clicks: usize,
        draws: &Resamples,
    ) -> Option<Self> {
        let pair = |click: usize| {
            move |image: &&Played| {
                let label = MeasuredAngles::new(&image.truth.keypoints, &image.truth, skeleton)?;
                Some((MeasuredAngles::new(&image.model.get(click)?.shown, &image.truth, skeleton)?, label))
            }
        };
        let pairs: Vec<Vec<Option<Pair>>> =
            (0..=clicks).map(|click| played.iter().map(pair(click)).collect()).collect();
        pairs.iter().flatten().any(Option::is_some).then(|| Self {
            matlab: ScriptFigures::new(&pairs, |angles| angles.matlab, draws),
            python_port: ScriptFigures::new(&pairs, |angles| angles.python_port, draws),
            clinical: ClinicalFigures::new(&pairs, draws),
        })
    }
}

impl ScriptFigures {
    fn new(pairs: &[Vec<Option<Pair>>], angles: fn(&MeasuredAngles) -> [f64; 3], draws: &Resamples) -> Self {
        let images = pairs.first().map_or(0, Vec::len);
        let degrees = |click: usize, image: usize| {
            pairs[click][image].as_ref().map(|(found, label)| (angles(found), angles(label)))
        };
        let (smape, smape_interval) =
            estimates(pairs.len(), images, draws, |click, image| Some(smape(&[degrees(click, image)?])));
        let off = |click: usize, angle: usize| -> Vec<Option<f64>> {
            (0..images)
                .map(|image| degrees(click, image).map(|(found, label)| (found[angle] - label[angle]).abs()))
                .collect()
        };
        let agreement = |click: usize, angle: usize| {
            let known = (0..images).filter_map(|image| degrees(click, image));
            AngleAgreement::new(&known.map(|(found, label)| (found[angle], label[angle])).collect::<Vec<_>>())
        };
        let three = |click| Some([agreement(click, 0)?, agreement(click, 1)?, agreement(click, 2)?]);
        Self {
            unmeasured: pairs
                .iter()
                .map(|images| images.iter().filter(|pair| pair.is_none()).count())
                .collect(),
            smape,
            smape_interval,
            angles: (0..pairs.len()).map(three).collect(),
            mae_interval: (0..pairs.len())
                .map(|click| [0, 1, 2].map(|angle| draws.mean_interval(&off(click, angle))))
                .collect(),
        }
    }
}

impl ClinicalFigures {
    fn new(pairs: &[Vec<Option<Pair>>], draws: &Resamples) -> Self {
        let images = pairs.first().map_or(0, Vec::len);
        let majors = |click: usize, image: usize| {
            let (found, label) = pairs[click][image].as_ref()?;
            Some((*found.major()?, *label.major()?))
        };
        let agree = |same: fn(&CobbCurve, &CobbCurve) -> Option<bool>| {
            estimates(pairs.len(), images, draws, |click, image| {
                let (found, label) = majors(click, image)?;
                same(&found, &label).map(|same| f64::from(u8::from(same)))
            })
        };
        let (severity, severity_interval) = agree(|a, b| Some(a.severity == b.severity));
        let (side, side_interval) = agree(|a, b| Some(a.convex == b.convex));
        let (region, region_interval) = agree(|a, b| Some(a.region? == b.region?));
        let degrees = |click: usize| -> Vec<Option<(f64, f64)>> {
            (0..images).map(|image| majors(click, image).map(|(a, b)| (a.degrees, b.degrees))).collect()
        };
        let interval = |click| {
            let off: Vec<_> =
                degrees(click).into_iter().map(|pair| pair.map(|(a, b)| (a - b).abs())).collect();
            estimate(&off, draws).1
        };
        Self {
            major: (0..pairs.len())
                .map(|click| AngleAgreement::new(&degrees(click).into_iter().flatten().collect::<Vec<_>>()))
                .collect(),
            mae_interval: (0..pairs.len()).map(interval).collect(),
            severity,
            severity_interval,
            side,
            side_interval,
            region,
            region_interval,
        }
    }
}
