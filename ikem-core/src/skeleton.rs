use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::frame::Frame;
use crate::geometry::Point;

/// The 17 vertebrae labelled on a spinal AP radiograph, from the top.
const SPINE: [&str; 17] =
    ["T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5"];

/// A vertebra's corners, as seen on the image.
const CORNERS: [&str; 4] = ["TL", "TR", "BL", "BR"];

/// A vertebra and the indices of its keypoints; for the spine, these are its corners: top left, top right, bottom left,
/// bottom right, as seen on the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vertebra {
    /// Its name, such as `T5`.
    pub name: String,
    /// The indices of its keypoints.
    pub corners: Vec<usize>,
}

/// The keypoints of a model: their names, their grouping into vertebrae, the pairs that swap in a mirrored image, and
/// the lines to draw between them.
///
/// [`Skeleton::spine`] is that of the published models. Others can be read from JSON:
///
/// ```
/// use ikem_core::Skeleton;
/// let hand: Skeleton = serde_json::from_str(
///     r#"{"names": ["left", "right"], "vertebrae": [{"name": "bone", "corners": [0, 1]}],
///         "flip_pairs": [[0, 1]], "edges": [[0, 1]]}"#,
/// )?;
/// assert_eq!(hand.index("right")?, 1);
/// assert!(serde_json::from_str::<Skeleton>(r#"{"names": ["a"], "edges": [[0, 7]]}"#).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Skeleton {
    names: Vec<String>,
    vertebrae: Vec<Vertebra>,
    flip_pairs: Vec<(usize, usize)>,
    edges: Vec<(usize, usize)>,
}

/// A skeleton as stored in JSON, before validation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    names: Vec<String>,
    #[serde(default)]
    vertebrae: Vec<Vertebra>,
    #[serde(default)]
    flip_pairs: Vec<(usize, usize)>,
    #[serde(default)]
    edges: Vec<(usize, usize)>,
}

impl Skeleton {
    /// The spine from T1 to L5: 17 vertebrae of four corners, `T1-TL`, `T1-TR`, `T1-BL`, `T1-BR`, `T2-TL` …
    #[must_use]
    pub fn spine() -> Self {
        let firsts = || (0..SPINE.len()).map(|v| 4 * v);
        Self {
            names: SPINE.iter().flat_map(|v| CORNERS.map(|corner| format!("{v}-{corner}"))).collect(),
            vertebrae: SPINE
                .iter()
                .zip(firsts())
                .map(|(name, a)| Vertebra { name: (*name).to_owned(), corners: (a..a + 4).collect() })
                .collect(),
            flip_pairs: firsts().flat_map(|a| [(a, a + 1), (a + 2, a + 3)]).collect(),
            edges: firsts().flat_map(|a| [(a, a + 1), (a + 1, a + 3), (a + 3, a + 2), (a + 2, a)]).collect(),
        }
    }

    /// Whether the keypoints are the four corners of each of at least two vertebrae from the top, named `NAME-TL`,
    /// `NAME-TR`, `NAME-BL`, `NAME-BR`: a spine or a part of one. Only then are there Cobb angles, and names that can be
    /// off by a vertebra.
    ///
    /// ```
    /// use ikem_core::Skeleton;
    /// assert!(Skeleton::spine().is_spine());
    /// assert!(!Skeleton::numbered(68).is_spine());
    /// ```
    #[must_use]
    pub fn is_spine(&self) -> bool {
        let fits = |(place, vertebra): (usize, &Vertebra)| {
            let named = |(corner, &keypoint): (&str, &usize)| {
                self.names.get(keypoint).is_some_and(|name| *name == format!("{}-{corner}", vertebra.name))
            };
            let first = CORNERS.len() * place;
            vertebra.corners.iter().copied().eq(first..first + CORNERS.len())
                && CORNERS.into_iter().zip(&vertebra.corners).all(named)
        };
        self.vertebrae.len() >= 2
            && self.len() == CORNERS.len() * self.vertebrae.len()
            && self.vertebrae.iter().enumerate().all(fits)
    }

