//! The table of a study: a row for each film, with all that was measured on it.

use ikem_core::Skeleton;
use ikem_data::{csv_table, spreadsheet_cell};
use ikem_eval::Severity;
use serde::Serialize;

use super::angles::{Angles, ChallengeAngle, ClinicalAngle, side};
use super::entry::Entry;
use super::failure::{Kind, Result};
use super::finding::Finding;
use super::measures::{Measurement, in_words};
use super::sidecar::{Effort, Sidecar};

/// The number of curves that the table has columns for. It is the same for all studies, so that their tables can be joined.
const CURVES: usize = 6;

/// What is known of a film. What is not known is empty.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    file: String,
    status: &'static str,
    /// Why the film cannot be used.
    unusable_because: Option<String>,
    annotators: Vec<String>,
    clicks: u32,
    /// Active time.
    seconds: f64,
    /// The network that predicted the points.
    network: Option<String>,
    /// How many points were placed or confirmed by hand.
    corrected_points: Option<usize>,
    /// The points that are not visible.
    not_visible: Vec<String>,
    frame: Option<FrameColumns>,
    /// The distance between neighbouring pixels in a row and in a column.
    mm_per_pixel: Option<[f64; 2]>,
    /// Where that was measured.
    mm_measured: Option<&'static str>,
    /// From where the film shows the patient: `front` or `behind`.
    seen_from: Option<&'static str>,
    /// Why there are no angles.
    doubt: Option<String>,
    /// The curves between end plates, from the top.
    clinical: Vec<Curve>,
    /// The three angles of the AASCE challenge.
    challenge: Vec<Angle>,
    /// What was measured apart from the keypoints.
    measures: Vec<Measurement>,
    remark: String,
}

/// The part of the film that the network saw, in pixels of the film from its outer edges.
#[derive(Debug, Serialize)]
struct FrameColumns {
    center_x: f64,
    center_y: f64,
    width: f64,
    height: f64,
    degrees: f64,
    mirrored: bool,
    negative: bool,
}

/// A curve between end plates.
#[derive(Debug, Serialize)]
struct Curve {
    name: &'static str,
    degrees: f64,
    upper: String,
    lower: String,
    apex: String,
    /// The side of the image, as the page shows it.
    convex_image: &'static str,
    /// The side of the patient, where it is known from where the film shows the patient.
    convex_patient: Option<&'static str>,
    severity: &'static str,
    major: bool,
    /// Whether the person chose its end vertebrae.
    ends_fixed: bool,
    /// Whether a corner that it is measured from is unsure or off the film.
    doubtful: bool,
}

/// An angle of the challenge.
#[derive(Debug, Serialize)]
struct Angle {
    name: &'static str,
    degrees: f64,
    upper: String,
    lower: String,
    doubtful: bool,
}

impl Row {
    /// The row of a film with the work on it.
    pub(super) fn new(entry: &Entry, sidecar: Option<&Sidecar>) -> Self {
        let Effort { status, clicks, seconds } = entry.effort();
        let row = Self {
            file: entry.name.clone(),
            status: status.name(),
            unusable_because: None,
            annotators: Vec::new(),
            clicks,
            seconds: round(seconds, 10.0),
            network: None,
            corrected_points: None,
            not_visible: Vec::new(),
            frame: None,
            mm_per_pixel: None,
            mm_measured: None,
            seen_from: None,
            doubt: None,
            clinical: Vec::new(),
            challenge: Vec::new(),
            measures: Vec::new(),
            remark: String::new(),
        };
        match sidecar {
            Some(sidecar) => row.with(sidecar),
            None => row,
        }
    }

