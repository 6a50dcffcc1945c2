use crate::error::Error;
use crate::protocol::Protocol;
use crate::radial::model_errors;
use crate::rule::Rule;
use crate::truth::GroundTruth;
use ikem_core::{Draw, Hint, Keypoints, Point, Size, fnv1a};

/// The random stream for the choice of keypoints; each placement of a keypoint has its own stream after it.
const CHOICES: u64 = 0;

/// A simulated annotator of one image.
///
/// All randomness depends only on the protocol's seed and the image's name, not on the order of images. The placement
/// error of a keypoint depends only on the keypoint and how often it was placed.
#[derive(Debug, Clone)]
pub(crate) struct Annotator<'a> {
    protocol: &'a Protocol,
    truth: &'a GroundTruth,
    placed: Vec<u32>,
    random: Draw,
}

impl<'a> Annotator<'a> {
    /// An annotator of the image of `truth`.
    ///
    /// # Errors
    /// [`Error::Argument`] for an invalid protocol.
    pub(crate) fn new(protocol: &'a Protocol, truth: &'a GroundTruth) -> Result<Self, Error> {
        protocol.check()?;
        let random = Draw::stream(protocol.seed ^ fnv1a(truth.image.as_bytes()), CHOICES);
        Ok(Self { protocol, truth, placed: vec![0; truth.keypoints.len()], random })
    }

    /// The next correction, given the raw prediction `raw`; `None` if nothing is left to correct.
    ///
    /// A click beyond the border of the image, because of its label or its placement error, is moved to the border.
    pub(crate) fn click(&mut self, raw: &Keypoints) -> Option<Hint> {
        let errors = model_errors(raw, &self.truth.keypoints, self.truth.size, self.protocol.model_size);
        // Nobody can put a point that is not seen.
        let seen = || errors.iter().copied().enumerate().filter(|(_, error)| !error.is_nan());
        let left = || seen().filter(|(keypoint, _)| self.placed.get(*keypoint) == Some(&0));
        let keypoint = match self.protocol.rule {
            Rule::Worst => worst(seen()),
            Rule::WorstNew => worst(left()),
            Rule::FirstWrong(threshold) => {
                left().find(|(_, error)| *error > threshold).map(|(keypoint, _)| keypoint)
            }
            Rule::Random => {
                let place = self.random.below(left().count() as u64);
                left().nth(place as usize).map(|(keypoint, _)| keypoint)
            }
        }?;
        self.place(keypoint)
    }

    /// The click that corrects `keypoint`, which counts as corrected from now on.
    fn place(&mut self, keypoint: usize) -> Option<Hint> {
        let label = *self.truth.keypoints.get(keypoint)?;
        let placed = self.placed.get_mut(keypoint)?;
        *placed += 1;
        let seed = self.protocol.seed ^ fnv1a(self.truth.image.as_bytes());
        let mut random = Draw::stream(seed, CHOICES + 1 + ((keypoint as u64) << 32) + u64::from(*placed));
        let [x, y] = random.normal_pair().map(|normal| (normal * self.protocol.click_std) as f32);
        Some(Hint::new(keypoint, onto(self.truth.size, label + Point::new(x, y))))
    }
}

/// The first keypoint with the largest error.
fn worst(errors: impl Iterator<Item = (usize, f64)>) -> Option<usize> {
    errors.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(keypoint, _)| keypoint)
}