    /// `count` keypoints named `0`, `1`, … without any structure.
    #[must_use]
    pub fn numbered(count: usize) -> Self {
        Self {
            names: (0..count).map(|index| index.to_string()).collect(),
            vertebrae: Vec::new(),
            flip_pairs: Vec::new(),
            edges: Vec::new(),
        }
    }

    /// A skeleton of the given parts.
    ///
    /// # Errors
    /// [`Error::Skeleton`] when a name is empty or duplicate, an index is out of range, or a keypoint is in two mirror
    /// pairs.
    pub fn new(
        names: Vec<String>,
        vertebrae: Vec<Vertebra>,
        flip_pairs: Vec<(usize, usize)>,
        edges: Vec<(usize, usize)>,
    ) -> Result<Self, Error> {
        let count = names.len();
        let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        if sorted.first().is_some_and(|name| name.is_empty()) {
            return Err(Error::Skeleton("a keypoint has an empty name".to_owned()));
        }
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::Skeleton(format!("two keypoints are named {:?}", pair[0])));
        }
        let corners = vertebrae.iter().flat_map(|vertebra| vertebra.corners.iter().copied());
        let paired = || flip_pairs.iter().flat_map(|&(a, b)| [a, b]);
        let drawn = edges.iter().flat_map(|&(a, b)| [a, b]);
        if let Some(index) = corners.chain(paired()).chain(drawn).find(|&index| index >= count) {
            return Err(Error::Skeleton(format!("there is no keypoint {index} among {count} names")));
        }
        let mut pairs_of = vec![0_usize; count];
        paired().for_each(|index| pairs_of[index] += 1);
        if let Some(index) = pairs_of.iter().position(|&pairs| pairs > 1) {
            return Err(Error::Skeleton(format!("keypoint {index} is in two flip pairs")));
        }
        Ok(Self { names, vertebrae, flip_pairs, edges })
    }

    /// The number of keypoints (K).
    #[must_use]
    pub const fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are no keypoints.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The keypoints' names in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The vertebrae from top to bottom.
    #[must_use]
    pub fn vertebrae(&self) -> &[Vertebra] {
        &self.vertebrae
    }

    /// The corners of each vertebra; `None` unless all have four.
    pub(crate) fn corners(&self) -> Option<Vec<[usize; 4]>> {
        self.vertebrae.iter().map(|vertebra| vertebra.corners.as_slice().try_into().ok()).collect()
    }

    /// The pairs of keypoints that swap when the image is mirrored.
    #[must_use]
    pub fn flip_pairs(&self) -> &[(usize, usize)] {
        &self.flip_pairs
    }

    /// The lines to draw between keypoints.
    #[must_use]
    pub fn edges(&self) -> &[(usize, usize)] {
        &self.edges
    }

    /// The index in [`vertebrae`](Self::vertebrae) of the vertebra that `keypoint` belongs to.
    #[must_use]
    pub fn vertebra_of(&self, keypoint: usize) -> Option<usize> {
        self.vertebrae.iter().position(|vertebra| vertebra.corners.contains(&keypoint))
    }

    /// For each keypoint, the one whose position it takes when the vertebrae's names shift down by `by` (up if
    /// negative): shifted by one, the vertebra called T5 is called T6. `None` for the corners of a vertebra without a
    /// counterpart; keypoints outside vertebrae map to themselves. Returns `None` if the vertebrae have different
    /// numbers of corners.
    ///
    /// ```
    /// let sources = ikem_core::Skeleton::spine().shifted(1).ok_or("a spine")?;
    /// assert_eq!((sources[0], sources[20]), (None, Some(16))); // T6-TL takes the place of T5-TL
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn shifted(&self, by: isize) -> Option<Vec<Option<usize>>> {
        let corners = self.vertebrae.first()?.corners.len();
        if self.vertebrae.iter().any(|vertebra| vertebra.corners.len() != corners) {
            return None;
        }
        let back = by.checked_neg()?;
        let mut sources: Vec<_> = (0..self.len()).map(Some).collect();
        for (place, vertebra) in self.vertebrae.iter().enumerate() {
            let from = place.checked_add_signed(back).and_then(|from| self.vertebrae.get(from));
            for (corner, &keypoint) in vertebra.corners.iter().enumerate() {
                sources[keypoint] = from.map(|from| from.corners[corner]);
            }
        }
        Some(sources)
    }

    /// The frame around a spine with these keypoints ([`Frame::around`]): its top is the mean of the first half of the
    /// first vertebra's keypoints, its bottom that of the second half of the last vertebra's. Absent keypoints are taken
    /// to be on the line through those of the two nearest vertebrae. `None` when there are fewer than two vertebrae, or
    /// keypoints are missing.
    ///
    /// # Errors
    /// [`Error::Frame`] when the keypoints are degenerate.
    #[must_use]
    pub fn frame(&self, keypoints: &[Point]) -> Option<Result<Frame, Error>> {
        let [first, .., last] = self.vertebrae.as_slice() else { return None };
        let keypoints = &self.completed(keypoints)?;
        let mean = |corners: &[usize]| {
            let points: Option<Vec<Point>> = corners.iter().map(|&k| keypoints.get(k).copied()).collect();
            let points = points.filter(|points| !points.is_empty())?;
            let sum = points.iter().fold(Point::default(), |sum, &point| sum + point);
            Some(sum * (1.0 / points.len() as f32))
        };
        let half = |corners: &[usize]| corners.len().div_ceil(2);
        let top = mean(first.corners.get(..half(&first.corners))?)?;
        let bottom = mean(last.corners.get(last.corners.len() - half(&last.corners)..)?)?;
        Some(Frame::around(top, bottom, keypoints))
    }

    /// The keypoints, with the absent ones of vertebrae on the line through the same corner of the two nearest vertebrae
    /// that have it; `None` where fewer have it.
    fn completed<'a>(&self, keypoints: &'a [Point]) -> Option<Cow<'a, [Point]>> {
        if !keypoints.iter().any(|point| point.is_absent()) {
            return Some(keypoints.into());
        }
        let mut completed = keypoints.to_vec();
        for (level, vertebra) in self.vertebrae.iter().enumerate() {
            for (corner, &keypoint) in vertebra.corners.iter().enumerate() {
                if !keypoints.get(keypoint)?.is_absent() {
                    continue;
                }
                let of = |(level, other): (usize, &Vertebra)| {
                    let point = *keypoints.get(*other.corners.get(corner)?)?;
                    (!point.is_absent()).then_some((level, point))
                };
                let mut known: Vec<(usize, Point)> =
                    self.vertebrae.iter().enumerate().filter_map(of).collect();
                known.sort_by_key(|(other, _)| other.abs_diff(level));
                let &[(one, a), (other, b), ..] = known.as_slice() else { return None };
                let share = (level as f32 - one as f32) / (other as f32 - one as f32);
                completed[keypoint] = a + (b - a) * share;
            }
        }
        Some(completed.into())
    }

    /// The index of a keypoint given by its name, in any case, or by its index from 0.
    ///
    /// # Errors
    /// [`Error::UnknownName`] when `text` is neither.
    pub fn index(&self, text: &str) -> Result<usize, Error> {
        self.names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text))
            .or_else(|| text.parse().ok().filter(|&index: &usize| index < self.len()))
            .ok_or_else(|| Error::UnknownName {
                name: text.to_owned(),
                first: self.names.first().cloned().unwrap_or_default(),
                last: self.names.last().cloned().unwrap_or_default(),
                count: self.len(),
            })
    }
}

