use ikem_core::{Keypoints, Size, Vector};
use serde::{Deserialize, Serialize};

use super::vertebra::{Vertebra, vertebrae};
use crate::error::Error;

/// A published implementation of the challenge's three angles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Script {
    /// The MATLAB script of the AASCE 2019 challenge, which produced the published angles of the labels.
    #[default]
    Matlab,
    /// The Python port distributed with Vertebra-Landmark-Detection (Yi et al., ISBI 2020), on which many published
    /// figures are based. It differs from the MATLAB script:
    ///
    /// - cosines are clipped to [0, 1], so that no angle exceeds 90°, and are not rounded;
    /// - the height test uses the rows of the *upper* end plates;
    /// - a spine is S-shaped only if the two sums of the S test differ by at least 1e-4.
    ///
    /// The port computes in single precision, this implementation in double; angles differ by less than 0.03°.
    PythonPort,
}

/// The script's classification of a spine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Shape {
    /// All end-plate midpoints lie on one side of the line through the first and the last.
    Single,
    /// S-shaped with the largest angle in the upper half of the image: the second angle is above it, the third below.
    MajorAbove,
    /// S-shaped with the largest angle in the lower half: the second angle is above it, the third above the second.
    MajorBelow,
}

/// The challenge's three Cobb angles of a spine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChallengeAngles {
    /// In degrees. The first is the largest of all, wherever it is; the challenge nevertheless names the three proximal
    /// thoracic, main thoracic and thoracolumbar/lumbar.
    pub degrees: [f64; 3],
    /// The end vertebrae of each angle, from 0, the upper one first. Those of the first angle have the largest relative
    /// tilt.
    pub ends: [[usize; 2]; 3],
    /// The script's classification of the spine.
    pub shape: Shape,
}

/// The three Cobb angles of the AASCE 2019 challenge (Wang et al., Medical Image Analysis 2021), from the four corners
/// of each vertebra in pixels of the *original* image of size `image`, whose aspect ratio and height both matter.
/// Pixels must be square; see [`Spacing::squared`](ikem_core::Spacing::squared).
///
/// A vertebra's tilt is that of the line between the midpoints of its left and right sides. The spine is S-shaped if
/// the signed distances of the end-plate midpoints from the line through the first and the last have both signs.
///
/// # Errors
/// [`Error::Corners`] unless the keypoints are the four corners of each of at least two vertebrae; [`Error::Tilt`] when
/// the corners of one coincide.
pub fn challenge_angles(
    keypoints: &Keypoints,
    image: Size,
    script: Script,
) -> Result<ChallengeAngles, Error> {
    let spine = vertebrae(keypoints, |vertebra| [vertebra.middle()])?;
    let tilts: Vec<Vector> = spine.iter().map(Vertebra::middle).collect();
    let angle = |i: usize, j: usize| script.angle(tilts[i], tilts[j]);
    let last = tilts.len() - 1;

    let [upper, lower] = most_tilted(last, angle);
    let largest_above = |from: usize| farthest(0..=from, |other| angle(from, other)).0;
    let (shape, second, third) = if !script.is_s_shaped(&midpoints(&spine)) {
        (Shape::Single, [0, upper], [lower, last])
    } else {
        let above = largest_above(upper);
        if script.row(&spine[upper]) + script.row(&spine[lower]) < image.height as f64 {
            (
                Shape::MajorAbove,
                [above, upper],
                [lower, farthest(lower..=last, |other| angle(lower, other)).0],
            )
        } else {
            (Shape::MajorBelow, [above, upper], [largest_above(above), above])
        }
    };
    let ends = [[upper, lower], second, third];
    Ok(ChallengeAngles { degrees: ends.map(|[upper, lower]| angle(upper, lower)), ends, shape })
}

impl Script {
    /// The angle between two directions in degrees.
    fn angle(self, a: Vector, b: Vector) -> f64 {
        let cosine = a.dot(b) / (a.length() * b.length());
        let cosine = match self {
            // The script rounds to eight digits, so that equal directions enclose exactly 0°.
            Self::Matlab => ((cosine * 1e8).round() / 1e8).clamp(-1.0, 1.0),
            Self::PythonPort => cosine.clamp(0.0, 1.0),
        };
        libm::acos(cosine).to_degrees()
    }

