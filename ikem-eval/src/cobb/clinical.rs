use ikem_core::{Keypoints, Vector};
use serde::{Deserialize, Serialize};

use super::vertebra::{Vertebra, vertebrae};
use crate::error::Error;

/// The region of a curve's apex (Scoliosis Research Society; thoracic curves divided as by Lenke et al. 2001).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Region {
    /// Apex T1 to T5.
    ProximalThoracic,
    /// Apex T6 to T11.
    MainThoracic,
    /// Apex T12 or L1.
    Thoracolumbar,
    /// Apex L2 or below.
    Lumbar,
}

impl Region {
    /// The region of a curve whose apex is this vertebra of T1 to L5, from 0.
    #[must_use]
    pub const fn of_apex(vertebra: usize) -> Self {
        match vertebra {
            0..=4 => Self::ProximalThoracic,
            5..=10 => Self::MainThoracic,
            11..=12 => Self::Thoracolumbar,
            _ => Self::Lumbar,
        }
    }
}

/// A side of the *image*; the side of the patient depends on the orientation of the film.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Towards smaller x.
    Left,
    /// Towards larger x.
    Right,
}

/// The severity of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Below 10°: no scoliosis.
    None,
    /// From 10°.
    Mild,
    /// From 20°.
    Moderate,
    /// From 40°.
    Severe,
}

impl Severity {
    /// The severity of a Cobb angle in degrees.
    ///
    /// ```
    /// use ikem_eval::Severity;
    /// assert_eq!([9.9, 10.0, 20.0, 40.0].map(Severity::of), [
    ///     Severity::None, Severity::Mild, Severity::Moderate, Severity::Severe,
    /// ]);
    /// ```
    #[must_use]
    pub const fn of(degrees: f64) -> Self {
        if degrees >= 40.0 {
            Self::Severe
        } else if degrees >= 20.0 {
            Self::Moderate
        } else if degrees >= 10.0 {
            Self::Mild
        } else {
            Self::None
        }
    }
}

/// A curve of a spine, measured as in clinical practice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CobbCurve {
    /// The upper end vertebra, from 0 at the top.
    pub upper: usize,
    /// The lower end vertebra.
    pub lower: usize,
    /// The apex: the vertebra between them whose centre is farthest from the line through theirs.
    pub apex: usize,
    /// The Cobb angle in degrees: between the upper end plate of the upper and the lower end plate of the lower end
    /// vertebra.
    pub degrees: f64,
    /// The side of the image towards which the curve is convex.
    pub convex: Side,
    /// The region of the apex; only known for the 17 vertebrae from T1 to L5.
    pub region: Option<Region>,
    /// The severity of the curve.
    pub severity: Severity,
    /// Whether this is the major curve, with the largest angle.
    pub major: bool,
}

/// The curves of a spine from the top by Cobb's method, which uses end plates. The keypoints are in square pixels; see
/// [`Spacing::squared`](ikem_core::Spacing::squared).
///
/// The major curve is the pair of vertebrae with the largest angle, however small. It is followed, upwards and
/// downwards, by the largest curve in the opposite direction, which may share the end vertebra, and so on as long as
/// the angle is at least `minimum` degrees (scoliosis is defined from 10°).
///
/// # Errors
/// [`Error::Corners`] unless the keypoints are the four corners of each of at least two vertebrae; [`Error::Tilt`] when
/// an end plate has no length.
pub fn clinical_curves(keypoints: &Keypoints, minimum: f64) -> Result<Vec<CobbCurve>, Error> {
    let spine = vertebrae(keypoints, |vertebra| [vertebra.upper_plate(), vertebra.lower_plate()])?;
    let last = spine.len() - 1;
    let Some(major) = largest(&spine, 0, last, |_| true) else { return Ok(Vec::new()) };
    let mut found = vec![major];

    let mut above = major;
    while let Some(next) = largest(&spine, 0, above.upper, |signed| signed * above.signed < 0.0) {
        if next.signed.abs() < minimum {
            break;
        }
        found.insert(0, next);
        above = next;
    }
    let mut below = major;
    while let Some(next) = largest(&spine, below.lower, last, |signed| signed * below.signed < 0.0) {
        if next.signed.abs() < minimum {
            break;
        }
        found.push(next);
        below = next;
    }
    Ok(found.into_iter().map(|bend| bend.described(&spine, bend == major)).collect())
}

/// The curve between two end vertebrae that a person chose (from 0, the upper one first), measured as by
/// [`clinical_curves`]; it is not marked as the major one.
///
/// # Errors
/// As [`clinical_curves`]; [`Error::Ends`] unless the upper end vertebra is above the lower one, and both are there.
pub fn clinical_curve(keypoints: &Keypoints, upper: usize, lower: usize) -> Result<CobbCurve, Error> {
    let spine = vertebrae(keypoints, |vertebra| [vertebra.upper_plate(), vertebra.lower_plate()])?;
    if upper >= lower || lower >= spine.len() {
        return Err(Error::Ends { upper, lower, vertebrae: spine.len() });
    }
    Ok(Bend::between(&spine, upper, lower).described(&spine, false))
}

