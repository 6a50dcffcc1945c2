//! Films with all that was found on them drawn and written: points, Cobb lines, frame, who worked on it and when.

use std::time::SystemTime;

use ikem_core::{GrayImage, Keypoints, Point, Skeleton};
use ikem_data::{Annotations, MarkedAngle, annotated_overlay};

use super::angles::Angles;
use super::failure::Result;
use super::finding::Finding;
use super::measures::in_words;
use super::sidecar::Sidecar;

/// The overlay of a film, in its own pixels.
pub(super) fn overlay(image: &GrayImage, skeleton: &Skeleton, sidecar: &Sidecar) -> Result<Vec<u8>> {
    let finding = Finding::of(sidecar);
    let frame = finding.frame();
    let angles = finding.angles();
    let annotations = Annotations {
        angles: marked(angles.as_ref(), skeleton, |point| point),
        frame: (frame != frame.facing(finding.film())).then(|| outline(frame.corners(), |point| point)),
        caption: caption(sidecar, &finding),
    };
    drawn(image, skeleton, (&finding.drawn(), &finding.hinted()), &annotations)
}

/// A picture of a film with its points and annotations, as PNG.
pub(super) fn drawn(
    image: &GrayImage,
    skeleton: &Skeleton,
    (points, hinted): (&Keypoints, &[usize]),
    annotations: &Annotations,
) -> Result<Vec<u8>> {
    Ok(annotated_overlay(image, skeleton, points, hinted, annotations)?.to_png()?)
}

/// The clinical angles to draw, where `place` puts a point of the film.
pub(super) fn marked(
    angles: Option<&Angles>,
    skeleton: &Skeleton,
    place: impl Fn(Point) -> Point,
) -> Vec<MarkedAngle> {
    let name = |vertebra: usize| skeleton.vertebrae().get(vertebra).map_or("", |v| v.name.as_str());
    let curves = angles.map_or(&[][..], |angles| &angles.clinical);
    let marked = curves.iter().map(|curve| MarkedAngle {
        lines: curve.lines.map(|line| line.map(|[x, y]| place(Point::new(x as f32, y as f32)))),
        label: format!(
            "{}–{} {}{:.1}°",
            name(curve.upper),
            name(curve.lower),
            if curve.doubtful { "? " } else { "" },
            curve.degrees
        ),
    });
    marked.collect()
}

/// The corners of a frame, given from the film's outer edges, where `place` puts a point of the film.
pub(super) fn outline(corners: [[f64; 2]; 4], place: impl Fn(Point) -> Point) -> [Point; 4] {
    corners.map(|[x, y]| place(Point::new((x - 0.5) as f32, (y - 0.5) as f32)))
}

/// Today's date, such as `29 Nov 2026`, in UTC.
pub(super) fn today() -> String {
    let date = httpdate::fmt_http_date(SystemTime::now());
    // `Sun, 29 Nov 2026 20:38:05 GMT`
    date.get(5..16).unwrap_or(&date).to_owned()
}

/// What is written below the film.
fn caption(sidecar: &Sidecar, finding: &Finding<'_>) -> Vec<String> {
    let about = &sidecar.about;
    let negative = if finding.is_negative() { ", inverted: the film is a negative" } else { "" };
    let who = about.annotators.join(", ");
    let said = [
        ("", sidecar.image.clone()),
        ("Exported ", format!("{} (UTC)", today())),
        ("Annotator: ", who),
        ("Seen: ", format!("{}{negative}", finding.frame())),
        ("Not visible: ", finding.absent().join(", ")),
        ("No angles: ", finding.doubt().map(|doubt| doubt.to_string()).unwrap_or_default()),
        ("Cannot be used: ", finding.marks.verdict.unusable().unwrap_or_default().to_owned()),
        ("Measured: ", in_words(&about.measured(sidecar.spacing))),
        ("", "Made with IKEM. Research software, not a medical device.".to_owned()),
        // Last, since there may be no room for all of it.
        ("Remark: ", about.remark.clone()),
    ];
    let told = said.into_iter().filter(|(_, text)| !text.is_empty());
    told.map(|(name, text)| format!("{name}{text}")).collect()
}
