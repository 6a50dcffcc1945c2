//! The report of one image: a page of HTML that needs nothing else.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ikem_core::{GrayImage, Keypoints, Point, Resampling, Size, Skeleton, resample_frame};
use ikem_data::Annotations;

use super::angles::{Angles, side};
use super::api::{KeypointView, SpacingView, State, Status};
use super::drawing::{drawn, marked, outline, today};
use super::failure::{Kind, Result};
use super::finding::NOWHERE;
use super::marks::SeenFrom;

/// How high the picture is at the most, in pixels: a printed page shows no more.
const HEIGHT: usize = 1400;

const STYLE: &str = "body{font:14px/1.4 sans-serif;margin:24px;color:#111;display:grid;\
    grid-template-columns:minmax(240px,42%) 1fr;gap:24px}header,footer{grid-column:1/3}h1{font-size:20px;margin:0}\
    h2{font-size:15px;margin:16px 0 4px}img{width:100%}table{border-collapse:collapse}\
    td,th{padding:2px 10px 2px 0;text-align:left;border-bottom:1px solid #ccc}\
    .number{text-align:right;font-variant-numeric:tabular-nums}footer{color:#555}";

/// The report as the bytes of an HTML file.
pub(super) fn html(state: &State, image: &GrayImage, skeleton: &Skeleton) -> Result<Vec<u8>> {
    let mut body = String::new();
    let failed = |error: std::fmt::Error| Kind::Failed.because(error);
    write_facts(&mut body, state, skeleton).map_err(failed)?;
    if let Some(angles) = &state.angles {
        write_angles(&mut body, angles, state, skeleton).map_err(failed)?;
    } else if let Some(doubt) = &state.view.doubt {
        writeln!(body, "<h2>Cobb angles</h2><p>Left out: {}.</p>", escaped(doubt)).map_err(failed)?;
    }
    write_measures(&mut body, state).map_err(failed)?;
    write_hints(&mut body, state).map_err(failed)?;
    let picture = STANDARD.encode(picture(state, image, skeleton)?);
    let name = escaped(&state.name);
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{name}</title><style>{STYLE}</style></head>\n\
         <body><header><h1>{name}</h1></header>\n\
         <div><img alt=\"The radiograph with its vertebrae marked\" src=\"data:image/png;base64,{picture}\"></div>\n\
         <div>{body}</div>\n\
         <footer>Made with IKEM {}. Research software, not a medical device: not for diagnosis or treatment.</footer>\n\
         </body></html>\n",
        env!("CARGO_PKG_VERSION")
    )
    .into_bytes())
}

/// The radiograph with the points, turned and mirrored as the network sees it, and no larger than needed.
fn picture(state: &State, image: &GrayImage, skeleton: &Skeleton) -> Result<Vec<u8>> {
    let film = image.size();
    let facing = state.view.facing(film);
    let from = Size::new(facing.width() as usize, facing.height() as usize);
    let height = from.height.min(HEIGHT);
    let width = (from.width * height).div_ceil(from.height).max(1);
    let to = Size::new(width, height);
    let small =
        resample_frame(image, &facing, to, Resampling::Area).map_err(|error| Kind::Failed.because(error))?;
    let nothing = state.view.nothing_found;
    let onto = |point: Point| facing.to_grid(point, film, to);
    let place = |point: &KeypointView| match point.visible && !nothing {
        true => onto(Point::new(point.x, point.y)),
        false => NOWHERE,
    };
    let points: Keypoints = state.keypoints.iter().map(place).collect();
    let hinted: Vec<usize> = state.hints.iter().map(|hint| hint.keypoint).collect();
    let annotations = Annotations {
        angles: marked(state.angles.as_ref(), skeleton, onto),
        frame: (!state.view.whole).then(|| outline(state.view.corners, onto)),
        caption: Vec::new(),
    };
    drawn(&small, skeleton, (&points, &hinted), &annotations)
}

fn write_facts(body: &mut String, state: &State, skeleton: &Skeleton) -> std::fmt::Result {
    let status = match state.status {
        Status::Untouched => "not looked through".to_owned(),
        Status::InWork => "in work".to_owned(),
        Status::Accepted => "accepted".to_owned(),
        Status::Unusable => {
            format!("cannot be used: {}", escaped(state.unusable.as_deref().unwrap_or_default()))
        }
    };
    writeln!(body, "<h2>Image</h2><table>")?;
    let rows = [
        ("Size", format!("{} × {} px", state.width, state.height)),
        ("Date", format!("{} (UTC)", today())),
        ("Status", status),
        ("Seen", state.view.words()),
        ("Network", state.network.as_deref().map_or("none: imported".to_owned(), escaped)),
        ("Corrections", state.clicks.to_string()),
        ("Time", format!("{:.0} s", state.seconds)),
    ];
    let spacing = state.spacing.as_ref().map(|spacing| ("Pixel spacing", spacing_in_words(spacing)));
    let absent: Vec<&str> =
        state.absent.iter().filter_map(|k| skeleton.names().get(*k)).map(String::as_str).collect();
    let said = [
        ("Not visible", absent.join(", ")),
        ("Annotator", escaped(&state.annotators.join(", "))),
        ("Remark", escaped(&state.remark)),
    ];
    let said = said.into_iter().filter(|(_, value)| !value.is_empty());
    for (name, value) in rows.into_iter().chain(spacing).chain(said) {
        writeln!(body, "<tr><th>{name}</th><td>{value}</td></tr>")?;
    }
    if let Some(comparison) = &state.comparison {
        let plane = state.spacing.as_ref().and_then(|spacing| spacing.plane);
        let now = length(comparison.mre, comparison.mre_mm, plane);
        let first = length(comparison.first_mre, comparison.first_mre_mm, plane);
        writeln!(body, "<tr><th>Mean distance to the labels</th><td>{now} (first {first})</td></tr>")?;
    }
    writeln!(body, "</table>")
}

