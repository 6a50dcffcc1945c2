use ikem_core::{FieldError, Frame, GrayImage, Keypoints, Point, Size, Skeleton};
use ndarray::ArrayView2;

use super::annotations::Annotations;
use super::canvas::Canvas;
use super::lettering::Lettering;
use super::measures::Measures;
use super::palette::{Rgb, group_colour, heat_colour, heat_opacity};
use super::picture::Picture;
use crate::error::Error;

const WHITE: Rgb = [255; 3];
const BLACK: Rgb = [0; 3];

/// Draws `keypoints` over `image`: points and edges with one colour per vertebra, the names of the vertebrae beside
/// them, and a white ring around each keypoint in `hinted` (indices). Sizes scale with the image. Points that are not
/// finite or far outside the image are left out.
///
/// # Errors
/// [`Error::Core`] if the number of `keypoints` differs from that of `skeleton` or a hinted index is out of range;
/// [`Error::Argument`] if the image is too large to render.
pub fn overlay(
    image: &GrayImage,
    skeleton: &Skeleton,
    keypoints: &Keypoints,
    hinted: &[usize],
) -> Result<Picture, Error> {
    annotated_overlay(image, skeleton, keypoints, hinted, &Annotations::default())
}

/// Like [`overlay`], with angles and a frame drawn and a caption below the film, which makes the picture higher.
///
/// # Errors
/// Same as [`overlay`].
pub fn annotated_overlay(
    image: &GrayImage,
    skeleton: &Skeleton,
    keypoints: &Keypoints,
    hinted: &[usize],
    annotations: &Annotations,
) -> Result<Picture, Error> {
    let count = skeleton.len();
    if keypoints.len() != count {
        let found = keypoints.len();
        return Err(ikem_core::Error::Length { what: "keypoints", expected: count, found }.into());
    }
    if let Some(&index) = hinted.iter().find(|&&index| index >= count) {
        return Err(ikem_core::Error::UnknownIndex { index, count }.into());
    }
    let (film, lettering) = (image.size(), Lettering::new()?);
    let caption = annotations.wrapped(film, &lettering);
    let mut canvas = Canvas::with_strip(image, Annotations::strip(film, caption.len()), lettering)?;
    let measures = Measures::of(film);
    annotations.draw_lines(&mut canvas, &measures);
    let colour = |keypoint: usize| group_colour(skeleton.vertebra_of(keypoint).unwrap_or(keypoint));
    let drawn: Vec<Option<Point>> =
        keypoints.iter().map(|&p| Some(p).filter(|&p| canvas.reaches(p))).collect();
    let drawn = |index: usize| drawn.get(index).copied().flatten();
    for &(a, b) in skeleton.edges() {
        if let (Some(from), Some(to)) = (drawn(a), drawn(b)) {
            canvas.line(from, to, 2.0 * measures.line, BLACK, 0.35);
            canvas.line(from, to, measures.line, colour(a), 0.85);
        }
    }
    for (index, point) in (0..count).filter_map(|index| Some((index, drawn(index)?))) {
        canvas.disc(point, 1.35 * measures.point, BLACK);
        canvas.disc(point, measures.point, colour(index));
    }
    for point in hinted.iter().filter_map(|&index| drawn(index)) {
        canvas.ring(point, 2.4 * measures.point, 2.2 * measures.line, BLACK);
        canvas.ring(point, 2.4 * measures.point, 1.2 * measures.line, WHITE);
        canvas.disc(point, 0.55 * measures.point, WHITE);
    }
    for (index, vertebra) in skeleton.vertebrae().iter().enumerate() {
        let corners: Vec<Point> = vertebra.corners.iter().filter_map(|&index| drawn(index)).collect();
        label(&mut canvas, &vertebra.name, &corners, &measures, group_colour(index));
    }
    annotations.draw_labels(&mut canvas, &measures, film);
    Annotations::write(&caption, &mut canvas, film);
    Ok(canvas.into_picture())
}

/// Writes a vertebra's name left of its corners, or right of them if there is no room.
fn label(canvas: &mut Canvas, name: &str, corners: &[Point], measures: &Measures, colour: Rgb) {
    if corners.is_empty() {
        return;
    }
    let (width, gap) = (canvas.text_width(name, measures.text), 3.0 * measures.point);
    let leftmost = corners.iter().map(|p| p.x).fold(f32::INFINITY, f32::min);
    let rightmost = corners.iter().map(|p| p.x).fold(f32::NEG_INFINITY, f32::max);
    let middle = corners.iter().map(|p| p.y).sum::<f32>() / corners.len() as f32;
    let left = if leftmost - gap - width >= 0.0 { leftmost - gap - width } else { rightmost + gap };
    canvas.text(name, Point::new(left, middle + 0.5 * measures.text), measures.text, colour);
}

/// Draws a heatmap (H × W, 0…1, of any size) over the part of `image` within `frame`. Higher values are lighter and
/// more opaque.
///
/// # Errors
/// [`Error::Argument`] if the image is too large to render or the map is empty.
pub fn heatmap_overlay(image: &GrayImage, map: ArrayView2<'_, f32>, frame: &Frame) -> Result<Picture, Error> {
    let (rows, columns) = map.dim();
    if map.is_empty() {
        return Err(FieldError::new("heatmap", "at least 1 x 1", format!("{rows} x {columns} values")).into());
    }
    let mut canvas = Canvas::new(image)?;
    let size = image.size();
    let to_map = frame.points(Size::new(columns, rows));
    // The two neighbouring indices along an axis and the interpolation weight.
    let between = |position: f64, values: usize| {
        let position = position.min((values - 1) as f64);
        (position >= 0.0)
            .then(|| (position as usize, (position as usize + 1).min(values - 1), position.fract() as f32))
    };
    for y in 0..size.height {
        for x in 0..size.width {
            let [u, v] = to_map.apply([x as f64, y as f64]);
            // The frame extends half a pixel beyond the last value.
            let inside = u < columns as f64 && v < rows as f64;
            let places = between(u, columns).zip(between(v, rows)).filter(|_| inside);
            let Some(((left, right, along), (above, below, down))) = places else { continue };
            let row = |row: usize| map[[row, left]] + along * (map[[row, right]] - map[[row, left]]);
            let value = (row(above) + down * (row(below) - row(above))).clamp(0.0, 1.0);
            let opacity = heat_opacity(value);
            if opacity > 0.0 {
                canvas.blend(x as i64, y as i64, heat_colour(value), opacity);
            }
        }
    }
    Ok(canvas.into_picture())
}