impl TryFrom<Unchecked> for Skeleton {
    type Error = Error;
    fn try_from(raw: Unchecked) -> Result<Self, Error> {
        Self::new(raw.names, raw.vertebrae, raw.flip_pairs, raw.edges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spine_has_17_vertebrae_of_four_corners() {
        let spine = Skeleton::spine();
        assert_eq!(spine.len(), 68);
        assert_eq!(spine.names()[17], "T5-TR");
        assert_eq!(spine.index("l5-br"), Ok(67));
        assert_eq!(spine.index("16"), Ok(16));
        assert_eq!(spine.vertebra_of(67), Some(16));
        assert_eq!(spine.vertebrae()[16].name, "L5");
        let swapped: Vec<_> =
            spine.flip_pairs().iter().map(|&(a, b)| [&spine.names()[a], &spine.names()[b]]).collect();
        assert_eq!(swapped[0], ["T1-TL", "T1-TR"]);
        assert_eq!(swapped[33], ["L5-BL", "L5-BR"]);
        let checked = Skeleton::new(
            spine.names.clone(),
            spine.vertebrae.clone(),
            spine.flip_pairs.clone(),
            spine.edges.clone(),
        );
        assert_eq!(checked, Ok(spine));
    }

    #[test]
    fn absent_keypoints_are_completed_for_the_frame() {
        let spine = Skeleton::spine();
        // A straight spine of equal vertebrae.
        let point = |k: usize| {
            let (vertebra, right, bottom) = (k / 4, k % 2, k / 2 % 2);
            Point::new(100.0 + 40.0 * right as f32, 50.0 + 40.0 * vertebra as f32 + 30.0 * bottom as f32)
        };
        let complete: Vec<Point> = (0..68).map(point).collect();
        let expected = spine.frame(&complete).expect("vertebrae").expect("a frame");
        let mut part = complete.clone();
        // T1, a corner in the middle, and L4 and L5, which are not on the film.
        for k in (0..4).chain([30]).chain(60..68) {
            part[k] = Point::ABSENT;
        }
        let found = spine.frame(&part).expect("enough").expect("a frame");
        assert!((found.height() - expected.height()).abs() < 1e-3, "{found:?}, {expected:?}");
        assert!((found.center()[1] - expected.center()[1]).abs() < 1e-3);
        let (film, grid) = (crate::Size::new(300, 900), crate::Size::new(64, 128));
        assert!(found.to_grid(Point::ABSENT, film, grid).is_absent());
        assert!(found.to_image(Point::ABSENT, film, grid).is_absent());
        assert!(Point::ABSENT.rescaled(film, grid).is_absent() && !film.contains(Point::ABSENT));
        // One vertebra does not tell where the others are.
        let lonely: Vec<Point> =
            complete.iter().enumerate().map(|(k, p)| if k < 4 { *p } else { Point::ABSENT }).collect();
        assert!(spine.frame(&lonely).is_none());
    }

    #[test]
    fn parts_of_a_spine_are_one_and_other_bones_are_not() {
        let bones = |names: [&str; 2], corners: [&str; 4]| {
            let names_of = |bone: &str| corners.map(|corner| format!("{bone}-{corner}")).to_vec();
            let vertebra = |(place, name): (usize, &str)| Vertebra {
                name: name.to_owned(),
                corners: (4 * place..4 * place + 4).collect(),
            };
            let keypoints = names.iter().flat_map(|bone| names_of(bone)).collect();
            let vertebrae = names.into_iter().enumerate().map(vertebra).collect();
            Skeleton::new(keypoints, vertebrae, vec![], vec![]).expect("a skeleton")
        };
        assert!(bones(["L4", "L5"], ["TL", "TR", "BL", "BR"]).is_spine());
        assert!(!bones(["thumb", "index"], ["base", "lower", "upper", "tip"]).is_spine());
        assert!(!bones(["L4", "L5"], ["TL", "TR", "BR", "BL"]).is_spine());
    }

    #[test]
    fn inconsistent_skeletons_are_rejected() {
        let names = |n: &[&str]| n.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let cases = [
            (Skeleton::new(names(&["a", "a"]), vec![], vec![], vec![]), "two keypoints are named \"a\""),
            (Skeleton::new(names(&[""]), vec![], vec![], vec![]), "a keypoint has an empty name"),
            (Skeleton::new(names(&["a"]), vec![], vec![], vec![(0, 1)]), "no keypoint 1 among 1"),
            (
                Skeleton::new(names(&["a", "b", "c"]), vec![], vec![(0, 1), (1, 2)], vec![]),
                "keypoint 1 is in two",
            ),
        ];
        for (result, expected) in cases {
            let message = result.expect_err(expected).to_string();
            assert!(message.contains(expected), "{message}");
        }
        assert!(Skeleton::spine().index("T13-TL").is_err());
        assert!(Skeleton::spine().index("68").is_err());
    }
}