    fn with(self, sidecar: &Sidecar) -> Self {
        let finding = Finding::of(sidecar);
        let spacing = sidecar.spacing.filter(|spacing| spacing.millimetres().is_some());
        let angles = finding.angles();
        let (clinical, challenge) = angles.as_ref().map_or_else(Default::default, columns);
        let frame = finding.frame();
        let [center_x, center_y] = frame.center();
        Self {
            unusable_because: finding.marks.verdict.unusable().map(str::to_owned),
            annotators: sidecar.about.annotators.clone(),
            network: finding.marks.network.clone(),
            corrected_points: Some(finding.hints()),
            not_visible: finding.absent(),
            frame: Some(FrameColumns {
                center_x,
                center_y,
                width: frame.width(),
                height: frame.height(),
                degrees: frame.degrees(),
                mirrored: frame.is_mirrored(),
                negative: finding.is_negative(),
            }),
            mm_per_pixel: spacing.and_then(|spacing| spacing.millimetres()),
            mm_measured: spacing.map(|spacing| spacing.plane.name()),
            seen_from: sidecar.about.seen_from.map(|from| from.name()),
            doubt: finding.doubt().map(|doubt| doubt.to_string()),
            clinical,
            challenge,
            measures: sidecar.about.measured(sidecar.spacing),
            remark: sidecar.about.remark.clone(),
            ..self
        }
    }
}

/// The angles with the names of vertebrae.
fn columns(angles: &Angles) -> (Vec<Curve>, Vec<Angle>) {
    let spine = Skeleton::spine();
    let name = |place: usize| spine.vertebrae().get(place).map_or_else(String::new, |v| v.name.clone());
    let curve = |curve: &ClinicalAngle| Curve {
        name: curve.name,
        degrees: round(curve.degrees, 100.0),
        upper: name(curve.upper),
        lower: name(curve.lower),
        apex: name(curve.apex),
        convex_image: side(curve.convex),
        convex_patient: curve.convex_patient.map(side),
        severity: match curve.severity {
            Severity::None => "none",
            Severity::Mild => "mild",
            Severity::Moderate => "moderate",
            Severity::Severe => "severe",
        },
        major: curve.major,
        ends_fixed: curve.fixed,
        doubtful: curve.doubtful,
    };
    let angle = |angle: &ChallengeAngle| Angle {
        name: angle.name,
        degrees: round(angle.degrees, 100.0),
        upper: name(angle.upper),
        lower: name(angle.lower),
        doubtful: angle.doubtful,
    };
    (angles.clinical.iter().map(curve).collect(), angles.challenge.iter().map(angle).collect())
}

fn round(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

/// The table as JSON: an array of films.
pub(super) fn json(rows: &[Row]) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(rows).map_err(|error| Kind::Failed.because(error))
}

/// The table as CSV. Curves are counted from the top of the spine; of more than [`CURVES`], the largest have columns.
pub(super) fn csv(rows: &[Row]) -> Result<Vec<u8>> {
    let mut header = names(&FILM, "");
    for number in 1..=CURVES {
        header.extend(names(&CURVE, &format!("curve_{number}_")));
    }
    for name in ["largest", "second", "third"] {
        header.extend(names(&ANGLE, &format!("challenge_{name}_")));
    }
    header.extend(["measured", "remark"].map(str::to_owned));
    Ok(csv_table(&header, rows.iter().map(Row::cells))?)
}

