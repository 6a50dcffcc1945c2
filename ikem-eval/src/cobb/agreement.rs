use serde::{Deserialize, Serialize};

/// The challenge's symmetric mean absolute percentage error, in percent: the three angles are summed within each image,
/// then images are averaged. Pairs are (prediction, label) in degrees; an image whose angles are all 0 counts as 0. NaN
/// without images.
///
/// ```
/// let pairs = [([30.0, 10.0, 0.0], [20.0, 10.0, 10.0]), ([5.0, 5.0, 0.0], [5.0, 5.0, 0.0])];
/// assert_eq!(ikem_eval::smape(&pairs), 12.5); // 20 of 80 °, and nothing
/// ```
#[must_use]
pub fn smape(pairs: &[([f64; 3], [f64; 3])]) -> f64 {
    let image = |(found, label): &([f64; 3], [f64; 3])| {
        let off: f64 = found.iter().zip(label).map(|(a, b)| (a - b).abs()).sum();
        let sum: f64 = found.iter().chain(label).sum();
        if sum > 0.0 { off / sum } else { 0.0 }
    };
    100.0 * pairs.iter().map(image).sum::<f64>() / pairs.len() as f64
}

/// The agreement of measured angles with those of the labels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AngleAgreement {
    /// Mean absolute error in degrees.
    pub mae: f64,
    /// Circular mean of the absolute errors in degrees, `atan2(mean sin, mean cos)`, known in the literature as CMAE.
    /// The errors themselves do not wrap, because a Cobb angle lies between 0° and 180°.
    pub circular_mae: f64,
    /// Bias and limits of agreement.
    pub bland_altman: BlandAltman,
}

impl AngleAgreement {
    /// Compares pairs of (prediction, label) in degrees; `None` without pairs.
    #[must_use]
    pub fn new(pairs: &[(f64, f64)]) -> Option<Self> {
        let bland_altman = BlandAltman::new(pairs)?;
        let offs = || pairs.iter().map(|(a, b)| (a - b).abs());
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / pairs.len() as f64;
        let sine = mean(&mut offs().map(|off| libm::sin(off.to_radians())));
        let cosine = mean(&mut offs().map(|off| libm::cos(off.to_radians())));
        Some(Self {
            mae: mean(&mut offs()),
            circular_mae: libm::atan2(sine, cosine).to_degrees(),
            bland_altman,
        })
    }
}

/// Agreement of two methods of measurement (Bland and Altman 1986), from the differences of prediction and label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BlandAltman {
    /// Mean difference.
    pub bias: f64,
    /// Standard deviation of the differences (n - 1); 0 for a single pair.
    pub std: f64,
    /// Limits of agreement: bias ± 1.96 std.
    pub limits: [f64; 2],
}

impl BlandAltman {
    /// Compares pairs of (prediction, label); `None` without pairs.
    #[must_use]
    pub fn new(pairs: &[(f64, f64)]) -> Option<Self> {
        if pairs.is_empty() {
            return None;
        }
        let count = pairs.len() as f64;
        let differences = || pairs.iter().map(|(a, b)| a - b);
        let bias = differences().sum::<f64>() / count;
        let squares: f64 = differences().map(|difference| (difference - bias).powi(2)).sum();
        let std = (squares / (count - 1.0).max(1.0)).sqrt();
        Some(Self { bias, std, limits: [bias - 1.96 * std, bias + 1.96 * std] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smape_sums_the_angles_of_an_image_first() {
        // Dividing each angle separately would give (1/3 + 1/3)/3.
        let pairs = [([20.0, 0.0, 10.0], [10.0, 0.0, 20.0])];
        assert!((smape(&pairs) - 100.0 * 20.0 / 60.0).abs() < 1e-12);
        assert_eq!(smape(&[([0.0; 3], [0.0; 3])]), 0.0);
        assert!(smape(&[]).is_nan());
    }

    #[test]
    fn agreement_by_hand() {
        let agreement = AngleAgreement::new(&[(12.0, 10.0), (17.0, 20.0), (31.0, 30.0)]).expect("pairs");
        assert_eq!(agreement.mae, 2.0);
        // Differences 2, -3, 1: mean 0, squares 14, 14 / 2 = 7.
        let BlandAltman { bias, std, limits } = agreement.bland_altman;
        assert_eq!((bias, std), (0.0, 7_f64.sqrt()));
        assert_eq!(limits, [-1.96 * 7_f64.sqrt(), 1.96 * 7_f64.sqrt()]);
        assert!(AngleAgreement::new(&[]).is_none());
    }

    /// The example of Bland and Altman (1986): peak flow in l/min by two meters, 17 subjects, first measurements. They give a mean
    /// difference of -2.1 and a standard deviation of 38.8.
    #[test]
    fn the_published_example_of_limits_of_agreement() {
        let large = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427];
        let mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451];
        let pairs: Vec<(f64, f64)> =
            large.iter().zip(&mini).map(|(a, b)| (f64::from(*a), f64::from(*b))).collect();
        let BlandAltman { bias, std, limits: [low, high] } = BlandAltman::new(&pairs).expect("pairs");
        assert_eq!([bias, std].map(|value| format!("{value:.1}")), ["-2.1", "38.8"]);
        assert_eq!([low, high].map(|value| format!("{value:.0}")), ["-78", "74"]);
    }

    #[test]
    fn the_circular_mean_of_errors() {
        // The circular mean of 90° and 0° is 45°; with three angles of 0°, it is atan(1/3).
        let two = AngleAgreement::new(&[(90.0, 0.0), (5.0, 5.0)]).expect("pairs");
        assert!((two.circular_mae - 45.0).abs() < 1e-9);
        let four = AngleAgreement::new(&[(90.0, 0.0), (5.0, 5.0), (6.0, 6.0), (7.0, 7.0)]).expect("pairs");
        assert!((four.circular_mae - (1.0_f64 / 3.0).atan().to_degrees()).abs() < 1e-9);
        assert_eq!(four.mae, 22.5);
    }
}
