//! The agreement of two readers on the films of a study.

mod page;
mod reading;

use std::path::Path;

use ikem_core::FieldError;
use serde::{Deserialize, Serialize};

pub use reading::{FilmAgreement, MajorCurve, Reading};

use super::estimate::estimate;
use super::files::{unwritten, write};
use crate::bootstrap::{Bootstrap, Interval, Resamples};
use crate::cobb::AngleAgreement;
use crate::error::Error;
use crate::reliability::icc_2_1;

/// The agreement of two readers on the films of a study, or of a reader and labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReaderAgreement {
    /// What the readers are called.
    pub readers: [String; 2],
    /// The films that both read.
    pub films: Vec<FilmAgreement>,
    /// The films that only one of them read, or that cannot be compared, a line each.
    pub left_out: Vec<String>,
    /// How confidence intervals are computed.
    pub bootstrap: Bootstrap,
    /// The mean over films of the mean distance of keypoints in pixels of the film.
    pub distance: Option<f64>,
    /// Its interval.
    pub distance_interval: Option<Interval>,
    /// The same in millimetres, of films whose spacing is known.
    pub distance_mm: Option<f64>,
    /// Its interval.
    pub distance_mm_interval: Option<Interval>,
    /// The largest angle between end plates, each reader's own.
    pub major: Option<AngleReliability>,
    /// The fraction of films on which both have the same end vertebrae of the largest curve.
    pub equal_ends: Option<f64>,
    /// The angle between the first reader's end vertebrae of the largest curve.
    pub same_ends: Option<AngleReliability>,
    /// The three angles of the AASCE challenge, the largest first.
    pub challenge: [Option<AngleReliability>; 3],
}

/// How far two readers agree on an angle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AngleReliability {
    /// The number of films on which both measured it.
    pub films: usize,
    /// The intraclass correlation ICC(2,1) of [`icc_2_1`]; `None` of fewer than two films, and where all angles are equal.
    pub icc: Option<f64>,
    /// Its interval.
    pub icc_interval: Option<Interval>,
    /// Mean absolute difference, bias and limits of agreement, of the first reader less the second.
    pub agreement: AngleAgreement,
    /// Interval of the mean absolute difference.
    pub mae_interval: Option<Interval>,
}

impl AngleReliability {
    /// Of the angles of each film; `None` without any.
    fn new(angles: &[Option<[f64; 2]>], resamples: &Resamples) -> Option<Self> {
        let known: Vec<(f64, f64)> = angles.iter().flatten().map(|[a, b]| (*a, *b)).collect();
        let off: Vec<Option<f64>> = angles.iter().map(|angles| angles.map(|[a, b]| (a - b).abs())).collect();
        let of_draw = |draw: &[usize]| {
            let drawn: Vec<[f64; 2]> = draw.iter().filter_map(|film| *angles.get(*film)?).collect();
            icc_2_1(&drawn)
        };
        Some(Self {
            films: known.len(),
            icc: icc_2_1(&angles.iter().flatten().collect::<Vec<_>>()),
            icc_interval: resamples.interval(of_draw),
            agreement: AngleAgreement::new(&known)?,
            mae_interval: resamples.mean_interval(&off),
        })
    }
}