/// The spacing, and what it means for lengths.
fn spacing_in_words(spacing: &SpacingView) -> String {
    let smaller = if spacing.plane.is_some() { "; lengths in the patient are smaller" } else { "" };
    format!("{}{smaller}", spacing.words)
}

/// A length in pixels, and in millimetres where they are known, with the plane they were measured in.
fn length(pixels: f64, millimetres: Option<f64>, plane: Option<&str>) -> String {
    let place = plane.map_or_else(String::new, |plane| format!(" {plane}"));
    let millimetres = millimetres.map_or_else(String::new, |mm| format!(", {mm:.1} mm{place}"));
    format!("{pixels:.1} px{millimetres}")
}

fn write_angles(body: &mut String, angles: &Angles, state: &State, skeleton: &Skeleton) -> std::fmt::Result {
    let name = |vertebra: usize| skeleton.vertebrae().get(vertebra).map_or("", |v| v.name.as_str());
    writeln!(body, "<h2>Cobb angles, end plates</h2><table>")?;
    writeln!(
        body,
        "<tr><th>Curve</th><th>Angle</th><th>End vertebrae</th><th>Apex</th><th>Convex</th></tr>"
    )?;
    for curve in &angles.clinical {
        let mark = if curve.major { " (major)" } else { "" };
        let mark = format!("{mark}{}", if curve.doubtful { " (doubtful: a corner is unsure)" } else { "" });
        let fixed = if curve.fixed { ", chosen" } else { "" };
        let patient = curve.convex_patient.map(side);
        let patient = patient.map_or_else(String::new, |side| format!("; patient’s {side}"));
        let side = side(curve.convex);
        writeln!(
            body,
            "<tr><td>{}{mark}</td><td class=\"number\">{:.1}°</td><td>{}–{}{fixed}</td><td>{}</td><td>image {side}{patient}</td></tr>",
            curve.name,
            curve.degrees,
            name(curve.upper),
            name(curve.lower),
            name(curve.apex),
        )?;
    }
    let from = match state.seen_from {
        Some(SeenFrom::Front) => {
            "The film is seen from the front: the left of the image is the patient’s right."
        }
        Some(SeenFrom::Behind) => {
            "The film is seen from behind: the left of the image is the patient’s left."
        }
        None => "Sides are those of the image; from where the film is seen was not said.",
    };
    let from = match state.mirrored_since {
        true => format!("{from} That was said before the film was mirrored."),
        false => from.to_owned(),
    };
    writeln!(body, "</table><p>{from}</p><h2>Cobb angles of the AASCE challenge</h2><table>")?;
    for angle in &angles.challenge {
        writeln!(
            body,
            "<tr><td>{}{}</td><td class=\"number\">{:.1}°</td><td>{}–{}</td></tr>",
            angle.name,
            if angle.doubtful { " (doubtful)" } else { "" },
            angle.degrees,
            name(angle.upper),
            name(angle.lower),
        )?;
    }
    writeln!(body, "</table>")
}

fn write_measures(body: &mut String, state: &State) -> std::fmt::Result {
    if state.measures.is_empty() {
        return Ok(());
    }
    writeln!(body, "<h2>Measured by hand</h2><ul>")?;
    for measured in &state.measures {
        writeln!(body, "<li>{}</li>", measured.words())?;
    }
    writeln!(body, "</ul>")
}

fn write_hints(body: &mut String, state: &State) -> std::fmt::Result {
    if state.hints.is_empty() {
        return Ok(());
    }
    let plane = state.spacing.as_ref().and_then(|spacing| spacing.plane);
    writeln!(body, "<h2>Points placed by hand</h2><table>")?;
    writeln!(body, "<tr><th>Point</th><th>x</th><th>y</th><th>Moved</th></tr>")?;
    for hint in &state.hints {
        let moved = hint.moved.map_or_else(String::new, |moved| length(moved.into(), hint.moved_mm, plane));
        let (name, x, y) = (escaped(&hint.name), hint.x, hint.y);
        writeln!(
            body,
            "<tr><td>{name}</td><td class=\"number\">{x:.1}</td><td class=\"number\">{y:.1}</td>\
             <td class=\"number\">{moved}</td></tr>"
        )?;
    }
    writeln!(body, "</table>")
}

/// Text that HTML takes for nothing but text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
