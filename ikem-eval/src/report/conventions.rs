use std::collections::BTreeMap;

use ikem_core::Skeleton;

use super::Settings;
use crate::protocol::Protocol;
use crate::rule::Rule;

/// The conventions that do not depend on the settings.
const FIXED: &[(&str, &str)] = &[
    (
        "mre",
        "mean over images of the mean over keypoints of the Euclidean distance to the label, in pixels of the \
             original image; a corrected keypoint counts where it was put, exactly right if the click is exact",
    ),
    (
        "manual",
        "manual revision: as many clicks, each correcting the then worst point (model space) of the first \
             prediction; nothing else moves",
    ),
    ("gain", "mre of manual revision less mre of model revision, paired by image"),
    (
        "pass",
        "an image passes at the first number of clicks after which its mre is at most the target; a pass once \
             reached stays a pass",
    ),
    ("fr", "part of the images that never pass, 0 to 1"),
    ("noc", "mean number of clicks to the pass, a failure counted as all the clicks there are"),
    ("noc_successes", "mean number of clicks to the pass over the images that pass; failures are left out"),
    ("mre_uncorrected", "mre of the keypoints not yet corrected"),
    ("mre_model_pixels", "mre after labels and prediction are plainly rescaled to the network's grid"),
    (
        "mre_millimetres",
        "mre in millimetres over the images whose pixel spacing is known; where a case's spacing says `detector` or \
             `film`, they are millimetres there, and the patient's are smaller",
    ),
    (
        "cobb",
        "angles are measured in square pixels where an image's pixel spacing is known, and otherwise in its pixels",
    ),
    ("sdr", "part of all keypoints with an error of at most the threshold, in pixels of the original image"),
    ("percentiles", "errors of all keypoints of all images at 0, 1, ... 100 percent of them"),
    (
        "smape",
        "mean over images of 100 * sum |a - b| / sum (a + b), both sums over the image's three challenge angles",
    ),
    (
        "suspects",
        "a keypoint is wrong if it is off by more than a fortieth of the image's height; `found` is the part of the wrong \
             keypoints that the network calls doubtful, `false_alarms` that of the others; corrected ones do not count",
    ),
    ("cobb.mae", "mean absolute error of each angle, in degrees"),
    ("cobb.circular_mae", "atan2 of the mean sine and the mean cosine of the absolute errors, in degrees"),
    (
        "cobb.matlab",
        "the AASCE 2019 challenge's MATLAB script: vectors between the middles of the sides, cosines rounded to 8 \
             digits, S test on the end-plate midpoints, height test on the rows of the lower end plates; the first \
             angle is the largest of all",
    ),
    (
        "cobb.python_port",
        "the widespread Python port: cosines clipped to 0 to 1, height test on the rows of the upper end plates, S \
             test with a tolerance of 1e-4",
    ),
    (
        "cobb.clinical",
        "upper end plate of the upper to lower end plate of the lower end vertebra; severity from 10, 20 and 40 \
             degrees; side of the image; region by the apex",
    ),
];

/// What the names of the definitions begin with that are of a spine alone.
const SPINAL: [&str; 3] = ["cobb", "smape", "mre_shifted"];

/// The definition of every figure of a report on `skeleton`, by name.
pub(super) fn conventions(
    protocol: &Protocol,
    settings: &Settings,
    skeleton: &Skeleton,
) -> BTreeMap<String, String> {
    let rule = match protocol.rule {
        Rule::Worst => {
            "each click corrects the largest error of the raw output in model space; a corrected point can come again"
        }
        Rule::WorstNew => {
            "each click corrects the largest error in model space among the points not yet corrected"
        }
        Rule::Random => "each click corrects a random point not yet corrected",
        Rule::FirstWrong(_) => {
            "each click corrects the first point in skeleton order not yet corrected whose error in model space is over \
             the threshold"
        }
    };
    let Protocol { clicks, click_std, seed, .. } = protocol;
    let bootstrap = &settings.bootstrap;
    let made = [
        ("rule", format!("{}: {rule}", protocol.rule)),
        (
            "clicks",
            format!(
                "{clicks} at the most, Gaussian error of std {click_std} px of the original image on each axis, seed {seed}"
            ),
        ),
        (
            "mre_shifted",
            format!(
                "mre of the vertebrae that have a counterpart after the best shift of whole vertebrae by at most {}",
                settings.shift_limit
            ),
        ),
        (
            "interval",
            format!(
                "percentile bootstrap over images: level {}, {} resamples, seed {}",
                bootstrap.level, bootstrap.resamples, bootstrap.seed
            ),
        ),
    ];
    let fixed = FIXED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let all = fixed.chain(made.into_iter().map(|(name, text)| (name.to_owned(), text)));
    let applies = |name: &str| skeleton.is_spine() || !SPINAL.iter().any(|spinal| name.starts_with(spinal));
    all.filter(|(name, _)| applies(name)).collect()
}
