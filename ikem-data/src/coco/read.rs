//! Lenient reading of COCO files, as other programs write them: fields that are not needed are ignored.

use std::collections::BTreeMap;
use std::path::Path;

use ikem_core::{Size, Skeleton};
use serde::{Deserialize, Deserializer};

use super::KIND;
use super::value::{Id, Value};
use crate::names::bare;
use crate::{Error, files};

/// A file, with `I` beside each image and `A` beside each annotation.
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
    /// x, y, visibility of each keypoint.
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

/// `null` is as good as nothing.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(json: D) -> Result<T, D::Error> {
    Option::deserialize(json).map(Option::unwrap_or_default)
}

/// Where the keypoints of a skeleton stand in the annotations of a category.
struct Order {
    places: Vec<usize>,
    keypoints: usize,
}

impl Order {
    /// The order of a category that names all keypoints of the skeleton once.
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

    /// The places of the skeleton's keypoints, x and y in pixels; none where one is not labelled.
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

/// An image, and what is labelled on it.
pub(super) struct Film<I, A> {
    pub(super) image: Image<I>,
    pub(super) size: Size,
    /// The places of the skeleton's keypoints, x and y in pixels; none where one is not labelled.
    pub(super) points: Vec<Option<[f64; 2]>>,
    pub(super) annotation: Option<Annotation<A>>,
}

/// Reads the text of a file whose keypoints have the names of those of `skeleton`, in whatever order. An image has one
/// annotation with keypoints, or none.
pub(super) fn read<I, A>(path: &Path, text: &str, skeleton: &Skeleton) -> Result<Vec<Film<I, A>>, Error>
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
        // Where there is one kind of things, some programs don't say which.
        None => orders.values().next().filter(|_| orders.len() == 1),
    };
    let mut labelled = BTreeMap::new();
    for (place, annotation) in annotations.into_iter().enumerate() {
        let Some(order) = order(&annotation).filter(|_| annotation.has_keypoints()) else { continue };
        let image = annotation.image_id.clone();
        if labelled.insert(image.clone(), (annotation, order)).is_some() {
            let found = format!("a second one of image {image}, annotations[{place}]");
            return Err(Error::broken(path, KIND, found, "one annotation with keypoints an image"));
        }
    }
    let mut films = Vec::with_capacity(images.len());
    for (place, image) in images.into_iter().enumerate() {
        let marks = labelled.remove(&image.id);
        films.push(film(image, place, marks, skeleton).map_err(|error| error.in_file(path))?);
    }
    match labelled.into_keys().next() {
        Some(id) => {
            Err(Error::broken(path, KIND, format!("an annotation of image {id}"), "an image of this id"))
        }
        None => Ok(films),
    }
}

/// A field of an image that is wrong.
pub(super) struct Wrong {
    place: usize,
    name: String,
    field: &'static str,
    found: String,
    expected: String,
}

impl Wrong {
    fn in_file(self, path: &Path) -> Error {
        Error::Entry {
            path: path.to_owned(),
            entry: self.place,
            name: self.name.into(),
            field: self.field.into(),
            found: self.found,
            expected: self.expected,
        }
    }
}

fn film<I, A>(
    image: Image<I>,
    place: usize,
    marks: Option<(Annotation<A>, &Order)>,
    skeleton: &Skeleton,
) -> Result<Film<I, A>, Wrong> {
    let wrong = |field, found: String, expected: &str| {
        Err(Wrong { place, name: image.file_name.clone(), field, found, expected: expected.to_owned() })
    };
    let Some((annotation, order)) = marks else {
        let (size, points) = (Size::new(0, 0), vec![None; skeleton.len()]);
        return Ok(Film { image, size, points, annotation: None });
    };
    if image.file_name.is_empty() {
        return wrong("file_name", "nothing".to_owned(), "the image's name");
    }
    let (Some(width), Some(height)) = (image.width.side(), image.height.side()) else {
        let found = format!("{} x {} px", image.width, image.height);
        return wrong("width", found, "at least 1 x 1 px");
    };
    match order.points(&annotation.keypoints) {
        Ok(points) => {
            Ok(Film { image, size: Size::new(width, height), points, annotation: Some(annotation) })
        }
        Err((found, expected)) => wrong("keypoints", found, &expected),
    }
}

impl<A> Annotation<A> {
    /// Whether a keypoint is labelled, or the list is not of triples.
    fn has_keypoints(&self) -> bool {
        let (triples, rest) = self.keypoints.as_chunks::<3>();
        !rest.is_empty() || triples.iter().any(|[_, _, Value(seen)]| seen.is_some_and(|seen| seen > 0.0))
    }
}

/// The error that no category names the keypoints, which says what is the matter with the one that comes nearest.
fn no_category(path: &Path, categories: &[Category], skeleton: &Skeleton) -> Error {
    let nearest = categories.iter().max_by_key(|category| category.keypoints.len());
    let found = match nearest {
        None => "no categories".to_owned(),
        Some(category) if category.keypoints.is_empty() => {
            format!("{} categories, and none names keypoints", categories.len())
        }
        Some(category) => {
            let names: Vec<String> = category.keypoints.iter().map(|name| bare(name)).collect();
            let lacking = |name: &&String| names.iter().filter(|own| **own == bare(name)).count() != 1;
            let lacking = skeleton.names().iter().find(lacking).map(String::as_str).unwrap_or_default();
            let (count, name) = (names.len(), &category.name);
            format!("the category {name:?} names {count} keypoints, and not {lacking} once")
        }
    };
    let first = skeleton.names().iter().take(4).cloned().collect::<Vec<_>>().join(", ");
    let expected = format!("a category that names the {} keypoints {first}, … in any order", skeleton.len());
    Error::broken(path, KIND, found, expected)
}
