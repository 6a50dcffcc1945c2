use ikem_core::Skeleton;

use super::super::markdown::{Markdown, with_interval};
use super::{FilmAgreement, MajorCurve, ReaderAgreement};

impl ReaderAgreement {
    /// The agreement as a Markdown page.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut page = Markdown(String::new());
        let [first, second] = &self.readers;
        let (films, level) = (self.films.len(), 100.0 * self.bootstrap.level);
        page.line(format_args!("# Agreement of {first} and {second}\n"));
        page.line(format_args!("- films: {films}"));
        page.line(format_args!(
            "- mean distance of keypoints: {} px",
            with_interval(self.distance, Some(&self.distance_interval), 1.0, 2)
        ));
        if self.distance_mm.is_some() {
            let millimetres = with_interval(self.distance_mm, Some(&self.distance_mm_interval), 1.0, 2);
            page.line(format_args!("- the same in films of known spacing: {millimetres} mm"));
        }
        if let Some(equal) = self.equal_ends {
            page.line(format_args!(
                "- same end vertebrae of the largest curve: {:.0} % of films",
                100.0 * equal
            ));
        }
        page.line(format_args!("- intervals: {level:.0} %, bootstrap over films\n"));
        page.header(&[
            "angle (°)",
            "films",
            "ICC(2,1)",
            "mean absolute difference",
            "bias",
            "limits of agreement",
        ]);
        for (name, angle) in self.angles() {
            let Some(angle) = angle else { continue };
            let [low, high] = angle.agreement.bland_altman.limits;
            page.row(&[
                name.to_owned(),
                angle.films.to_string(),
                with_interval(angle.icc, Some(&angle.icc_interval), 1.0, 3),
                with_interval(Some(angle.agreement.mae), Some(&angle.mae_interval), 1.0, 2),
                format!("{:.2}", angle.agreement.bland_altman.bias),
                // One film has no spread.
                if angle.films < 2 { "–".to_owned() } else { format!("{low:.2} to {high:.2}") },
            ]);
        }
        page.line(format_args!("\nDifferences are those of {first} less {second}. ICC(2,1): Shrout and Fleiss 1979. Bias and limits"));
        page.line(format_args!("of agreement (± 1.96 standard deviations): Bland and Altman 1986."));
        if !self.left_out.is_empty() {
            page.line(format_args!("\n## Left out: {}\n", self.left_out.len()));
            for line in &self.left_out {
                page.line(format_args!("- {line}"));
            }
        }
        page.0
    }

    /// A row for each film; unknown values are empty.
    pub(super) fn to_csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(HEADER)?;
        for film in &self.films {
            writer.write_record(film.cells())?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }
}

/// The columns; `a` is the first reader, `b` the second.
const HEADER: [&str; 18] = [
    "film",
    "points",
    "distance_px",
    "distance_mm",
    "largest_a",
    "upper_a",
    "lower_a",
    "largest_b",
    "upper_b",
    "lower_b",
    "same_ends_a",
    "same_ends_b",
    "challenge_largest_a",
    "challenge_second_a",
    "challenge_third_a",
    "challenge_largest_b",
    "challenge_second_b",
    "challenge_third_b",
];

impl FilmAgreement {
    fn cells(&self) -> Vec<String> {
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.4}"));
        let spine = Skeleton::spine();
        let name = |place: usize| spine.vertebrae().get(place).map_or_else(String::new, |v| v.name.clone());
        let curve = |curve: &Option<MajorCurve>| match curve {
            Some(curve) => [number(Some(curve.degrees)), name(curve.upper), name(curve.lower)],
            None => Default::default(),
        };
        let three = |angles: &Option<[f64; 3]>| {
            angles.map_or_else(Default::default, |angles| angles.map(|angle| number(Some(angle))))
        };
        let same =
            self.same_ends.map_or_else(Default::default, |angles| angles.map(|angle| number(Some(angle))));
        let film =
            [self.film.clone(), self.points.to_string(), number(self.distance), number(self.distance_mm)];
        let majors = self.major.iter().flat_map(curve);
        film.into_iter().chain(majors).chain(same).chain(self.challenge.iter().flat_map(three)).collect()
    }
}