/// The name of a column, and the cell of a row.
type Column<T> = (&'static str, fn(&T) -> String);

fn names<T>(columns: &[Column<T>], prefix: &str) -> Vec<String> {
    columns.iter().map(|(name, _)| format!("{prefix}{name}")).collect()
}

/// The columns of a film.
const FILM: [Column<Row>; 26] = [
    ("file", |row| text(&row.file)),
    ("status", |row| row.status.to_owned()),
    ("unusable_because", |row| known(row.unusable_because.as_deref(), text)),
    ("annotators", |row| text(&row.annotators.join("; "))),
    ("clicks", |row| row.clicks.to_string()),
    ("seconds", |row| row.seconds.to_string()),
    ("network", |row| known(row.network.as_deref(), text)),
    ("corrected_points", |row| known(row.corrected_points, |count| count.to_string())),
    ("not_visible", |row| row.not_visible.join(" ")),
    ("frame_center_x", |row| known(row.frame.as_ref(), |frame| pixels(frame.center_x))),
    ("frame_center_y", |row| known(row.frame.as_ref(), |frame| pixels(frame.center_y))),
    ("frame_width", |row| known(row.frame.as_ref(), |frame| pixels(frame.width))),
    ("frame_height", |row| known(row.frame.as_ref(), |frame| pixels(frame.height))),
    ("frame_degrees", |row| known(row.frame.as_ref(), |frame| pixels(frame.degrees))),
    ("frame_mirrored", |row| known(row.frame.as_ref(), |frame| frame.mirrored.to_string())),
    ("film_negative", |row| known(row.frame.as_ref(), |frame| frame.negative.to_string())),
    ("mm_per_pixel_x", |row| known(row.mm_per_pixel, |[x, _]| x.to_string())),
    ("mm_per_pixel_y", |row| known(row.mm_per_pixel, |[_, y]| y.to_string())),
    ("mm_measured", |row| known(row.mm_measured, str::to_owned)),
    ("seen_from", |row| known(row.seen_from, str::to_owned)),
    ("doubt", |row| known(row.doubt.as_deref(), text)),
    // Not counted where no angles were measured.
    ("curves", |row| known(row.challenge.first(), |_| row.clinical.len().to_string())),
    ("major_curve_name", |row| known(row.major(), |curve| curve.name.to_owned())),
    ("major_curve_degrees", |row| known(row.major(), |curve| curve.degrees.to_string())),
    ("major_curve_upper", |row| known(row.major(), |curve| curve.upper.clone())),
    ("major_curve_lower", |row| known(row.major(), |curve| curve.lower.clone())),
];

/// The columns of a curve.
const CURVE: [Column<Curve>; 11] = [
    ("name", |curve| curve.name.to_owned()),
    ("degrees", |curve| curve.degrees.to_string()),
    ("upper", |curve| curve.upper.clone()),
    ("lower", |curve| curve.lower.clone()),
    ("apex", |curve| curve.apex.clone()),
    ("convex_image", |curve| curve.convex_image.to_owned()),
    ("convex_patient", |curve| known(curve.convex_patient, str::to_owned)),
    ("severity", |curve| curve.severity.to_owned()),
    ("major", |curve| curve.major.to_string()),
    ("ends_fixed", |curve| curve.ends_fixed.to_string()),
    ("doubtful", |curve| curve.doubtful.to_string()),
];

/// The columns of an angle of the challenge.
const ANGLE: [Column<Angle>; 4] = [
    ("degrees", |angle| angle.degrees.to_string()),
    ("upper", |angle| angle.upper.clone()),
    ("lower", |angle| angle.lower.clone()),
    ("doubtful", |angle| angle.doubtful.to_string()),
];

impl Row {
    fn cells(&self) -> Vec<String> {
        let mut cells = cells(&FILM, Some(self));
        let curves = self.largest_curves();
        for number in 0..CURVES {
            cells.extend(self::cells(&CURVE, curves.get(number).copied()));
        }
        for number in 0..3 {
            cells.extend(self::cells(&ANGLE, self.challenge.get(number)));
        }
        cells.push(in_words(&self.measures));
        cells.push(text(&self.remark));
        cells
    }

    /// The curves that have columns, from the top.
    fn largest_curves(&self) -> Vec<&Curve> {
        let mut places: Vec<usize> = (0..self.clinical.len()).collect();
        let degrees = |place: &usize| self.clinical.get(*place).map_or(0.0, |curve| curve.degrees);
        places.sort_by(|a, b| degrees(b).total_cmp(&degrees(a)));
        places.truncate(CURVES);
        places.sort_unstable();
        places.into_iter().filter_map(|place| self.clinical.get(place)).collect()
    }

    fn major(&self) -> Option<&Curve> {
        self.clinical.iter().find(|curve| curve.major)
    }
}

/// The cells of what there may be; otherwise they are empty.
fn cells<T>(columns: &[Column<T>], row: Option<&T>) -> Vec<String> {
    columns.iter().map(|(_, cell)| known(row, cell)).collect()
}

fn known<T>(value: Option<T>, cell: impl FnOnce(T) -> String) -> String {
    value.map_or_else(String::new, cell)
}

fn text(text: &str) -> String {
    spreadsheet_cell(text).into_owned()
}

fn pixels(value: f64) -> String {
    format!("{value:.1}")
}