impl ReaderAgreement {
    /// Compares the readings of two readers, pair by pair of the same film.
    ///
    /// # Errors
    /// [`Error::Argument`] without pairs, when the two of a pair have different sizes or numbers of keypoints, or for an invalid
    /// bootstrap.
    pub fn new(
        readers: [String; 2],
        pairs: &[(Reading, Reading)],
        bootstrap: Bootstrap,
    ) -> Result<Self, Error> {
        for (first, second) in pairs {
            let differs = |what: &str, a: String, b: String| {
                FieldError::new(format!("{what} of {}", first.film), format!("{a} as the other reader"), b)
            };
            if first.size != second.size {
                return Err(differs("size", first.size.to_string(), second.size.to_string()).into());
            }
            let counts = [first, second].map(|reading| reading.points.len());
            if counts[0] != counts[1] {
                return Err(differs("keypoints", counts[0].to_string(), counts[1].to_string()).into());
            }
        }
        let films: Vec<FilmAgreement> = pairs.iter().map(|(a, b)| FilmAgreement::new(a, b)).collect();
        let resamples = bootstrap.draw(films.len())?;
        let mean = |value: fn(&FilmAgreement) -> Option<f64>| {
            estimate(&films.iter().map(value).collect::<Vec<_>>(), &resamples)
        };
        let (distance, distance_interval) = mean(|film| film.distance);
        let (distance_mm, distance_mm_interval) = mean(|film| film.distance_mm);
        let reliability = |angles: &dyn Fn(&FilmAgreement) -> Option<[f64; 2]>| {
            AngleReliability::new(&films.iter().map(angles).collect::<Vec<_>>(), &resamples)
        };
        let challenge = [0, 1, 2].map(|place| {
            reliability(&|film: &FilmAgreement| Some([film.challenge[0]?[place], film.challenge[1]?[place]]))
        });
        let ends = |film: &FilmAgreement| {
            let [first, second] = [film.major[0]?, film.major[1]?];
            Some(f64::from(u8::from((first.upper, first.lower) == (second.upper, second.lower))))
        };
        Ok(Self {
            readers,
            left_out: Vec::new(),
            bootstrap,
            distance,
            distance_interval,
            distance_mm,
            distance_mm_interval,
            major: reliability(&|film| Some([film.major[0]?.degrees, film.major[1]?.degrees])),
            equal_ends: mean(ends).0,
            same_ends: reliability(&|film| film.same_ends),
            challenge,
            films,
        })
    }

    /// Adds the films that are left out, a line each.
    #[must_use]
    pub fn with_left_out(self, left_out: Vec<String>) -> Self {
        Self { left_out, ..self }
    }

    /// The angles with their names, in the order of the report.
    pub(crate) fn angles(&self) -> [(&'static str, Option<&AngleReliability>); 5] {
        let [largest, second, third] = &self.challenge;
        [
            ("largest curve, own end vertebrae", self.major.as_ref()),
            ("largest curve, end vertebrae of the first reader", self.same_ends.as_ref()),
            ("challenge, largest", largest.as_ref()),
            ("challenge, second", second.as_ref()),
            ("challenge, third", third.as_ref()),
        ]
    }

    /// Writes the agreement as JSON, atomically.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_json(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|source| Error::Io { path: path.to_owned(), source: source.into() })?;
        write(path, &text)
    }

    /// Writes [`to_markdown`](Self::to_markdown), atomically.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_markdown(&self, path: &Path) -> Result<(), Error> {
        write(path, self.to_markdown().as_bytes())
    }

    /// Writes a table with one row per film, atomically.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_csv(&self, path: &Path) -> Result<(), Error> {
        write(path, &self.to_csv().map_err(|source| unwritten(path, source))?)
    }
}

#[cfg(test)]
mod tests {
    use ikem_core::{Frame, Point, Size, Spacing};

    use super::*;

    const FILM: Size = Size::new(400, 600);

    /// A spine with one curve of `degrees` from T4 to T11, moved to the right.
    fn reading(film: &str, degrees: f32, right: f32) -> Reading {
        let points = (0..17).flat_map(|vertebra| {
            let tilt: f32 = match vertebra {
                0..=2 => 0.4,
                11.. => -0.4,
                _ => 0.5 - (vertebra - 3) as f32 / 7.0,
            };
            let (sin, cos) = (tilt * degrees).to_radians().sin_cos();
            let centre = Point::new(200.0 + right, 30.0 + 30.0 * vertebra as f32);
            [(-20.0, -10.0), (20.0, -10.0), (-20.0, 10.0), (20.0, 10.0)]
                .map(|(x, y)| Some(centre + Point::new(x * cos - y * sin, x * sin + y * cos)))
        });
        Reading {
            film: film.to_owned(),
            size: FILM,
            points: points.collect(),
            spacing: None,
            frame: Frame::whole(FILM),
            ends: Vec::new(),
        }
    }