    /// The row of a vertebra in the height test.
    fn row(self, vertebra: &Vertebra) -> f64 {
        match self {
            Self::Matlab => vertebra.lower_midpoint().y,
            Self::PythonPort => vertebra.upper_midpoint().y,
        }
    }

    /// The S test: the matrix of products of the distances equals that of their absolute values only if all have the
    /// same sign.
    fn is_s_shaped(self, midpoints: &[Vector]) -> bool {
        let (Some(&first), [inner @ .., _, last]) = (midpoints.first(), midpoints) else { return false };
        let whole = first - *last;
        let offsets: Vec<f64> = inner
            .iter()
            .map(|&midpoint| midpoint - *last)
            .map(|from_last| from_last.y / whole.y - from_last.x / whole.x)
            .collect();
        let sum = |value: fn(f64) -> f64| -> f64 {
            offsets.iter().map(|a| offsets.iter().map(|b| value(a * b)).sum::<f64>()).sum()
        };
        let (plain, absolute) = (sum(|product| product), sum(f64::abs));
        let difference = (plain - absolute).abs();
        // If the ends are exactly above each other, the sums are NaN, and both scripts classify the spine as S-shaped.
        match self {
            Self::Matlab => plain != absolute,
            Self::PythonPort => difference.is_nan() || difference >= 1e-4,
        }
    }
}

/// The midpoints of all 2 V end plates, from the top.
fn midpoints(spine: &[Vertebra]) -> Vec<Vector> {
    spine.iter().flat_map(|vertebra| [vertebra.upper_midpoint(), vertebra.lower_midpoint()]).collect()
}

/// The first pair of vertebrae with the largest angle, the upper one first.
fn most_tilted(last: usize, angle: impl Fn(usize, usize) -> f64) -> [usize; 2] {
    let (mut pair, mut largest) = ([0, 0], 0.0);
    for upper in 0..=last {
        let (lower, found) = farthest(0..=last, |other| angle(upper, other));
        if found > largest {
            (pair, largest) = ([upper, lower], found);
        }
    }
    pair
}

/// The first vertebra with the largest angle, and that angle.
fn farthest(vertebrae: std::ops::RangeInclusive<usize>, angle: impl Fn(usize) -> f64) -> (usize, f64) {
    let first = *vertebrae.start();
    vertebrae
        .map(|vertebra| (vertebra, angle(vertebra)))
        .fold((first, f64::NEG_INFINITY), |best, next| if next.1 > best.1 { next } else { best })
}

#[cfg(test)]
pub(super) mod tests {
    use ikem_core::Point;

    use super::*;

    /// Vertebrae of 30 × 20, 30 apart from y = 100 on, centred at `x`, tilted by `degrees` (clockwise on the image).
    pub(crate) fn spine(vertebrae: &[(f64, f64)]) -> Keypoints {
        let corners = |(row, &(x, degrees)): (usize, &(f64, f64))| {
            let (sin, cos) = degrees.to_radians().sin_cos();
            let y = 100.0 + 30.0 * row as f64;
            [(-15.0, -10.0), (15.0, -10.0), (-15.0, 10.0), (15.0, 10.0)]
                .map(|(u, v)| Point::new((x + u * cos - v * sin) as f32, (y + u * sin + v * cos) as f32))
        };
        vertebrae.iter().enumerate().flat_map(corners).collect()
    }