/// The curves of a spine of which a person `chose` some by their end vertebrae: these, and those of [`clinical_curves`] that overlap
/// none of them, from the top. The second value says whether a curve was chosen. The largest of all is the major one.
///
/// # Errors
/// As [`clinical_curve`].
pub fn curves_with_chosen(
    keypoints: &Keypoints,
    chosen: &[[usize; 2]],
    minimum: f64,
) -> Result<Vec<(CobbCurve, bool)>, Error> {
    let chosen = chosen.iter().map(|[upper, lower]| clinical_curve(keypoints, *upper, *lower));
    let chosen = chosen.collect::<Result<Vec<_>, _>>()?;
    let beside = |curve: &CobbCurve| {
        chosen.iter().all(|other| curve.lower <= other.upper || other.lower <= curve.upper)
    };
    let free = clinical_curves(keypoints, minimum)?.into_iter().filter(beside).map(|curve| (curve, false));
    let mut curves: Vec<(CobbCurve, bool)> = chosen.iter().map(|curve| (*curve, true)).chain(free).collect();
    curves.sort_by_key(|(curve, _)| (curve.upper, curve.lower));
    let largest = curves.iter().map(|(curve, _)| curve.degrees).fold(0.0, f64::max);
    let major = curves.iter().position(|(curve, _)| curve.degrees >= largest);
    for (place, (curve, _)) in curves.iter_mut().enumerate() {
        curve.major = Some(place) == major;
    }
    Ok(curves)
}

/// Two end vertebrae and the signed angle between them in degrees; a positive curve is convex to the right of the
/// image.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bend {
    upper: usize,
    lower: usize,
    signed: f64,
}

/// The first pair from vertebra `top` to vertebra `bottom` with the largest allowed angle.
fn largest(spine: &[Vertebra], top: usize, bottom: usize, allowed: impl Fn(f64) -> bool) -> Option<Bend> {
    let pairs = (top..=bottom).flat_map(|upper| (upper + 1..=bottom).map(move |lower| (upper, lower)));
    pairs
        .map(|(upper, lower)| Bend::between(spine, upper, lower))
        .filter(|bend| allowed(bend.signed))
        .reduce(|best, next| if next.signed.abs() > best.signed.abs() { next } else { best })
}

impl Bend {
    fn between(spine: &[Vertebra], upper: usize, lower: usize) -> Self {
        let (a, b) = (spine[upper].upper_plate(), spine[lower].lower_plate());
        Self { upper, lower, signed: libm::atan2(a.cross(b), a.dot(b)).to_degrees() }
    }

    fn described(self, spine: &[Vertebra], major: bool) -> CobbCurve {
        let Self { upper, lower, signed } = self;
        let apex = apex(&spine[upper..=lower], signed) + upper;
        CobbCurve {
            upper,
            lower,
            apex,
            degrees: signed.abs(),
            convex: if signed < 0.0 { Side::Left } else { Side::Right },
            region: (spine.len() == 17).then(|| Region::of_apex(apex)),
            severity: Severity::of(signed.abs()),
            major,
        }
    }
}

/// The inner vertebra farthest out on the convex side; the upper end vertebra if there is no inner one.
fn apex(part: &[Vertebra], signed: f64) -> usize {
    let centres: Vec<Vector> = part.iter().map(Vertebra::centre).collect();
    let [first, inner @ .., last] = centres.as_slice() else { return 0 };
    let chord = *last - *first;
    let outwards = |centre: &Vector| (*centre - *first).cross(chord) * signed.signum();
    inner
        .iter()
        .map(outwards)
        .enumerate()
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .map_or(0, |(place, _)| place + 1)
}

#[cfg(test)]
mod tests {
    use super::super::challenge::tests::spine;
    use super::*;

    /// A spine whose course x(y) follows from its tilts; 17 vertebrae, 30 apart.
    fn bent(tilts: [f64; 17]) -> Keypoints {
        let mut x = 200.0;
        let vertebrae = tilts.map(|degrees| {
            // The spine runs perpendicular to its end plates.
            x -= 30.0 * degrees.to_radians().tan();
            (x, degrees)
        });
        spine(&vertebrae)
    }

