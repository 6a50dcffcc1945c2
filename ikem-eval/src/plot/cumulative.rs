use plotters::prelude::*;

use super::canvas::{Area, Captions, Drawn, Line, Plot, chart, colour, legend};
use crate::report::Series;

/// The fraction of keypoints within an error, after 0, 1, 2, 5 and all clicks.
pub(super) struct CumulativeError<'a>(pub &'a Series);

impl Plot for CumulativeError<'_> {
    fn name(&self) -> &'static str {
        "cumulative-error"
    }

    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        let percentiles = &self.0.percentiles;
        // The worst 5 % would compress the rest.
        let widest = percentiles.iter().filter_map(|errors| errors.get(95).copied()).fold(0.0, f64::max);
        let reach = if widest > 0.0 && widest.is_finite() { widest } else { 1.0 };
        let captions = Captions {
            title: "Cumulative error",
            x: "radial error (px of the image)",
            y: "keypoints within it (%)",
        };
        let mut chart = chart(area, &captions, 0.0..reach, 0.0..100.0)?;
        let chosen = percentiles
            .iter()
            .enumerate()
            .filter(|(click, _)| [0, 1, 2, 5].contains(click) || click + 1 == percentiles.len());
        for (place, (click, errors)) in chosen.enumerate() {
            let name = format!("{click} {}", if click == 1 { "click" } else { "clicks" });
            let points = within(errors, reach);
            Line { name, colour: colour(place), points, intervals: &[], marker: 0 }.draw(&mut chart)?;
        }
        legend(&mut chart, SeriesLabelPosition::LowerRight)
    }
}

/// The curve through the percentiles, up to the end of the axis.
fn within(errors: &[f64], reach: f64) -> Vec<(f64, f64)> {
    let points = || errors.iter().enumerate().map(|(percent, error)| (*error, percent as f64));
    let mut inside: Vec<_> = points().take_while(|(error, _)| *error <= reach).collect();
    if let (Some(&(x, y)), Some((beyond, percent))) = (inside.last(), points().nth(inside.len())) {
        inside.push((reach, y + (percent - y) * (reach - x) / (beyond - x)));
    }
    inside
}
