use std::fmt;

use serde::{Deserialize, Serialize};

use crate::geometry::Point;
use crate::keypoints::Keypoints;

/// The pixel spacing: the distance between the centres of neighbouring pixels in millimetres, or only the aspect ratio
/// of a pixel.
///
/// Angles need square pixels; [`squared`](Self::squared) converts keypoints to them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stated")]
pub struct Spacing {
    /// Distance between columns.
    pub x: f64,
    /// Distance between rows.
    pub y: f64,
    /// The plane in which it was measured; files omit it if it is the patient.
    #[serde(skip_serializing_if = "SpacingPlane::is_patient")]
    pub plane: SpacingPlane,
}

/// The plane in which a [`Spacing`] was measured, which determines the meaning of lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SpacingPlane {
    /// The patient: the spacing was calibrated, or nothing else is known.
    #[default]
    Patient,
    /// A scanned film, on which the patient is magnified.
    Film,
    /// The detector, on which the patient is magnified.
    Detector,
    /// None: only the aspect ratio is known.
    Unknown,
}

impl SpacingPlane {
    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Film => "film",
            Self::Detector => "detector",
            Self::Unknown => "unknown",
        }
    }

    /// The plane with this [`name`](Self::name).
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

/// A spacing as stored in a file, before validation.
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
    /// A spacing in the patient; `None` unless both lengths are finite and positive.
    #[must_use]
    pub fn new(x: f64, y: f64) -> Option<Self> {
        let length = |value: f64| value.is_finite() && value > 0.0;
        (length(x) && length(y)).then_some(Self { x, y, plane: SpacingPlane::Patient })
    }

    /// The same spacing, measured in another plane.
    #[must_use]
    pub const fn measured(self, plane: SpacingPlane) -> Self {
        Self { plane, ..self }
    }

    /// An aspect ratio only: pixels of relative `width` and `height`, of unknown size.
    #[must_use]
    pub fn of_ratio(width: f64, height: f64) -> Option<Self> {
        Some(Self::new(width, height)?.measured(SpacingPlane::Unknown))
    }

    /// Whether pixels are square.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "the same number is written twice where they are")]
    pub fn is_square(self) -> bool {
        self.x == self.y
    }

    /// The spacing along x and y in millimetres; `None` if only the aspect ratio is known.
    #[must_use]
    pub fn millimetres(self) -> Option<[f64; 2]> {
        (self.plane != SpacingPlane::Unknown).then_some([self.x, self.y])
    }

    /// A description of the plane if the patient is magnified in it.
    #[must_use]
    pub const fn enlarging_plane(self) -> Option<&'static str> {
        match self.plane {
            SpacingPlane::Detector => Some("at the detector"),
            SpacingPlane::Film => Some("on the scanned film"),
            SpacingPlane::Patient | SpacingPlane::Unknown => None,
        }
    }

    /// The distance between two points in millimetres; `None` if only the aspect ratio is known.
    #[must_use]
    pub fn distance(self, a: Point, b: Point) -> Option<f64> {
        let [x, y] = self.millimetres()?;
        let off = |a: f32, b: f32, scale: f64| (f64::from(a) - f64::from(b)) * scale;
        Some(libm::hypot(off(a.x, b.x, x), off(a.y, b.y, y)))
    }

    /// The spacing after the image is rotated by quarter turns: each turn swaps x and y.
    #[must_use]
    pub const fn turned(self, quarter_turns: u8) -> Self {
        if quarter_turns.is_multiple_of(2) { self } else { Self { x: self.y, y: self.x, plane: self.plane } }
    }

    /// The points after stretching the image horizontally to square pixels. Rows are unchanged, and so is everything if
    /// the pixels are square already.
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
    fn spacings_are_finite_and_positive() {
        for (x, y) in [(0.0, 1.0), (1.0, -0.1), (f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            assert_eq!(Spacing::new(x, y), None);
            assert_eq!(Spacing::of_ratio(x, y), None);
        }
    }

    #[test]
    fn points_are_stretched_unless_pixels_are_square() {
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
    fn display_and_json_state_the_plane() {
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
        // Additional fields are allowed.
        let more: Spacing = serde_json::from_str(r#"{"x":0.1,"y":0.1,"z":1}"#).expect("a spacing");
        assert_eq!(more, spacing(0.1, 0.1));
        for json in [r#"{"x":0.1,"y":0}"#, r#"{"x":1,"y":1,"plane":"moon"}"#] {
            assert!(serde_json::from_str::<Spacing>(json).is_err(), "{json}");
        }
    }
}
