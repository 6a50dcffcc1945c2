use std::path::Path;

use ikem_core::{Draw, Point};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Film, center_y};
use crate::error::Error;
use crate::files;
use crate::manifest::Subset;
use crate::manifest::Wrong;

/// The largest plausible coordinate in pixels.
const FARTHEST: f32 = 100_000.0;

/// An entry of `quads.json`.
#[derive(Deserialize)]
struct Quads {
    image: String,
    film_x: [f32; 2],
    quads: Vec<[[f32; 2]; 4]>,
}

/// An entry of `boxes.json`.
#[derive(Deserialize)]
struct Boxes {
    image: String,
    set: Subset,
    boxes: Vec<[f32; 4]>,
}

/// Reads `root/quads.json`, the labels of the Spinal-AI2024 data set: a list of `image` (its path relative to `root`),
/// `film_x` (the columns that hold the film, `[from, to)`) and `quads` (the corners TL, TR, BL, BR of each vertebra as
/// `[x, y]` in pixels, from top to bottom).
///
/// No film is complete, since 17 marked vertebrae may also be C7–L4. A tenth of the films, chosen by a hash of their
/// names, is in [`Subset::Val`], the rest in [`Subset::Train`].
///
/// # Errors
/// [`Error::Read`], [`Error::TooLarge`]; [`Error::Broken`] for invalid JSON, with entry and field; [`Error::Entry`] for
/// an impossible value, such as a film without vertebrae.
pub fn read_spinal_ai(root: &Path) -> Result<Vec<Film>, Error> {
    read(root, "quads.json", |entry: &Quads| {
        let [from, to] = entry.film_x;
        if !(from >= 0.0 && to > from && to <= FARTHEST) {
            return wrong("film_x", format!("[{from}, {to}]"), "two columns, the lower first");
        }
        let quad = |corners: &[[f32; 2]; 4]| corners.map(|[x, y]| Point::new(x, y));
        let vertebrae: Vec<_> = entry.quads.iter().map(quad).collect();
        let set = if is_validation(&entry.image) { Subset::Val } else { Subset::Train };
        film(root, &entry.image, set, vertebrae, Some(entry.film_x), "quads")
    })
}

/// Reads `root/boxes.json`, the labels of whole films: a list of `image` (its path relative to `root`), `set` and
/// `boxes` (the axis-aligned bounding boxes `[x0, y0, x1, y1]` of the vertebrae in pixels, from top to bottom). Boxes
/// become corners; no film is complete.
///
/// # Errors
/// Same as [`read_spinal_ai`].
pub fn read_whole_films(root: &Path) -> Result<Vec<Film>, Error> {
    read(root, "boxes.json", |entry: &Boxes| {
        if let Some(index) = entry.boxes.iter().position(|[x0, y0, x1, y1]| !(x0 < x1 && y0 < y1)) {
            let expected = "[x0, y0, x1, y1], the lower first";
            return wrong(&format!("boxes[{index}]"), format!("{:?}", entry.boxes[index]), expected);
        }
        let corners = |&[x0, y0, x1, y1]: &[f32; 4]| {
            [Point::new(x0, y0), Point::new(x1, y0), Point::new(x0, y1), Point::new(x1, y1)]
        };
        let vertebrae: Vec<_> = entry.boxes.iter().map(corners).collect();
        film(root, &entry.image, entry.set, vertebrae, None, "boxes")
    })
}

/// A list entry that names an image.
trait Named {
    fn name(&self) -> &str;
}

impl Named for Quads {
    fn name(&self) -> &str {
        &self.image
    }
}

impl Named for Boxes {
    fn name(&self) -> &str {
        &self.image
    }
}

fn read<T: DeserializeOwned + Named>(
    root: &Path,
    file: &str,
    film: impl Fn(&T) -> Result<Film, Wrong>,
) -> Result<Vec<Film>, Error> {
    let path = root.join(file);
    let entries: Vec<T> = files::read_json(&path, "list of films")?;
    let films = entries.iter().enumerate().map(|(index, entry)| {
        film(entry).map_err(|wrong| Error::Entry {
            path: path.clone(),
            entry: index,
            name: entry.name().into(),
            field: wrong.field.into(),
            found: wrong.found,
            expected: wrong.expected,
        })
    });
    films.collect()
}

fn film(
    root: &Path,
    image: &str,
    set: Subset,
    vertebrae: Vec<[Point; 4]>,
    area: Option<[f32; 2]>,
    field: &str,
) -> Result<Film, Wrong> {
    if image.is_empty() {
        return wrong("image", "an empty string".to_owned(), "a path");
    }
    if vertebrae.len() < 2 {
        return wrong(field, format!("{} vertebrae", vertebrae.len()), "at least 2");
    }
    // NaN fails this comparison.
    let sound = |point: &Point| point.x.abs() <= FARTHEST && point.y.abs() <= FARTHEST;
    if let Some(index) = vertebrae.iter().position(|corners| !corners.iter().all(sound)) {
        return wrong(&format!("{field}[{index}]"), format!("{:?}", vertebrae[index]), "pixels of the image");
    }
    if let Some(index) = vertebrae.windows(2).position(|pair| center_y(&pair[0]) >= center_y(&pair[1])) {
        let found = "not below the previous vertebra".to_owned();
        return wrong(&format!("{field}[{}]", index + 1), found, "vertebrae from top to bottom");
    }
    Ok(Film { path: root.join(image), size: None, set, vertebrae, complete: false, area })
}

fn wrong<T>(field: &str, found: String, expected: &str) -> Result<T, Wrong> {
    Err(Wrong { field: field.to_owned(), found, expected: expected.to_owned() })
}

/// Whether the film of this name is in the tenth used for validation.
fn is_validation(name: &str) -> bool {
    let letters: Vec<u64> = name.bytes().map(u64::from).collect();
    Draw::new(0, &letters).below(10) == 0
}