    fn agreement(pairs: &[(Reading, Reading)]) -> ReaderAgreement {
        let readers = ["Ann", "Bea"].map(str::to_owned);
        ReaderAgreement::new(readers, pairs, Bootstrap { resamples: 200, ..Bootstrap::default() })
            .expect("figures")
    }

    #[test]
    fn figures_by_hand() {
        let degrees = [(20.0, 22.0), (35.0, 35.0), (50.0, 46.0)];
        let pairs: Vec<_> =
            degrees.iter().map(|(a, b)| (reading("a", *a, 0.0), reading("a", *b, 3.0))).collect();
        let found = agreement(&pairs);
        let major = found.major.expect("angles");
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() < 0.01, "{found}, not {expected}");
        assert_eq!(major.films, 3);
        close(major.agreement.mae, 2.0);
        close(major.agreement.bland_altman.bias, 2.0 / 3.0);
        let table = degrees.map(|(a, b)| [f64::from(a), f64::from(b)]);
        close(major.icc.expect("a correlation"), icc_2_1(&table).expect("a correlation"));
        close(found.same_ends.expect("angles").agreement.mae, 2.0);
        close(found.challenge[0].expect("angles").agreement.mae, 2.0);
        assert_eq!(found.equal_ends, Some(1.0));
        let curve = found.films[1].major[1].expect("a curve");
        assert_eq!((curve.upper, curve.lower, curve.chosen), (3, 10, false));
        assert_eq!(found.films[1].points, 68);
        close(found.films[1].distance.expect("a distance"), 3.0);
        assert_eq!((found.distance_mm, found.films[1].distance_mm), (None, None));
        let page = found.to_markdown();
        assert!(page.contains("# Agreement of Ann and Bea"), "{page}");
        assert!(page.contains("| largest curve, own end vertebrae | 3 |"), "{page}");
        let table = String::from_utf8(found.to_csv().expect("a table")).expect("text");
        let row = table.lines().nth(2).expect("a row").split(',').collect::<Vec<_>>();
        assert_eq!((row[1], row[2], row[4], row[5], row[6]), ("68", "3.0000", "35.0000", "T4", "T11"));
    }

    #[test]
    fn points_that_one_does_not_see_and_ends_that_one_chose() {
        let (first, mut second) = (reading("a", 30.0, 0.0), reading("a", 30.0, 3.0));
        second.points[0] = None;
        second.ends = vec![[5, 10]];
        let spacing = Spacing::new(0.5, 0.5);
        let known = |reading: &Reading| Reading { spacing, ..reading.clone() };
        let found = agreement(&[(known(&first), known(&second)), (first, second)]);
        let film = &found.films[0];
        assert_eq!((film.points, film.distance, film.distance_mm), (67, Some(3.0), Some(1.5)));
        let curve = film.major[1].expect("a curve");
        assert_eq!((curve.upper, curve.lower, curve.chosen), (5, 10, true));
        assert!(curve.degrees < 23.0, "{curve:?}");
        assert_eq!(found.equal_ends, Some(0.0));
        let [a, b] = film.same_ends.expect("angles");
        assert!((a - b).abs() < 0.01 && (a - 30.0).abs() < 0.01, "{a} {b}");
        assert_eq!((found.distance, found.distance_mm), (Some(3.0), Some(1.5)));
    }

    #[test]
    fn readings_of_other_films_are_refused() {
        let (first, mut second) = (reading("a", 30.0, 0.0), reading("a", 30.0, 3.0));
        let new = |pairs: &[(Reading, Reading)]| {
            ReaderAgreement::new(Default::default(), pairs, Bootstrap::default()).map(drop)
        };
        assert!(new(&[]).is_err());
        second.size = Size::new(300, 600);
        let error = new(&[(first.clone(), second.clone())]).expect_err("another size").to_string();
        assert!(error.contains("size of a"), "{error}");
        second = reading("a", 30.0, 3.0);
        second.points.pop();
        assert!(new(&[(first, second)]).is_err());
    }
}