/// The nearest position to `point` on the image, as defined by [`Size::contains`].
fn onto(size: Size, point: Point) -> Point {
    Point::new(point.x.clamp(-0.5, size.width as f32), point.y.clamp(-0.5, size.height as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(name: &str) -> GroundTruth {
        let labels = (0..6).map(|i| Point::new(100.0, 100.0 * i as f32)).collect();
        GroundTruth::new(name, Size::new(256, 512), labels).expect("a truth")
    }

    /// Off by 3, 1, 5, 2, 4, 5 pixels to the right.
    fn prediction(truth: &GroundTruth) -> Keypoints {
        let off = [3.0, 1.0, 5.0, 2.0, 4.0, 5.0];
        truth.keypoints.iter().zip(off).map(|(p, x)| *p + Point::new(x, 0.0)).collect()
    }

    fn clicked(protocol: &Protocol, name: &str, clicks: usize) -> Vec<usize> {
        let truth = truth(name);
        let raw = prediction(&truth);
        let mut annotator = Annotator::new(protocol, &truth).expect("an annotator");
        (0..clicks).map_while(|_| annotator.click(&raw)).map(|hint| hint.keypoint).collect()
    }

    #[test]
    fn rules_choose_as_documented() {
        for (rule, expected) in [
            (Rule::Worst, &[2, 2, 2, 2, 2, 2, 2, 2][..]),
            (Rule::WorstNew, &[2, 5, 4, 0, 3, 1]),
            (Rule::FirstWrong(2.5), &[0, 2, 4, 5]),
            (Rule::FirstWrong(5.0), &[]),
        ] {
            let protocol = Protocol { rule, ..Protocol::default() };
            assert_eq!(clicked(&protocol, "a", 8), expected, "{rule}");
            assert_eq!(rule.to_string().parse::<Rule>().expect("a rule"), rule);
        }
        assert!("first-wrong".parse::<Rule>().is_err());
    }

    #[test]
    fn errors_are_compared_in_model_space() {
        // 6 px across in an image as wide as the grid outweigh 9 px down in one four times as high.
        let labels = vec![Point::default(), Point::default()].into();
        let truth = GroundTruth::new("a", Size::new(256, 2048), labels).expect("a truth");
        let raw = vec![Point::new(0.0, 9.0), Point::new(6.0, 0.0)].into();
        let protocol = Protocol::default();
        let mut annotator = Annotator::new(&protocol, &truth).expect("an annotator");
        assert_eq!(annotator.click(&raw).map(|hint| hint.keypoint), Some(1));
    }

    #[test]
    fn random_takes_each_point_once_and_depends_on_seed_and_image_alone() {
        let protocol = |seed| Protocol { rule: Rule::Random, seed, ..Protocol::default() };
        let first = clicked(&protocol(1), "a", 9);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5]);
        assert_eq!(clicked(&protocol(1), "a", 9), first);
        let others: Vec<_> = (2..20).map(|seed| clicked(&protocol(seed), "a", 9)).collect();
        assert!(others.iter().any(|other| *other != first));
        let images: Vec<_> = ["b", "c", "d", "e"].map(|name| clicked(&protocol(1), name, 9)).into();
        assert!(images.iter().any(|other| *other != first));
    }

    #[test]
    fn placement_errors_have_the_given_standard_deviation() {
        let labels: Keypoints = vec![Point::new(5000.0, 5000.0); 4000].into();
        let truth = GroundTruth::new("a", Size::new(10_000, 10_000), labels).expect("a truth");
        let protocol = Protocol { click_std: 3.0, ..Protocol::default() };
        let mut annotator = Annotator::new(&protocol, &truth).expect("an annotator");
        let offs: Vec<f64> = (0..4000)
            .filter_map(|_| annotator.click(&truth.keypoints))
            .flat_map(|hint| [hint.point.x - 5000.0, hint.point.y - 5000.0])
            .map(f64::from)
            .collect();
        assert_eq!(offs.len(), 8000);
        let mean = offs.iter().sum::<f64>() / 8000.0;
        let std = (offs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 8000.0).sqrt();
        // Four standard errors of either.
        assert!(mean.abs() < 0.14 && (std - 3.0).abs() < 0.1, "mean {mean}, std {std}");
    }

    #[test]
    fn placement_errors_depend_on_keypoint_and_attempt_alone() {
        let truth = truth("a");
        let protocol = Protocol { click_std: 2.0, ..Protocol::default() };
        let mut one = Annotator::new(&protocol, &truth).expect("an annotator");
        let mut other = one.clone();
        let first = one.place(3);
        other.place(1);
        assert_eq!(other.place(3), first);
        assert_ne!(one.place(3), first);
    }

    #[test]
    fn clicks_land_on_the_image() {
        let labels = vec![Point::new(-7.0, 600.0), Point::new(256.0, -0.5)].into();
        let truth = GroundTruth::new("a", Size::new(256, 512), labels).expect("a truth");
        let protocol = Protocol::default();
        let mut annotator = Annotator::new(&protocol, &truth).expect("an annotator");
        let raw = vec![Point::default(); 2].into();
        let hints: Vec<_> = std::iter::from_fn(|| annotator.click(&raw)).collect();
        assert_eq!(hints, [Hint::new(0, Point::new(-0.5, 512.0)), Hint::new(1, Point::new(256.0, -0.5)),]);
        assert!(hints.iter().all(|hint| hint.checked(2, truth.size).is_ok()));
    }
}
