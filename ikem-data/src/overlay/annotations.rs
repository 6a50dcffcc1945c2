use ikem_core::{Point, Size};

use super::canvas::Canvas;
use super::measures::Measures;
use super::palette::Rgb;
use crate::overlay::Lettering;

const BLACK: Rgb = [0; 3];
const WHITE: Rgb = [255; 3];
const FRAME: Rgb = [232, 241, 255];
/// One colour after the other; angles that are drawn together differ.
const ANGLES: [Rgb; 5] =
    [[124, 196, 255], [255, 209, 102], [247, 143, 179], [155, 226, 143], [195, 166, 255]];
/// By how much lines are made longer beyond their near end and towards their far end, over their length.
const BEYOND: f32 = 0.3;
const TOWARDS: f32 = 1.5;
/// The most lines of the caption; what is left is cut off.
const MOST_LINES: usize = 40;

/// What is drawn over a film beside its keypoints, and written below it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Annotations {
    /// Measured angles.
    pub angles: Vec<MarkedAngle>,
    /// The corners of a frame, in pixels of the film, one after the other around it.
    pub frame: Option<[Point; 4]>,
    /// Paragraphs of text, written below the film on black, so that they hide nothing of it.
    pub caption: Vec<String>,
}

/// An angle between two lines, each given by its left and its right end in pixels of the film.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkedAngle {
    /// The upper and the lower line.
    pub lines: [[Point; 2]; 2],
    /// What is written beside them.
    pub label: String,
}

impl Annotations {
    /// The caption in lines that fit below a picture of `size`.
    pub(super) fn wrapped(&self, size: Size, lettering: &Lettering) -> Vec<String> {
        let measures = Measures::of(size);
        let room = size.width as f32 - 2.0 * measures.text;
        let width = |text: &str| lettering.width(text, measures.text);
        let mut lines = Vec::new();
        for paragraph in &self.caption {
            let mut line = String::new();
            for word in paragraph.split_whitespace() {
                let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
                if width(&longer) <= room || line.is_empty() {
                    line = longer;
                } else {
                    lines.push(std::mem::replace(&mut line, word.to_owned()));
                }
                if lines.len() == MOST_LINES {
                    return shortened(lines);
                }
            }
            lines.push(line);
        }
        if lines.len() > MOST_LINES { shortened(lines) } else { lines }
    }

    /// The height of the strip below a picture of `size` that holds so many lines.
    pub(super) fn strip(size: Size, lines: usize) -> usize {
        let line = 1.8 * Measures::of(size).text;
        if lines == 0 { 0 } else { (line * (lines as f32 + 0.8)).ceil() as usize }
    }

    /// Writes the lines of the caption below a film of `size`.
    pub(super) fn write(lines: &[String], canvas: &mut Canvas, size: Size) {
        let text = Measures::of(size).text;
        for (index, line) in lines.iter().enumerate() {
            let base = size.height as f32 + 1.8 * text * (index as f32 + 1.0);
            canvas.text(line, Point::new(text, base), text, WHITE);
        }
    }

    /// Draws the frame and the lines of the angles, which lie below the points.
    pub(super) fn draw_lines(&self, canvas: &mut Canvas, measures: &Measures) {
        if let Some(corners) = self.frame {
            for (index, corner) in corners.iter().enumerate() {
                let next = corners.get((index + 1) % corners.len()).unwrap_or(corner);
                line(canvas, *corner, *next, measures.line, FRAME);
            }
        }
        for (index, angle) in self.angles.iter().enumerate() {
            let [above, below] = angle.extended();
            for [near, far] in [above, below] {
                line(canvas, near, far, 1.5 * measures.line, ANGLES[index % ANGLES.len()]);
            }
            dashed(canvas, above[1], below[1], measures.line, ANGLES[index % ANGLES.len()]);
        }
    }

    /// Writes the angles where they meet, below each other where they would overlap.
    pub(super) fn draw_labels(&self, canvas: &mut Canvas, measures: &Measures, film: Size) {
        let mut taken: Vec<[f32; 4]> = Vec::new();
        for (index, angle) in self.angles.iter().enumerate() {
            let [above, below] = angle.extended().map(|[_, far]| far);
            let (width, height) = (canvas.text_width(&angle.label, measures.text), 1.5 * measures.text);
            let within =
                |value: f32, size: usize, extent: f32| value.clamp(0.0, (size as f32 - extent).max(0.0));
            let left = within(f32::midpoint(above.x, below.x) - 0.5 * width, film.width, width);
            let mut top = within(f32::midpoint(above.y, below.y) - 0.5 * height, film.height, height);
            let hides = |top: f32, other: &[f32; 4]| {
                left < other[2] && other[0] < left + width && top < other[3] && other[1] < top + height
            };
            for _ in 0..self.angles.len() {
                if let Some(other) = taken.iter().find(|other| hides(top, other)) {
                    top = other[3];
                }
            }
            taken.push([left, top, left + width, top + height]);
            let base = Point::new(left, top + 1.25 * measures.text);
            canvas.text(&angle.label, base, measures.text, ANGLES[index % ANGLES.len()]);
        }
    }
}

/// As many lines as there may be, with a mark that there are more.
fn shortened(mut lines: Vec<String>) -> Vec<String> {
    lines.truncate(MOST_LINES);
    if let Some(last) = lines.last_mut() {
        last.push_str(" …");
    }
    lines
}

impl MarkedAngle {
    /// Both lines made longer, most of all towards where they come together: the near end and the far end of each.
    fn extended(&self) -> [[Point; 2]; 2] {
        let slope = |[left, right]: [Point; 2]| {
            let across = right.x - left.x;
            if across == 0.0 { 0.0 } else { (right.y - left.y) / across }
        };
        let right = slope(self.lines[0]) > slope(self.lines[1]);
        self.lines.map(|[from, to]| {
            let along =
                |part: f32| Point::new(from.x + part * (to.x - from.x), from.y + part * (to.y - from.y));
            if right {
                [along(-BEYOND), along(1.0 + TOWARDS)]
            } else {
                [along(1.0 + BEYOND), along(-TOWARDS)]
            }
        })
    }
}

fn line(canvas: &mut Canvas, from: Point, to: Point, width: f32, colour: Rgb) {
    if canvas.reaches(from) && canvas.reaches(to) {
        canvas.line(from, to, 2.0 * width, BLACK, 0.6);
        canvas.line(from, to, width, colour, 1.0);
    }
}

fn dashed(canvas: &mut Canvas, from: Point, to: Point, width: f32, colour: Rgb) {
    let dash = 8.0 * width;
    let pieces = (from.distance(to) / dash).ceil().clamp(1.0, 400.0);
    let at = |part: f32| Point::new(from.x + part * (to.x - from.x), from.y + part * (to.y - from.y));
    for piece in (0..pieces as usize).step_by(2) {
        let piece = piece as f32;
        line(canvas, at(piece / pieces), at(((piece + 1.0) / pieces).min(1.0)), width, colour);
    }
}
