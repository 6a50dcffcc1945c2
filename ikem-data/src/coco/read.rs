//! Tolerant reading of COCO files from any program; unknown fields are ignored.

use std::collections::BTreeMap;
use std::path::Path;

use ikem_core::{Size, Skeleton};
use serde::{Deserialize, Deserializer};

use super::KIND;
use super::value::{Id, Value};
use crate::error::Error;
use crate::files;
use crate::names::bare;

/// A file to read, with `I` in the field `ikem` of images and `A` in that of annotations.
#[derive(Deserialize)]
#[serde(bound = "I: Deserialize<'de>, A: Deserialize<'de>")]
struct File<I, A> {
    #[serde(deserialize_with = "or_default")]
    images: Vec<Image<I>>,
    #[serde(deserialize_with = "or_default")]
    annotations: Vec<Annotation<A>>,
    #[serde(default, deserialize_with = "or_default")]
    categories: Vec<Category>,
}

#[derive(Deserialize)]
#[serde(bound = "I: Deserialize<'de>")]
pub(super) struct Image<I> {
    id: Id,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) file_name: String,
    #[serde(default)]
    width: Value,
    #[serde(default)]
    height: Value,
    pub(super) ikem: Option<I>,
}

#[derive(Deserialize)]
#[serde(bound = "A: Deserialize<'de>")]
pub(super) struct Annotation<A> {
    image_id: Id,
    category_id: Option<Id>,
    /// x, y and visibility of each keypoint.
    #[serde(default, deserialize_with = "or_default")]
    keypoints: Vec<Value>,
    #[serde(default)]
    pub(super) score: Value,
    pub(super) ikem: Option<A>,
}

#[derive(Deserialize)]
struct Category {
    id: Id,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    keypoints: Vec<String>,
}

/// Reads `null` as the default.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(json: D) -> Result<T, D::Error> {
    Option::deserialize(json).map(Option::unwrap_or_default)
}

/// The order of a skeleton's keypoints in the annotations of a category.
struct Order {
    places: Vec<usize>,
    keypoints: usize,
}

impl Order {
    /// The order in a category that lists all keypoints of the skeleton exactly once.
    fn of(category: &Category, skeleton: &Skeleton) -> Option<Self> {
        let names: Vec<String> = category.keypoints.iter().map(|name| bare(name)).collect();
        let place = |name: &String| {
            let mut found = names.iter().enumerate().filter(|(_, own)| **own == bare(name));
            let place = found.next()?.0;
            found.next().is_none().then_some(place)
        };
        let places = skeleton.names().iter().map(place).collect::<Option<_>>()?;
        Some(Self { places, keypoints: names.len() })
    }

    /// The points in skeleton order, x and y in pixels; `None` for one that is not labelled.
    fn points(&self, values: &[Value]) -> Result<Vec<Option<[f64; 2]>>, (String, String)> {
        let (triples, rest) = values.as_chunks::<3>();
        if triples.len() != self.keypoints || !rest.is_empty() {
            let expected = format!("{}: x, y and visibility of {}", 3 * self.keypoints, self.keypoints);
            return Err((format!("{} numbers", values.len()), expected));
        }
        let point = |place: &usize| match triples.get(*place) {
            Some([Value(Some(x)), Value(Some(y)), Value(Some(seen))]) if *seen > 0.0 => Some([*x, *y]),
            _ => None,
        };
        Ok(self.places.iter().map(point).collect())
    }
}

/// An image with its annotation.
pub(super) struct AnnotatedImage<I, A> {
    pub(super) image: Image<I>,
    pub(super) size: Size,
    /// The points in skeleton order, x and y in pixels; `None` for one that is not labelled.
    pub(super) points: Vec<Option<[f64; 2]>>,
    pub(super) annotation: Option<Annotation<A>>,
}

