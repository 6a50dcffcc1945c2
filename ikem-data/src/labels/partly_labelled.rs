use ikem_core::{Size, Skeleton};

use crate::names::bare;
use crate::places::{NEAR, is_far_off};
use crate::{ManifestEntry, PredictionRecord, Subset};

/// How many keypoints an error lists by name.
const LISTED: usize = 12;

/// A film of a file in which not everything need be labelled.
pub(crate) struct PartlyLabelled {
    /// Its name in the file.
    pub(crate) image: String,
    pub(crate) size: Size,
    pub(crate) set: Option<Subset>,
    /// The places of the skeleton's keypoints, x and y in pixels, of those that are labelled.
    pub(crate) points: Vec<Option<[f64; 2]>>,
    /// The same to the last bit, where the file has it.
    pub(crate) exact: Option<ManifestEntry>,
}

impl PartlyLabelled {
    /// The film of a prediction; its keypoints are found by their names.
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

    /// The points, if all are labelled and none is nowhere near the film; nothing if none is labelled. Otherwise what is wrong.
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

    /// The entry of the film, whose keypoints are at `points`.
    pub(crate) fn entry(self, points: &[[f64; 2]], set: Subset, skeleton: &Skeleton) -> ManifestEntry {
        if let Some(exact) = self.exact {
            return exact;
        }
        let [width, height] = [self.size.width, self.size.height].map(|side| side as f64);
        let corners = points.iter().map(|[x, y]| [y / height, x / width]).collect();
        ManifestEntry::new(self.image, corners, self.size, set, skeleton)
    }
}
