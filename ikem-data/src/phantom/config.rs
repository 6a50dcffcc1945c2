use ikem_core::FieldError;
use serde::{Deserialize, Serialize};

/// The shape of the spine in the coronal plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SpineShape {
    /// A single curve.
    C,
    /// A thoracic and a lumbar curve to opposite sides.
    S,
    /// Drawn at random with equal probability.
    #[default]
    Any,
}

/// The appearance of phantoms. A pair is a range `[lowest, highest]` from which each phantom draws a uniform value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhantomConfig {
    /// Image height in pixels, 256 to 4096.
    pub height: [usize; 2],
    /// Ratio of height to width, 1.2 to 5.
    pub aspect: [f64; 2],
    /// The shape of the spine.
    pub shape: SpineShape,
    /// Cobb angle of the larger curve in degrees, 0 to 60.
    pub cobb: [f64; 2],
    /// Thoracic kyphosis in degrees, 0 to 70. Foreshortens the vertebrae and makes their endplates appear as ellipses.
    pub kyphosis: [f64; 2],
    /// Lumbar lordosis in degrees, 0 to 70.
    pub lordosis: [f64; 2],
    /// Axial rotation at the apex of a curve, in degrees per degree of Cobb angle, 0 to 0.8.
    pub rotation: [f64; 2],
    /// Breadth of the body relative to average, 0.7 to 1.4.
    pub habitus: [f64; 2],
    /// Overall brightness, 0.5 to 2.
    pub exposure: [f64; 2],
    /// The level, relative to the grey scale, below which tissue is black, 0 to 0.4. High values remove detail in the
    /// lungs.
    pub black_level: [f64; 2],
    /// Standard deviation of the blur in pixels of an image 2300 pixels high, 0 to 4.
    pub blur: [f64; 2],
    /// Standard deviation of the noise at middle grey, relative to 0…1, 0 to 0.1.
    pub noise: [f64; 2],
    /// Probability of visible collimator edges, 0 to 1.
    pub collimator: f64,
    /// Probability of a side marker, 0 to 1.
    pub marker: f64,
}

impl Default for PhantomConfig {
    fn default() -> Self {
        Self {
            height: [1850, 2650],
            aspect: [2.2, 3.25],
            shape: SpineShape::Any,
            cobb: [5.0, 50.0],
            kyphosis: [20.0, 40.0],
            lordosis: [20.0, 50.0],
            rotation: [0.2, 0.45],
            habitus: [0.88, 1.15],
            exposure: [0.85, 1.4],
            black_level: [0.0, 0.25],
            blur: [0.6, 1.5],
            noise: [0.004, 0.018],
            collimator: 0.25,
            marker: 0.3,
        }
    }
}

impl PhantomConfig {
    /// Checks every field's range.
    ///
    /// # Errors
    /// The first field that is out of range.
    pub fn check(&self) -> Result<(), FieldError> {
        FieldError::check_interval("height", self.height, 256..=4096)?;
        let ranges = [
            ("aspect", self.aspect, 1.2, 5.0),
            ("cobb", self.cobb, 0.0, 60.0),
            ("kyphosis", self.kyphosis, 0.0, 70.0),
            ("lordosis", self.lordosis, 0.0, 70.0),
            ("rotation", self.rotation, 0.0, 0.8),
            ("habitus", self.habitus, 0.7, 1.4),
            ("exposure", self.exposure, 0.5, 2.0),
            ("black_level", self.black_level, 0.0, 0.4),
            ("blur", self.blur, 0.0, 4.0),
            ("noise", self.noise, 0.0, 0.1),
        ];
        for (name, interval, least, most) in ranges {
            FieldError::check_interval(name, interval, least..=most)?;
        }
        FieldError::check_range("collimator", self.collimator, 0.0..=1.0)?;
        FieldError::check_range("marker", self.marker, 0.0..=1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_out_of_range_is_named() {
        type Spoil = fn(&mut PhantomConfig);
        let cases: [(&str, Spoil); 15] = [
            ("height", |c| c.height = [255, 300]),
            ("height", |c| c.height = [300, 4097]),
            ("height", |c| c.height = [500, 400]),
            ("aspect", |c| c.aspect = [1.0, 2.0]),
            ("cobb", |c| c.cobb = [10.0, 61.0]),
            ("kyphosis", |c| c.kyphosis = [-1.0, 10.0]),
            ("lordosis", |c| c.lordosis = [10.0, f64::NAN]),
            ("rotation", |c| c.rotation = [0.0, 0.9]),
            ("habitus", |c| c.habitus = [1.2, 1.0]),
            ("exposure", |c| c.exposure = [f64::NEG_INFINITY, 1.0]),
            ("black_level", |c| c.black_level = [0.0, 0.5]),
            ("blur", |c| c.blur = [0.0, 4.5]),
            ("noise", |c| c.noise = [0.0, 0.2]),
            ("collimator", |c| c.collimator = 1.5),
            ("marker", |c| c.marker = f64::NAN),
        ];
        assert_eq!(PhantomConfig::default().check(), Ok(()));
        for (name, spoil) in cases {
            let mut config = PhantomConfig::default();
            spoil(&mut config);
            let error = config.check().expect_err(name);
            assert_eq!(error.field, name);
            let (start, end) = (format!("`{name}`: expected "), format!(", found {}", error.found));
            assert!(error.to_string().starts_with(&start) && error.to_string().ends_with(&end), "{error}");
        }
    }

    #[test]
    fn json_may_omit_defaults() {
        let config: PhantomConfig =
            serde_json::from_str(r#"{"shape": "s", "cobb": [30, 40]}"#).expect("valid");
        assert_eq!(config, PhantomConfig { shape: SpineShape::S, cobb: [30.0, 40.0], ..Default::default() });
        assert!(serde_json::from_str::<PhantomConfig>(r#"{"cob": [30, 40]}"#).is_err());
    }
}