/// Parses a file whose keypoints have the names of those of `skeleton`, in any order. An image has at most one
/// annotation with keypoints.
pub(super) fn read<I, A>(
    path: &Path,
    text: &str,
    skeleton: &Skeleton,
) -> Result<Vec<AnnotatedImage<I, A>>, Error>
where
    I: for<'de> Deserialize<'de>,
    A: for<'de> Deserialize<'de>,
{
    let File { images, annotations, categories } = files::parse_json(path, KIND, text)?;
    let orders: BTreeMap<&Id, Order> = categories
        .iter()
        .filter_map(|category| Some((&category.id, Order::of(category, skeleton)?)))
        .collect();
    if orders.is_empty() {
        return Err(no_category(path, &categories, skeleton));
    }
    let order = |annotation: &Annotation<A>| match &annotation.category_id {
        Some(id) => orders.get(id),
        // With a single category, some programs leave out its id.
        None => orders.values().next().filter(|_| orders.len() == 1),
    };
    let mut labelled = BTreeMap::new();
    for (index, annotation) in annotations.into_iter().enumerate() {
        let Some(order) = order(&annotation).filter(|_| annotation.has_keypoints()) else { continue };
        let image = annotation.image_id.clone();
        if labelled.insert(image.clone(), (annotation, order)).is_some() {
            let found = format!("annotations[{index}] is a second one of image {image}");
            return Err(Error::broken(path, KIND, found, "one annotation with keypoints per image"));
        }
    }
    let mut films = Vec::with_capacity(images.len());
    for (index, image) in images.into_iter().enumerate() {
        let marks = labelled.remove(&image.id);
        films.push(film(image, index, marks, skeleton).map_err(|error| error.in_file(path))?);
    }
    match labelled.into_keys().next() {
        Some(id) => {
            Err(Error::broken(path, KIND, format!("an annotation of image {id}"), "an image of this id"))
        }
        None => Ok(films),
    }
}

/// An invalid field of an image.
pub(super) struct Wrong {
    index: usize,
    name: String,
    field: &'static str,
    found: String,
    expected: String,
}

impl Wrong {
    fn in_file(self, path: &Path) -> Error {
        Error::Entry {
            path: path.to_owned(),
            entry: self.index,
            name: self.name.into(),
            field: self.field.into(),
            found: self.found,
            expected: self.expected,
        }
    }
}

fn film<I, A>(
    image: Image<I>,
    index: usize,
    marks: Option<(Annotation<A>, &Order)>,
    skeleton: &Skeleton,
) -> Result<AnnotatedImage<I, A>, Wrong> {
    let wrong = |field, found: String, expected: &str| {
        Err(Wrong { index, name: image.file_name.clone(), field, found, expected: expected.to_owned() })
    };
    let Some((annotation, order)) = marks else {
        let (size, points) = (Size::new(0, 0), vec![None; skeleton.len()]);
        return Ok(AnnotatedImage { image, size, points, annotation: None });
    };
    if image.file_name.is_empty() {
        return wrong("file_name", "an empty string".to_owned(), "the name of the image");
    }
    let (Some(width), Some(height)) = (image.width.side(), image.height.side()) else {
        let found = format!("{} x {} px", image.width, image.height);
        return wrong("width", found, "at least 1 x 1 px");
    };
    match order.points(&annotation.keypoints) {
        Ok(points) => {
            Ok(AnnotatedImage { image, size: Size::new(width, height), points, annotation: Some(annotation) })
        }
        Err((found, expected)) => wrong("keypoints", found, &expected),
    }
}

impl<A> Annotation<A> {
    /// Whether a keypoint is labelled or the list is malformed.
    fn has_keypoints(&self) -> bool {
        let (triples, rest) = self.keypoints.as_chunks::<3>();
        !rest.is_empty() || triples.iter().any(|[_, _, Value(seen)]| seen.is_some_and(|seen| seen > 0.0))
    }
}

/// The error if no category lists the keypoints; explains what the most similar one lacks.
fn no_category(path: &Path, categories: &[Category], skeleton: &Skeleton) -> Error {
    let nearest = categories.iter().max_by_key(|category| category.keypoints.len());
    let found = match nearest {
        None => "no categories".to_owned(),
        Some(category) if category.keypoints.is_empty() => {
            format!("{} categories, none of which lists keypoints", categories.len())
        }
        Some(category) => {
            let names: Vec<String> = category.keypoints.iter().map(|name| bare(name)).collect();
            let lacking = |name: &&String| names.iter().filter(|own| **own == bare(name)).count() != 1;
            let lacking = skeleton.names().iter().find(lacking).map(String::as_str).unwrap_or_default();
            let (count, name) = (names.len(), &category.name);
            format!("the category {name:?} lists {count} keypoints, but not {lacking} exactly once")
        }
    };
    let first = skeleton.names().iter().take(4).cloned().collect::<Vec<_>>().join(", ");
    let expected = format!("a category that lists the {} keypoints {first}, … in any order", skeleton.len());
    Error::broken(path, KIND, found, expected)
}
