use std::fmt;

use serde::{Deserialize, Serialize};

use crate::geometry::Point;
use crate::keypoints::Keypoints;

/// How far apart the centres of neighbouring pixels lie, in millimetres, or only how wide a pixel is for its height.
///
/// Angles need square pixels: [`squared`](Self::squared) makes them of keypoints.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stated")]
pub struct Spacing {
    /// From one column to the next.
    pub x: f64,
    /// From one row to the next.
    pub y: f64,
    /// Where it was measured; not in files where that is the patient.
    #[serde(skip_serializing_if = "SpacingPlane::is_patient")]
    pub plane: SpacingPlane,
}

/// Where a [`Spacing`] was measured, which says what lengths mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpacingPlane {
    /// In the patient: it was calibrated, or nothing else is told.
    #[default]
    Patient,
    /// On a film that was scanned: the patient appears larger there than it is.
    Film,
    /// On the detector: the patient appears larger there than it is.
    Detector,
    /// Nowhere: only the ratio of the two is known.
    Unknown,
}

impl SpacingPlane {
    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Film => "film",
            Self::Detector => "detector",
            Self::Unknown => "unknown",
        }
    }

    /// The plane of this [`name`](Self::name).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Patient, Self::Film, Self::Detector, Self::Unknown];
        all.into_iter().find(|plane| plane.name() == name)
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_patient(&self) -> bool {
        *self == Self::Patient
    }
}

/// A spacing as a file holds it.
#[derive(Deserialize)]
struct Stated {
    x: f64,
    y: f64,
    #[serde(default)]
    plane: SpacingPlane,
}

impl TryFrom<Stated> for Spacing {
    type Error = String;

    fn try_from(Stated { x, y, plane }: Stated) -> Result<Self, String> {
        let spacing = Self::new(x, y).ok_or_else(|| format!("{x} x {y}; expected millimetres above zero"))?;
        Ok(Self { plane, ..spacing })
    }
}

impl Spacing {
    /// A spacing on the patient, if both are lengths: finite and above zero.
    #[must_use]
    pub fn new(x: f64, y: f64) -> Option<Self> {
        let length = |value: f64| value.is_finite() && value > 0.0;
        (length(x) && length(y)).then_some(Self { x, y, plane: SpacingPlane::Patient })
    }

    /// The same, measured elsewhere.
    #[must_use]
    pub const fn measured(self, plane: SpacingPlane) -> Self {
        Self { plane, ..self }
    }

    /// Pixels `width` wide for every `height` that they are high, of unknown length.
    #[must_use]
    pub fn of_ratio(width: f64, height: f64) -> Option<Self> {
        Some(Self::new(width, height)?.measured(SpacingPlane::Unknown))
    }

    /// Whether pixels are as wide as high.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "the same number is written twice where they are")]
    pub fn is_square(self) -> bool {
        self.x == self.y
    }

    /// Millimetres in a pixel along x and y; none where only their ratio is known.
    #[must_use]
    pub fn millimetres(self) -> Option<[f64; 2]> {
        (self.plane != SpacingPlane::Unknown).then_some([self.x, self.y])
    }

    /// Where it was measured, in words, if the patient appears larger there than it is.
    #[must_use]
    pub const fn enlarging_plane(self) -> Option<&'static str> {
        match self.plane {
            SpacingPlane::Detector => Some("at the detector"),
            SpacingPlane::Film => Some("on the scanned film"),
            SpacingPlane::Patient | SpacingPlane::Unknown => None,
        }
    }

    /// The distance of two points in millimetres; none where only the ratio is known.
    #[must_use]
    pub fn distance(self, a: Point, b: Point) -> Option<f64> {
        let [x, y] = self.millimetres()?;
        let off = |a: f32, b: f32, scale: f64| (f64::from(a) - f64::from(b)) * scale;
        Some(libm::hypot(off(a.x, b.x, x), off(a.y, b.y, y)))
    }

    /// What the spacing is once the image is turned by so many quarter turns: x and y change places with every turn.
    #[must_use]
    pub const fn turned(self, quarter_turns: u8) -> Self {
        if quarter_turns.is_multiple_of(2) { self } else { Self { x: self.y, y: self.x, plane: self.plane } }
    }

    /// Where the points are once the image is stretched sideways until its pixels are square. Rows stay what they are; nothing
    /// changes where pixels are square already.
    ///
    /// ```
    /// use ikem_core::{Keypoints, Point, Spacing};
    /// let spacing = Spacing::new(0.1, 0.2).expect("lengths");
    /// let points: Keypoints = vec![Point::new(100.0, 40.0)].into();
    /// assert_eq!(spacing.squared(&points)[0], Point::new(50.0, 40.0));
    /// ```
    #[must_use]
    pub fn squared(self, points: &Keypoints) -> Keypoints {
        if self.is_square() {
            return points.clone();
        }
        let wider = self.x / self.y;
        points.iter().map(|point| Point::new((f64::from(point.x) * wider) as f32, point.y)).collect()
    }
}

