use ikem_core::{Size, Skeleton};

use crate::manifest::{ManifestEntry, Subset};
use crate::names::bare;
use crate::places::{NEAR, is_far_off};
use crate::prediction::PredictionRecord;

/// The most keypoints that an error lists by name.
const LISTED: usize = 12;

/// A film that may have labels for only some keypoints.
pub(crate) struct PartlyLabelled {
    /// The name of the film in the file.
    pub(crate) image: String,
    pub(crate) size: Size,
    pub(crate) set: Option<Subset>,
    /// The labelled points in skeleton order, x and y in pixels; `None` for a missing one.
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

    /// All points, or `None` if there are no labels. The error says which labels are missing or far outside the film.
    pub(crate) fn points(&self, skeleton: &Skeleton) -> Result<Option<Vec<[f64; 2]>>, String> {
        let named = || skeleton.names().iter().zip(&self.points);
        let absent: Vec<&str> =
            named().filter(|(_, point)| point.is_none()).map(|(name, _)| name.as_str()).collect();
        if absent.len() == skeleton.len() {
            return Ok(None);
        }
        if !absent.is_empty() {
            let more = match absent.len().saturating_sub(LISTED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let (count, names) = (absent.len(), absent[..absent.len().min(LISTED)].join(", "));
            let all = skeleton.len();
            return Err(format!("{count} of {all} keypoints are not labelled: {names}{more}"));
        }
        let far =
            named().find_map(|(name, point)| point.filter(|p| is_far_off(*p, self.size)).map(|p| (name, p)));
        if let Some((name, [x, y])) = far {
            return Err(format!("{name} is at ({x}, {y}) on a film of {}; expected {NEAR}", self.size));
        }
        Ok(Some(self.points.iter().flatten().copied().collect()))
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
