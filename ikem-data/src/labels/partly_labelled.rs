use ikem_core::{Size, Skeleton};

use crate::error::NEAR;
use crate::manifest::{ABSENT_YX, ManifestEntry, Subset};
use crate::names::bare;
use crate::prediction::PredictionRecord;

/// A film that may have labels for only some keypoints.
pub(crate) struct PartlyLabelled {
    /// The name of the film in the file.
    pub(crate) image: String,
    pub(crate) size: Size,
    pub(crate) set: Option<Subset>,
    /// The labelled points in skeleton order, x and y in pixels; `None` for one that is not seen.
    pub(crate) points: Vec<Option<[f64; 2]>>,
    /// The entry with its original, unrounded coordinates, if the file has them.
    pub(crate) exact: Option<ManifestEntry>,
}

impl PartlyLabelled {
    /// The film of a prediction. Keypoints are matched by name.
    pub(crate) fn of_prediction(prediction: &PredictionRecord, skeleton: &Skeleton) -> Self {
        let place = |name: &String| {
            let named = prediction.keypoints.iter().find(|keypoint| bare(&keypoint.name) == bare(name))?;
            Some([f64::from(named.x), f64::from(named.y)])
        };
        Self {
            image: prediction.image.clone(),
            size: prediction.size(),
            set: None,
            points: skeleton.names().iter().map(place).collect(),
            exact: None,
        }
    }

    /// All points, infinite where they are not seen, or `None` if there are no labels. The error says which one is far
    /// outside the film.
    pub(crate) fn points(&self, skeleton: &Skeleton) -> Result<Option<Vec<[f64; 2]>>, String> {
        let named = || skeleton.names().iter().zip(&self.points);
        if self.points.iter().all(Option::is_none) {
            return Ok(None);
        }
        let far =
            named().find_map(|(name, point)| point.filter(|p| !self.size.is_near(*p)).map(|p| (name, p)));
        if let Some((name, [x, y])) = far {
            return Err(format!("{name} is at ({x}, {y}) on a film of {}; expected {NEAR}", self.size));
        }
        Ok(Some(self.points.iter().map(|point| point.unwrap_or(ABSENT_YX)).collect()))
    }

    /// The manifest entry of the film with its keypoints at `points`.
    pub(crate) fn entry(self, points: &[[f64; 2]], set: Subset, skeleton: &Skeleton) -> ManifestEntry {
        if let Some(exact) = self.exact {
            return exact;
        }
        let [width, height] = [self.size.width, self.size.height].map(|side| side as f64);
        let corners = points.iter().map(|[x, y]| [y / height, x / width]).collect();
        ManifestEntry::new(self.image, corners, self.size, set, skeleton)
    }
}
