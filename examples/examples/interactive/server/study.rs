//! The table of a study: a row for each film, with all that was measured on it.

use ikem_core::{Skeleton, SpacingPlane};
use ikem_data::{csv_table, spreadsheet_cell};
use ikem_eval::Severity;
use serde::Serialize;

use super::angles::{Angles, ChallengeAngle, ClinicalAngle, side};
use super::entry::Entry;
use super::failure::{Kind, Result};
use super::finding::Finding;
use super::sidecar::{Effort, Sidecar};

/// The least number of curves that the table has columns for.
const CURVES: usize = 3;

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
            mm_measured: spacing.map(|spacing| match spacing.plane {
                SpacingPlane::Patient => "patient",
                plane => plane.name(),
            }),
            seen_from: sidecar.about.seen_from.map(|from| from.name()),
            doubt: finding.doubt().map(|doubt| doubt.to_string()),
            clinical,
            challenge,
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

/// The table as CSV; curves are counted from the top of the spine.
pub(super) fn csv(rows: &[Row]) -> Result<Vec<u8>> {
    let curves = rows.iter().map(|row| row.clinical.len()).max().unwrap_or(0).max(CURVES);
    let mut header: Vec<String> = FILM.iter().map(|name| (*name).to_owned()).collect();
    for number in 1..=curves {
        header.extend(CURVE.iter().map(|name| format!("curve_{number}_{name}")));
    }
    for name in ["largest", "second", "third"] {
        header.extend(ANGLE.iter().map(|column| format!("challenge_{name}_{column}")));
    }
    header.push("remark".to_owned());
    Ok(csv_table(&header, rows.iter().map(|row| row.cells(curves)))?)
}

/// The columns of the film, of a curve, and of an angle.
const FILM: [&str; 26] = [
    "file",
    "status",
    "unusable_because",
    "annotators",
    "clicks",
    "seconds",
    "network",
    "corrected_points",
    "not_visible",
    "frame_center_x",
    "frame_center_y",
    "frame_width",
    "frame_height",
    "frame_degrees",
    "frame_mirrored",
    "film_negative",
    "mm_per_pixel_x",
    "mm_per_pixel_y",
    "mm_measured",
    "seen_from",
    "doubt",
    "curves",
    "major_curve_name",
    "major_curve_degrees",
    "major_curve_upper",
    "major_curve_lower",
];
const CURVE: [&str; 11] = [
    "name",
    "degrees",
    "upper",
    "lower",
    "apex",
    "convex_image",
    "convex_patient",
    "severity",
    "major",
    "ends_fixed",
    "doubtful",
];
const ANGLE: [&str; 4] = ["degrees", "upper", "lower", "doubtful"];

impl Row {
    fn cells(&self, curves: usize) -> Vec<String> {
        let text = |text: &str| spreadsheet_cell(text).into_owned();
        let known = |value: Option<&str>| value.map_or_else(String::new, text);
        let frame = self.frame.as_ref();
        let number =
            |value: fn(&FrameColumns) -> f64| frame.map_or_else(String::new, |f| format!("{:.1}", value(f)));
        let yes = |value: fn(&FrameColumns) -> bool| frame.map_or_else(String::new, |f| value(f).to_string());
        let mm = |axis: usize| self.mm_per_pixel.map_or_else(String::new, |mm| mm[axis].to_string());
        let major = self.clinical.iter().find(|curve| curve.major);
        let mut cells = vec![
            text(&self.file),
            self.status.to_owned(),
            known(self.unusable_because.as_deref()),
            text(&self.annotators.join("; ")),
            self.clicks.to_string(),
            self.seconds.to_string(),
            known(self.network.as_deref()),
            self.corrected_points.map_or_else(String::new, |count| count.to_string()),
            self.not_visible.join(" "),
            number(|frame| frame.center_x),
            number(|frame| frame.center_y),
            number(|frame| frame.width),
            number(|frame| frame.height),
            number(|frame| frame.degrees),
            yes(|frame| frame.mirrored),
            yes(|frame| frame.negative),
            mm(0),
            mm(1),
            known(self.mm_measured),
            known(self.seen_from),
            known(self.doubt.as_deref()),
            if self.challenge.is_empty() { String::new() } else { self.clinical.len().to_string() },
            known(major.map(|curve| curve.name)),
            major.map_or_else(String::new, |curve| curve.degrees.to_string()),
            known(major.map(|curve| curve.upper.as_str())),
            known(major.map(|curve| curve.lower.as_str())),
        ];
        for number in 0..curves {
            cells.extend(self.clinical.get(number).map_or_else(Default::default, Curve::cells));
        }
        for number in 0..3 {
            cells.extend(self.challenge.get(number).map_or_else(Default::default, Angle::cells));
        }
        cells.push(text(&self.remark));
        cells
    }
}

impl Curve {
    fn cells(&self) -> [String; CURVE.len()] {
        [
            self.name.to_owned(),
            self.degrees.to_string(),
            self.upper.clone(),
            self.lower.clone(),
            self.apex.clone(),
            self.convex_image.to_owned(),
            self.convex_patient.unwrap_or_default().to_owned(),
            self.severity.to_owned(),
            self.major.to_string(),
            self.ends_fixed.to_string(),
            self.doubtful.to_string(),
        ]
    }
}

impl Angle {
    fn cells(&self) -> [String; ANGLE.len()] {
        [self.degrees.to_string(), self.upper.clone(), self.lower.clone(), self.doubtful.to_string()]
    }
}
