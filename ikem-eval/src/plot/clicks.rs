use plotters::prelude::*;

use super::canvas::{Area, Captions, Drawn, Line, Plot, chart, colour, legend, top};
use crate::bootstrap::Interval;
use crate::report::{Report, Series};

/// MRE by number of clicks for model and manual revision, one colour per line.
pub(super) struct MreByClick<'a>(pub &'a [Report]);

/// The difference of the MRE of manual and model revision, by number of clicks.
pub(super) struct Gain<'a>(pub &'a [Report]);

/// The name of a line, with the report's name only if there are several.
fn name(reports: &[Report], report: &Report, what: &str) -> String {
    if reports.len() == 1 { what.to_owned() } else { format!("{}, {what}", report.provenance.title()) }
}

fn by_click<'a>(name: String, place: usize, values: &[f64], intervals: &'a [Option<Interval>]) -> Line<'a> {
    let points = values.iter().enumerate().map(|(click, value)| (click as f64, *value)).collect();
    Line { name, colour: colour(place), points, intervals, marker: 3 }
}

/// The most clicks of any report, at least 1.
fn last_click(reports: &[Report]) -> f64 {
    reports.iter().map(|report| report.protocol.clicks).max().unwrap_or(0).max(1) as f64
}

impl Plot for MreByClick<'_> {
    fn name(&self) -> &'static str {
        "mre"
    }

    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        let series = || self.0.iter().flat_map(|report| [&report.figures.model, &report.figures.manual]);
        let values = series().flat_map(|series: &Series| series.mre.iter().copied());
        let high = top(values, series().flat_map(|series| &series.mre_interval));
        let captions = Captions {
            title: "Error by number of corrections",
            x: "corrected keypoints (clicks)",
            y: "mean radial error (px of the image)",
        };
        let mut chart = chart(area, &captions, 0.0..last_click(self.0), 0.0..1.05 * high)?;
        for (place, series) in series().enumerate() {
            let report = &self.0[place / 2];
            let name =
                name(self.0, report, if place % 2 == 0 { "model revision" } else { "manual revision" });
            by_click(name, place, &series.mre, &series.mre_interval).draw(&mut chart)?;
        }
        legend(&mut chart, SeriesLabelPosition::UpperRight)
    }
}

impl Plot for Gain<'_> {
    fn name(&self) -> &'static str {
        "gain"
    }

    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        let figures = || self.0.iter().map(|report| &report.figures);
        let gains = || figures().flat_map(|figures| figures.gain.iter().copied());
        let high = top(gains(), figures().flat_map(|figures| &figures.gain_interval));
        let ends = figures().flat_map(|figures| &figures.gain_interval).flatten().map(|interval| interval[0]);
        let low = gains().chain(ends).filter(|value| value.is_finite()).fold(0.0, f64::min);
        let captions = Captions {
            title: "What the network saves",
            x: "corrected keypoints (clicks)",
            y: "manual less model revision (px)",
        };
        let mut chart = chart(area, &captions, 0.0..last_click(self.0), 1.05 * low..1.05 * high)?;
        for (place, report) in self.0.iter().enumerate() {
            let figures = &report.figures;
            by_click(name(self.0, report, "gain"), 2 * place, &figures.gain, &figures.gain_interval)
                .draw(&mut chart)?;
        }
        legend(&mut chart, SeriesLabelPosition::LowerRight)
    }
}
