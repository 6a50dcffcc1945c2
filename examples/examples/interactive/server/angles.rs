//! The Cobb angles of an image, with the lines that show them.

use ikem_core::{Frame, Keypoints, Point, Size, Skeleton, Spacing};
use ikem_eval::{CobbCurve, Region, Script, challenge_angles, clinical_curves};

use super::api::{Angles, ChallengeAngle, ClinicalAngle, Line};

/// A curve counts from here on, as a scoliosis does.
const MINIMUM: f64 = 10.0;

/// The angles of both conventions, as the network sees a film of this size and spacing in `frame`; none where the points are not
/// the spine's, or a vertebra has no direction.
pub(super) fn angles(
    keypoints: &Keypoints,
    (size, spacing): (Size, Option<Spacing>),
    frame: &Frame,
    skeleton: &Skeleton,
) -> Option<Angles> {
    if *skeleton != Skeleton::spine() {
        return None;
    }
    let (seen, seen_size) = frame.upright(keypoints, size, spacing);
    let challenge = challenge_angles(&seen, seen_size, Script::Matlab).ok()?;
    let curves = clinical_curves(&seen, MINIMUM).ok()?;
    let corners: Vec<[Point; 4]> =
        keypoints.chunks_exact(4).filter_map(|four| four.try_into().ok()).collect();
    let three = [0, 1, 2].map(|place| {
        let [upper, lower] = challenge.ends[place];
        let lines = Some([middle(corners.get(upper)?), middle(corners.get(lower)?)]);
        let name = ["largest", "second", "third"][place];
        Some(ChallengeAngle { name, degrees: challenge.degrees[place], upper, lower, lines: lines? })
    });
    let [Some(first), Some(second), Some(third)] = three else { return None };
    let clinical = curves.iter().map(|curve| clinical(curve, &corners)).collect::<Option<_>>()?;
    Some(Angles { challenge: [first, second, third], clinical })
}

fn clinical(curve: &CobbCurve, corners: &[[Point; 4]]) -> Option<ClinicalAngle> {
    let ([left, right, ..], [.., lower_left, lower_right]) =
        (corners.get(curve.upper)?, corners.get(curve.lower)?);
    Some(ClinicalAngle {
        name: match curve.region {
            Some(Region::ProximalThoracic) => "proximal thoracic",
            Some(Region::MainThoracic) => "main thoracic",
            Some(Region::Thoracolumbar) => "thoracolumbar",
            Some(Region::Lumbar) => "lumbar",
            _ => "curve",
        },
        degrees: curve.degrees,
        upper: curve.upper,
        lower: curve.lower,
        apex: curve.apex,
        convex: curve.convex,
        severity: curve.severity,
        major: curve.major,
        lines: [[place(*left), place(*right)], [place(*lower_left), place(*lower_right)]],
    })
}

/// From the middle of a vertebra's left side to the middle of its right side.
fn middle([top_left, top_right, bottom_left, bottom_right]: &[Point; 4]) -> Line {
    [place((*top_left + *bottom_left) * 0.5), place((*top_right + *bottom_right) * 0.5)]
}

fn place(point: Point) -> [f64; 2] {
    [point.x.into(), point.y.into()]
}