    fn close(found: [f64; 3], expected: [f64; 3]) -> bool {
        found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.02)
    }

    /// Five vertebrae on one side of the line through the outer two.
    const C_SHAPE: [(f64, f64); 5] =
        [(100.0, -8.0), (112.0, -15.0), (118.0, 0.0), (116.0, 20.0), (101.0, 9.0)];
    /// Offsets of both signs.
    const S_SHAPE: [(f64, f64); 5] =
        [(100.0, -4.0), (115.0, 10.0), (99.0, -25.0), (85.0, 15.0), (101.0, 3.0)];

    #[test]
    fn a_single_curve_is_measured_against_the_outer_vertebrae() {
        let angles =
            challenge_angles(&spine(&C_SHAPE), Size::new(300, 600), Script::Matlab).expect("a spine");
        assert_eq!((angles.ends, angles.shape), ([[1, 3], [0, 1], [3, 4]], Shape::Single));
        assert!(close(angles.degrees, [35.0, 7.0, 11.0]), "{angles:?}");
    }

    #[test]
    fn an_s_depends_on_the_half_of_the_image_its_largest_angle_is_in() {
        // The largest angle is between 2 (row 160) and 3 (row 190); their lower end plates are ten pixels further down.
        let keypoints = spine(&S_SHAPE);
        let angles =
            |height, script| challenge_angles(&keypoints, Size::new(300, height), script).expect("a spine");
        let above = angles(600, Script::Matlab);
        assert_eq!((above.ends, above.shape), ([[2, 3], [1, 2], [3, 4]], Shape::MajorAbove));
        assert!(close(above.degrees, [40.0, 35.0, 12.0]), "{above:?}");
        let below = angles(200, Script::Matlab);
        assert_eq!((below.ends, below.shape), ([[2, 3], [1, 2], [0, 1]], Shape::MajorBelow));
        // From 2 up to 1, from there up to 0.
        assert!(close(below.degrees, [40.0, 35.0, 14.0]), "{below:?}");
    }

    #[test]
    fn the_port_uses_the_row_of_the_upper_end_plate() {
        // Twenty rows lie between the sums of lower (about 369) and upper end plates (about 331).
        let keypoints = spine(&S_SHAPE);
        let shape =
            |script| challenge_angles(&keypoints, Size::new(300, 350), script).expect("a spine").shape;
        assert_eq!(shape(Script::Matlab), Shape::MajorBelow);
        assert_eq!(shape(Script::PythonPort), Shape::MajorAbove);
    }

    #[test]
    fn the_port_clips_angles_at_90_degrees() {
        let keypoints = spine(&[(100.0, -60.0), (130.0, 0.0), (100.0, 70.0)]);
        let largest =
            |script| challenge_angles(&keypoints, Size::new(300, 600), script).expect("a spine").degrees[0];
        assert!((largest(Script::Matlab) - 130.0).abs() < 1e-3);
        assert_eq!(largest(Script::PythonPort), 90.0);
    }

    #[test]
    fn the_port_ignores_a_slight_s() {
        let line = |t: f64, off: f64| Vector { x: 100.0 + 10.0 * t + off, y: 100.0 + 100.0 * t };
        // One midpoint lies on the other side, by a thousandth of a pixel.
        let slight = [line(0.0, 0.0), line(0.3, 1e-2), line(0.6, -1e-3), line(0.9, 0.0), line(1.0, 0.0)];
        assert!(Script::Matlab.is_s_shaped(&slight));
        assert!(!Script::PythonPort.is_s_shaped(&slight));
        let clear = [line(0.0, 0.0), line(0.3, 2.0), line(0.6, -2.0), line(0.9, 0.0), line(1.0, 0.0)];
        assert!(Script::Matlab.is_s_shaped(&clear) && Script::PythonPort.is_s_shaped(&clear));
        let one_sided = [line(0.0, 0.0), line(0.3, 2.0), line(0.6, 1.0), line(0.9, 0.0), line(1.0, 0.0)];
        assert!(!Script::Matlab.is_s_shaped(&one_sided) && !Script::PythonPort.is_s_shaped(&one_sided));
    }

    #[test]
    fn a_straight_spine_has_no_angle() {
        let keypoints = spine(&[(100.0, 0.0), (100.0, 0.0), (100.0, 0.0)]);
        let angles = challenge_angles(&keypoints, Size::new(200, 400), Script::Matlab).expect("a spine");
        assert_eq!((angles.degrees, angles.ends[0]), ([0.0; 3], [0, 0]));
    }

    #[test]
    fn invalid_spines_are_rejected() {
        let size = Size::new(200, 400);
        for count in [0, 4, 7, 9] {
            let points: Keypoints = (0..count).map(|i| Point::new(i as f32, 0.0)).collect();
            let error = challenge_angles(&points, size, Script::Matlab).expect_err("no spine").to_string();
            assert!(error.starts_with(&format!("{count} keypoints")), "{error}");
        }
        let mut keypoints = spine(&C_SHAPE);
        for place in 8..12 {
            keypoints[place] = Point::new(5.0, 5.0);
        }
        let error = challenge_angles(&keypoints, size, Script::Matlab).expect_err("no tilt").to_string();
        assert!(error.starts_with("vertebra 2 (from 0)"), "{error}");
    }
}
