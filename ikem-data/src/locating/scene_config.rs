use std::ops::Bound;

use ikem_core::FieldError;
use serde::{Deserialize, Serialize};

/// What is random about a scene: how often each thing happens, 0 to 1, and how far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SceneConfig {
    /// How often a scene has no vertebral column at all.
    pub blank: f64,
    /// How often the view is the whole film; otherwise it is a rectangle around the spine.
    pub whole: f64,
    /// How often such a rectangle ends close above and below the spine.
    pub tight: f64,
    /// How often 5 to 35 % of the spine are cut off, at the top or at the bottom.
    pub cut: f64,
    /// How often the scene is mirrored left to right.
    pub mirror: f64,
    /// The standard deviation of the film's tilt in degrees, 0 to 45.
    pub tilt: f64,
    /// How often the tilt is instead anything up to `widest_tilt`, either way.
    pub wide_tilt: f64,
    /// In degrees, 0 to 45.
    pub widest_tilt: f64,
    /// How often the film is turned by one, two or three quarters.
    pub turned: f64,
    /// What the view shows beyond the film's edges.
    pub fills: Fills,
    /// How often the collimator's edges are on the scene.
    pub collimator: f64,
    /// How often there are letters and lines of text.
    pub letters: f64,
    /// How often a ruler runs down a side.
    pub ruler: f64,
    /// How often thin lines are drawn on the film.
    pub lines: f64,
    /// How often there are small bright things: rods, screws, squares.
    pub implants: f64,
    /// How often the film is photographed from a screen or a light box.
    pub screen: f64,
    /// How often grey values are taken to a power.
    pub gamma: f64,
    /// The least and the largest power, above 0 and up to 10; its logarithm is uniform.
    pub powers: [f64; 2],
    /// How often grey values are squeezed into a part of their range, a fifth of it at the least.
    pub squeeze: f64,
    /// How often one side, or the border, is darker than the rest.
    pub illumination: f64,
    /// How often there is noise.
    pub noise: f64,
    /// The largest standard deviation of the noise, of grey values of 0 to 1.
    pub deviation: f64,
    /// How often the scene is blurred, by a box of three pixels, one to three times.
    pub blur: f64,
    /// How often the scene is a negative.
    pub negative: f64,
}

/// How often each kind of content fills a view beyond the film's edges, in any unit: parts of their sum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fills {
    /// Black.
    pub black: f64,
    /// The film mirrored at its edges; mirrored vertebrae are none. The view ends at its left and right before it shows
    /// the spine again, which nobody could tell from the film's own.
    pub mirrored: f64,
    /// The film's outermost pixels.
    pub edge: f64,
    /// White.
    pub white: f64,
    /// A flat grey.
    pub grey: f64,
    /// Noise.
    pub noise: f64,
    /// A part of another film, away from its spine.
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
    /// Films as they are: whole, upright, unchanged.
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