    #[test]
    fn a_thoracic_curve_to_the_right() {
        let keypoints = bent([
            0.0, 0.0, 0.0, -10.0, -25.0, -20.0, -12.0, -4.0, 5.0, 14.0, 22.0, 26.0, 10.0, 0.0, 0.0, 0.0, 0.0,
        ]);
        let curves = clinical_curves(&keypoints, 10.0).expect("a spine");
        let major: Vec<_> = curves.iter().filter(|curve| curve.major).collect();
        let [major] = major[..] else { panic!("{curves:?}") };
        assert!((major.degrees - 51.0).abs() < 0.01, "{major:?}");
        assert_eq!((major.upper, major.lower, major.apex), (4, 11, 7));
        assert_eq!((major.convex, major.severity), (Side::Right, Severity::Severe));
        assert_eq!(major.region, Some(Region::MainThoracic));
        // Compensatory curves on both sides share its end vertebrae.
        let ends: Vec<_> = curves.iter().map(|c| (c.upper, c.lower, c.convex, c.degrees.round())).collect();
        assert_eq!(ends, [(0, 4, Side::Left, 25.0), (4, 11, Side::Right, 51.0), (11, 13, Side::Left, 26.0)]);
    }

    #[test]
    fn a_curve_to_the_left() {
        let tilts =
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 6.0, 12.0, 8.0, 0.0, -6.0, -11.0, -5.0, 0.0];
        let curves = clinical_curves(&bent(tilts), 15.0).expect("a spine");
        let [major] = curves[..] else { panic!("{curves:?}") };
        assert!((major.degrees - 23.0).abs() < 0.01, "{major:?}");
        assert_eq!((major.convex, major.severity), (Side::Left, Severity::Moderate));
        assert_eq!((major.apex, major.region), (12, Some(Region::Thoracolumbar)));
    }

    #[test]
    fn angles_are_measured_between_end_plates() {
        // A wedge: the upper plate of vertebra 0 is tilted, its lower one is not.
        let mut keypoints = spine(&[(100.0, 0.0), (100.0, 0.0)]);
        keypoints[1].y -= 30.0;
        let curves = clinical_curves(&keypoints, 10.0).expect("a spine");
        let [major] = curves[..] else { panic!("{curves:?}") };
        assert!((major.degrees - 45.0).abs() < 1e-4, "{major:?}");
        assert_eq!((major.apex, major.region), (0, None));
    }

    #[test]
    fn a_straight_spine_has_one_curve_of_no_severity() {
        let curves = clinical_curves(&bent([0.0; 17]), 10.0).expect("a spine");
        let [curve] = curves[..] else { panic!("{curves:?}") };
        assert!(curve.degrees < 1e-6);
        assert_eq!(curve.severity, Severity::None);
    }

    #[test]
    fn end_vertebrae_can_be_chosen() {
        let keypoints = bent([
            0.0, 0.0, 0.0, -10.0, -25.0, -20.0, -12.0, -4.0, 5.0, 14.0, 22.0, 26.0, 10.0, 0.0, 0.0, 0.0, 0.0,
        ]);
        let curve = clinical_curve(&keypoints, 3, 10).expect("a curve");
        assert!((curve.degrees - 32.0).abs() < 0.01, "{curve:?}");
        assert_eq!((curve.upper, curve.lower, curve.convex, curve.major), (3, 10, Side::Right, false));
        assert_eq!((curve.severity, curve.region), (Severity::Moderate, Some(Region::MainThoracic)));
        for (upper, lower) in [(3, 3), (4, 3), (3, 17)] {
            let error = clinical_curve(&keypoints, upper, lower).expect_err("no curve").to_string();
            assert!(error.contains(&format!("{upper} to {lower}")), "{error}");
        }
    }

    #[test]
    fn curves_beside_chosen_ones_are_kept() {
        let keypoints = bent([
            0.0, 0.0, 0.0, -10.0, -25.0, -20.0, -12.0, -4.0, 5.0, 14.0, 22.0, 26.0, 10.0, 0.0, 0.0, 0.0, 0.0,
        ]);
        let free = clinical_curves(&keypoints, 10.0).expect("a spine");
        assert_eq!(free.iter().map(|c| (c.upper, c.lower)).collect::<Vec<_>>(), [(0, 4), (4, 11), (11, 13)]);
        let curves = curves_with_chosen(&keypoints, &[[5, 10]], 10.0).expect("a spine");
        let found: Vec<_> = curves.iter().map(|(c, chosen)| (c.upper, c.lower, *chosen, c.major)).collect();
        assert_eq!(found, [(0, 4, false, false), (5, 10, true, true), (11, 13, false, false)]);
        assert!((curves[1].0.degrees - 42.0).abs() < 0.01);
        assert!(curves_with_chosen(&keypoints, &[[5, 17]], 10.0).is_err());
    }

    #[test]
    fn a_curve_may_exceed_90_degrees() {
        let keypoints = bent([
            0.0, -20.0, -40.0, -60.0, -40.0, -20.0, 0.0, 20.0, 40.0, 55.0, 40.0, 20.0, 0.0, 0.0, 0.0, 0.0,
            0.0,
        ]);
        let curves = clinical_curves(&keypoints, 10.0).expect("a spine");
        let major = curves.iter().find(|curve| curve.major).expect("a major curve");
        assert!((major.degrees - 115.0).abs() < 0.01, "{major:?}");
    }
}
