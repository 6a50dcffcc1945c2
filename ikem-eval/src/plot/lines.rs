use std::path::{Path, PathBuf};

use plotters::prelude::*;

use super::canvas::{self, Area, Captions, Drawn, Line, Plot, chart, colour, legend};
use crate::error::Error;

/// A chart of given lines, such as the learning curves of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct LineChart {
    /// The name of its files.
    pub name: &'static str,
    /// The title.
    pub title: &'static str,
    /// The label of the x axis.
    pub x: &'static str,
    /// The label of the y axis.
    pub y: &'static str,
    /// The lines; points that are not finite are left out.
    pub lines: Vec<NamedLine>,
}

/// A line and its name in the legend.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedLine {
    /// The name.
    pub name: String,
    /// The points (x, y).
    pub points: Vec<(f64, f64)>,
}

impl LineChart {
    /// Draws the chart into an existing folder as `NAME.svg` and `NAME.png`, and returns the files.
    ///
    /// # Errors
    /// [`Error::Drawing`] or [`Error::Io`].
    pub fn draw(&self, folder: &Path) -> Result<Vec<PathBuf>, Error> {
        canvas::save(self, folder)
    }

    /// The range of a coordinate, never empty.
    fn range(&self, coordinate: fn(&(f64, f64)) -> f64) -> [f64; 2] {
        let values = || self.lines.iter().flat_map(NamedLine::finite).map(|point| coordinate(&point));
        let [low, high] =
            [values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max)];
        match low < high {
            true => [low, high],
            false if low.is_finite() => [low, low + 1.0],
            false => [0.0, 1.0],
        }
    }
}

impl NamedLine {
    fn finite(&self) -> impl Iterator<Item = (f64, f64)> {
        self.points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite())
    }
}

impl Plot for LineChart {
    fn name(&self) -> &'static str {
        self.name
    }

    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        let [left, right] = self.range(|point| point.0);
        let [low, high] = self.range(|point| point.1);
        // The axis starts at zero for positive values, so that heights are proportional to values.
        let low = if low > 0.0 { 0.0 } else { 1.05 * low };
        let captions = Captions { title: self.title, x: self.x, y: self.y };
        let mut chart = chart(area, &captions, left..right, low..1.05 * high.max(low + f64::EPSILON))?;
        for (place, line) in self.lines.iter().enumerate() {
            let (name, points) = (line.name.clone(), line.finite().collect());
            Line { name, colour: colour(place), points, intervals: &[], marker: 0 }.draw(&mut chart)?;
        }
        legend(&mut chart, SeriesLabelPosition::UpperRight)
    }
}
