use std::ops::Bound;

use ikem_core::FieldError;
use serde::{Deserialize, Serialize};

/// The random properties of scenes: probabilities, 0 to 1, and ranges.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SceneConfig {
    /// The probability of a scene without a spine.
    pub blank: f64,
    /// The probability of viewing the whole film instead of a rectangle around the spine.
    pub whole: f64,
    /// The probability that such a rectangle ends close above and below the spine.
    pub tight: f64,
    /// The probability of cutting 5 to 35 % of the spine off at one end.
    pub cut: f64,
    /// The probability of mirroring left to right.
    pub mirror: f64,
    /// The standard deviation of the tilt, in degrees, 0 to 45.
    pub tilt: f64,
    /// The probability of a uniform tilt up to ±`widest_tilt` instead.
    pub wide_tilt: f64,
    /// The largest uniform tilt, in degrees, 0 to 45.
    pub widest_tilt: f64,
    /// The probability of turning the film by one, two or three quarter turns.
    pub turned: f64,
    /// The content beyond the edges of the film.
    pub fills: Fills,
    /// The probability of collimator edges.
    pub collimator: f64,
    /// The probability of side markers and text.
    pub letters: f64,
    /// The probability of a ruler.
    pub ruler: f64,
    /// The probability of thin lines, as drawn for measurements.
    pub lines: f64,
    /// The probability of small bright objects: rods, screws, plates.
    pub implants: f64,
    /// The probability of effects of a photograph of a screen or a light box.
    pub screen: f64,
    /// The probability of gamma correction.
    pub gamma: f64,
    /// The smallest and the largest exponent, above 0, up to 10; log-uniform.
    pub powers: [f64; 2],
    /// The probability of compressing grey values into a part of their range, at least a fifth.
    pub squeeze: f64,
    /// The probability of shading towards one side or the border.
    pub illumination: f64,
    /// The probability of noise.
    pub noise: f64,
    /// The largest standard deviation of the noise, relative to grey values of 0…1.
    pub deviation: f64,
    /// The probability of one to three passes of a 3 × 3 box blur.
    pub blur: f64,
    /// The probability of inverting the scene to a negative.
    pub negative: f64,
}

/// The relative weights of the kinds of content beyond the edges of a film; they need not sum to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fills {
    /// Black.
    pub black: f64,
    /// The film mirrored at its edges; mirrored vertebrae do not count as spine. The view is limited to the left and
    /// right so that it does not show the mirrored spine, which would be indistinguishable from it.
    pub mirrored: f64,
    /// The film's outermost pixels, repeated.
    pub edge: f64,
    /// White.
    pub white: f64,
    /// A uniform grey.
    pub grey: f64,
    /// Smooth noise.
    pub noise: f64,
    /// A part of another film without its spine.
    pub other: f64,
}

impl Default for Fills {
    fn default() -> Self {
        Self { black: 0.4, mirrored: 0.25, edge: 0.1, white: 0.05, grey: 0.05, noise: 0.05, other: 0.1 }
    }
}

impl Default for SceneConfig {
    fn default() -> Self {
        Self {
            blank: 0.12,
            whole: 0.35,
            tight: 0.3,
            cut: 0.12,
            mirror: 0.5,
            tilt: 5.0,
            wide_tilt: 0.2,
            widest_tilt: 25.0,
            turned: 0.3,
            fills: Fills::default(),
            collimator: 0.25,
            letters: 0.3,
            ruler: 0.2,
            lines: 0.2,
            implants: 0.15,
            screen: 0.1,
            gamma: 0.7,
            powers: [0.4, 2.6],
            squeeze: 0.4,
            illumination: 0.25,
            noise: 0.4,
            deviation: 0.05,
            blur: 0.2,
            negative: 0.25,
        }
    }
}

impl SceneConfig {
    /// Unchanged films: whole, upright, without marks.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            blank: 0.0,
            whole: 1.0,
            tight: 0.0,
            cut: 0.0,
            mirror: 0.0,
            tilt: 0.0,
            wide_tilt: 0.0,
            turned: 0.0,
            collimator: 0.0,
            letters: 0.0,
            ruler: 0.0,
            lines: 0.0,
            implants: 0.0,
            screen: 0.0,
            gamma: 0.0,
            squeeze: 0.0,
            illumination: 0.0,
            noise: 0.0,
            blur: 0.0,
            negative: 0.0,
            ..Self::default()
        }
    }

    /// Checks every field's range.
    ///
    /// # Errors
    /// The first field that is out of range, by name.
    pub fn check(&self) -> Result<(), FieldError> {
        for (name, probability) in self.probabilities() {
            FieldError::check_range(name, probability, 0.0..=1.0)?;
        }
        FieldError::check_range("tilt", self.tilt, 0.0..=45.0)?;
        FieldError::check_range("widest_tilt", self.widest_tilt, 0.0..=45.0)?;
        FieldError::check_interval("powers", self.powers, (Bound::Excluded(0.0), Bound::Included(10.0)))?;
        FieldError::check_range("deviation", self.deviation, 0.0..=1.0)?;
        let fills = self.fills.named();
        for (name, part) in fills {
            FieldError::check_range(name, part, 0.0..=1e6)?;
        }
        if fills.iter().all(|&(_, part)| part == 0.0) {
            return Err(FieldError::new("fills", "at least one part above 0", "all 0"));
        }
        Ok(())
    }

    fn probabilities(&self) -> [(&'static str, f64); 19] {
        [
            ("blank", self.blank),
            ("whole", self.whole),
            ("tight", self.tight),
            ("cut", self.cut),
            ("mirror", self.mirror),
            ("wide_tilt", self.wide_tilt),
            ("turned", self.turned),
            ("collimator", self.collimator),
            ("letters", self.letters),
            ("ruler", self.ruler),
            ("lines", self.lines),
            ("implants", self.implants),
            ("screen", self.screen),
            ("gamma", self.gamma),
            ("squeeze", self.squeeze),
            ("illumination", self.illumination),
            ("noise", self.noise),
            ("blur", self.blur),
            ("negative", self.negative),
        ]
    }
}

impl Fills {
    pub(super) fn named(&self) -> [(&'static str, f64); 7] {
        [
            ("fills.black", self.black),
            ("fills.mirrored", self.mirrored),
            ("fills.edge", self.edge),
            ("fills.white", self.white),
            ("fills.grey", self.grey),
            ("fills.noise", self.noise),
            ("fills.other", self.other),
        ]
    }
}
