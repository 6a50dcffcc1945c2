//! Distances and angles that a person measures on a film, apart from the keypoints.

use ikem_core::{Point, Size, Spacing};
use serde::{Deserialize, Serialize};

use super::failure::{Kind, Result};

/// The most measurements on a film.
const MOST: usize = 50;
/// The shortest line, in pixels of the film.
const SHORTEST: f32 = 1.0;

/// A line from one point of the film to another, in pixels.
type Line = [[f32; 2]; 2];

/// What a person measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Measure {
    /// The length of a line.
    Distance(Line),
    /// The angle between two lines, each seen from left to right, as between two end plates.
    Angle([Line; 2]),
}

/// What a measurement comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Measurement {
    /// One line, or two.
    pub lines: Vec<Line>,
    /// Of a distance.
    pub pixels: Option<f64>,
    /// Of a distance, where the pixel spacing is known.
    pub millimetres: Option<f64>,
    /// Of an angle.
    pub degrees: Option<f64>,
}

impl Measure {
    fn lines(&self) -> &[Line] {
        match self {
            Self::Distance(line) => std::slice::from_ref(line),
            Self::Angle(lines) => lines,
        }
    }

    /// What it comes to on a film of this spacing.
    pub(super) fn measured(&self, spacing: Option<Spacing>) -> Measurement {
        let lines = self.lines().to_vec();
        match self {
            Self::Distance(line) => {
                let [from, to] = line.map(point);
                Measurement {
                    lines,
                    pixels: Some(from.distance(to).into()),
                    millimetres: spacing.and_then(|spacing| spacing.distance(from, to)),
                    degrees: None,
                }
            }
            Self::Angle(both) => {
                let [upper, lower] = both.map(|line| tilt(line, spacing));
                Measurement { lines, pixels: None, millimetres: None, degrees: Some((upper - lower).abs()) }
            }
        }
    }
}

impl Measurement {
    /// In words, such as `12.5 px, 3.1 mm` or `24.0°`.
    pub(super) fn words(&self) -> String {
        let pixels = self.pixels.map(|pixels| format!("{pixels:.1} px"));
        let millimetres = self.millimetres.map(|millimetres| format!("{millimetres:.1} mm"));
        let degrees = self.degrees.map(|degrees| format!("{degrees:.1}°"));
        [pixels, millimetres, degrees].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// Several in words.
pub(super) fn in_words(measured: &[Measurement]) -> String {
    measured.iter().map(Measurement::words).collect::<Vec<_>>().join("; ")
}

/// How far a line falls from left to right, in degrees and in square pixels: −90 to 90.
fn tilt(line: Line, spacing: Option<Spacing>) -> f64 {
    let [from, to] = line.map(|end| end.map(f64::from));
    let [x, y] = spacing.map_or([1.0, 1.0], |spacing| [spacing.x, spacing.y]);
    let (across, down) = ((to[0] - from[0]) * x, (to[1] - from[1]) * y);
    if across < 0.0 { (-down).atan2(-across).to_degrees() } else { down.atan2(across).to_degrees() }
}

fn point([x, y]: [f32; 2]) -> Point {
    Point::new(x, y)
}

/// Measurements that a person may make on a film of `size`.
pub(super) fn checked(measures: &[Measure], size: Size) -> Result<Vec<Measure>> {
    if measures.len() > MOST {
        let found = measures.len();
        return Err(Kind::Invalid.because(format!("{found} measurements; expected at most {MOST}")));
    }
    for [from, to] in measures.iter().flat_map(Measure::lines).map(|line| line.map(point)) {
        if let Some(point) = [from, to].into_iter().find(|point| !point.is_finite() || !size.contains(*point))
        {
            let (x, y) = (point.x, point.y);
            return Err(Kind::Invalid.because(format!("({x}, {y}) is not on the film of {size}")));
        }
        if from.distance(to) < SHORTEST {
            return Err(Kind::Invalid.because(format!("a line is shorter than {SHORTEST} px")));
        }
    }
    Ok(measures.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILM: Size = Size::new(400, 900);

    #[test]
    fn lengths_and_angles_by_hand() {
        let distance = Measure::Distance([[10.0, 10.0], [40.0, 50.0]]);
        assert_eq!(distance.measured(None).words(), "50.0 px");
        let spacing = Spacing::new(0.1, 0.2);
        // 3 mm across, 8 mm down.
        assert_eq!(distance.measured(spacing).words(), "50.0 px, 8.5 mm");
        // The second line is drawn from right to left.
        let angle = Measure::Angle([[[0.0, 0.0], [100.0, 0.0]], [[100.0, 200.0], [0.0, 100.0]]]);
        assert_eq!(angle.measured(None).words(), "45.0°");
        // In square pixels it falls twice as steeply.
        assert_eq!(angle.measured(spacing).words(), "63.4°");
        let steep = Measure::Angle([[[0.0, 100.0], [50.0, 0.0]], [[0.0, 0.0], [50.0, 100.0]]]);
        assert_eq!(steep.measured(None).words(), "126.9°", "severe curves exceed 90°");
    }

    #[test]
    fn what_is_off_the_film_or_no_line_is_refused() {
        let line = [[10.0, 10.0], [40.0, 50.0]];
        assert!(checked(&[Measure::Distance(line); MOST], FILM).is_ok());
        assert!(checked(&[Measure::Distance(line); MOST + 1], FILM).is_err());
        for wrong in
            [[[10.0, 10.0], [401.0, 50.0]], [[10.0, f32::NAN], [40.0, 50.0]], [[10.0, 10.0], [10.5, 10.0]]]
        {
            assert!(checked(&[Measure::Distance(wrong)], FILM).is_err(), "{wrong:?}");
            assert!(checked(&[Measure::Angle([line, wrong])], FILM).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn sidecars_name_the_kind() {
        let line = [[1.0, 2.0], [3.0, 4.0]];
        let text =
            serde_json::to_string(&[Measure::Distance(line), Measure::Angle([line, line])]).expect("JSON");
        assert_eq!(
            text,
            r#"[{"distance":[[1.0,2.0],[3.0,4.0]]},{"angle":[[[1.0,2.0],[3.0,4.0]],[[1.0,2.0],[3.0,4.0]]]}]"#
        );
    }
}