impl fmt::Display for Spacing {
    /// `0.14 mm at the detector`, `0.1 mm across, 0.2 mm down`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { x, y, plane } = self;
        if *plane == SpacingPlane::Unknown {
            return write!(f, "{x} across for {y} down, in no known length");
        }
        match self.is_square() {
            true => write!(f, "{x} mm")?,
            false => write!(f, "{x} mm across, {y} mm down")?,
        }
        self.enlarging_plane().map_or(Ok(()), |place| write!(f, " {place}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spacing(x: f64, y: f64) -> Spacing {
        Spacing::new(x, y).expect("lengths")
    }

    #[test]
    fn only_lengths_are_spacings() {
        for (x, y) in [(0.0, 1.0), (1.0, -0.1), (f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            assert_eq!(Spacing::new(x, y), None);
            assert_eq!(Spacing::of_ratio(x, y), None);
        }
    }

    #[test]
    fn points_become_square_and_stay_where_they_are_square() {
        let points: Keypoints = vec![Point::new(0.1, 7.3), Point::new(-30.0, 40.0)].into();
        assert_eq!(spacing(0.143, 0.143).squared(&points), points);
        let wide = spacing(0.2, 0.1).squared(&points);
        assert_eq!(wide, vec![Point::new(0.2, 7.3), Point::new(-60.0, 40.0)].into());
        let turned = spacing(0.2, 0.1).turned(3).squared(&points);
        assert_eq!(turned, vec![Point::new(0.05, 7.3), Point::new(-15.0, 40.0)].into());
        assert_eq!(spacing(0.2, 0.1).turned(2), spacing(0.2, 0.1));
    }

    #[test]
    fn distances_are_millimetres_where_lengths_are_known() {
        let (a, b) = (Point::new(10.0, 10.0), Point::new(16.0, 18.0));
        assert_eq!(spacing(0.5, 0.5).distance(a, b), Some(5.0));
        assert_eq!(spacing(0.5, 0.25).distance(a, b), Some(13.0_f64.sqrt()));
        assert_eq!(Spacing::of_ratio(2.0, 1.0).expect("a ratio").distance(a, b), None);
    }

    #[test]
    fn it_says_where_it_was_measured() {
        for (spacing, text, json) in [
            (spacing(0.14, 0.14), "0.14 mm", r#"{"x":0.14,"y":0.14}"#),
            (
                spacing(0.1, 0.2).measured(SpacingPlane::Detector),
                "0.1 mm across, 0.2 mm down at the detector",
                r#"{"x":0.1,"y":0.2,"plane":"detector"}"#,
            ),
            (
                Spacing::of_ratio(2.0, 1.0).expect("a ratio"),
                "2 across for 1 down, in no known length",
                r#"{"x":2.0,"y":1.0,"plane":"unknown"}"#,
            ),
        ] {
            assert_eq!(spacing.to_string(), text);
            assert_eq!(serde_json::to_string(&spacing).expect("JSON"), json);
            assert_eq!(serde_json::from_str::<Spacing>(json).expect("a spacing"), spacing);
        }
        // Others may tell more.
        let more: Spacing = serde_json::from_str(r#"{"x":0.1,"y":0.1,"z":1}"#).expect("a spacing");
        assert_eq!(more, spacing(0.1, 0.1));
        for json in [r#"{"x":0.1,"y":0}"#, r#"{"x":1,"y":1,"plane":"moon"}"#] {
            assert!(serde_json::from_str::<Spacing>(json).is_err(), "{json}");
        }
    }
}
